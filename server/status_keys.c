/* server/status_keys.c -- certnsctl keys: what each key may do, by its name and by the rules of certns.yaml. */
#include "server/keeper_internal.h"

#define RULES_SHOWN 20

struct rules {
	json_t *list;
	size_t left_out;
};

static void
add_rule(struct rules *r, const char *what, const char *where)
{
	if (json_array_size(r->list) < RULES_SHOWN)
		json_array_append_new(r->list, json_sprintf("%s %s", what, where));
	else
		r->left_out++;
}

static void
add_rules(struct rules *r, const struct config_zone *z, const char *where, const uint8_t *key)
{
	bool transfer = false, update = false;

	for (size_t k = 0; k < z->nallow_transfer && !transfer; k++)
		transfer = !z->allow_transfer[k].any_key && dname_equal(z->allow_transfer[k].key.octets, key);
	for (size_t k = 0; k < z->update_policy.n && z->nprimaries == 0 && !update; k++)
		update = z->update_policy.rules[k].grant && tsig_rule_is_for(&z->update_policy.rules[k], key);
	if (transfer)
		add_rule(r, "transfer", where);
	if (update)
		add_rule(r, "update", where);
}

/* Zones whose settings name the key.  A rule that grants is enough: what exactly stands in the configuration. */
static json_t *
rules_for(const struct config *c, const uint8_t *key)
{
	struct rules r = { .list = json_array() };
	char name[DNAME_TEXT_MAX];

	add_rules(&r, &c->defaults, "(zone-defaults)", key);
	for (size_t i = 0; i < c->nzones; i++)
		add_rules(&r, &c->zones[i], dname_print_host(c->zones[i].name.octets, name), key);
	if (r.left_out > 0)
		json_array_append_new(r.list, json_sprintf("and %zu more", r.left_out));
	return r.list;
}

json_t *
status_keys(const struct keeper *k)
{
	static const char *const rights[] = { "none", "notify", "transfer", "update" }, *const roles[] = { NULL, "csr",
	    "acme" };
	json_t *rows = json_array();

	for (size_t i = 0; i < tsig_keyring_count(k->view->ring); i++) {
		const struct tsig_key *key = tsig_keyring_at(k->view->ring, i);
		char name[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name",
		    dname_print_host(key->name.octets, name), "algorithm", tsig_algorithm_str(key->algorithm),
		    "right", key->role != TSIG_ROLE_NONE ? roles[key->role] : rights[key->right],
		    "zone", key->right == TSIG_RIGHT_NONE && key->role == TSIG_ROLE_NONE ? "" :
		    dname_print_host(key->zone.octets, zone), "rules",
		    rules_for(k->view->config, key->name.octets)));
	}
	return rows;
}

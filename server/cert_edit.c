/* server/cert_edit.c -- the ACME engine's outside: the zones that it looks into and changes. */
#include "server/keeper_internal.h"

#include "base/clock.h"
#include "wire/rrtype.h"

static enum err
fill_changes(const struct acme_edit *edit, struct changeset *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < edit->nremove; i++)
		err = changeset_remove_rr(out, &edit->remove[i]);
	for (size_t i = 0; err == ERR_OK && i < edit->nadd; i++) {
		struct change c = { .rr = edit->add[i], .add = true,
		    .class = edit->passing ? CHANGE_PASSING : CHANGE_LASTING, .until_s = edit->passing ?
		    edit->until_s : 0 };

		err = changeset_add(out, &c);
	}
	return err;
}

void
cert_edit(void *ctx, const struct acme_edit *edit, void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find(&k->zones, edit->zone);
	struct changeset changes = { 0 };
	struct fault f = { 0 };
	const char *why = "the zone is not served here";
	enum err err;

	if (z == NULL || (z->secondary == NULL && !zone_may_change(z, &why))) {
		done(arg, ERR_REFUSED, why);
		return;
	}
	err = fill_changes(edit, &changes);
	if (err == ERR_OK && z->secondary != NULL) {
		remote_edit(k, z, &changes, done, arg);
		changeset_clear(&changes);
		return;
	}
	if (err == ERR_OK)
		err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &changes,
		    .origin = ORIGIN_ACME, .by = edit->why, .now_s = clock_now_s() }, NULL, &f);
	changeset_clear(&changes);
	/* The sync is shared with whatever else this round of the loop brings. */
	if (err == ERR_OK && (err = keeper_wait(k, done, arg)) == ERR_OK)
		keeper_flush_soon(k);
	else
		done(arg, err, fault_str(&f, err));
}

enum err
cert_lookup(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);
	const struct zone_node *node;
	struct zone_rrset set;
	struct rr rr = { .owner = name, .type = type };
	enum err err = ERR_OK;

	if (z == NULL || zone_newest(z) == NULL)
		return ERR_NOT_FOUND;
	node = zone_version_find(zone_newest(z), name);
	if (node == NULL || !zone_node_rrset(node, type, &set))
		return ERR_OK;
	rr.ttl = set.ttl;
	for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(&set, &at, &rr.rdata, &rr.rdlen); )
		err = rr_list_add(out, &rr);
	return err;
}

/* Why the engine may not change a zone, in words; NULL: it may. */
static const char *
why_not_edited(const struct keeper *k, const struct zone *z)
{
	const char *why;

	if (!config_zone_for(k->view->config, z->apex.octets)->acme)
		return "the configuration says acme: no for it";
	if (z->secondary == NULL)
		return zone_may_change(z, &why) ? NULL : why;
	return remote_edit_key(k, z) != NULL ? NULL : "it comes by transfer, and no key here may update it at its "
	    "primary";
}

bool
cert_zone_of(void *ctx, const uint8_t *name, struct dname *apex, bool *editable)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);

	if (z == NULL || zone_newest(z) == NULL)
		return false;
	dname_copy(apex, z->apex.octets);
	*editable = why_not_edited(k, z) == NULL;
	return true;
}

/* The one record of an alias.  False: its target would be longer than a name can be (RFC 6672, section 2.2). */
static bool
alias_target(const struct zone_node *node, uint16_t type, const uint8_t *name, struct dname *out)
{
	const uint8_t *at = NULL, *rdata;
	struct zone_rrset set;
	uint16_t n;

	if (!zone_node_rrset(node, type, &set) || !zone_rrset_next(&set, &at, &rdata, &n))
		return false;
	if (type == TYPE_DNAME)
		return dname_join(out, name, dname_labels(name) - dname_labels(zone_node_owner(node)), rdata);
	dname_copy(out, rdata);
	return true;
}

/* As a question for it would be answered (RFC 1034, section 4.3.2, and RFC 6672, section 3.2). */
void
cert_place(void *ctx, const uint8_t *name, struct acme_place *out)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);
	const struct zone_node *alias;
	struct zone_lookup l;

	*out = (struct acme_place){ .kind = ACME_PLACE_FOREIGN };
	if (z == NULL || zone_newest(z) == NULL)
		return;
	dname_copy(&out->zone, z->apex.octets);
	out->why_not = why_not_edited(k, z);
	zone_version_lookup(zone_newest(z), name, &l);
	if (l.dname != NULL && l.dname != l.cut) {
		out->kind = alias_target(l.dname, TYPE_DNAME, name, &out->name) ? ACME_PLACE_ALIAS : ACME_PLACE_NONE;
	} else if (l.cut != NULL) {
		out->kind = ACME_PLACE_CUT;
		dname_copy(&out->name, zone_node_owner(l.cut));
	} else {
		alias = l.node != NULL ? l.node : l.wildcard;
		out->kind = alias != NULL && (zone_node_flags(alias) & ZONE_NODE_CNAME) != 0 &&
		    alias_target(alias, TYPE_CNAME, name, &out->name) ? ACME_PLACE_ALIAS : ACME_PLACE_HERE;
		out->wildcard = l.node == NULL && l.wildcard != NULL;
	}
}

/* An UPDATE of any form against a zone that has something of everything: whatever it says, the changes can be made, and
 * they leave the zone its SOA, its NS, and no CNAME beside other data; and with a key of little rights they are what it
 * may do. */
#include <stdlib.h>
#include <string.h>

#include "server/config.h"
#include "server/update.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"
#include "zones/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone_store *store;
static struct config *names, *rules;	/* names of keys decide; an update-policy does */
static struct tsig_key *csr_key, *acme_key, *plain_key;

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static void
stop(void)
{
	zone_store_free(store);
	rcu_unregister_thread();
	config_free(names);
	config_free(rules);
	tsig_key_free(csr_key);
	tsig_key_free(acme_key);
	tsig_key_free(plain_key);
}

static struct config *
make_config(const char *text)
{
	struct config *c = NULL;
	struct fault f;

	must(config_parse("fuzz", text, strlen(text), &c, &f) == ERR_OK);
	return c;
}

static struct tsig_key *
make_key(const char *name)
{
	struct tsig_key *key = NULL;
	struct dname owner;

	must(dname_from_str(name, &owner) == ERR_OK &&
	    tsig_key_new(owner.octets, TSIG_HMAC_SHA256, (const uint8_t *)"x", 1, &key) == ERR_OK);
	return key;
}

static void
start(void)
{
	rcu_register_thread();
	names = make_config("acme: {labels: [_letsencrypt._tcp]}\n");
	rules = make_config("acme: {labels: [_letsencrypt._tcp]}\nzones:\n  - name: example.com\n    update-policy:\n"
	    "      - deny * name ns1.example.com ANY\n      - grant plain subdomain www.example.com A(2) TXT\n"
	    "      - grant plain csr example.com\n      - grant plain name alias.example.com\n");
	csr_key = make_key("x._csr.www.example.com");
	acme_key = make_key("x._acme.example.com");
	plain_key = make_key("plain");
	store = zone_from_text("example.com", "$TTL 300\n@ SOA ns1 admin 10 1 2 3 4\n@ NS ns1\n@ NS ns.example.net.\n@ "
	    "MX 10 www\nns1 A 192.0.2.1\nns.example.net. A 192.0.2.2\nwww A 192.0.2.80\nwww A 192.0.2.81\nwww TXT "
	    "\"one\"\nalias CNAME www\ntree DNAME example.org.\nsub NS ns.sub\nns.sub A 192.0.2.53\nwks WKS 192.0.2.1 "
	    "6 25\n_acme-challenge TXT \"x\"\n");
	atexit(stop);
}

static void
check_zone(const struct zone_version *v)
{
	const struct zone_node *apex = zone_version_apex(v), *node;
	struct zone_rrset set;
	struct zone_walk walk;

	must(apex != NULL && zone_node_rrset(apex, TYPE_SOA, &set) && set.count == 1 &&
	    zone_node_rrset(apex, TYPE_NS, &set));
	zone_walk_start(&walk, v);
	while ((node = zone_walk_next(&walk)) != NULL) {
		size_t others = 0;

		for (size_t i = 0; i < zone_node_count(node); i++) {
			zone_node_at(node, i, &set);
			others += set.type != TYPE_CNAME && !rrtype_is_dnssec_meta(set.type);
			must(!rrtype_is_meta(set.type));
		}
		must(!zone_node_rrset(node, TYPE_CNAME, &set) || (others == 0 && set.count == 1));
	}
}

static bool
zone_of(void *ctx, const uint8_t *name, struct dname *apex)
{
	(void)ctx;
	must(dname_from_str("example.com", apex) == ERR_OK);
	return dname_is_below(name, apex->octets);
}

/* By a key of little rights. */
static void
check_limited(const struct config *config, const struct tsig_key *key, const struct request *q, const uint8_t *data,
    size_t size)
{
	struct update_policy policy;
	struct changeset changes = { 0 };
	struct dname csr, www;
	char reason[400];

	must(dname_from_str("_letsencrypt._tcp.www.example.com", &csr) == ERR_OK && dname_from_str("ns1.example.com",
	    &www) == ERR_OK);
	update_policy_init(&policy, config, key, zone_version_apex_name(zone_store_newest(store)));
	policy.zone_of = zone_of;
	if (update_evaluate(zone_store_newest(store), q, data, size, &policy, 1700000000, &changes, reason,
	    sizeof reason) != RCODE_NOERROR)
		changeset_clear(&changes);
	for (size_t i = 0; i < changes.n; i++) {
		const struct rr *rr = &changes.v[i].rr;

		must(rr->type != TYPE_SOA && rr->type != TYPE_NS && !dname_equal(rr->owner, www.octets));
		must(key->role != TSIG_ROLE_ACME || tsig_acme_covers(key->zone.octets, rr->owner, rr->type));
		must(key->role != TSIG_ROLE_CSR || (rr->type == TYPE_TLSA && dname_equal(rr->owner, csr.octets)));
	}
	changeset_clear(&changes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct changeset changes = { 0 };
	struct zone_version *v;
	struct request q;
	char reason[256];

	if (store == NULL)
		start();
	if (size > MSG_MAX || request_parse(&q, data, size, true) != RCODE_NOERROR)
		return 0;
	if (update_evaluate(zone_store_newest(store), &q, data, size, NULL, 1700000000, &changes, reason,
	    sizeof reason) == RCODE_NOERROR) {
		must(zone_store_begin(store) == ERR_OK);
		for (size_t i = 0; i < changes.n; i++)
			must((changes.v[i].add ? zone_store_add(store, &changes.v[i].rr, NULL) :
			    zone_store_remove(store, &changes.v[i].rr, NULL)) == ERR_OK);
		must(zone_store_seal(store, &v) == ERR_OK);
		check_zone(v);
		zone_store_abort(store);
	}
	changeset_clear(&changes);
	check_limited(names, csr_key, &q, data, size);
	check_limited(names, acme_key, &q, data, size);
	check_limited(rules, plain_key, &q, data, size);
	return 0;
}

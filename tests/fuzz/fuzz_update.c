/* An UPDATE of any form against a zone that has something of everything: whatever it says, the changes can be made, and
 * they leave the zone its SOA, its NS, and no CNAME beside other data. */
#include <stdlib.h>

#include "server/update.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"
#include "zones/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct zone_store *store;

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
}

static void
start(void)
{
	rcu_register_thread();
	store = zone_from_text("example.com", "$TTL 300\n@ SOA ns1 admin 10 1 2 3 4\n@ NS ns1\n@ NS ns.example.net.\n@ MX 10 www\n"
	    "ns1 A 192.0.2.1\nns.example.net. A 192.0.2.2\nwww A 192.0.2.80\nwww A 192.0.2.81\nwww TXT \"one\"\n"
	    "alias CNAME www\ntree DNAME example.org.\nsub NS ns.sub\nns.sub A 192.0.2.53\nwks WKS 192.0.2.1 6 25\n"
	    "_acme-challenge TXT \"x\"\n");
	atexit(stop);
}

static void
check_zone(const struct zone_version *v)
{
	const struct zone_node *apex = zone_version_apex(v), *node;
	struct zone_rrset set;
	struct zone_walk walk;

	must(apex != NULL && zone_node_rrset(apex, TYPE_SOA, &set) && set.count == 1 && zone_node_rrset(apex, TYPE_NS, &set));
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
	if (update_evaluate(zone_store_newest(store), &q, data, size, NULL, 1700000000, &changes, reason, sizeof reason) ==
	    RCODE_NOERROR) {
		must(zone_store_begin(store) == ERR_OK);
		for (size_t i = 0; i < changes.n; i++)
			must((changes.v[i].add ? zone_store_add(store, &changes.v[i].rr, NULL) :
			    zone_store_remove(store, &changes.v[i].rr, NULL)) == ERR_OK);
		must(zone_store_seal(store, &v) == ERR_OK);
		check_zone(v);
		zone_store_abort(store);
	}
	changeset_clear(&changes);
	return 0;
}

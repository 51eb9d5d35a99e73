/* The hashes that nodes keep: whatever was edited, undone or filled in, and with whichever parameters, the NSEC3 of a node is
 * that of its name. */
#include "tests/unit/check.h"
#include "tests/unit/rcu_thread.h"
#include "tests/unit/zones/names.h"
#include "wire/rrtype.h"
#include "zones/nsec3.h"
#include "zones/rcu.h"
#include "zones/store.h"

#define APEX ((const uint8_t *)"\7example\3com")
#define NAMES 24
#define HELD 4

/* Rdata of NSEC3PARAM, and how that of NSEC3 begins; the fourth has too many iterations for hashes to be kept. */
static const struct { uint8_t octets[8]; uint16_t n; } params[] = {
	{ { 1, 0, 0, 0, 0 }, 5 }, { { 1, 0, 0, 0, 2, 0xaa, 0xbb }, 7 }, { { 1, 0, 0, 3, 1, 0xcc }, 6 }, { { 1, 0, 0, 40, 0 }, 5 },
};
#define PARAMS (sizeof params / sizeof params[0])

static struct dname names[NAMES];
static unsigned nkept;

static void
add_or_remove(struct zone_store *s, const struct rr *rr)
{
	bool changed;

	check((pick(3) > 0 ? zone_store_add : zone_store_remove)(s, rr, &changed) == ERR_OK, "an edit");
}

static struct rr
nsec3_rr(const uint8_t *name, size_t with, struct dname *owner, uint8_t rdata[64])
{
	struct nsec3_params p;
	uint8_t hash[NSEC3_HASH];
	size_t n = params[with].n;

	nsec3_params_read(params[with].octets, &p);
	nsec3_hash(&p, name, dname_len(name), hash);
	owner->octets[0] = NSEC3_LABEL;
	nsec3_label(hash, owner->octets + 1);
	memcpy(owner->octets + 1 + NSEC3_LABEL, APEX, dname_len(APEX));
	memcpy(rdata, params[with].octets, n);
	rdata[n] = NSEC3_HASH;
	memset(rdata + n + 1, 'x', NSEC3_HASH);
	memcpy(rdata + n + 1 + NSEC3_HASH, "\0\1\100", 3);
	return (struct rr){ owner->octets, rdata, 300, TYPE_NSEC3, (uint16_t)(n + 1 + NSEC3_HASH + 3) };
}

static void
edit(struct zone_store *s)
{
	const uint8_t *name = names[pick(NAMES)].octets;
	size_t with = pick(PARAMS);
	struct dname owner;
	uint8_t rdata[64];
	struct rr rr;

	switch (pick(8)) {
	case 0:
		rr = (struct rr){ APEX, params[with].octets, 300, TYPE_NSEC3PARAM, params[with].n };
		break;
	case 1: case 2: case 3:
		rr = (struct rr){ name, (const uint8_t *)"\300\0\2\1", 300, TYPE_A, 4 };
		break;
	default:
		rr = nsec3_rr(pick(8) == 0 ? APEX : name, with, &owner, rdata);
		break;
	}
	add_or_remove(s, &rr);
}

static void
check_version(const struct zone_version *v)
{
	const struct zone_node *node;
	struct zone_walk walk;

	if (v == NULL || zone_version_denial(v) != ZONE_DENIAL_NSEC3)
		return;
	zone_walk_start(&walk, v);
	while ((node = zone_walk_next(&walk)) != NULL) {
		bool match, match_of;
		struct zone_rrset set;

		if (zone_node_rrset(node, TYPE_NSEC3, &set))
			continue;
		check(zone_version_nsec3_of(v, node, &match_of) == zone_version_nsec3(v, zone_node_owner(node),
		    zone_node_owner_len(node), &match),
		    "the same record");
		check(match_of == match, "and it matches or does not");
		nkept++;
	}
}

static void
test_edits(void **state)
{
	struct zone_version *held[HELD] = { NULL }, *v;
	struct zone_store *s;

	(void)state;
	names_seed(5);
	for (unsigned i = 0; i < NAMES; i++)
		names[i] = random_name(APEX, 3);
	check(zone_store_new(APEX, &s) == ERR_OK, "a store");
	for (unsigned step = 0; step < 1500; step++) {
		check(zone_store_begin(s) == ERR_OK, "a transaction");
		for (unsigned k = pick(6); k > 0; k--)
			edit(s);
		if (pick(6) == 0) {
			zone_store_abort(s);
			continue;
		}
		check(zone_store_seal(s, &v) == ERR_OK, "sealed");
		check_version(v);
		if (pick(6) == 0) {
			zone_store_abort(s);
		} else {
			unsigned i = pick(HELD);

			zone_store_publish(s);
			zone_version_unref(held[i]);
			held[i] = zone_version_ref(v);
		}
		for (unsigned i = 0; i < HELD; i++)
			check_version(held[i]);
	}
	check(nkept > 1000, "%u nodes were looked at", nkept);
	for (unsigned i = 0; i < HELD; i++)
		zone_version_unref(held[i]);
	zone_store_free(s);
	rcu_drain();
}

static void
test_fill(void **state)
{
	struct rr_list list = { 0 };
	struct zone_version *v;
	struct zone_store *s;
	struct dname owner;
	uint8_t rdata[64];
	struct rr rr;

	(void)state;
	for (size_t with = 0; with < PARAMS; with++) {
		rr = (struct rr){ APEX, (const uint8_t *)"\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 300, TYPE_SOA, 22 };
		check(rr_list_add(&list, &rr) == ERR_OK, "SOA");
		rr = (struct rr){ APEX, params[with].octets, 300, TYPE_NSEC3PARAM, params[with].n };
		check(rr_list_add(&list, &rr) == ERR_OK, "NSEC3PARAM");
		for (unsigned i = 0; i < NAMES; i++) {
			rr = (struct rr){ names[i].octets, (const uint8_t *)"\300\0\2\1", 300, TYPE_A, 4 };
			check(rr_list_add(&list, &rr) == ERR_OK, "A");
			rr = nsec3_rr(names[i].octets, with, &owner, rdata);
			if (i % 3 > 0)
				check(rr_list_add(&list, &rr) == ERR_OK, "NSEC3");
		}
		rr_list_sort(&list);
		check(zone_store_new(APEX, &s) == ERR_OK && zone_store_begin(s) == ERR_OK, "a store");
		check(zone_store_fill(s, &list) == ERR_OK, "filled");
		rr_list_clear(&list);			/* the salt is not to be looked for there */
		check(zone_store_seal(s, &v) == ERR_OK && zone_version_denial(v) == ZONE_DENIAL_NSEC3, "a chain");
		check_version(v);
		zone_store_publish(s);
		for (unsigned k = 0; k < 20; k++) {
			check(zone_store_begin(s) == ERR_OK, "a transaction");
			edit(s);
			check(zone_store_seal(s, &v) == ERR_OK, "sealed");
			check_version(v);
			zone_store_publish(s);
		}
		zone_store_free(s);
	}
	rcu_drain();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_fill),
	};

	return cmocka_run_group_tests(tests, rcu_set_up, rcu_tear_down);
}

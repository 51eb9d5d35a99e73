/* The zone tree against the model: edits, versions held while others are made, undoing, and memory. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/huge.h"
#include "tests/unit/check.h"
#include "tests/unit/rcu_thread.h"
#include "tests/unit/zones/memory.h"
#include "tests/unit/zones/model.h"
#include "tests/unit/zones/names.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"
#include "zones/zone.h"

#ifdef __SANITIZE_THREAD__
#define ROUNDS 2			/* one thread alone: there is little to find, and that slowly */
#define STEPS 30
#define FILLS 4
#else
#define ROUNDS 8
#define STEPS 150
#define FILLS 60
#endif
#define HELD 6
#define STACKED 4

static struct zone_store *
new_store(void)
{
	struct zone_store *s;

	assert_int_equal(zone_store_new(MODEL_APEX, &s), ERR_OK);
	return s;
}

static void
all_gone(long live)
{
	rcu_drain();
	check(memory_live() == live, "%ld allocations are left", memory_live() - live);
}

struct history {
	struct zone_store *store;
	struct model stack[STACKED + 1];	/* 0: what is published; then what is sealed */
	unsigned depth;
	bool published;
	struct { struct zone_version *v; struct model m; } held[HELD];
};

static void
transaction(struct history *h)
{
	assert_int_equal(zone_store_begin(h->store), ERR_OK);
	h->stack[h->depth + 1] = h->stack[h->depth];
	model_edit(&h->stack[h->depth + 1], h->store, pick(12));
	if (pick(5) == 0) {
		zone_store_abort(h->store);
	} else {
		struct zone_version *v;

		assert_int_equal(zone_store_seal(h->store, &v), ERR_OK);
		assert_ptr_equal(v, zone_store_newest(h->store));
		h->depth++;
	}
}

static void
publish(struct history *h)
{
	zone_store_publish(h->store);
	assert_ptr_equal(zone_store_current(h->store), zone_store_newest(h->store));
	h->published |= h->depth > 0;
	h->stack[0] = h->stack[h->depth];
	h->depth = 0;
}

static void
hold_or_release(struct history *h)
{
	unsigned i = pick(HELD);

	if (h->held[i].v != NULL) {
		model_check(&h->held[i].m, h->held[i].v);
		zone_version_unref(h->held[i].v);
		h->held[i].v = NULL;
	} else if (zone_store_newest(h->store) != NULL) {
		h->held[i].v = zone_version_ref(zone_store_newest(h->store));
		h->held[i].m = h->stack[h->depth];
	}
}

static void
check_history(const struct history *h)
{
	if (h->published || h->depth > 0)
		model_check(&h->stack[h->depth], zone_store_newest(h->store));
	if (h->published)
		model_check(&h->stack[0], zone_store_current(h->store));
	else
		assert_null(zone_store_current(h->store));
	for (unsigned i = 0; i < HELD; i++)
		if (h->held[i].v != NULL)
			model_check(&h->held[i].m, h->held[i].v);
}

static void
test_against_model(void **state)
{
	static struct history h;
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		names_seed(500 + round);
		memset(&h, 0, sizeof h);
		h.store = new_store();
		for (unsigned step = 0; step < STEPS; step++) {
			unsigned what = pick(10);

			if (what < 5 && h.depth < STACKED)
				transaction(&h);
			else if (what < 7)
				publish(&h);
			else if (what == 7 && h.depth > 0) {
				zone_store_abort(h.store);
				h.depth--;
			} else if (what == 8)
				zone_store_reclaim(h.store);
			else
				hold_or_release(&h);
			rcu_quiescent_state();
			if (step % 4 == 0)
				check_history(&h);
		}
		if (round % 2 == 0)
			zone_store_begin(h.store);	/* left open */
		zone_store_free(h.store);
		for (unsigned i = 0; i < HELD; i++) {
			if (h.held[i].v != NULL) {
				model_check(&h.held[i].m, h.held[i].v);
				zone_version_unref(h.held[i].v);
			}
			if (i == HELD / 2)
				rcu_drain();
		}
		all_gone(live);
	}
}

static void
test_fill(void **state)
{
	static struct model m, later;
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < FILLS; round++) {
		struct zone_store *s = new_store();
		struct rr_list list = { 0 };

		names_seed(900 + round);
		m.n = 0;
		for (unsigned n = round == 0 ? 0 : pick(MODEL_MAX - 8); n > 0; n--) {
			struct model_rr rr = model_random_rr();
			struct rr view = model_view(&rr);

			assert_int_equal(rr_list_add(&list, &view), ERR_OK);
			for (size_t i = 0; i < m.n; i++) {
				struct rr other = model_view(&m.v[i]);

				if (rr_same_rrset(&other, &view))
					rr.ttl = other.ttl < rr.ttl ? other.ttl : rr.ttl;
			}
			model_add(&m, &rr);
		}
		rr_list_sort(&list);
		assert_int_equal(zone_store_begin(s), ERR_OK);
		/* In one piece, or in as many as there are threads. */
		assert_int_equal(zone_store_fill_by(s, &list, 1 + round % 6), ERR_OK);
		assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
		rr_list_clear(&list);
		model_check(&m, zone_store_newest(s));
		zone_store_publish(s);
		later = m;
		assert_int_equal(zone_store_begin(s), ERR_OK);
		model_edit(&later, s, 20);
		assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
		model_check(&later, zone_store_newest(s));
		model_check(&m, zone_store_current(s));
		zone_store_free(s);
		all_gone(live);
	}
}

static struct rr
host(struct dname *owner, const char *name, const char *address)
{
	assert_int_equal(dname_from_str(name, owner), ERR_OK);
	return (struct rr){ owner->octets, (const uint8_t *)address, 300, TYPE_A, 4 };
}

static void
commit(struct zone_store *s, const struct rr *out, const struct rr *in)
{
	bool changed;

	assert_int_equal(zone_store_begin(s), ERR_OK);
	if (out != NULL) {
		assert_int_equal(zone_store_remove(s, out, &changed), ERR_OK);
		assert_true(changed);
	}
	if (in != NULL) {
		assert_int_equal(zone_store_add(s, in, &changed), ERR_OK);
		assert_true(changed);
	}
	assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
	zone_store_publish(s);
}

/* A version held long does not hold what came and went after it. */
static void
test_held_version_pins_its_own(void **state)
{
	long live = memory_live(), level = 0;
	struct zone_store *s = new_store();
	struct zone_version *held;
	struct dname owner, other;
	struct rr a, b, c;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		char name[64];

		snprintf(name, sizeof name, "h%u.s%u.example.com", i, i % 7);
		a = host(&owner, name, "\300\0\2\1");
		commit(s, NULL, &a);
	}
	held = zone_version_ref(zone_store_current(s));
	b = host(&other, "h77.s0.example.com", "\300\0\2\1");
	c = host(&other, "h77.s0.example.com", "\300\0\2\2");
	for (unsigned i = 0; i < 50; i++) {
		commit(s, i % 2 == 0 ? &b : &c, i % 2 == 0 ? &c : &b);
		rcu_drain();
		zone_store_reclaim(s);
		if (i == 0)
			level = memory_live();
		check(memory_live() <= level, "commit %u keeps %ld allocations more than the first", i,
		    memory_live() - level);
	}
	zone_version_unref(held);
	rcu_drain();
	assert_true(zone_store_reclaim(s));
	check(memory_live() < level, "the reference did hold something");
	zone_store_free(s);
	all_gone(live);
}

/* Letter case of owners, and which RRs are the same. */
static void
test_letter_case(void **state)
{
	static const struct { const char *why, *owner, *address; bool remove, changed; const char *shown; } steps[] = {
		{ "a name below makes an empty non-terminal",
		  "a.Sub.example.com", "\1\1\1\1", false, true, "Sub.example.com." },
		{ "which gets its own case with its data",
		  "SUB.example.com", "\1\1\1\1", false, true, "SUB.example.com." },
		{ "the first case stays",
		  "sub.example.com", "\2\1\1\1", false, true, "SUB.example.com." },
		{ "the same RR in another case is the same",
		  "sUb.example.com", "\2\1\1\1", false, false, "SUB.example.com." },
		{ "and is removed by it",
		  "suB.example.com", "\2\1\1\1", true, true, "SUB.example.com." },
		{ "what is not there is not removed",
		  "suB.example.com", "\2\1\1\1", true, false, "SUB.example.com." },
		{ "the last goes, an empty non-terminal stays",
		  "sub.example.com", "\1\1\1\1", true, true, "SUB.example.com." },
		{ "and goes with what is below",
		  "a.sub.example.com", "\1\1\1\1", true, true, NULL },
	};
	long live = memory_live();
	struct zone_store *s = new_store();

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct dname owner, sub;
		struct rr rr = host(&owner, steps[i].owner, steps[i].address);
		const struct zone_node *node;
		struct zone_version *v;
		bool changed;
		char text[DNAME_TEXT_MAX];

		assert_int_equal(dname_from_str("sub.example.com", &sub), ERR_OK);
		assert_int_equal(zone_store_begin(s), ERR_OK);
		assert_int_equal((steps[i].remove ? zone_store_remove : zone_store_add)(s, &rr, &changed), ERR_OK);
		check(changed == steps[i].changed, "%s", steps[i].why);
		assert_int_equal(zone_store_seal(s, &v), ERR_OK);
		node = zone_version_find(v, sub.octets);
		check((node == NULL) == (steps[i].shown == NULL), "%s", steps[i].why);
		if (node != NULL)
			check(strcmp(dname_print(zone_node_owner(node), text), steps[i].shown) == 0, "%s: %s",
			    steps[i].why, text);
	}
	assert_null(zone_version_apex(zone_store_newest(s)));
	zone_store_free(s);
	all_gone(live);
}

static void
test_limits(void **state)
{
	struct zone_store *s = new_store();
	uint8_t rdata[65535] = { 0 };
	struct rr rr = { MODEL_APEX, rdata, 60, 65280, 65535 };
	struct rr_list list = { 0 };
	long live;

	(void)state;
	assert_int_equal(zone_store_begin(s), ERR_OK);
	assert_int_equal(zone_store_add(s, &rr, NULL), ERR_OK);
	rdata[9] = 1;
	assert_int_equal(zone_store_add(s, &rr, NULL), ERR_OK);
	assert_int_equal(zone_store_remove(s, &rr, NULL), ERR_OK);
	assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
	assert_int_equal(zone_version_rr_count(zone_store_newest(s)), 1);
	zone_store_abort(s);
	live = memory_live();
	rr.rdlen = 4;
	for (uint32_t i = 0; i < 65536; i++) {
		memcpy(rdata, &i, 4);
		assert_int_equal(rr_list_add(&list, &rr), ERR_OK);
	}
	rr_list_sort(&list);
	assert_int_equal(zone_store_begin(s), ERR_OK);
	assert_int_equal(zone_store_fill(s, &list), ERR_RANGE);
	zone_store_abort(s);
	list.n--;
	assert_int_equal(zone_store_begin(s), ERR_OK);
	assert_int_equal(zone_store_fill(s, &list), ERR_OK);
	assert_int_equal(zone_store_add(s, &list.v[list.n], NULL), ERR_RANGE);
	zone_store_abort(s);
	rr_list_clear(&list);
	assert_int_equal(memory_live(), live);
	zone_store_free(s);
	rcu_drain();
}

/* One transaction with the n-th allocation failing: edits, or a fill when filled is set. */
static enum err
small_transaction(struct zone_store *s, const struct rr_list *filled, struct model *m)
{
	enum err err = zone_store_begin(s);

	if (err != ERR_OK)
		return err;
	if (filled != NULL) {
		err = zone_store_fill(s, filled);
	} else {
		names_seed(4711);
		for (unsigned i = 0; i < 14 && err == ERR_OK; i++) {
			struct model_rr rr = i < 7 ? model_random_rr() : m->v[pick((unsigned)m->n)];
			struct rr view = model_view(&rr);

			err = i < 7 ? zone_store_add(s, &view, NULL) : zone_store_remove(s, &view, NULL);
		}
	}
	if (err == ERR_OK)
		err = zone_store_seal(s, NULL);
	return err;
}

static void
fail_each(struct zone_store *s, const struct rr_list *filled, struct model *m)
{
	long live = memory_live(), n = 0;
	enum err err;

	do {
		memory_fail_nth(++n);
		err = small_transaction(s, filled, m);
		check((err == ERR_NOMEM) == (memory_fail_left() <= 0), "allocation %ld fails and it is noticed", n);
		memory_fail_nth(0);
		zone_store_abort(s);		/* nothing is published: also when begin failed there is no harm */
		check(memory_live() == live, "all is given back after the failure of allocation %ld", n);
		if (filled == NULL)
			model_check(m, zone_store_newest(s));
	} while (err != ERR_OK);
	check(n > 10, "there were allocations to fail");
}

static void
test_failing_allocations(void **state)
{
	static struct model m;
	long live = memory_live();
	struct zone_store *s = new_store();
	struct rr_list list = { 0 };

	(void)state;
	names_seed(31);
	m.n = 0;
	for (unsigned i = 0; i < 60; i++) {
		struct model_rr rr = model_random_rr();
		struct rr view = model_view(&rr);

		assert_int_equal(rr_list_add(&list, &view), ERR_OK);
	}
	rr_list_sort(&list);
	fail_each(s, &list, &m);
	assert_int_equal(zone_store_begin(s), ERR_OK);
	model_edit(&m, s, 150);
	assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
	zone_store_publish(s);
	fail_each(s, NULL, &m);
	rr_list_clear(&list);
	zone_store_free(s);
	all_gone(live);
}

/* --- NSEC3, which is kept apart --- */

/* Of NSEC3, a signature of one, or an address; at few names. */
static struct model_rr
random_hashed_rr(void)
{
	static const uint16_t types[] = { TYPE_NSEC3, TYPE_RRSIG, TYPE_A };
	struct model_rr rr = { .ttl = 60 * (1 + pick(2)), .type = types[pick(3)], .rdlen = 24 };
	uint8_t label[] = { 2, (uint8_t)('a' + pick(4)), (uint8_t)('a' + pick(4)), 0 };

	assert_true(dname_join(&rr.owner, label, 1, MODEL_APEX));
	if (rr.type == TYPE_A) {
		rr.rdlen = 4;
	} else if (rr.type == TYPE_NSEC3) {
		rr.rdata[0] = 1;
	} else {
		rr.rdata[1] = pick(3) > 0 ? TYPE_NSEC3 : TYPE_A;
	}
	rr.rdata[rr.rdlen - 1] = (uint8_t)pick(2);
	return rr;
}

static bool
is_hashed(const struct rr *rr)
{
	return rr->type == TYPE_NSEC3 || rr_covered(rr) == TYPE_NSEC3;
}

static void
check_hashed(const struct model *m, const struct zone_version *v)
{
	struct rr_list all = { 0 };

	assert_int_equal(zone_version_collect(v, NULL, &all), ERR_OK);
	check(all.n == m->n && zone_version_rr_count(v) == m->n, "%zu RRs and not %zu", all.n, m->n);
	for (size_t i = 1; i < all.n; i++)
		check(rr_compare(&all.v[i - 1], &all.v[i]) < 0, "in order");
	for (size_t i = 0; i < m->n; i++) {
		struct rr rr = model_view(&m->v[i]);
		const struct zone_node *here = zone_version_find(v, rr.owner), *apart = zone_version_find_hashed(v,
		    rr.owner);
		struct zone_rrset set;

		check(rr_list_find(&all, &rr) != NULL && rr_list_find(&all, &rr)->ttl == rr.ttl, "collected");
		check(zone_version_rrset_of(v, &rr, &set) && set.ttl == rr.ttl, "found");
		check((here != NULL && zone_node_rrset_of(here, &rr, &set)) == !is_hashed(&rr), "in the tree, or not");
		check((apart != NULL && zone_node_rrset_of(apart, &rr, &set)) == is_hashed(&rr), "apart, or not");
	}
	rr_list_clear(&all);
}

static void
edit_hashed(struct model *m, struct zone_store *s)
{
	struct model_rr rr = m->n > 0 && pick(2) == 0 ? m->v[pick((unsigned)m->n)] : random_hashed_rr();
	struct rr view = model_view(&rr);
	bool changed, expected;

	if (m->n < MODEL_MAX - 8 && pick(2) == 0) {
		expected = model_add(m, &rr);
		assert_int_equal(zone_store_add(s, &view, &changed), ERR_OK);
	} else {
		expected = model_remove(m, &rr);
		assert_int_equal(zone_store_remove(s, &view, &changed), ERR_OK);
	}
	assert_int_equal(changed, expected);
}

static void
test_hashed(void **state)
{
	static struct model m, held;
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct zone_store *s = new_store();
		struct rr_list list = { 0 };
		struct zone_version *v;

		names_seed(77 + round);
		m.n = 0;
		for (unsigned n = pick(100); n > 0; n--) {
			struct model_rr rr = random_hashed_rr();

			model_add(&m, &rr);
		}
		for (size_t i = 0; i < m.n; i++) {
			struct rr view = model_view(&m.v[i]);

			assert_int_equal(rr_list_add(&list, &view), ERR_OK);
		}
		rr_list_sort(&list);
		assert_int_equal(zone_store_begin(s), ERR_OK);
		assert_int_equal(zone_store_fill(s, &list), ERR_OK);
		assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
		rr_list_clear(&list);
		zone_store_publish(s);
		v = zone_version_ref(zone_store_newest(s));
		held = m;
		for (unsigned step = 0; step < 30; step++) {
			struct model before = m;

			assert_int_equal(zone_store_begin(s), ERR_OK);
			for (unsigned n = pick(8); n > 0; n--)
				edit_hashed(&m, s);
			assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
			check_hashed(&m, zone_store_newest(s));
			if (pick(4) == 0) {
				zone_store_abort(s);
				m = before;
			} else {
				zone_store_publish(s);
			}
			rcu_quiescent_state();
			check_hashed(&m, zone_store_newest(s));
			check_hashed(&held, v);
		}
		zone_store_free(s);
		zone_version_unref(v);
		all_gone(live);
	}
}

#define MANY 20000

/* Every RR of the zone becomes another one. */
static void
replace_all(struct zone_store *s, uint8_t from, uint8_t to)
{
	assert_int_equal(zone_store_begin(s), ERR_OK);
	for (unsigned i = 0; i < MANY; i++) {
		struct dname owner;
		char name[64];
		uint8_t address[] = { 192, 0, 2, 0 };
		struct rr rr;

		snprintf(name, sizeof name, "host%u.example.com", i);
		assert_int_equal(dname_from_str(name, &owner), ERR_OK);
		rr = (struct rr){ owner.octets, address, 300, TYPE_A, 4 };
		address[3] = from;
		assert_int_equal(zone_store_remove(s, &rr, NULL), ERR_OK);
		address[3] = to;
		assert_int_equal(zone_store_add(s, &rr, NULL), ERR_OK);
	}
	assert_int_equal(zone_store_seal(s, NULL), ERR_OK);
	zone_store_publish(s);
}

/* What was replaced goes a slice at a time, so that the writer never stops for long. */
static void
test_reclaim_in_slices(void **state)
{
	long live = memory_live(), before;
	struct zone_store *s = new_store();
	struct zone_version *held;
	unsigned calls = 0;
	bool all;

	(void)state;
	replace_all(s, 0, 1);
	held = zone_version_ref(zone_store_current(s));
	replace_all(s, 1, 2);
	replace_all(s, 2, 3);
	rcu_drain();
	do {				/* the version in between: nobody needs what only it had */
		before = memory_live();
		all = zone_store_reclaim(s);
		check(before - memory_live() < MANY, "one call frees some of it");
		calls++;
	} while (before != memory_live());
	check(!all && calls > 2, "it took %u calls, and one version is held", calls);
	zone_version_unref(held);
	check(zone_store_reclaim(s), "nothing is left to come back for");
	rcu_drain();
	zone_store_free(s);
	all_gone(live);
}

#define LARGE 60000

static void *
move_to_huge_pages(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop))
		(void)huge_pages();
	return NULL;
}

/* What the kernel moves into huge pages while it is filled, read and freed. */
static void
test_large(void **state)
{
	struct zone_store *s = new_store();
	struct rr_list list = { 0 };
	long live = memory_live();
	atomic_bool stop = false;
	struct zone_version *v;
	struct dname owner;
	pthread_t thread;
	char name[64];

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, move_to_huge_pages, &stop), 0);
	for (unsigned i = 0; i < LARGE; i++) {
		struct rr rr = { owner.octets, (const uint8_t *)"\300\0\2\1", 300, TYPE_A, 4 };

		snprintf(name, sizeof name, "host%u.example.com.", i);
		assert_int_equal(dname_from_str(name, &owner), ERR_OK);
		assert_int_equal(rr_list_add(&list, &rr), ERR_OK);
	}
	rr_list_sort(&list);
	assert_int_equal(zone_store_begin(s), ERR_OK);
	assert_int_equal(zone_store_fill(s, &list), ERR_OK);
	assert_int_equal(zone_store_seal(s, &v), ERR_OK);
	zone_store_publish(s);
	for (size_t i = 0; i < list.n; i++)
		check(zone_version_find(v, list.v[i].owner) != NULL, "the name %zu", i);
	rr_list_clear(&list);
	zone_store_free(s);
	rcu_drain();
	check(memory_live() < live, "all is free");
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_reclaim_in_slices),
		cmocka_unit_test(test_held_version_pins_its_own),
		cmocka_unit_test(test_letter_case),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_hashed),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, rcu_set_up, rcu_tear_down);
}

/* The set of zones against a sorted array of apexes, and what is looked up together against what is looked up alone. */
#include <stdlib.h>

#include "tests/unit/check.h"
#include "tests/unit/zones/memory.h"
#include "tests/unit/zones/names.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"
#include "zones/zoneset.h"

#define ROUNDS 30
#define STEPS 200

static struct zone_store *stores[64];	/* which zone has which does not matter, as long as they can be told apart */

struct model {
	struct { struct dname apex; struct zone_store *store; } v[512];
	size_t n;
};

static size_t
model_at(const struct model *m, const uint8_t *apex)
{
	size_t i = 0;

	while (i < m->n && !dname_equal(m->v[i].apex.octets, apex))
		i++;
	return i;
}

static struct zone_store *
model_find(const struct model *m, const uint8_t *name, bool above)
{
	if (above && dname_is_root(name))
		return NULL;
	for (name = above ? dname_parent(name) : name; ; name = dname_parent(name)) {
		size_t i = model_at(m, name);

		if (i < m->n)
			return m->v[i].store;
		if (dname_is_root(name))
			return NULL;
	}
}

static void
check_name(const struct zoneset *set, const struct model *m, const uint8_t *name)
{
	size_t i = model_at(m, name);
	char text[DNAME_TEXT_MAX];

	dname_print(name, text);
	check(zoneset_find(set, name, false) == model_find(m, name, false), "the zone of %s", text);
	check(zoneset_find(set, name, true) == model_find(m, name, true), "the zone above %s", text);
	check(zoneset_exact(set, name) == (i < m->n ? m->v[i].store : NULL), "the zone %s itself", text);
}

static void
change(struct zoneset *set, struct model *m, const struct dname *apex)
{
	size_t i = model_at(m, apex->octets);
	enum err err;

	if (pick(3) > 0) {
		struct zone_store *store = stores[pick(64)];

		err = zoneset_add(set, apex->octets, store);
		assert_int_equal(err, i < m->n ? ERR_EXISTS : ERR_OK);
		if (i == m->n) {
			m->v[m->n].apex = *apex;
			m->v[m->n++].store = store;
		}
	} else {
		err = zoneset_remove(set, apex->octets);
		assert_int_equal(err, i < m->n ? ERR_OK : ERR_NOT_FOUND);
		if (i < m->n)
			m->v[i] = m->v[--m->n];
	}
}

static void
test_against_model(void **state)
{
	static struct model m, visible;
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct zoneset *set;
		bool open = false;	/* changes are being collected, and readers see what was before */

		names_seed(round + 7);
		m.n = 0;
		assert_int_equal(zoneset_new(&set), ERR_OK);
		for (unsigned step = 0; step < STEPS; step++) {
			struct dname name = random_name((const uint8_t *)"", 1 + round % 5);

			if (m.n > 0 && pick(3) == 0)
				name = m.v[pick((unsigned)m.n)].apex;
			if (!open && pick(6) == 0) {
				assert_int_equal(zoneset_begin(set), ERR_OK);
				open = true;
				visible = m;
			}
			change(set, &m, &name);
			if (open && pick(6) == 0) {
				zoneset_commit(set);
				open = false;
			}
			for (unsigned i = 0; i < 10; i++) {
				check_name(set, open ? &visible : &m, name.octets);
				name = random_name(m.n > 0 && pick(2) ? m.v[pick((unsigned)m.n)].apex.octets :
				    (const uint8_t *)"", 3);
			}
			rcu_quiescent_state();
		}
		zoneset_free(set);
		rcu_drain();
		check(memory_live() == live, "%ld allocations are left", memory_live() - live);
	}
}

static void
test_rows(void **state)
{
	static const struct { const char *why, *name; bool above; int zone; } rows[] = {
		{ "the apex is in its zone",			"example.com",		false,	1 },
		{ "what is below it too",			"a.b.example.com",	false,	1 },
		{ "letter case does not count",			"A.EXAMPLE.com",	false,	1 },
		{ "a zone below has its own names",		"x.sub.example.com",	false,	2 },
		{ "its DS is above",				"sub.example.com",	true,	1 },
		{ "above the upper one there is the root",	"example.com",		true,	0 },
		{ "everything else is in the root",		"example.org",		false,	0 },
		{ "a longer label is another name",		"xexample.com",		false,	0 },
		{ "and a shorter one",				"xample.com",		false,	0 },
		{ "the root is its own",			".",			false,	0 },
		{ "above the root there is nothing",		".",			true,	-1 },
	};
	static const char *const apexes[] = { ".", "example.com", "sub.example.com" };
	struct zoneset *set;
	struct dname name;

	(void)state;
	assert_int_equal(zoneset_new(&set), ERR_OK);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(dname_from_str(apexes[i], &name), ERR_OK);
		assert_int_equal(zoneset_add(set, name.octets, stores[i]), ERR_OK);
	}
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(dname_from_str(rows[i].name, &name), ERR_OK);
		check(zoneset_find(set, name.octets, rows[i].above) == (rows[i].zone < 0 ? NULL : stores[rows[i].zone]),
		    "%s: %s", rows[i].why, rows[i].name);
	}
	zoneset_free(set);
	rcu_drain();
}

/* A change without memory is no change. */
static void
test_failing_allocations(void **state)
{
	static const char *const apexes[] = { "a", "b.a", "c.a", "d", "e.b.a", "f.a", "aa" };
	static struct model m;
	struct zoneset *set;
	struct dname name;
	unsigned failures = 0;

	(void)state;
	m.n = 0;
	assert_int_equal(zoneset_new(&set), ERR_OK);
	for (unsigned i = 0; i < 14; i++) {
		enum err err = ERR_NOMEM;

		assert_int_equal(dname_from_str(apexes[i % 7], &name), ERR_OK);
		for (long n = 1; err != ERR_OK; n++) {
			for (unsigned k = 0; k < 7; k++) {
				struct dname other;

				assert_int_equal(dname_from_str(apexes[k], &other), ERR_OK);
				check_name(set, &m, other.octets);
			}
			memory_fail_nth(n);
			err = i < 7 ? zoneset_add(set, name.octets, stores[i]) : zoneset_remove(set, name.octets);
			assert_int_equal(err == ERR_NOMEM, memory_fail_left() == 0);
			memory_fail_nth(0);
			failures += err != ERR_OK;
		}
		if (i < 7) {
			m.v[m.n].apex = name;
			m.v[m.n++].store = stores[i];
		} else {
			m.v[model_at(&m, name.octets)] = m.v[m.n - 1];
			m.n--;
		}
	}
	assert_true(failures > 20);
	zoneset_free(set);
	rcu_drain();
}

/* --- many names at a time --- */

#define LIVING 6			/* zones, which grow, shrink and become empty */
#define TOGETHER_STEPS 150

struct living {
	struct dname apex;
	struct zone_store *store;
	struct dname names[20];
	unsigned n;
	struct zone_version *held;	/* the one that was current some time ago */
};

static void
edit(struct zone_store *s, const uint8_t *owner, uint16_t type, bool remove)
{
	static const uint8_t soa[22], name[] = "\6target", address[] = { 192, 0, 2, 1 };
	const struct rr rr = { owner, type == TYPE_SOA ? soa : type == TYPE_A ? address : name, 300, type,
		type == TYPE_SOA ? sizeof soa : type == TYPE_A ? sizeof address : sizeof name };

	assert_int_equal(remove ? zone_store_remove(s, &rr, NULL) : zone_store_add(s, &rr, NULL), ERR_OK);
}

static uint16_t
random_type(void)
{
	static const uint16_t types[] = { TYPE_A, TYPE_A, TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_DNAME };

	return types[pick(6)];
}

/* A name goes with all that it has. */
static void
remove_all(struct zone_store *s, const uint8_t *name)
{
	static const uint16_t types[] = { TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_DNAME };

	for (size_t i = 0; i < 4; i++)
		edit(s, name, types[i], true);
}

/* The next version: some names more or less, none at all, or all but the SOA. */
static void
live_on(struct living *z)
{
	unsigned what = pick(8);

	assert_int_equal(zone_store_begin(z->store), ERR_OK);
	edit(z->store, z->apex.octets, TYPE_SOA, what == 0);
	for (unsigned i = 0; what < 2 && i < z->n; i++)
		remove_all(z->store, z->names[i].octets);
	if (what < 2) {
		z->n = 0;
	} else if (what < 4 && z->n > 0) {
		remove_all(z->store, z->names[--z->n].octets);
	} else if (z->n < 20) {
		z->names[z->n] = random_name(pick(10) == 0 ? (const uint8_t *)"" : z->apex.octets, 1 + pick(3));
		edit(z->store, z->names[z->n++].octets, random_type(), false);
	}
	assert_int_equal(zone_store_seal(z->store, NULL), ERR_OK);
	if (pick(8) == 0)
		zone_store_abort(z->store);	/* what it lost is asked for nevertheless */
	else
		zone_store_publish(z->store);
	if (pick(4) == 0) {
		zone_version_unref(z->held);
		z->held = zone_store_current(z->store);
		if (z->held != NULL)
			zone_version_ref(z->held);
	}
}

static void
end_life(struct zoneset *set, struct living *z)
{
	if (z->store == NULL)
		return;
	assert_int_equal(zoneset_remove(set, z->apex.octets), ERR_OK);
	zone_store_free(z->store);
	zone_version_unref(z->held);
	*z = (struct living){ .n = 0 };
}

/* Now and then a zone ends, and another one begins, which has no version yet. */
static void
begin_life(struct zoneset *set, struct living *zones, struct living *z)
{
	end_life(set, z);
	z->apex = random_name(pick(3) == 0 ? zones[pick(LIVING)].apex.octets : (const uint8_t *)"", 2);
	if (zoneset_exact(set, z->apex.octets) != NULL)
		return;
	assert_int_equal(zone_store_new(z->apex.octets, &z->store), ERR_OK);
	assert_int_equal(zoneset_add(set, z->apex.octets, z->store), ERR_OK);
}

/* Some name that is in one of the zones, or near it. */
static struct dname
some_name(const struct living *zones)
{
	const struct living *z = &zones[pick(LIVING)];
	const uint8_t *suffix = z->n > 0 && pick(3) > 0 ? z->names[pick(z->n)].octets : z->apex.octets;

	struct dname same;

	if (pick(2) == 0)
		return random_name(suffix, 1 + pick(2));
	dname_copy(&same, suffix);
	return same;
}

static void
check_together(const struct zoneset *set, const struct living *zones, unsigned n)
{
	static struct zoneset_question questions[ZONESET_TOGETHER];
	struct zoneset_question *v[ZONESET_TOGETHER] = { NULL };
	struct dname names[ZONESET_TOGETHER];

	for (unsigned i = 0; i < n; i++) {
		names[i] = some_name(zones);
		qp_key_init(&questions[i].key, names[i].octets);
		v[i] = &questions[i];
	}
	zoneset_look_up(set, v, n);
	for (unsigned i = 0; i < n; i++) {
		struct zone_store *s = zoneset_find(set, names[i].octets, false);
		struct zone_version *zone = s == NULL ? NULL : zone_store_current(s);
		const struct zone_lookup *found = &v[i]->found;
		struct zone_lookup alone;
		char text[DNAME_TEXT_MAX];

		dname_print(names[i].octets, text);
		check(v[i]->zone == zone, "the zone of %s, the %u. of %u", text, i, n);
		if (zone == NULL)
			continue;
		zone_version_lookup(zone, names[i].octets, &alone);
		check(found->node == alone.node && found->encloser == alone.encloser && found->cut == alone.cut &&
		    found->dname == alone.dname && found->wildcard == alone.wildcard && found->is_alias == alone.is_alias,
		    "what there is for %s, the %u. of %u", text, i, n);
		check(zone_version_apex_len(zone) == dname_len(zone_version_apex_name(zone)), "the length of its apex");
	}
}

static void
test_together(void **state)
{
	static struct living zones[LIVING];
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < 8; round++) {
		struct zoneset *set;

		names_seed(round + 77);
		assert_int_equal(zoneset_new(&set), ERR_OK);
		for (unsigned step = 0; step < TOGETHER_STEPS; step++) {
			struct living *z = &zones[pick(LIVING)];

			if (z->store == NULL || pick(30) == 0)
				begin_life(set, zones, z);
			if (z->store != NULL && pick(10) > 0)
				live_on(z);
			check_together(set, zones, 1 + pick(ZONESET_TOGETHER));
			rcu_quiescent_state();
		}
		for (unsigned i = 0; i < LIVING; i++)
			end_life(set, &zones[i]);
		check_together(set, zones, ZONESET_TOGETHER);
		zoneset_free(set);
		rcu_drain();
		check(memory_live() == live, "%ld allocations are left", memory_live() - live);
	}
}

static int
set_up(void **state)
{
	(void)state;
	rcu_register_thread();
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(zone_store_new((const uint8_t *)"", &stores[i]), ERR_OK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64; i++)
		zone_store_free(stores[i]);
	rcu_drain();
	rcu_unregister_thread();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_failing_allocations),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

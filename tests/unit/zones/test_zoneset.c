/* The set of zones against a sorted array of apexes. */
#include <stdlib.h>

#include "tests/unit/check.h"
#include "tests/unit/zones/memory.h"
#include "tests/unit/zones/names.h"
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
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

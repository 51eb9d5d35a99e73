/* zones/zone.c and zones/zonetable.c. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "zones/rcu.h"
#include "zones/zonetable.h"

#define OID "0123456789012345678901234567890123456789"

static void
test_base_round_trip(void **state)
{
	struct zone_base a = { .serial = 7 }, b = { 0 }, back;
	struct buf text = { 0 };

	(void)state;
	memcpy(a.commit, OID, sizeof a.commit);
	assert_int_equal(zone_base_add(&a, "example.com", OID), ERR_OK);
	assert_int_equal(zone_base_add(&a, "a path with spaces", OID), ERR_OK);
	zone_base_print(&a, &text);
	assert_int_equal(zone_base_parse(buf_str(&text), 7, &back), ERR_OK);
	assert_true(zone_base_same_files(&a, &back));
	assert_string_equal(back.commit, OID);
	assert_int_equal(back.serial, 7);
	assert_int_equal(zone_base_copy(&b, &back), ERR_OK);
	assert_true(zone_base_same_files(&a, &b));
	back.v[1].path[0] = 'b';
	assert_false(zone_base_same_files(&a, &back));
	zone_base_clear(&a);
	zone_base_clear(&b);
	zone_base_clear(&back);
	buf_clear(&text);
}

static const struct { const char *why, *text; enum err err; } bases[] = {
	{ "no base",			"", ERR_OK },
	{ "a commit without files",	OID "\n", ERR_OK },
	{ "one file",			OID "\n" OID " a\n", ERR_OK },
	{ "a short commit",		"0123\n", ERR_FORMAT },
	{ "a file without a path",	OID "\n" OID "\n", ERR_FORMAT },
	{ "a file with an empty path",	OID "\n" OID " \n", ERR_FORMAT },
	{ "a blob that is too long",	OID "\n" OID "0 a\n", ERR_FORMAT },
};

static void
test_bases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		struct zone_base base;
		enum err err = zone_base_parse(bases[i].text, 1, &base);

		check(err == bases[i].err, "%s: %s", bases[i].why, err_str(err));
		zone_base_clear(&base);
	}
}

static struct dname
name_of(const char *text)
{
	struct dname name;

	assert_int_equal(dname_from_str(text, &name), ERR_OK);
	return name;
}

static void
test_table(void **state)
{
	struct zonetable t = { 0 };
	struct dname name;
	char text[32];

	(void)state;
	name = name_of("a.example");
	assert_null(zonetable_find(&t, name.octets));
	assert_null(zonetable_find_above(&t, name.octets));
	for (int i = 0; i < 300; i++) {
		struct zone *z;

		snprintf(text, sizeof text, "z%d.example", i);
		name = name_of(text);
		assert_int_equal(zone_new(name.octets, "url", &z), ERR_OK);
		assert_int_equal(zonetable_add(&t, z), ERR_OK);
	}
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "Z%d.EXAMPLE", i);
		name = name_of(text);
		check(zonetable_find(&t, name.octets) == t.v[i], "zone %d is found in capitals", i);
		snprintf(text, sizeof text, "a.b.z%d.example", i);
		name = name_of(text);
		assert_null(zonetable_find(&t, name.octets));
		check(zonetable_find_above(&t, name.octets) == t.v[i], "zone %d is found above", i);
		t.v[i]->retired = i % 2 == 0;
		check((zonetable_find_above(&t, name.octets) == NULL) == (i % 2 == 0),
		    "zone %d is found unless retired", i);
	}
	zonetable_clear(&t);
}

static void
test_zones_are_counted(void **state)
{
	struct dname apex = name_of("example.com");
	struct zonetable t = { 0 };
	struct zone *z;

	(void)state;
	assert_int_equal(zone_new(apex.octets, "url", &z), ERR_OK);
	zone_set_problem(z, "wrong");
	check(t.counts.troubled == 0, "it is in no table yet");
	assert_int_equal(zonetable_add(&t, z), ERR_OK);
	check(t.counts.troubled == 1 && t.counts.served == 0, "a problem, and no version");
	zone_set_problem(z, "worse");
	check(t.counts.troubled == 1, "it is counted once");
	zone_words_make(z)->conflict_theirs = strdup("a line");
	zone_recount(z);
	check(t.counts.in_conflict == 1, "a conflict");
	zone_clear_conflict(z);
	zone_set_problem(z, NULL);
	check(t.counts.in_conflict == 0 && t.counts.troubled == 0, "all is well again");
	zone_set_retired(z, true);
	check(t.counts.served == 0, "nothing was served");
	zonetable_clear(&t);
}

static void
test_problem(void **state)
{
	struct dname apex = name_of("example.com");
	struct zone *z;
	const char *why = "";

	(void)state;
	assert_int_equal(zone_new(apex.octets, "url", &z), ERR_OK);
	assert_string_equal(z->name, "example.com");
	zone_set_problem(z, "%d things", 2);
	assert_string_equal(z->problem, "2 things");
	zone_set_problem(z, "again: %s", z->problem);
	assert_string_equal(z->problem, "again: 2 things");
	zone_set_problem(z, NULL);
	assert_null(z->problem);
	assert_false(zone_may_change(z, &why));
	assert_string_equal(why, "the zone is not loaded");
	zone_free(z);
	zone_free(NULL);
}

static int
setup(void **state)
{
	(void)state;
	rcu_register_thread();
	rcu_thread_offline();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rcu_drain();
	rcu_unregister_thread();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base_round_trip),
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_zones_are_counted),
		cmocka_unit_test(test_problem),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

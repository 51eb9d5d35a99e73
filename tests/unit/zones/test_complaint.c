#include "tests/unit/check.h"

#include "tests/unit/zones/memory.h"
#include "zones/complaint.h"

static const struct { const char *file; unsigned line, column; enum check_level level; } rows[] = {
	{ "zone",	9, 1,	CHECK_WARNING },
	{ "more",	7, 1,	CHECK_ERROR },
	{ "zone",	3, 5,	CHECK_ERROR },
	{ "zone",	3, 1,	CHECK_WARNING },
	{ "last",	1, 1,	CHECK_WARNING },
	{ "more",	2, 1,	CHECK_WARNING },
	{ "zone",	3, 5,	CHECK_WARNING },
};

static void
fill(struct complaints *c)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct place at = { rows[i].file, rows[i].line, rows[i].column, NULL }, other = { "other", 1, 2, NULL };
		char text[8];

		snprintf(text, sizeof text, "t%zu", i);
		complaints_add(c, rows[i].level, &at, i == 1 ? &other : NULL, text);
	}
}

static void
test_sorted_by_place(void **state)
{
	struct complaints c = { 0 };
	struct buf out = { 0 };

	(void)state;
	fill(&c);
	complaints_sort(&c);
	complaints_print(&c, "zone", &out);
	check(strcmp(buf_str(&out), "zone:3:1: warning: t3\nzone:3:5: error: t2\nzone:3:5: warning: t6\nzone:9:1: "
	    "warning: t0\nmore:2:1: warning: t5\nmore:7:1: error: t1, see other:1:2\nlast:1:1: warning: t4\n") == 0,
	    "%s", buf_str(&out));
	check(c.count[CHECK_ERROR] == 2 && c.count[CHECK_WARNING] == 5 && complaints_left_out(&c) == 0,
	    "counted by level");
	buf_clear(&out);
	complaints_clear(&c);
}

static void
test_equal(void **state)
{
	struct complaints a = { 0 }, b = { 0 };
	struct place at = { "zone", 1, 1, NULL };

	(void)state;
	check(complaints_equal(&a, &b), "nothing is as nothing");
	fill(&a);
	check(!complaints_equal(&a, &b), "something is not");
	fill(&b);
	check(complaints_equal(&a, &b), "the same twice");
	b.v[3].at.line++;
	check(!complaints_equal(&a, &b), "another line");
	b.v[3].at.line--;
	b.v[1].other.column++;
	check(!complaints_equal(&a, &b), "another place of the other");
	b.v[1].other.column--;
	complaints_add(&b, CHECK_WARNING, &at, NULL, "more");
	check(!complaints_equal(&a, &b), "one more");
	complaints_clear(&a);
	complaints_clear(&b);
}

static void
test_bounded(void **state)
{
	struct complaints c = { 0 };
	struct place at = { "zone", 1, 1, NULL };
	struct buf out = { 0 };

	(void)state;
	for (int i = 0; i < 3 * COMPLAINTS_MAX; i++)
		complaints_add(&c, i % 3 == 0 ? CHECK_ERROR : CHECK_WARNING, &at, NULL, "x");
	check(c.n == 2 * COMPLAINTS_MAX && complaints_left_out(&c) == COMPLAINTS_MAX, "%u are kept", c.n);
	complaints_print(&c, "zone", &out);
	check(strstr(buf_str(&out), "zone:1:1: warning: 50 more like these\n") != NULL, "the rest is counted");
	buf_clear(&out);
	complaints_clear(&c);
}

static void
test_every_allocation_may_fail(void **state)
{
	long before = memory_live(), fired;

	(void)state;
	for (long n = 1; ; n++) {
		struct complaints c = { 0 };

		memory_fail_nth(n);
		fill(&c);
		fired = memory_fail_left() <= 0;
		memory_fail_nth(0);
		check(c.failed == fired, "allocation %ld", n);
		check(c.count[CHECK_ERROR] + c.count[CHECK_WARNING] == sizeof rows / sizeof rows[0], "all are counted");
		complaints_clear(&c);
		check(memory_live() == before, "allocation %ld leaves nothing behind", n);
		if (!fired)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sorted_by_place),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

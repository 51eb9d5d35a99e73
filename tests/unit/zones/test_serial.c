#include "tests/unit/check.h"

#include "zones/rr.h"
#include "zones/serial.h"

#define DAY 1700000000			/* 2023-11-14 */

static const struct { const char *why; enum serial_policy policy; uint32_t served; int64_t now_s; uint32_t want;
    } rows[] = {
	{ "one more",				SERIAL_INCREMENT, 7, DAY, 8 },
	{ "one more than the largest is 0",	SERIAL_INCREMENT, 4294967295u, DAY, 0 },
	{ "keep goes on by one where it must",	SERIAL_KEEP, 7, DAY, 8 },
	{ "the time",				SERIAL_UNIXTIME, 7, DAY, DAY },
	{ "twice in a second",			SERIAL_UNIXTIME, DAY, DAY, DAY + 1 },
	{ "a serial from the future",		SERIAL_UNIXTIME, DAY + 1000, DAY, DAY + 1001 },
	{ "a serial that the time is older than, by RFC 1982", SERIAL_UNIXTIME, 4000000000u, 100, 100 },
	{ "the day",				SERIAL_DATE, 2023111305, DAY, 2023111400 },
	{ "twice in a day",			SERIAL_DATE, 2023111400, DAY, 2023111401 },
	{ "the hundredth in a day",		SERIAL_DATE, 2023111499, DAY, 2023111500 },
	{ "a day after that hundredth",		SERIAL_DATE, 2023111500, DAY + 86400, 2023111501 },
};

static void
test_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t have = serial_next(rows[i].policy, rows[i].served, rows[i].now_s);

		check(have == rows[i].want, "%s: want %u, have %u", rows[i].why, rows[i].want, have);
		check(serial_lt(rows[i].served, have), "%s: it is newer", rows[i].why);
	}
}

/* Whatever is served and whatever the time: the next one is newer. */
static void
test_always_newer(void **state)
{
	uint32_t served = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		served = served * 1664525u + 1013904223u;
		for (int policy = SERIAL_INCREMENT; policy <= SERIAL_KEEP; policy++)
			check(serial_lt(served, serial_next((enum serial_policy)policy, served,
			    (int64_t)served * (i & 7))), "policy %d after %u", policy, served);
	}
}

static const struct { const char *why; struct serial_case c; enum serial_verdict want; } cases[] = {
	{ "raised with the content",		{ SERIAL_INCREMENT, false, 7, 8, 7, true },	SERIAL_OF_FILE },
	{ "raised alone",			{ SERIAL_INCREMENT, false, 7, 8, 7, false },	SERIAL_OF_FILE },
	{ "raised, and newer than ours",	{ SERIAL_INCREMENT, false, 7, 12, 11, true },	SERIAL_OF_FILE },
	{ "raised to what we serve already",	{ SERIAL_INCREMENT, false, 7, 11, 11, true },	SERIAL_BY_CONTENT },
	{ "raised, but we were there before",	{ SERIAL_INCREMENT, false, 7, 8, 11, true },	SERIAL_NEXT },
	{ "not raised",				{ SERIAL_INCREMENT, false, 7, 7, 7, true },	SERIAL_BY_CONTENT },
	{ "not raised, we are ahead",		{ SERIAL_INCREMENT, false, 7, 7, 9, true },	SERIAL_BY_CONTENT },
	{ "nothing changed at all",		{ SERIAL_INCREMENT, false, 7, 7, 9, false },	SERIAL_BY_CONTENT },
	{ "set back",				{ SERIAL_INCREMENT, false, 7, 5, 7, true },	SERIAL_NEXT },
	{ "set back alone",			{ SERIAL_INCREMENT, false, 7, 5, 7, false },	SERIAL_NEXT },
	{ "around the end",			{ SERIAL_INCREMENT, false, 4294967295u, 0, 4294967295u, true },
	    SERIAL_OF_FILE },
	{ "half around is no way forward",	{ SERIAL_INCREMENT, false, 7, 2147483655u, 7, true },	SERIAL_NEXT },
	{ "keep: raised",			{ SERIAL_KEEP, false, 7, 8, 7, true },		SERIAL_OF_FILE },
	{ "keep: not raised",			{ SERIAL_KEEP, false, 7, 7, 7, true },		SERIAL_NOT_RAISED },
	{ "keep: set back",			{ SERIAL_KEEP, false, 7, 6, 7, true },		SERIAL_NOT_RAISED },
	{ "keep: nothing but comments",		{ SERIAL_KEEP, false, 7, 7, 7, false },		SERIAL_BY_CONTENT },
	{ "signed: raised",			{ SERIAL_INCREMENT, true, 7, 8, 7, true },	SERIAL_OF_FILE },
	{ "signed: not raised",			{ SERIAL_INCREMENT, true, 7, 7, 7, true },	SERIAL_IS_SIGNED },
	{ "signed: set back alone",		{ SERIAL_INCREMENT, true, 7, 6, 7, false },	SERIAL_IS_SIGNED },
	{ "signed: the same",			{ SERIAL_INCREMENT, true, 7, 7, 7, false },	SERIAL_BY_CONTENT },
};

static void
test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum serial_verdict have = serial_judge(&cases[i].c);

		check(have == cases[i].want, "%s: want %d, have %d", cases[i].why, cases[i].want, have);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_always_newer),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

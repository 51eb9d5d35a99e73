#include "tests/unit/check.h"

#include "zones/rr.h"
#include "zones/serial.h"

#define DAY 1700000000			/* 2023-11-14 */

static const struct { const char *why; enum serial_policy policy; uint32_t served; int64_t now_s; uint32_t want; } rows[] = {
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
			check(serial_lt(served, serial_next((enum serial_policy)policy, served, (int64_t)served * (i & 7))),
			    "policy %d after %u", policy, served);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_always_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/check.h"

#include "acme/schedule.h"

#define DAY 86400

/* With random 128 the jitter is none. */
static const struct { const char *why; unsigned failures; uint32_t random; int64_t left_s, retry_after_s,
    delay_s; } delays[] = {
	{ "the first failure",			1, 128, 0, -1, 60 },
	{ "the second",				2, 128, 0, -1, 600 },
	{ "the third",				3, 128, 0, -1, 6000 },
	{ "the fourth: almost a day",		4, 128, 0, -1, 60000 },
	{ "the fifth: a day",			5, 128, 0, -1, DAY },
	{ "the thousandth",			1000, 128, 0, -1, DAY },
	{ "the least jitter",			1, 0, 0, -1, 53 },
	{ "the most jitter",			1, 255, 0, -1, 67 },
	{ "a CA that asks for more",		1, 128, 0, 3600, 3600 },
	{ "a CA that asks for less",		2, 128, 0, 10, 600 },
	{ "a certificate with a month left",	5, 128, 30 * DAY, -1, DAY },
	{ "with four days left",		5, 128, 4 * DAY, -1, DAY / 2 },
	{ "with a day left",			5, 128, DAY, -1, 3 * 3600 },
	{ "with an hour left",			5, 128, 3600, -1, 450 },
	{ "with a minute left",			5, 128, 60, -1, 60 },
	{ "with an hour left and a CA that asks for more", 5, 128, 3600, 7200, 7200 },
};

static void
test_backoff(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
		int64_t s = acme_backoff_s(delays[i].failures, 60, DAY, delays[i].random, delays[i].left_s,
		    delays[i].retry_after_s);

		check(s == delays[i].delay_s, "%s: %lld s, not %lld", delays[i].why, (long long)delays[i].delay_s,
		    (long long)s);
	}
	check(acme_backoff_s(1, 0, 0, 0, 0, -1) == 1, "never at once");
}

static const struct { const char *why; int64_t lifetime_s, least_s, most_s; } lives[] = {
	{ "90 days: two thirds",		90 * DAY,	60 * DAY,	61 * DAY },
	{ "45 days: two thirds",		45 * DAY,	30 * DAY,	31 * DAY },
	{ "47 days: two thirds",		47 * DAY,	31 * DAY,	32 * DAY },
	{ "160 hours: half",			160 * 3600,	80 * 3600,	82 * 3600 },
	{ "6 days: half",			6 * DAY,	3 * DAY,	3 * DAY + 2 * 3600 },
	{ "20 seconds: half",			20,		10,		10 },
	{ "a year: two thirds",			366 * DAY,	244 * DAY,	248 * DAY },
};

static void
test_renewal(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
		struct acme_lifetime life = { 1000, 1000 + lives[i].lifetime_s };

		for (uint32_t salt = 0; salt < 5000; salt += 7) {
			int64_t at_s = acme_renewal_s(&life, salt) - 1000;

			check(at_s >= lives[i].least_s && at_s <= lives[i].most_s,
			    "%s, and at most a hundredth more, not %lld s", lives[i].why, (long long)at_s);
		}
	}
}

static const struct { const char *why; int64_t issued_s, now_s, age_s; } clocks[] = {
	{ "a good clock",				1010, 1500, 500 },
	{ "a certificate that was there before us",	0, 1500, 500 },
	{ "and has expired",				0, 99999, 98999 },
	{ "one that expired after it was issued",	1010, 3000, 2000 },
	{ "a clock that was behind",			10, 110, 100 },
	{ "and was put further back",			10, 5, 0 },
	{ "and was then corrected",			10, 1200, 200 },
	{ "a clock that was years ahead",		90000, 90300, 300 },
	{ "and goes on for longer than the lifetime",	90000, 93000, 3000 },
	{ "and was then corrected",			90000, 1700, 700 },
};

static void
test_wrong_clock(void **state)
{
	struct acme_lifetime life = { 1000, 2000 };

	(void)state;
	for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
		int64_t age_s = acme_lifetime_now_s(&life, clocks[i].issued_s, clocks[i].now_s) - 1000;

		check(age_s == clocks[i].age_s, "%s: %lld s old, not %lld", clocks[i].why, (long long)clocks[i].age_s,
		    (long long)age_s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_wrong_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

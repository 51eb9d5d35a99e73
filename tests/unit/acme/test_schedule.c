#include "tests/unit/check.h"

#include "acme/schedule.h"

/* With random 128 the jitter is none. */
static const struct { const char *why; unsigned failures; uint32_t random; int64_t retry_after_s,
    delay_s; } delays[] = {
	{ "the first failure",			1, 128, -1, 60 },
	{ "the second",				2, 128, -1, 120 },
	{ "the third",				3, 128, -1, 240 },
	{ "the eleventh",			11, 128, -1, 61440 },
	{ "the twelfth: a day",			12, 128, -1, 86400 },
	{ "the thousandth",			1000, 128, -1, 86400 },
	{ "the least jitter",			1, 0, -1, 53 },
	{ "the most jitter",			1, 255, -1, 67 },
	{ "a CA that asks for more",		1, 128, 3600, 3600 },
	{ "a CA that asks for less",		3, 128, 10, 240 },
};

static void
test_backoff(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
		int64_t s = acme_backoff_s(delays[i].failures, 60, 86400, delays[i].random, delays[i].retry_after_s);

		check(s == delays[i].delay_s, "%s: %lld s, not %lld", delays[i].why, (long long)delays[i].delay_s,
		    (long long)s);
	}
	check(acme_backoff_s(1, 0, 0, 0, -1) == 1, "never at once");
}

static void
test_renewal(void **state)
{
	static const int64_t days[] = { 6, 45, 90 };

	(void)state;
	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
		int64_t lifetime_s = days[i] * 86400;
		struct acme_certificate c = { .not_before_s = 1000, .not_after_s = 1000 + lifetime_s };

		for (uint32_t salt = 0; salt < 5000; salt += 7) {
			int64_t at_s = acme_renewal_s(&c, salt) - 1000;

			check(at_s >= lifetime_s - lifetime_s / 3 &&
			    at_s <= lifetime_s - lifetime_s / 3 + lifetime_s / 100,
			    "%lld days: two thirds and at most a hundredth more, not %lld s", (long long)days[i],
			    (long long)at_s);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_renewal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

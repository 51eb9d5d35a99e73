#include "tests/unit/check.h"

#include "acme/bucket.h"

#define HOUR_MS (3600 * INT64_C(1000))

static void
test_one(void **state)
{
	struct acme_rate rate = { 5, 3600 };
	int64_t full_ms = 0, now_ms = 50 * HOUR_MS;

	(void)state;
	for (int i = 0; i < 5; i++) {
		check(acme_rate_wait_ms(&rate, full_ms, now_ms) == 0, "token %d is there", i + 1);
		full_ms = acme_rate_take(&rate, full_ms, now_ms);
	}
	check(acme_rate_wait_ms(&rate, full_ms, now_ms) == HOUR_MS / 5, "the sixth comes in a fifth of the time");
	full_ms = acme_rate_take(&rate, full_ms, now_ms);
	check(acme_rate_wait_ms(&rate, full_ms, now_ms) == HOUR_MS / 5,
	    "taken in spite of that, it is no emptier than empty");
	now_ms += HOUR_MS / 5;
	check(acme_rate_wait_ms(&rate, full_ms, now_ms) == 0, "then it is there");
	full_ms = acme_rate_take(&rate, full_ms, now_ms);
	check(acme_rate_wait_ms(&rate, full_ms, now_ms + HOUR_MS) == 0, "after the whole time it is full");
	rate.n = 0;
	check(acme_rate_wait_ms(&rate, INT64_MAX / 2, 0) == 0 && acme_rate_take(&rate, 0, 5) == 0,
	    "without a limit there is none");
}

/* However it is asked, in any stretch of the bucket's time there are at most two fillings. */
static void
test_never_more(void **state)
{
	struct acme_rate rate = { 50, 7 * 86400 };
	int64_t full_ms = 0, taken[4000];
	size_t n = 0;

	(void)state;
	for (int64_t now_ms = HOUR_MS; now_ms < 60 * 24 * HOUR_MS; now_ms += 1234567)
		if (acme_rate_wait_ms(&rate, full_ms, now_ms) == 0) {
			taken[n++] = now_ms;
			full_ms = acme_rate_take(&rate, full_ms, now_ms);
		}
	check(n > 50 + 8 * 50 && n <= 50 + 9 * 50, "in 60 days: %zu", n);
	for (size_t i = 0; i + 100 < n; i++)
		check(taken[i + 100] - taken[i] > (int64_t)rate.per_s * 1000, "a hundred take more than its time");
}

static const struct { const char *why, *text; enum acme_limit limit; unsigned n, per_s; } limits[] = {
	{ "orders",			"orders 300/3h",	ACME_LIMIT_ORDERS, 300, 10800 },
	{ "certificates of a zone",	"zone 50/7d",		ACME_LIMIT_ZONE, 50, 604800 },
	{ "of the same names",		"names 5/1w",		ACME_LIMIT_NAMES, 5, 604800 },
	{ "failures",			"failures 5/60m",	ACME_LIMIT_FAILURES, 5, 3600 },
	{ "seconds",			"orders 1/1s",		ACME_LIMIT_ORDERS, 1, 1 },
	{ "an unknown one",		"order 1/1s",		0, 0, 0 },
	{ "none at all",		"orders 0/1s",		0, 0, 0 },
	{ "no time",			"orders 1/0s",		0, 0, 0 },
	{ "no unit",			"orders 1/1",		0, 0, 0 },
	{ "another unit",		"orders 1/1y",		0, 0, 0 },
	{ "two units",			"orders 1/1h30m",	0, 0, 0 },
	{ "years",			"orders 1/1000000d",	0, 0, 0 },
	{ "a sign",			"orders +1/1s",		0, 0, 0 },
	{ "no number",			"orders /1s",		0, 0, 0 },
	{ "a name alone",		"orders",		0, 0, 0 },
	{ "nothing",			"",			0, 0, 0 },
};

static void
test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct acme_limits out = { 0 };
		enum err err = acme_limit_parse(limits[i].text, &out);

		check((err == ERR_OK) == (limits[i].n != 0), "%s", limits[i].why);
		check(out.rates[limits[i].limit].n == limits[i].n &&
		    out.rates[limits[i].limit].per_s == limits[i].per_s,
		    "%s: %u/%u", limits[i].why, out.rates[limits[i].limit].n, out.rates[limits[i].limit].per_s);
	}
}

struct kept { enum acme_limit limit; char key[64]; int64_t full_s; unsigned n, gone; };

static void
keep(void *arg, enum acme_limit limit, const char *key, int64_t full_s)
{
	struct kept *k = arg;

	k->limit = limit;
	snprintf(k->key, sizeof k->key, "%s", key);
	k->full_s = full_s;
	k->n++;
	k->gone += full_s == 0;
}

static void
test_many(void **state)
{
	struct acme_buckets *b, *again;
	struct kept kept = { 0 };
	int64_t now_ms = 100 * HOUR_MS, now_s = 1700000000;

	(void)state;
	assert_int_equal(acme_buckets_new(&acme_limits_letsencrypt, keep, &kept, &b), ERR_OK);
	assert_int_equal(acme_buckets_new(&acme_limits_letsencrypt, keep, &kept, &again), ERR_OK);
	for (int i = 0; i < 5; i++) {
		check(acme_buckets_wait_ms(b, ACME_LIMIT_NAMES, "a", now_ms) == 0, "certificate %d", i + 1);
		acme_buckets_take(b, ACME_LIMIT_NAMES, "a", now_ms, now_s);
	}
	check(acme_buckets_wait_ms(b, ACME_LIMIT_NAMES, "a", now_ms) > 33 * HOUR_MS, "the sixth waits");
	check(acme_buckets_wait_ms(b, ACME_LIMIT_NAMES, "b", now_ms) == 0, "other names do not");
	check(acme_buckets_wait_ms(b, ACME_LIMIT_ZONE, "a", now_ms) == 0, "nor does another limit");
	check(kept.n == 5 && kept.limit == ACME_LIMIT_NAMES && strcmp(kept.key, "a") == 0 &&
	    kept.full_s == now_s + 7 * 86400, "what is kept is when it will be full");

	/* After a restart the monotonic clock is another. */
	acme_buckets_restore(again, kept.limit, kept.key, kept.full_s, 5, now_s + 3600);
	int64_t wait_ms = acme_buckets_wait_ms(again, ACME_LIMIT_NAMES, "a", 5);
	check(wait_ms > 32 * HOUR_MS && wait_ms < 33 * HOUR_MS, "what was kept goes on: %lld", (long long)wait_ms);
	acme_buckets_restore(again, ACME_LIMIT_NAMES, "c", now_s + 1000000000, 5, now_s);
	wait_ms = acme_buckets_wait_ms(again, ACME_LIMIT_NAMES, "c", 5);
	check(wait_ms < 34 * HOUR_MS, "a clock that was put back by years makes it empty, and no worse: %lld",
	    (long long)wait_ms);
	acme_buckets_restore(again, ACME_LIMIT_NAMES, "d", now_s - 5, 5, now_s);
	check(acme_buckets_wait_ms(again, ACME_LIMIT_NAMES, "d", 5) == 0, "one that is full by now is");

	acme_buckets_give_back(b, ACME_LIMIT_NAMES, "a", now_ms, now_s);
	check(acme_buckets_wait_ms(b, ACME_LIMIT_NAMES, "a", now_ms) == 0, "what was taken in vain is there again");
	acme_buckets_sweep(b, now_ms + HOUR_MS);
	check(kept.gone == 0, "one that is not full is not swept");
	acme_buckets_sweep(b, now_ms + 8 * 24 * HOUR_MS);
	check(kept.gone == 1, "one that is full is forgotten");
	acme_buckets_free(b);
	acme_buckets_free(again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_never_more),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

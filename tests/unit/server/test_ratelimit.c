/* server/ratelimit.c: who shares a bucket, how it fills again, which of the refused slip. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "server/config.h"
#include "server/ratelimit.h"

#define NOW INT64_C(1700000000000)

static struct ratelimit *table;

static enum ratelimit_verdict
take_about(const char *address, enum ratelimit_kind kind, uint32_t name, unsigned rate, unsigned slip, int64_t now_ms)
{
	struct config_address peer;

	check(config_address_parse(address, 4711, &peer) == ERR_OK, "%s", address);
	return ratelimit_take(table, (struct sockaddr *)&peer.address, kind, name, rate, slip, now_ms);
}

static enum ratelimit_verdict
take(const char *address, enum ratelimit_kind kind, unsigned rate, unsigned slip, int64_t now_ms)
{
	return take_about(address, kind, 1, rate, slip, now_ms);
}

static int
new_table(void **state)
{
	(void)state;
	return ratelimit_new(&table) == ERR_OK ? 0 : -1;
}

static int
free_table(void **state)
{
	(void)state;
	ratelimit_free(table);
	return 0;
}

/* How many of n requests at one time pass. */
static unsigned
passes(unsigned n, unsigned rate, int64_t now_ms)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += take("192.0.2.1", RATELIMIT_ANSWER, rate, 0, now_ms) == RATELIMIT_PASS;
	return passed;
}

static const struct { const char *why; int64_t after_ms; unsigned n, passed; } moments[] = {
	{ "a second's worth may come at once", 0, 20, 5 },
	{ "then there is nothing", 1, 20, 0 },
	{ "nor shortly before the next is due", 198, 20, 0 },
	{ "one each fifth of a second", 1, 20, 1 },
	{ "where a new second begins no more than that", 200, 20, 1 },
	{ "two after two fifths", 400, 20, 2 },
	{ "a whole second's worth after a second", 1000, 20, 5 },
	{ "and no more after a long time", 86400000, 20, 5 },
	{ "a clock that was set back does no harm", -100000, 20, 5 },
	{ "when the time has come around nobody has to wait", (INT64_C(1) << 28) + 1001, 20, 5 },
	{ "nor some seconds before", (INT64_C(1) << 28) - 5000, 20, 5 },
};

static void
test_pace(void **state)
{
	int64_t now_ms = NOW;

	(void)state;
	for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
		unsigned passed = passes(moments[i].n, 5, now_ms += moments[i].after_ms);

		check(passed == moments[i].passed, "%s: %u", moments[i].why, passed);
	}
}

/* Over a long time each gets its rate, and a second's worth, whatever the rate. */
static void
test_rates(void **state)
{
	static const unsigned rates[] = { 1, 3, 7, 200, 999, 1000, 30000 };

	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		unsigned passed = 0, seconds = 10, want = rates[i] * (seconds + 1);

		for (int64_t ms = 0; ms < 1000 * seconds; ms += 10)
			passed += passes(rates[i] / 50 + 2, rates[i], NOW + ms);
		check(passed >= want - rates[i] / 20 - 1 && passed <= want + want / 50, "%u each second: %u in %u s",
		    rates[i], passed, seconds);
		free_table(state);
		new_table(state);
	}
}

static const struct { const char *why, *first, *second; enum ratelimit_kind kind; bool shared; } pairs[] = {
	{ "one address", "192.0.2.1", "192.0.2.1", RATELIMIT_ANSWER, true },
	{ "one /24", "192.0.2.1", "192.0.2.254", RATELIMIT_ANSWER, true },
	{ "the next /24", "192.0.2.1", "192.0.3.1", RATELIMIT_ANSWER, false },
	{ "another kind", "192.0.2.1", "192.0.2.1", RATELIMIT_NXDOMAIN, false },
	{ "one /56", "2001:db8:0:1200::1", "2001:db8:0:12ff::2", RATELIMIT_ANSWER, true },
	{ "the next /56", "2001:db8:0:1200::1", "2001:db8:0:1300::1", RATELIMIT_ANSWER, false },
	{ "octets of another family", "192.0.2.1", "c000:200::", RATELIMIT_ANSWER, false },
};

static void
test_who_shares(void **state)
{
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		check(take(pairs[i].first, RATELIMIT_ANSWER, 1, 0, NOW) == RATELIMIT_PASS, "%s: the first",
		    pairs[i].why);
		check((take(pairs[i].second, pairs[i].kind, 1, 0, NOW) == RATELIMIT_PASS) != pairs[i].shared, "%s",
		    pairs[i].why);
		free_table(state);
		new_table(state);
	}
}

static void
test_names(void **state)
{
	(void)state;
	check(take_about("192.0.2.1", RATELIMIT_ANSWER, 1, 1, 0, NOW) == RATELIMIT_PASS, "a name");
	check(take_about("192.0.2.1", RATELIMIT_ANSWER, 2, 1, 0, NOW) == RATELIMIT_PASS, "another one has its own");
	check(take_about("192.0.2.1", RATELIMIT_ANSWER, 1, 1, 0, NOW) == RATELIMIT_DROP, "and does not help the first");
}

static void
test_slip(void **state)
{
	(void)state;
	for (unsigned slip = 0; slip < 4; slip++) {
		char address[32];

		snprintf(address, sizeof address, "198.51.%u.1", slip);
		check(take(address, RATELIMIT_ERROR, 1, slip, NOW) == RATELIMIT_PASS, "one passes");
		for (unsigned i = 1; i < 13; i++)
			check(take(address, RATELIMIT_ERROR, 1, slip, NOW) ==
			    (slip > 0 && i % slip == 0 ? RATELIMIT_SLIP : RATELIMIT_DROP), "slip %u, the %u. refused",
			    slip, i);
	}
}

/* Many networks at once: each gets its rate, but for the few whose set is crowded, who get more; and for two of whom one hash in
 * 2^33 makes one, which is to be met in one run out of fifty. */
static void
test_many_networks(void **state)
{
	enum { NETWORKS = 20000, RATE = 3 };
	unsigned more = 0, less = 0;
	uint8_t *passed = calloc(NETWORKS, 1);

	(void)state;
	check(passed != NULL, "memory");
	for (unsigned round = 0; round < 2 * RATE; round++)
		for (unsigned i = 0; i < NETWORKS; i++) {
			char address[32];

			snprintf(address, sizeof address, "10.%u.%u.%u", i >> 8, i & 255, round);
			passed[i] = (uint8_t)(passed[i] + (take(address, RATELIMIT_ANSWER, RATE, 0,
			    NOW) == RATELIMIT_PASS));
		}
	for (unsigned i = 0; i < NETWORKS; i++) {
		less += passed[i] < RATE;
		more += passed[i] > RATE;
	}
	check(less <= 4, "%u do not get what they may", less);
	check(more < NETWORKS / 20, "%u got more", more);
	free(passed);
}

static const struct { const char *why; uint8_t header[12]; enum ratelimit_kind kind; } kinds[] = {
	{ "data", { 0, 0, 0x84, 0, 0, 1, 0, 1 }, RATELIMIT_ANSWER },
	{ "256 records", { 0, 0, 0x84, 0, 0, 1, 1, 0 }, RATELIMIT_ANSWER },
	{ "no data", { 0, 0, 0x84, 0, 0, 1, 0, 0, 0, 1 }, RATELIMIT_NODATA },
	{ "a referral", { 0, 0, 0x80, 0, 0, 1, 0, 0, 0, 1 }, RATELIMIT_REFERRAL },
	{ "no such name", { 0, 0, 0x84, 3, 0, 1 }, RATELIMIT_NXDOMAIN },
	{ "no such name behind an alias", { 0, 0, 0x84, 3, 0, 1, 0, 1 }, RATELIMIT_NXDOMAIN },
	{ "refused", { 0, 0, 0x80, 5, 0, 1 }, RATELIMIT_ERROR },
};

static void
test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		check(ratelimit_kind_of(kinds[i].header) == kinds[i].kind, "%s", kinds[i].why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pace, new_table, free_table),
		cmocka_unit_test_setup_teardown(test_rates, new_table, free_table),
		cmocka_unit_test_setup_teardown(test_names, new_table, free_table),
		cmocka_unit_test_setup_teardown(test_who_shares, new_table, free_table),
		cmocka_unit_test_setup_teardown(test_slip, new_table, free_table),
		cmocka_unit_test_setup_teardown(test_many_networks, new_table, free_table), cmocka_unit_test(test_kinds)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

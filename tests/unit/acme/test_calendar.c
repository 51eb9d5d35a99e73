/* tests/unit/acme/test_calendar.c -- when the engine orders, where, and how often, whatever CAs and clocks do. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "base/log.h"
#include "tests/unit/acme/calendar.h"

/* ---- by the lifetime ---- */

static const struct { const char *why; int64_t lifetime_s; double least, most; } lives[] = {
	{ "90 days",	90 * DAY,	0.66, 0.69 },
	{ "45 days",	45 * DAY,	0.66, 0.69 },
	{ "6 days",	160 * HOUR,	0.49, 0.52 },
};

static void
test_lifetimes(void **state)
{
	for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
		setup(state);
		stage.cas[0].lifetime_s = lives[i].lifetime_s;
		begin();
		put_csr(HOST);
		pass(4 * lives[i].lifetime_s, 1200);
		check(stage.norders >= 6 && stage.norders <= 9, "%s: %zu orders", lives[i].why, stage.norders);
		for (size_t k = 1; k < stage.norders; k++) {
			double age = (double)(stage.orders[k].at_s - stage.orders[k - 1].at_s + HOUR) /
			    (double)lives[i].lifetime_s;

			check(age > lives[i].least && age < lives[i].most, "%s: order %zu at %.3f of the lifetime",
			    lives[i].why, k, age);
		}
		if (i + 1 < sizeof lives / sizeof *lives)
			teardown(state);
	}
}

/* ---- by the CA's advice ---- */

/* Exactly one order for each window, in it, whatever restarts there are. */
static void
test_windows(void **state)
{
	(void)state;
	stage.cas[0].window_from = 0.5;
	stage.cas[0].window_to = 0.55;
	begin();
	put_csr(HOST);
	for (int i = 0; i < 50; i++) {
		pass(DAY * 4, 900);
		if (i % 7 == 3)
			engine_restart();
	}
	check(stage.norders >= 4 && stage.norders <= 5, "in 200 days: %zu orders", stage.norders);
	for (size_t k = 1; k < stage.norders; k++) {
		double age = (double)(stage.orders[k].at_s - stage.orders[k - 1].at_s + HOUR) / (90.0 * DAY);

		check(age >= 0.5 && age < 0.552, "order %zu in its window: %.3f", k, age);
		check(stage.orders[k].replaces, "and says what it replaces");
	}
	check(stage.cas[0].polls > 750 && stage.cas[0].polls < 850, "four questions a day: %u in all",
	    stage.cas[0].polls);
	check(stage.strays == 0, "each about a certificate that was in place");
}

/* All certificates of that day are revoked: they are renewed within hours, once. */
static void
test_revocation(void **state)
{
	(void)state;
	stage.cas[0].window_from = 0.6;
	stage.cas[0].window_to = 0.7;
	begin();
	put_csrs(5);
	pass(10 * DAY, 600);
	assert_int_equal(stage.norders, 5);
	stage.cas[0].revoked_s = real_s();
	pass(7 * HOUR, 600);
	assert_int_equal(stage.norders, 10);
	pass(20 * DAY, 600);
	assert_int_equal(stage.norders, 10);
}

/* A CA whose windows are always past gets a few orders, and then some each day. */
static void
test_always_past(void **state)
{
	(void)state;
	stage.cas[0].window_from = -0.2;
	stage.cas[0].window_to = 0.0001;
	begin();
	put_csr(HOST);
	pass(10 * DAY, 60);
	check(stage.norders >= 60 && stage.norders <= 72, "in ten days: %zu orders", stage.norders);
}

/* ---- outages ---- */

static void
test_outage(void **state)
{
	size_t before;

	(void)state;
	stage.cas[0].lifetime_s = 160 * HOUR;
	begin();
	put_csr(HOST);
	pass(70 * HOUR, 60);
	stage.cas[0].down = true;
	pass(70 * HOUR, 60);
	check(stage.norders > 5 && stage.norders < 30, "in 70 hours, 60 of them after it was due: %zu attempts",
	    stage.norders);
	check(strstr(status().problem, "does not answer") != NULL, "the reason is told: %s", status().problem);
	before = stage.norders;
	stage.cas[0].down = false;
	pass(6 * HOUR, 60);		/* an eighth of what is left of it may pass between two attempts, and some more by chance */
	check(stage.norders == before + 1 && stage.cas[0].issued == 2, "it is renewed within hours, before it expires: %zu "
	    "orders after %zu, %u issued", stage.norders, before, stage.cas[0].issued);
	check(status().state == ACME_IDLE_VALID && status().problem[0] == '\0', "all is well");
}

/* Ten thousand hosts do not knock at a door that is shut. */
static void
test_outage_of_many(void **state)
{
	(void)state;
	stage.cas[0].down = true;
	begin();
	put_csrs(500);
	pass(6 * HOUR, 20);
	check(stage.cas[0].orders <= 2 * 100 + 20, "in six hours: %u attempts", stage.cas[0].orders);
	check(explained() == 500, "each is told why it waits: %u", explained());
	stage.cas[0].down = false;
	pass(3 * HOUR, 20);
	assert_int_equal(stage.cas[0].issued, 500);
	check(stage.most_running == 100, "a hundred at a time: %u", stage.most_running);
}

static void
test_failover(void **state)
{
	(void)state;
	stage.config.nauthorities = 2;
	stage.cas[0].down = true;
	begin();
	put_csr(HOST);
	pass(3 * HOUR, 60);
	engine_restart();
	pass(2 * HOUR + 3000, 60);
	check(stage.cas[1].orders == 0, "for six hours it is waited for, a restart in between or not");
	pass(2 * HOUR, 60);
	check(stage.cas[1].issued == 1, "then the next is asked");
	put_csr("new.example.test");
	pass(2 * HOUR, 60);
	check(stage.cas[1].issued == 2, "at once, by now");
	stage.cas[0].down = false;
	pass(2 * DAY, 60);
	check(stage.cas[0].issued == 0 && stage.cas[1].issued == 2, "nothing is ordered just because the first works "
	    "again");
	put_csr("newer.example.test");
	pass(HOUR, 60);
	check(stage.cas[0].issued == 1 && stage.cas[1].issued == 2, "but the next order goes there");
	pass(70 * DAY, 600);
	check(stage.cas[0].issued == 4 && stage.cas[1].issued == 2, "as do the renewals");
	for (size_t i = 0; i < stage.norders; i++)
		check(!stage.orders[i].replaces, "without words that another CA does not know");
}

/* With little left of a certificate patience is short. */
static void
test_failover_near_the_end(void **state)
{
	(void)state;
	stage.config.nauthorities = 2;
	stage.cas[0].lifetime_s = 4 * HOUR;
	begin();
	put_csr(HOST);
	pass(HOUR / 2, 10);
	stage.cas[0].down = true;
	pass(2 * HOUR, 10);
	check(stage.cas[1].issued == 1, "renewed by the next in time");
}

/* ---- limits ---- */

/* The CA never has to say so. */
static void
test_limits(void **state)
{
	struct acme_limits limits = acme_limits_letsencrypt;

	(void)state;
	stage.cas[0].limits = limits;
	stage.authorities[0].limits = &limits;
	begin();
	put_csrs(80);
	pass(DAY, 60);
	check(stage.cas[0].issued >= 50 && stage.cas[0].issued < 62, "a day: %u of 80", stage.cas[0].issued);
	engine_restart();
	pass(4 * DAY, 600);
	check(stage.cas[0].issued == 80, "four more: %u", stage.cas[0].issued);
	assert_int_equal(stage.cas[0].beyond, 0);
}

static void
test_retry_after(void **state)
{
	(void)state;
	stage.cas[0].limit_s = 5 * HOUR;
	stage.cas[0].limit_words = "too many new orders (300) from this account in the last 3h0m0s";
	begin();
	put_csrs(150);
	pass(5 * HOUR - 60, 10);
	check(stage.cas[0].refused == 100, "those that were on their way: %u", stage.cas[0].refused);
	stage.cas[0].limit_s = 0;
	pass(HOUR, 10);
	assert_int_equal(stage.cas[0].issued, 150);
}

static void
test_one_bad_host(void **state)
{
	(void)state;
	stage.config.orders_at_once = 1;
	stage.cas[0].bad_host = "h0.example.test";
	begin();
	put_csrs(20);
	pass(300, 2);
	check(stage.cas[0].issued == 19, "the others have theirs: %u", stage.cas[0].issued);
	pass(10 * DAY, 120);
	check(stage.cas[0].orders >= 19 + 10 && stage.cas[0].orders <= 19 + 16, "1, 10, 100 minutes, then each day: %u",
	    stage.cas[0].orders - 19);
}

/* Renewals that have time come last, those near their end first. */
static void
test_turns(void **state)
{
	(void)state;
	stage.config.orders_at_once = 1;
	stage.cas[0].lifetime_s = 30 * DAY;
	begin();
	put_csr("old.example.test");
	pass(60, 2);
	pass(8 * DAY, 600);
	put_csr("late.example.test");
	pass(60, 2);
	/* The latter has 8 more days; both are due by then, and one of them is about to expire. */
	stage.cas[0].limit_s = 21 * DAY;
	stage.cas[0].limit_words = "no more from this account";
	put_csr("probe.example.test");
	pass(21 * DAY - 600, 600);
	stage.cas[0].limit_s = 0;
	put_csr("new.example.test");
	size_t before = stage.norders;
	pass(3600, 2);
	check(stage.norders - before >= 4, "all are served: %zu", stage.norders - before);
	check(strcmp(stage.orders[before].host, "old.example.test") == 0, "first what is about to expire, not %s",
	    stage.orders[before].host);
	size_t fresh = before, late = before;
	while (strcmp(stage.orders[fresh].host, "new.example.test") != 0)
		fresh++;
	while (strcmp(stage.orders[late].host, "late.example.test") != 0)
		late++;
	check(fresh < late, "and who has none yet before what has time");
}

/* ---- what was kept ---- */

static const struct { const char *why, *key, *value; } notes[] = {
	{ "junk",			"host/_letsencrypt._tcp.h0.example.test", "junk" },
	{ "another version",		"host/_letsencrypt._tcp.h1.example.test", "{\"v\":2}" },
	{ "a list",			"host/_letsencrypt._tcp.h2.example.test", "[1]" },
	{ "members of other kinds",	"host/_letsencrypt._tcp.h3.example.test", "{\"v\":1,\"csr\":7,\"authority\":[],"
	    "\"failures\":\"many\",\"retry\":{},\"rate\":3,\"refused\":[1,[],null],\"window\":[\"a\"],\"ends\":\"x\","
	    "\"problem\":{},\"type\":1,\"certificate\":2}" },
	{ "numbers without measure",	"host/_letsencrypt._tcp.h4.example.test", "{\"v\":1,\"failures\":-1,"
	    "\"retry\":9223372036854775807,\"governor\":9223372036854775807,\"rate\":[-1,-1],\"begins\":-9223372036854775807,"
	    "\"ends\":9223372036854770000,\"issued\":-5,\"poll\":9223372036854775807,\"window\":[5,9223372036854775807],"
	    "\"chosen\":6}" },
	{ "nothing",			"host/", "" },
	{ "a limit that is junk",	"limit/one.test/orders/", "junk" },
	{ "an unknown limit",		"limit/one.test/other/x", "{\"v\":1,\"full\":9223372036854775807}" },
	{ "a limit for ever",		"limit/one.test/zone/example.test", "{\"v\":1,\"full\":9223372036854775807}" },
	{ "health that is junk",	"health/one.test", "junk" },
	{ "of another authority",	"health/other.test", "{\"v\":1,\"since\":5}" },
};

static void
test_kept_badly(void **state)
{
	struct acme_limits limits = acme_limits_letsencrypt;
	struct acme_outside outside = world_outside(&stage.world);

	(void)state;
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		outside.remember(outside.ctx, notes[i].key, notes[i].value, strlen(notes[i].value), NULL, NULL);
	stage.authorities[0].limits = &limits;
	begin();
	put_csrs(5);
	pass(2 * DAY, 600);
	check(stage.cas[0].issued == 5, "whatever was kept, all have certificates: %u", stage.cas[0].issued);
}

/* ---- clocks ---- */

static const struct { const char *why; int64_t by_s; } jumps[] = {
	{ "an hour forward", HOUR }, { "an hour back", -HOUR }, { "a day back", -DAY },
	    { "ten years forward", 3652 * DAY },
	{ "ten years back", -3652 * DAY }, { "forty years forward", 14610 * INT64_C(86400) },
};

static void
test_clock_jumps(void **state)
{
	for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
		setup(state);
		stage.cas[0].window_from = i % 3 == 0 ? 0.6 : 0;
		stage.cas[0].window_to = i % 3 == 0 ? 0.7 : 0;
		begin();
		put_csrs(2);
		pass(5 * DAY, 1800);
		assert_int_equal(stage.norders, 2);
		put_clock(jumps[i].by_s);
		pass(5 * DAY, 1800);
		check(stage.norders <= 4, "%s: at most one order for each: %zu", jumps[i].why, stage.norders);
		engine_restart();
		pass(5 * DAY, 1800);
		check(stage.norders <= 4, "%s, and a restart: at most one order for each: %zu", jumps[i].why,
		    stage.norders);
		put_clock(-jumps[i].by_s);
		pass(5 * DAY, 1800);
		check(stage.norders <= 4, "%s, and right again: at most one order for each: %zu", jumps[i].why,
		    stage.norders);
		check(status().state == ACME_IDLE_VALID, "%s: all is well", jumps[i].why);
		pass(70 * DAY, 1800);
		check(stage.norders >= 4 && stage.norders <= 6, "%s: they are renewed as ever: %zu", jumps[i].why,
		    stage.norders);
		if (i + 1 < sizeof jumps / sizeof *jumps)
			teardown(state);
	}
}

/* A clock that is wrong from the start: certificates are renewed by their age. */
static void
test_wrong_clock(void **state)
{
	for (int sign = -1; sign <= 1; sign += 2) {
		setup(state);
		put_clock(sign * 1000 * INT64_C(86400));
		begin();
		put_csr(HOST);
		pass(50 * DAY, 600);
		check(stage.norders == 1, "one order in 50 days: %zu", stage.norders);
		pass(20 * DAY, 600);
		check(stage.norders == 2, "and another in 20 more: %zu", stage.norders);
		if (sign < 0)
			teardown(state);
	}
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_lifetimes, teardown),
		TEST(test_windows),
		TEST(test_revocation),
		TEST(test_always_past),
		TEST(test_outage),
		TEST(test_outage_of_many),
		TEST(test_failover),
		TEST(test_failover_near_the_end),
		TEST(test_limits),
		TEST(test_retry_after),
		TEST(test_one_bad_host),
		TEST(test_turns),
		TEST(test_kept_badly),
		cmocka_unit_test_teardown(test_clock_jumps, teardown),
		cmocka_unit_test_teardown(test_wrong_clock, teardown),
	};

	log_setup(getenv("VERBOSE") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, LOG_TEXT);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

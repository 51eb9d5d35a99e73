/* Orders that were begun in an earlier life, what becomes of those that fail, and what an order may wish for. */
#include "tests/unit/acme/blame_words.h"
#include "tests/unit/check.h"

#include "tests/unit/acme/model.h"

/* ---- taken up again ---- */

static const struct { const char *why; struct model model; const char *location; unsigned placed; } lives[] = {
	{ "the CA wants us to wait", { ONE, .fault = HTTP_429_NOW, .fault_at = 1, .fault_times = 1 },
	    "https://ca/order-before", 0 },
	{ "nothing was done yet", { ONE }, "https://ca/order-before", 0 },
	{ "all was proved", { ONE, .reused = { true } }, "https://ca/order-before", 0 },
	{ "the CSR was sent", { ONE, .reused = { true }, .finalized = true, .slow_issue = 2 },
	    "https://ca/order-before", 0 },
	{ "it was issued", { ONE, .reused = { true }, .finalized = true }, "https://ca/order-before", 0 },
	{ "the CA has forgotten it", { ONE, .gone = true }, "https://ca/order", 1 },
	{ "it has ended", { ONE, .over = true }, "https://ca/order", 1 },
	{ "the CA is away for a moment", { ONE, .fault = NO_ANSWER, .fault_at = 1, .fault_times = 2 },
	    "https://ca/order-before", 0 },
	{ "the CA is overloaded", { ONE, .fault = HTTP_503_LATER, .fault_at = 1, .fault_times = 1 },
	    "https://ca/order-before", 0 },
};

static void
test_orders_go_on(void **state)
{
	(void)state;
	wishes = (struct acme_order_setup){ .resume = "https://ca/order-before", .leftovers = true };
	for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
		struct model m = lives[i].model;
		struct outcome out = run(&m, &good_zones, one, 600000);

		check(out.err == ERR_OK, "%s: %s", lives[i].why, out.words);
		check(m.placed == lives[i].placed, "%s: %u orders", lives[i].why, m.placed);
		check(strcmp(out.location, lives[i].location) == 0, "%s: it is %s", lives[i].why, out.location);
	}
	wishes = (struct acme_order_setup){ 0 };
}

static const struct { const char *why; struct model model; struct zones zones; const char *blame, *again, *problem;
    bool resumable; }
failures[] = {
	{ "the CA cannot be reached", { ONE, .fault = NO_ANSWER, .fault_at = 1, .fault_times = 99 }, { 0 }, "CA",
	    "soon", "", false },
	{ "nor in the middle of it", { ONE, .fault = NO_ANSWER, .fault_at = 3, .fault_times = 99 }, { 0 }, "CA", "soon",
	    "", true },
	{ "a limit of hours", { ONE, .fault = HTTP_429_LATER, .fault_at = 2, .fault_times = 99 }, { 0 }, "limit",
	    "later", "rateLimited", true },
	{ "a limit before the order is there", { ONE, .fault = HTTP_429_LATER, .fault_at = 1, .fault_times = 99 },
	    { 0 }, "limit", "later", "rateLimited", false },
	{ "a proof that fails", { ONE, .bad_authorization = "invalid" }, { 0 }, "host", "soon", "unauthorized", false },
	{ "an order that fails", { ONE, .order_invalid = true }, { 0 }, "host", "later", "caa", false },
	{ "a zone that says no", { ONE }, { .publish = ERR_REFUSED }, "local", "soon", "", true },
	{ "a server that lags", { ONE }, { .check = ERR_TIMEOUT }, "host", "soon", "", true },
	{ "not JSON", { ONE, .fault = NOT_JSON, .fault_at = 2, .fault_times = 1 }, { 0 }, "CA", "later", "", false },
	{ "another key's certificate", { ONE, .wrong_key = true }, { 0 }, "CA", "later", "", false },
	{ "hours until it issues", { ONE, .slow_issue = 100000, .retry_after_s = 3600 }, { 0 }, "host", "soon", "",
	    true },
	{ "no end", { ONE, .slow_checks = 100000 }, { 0 }, "CA", "soon", "", true },
};

static void
test_failures_have_a_cause(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		struct model m = failures[i].model;
		struct outcome out = run(&m, &failures[i].zones, one, 60000);

		check(out.err != ERR_OK, "%s is a failure", failures[i].why);
		check(strcmp(blame_word(out.cause.blame), failures[i].blame) == 0, "%s: blames %s (%s)",
		    failures[i].why, blame_word(out.cause.blame), out.words);
		check(strcmp(again_word(out.cause.again), failures[i].again) == 0, "%s: again %s (%s)",
		    failures[i].why, again_word(out.cause.again), out.words);
		check(strcmp(out.problem, failures[i].problem) == 0, "%s: problem \"%s\"", failures[i].why,
		    out.problem);
		check(out.resumable == failures[i].resumable, "%s: goes on later: %d", failures[i].why, out.resumable);
	}
}

/* ---- profiles, replaces, chains ---- */

static void
test_profiles(void **state)
{
	struct model m = { ONE };
	struct outcome out;
	json_t *profiles = json_pack("{s:s, s:s}", "classic", "as ever", "shortlived", "six days");

	(void)state;
	wishes = (struct acme_order_setup){ .profile = "shortlived", .profiles = profiles };
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_OK && strstr(m.payload, "\"profile\":\"shortlived\"") != NULL,
	    "a profile is asked for: %s", m.payload);
	m = (struct model){ ONE };
	wishes.profile = "longlived";
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_UNSUPPORTED && m.requests == 0, "an unknown one is not");
	check(strstr(out.words, "no profile \"longlived\": it has \"classic\", \"shortlived\"") != NULL,
	    "it says which there are: %s", out.words);
	check(out.cause.again == AGAIN_NEVER && strcmp(out.problem, "invalidProfile") == 0, "and that it is for ever");
	wishes.profiles = NULL;
	out = run(&m, &good_zones, one, 60000);
	check(strstr(out.words, "offers no profiles") != NULL, "or that there are none: %s", out.words);
	wishes = (struct acme_order_setup){ 0 };
	json_decref(profiles);
}

static void
test_replaces(void **state)
{
	struct model m = { ONE };
	struct outcome out;

	(void)state;
	wishes = (struct acme_order_setup){ .replaces = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" };
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_OK && m.placed == 1 && strstr(m.payload, "\"replaces\":\"aYhba4") != NULL,
	    "it is said: %s", m.payload);
	m = (struct model){ ONE, .knows_no_replaces = true };
	out = run(&m, &good_zones, one, 60000);
	check(out.err == ERR_OK && m.placed == 2 && strstr(m.payload, "replaces") == NULL,
	    "and left out when the CA refuses it: %s", out.words);
	wishes = (struct acme_order_setup){ 0 };
}

static const struct { const char *why, *preferred; struct model model; bool under_b; unsigned requests;
    } preferences[] = {
	{ "no wish", NULL, { ONE, .alternates = { "Root B" } }, false, 0 },
	{ "the default is the wish", "Root A", { ONE, .alternates = { "Root B" } }, false, 0 },
	{ "the second of two", "Root B", { ONE, .alternates = { "Root C", "Root B", "Root D" } }, true, 2 },
	{ "the last of three", "Root B", { ONE, .alternates = { "Root C", "Root D", "Root B" } }, true, 3 },
	{ "none fits", "Root E", { ONE, .alternates = { "Root B", "Root C" } }, false, 2 },
	{ "there are no others", "Root B", { ONE }, false, 0 },
	{ "the others are gone", "Root B", { ONE, .alternates = { "Root B", "Root C" }, .bad_alternates = true }, false,
	    2 },
};

static void
test_preferred_chain(void **state)
{
	struct model plain = { ONE };

	(void)state;
	run(&plain, &good_zones, one, 60000);
	for (size_t i = 0; i < sizeof preferences / sizeof preferences[0]; i++) {
		struct model m = preferences[i].model;
		struct outcome out;

		wishes = (struct acme_order_setup){ .preferred_chain = preferences[i].preferred };
		out = run(&m, &good_zones, one, 60000);
		check(out.err == ERR_OK && out.nchain == 2, "%s: %s", preferences[i].why, out.words);
		check(out.under_b == preferences[i].under_b, "%s: below Root B: %d", preferences[i].why, out.under_b);
		check(m.requests == plain.requests + preferences[i].requests, "%s: %u requests more",
		    preferences[i].why, m.requests - plain.requests);
	}
	wishes = (struct acme_order_setup){ 0 };
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders_go_on),
		cmocka_unit_test(test_failures_have_a_cause),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_preferred_chain),
	};

	return cmocka_run_group_tests(tests, model_setup, model_teardown);
}

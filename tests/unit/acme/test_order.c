/* Whole orders against a CA in memory (model.h): honest ones, and all that can go wrong. */
#include "tests/unit/check.h"

#include "tests/unit/acme/model.h"
#include "tests/unit/acme/pki.h"

static const struct {
	const char *why, *san;
	struct model model;
	struct zones zones;
	enum err err;
	const char *words;
	size_t ntxts;
	unsigned responses;
} orders[] = {
	{ "one name", one, { ONE }, { 0 }, ERR_OK, "", 1, 1 },
	{ "apex and wildcard", two, { TWO }, { 0 }, ERR_OK, "", 2, 2 },
	{ "an authorization that is valid already", two, { TWO, .reused = { true } }, { 0 }, ERR_OK, "", 1, 1 },
	{ "nothing to prove", two, { TWO, .reused = { true, true } }, { 0 }, ERR_OK, "", 0, 0 },
	{ "a CA that takes its time everywhere", one, { ONE, .slow_checks = 3, .slow_order = 3, .slow_issue = 3 },
	    { 0 },
	    ERR_OK, "", 1, 1 },
	{ "and says how long to wait", one, { ONE, .slow_checks = 2, .slow_issue = 2, .retry_after_s = 7 }, { 0 },
	    ERR_OK, "", 1, 1 },
	{ "an order that stays ready for a moment", one, { ONE, .ready_for_long = true }, { 0 }, ERR_OK, "", 1, 1 },
	{ "an order that is not ready at first", one, { ONE, .not_ready_once = true }, { 0 }, ERR_OK, "", 1, 1 },
	{ "challenges without token and of new types", one, { ONE, .challenges = CHALLENGE("dns-01", "") ","
	    CHALLENGE("dns-persist-01", "") ",{}," CHALLENGE("dns-01", ",\"token\":\"t\"") }, { 0 }, ERR_OK, "", 1, 1 },
	{ "no dns-01", one, { ONE, .challenges = CHALLENGE("http-01", ",\"token\":\"t\"") }, { 0 }, ERR_PEER,
	    "offers no challenge for a.test that we are to use: it offers http-01", 0, 0 },
	{ "no challenge at all", one, { ONE, .challenges = "" }, { 0 }, ERR_PEER, "it offers nothing", 0, 0 },
	{ "a name that was not ordered", one, { .n = 1, .names = { "b.test" } }, { 0 }, ERR_PEER,
	    "not ordered: b.test", 0, 0 },
	{ "a wildcard that was not ordered", one, { ONE, .wildcard = { true } }, { 0 }, ERR_PEER, "not ordered", 0, 0 },
	{ "a proof that is not accepted", one, { ONE, .bad_authorization = "invalid" }, { 0 }, ERR_PEER,
	    "does not accept the proof for a.test: unauthorized: wrong TXT", 1, 1 },
	{ "an authorization that expires", one, { ONE, .bad_authorization = "expired" }, { 0 }, ERR_PEER, "expire", 1,
	    1 },
	{ "an order that becomes invalid", one, { ONE, .order_invalid = true }, { 0 }, ERR_PEER,
	    "given up the order: caa: no", 1, 1 },
	{ "no Location", one, { ONE, .no_location = true }, { 0 }, ERR_PEER, "no https URL", 0, 0 },
	{ "a Location without https", one, { ONE, .http_location = true }, { 0 }, ERR_PEER, "no https URL", 0, 0 },
	{ "a certificate for another key", one, { ONE, .wrong_key = true }, { 0 }, ERR_PEER, "another key", 1, 1 },
	{ "a chain that says what it is", one, { ONE,
	    .content_type = "application/pem-certificate-chain; charset=utf-8" }, { 0 },
	    ERR_OK, "", 1, 1 },
	{ "a certificate that is valid by the CA's clock", one, { ONE, .date_s = 1500 }, { 0 }, ERR_OK, "", 1, 1 },
	{ "one that has expired by it", one, { ONE, .date_s = 2000 }, { 0 }, ERR_PEER,
	    "has expired, by the CA's own clock", 1, 1 },
	{ "one that will be valid in a moment", one, { ONE, .date_s = 990 }, { 0 }, ERR_OK, "", 1, 1 },
	{ "one that will not", one, { ONE, .date_s = 600 }, { 0 }, ERR_PEER, "not valid yet, by the CA's own clock", 1,
	    1 },
	{ "a chain of another type", one, { ONE, .content_type = "application/pkix-cert" }, { 0 }, ERR_PEER,
	    "comes as application/pkix-cert", 1, 1 },
	{ "no PEM", one, { ONE, .no_pem = true }, { 0 }, ERR_PEER, "no certificate in PEM", 1, 1 },
	{ "a chain that does not verify", one, { ONE, .leaf_twice = true }, { 0 }, ERR_PEER, "chain does not verify", 1,
	    1 },
	{ "an order that stays ready", one, { ONE, .stays_ready = true }, { 0 }, ERR_PEER, "stays ready", 1, 1 },
	{ "an order with the names that were ordered", two,
	    { TWO, .identifiers = "[{\"type\":\"dns\",\"value\":\"*.A.test\"},"
	    "{\"type\":\"dns\",\"value\":\"a.test\"}]" }, { 0 }, ERR_OK, "", 2, 2 },
	{ "an order with another name", one, { ONE, .identifiers = "[{\"type\":\"dns\",\"value\":\"b.test\"}]" }, { 0 },
	    ERR_PEER, "not ordered: b.test", 0, 0 },
	{ "an order with a name too few", two, { TWO, .identifiers = "[{\"type\":\"dns\",\"value\":\"a.test\"}]" },
	    { 0 }, ERR_PEER, "1 identifiers; 2 were ordered", 0, 0 },
	{ "an order with identifiers of another kind", one, { ONE, .identifiers = "[7]" }, { 0 }, ERR_PEER,
	    "not ordered", 0, 0 },
	{ "a zone that refuses the challenge", one, { ONE }, { .publish = ERR_REFUSED }, ERR_REFUSED,
	    "the zone says no", 1, 0 },
	{ "a server that does not show it", one, { ONE }, { .check = ERR_TIMEOUT }, ERR_TIMEOUT, "ns2 is silent", 1,
	    0 },
};

static void
test_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct model m = orders[i].model;
		struct outcome out = run(&m, &orders[i].zones, orders[i].san, 600000);

		check(out.err == orders[i].err, "%s: %s, not %s (%s)", orders[i].why, err_str(orders[i].err),
		    err_str(out.err),
		    out.words);
		check(out.err == ERR_OK || strstr(out.words, orders[i].words) != NULL, "%s: \"%s\" says \"%s\"",
		    orders[i].why,
		    out.words, orders[i].words);
		check(out.ntxts == orders[i].ntxts, "%s: %zu records, not %zu", orders[i].why, orders[i].ntxts,
		    out.ntxts);
		check(m.responses == orders[i].responses, "%s: %u responses, not %u", orders[i].why,
		    orders[i].responses,
		    m.responses);
	}
}

static const struct { const char *why; enum trouble fault; bool passes; } faults[] = {
	{ "no answer",			NO_ANSWER, true },
	{ "a time-out",			TIMED_OUT, true },
	{ "HTTP 500",			HTTP_500, true },
	{ "HTTP 503 with Retry-After",	HTTP_503_LATER, true },
	{ "a rate limit of seconds",	HTTP_429_NOW, true },
	{ "a rate limit of hours",	HTTP_429_LATER, false },
	{ "a refusal",			HTTP_403, false },
	{ "a redirect",			HTTP_302, false },
	{ "HTML",			NOT_JSON, false },
	{ "an empty object",		EMPTY_OBJECT, false },
	{ "an unknown status",		UNKNOWN_STATUS, false },
};

/* Each fault at each request of an order, once: what may pass does not end the order, except at its first request,
 * whose order has no URL yet. */
static void
test_fault_at_every_step(void **state)
{
	struct model plain = { TWO, .slow_checks = 1, .slow_issue = 1 };

	(void)state;
	assert_int_equal(run(&plain, &good_zones, two, 600000).err, ERR_OK);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		for (unsigned at = 1; at <= plain.requests; at++) {
			struct model m = { TWO, .slow_checks = 1, .slow_issue = 1, .fault = faults[i].fault,
			    .fault_at = at,
				.fault_times = 1 };
			struct outcome out = run(&m, &good_zones, two, 600000);

			/* The CA's word on a challenge is not needed: the authorization tells. */
			bool unread = m.responses == 2 && (at == 4 || at == 5) && faults[i].fault >= NOT_JSON;
			bool good = unread || (faults[i].passes && at > 1);
			check((out.err == ERR_OK) == good, "%s at request %u: %s (%s)", faults[i].why, at, good ?
			    "passes" : "ends it",
			    out.words);
			check(faults[i].fault != HTTP_429_LATER || out.retry_after_s == 7200,
			    "%s at request %u tells when",
			    faults[i].why, at);
		}
}

/* The same fault from some request on for ever: the order ends, and the challenge is removed (run() checks both). */
static void
test_fault_for_ever(void **state)
{
	struct model plain = { TWO };

	(void)state;
	assert_int_equal(run(&plain, &good_zones, two, 600000).err, ERR_OK);
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		for (unsigned at = 1; at <= plain.requests; at++) {
			struct model m = { TWO, .fault = faults[i].fault, .fault_at = at, .fault_times = 1000 };
			struct outcome out = run(&m, &good_zones, two, 600000);

			check(out.err != ERR_OK, "%s from request %u on is a failure", faults[i].why, at);
		}
}

static void
test_time(void **state)
{
	struct model slow = { ONE, .slow_checks = 100000 };
	struct model patient = { ONE, .slow_checks = 2, .retry_after_s = 7 };
	struct outcome out = run(&slow, &good_zones, one, 60000);

	(void)state;
	check(out.err == ERR_TIMEOUT, "a CA that never checks: the order ends at its limit, not with %s",
	    err_str(out.err));
	check(strstr(out.words, "waiting for the CA to check a.test") != NULL,
	    "the words tell what it waited for: %s", out.words);
	check(slow.slept_ms <= 60000 && slow.requests < 30, "polls come less and less often: %u", slow.requests);
	out = run(&patient, &good_zones, one, 60000);
	check(out.err == ERR_OK && patient.slept_ms == 14000, "Retry-After is obeyed: %llu ms",
	    (unsigned long long)patient.slept_ms);
}

static const struct { const char *name, *owner; } owners[] = {
	{ "a.test", "_acme-challenge.a.test" },
	{ "*.a.test", "_acme-challenge.a.test" },
	{ "test", "_acme-challenge.test" },
};

static void
test_owner(void **state)
{
	char text[DNAME_TEXT_MAX], label[64], longest[260];
	struct dname d;

	(void)state;
	for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
		assert_int_equal(acme_challenge_record(ACME_DNS_01, owners[i].name, NULL, &d), ERR_OK);
		assert_string_equal(dname_print_host(d.octets, text), owners[i].owner);
	}
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(longest, sizeof longest, "%s.%s.%s.%.55s", label, label, label, label);
	check(acme_challenge_record(ACME_DNS_01, longest, NULL, &d) == ERR_RANGE,
	    "a name may be too long for a challenge");
}

static void
test_abort(void **state)
{
	struct buf der = { 0 };
	struct acme_csr *csr = NULL;
	struct acme_order *o = NULL;

	(void)state;
	pki_csr(model_key, NULL, one, &der);
	assert_int_equal(acme_csr_parse(der.p, der.len, &csr, NULL), ERR_OK);
	struct acme_order_setup setup = { .csr = csr, .new_order = "https://ca/new-order",
	    .means.thumbprint = "thumbprint",
		.limit_ms = 1000 };
	assert_int_equal(acme_order_new(&setup, &o), ERR_OK);
	assert_int_equal(acme_order_start(o), ACME_POST);
	assert_int_equal(acme_order_abort(o, ERR_CANCELLED, "the CSR was removed"), ACME_FINISHED);
	assert_string_equal(acme_order_result(o).words, "the CSR was removed");
	acme_order_free(o);
	acme_csr_free(csr);
	buf_clear(&der);
}

/* One standing record for a name and its wildcard; each authorization gets its answer all the same. */
static void
test_standing(void **state)
{
	static const enum acme_challenge_type preferred[] = { ACME_DNS_PERSIST_01, ACME_DNS_01 };

	(void)state;
	wishes = (struct acme_order_setup){ .means = { .preferred = preferred, .npreferred = 2 } };
	struct model m = { TWO, .persistent = true }, some = { TWO, .persistent = true, .reused = { false, true } },
	    plain = { TWO };
	struct outcome out = run(&m, &good_zones, two, 600000);
	check(out.err == ERR_OK && out.ntxts == 0 && out.nstanding == 1 && out.standing_wildcard,
	    "one record with the wildcard: %s", out.words);
	check(m.responses == 2 && m.published == 1 && m.checked == 1, "two answers, after it was seen");
	out = run(&some, &good_zones, two, 600000);
	check(out.err == ERR_OK && out.nstanding == 1 && !out.standing_wildcard && some.responses == 1,
	    "an authorization that is valid needs nothing");
	out = run(&plain, &good_zones, two, 600000);
	check(out.err == ERR_OK && out.ntxts == 2 && out.nstanding == 0, "where it is not offered the next is used");
	wishes = (struct acme_order_setup){ 0 };
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_fault_at_every_step),
		cmocka_unit_test(test_fault_for_ever),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_standing),
	};

	return cmocka_run_group_tests(tests, model_setup, model_teardown);
}

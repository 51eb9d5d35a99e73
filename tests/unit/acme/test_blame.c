#include "tests/unit/acme/blame_words.h"
#include "tests/unit/check.h"

#include "acme/blame.h"

static const struct { const char *why, *type; long status; bool proof; const char *blame, *again; } problems[] = {
	{ "too many orders wait for the CA's clock", "urn:ietf:params:acme:error:rateLimited", 429, false, "limit",
	    "later" },
	{ "a refused CSR needs another CSR", "urn:ietf:params:acme:error:badCSR", 400, false, "host", "never" },
	{ "a name that the CA does not want", "urn:ietf:params:acme:error:rejectedIdentifier", 400, false, "host",
	    "never" },
	{ "CAA forbids: someone must change the zone", "urn:ietf:params:acme:error:caa", 403, true, "host", "later" },
	{ "the CA did not see the TXT", "urn:ietf:params:acme:error:dns", 400, true, "host", "soon" },
	{ "a wrong TXT fails the proof", "urn:ietf:params:acme:error:unauthorized", 403, true, "host", "soon" },
	{ "unauthorized to order is our account", "urn:ietf:params:acme:error:unauthorized", 403, false, "local",
	    "later" },
	{ "the CA is broken", "urn:ietf:params:acme:error:serverInternal", 500, false, "CA", "soon" },
	{ "terms must be agreed to again", "urn:ietf:params:acme:error:userActionRequired", 403, false, "local",
	    "later" },
	{ "a profile that is not there", "urn:ietf:params:acme:error:invalidProfile", 400, false, "local", "never" },
	{ "the urn may be left out", "rateLimited", 403, false, "limit", "later" },
	{ "an unknown problem of a proof", "urn:ietf:params:acme:error:brandNew", 400, true, "host", "soon" },
	{ "an unknown problem goes by its status", "https://ca.example/overloaded", 503, false, "CA", "soon" },
	{ "no problem document at all", NULL, 502, false, "CA", "soon" },
	{ "429 without a document", NULL, 429, false, "limit", "later" },
	{ "403 without a document", NULL, 403, false, "local", "later" },
	{ "404 without a document", NULL, 404, false, "CA", "later" },
	{ "a redirection", NULL, 302, false, "CA", "later" },
};

static const struct { enum err err; const char *blame, *again; } errors[] = {
	{ ERR_CANCELLED, "none", "soon" }, { ERR_NETWORK, "CA", "soon" }, { ERR_TIMEOUT, "CA", "soon" },
	{ ERR_PEER, "CA", "later" }, { ERR_NOMEM, "local", "soon" }, { ERR_IO, "local", "later" },
	{ ERR_REFUSED, "local", "later" },
};

static void
test_problems_have_a_cause(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
		struct acme_cause c = acme_cause_of_problem(problems[i].type, problems[i].status, problems[i].proof);

		check(strcmp(blame_word(c.blame), problems[i].blame) == 0, "%s: blames %s", problems[i].why,
		    blame_word(c.blame));
		check(strcmp(again_word(c.again), problems[i].again) == 0, "%s: again %s", problems[i].why,
		    again_word(c.again));
	}
}

static void
test_errors_have_a_cause(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct acme_cause c = acme_cause_of_err(errors[i].err);

		check(strcmp(blame_word(c.blame), errors[i].blame) == 0, "%s: blames %s", err_str(errors[i].err),
		    blame_word(c.blame));
		check(strcmp(again_word(c.again), errors[i].again) == 0, "%s: again %s", err_str(errors[i].err),
		    again_word(c.again));
	}
}

static void
test_short_types(void **state)
{
	(void)state;
	assert_string_equal(acme_problem_short("urn:ietf:params:acme:error:dns"), "dns");
	assert_string_equal(acme_problem_short("about:blank"), "about:blank");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problems_have_a_cause),
		cmocka_unit_test(test_errors_have_a_cause),
		cmocka_unit_test(test_short_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

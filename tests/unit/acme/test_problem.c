#include "tests/unit/check.h"

#include "acme/link.h"
#include "acme/problem.h"
#include "acme/reply.h"

#define URN "urn:ietf:params:acme:error:"
static const struct { const char *why, *body; enum acme_problem_type type; const char *words; } problems[] = {
	{ "a bad nonce",
	    "{\"type\":\"" URN "badNonce\",\"detail\":\"JWS has an invalid anti-replay nonce\",\"status\":400}",
	    PROBLEM_BAD_NONCE, "badNonce: JWS has an invalid anti-replay nonce (status 400)" },
	{ "subproblems", "{\"type\":\"" URN "rejectedIdentifier\",\"detail\":\"Some\",\"status\":403,\"subproblems\":["
	    "{\"type\":\"" URN "caa\",\"detail\":\"no\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}},"
	    "{\"type\":\"about:other\"}]}", PROBLEM_REJECTED_IDENTIFIER,
	    "rejectedIdentifier: Some (status 403); caa: no (for a.example); about:other: no detail given" },
	{ "a rate limit", "{\"type\":\"" URN "rateLimited\"}", PROBLEM_RATE_LIMITED, "rateLimited: no detail given" },
	{ "an instance to look at", "{\"type\":\"" URN "userActionRequired\",\"detail\":\"Terms have changed\","
	    "\"instance\":\"https://ca.example/agreement?id=1\",\"status\":403}", PROBLEM_USER_ACTION_REQUIRED,
	    "userActionRequired: Terms have changed (status 403) (see https://ca.example/agreement?id=1); "
	    "the terms of service to agree to: https://ca.example/tos/2" },
	{ "algorithms that are taken", "{\"type\":\"" URN "badSignatureAlgorithm\",\"detail\":\"no\","
	    "\"algorithms\":[\"ES256\",\"RS256\",1]}", PROBLEM_BAD_SIGNATURE_ALGORITHM,
	    "badSignatureAlgorithm: no; it takes ES256, RS256, ?" },
	{ "an odd status", "{\"type\":\"" URN "caa\",\"status\":-4}", PROBLEM_CAA, "caa: no detail given" },
	{ "another namespace", "{\"type\":\"urn:acme:error:badNonce\",\"detail\":\"x\"}", PROBLEM_OTHER,
	    "urn:acme:error:badNonce: x" },
	{ "HTML", "<html>502</html>", PROBLEM_OTHER, "HTTP status 502 without a problem document" },
	{ "nothing", "", PROBLEM_OTHER, "HTTP status 502 without a problem document" },
	{ "an array", "[1]", PROBLEM_OTHER, "HTTP status 502 without a problem document" },
	{ "odd members", "{\"type\":\"x\",\"detail\":[],\"status\":\"y\",\"subproblems\":{\"a\":1}}", PROBLEM_OTHER,
	    "x: no detail given" },
};

static void
test_problems(void **state)
{
	static const char *const terms[] = { "</tos/2>; rel=\"terms-of-service\"" };

	(void)state;
	for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
		struct acme_reply r = { .status = 502, .body = problems[i].body, .n = strlen(problems[i].body),
			.url = "https://ca.example/acme/new-order", .links = terms, .nlinks = 1 };
		struct buf words = { 0 };

		check(acme_problem_read(&r, &words) == problems[i].type, "%s is told by its type", problems[i].why);
		check(strcmp(buf_str(&words), problems[i].words) == 0, "%s: \"%s\", not \"%s\"", problems[i].why,
		    problems[i].words, buf_str(&words));
		buf_clear(&words);
	}
}

static void
test_document(void **state)
{
	static const char body[] = "{\"type\":\"" URN "compound\",\"detail\":\"two\",\"subproblems\":["
	    "{\"type\":\"" URN "dns\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"}},"
	    "{\"type\":\"" URN "caa\"}]}";
	struct acme_reply r = { .status = 400, .body = body, .n = strlen(body) };
	json_t *json = acme_problem_load(&r);
	struct acme_problem p = acme_problem_of(json), sub;

	(void)state;
	assert_int_equal(p.type, PROBLEM_COMPOUND);
	assert_int_equal(json_array_size(p.subproblems), 2);
	sub = acme_problem_of(json_array_get(p.subproblems, 0));
	check(sub.type == PROBLEM_DNS && strcmp(sub.identifier, "a.example") == 0, "a subproblem names its identifier");
	sub = acme_problem_of(json_array_get(p.subproblems, 1));
	check(sub.type == PROBLEM_CAA && sub.identifier == NULL, "or none");
	json_decref(json);
	for (r.n = 0; r.n < strlen(body); r.n++)
		check(acme_problem_load(&r) == NULL, "the first %zu characters are no problem document", r.n);
	check(acme_problem_of(NULL).type == PROBLEM_OTHER, "nothing is a problem of no kind");
}

/* What the CA says goes to logs and people: not all of a megabyte, and no half of a character. */
static void
test_much(void **state)
{
	struct buf json = { 0 }, words = { 0 };

	(void)state;
	buf_add_str(&json, "{\"type\":\"x\",\"detail\":\"");
	for (int i = 0; i < 3000; i++)
		buf_add_str(&json, "\xe2\x82\xac");
	buf_add_str(&json, "\"}");
	struct acme_reply r = { .status = 400, .body = buf_str(&json), .n = json.len };
	acme_problem_read(&r, &words);
	check(words.len <= 2003 && words.len > 1990 && (words.len - strlen("x: ...")) % 3 == 0, "%zu octets",
	    words.len);
	check(strcmp(buf_str(&words) + words.len - 6, "\xe2\x82\xac...") == 0, "ends in a whole character");
	buf_clear(&json);
	buf_clear(&words);
	buf_add_str(&json, "{\"type\":\"x\",\"subproblems\":[1");
	for (int i = 0; i < 100; i++)
		buf_add_str(&json, ",{\"detail\":\"a\"}");
	buf_add_str(&json, "]}");
	r = (struct acme_reply){ .status = 400, .body = buf_str(&json), .n = json.len };
	acme_problem_read(&r, &words);
	check(strstr(buf_str(&words), "; and 91 more") != NULL, "%s", buf_str(&words));
	buf_clear(&json);
	buf_clear(&words);
}

#define BASE "https://ca.example/acme/cert/1"
static const struct { const char *why, *field, *rel; size_t nth; const char *url; } links[] = {
	{ "an absolute target",		"<https://ca.example/2>;rel=\"alternate\"", "alternate", 0,
	    "https://ca.example/2" },
	{ "without quotes",		"<https://ca.example/2>; rel=alternate", "alternate", 0,
	    "https://ca.example/2" },
	{ "a path",			"</2>;rel=\"alternate\"", "alternate", 0, "https://ca.example/2" },
	{ "a relative path",		"<1/2>;rel=\"alternate\"", "alternate", 0, "https://ca.example/acme/cert/1/2" },
	{ "another relation",		"<https://ca.example/2>;rel=\"up\"", "alternate", 0, NULL },
	{ "one of several relations",	"</2>;rel=\"up Alternate\"", "alternate", 0, "https://ca.example/2" },
	{ "a part of a relation",	"</2>;rel=\"alternates\"", "alternate", 0, NULL },
	{ "the second of two in one",	"</2>;rel=\"alternate\", </3>;rel=\"alternate\"", "alternate", 1,
	    "https://ca.example/3" },
	{ "not so many",		"</2>;rel=\"alternate\"", "alternate", 1, NULL },
	{ "a comma in the target",	"</a,b;c>;rel=\"alternate\"", "alternate", 0, "https://ca.example/a,b;c" },
	{ "a comma in quotes",		"</2>;title=\"a, <b>; rel=x\";rel=\"alternate\"", "alternate", 0,
	    "https://ca.example/2" },
	{ "an escaped quote",		"</2>;title=\"\\\"\";rel=\"alternate\"", "alternate", 0,
	    "https://ca.example/2" },
	{ "a second rel",		"</2>;rel=\"up\";rel=\"alternate\"", "alternate", 0, NULL },
	{ "no rel",			"</2>", "alternate", 0, NULL },
	{ "a rel without value",	"</2>;rel", "alternate", 0, NULL },
	{ "no bracket",			"/2;rel=\"alternate\"", "alternate", 0, NULL },
	{ "no end of the target",	"</2;rel=\"alternate\"", "alternate", 0, NULL },
	{ "no end of the quotes",	"</2>;rel=\"alternate", "alternate", 0, NULL },
	{ "octets behind",		"</2>;rel=\"alternate\" x", "alternate", 0, NULL },
	{ "nothing",			"", "alternate", 0, NULL },
};

static void
test_links(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct acme_reply r = { .url = BASE, .links = &links[i].field, .nlinks = 1 };
		struct buf url = { 0 };
		bool found = acme_link_find(&r, links[i].rel, links[i].nth, &url);

		check(found == (links[i].url != NULL), "%s is %s", links[i].why, found ? "found" : "not found");
		check(!found || strcmp(buf_str(&url), links[i].url) == 0, "%s: %s, not %s", links[i].why, links[i].url,
		    buf_str(&url));
		buf_clear(&url);
	}
}

static void
test_links_of_several_fields(void **state)
{
	static const char *const fields[] = {
		"<https://ca.example/dir>;rel=\"index\"", "broken", "</1>;rel=\"alternate\"", "</2>;rel=\"alternate\""
	};
	struct acme_reply r = { .url = BASE, .links = fields, .nlinks = 4 };
	struct buf url = { 0 };

	(void)state;
	assert_true(acme_link_find(&r, "alternate", 1, &url));
	assert_string_equal(buf_str(&url), "https://ca.example/2");
	check(!acme_link_find(&r, "alternate", 2, &url), "there are two");
	buf_clear(&url);
}

static const char long_field[] = "</2>;title=\"a\\\"b\"; rel=\"up alternate\" , <https://ca.example/3> ; rel=alternate";

static void
test_link_prefixes(void **state)
{
	char text[sizeof long_field];

	(void)state;
	for (size_t n = 0; n < sizeof long_field; n++) {
		const char *field = text;
		struct acme_reply r = { .url = BASE, .links = &field, .nlinks = 1 };
		struct buf url = { 0 };

		memcpy(text, long_field, n);
		text[n] = '\0';
		check(acme_link_find(&r, "alternate", 1, &url) == (n == sizeof long_field - 1),
		    "the second link is there only when it is whole, not after %zu characters", n);
		buf_clear(&url);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_links_of_several_fields),
		cmocka_unit_test(test_link_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

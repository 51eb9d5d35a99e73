#include "tests/unit/check.h"

#include "acme/reply.h"

/* Shapes as boulder and Pebble send them. */
static const char directory[] = "{\"keyChange\":\"https://ca.example/acme/key-change\","
    "\"meta\":{\"caaIdentities\":[\"ca.example\"],\"termsOfService\":\"https://ca.example/tos.pdf\","
    "\"profiles\":{\"classic\":\"https://ca.example/profiles#classic\"}},"
    "\"newAccount\":\"https://ca.example/acme/new-acct\",\"newNonce\":\"https://ca.example/acme/new-nonce\","
    "\"newOrder\":\"https://ca.example/acme/new-order\",\"renewalInfo\":\"https://ca.example/acme/renewal-info\","
    "\"xF3kq2\":\"https://community.letsencrypt.org/t/adding-random-entries-to-the-directory/33417\"}";
static const char order[] = "{\"status\":\"valid\",\"expires\":\"2026-11-29T00:00:00Z\","
    "\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
    "\"authorizations\":[\"https://ca.example/authz/1\"],\"finalize\":\"https://ca.example/finalize/1\","
    "\"certificate\":\"https://ca.example/cert/1\"}";
static const char authorization[] = "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.example\"},\"status\":\"pending\","
    "\"wildcard\":true,\"expires\":\"2026-11-29T00:00:00Z\",\"challenges\":["
    "{\"type\":\"http-01\",\"url\":\"https://ca.example/chall/1\",\"token\":\"t1\",\"status\":\"pending\"},"
    "{\"type\":\"dns-persist-01\",\"url\":\"https://ca.example/chall/2\",\"status\":\"pending\","
    "\"issuer-domain-names\":[\"ca.example\"]},"
    "{\"type\":\"dns-01\",\"url\":\"https://ca.example/chall/3\",\"token\":\"t3\",\"status\":\"pending\"}]}";

enum what { DIRECTORY, ACCOUNT, ORDER, AUTHORIZATION };

static enum err
read_any(enum what what, const char *json, size_t n, struct fault *f)
{
	struct acme_directory d = { 0 };
	struct acme_order_object o = { 0 };
	struct acme_authorization a = { 0 };
	struct acme_account_object account = { 0 };
	enum err err = ERR_RANGE;

	switch (what) {
	case DIRECTORY:		err = acme_directory_read(json, n, &d, f); break;
	case ACCOUNT:		err = acme_account_read(json, n, &account, f); break;
	case ORDER:		err = acme_order_object_read(json, n, &o, f); break;
	case AUTHORIZATION:	err = acme_authorization_read(json, n, &a, f); break;
	}
	acme_directory_clear(&d);
	acme_account_object_clear(&account);
	acme_order_object_clear(&o);
	acme_authorization_clear(&a);
	return err;
}

#define AUTH "{\"identifier\":{\"type\":\"dns\",\"value\":\"a\"},\"status\":\"valid\""
#define URLS "\"authorizations\":[\"https://c/1\"],\"finalize\":\"https://c/f\""
static const struct { const char *why; enum what what; const char *json, *words; } broken[] = {
	{ "an empty answer",		DIRECTORY, "", "not JSON" },
	{ "HTML",			DIRECTORY, "<html>", "not JSON" },
	{ "an array",			DIRECTORY, "[]", "no JSON object" },
	{ "a NUL within a string",	DIRECTORY, "{\"newNonce\":\"https://\\u0000\"}", "not JSON" },
	{ "no newNonce",		DIRECTORY, "{\"newOrder\":\"https://c/o\"}", "lacks \"newNonce\"" },
	{ "a number for a URL",		DIRECTORY, "{\"newNonce\":1}", "lacks \"newNonce\"" },
	{ "a URL that is not https",	DIRECTORY, "{\"newNonce\":\"http://c/n\"}", "not https" },
	{ "a file URL",			DIRECTORY, "{\"newNonce\":\"file:///etc/passwd\"}", "not https" },
	{ "an account without status",	ACCOUNT, "{}", "lacks \"status\"" },
	{ "an order without status",	ORDER, "{" URLS "}", "lacks \"status\"" },
	{ "an order of unknown status",	ORDER, "{\"status\":\"odd\"," URLS "}", "unknown status \"odd\"" },
	{ "an order of a capital status", ORDER, "{\"status\":\"Valid\"," URLS "}", "unknown status" },
	{ "no authorizations",		ORDER, "{\"status\":\"pending\",\"finalize\":\"https://c/f\"}",
	    "authorizations" },
	{ "an empty list of them",	ORDER, "{\"status\":\"pending\",\"authorizations\":[]}", "authorizations" },
	{ "an authorization over http",	ORDER, "{\"status\":\"pending\",\"authorizations\":[\"http://c\"]}", "https" },
	{ "no finalize",		ORDER, "{\"status\":\"pending\",\"authorizations\":[\"https://c\"]}",
	    "finalize" },
	{ "valid without certificate",	ORDER, "{\"status\":\"valid\"," URLS "}", "lacks \"certificate\"" },
	{ "an authorization for an IP",	AUTHORIZATION,
	    "{\"identifier\":{\"type\":\"ip\",\"value\":\"::1\"},\"status\":\"pending\"}", "identifier" },
	{ "no identifier",		AUTHORIZATION, "{\"status\":\"pending\"}", "identifier" },
	{ "no status",			AUTHORIZATION, "{\"identifier\":{\"type\":\"dns\",\"value\":\"a\"}}",
	    "status" },
	{ "nothing wrong",		AUTHORIZATION, AUTH "}", NULL },
	{ "challenges that are none",	AUTHORIZATION, AUTH ",\"challenges\":[1,null,{},\"x\",[]]}", NULL },
	{ "challenges as an object",	AUTHORIZATION, AUTH ",\"challenges\":{\"a\":1}}", NULL },
	{ "a deactivated account",	ACCOUNT, "{\"status\":\"deactivated\",\"contact\":[],\"x\":{}}", NULL },
};

static void
test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		struct fault f = { 0 };
		enum err err = read_any(broken[i].what, broken[i].json, strlen(broken[i].json), &f);

		check(err == (broken[i].words == NULL ? ERR_OK : ERR_PEER), "%s: %s", broken[i].why, err_str(err));
		check(broken[i].words == NULL || strstr(f.text, broken[i].words) != NULL, "%s: \"%s\" says %s",
		    broken[i].why,
		    f.text, broken[i].words);
	}
}

static void
test_prefixes(void **state)
{
	static const struct { enum what what; const char *json; } good[] = {
		{ DIRECTORY, directory }, { ORDER, order }, { AUTHORIZATION, authorization },
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		for (size_t n = 0; n <= strlen(good[i].json); n++)
			check((read_any(good[i].what, good[i].json, n, NULL) == ERR_OK) == (n == strlen(good[i].json)),
			    "only the whole of sample %zu is read, not %zu characters", i, n);
}

static void
test_good(void **state)
{
	struct acme_directory d;
	struct acme_order_object o;
	struct acme_authorization a;

	(void)state;
	assert_int_equal(acme_directory_read(directory, strlen(directory), &d, NULL), ERR_OK);
	assert_string_equal(d.new_order, "https://ca.example/acme/new-order");
	assert_string_equal(d.terms, "https://ca.example/tos.pdf");
	assert_string_equal(d.key_change, "https://ca.example/acme/key-change");
	assert_string_equal(d.renewal_info, "https://ca.example/acme/renewal-info");
	check(d.revoke_cert == NULL && d.website == NULL && d.issuer_domain_names == NULL &&
	    d.account_hash_prefix == NULL, "what is absent is NULL");
	assert_string_equal(json_string_value(json_array_get(d.caa_identities, 0)), "ca.example");
	assert_non_null(json_object_get(d.profiles, "classic"));
	assert_null(json_object_get(d.profiles, "shortlived"));
	assert_false(d.external_account_required);
	acme_directory_clear(&d);
	assert_int_equal(acme_order_object_read(order, strlen(order), &o, NULL), ERR_OK);
	assert_int_equal(o.status, ORDER_VALID);
	assert_string_equal(o.certificate, "https://ca.example/cert/1");
	acme_order_object_clear(&o);
	assert_int_equal(acme_authorization_read(authorization, strlen(authorization), &a, NULL), ERR_OK);
	assert_true(a.wildcard);
	assert_int_equal(json_array_size(a.challenges), 3);
	acme_authorization_clear(&a);
}

static const struct { const char *why, *member, *meta; bool found; } metas[] = {
	{ "everything",			"\"revokeCert\":\"https://c/r\"", "\"website\":\"w\",\"caaIdentities\":[\"c\"],"
	    "\"profiles\":{\"x\":\"y\"},\"issuerDomainNames\":[\"c\"],\"accountHashPrefix\":\"p\"", true },
	{ "a revokeCert over http",	"\"revokeCert\":\"http://c/r\"", "", false },
	{ "other kinds of values",	"\"revokeCert\":[]", "\"website\":1,\"caaIdentities\":{},\"profiles\":[],"
	    "\"issuerDomainNames\":\"c\",\"accountHashPrefix\":null", false },
	{ "lists of other things",	"\"x\":0", "\"caaIdentities\":[\"c\",1],\"issuerDomainNames\":[]", false },
};

static void
test_directory_meta(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
		struct buf json = { 0 };
		struct acme_directory d;
		bool want = metas[i].found;

		buf_printf(&json,
		    "{\"newNonce\":\"https://c/n\",\"newAccount\":\"https://c/a\",\"newOrder\":\"https://c/o\","
		    "%s,\"meta\":{%s}}", metas[i].member, metas[i].meta);
		assert_int_equal(acme_directory_read(buf_str(&json), json.len, &d, NULL), ERR_OK);
		check((d.revoke_cert != NULL) == want && (d.website != NULL) == want && (d.profiles != NULL) == want &&
		    (d.caa_identities != NULL) == want && (d.issuer_domain_names != NULL) == want &&
		    (d.account_hash_prefix != NULL) == want, "%s is %s", metas[i].why, want ? "taken" : "passed over");
		acme_directory_clear(&d);
		buf_clear(&json);
	}
}

static const struct { const char *why, *challenge; bool found; } challenges[] = {
	{ "a dns-01 challenge",
	    "{\"type\":\"dns-01\",\"url\":\"https://c/1\",\"token\":\"t\",\"status\":\"pending\"}", true },
	{ "one without token",		"{\"type\":\"dns-01\",\"url\":\"https://c/1\",\"status\":\"pending\"}", true },
	{ "one without URL",		"{\"type\":\"dns-01\",\"token\":\"t\",\"status\":\"pending\"}", false },
	{ "one of unknown status",
	    "{\"type\":\"dns-01\",\"url\":\"https://c/1\",\"token\":\"t\",\"status\":\"new\"}", false },
	{ "one with a number for URL",	"{\"type\":\"dns-01\",\"url\":1,\"status\":\"pending\"}", false },
	{ "one over http",		"{\"type\":\"dns-01\",\"url\":\"http://c/1\",\"status\":\"pending\"}", false },
	{ "a string",			"\"x\"", false },
};

static void
test_challenges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
		struct buf json = { 0 };
		struct acme_authorization a;
		struct acme_challenge c;

		buf_printf(&json, AUTH ",\"challenges\":[%s]}", challenges[i].challenge);
		assert_int_equal(acme_authorization_read(buf_str(&json), json.len, &a, NULL), ERR_OK);
		check(acme_challenge_read(json_array_get(a.challenges, 0), &c) == challenges[i].found, "%s is %s",
		    challenges[i].why, challenges[i].found ? "taken" : "passed over");
		acme_authorization_clear(&a);
		buf_clear(&json);
	}
}

static const struct { const char *why, *field; int64_t s; } retries[] = {
	{ "no field",			NULL, -1 },
	{ "an empty field",		"", -1 },
	{ "seconds",			"120", 120 },
	{ "zero",			"0", 0 },
	{ "more than a day",		"999999999999999999999", ACME_RETRY_AFTER_MAX_S },
	{ "seconds and more",		"12 monkeys", -1 },
	{ "a negative number",		"-5", -1 },
	{ "a date to come, whole",	"Sun, 09 Sep 2001 01:47:40 GMT", 61 },
	{ "this very second",		"Sun, 09 Sep 2001 01:46:40 GMT", 1 },
	{ "a date that has passed",	"Sun, 09 Sep 2001 01:45:40 GMT", 0 },
	{ "words",			"soon", -1 },
};

static void
test_retry_after(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof retries / sizeof retries[0]; i++)
		check(acme_retry_after(retries[i].field, 1000000000) == retries[i].s, "%s gives %lld", retries[i].why,
		    (long long)retries[i].s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_directory_meta),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

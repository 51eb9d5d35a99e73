/* CAA RRsets (RFC 8659, RFC 8657): may the CA issue? */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "acme/caa.h"
#include "wire/rrtype.h"

static const uint8_t owner[] = "\7example\3com";
static const char *const identities[] = { "ca.example", "other-name.example" };
static const enum acme_challenge_type dns_01[] = { ACME_DNS_01 };
static const enum acme_challenge_type persist_first[] = { ACME_DNS_PERSIST_01, ACME_DNS_01 };

/* "FLAGS TAG VALUE", several of them with line ends between. */
static void
add_properties(struct rr_list *set, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		uint8_t rdata[600];
		unsigned flags;
		char tag[40];
		int at = 0;

		assert_int_equal(sscanf(line, "%u %39s %n", &flags, tag, &at), 2);
		size_t ntag = strlen(tag), n = strlen(line + at);
		rdata[0] = (uint8_t)flags;
		rdata[1] = (uint8_t)ntag;
		memcpy(rdata + 2, tag, ntag);
		memcpy(rdata + 2 + ntag, line + at, n);
		assert_int_equal(rr_list_add(set, &(struct rr){ owner, rdata, 300, TYPE_CAA,
		    (uint16_t)(2 + ntag + n) }), ERR_OK);
	}
	free(copy);
}

/* words: NULL: it may. */
static const struct { const char *why, *set; bool wildcard; const char *words; } sets[] = {
	{ "the CA", "0 issue ca.example", false, NULL },
	{ "by another name of it, in capitals", "0 issue OTHER-name.Example", false, NULL },
	{ "in capitals", "0 ISSUE ca.example", false, NULL },
	{ "another CA", "0 issue letsencrypt.org", false, "CAA of example.com, 0 issue \"letsencrypt.org\" does not "
	    "let ca.example issue: it is for another CA" },
	{ "one of several", "0 issue letsencrypt.org\n0 issue ca.example", false, NULL },
	{ "nobody", "0 issue ;", false, "it is for no CA" },
	{ "nobody, without a word", "0 issue", false, "it is for no CA" },
	{ "nobody but the CA", "0 issue ;\n0 issue ca.example", false, NULL },
	{ "a name that only begins so", "0 issue ca.example.org", false, "another CA" },
	{ "blanks around it", "0 issue  \t ca.example \t", false, NULL },
	{ "a semicolon behind it", "0 issue ca.example ; ", false, NULL },
	{ "something else behind it", "0 issue ca.example x", false, "malformed" },
	{ "a label with a hyphen at its end", "0 issue ca-.example", false, "malformed" },
	{ "a final dot", "0 issue ca.example.", false, "malformed" },
	{ "only what is not about issuing", "0 iodef mailto:a@example.com", false, NULL },
	{ "only about wildcards", "0 issuewild ;", false, NULL },
	{ "wildcards for the CA", "0 issue ;\n0 issuewild ca.example", true, NULL },
	{ "wildcards for nobody", "0 issue ca.example\n0 issuewild ;", true, "0 issuewild \";\"" },
	{ "a wildcard where nothing is said of them", "0 issue ca.example", true, NULL },
	{ "a wildcard at another CA's", "0 issue letsencrypt.org", true, "another CA" },
	{ "something unknown", "0 tbs x\n0 issue ca.example", false, NULL },
	{ "something unknown and critical", "128 tbs x\n0 issue ca.example", false,
	    "128 tbs \"x\" does not let ca.example issue: it is critical" },
	{ "something known and critical", "128 issue ca.example\n128 iodef mailto:a@b", false, NULL },
	{ "other flags", "1 tbs x\n0 issue ca.example", false, NULL },
	{ "mail certificates", "0 issuemail ;", false, NULL },
	{ "our account", "0 issue ca.example; accounturi=https://ca.example/acct/1", false, NULL },
	{ "another account", "0 issue ca.example; accounturi=https://ca.example/acct/2", false, "another account" },
	{ "ours beside another", "0 issue ca.example; accounturi=https://ca.example/acct/2\n"
	    "0 issue ca.example;accounturi=https://ca.example/acct/1", false, NULL },
	{ "the same account twice", "0 issue ca.example; accounturi=https://ca.example/acct/1; "
	    "accounturi=https://ca.example/acct/1", false, "twice" },
	{ "the way we validate", "0 issue ca.example; validationmethods=http-01,dns-01", false, NULL },
	{ "other ways", "0 issue ca.example; validationmethods=http-01,tls-alpn-01", false, "other ways" },
	{ "no way", "0 issue ca.example; validationmethods=", false, "other ways" },
	{ "a way that only begins so", "0 issue ca.example; validationmethods=dns-01x", false, "other ways" },
	{ "both, and something unknown", "0 issue ca.example;a=b ;validationmethods=dns-01; "
	    "ACCOUNTURI=https://ca.example/acct/1", false, NULL },
	{ "a parameter without value", "0 issue ca.example; account", false, "malformed" },
	{ "an empty parameter", "0 issue ca.example; a=b;", false, "malformed" },
	{ "blanks in a value", "0 issue ca.example; a=b c", false, "malformed" },
	{ "another CA with parameters", "0 issue letsencrypt.org; validationmethods=http-01", false, "another CA" },
	{ "words about what comes nearest", "0 issue letsencrypt.org\n0 issue ca.example; validationmethods=http-01",
	    false, "other ways" },
};

static void
test_sets(void **state)
{
	struct acme_caa_issuer issuer = { identities, 2, "https://ca.example/acct/1", dns_01, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		struct rr_list set = { 0 };
		struct fault f = { 0 };
		enum err err;

		add_properties(&set, sets[i].set);
		err = acme_caa_judge(&set, sets[i].wildcard, &issuer, &f);
		check(err == (sets[i].words == NULL ? ERR_OK : ERR_REFUSED), "%s: %s", sets[i].why, f.text);
		check(sets[i].words == NULL || strstr(f.text, sets[i].words) != NULL, "%s: %s", sets[i].why, f.text);
		rr_list_clear(&set);
	}
}

static void
test_what_is_not_known_passes(void **state)
{
	struct acme_caa_issuer issuer = { identities, 2, NULL, persist_first, 2 };
	struct rr_list set = { 0 };
	struct fault f = { 0 };

	(void)state;
	check(acme_caa_judge(&set, false, &issuer, &f) == ERR_OK, "no record");
	add_properties(&set, "0 issue ca.example; accounturi=https://ca.example/acct/7; "
	    "validationmethods=dns-persist-01");
	check(acme_caa_judge(&set, false, &issuer, &f) == ERR_OK, "an account that we do not know yet, and one way of "
	    "two");
	rr_list_clear(&set);
}

static void
test_every_prefix(void **state)
{
	static const char text[] = "\200\5issueca.example; accounturi=https://ca.example/acct/1; "
	    "validationmethods=http-01,dns-01";
	struct acme_caa_issuer issuer = { identities, 2, "https://ca.example/acct/1", dns_01, 1 };

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct rr_list set = { 0 };
		struct fault f = { 0 };

		assert_int_equal(rr_list_add(&set, &(struct rr){ owner, (const uint8_t *)text, 300, TYPE_CAA,
		    (uint16_t)n }), ERR_OK);
		acme_caa_judge(&set, n % 2 == 0, &issuer, &f);
		rr_list_clear(&set);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_what_is_not_known_passes),
		cmocka_unit_test(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

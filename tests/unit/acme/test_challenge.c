#include "tests/unit/check.h"

#include <stdlib.h>

#include "acme/challenge.h"
#include "acme/persist_record.h"

#define DIRECTORY "https://ca.example/directory"
#define ACCOUNT "https://ca.example/acct/123"
#define THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define PREFIX "https://ca.example/account-hash/"

#define C(type, more) "{\"type\":\"" type "\",\"url\":\"https://ca.example/c/" type "\",\"status\":\"pending\"" more "}"
#define TOKEN ",\"token\":\"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA\""
#define CLEAR ",\"issuer-domain-names\":[\"ca.example\"]"
#define HASHED ",\"issuerDomainNames\":[\"ca.example\"]"
#define OURS ",\"accounturi\":\"" ACCOUNT "\""

enum { P1 = 1 << ACME_DNS_01, A1 = 1 << ACME_DNS_ACCOUNT_01, S1 = 1 << ACME_DNS_PERSIST_01 };

/* prefer: persist before account before plain, of those that are set; 0: nothing is configured. */
static const struct {
	const char *why;
	unsigned prefer;
	const char *challenges;
	const char *owner;			/* NULL: none can be used, */
	const char *text;	/* ... and the words hold this; else the account of a standing record, or NULL */
} choices[] = {
	{ "dns-01 is used when nothing is said", 0, C("http-01", TOKEN) "," C("dns-01", TOKEN),
	    "_acme-challenge.www.example.com", NULL },
	{ "what is not preferred is not used", 0, C("dns-account-01", TOKEN), NULL, "it offers dns-account-01" },
	{ "the best is used wherever it stands", P1 | A1, C("dns-01", TOKEN) "," C("dns-account-01", TOKEN),
	    "_h5zlfqoi7m5jaytl._acme-challenge.www.example.com", NULL },
	{ "and the next where the CA has it not", P1 | A1 | S1, C("dns-01", TOKEN), "_acme-challenge.www.example.com",
	    NULL },
	{ "a standing record comes first", P1 | A1 | S1, C("dns-01", TOKEN) "," C("dns-persist-01", CLEAR),
	    "_validation-persist.www.example.com", ACCOUNT },
	{ "a challenge without token is passed over", P1 | A1, C("dns-account-01", "") "," C("dns-01", TOKEN),
	    "_acme-challenge.www.example.com", NULL },
	{ "and so is one with a token that is no string", P1, C("dns-01", ",\"token\":1"), NULL,
	    "dns-01: without token" },
	{ "or an empty one", P1, C("dns-01", ",\"token\":\"\""), NULL, "dns-01: its token is none" },
	{ "or one with other characters", P1, C("dns-01", ",\"token\":\"../etc\""), NULL, "dns-01: its token is none" },
	{ "one that failed is not used", P1, "{\"type\":\"dns-01\",\"url\":\"https://c/1\",\"status\":\"invalid\""
	    TOKEN "}", NULL, "already failed" },
	{ "one that the CA looks at is gone on with", P1 | S1, C("dns-persist-01", CLEAR)
	    ",{\"type\":\"dns-01\",\"url\":\"https://c/1\",\"status\":\"processing\"" TOKEN "}",
	    "_acme-challenge.www.example.com", NULL },
	{ "a type that nobody knows is passed over", P1, C("dns-99", TOKEN) "," C("dns-01", TOKEN),
	    "_acme-challenge.www.example.com", NULL },
	{ "things that are no challenges too", P1, "1,null,{},\"x\",[],{\"type\":7}," C("dns-01", TOKEN),
	    "_acme-challenge.www.example.com", NULL },
	{ "no challenge at all", P1 | A1 | S1, "", NULL, "it offers nothing" },
	{ "a challenge over http", P1, "{\"type\":\"dns-01\",\"url\":\"http://c/1\",\"status\":\"pending\"" TOKEN "}",
	    NULL, "without a status or https URL" },

	{ "draft -01 names the account, and it is ours", S1, C("dns-persist-01", CLEAR OURS),
	    "_validation-persist.www.example.com", ACCOUNT },
	{ "draft -02 has a hash of it", S1, C("dns-persist-01", HASHED), "_validation-persist.www.example.com",
	    PREFIX "sha-256/-DOo-0FYz3izjZCLExkKNuhpAI8To5TBY1pooKesYdE" },
	{ "a CA that has both forms gets the clear one", S1, C("dns-persist-01", CLEAR HASHED),
	    "_validation-persist.www.example.com", ACCOUNT },
	{ "somebody else's account is never published", S1,
	    C("dns-persist-01", CLEAR ",\"accounturi\":\"https://ca.example/acct/9\""),
	    NULL, "names an account that is not ours" },
	{ "nor is a number", S1, C("dns-persist-01", CLEAR ",\"accounturi\":9"), NULL,
	    "names an account that is not ours" },
	{ "no issuer", S1, C("dns-persist-01", ",\"issuer-domain-names\":[]"), NULL, "missing or malformed" },
	{ "issuers that are no list", S1, C("dns-persist-01", ",\"issuer-domain-names\":\"ca.example\""), NULL,
	    "malformed" },
	{ "an issuer that is no name", S1, C("dns-persist-01", ",\"issuer-domain-names\":[\"ca.example; "
	    "policy=wildcard\"]"), NULL, "malformed" },
	{ "an issuer beyond ASCII", S1, C("dns-persist-01", ",\"issuer-domain-names\":[\"c\\u00e4.example\"]"), NULL,
	    "malformed" },
	{ "eleven issuers", S1,
	    C("dns-persist-01", ",\"issuerDomainNames\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\","
	    "\"k\"]"), NULL, "malformed" },
	{ "neither form", S1, C("dns-persist-01", ""), NULL, "missing or malformed" },
	{ "a standing record that cannot be, and dns-01 beside it", P1 | S1, C("dns-persist-01", "") ","
	    C("dns-01", TOKEN), "_acme-challenge.www.example.com", NULL },
};

static struct acme_challenge_means
means(unsigned prefer, enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES])
{
	struct acme_challenge_means m = { .preferred = preferred, .directory = DIRECTORY, .account = ACCOUNT,
		.thumbprint = THUMBPRINT, .hash_prefix = PREFIX };

	for (int type = ACME_CHALLENGE_TYPES - 1; type >= 0; type--)
		if ((prefer & 1u << type) != 0)
			preferred[m.npreferred++] = (enum acme_challenge_type)type;
	return m;
}

static void
test_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
		enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
		struct acme_challenge_means m = means(choices[i].prefer, preferred);
		struct buf json = { 0 };
		struct acme_choice c;
		struct fault f = { 0 };
		char owner[DNAME_TEXT_MAX];

		buf_printf(&json, "[%s]", choices[i].challenges);
		json_t *challenges = json_loads(buf_str(&json), 0, NULL);
		assert_non_null(challenges);
		enum err err = acme_challenge_choose(&m, challenges, "www.example.com", false, &c, &f);
		if (choices[i].owner == NULL) {
			check(err == ERR_PEER && strstr(f.text, choices[i].text) != NULL, "%s: %s", choices[i].why,
			    f.text);
		} else {
			check(err == ERR_OK, "%s: %s", choices[i].why, f.text);
			check(strcmp(dname_print_host(c.owner.octets, owner), choices[i].owner) == 0, "%s: %s",
			    choices[i].why, owner);
			if (choices[i].text != NULL)
				check(c.value[0] == '\0' && strcmp(c.standing.account, choices[i].text) == 0 &&
				    strcmp(c.standing.issuers, "ca.example") == 0, "%s: %s", choices[i].why,
				    c.standing.account);
			else
				check(strlen(c.value) == 43 && c.standing.account == NULL, "%s: %s", choices[i].why,
				    c.value);
			acme_choice_clear(&c);
		}
		json_decref(challenges);
		buf_clear(&json);
	}
}

static bool
is_one_of(void *ctx, const struct acme_choice *c)
{
	const unsigned *possible = ctx;

	return (*possible & 1u << c->type) != 0;
}

static const struct { const char *why; unsigned possible; enum acme_challenge_type type; } places[] = {
	{ "a place for all",		P1 | A1 | S1, ACME_DNS_PERSIST_01 },
	{ "none for the best",		P1 | A1, ACME_DNS_ACCOUNT_01 },
	{ "one for the last",		P1, ACME_DNS_01 },
	{ "none at all",		0, ACME_DNS_PERSIST_01 },
};

static void
test_places(void **state)
{
	json_t *challenges = json_loads("[" C("dns-01", TOKEN) "," C("dns-account-01", TOKEN) ","
	    C("dns-persist-01", CLEAR) "]", 0, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
		struct acme_challenge_means m = means(P1 | A1 | S1, preferred);
		unsigned possible = places[i].possible;
		struct acme_choice c;

		m.possible = is_one_of;
		m.ctx = &possible;
		assert_int_equal(acme_challenge_choose(&m, challenges, "a.example", false, &c, NULL), ERR_OK);
		check(c.type == places[i].type, "%s: %s", places[i].why, acme_challenge_type_str(c.type));
		acme_choice_clear(&c);
	}
	json_decref(challenges);
}

/* A CA could call somebody's account at another CA ours, and would be given the domain there. */
static const struct { const char *why, *directory, *account; bool ok; } parties[] = {
	{ "an account beside the directory",	DIRECTORY, ACCOUNT, true },
	{ "letter case of a host is nothing",	DIRECTORY, "https://CA.example/acct/1", true },
	{ "an account elsewhere",		DIRECTORY, "https://letsencrypt.example/acct/1", false },
	{ "a longer name",			DIRECTORY, "https://ca.example.net/acct/1", false },
	{ "another port",			DIRECTORY, "https://ca.example:8443/acct/1", false },
	{ "an account with a semicolon",	DIRECTORY, "https://ca.example/a;policy=wildcard", false },
	{ "an account with a space",		DIRECTORY, "https://ca.example/a b", false },
};

static void
test_whose_account(void **state)
{
	enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
	struct acme_challenge_means m = means(S1, preferred);
	json_t *challenges = json_loads("[" C("dns-persist-01", CLEAR) "]", 0, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof parties / sizeof parties[0]; i++) {
		struct acme_choice c = { 0 };
		struct fault f = { 0 };

		m.directory = parties[i].directory;
		m.account = parties[i].account;
		check((acme_challenge_choose(&m, challenges, "a.example", false, &c, &f) == ERR_OK) == parties[i].ok,
		    "%s is %s: %s", parties[i].why, parties[i].ok ? "taken" : "refused", f.text);
		acme_choice_clear(&c);
	}
	json_decref(challenges);
}

static void
test_prefixes_of_hashes(void **state)
{
	static const char *const bad[] = { NULL, "", "https://ca.example/; policy=wildcard; x=",
	    "https://ca.example/a b", "https://ca.example/\x7f" };
	enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
	struct acme_challenge_means m = means(S1, preferred);
	json_t *challenges = json_loads("[" C("dns-persist-01", HASHED) "]", 0, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct acme_choice c = { 0 };
		struct fault f = { 0 };

		m.hash_prefix = bad[i];
		check(acme_challenge_choose(&m, challenges, "a.example", false, &c, &f) == ERR_PEER &&
		    strstr(f.text, "accountHashPrefix") != NULL, "prefix %zu is refused: %s", i, f.text);
	}
	json_decref(challenges);
}

static void
test_vectors(void **state)
{
	char label[ACME_ACCOUNT_LABEL_LEN + 1], *hash;

	(void)state;
	/* draft-ietf-acme-dns-account-label-02, section 3.2 */
	assert_int_equal(acme_account_label("https://example.com/acme/acct/ExampleAccount", label), ERR_OK);
	assert_string_equal(label, "_ujmmovf2vn55tgye");
	/* draft-ietf-acme-dns-persist-02, section 10.2 */
	hash = acme_account_hash(PREFIX, "example.com", THUMBPRINT, "https://ca.example/acct/123");
	assert_string_equal(hash, PREFIX "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
	free(hash);
	hash = acme_account_hash(PREFIX, "EXAMPLE.com", THUMBPRINT, "https://ca.example/acct/123");
	assert_string_equal(hash, PREFIX "sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw");
	free(hash);
	hash = acme_account_hash(PREFIX, "*", THUMBPRINT, "https://ca.example/acct/123");
	assert_string_equal(hash, PREFIX "sha-256/NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug");
	free(hash);
}

static void
test_owners(void **state)
{
	static const struct { enum acme_challenge_type type; const char *name, *owner; } owners[] = {
		{ ACME_DNS_01, "*.a.example", "_acme-challenge.a.example" },
		{ ACME_DNS_ACCOUNT_01, "*.a.example", "_h5zlfqoi7m5jaytl._acme-challenge.a.example" },
		{ ACME_DNS_PERSIST_01, "*.a.example", "_validation-persist.a.example" },
	};
	char text[DNAME_TEXT_MAX], longest[260];
	struct dname d;

	(void)state;
	for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
		assert_int_equal(acme_challenge_record(owners[i].type, owners[i].name, ACCOUNT, &d), ERR_OK);
		assert_string_equal(dname_print_host(d.octets, text), owners[i].owner);
	}
	for (unsigned i = 0; i < 250; i++)
		longest[i] = i % 50 == 49 ? '.' : 'a';
	longest[240] = '\0';
	for (unsigned type = 0; type < ACME_CHALLENGE_TYPES; type++)
		check(acme_challenge_record((enum acme_challenge_type)type, longest, ACCOUNT, &d) == ERR_RANGE,
		    "a name may be too long for %s", acme_challenge_type_str((enum acme_challenge_type)type));
}

static void
test_type_names(void **state)
{
	enum acme_challenge_type type;

	(void)state;
	for (unsigned i = 0; i < ACME_CHALLENGE_TYPES; i++)
		check(acme_challenge_type_parse(acme_challenge_type_str((enum acme_challenge_type)i), &type) &&
		    type == i, "type %u has a name that is read back", i);
	check(!acme_challenge_type_parse("http-01", &type), "http-01 is none of ours");
}

/* ---- standing records ---- */

static const struct { const char *why, *text; bool ok, wildcard; int64_t until_s; } records[] = {
	{ "the least",			"ca.example; accounturi=https://ca.example/acct/1", true, false, 0 },
	{ "all",			"ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; "
	    "persistUntil=1767225600", true, true, 1767225600 },
	{ "without blanks",		"ca.example;accounturi=https://ca.example/acct/1;policy=wildcard", true, true,
	    0 },
	{ "with many",			" \tca.example ;  accounturi = https://ca.example/acct/1 ; policy\t=wildcard ",
	    true, true, 0 },
	{ "tags in capitals",		"CA.Example.; ACCOUNTURI=https://ca.example/acct/1; Policy=WildCard; "
	    "PERSISTUNTIL=5", true, true, 5 },
	{ "a parameter of the future",	"ca.example; accounturi=https://ca.example/acct/1; x-y=z; x-y=z", true, false,
	    0 },
	{ "another policy",		"ca.example; accounturi=https://ca.example/acct/1; policy=specific", true,
	    false, 0 },
	{ "nothing",			"", false, false, 0 },
	{ "no issuer",			"; accounturi=https://ca.example/acct/1", false, false, 0 },
	{ "no account",			"ca.example", false, false, 0 },
	{ "an empty account",		"ca.example; accounturi=", false, false, 0 },
	{ "a semicolon at the end",	"ca.example; accounturi=https://ca.example/acct/1;", false, false, 0 },
	{ "and blanks behind it",	"ca.example; accounturi=https://ca.example/acct/1; ", false, false, 0 },
	{ "two semicolons",		"ca.example;; accounturi=https://ca.example/acct/1", false, false, 0 },
	{ "an account twice",		"ca.example; accounturi=https://ca.example/acct/1; "
	    "AccountURI=https://ca.example/acct/1", false, false, 0 },
	{ "a policy twice",		"ca.example; accounturi=u:1; policy=wildcard; policy=wildcard", false, false,
	    0 },
	{ "an end twice",		"ca.example; accounturi=u:1; persistUntil=5; persistUntil=5", false, false, 0 },
	{ "an end that is no number",	"ca.example; accounturi=u:1; persistUntil=tomorrow", false, false, 0 },
	{ "a negative end",		"ca.example; accounturi=u:1; persistUntil=-1", false, false, 0 },
	{ "an empty end",		"ca.example; accounturi=u:1; persistUntil=", false, false, 0 },
	{ "an end beyond all time",	"ca.example; accounturi=u:1; persistUntil=99999999999999999999", false, false,
	    0 },
	{ "a tag without value",	"ca.example; accounturi=u:1; policy", false, false, 0 },
	{ "a value with a blank",	"ca.example; accounturi=u:1 2", false, false, 0 },
	{ "a tag with a blank",		"ca.example; account uri=u:1", false, false, 0 },
	{ "a tag that begins with a hyphen", "ca.example; accounturi=u:1; -x=1", false, false, 0 },
	{ "an issuer with an underscore", "ca_.example; accounturi=u:1", false, false, 0 },
	{ "a dns-01 value",		"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", false, false, 0 },
};

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		struct acme_persist_record r, again;
		struct buf text = { 0 };
		bool ok = acme_persist_read(records[i].text, strlen(records[i].text), &r);

		check(ok == records[i].ok, "%s is %s", records[i].why, records[i].ok ? "read" : "malformed");
		if (!ok)
			continue;
		check(strcmp(r.issuer, "ca.example") == 0, "%s: issuer %s", records[i].why, r.issuer);
		check(strcmp(r.account, "https://ca.example/acct/1") == 0, "%s: account %s", records[i].why, r.account);
		check(r.wildcard == records[i].wildcard && r.until_s == records[i].until_s, "%s: policy and end",
		    records[i].why);
		acme_persist_print(&r, &text);
		check(acme_persist_read(buf_str(&text), text.len, &again) && memcmp(&r, &again, sizeof r) == 0,
		    "%s is the same after printing: %s", records[i].why, buf_str(&text));
		buf_clear(&text);
	}
}

static void
test_prefixes_of_records(void **state)
{
	static const char good[] = "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; "
	    "persistUntil=1767225600";
	struct acme_persist_record r;

	(void)state;
	for (size_t n = 0; n < sizeof good; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, good, n);
		acme_persist_read(copy, n, &r);
		copy[n] = ';';
		check(!acme_persist_read(copy, n + 1, &r), "a semicolon after %zu octets is malformed", n);
		free(copy);
	}
	check(!acme_persist_read("ca.example; accounturi=a\0b", 26, &r), "a NUL is malformed");
	check(!acme_persist_read(NULL, 0, &r), "an empty TXT record says nothing");
}

#define RECORD "ca.example; accounturi=https://ca.example/acct/1"
static const struct { const char *why, *text; bool wildcard, fits; } fits[] = {
	{ "the same",				RECORD, false, true },
	{ "another of the CA's names",		"ca.example.net; accounturi=https://ca.example/acct/1", false, true },
	{ "a wildcard where none is needed",	RECORD "; policy=wildcard", false, true },
	{ "a wildcard where one is",		RECORD "; policy=wildcard", true, true },
	{ "no wildcard where one is",		RECORD, true, false },
	{ "an end to come",			RECORD "; persistUntil=1001", false, true },
	{ "an end that has come",		RECORD "; persistUntil=1000", false, false },
	{ "the form for a whole fleet",		"ca.example; accounturi=https://ca.example/any", false, true },
	{ "another account",			"ca.example; accounturi=https://ca.example/acct/2", false, false },
	{ "an account in other letters",	"ca.example; accounturi=https://ca.example/ACCT/1", false, false },
	{ "another CA",				"ca.test; accounturi=https://ca.example/acct/1", false, false },
	{ "the beginning of a name",		"ca.exam; accounturi=https://ca.example/acct/1", false, false },
};

static void
test_fits(void **state)
{
	char issuers[] = "ca.example,ca.example.net", account[] = "https://ca.example/acct/1",
	    fleet[] = "https://ca.example/any";

	(void)state;
	for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++) {
		struct acme_standing want = { .issuers = issuers, .account = account, .fleet = fleet,
		    .wildcard = fits[i].wildcard };
		struct acme_persist_record r;

		assert_true(acme_persist_read(fits[i].text, strlen(fits[i].text), &r));
		check(acme_persist_fits(&r, &want, 1000) == fits[i].fits, "%s %s", fits[i].why,
		    fits[i].fits ? "fits" : "does not fit");
	}
}

static void
test_txt(void **state)
{
	static const size_t lengths[] = { 0, 1, 254, 255, 256, 510, 511, 1000 };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct buf rdata = { 0 }, back = { 0 };
		size_t n = lengths[i], strings = n == 0 ? 1 : (n + 254) / 255;

		acme_txt_write(text, n, &rdata);
		check(rdata.len == n + strings, "%zu octets take %zu strings", n, strings);
		check(acme_txt_join(rdata.p, rdata.len, sizeof text, &back) && back.len == n, "%zu octets come back",
		    n);
		for (size_t cut = 0; cut < rdata.len; cut++)
			if (cut % 256 != 0) {
				buf_clear(&back);
				check(!acme_txt_join(rdata.p, cut, sizeof text, &back), "%zu of %zu octets are no TXT",
				    cut, rdata.len);
			}
		buf_clear(&back);
		check(n < 2 || !acme_txt_join(rdata.p, rdata.len, n - 1, &back), "%zu octets are too many", n);
		buf_clear(&back);
		buf_clear(&rdata);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_whose_account),
		cmocka_unit_test(test_prefixes_of_hashes),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_type_names),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_prefixes_of_records),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_txt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

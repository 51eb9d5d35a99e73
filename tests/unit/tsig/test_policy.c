/* Rules of update-policy: what they may look like, and what they say. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "tsig/policy.h"
#include "wire/rrtype.h"

static const struct { const char *why, *text, *error; size_t at; } bad_rules[] = {
	{ "nothing", "", "expected grant or deny, found the end of the rule", 0 },
	{ "an unknown verb", "allow k name a A", "expected grant or deny, found 'allow'", 0 },
	{ "no key", "grant", "expected the name of a key, or a wildcard for such names, found the end of the rule", 5 },
	{ "a key that is no name", "grant a..b name c", "expected the name of a key, or a wildcard for such names, "
	    "found 'a..b'", 6 },
	{ "no kind", "grant k", "expected name, subdomain, wildcard, zonesub, self, selfsub, selfwild, csr or acme, "
	    "found the end of the rule", 7 },
	{ "an unknown kind", "grant k krb5-self . A", "expected name, subdomain, wildcard, zonesub, self, selfsub, "
	    "selfwild, csr or acme, found 'krb5-self'", 8 },
	{ "no name", "grant k name", "expected a domain name, found the end of the rule", 12 },
	{ "a wildcard that is none", "grant k wildcard a.b", "expected a name that begins with '*.', found 'a.b'", 17 },
	{ "another name for self", "grant k self a A", "expected '.' or the name of the key again, found 'a'", 13 },
	{ "an unknown type", "grant k zonesub A BB", "expected the type of a record, or ANY, found 'BB'", 18 },
	{ "a meta type", "grant k zonesub AXFR", "expected the type of a record, or ANY, found 'AXFR'", 16 },
	{ "a type that is made by signers", "grant k zonesub NSEC", "expected a type that can be updated, found 'NSEC'",
	    16 },
	{ "no number", "grant k zonesub A()", "expected TYPE or TYPE(NUMBER), found 'A()'", 16 },
	{ "a number of zero", "grant k zonesub A(0)", "expected TYPE or TYPE(NUMBER), found 'A(0)'", 16 },
	{ "a negative number", "grant k zonesub A(-1)", "expected TYPE or TYPE(NUMBER), found 'A(-1)'", 16 },
	{ "an open parenthesis", "grant k zonesub A(1", "expected TYPE or TYPE(NUMBER), found 'A(1'", 16 },
	{ "more behind the number", "grant k zonesub A(1)x", "expected TYPE or TYPE(NUMBER), found 'A(1)x'", 16 },
	{ "a type twice", "grant k zonesub A TXT A(2)", "expected each type once, found 'A(2)'", 22 },
	{ "types of a role", "grant k csr www.a TLSA", "expected no types with this rule, which says itself what may "
	    "be changed, found 'TLSA'", 18 }
};

static void
test_bad_rules_name_the_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_rules / sizeof bad_rules[0]; i++) {
		struct tsig_rule rule;
		struct fault f = { 0 };
		size_t at;

		check(tsig_rule_parse(bad_rules[i].text, &rule, &at, &f) == ERR_FORMAT, "%s: is refused",
		    bad_rules[i].why);
		check(strcmp(f.text, bad_rules[i].error) == 0, "%s: %s", bad_rules[i].why, f.text);
		check(at == bad_rules[i].at, "%s: at %zu", bad_rules[i].why, at);
	}
}

static void
test_every_prefix_is_a_rule_or_not(void **state)
{
	static const char whole[] = "  grant  *.keys.example.  wildcard *.a\\.b.example.com. A(3) TYPE65280 ANY(65535)";
	char text[sizeof whole];
	struct tsig_rule rule;
	struct fault f = { 0 };
	size_t at;

	(void)state;
	for (size_t n = 0; n < sizeof whole; n++) {
		char *copy = strndup(whole, n);

		if (tsig_rule_parse(copy, &rule, &at, &f) == ERR_OK)
			tsig_rule_clear(&rule);
		check(at <= n, "the place is in the text");
		free(copy);
	}
	strcpy(text, whole);
	assert_int_equal(tsig_rule_parse(text, &rule, &at, &f), ERR_OK);
	assert_string_equal(rule.text, whole);
	assert_int_equal(rule.ntypes, 3);
	assert_int_equal(tsig_rule_max(&rule, TYPE_A), 3);
	assert_int_equal(tsig_rule_max(&rule, 65280), 0);
	assert_int_equal(tsig_rule_max(&rule, TYPE_TXT), 65535);
	tsig_rule_clear(&rule);
}

/* rules: one a line.  csr: the host whose CSR stands at owner, or NULL.  which: the rule that decides, -1: none. */
static const struct { const char *why, *rules, *key, *owner; uint16_t type; const char *csr; int which; } judged[] = {
	{ "a name", "grant k name a.b A", "k", "A.B", TYPE_A, NULL, 0 },
	{ "not below it", "grant k name a.b A", "k", "x.a.b", TYPE_A, NULL, -1 },
	{ "another type", "grant k name a.b A", "k", "a.b", TYPE_AAAA, NULL, -1 },
	{ "another key", "grant k name a.b A", "l", "a.b", TYPE_A, NULL, -1 },
	{ "any type of those that users have", "grant k name a.b", "k", "a.b", TYPE_TXT, NULL, 0 },
	{ "NS is none of these", "grant k name a.b", "k", "a.b", TYPE_NS, NULL, -1 },
	{ "nor is SOA", "grant k name a.b", "k", "a.b", TYPE_SOA, NULL, -1 },
	{ "but of ANY", "grant k name a.b ANY", "k", "a.b", TYPE_NS, NULL, 0 },
	{ "a subdomain is the name", "grant k subdomain a.b", "k", "a.b", TYPE_A, NULL, 0 },
	{ "and what is below", "grant k subdomain a.b", "k", "x.y.a.b", TYPE_A, NULL, 0 },
	{ "a wildcard is what is below alone", "grant k wildcard *.a.b", "k", "a.b", TYPE_A, NULL, -1 },
	{ "however deep", "grant k wildcard *.a.b", "k", "x.y.a.b", TYPE_A, NULL, 0 },
	{ "the whole zone", "grant k zonesub", "k", "a.b", TYPE_A, NULL, 0 },
	{ "its own name", "grant *.b self .", "a.b", "a.b", TYPE_A, NULL, 0 },
	{ "not another's", "grant *.b self .", "a.b", "c.b", TYPE_A, NULL, -1 },
	{ "nor below its own", "grant * self *", "a.b", "x.a.b", TYPE_A, NULL, -1 },
	{ "below its own", "grant * selfsub .", "a.b", "x.a.b", TYPE_A, NULL, 0 },
	{ "and its own", "grant * selfsub .", "a.b", "a.b", TYPE_A, NULL, 0 },
	{ "only below its own", "grant a.b selfwild a.b", "a.b", "a.b", TYPE_A, NULL, -1 },
	{ "below", "grant a.b selfwild a.b", "a.b", "x.a.b", TYPE_A, NULL, 0 },
	{ "a wildcard of keys is not its parent", "grant *.b zonesub", "b", "c", TYPE_A, NULL, -1 },
	{ "the first that matches decides", "deny k name a A\ngrant k zonesub", "k", "a", TYPE_A, NULL, 0 },
	{ "one that does not match is passed over", "deny k name a A\ngrant k zonesub", "k", "a", TYPE_TXT, NULL, 1 },
	{ "a host's CSR", "grant k csr www.a", "k", "_letsencrypt._tcp.www.a", TYPE_TLSA, "www.a", 0 },
	{ "not that of one below", "grant k csr www.a", "k", "_letsencrypt._tcp.x.www.a", TYPE_TLSA, "x.www.a", -1 },
	{ "nor another type", "grant k csr www.a", "k", "_letsencrypt._tcp.www.a", TYPE_TXT, "www.a", -1 },
	{ "nor TLSA elsewhere", "grant k csr www.a", "k", "_443._tcp.www.a", TYPE_TLSA, NULL, -1 },
	{ "the host that the key says", "grant * csr .", "x._csr.www.a", "_letsencrypt._tcp.www.a", TYPE_TLSA, "www.a",
	    0 },
	{ "which a key for challenges does not", "grant * csr .", "x._acme.www.a", "_letsencrypt._tcp.www.a", TYPE_TLSA,
	    "www.a", -1 },
	{ "a challenge", "grant k acme www.a", "k", "_acme-challenge.www.a", TYPE_TXT, NULL, 0 },
	{ "for a name below", "grant k acme a", "k", "_acme-challenge.www.a", TYPE_TXT, NULL, 0 },
	{ "by the name of the key", "grant * acme .", "x._acme.a", "_x._acme-challenge.a", TYPE_TXT, NULL, 0 },
	{ "of which a plain key has none", "grant * acme .", "k", "_acme-challenge.a", TYPE_TXT, NULL, -1 }
};

static struct tsig_key *
make_key(const char *name)
{
	struct dname owner;
	struct tsig_key *key;

	assert_int_equal(dname_from_str(name, &owner), ERR_OK);
	assert_int_equal(tsig_key_new(owner.octets, TSIG_HMAC_SHA256, (const uint8_t *)"secret", 6, &key), ERR_OK);
	return key;
}

static void
test_the_first_rule_that_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
		struct tsig_rule rules[4];
		struct tsig_key *key = make_key(judged[i].key);
		struct dname owner, host;
		struct tsig_subject s = { key, owner.octets, judged[i].type, judged[i].csr == NULL ?
		    NULL : host.octets };
		char *copy = strdup(judged[i].rules), *rest = copy, *line;
		const struct tsig_rule *rule;
		struct fault f = { 0 };
		size_t n = 0, at;

		while ((line = strsep(&rest, "\n")) != NULL)
			check(tsig_rule_parse(line, &rules[n++], &at, &f) == ERR_OK, "%s: %s", judged[i].why, f.text);
		assert_int_equal(dname_from_str(judged[i].owner, &owner), ERR_OK);
		if (judged[i].csr != NULL)
			assert_int_equal(dname_from_str(judged[i].csr, &host), ERR_OK);
		rule = tsig_rules_find(rules, n, &s);
		check((rule == NULL ? -1 : (int)(rule - rules)) == judged[i].which, "%s", judged[i].why);
		while (n > 0)
			tsig_rule_clear(&rules[--n]);
		free(copy);
		tsig_key_free(key);
	}
}

static const struct { const char *host, *owner; uint16_t type; bool covers; } challenges[] = {
	{ "www.a", "_acme-challenge.www.a", TYPE_TXT, true },
	{ "www.a", "_ACME-Challenge.x.y.WWW.a", TYPE_TXT, true },
	{ "www.a", "_ujmmovf2vn55tgye._acme-challenge.www.a", TYPE_TXT, true },
	{ "www.a", "_x._y._acme-challenge.www.a", TYPE_TXT, false },
	{ "www.a", "x._acme-challenge.www.a", TYPE_TXT, false },
	{ "www.a", "_acme-challenge.www.a", TYPE_CNAME, false },
	{ "www.a", "_acme-challenge.a", TYPE_TXT, false },
	{ "www.a", "_acme-challenge", TYPE_TXT, false },
	{ "www.a", "www.a", TYPE_TXT, false },
	{ "www.a", ".", TYPE_TXT, false },
	{ ".", "_acme-challenge", TYPE_TXT, true }
};

static void
test_challenges_of_a_host(void **state)
{
	struct dname host, owner;

	(void)state;
	for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
		assert_int_equal(dname_from_str(challenges[i].host, &host), ERR_OK);
		assert_int_equal(dname_from_str(challenges[i].owner, &owner), ERR_OK);
		check(tsig_acme_covers(host.octets, owner.octets, challenges[i].type) == challenges[i].covers,
		    "%s of %s", challenges[i].owner, challenges[i].host);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_rules_name_the_word),
		cmocka_unit_test(test_every_prefix_is_a_rule_or_not),
		cmocka_unit_test(test_the_first_rule_that_matches),
		cmocka_unit_test(test_challenges_of_a_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The acme section of a file, and what is said about a bad one. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/server/config_text.h"

static const struct bad_config bad_files[] = {
	{ "an authority without directory", "acme: {authorities: [{terms-agreed: yes}]}\n",
	    "x:1:22: expected 'directory', which an authority needs, found none" },
	{ "more authorities than are ranked", "acme: {authorities: [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, "
	    "{}, {}, {}]}\n",
	    "x:1:86: authorities: there may be 16 at most" },
	{ "an authority without https", "acme: {authorities: [{directory: 'http://ca.example/', terms-agreed: yes}]}\n",
	    "x:1:34: expected letsencrypt, letsencrypt-staging or a URL that begins with https://, without a user, "
	    "found 'http://ca.example/'" },
	{ "an authority without a host", "acme: {authorities: [{directory: 'https:///directory', terms-agreed: "
	    "yes}]}\n", "x:1:34: expected letsencrypt, letsencrypt-staging or a URL that begins with https://, without "
	    "a user, found 'https:///directory'" },
	{ "an authority with a user", "acme: {authorities: [{directory: 'https://u@ca.example/', terms-agreed: "
	    "yes}]}\n", "x:1:34: expected letsencrypt, letsencrypt-staging or a URL that begins with https://, without "
	    "a user, found 'https://u@ca.example/'" },
	{ "an authority with an odd port", "acme: {authorities: [{directory: 'https://ca.example:https/', "
	    "terms-agreed: yes}]}\n", "x:1:34: expected letsencrypt, letsencrypt-staging or a URL that begins with "
	    "https://, without a user, found 'https://ca.example:https/'" },
	{ "two authorities that share an account, with other contacts", "acme:\n  authorities:\n"
	    "  - {directory: 'https://ca.example/a', terms-agreed: yes, name: a, contact: ['mailto:a@example.org']}\n"
	    "  - {directory: 'https://ca.example/a', terms-agreed: yes, name: b}\n",
	    "x:4:5: 'a' and 'b' have one directory and so one account: expected the same contact, key-type and eab, or "
	    "a key-file of its own for one of them" },
	{ "two authorities that share an account, for two customers", "acme:\n  authorities:\n"
	    "  - {directory: 'https://ca.example/a', terms-agreed: yes, name: a, eab: {kid: x, hmac: AAAA}}\n"
	    "  - {directory: 'https://ca.example/a', terms-agreed: yes, name: b, eab: {kid: y, hmac: AAAA}}\n",
	    "x:4:5: 'a' and 'b' have one directory and so one account: expected the same contact, key-type and eab, or "
	    "a key-file of its own for one of them" },
	{ "terms not agreed to", "acme:\n  authorities:\n  - directory: letsencrypt\n",
	    "x:3:5: expected 'terms-agreed: yes' for an authority: it makes no account for who does not agree to its "
	    "terms of service" },
	{ "a challenge of another kind", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: "
	    "[http-01]}]}\n", "x:1:79: expected dns-01, dns-account-01 or dns-persist-01, found 'http-01'" },
	{ "a challenge twice", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: [dns-01, "
	    "dns-01]}]}\n", "x:1:87: 'dns-01' is in the list twice" },
	{ "no challenges", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: []}]}\n",
	    "x:1:78: expected dns-01, dns-account-01 or dns-persist-01, found an empty list" },
	{ "challenges that are no list", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, challenges: "
	    "dns-01}]}\n", "x:1:78: expected " CONFIG_LIST ", found 'dns-01'" },
	{ "standing records for an hour", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "persist-lifetime: 1h}]}\n", "x:1:84: expected a duration from 86400s to 315360000s, such as 30s, 5m or "
	    "1h, found '1h'" },
	{ "two authorities of one name", "acme:\n  authorities:\n"
	    "  - {directory: 'https://ca.example/a', terms-agreed: yes}\n"
	    "  - {directory: 'https://ca.example/b', terms-agreed: yes}\n",
	    "x:4:5: an authority of the name 'ca.example' stands above already: name: is needed" },
	{ "an authority with the name of an answer", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "name: 'no'}]}\n", "x:1:72: expected a name without spaces and slashes, neither yes nor no, found 'no'" },
	{ "an authority with odd limits", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, limits: "
	    "few}]}\n", "x:1:74: expected letsencrypt, none, or a list of limits, found 'few'" },
	{ "an authority with an odd limit", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "limits: [orders 3 an hour]}]}\n", "x:1:75: expected a limit such as 'orders 300/3h', 'zone 50/7d', 'names "
	    "5/7d' or 'failures 5/1h', found 'orders 3 an hour'" },
	{ "an authority with a limit twice", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes, "
	    "limits: [orders 3/1h, names 5/7d, orders 4/1h]}]}\n", "x:1:100: the limit of 'orders 4/1h' stands above "
	    "already" },
	{ "a zone with an unknown authority", "zones: [{name: example.org, acme: [letsencrypt, other]}]\n"
	    "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes}]}\n",
	    "x:1:49: expected the name of one of acme: authorities:, found 'other'" },
	{ "a zone with an authority twice", "zones: [{name: example.org, acme: [a, a]}]\n",
	    "x:1:39: 'a' is in the list twice" },
	{ "a zone with no authority", "zones: [{name: example.org, acme: []}]\n",
	    "x:1:35: expected at least one name, found an empty list" },
	{ "a zone with a map of authorities", "zones: [{name: example.org, acme: {}}]\n",
	    "x:1:35: expected yes, no, or names of authorities, found a map" },
	{ "a label with an unknown authority", "acme: {labels: [{label: _rsa._tcp, authority: other}]}\n",
	    "x:1:47: expected the name of one of acme: authorities:, found 'other'" },
	{ "a label twice", "acme: {labels: [_a, {label: _A}]}\n", "x:1:21: '_A' is in the list twice" },
	{ "no labels", "acme: {labels: []}\n", "x:1:16: expected at least one item for labels, found an empty list" },
	{ "a contact that is no URL", "acme: {authorities: [{directory: letsencrypt, contact: [me@example.org]}]}\n",
	    "x:1:57: expected mailto:ADDRESS, found 'me@example.org'" },
	{ "a label with a final dot", "acme: {labels: [_letsencrypt._tcp.]}\n",
	    "x:1:17: expected labels without a final dot, such as _letsencrypt._tcp, found '_letsencrypt._tcp.'" },
	{ "a TTL of zero", "acme: {challenge-ttl: 0}\n",
	    "x:1:23: expected a duration from 1s to 3600s, such as 30s, 5m or 1h, found '0'" },
	{ "a hook of no event", "acme: {hooks: {lost: x}}\n",
	    "x:1:16: unknown key 'lost' in hooks; expected one of: issued, renewed, failed, expiring, timeout" },
	{ "a hook that has no time", "acme: {hooks: {issued: x, timeout: 0}}\n",
	    "x:1:36: expected a duration from 1s to 3600s, such as 30s, 5m or 1h, found '0'" },
	{ "an empty hook", "acme: {hooks: {failed: ''}}\n", "x:1:24: expected a command, found ''" },
	{ "a proxy of unknown scheme", "acme: {proxy: 'proxy:3128'}\n",
	    "x:1:15: expected a URL that begins with http://, https://, socks5:// or socks5h://, found 'proxy:3128'" },
	{ "a proxy without a host", "acme: {proxy: 'socks5://:1080'}\n",
	    "x:1:15: expected a URL that begins with http://, https://, socks5:// or socks5h://, found "
	    "'socks5://:1080'" },
	{ "a check by DNS over HTTPS without a resolver for it",
	    "acme: {self-check: [authoritative, doh], resolvers: [192.0.2.53]}\n",
	    "x:1:20: self-check: doh needs a URL with https:// or json+https:// in the resolvers of acme" },
	{ "a check by resolvers without any", "acme: {self-check: [resolver], resolvers: ['https://dns.example/']}\n",
	    "x:1:20: self-check: resolver needs an address in the resolvers of acme" },
	{ "a zone's check by resolvers without any", "zones: [{name: example.org, self-check: [resolver]}]\n",
	    "x:1:41: self-check: resolver needs an address in the resolvers of acme" },
	{ "a check and none", "acme: {self-check: [authoritative, none]}\n", "x:1:36: expected none to stand alone" },
	{ "a check twice", "acme: {self-check: [authoritative, authoritative]}\n",
	    "x:1:36: authoritative stands there twice" },
	{ "a check by something else", "acme: {self-check: [hope]}\n",
	    "x:1:21: expected authoritative, resolver, doh or none, found 'hope'" },
	{ "no check and not even none", "zones: [{name: example.org, self-check: []}]\n",
	    "x:1:41: expected authoritative, resolver, doh or none, found an empty list" },
	{ "a check that is no list", "acme: {self-check: none}\n",
	    "x:1:20: expected " CONFIG_LIST ", found 'none'" },
	{ "silent servers to be ignored", "acme: {self-check-silent: ignore}\n",
	    "x:1:27: expected fatal or waive, found 'ignore'" },
	{ "a resolver without TLS", "acme: {resolvers: [192.0.2.53, 'http://dns.example/']}\n",
	    "x:1:32: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., found "
	    "'http://dns.example/'" },
	{ "a resolver without a host", "acme: {resolvers: ['https://:443/dns-query']}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., found "
	    "'https://:443/dns-query'" },
	{ "a resolver with another template", "acme: {resolvers: ['https://dns.example/{?name}']}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., "
	    "found 'https://dns.example/{?name}'" },
	{ "a template for JSON", "acme: {resolvers: ['json+https://dns.example/{?dns}']}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., "
	    "found 'json+https://dns.example/{?dns}'" },
	{ "a resolver by name", "acme: {resolvers: [dns.example]}\n",
	    "x:1:20: expected ADDRESS[@PORT], https://..., https://...{?dns} or json+https://..., found "
	    "'dns.example'" },
	{ "an address that a proxy keeps from being asked",
	    "acme: {proxy: 'http://p:1', self-check: [doh], resolvers: [192.0.2.53, 'https://dns.example/']}\n",
	    "x:1:59: with a proxy and no self-check by authoritative or resolver, nothing but the proxy is asked: "
	    "expected no addresses in resolvers" },
	{ "a password without a proxy", "acme: {proxy-credentials-file: /etc/passwd}\n",
	    "x:1:32: proxy-credentials-file is of no use without proxy" },
	{ "trust without a proxy", "acme: {proxy-ca-certificates: /etc/passwd}\n",
	    "x:1:31: proxy-ca-certificates is of no use without proxy" },
	{ "a password that everybody may read", "acme: {proxy: 'http://p:1', proxy-credentials-file: /etc/passwd}\n",
	    "x:1:53: /etc/passwd: others may read this password (mode 0644): chmod 600 it" },
	{ "two users for a proxy", "acme: {proxy: 'http://u:p@p:1', proxy-credentials-file: /etc/passwd}\n",
	    "x:1:57: expected either a user in the URL of the proxy or proxy-credentials-file, found both" },
	{ "a password that is missing", "acme: {proxy: 'http://p:1', proxy-credentials-file: /nonexistent/p}\n",
	    "x:1:53: /nonexistent/p: No such file or directory" },
};

static void
test_bad_files(void **state)
{
	(void)state;
	check_bad_configs(bad_files, sizeof bad_files / sizeof *bad_files);
}

static const struct { const char *why, *text; unsigned ways; bool closed; } self_checks[] = {
	{ "the name servers alone", "acme: {}", ACME_CHECK_AUTHORITATIVE, false },
	{ "nothing", "acme: {self-check: [none]}", 0, false },
	{ "all ways", "acme: {self-check: [doh, resolver, authoritative], resolvers: ['https://d.example/q', "
	    "'192.0.2.53@5353']}", ACME_CHECK_AUTHORITATIVE | ACME_CHECK_RESOLVER | ACME_CHECK_DOH, false },
	{ "a closed network", "acme: {proxy: 'http://p:1', self-check: [doh], resolvers: ['json+https://d.example/q']}",
	    ACME_CHECK_DOH, true },
	{ "a proxy, and a check by DNS", "acme: {proxy: 'http://p:1', self-check: [authoritative]}",
	    ACME_CHECK_AUTHORITATIVE, false },
	{ "a proxy, and a zone that is checked by DNS", "zones: [{name: a, self-check: [authoritative]}]\n"
	    "acme: {proxy: 'http://p:1', self-check: [none]}", 0, false },
};

static void
test_self_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof self_checks / sizeof *self_checks; i++) {
		struct config *c = config_of(self_checks[i].text);

		check(c->acme.self_check.ways == self_checks[i].ways, "%s: %u", self_checks[i].why,
		    c->acme.self_check.ways);
		check(c->acme.closed == self_checks[i].closed, "%s: closed or not", self_checks[i].why);
		check(c->acme.self_check_timeout_s == 120 && c->acme.silent_s == 60 && c->acme.silent == SILENT_FATAL,
		    "%s: times", self_checks[i].why);
		config_free(c);
	}
}

static void
test_resolvers(void **state)
{
	struct config *c = config_of("acme: {resolvers: ['2001:db8::53', 'https://d.example/dns-query', "
	    "'https://d.example/q{?dns}',\n  'json+https://d.example/resolve?ct=1'], self-check-silent: waive, "
	    "self-check-silent-after: 5s,\n  self-check-timeout: 3m}\nzones: [{name: a.example, self-check: [none]}, "
	    "{name: b.example}]");
	const struct config_resolver *v = c->acme.resolvers;

	(void)state;
	check(c->acme.nresolvers == 4, "four resolvers");
	check(v[0].kind == ACME_RESOLVER_PLAIN && v[0].address.address.ss_family == AF_INET6, "an address");
	check(v[1].kind == ACME_RESOLVER_DOH && !v[1].get, "DoH by POST");
	assert_string_equal(v[1].url, "https://d.example/dns-query");
	check(v[2].kind == ACME_RESOLVER_DOH && v[2].get, "DoH by GET");
	assert_string_equal(v[2].url, "https://d.example/q");
	assert_string_equal(v[2].name, "https://d.example/q{?dns}");
	check(v[3].kind == ACME_RESOLVER_JSON && !v[3].get, "JSON");
	assert_string_equal(v[3].url, "https://d.example/resolve?ct=1");
	check(c->acme.silent == SILENT_WAIVE && c->acme.silent_s == 5 && c->acme.self_check_timeout_s == 180, "times");
	check(c->zones[0].self_check.given && c->zones[0].self_check.ways == 0 && !c->zones[1].self_check.given,
	    "zones");
	config_free(c);
}

static const struct { const char *why, *content; mode_t mode; const char *credentials, *words; } credentials[] = {
	{ "a user and a password",	"user:pass:word\n",	0600, "user:pass:word", NULL },
	{ "a user of a domain",		"DOM\\user:p%20\r\n",	0600, "DOM\\user:p%20", NULL },
	{ "an empty password",		"user:",		0600, "user:", NULL },
	{ "a user alone",		"secret\n",		0600, NULL,
	    "expected a file with one line USER:PASSWORD" },
	{ "a password alone",		":secret\n",		0600, NULL,
	    "expected a file with one line USER:PASSWORD" },
	{ "two lines",			"user:secret\na:b\n",	0600, NULL,
	    "expected a file with one line USER:PASSWORD" },
	{ "nothing",			"",			0600, NULL,
	    "expected a file with one line USER:PASSWORD" },
	{ "a file for a group",		"user:secret\n",	0640, NULL,
	    "others may read this password (mode 0640): chmod 600 it" },
};

static void
test_proxy_credentials(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
		char path[] = "/tmp/certns-test-XXXXXX", text[200];
		struct config *c = NULL;
		struct fault f = { 0 };
		int fd = mkstemp(path);

		assert_int_equal(write(fd, credentials[i].content, strlen(credentials[i].content)),
		    (int)strlen(credentials[i].content));
		fchmod(fd, credentials[i].mode);
		close(fd);
		snprintf(text, sizeof text, "acme: {proxy: 'http://p:1', proxy-credentials-file: '%s'}", path);
		enum err err = config_parse("x", text, strlen(text), &c, &f);
		check((err == ERR_OK) == (credentials[i].words == NULL), "%s: %s", credentials[i].why, f.text);
		if (err == ERR_OK)
			assert_string_equal(c->acme.proxy_credentials, credentials[i].credentials);
		else
			check(strstr(f.text, credentials[i].words) != NULL && strstr(f.text, "secret") == NULL,
			    "%s: it says \"%s\"", credentials[i].why, f.text);
		config_free(c);
		unlink(path);
	}
}

static const struct { const char *why, *first, *second; } shared[] = {
	{ "one profile and another",	"profile: a",				"profile: b" },
	{ "the same customer",		"eab: {kid: x, hmac: AAAA}",		"eab: {kid: x, hmac: AAAA}" },
	{ "the same contacts",		"contact: ['mailto:a@b.c']",		"contact: ['mailto:a@b.c']" },
};

/* Which zones choose between, for their profiles or challenges. */
static void
test_authorities_that_share_an_account(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
		char text[400];

		snprintf(text, sizeof text, "acme: {authorities: [{directory: letsencrypt, name: a, terms-agreed: yes, "
		    "%s},\n  {directory: letsencrypt, name: b, terms-agreed: yes, %s}]}\n", shared[i].first,
		    shared[i].second);
		struct config *c = config_of(text);
		check(c->acme.nauthorities == 2, "%s", shared[i].why);
		config_free(c);
	}
}

static void
write_file(const char *path, const char *content)
{
	FILE *f = fopen(path, "w");

	check(f != NULL && fputs(content, f) >= 0 && fclose(f) == 0, "the file is written");
}

/* Whether another engine is needed is seen by the digest. */
static void
test_what_a_file_holds_is_in_the_digest(void **state)
{
	static const struct { const char *why, *text, *was, *is; } files[] = {
		{ "the password of a proxy", "acme: {proxy: 'http://p:1', proxy-credentials-file: '%s'}", "u:one",
		    "u:two" },
		{ "an HMAC key", "acme: {authorities: [{directory: letsencrypt, terms-agreed: yes,\n"
		    "  eab: {kid: x, hmac-file: '%s'}}]}", "AAAA", "AAAB" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[] = "/tmp/certns-test-XXXXXX", text[300];
		struct config *first, *same, *other;

		close(mkstemp(path));
		snprintf(text, sizeof text, files[i].text, path);
		write_file(path, files[i].was);
		first = config_of(text);
		same = config_of(text);
		write_file(path, files[i].is);
		other = config_of(text);
		check(memcmp(first->acme.digest, same->acme.digest, sizeof same->acme.digest) == 0, "%s: the same",
		    files[i].why);
		check(memcmp(first->acme.digest, other->acme.digest, sizeof same->acme.digest) != 0, "%s: another",
		    files[i].why);
		config_free(first);
		config_free(same);
		config_free(other);
		unlink(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_self_check),
		cmocka_unit_test(test_resolvers),
		cmocka_unit_test(test_proxy_credentials),
		cmocka_unit_test(test_authorities_that_share_an_account),
		cmocka_unit_test(test_what_a_file_holds_is_in_the_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tests/unit/base/test_url.c -- the parts of odd URLs; and that libcurl, which connects, sees the same host. */
#include <curl/curl.h>
#include <stdlib.h>

#include "base/url.h"
#include "tests/unit/check.h"

static const struct {
	const char *why, *text;
	const char *host;		/* NULL: it is no URL */
	unsigned port;
	const char *user, *password;
} urls[] = {
	{ "a plain one", "https://ca.example/directory", "ca.example", 0, NULL, NULL },
	{ "without a path", "https://ca.example", "ca.example", 0, NULL, NULL },
	{ "with a port", "https://ca.example:14000/dir", "ca.example", 14000, NULL, NULL },
	{ "with an empty port", "https://ca.example:/dir", "ca.example", 0, NULL, NULL },
	{ "with zeros before the port", "https://ca.example:00443/dir", "ca.example", 443, NULL, NULL },
	{ "a scheme in capitals", "HTTPS://CA.example/", "CA.example", 0, NULL, NULL },
	{ "a dot at the end of the name", "https://ca.example./", "ca.example.", 0, NULL, NULL },
	{ "an IPv4 address", "https://192.0.2.1:443/", "192.0.2.1", 443, NULL, NULL },
	{ "an IPv6 address", "https://[2001:db8::1]/", "[2001:db8::1]", 0, NULL, NULL },
	{ "an IPv6 address with a port", "https://[2001:db8::1]:8443/", "[2001:db8::1]", 8443, NULL, NULL },
	{ "a user", "https://user@ca.example/", "ca.example", 0, "user", NULL },
	{ "a user and a password", "https://user:secret@ca.example:8443/", "ca.example", 8443, "user", "secret" },
	{ "a password with a colon", "https://user:a:b@ca.example/", "ca.example", 0, "user", "a:b" },
	{ "an empty password", "https://user:@ca.example/", "ca.example", 0, "user", "" },
	{ "a password without a user", "https://:secret@ca.example/", "ca.example", 0, "", "secret" },
	{ "a user before an IPv6 address", "https://user@[::1]:1/", "[::1]", 1, "user", NULL },
	{ "an at sign in the password: the last one counts", "https://user:p@ss@ca.example/", "ca.example", 0, "user",
	    "p@ss" },
	{ "what looks like another host before the at sign", "https://ca.example:443@evil.example/", "evil.example", 0,
	    "ca.example", "443" },
	{ "an at sign in the path", "https://ca.example/@evil.example/", "ca.example", 0, NULL, NULL },
	{ "an at sign in the query", "https://ca.example?@evil.example/", "ca.example", 0, NULL, NULL },
	{ "an at sign in the fragment", "https://ca.example#@evil.example/", "ca.example", 0, NULL, NULL },
	{ "a colon in the path", "https://ca.example/a:b", "ca.example", 0, NULL, NULL },
	{ "a proxy of another kind", "socks5h://127.0.0.1:1080", "127.0.0.1", 1080, NULL, NULL },
	{ "a repository", "ssh://git@[::1]:2222/zones.git", "[::1]", 2222, "git", NULL },

	{ "nothing", "", NULL, 0, NULL, NULL },
	{ "no scheme", "ca.example/directory", NULL, 0, NULL, NULL },
	{ "git's short form", "git@host:path", NULL, 0, NULL, NULL },
	{ "git's short form with two slashes", "git@host://path", NULL, 0, NULL, NULL },
	{ "a scheme and nothing else", "https://", NULL, 0, NULL, NULL },
	{ "an empty scheme", "://ca.example/", NULL, 0, NULL, NULL },
	{ "no host before the path", "https:///directory", NULL, 0, NULL, NULL },
	{ "no host before the port", "https://:443/", NULL, 0, NULL, NULL },
	{ "no host behind the user", "https://user@/", NULL, 0, "user", NULL },
	{ "a port that is none", "https://ca.example:https/", NULL, 0, NULL, NULL },
	{ "a port that is too much", "https://ca.example:65536/", NULL, 0, NULL, NULL },
	{ "a port that is far too much", "https://ca.example:4294967739/", NULL, 0, NULL, NULL },
	{ "a blank in the host", "https://ca .example/", NULL, 0, NULL, NULL },
	{ "a backslash, which others take for a slash", "https://ca.example\\@evil.example/", "evil.example", 0,
	    "ca.example\\", NULL },
	{ "a backslash in the host", "https://evil.example\\.ca.example/", NULL, 0, NULL, NULL },
	{ "a bracket that does not end", "https://[::1/", NULL, 0, NULL, NULL },
	{ "something behind the bracket", "https://[::1]x:443/", NULL, 0, NULL, NULL },
	{ "something before the bracket", "https://x[::1]/", NULL, 0, NULL, NULL },
	{ "no address in the brackets", "https://[ca.example]/", NULL, 0, NULL, NULL },
	{ "nothing in the brackets", "https://[]/", NULL, 0, NULL, NULL },
};

static bool
is(struct slice s, const char *text)
{
	return text == NULL ? s.p == NULL : s.p != NULL && s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static void
test_odd_urls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		const char *why = urls[i].why;
		struct url u;

		check(url_split(urls[i].text, strlen(urls[i].text), &u) == (urls[i].host != NULL), "%s", why);
		check(urls[i].host == NULL || is(u.host, urls[i].host), "%s: host", why);
		check(urls[i].host == NULL || u.port == urls[i].port, "%s: port %u", why, u.port);
		check(is(u.user, urls[i].user) && is(u.password, urls[i].password), "%s: user and password", why);
	}
}

/* What we decide about a host is of use only if it is the one that is asked. */
static void
test_libcurl_sees_the_same_host(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		CURLU *u = curl_url();
		char *host = NULL;
		bool taken = curl_url_set(u, CURLUPART_URL, urls[i].text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK;

		/* What has two at signs libcurl refuses; of "https:///host" it makes what we do not take. */
		check(taken || urls[i].host == NULL || strcmp(urls[i].password, "p@ss") == 0, "%s: libcurl takes it",
		    urls[i].why);
		check(!taken || urls[i].host == NULL || strcasecmp(host, urls[i].host) == 0, "%s: %s", urls[i].why,
		    host);
		curl_free(host);
		curl_url_cleanup(u);
	}
}

/* In memory of its own, so that a look beyond the end is seen. */
static void
test_every_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		for (size_t n = 0; n <= strlen(urls[i].text); n++) {
			char *text = malloc(n + 1);
			struct url u;

			memcpy(text, urls[i].text, n);
			if (url_split(text, n, &u))
				check(u.host.n > 0 && u.host.p >= text && u.host.p + u.host.n <= text + n, "%s",
				    urls[i].why);
			free(text);
		}
}

static const struct { const char *why, *a, *b; bool same; } pairs[] = {
	{ "capitals do not count", "https://CA.example/a", "https://ca.EXAMPLE/b", true },
	{ "a port that goes without saying", "https://ca.example/", "https://ca.example:443/", true },
	{ "other ports", "https://ca.example/", "https://ca.example:8443/", false },
	{ "users do not count", "https://user@ca.example/", "https://ca.example/", true },
	{ "a longer name", "https://ca.example/", "https://ca.example.net/", false },
	{ "IPv6 with and without a port", "https://[::1]/", "https://[::1]:443/", true },
	{ "other addresses", "https://[::1]/", "https://[::2]/", false },
};

static void
test_same_server(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct url a, b;

		check(url_split(pairs[i].a, strlen(pairs[i].a), &a) && url_split(pairs[i].b, strlen(pairs[i].b), &b),
		    "%s: URLs", pairs[i].why);
		check(url_same_server(&a, &b, 443) == pairs[i].same, "%s", pairs[i].why);
	}
}

static const struct { const char *why, *url, *name; bool within; } hosts[] = {
	{ "the name itself", "https://ca.example/", "ca.example", true },
	{ "a name below", "https://acme.CA.example:1/", "ca.example", true },
	{ "with its final dot", "https://acme.ca.example./", "ca.example", true },
	{ "one that only ends alike", "https://notca.example/", "ca.example", false },
	{ "one above", "https://example/", "ca.example", false },
	{ "in the user's name only", "https://ca.example@evil.example/", "ca.example", false },
};

static void
test_host_within(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		struct url u;

		check(url_split(hosts[i].url, strlen(hosts[i].url), &u), "%s: a URL", hosts[i].why);
		check(url_host_within(&u, hosts[i].name) == hosts[i].within, "%s", hosts[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_odd_urls),
		cmocka_unit_test(test_libcurl_sees_the_same_host),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_same_server),
		cmocka_unit_test(test_host_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

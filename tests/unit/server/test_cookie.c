/* server/cookie.c: the examples of RFC 9018, appendix A, what is accepted and for how long, and where secrets live. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "server/config.h"
#include "server/cookie.h"

#define OLD "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW "445536bcd2513298075a5d379663c962"
#define ONE "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define C1 "2464c4abcf10c957"
#define C1_COOKIE "010000005cf79f111f8130c3eee29480"	/* made at MADE */
#define MADE 1559731985

static const struct {
	const char *why, *secrets, *peer, *client, *server;
	uint32_t now_s;
	bool valid;
	const char *reply;			/* NULL: a fresh one */
} rows[] = {
	{ "A.1, a new server cookie", ONE, "198.51.100.100", C1, "", MADE, false, C1_COOKIE },
	{ "A.2, renewed after 40 minutes", ONE, "198.51.100.100", C1, C1_COOKIE, 1559734385, true,
	    "010000005cf7a871d4a564a1442aca77" },
	{ "A.3, reserved octets are not zero; too old for us", ONE, "203.0.113.203", "fc93fc62807ddb86",
	    "01abcdef5cf78f71a314227b6679ebf5", 1559734700, false, "010000005cf7a9acf73a7810aca2381e" },
	{ "the same in time: it is good as it is", ONE, "203.0.113.203", "fc93fc62807ddb86",
	    "01abcdef5cf78f71a314227b6679ebf5", 1559727985, true, "01abcdef5cf78f71a314227b6679ebf5" },
	{ "A.4, IPv6, made with a secret that was rolled over", NEW " " OLD, "2001:db8:220:1:59de:d0f4:8769:82b8",
	    "22681ab97d52c298", "010000005cf7c57926556bd0934c72f8", 1559741961, true,
	    "010000005cf7c609a6bb79d16625507a" },
	{ "the same when the old secret is gone", NEW, "2001:db8:220:1:59de:d0f4:8769:82b8",
	    "22681ab97d52c298", "010000005cf7c57926556bd0934c72f8", 1559741961, false,
	    "010000005cf7c609a6bb79d16625507a" },

	{ "young: the same again", ONE, "198.51.100.100", C1, C1_COOKIE, MADE + 1800, true, C1_COOKIE },
	{ "older than half an hour: a new one", ONE, "198.51.100.100", C1, C1_COOKIE, MADE + 1801, true, NULL },
	{ "an hour old", ONE, "198.51.100.100", C1, C1_COOKIE, MADE + 3600, true, NULL },
	{ "older", ONE, "198.51.100.100", C1, C1_COOKIE, MADE + 3601, false, NULL },
	{ "five minutes ahead: a sibling's clock", ONE, "198.51.100.100", C1, C1_COOKIE, MADE - 300, true, C1_COOKIE },
	{ "further ahead", ONE, "198.51.100.100", C1, C1_COOKIE, MADE - 301, false, NULL },
	{ "another client's address", ONE, "198.51.100.101", C1, C1_COOKIE, MADE, false, NULL },
	{ "another client cookie", ONE, "198.51.100.100", "2464c4abcf10c958", C1_COOKIE, MADE, false, NULL },
	{ "another secret", OLD, "198.51.100.100", C1, C1_COOKIE, MADE, false, NULL },
	{ "a hash with a wrong bit", ONE, "198.51.100.100", C1, "010000005cf79f111f8130c3eee29481", MADE, false, NULL },
	{ "a reserved octet changed", ONE, "198.51.100.100", C1, "010000015cf79f111f8130c3eee29480", MADE, false,
	    NULL },
	{ "another version", ONE, "198.51.100.100", C1, "020000005cf79f111f8130c3eee29480", MADE, false, NULL },
	{ "8 octets", ONE, "198.51.100.100", C1, "010000005cf79f11", MADE, false, NULL },
	{ "32 octets", ONE, "198.51.100.100", C1, C1_COOKIE C1_COOKIE, MADE, false, NULL },
};

static size_t
from_hex(const char *text, uint8_t *out)
{
	struct buf b = { 0 };
	size_t n = b.len;

	check(hex_decode(text, strlen(text), &b), "%s", text);
	n = b.len;
	if (n > 0)
		memcpy(out, b.p, n);
	buf_clear(&b);
	return n;
}

static void
test_cookies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t client[COOKIE_CLIENT], server[40], reply[COOKIE_SERVER], want[COOKIE_SERVER];
		struct cookie_secrets secrets;
		struct config_address peer;
		size_t n;

		check(cookie_secrets_parse(rows[i].secrets, strlen(rows[i].secrets), &secrets) == ERR_OK, "secrets");
		check(config_address_parse(rows[i].peer, 53, &peer) == ERR_OK, "peer");
		from_hex(rows[i].client, client);
		n = from_hex(rows[i].server, server);
		check(cookie_check(&secrets, client, server, n, (struct sockaddr *)&peer.address, rows[i].now_s,
		    reply) == rows[i].valid, "%s: valid or not", rows[i].why);
		if (rows[i].reply != NULL)
			from_hex(rows[i].reply, want);
		else
			cookie_check(&secrets, client, NULL, 0, (struct sockaddr *)&peer.address, rows[i].now_s, want);
		check(memcmp(reply, want, sizeof want) == 0, "%s: the answer's cookie", rows[i].why);
	}
}

/* Timestamps are compared as serial numbers. */
static void
test_the_year_2106(void **state)
{
	const uint8_t client[COOKIE_CLIENT] = "client";
	const struct cookie_secrets secrets = { .n = 1 };
	struct sockaddr_in peer = { .sin_family = AF_INET };
	uint8_t cookie[COOKIE_SERVER], reply[COOKIE_SERVER];

	(void)state;
	cookie_check(&secrets, client, NULL, 0, (struct sockaddr *)&peer, UINT32_MAX - 9, cookie);
	check(cookie_check(&secrets, client, cookie, sizeof cookie, (struct sockaddr *)&peer, 10, reply),
	    "made ten seconds before the clock went round");
}

static const struct { const char *why, *text; enum err err; unsigned n; } texts[] = {
	{ "one", ONE, ERR_OK, 1 }, { "two", ONE "\n" OLD "\n", ERR_OK, 2 },
	{ "white space around it", "\n \t" ONE " \r\n", ERR_OK, 1 },
	{ "three", ONE "\n" OLD "\n" NEW, ERR_FORMAT, 0 }, { "nothing", "", ERR_FORMAT, 0 },
	    { "blanks", " \n", ERR_FORMAT, 0 },
	{ "no hexadecimal digit", "x5e973e5a6b2a43f48e7dc849e37bfcf", ERR_FORMAT, 0 },
	{ "a digit too few", "5e973e5a6b2a43f48e7dc849e37bfcf", ERR_FORMAT, 0 },
	{ "a digit too many", ONE "0", ERR_FORMAT, 0 }, { "two without a space", ONE OLD, ERR_FORMAT, 0 },
};

static void
test_secrets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct cookie_secrets s;
		enum err err = cookie_secrets_parse(texts[i].text, strlen(texts[i].text), &s);

		check(err == texts[i].err && (err != ERR_OK || s.n == texts[i].n), "%s", texts[i].why);
	}
}

static void
test_the_state_directory_keeps_the_secret(void **state)
{
	char directory[] = "/tmp/test_cookie_XXXXXX", path[64];
	struct cookie_secrets first, second;
	struct fault f = { 0 };
	struct stat st;
	FILE *file;

	(void)state;
	check(mkdtemp(directory) != NULL, "directory");
	snprintf(path, sizeof path, "%s/cookie-secret", directory);
	check(cookie_secrets_load(directory, &first, &f) == ERR_OK && first.n == 1, "it is made");
	check(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "only the owner may read it");
	check(cookie_secrets_load(directory, &second, &f) == ERR_OK && second.n == 1 &&
	    memcmp(first.octets[0], second.octets[0], COOKIE_SECRET) == 0, "and found again");
	file = fopen(path, "w");
	check(file != NULL && fputs("not hex\n", file) >= 0 && fclose(file) == 0, "spoiled");
	check(cookie_secrets_load(directory, &second, &f) == ERR_FORMAT && strstr(f.text, path) != NULL,
	    "a spoiled file is named");
	unlink(path);
	rmdir(directory);
	check(cookie_secrets_load(directory, &second, &f) != ERR_OK, "no directory");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookies), cmocka_unit_test(test_the_year_2106), cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_the_state_directory_keeps_the_secret)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

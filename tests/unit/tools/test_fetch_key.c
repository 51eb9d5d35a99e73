/* Private keys, CSRs, and TSIG keys as services have them. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "tools/fetch_key.h"

static char *names[] = { (char []){ "www.example.com" }, (char []){ "*.example.com" }, NULL };

static void
test_each_kind(void **state)
{
	(void)state;
	for (int type = FETCH_P256; type <= FETCH_RSA3072; type++) {	/* a key of 4096 bits takes its time */
		struct fetch_request r = { 0 }, again = { 0 };
		struct buf pem = { 0 };
		struct fault f = { 0 };

		check(fetch_request_make(NULL, (enum fetch_key_type)type, names, &r, &f) == ERR_OK, "%s: %s",
		    fetch_key_types[type], f.text);
		for (int other = FETCH_P256; other <= FETCH_RSA4096; other++)
			check(fetch_key_is(r.key, (enum fetch_key_type)other) == (other == type), "%s is %s",
			    fetch_key_types[type], fetch_key_types[other]);
		check(fetch_request_is_for(&r, names) && !fetch_request_is_for(&r, names + 1), "its names are those");
		assert_int_equal(fetch_request_print(&r, true, &pem), ERR_OK);
		assert_int_equal(fetch_request_parse((char *)pem.p, pem.len, &again, &f), ERR_OK);
		check(EVP_PKEY_eq(r.key, again.key) == 1 && fetch_request_is_for(&again, names), "there and back");
		fetch_request_clear(&again);
		fetch_request_clear(&r);
		buf_wipe(&pem);
	}
}

static void
test_a_key_used_again(void **state)
{
	struct fetch_request r = { 0 }, second = { 0 };
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(fetch_request_make(NULL, FETCH_P256, names, &r, &f), ERR_OK);
	assert_int_equal(fetch_request_make(r.key, FETCH_P256, names + 1, &second, &f), ERR_OK);
	check(EVP_PKEY_eq(r.key, second.key) == 1 && fetch_request_is_for(&second, names + 1),
	    "the same key, other names");
	fetch_request_clear(&r);
	fetch_request_clear(&second);
}

/* A common name has 64 characters at most; longer names are alternative names alone. */
static void
test_a_long_name(void **state)
{
	char text[101] = "";
	char *one[] = { text, NULL };
	struct fetch_request r = { 0 };
	struct fault f = { 0 };

	(void)state;
	memset(text, 'a', 100);
	text[50] = '.';
	check(fetch_request_make(NULL, FETCH_P256, one, &r, &f) == ERR_OK && fetch_request_is_for(&r, one), "%s",
	    f.text);
	fetch_request_clear(&r);
}

static void
test_every_prefix(void **state)
{
	struct fetch_request r = { 0 }, part = { 0 };
	struct buf pem = { 0 };
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(fetch_request_make(NULL, FETCH_P256, names, &r, &f), ERR_OK);
	assert_int_equal(fetch_request_print(&r, true, &pem), ERR_OK);
	for (size_t n = 0; n + 1 < pem.len; n++) {
		if (fetch_request_parse((char *)pem.p, n, &part, &f) == ERR_OK)
			check(part.csr == NULL, "%zu octets have no CSR", n);
		fetch_request_clear(&part);
	}
	fetch_request_clear(&r);
	buf_wipe(&pem);
}

#define SECRET "c2VjcmV0c2VjcmV0"

static const struct { const char *why, *text, *name, *words; } texts[] = {
	{ "a key statement", "key \"a.example\" { algorithm hmac-sha512; secret \"" SECRET "\"; };\n",
	  "a.example", NULL },
	{ "comments before it", "// of web1\nkey a.example { algorithm hmac-sha256; secret " SECRET "; };",
	  "a.example", NULL },
	{ "one line", "a.example:hmac-sha256:" SECRET "\n", "a.example", NULL },
	{ "one line without its end", "a.example:SHA256:" SECRET, "a.example", NULL },
	{ "one line as Windows ends it", "a.example:SHA256:" SECRET "\r\n", "a.example", NULL },
	{ "a comment before the line", "# of web1\n\na.example:SHA256:" SECRET "\n", "a.example", NULL },
	{ "nothing", "", NULL, "found nothing" },
	{ "only a comment", "# later", NULL, "found nothing" },
	{ "no secret", "a.example:hmac-sha256:", NULL, "empty" },
	{ "no base64", "a.example:hmac-sha256:" SECRET "!", NULL, "base64" },
	{ "an algorithm that is none", "a.example:rsa:" SECRET, NULL, "algorithm" },
	{ "a statement cut short", "key \"a.example\" { algorithm hmac-sha512; secret \"" SECRET, NULL, "expected" },
	{ "two keys",
	  "key a { algorithm hmac-sha256; secret " SECRET "; }; key b { algorithm hmac-sha256; secret " SECRET "; };",
	  NULL, "one key" },
};

static void
test_tsig_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct tsig_key *key = NULL;
		struct fault f = { 0 };
		char name[DNAME_TEXT_MAX];
		size_t n = strlen(texts[i].text);
		enum err err = fetch_tsig_parse("FILE", texts[i].text, n, &key, &f);

		check((err == ERR_OK) == (texts[i].words == NULL), "%s: %s", texts[i].why, f.text);
		if (err == ERR_OK)
			check(strcmp(dname_print_host(key->name.octets, name), texts[i].name) == 0, "%s: %s",
			    texts[i].why, name);
		else
			check(strstr(f.text, texts[i].words) != NULL && strncmp(f.text, "FILE:", 5) == 0,
			    "%s: the words: %s", texts[i].why, f.text);
		check(strstr(f.text, SECRET) == NULL, "%s: the secret is not told: %s", texts[i].why, f.text);
		tsig_key_free(key);
		for (size_t k = 0; k < n; k++) {
			key = NULL;
			(void)fetch_tsig_parse("FILE", texts[i].text, k, &key, &f);
			tsig_key_free(key);
		}
	}
}

static void
test_a_zero_octet(void **state)
{
	static const char text[] = "a.example:SHA\0" "256:" SECRET "\n";
	struct tsig_key *key = NULL;
	struct fault f = { 0 };

	(void)state;
	check(fetch_tsig_parse("FILE", text, sizeof text - 1, &key, &f) == ERR_FORMAT && strstr(f.text, "zero") != NULL,
	    "%s", f.text);
}

static void
test_where_it_comes_from(void **state)
{
	struct tsig_key *key = NULL;
	struct fault f = { 0 };
	int ends[2];

	(void)state;
	unsetenv(FETCH_TSIG_VARIABLE);
	check(fetch_tsig_load(NULL, -1, &key, &f) == ERR_NOT_FOUND && strstr(f.text, "keygen") != NULL, "nowhere: %s",
	    f.text);
	setenv(FETCH_TSIG_VARIABLE, "a.example:SHA256:" SECRET, 1);
	check(fetch_tsig_load(NULL, -1, &key, &f) == ERR_OK, "the environment: %s", f.text);
	tsig_key_free(key);
	key = NULL;
	assert_int_equal(pipe(ends), 0);
	assert_true(write(ends[1], texts[0].text, strlen(texts[0].text)) > 0);
	close(ends[1]);
	check(fetch_tsig_load(NULL, ends[0], &key, &f) == ERR_OK && key->algorithm == TSIG_HMAC_SHA512,
	    "a descriptor comes before the environment: %s", f.text);
	tsig_key_free(key);
	close(ends[0]);
	key = NULL;
	check(fetch_tsig_load("/nonexistent/key", -1, &key, &f) != ERR_OK && strstr(f.text, "/nonexistent/key") != NULL,
	    "a file that is named must be there: %s", f.text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_a_key_used_again),
		cmocka_unit_test(test_a_long_name),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_tsig_texts),
		cmocka_unit_test(test_a_zero_octet),
		cmocka_unit_test(test_where_it_comes_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tsig/key.h"
#include "tsig/keyring.h"

static const struct {
	const char *name;
	enum tsig_right right;
	const char *zone;		/* "": not compared */
	const char *primary, *secondary;
	const char *why;
} names[] = {
	{ "x._update.example.org", TSIG_RIGHT_UPDATE, "example.org.", NULL, NULL, "a label, an operation, a zone" },
	{ "a.b.c._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", NULL, NULL, "several labels before" },
	{ "x._notify.example.org", TSIG_RIGHT_NOTIFY, "example.org.", NULL, NULL, "a key that may notify" },
	{ "x._update", TSIG_RIGHT_UPDATE, ".", NULL, NULL, "no zone is the root" },
	{ "_update.example.com", TSIG_RIGHT_UPDATE, "example.com.", NULL, NULL, "nothing before the operation" },
	{ "_notify", TSIG_RIGHT_NOTIFY, ".", NULL, NULL, "the operation alone" },
	{ "x._UpDaTe.Example.ORG", TSIG_RIGHT_UPDATE, "example.org.", NULL, NULL, "letter case does not count" },
	{ "a._update.b._transfer.c", TSIG_RIGHT_TRANSFER, "c.", NULL, NULL, "the rightmost operation counts" },
	{ "a._notify.b._update.c", TSIG_RIGHT_UPDATE, "c.", NULL, NULL, "and so does it when it is the larger" },
	{ "mykey", TSIG_RIGHT_NONE, "", NULL, NULL, "an ordinary name says nothing" },
	{ ".", TSIG_RIGHT_NONE, "", NULL, NULL, "nor does the root" },
	{ "_updates.example.org", TSIG_RIGHT_NONE, "", NULL, NULL, "a label that only begins so" },
	{ "update.example.org", TSIG_RIGHT_NONE, "", NULL, NULL, "a label without the underscore" },
	{ "192.0.2.1.198.51.100.7._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", "192.0.2.1",
	    "198.51.100.7", "eight labels are primary and secondary" },
	{ "192.0.2.1.198.51.100.7._transfer", TSIG_RIGHT_TRANSFER, ".", "192.0.2.1", "198.51.100.7",
	    "for every zone too" },
	{ "x.192.0.2.1._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", "192.0.2.1", NULL,
	    "four labels are the primary" },
	{ "192.0.2.1._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", "192.0.2.1", NULL,
	    "with nothing before them as well" },
	{ "a.b.c.d.192.0.2.1._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", "192.0.2.1", NULL,
	    "four labels that are no address are just labels" },
	{ "192.0.2.256._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", NULL, NULL,
	    "256 is no octet of an address" },
	{ "192.0.2.01._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", NULL, NULL,
	    "nor is a number with a leading zero" },
	{ "0.2.1._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", NULL, NULL,
	    "three labels are no address" },
	{ "192.0.2.1.198.51.100._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org.", "1.198.51.100", NULL,
	    "of seven the last four count" },
	{ "192.0.2.1._update.example.org", TSIG_RIGHT_UPDATE, "example.org.", NULL, NULL,
	    "only transfer keys have addresses" }
};

static struct tsig_key *
make_key(const char *name)
{
	struct dname owner;
	struct tsig_key *key;

	check(dname_from_str(name, &owner) == ERR_OK, "%s is a name", name);
	check(tsig_key_new(owner.octets, TSIG_HMAC_SHA256, (const uint8_t *)"secret", 6, &key) == ERR_OK,
	    "%s is a key", name);
	return key;
}

static void
check_address(bool has, const uint8_t *octets, const char *wanted, const char *why)
{
	char text[16];

	snprintf(text, sizeof text, "%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
	check(has == (wanted != NULL), "%s", why);
	check(!has || strcmp(text, wanted) == 0, "%s: %s", why, text);
}

static void
test_names_say_what_a_key_may(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct tsig_key *key = make_key(names[i].name);
		struct dname zone;

		check(key->right == names[i].right, "%s: %s", names[i].name, names[i].why);
		if (names[i].zone[0] != '\0') {
			assert_int_equal(dname_from_str(names[i].zone, &zone), ERR_OK);
			check(dname_equal(key->zone.octets, zone.octets), "%s: %s", names[i].name, names[i].why);
		}
		check_address(key->has_primary, key->primary, names[i].primary, names[i].why);
		check_address(key->has_secondary, key->secondary, names[i].secondary, names[i].why);
		tsig_key_free(key);
	}
}

static const struct { const char *why, *name; enum tsig_role role; enum tsig_right right; const char *host; } roles[] =
    {
	{ "the CSR of a host", "x.y._csr.www.example.org", TSIG_ROLE_CSR, TSIG_RIGHT_NONE, "www.example.org" },
	{ "its challenges", "x._AcMe.www.example.org", TSIG_ROLE_ACME, TSIG_RIGHT_NONE, "www.example.org" },
	{ "an operation to the right of a role", "x._csr.a._update.b", TSIG_ROLE_NONE, TSIG_RIGHT_UPDATE, "b" },
	{ "a role to the right of an operation", "x._update.a._acme.b", TSIG_ROLE_ACME, TSIG_RIGHT_NONE, "b" },
	{ "a label that only begins so", "x._csrs.a", TSIG_ROLE_NONE, TSIG_RIGHT_NONE, NULL }
};

static void
test_names_say_which_role_a_key_has(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
		struct tsig_key *key = make_key(roles[i].name);
		struct dname host;

		check(key->role == roles[i].role && key->right == roles[i].right, "%s", roles[i].why);
		if (roles[i].host != NULL) {
			assert_int_equal(dname_from_str(roles[i].host, &host), ERR_OK);
			check(dname_equal(key->zone.octets, host.octets), "%s", roles[i].why);
		}
		tsig_key_free(key);
	}
}

static const struct {
	const char *key;
	enum tsig_right right;
	const char *zone;
	bool may;
} rights[] = {
	{ "x._update.example.org", TSIG_RIGHT_UPDATE, "example.org", true },
	{ "x._update.example.org", TSIG_RIGHT_TRANSFER, "example.org", true },
	{ "x._update.example.org", TSIG_RIGHT_NOTIFY, "EXAMPLE.org", true },
	{ "x._update.example.org", TSIG_RIGHT_UPDATE, "sub.sub.example.org", true },
	{ "x._update.example.org", TSIG_RIGHT_UPDATE, "org", false },
	{ "x._update.example.org", TSIG_RIGHT_UPDATE, "anexample.org", false },
	{ "x._update.example.org", TSIG_RIGHT_NOTIFY, "example.com", false },
	{ "x._update", TSIG_RIGHT_UPDATE, "example.com", true },
	{ "x._update", TSIG_RIGHT_UPDATE, ".", true },
	{ "x._transfer.example.org", TSIG_RIGHT_UPDATE, "example.org", false },
	{ "x._transfer.example.org", TSIG_RIGHT_TRANSFER, "example.org", true },
	{ "x._transfer.example.org", TSIG_RIGHT_NOTIFY, "example.org", true },
	{ "x._notify.example.org", TSIG_RIGHT_TRANSFER, "example.org", false },
	{ "x._notify.example.org", TSIG_RIGHT_NOTIFY, "example.org", true },
	{ "x._csr.example.org", TSIG_RIGHT_NOTIFY, "example.org", false },
	{ "x._acme.example.org", TSIG_RIGHT_UPDATE, "example.org", false },
	{ "mykey", TSIG_RIGHT_NOTIFY, "mykey", false },
	{ "mykey", TSIG_RIGHT_NOTIFY, ".", false }
};

static void
test_rights_nest_and_reach_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
		struct tsig_key *key = make_key(rights[i].key);
		struct dname zone;

		assert_int_equal(dname_from_str(rights[i].zone, &zone), ERR_OK);
		check(tsig_key_may(key, rights[i].right, zone.octets) == rights[i].may, "%s %s right %d in %s",
		    rights[i].key, rights[i].may ? "has" : "does not have", (int)rights[i].right, rights[i].zone);
		tsig_key_free(key);
	}
}

static const struct {
	const char *text, *name, *dname;
	enum tsig_algorithm algorithm;
	uint8_t dnskey;
	size_t size, floor;
} algorithms[] = {
	{ "MD5", "hmac-md5", "hmac-md5.sig-alg.reg.int", TSIG_HMAC_MD5, 157, 16, 10 },
	{ "Sha1", "hmac-sha1", "hmac-sha1", TSIG_HMAC_SHA1, 161, 20, 10 },
	{ "SHA224", "hmac-sha224", "hmac-sha224", TSIG_HMAC_SHA224, 162, 28, 14 },
	{ "HMAC-SHA256", "hmac-sha256", "HMAC-SHA256", TSIG_HMAC_SHA256, 163, 32, 16 },
	{ "sha384", "hmac-sha384", "hmac-sha384", TSIG_HMAC_SHA384, 164, 48, 24 },
	{ "hmac-sha512", "hmac-sha512", "hmac-sha512", TSIG_HMAC_SHA512, 165, 64, 32 }
};

static void
test_algorithms_have_three_names(void **state)
{
	enum tsig_algorithm a;
	struct dname name;

	(void)state;
	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		const char *text = algorithms[i].text;

		check(tsig_algorithm_parse(text, &a) && a == algorithms[i].algorithm, "%s is known", text);
		check(strcmp(tsig_algorithm_str(a), algorithms[i].name) == 0, "%s prints", text);
		assert_int_equal(dname_from_str(algorithms[i].dname, &name), ERR_OK);
		check(dname_equal(tsig_algorithm_dname(a), name.octets), "%s has its domain name", text);
		check(tsig_algorithm_from_dnskey(algorithms[i].dnskey, &a) && a == algorithms[i].algorithm,
		    "%s is found by DNSKEY number", text);
		check(tsig_algorithm_to_dnskey(a) == algorithms[i].dnskey, "%s has its DNSKEY number", text);
		check(tsig_algorithm_mac_size(a) == algorithms[i].size, "the MAC of %s", text);
		check(tsig_algorithm_mac_floor(a) == algorithms[i].floor, "the shortest MAC of %s", text);
	}
	assert_false(tsig_algorithm_parse("hmac-sha3", &a));
	assert_false(tsig_algorithm_parse("", &a));
	assert_false(tsig_algorithm_from_dnskey(13, &a));
}

static const struct { const char *why, *text; enum err err; } texts[] = {
	{ "the MirageOS form", "x._update.example.org:SHA256:c2VjcmV0", ERR_OK },
	{ "the usual name of the algorithm", "x._update.example.org:hmac-sha512:c2VjcmV0", ERR_OK },
	{ "a colon in the name", "x:y:SHA256:c2VjcmV0", ERR_OK },
	{ "no secret", "x:SHA256:", ERR_RANGE },
	{ "a secret that is not base64", "x:SHA256:c2Vjc!V0", ERR_FORMAT },
	{ "a secret without its padding", "x:SHA256:c2VjcmU", ERR_FORMAT },
	{ "an unknown algorithm", "x:SHA257:c2VjcmV0", ERR_FORMAT },
	{ "an overlong algorithm", "x:SHA2566666666666666666666666666666666666:c2VjcmV0", ERR_FORMAT },
	{ "no name", ":SHA256:c2VjcmV0", ERR_FORMAT },
	{ "an empty label in the name", "a..b:SHA256:c2VjcmV0", ERR_FORMAT },
	{ "two parts only", "x:c2VjcmV0", ERR_FORMAT },
	{ "one part only", "c2VjcmV0", ERR_FORMAT },
	{ "nothing", "", ERR_FORMAT }
};

static void
test_key_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct tsig_key *key = NULL;
		struct fault f = { ERR_OK, "" };
		enum err err = tsig_key_parse(texts[i].text, &key, &f);

		check(err == texts[i].err, "%s: %s", texts[i].why, err_str(err));
		check(err == ERR_OK || f.text[0] != '\0', "%s has words", texts[i].why);
		check(strstr(f.text, "c2V") == NULL, "%s: the words keep the secret", texts[i].why);
		check(err != ERR_OK || (key->secret_len == 6 && memcmp(key->secret, "secret", 6) == 0),
		    "%s: the secret is decoded", texts[i].why);
		tsig_key_free(key);
	}
}

static void
test_ring_finds_keys_by_name(void **state)
{
	struct tsig_keyring *ring;
	struct dname name;
	char text[64];

	(void)state;
	assert_int_equal(tsig_keyring_new(&ring), ERR_OK);
	assert_int_equal(dname_from_str("k0._UPDATE.example.org", &name), ERR_OK);
	assert_null(tsig_keyring_find(ring, name.octets));
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "k%d._update.example.org", i);
		assert_int_equal(tsig_keyring_add(ring, make_key(text)), ERR_OK);
	}
	assert_int_equal(tsig_keyring_add(ring, make_key("K7._update.example.org")), ERR_EXISTS);
	assert_int_equal(tsig_keyring_count(ring), 300);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof text, "K%d._Update.example.ORG", i);
		assert_int_equal(dname_from_str(text, &name), ERR_OK);
		check(tsig_keyring_find(ring, name.octets) == tsig_keyring_at(ring, (size_t)i), "%s is found", text);
	}
	assert_int_equal(dname_from_str("k300._update.example.org", &name), ERR_OK);
	assert_null(tsig_keyring_find(ring, name.octets));
	assert_null(tsig_keyring_at(ring, 300));
	tsig_keyring_unref(ring);
}

static void *
share(void *arg)
{
	for (int i = 0; i < 10000; i++)
		tsig_keyring_unref(tsig_keyring_ref(arg));
	tsig_keyring_unref(arg);
	return NULL;
}

static void
test_ring_is_shared(void **state)
{
	struct tsig_keyring *ring;
	pthread_t threads[4];

	(void)state;
	assert_int_equal(tsig_keyring_new(&ring), ERR_OK);
	assert_int_equal(tsig_keyring_add(ring, make_key("x")), ERR_OK);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share, tsig_keyring_ref(ring)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(tsig_keyring_count(ring), 1);
	tsig_keyring_unref(ring);
	tsig_keyring_unref(NULL);
	assert_null(tsig_keyring_ref(NULL));
	tsig_key_free(NULL);
}

static enum err
load_text(const char *text, size_t n, struct tsig_key **key, struct fault *f)
{
	char path[] = "/tmp/certns-test-key-XXXXXX";
	int fd = mkstemp(path);
	enum err err;

	check(fd >= 0 && write(fd, text, n) == (ssize_t)n, "a file");
	close(fd);
	err = tsig_key_load(path, key, f);
	unlink(path);
	return err;
}

/* A key statement is whole with its closing brace; before that every prefix is refused, with words and without the
 * secret. */
static void
test_key_files(void **state)
{
	static const char text[] = "# for the hook\n/* and\n more */\nkey \"a._notify.example.com.\" {\n\t// as ever\n"
	    "\talgorithm hmac-sha512;\n\tsecret \"AQIDBAUG\";\n};\n";
	const char *brace = strchr(text, '}');

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct tsig_key *key = NULL;
		struct fault f = { 0 };
		enum err err = load_text(text, n, &key, &f);

		if (text + n <= brace) {
			check(err == ERR_FORMAT && f.text[0] != '\0', "%zu octets: %s", n, err_str(err));
			check(strstr(f.text, "AQID") == NULL, "no secret is quoted: %s", f.text);
			continue;
		}
		check(err == ERR_OK && key->algorithm == TSIG_HMAC_SHA512 && key->secret_len == 6 &&
		    memcmp(key->secret, "\1\2\3\4\5\6", 6) == 0 && key->right == TSIG_RIGHT_NOTIFY, "%zu octets: %s", n,
		    f.text);
		tsig_key_free(key);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_say_what_a_key_may),
		cmocka_unit_test(test_names_say_which_role_a_key_has),
		cmocka_unit_test(test_rights_nest_and_reach_down),
		cmocka_unit_test(test_algorithms_have_three_names),
		cmocka_unit_test(test_key_files),
		cmocka_unit_test(test_key_texts),
		cmocka_unit_test(test_ring_finds_keys_by_name),
		cmocka_unit_test(test_ring_is_shared)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

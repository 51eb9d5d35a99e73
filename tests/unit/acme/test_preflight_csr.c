/* What CSRs are refused for before a CA sees them. */
#include "tests/unit/check.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "acme/preflight.h"
#include "tests/unit/acme/pki.h"

#define LE "https://acme-v02.api.letsencrypt.org/directory"
#define GOOGLE "https://dv.acme-v02.api.pki.goog/directory"
#define OWN "https://ca.corp.example:9000/acme/directory"

static EVP_PKEY *p256;

static EVP_PKEY *
rsa(unsigned bits, unsigned exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *e = BN_new();

	BN_set_word(e, exponent);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *
make_key(const char *kind)
{
	if (strcmp(kind, "P-256") == 0) {
		EVP_PKEY_up_ref(p256);
		return p256;
	}
	if (strncmp(kind, "rsa", 3) == 0)
		return rsa((unsigned)atoi(kind + 3), strchr(kind, '/') == NULL ?
		    65537 : (unsigned)atoi(strchr(kind, '/') + 1));
	return strcmp(kind, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen(kind);
}

static enum err
judge(EVP_PKEY *key, const char *san, const char *directory, const char *profile, struct acme_csr_rules *rules,
    struct fault *f)
{
	struct buf der = { 0 };
	struct acme_csr *csr;
	enum err err;

	pki_csr(key, NULL, san, &der);
	rules->ca = acme_ca_known(directory, profile);
	if ((err = acme_csr_parse(der.p, der.len, &csr, f)) == ERR_OK) {
		err = acme_csr_judge(csr, rules, f);
		acme_csr_free(csr);
	}
	buf_clear(&der);
	return err;
}

static const struct { const char *why, *kind, *directory; const char *words; } keys[] = {
	{ "what most have", "P-256", LE, NULL },
	{ "P-384", "P-384", LE, NULL },
	{ "RSA of 2048 bits", "rsa2048", LE, NULL },
	{ "of 1024 bits, at nobody", "rsa1024", OWN, "1024 bits" },
	{ "of 2056 bits at Let's Encrypt", "rsa2056", LE, "2048, 3072 or 4096" },
	{ "of 2056 bits elsewhere", "rsa2056", GOOGLE, NULL },
	{ "of 2052 bits", "rsa2052", GOOGLE, "multiple of 8" },
	{ "at one's own CA", "rsa2052", OWN, NULL },
	{ "a small exponent", "rsa2048/3", GOOGLE, "exponent" },
	{ "at one's own CA", "rsa2048/3", OWN, NULL },
	{ "P-521", "P-521", LE, "secp521r1" },
	{ "at one's own CA", "P-521", OWN, NULL },
	{ "another curve", "secp256k1", GOOGLE, "secp256k1" },
	{ "Ed25519", "ED25519", LE, "ED25519" },
	{ "at one's own CA", "ED25519", OWN, NULL }
};

static void
test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct acme_csr_rules rules = { 0 };
		struct fault f = { 0 };
		EVP_PKEY *key = make_key(keys[i].kind);
		enum err err;

		assert_non_null(key);
		err = judge(key, "DNS:www.domain.org", keys[i].directory, NULL, &rules, &f);
		check((err == ERR_OK) == (keys[i].words == NULL), "%s: %s", keys[i].why, f.text);
		check(keys[i].words == NULL || (err == ERR_UNSUPPORTED && strstr(f.text, keys[i].words) != NULL),
		    "%s: %s", keys[i].why, f.text);
		EVP_PKEY_free(key);
	}
}

static const struct { const char *why, *san, *directory, *profile; const char *words; } names[] = {
	{ "a name", "DNS:www.domain.org", LE, NULL, NULL },
	{ "a top-level domain", "DNS:org", LE, NULL, "top-level" },
	{ "a wildcard of one", "DNS:*.org", LE, NULL, "top-level" },
	{ "at one's own CA", "DNS:intranet", OWN, NULL, NULL },
	{ "what no registry gives away", "DNS:printer.local", LE, NULL, "'local'" },
	{ "an address in the shape of a name", "DNS:192.0.2.1", LE, NULL, "'1'" },
	{ "an underscore", "DNS:my_host.domain.org", GOOGLE, NULL, "underscore" },
	{ "at one's own CA", "DNS:my_host.domain.org", OWN, NULL, NULL },
	{ "a reserved label", "DNS:ab--c.domain.org", GOOGLE, NULL, "reserved" },
	{ "an internationalized name", "DNS:xn--bcher-kva.org", LE, NULL, NULL },
	{ "one that is none", "DNS:xn--bcher-kv.org,DNS:b.org", OWN, NULL, "Punycode" },
	{ "as a top-level domain", "DNS:a.xn--p1ai", LE, NULL, NULL },
	{ "a wildcard beside what it covers", "DNS:*.domain.org,DNS:www.domain.org", LE, NULL, "beside *.domain.org" },
	{ "elsewhere", "DNS:*.domain.org,DNS:www.domain.org", GOOGLE, NULL, NULL },
	{ "a wildcard beside its parent and what it does not cover",
	    "DNS:*.domain.org,DNS:domain.org,DNS:a.b.domain.org", LE, NULL, NULL },
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct acme_csr_rules rules = { 0 };
		struct fault f = { 0 };
		enum err err = judge(p256, names[i].san, names[i].directory, names[i].profile, &rules, &f);

		check((err == ERR_OK) == (names[i].words == NULL), "%s: %s", names[i].why, f.text);
		check(names[i].words == NULL || (err == ERR_RANGE && strstr(f.text, names[i].words) != NULL), "%s: %s",
		    names[i].why, f.text);
	}
}

static void
test_too_many_names(void **state)
{
	static const struct { unsigned n; const char *directory, *profile; bool good; } rows[] = {
		{ 100, LE, NULL, true }, { 101, LE, NULL, false }, { 25, LE, "shortlived", true },
		    { 26, LE, "tlsserver", false },
		{ 26, GOOGLE, "tlsserver", true }, { 101, OWN, NULL, false }
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct acme_csr_rules rules = { 0 };
		struct buf san = { 0 };
		struct fault f = { 0 };

		for (unsigned k = 0; k < rows[i].n; k++)
			buf_printf(&san, "%sDNS:h%u.domain.org", k > 0 ? "," : "", k);
		enum err err = judge(p256, buf_str(&san), rows[i].directory, rows[i].profile, &rules, &f);
		check((err == ERR_OK) == rows[i].good, "%u names: %s", rows[i].n, f.text);
		buf_clear(&san);
	}
}

/* With an extension, or a common name that OpenSSL itself would not make. */
static enum err
judge_odd(const char *directory, bool staple, size_t cn, struct fault *f)
{
	X509_REQ *r = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct acme_csr_rules rules = { .ca = acme_ca_known(directory, NULL) };
	struct acme_csr *csr;
	uint8_t *der = NULL, text[100];
	enum err err;
	int n;

	memset(text, 'x', sizeof text);
	text[30] = '.';
	X509_REQ_set_pubkey(r, p256);
	if (cn > 0) {
		X509_NAME_ENTRY *entry = X509_NAME_ENTRY_new();

		X509_NAME_ENTRY_set_object(entry, OBJ_nid2obj(NID_commonName));
		X509_NAME_ENTRY_set_data(entry, V_ASN1_UTF8STRING, text, (int)cn);
		X509_NAME_add_entry(X509_REQ_get_subject_name(r), entry, -1, 0);
		X509_NAME_ENTRY_free(entry);
	}
	sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:a.org"));
	if (staple)
		sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, NULL, NID_tlsfeature, "status_request"));
	X509_REQ_add_extensions(r, list);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	assert_true(X509_REQ_sign(r, p256, EVP_sha256()) > 0);
	n = i2d_X509_REQ(r, &der);
	X509_REQ_free(r);
	assert_int_equal(acme_csr_parse(der, (size_t)n, &csr, f), ERR_OK);
	OPENSSL_free(der);
	err = acme_csr_judge(csr, &rules, f);
	acme_csr_free(csr);
	return err;
}

static void
test_what_else_it_asks_for(void **state)
{
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(judge_odd(LE, true, 0, &f), ERR_UNSUPPORTED);
	assert_non_null(strstr(f.text, "must-staple"));
	assert_int_equal(judge_odd(GOOGLE, true, 0, &f), ERR_OK);
	assert_int_equal(judge_odd(LE, false, 0, &f), ERR_OK);
	assert_int_equal(judge_odd(LE, false, 64, &f), ERR_OK);
	assert_int_equal(judge_odd(LE, false, 65, &f), ERR_RANGE);
	assert_non_null(strstr(f.text, "common name"));
	assert_int_equal(judge_odd(OWN, false, 65, &f), ERR_OK);
}

static bool
covers_b(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "b.org") == 0;
}

static enum err
provable_b(void *ctx, const char *name, struct fault *f)
{
	return covers_b(ctx, name) ? ERR_OK : fault_set(f, ERR_REFUSED, "%s is not here", name);
}

static void
test_here_and_for_this_client(void **state)
{
	struct acme_csr_rules rules = { .covered = covers_b };
	struct fault f = { 0 };

	(void)state;
	assert_int_equal(judge(p256, "DNS:b.org", LE, NULL, &rules, &f), ERR_OK);
	assert_int_equal(judge(p256, "DNS:b.org,DNS:c.org", LE, NULL, &rules, &f), ERR_REFUSED);
	assert_string_equal(f.text, "the key that brings it may not have a certificate for c.org");
	rules = (struct acme_csr_rules){ .covered = covers_b, .provable = provable_b };
	assert_int_equal(judge(p256, "DNS:*.b.org", LE, NULL, &rules, &f), ERR_REFUSED);
	assert_string_equal(f.text, "*.b.org is not here");
}

static const struct { const char *label; bool good; } alabels[] = {
	{ "xn--bcher-kva", true }, { "xn--p1ai", true }, { "xn--fiqs8s", true }, { "xn--mgberp4a5d4ar", true },
	{ "xn--80ak6aa92e", true }, { "xn--ls8h", true }, { "xn--", false }, { "xn--a", false }, { "xn--a-", false },
	{ "xn---a", false }, { "xn--99999999", false }, { "xn--bcher-kv", false },
	{ "xn--zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", false }
};

static void
test_alabels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof alabels / sizeof alabels[0]; i++) {
		size_t n = strlen(alabels[i].label);

		check(acme_alabel_ok(alabels[i].label, n) == alabels[i].good, "%s", alabels[i].label);
		for (size_t k = 0; k <= n; k++) {
			char *cut = malloc(k + (k == 0));	/* so that reads past the end are seen */

			memcpy(cut, alabels[i].label, k);
			acme_alabel_ok(cut, k);
			free(cut);
		}
	}
}

static void
test_known_cas(void **state)
{
	(void)state;
	check(acme_ca_known(LE, NULL).is_letsencrypt, "by the end of the host's name");
	check(strcmp(acme_ca_known(LE, NULL).identities[0], "letsencrypt.org") == 0, "and its name for CAA");
	check(!acme_ca_known("https://notletsencrypt.org/", NULL).is_public, "a name that only ends alike");
	check(!acme_ca_known("https://ca.example/letsencrypt.org", NULL).is_public, "a path");
	check(acme_ca_known("https://LETSENCRYPT.org:443/x", NULL).is_public, "capitals, and a port");
	check(!acme_ca_known("letsencrypt.org", NULL).is_public, "no URL");
}

static int
setup(void **state)
{
	(void)state;
	return (p256 = EVP_EC_gen("P-256")) == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_too_many_names),
		cmocka_unit_test(test_what_else_it_asks_for),
		cmocka_unit_test(test_here_and_for_this_client),
		cmocka_unit_test(test_alabels),
		cmocka_unit_test(test_known_cas),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

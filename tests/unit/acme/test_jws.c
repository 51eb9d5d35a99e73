#include "tests/unit/check.h"

#include <fcntl.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/jws.h"
#include "base/encoding.h"

/* The key of RFC 7515, appendix A.3, as PKCS#8. */
static const char rfc7515_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";

static struct acme_key *
rfc_key(void)
{
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	enum err err = acme_key_from_pem(rfc7515_key, strlen(rfc7515_key), &key, &f);

	check(err == ERR_OK, "the RFC's key is read: %s", fault_str(&f, err));
	return key;
}

static void
test_jwk_and_thumbprint(void **state)
{
	struct acme_key *key = rfc_key();
	char value[ACME_TXT_VALUE_LEN + 1];

	(void)state;
	assert_string_equal(acme_key_jwk(key), "{\"crv\":\"P-256\",\"kty\":\"EC\","
	    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}");
	assert_string_equal(acme_key_thumbprint(key), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
	assert_int_equal(acme_txt_value(acme_key_thumbprint(key), "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", value),
	    ERR_OK);
	assert_string_equal(value, "ZaJgFtIV4WA0t2MzN7kbSk0sfRd2GZjaxRqaSTAK6lI");
	acme_key_free(key);
}

/* Verify r||s over input with the RFC's public key, independently of acme/jws.c. */
static bool
verify(const char *input, size_t n, const struct buf *raw)
{
	BIO *bio = BIO_new_mem_buf(rfc7515_key, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *der = NULL;

	assert_int_equal(raw->len, 64);
	ECDSA_SIG_set0(sig, BN_bin2bn(raw->p, 32, NULL), BN_bin2bn(raw->p + 32, 32, NULL));
	int der_n = i2d_ECDSA_SIG(sig, &der);
	bool good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, der, (size_t)der_n, (const uint8_t *)input, n) == 1;
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return good;
}

static json_t *
decoded(const char *text)
{
	struct buf b = { 0 };

	check(base64url_decode(text, strlen(text), &b), "\"%s\" is base64url", text);
	json_t *json = json_loadb((const char *)b.p, b.len, 0, NULL);
	buf_clear(&b);
	return json;
}

static void
check_jws(const char *kid, const char *payload)
{
	struct acme_key *key = rfc_key();
	struct buf out = { 0 }, raw = { 0 }, input = { 0 };

	assert_int_equal(acme_jws_sign(key, "https://ca.example/new-order", "nonce-1", kid, payload, &out), ERR_OK);
	json_t *jws = json_loads(buf_str(&out), 0, NULL);
	check(json_object_size(jws) == 3, "a flattened JWS has three members");
	const char *protected = json_string_value(json_object_get(jws, "protected"));
	const char *body = json_string_value(json_object_get(jws, "payload"));
	const char *signature = json_string_value(json_object_get(jws, "signature"));
	assert_true(base64url_decode(signature, strlen(signature), &raw));
	buf_printf(&input, "%s.%s", protected, body);
	check(verify((const char *)input.p, input.len, &raw), "OpenSSL verifies the signature");
	input.p[0] ^= 1;
	check(!verify((const char *)input.p, input.len, &raw), "and not that of another text");

	json_t *header = decoded(protected);
	assert_string_equal(json_string_value(json_object_get(header, "alg")), "ES256");
	assert_string_equal(json_string_value(json_object_get(header, "nonce")), "nonce-1");
	assert_string_equal(json_string_value(json_object_get(header, "url")), "https://ca.example/new-order");
	check((json_object_get(header, "jwk") != NULL) == (kid == NULL), "jwk exactly without kid");
	check((json_object_get(header, "kid") != NULL) == (kid != NULL), "kid exactly with kid");
	check(json_object_size(header) == 4, "nothing else is in the header");
	if (payload == NULL)
		assert_string_equal(body, "");
	else {
		json_t *back = decoded(body);
		check(back != NULL, "the payload comes back");
		json_decref(back);
	}
	json_decref(header);
	json_decref(jws);
	buf_clear(&out);
	buf_clear(&raw);
	buf_clear(&input);
	acme_key_free(key);
}

static void
test_sign(void **state)
{
	(void)state;
	check_jws(NULL, "{\"termsOfServiceAgreed\":true}");
	check_jws("https://ca.example/acct/1", "{}");
	check_jws("https://ca.example/acct/\"1\"", NULL);
	for (int i = 0; i < 300; i++)		/* r or s begins with a zero octet now and then */
		check_jws("https://ca.example/acct/1", "{}");
}

static void
test_key_file(void **state)
{
	char directory[] = "/tmp/certns-jws-XXXXXX", path[64];
	struct acme_key *first = NULL, *again = NULL;
	struct fault f = { 0 };
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/key.pem", directory);
	assert_int_equal(acme_key_load(path, &first, &f), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	check((st.st_mode & 07777) == 0600, "a new key file has mode 0600, not %o", st.st_mode & 07777);
	assert_int_equal(acme_key_load(path, &again, &f), ERR_OK);
	assert_string_equal(acme_key_jwk(first), acme_key_jwk(again));
	acme_key_free(again);

	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(acme_key_load(path, &again, &f), ERR_ACCESS);
	check(strstr(f.text, path) != NULL && strstr(f.text, "0640") != NULL, "the words name path and mode: %s",
	    f.text);
	acme_key_free(first);
	unlink(path);
	rmdir(directory);
}

static void
test_bad_keys(void **state)
{
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	(void)state;
	for (size_t n = 0; n + 30 < strlen(rfc7515_key); n++)
		check(acme_key_from_pem(rfc7515_key, n, &key, &f) != ERR_OK, "the first %zu characters are no key", n);
	PEM_write_bio_PrivateKey(bio, rsa, NULL, NULL, 0, NULL, NULL);
	long n = BIO_get_mem_data(bio, &pem);
	assert_int_equal(acme_key_from_pem(pem, (size_t)n, &key, &f), ERR_UNSUPPORTED);
	BIO_reset(bio);
	PEM_write_bio_PrivateKey(bio, rsa, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
	n = BIO_get_mem_data(bio, &pem);
	assert_int_equal(acme_key_from_pem(pem, (size_t)n, &key, &f), ERR_UNSUPPORTED);
	check(strstr(f.text, "encrypted") != NULL, "the words say encrypted: %s", f.text);
	BIO_free(bio);
	EVP_PKEY_free(rsa);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jwk_and_thumbprint),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_bad_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

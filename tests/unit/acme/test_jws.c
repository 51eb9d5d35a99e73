#include "tests/unit/check.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

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
test_txt_value(void **state)
{
	struct acme_key *key = rfc_key();
	char value[ACME_TXT_VALUE_LEN + 1];

	(void)state;
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

/* The inner JWS of a key change has no nonce (RFC 8555, section 7.3.5). */
static void
test_without_nonce(void **state)
{
	struct acme_key *key = rfc_key();
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(acme_jws_sign(key, "https://ca.example/key-change", NULL, NULL, "{}", &out), ERR_OK);
	json_t *jws = json_loads(buf_str(&out), 0, NULL);
	json_t *header = decoded(json_string_value(json_object_get(jws, "protected")));
	check(json_object_size(header) == 3 && json_object_get(header, "nonce") == NULL, "alg, jwk and url alone");
	json_decref(header);
	json_decref(jws);
	buf_clear(&out);
	acme_key_free(key);
}

static void
test_binding(void **state)
{
	static const char secret[] = "a secret of thirty-two octets !!";
	struct acme_key *key = rfc_key();
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(acme_jws_bind((const uint8_t *)secret, strlen(secret), "kid-1",
	    "https://ca.example/new-account", acme_key_jwk(key), &out), ERR_OK);
	assert_string_equal(buf_str(&out),
	    "{\"protected\":\"eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC0xIiwidXJsIjoiaHR0cHM6Ly9jYS5leGFtcGxlL25ldy1hY2NvdW50In0\","
	    "\"payload\":\"eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImY4M09KM0QyeEYxQmc4dnViOXRMZTFnSE16Vjc2ZThUdXM5dVBIdlJWRVUi"
	    "LCJ5IjoieF9GRXpSdTltMzZITE5fdHVlNjU5TE5wWFc2cEN5U3Rpa1lqS0lXSTVhMCJ9\","
	    "\"signature\":\"vO3oEZbJxZeIZTNicFUVj6vYzYMu1n5_CbWo2nSSLA8\"}");
	buf_clear(&out);
	acme_key_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_txt_value),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_without_nonce),
		cmocka_unit_test(test_binding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

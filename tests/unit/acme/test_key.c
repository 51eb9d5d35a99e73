#include "tests/unit/check.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/key.h"
#include "base/encoding.h"

/* RFC 7515, appendix A.3, as PKCS#8. */
static const char p256[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";

/* RFC 6979, appendix A.2.6, as SEC 1 with the parameters before it: the way of acme.sh. */
static const char p384[] =
    "-----BEGIN EC PARAMETERS-----\n"
    "BgUrgQQAIg==\n"
    "-----END EC PARAMETERS-----\n"
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MIGkAgEBBDBrnT2tLhuMHAWxmHW2ZZ9N4jw7Znvyl7qapHdAeHE32JbVck5McKgl\n"
    "+HLJ6mDS7fWgBwYFK4EEACKhZANiAATsOk5BW04ZpFaGGAKfQn+l2pqLxK6S4C4G\n"
    "quUoazAMZN748OqQVYZgZKJUUVSAvBOAFdm3LX1XJE6o75rAxiGJZwilk2f537n1\n"
    "TKhLPxydsSiLIxw64NT+c0T9JTMmRyA=\n"
    "-----END EC PRIVATE KEY-----\n";

/* RFC 8037, appendix A.1. */
static const char ed25519[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

/* RFC 7517, appendix A.2, as PKCS#1. */
static const char rsa2048[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEA0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78L\n"
    "hWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc/BJECPebWKRXjBZCiFV4n3oknj\n"
    "hMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt7/RN5w6Cf0h4QyQ5v+65YGjQR0/F\n"
    "DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO\n"
    "pbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ+G/xBni\n"
    "Iqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDKgwIDAQABAoIBAF+HE7XiWP4J+BWD\n"
    "7FwfK3V4seb8LINRSzeRNxGhukSaFR/hyyyg/TO3ceaKOxlEZJ3IZ60cHlJAu4U+\n"
    "XySzNFmxQCjS1mNr7+wejal0s1L8U9P2En6oo8Kd0U85QWgsVqeHaBZOTdqPBsv5\n"
    "xzSq6AAyJCeOqUVKIbF8sG0XgHWGjMBbPbb/Hf3D1WN4tO2t7fDDekzcJtHUmsJv\n"
    "b+O1Igpd0pOWYhu8aIzy7uLG4NVNo8eCAUzQc52yUsxRyuuo0/G4JLqrJNBo7JAy\n"
    "ZNfWeKsI8G7J5+I9lgYot0S/lLNpRlZGPH5Bc5ntc9B2yJH89GOpqpzmLanNF+I3\n"
    "3CqAAvECgYEA83i+7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxt\n"
    "PVnwD20R+60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQy\n"
    "qVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfsCgYEA3dfO\n"
    "R9cuYq+0S+mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgT\n"
    "nCdpYzBcOfW5r370AFXjiWft/NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ+1k\n"
    "Yd/s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxkCgYAbiw9eRzphr3Lyglb38guP\n"
    "jG6mm7SXOL8ftVORLzGPlJ1fdygTSiKZjDEiLZ6ZMC57RQ5rl2mAUbIEnhzy1DZU\n"
    "XjTZdG6AoNM/xqRiEWjm0ADvtB782a25hlzcLebcjbgbYa9HmxIPFTIA3bOrwt+f\n"
    "0RSazqtjc5vxh6IqROIGPQKBgQCz2UAf1+CAGygVHw5pzZH8TaDDbzatPaQY4CG8\n"
    "iWURMTV5+sDqG5RS8x8FwymfyWp5bq/POdhjlJJAXukx0L9qAjecbwhunUFRvQlS\n"
    "KtpE2pR8uFxBv930YXgOHt7vhZtGyhtGie6NNg3XEJo/pM7rWO9atf4vXy3FfDj3\n"
    "hD9yCQKBgBsjP6eia18kos9baBYCm1lfiXSN40OMqbva2zFsd60CQX5rdBaGM4FC\n"
    "GRFRRHDqsHpkTfNc6AwGmvgZNCljRg4yR2Q3Q5hYVtwDe5SPqbsZP5h2Ridda8ck\n"
    "fDueVy0nt0j5kXysGSOslNuGcb0ChWCLXZXVChszuiGus0yoQFUV\n"
    "-----END RSA PRIVATE KEY-----\n";

static const struct {
	const char *why, *pem, *kind, *algorithm, *jwk, *thumbprint;
} keys[] = {
	{ "P-256", p256, "es256", "ES256", "{\"crv\":\"P-256\",\"kty\":\"EC\","
	    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}", "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U" },
	{ "P-384", p384, "es384", "ES384", "{\"crv\":\"P-384\",\"kty\":\"EC\","
	    "\"x\":\"7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT\","
	    "\"y\":\"gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg\"}",
	    "l2tfkSzhekdOr24I18E1O_-49AlK14MTo7OxJMS7-HI" },
	/* RFC 8037, appendix A.3 */
	{ "Ed25519", ed25519, "ed25519", "EdDSA", "{\"crv\":\"Ed25519\",\"kty\":\"OKP\","
	    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
	/* RFC 7638, section 3.1 */
	{ "RSA", rsa2048, "rsa2048", "RS256", NULL, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" },
};
#define NKEYS (sizeof keys / sizeof keys[0])

static struct acme_key *
read_key(const char *pem)
{
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	enum err err = acme_key_from_pem(pem, strlen(pem), &key, &f);

	check(err == ERR_OK, "a key is read: %s", fault_str(&f, err));
	return key;
}

static void
test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < NKEYS; i++) {
		struct acme_key *key = read_key(keys[i].pem);

		check(strcmp(acme_key_kind(key), keys[i].kind) == 0, "%s is %s, not %s", keys[i].why, keys[i].kind,
		    acme_key_kind(key));
		assert_string_equal(acme_key_algorithm(key), keys[i].algorithm);
		check(keys[i].jwk == NULL || strcmp(acme_key_jwk(key), keys[i].jwk) == 0, "the JWK of %s is not %s",
		    keys[i].why, acme_key_jwk(key));
		check(strcmp(acme_key_thumbprint(key), keys[i].thumbprint) == 0, "the thumbprint of %s is not %s",
		    keys[i].why, acme_key_thumbprint(key));
		acme_key_free(key);
	}
}

/* RFC 8037, appendix A.4: Ed25519 always gives the same. */
static void
test_ed25519_signature(void **state)
{
	static const char input[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	struct acme_key *key = read_key(ed25519);
	struct buf out = { 0 }, text = { 0 };

	(void)state;
	assert_int_equal(acme_key_sign(key, (const uint8_t *)input, strlen(input), &out), ERR_OK);
	base64url_encode(out.p, out.len, &text);
	assert_string_equal(buf_str(&text),
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
	buf_clear(&out);
	buf_clear(&text);
	acme_key_free(key);
}

/* r||s of ECDSA as the DER that OpenSSL wants; other signatures as they are. */
static void
to_openssl(const struct buf *raw, bool is_ec, struct buf *out)
{
	int half = (int)raw->len / 2;

	if (!is_ec) {
		buf_add(out, raw->p, raw->len);
		return;
	}
	ECDSA_SIG *sig = ECDSA_SIG_new();
	uint8_t *der = NULL;
	ECDSA_SIG_set0(sig, BN_bin2bn(raw->p, half, NULL), BN_bin2bn(raw->p + half, half, NULL));
	int n = i2d_ECDSA_SIG(sig, &der);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
}

static bool
verify(const char *pem, const uint8_t *input, size_t n, const struct buf *signature)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_ed = EVP_PKEY_is_a(pkey, "ED25519");
	const EVP_MD *digest = is_ed ? NULL : EVP_PKEY_get_bits(pkey) == 384 ? EVP_sha384() : EVP_sha256();
	struct buf octets = { 0 };
	bool good;

	to_openssl(signature, EVP_PKEY_is_a(pkey, "EC"), &octets);
	good = EVP_DigestVerifyInit(ctx, NULL, digest, NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, octets.p, octets.len, input, n) == 1;
	buf_clear(&octets);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	return good;
}

static void
test_signatures(void **state)
{
	static const size_t sizes[] = { 64, 96, 64, 256 };
	uint8_t input[] = "header.payload";

	(void)state;
	for (size_t i = 0; i < NKEYS; i++) {
		struct acme_key *key = read_key(keys[i].pem);

		for (int n = 0; n < (i < 2 ? 300 : 5); n++) {	/* r or s of EC begins with a zero octet now and then */
			struct buf signature = { 0 };

			assert_int_equal(acme_key_sign(key, input, sizeof input, &signature), ERR_OK);
			check(signature.len == sizes[i], "a signature by %s has %zu octets, not %zu", keys[i].why,
			    sizes[i], signature.len);
			check(verify(keys[i].pem, input, sizeof input, &signature), "OpenSSL verifies %s", keys[i].why);
			input[0] ^= 1;
			check(!verify(keys[i].pem, input, sizeof input, &signature), "%s: and not another text's",
			    keys[i].why);
			input[0] ^= 1;
			buf_clear(&signature);
		}
		acme_key_free(key);
	}
}

static void
test_made_and_read_again(void **state)
{
	static const char *const kinds[] = { "es256", "es384", "ed25519", "rsa2048", "rsa3072" };
	char directory[] = "/tmp/certns-key-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/key.pem", directory);
	for (enum acme_key_type type = ACME_KEY_ES256; type <= ACME_KEY_RSA3072; type++) {
		struct acme_key *first = NULL, *again = NULL;
		struct fault f = { 0 };
		struct stat st;

		assert_int_equal(acme_key_load(path, type, &first, &f), ERR_OK);
		check(strcmp(acme_key_kind(first), kinds[type]) == 0, "%s is made, not %s", kinds[type],
		    acme_key_kind(first));
		assert_int_equal(stat(path, &st), 0);
		check((st.st_mode & 07777) == 0600, "a new key file has mode 0600, not %o", st.st_mode & 07777);
		assert_int_equal(acme_key_load(path, ACME_KEY_ES256, &again, &f), ERR_OK);
		check(strcmp(acme_key_jwk(first), acme_key_jwk(again)) == 0,
		    "a key that is there is used, whatever its type");
		acme_key_free(again);
		acme_key_free(first);
		unlink(path);
	}
	rmdir(directory);
}

static void
put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const struct { const char *why, *text; mode_t mode; enum err err; const char *words; } files[] = {
	{ "a good key",			p256,	0600, ERR_OK, "" },
	{ "one that may not be written", p256,	0400, ERR_OK, "" },
	{ "one that the group may read", p256,	0640, ERR_ACCESS, "mode 0640 lets others at the account key; expected "
	    "0600" },
	{ "one that others may write",	p256,	0602, ERR_ACCESS, "mode 0602" },
	{ "nothing",			"",	0600, ERR_FORMAT, "expected a private key in PEM, found none" },
	{ "certbot's JSON",		" {\"n\": \"x\"}", 0600, ERR_FORMAT, "certbot's private_key.json" },
	{ "a certificate",		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 0600,
	    ERR_FORMAT, "expected a private key in PEM" },
};

static void
test_files(void **state)
{
	char directory[] = "/tmp/certns-key-XXXXXX", path[64];
	struct acme_key *key = NULL;
	struct fault f = { 0 };

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/key.pem", directory);
	assert_int_equal(acme_key_read(path, &key, &f), ERR_NOT_FOUND);
	check(strstr(f.text, path) != NULL, "the words name the path: %s", f.text);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		f = (struct fault){ 0 };
		put(path, files[i].text, files[i].mode);
		enum err err = acme_key_read(path, &key, &f);
		check(err == files[i].err, "%s: %s", files[i].why, err_str(err));
		check(err == ERR_OK || (strstr(f.text, path) != NULL && strstr(f.text, files[i].words) != NULL),
		    "%s: \"%s\" says %s", files[i].why, f.text, files[i].words);
		if (err == ERR_OK)
			acme_key_free(key);
		unlink(path);
	}
	assert_int_equal(acme_key_read(directory, &key, &f), ERR_FORMAT);
	rmdir(directory);
	assert_int_equal(acme_key_load(path, ACME_KEY_ES256, &key, &f), ERR_NOT_FOUND);
	check(strstr(f.text, path) != NULL, "a key that cannot be written is told with its path: %s", f.text);
}

/* Kinds that ACME has no use for.  The words say what was found and what is expected. */
static void
refuse(EVP_PKEY *pkey, const char *words)
{
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	assert_non_null(pkey);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	long n = BIO_get_mem_data(bio, &pem);
	assert_int_equal(acme_key_from_pem(pem, (size_t)n, &key, &f), ERR_UNSUPPORTED);
	check(strstr(f.text, words) != NULL, "\"%s\" says %s", f.text, words);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
}

static void
test_other_kinds(void **state)
{
	(void)state;
	refuse(EVP_EC_gen("P-521"), "secp521r1");
	refuse(EVP_EC_gen("secp256k1"), "secp256k1");
	refuse(EVP_RSA_gen(1024), "RSA key of 1024 bits");
	refuse(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "ED448");
	refuse(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "expected P-256, P-384, Ed25519 or RSA");
}

static void
test_encrypted(void **state)
{
	struct acme_key *key = NULL;
	struct fault f = { 0 };
	BIO *in = BIO_new_mem_buf(p256, -1), *bio = BIO_new(BIO_s_mem());
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
	char *pem;

	(void)state;
	PEM_write_bio_PrivateKey(bio, pkey, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
	long n = BIO_get_mem_data(bio, &pem);
	assert_int_equal(acme_key_from_pem(pem, (size_t)n, &key, &f), ERR_UNSUPPORTED);
	check(strstr(f.text, "encrypted") != NULL, "the words say encrypted: %s", f.text);
	BIO_reset(bio);
	PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL,
	    NULL);
	n = BIO_get_mem_data(bio, &pem);
	assert_int_equal(acme_key_from_pem(pem, (size_t)n, &key, &f), ERR_UNSUPPORTED);
	EVP_PKEY_free(pkey);
	BIO_free(bio);
	BIO_free(in);
}

static void
test_prefixes(void **state)
{
	struct acme_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < NKEYS; i++)
		for (size_t n = 0; n + 30 < strlen(keys[i].pem); n += i == 3 ? 7 : 1)
			check(acme_key_from_pem(keys[i].pem, n, &key, NULL) != ERR_OK,
			    "the first %zu characters of %s are no key", n, keys[i].why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_ed25519_signature),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_made_and_read_again),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

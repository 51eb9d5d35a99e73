#include "acme/jws.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/file.h"

#define COORDINATE_SIZE 32	/* P-256: RFC 7518, section 6.2.1.2 */
#define KEY_FILE_MAX 65536

struct acme_key {
	EVP_PKEY *pkey;
	char *jwk;
	char thumbprint[ACME_TXT_VALUE_LEN + 1];
};

static enum err
sha256_base64url(const void *octets, size_t n, char text[ACME_TXT_VALUE_LEN + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct buf b = { 0 };
	const char *s;

	if (EVP_Digest(octets, n, digest, NULL, EVP_sha256(), NULL) != 1)
		return ERR_CRYPTO;
	base64url_encode(digest, sizeof digest, &b);
	if ((s = buf_str(&b)) != NULL)
		memcpy(text, s, ACME_TXT_VALUE_LEN + 1);
	buf_clear(&b);
	return s != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err
coordinate(const EVP_PKEY *pkey, const char *which, struct buf *out)
{
	uint8_t octets[COORDINATE_SIZE];
	BIGNUM *bn = NULL;
	enum err err = ERR_CRYPTO;

	if (EVP_PKEY_get_bn_param(pkey, which, &bn) == 1 && BN_bn2binpad(bn, octets, sizeof octets) == sizeof octets) {
		base64url_encode(octets, sizeof octets, out);
		err = ERR_OK;
	}
	BN_free(bn);
	return err;
}

/* RFC 7638, section 3.2: the required members in lexicographic order, no blanks. */
static enum err
make_jwk(struct acme_key *key)
{
	struct buf b = { 0 };
	enum err err;

	buf_add_str(&b, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
	if ((err = coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, &b)) != ERR_OK)
		goto out;
	buf_add_str(&b, "\",\"y\":\"");
	if ((err = coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &b)) != ERR_OK)
		goto out;
	buf_add_str(&b, "\"}");
	size_t n = b.len;
	if ((key->jwk = buf_take(&b, NULL)) == NULL)
		err = ERR_NOMEM;
	else
		err = sha256_base64url(key->jwk, n, key->thumbprint);
out:
	buf_clear(&b);
	return err;
}

/* Takes pkey, also on failure. */
static enum err
key_over(EVP_PKEY *pkey, struct acme_key **out)
{
	struct acme_key *key = calloc(1, sizeof *key);
	enum err err;

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return ERR_NOMEM;
	}
	key->pkey = pkey;
	if ((err = make_jwk(key)) != ERR_OK)
		acme_key_free(key);
	else
		*out = key;
	return err;
}

/* OpenSSL would ask the terminal for a password. */
static int
no_password(char *text, int size, int writing, void *encrypted)
{
	(void)text, (void)size, (void)writing;
	*(bool *)encrypted = true;
	return -1;
}

enum err
acme_key_from_pem(const void *pem, size_t n, struct acme_key **out, struct fault *f)
{
	char group[64] = "";
	bool encrypted = false;
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	EVP_PKEY *pkey;

	if (bio == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
	BIO_free(bio);
	if (pkey == NULL && encrypted)
		return fault_set(f, ERR_UNSUPPORTED, "the private key is encrypted; an account key must not be");
	if (pkey == NULL)
		return fault_set(f, ERR_FORMAT, "expected a private key in PEM, found none that can be read");
	if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1 ||
	    strcmp(group, "prime256v1") != 0) {
		EVP_PKEY_free(pkey);
		return fault_set(f, ERR_UNSUPPORTED, "expected an EC key on P-256");
	}
	enum err err = key_over(pkey, out);
	return err == ERR_OK ? ERR_OK : fault_set(f, err, "%s", err_str(err));
}

static enum err
key_make(const char *path, struct acme_key **out, struct fault *f)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());	/* overwrites its octets when freed */
	char *pem;
	long n;
	enum err err;

	if (pkey == NULL || bio == NULL || PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(bio, &pem)) <= 0) {
		EVP_PKEY_free(pkey);
		err = fault_set(f, ERR_CRYPTO, "%s: cannot make an account key", path);
	} else if ((err = file_write(path, pem, (size_t)n, 0600, f)) != ERR_OK)
		EVP_PKEY_free(pkey);
	else if ((err = key_over(pkey, out)) != ERR_OK)
		fault_set(f, err, "%s: %s", path, err_str(err));
	BIO_free(bio);
	return err;
}

enum err
acme_key_load(const char *path, struct acme_key **out, struct fault *f)
{
	struct fault inner = { 0 };
	struct buf pem = { 0 };
	struct stat st;
	enum err err;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? key_make(path, out, f) :
		    fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if ((st.st_mode & 077) != 0)
		return fault_set(f, ERR_ACCESS, "%s: mode %04o lets others at the account key; expected 0600", path,
		    (unsigned)st.st_mode & 07777);
	if ((err = file_read(path, KEY_FILE_MAX, &pem, f)) == ERR_OK &&
	    (err = acme_key_from_pem(pem.p, pem.len, out, &inner)) != ERR_OK)
		fault_set(f, err, "%s: %s", path, fault_str(&inner, err));
	buf_wipe(&pem);
	return err;
}

void
acme_key_free(struct acme_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->jwk);
	free(key);
}

const char *
acme_key_jwk(const struct acme_key *key)
{
	return key->jwk;
}

const char *
acme_key_thumbprint(const struct acme_key *key)
{
	return key->thumbprint;
}

/* JWS wants r and s side by side (RFC 7518, section 3.4); OpenSSL gives a DER sequence. */
static enum err
sign_raw(const struct acme_key *key, const uint8_t *octets, size_t n, uint8_t raw[2 * COORDINATE_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[128];
	size_t der_n = sizeof der;
	const uint8_t *p = der;
	ECDSA_SIG *sig = NULL;
	bool done = ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	    EVP_DigestSign(ctx, der, &der_n, octets, n) == 1 &&
	    (sig = d2i_ECDSA_SIG(NULL, &p, (long)der_n)) != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, COORDINATE_SIZE) == COORDINATE_SIZE &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + COORDINATE_SIZE, COORDINATE_SIZE) == COORDINATE_SIZE;

	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	return done ? ERR_OK : ERR_CRYPTO;
}

/* The protected header, RFC 8555, section 6.2, as base64url. */
static enum err
header_write(const struct acme_key *key, const char *url, const char *nonce, const char *kid, struct buf *out)
{
	json_t *jwk = kid == NULL ? json_loads(key->jwk, 0, NULL) : NULL;
	json_t *header = kid != NULL ?
	    json_pack("{s:s, s:s, s:s, s:s}", "alg", "ES256", "kid", kid, "nonce", nonce, "url", url) :
	    json_pack("{s:s, s:O, s:s, s:s}", "alg", "ES256", "jwk", jwk, "nonce", nonce, "url", url);
	char *text = header == NULL ? NULL : json_dumps(header, JSON_COMPACT);

	if (text != NULL)
		base64url_encode((const uint8_t *)text, strlen(text), out);
	free(text);
	json_decref(header);
	json_decref(jwk);
	return text != NULL ? ERR_OK : ERR_NOMEM;
}

enum err
acme_jws_sign(const struct acme_key *key, const char *url, const char *nonce, const char *kid, const char *payload,
    struct buf *out)
{
	uint8_t raw[2 * COORDINATE_SIZE];
	struct buf input = { 0 };	/* header "." payload: what is signed */
	size_t header_n;
	enum err err;

	if ((err = header_write(key, url, nonce, kid, &input)) != ERR_OK)
		goto out;
	header_n = input.len;
	buf_add_str(&input, ".");
	if (payload != NULL)
		base64url_encode((const uint8_t *)payload, strlen(payload), &input);
	if (input.failed) {
		err = ERR_NOMEM;
		goto out;
	}
	if ((err = sign_raw(key, input.p, input.len, raw)) != ERR_OK)
		goto out;
	buf_add_str(out, "{\"protected\":\"");
	buf_add(out, input.p, header_n);
	buf_add_str(out, "\",\"payload\":\"");
	buf_add(out, input.p + header_n + 1, input.len - header_n - 1);
	buf_add_str(out, "\",\"signature\":\"");
	base64url_encode(raw, sizeof raw, out);
	buf_add_str(out, "\"}");
	err = out->failed ? ERR_NOMEM : ERR_OK;
out:
	buf_clear(&input);
	return err;
}

enum err
acme_txt_value(const char *thumbprint, const char *token, char value[ACME_TXT_VALUE_LEN + 1])
{
	struct buf b = { 0 };
	enum err err = ERR_NOMEM;

	buf_printf(&b, "%s.%s", token, thumbprint);
	if (!b.failed)
		err = sha256_base64url(b.p, b.len, value);
	buf_clear(&b);
	return err;
}

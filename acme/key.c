#include "acme/key.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/file.h"

#define KEY_FILE_MAX 65536
#define COORDINATE_MAX 48		/* P-384 */
#define ED25519_SIZE 32
#define RSA_BITS_MIN 2048		/* RFC 7518, section 3.3 */
#define RSA_BITS_MAX 4096

/* What is done differently for each kind. */
struct kind {
	const char *algorithm, *curve;	/* names of JWS and JWK; curve NULL: RSA */
	const char *group;		/* OpenSSL's; NULL: not EC */
	const EVP_MD *(*digest)(void);	/* NULL: the algorithm has its own */
	size_t coordinate;		/* octets of x, y, r and s of EC */
};
static const struct kind kinds[] = {
	{ "ES256", "P-256", "prime256v1", EVP_sha256, 32 },
	{ "ES384", "P-384", "secp384r1", EVP_sha384, 48 },
	{ "EdDSA", "Ed25519", NULL, NULL, 0 },
	{ "RS256", NULL, NULL, EVP_sha256, 0 },
};

struct acme_key {
	EVP_PKEY *pkey;
	const struct kind *kind;
	char name[16];			/* "es256" */
	char *jwk;
	char thumbprint[ACME_THUMBPRINT_LEN + 1];
};

/* ---- the public half (RFC 7638, section 3.2: the required members in lexicographic order, no blanks) ---- */

static bool
add_number(const EVP_PKEY *pkey, const char *which, size_t size, struct buf *out)
{
	uint8_t octets[RSA_BITS_MAX / 8];
	BIGNUM *bn = NULL;
	bool good;

	if (EVP_PKEY_get_bn_param(pkey, which, &bn) != 1)
		return false;
	if (size == 0)			/* Base64urlUInt: as few octets as can be (RFC 7518, section 2) */
		size = (size_t)BN_num_bytes(bn);
	good = size <= sizeof octets && BN_bn2binpad(bn, octets, (int)size) == (int)size;
	if (good)
		base64url_encode(octets, size, out);
	BN_free(bn);
	return good;
}

static bool
jwk_ec(const struct acme_key *key, struct buf *out)
{
	const struct kind *kind = key->kind;

	buf_printf(out, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", kind->curve);
	if (!add_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, kind->coordinate, out))
		return false;
	buf_add_str(out, "\",\"y\":\"");
	if (!add_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, kind->coordinate, out))
		return false;
	buf_add_str(out, "\"}");
	return true;
}

static bool
jwk_okp(const struct acme_key *key, struct buf *out)		/* RFC 8037, section 2 */
{
	uint8_t octets[ED25519_SIZE];
	size_t n = sizeof octets;

	if (EVP_PKEY_get_raw_public_key(key->pkey, octets, &n) != 1 || n != sizeof octets)
		return false;
	buf_printf(out, "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"", key->kind->curve);
	base64url_encode(octets, n, out);
	buf_add_str(out, "\"}");
	return true;
}

static bool
jwk_rsa(const struct acme_key *key, struct buf *out)
{
	buf_add_str(out, "{\"e\":\"");
	if (!add_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0, out))
		return false;
	buf_add_str(out, "\",\"kty\":\"RSA\",\"n\":\"");
	if (!add_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0, out))
		return false;
	buf_add_str(out, "\"}");
	return true;
}

static enum err
make_jwk(struct acme_key *key)
{
	struct buf jwk = { 0 }, digest = { 0 };
	uint8_t octets[SHA256_DIGEST_LENGTH];
	enum err err = ERR_CRYPTO;
	bool good = key->kind->group != NULL ? jwk_ec(key, &jwk) : key->kind->curve != NULL ? jwk_okp(key, &jwk) :
	    jwk_rsa(key, &jwk);

	if (good && EVP_Digest(jwk.p, jwk.len, octets, NULL, EVP_sha256(), NULL) == 1) {
		base64url_encode(octets, sizeof octets, &digest);
		err = ERR_NOMEM;
		if (buf_str(&digest) != NULL && (key->jwk = buf_take(&jwk, NULL)) != NULL) {
			memcpy(key->thumbprint, buf_str(&digest), sizeof key->thumbprint);
			err = ERR_OK;
		}
	}
	if (jwk.failed || digest.failed)
		err = ERR_NOMEM;
	buf_clear(&jwk);
	buf_clear(&digest);
	return err;
}

/* ---- one key ---- */

/* The row for this key, and its name.  NULL: none of ours, with words for what it is. */
static const struct kind *
kind_of(const EVP_PKEY *pkey, char name[16], struct fault *f)
{
	static const char expected[] = "expected P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits";
	const char *what = EVP_PKEY_get0_type_name(pkey);
	char group[64] = "";
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		strcpy(name, "ed25519");
		return &kinds[2];
	}
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		snprintf(name, 16, "rsa%d", bits);
		if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && bits % 8 == 0)
			return &kinds[3];
		fault_set(f, ERR_UNSUPPORTED, "an RSA key of %d bits is no key for an ACME account; %s", bits,
		    expected);
		return NULL;
	}
	if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1)
		for (size_t i = 0; i < 2; i++)
			if (strcmp(group, kinds[i].group) == 0) {
				snprintf(name, 16, "es%d", bits);
				return &kinds[i];
			}
	fault_set(f, ERR_UNSUPPORTED, "a key of the kind %s%s%s is no key for an ACME account; %s",
	    what != NULL ? what : "unknown", *group != '\0' ? " on the curve " : "", group, expected);
	return NULL;
}

/* Takes pkey, also on failure. */
static enum err
key_over(EVP_PKEY *pkey, struct acme_key **out, struct fault *f)
{
	struct acme_key *key = calloc(1, sizeof *key);
	enum err err;

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return fault_set(f, ERR_NOMEM, "out of memory");
	}
	key->pkey = pkey;
	if ((key->kind = kind_of(pkey, key->name, f)) == NULL)
		err = ERR_UNSUPPORTED;
	else if ((err = make_jwk(key)) != ERR_OK)
		fault_set(f, err, "%s", err_str(err));
	if (err != ERR_OK)
		acme_key_free(key);
	else
		*out = key;
	return err;
}

enum err
acme_key_make(enum acme_key_type type, struct acme_key **out)
{
	EVP_PKEY *pkey = NULL;

	switch (type) {
	case ACME_KEY_ES256:	pkey = EVP_EC_gen("P-256"); break;
	case ACME_KEY_ES384:	pkey = EVP_EC_gen("P-384"); break;
	case ACME_KEY_ED25519:	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
	case ACME_KEY_RSA2048:	pkey = EVP_RSA_gen(2048); break;
	case ACME_KEY_RSA3072:	pkey = EVP_RSA_gen(3072); break;
	case ACME_KEY_RSA4096:	pkey = EVP_RSA_gen(4096); break;
	}
	return pkey != NULL ? key_over(pkey, out, NULL) : ERR_CRYPTO;
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

const char *
acme_key_algorithm(const struct acme_key *key)
{
	return key->kind->algorithm;
}

const char *
acme_key_kind(const struct acme_key *key)
{
	return key->name;
}

/* ---- PEM and files ---- */

/* OpenSSL would ask the terminal for a password. */
static int
no_password(char *text, int size, int writing, void *encrypted)
{
	(void)text, (void)size, (void)writing;
	*(bool *)encrypted = true;
	return -1;
}

/* Text that is JSON is most likely the key as certbot keeps it. */
static bool
looks_like_json(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0')
		i++;
	return i < n && text[i] == '{';
}

enum err
acme_key_from_pem(const void *pem, size_t n, struct acme_key **out, struct fault *f)
{
	bool encrypted = false;
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	EVP_PKEY *pkey;

	if (bio == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
	BIO_free(bio);
	if (pkey == NULL && encrypted)
		return fault_set(f, ERR_UNSUPPORTED, "the private key is encrypted; an account key must not be");
	if (pkey == NULL && looks_like_json(pem, n))
		return fault_set(f, ERR_FORMAT, "expected a private key in PEM, found JSON; "
		    "a JWK, such as certbot's private_key.json, has to be converted to PEM first");
	if (pkey == NULL)
		return fault_set(f, ERR_FORMAT, "expected a private key in PEM, found none that can be read");
	return key_over(pkey, out, f);
}

enum err
acme_key_write(const struct acme_key *key, const char *path, struct fault *f)
{
	BIO *bio = BIO_new(BIO_s_mem());	/* overwrites its octets when freed */
	char *pem;
	long n;
	enum err err;

	if (bio == NULL || PEM_write_bio_PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(bio, &pem)) <= 0)
		err = fault_set(f, ERR_CRYPTO, "%s: cannot write an account key", path);
	else
		err = file_write(path, pem, (size_t)n, 0600, f);
	BIO_free(bio);
	return err;
}

enum err
acme_key_read(const char *path, struct acme_key **out, struct fault *f)
{
	struct fault inner = { 0 };
	struct buf pem = { 0 };
	struct stat st;
	enum err err;

	if (stat(path, &st) != 0)
		return fault_set(f, err_from_errno(errno), "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault_set(f, ERR_FORMAT, "%s: expected a file with an account key", path);
	if ((st.st_mode & 077) != 0)
		return fault_set(f, ERR_ACCESS, "%s: mode %04o lets others at the account key; expected 0600", path,
		    (unsigned)st.st_mode & 07777);
	if ((err = file_read(path, KEY_FILE_MAX, &pem, f)) == ERR_OK &&
	    (err = acme_key_from_pem(pem.p, pem.len, out, &inner)) != ERR_OK)
		fault_set(f, err, "%s: %s", path, fault_str(&inner, err));
	buf_wipe(&pem);
	return err;
}

enum err
acme_key_load(const char *path, enum acme_key_type type, struct acme_key **out, struct fault *f)
{
	struct acme_key *key = NULL;
	enum err err = acme_key_read(path, out, f);

	if (err != ERR_NOT_FOUND)
		return err;
	if ((err = acme_key_make(type, &key)) != ERR_OK)
		return fault_set(f, err, "%s: cannot make an account key", path);
	if ((err = acme_key_write(key, path, f)) != ERR_OK)
		acme_key_free(key);
	else
		*out = key;
	return err;
}

/* ---- signatures ---- */

/* JWS wants r and s side by side (RFC 7518, section 3.4); OpenSSL gives a DER sequence. */
static bool
add_raw(const uint8_t *der, size_t n, size_t size, struct buf *out)
{
	uint8_t raw[2 * COORDINATE_MAX];
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	bool good = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)size) == (int)size &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + size, (int)size) == (int)size;

	if (good)
		buf_add(out, raw, 2 * size);
	ECDSA_SIG_free(sig);
	return good;
}

enum err
acme_key_sign(const struct acme_key *key, const uint8_t *octets, size_t n, struct buf *out)
{
	const struct kind *kind = key->kind;
	uint8_t signature[RSA_BITS_MAX / 8];
	size_t len = sizeof signature;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, kind->digest != NULL ? kind->digest() : NULL, NULL, key->pkey) == 1 &&
	    EVP_DigestSign(ctx, signature, &len, octets, n) == 1;

	if (good && kind->group != NULL)
		good = add_raw(signature, len, kind->coordinate, out);
	else if (good)
		buf_add(out, signature, len);
	EVP_MD_CTX_free(ctx);
	return !good ? ERR_CRYPTO : out->failed ? ERR_NOMEM : ERR_OK;
}

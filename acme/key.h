/* acme/key.h -- the key of an account: ES256 and ES384 (RFC 7518, section 3.4), EdDSA with Ed25519 (RFC 8037), RS256
 * (RFC 7518, section 3.3); its JWK (RFC 7517) and thumbprint (RFC 7638).
 *
 * The private half leaves struct acme_key only into its own file, never into words or logs. */
#ifndef ACME_KEY_H
#define ACME_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What key-type: may say. */
enum acme_key_type {
	ACME_KEY_ES256, ACME_KEY_ES384, ACME_KEY_ED25519, ACME_KEY_RSA2048, ACME_KEY_RSA3072, ACME_KEY_RSA4096
};

struct acme_key;			/* private to acme/key.c */

/* A new key.  ERR_CRYPTO, ERR_NOMEM. */
enum err acme_key_make(enum acme_key_type type, struct acme_key **out);

/* The key in the PEM file path.  ERR_NOT_FOUND: there is none.  ERR_ACCESS: it cannot be read, or group or others may
 * read or write it.  ERR_FORMAT: no private key in PEM.  ERR_UNSUPPORTED: encrypted, or of a kind or size that ACME
 * cannot use.  All with words that name the path.  *out is the caller's: acme_key_free(). */
enum err acme_key_read(const char *path, struct acme_key **out, struct fault *f);

/* The same, but where there is no file one of this type is made and written, mode 0600. */
enum err acme_key_load(const char *path, enum acme_key_type type, struct acme_key **out, struct fault *f);

/* Durable when it returns, mode 0600; what was at path is replaced. */
enum err acme_key_write(const struct acme_key *key, const char *path, struct fault *f);

/* From PEM text; what comes before the key, such as EC PARAMETERS, is passed over. */
enum err acme_key_from_pem(const void *pem, size_t n, struct acme_key **out, struct fault *f);
void acme_key_free(struct acme_key *key);	/* takes NULL */

/* The public key as JSON, members in the order and form that the thumbprint needs (RFC 7638, section 3.2). */
const char *acme_key_jwk(const struct acme_key *key);

/* base64url of the JWK's SHA-256, 43 characters. */
#define ACME_THUMBPRINT_LEN 43
const char *acme_key_thumbprint(const struct acme_key *key);

const char *acme_key_algorithm(const struct acme_key *key);	/* of JWS: "ES256" */
const char *acme_key_kind(const struct acme_key *key);		/* "es256", "rsa2048"; also "rsa2560" of a file */

/* Append the octets of a JWS signature.  ERR_CRYPTO, ERR_NOMEM. */
enum err acme_key_sign(const struct acme_key *key, const uint8_t *octets, size_t n, struct buf *out);

#endif

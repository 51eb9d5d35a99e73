/* acme/jws.h -- the account key, and what it signs: JWK (RFC 7517), thumbprint (RFC 7638), JWS (RFC 7515) in the
 * flattened JSON form that ACME wants (RFC 8555, section 6.2).
 *
 * Keys are ES256.  The private half leaves struct acme_key only into its own file, never into words or logs. */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct acme_key;			/* private to acme/jws.c */

/* The key in the PEM file path; where there is none it is made, mode 0600.  *out is the caller's: acme_key_free().
 * ERR_ACCESS: group or others may read or write the file.  ERR_FORMAT: no private key.  ERR_UNSUPPORTED: not P-256,
 * or encrypted.  All with words that name the path. */
enum err acme_key_load(const char *path, struct acme_key **out, struct fault *f);

/* The same from PEM text (tests, import). */
enum err acme_key_from_pem(const void *pem, size_t n, struct acme_key **out, struct fault *f);
void acme_key_free(struct acme_key *key);

/* The public key as JSON, members in the order and form that the thumbprint needs (RFC 7638, section 3.2). */
const char *acme_key_jwk(const struct acme_key *key);

/* base64url of the JWK's SHA-256, 43 characters. */
const char *acme_key_thumbprint(const struct acme_key *key);

/* Append one flattened JWS to out: kid is the account URL, or NULL to carry the JWK (newAccount).  payload NULL
 * or empty is POST-as-GET (RFC 8555, section 6.3).  ERR_NOMEM, ERR_CRYPTO. */
enum err acme_jws_sign(const struct acme_key *key, const char *url, const char *nonce, const char *kid,
    const char *payload, struct buf *out);

/* The TXT value that answers a dns-01 challenge: base64url(SHA-256(token "." thumbprint)) (RFC 8555, section 8.4). */
#define ACME_TXT_VALUE_LEN 43
enum err acme_txt_value(const char *thumbprint, const char *token, char value[ACME_TXT_VALUE_LEN + 1]);

#endif

/* acme/jws.h -- what an account key signs: JWS (RFC 7515) in the flattened JSON form that ACME wants (RFC 8555,
 * section 6.2), and the values of challenges. */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include <stddef.h>
#include <stdint.h>

#include "acme/key.h"
#include "base/buf.h"
#include "base/err.h"

/* Append one flattened JWS to out: kid is the account URL, or NULL to carry the JWK (newAccount).  payload NULL
 * or empty is POST-as-GET (RFC 8555, section 6.3).  nonce NULL: the inner JWS of a key change, which has none
 * (section 7.3.5).  ERR_NOMEM, ERR_CRYPTO. */
enum err acme_jws_sign(const struct acme_key *key, const char *url, const char *nonce, const char *kid,
    const char *payload, struct buf *out);

/* Append the JWS that binds an account key (its JWK is the payload) to an account elsewhere, which the CA knows as kid
 * and by a shared secret: HS256, no nonce (RFC 8555, section 7.3.4).  ERR_NOMEM, ERR_CRYPTO. */
enum err acme_jws_bind(const uint8_t *secret, size_t n, const char *kid, const char *url, const char *jwk,
    struct buf *out);

/* The TXT value that answers a dns-01 challenge: base64url(SHA-256(token "." thumbprint)) (RFC 8555, section 8.4). */
#define ACME_TXT_VALUE_LEN 43
enum err acme_txt_value(const char *thumbprint, const char *token, char value[ACME_TXT_VALUE_LEN + 1]);

#endif

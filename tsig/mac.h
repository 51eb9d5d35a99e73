/* tsig/mac.h -- the HMAC over what section 4.3 of RFC 8945 lists.  Private to the tsig room.
 *
 * Each key holds an HMAC context that is keyed once; a message takes a copy of it.  Copying reads only, so that all
 * threads may share a key. */
#ifndef TSIG_MAC_H
#define TSIG_MAC_H

#include <openssl/evp.h>

#include "tsig/key.h"
#include "tsig/record.h"

/* Set key->hmac.  ERR_CRYPTO: the algorithm is not to be had. */
enum err tsig_mac_prepare(struct tsig_key *key);
void tsig_mac_release(struct tsig_key *key);

/* Begin with the MAC of the message before (with its length; none when prior_len is 0).  NULL: OpenSSL failed.
 * The caller's: EVP_MAC_CTX_free(). */
EVP_MAC_CTX *tsig_mac_begin(const struct tsig_key *key, const uint8_t *prior, size_t prior_len);

/* A message of n octets without its TSIG record, as it was when it was signed: with that ID and ARCOUNT. */
bool tsig_mac_message(EVP_MAC_CTX *ctx, const uint8_t *msg, size_t n, uint16_t id, uint16_t arcount);

/* Both sorts of end: all TSIG variables (section 4.3.3), or the timers only (5.3.1); then the MAC, in out[64].
 * ctx is freed.  False: OpenSSL failed. */
bool tsig_mac_end(EVP_MAC_CTX *ctx, const struct tsig_record *rec, bool timers_only, uint8_t *out);

#endif

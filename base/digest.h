/* base/digest.h -- digests that are made very often: OpenSSL looks for EVP_sha256() anew each time it is used, under
 * locks that all threads share, and these are looked for once.  Each thread keeps what it needs to make one. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

const EVP_MD *digest_sha1(void);	/* for names of git's objects */
const EVP_MD *digest_sha256(void);

#define DIGEST_SHA1 20			/* octets */
#define DIGEST_SHA256 32

/* False: OpenSSL refuses, or no memory. */
bool digest_make_sha1(const void *head, size_t nhead, const void *octets, size_t n, uint8_t out[DIGEST_SHA1]);	/* of both, end to end */
bool digest_make_sha256(const void *octets, size_t n, uint8_t out[DIGEST_SHA256]);

#endif

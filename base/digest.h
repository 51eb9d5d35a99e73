/* base/digest.h -- digests that are made very often: OpenSSL looks for EVP_sha256() anew each time it is used, under
 * locks that all threads share, and these are looked for once. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <openssl/evp.h>

const EVP_MD *digest_sha1(void);	/* for names of git's objects */
const EVP_MD *digest_sha256(void);

#endif

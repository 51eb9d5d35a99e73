#include "base/digest.h"

#include <openssl/crypto.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha1, *sha256;

static void
forget(void)
{
	EVP_MD_free(sha1);
	EVP_MD_free(sha256);
}

/* Those of OpenSSL, which are never NULL, where none can be fetched. */
static void
fetch(void)
{
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	OPENSSL_atexit(forget);
}

const EVP_MD *
digest_sha1(void)
{
	pthread_once(&once, fetch);
	return sha1 != NULL ? sha1 : EVP_sha1();
}

const EVP_MD *
digest_sha256(void)
{
	pthread_once(&once, fetch);
	return sha256 != NULL ? sha256 : EVP_sha256();
}

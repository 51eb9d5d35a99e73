#include "base/digest.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha1, *sha256;
static pthread_key_t contexts_key;
static bool has_key;

struct contexts {			/* of a thread: what OpenSSL has made for an algorithm it uses again */
	EVP_MD_CTX *sha1, *sha256;
};

static void
contexts_free(void *arg)
{
	struct contexts *c = arg;

	EVP_MD_CTX_free(c->sha1);
	EVP_MD_CTX_free(c->sha256);
	free(c);
}

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
	has_key = pthread_key_create(&contexts_key, contexts_free) == 0;
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

static struct contexts *
contexts(void)
{
	struct contexts *c;

	pthread_once(&once, fetch);
	if (!has_key || (c = pthread_getspecific(contexts_key)) != NULL)
		return has_key ? c : NULL;
	if ((c = calloc(1, sizeof *c)) == NULL)
		return NULL;
	c->sha1 = EVP_MD_CTX_new();
	c->sha256 = EVP_MD_CTX_new();
	if (c->sha1 == NULL || c->sha256 == NULL || pthread_setspecific(contexts_key, c) != 0) {
		contexts_free(c);
		return NULL;
	}
	return c;
}

bool
digest_make_sha1(const void *head, size_t nhead, const void *octets, size_t n, uint8_t out[DIGEST_SHA1])
{
	struct contexts *c = contexts();

	return c != NULL && EVP_DigestInit_ex(c->sha1, digest_sha1(), NULL) == 1 &&
	    EVP_DigestUpdate(c->sha1, head, nhead) == 1 &&
	    EVP_DigestUpdate(c->sha1, octets, n) == 1 && EVP_DigestFinal_ex(c->sha1, out, NULL) == 1;
}

bool
digest_make_sha256(const void *octets, size_t n, uint8_t out[DIGEST_SHA256])
{
	struct contexts *c = contexts();

	return c != NULL && EVP_DigestInit_ex(c->sha256, digest_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(c->sha256, octets, n) == 1 && EVP_DigestFinal_ex(c->sha256, out, NULL) == 1;
}

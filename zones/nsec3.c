/* OpenSSL's current interface to SHA-1 allocates; the one that it calls deprecated does not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "zones/nsec3.h"

#include <openssl/sha.h>
#include <string.h>

#define HASH_CHARS 32			/* of 20 octets in base32hex */

void
nsec3_params_read(const uint8_t *rdata, struct nsec3_params *p)
{
	p->algorithm = rdata[0];
	p->flags = rdata[1];
	p->iterations = (uint16_t)(rdata[2] << 8 | rdata[3]);
	p->salt_len = rdata[4];
	p->salt = rdata + 5;
}

bool
nsec3_params_equal(const struct nsec3_params *a, const struct nsec3_params *b)
{
	return a->algorithm == b->algorithm && a->iterations == b->iterations && a->salt_len == b->salt_len &&
	    memcmp(a->salt, b->salt, a->salt_len) == 0;
}

static void
hash(const struct nsec3_params *p, const uint8_t *name, uint8_t digest[SHA_DIGEST_LENGTH])
{
	uint8_t input[DNAME_MAX];
	const uint8_t *from = input;
	size_t n = dname_len(name);
	SHA_CTX c;

	dname_lower(input, name);
	for (unsigned i = 0; i <= p->iterations; i++) {
		SHA1_Init(&c);
		SHA1_Update(&c, from, n);
		SHA1_Update(&c, p->salt, p->salt_len);
		SHA1_Final(digest, &c);
		from = digest;
		n = SHA_DIGEST_LENGTH;
	}
}

/* RFC 4648, section 7; five octets make eight characters, and no padding is left. */
static void
base32hex(const uint8_t *octets, uint8_t *to)
{
	for (unsigned i = 0; i < HASH_CHARS; i++) {
		unsigned bit = 5 * i, at = bit / 8;
		unsigned two = (unsigned)octets[at] << 8 | (at + 1 < SHA_DIGEST_LENGTH ? octets[at + 1] : 0);

		to[i] = (uint8_t)"0123456789abcdefghijklmnopqrstuv"[two >> (11 - bit % 8) & 31];
	}
}

bool
nsec3_owner(const struct nsec3_params *p, const uint8_t *name, const uint8_t *apex, struct dname *out)
{
	uint8_t digest[SHA_DIGEST_LENGTH];
	size_t n = dname_len(apex);

	if (1 + HASH_CHARS + n > DNAME_MAX)
		return false;
	hash(p, name, digest);
	out->octets[0] = HASH_CHARS;
	base32hex(digest, out->octets + 1);
	memcpy(out->octets + 1 + HASH_CHARS, apex, n);
	return true;
}

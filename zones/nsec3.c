/* OpenSSL's current interface to SHA-1 allocates; the one that it calls deprecated does not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "zones/nsec3.h"

#include <openssl/sha.h>
#include <string.h>

#include "wire/reader.h"
#include "wire/writer.h"
#include "zones/qpbranch.h"

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
	    (a->salt_len == 0 || memcmp(a->salt, b->salt, a->salt_len) == 0);
}

#define BLOCK 64			/* of SHA-1 */
#define ONE_BLOCK (BLOCK - 9)		/* so many octets are hashed as one */

/* Eight octets at a time; those that are behind the name are 0. */
static inline void
lower_block(uint8_t *octets, size_t n)
{
	uint64_t v;

	for (size_t i = 0; i < n; i += 8) {
		memcpy(&v, octets + i, 8);
		v = qp_lower(v);
		memcpy(octets + i, &v, 8);
	}
}

/* What fits into one block, nearly always: n octets are there, and zeros behind them.  All that the general functions
 * do for it is bookkeeping. */
static inline void
hash_block(const struct nsec3_params *p, uint8_t block[BLOCK], size_t n, uint8_t digest[NSEC3_HASH])
{
	SHA_CTX c;

	if (p->salt_len > 0)
		memcpy(block + n, p->salt, p->salt_len);
	n += p->salt_len;
	block[n] = 0x80;
	store_u16(block + BLOCK - 2, (uint16_t)(8 * n));
	SHA1_Init(&c);
	SHA1_Transform(&c, block);
	store_u32(digest, c.h0);
	store_u32(digest + 4, c.h1);
	store_u32(digest + 8, c.h2);
	store_u32(digest + 12, c.h3);
	store_u32(digest + 16, c.h4);
}

static void
hash_salted(const struct nsec3_params *p, const uint8_t *octets, size_t n, uint8_t digest[NSEC3_HASH])
{
	SHA_CTX c;

	SHA1_Init(&c);
	SHA1_Update(&c, octets, n);
	SHA1_Update(&c, p->salt, p->salt_len);
	SHA1_Final(digest, &c);
}

static void
hash_long(const struct nsec3_params *p, const uint8_t *name, size_t n, uint8_t hash[NSEC3_HASH])
{
	uint8_t lower[DNAME_MAX + 8];

	memcpy(lower, name, n);
	memset(lower + n, 0, 8);
	lower_block(lower, n);
	hash_salted(p, lower, n, hash);
}

void
nsec3_hash(const struct nsec3_params *p, const uint8_t *name, uint8_t hash[NSEC3_HASH])
{
	size_t n = dname_len(name);

	if (n + p->salt_len <= ONE_BLOCK) {
		uint8_t block[BLOCK] = { 0 };

		memcpy(block, name, n);
		lower_block(block, n);
		hash_block(p, block, n, hash);
	} else {
		hash_long(p, name, n, hash);
	}
	for (unsigned i = 0; i < p->iterations; i++) {
		uint8_t block[BLOCK] = { 0 };

		if (NSEC3_HASH + p->salt_len <= ONE_BLOCK) {
			memcpy(block, hash, NSEC3_HASH);
			hash_block(p, block, NSEC3_HASH, hash);
		} else {
			hash_salted(p, hash, NSEC3_HASH, hash);
		}
	}
}

/* RFC 4648, section 7; five octets make eight characters, and no padding is left.  The 40 bits are spread over eight
 * octets in halves. */
static uint64_t
base32hex_group(const uint8_t *octets)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t v = (uint64_t)octets[0] << 32 | load_u32(octets + 1), is_letter;

	v = (v & UINT64_C(0xfffff00000)) << 12 | (v & UINT64_C(0xfffff));
	v = (v & UINT64_C(0x000ffc00000ffc00)) << 6 | (v & UINT64_C(0x000003ff000003ff));
	v = (v & UINT64_C(0x03e003e003e003e0)) << 3 | (v & UINT64_C(0x001f001f001f001f));
	is_letter = (v + (0x80 - 10) * each) >> 7 & each;
	return v + '0' * each + ('a' - '0' - 10) * is_letter;
}

static void
base32hex(const uint8_t *octets, uint8_t *to)
{
	for (unsigned i = 0; i < NSEC3_HASH / 5; i++)
		store_u64(to + 8 * i, base32hex_group(octets + 5 * i));
}

bool
nsec3_owner(const uint8_t hash[NSEC3_HASH], const uint8_t *apex, size_t apex_len, struct dname *out)
{
	if (1 + NSEC3_LABEL + apex_len > DNAME_MAX)
		return false;
	out->octets[0] = NSEC3_LABEL;
	base32hex(hash, out->octets + 1);
	memcpy(out->octets + 1 + NSEC3_LABEL, apex, apex_len);
	return true;
}

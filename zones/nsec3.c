/* OpenSSL's current interface to SHA-1 allocates; the one that it calls deprecated does not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "zones/nsec3.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <openssl/sha.h>
#include <string.h>

#include "wire/reader.h"
#include "wire/writer.h"
#include "zones/qpbranch.h"

#define BLOCK 64			/* of SHA-1 */
#define ONE_BLOCK (BLOCK - 9)		/* so many octets are hashed as one */

/* Sixteen octets at a time; those that are behind the name are 0. */
static inline void
lower_block(uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < n; i += QP_LANES)
		*(qp_lanes *)(octets + i) = qp_lower_lanes(*(qp_lanes *)(octets + i));
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
	uint8_t lower[DNAME_MAX + QP_LANES];

	memcpy(lower, name, n);
	memset(lower + n, 0, QP_LANES);
	lower_block(lower, n);
	hash_salted(p, lower, n, hash);
}

void
nsec3_hash(const struct nsec3_params *p, const uint8_t *name, size_t n, uint8_t hash[NSEC3_HASH])
{
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
static inline uint64_t
spread(uint64_t v)
{
	v = (v & UINT64_C(0xfffff00000)) << 12 | (v & UINT64_C(0xfffff));
	v = (v & UINT64_C(0x000ffc00000ffc00)) << 6 | (v & UINT64_C(0x000003ff000003ff));
	return (v & UINT64_C(0x03e003e003e003e0)) << 3 | (v & UINT64_C(0x001f001f001f001f));
}

static inline uint64_t
in_characters(uint64_t v)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t is_letter = (v + (0x80 - 10) * each) >> 7 & each;

	return v + '0' * each + ('a' - '0' - 10) * is_letter;
}

static void
label_anywhere(const uint8_t *hash, uint8_t *label)
{
	for (unsigned i = 0; i < NSEC3_HASH / 5; i++)
		store_u64(label + 8 * i, in_characters(spread((uint64_t)hash[5 * i] << 32 | load_u32(hash + 5 * i + 1))));
}

#ifdef __x86_64__
/* One instruction spreads the 40 bits, and does not look at those above them. */
QP_MODERN static void
label_modern(const uint8_t *hash, uint8_t *label)
{
	const uint64_t fives = UINT64_C(0x1f1f1f1f1f1f1f1f);

	store_u64(label, in_characters(_pdep_u64(load_u64(hash) >> 24, fives)));
	for (unsigned i = 1; i < NSEC3_HASH / 5; i++)
		store_u64(label + 8 * i, in_characters(_pdep_u64(load_u64(hash + 5 * i - 3), fives)));
}
#else
#define label_modern label_anywhere
#endif

void
nsec3_label(const uint8_t hash[NSEC3_HASH], uint8_t label[NSEC3_LABEL])
{
	if (qp_modern)
		label_modern(hash, label);
	else
		label_anywhere(hash, label);
}

/* zones/qpbranch.h -- the inside of a branch; for the trie's own files only. */
#ifndef ZONES_QPBRANCH_H
#define ZONES_QPBRANCH_H

#include <string.h>

#include "zones/qp.h"

/* Tags of a word: bit 0 a leaf, bit 1 its mark.  Branch and leaf both begin with their birth. */
enum { QP_LEAF = 1, QP_MARK = 2 };

enum { QP_STAR = 2 };			/* the position of '*' */

struct qp_branch {
	uint64_t birth;
	uint64_t map;			/* bits 0 to 47 the positions, 48 to 63 the offset */
	qp_word twigs[];		/* one for each position set, in their order */
};

static inline bool
qp_is_leaf(qp_word w)
{
	return (w & QP_LEAF) != 0;
}

static inline struct qp_branch *
qp_word_branch(qp_word w)
{
	return (struct qp_branch *)w;
}

static inline qp_word
qp_leaf_word(const struct qp_leaf *leaf)
{
	return (qp_word)leaf | QP_LEAF | (leaf->mark ? QP_MARK : 0);
}

static inline void *
qp_word_memory(qp_word w)
{
	return (void *)(w & ~(qp_word)7);
}

static inline uint64_t
qp_word_birth(qp_word w)
{
	return qp_is_leaf(w) ? qp_word_leaf(w)->birth : qp_word_branch(w)->birth;
}

#define CACHE_LINE 64

#define QP_POSITIONS ((UINT64_C(1) << QP_WIDTH) - 1)

static inline unsigned
qp_offset(const struct qp_branch *b)
{
	return (unsigned)(b->map >> QP_WIDTH);
}

static inline unsigned
qp_count(const struct qp_branch *b)
{
	return (unsigned)__builtin_popcountll(b->map & QP_POSITIONS);
}

static inline bool
qp_has(const struct qp_branch *b, unsigned position)
{
	return (b->map >> position & 1) != 0;
}

/* How many twigs come before this position: the index of its twig, when it has one. */
static inline unsigned
qp_rank(const struct qp_branch *b, unsigned position)
{
	return (unsigned)__builtin_popcountll(b->map & ((UINT64_C(1) << position) - 1));
}

extern const uint8_t qp_positions[2][256];

static inline unsigned
qp_key_at(const struct qp_key *key, unsigned offset)
{
	unsigned i = offset >> 1;

	return i < key->n ? qp_positions[offset & 1][key->at[1 + i]] : 0;
}

#define QP_SAME UINT32_MAX

/* The first offset at which the keys differ, or QP_SAME.  (No key is the beginning of another.) */
static inline unsigned
qp_key_diff(const struct qp_key *a, const struct qp_key *b)
{
	unsigned i = 0;

	while (i < a->n && a->at[1 + i] == b->at[1 + i])
		i++;
	if (i == a->n)
		return QP_SAME;
	return 2 * i + (qp_positions[0][a->at[1 + i]] == qp_positions[0][b->at[1 + i]]);
}

/* Eight octets in lower case: 0x20 is added to those from 'A' to 'Z'.  Adding to the low seven bits of each carries
 * into its eighth where it is large enough, and never further. */
static inline uint64_t
qp_lower(uint64_t v)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = v & 0x7f * each;
	uint64_t from_a = low + (0x80 - 'A') * each, beyond_z = low + (0x7f - 'Z') * each;

	return v + ((from_a & ~beyond_z & ~v & 0x80 * each) >> 2);
}

static inline uint8_t
qp_lower_octet(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* Are n octets the same but for letter case?  The length octets of labels are too small to be letters.  Most often they are
 * quite the same, or differ at once. */
bool qp_same_but_case(const uint8_t *a, const uint8_t *b, unsigned n);

static inline bool
qp_same_octets(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned i = 0;
	uint64_t x, y;

	if (n < 8)
		return qp_same_but_case(a, b, n);
	do {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			return qp_same_but_case(a, b, n);
		i += 8;
	} while (i + 8 <= n);
	memcpy(&x, a + n - 8, 8);
	memcpy(&y, b + n - 8, 8);
	return x == y || qp_same_but_case(a, b, n);
}

/* Sixteen octets in lower case.  Upper case is moved to the top of the range, so that one comparison will do. */
typedef int8_t qp_lanes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint8_t qp_unsigned_lanes __attribute__((vector_size(16), aligned(1), may_alias));
#define QP_LANES sizeof(qp_lanes)

static inline qp_lanes
qp_lower_lanes(qp_lanes v)
{
	qp_lanes is_upper = (qp_lanes)((qp_unsigned_lanes)v + (127 - 'Z')) > 127 - 26;

	return v + (is_upper & 0x20);
}

/* The baseline of the architecture lacks the instructions that count, shift and spread bits; every processor of this age
 * has them. */
#ifdef __x86_64__
#define QP_MODERN __attribute__((target("popcnt,bmi,bmi2")))
extern bool qp_modern;
#else
#define qp_modern false
#endif

/* Room for n items, a few; and then put them in. */
bool qp_bag_reserve(struct qp_bag *bag, size_t n);
void qp_bag_put(struct qp_bag *bag, qp_word item);

struct qp_branch *qp_branch_new(uint64_t number, unsigned offset, unsigned count);	/* no positions yet */

/* Some leaf that shares with the key as much as any does.  root is not 0. */
const struct qp_leaf *qp_nearest(qp_word root, const struct qp_key *key);

#endif

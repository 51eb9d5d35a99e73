/* zones/qpbranch.h -- the inside of a branch; for the trie's own files only. */
#ifndef ZONES_QPBRANCH_H
#define ZONES_QPBRANCH_H

#include "zones/qp.h"

/* Tags of a word: bit 0 a leaf, bit 1 its mark.  Branch and leaf both begin with their birth. */
enum { QP_LEAF = 1, QP_MARK = 2 };

enum { QP_STAR = 2 };			/* the position of '*' */

struct qp_branch {
	uint64_t birth;
	uint64_t map;			/* bits 0 to 47 the positions, 48 to 63 the offset in the key */
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

static inline unsigned
qp_key_at(const struct qp_key *key, unsigned offset)
{
	return offset < key->n ? key->at[offset] & 63 : 0;
}

/* The first offset at which the keys differ; a->n when they are the same. */
static inline unsigned
qp_key_diff(const struct qp_key *a, const struct qp_key *b)
{
	unsigned i = 0;

	while (i < a->n && (a->at[i] & 63) == (b->at[i] & 63))	/* no key is the beginning of another */
		i++;
	return i;
}

struct qp_branch *qp_branch_new(uint64_t number, unsigned offset, unsigned count);	/* no positions yet */

/* Some leaf that shares with the key as much as any does.  root is not 0. */
const struct qp_leaf *qp_nearest(qp_word root, const struct qp_key *key);

#endif

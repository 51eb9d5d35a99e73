/* Names that differ in one label alone, as the owners of NSEC3 do: the label is found as it is, without a key, and the way
 * to what comes before it begins where the descent ended.  Labels that are hashes part early, so that is a step or two. */
#include <endian.h>
#include <string.h>

#include "zones/qpbranch.h"

#define BRANCHES_MAX (2 * 64)		/* a label and the stop behind it */

struct label {
	const uint8_t *octets;
	unsigned n, at;			/* at: where it begins in the key */
};

static inline unsigned
position_at(const struct label *l, unsigned offset)
{
	unsigned i = (offset >> 1) - l->at;

	return i < l->n ? qp_positions[offset & 1][l->octets[i]] : 0;
}

/* How many of n octets are equal; those of the other are in any case. */
static inline unsigned
common_octets(const uint8_t *octets, const uint8_t *other, unsigned n)
{
	unsigned i = 0;
	uint64_t x, y;

	for (; n - i >= 8; i += 8) {
		memcpy(&x, octets + i, 8);
		memcpy(&y, other + i, 8);
		if (x != y && (x = htole64(x ^ qp_lower(y))) != 0)
			return i + (unsigned)__builtin_ctzll(x) / 8;
	}
	while (i < n && octets[i] == qp_lower_octet(other[i]))
		i++;
	return i;
}

/* The first offset at which the label differs from that of a leaf, and on which side of it the label is there; QP_SAME:
 * nowhere. */
static inline unsigned
label_diff(const struct label *l, const struct qp_leaf *leaf, bool *behind)
{
	const uint8_t *name = qp_leaf_name(leaf);
	unsigned n = *name++, i = common_octets(l->octets, name, n < l->n ? n : l->n), half;
	uint8_t ours = i < l->n ? l->octets[i] : QP_STOP, theirs = i < n ? qp_lower_octet(name[i]) : QP_STOP;

	if (ours == theirs)
		return QP_SAME;
	half = qp_positions[0][ours] == qp_positions[0][theirs];
	*behind = qp_positions[half][ours] > qp_positions[half][theirs];
	return 2 * (l->at + i) + half;
}

static inline const struct qp_leaf *
last_of(qp_word w)
{
	while (!qp_is_leaf(w))
		w = qp_word_branch(w)->twigs[qp_count(qp_word_branch(w)) - 1];
	return qp_word_leaf(w);
}

static inline __attribute__((always_inline)) const struct qp_leaf *
at_or_before(qp_word w, const struct label *l, bool *exact)
{
	struct { const struct qp_branch *branch; unsigned twig; } path[BRANCHES_MAX], *above = path;
	unsigned diff;
	bool behind;

	while (!qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned position = position_at(l, qp_offset(b)), i = qp_has(b, position) ? qp_rank(b, position) : 0;

		above->branch = b;
		above++->twig = i;
		w = b->twigs[i];
	}
	if ((*exact = (diff = label_diff(l, qp_word_leaf(w), &behind)) == QP_SAME))
		return qp_word_leaf(w);
	/* Back to where the label leaves the way: everything below w agrees with it before diff. */
	while (above > path && qp_offset(above[-1].branch) >= diff)
		w = (qp_word)(--above)->branch;
	if (!qp_is_leaf(w) && qp_offset(qp_word_branch(w)) == diff) {
		unsigned i = qp_rank(qp_word_branch(w), position_at(l, diff));	/* which is not there */

		if (i > 0)
			return last_of(qp_word_branch(w)->twigs[i - 1]);
	} else if (behind) {
		return last_of(w);
	}
	while (above > path) {
		above--;
		if (above->twig > 0)
			return last_of(above->branch->twigs[above->twig - 1]);
	}
	return NULL;
}

#ifdef __x86_64__
QP_MODERN static const struct qp_leaf *
at_or_before_modern(qp_word root, const struct label *l, bool *exact)
{
	return at_or_before(root, l, exact);
}
#else
#define at_or_before_modern at_or_before_anywhere
#endif

static const struct qp_leaf *
at_or_before_anywhere(qp_word root, const struct label *l, bool *exact)
{
	return at_or_before(root, l, exact);
}

const struct qp_leaf *
qp_label_at_or_before(qp_word root, const uint8_t *label, unsigned n, unsigned end_len, bool *exact)
{
	struct label l = { label, n, end_len - 1 };

	*exact = false;
	if (root == 0)
		return NULL;
	return qp_modern ? at_or_before_modern(root, &l, exact) : at_or_before_anywhere(root, &l, exact);
}

#include <endian.h>
#include <string.h>

#include "zones/qpbranch.h"

/* Octet to positions.  Of their own have a position '*', '-', the digits, '_' and the letters; the octets between
 * them share the escapes 1, 3, 16, 18 and 45 to 47.  Upper case does not come here: QP_STOP is taken from it, and
 * has position 0. */
const uint8_t qp_positions[2][256] = {
	{
		 1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,
		 1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  1,
		 1,  1,  1,  1,  1,  1,  1,  1,  1,  1,  2,  3,  3,  4,  5,  5,
		 6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 16, 16, 16, 16, 16,
		16,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
		 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, 16, 16, 16, 16, 17,
		18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
		34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 45, 45, 45, 45,
		45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45,
		45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45,
		45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 45, 46, 46, 46, 46, 46,
		46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46,
		46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46,
		46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 46, 47, 47, 47, 47, 47,
		47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47,
		47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47, 47,
	}, {
		 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 36, 37, 38, 39, 40, 41,  0,  0,  1,  0,  0,  1,
		 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  1,  2,  3,  4,  5,
		 6,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
		 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  7,  8,  9, 10,  0,
		 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
		 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  1,  2,  3,  4,
		 5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
		37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,  0,  1,  2,  3,  4,
		 5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
		37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,  0,  1,  2,  3,  4,
		 5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
	}
};

bool
qp_same_but_case(const uint8_t *a, const uint8_t *b, unsigned n)
{
	uint64_t x, y;

	if (n < 8) {
		for (unsigned i = 0; i < n; i++)
			if (a[i] != b[i] && qp_lower(a[i]) != qp_lower(b[i]))
				return false;
		return true;
	}
	for (unsigned i = 0; i < n; i += 8) {
		unsigned at = i + 8 <= n ? i : n - 8;

		memcpy(&x, a + at, 8);
		memcpy(&y, b + at, 8);
		if (x != y && qp_lower(x) != qp_lower(y))
			return false;
	}
	return true;
}

void
qp_key_init(struct qp_key *key, const uint8_t *name)
{
	qp_key_init_behind(key, name, 0);
}

void
qp_key_init_behind(struct qp_key *key, const uint8_t *name, size_t behind)
{
	uint8_t labels[DNAME_LABELS_MAX];
	unsigned n = 0, at = 0;

	for (; name[at] != 0; at += name[at] + 1u)
		labels[n++] = (uint8_t)at;
	qp_key_of_labels(key, name, labels, n, at + 1, behind);
}

/* Labels behind those that are there already.  from: the name, with enough behind it that whole vectors can be read. */
static inline void
fill(struct qp_key *key, const uint8_t *from, const uint8_t *labels, unsigned n, uint8_t *label_at, uint8_t *to)
{
	uint8_t *begin = key->at + 1;

	for (const uint8_t *at = labels + n; at > labels; ) {
		const uint8_t *label = from + *--at;
		unsigned length = *label++;

		*label_at++ = (uint8_t)(to - begin);
		/* Whole vectors: what goes too far is overwritten by the next label, or stands behind the end. */
		*(qp_lanes *)to = qp_lower_lanes(*(const qp_lanes *)label);
		for (unsigned i = QP_LANES; i < length; i += QP_LANES)
			*(qp_lanes *)(to + i) = qp_lower_lanes(*(const qp_lanes *)(label + i));
		to += length;
		*to++ = QP_STOP;
	}
	*label_at = (uint8_t)(to - begin);
	*to = QP_STOP;
}

void
qp_key_of_labels(struct qp_key *key, const uint8_t *name, const uint8_t *labels, unsigned n, unsigned name_len,
    size_t behind)
{
	uint8_t copy[DNAME_MAX + QP_LANES];

	key->name = name;
	key->n = name_len;
	key->labels = n;
	key->at[0] = QP_STOP;
	if (behind >= QP_KEY_BEHIND) {
		fill(key, name, labels, n, key->label_at, key->at + 1);
		return;
	}
	memcpy(copy, name, name_len);
	memset(copy + name_len, 0, QP_LANES);
	fill(key, copy, labels, n, key->label_at, key->at + 1);
}

bool
qp_key_init_like(struct qp_key *key, const uint8_t *name, unsigned name_len, size_t behind, const struct qp_key *like,
    unsigned common)
{
	unsigned begin = like->label_at[common], end_len = begin + 1, own = name_len - end_len, at = 0, n = 0;
	uint8_t labels[DNAME_LABELS_MAX];

	if (name_len < end_len || end_len + behind < QP_KEY_BEHIND ||
	    !qp_same_octets(name + own, like->name + like->n - end_len, end_len))
		return false;
	for (; at < own; at += name[at] + 1u)
		labels[n++] = (uint8_t)at;
	if (at != own)
		return false;
	key->name = name;
	key->n = name_len;
	key->labels = common + n;
	for (unsigned i = 0; i <= begin; i += QP_LANES)
		*(qp_lanes *)(key->at + i) = *(const qp_lanes *)(like->at + i);
	for (unsigned i = 0; i < common; i++)
		key->label_at[i] = like->label_at[i];
	fill(key, name, labels, n, key->label_at + common, key->at + 1 + begin);
	return true;
}

/* A stop is at the end of each label and nowhere else: what is equal up to there is so many labels. */
unsigned
qp_common_labels(const struct qp_key *a, const struct qp_key *b)
{
	unsigned n = a->n < b->n ? a->n : b->n, i = 0, labels = a->labels;
	uint64_t x, y;

	for (; i < n; i += 8) {
		memcpy(&x, a->at + 1 + i, 8);
		memcpy(&y, b->at + 1 + i, 8);
		if (x != y) {
			i += (unsigned)__builtin_ctzll(htole64(x ^ y)) / 8;
			break;
		}
	}
	if (i > n)
		i = n;
	while (a->label_at[labels] > i)
		labels--;
	return labels;
}

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

typedef uint64_t lanes __attribute__((vector_size(16), aligned(1), may_alias));
#define LANES sizeof(lanes)

/* A vector of octets in lower case: qp_lower(), for more of them. */
static inline lanes
lower_lanes(lanes v)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	lanes low = v & 0x7f * each, from_a = low + (0x80 - 'A') * each, beyond_z = low + (0x7f - 'Z') * each;

	return v + ((from_a & ~beyond_z & ~v & 0x80 * each) >> 2);
}

/* Copy n octets in lower case, reading no others; to has room for whole vectors. */
static inline void
copy_lower(uint8_t *to, const uint8_t *from, unsigned n)
{
	lanes few = { 0 };

	if (n < LANES) {
		memcpy(&few, from, n);
		*(lanes *)to = lower_lanes(few);
		return;
	}
	for (unsigned i = 0; i + LANES < n; i += LANES)
		*(lanes *)(to + i) = lower_lanes(*(const lanes *)(from + i));
	*(lanes *)(to + n - LANES) = lower_lanes(*(const lanes *)(from + n - LANES));	/* some of them again */
	*(lanes *)(to + n) = few;
}

void
qp_key_init(struct qp_key *key, const uint8_t *name)
{
	uint8_t labels[DNAME_LABELS_MAX];
	unsigned n = 0, at = 0;

	for (; name[at] != 0; at += name[at] + 1u)
		labels[n++] = (uint8_t)at;
	qp_key_of_labels(key, name, labels, n, at + 1);
}

void
qp_key_of_labels(struct qp_key *key, const uint8_t *name, const uint8_t *labels, unsigned n, unsigned name_len)
{
	uint8_t lower[DNAME_MAX + LANES], *to = key->at + 1;
	unsigned at, end = 0;

	key->name = name;
	key->n = name_len;
	key->labels = n;
	copy_lower(lower, name, name_len - 1);
	key->at[0] = QP_STOP;
	for (at = 0; n > 0; at++) {
		const uint8_t *label = lower + labels[--n];
		unsigned length = *label++;

		key->label_at[at] = (uint8_t)end;
		/* A whole vector: what goes too far is overwritten by the next label, or stands behind the end. */
		*(lanes *)(to + end) = *(const lanes *)label;
		if (length > LANES)
			memcpy(to + end + LANES, label + LANES, length - LANES);
		end += length;
		to[end++] = QP_STOP;
	}
	key->label_at[at] = (uint8_t)end;
	to[end] = QP_STOP;
}

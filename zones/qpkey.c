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

/* Copy n octets in lower case (qp_lower() takes eight at a time), reading and writing no others. */
static inline void
copy_lower(uint8_t *to, const uint8_t *from, unsigned n)
{
	uint64_t v;
	uint32_t head, tail;

	if (n >= 8) {
		for (unsigned i = 0; i + 8 < n; i += 8) {
			memcpy(&v, from + i, 8);
			v = qp_lower(v);
			memcpy(to + i, &v, 8);
		}
		memcpy(&v, from + n - 8, 8);	/* the last eight, some of them again */
		v = qp_lower(v);
		memcpy(to + n - 8, &v, 8);
	} else if (n >= 4) {
		memcpy(&head, from, 4);
		memcpy(&tail, from + n - 4, 4);
		v = qp_lower((uint64_t)tail << 32 | head);
		head = (uint32_t)v;
		tail = (uint32_t)(v >> 32);
		memcpy(to, &head, 4);
		memcpy(to + n - 4, &tail, 4);
	} else {
		for (unsigned i = 0; i < n; i++)
			to[i] = (uint8_t)(from[i] - 'A') < 26 ? (uint8_t)(from[i] + 32) : from[i];
	}
}

void
qp_key_init(struct qp_key *key, const uint8_t *name)
{
	const uint8_t *labels[DNAME_LABELS_MAX], *p;
	uint8_t *to = key->at;
	unsigned n = 0;

	for (p = name; *p != 0; p += *p + 1)
		labels[n++] = p;
	key->name = name;
	key->n = (unsigned)(p + 1 - name);
	key->labels = n;
	*to++ = QP_STOP;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *label = labels[n - 1 - i];

		key->label_at[i] = (uint8_t)(to - key->at - 1);
		copy_lower(to, label + 1, *label);
		to += *label;
		*to++ = QP_STOP;
	}
	key->label_at[n] = (uint8_t)(to - key->at - 1);
	*to = QP_STOP;
}

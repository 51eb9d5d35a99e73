#include "wire/reader.h"

#include <string.h>

/* What follows the labels that begin at p: the root label, a pointer, or what may not stand there; NULL: the end. */
static inline const uint8_t *
skip_labels(const uint8_t *p, const uint8_t *end)
{
	if (p >= end)
		return NULL;
	for (unsigned n; (n = *p) - 1 < 63; p += n + 1)
		if (end - p <= (ptrdiff_t)n + 1)
			return NULL;
	return p;
}

void
rd_dname(struct rd *r, struct dname *out)
{
	const uint8_t *p = r->p, *floor = r->p;
	bool jumped = false;
	size_t n = 0;

	while (!r->bad) {
		const uint8_t *labels = p, *to;
		size_t k;

		if ((p = skip_labels(p, r->end)) == NULL || n + (k = (size_t)(p - labels)) >= DNAME_MAX)
			break;
		if (k > 0)
			memcpy(out->octets + n, labels, k);
		n += k;
		if (*p == 0) {
			out->octets[n] = 0;
			if (!jumped)
				r->p = p + 1;
			return;
		}
		if (*p < 0xc0 || r->end - p < 2)
			break;
		to = r->start + ((size_t)(p[0] & 0x3f) << 8 | p[1]);
		if (!jumped)
			r->p = p + 2;
		jumped = true;
		if (to >= floor)		/* each jump lands before all earlier ones: no loops */
			break;
		p = floor = to;
	}
	r->bad = true;
	out->octets[0] = 0;
}

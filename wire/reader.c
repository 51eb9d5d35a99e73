#include "wire/reader.h"

#include <string.h>

void
rd_dname(struct rd *r, struct dname *out)
{
	const uint8_t *p = r->p, *end = r->end, *floor = r->p;
	bool jumped = false;
	size_t n = 0;

	while (!r->bad) {
		if (p >= end)
			break;
		if (*p >= 0xc0) {
			const uint8_t *to;

			if (end - p < 2)
				break;
			to = r->start + ((size_t)(p[0] & 0x3f) << 8 | p[1]);
			if (!jumped)
				r->p = p + 2;
			jumped = true;
			if (to >= floor)	/* each jump lands before all earlier ones: no loops */
				break;
			p = floor = to;
			continue;
		}
		if (*p > 63 || (size_t)(end - p) < (size_t)*p + 1 || n + *p + 1 > DNAME_MAX)
			break;
		memcpy(out->octets + n, p, (size_t)*p + 1);
		n += (size_t)*p + 1;
		if (*p == 0) {
			if (!jumped)
				r->p = p + 1;
			return;
		}
		p += *p + 1;
	}
	r->bad = true;
	out->octets[0] = 0;
}

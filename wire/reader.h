/* wire/reader.h -- read cursor over untrusted octets: bounded, sticky.  Read straight down the format and ask
 * once at the end: after the first read past the end bad stays set and every read gives 0. */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dname.h"

struct rd {
	const uint8_t *start;	/* of the message, for compression pointers */
	const uint8_t *p, *end;
	bool bad;
};					/* borrows the octets */

static inline struct rd
rd_over(const uint8_t *octets, size_t n)
{
	return (struct rd){ octets, octets, octets + n, false };
}

static inline size_t
rd_left(const struct rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

static inline size_t
rd_offset(const struct rd *r)
{
	return (size_t)(r->p - r->start);
}

static inline const uint8_t *
rd_take(struct rd *r, size_t n)
{
	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return r->p - n;
}

/* In network order. */
static inline uint16_t
load_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
load_u32(const uint8_t *p)
{
	return (uint32_t)load_u16(p) << 16 | load_u16(p + 2);
}

static inline uint64_t
load_u64(const uint8_t *p)
{
	return (uint64_t)load_u32(p) << 32 | load_u32(p + 4);
}

static inline uint8_t
rd_u8(struct rd *r)
{
	const uint8_t *p = rd_take(r, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t
rd_u16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);

	return p == NULL ? 0 : load_u16(p);
}

static inline uint32_t
rd_u32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);

	return p == NULL ? 0 : load_u32(p);
}

static inline uint64_t
rd_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);

	return high << 32 | rd_u32(r);
}

/* A name, compression undone (RFC 1035, section 4.1.4).  Pointers must point backwards, so they end.
 * On failure bad is set and *out is the root. */
void rd_dname(struct rd *r, struct dname *out);

#endif

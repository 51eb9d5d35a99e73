/* wire/writer.h -- write cursor over one message.  Past the end it latches full and writes nothing: mark, write,
 * and when full rewind to the mark.  Names are compressed against those written before (RFC 1035, 4.1.4). */
#ifndef WIRE_WRITER_H
#define WIRE_WRITER_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wire/dname.h"

/* Where names begin that later ones may point to: enough for large answers, and a bound on the search. */
#define WR_NAMES_MAX 128

/* For messages of very many names, as in transfers: all of them, found by hash.  8 KiB, lent to the writer. */
#define WR_INDEX_SLOTS 2048

struct wr_index {
	unsigned n;
	struct {
		uint16_t at;		/* offset of the name; 0: free, since the header stands there */
		uint16_t tag;		/* more of its hash */
	} slots[WR_INDEX_SLOTS];
};

struct wr {
	uint8_t *base, *p, *end;	/* borrows the buffer */
	struct wr_index *index;		/* in place of names and lengths; NULL: none */
	bool full;
	unsigned nnames, nfirst;	/* nfirst: at the beginning, that have no pointers in them */
	uint16_t first;			/* the name that wr_dname_first() wrote */
	uint8_t first_len;
	bool first_waits;		/* its labels are not among the names yet */
	uint16_t names[WR_NAMES_MAX];	/* offsets of labels */
	uint8_t lengths[WR_NAMES_MAX];	/* octets of the names that begin there */
};

struct wr_mark {
	uint8_t *p;
	unsigned nnames;
	bool first_waits;
};

static inline void
wr_init(struct wr *w, uint8_t *buffer, size_t size)
{
	w->base = w->p = buffer;
	w->end = buffer + size;
	w->index = NULL;
	w->full = false;
	w->nnames = w->nfirst = 0;
	w->first_waits = false;
}

static inline size_t
wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->base);
}

static inline struct wr_mark
wr_mark(const struct wr *w)
{
	return (struct wr_mark){ w->p, w->nnames, w->first_waits };
}

/* Borrow index, which is cleared, until the message is complete.  Before any name is written, but for
 * wr_dname_first(). */
void wr_use_index(struct wr *w, struct wr_index *index);
void wr_index_rewind(struct wr *w, const uint8_t *to);	/* part of wr_rewind() */

static inline void
wr_rewind(struct wr *w, struct wr_mark mark)
{
	if (w->index != NULL)
		wr_index_rewind(w, mark.p);
	w->p = mark.p;
	w->nnames = mark.nnames;
	w->first_waits = mark.first_waits;
	w->full = false;
}

static inline uint8_t *
wr_take(struct wr *w, size_t n)
{
	if (w->full || (size_t)(w->end - w->p) < n) {
		w->full = true;
		return NULL;
	}
	w->p += n;
	return w->p - n;
}

/* In network order. */
static inline void
store_u16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof v);
}

static inline void
store_u32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof v);
}

static inline void
store_u64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof v);
}

static inline void
wr_u8(struct wr *w, uint8_t v)
{
	uint8_t *p = wr_take(w, 1);

	if (p != NULL)
		p[0] = v;
}

static inline void
wr_u16(struct wr *w, uint16_t v)
{
	uint8_t *p = wr_take(w, 2);

	if (p != NULL)
		store_u16(p, v);
}

static inline void
wr_u32(struct wr *w, uint32_t v)
{
	uint8_t *p = wr_take(w, 4);

	if (p != NULL)
		store_u32(p, v);
}

static inline void
wr_octets(struct wr *w, const void *octets, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p != NULL && n > 0)
		memcpy(p, octets, n);
}

/* Overwrite two octets written before, such as a length or a count. */
static inline void
wr_patch_u16(struct wr *w, size_t offset, uint16_t v)
{
	store_u16(w->base + offset, v);
}

/* A name, with compression, and remembered as a target for later ones.  The letter case of the name that was
 * written first wins, as in every other server: comparison ignores case. */
void wr_dname(struct wr *w, const uint8_t *name);
void wr_dname_of(struct wr *w, const uint8_t *name, size_t len);	/* of so many octets */

/* The same for the first name of a message, n octets, behind the header: there is nothing to search for, and its labels
 * are noted when the first search comes. */
void wr_dname_first(struct wr *w, const uint8_t *name, size_t n);

/* A name as it is: where compression is not allowed (RFC 3597, section 4). */
void wr_dname_plain(struct wr *w, const uint8_t *name);

#endif

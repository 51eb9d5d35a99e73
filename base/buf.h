/* base/buf.h -- a growing run of octets.  A failed allocation latches failed and drops what comes after:
 * write straight on and ask once at the end.  Zero-initialise; buf_clear() frees. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *p;
	size_t len, cap;
	bool failed;
};

/* Room for n more octets at p + len; NULL (and failed) when there is no memory.  len is the caller's to raise. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *octets, size_t n);
void buf_add_str(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Numbers in network order. */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);

/* Drop n octets from the front. */
void buf_consume(struct buf *b, size_t n);

/* The contents as a C string; the terminator is not counted in len.  NULL when failed. */
const char *buf_str(struct buf *b);

/* Hand the octets over to the caller (free() them), with a terminator behind them; the buf is empty after.
 * NULL when failed. */
void *buf_take(struct buf *b, size_t *len);
void buf_clear(struct buf *b);

/* buf_clear() for secrets: the octets are overwritten first. */
void buf_wipe(struct buf *b);

#endif

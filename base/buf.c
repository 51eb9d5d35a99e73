#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	size_t cap = b->cap;
	uint8_t *p;

	if (b->failed)
		return NULL;
	if (cap - b->len < n) {
		if (n > SIZE_MAX / 4 - b->len) {
			b->failed = true;
			return NULL;
		}
		while (cap - b->len < n)
			cap = cap == 0 ? 64 : cap * 2;
		if ((p = realloc(b->p, cap)) == NULL) {
			b->failed = true;
			return NULL;
		}
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->len;
}

void
buf_add(struct buf *b, const void *octets, size_t n)
{
	uint8_t *p = n == 0 ? NULL : buf_reserve(b, n);

	if (p != NULL) {
		memcpy(p, octets, n);
		b->len += n;
	}
}

void
buf_add_str(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	uint8_t *p;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || (p = buf_reserve(b, (size_t)n + 1)) == NULL) {
		b->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf((char *)p, (size_t)n + 1, format, args);
	va_end(args);
	b->len += (size_t)n;
}

void
buf_u8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void
buf_u16(struct buf *b, uint16_t v)
{
	uint8_t p[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	buf_add(b, p, sizeof p);
}

void
buf_u32(struct buf *b, uint32_t v)
{
	buf_u16(b, (uint16_t)(v >> 16));
	buf_u16(b, (uint16_t)v);
}

void
buf_u64(struct buf *b, uint64_t v)
{
	buf_u32(b, (uint32_t)(v >> 32));
	buf_u32(b, (uint32_t)v);
}

void
buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->p, b->p + n, b->len - n);
	b->len -= n;
}

const char *
buf_str(struct buf *b)
{
	uint8_t *p = buf_reserve(b, 1);

	if (p == NULL)
		return NULL;
	*p = '\0';
	return (const char *)b->p;
}

void *
buf_take(struct buf *b, size_t *len)
{
	void *p = (void *)(uintptr_t)buf_str(b);

	if (p == NULL) {
		buf_clear(b);
		return NULL;
	}
	if (len != NULL)
		*len = b->len;
	*b = (struct buf){ 0 };
	return p;
}

void
buf_clear(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

void
buf_wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_clear(b);
}

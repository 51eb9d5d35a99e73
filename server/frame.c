#include "server/frame.h"

#define ROOM 4096
#define MESSAGE_MAX (2 + 65535)

/* The whole size, length octets included, of the message that stands first; 0: not known yet. */
static size_t
first_size(const struct frame_reader *f)
{
	const uint8_t *p;

	if (f->in.len - f->taken < 2)
		return 0;
	p = f->in.p + f->taken;
	return 2 + (size_t)(p[0] << 8 | p[1]);
}

uint8_t *
frame_room(struct frame_reader *f, size_t *room)
{
	size_t size;
	uint8_t *p;

	if (f->taken > 0) {
		buf_consume(&f->in, f->taken);
		f->taken = 0;
	}
	/* Idle connections hold no memory; a large message gets its room at once. */
	if (f->in.len == 0 && f->in.cap > ROOM)
		buf_clear(&f->in);
	size = first_size(f);
	*room = size > f->in.len + ROOM ? size - f->in.len : ROOM;
	if (f->in.len + *room > MESSAGE_MAX + ROOM)
		*room = MESSAGE_MAX + ROOM - f->in.len;
	p = buf_reserve(&f->in, *room);
	return p;
}

void
frame_filled(struct frame_reader *f, size_t n)
{
	f->in.len += n;
}

bool
frame_has_next(const struct frame_reader *f)
{
	size_t size = first_size(f);

	return size > 0 && f->in.len - f->taken >= size;
}

bool
frame_next(struct frame_reader *f, uint8_t **msg, size_t *n)
{
	size_t size = first_size(f);

	if (!frame_has_next(f))
		return false;
	*msg = f->in.p + f->taken + 2;
	*n = size - 2;
	f->taken += size;
	return true;
}

bool
frame_is_empty(const struct frame_reader *f)
{
	return f->in.len == f->taken;
}

void
frame_clear(struct frame_reader *f)
{
	buf_clear(&f->in);
	f->taken = 0;
}

/* server/frame.h -- messages in a TCP stream: two octets of length before each (RFC 1035, section 4.2.2).  No socket:
 * octets are pushed in as they come, messages are taken out as they become whole. */
#ifndef SERVER_FRAME_H
#define SERVER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct frame_reader {			/* zero-initialise; frame_clear() frees */
	struct buf in;
	size_t taken;			/* octets of in that were handed out */
};

/* Where the next octets go; *room is at least 1.  NULL: no memory.  Invalidates messages handed out before. */
uint8_t *frame_room(struct frame_reader *f, size_t *room);
void frame_filled(struct frame_reader *f, size_t n);	/* so many octets were put there */

/* The next whole message; valid until frame_room() is called, and may be overwritten.  False: none is whole yet. */
bool frame_next(struct frame_reader *f, uint8_t **msg, size_t *n);

bool frame_has_next(const struct frame_reader *f);
bool frame_is_empty(const struct frame_reader *f);	/* not even a part of a message waits */
void frame_clear(struct frame_reader *f);

#endif

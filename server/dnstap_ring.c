/* A record stands behind eight octets that tell its length, and begins at a multiple of eight.  One that would go over the end of
 * the memory begins at its start, and a filler takes what is left before.  Positions only grow; where they are in the
 * memory is the remainder by its size. */
#include "server/dnstap_ring.h"

#include <stdlib.h>
#include <string.h>

#include "server/counters.h"

struct frame {
	uint32_t whole;			/* octets up to the next one */
	uint32_t is_filler;
};

static size_t
whole_of(size_t n)
{
	return sizeof(struct frame) + ((n + 7) & ~(size_t)7);
}

enum err
dnstap_ring_init(struct dnstap_ring *r, size_t size)
{
	size_t rounded = 64;

	while (rounded < size)
		rounded *= 2;
	memset(r, 0, sizeof *r);
	if ((r->octets = calloc(1, rounded)) == NULL)
		return ERR_NOMEM;
	r->size = rounded;
	return ERR_OK;
}

void
dnstap_ring_clear(struct dnstap_ring *r)
{
	free(r->octets);
	memset(r, 0, sizeof *r);
}

static struct frame *
frame_at(const struct dnstap_ring *r, size_t position)
{
	return (struct frame *)(void *)(r->octets + (position & (r->size - 1)));
}

/* Are there n octets from head on? */
static bool
has_room(struct dnstap_ring *r, size_t head, size_t n)
{
	if (r->size - (head - r->tail_seen) >= n)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return r->size - (head - r->tail_seen) >= n;
}

void *
dnstap_ring_room(struct dnstap_ring *r, size_t n)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed), whole = whole_of(n);
	size_t to_end = r->size - (head & (r->size - 1)), filler = whole > to_end ? to_end : 0;

	if (whole > r->size / 2 || !has_room(r, head, filler + whole)) {
		counter_add(&r->dropped, 1);
		return NULL;
	}
	if (filler > 0) {
		*frame_at(r, head) = (struct frame){ (uint32_t)filler, 1 };
		head += filler;
		atomic_store_explicit(&r->head, head, memory_order_release);
	}
	*frame_at(r, head) = (struct frame){ (uint32_t)whole, 0 };
	return frame_at(r, head) + 1;
}

void
dnstap_ring_send(struct dnstap_ring *r, size_t n)
{
	atomic_store_explicit(&r->head, atomic_load_explicit(&r->head, memory_order_relaxed) + whole_of(n),
	    memory_order_release);
}

bool
dnstap_ring_is_half_full(const struct dnstap_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) - r->tail_seen > r->size / 2;
}

size_t
dnstap_ring_start(const struct dnstap_ring *r)
{
	return atomic_load_explicit(&r->tail, memory_order_relaxed);
}

void *
dnstap_ring_next(const struct dnstap_ring *r, size_t *at)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	while (*at != head) {
		struct frame *f = frame_at(r, *at);

		*at += f->whole;
		if (!f->is_filler)
			return f + 1;
	}
	return NULL;
}

void
dnstap_ring_release(struct dnstap_ring *r, size_t at)
{
	atomic_store_explicit(&r->tail, at, memory_order_release);
}

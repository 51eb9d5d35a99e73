/* server/dnstap_ring.h -- records of any length from one thread to another, through a piece of memory that goes round.
 * The sender never waits: where there is no room the record is left out and counted.  The receiver sees a record in
 * place, and gives its room back when it is through with it. */
#ifndef SERVER_DNSTAP_RING_H
#define SERVER_DNSTAP_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DNSTAP_RING_LINE 64		/* of the processor's cache: what either side writes has its own */

struct dnstap_ring {
	uint8_t *octets;
	size_t size;			/* a power of two */

	_Alignas(DNSTAP_RING_LINE) _Atomic size_t head;	/* where the next record will be; never goes back */
	size_t tail_seen;		/* what the sender knows of tail */
	_Atomic uint64_t dropped;	/* records without room */

	_Alignas(DNSTAP_RING_LINE) _Atomic size_t tail;	/* what the receiver still needs begins there */
};

/* size: at least 64, rounded up to a power of two.  A record takes at most half of it.  Pages never used take no memory. */
enum err dnstap_ring_init(struct dnstap_ring *r, size_t size);
void dnstap_ring_clear(struct dnstap_ring *r);

/* The sender: room for a record of n octets, aligned to 8; NULL: there is none, which is counted.  It becomes the receiver's by
 * dnstap_ring_send(). */
void *dnstap_ring_room(struct dnstap_ring *r, size_t n);
void dnstap_ring_send(struct dnstap_ring *r, size_t n);		/* the same n */

/* Is half of the ring in use, as the sender knows it?  The receiver may be further on. */
bool dnstap_ring_is_half_full(const struct dnstap_ring *r);

/* The receiver: the record at *at, which begins as dnstap_ring_start() says and moves on; NULL: no more are there.  Everything
 * before a position is given back by dnstap_ring_release(). */
size_t dnstap_ring_start(const struct dnstap_ring *r);
void *dnstap_ring_next(const struct dnstap_ring *r, size_t *at);
void dnstap_ring_release(struct dnstap_ring *r, size_t at);

#endif

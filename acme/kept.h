/* acme/kept.h -- what was made of octets, kept for those who bring the same octets again: the last few of each kind.
 *
 * OpenSSL 3 takes a fifth of a millisecond to read a certificate or a CSR, most of it for the public key.  Each is looked at
 * some ten times between the CSR's upload and the certificate's place in the zone, and the CA's own with each leaf. */
#ifndef ACME_KEPT_H
#define ACME_KEPT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_SLOTS 64

/* Of one kind; static, and set to KEPT(...).  What is kept must never be changed.  From any thread. */
struct kept {
	int (*ref)(void *made);		/* one reference more; 0: not possible */
	void (*unref)(void *made);
	pthread_mutex_t lock;
	struct kept_slot { uint8_t *octets; size_t n; void *made; } slots[KEPT_SLOTS];
};
#define KEPT(ref, unref) { (ref), (unref), PTHREAD_MUTEX_INITIALIZER, { { 0 } } }

/* With a reference of the caller's, or NULL. */
void *kept_find(struct kept *k, const uint8_t *octets, size_t n);

/* made, of which the caller keeps his reference, instead of what was in its place.  Without memory it is not kept, which
 * costs time only. */
void kept_put(struct kept *k, const uint8_t *octets, size_t n, void *made);

#endif

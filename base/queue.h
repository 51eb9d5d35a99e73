/* base/queue.h -- a bounded queue of pointers between threads: any number of senders, one receiver, no lock.
 * The receiver's event loop watches queue_fd(); it becomes readable when something is waiting. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct queue;

/* capacity is rounded up to a power of two. */
enum err queue_new(size_t capacity, struct queue **out);
void queue_free(struct queue *q);	/* frees no items: drain it first */

/* Any thread.  False: full, and the item stays the caller's. */
bool queue_push(struct queue *q, void *item);

/* The receiver.  NULL: empty.  Call queue_rearm() first in the callback of queue_fd(), then pop until NULL. */
void *queue_pop(struct queue *q);
int queue_fd(const struct queue *q);
void queue_rearm(struct queue *q);

#endif

/* Each slot carries a sequence number that says whose turn it is: equal to the position when a sender may fill it,
 * position + 1 when the receiver may empty it.  A sender claims a position by compare-and-swap on tail.  The eventfd is
 * written only when the receiver may be asleep: it sets asleep before its last look, a sender clears it by exchange. */
#include "base/queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct slot {
	_Atomic size_t turn;
	void *item;
};

struct queue {
	_Alignas(64) _Atomic size_t tail;	/* senders */
	_Alignas(64) size_t head;		/* the receiver alone */
	_Alignas(64) _Atomic bool asleep;
	int fd;
	size_t mask;
	struct slot slots[];
};

enum err
queue_new(size_t capacity, struct queue **out)
{
	struct queue *q;
	size_t n = 2;

	while (n < capacity)
		n *= 2;
	if ((q = aligned_alloc(64, (sizeof *q + n * sizeof q->slots[0] + 63) & ~(size_t)63)) == NULL)
		return ERR_NOMEM;
	if ((q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		enum err err = err_from_errno(errno);

		free(q);
		return err;
	}
	q->mask = n - 1;
	q->head = 0;
	atomic_init(&q->tail, 0);
	atomic_init(&q->asleep, true);
	for (size_t i = 0; i < n; i++)
		atomic_init(&q->slots[i].turn, i);
	*out = q;
	return ERR_OK;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	close(q->fd);
	free(q);
}

static void
wake(struct queue *q)
{
	uint64_t one = 1;

	if (atomic_exchange(&q->asleep, false)) {
		/* Fails only when the counter is full, and then it is readable anyway. */
		if (write(q->fd, &one, sizeof one) < 0)
			return;
	}
}

bool
queue_push(struct queue *q, void *item)
{
	size_t at = atomic_load_explicit(&q->tail, memory_order_relaxed);

	for (;;) {
		struct slot *s = &q->slots[at & q->mask];
		size_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);

		if (turn == at) {
			if (atomic_compare_exchange_weak_explicit(&q->tail, &at, at + 1, memory_order_relaxed,
			    memory_order_relaxed)) {
				s->item = item;
				atomic_store(&s->turn, at + 1);
				wake(q);
				return true;
			}
		} else if ((intptr_t)(turn - at) < 0) {
			return false;
		} else {
			at = atomic_load_explicit(&q->tail, memory_order_relaxed);
		}
	}
}

static void *
take(struct queue *q)
{
	struct slot *s = &q->slots[q->head & q->mask];
	void *item;

	if (atomic_load(&s->turn) != q->head + 1)
		return NULL;
	item = s->item;
	atomic_store_explicit(&s->turn, q->head + q->mask + 1, memory_order_release);
	q->head++;
	return item;
}

void *
queue_pop(struct queue *q)
{
	void *item = take(q);

	if (item == NULL) {
		/* Say that we go to sleep, then look once more: a sender that came between saw us awake. */
		atomic_store(&q->asleep, true);
		item = take(q);
	}
	return item;
}

int
queue_fd(const struct queue *q)
{
	return q->fd;
}

void
queue_rearm(struct queue *q)
{
	uint64_t count;

	if (read(q->fd, &count, sizeof count) < 0)
		return;		/* nothing was counted: another wake-up is as good */
}

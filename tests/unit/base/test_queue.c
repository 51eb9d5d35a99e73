#include "tests/unit/check.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "base/queue.h"

#define SENDERS 4
#define EACH 20000

static struct queue *queue;

static void
test_first_in_first_out(void **state)
{
	int items[8];

	(void)state;
	assert_int_equal(queue_new(5, &queue), ERR_OK);		/* becomes 8 */
	for (int round = 0; round < 3; round++) {
		assert_null(queue_pop(queue));
		for (int i = 0; i < 8; i++)
			check(queue_push(queue, &items[i]), "item %d of 8 has a place", i);
		check(!queue_push(queue, &items[0]), "the ninth has none");
		for (int i = 0; i < 8; i++)
			check(queue_pop(queue) == &items[i], "item %d comes out in its turn", i);
	}
	queue_free(queue);
	queue_free(NULL);
}

static bool
readable(int timeout_ms)
{
	struct pollfd p = { .fd = queue_fd(queue), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void
test_the_descriptor_wakes(void **state)
{
	int item;

	(void)state;
	assert_int_equal(queue_new(4, &queue), ERR_OK);
	check(!readable(0), "nothing is waiting");
	assert_true(queue_push(queue, &item));
	check(readable(0), "something is");
	queue_rearm(queue);
	assert_ptr_equal(queue_pop(queue), &item);
	assert_null(queue_pop(queue));
	check(!readable(0), "not any more");
	assert_true(queue_push(queue, &item));
	check(readable(0), "and again");
	queue_rearm(queue);
	queue_rearm(queue);	/* blocks never */
	queue_free(queue);
}

static void *
send_all(void *arg)
{
	uintptr_t sender = (uintptr_t)arg;

	for (uintptr_t i = 1; i <= EACH; i++)
		while (!queue_push(queue, (void *)(sender << 32 | i)))
			sched_yield();
	return NULL;
}

/* The receiver sleeps in poll() whenever the queue is empty: a lost wake-up would hang, and poll() says so. */
static void
test_many_senders(void **state)
{
	pthread_t threads[SENDERS];
	uintptr_t last[SENDERS] = { 0 };
	unsigned got = 0;

	(void)state;
	assert_int_equal(queue_new(64, &queue), ERR_OK);
	for (uintptr_t i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_all, (void *)i), 0);
	while (got < SENDERS * EACH) {
		uintptr_t item;

		check(readable(10000), "after %u items the receiver is woken", got);
		queue_rearm(queue);
		while ((item = (uintptr_t)queue_pop(queue)) != 0) {
			uintptr_t sender = item >> 32;

			check((item & UINT32_MAX) == last[sender] + 1, "items of one sender keep their order");
			last[sender]++;
			got++;
		}
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	assert_null(queue_pop(queue));
	queue_free(queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_the_descriptor_wakes),
		cmocka_unit_test(test_many_senders)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

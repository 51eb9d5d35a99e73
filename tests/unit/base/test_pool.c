#include "tests/unit/check.h"

#include <poll.h>
#include <stdatomic.h>

#include <sys/resource.h>

#include "base/parallel.h"
#include "base/pool.h"

static atomic_int worked, done_calls;

static void
work(void *arg)
{
	++*(atomic_int *)arg;
}

static void
done(void *arg)
{
	(void)arg;
	done_calls++;
}

static void
wait_for(struct pool *p, int wanted)
{
	while (done_calls < wanted) {
		struct pollfd fd = { pool_fd(p), POLLIN, 0 };

		assert_int_equal(poll(&fd, 1, 10000), 1);
		pool_deliver(p);
	}
}

static void
reset(void)
{
	worked = 0;
	done_calls = 0;
}

static void
test_all_are_done(void **state)
{
	struct pool *p;

	(void)state;
	reset();
	assert_int_equal(pool_new(3, &p), ERR_OK);
	pool_deliver(p);			/* nothing is there: no harm */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(pool_submit(p, work, done, &worked), ERR_OK);
	wait_for(p, 1000);
	assert_int_equal(worked, 1000);
	pool_free(p);
	assert_int_equal(done_calls, 1000);
}

/* done() is called for each job, whether it ran or not. */
static void
test_freed_while_busy(void **state)
{
	struct pool *p;

	(void)state;
	reset();
	for (int round = 0; round < 50; round++) {
		done_calls = 0;
		assert_int_equal(pool_new(2, &p), ERR_OK);
		for (int i = 0; i < 20; i++)
			assert_int_equal(pool_submit(p, work, done, &worked), ERR_OK);
		pool_free(p);
		assert_int_equal(done_calls, 20);
	}
	pool_free(NULL);
}

static atomic_int niceness[2];		/* of a helper, and of a thread that it made */

static void
look_beside(void *ctx)
{
	(void)ctx;
	niceness[1] = getpriority(PRIO_PROCESS, 0);
}

static void
look(void *arg)
{
	struct parallel_job job;

	(void)arg;
	niceness[0] = getpriority(PRIO_PROCESS, 0);
	parallel_begin(&job, look_beside, NULL);
	parallel_end(&job);
}

static void
test_queries_come_first(void **state)
{
	int ours = getpriority(PRIO_PROCESS, 0), wanted = ours + 10 < 19 ? ours + 10 : 19;
	struct pool *p;

	(void)state;
	reset();
	assert_int_equal(pool_new(1, &p), ERR_OK);
	assert_int_equal(pool_submit(p, look, done, NULL), ERR_OK);
	wait_for(p, 1);
	pool_free(p);
	check(niceness[0] == wanted && niceness[1] == wanted, "helpers, and what they make, are nicer than we: %d and %d, not %d",
	    niceness[0], niceness[1], wanted);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), ours);
}

static struct pool *chained;

static void
done_and_more(void *arg)
{
	if (++done_calls < 10)
		assert_int_equal(pool_submit(chained, work, done_and_more, arg), ERR_OK);
}

/* A job's end may begin the next one. */
static void
test_chain(void **state)
{
	(void)state;
	reset();
	assert_int_equal(pool_new(1, &chained), ERR_OK);
	assert_int_equal(pool_submit(chained, work, done_and_more, &worked), ERR_OK);
	wait_for(chained, 10);
	assert_int_equal(worked, 10);
	pool_free(chained);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_are_done),
		cmocka_unit_test(test_queries_come_first),
		cmocka_unit_test(test_freed_while_busy),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

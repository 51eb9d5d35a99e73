/* That a thread spins cannot be seen where others want the CPU: what can is that it is of the right policy, stays on our CPU, and ends. */
#include "tests/unit/check.h"

#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/awake.h"
#include "base/clock.h"

#define MS INT64_C(1000000)

static int64_t
cpu_time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void
sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

/* How many threads of this process have that policy. */
static unsigned
count_threads(int policy)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL; )
		n += e->d_name[0] != '.' && sched_getscheduler(atoi(e->d_name)) == policy;
	closedir(d);
	return n;
}

static void
test_policy(void **state)
{
	struct awake *a;

	(void)state;
	assert_int_equal(count_threads(SCHED_IDLE), 0);
	assert_int_equal(awake_new(&a), ERR_OK);
	assert_int_equal(count_threads(SCHED_IDLE), 1);
	awake_keep(a, MS);
	assert_int_equal(count_threads(SCHED_IDLE), 1);
	awake_free(a);
	for (int i = 0; i < 500 && count_threads(SCHED_IDLE) > 0; i++)
		sleep_ms(10);			/* one that has been joined may still be on the system's list */
	assert_int_equal(count_threads(SCHED_IDLE), 0);
	awake_keep(NULL, MS);
	awake_free(NULL);
}

static void
test_it_ends(void **state)
{
	struct awake *a;
	int64_t before;

	(void)state;
	assert_int_equal(awake_new(&a), ERR_OK);
	for (int i = 0; i < 2000; i++)			/* asleep or not, as it happens */
		awake_keep(a, i % 7 * 10000);
	awake_keep(a, 3600 * 1000 * MS);
	awake_keep(a, MS);				/* the last word counts */
	sleep_ms(50);
	before = cpu_time_ns();
	sleep_ms(300);
	check(cpu_time_ns() - before < 100 * MS, "it sleeps, but took %lld us", (long long)(cpu_time_ns() - before) / 1000);
	awake_keep(a, 3600 * 1000 * MS);
	awake_free(a);					/* does not wait for that */
}

/* It is told to end at any moment, also when it is about to sleep. */
static void
test_it_always_ends(void **state)
{
	struct awake *a;

	int64_t enough_ms = clock_mono_ms() + 10000;	/* where others want the CPU, each takes its time */

	(void)state;
	alarm(300);
	for (int i = 0; i < 3000 && clock_mono_ms() < enough_ms; i++) {
		assert_int_equal(awake_new(&a), ERR_OK);
		awake_keep(a, i % 50 * 1000);
		for (int64_t end_ns = clock_mono_ns() + i % 61 * 1000; clock_mono_ns() < end_ns;)
			;
		awake_free(a);
	}
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy), cmocka_unit_test(test_it_ends), cmocka_unit_test(test_it_always_ends)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

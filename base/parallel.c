#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define THREADS_MAX 64

struct shared {
	void (*work)(void *ctx, size_t i);
	void *ctx;
	size_t n;
	atomic_size_t next;
};

unsigned
parallel_cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof set, &set) < 0 || (n = CPU_COUNT(&set)) < 1)
		return 1;
	return n < THREADS_MAX ? (unsigned)n : THREADS_MAX;
}

static void *
take_jobs(void *arg)
{
	struct shared *s = arg;
	size_t i;

	while ((i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < s->n)
		s->work(s->ctx, i);
	return NULL;
}

/* Signals are for the threads that were there before. */
static bool
make_thread(pthread_t *thread, void *(*start)(void *arg), void *arg)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(thread, NULL, start, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

void
parallel_run(unsigned threads, size_t n, void (*work)(void *ctx, size_t i), void *ctx)
{
	struct shared s = { .work = work, .ctx = ctx, .n = n };
	pthread_t others[THREADS_MAX - 1];
	unsigned nothers = 0;

	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	if (threads > n)
		threads = (unsigned)n;
	while (nothers + 1 < threads && make_thread(&others[nothers], take_jobs, &s))
		nothers++;
	take_jobs(&s);
	while (nothers > 0)
		pthread_join(others[--nothers], NULL);
}

static void *
do_job(void *arg)
{
	struct parallel_job *job = arg;

	job->work(job->ctx);
	return NULL;
}

void
parallel_begin(struct parallel_job *job, void (*work)(void *ctx), void *ctx)
{
	*job = (struct parallel_job){ .work = work, .ctx = ctx };
	if (!(job->has_thread = make_thread(&job->thread, do_job, job)))
		work(ctx);
}

void
parallel_end(struct parallel_job *job)
{
	if (job->has_thread)
		pthread_join(job->thread, NULL);
}

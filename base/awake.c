/* The spinning thread reads until; when that is over it says asleep and waits for the semaphore.  Who turns asleep back
 * to false owes the semaphore a post, unless it is the thread itself. */
#include "base/awake.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <urcu/arch.h>

#include "base/clock.h"

#define SPINS 50			/* between two looks at the clock */

struct awake {
	pthread_t thread;
	_Atomic int64_t until_ns;
	_Atomic bool asleep, stop;
	sem_t wake;
	int cpu;			/* where the thread is; the caller's alone */
};

static bool
is_wanted(struct awake *a)
{
	return clock_mono_ns() < atomic_load(&a->until_ns);
}

static void
wait_until_wanted(struct awake *a)
{
	atomic_store(&a->asleep, true);
	if ((is_wanted(a) || atomic_load(&a->stop)) && atomic_exchange(&a->asleep, false))
		return;				/* it became so just now, and nobody posts for it */
	while (sem_wait(&a->wake) != 0 && errno == EINTR)
		;
}

static void *
spin(void *arg)
{
	struct awake *a = arg;

	pthread_setname_np(pthread_self(), "awake");
	while (!atomic_load(&a->stop)) {
		while (is_wanted(a))
			for (int i = 0; i < SPINS; i++)
				caa_cpu_relax();
		wait_until_wanted(a);
	}
	return NULL;
}

static enum err
start(struct awake *a)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);			/* signals are others' */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&a->thread, NULL, spin, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return err_from_errno(error);
	/* It sleeps still: it never spins with another policy. */
	if ((error = pthread_setschedparam(a->thread, SCHED_IDLE, &(struct sched_param){ 0 })) == 0)
		return ERR_OK;
	atomic_store(&a->stop, true);
	sem_post(&a->wake);
	pthread_join(a->thread, NULL);
	return error == EINVAL || error == ENOSYS ? ERR_UNSUPPORTED : err_from_errno(error);
}

enum err
awake_new(struct awake **out)
{
	struct awake *a = calloc(1, sizeof *a);
	enum err err;

	if (a == NULL)
		return ERR_NOMEM;
	a->cpu = -1;
	sem_init(&a->wake, 0, 0);
	if ((err = start(a)) != ERR_OK) {
		sem_destroy(&a->wake);
		free(a);
		return err;
	}
	*out = a;
	return ERR_OK;
}

/* The thread shall see what is new. */
static void
wake(struct awake *a)
{
	if (atomic_exchange(&a->asleep, false))
		sem_post(&a->wake);
}

void
awake_free(struct awake *a)
{
	if (a == NULL)
		return;
	atomic_store(&a->stop, true);
	atomic_store(&a->until_ns, 0);
	/* It need not give way to others any more: on a busy machine they would keep it from its end, and us here.  Who is
	 * not root may not always say so. */
	(void)pthread_setschedparam(a->thread, SCHED_OTHER, &(struct sched_param){ 0 });
	wake(a);
	pthread_join(a->thread, NULL);
	sem_destroy(&a->wake);
	free(a);
}

void
awake_keep(struct awake *a, int64_t for_ns)
{
	cpu_set_t set;
	int cpu;

	if (a == NULL)
		return;
	if ((cpu = sched_getcpu()) != a->cpu && cpu >= 0 && cpu < CPU_SETSIZE) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		(void)pthread_setaffinity_np(a->thread, sizeof set, &set);
		a->cpu = cpu;
	}
	atomic_store(&a->until_ns, clock_mono_ns() + for_ns);
	wake(a);
}

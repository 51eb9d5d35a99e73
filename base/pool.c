#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define NICE 10				/* a tenth of a CPU that others want too */

struct task {
	struct task *next;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct list {
	struct task *first, **last;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct list waiting, finished;	/* under lock */
	bool stop;			/* under lock */
	int fd;
	unsigned nthreads;
	pthread_t threads[];
};

static void
list_add(struct list *l, struct task *t)
{
	t->next = NULL;
	*l->last = t;
	l->last = &t->next;
}

static struct task *
list_take(struct list *l)
{
	struct task *t = l->first;

	if (t != NULL && (l->first = t->next) == NULL)
		l->last = &l->first;
	return t;
}

/* What helpers do may burn all CPUs for seconds, and somebody waits for the answer to a query of microseconds: where
 * both want a CPU it is the query's.  Linux has a nice value for each thread; threads and children that this one makes
 * get it too. */
static void
step_back(void)
{
	(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);	/* less is always allowed */
}

static void *
helper(void *arg)
{
	struct pool *p = arg;
	struct task *t;
	uint64_t one = 1;

	step_back();
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if ((t = list_take(&p->waiting)) == NULL) {
			pthread_cond_wait(&p->wanted, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		t->work(t->arg);
		pthread_mutex_lock(&p->lock);
		list_add(&p->finished, t);
		/* Fails only when the counter is full: then the owner will wake up anyway. */
		if (write(p->fd, &one, sizeof one) < 0)
			continue;
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

enum err
pool_new(unsigned threads, struct pool **out)
{
	struct pool *p = calloc(1, sizeof *p + threads * sizeof p->threads[0]);
	sigset_t all, old;

	if (p == NULL)
		return ERR_NOMEM;
	if ((p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		enum err err = err_from_errno(errno);

		free(p);
		return err;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wanted, NULL);
	p->waiting.last = &p->waiting.first;
	p->finished.last = &p->finished.first;
	sigfillset(&all);			/* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->nthreads < threads && pthread_create(&p->threads[p->nthreads], NULL, helper, p) == 0)
		p->nthreads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (p->nthreads == 0) {
		pool_free(p);
		return ERR_NOSPACE;
	}
	*out = p;
	return ERR_OK;
}

enum err
pool_submit(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct task *t = malloc(sizeof *t);

	if (t == NULL)
		return ERR_NOMEM;
	*t = (struct task){ NULL, work, done, arg };
	pthread_mutex_lock(&p->lock);
	list_add(&p->waiting, t);
	pthread_cond_signal(&p->wanted);
	pthread_mutex_unlock(&p->lock);
	return ERR_OK;
}

int
pool_fd(const struct pool *p)
{
	return p->fd;
}

static void
deliver(struct pool *p, struct list *list)
{
	struct task *t;

	for (;;) {
		pthread_mutex_lock(&p->lock);
		t = list_take(list);
		pthread_mutex_unlock(&p->lock);
		if (t == NULL)
			return;
		t->done(t->arg);
		free(t);
	}
}

void
pool_deliver(struct pool *p)
{
	uint64_t count;

	if (read(p->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		return;
	deliver(p, &p->finished);
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wanted);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	deliver(p, &p->finished);
	deliver(p, &p->waiting);
	pthread_cond_destroy(&p->wanted);
	pthread_mutex_destroy(&p->lock);
	close(p->fd);
	free(p);
}

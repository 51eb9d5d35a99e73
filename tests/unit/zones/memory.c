#include "tests/unit/zones/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "zones/rcu.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static atomic_long live, fail_in;
static atomic_bool grace_over;

long
memory_live(void)
{
	return live;
}

static void
on_grace(struct rcu_head *head)
{
	(void)head;
	grace_over = true;
}

void
grace_pass(void)
{
	static struct rcu_head head;

	grace_over = false;
	call_rcu(&head, on_grace);	/* there is one thread for callbacks, and it keeps their order */
	rcu_thread_offline();
	while (!grace_over)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	rcu_thread_online();
}

void
memory_fail_nth(long nth)
{
	fail_in = nth;
}

long
memory_fail_left(void)
{
	return fail_in;
}

static int
fails(void)
{
	return fail_in > 0 && atomic_fetch_sub(&fail_in, 1) == 1;
}

static void *
counted(void *p)
{
	if (p != NULL)
		live++;
	return p;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : counted(__real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(n, size));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	return p == NULL ? counted(__real_realloc(p, n)) : __real_realloc(p, n);
}

void
__wrap_free(void *p)
{
	if (p != NULL)
		live--;
	__real_free(p);
}

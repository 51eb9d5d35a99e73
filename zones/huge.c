#include "zones/huge.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "zones/qpbranch.h"
#include "zones/versionpriv.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25		/* Linux 6.1; glibc of that time does not know it yet */
#endif

#define HUGE_BITS 21			/* 2 MiB, as on x86 and, with the usual pages, on ARM */
#define SLOTS 8192			/* of a hash table: up to so many pages, 16 GiB; beyond that none are found */
#define NICE 10				/* queries come first */
#define ENOUGH (((size_t)1 << HUGE_BITS) / 4 * 3) /* so much of a page must be the trie's: the rest may be unused */

struct pages {
	struct {
		uintptr_t number;	/* 0: free */
		size_t used;		/* octets */
	} v[SLOTS];
	size_t n;
};

static void
note(struct pages *p, const void *memory)
{
	uintptr_t number = (uintptr_t)memory >> HUGE_BITS;
	size_t i = number % SLOTS;

	while (p->v[i].number != 0 && p->v[i].number != number)
		i = (i + 1) % SLOTS;
	if (p->v[i].number == 0) {
		if (p->n == SLOTS - 1)
			return;
		p->n++;
		p->v[i].number = number;
	}
	p->v[i].used += malloc_usable_size((void *)(uintptr_t)memory);
}

static void
note_all(struct pages *p, qp_word w)
{
	note(p, qp_word_memory(w));
	for (unsigned i = 0; !qp_is_leaf(w) && i < qp_count(qp_word_branch(w)); i++)
		note_all(p, qp_word_branch(w)->twigs[i]);
}

static void *
collapse(void *arg)
{
	struct zone_version *v = arg;
	struct pages *p = calloc(1, sizeof *p);

	(void)setpriority(PRIO_PROCESS, 0, NICE);	/* Linux: of this thread */
	if (p != NULL && v->qp.t.root != 0)
		note_all(p, v->qp.t.root);
	for (size_t i = 0; p != NULL && i < SLOTS; i++)
		if (p->v[i].used >= ENOUGH)
			madvise((void *)(p->v[i].number << HUGE_BITS), (size_t)1 << HUGE_BITS, MADV_COLLAPSE);
	free(p);
	zone_version_unref(v);
	return NULL;
}

void
huge_pages_for(struct zone_version *v)
{
	sigset_t all, old;
	pthread_t thread;

	zone_version_ref(v);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&thread, NULL, collapse, v) == 0)
		pthread_detach(thread);
	else
		zone_version_unref(v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

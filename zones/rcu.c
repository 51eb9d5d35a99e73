#include "zones/rcu.h"

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>

#ifdef __SANITIZE_THREAD__
char rcu_order;
#endif

static sem_t drained;

static void
on_drained(struct rcu_head *head)
{
	(void)head;
	rcu_order_after();
	sem_post(&drained);
}

void
rcu_drain(void)
{
	bool online = rcu_read_ongoing();
	static struct rcu_head head;

	sem_init(&drained, 0, 0);
	rcu_order_before();
	call_rcu(&head, on_drained);	/* there is one thread for callbacks, and it keeps their order */
	if (online)
		rcu_thread_offline();
	while (sem_wait(&drained) != 0 && errno == EINTR)
		continue;
	if (online)
		rcu_thread_online();
}

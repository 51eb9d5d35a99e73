/* zones/rcu.h -- the one place that chooses the flavour of RCU (userspace RCU, QSBR).  Under QSBR a registered
 * thread is online only inside its callbacks: rcu_thread_online() at their entry, rcu_thread_offline() at exit. */
#ifndef ZONES_RCU_H
#define ZONES_RCU_H

#include <urcu-qsbr.h>

/* ThreadSanitizer does not see into liburcu.  Two orders have to be told: whatever a reader did before it was
 * quiescent comes before the callbacks of that grace period, and what was done before call_rcu() too.  Pointers
 * to versions themselves go from thread to thread by C11 atomics. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>

extern char rcu_order;			/* zones/rcu.c; only its address matters */

static inline void
rcu_order_before(void)
{
	__tsan_release(&rcu_order);
}

static inline void
rcu_order_after(void)
{
	__tsan_acquire(&rcu_order);
}

static inline void
rcu_ordered_offline(void)
{
	rcu_order_before();
	rcu_thread_offline();
}

static inline void
rcu_ordered_quiescent_state(void)
{
	rcu_order_before();
	rcu_quiescent_state();
}

#undef rcu_thread_offline
#define rcu_thread_offline rcu_ordered_offline
#undef rcu_quiescent_state
#define rcu_quiescent_state rcu_ordered_quiescent_state
#else
static inline void
rcu_order_before(void)
{
}

static inline void
rcu_order_after(void)
{
}
#endif

/* Wait until every callback that was asked for before has run.  rcu_barrier() does the same in a way that
 * ThreadSanitizer cannot follow.  For a registered thread, one at a time. */
void rcu_drain(void);

#endif

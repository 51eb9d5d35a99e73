/* zones/rcu.h -- the one place that chooses the flavour of RCU (userspace RCU, QSBR).  Under QSBR a registered
 * thread is online only inside its callbacks: rcu_thread_online() at their entry, rcu_thread_offline() at exit. */
#ifndef ZONES_RCU_H
#define ZONES_RCU_H

#include <urcu/urcu-qsbr.h>

#endif

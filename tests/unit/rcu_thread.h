/* tests/unit/rcu_thread.h -- set-up and tear-down of tests whose thread reads what userspace RCU protects. */
#ifndef TESTS_UNIT_RCU_THREAD_H
#define TESTS_UNIT_RCU_THREAD_H

#include "zones/rcu.h"

static int
rcu_set_up(void **state)
{
	(void)state;
	rcu_register_thread();
	return 0;
}

static int
rcu_tear_down(void **state)
{
	(void)state;
	rcu_unregister_thread();
	return 0;
}

#endif

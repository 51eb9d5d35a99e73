/* server/counters.h -- one worker's counters: written by its thread alone, read by any. */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_RCODES 24

struct counters {
	_Atomic uint64_t udp_queries, tcp_queries, updates, notifies, transfers, dropped, tcp_connections;
	_Atomic uint64_t tcp_shed;				/* connections that made room for others */
	_Atomic uint64_t updates_refused;			/* the key may not, or there is none */
	_Atomic uint64_t limited_dropped, limited_slipped;	/* by the rate limit */
	_Atomic uint64_t rcodes[COUNTERS_RCODES];
};

/* With one writer a load and a store will do; no locked instruction. */
static inline void
counter_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t
counter_get(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

#endif

/* server/counters.h -- one worker's counters: written by its thread alone, read by any. */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define COUNTERS_RCODES 24
#define COUNTERS_TYPES 262		/* those that there is data of, nearly; the last one is for all others */

struct counters {
	_Atomic uint64_t udp_queries, tcp_queries, updates, notifies, transfers, tcp_connections;
	_Atomic uint64_t dropped;				/* no requests, and so without an answer */
	_Atomic uint64_t unsent;				/* answers that a UDP socket did not take */
	_Atomic uint64_t truncated;				/* answers with TC, but for those that the rate limit cut */
	_Atomic uint64_t tcp_refused;				/* connections for which none could make room */
	_Atomic uint64_t tcp_shed;				/* connections that made room for others */
	_Atomic uint64_t updates_refused;			/* the key may not, or there is none */
	_Atomic uint64_t limited_dropped, limited_slipped;	/* by the rate limit */
	_Atomic uint64_t rcodes[COUNTERS_RCODES];
	_Atomic uint64_t types[COUNTERS_TYPES];			/* of queries */
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

static inline void
counter_add_type(struct counters *c, uint16_t qtype)
{
	counter_add(&c->types[qtype < COUNTERS_TYPES - 1 ? qtype : COUNTERS_TYPES - 1], 1);
}

#endif

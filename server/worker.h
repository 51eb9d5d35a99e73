/* server/worker.h -- the query threads: each with its own event loop and its own UDP and TCP sockets on every
 * listening address (SO_REUSEPORT).  The keeper may send on UDP sockets too. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/counters.h"
#include "server/shared.h"

struct workers;

/* Open all sockets of all workers; to be called before privileges are dropped.  Words name the address that failed. */
enum err workers_open(const struct config *c, struct workers **out, struct fault *f);

/* Start the threads.  shared has zones and a view by now. */
enum err workers_start(struct workers *w, struct shared *shared, struct fault *f);

/* Stop and join the threads, close the sockets and connections, let go of zones.  Jobs may still come back, and
 * counters be asked for, until workers_free().  Both take NULL. */
void workers_stop(struct workers *w);

/* Free the rest, answers that came back too late with it.  The keeper has stopped by then. */
void workers_free(struct workers *w);

/* Send the keeper's verdict on an UPDATE from the keeper's own thread, in place of its way back through the queue.  False: it has to
 * go that way, for it belongs on a connection, or the workers have stopped. */
bool workers_answer(struct workers *w, struct job *j);

/* Counters, summed over the workers, for status and metrics. */
struct worker_counters {
	uint64_t udp_queries, tcp_queries, updates, notifies, transfers;
	uint64_t dropped, unsent, truncated, tcp_refused;	/* as in counters.h, and so are the arrays */
	uint64_t updates_refused;	/* the key may not, or there is none */
	uint64_t limited_dropped, limited_slipped;	/* by the rate limit */
	uint64_t tcp_connections;	/* open now */
	uint64_t tcp_shed;		/* closed to make room for others */
	uint64_t rcodes[COUNTERS_RCODES], types[COUNTERS_TYPES];
};
void workers_count(const struct workers *w, struct worker_counters *out);

#endif

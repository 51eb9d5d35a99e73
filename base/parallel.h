/* base/parallel.h -- one big job cut into many, done by all CPUs while the caller waits; or one beside the caller. */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* CPUs that this process may run on; at least 1. */
unsigned parallel_cpus(void);

/* Call work(ctx, i) once for each i below n, on the calling thread and up to threads - 1 others, which are made for it
 * and gone when it returns (so it is for jobs of milliseconds).  Jobs are begun in order.  Cannot fail: where no thread
 * can be made, fewer do the work.  Signals are blocked in the others. */
void parallel_run(unsigned threads, size_t n, void (*work)(void *ctx, size_t i), void *ctx);

/* One job beside the caller, who goes on.  parallel_end() waits for it; each begun job needs one.  Cannot fail: where
 * no thread can be made, the work is done before parallel_begin() returns.  Signals are blocked in it. */
struct parallel_job {
	void (*work)(void *ctx);	/* private */
	void *ctx;
	pthread_t thread;
	bool has_thread;
};
void parallel_begin(struct parallel_job *job, void (*work)(void *ctx), void *ctx);
void parallel_end(struct parallel_job *job);

#endif

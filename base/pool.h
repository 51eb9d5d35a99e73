/* base/pool.h -- helper threads for what blocks or burns CPU; results come back to one thread's event loop.  They are nicer than
 * whoever makes them: queries come first. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/err.h"

struct pool;

enum err pool_new(unsigned threads, struct pool **out);

/* Run work(arg) on a helper, then done(arg) on the thread that calls pool_deliver().  Jobs start in order.
 * ERR_NOMEM: neither will be called. */
enum err pool_submit(struct pool *p, void (*work)(void *arg), void (*done)(void *arg), void *arg);

/* Becomes readable when results wait; then call pool_deliver() on the owner's thread. */
int pool_fd(const struct pool *p);
void pool_deliver(struct pool *p);

/* Wait for running jobs, drop those that have not begun; done() is called for all of them. */
void pool_free(struct pool *p);

#endif

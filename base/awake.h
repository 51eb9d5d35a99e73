/* base/awake.h -- keeps a thread's CPU from halting while that thread waits for something that is known to come at once.
 *
 * A CPU without work halts, and to wake it takes tens of microseconds, in a virtual machine above all: as long as the work itself,
 * where a disk or a peer answers within a hundred.  So a second thread spins on that CPU meanwhile.  Its policy is SCHED_IDLE: it
 * runs where nothing else wants to, and whatever is woken takes its place at once. */
#ifndef BASE_AWAKE_H
#define BASE_AWAKE_H

#include <stdint.h>

#include "base/err.h"

struct awake;

/* Starts the thread.  ERR_UNSUPPORTED, ERR_ACCESS: the system has no such policy, or not for us. */
enum err awake_new(struct awake **out);
void awake_free(struct awake *a);	/* takes NULL */

/* Keep the calling thread's CPU awake from now on, for so long at most; a later call takes the place of this one.  One thread
 * calls it.  Takes NULL, and does nothing then. */
void awake_keep(struct awake *a, int64_t for_ns);

#endif

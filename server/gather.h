/* server/gather.h -- when what changed is written back to git: after a while without further changes, or a longer one
 * with them, and not before the last write-back has paid for itself: GATHER_SHARE times what it cost must have passed,
 * so that big zones and big repositories do not keep the machine busy with writing them.  Monotonic milliseconds. */
#ifndef SERVER_GATHER_H
#define SERVER_GATHER_H

#include <stdint.h>

#define GATHER_SHARE 20			/* write-backs take one part in so many of the time, at most */
#define GATHER_PAUSE_MAX_MS (5 * 60 * 1000)	/* but nobody waits longer than that for the next one */

struct gather {
	int64_t quiet_ms, most_ms;	/* the settings */
	int64_t first_ms;		/* the oldest change that waits; 0: none does */
	int64_t not_before_ms;		/* 0: any time */
};

/* A change came: how long from now until it is written, if none follows. */
int64_t gather_add(struct gather *g, int64_t now_ms);

/* A write-back begins and takes all that waits along. */
void gather_begin(struct gather *g);

/* Work for git has ended that cost so much of a processor's time, or a disk's. */
void gather_paid(struct gather *g, int64_t now_ms, int64_t cost_ms);

#endif

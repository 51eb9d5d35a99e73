/* zones/commit_internal.h -- what the halves of the door share: zones/commit.c has groups of changes, zones/commit_load.c whole zones
 * on their way in.  Private to them.  One thread: the keeper. */
#ifndef ZONES_COMMIT_INTERNAL_H
#define ZONES_COMMIT_INTERNAL_H

#include "zones/commit.h"

#define NOTE_BUCKETS 256		/* thousands may be written with one group */

struct commits {
	struct journal *journal;
	commit_subscriber *subscriber;
	void *ctx;
	struct staged *first, **last;
	struct staged *untold;		/* published by commits_sync() */
	struct kept_note *notes[NOTE_BUCKETS];
	size_t nnotes;
	bool batch;			/* commits_batch_begin() */
	struct zone **loaded;		/* in it: their subscriber is told at its end */
	size_t nloaded, caploaded;
	char *problem;
};

/* Put the zone's newest version, which is sealed, before the readers. */
void commit_publish(struct zone *z);

/* In the open transaction: the zone's row, with this base and the image of what is pending.  ERR_NOMEM, and database errors with words. */
enum err commits_put_row(struct commits *c, const struct zone *z, const struct zone_base *base, uint32_t serial, struct fault *f);

/* How the last transaction ended, for commits_problem(): logged once when it changes. */
void commits_remember(struct commits *c, enum err err, const struct fault *f);

#endif

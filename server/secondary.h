/* server/secondary.h -- zones that come by transfer: whom to ask and when (RFC 1034, section 4.3.5; RFC 1996), what to
 * do with what came, and when a zone has expired.  Private to the keeper. */
#ifndef SERVER_SECONDARY_H
#define SERVER_SECONDARY_H

#include "server/keeper_internal.h"

/* The zones of the configuration, from the state as far as it has them; before the git sources are opened. */
enum err secondaries_open(struct keeper *k, struct fault *f);
void secondaries_start(struct keeper *k);		/* the keeper runs: ask the primaries */
/* the view is new: zones come, go, change primaries */
enum err secondaries_configure(struct keeper *k, struct fault *f);
void secondaries_stop(struct keeper *k);		/* transfers under way are given up */
void secondaries_close(struct keeper *k);

/* A NOTIFY that a worker let through.  False: it is for no secondary zone. */
bool secondary_notified(struct keeper *k, const struct job *j);

/* Ask now; whole: and take the whole zone, whatever the serials say. */
void secondary_refresh(struct zone *z, bool whole);

struct secondary_status {
	const char *state;		/* "waiting", "asking", "transferring", "expired" */
	int64_t checked_s;		/* when a primary last confirmed the zone; 0: never */
	int64_t next_s, expires_s;	/* 0: not known */
	const struct sockaddr *primary;	/* the one in use */
	const char *key;		/* "": none.  Good until the next call */
};
void secondary_describe(const struct zone *z, struct secondary_status *out);

#endif

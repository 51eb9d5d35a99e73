/* server/secondary_internal.h -- shared by secondary.c (one zone: whom to ask and when), secondary_take.c (what came)
 * and secondaries.c (which zones there are, and what is common to them). */
#ifndef SERVER_SECONDARY_INTERNAL_H
#define SERVER_SECONDARY_INTERNAL_H

#include "server/intake.h"
#include "server/secondary.h"

struct secondary {
	struct secondary *next;
	struct keeper *keeper;
	struct zone *zone;
	struct config_peer *primaries;
	uint64_t *said;			/* per primary a hash of what was complained of last; 0: nothing */
	size_t nprimaries;
	bool wanted;			/* by the present configuration, or by a catalog */
	bool has_catalog;		/* it is there because a catalog zone lists it, */
	struct dname catalog, member;	/* this one, at this node */

	size_t at, tried;		/* the primary in use; how many were tried in this round */
	unsigned failures;		/* rounds in a row */
	struct event *timer;
	int64_t next_s;
	struct view *view;		/* a reference, while its key is in use */
	struct exchange *asking;
	struct intake *intake;
	struct secondary *next_queued, *next_running;
	bool queued;			/* waits for others' transfers to end, */
	bool to_ask;			/* or for others' questions */
	bool again;			/* a NOTIFY came meanwhile */
	bool whole;			/* the next transfer is of the whole zone */
	bool no_edns;			/* the primary in use does not know EDNS */
	bool imaging;			/* a new image file is being written */
	char *broken;			/* why it is no good as a catalog; NULL: it is, or is none */
	bool expired;
	int64_t checked_s;		/* when a primary last confirmed the zone, */
	int64_t fresh_s;		/* and as of when: SOA expire counts from here.  A primary that is a secondary itself had it
					 * confirmed earlier, and says so (RFC 7314) */
};

/* Zones that wait for their turn. */
struct line {
	struct secondary *first, **end;
};

struct secondaries {
	struct secondary *first;
	struct line transfers, asks;	/* that wait */
	struct secondary *running;	/* whose transfers are under way */
	unsigned nrunning, nasking;
	uint64_t taken;			/* RRs of whole zones since the memory was tidied */
	struct pool *pool;
	struct event *results;
	int stop_fd;
	char *images;
	struct zone_store *blank;	/* what readers find in place of an expired zone */
};

/* reimage.c: if very much has changed since the image file was written. */
void secondary_reimage(struct secondary *s);

/* images.c, at start, when all zones are there: image files that no row names are removed, and those of zones that were
 * given up long ago. */
void images_tidy(struct keeper *k);

/* secondaries.c: have the zone, with these primaries, and ask them if they are new; or have it no longer. */
enum err secondary_want(struct keeper *k, const uint8_t *apex, const struct config_peer *primaries, size_t n,
    struct fault *f);
void secondary_retire(struct secondary *s, const char *why);

/* secondary.c */
void secondary_show(struct secondary *s);		/* let readers find it, or, expired, find nothing */
void secondary_expire(struct secondary *s);
int64_t secondary_expires_s(const struct secondary *s);	/* 0: there is nothing that could expire */
void secondary_begin(struct secondary *s);		/* its timer runs at once */
void secondary_transfer(struct secondary *s);		/* without asking for the serial first */
void secondary_give_up(struct secondary *s);		/* its question and its timer; a transfer ends by itself */
void secondaries_go_on(struct secondaries *all);	/* those that wait and may go now */
bool secondary_is_busy(const struct secondary *s);
void secondary_on_timer(evutil_socket_t fd, short what, void *secondary);

/* secondary_take.c: what came.  ERR_CONFLICT: it does not fit what we have, and the whole zone may; ERR_PEER, ERR_REFUSED, ERR_NOMEM and
 * database errors with words. */
enum err secondary_take(struct secondary *s, struct intake *in, struct fault *f);

/* Is our serial newer than this one?  Such a primary has lost something: it does not confirm the zone, and another one may be
 * better.  True with words. */
bool secondary_is_ahead(const struct secondary *s, uint32_t serial, struct fault *f);

#endif

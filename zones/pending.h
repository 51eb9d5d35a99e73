/* zones/pending.h -- what a zone has that its base in git has not: the lasting changes that wait to be written back,
 * and the passing RRs.  Served zone = base with these on top.
 *
 * The lasting changes are kept as a net difference, one entry per RR, so that any number of changes to one RR is one
 * entry, and a change that was undone is none. */
#ifndef ZONES_PENDING_H
#define ZONES_PENDING_H

#include "zones/changeset.h"
#include "zones/rrmap.h"

enum pending_kind {
	PENDING_ADDED,			/* not in the base */
	PENDING_REMOVED,		/* in the base */
	PENDING_RETTL			/* in the base with another TTL */
};

struct pending_soa {
	uint8_t *rdata;			/* NULL: none */
	uint16_t n;
	uint32_t ttl;
};

struct pending_undo;

struct pending {			/* zero-initialise */
	struct rrmap lasting;
	struct rrmap since;		/* the same, but against the version that a write-back is made of; kept while writing */
	struct rrmap passing;

	/* The SOA's fields are one more lasting change; its serial is not. */
	struct pending_soa base_soa, soa;	/* soa: none when it is as in the base */

	struct pending_undo *undo;	/* newest first */
	bool logging;
	bool writing;			/* a write-back is on its way */
};

void pending_clear(struct pending *p);

/* The base's SOA changed (or is known for the first time).  served: the zone's; NULL at start, when what was noted says
 * whether that differs. */
enum err pending_set_base_soa(struct pending *p, const struct rr *soa, const struct rr *served);

/* Take in changes that commit made, in their order.  After a failure some of them are taken in: undo them. */
enum err pending_note(struct pending *p, const struct changeset *changes);

/* From the first mark on whatever is done can be undone, back to any mark, newest first: for a change that fails
 * half-way, and for a journal that cannot be written.  Undoing needs no memory.  keep: all marks are void. */
struct pending_undo *pending_mark(struct pending *p);
void pending_undo(struct pending *p, struct pending_undo *mark);
void pending_keep(struct pending *p);

/* The changes that, noted on empty maps, give these maps again: the journal's image. */
enum err pending_image(const struct pending *p, struct changeset *out);

/* A write-back of the zone as it is now begins; ended with success (lasting is then what came since) or failure.
 * Neither can be undone, nor what was before: nothing may be marked. */
void pending_write_begin(struct pending *p);
void pending_write_end(struct pending *p, bool written);

/* The zone's content now: base (sorted, SOA included) with lasting and passing changes, sorted; the SOA gets serial. */
enum err pending_apply(const struct pending *p, const struct rr_list *base, uint32_t serial, struct rr_list *out);

/* What leads from the zone back to its base, appended: less is in the zone alone, more in the base; what has another
 * TTL there is in both.  Of the SOA, whose owner is apex, only the base's is told. */
enum err pending_back(const struct pending *p, const uint8_t *apex, struct rr_list *less, struct rr_list *more);

/* After a merge with a new base: entries that the new base made true, or void, go.  served tells what the zone holds
 * now: is rr in it, and with which TTL?  touched: what the merge changed upstream. */
enum err pending_rebase(struct pending *p, const struct rr_list *base, const struct changeset *touched,
    bool (*served)(void *ctx, const struct rr *rr, uint32_t *ttl), void *ctx);

/* The passing RRs, sorted. */
enum err pending_passing(const struct pending *p, struct rr_list *out);
bool pending_is_passing(const struct pending *p, const struct rr *rr);
size_t pending_count(const struct pending *p);		/* lasting changes, the SOA's included */

/* Passing RRs whose time is over, as removals; *next_s is when the next one ends (0: none). */
enum err pending_expired(const struct pending *p, int64_t now_s, struct changeset *out, int64_t *next_s);

#endif

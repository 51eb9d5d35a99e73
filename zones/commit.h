/* zones/commit.h -- the one door through which every change of a zone goes.
 *
 * A group is begun, changes are staged one after the other (each sees the ones before it, and a bad one is undone
 * alone), and the group is finished: written to the journal with one sync, published, told to the subscriber.  If
 * the journal cannot be written the whole group is as if it had never been.  One thread: the keeper. */
#ifndef ZONES_COMMIT_H
#define ZONES_COMMIT_H

#include "zones/journal.h"
#include "zones/zone.h"

struct commits;

enum commit_origin { ORIGIN_UPDATE, ORIGIN_GIT, ORIGIN_ACME, ORIGIN_SWEEP, ORIGIN_LOAD, ORIGIN_CATCHUP,
	ORIGIN_TRANSFER, ORIGIN_CATALOG };

struct commit_request {
	struct zone *zone;
	const struct changeset *changes;	/* an added SOA replaces the old one; its serial counts if it is newer, and that of a
					 * transfer in any case: a secondary has its primary's serials */
	enum commit_origin origin;
	const char *by;			/* "client._update.example.com 192.0.2.1", a commit id, ... */
	const uint8_t *digest;		/* of an UPDATE; or NULL */
	int64_t now_s;
	bool force_serial;		/* publish with serial (if newer than the served one) even if no RR changes */
	uint32_t serial;
	const struct zone_base *base;	/* git: the new base (copied), with its content */
	const struct rr_list *base_rrs;	/* sorted; needed with base */
};

/* Told after publication, once for each change of a zone or of its base; changes are those that took effect, SOA included.
 * The request's own lists are NULL by then.  What the subscriber stages is in a new group. */
typedef void commit_subscriber(void *ctx, const struct commit_request *request, const struct changeset *changes);

/* The journal is borrowed. */
enum err commits_new(struct journal *journal, commit_subscriber *subscriber, void *ctx, struct commits **out);
void commits_free(struct commits *c);		/* an open group is undone */

/* The database takes no writes now?  Words of the last failure; NULL: all is well. */
const char *commits_problem(const struct commits *c);

/* Begin a group if none is open, and stage one change.  The request's strings and lists are copied as far as they are
 * needed later.
 * ERR_OK: staged; *changed (may be NULL) tells whether the zone's content does change.
 * ERR_REFUSED with words: a check failed; nothing is staged.  ERR_NOMEM, and database errors with words. */
enum err commits_stage(struct commits *c, const struct commit_request *request, bool *changed, struct fault *f);

bool commits_are_staged(const struct commits *c);	/* a group is open */

/* Remember that the UPDATE with this digest was answered with rcode, in the same group. */
enum err commits_answered(struct commits *c, struct zone *zone, const uint8_t *digest, unsigned rcode, int64_t now_s);

/* Keep a note (zones/journal.h) with the same group, or the next; n 0 forgets it.  Octets are copied.  When the group fails the note
 * waits for the next one, unless another of its name takes its place.  ERR_RANGE: too long; ERR_NOMEM. */
enum err commits_note(struct commits *c, const char *name, const void *octets, size_t n);

/* Make the group durable and publish it, all of it before anybody is told.  On failure everything staged is undone. */
enum err commits_sync(struct commits *c, struct fault *f);

/* Tell the subscriber of the group that commits_sync() published; always to be called behind it.  Between the two is the time for
 * who waits for nothing but durability. */
void commits_tell(struct commits *c);

/* Both. */
enum err commits_finish(struct commits *c, struct fault *f);

/* One transaction, and one sync, for many commits_load() and commits_put().  No group may be open meanwhile; the subscriber is
 * told at the end.  Rows that were not written because of a failure are written with the zone's next change. */
enum err commits_batch_begin(struct commits *c, struct fault *f);
enum err commits_batch_end(struct commits *c, enum err err, struct fault *f);	/* err not ERR_OK: roll back, give it back */

/* The first version of a zone, from nothing: base_rrs with what its pending set holds on top, under serial.  Written to the
 * journal (put) and published at once; the subscriber is told with an empty changeset.
 * ERR_REFUSED with words: unsound together.  On failure the zone has no version, as before. */
enum err commits_load(struct commits *c, struct zone *zone, const struct zone_base *base, const struct rr_list *base_rrs,
    uint32_t serial, bool put, struct fault *f);

/* The same in two steps, for a zone whose row is there and whose base is set: the version, sealed and not yet seen by anybody, made
 * on any thread that has the zone for itself; and its publication. */
enum err commit_first_version(struct zone *zone, const struct rr_list *base_rrs, uint32_t serial, struct fault *f);
enum err commits_publish_first(struct commits *c, struct zone *zone);	/* ERR_NOMEM: not published */

/* Write a zone's row: its image and base as they are now (after a write-back, when it retires, or when many records have
 * gathered behind the last image).  No group is open. */
enum err commits_put(struct commits *c, struct zone *zone, struct fault *f);

#endif

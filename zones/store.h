/* zones/store.h -- the mutable side of one zone's tree: versions in, garbage out.
 *
 * One writer at a time (the keeper, or the helper that the keeper leased the store to).  The tree is copy-on-write:
 * a new version shares every node that it did not change.  A transaction collects edits into the next version;
 * several may be stacked (each sealed before the next begins) and published or undone together, so that a
 * group of updates shares one sync and a bad one is undone alone.  zone_store_publish() and zone_store_free() are for a
 * thread that is registered with RCU and online. */
#ifndef ZONES_STORE_H
#define ZONES_STORE_H

#include "zones/version.h"

struct zone_store;

/* An empty store.  No version exists until the first publish. */
enum err zone_store_new(const uint8_t *apex, struct zone_store **out);

const uint8_t *zone_store_apex(const struct zone_store *s);	/* its own copy */

/* Unpublish and free.  Readers may still hold versions: everything goes when the last of them does. */
void zone_store_free(struct zone_store *s);

/* Begin a transaction on top of the newest sealed (or published) version. */
enum err zone_store_begin(struct zone_store *s);

/* Edits of the open transaction.  Adding an RR that is there already changes only the RRset's TTL, if that
 * differs; removing one that is not there changes nothing.  *changed (may be NULL) tells.  The RRset's TTL becomes
 * that of the last RR added to it.  ERR_NOMEM, ERR_RANGE (more than 65,535 records in an RRset):
 * the transaction is broken; abort it. */
enum err zone_store_add(struct zone_store *s, const struct rr *rr, bool *changed);
enum err zone_store_remove(struct zone_store *s, const struct rr *rr, bool *changed);

/* The same as zone_store_add() but that an RRset which is there keeps its TTL if that is smaller. */
enum err zone_store_add_least(struct zone_store *s, const struct rr *rr);

/* Bulk form of zone_store_add() for an empty store: sorted is in canonical order. */
enum err zone_store_fill(struct zone_store *s, const struct rr_list *sorted);
enum err zone_store_fill_by(struct zone_store *s, const struct rr_list *sorted, unsigned threads);

/* Close the transaction: the version is complete, readable by the writer, and not yet visible to readers.  ERR_NOMEM: it is
 * still open. */
enum err zone_store_seal(struct zone_store *s, struct zone_version **out);

/* Undo: the open transaction, or else the newest sealed version that is not published.  References to that stay
 * good. */
void zone_store_abort(struct zone_store *s);

/* The newest sealed or published version; NULL: none. */
struct zone_version *zone_store_newest(const struct zone_store *s);

/* Make the newest sealed version the current one (atomic for readers); what it replaced is freed once no reader can
 * see it: neither inside an RCU section nor through a reference. */
void zone_store_publish(struct zone_store *s);

/* Free what no reader can see any more.  zone_store_begin() and _publish() do so in passing; an idle store wants
 * it after its last change.  Never waits.  True: nothing is left to come back for. */
bool zone_store_reclaim(struct zone_store *s);

/* When what is published may be served no longer (RFC 1034, section 4.3.5), for those who ask (RFC 7314): seconds since the epoch, 0: it
 * does not expire.  Any thread may ask; left_s is not negative.  False: it does not expire. */
void zone_store_set_expiry(struct zone_store *s, int64_t at_s);
bool zone_store_expiry(const struct zone_store *s, int64_t now_s, uint32_t *left_s);

/* Readers, inside an RCU read-side section: the published version; NULL: none. */
struct zone_version *zone_store_current(const struct zone_store *s);

#endif

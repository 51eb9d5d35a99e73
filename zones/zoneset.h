/* zones/zoneset.h -- which zone is a name in?  Apex to store, for 100,000 zones and more.  Same trie, same rules as
 * zones/store.h: one writer (the keeper), readers inside RCU sections. */
#ifndef ZONES_ZONESET_H
#define ZONES_ZONESET_H

#include "zones/store.h"

struct zoneset;

enum err zoneset_new(struct zoneset **out);
void zoneset_free(struct zoneset *set);				/* frees no stores */

/* Writer: one change, visible at once.  ERR_EXISTS, ERR_NOT_FOUND, ERR_NOMEM: nothing changed.  The store is borrowed.
 * The caller is registered with RCU and online; for zoneset_free() too. */
enum err zoneset_add(struct zoneset *set, const uint8_t *apex, struct zone_store *store);
enum err zoneset_remove(struct zoneset *set, const uint8_t *apex);	/* the store may be freed right after */

/* Writer: the changes from begin to commit become visible together, and cost less: for loading many zones.  A store
 * that was removed may be freed after the commit. */
enum err zoneset_begin(struct zoneset *set);			/* ERR_NOMEM: not begun */
void zoneset_commit(struct zoneset *set);

/* Readers: the zone whose apex is the longest at or above qname (strictly above when above is true, for DS at a
 * cut); NULL: none.  */
struct zone_store *zoneset_find(const struct zoneset *set, const uint8_t *qname, bool above);
struct zone_store *zoneset_find_key(const struct zoneset *set, const struct qp_key *key, bool above);
/* A name, the zone that it is in, and what that has for it: many at a time, whose waits for memory overlap. */
#define ZONESET_TOGETHER QP_TOGETHER
struct zoneset_question {
	struct qp_key key;		/* set by qp_key_init() or qp_key_of_labels() */
	struct zone_version *zone;	/* the version that is current; NULL: none is there */
	struct zone_lookup found;	/* in it */
};
void zoneset_look_up(const struct zoneset *set, struct zoneset_question *const *v, unsigned n);

struct zone_store *zoneset_exact(const struct zoneset *set, const uint8_t *apex);

#endif

/* zones/store_internal.h -- shared by zones/store.c (a store, and edits of its open version) and store_fill.c (the first
 * version, from sorted RRs), and by nobody else. */
#ifndef ZONES_STORE_INTERNAL_H
#define ZONES_STORE_INTERNAL_H

#include <assert.h>

#include "wire/rrtype.h"
#include "zones/store.h"
#include "zones/versionpriv.h"

static inline struct zone_version *
store_open_version(const struct zone_store *s)
{
	assert(s->qp.open != NULL);
	return (struct zone_version *)s->qp.open;
}

static inline enum node_role
store_role(const struct zone_store *s, const uint8_t *owner)
{
	unsigned labels = dname_labels(owner);

	if (labels < s->apex_labels || !dname_equal(dname_skip(owner, labels - s->apex_labels), s->apex))
		return NODE_OUTSIDE;
	return labels == s->apex_labels ? NODE_APEX : NODE_INSIDE;
}

/* NSEC3 records and their signatures live in the side trie: their owners are no names of the zone (RFC 5155, section
 * 7.2.8), and there they stand in the order of the hashes. */
static inline bool
store_is_hashed(const struct zone_store *s, const struct rr *rr)
{
	return (rr->type == TYPE_NSEC3 || rr_covered(rr) == TYPE_NSEC3) && store_role(s, rr->owner) == NODE_INSIDE &&
	    dname_labels(rr->owner) == s->apex_labels + 1u;
}

/* May the chain of this NSEC3PARAM be used (RFC 5155, section 7.3)? */
static inline bool
store_may_use_nsec3(const uint8_t *rdata, struct nsec3_params *p)
{
	nsec3_params_read(rdata, p);
	return p->algorithm == NSEC3_SHA1 && p->flags == 0;
}

/* The hash that a node of this name shall keep: what old (may be NULL) has, or made anew.  NULL: none. */
const struct node_hash *store_node_hash(const struct zone_version *v, const struct zone_node *old, const uint8_t *owner,
    enum node_role role, struct node_hash *room);

struct zone_node *store_empty_node(const struct zone_version *v, const uint8_t *owner, enum node_role role);

#endif

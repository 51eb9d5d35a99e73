/* zones/node.h -- the inside of a zone's node: owner and RRsets packed in one allocation.  Private to the tree.
 *
 * Behind struct zone_node stands the owner (in a zone with NSEC3 the owner's hash comes between), then, each aligned to four octets, in ascending order of types: a
 * struct node_set and its records (two octets of length, rdata), in the order of rdata_compare().  The signatures that
 * cover one type are a set of their own, right behind the one they cover: who copies that into an answer has them
 * next. */
#ifndef ZONES_NODE_H
#define ZONES_NODE_H

#include "zones/nsec3.h"
#include "zones/qp.h"
#include "zones/version.h"

/* The hash of the owner, with the number of the parameters that it was made with: it means something only in a version
 * with that number. */
struct node_hash {
	uint32_t number;
	uint8_t octets[NSEC3_HASH];
};

/* NULL: none is kept. */
static inline const struct node_hash *
zone_node_hash(const struct zone_node *node)
{
	return node->leaf.name_at == sizeof *node ? NULL : (const struct node_hash *)(const void *)(node + 1);
}

struct node_set {
	uint16_t type, count;
	uint32_t ttl;
	uint32_t size;			/* of the records */
};

/* From a view of an RRset back to it. */
static inline const struct node_set *
zone_node_set_of(const struct zone_rrset *set)
{
	return (const struct node_set *)(const void *)set->records - 1;
}

/* Where in its zone a node stands; decides its flags. */
enum node_role { NODE_INSIDE, NODE_APEX, NODE_OUTSIDE };

/* An empty non-terminal.  hash: to be kept; NULL: none; so too below.  NULL: no memory; so too below. */
struct zone_node *zone_node_empty(const uint8_t *owner, enum node_role role, const struct node_hash *hash);

/* A copy of old (may be NULL) under this owner whose RRset of set->type (and set->covered) is made of set's count and TTL and of three
 * runs of records, end to end; a count of 0 drops it. */
struct node_run {
	const uint8_t *records;
	size_t n;
};
struct zone_node *zone_node_edit(const struct zone_node *old, const uint8_t *owner, enum node_role role,
    const struct node_hash *hash, const struct zone_rrset *set, const struct node_run runs[3]);

/* From RRs of one owner, in canonical order; duplicates collapse, the smallest TTL of each RRset is taken.  *rr_count
 * is raised by what the node holds.  ERR_NOMEM; ERR_RANGE: more than 65,535 records in an RRset. */
enum err zone_node_from(const struct rr *v, size_t n, enum node_role role, const struct node_hash *hash,
    struct zone_node **out, size_t *rr_count);

#endif

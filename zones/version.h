/* zones/version.h -- one version of a zone, immutable: what query workers, transfers and the ACME engine read.
 *
 * Two handles.  A query is light: inside an RCU read-side section take zone_current() and look; nothing of it
 * outlives the section.  A transfer is heavy: zone_version_ref() inside the section, then read for as long as
 * needed on any thread, then zone_version_unref(). */
#ifndef ZONES_VERSION_H
#define ZONES_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dname.h"
#include "zones/qp.h"
#include "zones/rr.h"

struct zone_version;

/* One owner name with its RRsets; empty non-terminals have a node too.  What is behind the leaf is zones/node.h's. */
struct zone_node {
	struct qp_leaf leaf;		/* flags: ZONE_NODE_*; count: RRsets */
};

/* A view of one RRset; borrows from its node.  The signatures of each type are an RRset of their own (rr_covered()). */
struct zone_rrset {
	uint16_t type, count;
	uint32_t ttl;
	const uint8_t *records;		/* count times: two octets of length, rdata */
	uint32_t size;			/* of all records */
	uint16_t covered;		/* of RRSIG; else 0 */
	uint16_t behind;		/* how many RRsets come behind it in the node */
};

/* for (const uint8_t *p = NULL; zone_rrset_next(&set, &p, &rdata, &n); ) ... */
static inline bool
zone_rrset_next(const struct zone_rrset *set, const uint8_t **at, const uint8_t **rdata, uint16_t *n)
{
	const uint8_t *p = *at == NULL ? set->records : *at;

	if (p == set->records + set->size)
		return false;
	*n = (uint16_t)(p[0] << 8 | p[1]);
	*rdata = p + 2;
	*at = p + 2 + *n;
	return true;
}

/* Letter case as in the zone's source; and octets of that. */
static inline const uint8_t *
zone_node_owner(const struct zone_node *node)
{
	return qp_leaf_name(&node->leaf);
}

static inline size_t
zone_node_owner_len(const struct zone_node *node)
{
	return node->leaf.name_len;
}

bool zone_node_rrset(const struct zone_node *node, uint16_t type, struct zone_rrset *out);	/* RRSIG: the first */
bool zone_node_rrset_of(const struct zone_node *node, const struct rr *rr, struct zone_rrset *out);	/* as rr's */

/* An RRset with what signs it; of that count and size are 0 where nothing does. */
struct zone_signed {
	struct zone_rrset set, signatures;
};
bool zone_node_signed(const struct zone_node *node, uint16_t type, struct zone_signed *out);

size_t zone_node_count(const struct zone_node *node);		/* RRsets; 0: an empty non-terminal */

/* Ascending types; signatures come right behind what they cover, or where that would stand. */
void zone_node_at(const struct zone_node *node, size_t i, struct zone_rrset *out);

/* The signatures that cover set, which was found in a node. */
bool zone_rrset_signatures(const struct zone_rrset *set, struct zone_rrset *out);

enum {
	ZONE_NODE_CUT = 1,		/* NS below the apex */
	ZONE_NODE_DNAME = 2,
	ZONE_NODE_CNAME = 4,
	ZONE_NODE_APEX = 8,
	ZONE_NODE_OUTSIDE = 16,		/* glue outside of the zone; has none of the others */
	ZONE_NODE_NSEC = 32
};

static inline unsigned
zone_node_flags(const struct zone_node *node)
{
	return node->leaf.flags;
}

const uint8_t *zone_version_apex_name(const struct zone_version *v);
size_t zone_version_apex_len(const struct zone_version *v);	/* octets of that */
unsigned zone_version_apex_labels(const struct zone_version *v);
const struct zone_node *zone_version_apex(const struct zone_version *v);
/* The SOA as negative answers carry it (RFC 2308, sections 3 and 5): how long that holds, and how far its two names can be
 * shortened.  False: there is none. */
struct zone_negative {
	struct zone_signed data;
	uint32_t serial;
	uint32_t ttl;			/* the smaller of its own and minimum */
	uint16_t size;			/* of the record, its owner a pointer and its names shortened */
	const uint8_t *rdata;		/* mname, rname, and SOA_NUMBERS octets */
	struct zone_soa_name {
		uint8_t len;
		uint8_t own;		/* octets that come before what was written already; len: nothing was */
		uint8_t at;		/* where that stands in the apex, or in mname */
		bool in_mname;
	} mname, rname;
};
#define SOA_NUMBERS 20
bool zone_version_negative(const struct zone_version *v, struct zone_negative *out);

/* Records as answers have them, written when the version was made, but for compression pointers: those lead into the zone's
 * name, wherever that stands in a message, or into the records themselves. */
enum zone_pointer_base { ZONE_POINTER_APEX, ZONE_POINTER_SELF };
struct zone_pointer {
	uint16_t at : 15;		/* in the records */
	uint16_t base : 1;		/* enum zone_pointer_base */
	uint16_t to;			/* behind the base */
};
struct zone_ready {
	uint16_t at, size;		/* in the octets; 0: there are none */
	uint16_t count;			/* of records */
	uint8_t first_pointer, npointers;
};
struct zone_prepared {
	uint8_t denial, apex_len;	/* enum zone_denial; octets of the apex's name */
	uint16_t pointers_at, octets_at;	/* behind the begin of the struct */
	struct zone_ready soa, soa_signed;	/* of negative answers, without and with its signatures */
	struct zone_ready_proofs {
		const struct zone_node *apex;
		struct zone_ready_proof {
			const struct zone_node *node;
			struct zone_ready records;
		} v[2];			/* of the apex, and with NSEC3 of its wildcard; node NULL: none */
	} proofs[];			/* one; most zones are not signed, and have none */
};

/* NULL: the records are too large.  The root has no records here, since its name is too short for a
 * pointer. */
const struct zone_prepared *zone_version_prepared(const struct zone_version *v);

const uint8_t *zone_version_apex_owner(const struct zone_version *v);	/* the same, in the node; NULL: no apex */

uint32_t zone_version_serial(const struct zone_version *v);
size_t zone_version_rr_count(const struct zone_version *v);
bool zone_version_is_signed(const struct zone_version *v);	/* DNSKEY at the apex */

/* How the zone denies what is not there. */
enum zone_denial {
	ZONE_DENIAL_NONE, ZONE_DENIAL_NSEC, ZONE_DENIAL_NSEC3,
	ZONE_DENIAL_NSEC3_COSTLY	/* more than NSEC3_ITERATIONS_MAX */
};
enum zone_denial zone_version_denial(const struct zone_version *v);

/* The node with exactly this name, or NULL.  Also finds names below cuts, and out-of-zone glue. */
const struct zone_node *zone_version_find(const struct zone_version *v, const uint8_t *name);
const struct zone_node *zone_version_find_key(const struct zone_version *v, const struct qp_key *key);

/* Is there any name below name? */
bool zone_version_has_below(const struct zone_version *v, const uint8_t *name);

/* NSEC3 records and their signatures are kept apart, since their owners are no names of the zone (RFC 5155, section
 * 7.2.8): no lookup finds them, but for this one. */
const struct zone_node *zone_version_find_hashed(const struct zone_version *v, const uint8_t *name);

/* The RRset that rr is in, or would be, wherever it is kept. */
bool zone_version_rrset_of(const struct zone_version *v, const struct rr *rr, struct zone_rrset *out);

/* What the algorithm of RFC 1034, section 4.3.2, step 3, needs to know about qname, from one descent.  Of cut and
 * dname the higher one hides the other (and the cut hides a DNAME at its own owner), so at most one is set.  All are
 * NULL when qname is not in the zone. */
struct zone_lookup {
	const struct zone_node *node;	/* exact match; NULL: none.  Set too when it lies below cut or dname */
	const struct zone_node *encloser;	/* closest encloser (RFC 4592, section 3.3.1): node, or above it */
	const struct zone_node *cut;	/* highest zone cut at or above qname, below the apex; NULL: none */
	const struct zone_node *dname;	/* highest DNAME owner strictly above qname; NULL: none */
	const struct zone_node *wildcard;	/* "*.<encloser>"; NULL when node is set or there is none */
	bool is_alias;			/* node, or else wildcard, has a CNAME */
	uint8_t labels;			/* of the encloser; this and what follows when node is NULL */
	const struct qp_branch *below;	/* private: where names below the encloser part; NULL: there are none; */
	const uint8_t *parting;		/* and from what the descent parted there */
};
void zone_version_lookup(const struct zone_version *v, const uint8_t *qname, struct zone_lookup *out);

/* The same for who asks several tries for one name: the key is made once, by qp_key_init(). */
void zone_version_lookup_key(const struct zone_version *v, const struct qp_key *key, struct zone_lookup *out);

/* The node of a name at or below the encloser that a look-up found; NULL: there is none. */
const struct zone_node *zone_version_find_below(const struct zone_version *v, const struct zone_lookup *found,
    const struct qp_key *key);

/* All nodes in canonical order, the apex first; behind them out-of-zone glue, and in the end NSEC3. */
struct zone_walk {			/* private; some 5 kB */
	const struct zone_version *version;
	const struct qp_leaf *last;
	enum { ZONE_WALK_APEX, ZONE_WALK_INSIDE, ZONE_WALK_OUTSIDE_FIRST, ZONE_WALK_OUTSIDE, ZONE_WALK_HASHED } phase;
	struct qp_cursor cursor;
};
void zone_walk_start(struct zone_walk *w, const struct zone_version *v);
const struct zone_node *zone_walk_next(struct zone_walk *w);	/* NULL: the end */

/* The node before name in canonical order (NSEC), name itself not counted; before the apex comes the
 * last.  Empty non-terminals count, glue outside of the zone does not.  NULL: name is not in the zone, or that is
 * empty. */
const struct zone_node *zone_version_predecessor(const struct zone_version *v, const uint8_t *name);

/* The node whose NSEC record speaks of name: its own, or that of the last name before it that has one.  NULL: none. */
const struct zone_node *zone_version_nsec(const struct zone_version *v, const uint8_t *name);

/* The same for a name that was looked up and not found; and for the wildcard below its encloser. */
const struct zone_node *zone_version_nsec_found(const struct zone_version *v, const struct qp_key *key,
    const struct zone_lookup *found);
const struct zone_node *zone_version_nsec_wildcard(const struct zone_version *v, const struct zone_lookup *found);

/* The node whose NSEC3 record matches name, of so many octets, (*match) or covers it, in a zone whose denial is NSEC3.
 * NULL: the chain is broken. */
const struct zone_node *zone_version_nsec3(const struct zone_version *v, const uint8_t *name, size_t name_len,
    bool *match);

/* The same for a node's name, whose hash may be kept. */
const struct zone_node *zone_version_nsec3_of(const struct zone_version *v, const struct zone_node *node, bool *match);

/* The same for the wildcard below a node's name. */
const struct zone_node *zone_version_nsec3_wildcard(const struct zone_version *v, const struct zone_node *node);

/* Some NSEC3, in a zone that has one. */
const struct zone_node *zone_version_any_nsec3(const struct zone_version *v);

/* ref: inside an RCU section on the current version; or the writer on one that is sealed or current; or whoever has a
 * reference.  unref: anywhere, takes NULL. */
struct zone_version *zone_version_ref(struct zone_version *v);
void zone_version_unref(struct zone_version *v);

#endif

/* zones/versionpriv.h -- the inside of a zone's version and store; private to the tree. */
#ifndef ZONES_VERSIONPRIV_H
#define ZONES_VERSIONPRIV_H

#include "zones/node.h"
#include "zones/nsec3.h"
#include "zones/qpstore.h"
#include "zones/store.h"

struct zone_version {
	struct qp_version qp;
	const struct zone_node *apex;	/* set when sealed; NULL: nothing at or below the apex */
	uint8_t apex_labels, apex_len;	/* the store's */
	bool is_signed;
	uint8_t denial;			/* enum zone_denial */
	uint32_t serial;
	size_t rr_count;
	struct nsec3_params nsec3;	/* of the chain that is used; salt points into the apex */
	uint32_t hash_number;		/* of those parameters: grows from version to version where they may have changed */
	bool keeps_hashes;		/* with that number */
	bool known_match[2];		/* what zone_version_nsec3() gives for the two names that most denials speak of */
	const struct zone_node *known_nsec3[2];
};
enum { OF_APEX, OF_WILDCARD };

struct zone_store {
	struct qp_store qp;
	_Atomic uint32_t expires_s;	/* the lower half; 0: never */
	uint8_t apex_labels, apex_len;
	uint8_t apex[];
};

/* More iterations make it dear to hash all names beforehand, and few zones have them (RFC 9276). */
#define KEPT_ITERATIONS_MAX 16

/* When that is known: what denials will need. */
void zone_version_prepare_nsec3(struct zone_version *v);

/* When all that is known: zone_version_prepared().  ERR_NOMEM. */
enum err zone_version_prepare_ready(struct zone_version *v);

/* What a descent along the key means in this zone.  False: the name is not in it. */
bool zone_version_conclude(const struct zone_version *v, const struct qp_key *key, const struct qp_descent *d,
    struct zone_lookup *out);

static inline const struct zone_store *
zone_version_store(const struct zone_version *v)
{
	return (const struct zone_store *)v->qp.store;
}

#endif

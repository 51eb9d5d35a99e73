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
	size_t rr_count;
	uint32_t serial;
	bool is_signed;
	enum zone_denial denial;
	struct nsec3_params nsec3;	/* of the chain that is used; salt points into the apex */
};

struct zone_store {
	struct qp_store qp;
	unsigned apex_labels;
	uint8_t apex[DNAME_MAX];
};

static inline const struct zone_store *
zone_version_store(const struct zone_version *v)
{
	return (const struct zone_store *)v->qp.store;
}

#endif

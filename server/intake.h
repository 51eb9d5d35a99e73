/* server/intake.h -- one transfer of a secondary zone, as far as a helper thread does it: ask the primary for
 * differences and, where it has none that fit, for the whole zone; check that; write the image file; find what changed.
 * Nothing here touches the keeper's zone. */
#ifndef SERVER_INTAKE_H
#define SERVER_INTAKE_H

#include "server/fetch.h"
#include "zones/image.h"

struct intake {
	/* What is wanted. */
	struct dname apex;
	struct fetch_place place;
	struct tsig_key *key;		/* a copy; NULL: unsigned */
	uint64_t max_octets;
	bool whole;			/* ask for the whole zone at once */
	bool no_edns;			/* the primary does not know EDNS */
	struct zone_version *version;	/* what we have, a reference; NULL: nothing */
	const char *images;		/* the directory of image files; borrowed */

	/* What came of it. */
	enum err err;
	struct fault fault;
	enum xfrin_kind kind;		/* CURRENT, FULL or STEPS */
	struct xfrin *transfer;		/* STEPS: has them */
	uint32_t serial;
	uint64_t records, octets, outside;
	bool has_expire_s;		/* the primary said how long the zone may be served (RFC 7314): */
	uint32_t expire_s;
	char first_outside[256];
	struct fault no_steps;		/* why differences would not do; empty: they did, or were not asked for */
	struct rr_list rrs;		/* FULL: the zone, sorted */
	struct changeset changes;	/* FULL with a version: what leads from that to rrs, the SOA included */
	struct zone_base base;		/* FULL: the image file, where one was written; n 0: the changes are few */

	void *arg;			/* the caller's */
};

void intake_run(void *intake);		/* on a helper */
void intake_free(struct intake *in);	/* takes NULL; an image file that nobody took over is removed */

#endif

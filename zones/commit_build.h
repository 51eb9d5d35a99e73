/* zones/commit_build.h -- one requested change of a zone: the next version, checked, sealed and not yet published, and
 * what really changed.  Private to commit. */
#ifndef ZONES_COMMIT_BUILD_H
#define ZONES_COMMIT_BUILD_H

#include "zones/commit.h"

struct built {
	uint32_t serial_from, serial_to;
	bool version;			/* a version waits in the zone's store; else nothing changes that readers see */
	struct changeset effective;	/* the true difference, SOA included; and RRs whose class or expiry changes */
};

/* ERR_REFUSED with words: the result would be unsound.  On failure there is no version, and out is cleared. */
enum err commit_build(const struct commit_request *q, struct built *out, struct fault *f);

/* Is a zone that was sound before these changes still so?  ERR_REFUSED with words: as zones/check.h has it, for what
 * they touch. */
enum err commit_check(const struct zone_version *v, const struct changeset *touched, const char *zone, struct fault *f);

#endif

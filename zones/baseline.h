/* zones/baseline.h -- the RRs of a zone's base, known without a look at its text: zone = base + pending + passing, so
 * the base is what is served, less what came since, with what went since.
 *
 * Taken on the keeper, where version and pending fit; listed on any thread, while the zone goes on. */
#ifndef ZONES_BASELINE_H
#define ZONES_BASELINE_H

#include "zones/zone.h"

struct baseline {			/* zero-initialise */
	struct zone_version *version;	/* a reference; NULL: the base is not known so */
	struct rr_list less, more;	/* what changed its TTL is in both, and so is the SOA */
};

/* The base of a zone.  One that has no version or no base gives a baseline without version; that is no error.
 * ERR_NOMEM: *out is as before. */
enum err baseline_take(const struct zone *z, struct baseline *out);

/* Its RRs, sorted as zone_load_text() gives them, TTLs included.  Letter case is that of the version: no comparison
 * looks at it.  out: zero-initialised; borrows from the baseline, which must have a version. */
enum err baseline_list(struct baseline *b, struct rr_list *out);

void baseline_clear(struct baseline *b);	/* on any thread */

/* The zone has its first version, made of this base (sorted) and of what waited for it against another: that becomes
 * what lies between the two.  To be undone as zones/pending.h has it. */
enum err baseline_fit(struct zone *z, const struct rr_list *base_rrs);

#endif

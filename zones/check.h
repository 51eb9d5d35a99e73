/* zones/check.h -- is this a sound zone?  The same code judges a file before it is served, a commit before it is
 * pushed, and certns-checkzone's argument.
 *
 * Two levels.  An error refuses the zone: what a server could not answer from without contradiction.  Just that is
 * refused of an update as well (zones/commit_build.c): what was served once must be loaded again after a restart, so
 * nothing may become an error here that is none there.  A warning tells of what is answered as it stands, but hardly as
 * it was meant.
 *
 * One walk over the zone, and lookups by hash: the time is linear in its size. */
#ifndef ZONES_CHECK_H
#define ZONES_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "zones/rr.h"

enum check_level { CHECK_WARNING, CHECK_ERROR };

/* rr, and other where two conflict, are elements of the list that was given in, or NULL: the caller who knows where
 * each RR came from finds the places by them.  rr NULL: the zone as a whole. */
struct check_finding {
	enum check_level level;
	const struct rr *rr, *other;
	const char *text;
};
typedef void check_report(void *ctx, const struct check_finding *finding);

/* Judge a whole zone, sorted by rr_list_sort().
 *
 * Errors: not exactly one SOA, at the apex; no NS at the apex; an owner outside of the zone that is no address of one
 * of the zone's name servers; CNAME beside other data (but RFC 4035, section 2.5) or twice; several DNAMEs, DNAME
 * beside CNAME, NS (but at the apex), or data below a DNAME; meta-types.
 *
 * Warnings: TTLs that differ in an RRset (RFC 2181, section 5.2; the smallest is served), duplicate RRs, RRsets that
 * fit no message; data below a zone cut that is no glue; DS without NS; NS, MX, SRV, SVCB and HTTPS targets in the zone
 * without an address or with an alias; names that seem to lack their final dot; NS at a wildcard; and contents that
 * make no sense (zones/check_content.c).
 *
 * ERR_OK: no error among the findings; ERR_REFUSED; ERR_NOMEM. */
enum err zone_check(const uint8_t *apex, const struct rr_list *sorted, check_report *report, void *ctx);

/* Is name the target of an NS RR at the apex?  Then its addresses may stay, even out of the zone. */
bool zone_check_is_apex_server(const uint8_t *apex, const struct rr_list *sorted, const uint8_t *name);

#endif

/* zones/check.h -- is this a sound zone?  The same code judges a file before it is served, an update before it is
 * applied, and certns-checkzone's argument. */
#ifndef ZONES_CHECK_H
#define ZONES_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "zones/rr.h"

enum check_level { CHECK_WARNING, CHECK_ERROR };

/* One finding.  rr is the RR that it is about, an element of the list that was given in, or NULL for the zone as
 * a whole: the caller who knows where each RR came from finds the place by it. */
typedef void check_report(void *ctx, enum check_level level, const struct rr *rr, const char *text);

/* Judge a whole zone, sorted by rr_list_sort().  Errors: not exactly one SOA, at the apex; no NS at the apex; an
 * owner outside of the zone that is no address of one of the zone's name servers; CNAME beside other data (but
 * RFC 4035, section 2.5) or twice; several DNAMEs, DNAME beside CNAME, NS (but at the apex) or data below a
 * DNAME; meta-types; names too long.  Warnings: TTLs that differ in an RRset (RFC 2181, section 5.2; the smallest
 * is served), duplicate RRs, data below a zone cut that is no glue, NS and MX targets in the zone without an
 * address or with a CNAME.
 * ERR_OK: no error among the findings; ERR_REFUSED; ERR_NOMEM. */
enum err zone_check(const uint8_t *apex, const struct rr_list *sorted, check_report *report, void *ctx);

/* Is name the target of an NS RR at the apex?  Then its addresses may stay, even out of the zone. */
bool zone_check_is_apex_server(const uint8_t *apex, const struct rr_list *sorted, const uint8_t *name);

#endif

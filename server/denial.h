/* server/denial.h -- NSEC and NSEC3 in answers: proof that something is not there (RFC 4035, section 3.1.3; RFC 5155,
 * section 7.2).  Private to the answering code.  Each function does nothing unless the request wants DNSSEC and the
 * zone has a chain of the kind; what does not fit sets TC. */
#ifndef SERVER_DENIAL_H
#define SERVER_DENIAL_H

#include "server/response.h"

/* found: what the lookup of name gave; name is in no zone cut, or the question is for DS. */
void denial_nodata(struct response *r, const uint8_t *name, const struct zone_lookup *found);
void denial_nxdomain(struct response *r, const uint8_t *name, const struct zone_lookup *found);

/* The DS RRset of a zone cut, or the proof that there is none (RFC 4035, section 3.1.4). */
void denial_referral(struct response *r, const struct zone_node *cut);

/* A wildcard stood for name in the answer section: remember it.  The proof that name itself is not there stands in the
 * authority section, which denial_expanded_put() writes when the answer section is complete. */
void denial_expanded(struct response *r, const uint8_t *name, const struct zone_lookup *found);
void denial_put_expanded(struct response *r);

static inline void
denial_expanded_put(struct response *r)
{
	if (r->nexpanded > 0)
		denial_put_expanded(r);
}

#endif

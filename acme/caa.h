/* acme/caa.h -- Certification Authority Authorization (RFC 8659) with its parameters accounturi and validationmethods
 * (RFC 8657): does an RRset let a CA issue? */
#ifndef ACME_CAA_H
#define ACME_CAA_H

#include "acme/challenge.h"
#include "zones/rr.h"

/* Who wants to issue, for whom, and how.  All borrowed. */
struct acme_caa_issuer {
	const char *const *identities;	/* issuer domain names of the CA; any one will do */
	size_t nidentities;
	const char *account;		/* URL; NULL: not known yet, and any accounturi will do */
	const enum acme_challenge_type *methods;	/* one of which will be used */
	size_t nmethods;
};

/* set: CAA RRs of one owner, the relevant ones (section 3); empty: no restriction.
 * ERR_REFUSED: f names the record. */
enum err acme_caa_judge(const struct rr_list *set, bool wildcard, const struct acme_caa_issuer *issuer,
    struct fault *f);

#endif

/* acme/revoke.h -- revoking the certificates of a host (RFC 8555, section 7.6), with the account that ordered them. */
#ifndef ACME_REVOKE_H
#define ACME_REVOKE_H

#include "acme/accounts.h"

#define ACME_REASON_UNSPECIFIED 0
#define ACME_REASON_KEY_COMPROMISE 1

/* A reason of RFC 5280, section 5.3.1, by its name in any case, or by its number.  false: there is none such. */
bool acme_reason_parse(const char *text, int *reason);
const char *acme_reason_str(int reason);

/* All certificates that are published for host (its name without the label).  Each is remembered as revoked when its CA
 * says so: a new one is ordered at once, unless the key was compromised: then the CSR is refused until its key
 * changes. */
void acme_revoke(struct acme *a, const uint8_t *host, int reason, acme_chore_done *done, void *arg);

#endif

/* server/update_policy.h -- may this key make this change?  One struct for each UPDATE; nothing here does I/O.
 *
 * Where the zone has an update-policy it alone decides.  Elsewhere the key's name does (tsig/key.h): _update may change
 * everything, _csr the CSR of one host, _acme the challenges of one host and below. */
#ifndef SERVER_UPDATE_POLICY_H
#define SERVER_UPDATE_POLICY_H

#include "server/config.h"
#include "wire/message.h"
#include "zones/version.h"

struct acme;

struct update_policy {			/* all borrowed */
	const struct config *config;
	const struct config_policy *rules;	/* of the zone; NULL: names of keys decide */
	const struct tsig_key *key;

	/* Where certificates are ordered for the zone: a CSR of which none can ever come is refused.  NULL: anything
	 * goes. */
	struct acme *acme;
	bool (*zone_of)(void *ctx, const uint8_t *name, struct dname *apex);	/* the zone here that name is in */
	void *ctx;
};
void update_policy_init(struct update_policy *p, const struct config *config, const struct tsig_key *key,
    const uint8_t *apex);

/* Might the key change anything at all in the zone?  For who wants to say no early. */
bool update_policy_admits(const struct config *config, const struct tsig_key *key, const uint8_t *apex);

/* Is every RR judged, or may the key do what it likes (but for a CSR that is none)? */
bool update_policy_is_limited(const struct update_policy *p);

/* May it make this change of version v, an RR of the update section?  For class IN rdata is that of rr, uncompressed.
 * False: reason has words. */
bool update_policy_permits(const struct update_policy *p, const struct zone_version *v, const struct msg_rr *rr,
    const uint8_t *rdata, size_t n, char *reason, size_t reason_size);

/* May it have a prerequisite at owner? */
bool update_policy_may_ask(const struct update_policy *p, const uint8_t *owner, char *reason, size_t reason_size);

/* How many records of the type there may be at owner, after it was permitted to add one; 0: any number.  What is too
 * much is passed over without a word to the client, as BIND does it. */
unsigned update_policy_max(const struct update_policy *p, const uint8_t *owner, uint16_t type);

/* May only one CSR stand at owner when the update is through? */
bool update_policy_one_csr(const struct update_policy *p, const uint8_t *owner);

#endif

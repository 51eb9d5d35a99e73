/* server/update.h -- RFC 2136: one UPDATE message against one zone, to a changeset or an rcode.  No I/O. */
#ifndef SERVER_UPDATE_H
#define SERVER_UPDATE_H

#include "server/answer.h"
#include "server/update_policy.h"
#include "zones/changeset.h"
#include "zones/version.h"

/* How long a TXT record at _acme-challenge lives that came by UPDATE and was not removed by its owner. */
#define UPDATE_CHALLENGE_S (24 * 3600)

/* Check prerequisites (section 3.2), prescan (3.4.1), and translate the update section (3.4.2) of msg into changes of
 * version v, as far as policy (NULL: everything) allows; q is msg taken apart.  Under a policy that judges RRs the
 * prescan comes before the prerequisites: who may not change a zone is told nothing of its content.  The changes are
 * not yet checked as a whole: commit does that.
 * Returns an rcode; *changes is the caller's whatever it is (changeset_clear()); reason gets words for the log. */
unsigned update_evaluate(const struct zone_version *v, const struct request *q, const uint8_t *msg, size_t n,
    const struct update_policy *policy, int64_t now_s, struct changeset *changes, char *reason, size_t reason_size);

#endif

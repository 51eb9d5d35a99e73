/* acme/blame.h -- whose fault a failed order is, and when another may have more luck.
 *
 * The schedule acts on it: what is the CA's fault may be tried at another CA, what is the host's would fail there, too;
 * what can never work waits for another CSR or another configuration. */
#ifndef ACME_BLAME_H
#define ACME_BLAME_H

#include <stdbool.h>

#include "base/err.h"

enum acme_blame {
	BLAME_NONE,		/* no failure, or one that we wanted (ERR_CANCELLED) */
	BLAME_HOST,		/* the CSR, the names, their DNS */
	BLAME_CA,		/* not there, not well, or not speaking ACME; and the way to it */
	BLAME_LOCAL,		/* our account, configuration, memory, disk */
	BLAME_LIMIT		/* the CA's rate limits */
};
enum acme_again {
	AGAIN_SOON,		/* may pass by itself within minutes */
	AGAIN_LATER,		/* within hours, or once someone did something */
	AGAIN_NEVER		/* the same request can never work there */
};
struct acme_cause {
	enum acme_blame blame;
	enum acme_again again;
};

/* Of an error of ours, or of the network (ERR_NETWORK, ERR_TIMEOUT, ERR_PEER are the CA's). */
struct acme_cause acme_cause_of_err(enum err err);

/* Of a problem (RFC 8555, section 6.7; RFC 9773; draft-aaron-acme-profiles): type as in the document, with or without
 * the urn; NULL or unknown: what the HTTP status says (0: none).  proof: it came with a challenge or an authorization,
 * where "unauthorized" is the host's fault and not our account's. */
struct acme_cause acme_cause_of_problem(const char *type, long status, bool proof);

/* "rateLimited" of "urn:ietf:params:acme:error:rateLimited"; anything else unchanged. */
const char *acme_problem_short(const char *type);

#endif

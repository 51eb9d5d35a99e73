/* acme/problem.h -- what an ACME server says when it says no: a problem document (RFC 7807, RFC 8555, section 6.7),
 * read whole.  The type decides what we do; everything else is for people. */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include <jansson.h>

#include "base/buf.h"

struct acme_reply;

/* RFC 8555, section 6.7; RFC 9773, section 7.4; draft-ietf-acme-profiles. */
enum acme_problem_type {
	PROBLEM_OTHER,			/* none of these, or no problem document */
	PROBLEM_ACCOUNT_DOES_NOT_EXIST, PROBLEM_ALREADY_REPLACED, PROBLEM_ALREADY_REVOKED, PROBLEM_BAD_CSR,
	PROBLEM_BAD_NONCE, PROBLEM_BAD_PUBLIC_KEY, PROBLEM_BAD_REVOCATION_REASON, PROBLEM_BAD_SIGNATURE_ALGORITHM,
	PROBLEM_CAA, PROBLEM_COMPOUND, PROBLEM_CONNECTION, PROBLEM_DNS, PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
	PROBLEM_INCORRECT_RESPONSE, PROBLEM_INVALID_CONTACT, PROBLEM_INVALID_PROFILE, PROBLEM_MALFORMED,
	PROBLEM_ORDER_NOT_READY, PROBLEM_RATE_LIMITED, PROBLEM_REJECTED_IDENTIFIER, PROBLEM_SERVER_INTERNAL,
	PROBLEM_TLS, PROBLEM_UNAUTHORIZED, PROBLEM_UNSUPPORTED_CONTACT, PROBLEM_UNSUPPORTED_IDENTIFIER,
	PROBLEM_USER_ACTION_REQUIRED
};

struct acme_problem {			/* borrows from the JSON that it was read from */
	enum acme_problem_type type;
	const char *urn;		/* as it came; NULL: none (about:blank) */
	const char *detail, *instance;	/* NULL where absent */
	long status;			/* 0 where absent */
	const json_t *algorithms;	/* badSignatureAlgorithm: those that the server takes; an array, or NULL */
	const json_t *subproblems;	/* an array, or NULL; acme_problem_of() reads each */
	const char *identifier;		/* of a subproblem: the name it is about; NULL where absent */
};

/* A problem within another object (an order's or a challenge's "error", a subproblem); NULL gives PROBLEM_OTHER. */
struct acme_problem acme_problem_of(const json_t *json);

/* All that it says, subproblems included, appended to words; NULL gives nothing. */
void acme_problem_print(const json_t *problem, struct buf *words);

/* The kind of an answer of 4xx or 5xx, and its words appended: a body that is no problem document gives PROBLEM_OTHER
 * and its HTTP status.  With userActionRequired come the URLs that the user is to look at. */
enum acme_problem_type acme_problem_read(const struct acme_reply *r, struct buf *words);

/* The answer's problem document, which is the caller's (json_decref()); NULL: it has none. */
json_t *acme_problem_load(const struct acme_reply *r);

#endif

/* acme/persist.h -- standing records of dns-persist-01, kept right: made when an order first needs one, corrected when
 * account, CA or policy are others, given a later end in time, and removed when no CSR needs them any more or the
 * authority no longer prefers them.
 *
 * They are lasting records like any that an operator writes, in git where the zone is: who reads the zone sees who may
 * have certificates.  What we made is remembered, word for word, and only that, and records with the CA's issuer and
 * our own account, are ever changed.  An operator's own record that says what is needed is used as it is. */
#ifndef ACME_PERSIST_H
#define ACME_PERSIST_H

#include "acme/authority.h"
#include "acme/challenge.h"
#include "acme/delegation.h"
#include "acme/port.h"

struct acme_persist;
struct acme_persist_need;

/* With all that is remembered; authorities is borrowed, may be filled later.  *out is the caller's:
 * acme_persist_free(), which changes no record, and after which no done() comes.  ERR_NOMEM. */
enum err acme_persist_new(struct acme_port *port, struct event_base *base, struct acme_authorities *authorities,
    struct acme_persist **out);
void acme_persist_free(struct acme_persist *p);

/* text: of the record that is there; valid during the call. */
typedef void acme_persist_done(void *arg, enum err err, const char *words, const char *text);

struct acme_persist_request {			/* copied */
	const struct acme_standing *want;
	const struct acme_delegation *way;	/* from want->owner to the record */
	const char *authority;			/* name */
	const uint8_t *user;			/* owner of the CSR */
	acme_persist_done *done;
	void *arg;
};

/* See to it that there is such a record.  done comes later, exactly once, unless cancelled; *out is gone then.
 * ERR_NOMEM. */
enum err acme_persist_require(struct acme_persist *p, const struct acme_persist_request *r,
    struct acme_persist_need **out);
void acme_persist_cancel(struct acme_persist_need *n);	/* takes NULL */

/* The CSR at owner may be another one, or gone: look soon whether it still needs what it needed. */
void acme_persist_look(struct acme_persist *p, const uint8_t *owner);

/* All that is kept, as if so much time had come: what a timer does now and then. */
void acme_persist_review(struct acme_persist *p, int64_t now_s);

#endif

/* acme/publication.h -- where the records of one order go: each to where its challenge is delegated
 * (acme/delegation.h).  Putting them there is acme/records.h. */
#ifndef ACME_PUBLICATION_H
#define ACME_PUBLICATION_H

#include "acme/delegation.h"
#include "acme/order.h"
#include "acme/persist.h"
#include "acme/port.h"
#include "acme/records.h"

struct acme_publication;

struct acme_publication_setup {		/* pointers are borrowed for its life */
	struct acme_port *port;
	struct acme_resolve *resolve;	/* may be NULL */
	struct event_base *base;
	struct acme_persist *persist;	/* for standing records */
	const char *authority;		/* name */
	const uint8_t *csr;		/* its owner */
};

/* ERR_NOMEM.  *out is the caller's: acme_publication_free(), after which no done() comes. */
enum err acme_publication_new(const struct acme_publication_setup *setup, struct acme_publication **out);
void acme_publication_free(struct acme_publication *p);

/* As far as can be told here: is there a place for the record of this challenge?  For struct acme_challenge_means. */
bool acme_publication_possible(const struct acme_outside *outside, const struct acme_choice *c);

typedef void acme_publication_done(void *arg, enum err err, const char *words);

/* Find the places for what o has to publish now, and see to its standing records there.  done comes exactly once,
 * later. */
void acme_publication_find(struct acme_publication *p, const struct acme_order *o, acme_publication_done *done,
    void *arg);

/* What was found so far: the records to put, and, for who looks whether they are visible, the way to each. */
const struct acme_records *acme_publication_records(const struct acme_publication *p);
const struct acme_proof *acme_publication_proofs(const struct acme_publication *p, size_t *n);

#endif

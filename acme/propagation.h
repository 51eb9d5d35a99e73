/* acme/propagation.h -- are the challenge records visible on every name server that the CA may ask (DESIGN.md,
 * promise 4)?
 *
 * Our own listeners count from the snapshot; every other server is asked again and again, less and less often, until it
 * shows all values of an owner or the time is over. */
#ifndef ACME_PROPAGATION_H
#define ACME_PROPAGATION_H

#include "acme/delegation.h"
#include "acme/port.h"

struct acme_propagation;

/* ERR_OK: all are visible everywhere.  ERR_TIMEOUT: words name the server that lagged and what it said last. */
typedef void acme_propagation_done(void *arg, enum err err, const char *words);

/* proofs are borrowed until the check is freed.  done comes exactly once, later, unless the check is freed before; after it *out is still the
 * caller's, to free.  ERR_NOMEM: *out is untouched. */
enum err acme_propagation_start(struct acme_port *port, struct event_base *base, const struct acme_proof *proofs, size_t n,
    unsigned timeout_s, acme_propagation_done *done, void *arg, struct acme_propagation **out);
void acme_propagation_free(struct acme_propagation *p);

/* "waiting for ns2.example.com to show the challenge for www.example.com"; valid until the next call. */
const char *acme_propagation_step(struct acme_propagation *p);

/* Does a response hold all the values of those proofs whose way ends at owner?  NULL: yes; else what is missing, in words.  For msg that may be
 * anything (tests, fuzzing). */
const char *acme_txt_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const struct acme_proof *proofs,
    size_t nproofs);

/* The same for an alias on the way. */
const char *acme_alias_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const uint8_t *target);

#endif

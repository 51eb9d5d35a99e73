/* acme/propagation.h -- are the challenge records visible to a CA?
 *
 * Where they must be seen is chosen by zone: here (always), on every name server that the CA may ask, at every resolver
 * of the configuration.  Each place is asked again and again, less and less often, until it shows all values of a name,
 * or the time is over.  Resolvers come last: one that is asked too early remembers that there was nothing. */
#ifndef ACME_PROPAGATION_H
#define ACME_PROPAGATION_H

#include "acme/delegation.h"
#include "acme/port.h"
#include "acme/resolve.h"

struct acme_propagation;

struct acme_propagation_setup {		/* pointers are borrowed for the life of the check */
	struct acme_port *port;
	struct acme_resolve *resolve;	/* may be NULL */
	struct event_base *base;
	const struct acme_proof *proofs;
	size_t n;
	unsigned timeout_s;
};

/* ERR_OK: all are visible everywhere.  ERR_TIMEOUT: words name who lagged or was silent, and what each said last.
 * ERR_NOMEM. */
typedef void acme_propagation_done(void *arg, enum err err, const char *words);

/* done comes exactly once, later, unless the check is freed before; after it *out is still the caller's, to free.
 * ERR_NOMEM: *out is untouched. */
enum err acme_propagation_start(const struct acme_propagation_setup *setup, acme_propagation_done *done, void *arg,
    struct acme_propagation **out);
void acme_propagation_free(struct acme_propagation *p);

/* "waiting for ns2.example.com (192.0.2.2) to show the challenge for www.example.com"; valid until the next call. */
const char *acme_propagation_step(struct acme_propagation *p);

/* Does a response hold all these TXT values at owner, or where CNAMEs in it lead from there?  NULL: yes; else what is
 * missing, in words.  *cached_s: for so long a cache may say the same again.  For msg that may be anything (tests,
 * fuzzing). */
const char *acme_txt_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const char *const *values,
    size_t nvalues, uint32_t *cached_s);

/* The same for owner being an alias of target. */
const char *acme_alias_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const uint8_t *target);

/* The character-strings of a TXT rdata joined: are they value? */
bool acme_txt_is(const uint8_t *rdata, size_t n, const char *value);

#endif

/* acme/delegation.h -- where the record of a challenge really goes.
 *
 * A CA asks for one name, _acme-challenge.<host> or the like, and follows what it finds there as any resolver does:
 * CNAME, also by a wildcard, DNAME, zone cuts.  So does this: through our zones at once, and beyond them by asking
 * resolvers, where the configuration allows it.  The end must be in a zone that we may change, here or at its primary
 * elsewhere.
 *
 * A wildcard CNAME that catches the name is followed when its end is ours; else the record goes to the name itself, as
 * if the wildcard were not there (RFC 4592, section 2.2.1). */
#ifndef ACME_DELEGATION_H
#define ACME_DELEGATION_H

#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/csr.h"
#include "acme/resolve.h"

#define ACME_HOPS_MAX 16		/* resolvers give up earlier than that */

struct acme_hop {			/* name is an alias of target */
	struct dname name, target;
	struct dname zone;		/* that says so, when ours */
	bool ours;
};

struct acme_delegation {
	struct dname owner;		/* where the record goes, */
	struct dname zone;		/* and the apex of our zone that this is in */
	struct acme_hop *hops;
	unsigned nhops;
	bool frozen;	/* that zone may not be changed: what stands there already will do, or nothing */
};
void acme_delegation_clear(struct acme_delegation *d);

/* A record that a CA shall find, and where. */
struct acme_proof {
	struct dname name;			/* that the CA asks for */
	struct acme_delegation way;		/* to the record */
	char *value;
};

/* Through our zones only.  f, when it is refused, names the chain, and what an operator can do.
 * ERR_OK: *out is the caller's, acme_delegation_clear(); else there is nothing to clear.
 * ERR_NOMEM.
 * ERR_NOT_FOUND: the end is in none of our zones, or delegated to servers elsewhere; f says so.
 * ERR_REFUSED: it ends in a zone of ours that may not be changed.
 * ERR_RANGE: a circle, too many aliases, too long a name. */
enum err acme_delegation_find(const struct acme_outside *outside, const uint8_t *name, struct acme_delegation *out,
    struct fault *f);

/* The same; a standing record's way may end in a zone that may not be changed. */
enum err acme_delegation_find_for(const struct acme_outside *outside, enum acme_challenge_type type,
    const uint8_t *name, struct acme_delegation *out, struct fault *f);

/* Could one of the challenges that are preferred be answered for name (which may begin with "*."), as far as can be
 * told without asking anybody?  may_ask: names elsewhere may turn out to lead to us.  m->account may be NULL, when it
 * is not known yet.  ERR_REFUSED, ERR_RANGE with words for the operator. */
enum err acme_delegation_judge(const struct acme_outside *outside, const struct acme_challenge_means *m, bool may_ask,
    const char *name, struct fault *f);

/* The challenge names of those names of a CSR about which only resolvers can tell; free() *out.  None where several
 * kinds of challenges are preferred: it depends on the CA which one it will be.  ERR_NOMEM: *out is NULL. */
enum err acme_delegation_elsewhere(const struct acme_outside *outside, const struct acme_challenge_means *m,
    const struct acme_names *names, struct dname **out, size_t *n);

/* The same as acme_delegation_find() for many names, and beyond our zones where resolve allows it (NULL: it does
 * not). */
struct acme_delegation_search;

/* found: as many as names, in their order, to be taken (and zeroed) or left; when err is not ERR_OK none, and words. */
typedef void acme_delegation_done(void *arg, enum err err, struct acme_delegation *found, const char *words);

/* Those of the names from nchanging on are of standing records: their way may end in a zone that may not be changed.
 * names are copied.  done comes exactly once, later; after it *out is still the caller's, to free.  Freed before, it
 * never comes.  ERR_NOMEM. */
enum err acme_delegation_start(const struct acme_outside *outside, struct acme_resolve *resolve,
    struct event_base *base, const struct dname *names, size_t n, size_t nchanging, acme_delegation_done *done,
    void *arg, struct acme_delegation_search **out);
void acme_delegation_search_free(struct acme_delegation_search *s);

/* What the answer to a question for the CNAME of name says it is an alias of; a chain goes on with what our zones say
 * and the next question, not with what else stands in it.  False: it is none.  For msg that may be anything (tests,
 * fuzzing). */
bool acme_delegation_alias(const uint8_t *msg, size_t n, const uint8_t *name, struct dname *out);

#endif

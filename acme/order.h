/* acme/order.h -- one certificate order (RFC 8555, section 7.4), from the names of a CSR to the chain.
 *
 * An order never blocks and sees no socket: give it what came and it says what it wants next.  acme/task.c joins it to
 * the event loop.  Every way, also of failure, ends in ACME_FINISHED, and before that in ACME_UNPUBLISH when
 * a challenge record may have been published. */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "acme/blame.h"
#include "acme/chain.h"
#include "acme/challenge.h"
#include "acme/csr.h"
#include "acme/reply.h"
#include "wire/dname.h"

enum acme_want {
	ACME_POST,		/* acme_order_payload() to acme_order_url(); then acme_order_reply() */
	ACME_PUBLISH,		/* all of acme_order_txts(); then acme_order_published() */
	ACME_CHECK,		/* are they visible everywhere? then acme_order_checked() */
	ACME_SLEEP,		/* acme_order_delay_ms(); then acme_order_slept() */
	ACME_UNPUBLISH,		/* remove all of acme_order_txts(); then acme_order_unpublished() */
	ACME_FINISHED		/* see acme_order_result() */
};

struct acme_order;			/* private to acme/order.c */

struct acme_order_setup {		/* borrowed for the life of the order */
	const struct acme_csr *csr;
	const char *new_order;		/* URL */
	struct acme_challenge_means means;	/* what is preferred, and the account */
	const char *profile;		/* draft-aaron-acme-profiles; NULL: the CA's default */
	const json_t *profiles;	/* that the CA offers: an object, or NULL.  Only looked at in acme_order_start(). */
	const char *replaces;		/* the certificate that is renewed (RFC 9773, section 5); or NULL */
	const char *preferred_chain;	/* common name of the issuer at its top; NULL: the CA's default */
	const char *resume;		/* URL of an order that was placed before; NULL: place one */
	bool leftovers;	/* records of an earlier life may be published: ACME_UNPUBLISH comes in any case */
	int64_t now_s;			/* of day */
	int64_t now_ms;			/* any clock that never jumps; the same for all calls */
	unsigned limit_ms;		/* the order is given up after this long */
};

/* *out is the caller's: acme_order_free().  ERR_NOMEM. */
enum err acme_order_new(const struct acme_order_setup *setup, struct acme_order **out);
void acme_order_free(struct acme_order *o);

enum acme_want acme_order_start(struct acme_order *o);
/* Account and directory may have changed since; borrowed as in the setup. */
void acme_order_use(struct acme_order *o, struct acme_challenge_means means);
enum acme_want acme_order_reply(struct acme_order *o, const struct acme_reply *r, int64_t now_ms);
enum acme_want acme_order_published(struct acme_order *o, enum err err, const char *words);
enum acme_want acme_order_checked(struct acme_order *o, enum err err, const char *words);
enum acme_want acme_order_slept(struct acme_order *o);
enum acme_want acme_order_unpublished(struct acme_order *o);

/* Give up; nothing may be under way outside but what the caller has cancelled. */
enum acme_want acme_order_abort(struct acme_order *o, enum err err, const char *words);

const char *acme_order_url(const struct acme_order *o);
const char *acme_order_payload(const struct acme_order *o);	/* NULL: POST-as-GET */
unsigned acme_order_delay_ms(const struct acme_order *o);

/* The passing challenge records of this order so far. */
struct acme_txt {
	struct dname owner;		/* _acme-challenge.<name>, or below it */
	char value[44];
};
const struct acme_txt *acme_order_txts(const struct acme_order *o, size_t *n);

/* The standing ones that it wants to find. */
const struct acme_standing *acme_order_standing(const struct acme_order *o, size_t *n);

/* The order's own URL, once the CA has given one; it is another one when an order that was to be taken up again is no
 * longer there, and a new one was placed. */
const char *acme_order_location(const struct acme_order *o);

/* What is being done, in words. */
const char *acme_order_step(const struct acme_order *o);

struct acme_order_result {		/* borrowed */
	enum err err;
	const char *words;		/* why not, with all that the CA said */
	int64_t retry_after_s;		/* what the CA asked for; -1: nothing */
	struct acme_cause cause;
	const char *problem;		/* type of the CA's problem, without the urn: "rateLimited"; "": none */
	bool resumable;	/* failed, but the order may still be there at the CA: go on from its URL later */
	struct acme_chain *chain;	/* verified: the leaf answers the CSR; may be taken (and zeroed) */
};
struct acme_order_result acme_order_result(struct acme_order *o);

#endif

/* acme/order_internal.h -- shared by the files of one order, and by nobody else:
 *
 *   order.c            the machine: order object, finalization, replies in general
 *   order_step.c       requests, waiting, endings
 *   authorization.c    what is to be proved, and the challenges that prove it
 *   order_result.c     fetching the certificate and judging it
 *
 * The way of an order, one function per reply:
 *
 *   on_new_order -> on_order --pending--> on_authorization (each) -> PUBLISH -> CHECK -> on_challenge (each)
 *        ^             |  ^                                                                  |
 *        |           ready '------------------- on_poll (each authorization) <---------------'
 *        |             '--> on_finalize -> on_order ... valid -> on_certificate
 *
 * After a failure that may pass (no answer, HTTP 5xx) the order sleeps and goes on from its URL at on_order: whatever
 * had been done is then found done.  So an order is also taken up again after a restart, or after a failure that kept
 * it from its end but not the CA from keeping it. */
#ifndef ACME_ORDER_INTERNAL_H
#define ACME_ORDER_INTERNAL_H

#include "acme/order.h"

struct authorization {
	char *url, *challenge;		/* challenge: URL; NULL: nothing to prove */
	char *name;
	bool respond;			/* the CA waits for our word */
};

typedef enum acme_want on_reply_fn(struct acme_order *o, const struct acme_reply *r);

struct acme_order {
	struct acme_order_setup setup;
	int64_t deadline_ms, now_ms;
	on_reply_fn *on_reply;			/* the state: what takes the next reply */
	char *url, *payload;			/* of the next POST */
	char *order_url;
	struct authorization *authorizations;
	size_t nauthorizations, at;
	bool placed_anew;			/* what was there before is gone at the CA */
	struct acme_txt *txts;
	size_t ntxts;
	struct acme_standing *standing;
	size_t nstanding;
	bool publish_tried, unpublishing;
	bool resuming;			/* the order's URL is of an earlier life, and has not answered yet */
	bool finalized;			/* the CA has taken the CSR */
	bool dead;			/* the CA's last word on the order was no */
	char **alternates;		/* URLs of other chains that are still to be looked at */
	size_t nalternates, alternate;
	unsigned failures, polls;
	unsigned stale;				/* how often the order was still ready after that */
	unsigned delay_ms;
	char step[512];			/* what is being done, in words */
	enum err err;
	struct buf words;
	struct acme_cause cause;
	bool resumable;
	char *problem;			/* type of the CA's problem; NULL: none */
	int64_t retry_after_s;
	struct acme_chain chain;
};

/* --- order_step.c --- */

void order_step(struct acme_order *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The end: good, or for the first reason that was given.  In order_fail_because() the cause is the caller's to say,
 * else it follows from err. */
enum acme_want order_finish(struct acme_order *o);
enum acme_want order_fail(struct acme_order *o, enum err err, const char *words);
enum acme_want order_fail_because(struct acme_order *o, struct acme_cause cause, enum err err, const char *words);
enum acme_want order_fail_nomem(struct acme_order *o);

/* The type of a problem, for the result; a failure must follow at once. */
void order_note_problem(struct acme_order *o, const char *type);

/* Of the host's proof, or of the order as a whole.  what: "the CA refuses the order"; name and problem may be NULL. */
enum acme_want order_fail_problem(struct acme_order *o, const char *what, const char *name, const json_t *problem);

/* next takes the reply.  payload NULL: POST-as-GET. */
enum acme_want order_post(struct acme_order *o, const char *url, const char *payload, on_reply_fn *next);
enum acme_want order_get(struct acme_order *o, const char *url, on_reply_fn *next);

/* Ask the same again later: after what the CA says, else after longer and longer (nth counts). */
enum acme_want order_sleep_then_get(struct acme_order *o, const char *url, on_reply_fn *next, unsigned nth,
    int64_t retry_after_s);

/* --- order.c --- */

on_reply_fn order_on_order;

/* --- authorization.c --- */

enum acme_want order_prove(struct acme_order *o, const struct acme_order_object *object);

/* --- order_result.c --- */

on_reply_fn order_on_certificate, order_on_alternate;

/* An alternate chain cannot be fetched: go on without it. */
enum acme_want order_pass_alternate(struct acme_order *o);

#endif

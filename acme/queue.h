/* acme/queue.h -- whose turn it is: a bounded number of orders at a time and authority, the urgent ones first.
 *
 * Each authority has a list for each class, so that one that is down, or at its limit, holds up nobody but those who
 * wait for it.  An authority that has failed for two hosts in a row gets one order now and then, until one succeeds. */
#ifndef ACME_QUEUE_H
#define ACME_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "acme/authority.h"

struct acme_host;

enum acme_class {
	ACME_CLASS_URGENT,		/* renewals of what has expired or is about to */
	ACME_CLASS_NEW,
	ACME_CLASS_RENEWAL		/* there is time */
};
#define ACME_CLASSES 3

struct acme_turn {
	TAILQ_ENTRY(acme_turn) entry;
	struct acme_host *host;
	struct acme_authority *at;	/* NULL: it does not wait */
	enum acme_class class;
	bool exempt;			/* from the CA's limits */
};
TAILQ_HEAD(acme_turns, acme_turn);

struct acme_queue {
	struct acme_turns lists[ACME_AUTHORITIES_MAX][ACME_CLASSES][2];	/* 1: exempt */
	struct acme_authorities *authorities;
	unsigned most;			/* orders at a time at each authority: one that is slow holds up nobody else */
	struct event *wake;		/* when somebody can go on, at the latest */
	int64_t reconsidered_ms;
	bool busy, again;		/* in acme_queue_run(); somebody came meanwhile */
};

struct event_base;
enum err acme_queue_init(struct acme_queue *q, struct acme_authorities *authorities, unsigned most,
    struct event_base *base);
void acme_queue_clear(struct acme_queue *q);

/* At the end of its list; a host that waits already leaves its place.  acme_host_start() is called, perhaps at once. */
void acme_queue_put(struct acme_queue *q, struct acme_host *h, struct acme_authority *at, enum acme_class class,
    bool exempt);

/* As the operator wants it: at once, ahead of all others, and whether or not the authority seems to work.  False, and
 * nothing is done, where the authority itself wants us to wait, or as much runs as may. */
bool acme_queue_jump(struct acme_queue *q, struct acme_host *h, struct acme_authority *at, bool exempt);
void acme_queue_leave(struct acme_queue *q, struct acme_host *h);

/* Why a host waits, in words. */
const char *acme_queue_reason(const struct acme_host *h);

/* Those who wait for at, which fails perhaps, may have got a better one. */
void acme_queue_reconsider(struct acme_queue *q, struct acme_authority *at);

/* Start whoever can start.  To be called when an order ends and when an authority changes. */
void acme_queue_run(struct acme_queue *q);

#endif

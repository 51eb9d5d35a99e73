/* acme/renewal.h -- the plan for one certificate in place: when it is renewed, and when the CA is asked about that.
 *
 * Without I/O and without a clock: whoever drives it gives the time, and random numbers.  All times are of the wall
 * clock, since that is what certificates and windows are made of; acme_renewal_now_s() makes them bear a wrong one. */
#ifndef ACME_RENEWAL_H
#define ACME_RENEWAL_H

#include <jansson.h>
#include <stdbool.h>

#include "acme/ari.h"
#include "acme/schedule.h"

struct acme_renewal {
	char id[ACME_ARI_ID_SIZE];	/* "": the CA cannot be asked */
	struct acme_lifetime life;	/* both 0: no certificate */
	int64_t issued_s;		/* when we got it; 0: it was there before us */
	struct acme_ari_window window;
	int64_t chosen_s;		/* in it */
	int64_t poll_s;			/* when to ask */
	unsigned poll_failures;		/* in a row */
};

/* The certificate in place is this one.  For another than before the plan begins anew: with a question to the CA at
 * once when it was just issued, else within some minutes by random (any number).  True: it was another. */
bool acme_renewal_begin(struct acme_renewal *r, const char *id, const struct acme_lifetime *life, bool issued,
    uint32_t random, int64_t now_s);

int64_t acme_renewal_now_s(const struct acme_renewal *r, int64_t now_s);

/* When to renew: at the chosen instant, or else by acme_renewal_s(); in any case while a tenth of the lifetime is left.
 * Compare it with acme_renewal_now_s(). */
int64_t acme_renewal_due_s(const struct acme_renewal *r, uint32_t salt);

/* When to ask the CA; INT64_MAX: never (it has expired, or has no name). */
int64_t acme_renewal_poll_s(const struct acme_renewal *r, int64_t now_s);

/* What it said (RFC 9773, section 4.3).  A new window gets a new instant; true: so it is.  random is evenly
 * distributed. */
bool acme_renewal_window(struct acme_renewal *r, const struct acme_ari_window *w, int64_t retry_after_s,
    uint64_t random, int64_t now_s);

/* It did not.  passing: an error that may pass within minutes. */
void acme_renewal_poll_failed(struct acme_renewal *r, bool passing, int64_t retry_after_s, uint32_t random,
    int64_t now_s);

/* As JSON members of an object, and back; what is not there stays 0. */
void acme_renewal_save(const struct acme_renewal *r, json_t *to);
void acme_renewal_load(struct acme_renewal *r, const json_t *from);

/* A number that was kept: a time, or a small count.  0 for what cannot be one. */
int64_t acme_kept_number(const json_t *value);

#endif

/* acme/schedule.h -- when to try again and when to renew: arithmetic without a clock. */
#ifndef ACME_SCHEDULE_H
#define ACME_SCHEDULE_H

#include <stdint.h>

/* Seconds to wait after the failures-th failure in a row (1, 2, ...): first, ten times that, a hundred times, and so on
 * to most (as Let's Encrypt's integration guide asks), an eighth more or less by random (any number), so that what
 * failed together does not come back together.  left_s is what is left of the certificate in place (0: there is none):
 * the wait is at most an eighth of it, but not shorter than first.  retry_after_s is what the CA asked for (-1:
 * nothing) and wins when longer. */
int64_t acme_backoff_s(unsigned failures, unsigned first_s, unsigned most_s, uint32_t random, int64_t left_s,
    int64_t retry_after_s);

struct acme_lifetime {
	int64_t not_before_s, not_after_s;
};

/* When to renew without advice of the CA: once two thirds of the lifetime are over, or half of one below ten days, and
 * up to a hundredth of it later by salt (the same for the same host), so that a thousand hosts of one day are not
 * renewed in one second. */
int64_t acme_renewal_s(const struct acme_lifetime *life, uint32_t salt);

/* The time by which the age of a certificate is told.  now_s, but where our clock was wrong already when we got it (at
 * issued_s, by that clock; 0: not known): then as long after its beginning as we have had it.  So a wrong clock costs
 * no order after the first. */
int64_t acme_lifetime_now_s(const struct acme_lifetime *life, int64_t issued_s, int64_t now_s);

#endif

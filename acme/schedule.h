/* acme/schedule.h -- when to try again and when to renew: arithmetic without a clock. */
#ifndef ACME_SCHEDULE_H
#define ACME_SCHEDULE_H

#include <stdint.h>

#include "acme/csr.h"

/* Seconds to wait after the failures-th failure in a row (1, 2, ...): first doubled each time, at most most, an eighth
 * more or less by random (any number), so that what failed together does not come back together.  retry_after_s is what
 * the CA asked for (-1: nothing) and wins when longer. */
int64_t acme_backoff_s(unsigned failures, unsigned first_s, unsigned most_s, uint32_t random, int64_t retry_after_s);

/* When to look at a good certificate again: once less than a third of its lifetime is left, and up to a hundredth of it
 * later by salt (the same for the same host), so that a thousand hosts of one day are not renewed in one second. */
int64_t acme_renewal_s(const struct acme_certificate *c, uint32_t salt);

#endif

/* acme/bucket.h -- token buckets: how often something may be done, before the CA has to say so.
 *
 * A bucket of n tokens that fills again in per_s seconds, one token after the other, as CAs do it: what it is worth is
 * one number, the time when it will be full.  Times are monotonic here, so that a changed clock neither fills nor
 * empties one; those that are kept are of the wall clock. */
#ifndef ACME_BUCKET_H
#define ACME_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct acme_rate {
	unsigned n, per_s;		/* n 0: no limit */
};

/* How long until a token is there; 0: now.  full_ms is the bucket: 0 at first. */
int64_t acme_rate_wait_ms(const struct acme_rate *rate, int64_t full_ms, int64_t now_ms);

/* The bucket after a token was taken, whether it was there or not; never emptier than empty. */
int64_t acme_rate_take(const struct acme_rate *rate, int64_t full_ms, int64_t now_ms);

/* ---- the limits of a CA ---- */

enum acme_limit {
	ACME_LIMIT_ORDERS,		/* new orders of the account */
	ACME_LIMIT_ZONE,		/* certificates of a zone */
	ACME_LIMIT_NAMES,		/* certificates of one set of names */
	ACME_LIMIT_FAILURES		/* failed authorizations of a name */
};
#define ACME_LIMITS 4

struct acme_limits {
	struct acme_rate rates[ACME_LIMITS];
};
extern const struct acme_limits acme_limits_letsencrypt;	/* as published in August 2026 */

const char *acme_limit_str(enum acme_limit limit);		/* "orders", "zone", "names", "failures" */

/* "orders 300/3h"; sets one of out's.  ERR_FORMAT; ERR_EXISTS: that one is set already. */
enum err acme_limit_parse(const char *text, struct acme_limits *out);

/* Buckets of one account at one CA, by limit and key (a zone's apex, the names; "" for orders). */
struct acme_buckets;

/* changed (NULL: nobody cares) is called with each that changed, for whoever keeps them: full_s is of the wall
 * clock. */
typedef void acme_bucket_changed(void *arg, enum acme_limit limit, const char *key, int64_t full_s);
enum err acme_buckets_new(const struct acme_limits *limits, acme_bucket_changed *changed, void *arg,
    struct acme_buckets **out);
void acme_buckets_free(struct acme_buckets *b);

int64_t acme_buckets_wait_ms(const struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t now_ms);
void acme_buckets_take(struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t now_ms, int64_t now_s);

/* It was taken in vain. */
void acme_buckets_give_back(struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t now_ms,
    int64_t now_s);

/* One that was kept. */
void acme_buckets_restore(struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t full_s,
    int64_t now_ms, int64_t now_s);

/* Forget those that are full again; changed is told with full_s 0. */
void acme_buckets_sweep(struct acme_buckets *b, int64_t now_ms);

#endif

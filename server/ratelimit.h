/* server/ratelimit.h -- response rate limiting: how many answers of a kind a network gets each second over UDP, so that
 * forged requests do not make us flood their victim.  One table for all workers, of a fixed size: no locks, and no
 * allocation once it is there. */
#ifndef SERVER_RATELIMIT_H
#define SERVER_RATELIMIT_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct ratelimit;

enum ratelimit_kind {			/* each has buckets of its own */
	RATELIMIT_ANSWER, RATELIMIT_NODATA, RATELIMIT_REFERRAL, RATELIMIT_NXDOMAIN, RATELIMIT_ERROR
};

enum ratelimit_verdict {
	RATELIMIT_PASS,
	RATELIMIT_DROP,
	RATELIMIT_SLIP			/* answer with TC alone: a client who is no victim asks again over TCP */
};

enum err ratelimit_new(struct ratelimit **out);
void ratelimit_free(struct ratelimit *r);		/* takes NULL */

/* The kind of a response (with its header). */
enum ratelimit_kind ratelimit_kind_of(const uint8_t *response);

/* May peer's network (/24 of IPv4, /56 of IPv6) get another answer of this kind about this name (a hash of it)?  rate:
 * answers each second, not 0; so many may come at once.  slip: of so many that may not, up to 100, one slips; 0: none.
 * Any thread. */
enum ratelimit_verdict ratelimit_take(struct ratelimit *r, const struct sockaddr *peer, enum ratelimit_kind kind,
    uint32_t name, unsigned rate, unsigned slip, int64_t now_ms);

#endif

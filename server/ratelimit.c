/* A bucket is the time at which all that it was asked for would have been handed out at an even pace (the generic cell
 * rate algorithm): it may lie ahead by one second's worth, and what would take it further is refused.  With it in one
 * word, changed by compare and exchange, are some bits that tell whose bucket it is, and how many were refused.
 *
 * Buckets lie in sets of eight, which fill one line of the processor's cache.  Who has no bucket takes the one of his
 * set that fell behind most.  The hash has a random key, so that nobody can choose whose bucket he shares or takes. */
#include "server/ratelimit.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/siphash.h"
#include "wire/message.h"

#define WAYS 8
#define SETS 16384			/* 1 MiB in all */
#define LINE 64

/* From the top: 19 bits of the hash, 7 of refusals, 38 of time, which come around every three days. */
#define TAG_BITS 19
#define REFUSED_BITS 7
#define TIME_BITS (64 - TAG_BITS - REFUSED_BITS)
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define REFUSED_MASK ((UINT64_C(1) << REFUSED_BITS) - 1)
#define PER_MS 1024			/* of its units */
#define WINDOW (INT64_C(1000) * PER_MS)

typedef _Atomic uint64_t bucket;

struct ratelimit {
	bucket (*sets)[WAYS];
	void *memory;			/* that sets lie in; untouched, and so without cost, while there is no limit */
	uint8_t key[SIPHASH_KEY];
};

enum err
ratelimit_new(struct ratelimit **out)
{
	struct ratelimit *r = calloc(1, sizeof *r);

	if (r == NULL || (r->memory = calloc(1, SETS * sizeof *r->sets + LINE)) == NULL) {
		free(r);
		return ERR_NOMEM;
	}
	r->sets = (void *)(((uintptr_t)r->memory + LINE - 1) / LINE * LINE);
	random_fill(r->key, sizeof r->key);
	*out = r;
	return ERR_OK;
}

void
ratelimit_free(struct ratelimit *r)
{
	if (r == NULL)
		return;
	free(r->memory);
	free(r);
}

enum ratelimit_kind
ratelimit_kind_of(const uint8_t *response)
{
	unsigned flags = (unsigned)response[2] << 8 | response[3];

	if ((flags & 15) == RCODE_NXDOMAIN)
		return RATELIMIT_NXDOMAIN;
	if ((flags & 15) != RCODE_NOERROR)
		return RATELIMIT_ERROR;
	if (response[6] != 0 || response[7] != 0)
		return RATELIMIT_ANSWER;
	return (flags & FLAG_AA) != 0 ? RATELIMIT_NODATA : RATELIMIT_REFERRAL;
}

static uint64_t
hash(const struct ratelimit *r, const struct sockaddr *peer, enum ratelimit_kind kind, uint32_t name)
{
	uint8_t text[13] = { (uint8_t)kind, peer->sa_family == AF_INET6 };

	memcpy(text + 2, &name, sizeof name);
	if (peer->sa_family == AF_INET6)
		memcpy(text + 6, &((const struct sockaddr_in6 *)peer)->sin6_addr, 56 / 8);
	else
		memcpy(text + 6, &((const struct sockaddr_in *)peer)->sin_addr, 24 / 8);
	return siphash24(r->key, text, sizeof text);
}

/* How far a bucket lies ahead of now; less than 0: behind. */
static int64_t
ahead(uint64_t b, uint64_t now)
{
	const unsigned sign = 64 - TIME_BITS;

	return b == 0 ? INT64_MIN : (int64_t)(((b - now) & TIME_MASK) << sign) >> sign;
}

static bucket *
find(bucket set[WAYS], uint64_t tag, uint64_t now, uint64_t *value)
{
	bucket *oldest = NULL;
	int64_t least = INT64_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t b = atomic_load_explicit(&set[i], memory_order_relaxed);

		if (b != 0 && b >> (64 - TAG_BITS) == tag) {
			*value = b;
			return &set[i];
		}
		if (oldest == NULL || ahead(b, now) < least) {
			oldest = &set[i];
			least = ahead(b, now);
			*value = b;
		}
	}
	return oldest;
}

/* One more from a bucket that is so far ahead, and has refused so many: what becomes of both. */
static enum ratelimit_verdict
take(int64_t *debt, unsigned *refused, unsigned rate, unsigned slip)
{
	int64_t each = WINDOW / rate > 0 ? WINDOW / rate : 1;

	/* Further ahead than it can get: the clock was set back, or the time has come around. */
	if (*debt < 0 || *debt > WINDOW)
		*debt = 0;
	if (*debt + each <= WINDOW) {
		*debt += each;
		return RATELIMIT_PASS;
	}
	if (slip == 0)
		return RATELIMIT_DROP;
	*refused = (*refused + 1) % slip;
	return *refused == 0 ? RATELIMIT_SLIP : RATELIMIT_DROP;
}

enum ratelimit_verdict
ratelimit_take(struct ratelimit *r, const struct sockaddr *peer, enum ratelimit_kind kind, uint32_t name, unsigned rate,
    unsigned slip, int64_t now_ms)
{
	uint64_t h = hash(r, peer, kind, name), tag = h >> (64 - TAG_BITS) | 1, now = (uint64_t)now_ms * PER_MS,
	    old = 0;
	enum ratelimit_verdict verdict;
	unsigned refused = 0;
	int64_t debt = 0;
	bucket *b;

	do {
		b = find(r->sets[h % SETS], tag, now, &old);
		if (old != 0 && old >> (64 - TAG_BITS) == tag) {
			debt = ahead(old, now);
			refused = (unsigned)(old >> TIME_BITS & REFUSED_MASK);
		} else {
			debt = refused = 0;
		}
		verdict = take(&debt, &refused, rate, slip);
	} while (!atomic_compare_exchange_weak_explicit(b, &old,
	    tag << (64 - TAG_BITS) | (uint64_t)refused << TIME_BITS |
	    ((now + (uint64_t)debt) & TIME_MASK), memory_order_relaxed, memory_order_relaxed));
	return verdict;
}

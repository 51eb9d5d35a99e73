/* Buckets lie in sets of four, which fill one line of the processor's cache.  A network that has no bucket takes the one
 * of its set that was used the longest time ago.  The hash has a random key, so that nobody can choose whose bucket he
 * shares or takes.  Buckets hold tokens for one second. */
#include "server/ratelimit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/siphash.h"
#include "wire/message.h"

#define WAYS 4
#define SETS 16384			/* 1 MiB in all */
#define LINE 64

struct bucket {
	uint32_t tag;			/* of the network and kind: with the set, 46 bits of the hash */
	uint32_t second;		/* of the last answer; 0: never used */
	uint32_t tokens;
	uint32_t refused;		/* since it has this tag */
};

struct ratelimit {
	struct bucket (*sets)[WAYS];
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
hash(const struct ratelimit *r, const struct sockaddr *peer, enum ratelimit_kind kind)
{
	uint8_t text[9] = { (uint8_t)kind, peer->sa_family == AF_INET6 };

	if (peer->sa_family == AF_INET6)
		memcpy(text + 2, &((const struct sockaddr_in6 *)peer)->sin6_addr, 56 / 8);
	else
		memcpy(text + 2, &((const struct sockaddr_in *)peer)->sin_addr, 24 / 8);
	return siphash24(r->key, text, sizeof text);
}

static struct bucket *
find(struct bucket set[WAYS], uint32_t tag, unsigned rate)
{
	struct bucket *oldest = &set[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].tag == tag && set[i].second != 0)
			return &set[i];
		if (set[i].second < oldest->second)
			oldest = &set[i];
	}
	*oldest = (struct bucket){ .tag = tag, .tokens = rate };
	return oldest;
}

enum ratelimit_verdict
ratelimit_take(struct ratelimit *r, const struct sockaddr *peer, enum ratelimit_kind kind, unsigned rate, unsigned slip,
    int64_t now_s)
{
	uint64_t h = hash(r, peer, kind);
	struct bucket *b = find(r->sets[h % SETS], (uint32_t)(h >> 32), rate);

	if (b->second != (uint32_t)now_s || b->tokens > rate) {		/* a new second, or the limit was lowered */
		b->second = (uint32_t)now_s;
		b->tokens = rate;
	}
	if (b->tokens > 0) {
		b->tokens--;
		return RATELIMIT_PASS;
	}
	b->refused++;
	return slip > 0 && b->refused % slip == 0 ? RATELIMIT_SLIP : RATELIMIT_DROP;
}

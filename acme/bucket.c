#include "acme/bucket.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>


#define DAY_S 86400
#define CHAINS 1024

const struct acme_limits acme_limits_letsencrypt = { {
	[ACME_LIMIT_ORDERS] = { 300, 3 * 3600 },
	[ACME_LIMIT_ZONE] = { 50, 7 * DAY_S },
	[ACME_LIMIT_NAMES] = { 5, 7 * DAY_S },
	[ACME_LIMIT_FAILURES] = { 5, 3600 },
} };

static const char *const names[ACME_LIMITS] = { "orders", "zone", "names", "failures" };

const char *
acme_limit_str(enum acme_limit limit)
{
	return names[limit];
}

/* ---- one bucket ---- */

static int64_t
step_ms(const struct acme_rate *rate)
{
	return (int64_t)rate->per_s * 1000 / rate->n;
}

int64_t
acme_rate_wait_ms(const struct acme_rate *rate, int64_t full_ms, int64_t now_ms)
{
	int64_t wait_ms;

	if (rate->n == 0)
		return 0;
	wait_ms = full_ms + step_ms(rate) - (now_ms + (int64_t)rate->per_s * 1000);
	return wait_ms > 0 ? wait_ms : 0;
}

int64_t
acme_rate_take(const struct acme_rate *rate, int64_t full_ms, int64_t now_ms)
{
	int64_t most_ms = now_ms + (int64_t)rate->per_s * 1000;

	if (rate->n == 0)
		return 0;
	full_ms = (full_ms > now_ms ? full_ms : now_ms) + step_ms(rate);
	return full_ms < most_ms ? full_ms : most_ms;
}

/* ---- limits in text ---- */

static bool
number(const char **at, unsigned *out)
{
	char *end;
	unsigned long v = strtoul(*at, &end, 10);

	if (**at < '0' || **at > '9' || v == 0 || v > 1000000)
		return false;
	*at = end;
	*out = (unsigned)v;
	return true;
}

enum err
acme_limit_parse(const char *text, struct acme_limits *out)
{
	static const struct { char unit; unsigned s; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 },
	    { 'd', DAY_S },
		{ 'w', 7 * DAY_S } };
	struct acme_rate rate;

	for (size_t i = 0; i < ACME_LIMITS; i++) {
		size_t len = strlen(names[i]);
		const char *at = text + len + 1;

		if (strncmp(text, names[i], len) != 0 || text[len] != ' ')
			continue;
		if (out->rates[i].n != 0)
			return ERR_EXISTS;
		if (!number(&at, &rate.n) || *at++ != '/' || !number(&at, &rate.per_s))
			return ERR_FORMAT;
		for (size_t u = 0; u < sizeof units / sizeof *units; u++)
			if (*at == units[u].unit && at[1] == '\0' && rate.per_s <= 366u * DAY_S / units[u].s) {
				rate.per_s *= units[u].s;
				out->rates[i] = rate;
				return ERR_OK;
			}
	}
	return ERR_FORMAT;
}

/* ---- many ---- */

struct bucket {
	LIST_ENTRY(bucket) entry;
	enum acme_limit limit;
	int64_t full_ms;
	char key[];
};

struct acme_buckets {
	struct acme_limits limits;
	acme_bucket_changed *changed;
	void *arg;
	LIST_HEAD(, bucket) chains[CHAINS];
};

enum err
acme_buckets_new(const struct acme_limits *limits, acme_bucket_changed *changed, void *arg, struct acme_buckets **out)
{
	struct acme_buckets *b = calloc(1, sizeof *b);

	if (b == NULL)
		return ERR_NOMEM;
	b->limits = *limits;
	b->changed = changed;
	b->arg = arg;
	*out = b;
	return ERR_OK;
}

static void
bucket_free(struct bucket *x)
{
	LIST_REMOVE(x, entry);
	free(x);
}

void
acme_buckets_free(struct acme_buckets *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < CHAINS; i++)
		while (!LIST_EMPTY(&b->chains[i]))
			bucket_free(LIST_FIRST(&b->chains[i]));
	free(b);
}

static unsigned
chain_of(enum acme_limit limit, const char *key)
{
	uint32_t h = 2166136261u + (unsigned)limit;

	for (; *key != '\0'; key++)
		h = (h ^ (uint8_t)*key) * 16777619u;
	return h % CHAINS;
}

static struct bucket *
find(const struct acme_buckets *b, enum acme_limit limit, const char *key)
{
	struct bucket *x;

	LIST_FOREACH(x, &b->chains[chain_of(limit, key)], entry)
		if (x->limit == limit && strcmp(x->key, key) == 0)
			return x;
	return NULL;
}

int64_t
acme_buckets_wait_ms(const struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t now_ms)
{
	const struct bucket *x = find(b, limit, key);

	return x == NULL ? 0 : acme_rate_wait_ms(&b->limits.rates[limit], x->full_ms, now_ms);
}

/* Without memory the CA will have to say it. */
static struct bucket *
make(struct acme_buckets *b, enum acme_limit limit, const char *key)
{
	size_t n = strlen(key) + 1;
	struct bucket *x = find(b, limit, key);

	if (x != NULL || (x = calloc(1, sizeof *x + n)) == NULL)
		return x;
	x->limit = limit;
	memcpy(x->key, key, n);
	LIST_INSERT_HEAD(&b->chains[chain_of(limit, key)], x, entry);
	return x;
}

void
acme_buckets_take(struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t now_ms, int64_t now_s)
{
	struct bucket *x;

	if (b->limits.rates[limit].n == 0 || (x = make(b, limit, key)) == NULL)
		return;
	x->full_ms = acme_rate_take(&b->limits.rates[limit], x->full_ms, now_ms);
	if (b->changed != NULL)
		b->changed(b->arg, limit, key, now_s + (x->full_ms - now_ms) / 1000);
}

void
acme_buckets_give_back(struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t now_ms, int64_t now_s)
{
	struct bucket *x = find(b, limit, key);

	if (x == NULL || b->limits.rates[limit].n == 0)
		return;
	x->full_ms -= step_ms(&b->limits.rates[limit]);
	if (b->changed != NULL)
		b->changed(b->arg, limit, key, x->full_ms > now_ms ? now_s + (x->full_ms - now_ms) / 1000 : 0);
}

void
acme_buckets_restore(struct acme_buckets *b, enum acme_limit limit, const char *key, int64_t full_s, int64_t now_ms,
    int64_t now_s)
{
	int64_t left_s = full_s - now_s, most_s = b->limits.rates[limit].per_s;
	struct bucket *x;

	if (left_s <= 0 || b->limits.rates[limit].n == 0 || (x = make(b, limit, key)) == NULL)
		return;
	x->full_ms = now_ms + (left_s < most_s ? left_s : most_s) * 1000;
}

void
acme_buckets_sweep(struct acme_buckets *b, int64_t now_ms)
{
	struct bucket *x, *next;

	for (size_t i = 0; i < CHAINS; i++)
		for (x = LIST_FIRST(&b->chains[i]); x != NULL; x = next) {
			next = LIST_NEXT(x, entry);
			if (x->full_ms > now_ms)
				continue;
			if (b->changed != NULL)
				b->changed(b->arg, x->limit, x->key, 0);
			bucket_free(x);
		}
}

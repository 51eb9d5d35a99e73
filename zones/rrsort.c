/* A merge sort, bottom up: runs are sorted one by one, each by one thread; then neighbours are merged, round by round.
 * What a round writes is cut into as many pieces as there are threads; where a piece begins in the two runs that it is
 * merged from is found by bisection. */
#include "zones/rrsort.h"

#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"

#define RUN_MAX ((size_t)1 << 16)	/* RRs that are sorted by one thread at a time */
#define FEW 12				/* RRs that are sorted by insertion */

struct sorting {
	struct rr_order *from, *to;
	size_t n, run;			/* RRs; how many of them stand in order each time */
	size_t pieces;
};

/* Octet 254 and 255 of a label are alike here: nothing behind them may count. */
static bool
add_label(const uint8_t *label, uint8_t octets[16], unsigned *used)
{
	for (unsigned i = 1; i <= *label && *used < 16; i++) {
		uint8_t c = label[i] >= 'A' && label[i] <= 'Z' ? (uint8_t)(label[i] + 32) : label[i];

		octets[(*used)++] = c < 254 ? (uint8_t)(c + 1) : 255;
		if (c >= 254)
			return false;
	}
	return ++*used < 16;		/* a zero: the end of a label comes before all octets */
}

void
rr_order_key(const uint8_t *owner, const uint8_t *apex, uint64_t key[2])
{
	unsigned labels = dname_labels(owner), below = dname_labels(apex), used = 0;
	uint8_t octets[16] = { 0 };

	key[0] = key[1] = 0;
	if (labels < below || !dname_equal(dname_skip(owner, labels - below), apex)) {
		if (dname_compare(owner, apex) > 0)
			key[0] = key[1] = UINT64_MAX;	/* no name in the zone has that */
		return;
	}
	for (unsigned left = labels - below; left > 0; left--)
		if (!add_label(dname_skip(owner, left - 1), octets, &used))
			break;
	for (unsigned i = 0; i < 16; i++)
		key[i / 8] = key[i / 8] << 8 | octets[i];
}

static inline bool
comes_before(const struct rr_order *a, const struct rr_order *b)
{
	int d;

	if (a->key[0] != b->key[0])
		return a->key[0] < b->key[0];
	if (a->key[1] != b->key[1])
		return a->key[1] < b->key[1];
	if (a->rr->owner == b->rr->owner && a->rr->type != b->rr->type)
		return a->rr->type < b->rr->type;
	d = rr_compare(a->rr, b->rr);
	return d != 0 ? d < 0 : a->rr->ttl < b->rr->ttl;
}

static void
merge(const struct rr_order *a, const struct rr_order *a_end, const struct rr_order *b, const struct rr_order *b_end,
    struct rr_order *to)
{
	while (a < a_end && b < b_end)
		*to++ = comes_before(b, a) ? *b++ : *a++;
	if (a < a_end)
		memcpy(to, a, (size_t)(a_end - a) * sizeof *a);
	else if (b < b_end && b != to)
		memcpy(to, b, (size_t)(b_end - b) * sizeof *b);
}

static void
sort_few(struct rr_order *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct rr_order x = v[i];
		size_t k = i;

		for (; k > 0 && comes_before(&x, &v[k - 1]); k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* scratch has room for as many. */
static void
sort_run(struct rr_order *v, size_t n, struct rr_order *scratch)
{
	size_t half = n / 2;

	if (n <= FEW) {
		sort_few(v, n);
		return;
	}
	sort_run(v, half, scratch);
	sort_run(v + half, n - half, scratch);
	if (!comes_before(&v[half], &v[half - 1]))
		return;			/* as in what a server wrote */
	memcpy(scratch, v, half * sizeof *v);
	merge(scratch, scratch + half, v + half, v + n, v);
}

static void
sort_one_run(void *ctx, size_t i)
{
	const struct sorting *s = ctx;
	size_t at = i * s->run, n = s->n - at < s->run ? s->n - at : s->run;

	sort_run(s->from + at, n, s->to + at);
}

/* How many of the first k of a and b merged are from a. */
static size_t
split(const struct rr_order *a, size_t na, const struct rr_order *b, size_t nb, size_t k)
{
	size_t low = k > nb ? k - nb : 0, high = k < na ? k : na;

	while (low < high) {
		size_t middle = (low + high) / 2;

		/* Are more than middle of them from a?  If its next one comes before the last that b would give. */
		if (!comes_before(&b[k - middle - 1], &a[middle]))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Write the i-th piece of a round. */
static void
merge_piece(void *ctx, size_t i)
{
	const struct sorting *s = ctx;
	size_t at = s->n / s->pieces * i, end = i + 1 == s->pieces ? s->n : s->n / s->pieces * (i + 1);

	while (at < end) {
		size_t pair = at / (2 * s->run) * (2 * s->run);
		const struct rr_order *a = s->from + pair;
		size_t na = least(s->run, s->n - pair), nb = least(s->run, s->n - pair - na);
		size_t first = at - pair, last = least(end - pair, na + nb);
		size_t a1 = split(a, na, a + na, nb, first), a2 = split(a, na, a + na, nb, last);

		merge(a + a1, a + a2, a + na + (first - a1), a + na + (last - a2), s->to + at);
		at = pair + last;
	}
}

enum err
rr_order_sort(struct rr_order *v, size_t n, unsigned threads)
{
	struct sorting s = { .from = v, .n = n, .run = RUN_MAX, .pieces = threads };

	if (n <= FEW) {
		sort_few(v, n);
		return ERR_OK;
	}
	if ((s.to = malloc(n * sizeof *v)) == NULL)
		return ERR_NOMEM;
	parallel_run(threads, (n + RUN_MAX - 1) / RUN_MAX, sort_one_run, &s);
	for (; s.run < n; s.run *= 2) {
		struct rr_order *to = s.to;

		parallel_run(threads, s.pieces, merge_piece, &s);
		s.to = s.from;
		s.from = to;
	}
	if (s.from != v)
		memcpy(v, s.from, n * sizeof *v);
	free(s.from == v ? s.to : s.from);
	return ERR_OK;
}

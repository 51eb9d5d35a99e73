/* zones/rrsort.h -- sorting very many RRs: by rr_compare(), then TTL, then as they came.
 *
 * Comparing two names label by label from the end is slow, and a million of them need twenty million comparisons.  So
 * each RR gets a key, the first sixteen octets of what its owner has below the apex, top label first: where two keys
 * differ they stand in canonical order, and only where they do not the RRs themselves are looked at. */
#ifndef ZONES_RRSORT_H
#define ZONES_RRSORT_H

#include <stdint.h>

#include "base/err.h"
#include "zones/rr.h"

struct rr_order {
	uint64_t key[2];
	const struct rr *rr;		/* borrowed; the first member of whatever it may be part of */
};

/* key[] of a name.  One out of the zone has such a key that it stands before or behind all in it. */
void rr_order_key(const uint8_t *owner, const uint8_t *apex, uint64_t key[2]);

/* Sort v with so many threads.  ERR_NOMEM: v is as it was. */
enum err rr_order_sort(struct rr_order *v, size_t n, unsigned threads);

#endif

/* zones/zonetable.h -- the keeper's zones by name, and how many of a kind there are; readers on other threads use zones/zoneset.h. */
#ifndef ZONES_ZONETABLE_H
#define ZONES_ZONETABLE_H

#include "zones/zone.h"

struct zonetable {			/* zero-initialise */
	struct zone **v;		/* in order of arrival */
	size_t n, cap;
	struct zonetable_slot {
		uint32_t index;		/* into v, + 1; 0: free */
		uint32_t hash;		/* so that other zones need not be looked at */
	} *slots;
	size_t nslots;
	struct zone_counts counts;
};

enum err zonetable_add(struct zonetable *t, struct zone *z);		/* takes z over on ERR_OK */
struct zone *zonetable_find(const struct zonetable *t, const uint8_t *apex);

/* The zone with the longest apex at or above name; NULL: none. */
struct zone *zonetable_find_above(const struct zonetable *t, const uint8_t *name);
void zonetable_clear(struct zonetable *t);				/* frees the zones */

#endif

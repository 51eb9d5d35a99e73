/* zones/removal.h -- is so much taken away that a person should say so first? */
#ifndef ZONES_REMOVAL_H
#define ZONES_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "zones/changeset.h"

#define REMOVAL_LIMIT_DEFAULT 30	/* percent of a zone's RRs, or of the zones */
#define REMOVAL_FLOOR_DEFAULT 20	/* RRs; so many may go whatever their share is */

/* In the message of a commit this allows it. */
#define REMOVAL_ALLOW_KEY "Certns-Allow-Removal"
#define REMOVAL_ALLOW_VALUE "yes"

/* RRs that go without others of their name and type taking their place.  The changes stand in the zone's order. */
size_t removal_count(const struct changeset *changes);

static inline bool
removal_is_too_much(unsigned limit_percent, size_t removed, size_t of)
{
	return removed * 100 > (size_t)limit_percent * of;
}

#endif

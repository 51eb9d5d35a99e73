/* zones/rrmap.h -- a hash table from RR (owner, type, rdata; not TTL) to a small value. */
#ifndef ZONES_RRMAP_H
#define ZONES_RRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "zones/rr.h"

struct rrmap_value {
	int kind;			/* the user's */
	uint32_t ttl, base_ttl;
	int64_t until_s;
};

struct rrmap_entry {
	struct rrmap_entry *next;
	struct rr rr;			/* owner and rdata lie behind the entry */
	struct rrmap_value value;
	uint32_t hash;
};

struct rrmap {				/* zero-initialise */
	struct rrmap_entry **slots;
	uint32_t nslots, n;
};

struct rrmap_value *rrmap_find(const struct rrmap *m, const struct rr *rr);	/* borrowed; NULL: not there */
struct rrmap_entry *rrmap_entry(const struct rrmap *m, const struct rr *rr);	/* the same, the whole of it */

/* Set, with a copy of the RR. */
enum err rrmap_set(struct rrmap *m, const struct rr *rr, const struct rrmap_value *value);

/* Take an entry out, to be put back (which never fails) or freed.  It must be in the map; or not, for the other. */
void rrmap_unlink(struct rrmap *m, struct rrmap_entry *e);
void rrmap_relink(struct rrmap *m, struct rrmap_entry *e);
void rrmap_clear(struct rrmap *m);

/* Walk in no particular order; the map must not change meanwhile.  Start with NULL. */
const struct rrmap_entry *rrmap_next(const struct rrmap *m, const struct rrmap_entry *at);

#endif

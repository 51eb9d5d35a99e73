/* zones/changeset.h -- RRs out of and into one zone: the one form that every change of a zone takes. */
#ifndef ZONES_CHANGESET_H
#define ZONES_CHANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "zones/rr.h"

enum change_class {
	CHANGE_LASTING,			/* belongs in git */
	CHANGE_PASSING			/* served, journaled, transferred; swept at until_s; never in git */
};

struct change {
	struct rr rr;
	bool add;			/* else: remove */
	bool present;			/* the added RR was in the zone already: only its class or expiry is meant */
	enum change_class class;	/* of an added RR */
	int64_t until_s;
};

struct changeset {			/* zero-initialise; in the order in which the changes are made */
	struct change *v;
	size_t n, cap;
	struct rr_list octets;		/* keeps what v points to; its own list stays empty */
};

/* Append, with copies of owner and rdata. */
enum err changeset_add(struct changeset *cs, const struct change *change);
enum err changeset_remove_rr(struct changeset *cs, const struct rr *rr);
enum err changeset_add_rr(struct changeset *cs, const struct rr *rr);		/* lasting */
void changeset_clear(struct changeset *cs);

/* The journal's form.  A failed allocation shows in out->failed. */
void changeset_write(const struct changeset *cs, struct buf *out);

/* ERR_FORMAT: damaged; *cs is then empty. */
enum err changeset_read(const uint8_t *octets, size_t n, struct changeset *cs);

/* The changes that lead from one sorted list to the other, TTLs included; SOA records are left out (serials have
 * rules of their own). */
enum err changeset_diff(const struct rr_list *from, const struct rr_list *to, struct changeset *out);

#endif

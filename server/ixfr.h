/* server/ixfr.h -- what leads from one serial of a zone to another, ready to be sent (RFC 1995).  Made once on the
 * keeper from the journal's records, never changed after, shared by reference: the workers that send it read no disk
 * and hold no version. */
#ifndef SERVER_IXFR_H
#define SERVER_IXFR_H

#include <stdatomic.h>

#include "zones/changeset.h"

struct ixfr {
	_Atomic unsigned refs;
	uint32_t from, to;
	/* old SOA, what goes, new SOA, what comes; or the new SOA alone: no history, no difference */
	struct rr_list rrs;
	size_t octets;			/* of these, names not compressed */
};

struct ixfr *ixfr_ref(struct ixfr *x);
void ixfr_unref(struct ixfr *x);	/* any thread; takes NULL */

/* The steps become one difference: what was added and removed again on the way is not sent (RFC 1995, section 5). */
struct ixfr_builder;
enum err ixfr_builder_new(struct ixfr_builder **out);
void ixfr_builder_free(struct ixfr_builder *b);		/* takes NULL */

/* The next step, oldest first: a changeset that commit made, its old and new SOA included. */
enum err ixfr_builder_add(struct ixfr_builder *b, const struct changeset *changes);

/* *out has one reference, the caller's.  ERR_NOT_FOUND: no step had SOA records. */
enum err ixfr_builder_finish(struct ixfr_builder *b, struct ixfr **out);

/* The SOA alone. */
enum err ixfr_soa_only(const struct rr *soa, struct ixfr **out);

#endif

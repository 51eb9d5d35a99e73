/* tests/unit/zones/edits.h -- changes to zones in words, for the tests of the editor. */
#ifndef TESTS_UNIT_ZONES_EDITS_H
#define TESTS_UNIT_ZONES_EDITS_H

#include "base/buf.h"
#include "base/err.h"
#include "zones/rr.h"

extern const uint8_t edits_apex[];		/* example.com. */

/* A zone's files in one text: the zone's own, then each further one behind a line "=== NAME". */
enum err edits_include(void *ctx, const char *path, struct buf *out, struct fault *f);	/* ctx: the text */
size_t edits_first_len(const char *text);

/* The zone of the text; false: it is none. */
bool edits_load(const char *text, struct rr_list *out);

/* Changes, one a line: "+RR" or "-RR" (its TTL does not matter).  An RR that comes gives its TTL to its RRset, an SOA
 * takes the place of the old one; without one the serial grows by one.  *out is sorted. */
void edits_apply(const struct rr_list *before, const char *changes, struct rr_list *out);

/* The RRs of a text are added, and the list is sorted. */
void edits_add(struct rr_list *list, const char *text);

#endif

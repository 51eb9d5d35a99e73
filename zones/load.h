/* zones/load.h -- a zone's text as a sorted, checked list of RRs: what certnsd and certns-checkzone do alike. */
#ifndef ZONES_LOAD_H
#define ZONES_LOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "zones/rr.h"

/* Read text, pass over what lies outside of the zone (but addresses of its name servers, which are kept as glue),
 * and judge the rest by zone_check().
 *
 * out_sorted: zero-initialised; the RRs in the order of rr_list_sort(), each once, all TTLs of an RRset the smallest
 * that it had.  The caller's: rr_list_clear(); empty on failure.  include (may be NULL) gets ctx.
 * complaints: lines "file:line:column: error: text\n" or "...: warning: text\n" are appended, also on success;
 * at most ZONE_LOAD_LINES of each level, and one that counts the rest.  nwarnings (may be NULL): all of them.
 * ERR_OK; ERR_FORMAT: not a master file; ERR_REFUSED: not a sound zone; ERR_NOMEM. */
#define ZONE_LOAD_LINES 50
enum err zone_load(const uint8_t *apex, const char *file, const char *text, size_t n,
    enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f), void *ctx,
    struct rr_list *out_sorted, struct buf *complaints, size_t *nwarnings);

#endif

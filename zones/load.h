/* zones/load.h -- a zone's text as a sorted, checked list of RRs: what certnsd and certns-checkzone do alike. */
#ifndef ZONES_LOAD_H
#define ZONES_LOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "zones/complaint.h"
#include "zones/rr.h"

struct zone_text {
	const uint8_t *apex;
	const char *file;		/* its name in complaints */
	const char *text;
	size_t n;

	/* The text of an $INCLUDEd file, path as written; NULL: $INCLUDE is refused. */
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);
	void *ctx;
	struct complaint_place *soa;	/* may be NULL: takes the place of the SOA of a sound zone; free() its file */
};

/* Read the text, pass over what lies outside of the zone (but addresses of its name servers, which are kept as glue),
 * and judge the rest by zone_check().
 *
 * out_sorted: zero-initialised; the RRs in the order of rr_list_sort(), each once, all TTLs of an RRset the smallest
 * that it had.  The caller's: rr_list_clear(); empty on failure.  complaints: whatever there is to say, sorted, is
 * appended, also on success; the caller's: complaints_clear().
 * ERR_OK; ERR_FORMAT: not a master file; ERR_REFUSED: not a sound zone; ERR_NOMEM. */
enum err zone_load_text(const struct zone_text *text, struct rr_list *out_sorted, struct complaints *complaints);

/* The same with the complaints as lines (complaints_print()).  nwarnings (may be NULL): how many there are. */
#define ZONE_LOAD_LINES COMPLAINTS_MAX
enum err zone_load(const uint8_t *apex, const char *file, const char *text, size_t n,
    enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f), void *ctx,
    struct rr_list *out_sorted, struct buf *complaints, size_t *nwarnings);

#endif

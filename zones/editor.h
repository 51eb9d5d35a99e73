/* zones/editor.h -- changes written into the text that a person wrote: the lines of the RRs that changed and the
 * serial, and nothing else.  Comments, blank lines, order, alignment and line ends stay as they are. */
#ifndef ZONES_EDITOR_H
#define ZONES_EDITOR_H

#include "base/buf.h"
#include "base/err.h"
#include "zones/rr.h"

struct edited_file {
	char *path;			/* as $INCLUDE has it; the zone's own file first */
	struct buf text;
	bool changed;
};

struct editor_result {
	struct edited_file *v;
	size_t n;
};

struct editor_source {
	const char *file, *text;	/* the zone's own */
	size_t n;

	/* As for zone_load(); NULL: $INCLUDE is refused. */
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);

	/* Do others read this file too?  Then it is not changed: where one of its RRs changes, its text comes into the
	 * zone's file in place of the $INCLUDE.  The same goes for a file that is included twice.  NULL: none. */
	bool (*is_shared)(void *ctx, const char *path);
	void *ctx;
};

/* Edit the zone's text so that it reads as wanted, which is sorted and holds exactly one SOA.  The result has been read
 * back and compared.
 * ERR_OK: *out is the caller's, editor_result_clear().  ERR_UNSUPPORTED: the text has something in the way, such as a
 * shared file that another included one includes: write it anew.  ERR_FORMAT: the text is no sound zone. */
enum err zone_edit(const uint8_t *apex, const struct editor_source *source, const struct rr_list *wanted,
    struct editor_result *out);
void editor_result_clear(struct editor_result *r);

#endif

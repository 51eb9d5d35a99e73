/* zones/review_internal.h -- what zones/review*.c share. */
#ifndef ZONES_REVIEW_INTERNAL_H
#define ZONES_REVIEW_INTERNAL_H

#include "zones/review.h"

struct reviewing {
	struct git_source *git;
	const struct review_options *options;
	struct review *out;
	struct git_listing old_files, new_files;	/* sorted by name */
	struct zone_base included;	/* the files that zones include: only the list is used */
	bool others_changed;		/* a file that is no zone's, but may be included by one */
	struct fault *f;
};

/* regular or not; or NULL */
const struct git_file *review_find_file(const struct git_listing *files, const char *name);

/* Room for one more element of size octets behind n.  NULL: no memory, v is as it was. */
void *review_grow(void *v, size_t n, size_t size);

/* zones/review_keys.c */
enum err review_keys(struct reviewing *r);

#endif

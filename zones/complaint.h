/* zones/complaint.h -- what there is to say about a text, each with its place. */
#ifndef ZONES_COMPLAINT_H
#define ZONES_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "zones/check.h"
#include "zones/reader.h"

struct complaint_place {
	char *file;			/* NULL: none */
	unsigned line, column;
};
struct complaint {
	enum check_level level;
	struct complaint_place at, other;	/* other: of the record that it conflicts with */
	char *text;
};
struct complaints {			/* zero-initialise */
	struct complaint *v;
	unsigned n, cap;
	unsigned count[2];		/* by level; all that there were */
	bool failed;			/* no memory */
};

/* At most so many of each level are kept; the rest is counted. */
#define COMPLAINTS_MAX 50

/* Copies all.  other may be NULL. */
void complaints_add(struct complaints *c, enum check_level level, const struct place *at, const struct place *other,
    const char *text);

/* By file, in the order in which they come up, then by line and column. */
void complaints_sort(struct complaints *c);

size_t complaints_left_out(const struct complaints *c);		/* of both levels */

/* Do they say the same? */
bool complaints_equal(const struct complaints *a, const struct complaints *b);

/* "file:line:column: error: text", and ", see file:line:column" where another record is concerned; no newline. */
void complaint_print(const struct complaint *c, struct buf *out);

/* All of them, a line each, and for each level one that counts the rest, at file.  A failed allocation shows in
 * out->failed. */
void complaints_print(const struct complaints *c, const char *file, struct buf *out);

void complaints_clear(struct complaints *c);

#endif

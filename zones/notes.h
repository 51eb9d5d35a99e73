/* zones/notes.h -- who changed a zone since it was last written back, for the message of the next commit.
 *
 * Bounded: of more than NOTES_MAX changes only the number is kept. */
#ifndef ZONES_NOTES_H
#define ZONES_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zones/changeset.h"

#define NOTES_MAX 500			/* of one zone */

struct note {
	int64_t time_s;
	char *by;			/* "KEY ADDRESS"; or, when it is ours, why */
	bool ours;			/* the server's own change: a certificate */
	size_t added, removed;		/* lasting RRs; the SOA is not counted */
};
struct notes {				/* zero-initialise */
	struct note *v;			/* oldest first */
	unsigned n, cap;
	unsigned more;			/* changes that are not listed */
};

/* Note changes that took effect.  Those of nothing but passing RRs are not noted; one for which there is no memory is
 * counted. */
void notes_add(struct notes *n, int64_t time_s, bool ours, const char *by, const struct changeset *changes);

/* Forget the oldest, which a commit has told: so many listed ones, so many of the others. */
void notes_drop(struct notes *n, size_t listed, size_t more);
void notes_clear(struct notes *n);

#endif

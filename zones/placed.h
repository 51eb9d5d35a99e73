/* zones/placed.h -- the RRs of a zone's text with their places, in the order of rr_list_sort(), those that are equal as
 * they came.  Big files are read by several threads; nobody can tell from what comes out. */
#ifndef ZONES_PLACED_H
#define ZONES_PLACED_H

#include "zones/reader.h"

struct placed_at {
	uint32_t line, column, file;	/* file: index in files */
};

struct placed_rrs {			/* zero-initialise; placed_clear() frees */
	struct rr_list list;		/* may be taken from here; its own octets */
	struct placed_at *at;		/* of each RR in list */
	const char **files;		/* the reader's name first, then what was included */
	size_t nfiles, capfiles;
};

/* How the work is cut; the defaults are for zones of all sizes, tests cut finer. */
struct placed_cut {
	unsigned threads;
	size_t whole;			/* octets: up to so many are read by one thread, */
	size_t part;			/* and more in parts of about this size */
};
struct placed_cut placed_cut_default(size_t n);

/* Read a text.  Of reader rr() is not looked at; include() and complain() get ctx.  After complaints, the included
 * files may have been asked for twice.
 * ERR_OK; ERR_FORMAT after complaints; ERR_NOMEM.  On failure *out is empty. */
enum err placed_read(const struct zone_reader *reader, const char *text, size_t n, const struct placed_cut *cut,
    struct placed_rrs *out);

/* RR i's place; borrows. */
struct place placed_place(const struct placed_rrs *p, size_t i);

void placed_clear(struct placed_rrs *p);

#endif

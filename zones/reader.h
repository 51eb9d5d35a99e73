/* zones/reader.h -- master files (RFC 1035, section 5; RFC 2308, section 4): text in, RRs with their places out.
 * Reads memory, opens nothing: $INCLUDEs are asked for through a function, so git blobs and files read alike. */
#ifndef ZONES_READER_H
#define ZONES_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/dname.h"
#include "zones/rr.h"

struct token;				/* zones/lexer.h */

/* How an RR stands in its text: for the editor. */
struct reader_entry {
	const char *text;		/* the whole file */
	size_t start, end;		/* octets: whole lines, the last line end included */
	bool generated;			/* these are the lines of $GENERATE, and v what it made */
	const struct token *v;		/* n tokens; type_at is the type's, ttl_at the TTL's (n: there is none) */
	size_t n, type_at, ttl_at;
	bool indented;			/* without an owner of its own */
	const uint8_t *origin;
	bool has_ttl;			/* $TTL, or what an SOA implied: the TTL of an RR that has none */
	uint32_t ttl;
};

struct place {
	const char *file;		/* lives as long as the call of zone_read() */
	unsigned line, column;		/* from 1; column counts octets */
	const struct reader_entry *entry;	/* in rr() only */
};

/* "file:line:column" */
#define PLACE_TEXT_MAX 512
char *place_print(const struct place *p, char text[PLACE_TEXT_MAX]);

struct zone_reader {
	const char *file;		/* name for complaints */
	const uint8_t *origin;		/* the initial $ORIGIN: the zone's apex, or a key file's domain */
	uint32_t default_ttl;		/* until $TTL or an SOA says otherwise; 0: a missing TTL is an error */
	bool secret;			/* complaints quote nothing of the text */

	/* The text of an $INCLUDEd file, path as written.  NULL: $INCLUDE is refused. */
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);

	/* One RR, in the order of the file; owner and rdata live until the call returns.  An error other than
	 * ERR_OK ends the reading and is returned. */
	enum err (*rr)(void *ctx, const struct rr *rr, const struct place *place);

	/* A syntax error, in words without the place.  Reading goes on with the next line (at most
	 * ZONE_READER_COMPLAINTS of them, then it stops), so that an operator sees all of them at once. */
	void (*complain)(void *ctx, const struct place *place, const char *text);

	void *ctx;			/* for the three */
};

#define ZONE_READER_COMPLAINTS 20
#define ZONE_READER_INCLUDE_DEPTH 8

/* ERR_OK; ERR_FORMAT after complaints; ERR_NOMEM; what rr() returned. */
enum err zone_read(const struct zone_reader *reader, const char *text, size_t n);

/* --- parts of a text, for several threads (zones/placed.c) ---
 *
 * A part is read with a guess of what the lines before it leave behind, and with lines counted from 1.  When the part
 * before it is known it turns out whether the guess was good; a part for which it was not is read once more, in its
 * order. */
struct reader_state {			/* what lines leave for the next ones */
	struct dname origin, owner;
	bool has_owner, has_ttl, has_last_ttl;
	uint32_t ttl, last_ttl;		/* by $TTL or an SOA; by an RR */
	unsigned includes;
};

struct reader_part {
	size_t start, end;	/* octets of the text: entries that begin in between, start at the start of a line */
	bool in_order;			/* before is true; $INCLUDE is done */
	struct reader_state before;	/* without an owner, unless it is true */

	/* Set by zone_read_part(). */
	bool unfit;	/* there would have been a complaint, or it has an $INCLUDE: what rr() got is void */
	size_t stop;			/* behind the last entry: end, or further */
	unsigned lines;			/* in between */
	struct reader_state behind;
	bool own_owner, own_last_ttl;	/* found within; so behind does not depend on before, */
	bool took_last_ttl;		/* but an RR does */
};

void reader_state_init(struct reader_state *s, const struct zone_reader *reader);	/* at the start of a text */

/* line may be a directive ($ORIGIN, $TTL): take it in. */
void reader_state_guess(struct reader_state *s, const char *line, size_t n);

/* complain() is not called.  ERR_OK, also when it is unfit; ERR_NOMEM; what rr() returned. */
enum err zone_read_part(const struct zone_reader *reader, const char *text, size_t n, struct reader_part *part);

/* Would the part have been read the same with this before it?  Then its behind is completed from it. */
bool reader_part_follows(struct reader_part *part, const struct reader_state *before);

#endif

/* zones/reader_internal.h -- what is known while a text is read; shared by reader.c (a text as a whole, and what an entry is) and
 * reader_part.c (a part of one).  Private to them. */
#ifndef ZONES_READER_INTERNAL_H
#define ZONES_READER_INTERNAL_H

#include "wire/rdata.h"
#include "zones/lexer.h"
#include "zones/reader.h"

struct file_name {
	struct file_name *next;
	char name[];
};

struct scope {				/* what a file has of its own */
	const char *file, *text;
	struct dname origin, owner;
	bool has_owner;
};

struct reading {
	const struct zone_reader *reader;
	struct scope here;
	bool has_ttl, has_last_ttl;	/* by $TTL or an SOA; by an RR before this one */
	uint32_t ttl, last_ttl;
	struct reader_part *part;	/* NULL: the text is read as a whole */
	bool own_owner, own_last_ttl;	/* from this part, */
	bool took_last_ttl;		/* not from this part, and used */
	const struct lexer *lexer;	/* of the entry that is being read */
	enum err stop;			/* what rr() said within $GENERATE */
	struct file_name *files;	/* included so far: places point to them */
	unsigned depth, includes, complaints;
	struct fault fault;		/* of the rdata that is being read */
	uint8_t rdata[RDATA_MAX];	/* last, and not set to anything: there may be very many small texts */
};

void reading_init(struct reading *r, const struct zone_reader *reader);	/* it stands on the caller's stack */
void reading_clear(struct reading *r);

/* Entries up to the lexer's stop, or to too many complaints.  ERR_NOMEM, and what the reader's rr() gave. */
enum err reading_go_on(struct reading *r, struct lexer *lx);

/* The length of what some editors put before UTF-8. */
size_t reader_mark(const char *text, size_t n);

#endif

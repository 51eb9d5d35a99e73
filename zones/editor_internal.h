/* zones/editor_internal.h -- between the files of the editor; zones/editor.c has the idea. */
#ifndef ZONES_EDITOR_INTERNAL_H
#define ZONES_EDITOR_INTERNAL_H

#include "base/buf.h"
#include "base/err.h"
#include "zones/lexer.h"
#include "zones/rr.h"

struct editor_new {			/* an RR that comes */
	const struct rr *rr;
	struct editor_new *next;	/* behind the same line */
};

struct editor_line {			/* an RR of the text, in the order of reading */
	struct rr rr;
	size_t file, start, end;	/* the octets of its lines, or of the $GENERATE that made it */
	const uint8_t *origin;
	uint32_t default_ttl;		/* by $TTL, or what an SOA implied; if has_default */
	uint32_t want_ttl;
	bool has_default, has_ttl;	/* has_ttl: one of its own */
	bool indented, generated, implies_ttl;	/* implies_ttl: an SOA whose minimum is the default for all behind it */
	bool gone;
	uint8_t type_at, ttl_at, class_at;	/* tokens; UINT8_MAX: there is none */
	const struct rr *becomes;	/* its rdata is to be this one's; NULL: stays */
	struct editor_new *first, *last;	/* what comes behind it */
};

struct editor_file {
	const char *path;
	struct buf text;
	bool frozen;			/* others read it too, or it stands at several places in the zone */
	bool sorted, natural;		/* owners in canonical order; in the order of their numbers */
	unsigned nowners;		/* how many were compared for that */
	unsigned absolute_owners, relative_owners, absolute_names, relative_names;
	bool class_first;		/* "IN 300": by the last line that has both */
	unsigned bare, needless_ttls;	/* lines without a TTL; with one that they need not have */
	unsigned repeats, omits;	/* of the same owner on the next line */
	size_t last;			/* line; SIZE_MAX: none */
	/* While it is written: */
	struct buf out;
	size_t pos;			/* octets of text that have been dealt with */
	bool changed;
	const uint8_t *owner;		/* what a line without an owner would get; NULL: none */
	size_t owner_line;		/* which line wrote it; SIZE_MAX: a new one */
};

/* The last lines that hold a type at a depth. */
struct editor_kind {
	uint16_t type;
	unsigned labels;
	size_t line;
};

/* Lines of files that can be edited, by the order of their names; NULL: there is none. */
struct editor_between {
	struct editor_line *first, *last;
};

struct editor {
	const uint8_t *apex;
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);
	bool (*is_shared)(void *ctx, const char *path);
	void *ctx;
	struct editor_file *files;
	size_t nfiles;
	struct editor_line *lines;
	size_t n, cap;
	struct rr_list kept;		/* octets that live as long as the editor */
	const char *last_path;		/* as the reader called the file of the last line */
	bool has_last_ttl;		/* while reading: an RR before had a TTL of its own */

	struct editor_line **by_rr;	/* all, in canonical order */
	const uint8_t **names;		/* of RRs that come, numbers in them by value */
	struct editor_between *between;	/* [i]: the lines with names[i - 1] or behind it and before names[i] */
	size_t nnames, last_between;
	struct editor_kind *kinds;
	size_t nkinds;
	size_t in_the_way;		/* the frozen file that would have to change; SIZE_MAX: none */
};

/* editor_lines.c: reading.  ERR_FORMAT: no master file. */
enum err editor_read(struct editor *e, const char *file, const char *text, size_t n);
const char *editor_text(const struct editor *e, const struct editor_line *l);

/* The tokens of a line; false: no memory.  lexer_clear() either way. */
bool editor_lex(const struct editor *e, const struct editor_line *l, struct lexer *lx);
const char *token_first(const struct token *t);		/* with its quotes */
const char *token_last(const struct token *t);		/* behind it */

/* How wide text is on a screen, counted from column from. */
size_t editor_width(const char *text, size_t n, size_t from);
/* Blanks from column at to column to, at least one; tabs: with tabs as far as they go. */
void editor_pad(struct buf *out, size_t at, size_t to, bool tabs);

/* editor_compare.c: compares the lines with what is wanted, and puts what comes behind lines.  come has room for all that is wanted, and
 * must live as long as the lines are looked at. */
struct editor_come {
	struct editor_new *v;		/* in canonical order */
	size_t n;
};
enum err editor_compare(struct editor *e, const struct rr_list *wanted, struct editor_come *come);

/* editor_write.c: all lines, into the files' out.  ERR_UNSUPPORTED: e->in_the_way. */
enum err editor_write(struct editor *e);

/* editor_place.c: the line behind which a person would put rr, which is one of those that come; of all these begin is
 * told first.  ERR_UNSUPPORTED: nowhere. */
enum err editor_place_begin(struct editor *e, const struct editor_new *come, size_t n);
enum err editor_place(struct editor *e, const struct rr *rr, struct editor_line **out);

/* Where the lines of owner begin in by_rr, or would. */
size_t editor_first_of(const struct editor *e, const uint8_t *owner);

/* editor_entry.c: a line changed: with this owner written (NULL: as it is), with a TTL or without, with other rdata. */
struct editor_change {
	const char *owner;
	bool set_ttl, drop_ttl;
	uint32_t ttl;
	const struct rr *becomes;
};
enum err editor_change_line(const struct editor *e, const struct editor_line *l, const struct editor_change *c,
    struct buf *out);

/* The rdata of rr as text, in the manner of the rdata tokens v of another RR of its type (n: 0, none). */
void editor_rdata_like(const struct editor *e, const struct editor_line *like, const struct rr *rr,
    const struct token *v, size_t n, struct buf *out);

/* editor_style.c: a line for rr in the manner of those around the line at, with its line end; may_omit: it may leave
 * its owner out.  True: it has a TTL. */
bool editor_new_line(const struct editor *e, const struct editor_line *at, const struct rr *rr, bool may_omit,
    struct buf *out);
const char *editor_line_end(const struct editor *e, const struct editor_line *l);

/* editor_inline.c: text with the included one in place of each $INCLUDE of path.  ERR_UNSUPPORTED: there is none that
 * this can be done with. */
enum err editor_inline(const uint8_t *apex, const struct buf *text, const char *path, const struct buf *included,
    struct buf *out);

/* Owner as the file has it, relative or absolute. */
void editor_put_owner(const struct editor *e, const struct editor_line *like, const uint8_t *owner, struct buf *out);

#endif

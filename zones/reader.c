/* One entry after the other: a directive, or an RR built from its tokens.  What a file may change for the lines
 * behind it -- origin, owner, TTLs -- is in struct reading; $INCLUDE saves and restores origin and owner around
 * the other file (RFC 1035, section 5.1), while $TTL lasts until the next one (RFC 2308, section 4). */
#include "zones/reader_internal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/rrtype.h"
#include "zones/generate.h"
#include "zones/rdata_tokens.h"

#define INCLUDES_MAX 1000		/* files that include each other would grow without bound */
#define TTL_MAX 0x7fffffffu		/* RFC 2181, section 8 */

char *
place_print(const struct place *p, char text[PLACE_TEXT_MAX])
{
	snprintf(text, PLACE_TEXT_MAX, "%s:%u:%u", p->file, p->line, p->column);
	return text;
}

static void complain(struct reading *r, const struct token *t, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
complain(struct reading *r, const struct token *t, const char *format, ...)
{
	struct place place = { r->here.file, t->line, t->column, NULL };
	char text[1200];
	va_list args;

	if (r->complaints >= ZONE_READER_COMPLAINTS)
		return;
	if (r->part != NULL) {
		r->part->unfit = true;
		r->complaints = ZONE_READER_COMPLAINTS;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (r->reader->secret && strstr(text, ", found ") != NULL)
		*strstr(text, ", found ") = '\0';
	r->complaints++;
	r->reader->complain(r->reader->ctx, &place, text);
}

/* The place behind the last token, for what is missing there. */
static struct token
end_of(const struct token *v, size_t n)
{
	struct token t = v[n - 1];

	t.p += t.n;
	t.column += (unsigned)(t.n + 2u * t.quoted);
	t.n = 0;
	return t;
}

/* "expected ..., found ..." about token i, or about the end of the line. */
static void
complain_expected(struct reading *r, const struct token *v, size_t n, size_t i, const char *expected)
{
	char found[TOKEN_TEXT_MAX];
	struct token end = end_of(v, n);

	if (i < n)
		complain(r, &v[i], "expected %s, found %s", expected, token_print(&v[i], found));
	else
		complain(r, &end, "expected %s, found the end of the line", expected);
}

static bool
take_name(struct reading *r, const struct token *v, size_t n, size_t i, const char *expected, struct dname *out)
{
	enum err err;

	if (i >= n || v[i].quoted) {
		complain_expected(r, v, n, i, expected);
		return false;
	}
	if ((err = dname_parse(v[i].p, v[i].n, r->here.origin.octets, out)) == ERR_OK)
		return true;
	complain_expected(r, v, n, i, err == ERR_RANGE ?
	    "a domain name of at most 255 octets with labels of at most 63" : expected);
	return false;
}

static bool
is_class(const struct token *t, bool *in)
{
	*in = false;
	switch (t->n) {
	case 1:
	case 3:
		return false;
	case 2:
		*in = token_is(t, "IN");
		return *in || token_is(t, "CH") || token_is(t, "HS") || token_is(t, "CS");
	case 4:
		return token_is(t, "NONE");
	default:
		*in = token_is(t, "CLASS1");
		return !t->quoted && t->n > 5 && t->p[5] >= '0' && t->p[5] <= '9' && strncasecmp(t->p, "CLASS", 5) == 0;
	}
}

struct head {				/* what stands before the type: RFC 1035, section 5.1, in either order */
	bool has_ttl, has_class;
	uint32_t ttl;
	size_t ttl_at;
};

static bool
read_head(struct reading *r, const struct token *v, size_t n, size_t *i, struct head *head)
{
	for (; *i < n; ++*i) {
		const struct token *t = &v[*i];
		bool in;

		if (!head->has_class && is_class(t, &in)) {
			if (!in) {
				complain_expected(r, v, n, *i, "the class IN, the only one served here");
				return false;
			}
			head->has_class = true;
		} else if (!head->has_ttl && t->n > 0 && t->p[0] >= '0' && t->p[0] <= '9') {
			if (!token_period(t, &head->ttl) || head->ttl > TTL_MAX) {
				complain_expected(r, v, n, *i, "a TTL from 0 to 2147483647 seconds, or like 1h30m");
				return false;
			}
			head->has_ttl = true;
			head->ttl_at = *i;
		} else
			break;
	}
	return true;
}

/* RFC 2308, section 4: $TTL, else the last TTL written, else (for the first SOA) its own minimum. */
static bool
choose_ttl(struct reading *r, const struct head *head, const struct rr *rr, uint32_t *ttl)
{
	if (head->has_ttl) {
		r->has_last_ttl = r->own_last_ttl = true;
		r->last_ttl = head->ttl;
		*ttl = head->ttl;
		return true;
	}
	if (r->has_ttl) {
		*ttl = r->ttl;
		return true;
	}
	r->took_last_ttl |= !r->own_last_ttl;
	if (r->has_last_ttl)
		*ttl = r->last_ttl;
	else if (rr->type == TYPE_SOA) {
		struct soa soa;

		soa_read(rr->rdata, rr->rdlen, &soa);
		*ttl = soa.minimum > TTL_MAX ? TTL_MAX : soa.minimum;
		r->has_ttl = true;
		r->ttl = *ttl;
	} else {
		*ttl = r->reader->default_ttl;
		return *ttl > 0;
	}
	return true;
}

/* The owner, if the line has one of its own; *i moves behind it.  False: there was something to complain about. */
static bool
read_owner(struct reading *r, const struct token *v, size_t n, bool indented, size_t *i)
{
	if (indented) {
		if (!r->here.has_owner)
			complain(r, &v[0], "expected an owner name at the start of the line: "
			    "there is none before to take over");
		return r->here.has_owner;
	}
	/* Even if the name is bad: the next lines that leave it out must not go to the one before. */
	r->here.has_owner = false;
	r->own_owner |= r->depth == 0;
	if (!take_name(r, v, n, 0, "an owner name", &r->here.owner))
		return false;
	r->here.has_owner = true;
	*i = 1;
	return true;
}

/* Type and rdata, from token i on, into *rr.  ERR_FORMAT: complained. */
static enum err
read_rdata(struct reading *r, const struct token *v, size_t n, size_t i, struct rr *rr)
{
	char type[RRTYPE_TEXT_MAX];
	struct token end;
	size_t length, bad;
	enum err err;

	if (i == n || v[i].quoted || !rrtype_parse(v[i].p, v[i].n, &rr->type)) {
		complain_expected(r, v, n, i, "an RR type");
		return ERR_FORMAT;
	}
	i++;
	err = rdata_from_tokens(rr->type, v + i, n - i, r->here.origin.octets, r->rdata, &length, &bad,
	    &r->fault);
	if (err == ERR_OK || err == ERR_NOMEM) {
		rr->rdlen = (uint16_t)length;
		return err;
	}
	end = end_of(v, n);
	complain(r, i + bad < n ? &v[i + bad] : &end, "%s: %s", rrtype_print(rr->type, type), r->fault.text);
	return ERR_FORMAT;
}

static enum err
read_rr(struct reading *r, const struct token *v, size_t n, bool indented, bool generated)
{
	struct head head = { 0 };
	struct rr rr = { .owner = r->here.owner.octets, .rdata = r->rdata };
	struct reader_entry entry = { .v = v, .n = n, .indented = indented, .generated = generated,
		.has_ttl = r->has_ttl, .ttl = r->ttl };
	struct place place = { r->here.file, v[0].line, v[0].column, &entry };
	size_t i = 0;
	enum err err;

	if (!read_owner(r, v, n, indented, &i) || !read_head(r, v, n, &i, &head))
		return ERR_OK;
	if ((err = read_rdata(r, v, n, i, &rr)) != ERR_OK)
		return err == ERR_FORMAT ? ERR_OK : err;
	if (!choose_ttl(r, &head, &rr, &rr.ttl)) {
		complain(r, &v[i], "expected a TTL before the type, or $TTL on a line before this one");
		return ERR_OK;
	}
	entry.text = r->here.text;
	entry.start = (size_t)(r->lexer->entry - r->here.text);
	entry.end = (size_t)(r->lexer->p - r->here.text);
	entry.origin = r->here.origin.octets;
	entry.type_at = i;
	entry.ttl_at = head.has_ttl ? head.ttl_at : n;
	return r->reader->rr(r->reader->ctx, &rr, &place);
}

static enum err read_text(struct reading *r, const char *file, const char *text, size_t n);

static enum err
include_file(struct reading *r, const struct token *t, const char *path, const struct dname *origin)
{
	struct scope saved = r->here;
	struct buf text = { 0 };
	struct fault f = { 0 };
	struct file_name *name;
	enum err err;

	if ((err = r->reader->include(r->reader->ctx, path, &text, &f)) == ERR_NOMEM || text.failed) {
		buf_clear(&text);
		return ERR_NOMEM;
	}
	if (err != ERR_OK) {
		complain(r, t, "cannot include %.200s: %s", path, fault_str(&f, err));
		buf_clear(&text);
		return ERR_OK;
	}
	if ((name = malloc(sizeof *name + strlen(path) + 1)) == NULL) {
		buf_clear(&text);
		return ERR_NOMEM;
	}
	strcpy(name->name, path);
	name->next = r->files;
	r->files = name;
	r->here.origin = *origin;
	r->here.has_owner = false;
	r->depth++;
	err = read_text(r, name->name, (const char *)text.p, text.len);
	r->depth--;
	r->here = saved;
	buf_clear(&text);
	return err;
}

/* A file name: quoted or not, \X and \DDD undone.  ERR_FORMAT: malformed. */
static enum err
path_of(const struct token *t, char **out)
{
	struct buf path = { 0 };
	size_t at = 0;
	uint8_t c;
	bool bad;

	while (token_octet(t, &at, &c, &bad) && c != '\0')
		buf_u8(&path, c);
	if (!path.failed && (bad || at < t->n || path.len == 0)) {
		buf_clear(&path);
		return ERR_FORMAT;
	}
	*out = buf_take(&path, NULL);
	return *out == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err
on_include(struct reading *r, const struct token *v, size_t n)
{
	struct dname origin = r->here.origin;
	char *path;
	enum err err = ERR_OK;

	if (n < 2) {
		complain_expected(r, v, n, 1, "a file name");
		return ERR_OK;
	}
	if (n > 2 && !take_name(r, v, n, 2, "a domain name as origin of the included file", &origin))
		return ERR_OK;
	if (n > 3) {
		complain_expected(r, v, n, 3, "the end of the line");
		return ERR_OK;
	}
	if (r->reader->include == NULL || (r->part != NULL && !r->part->in_order))
		complain(r, &v[0], "$INCLUDE is not allowed here");
	else if (r->depth >= ZONE_READER_INCLUDE_DEPTH)
		complain(r, &v[0], "$INCLUDE within $INCLUDE is allowed to a depth of %d", ZONE_READER_INCLUDE_DEPTH);
	else if (r->includes++ >= INCLUDES_MAX)
		complain(r, &v[0], "more than %d files are included", INCLUDES_MAX);
	else if ((err = path_of(&v[1], &path)) == ERR_FORMAT) {
		complain_expected(r, v, n, 1, "a file name");
		err = ERR_OK;
	} else if (err == ERR_OK) {
		err = include_file(r, &v[1], path, &origin);
		free(path);
	}
	return err;
}

static enum err
on_origin(struct reading *r, const struct token *v, size_t n)
{
	struct dname name;

	if (n > 2)
		complain_expected(r, v, n, 2, "the end of the line");
	else if (take_name(r, v, n, 1, "a domain name", &name))
		r->here.origin = name;
	return ERR_OK;
}

static enum err
on_ttl(struct reading *r, const struct token *v, size_t n)
{
	uint32_t ttl;

	if (n < 2 || !token_period(&v[1], &ttl) || ttl > TTL_MAX)
		complain_expected(r, v, n, 1, "a TTL from 0 to 2147483647 seconds, or like 1h30m");
	else if (n > 2)
		complain_expected(r, v, n, 2, "the end of the line");
	else {
		r->ttl = ttl;
		r->has_ttl = true;
	}
	return ERR_OK;
}

/* RRs that $GENERATE makes come in as text; their places are all its own. */
static enum err
on_generated(void *ctx, const char *text, size_t n, const struct token *where)
{
	struct reading *r = ctx;
	struct lexer lx;
	enum err err = ERR_OK;
	enum lex lex;

	lexer_init(&lx, text, n);
	lex = lexer_next(&lx);
	for (size_t i = 0; i < lx.n; i++) {
		lx.v[i].line = where->line;
		lx.v[i].column = where->column;
	}
	if (lex == LEX_NOMEM)
		err = ERR_NOMEM;
	else if (lex == LEX_BAD)
		complain(r, where, "$GENERATE made the line '%.200s': %s", text, lx.error);
	else if (lex == LEX_ENTRY)
		err = read_rr(r, lx.v, lx.n, false, true);
	lexer_clear(&lx);
	r->stop = err;
	return r->complaints >= ZONE_READER_COMPLAINTS && err == ERR_OK ? ERR_CANCELLED : err;
}

static enum err
on_generate(struct reading *r, const struct token *v, size_t n)
{
	struct fault f = { 0 };
	struct scope saved = r->here;
	bool own_owner = r->own_owner;
	size_t bad = 0;
	enum err err = zone_generate(v, n, on_generated, r, &bad, &f);
	struct token end = end_of(v, n);

	/* A line without owner goes on with the one before, as in BIND. */
	r->here = saved;
	r->own_owner = own_owner;
	if (r->stop == ERR_OK && err == ERR_FORMAT)
		complain(r, bad < n ? &v[bad] : &end, "$GENERATE: %s", f.text);
	return err == ERR_NOMEM ? err : r->stop;
}

static enum err
read_directive(struct reading *r, const struct token *v, size_t n)
{
	if (token_is(&v[0], "$ORIGIN"))
		return on_origin(r, v, n);
	if (token_is(&v[0], "$TTL"))
		return on_ttl(r, v, n);
	if (token_is(&v[0], "$INCLUDE"))
		return on_include(r, v, n);
	if (token_is(&v[0], "$GENERATE") && !r->reader->secret)
		return on_generate(r, v, n);
	complain_expected(r, v, n, 0, "$ORIGIN, $TTL, $INCLUDE or $GENERATE");
	return ERR_OK;
}

enum err
reading_go_on(struct reading *r, struct lexer *lx)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && r->complaints < ZONE_READER_COMPLAINTS) {
		enum lex lex = lexer_next(lx);

		r->lexer = lx;
		if (lex == LEX_END)
			break;
		if (lex == LEX_NOMEM)
			err = ERR_NOMEM;
		else if (lex == LEX_BAD)
			complain(r, &lx->bad, "%s", lx->error);
		else if (!lx->indented && !lx->v[0].quoted && lx->v[0].p[0] == '$')
			err = read_directive(r, lx->v, lx->n);
		else
			err = read_rr(r, lx->v, lx->n, lx->indented, false);
	}
	return err;
}

size_t
reader_mark(const char *text, size_t n)
{
	return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static enum err
read_text(struct reading *r, const char *file, const char *text, size_t n)
{
	size_t mark = reader_mark(text, n);
	struct lexer lx;
	enum err err;

	if (text == NULL)
		text = "";			/* an empty file */
	r->here.file = file;
	r->here.text = text;
	lexer_init(&lx, text + mark, n - mark);
	err = reading_go_on(r, &lx);
	lexer_clear(&lx);
	return err;
}

void
reading_init(struct reading *r, const struct zone_reader *reader)
{
	memset(r, 0, offsetof(struct reading, rdata));
	r->reader = reader;
}

void
reading_clear(struct reading *r)
{
	for (struct file_name *f = r->files, *next; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	if (r->reader->secret)
		explicit_bzero(r->rdata, sizeof r->rdata);
}

enum err
zone_read(const struct zone_reader *reader, const char *text, size_t n)
{
	struct reading r;
	enum err err;

	reading_init(&r, reader);
	dname_copy(&r.here.origin, reader->origin);
	err = read_text(&r, reader->file, text, n);
	if (err == ERR_OK && r.complaints > 0)
		err = ERR_FORMAT;
	reading_clear(&r);
	return err;
}

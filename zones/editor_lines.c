/* zones/editor_lines.c -- the text as a list of lines that hold RRs, and what the files' styles are. */
#include "zones/editor_internal.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/reader.h"

static enum err
add_file(struct editor *e, const char *path, const void *octets, size_t n)
{
	struct editor_file *v;

	for (size_t i = 0; i < e->nfiles; i++) {
		if (strcmp(e->files[i].path, path) == 0) {
			e->files[i].frozen = true;	/* one text, two places in the zone */
			return ERR_OK;
		}
	}
	if ((v = realloc(e->files, (e->nfiles + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	e->files = v;
	v += e->nfiles;
	*v = (struct editor_file){ .path = (const char *)rr_list_keep(&e->kept, (const uint8_t *)path,
	    strlen(path) + 1),
		.frozen = e->nfiles > 0 && e->is_shared != NULL && e->is_shared(e->ctx, path),
		.last = SIZE_MAX, .owner_line = SIZE_MAX };
	buf_add(&v->text, octets, n);
	e->nfiles++;
	return v->path == NULL || v->text.failed ? ERR_NOMEM : ERR_OK;
}

static enum err
on_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct editor *e = ctx;
	size_t start = out->len;
	enum err err = e->include == NULL ? ERR_UNSUPPORTED : e->include(e->ctx, path, out, f);

	if (err != ERR_OK || out->failed)
		return err;
	return add_file(e, path, out->len > start ? out->p + start : NULL, out->len - start);
}

static size_t
find_file(struct editor *e, const char *path)
{
	size_t i = 0;

	if (e->n > 0 && e->last_path == path)
		return e->lines[e->n - 1].file;
	e->last_path = path;
	while (i + 1 < e->nfiles && strcmp(e->files[i].path, path) != 0)
		i++;
	return i;
}

static struct editor_line *
add_line(struct editor *e)
{
	if (e->n == e->cap) {
		size_t cap = e->cap == 0 ? 64 : e->cap * 2;
		struct editor_line *v = realloc(e->lines, cap * sizeof *v);

		if (v == NULL)
			return NULL;
		e->lines = v;
		e->cap = cap;
	}
	return &e->lines[e->n];
}

static bool
same_octets(const uint8_t *a, const uint8_t *b)
{
	size_t n = dname_len(a);

	return n == dname_len(b) && memcmp(a, b, n) == 0;
}

/* A copy of name, shared with the line before where that has it too. */
static const uint8_t *
keep_name(struct editor *e, const uint8_t *name, const uint8_t *before)
{
	return before != NULL && same_octets(name, before) ? before : rr_list_keep(&e->kept, name, dname_len(name));
}

/* Does the token say in full what it could have said relative to the origin? */
static void
note_name(const struct token *t, const uint8_t *name, const uint8_t *origin, unsigned *absolute, unsigned *relative)
{
	if (t->quoted || dname_is_root(origin) || !dname_is_below(name, origin))
		return;
	if (t->p[t->n - 1] == '.')
		++*absolute;
	else
		++*relative;
}

static const uint8_t *
name_in_rdata(const struct rr *rr)
{
	switch (rr->type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_DNAME:
		return rr->rdata;
	case TYPE_MX:
		return rr->rdata + 2;
	case TYPE_SRV:
		return rr->rdata + 6;
	default:
		return NULL;
	}
}

static void
note_style(struct editor *e, const struct editor_line *l, const struct reader_entry *x)
{
	struct editor_file *f = &e->files[l->file];
	const struct editor_line *before = f->last == SIZE_MAX ? NULL : &e->lines[f->last];
	const uint8_t *name = name_in_rdata(&l->rr);

	f->last = e->n;
	if (x->generated)
		return;
	if (!l->indented)
		note_name(&x->v[0], l->rr.owner, l->origin, &f->absolute_owners, &f->relative_owners);
	if (name != NULL)
		note_name(&x->v[x->n - 1], name, l->origin, &f->absolute_names, &f->relative_names);
	f->bare += !l->has_ttl;
	f->needless_ttls += l->has_ttl && l->has_default && l->default_ttl == l->rr.ttl;
	if (l->indented)
		f->omits++;
	else if (before != NULL && dname_equal(before->rr.owner, l->rr.owner))
		f->repeats++;
}

static void
note_entry(struct editor *e, struct editor_line *l, const struct reader_entry *x)
{
	size_t second = x->indented ? 0 : 1;

	l->start = x->start;
	l->end = x->end;
	l->generated = x->generated;
	l->indented = x->indented;
	l->has_default = x->has_ttl;
	l->default_ttl = x->ttl;
	l->has_ttl = x->ttl_at < x->n;
	l->ttl_at = l->has_ttl ? (uint8_t)x->ttl_at : UINT8_MAX;
	l->type_at = (uint8_t)x->type_at;
	l->class_at = UINT8_MAX;
	for (size_t i = second; i < x->type_at; i++)
		if (i != x->ttl_at)
			l->class_at = (uint8_t)i;
	if (l->has_ttl && l->class_at != UINT8_MAX && !l->generated)
		e->files[l->file].class_first = l->class_at < l->ttl_at;
	l->implies_ttl = l->rr.type == TYPE_SOA && !l->has_ttl && !l->has_default && !e->has_last_ttl;
	e->has_last_ttl |= l->has_ttl;
}

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct editor *e = ctx;
	struct editor_line *l = add_line(e);

	if (l == NULL)
		return ERR_NOMEM;
	*l = (struct editor_line){ .rr = *rr, .want_ttl = rr->ttl, .file = find_file(e, place->file) };
	l->rr.owner = keep_name(e, rr->owner, e->n > 0 ? l[-1].rr.owner : NULL);
	l->rr.rdata = rr_list_keep(&e->kept, rr->rdata, rr->rdlen);
	l->origin = keep_name(e, place->entry->origin, e->n > 0 ? l[-1].origin : NULL);
	if (l->rr.owner == NULL || l->rr.rdata == NULL || l->origin == NULL)
		return ERR_NOMEM;
	note_entry(e, l, place->entry);
	note_style(e, l, place->entry);
	e->n++;
	return ERR_OK;
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;		/* zone_read() returns ERR_FORMAT, and nobody wants the words twice */
	(void)place;
	(void)text;
}

enum err
editor_read(struct editor *e, const char *file, const char *text, size_t n)
{
	struct zone_reader reader = { .file = file, .origin = e->apex, .include = on_include, .rr = on_rr,
		.complain = on_complaint, .ctx = e };
	enum err err = add_file(e, file, text, n);

	return err == ERR_OK ? zone_read(&reader, text, n) : err;
}

const char *
editor_text(const struct editor *e, const struct editor_line *l)
{
	return (const char *)e->files[l->file].text.p;
}

bool
editor_lex(const struct editor *e, const struct editor_line *l, struct lexer *lx)
{
	lexer_init(lx, editor_text(e, l) + l->start, l->end - l->start);
	return lexer_next(lx) == LEX_ENTRY;
}

const char *
token_first(const struct token *t)
{
	return t->p - t->quoted;
}

const char *
token_last(const struct token *t)
{
	return t->p + t->n + t->quoted;
}

size_t
editor_width(const char *text, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\t')
			from = (from + 8) / 8 * 8;
		else if (((uint8_t)text[i] & 0xc0) != 0x80)	/* UTF-8: what continues a character has no width */
			from++;
	}
	return from;
}

void
editor_pad(struct buf *out, size_t at, size_t to, bool tabs)
{
	size_t start = out->len;

	while (at < to) {
		if (tabs && (at + 8) / 8 * 8 <= to) {
			buf_u8(out, '\t');
			at = (at + 8) / 8 * 8;
		} else {
			buf_u8(out, ' ');
			at++;
		}
	}
	if (out->len == start)
		buf_u8(out, tabs ? '\t' : ' ');
}

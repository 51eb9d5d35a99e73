/* zones/editor_style.c -- how a new line looks: like the lines around it.
 *
 * Of the neighbours on single lines it is noted where each field begins.  One of them, best one of the same type, is
 * the model: it says whether there is a class, how types are written, and which blanks separate the fields.  Whether
 * a blank is just a blank or fills a column, the others tell: where fields of different widths are followed by the
 * same column, there is one. */
#include "zones/editor_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/rrtype.h"

#define AROUND 12			/* lines on each side that are looked at */

enum field { OWNER, TTL, CLASS, TYPE, RDATA, NFIELDS };

struct cells {				/* one line, cut into its fields */
	const struct editor_line *l;
	struct lexer lx;
	bool has[NFIELDS];
	const char *p[NFIELDS];		/* the field's own text; for RDATA its first token */
	size_t n[NFIELDS];
	size_t column[NFIELDS];
	const char *gap[NFIELDS];	/* the blanks before it */
	size_t gap_n[NFIELDS];
};

struct around {				/* the nearest first, those before it before those behind it */
	struct cells v[2 * AROUND + 1];
	size_t n;
	bool failed;
};

static enum field
field_of(const struct editor_line *l, size_t token)
{
	if (token == l->type_at)
		return TYPE;
	if (token == l->ttl_at)
		return TTL;
	if (token == l->class_at)
		return CLASS;
	return token < l->type_at ? OWNER : RDATA;
}

/* False: its head is not on one line. */
static bool
cells_read(const struct editor *e, const struct editor_line *l, struct cells *c, bool *failed)
{
	const char *start = editor_text(e, l) + l->start, *at = start;

	*c = (struct cells){ .l = l };
	if (l->generated)
		return false;
	if (!editor_lex(e, l, &c->lx)) {
		*failed = true;
		return false;
	}
	for (size_t i = 0; i < c->lx.n && i <= (size_t)l->type_at + 1; i++) {
		const struct token *t = &c->lx.v[i];
		enum field f = field_of(l, i);

		c->gap[f] = at;
		c->gap_n[f] = (size_t)(token_first(t) - at);
		if (strspn(at, " \t") < c->gap_n[f])
			return f == RDATA;		/* a multi-line SOA, say: its head is a model all the same */
		c->has[f] = true;
		c->p[f] = token_first(t);
		c->n[f] = (size_t)(token_last(t) - token_first(t));
		c->column[f] = editor_width(start, (size_t)(token_first(t) - start), 0);
		at = token_last(t);
	}
	return true;
}

static void
look_at(const struct editor *e, const struct editor_line *l, struct around *a)
{
	struct cells *c = &a->v[a->n];

	if (cells_read(e, l, c, &a->failed))
		a->n++;
	else
		lexer_clear(&c->lx);
}

static void
look_around(const struct editor *e, const struct editor_line *at, struct around *a)
{
	const struct editor_line *l = at, *end = e->lines + e->n;

	for (size_t i = 0; i <= AROUND && l >= e->lines && l->file == at->file; i++, l--)
		look_at(e, l, a);
	l = at + 1;
	for (size_t i = 0; i < AROUND && l < end && l->file == at->file; i++, l++)
		look_at(e, l, a);
}

/* Do lines of the owner of the line before leave it out?  The nearest that is such a line tells. */
static bool
omits_owners(const struct editor *e, const struct around *a, const struct editor_file *f)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct editor_line *l = a->v[i].l;

		if (l->indented)
			return true;
		if (l > e->lines && l[-1].file == l->file && dname_equal(l[-1].rr.owner, l->rr.owner))
			return false;
	}
	return f->omits > f->repeats;
}

static const struct cells *
choose_model(const struct around *a, const struct rr *rr, bool omit, bool with_ttl)
{
	const struct cells *best = NULL;
	int most = -1;

	for (size_t i = 0; i < a->n; i++) {
		const struct cells *c = &a->v[i];
		int points = 0;

		points += c->has[RDATA] && c->l->rr.type == rr->type ? 8 : 0;
		points += c->has[RDATA] ? 2 : 0;
		points += c->has[TTL] == with_ttl ? 4 : 0;
		points += c->has[OWNER] == !omit ? 2 : 0;
		points += c->l->rr.type != TYPE_SOA ? 1 : 0;
		if (points > most) {
			most = points;
			best = c;
		}
	}
	return best;
}

/* Do the lines around say that this gap of the model fills a column? */
static bool
fills_column(const struct around *a, const struct cells *model, enum field f)
{
	bool tab = model->gap[f][0] == '\t';

	if (model->gap_n[f] > 1)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		const struct cells *c = &a->v[i];

		if (!c->has[f])
			continue;
		if (tab && c->gap_n[f] == 1 && c->gap[f][0] == '\t' && c->column[f] != model->column[f])
			return false;		/* one tab, whatever comes of it */
		if (!tab && c->gap_n[f] != 1 && c->column[f] == model->column[f])
			return true;
	}
	return tab;
}

static void
put_gap(const struct around *a, const struct cells *model, enum field f, struct buf *out, size_t start)
{
	size_t at = out->failed ? 0 : editor_width((const char *)out->p + start, out->len - start, 0);
	bool tabs;

	if (!model->has[f] || model->gap_n[f] == 0) {
		buf_u8(out, ' ');
		return;
	}
	tabs = memchr(model->gap[f], '\t', model->gap_n[f]) != NULL;
	if (!fills_column(a, model, f))
		buf_u8(out, model->gap[f][0]);
	else
		editor_pad(out, at, model->column[f], tabs);
}

void
editor_put_owner(const struct editor *e, const struct editor_line *like, const uint8_t *owner, struct buf *out)
{
	const struct editor_file *f = &e->files[like->file];
	unsigned n = dname_labels(owner), m = dname_labels(like->origin);
	bool relative = m > 0 && dname_is_below(owner, like->origin) && f->absolute_owners <= f->relative_owners;
	char text[DNAME_TEXT_MAX];
	struct dname prefix;

	if (!relative) {
		buf_add_str(out, dname_print(owner, text));
	} else if (n == m) {
		buf_u8(out, '@');
	} else {
		dname_join(&prefix, owner, n - m, (const uint8_t *)"");
		buf_add_str(out, dname_print_host(prefix.octets, text));
	}
}

/* As another line around writes the same owner. */
static void
put_owner(const struct editor *e, const struct around *a, const struct editor_line *at, const uint8_t *owner,
    struct buf *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct cells *c = &a->v[i];

		if (c->has[OWNER] && dname_equal(c->l->rr.owner, owner) && dname_equal(c->l->origin, at->origin)) {
			buf_add(out, c->p[OWNER], c->n[OWNER]);
			return;
		}
	}
	editor_put_owner(e, at, owner, out);
}

static void
put_ttl(const struct around *a, const struct cells *model, uint32_t ttl, struct buf *out, size_t start)
{
	const struct cells *other = model;
	bool written = false;

	for (size_t i = 0; i < a->n && (other == NULL || !other->has[TTL]); i++)
		if (a->v[i].has[TTL])
			other = &a->v[i];
	if (other == NULL || !other->has[TTL])
		buf_u8(out, model != NULL && model->has[CLASS] && model->gap[CLASS][0] == '\t' ? '\t' : ' ');
	else
		put_gap(a, other, TTL, out, start);
	for (size_t i = 0; i < a->n && !written; i++) {		/* 1h where others write 1h */
		const struct cells *c = &a->v[i];

		if (c->has[TTL] && c->l->rr.ttl == ttl) {
			buf_add(out, c->p[TTL], c->n[TTL]);
			written = true;
		}
	}
	if (!written)
		buf_printf(out, "%u", ttl);
}

static void
put_type(const struct cells *model, uint16_t type, struct buf *out)
{
	bool lower = model != NULL && islower((uint8_t)model->p[TYPE][0]);
	char text[RRTYPE_TEXT_MAX];

	rrtype_print(type, text);
	for (const char *p = text; *p != '\0'; p++)
		buf_u8(out, (uint8_t)(lower ? tolower((uint8_t)*p) : *p));
}

/* Where it could be left out, the nearest line tells that could leave it out too. */
static bool
wants_ttl(const struct editor *e, const struct around *a, const struct editor_line *at, const struct rr *rr)
{
	bool at_apex = dname_equal(rr->owner, e->apex);

	if (at->implies_ttl ? at->rr.ttl != rr->ttl : !at->has_default || at->default_ttl != rr->ttl)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		const struct editor_line *l = a->v[i].l;

		if (l->rr.type != TYPE_SOA && dname_equal(l->rr.owner, e->apex) == at_apex &&
		    (!l->has_ttl || (l->has_default && l->rr.ttl == l->default_ttl)))
			return l->has_ttl;
	}
	return false;
}

static void
put_indent(const struct around *a, const struct cells *model, struct buf *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct cells *c = &a->v[i];

		for (int f = TTL; f <= TYPE && !c->has[OWNER]; f++)
			if (c->has[f] && c->gap[f] == c->lx.entry) {
				buf_add(out, c->gap[f], c->gap_n[f]);
				return;
			}
	}
	for (int f = TTL; model != NULL && f <= TYPE; f++)
		if (model->has[f] && (f == TYPE || model->gap[f] == model->p[OWNER] + model->n[OWNER])) {
			editor_pad(out, 0, model->column[f], memchr(model->gap[f], '\t', model->gap_n[f]) != NULL);
			return;
		}
	buf_u8(out, '\t');
}

static void
put_rdata(const struct editor *e, const struct cells *model, const struct editor_line *at, const struct rr *rr,
    struct buf *out)
{
	size_t first = model == NULL ? 0 : (size_t)model->l->type_at + 1;

	if (model != NULL && model->l->rr.type == rr->type)
		editor_rdata_like(e, at, rr, model->lx.v + first, model->lx.n - first, out);
	else
		editor_rdata_like(e, at, rr, NULL, 0, out);
}

const char *
editor_line_end(const struct editor *e, const struct editor_line *l)
{
	const struct buf *text = &e->files[l->file].text;
	const uint8_t *end = text->p + l->end;

	if (end[-1] != '\n')		/* the file ends without: as on its first line */
		end = memchr(text->p, '\n', text->len);
	else
		end--;
	return end != NULL && end > text->p && end[-1] == '\r' ? "\r\n" : "\n";
}

/* The fields between the owner and the rdata; the indent of a line without owner stands already. */
static void
put_head(const struct around *a, const struct cells *model, const struct rr *rr, bool ttl, bool class_first,
    bool indented, struct buf *out, size_t start)
{
	enum field order[] = { class_first ? CLASS : TTL, class_first ? TTL : CLASS, TYPE };

	for (size_t i = 0; i < 3; i++) {
		enum field f = order[i];

		if ((f == TTL && !ttl) || (f == CLASS && (model == NULL || !model->has[CLASS])))
			continue;
		if (f == TTL && !indented) {
			put_ttl(a, model, rr->ttl, out, start);
		} else if (f == TTL) {
			buf_printf(out, "%u", rr->ttl);
		} else {
			if (!indented && model != NULL)
				put_gap(a, model, f, out, start);
			else if (!indented)
				buf_u8(out, ' ');
			if (f == CLASS)
				buf_add(out, model->p[CLASS], model->n[CLASS]);
			else
				put_type(model, rr->type, out);
		}
		indented = false;
	}
}

bool
editor_new_line(const struct editor *e, const struct editor_line *at, const struct rr *rr, bool may_omit,
    struct buf *out)
{
	const struct editor_file *f = &e->files[at->file];
	struct around a = { .n = 0 };
	const struct cells *model;
	size_t start = out->len;
	bool omit, ttl;

	look_around(e, at, &a);
	omit = may_omit && omits_owners(e, &a, f);
	ttl = wants_ttl(e, &a, at, rr);
	model = choose_model(&a, rr, omit, ttl);
	if (omit)
		put_indent(&a, model, out);
	else
		put_owner(e, &a, at, rr->owner, out);
	put_head(&a, model, rr, ttl, f->class_first, omit, out, start);
	if (model != NULL)
		put_gap(&a, model, RDATA, out, start);
	else
		buf_u8(out, ' ');
	if (rr->rdlen > 0)
		put_rdata(e, model, at, rr, out);
	buf_add_str(out, editor_line_end(e, at));
	out->failed |= a.failed;
	for (size_t i = 0; i < a.n; i++)
		lexer_clear(&a.v[i].lx);
	return ttl;
}

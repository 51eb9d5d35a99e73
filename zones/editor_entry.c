/* zones/editor_entry.c -- one entry of the text with some of its tokens changed.
 *
 * What lies between the tokens stays: line ends, comments, parentheses.  Only runs of blanks give way, so that the
 * columns behind a changed token stay where they were as long as there is room. */
#include "zones/editor_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/rrtype.h"
#include "zones/rdata_tokens.h"

/* --- rdata as tokens --- */

struct printed {			/* rdata as we print it */
	struct buf text;
	struct lexer lx;
};

static bool
print_rdata(struct printed *p, const struct rr *rr, const uint8_t *origin)
{
	rdata_text_relative(rr, origin, &p->text);
	if (buf_str(&p->text) == NULL)
		return false;
	lexer_init(&p->lx, (const char *)p->text.p, p->text.len);
	return lexer_next(&p->lx) != LEX_NOMEM;		/* it may be nothing: LEX_END */
}

static void
printed_clear(struct printed *p)
{
	lexer_clear(&p->lx);
	buf_clear(&p->text);
}

static bool
same_token(const struct token *a, const struct token *b)
{
	return a->quoted == b->quoted && a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static bool
is_hex_type(uint16_t type)
{
	return type == TYPE_DS || type == TYPE_CDS || type == TYPE_TLSA || type == 53 /* SMIMEA */ ||
	    type == 44 /* SSHFP */ || type == TYPE_ZONEMD;
}

static bool
is_upper_hex(const struct token *t)
{
	bool upper = false;

	for (size_t i = 0; i < t->n; i++) {
		if (!isxdigit((uint8_t)t->p[i]) || islower((uint8_t)t->p[i]))
			return false;
		upper |= isupper((uint8_t)t->p[i]) != 0;
	}
	return upper;
}

static bool
needs_no_quotes(const struct token *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!isalnum((uint8_t)t->p[i]) && strchr("-_.:=+/*~,", t->p[i]) == NULL)
			return false;
	return t->n > 0;
}

static void
put_hex(const char *p, size_t n, bool upper, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_u8(out, (uint8_t)(upper ? toupper((uint8_t)p[i]) : p[i]));
}

/* A token of new rdata, of which we have both the relative and the absolute form, in the manner of the old one. */
static void
put_token(const struct editor_file *f, const struct rr *rr, const struct token *old, const struct token *relative,
    const struct token *absolute, bool old_was_choice, struct buf *out)
{
	const struct token *t = relative;

	if (!same_token(relative, absolute)) {
		bool full = old != NULL && !old->quoted && (old_was_choice || old->p[old->n - 1] != '.') ?
		    old->p[old->n - 1] == '.' : f->absolute_names > f->relative_names;

		t = full ? absolute : relative;
	}
	if (t->quoted && old != NULL && !old->quoted && needs_no_quotes(t))
		buf_add(out, t->p, t->n);
	else if (!t->quoted && is_hex_type(rr->type) && old != NULL && is_upper_hex(old))
		put_hex(t->p, t->n, true, out);
	else
		buf_add(out, token_first(t), (size_t)(token_last(t) - token_first(t)));
}

void
editor_rdata_like(const struct editor *e, const struct editor_line *like, const struct rr *rr, const struct token *v,
    size_t n, struct buf *out)
{
	struct printed relative = { 0 }, absolute = { 0 };

	if (!print_rdata(&relative, rr, like->origin) || !print_rdata(&absolute, rr, NULL))
		out->failed = true;
	for (size_t i = 0; !out->failed && i < relative.lx.n; i++) {
		const struct token *old = n == 0 ? NULL : &v[i < n ? i : n - 1];

		if (i > 0 && !relative.lx.v[i].glued)
			buf_u8(out, ' ');
		if (old != NULL && relative.lx.v[i].glued)
			old = NULL;
		put_token(&e->files[like->file], rr, old, &relative.lx.v[i], &absolute.lx.v[i], false, out);
	}
	printed_clear(&relative);
	printed_clear(&absolute);
}

/* --- the entry --- */

struct entry {
	const struct editor *e;
	const struct editor_line *l;
	const struct editor_change *c;
	struct lexer lx;
	size_t first;			/* token of the rdata */
	struct printed old, relative, absolute;
	struct buf *out;
	const char *at;			/* the old text up to here is dealt with */
	size_t start;			/* of the entry in out */
};

static size_t
column_in(const char *start, const char *p)
{
	const char *line = p;

	while (line > start && line[-1] != '\n')
		line--;
	return editor_width(line, (size_t)(p - line), 0);
}

static size_t
old_column(const struct entry *x, const char *p)
{
	return column_in(editor_text(x->e, x->l) + x->l->start, p);
}

static size_t
new_column(const struct entry *x)
{
	const struct buf *out = x->out;

	return out->failed ? 0 : column_in((const char *)out->p + x->start, (const char *)out->p + out->len);
}

static bool
ends_line(const char *p, const char *end)
{
	return p == end || *p == '\n' || *p == '\r';
}

/* What lies between the last token and p.  One blank stays one; more of them keep the column. */
static void
put_gap(struct entry *x, const char *p)
{
	const char *blanks = x->at, *end = editor_text(x->e, x->l) + x->l->end;
	size_t n, from;

	while (blanks < p && (*blanks == ' ' || *blanks == '\t'))
		blanks++;
	n = (size_t)(blanks - x->at);
	from = x->out->len > x->start ? new_column(x) : 0;
	if (n == 0 || ends_line(blanks, end) || (n == 1 && *x->at == ' ') || from == old_column(x, x->at))
		buf_add(x->out, x->at, n);
	else
		editor_pad(x->out, from, old_column(x, blanks), memchr(x->at, '\t', n) != NULL);
	buf_add(x->out, blanks, (size_t)(p - blanks));
	x->at = p;
}

#define AROUND 8			/* lines on each side that are looked at */

/* Where the next line that has a TTL has it, or where one that has none has what follows; SIZE_MAX: none is near. */
static size_t
column_around(const struct entry *x, bool with_ttl)
{
	const struct editor *e = x->e;
	const struct editor_line *l = x->l;

	for (ptrdiff_t i = 1; i <= 2 * AROUND; i++) {
		ptrdiff_t at = l - e->lines + (i % 2 != 0 ? -(i + 1) / 2 : i / 2);
		const struct editor_line *k = e->lines + at;
		size_t column = SIZE_MAX;
		struct lexer lx;

		if (at < 0 || at >= (ptrdiff_t)e->n || k->file != l->file || k->has_ttl != with_ttl || k->generated ||
		    k->rr.type == TYPE_SOA)
			continue;
		if (editor_lex(e, k, &lx))
			column = column_in(lx.entry, token_first(&lx.v[with_ttl ? k->ttl_at : !k->indented]));
		else
			x->out->failed = true;
		lexer_clear(&lx);
		return column;
	}
	return SIZE_MAX;
}

/* The gap in which a TTL is to stand, up to p. */
static void
put_ttl_in_gap(struct entry *x, const char *ttl, const char *p)
{
	const char *gap = x->at;
	size_t n = (size_t)(p - gap), len = strlen(ttl), from, column;
	bool tabs = memchr(gap, '\t', n) != NULL;

	if (strspn(gap, " \t") < n) {		/* a parenthesis, a comment */
		put_gap(x, p);
		buf_printf(x->out, "%s ", ttl);
		return;
	}
	column = n > 1 ? column_around(x, true) : SIZE_MAX;
	if (column != SIZE_MAX && column > (from = new_column(x))) {
		editor_pad(x->out, from, column, tabs);
		buf_add_str(x->out, ttl);
		editor_pad(x->out, new_column(x), old_column(x, p), tabs);
		x->at = p;
		return;
	}
	if (!tabs && n >= len + 2) {
		from = new_column(x);
		editor_pad(x->out, from, old_column(x, p) - len - 1, false);
		buf_printf(x->out, "%s ", ttl);
	} else {
		buf_add(x->out, gap, tabs && n > 1 ? n - 1 : n);
		buf_add_str(x->out, ttl);
		from = new_column(x);
		editor_pad(x->out, from, tabs && n > 1 ? old_column(x, p) : from, tabs);
	}
	x->at = p;
}

/* The TTL t goes, before next. */
static void
drop_ttl(struct entry *x, const struct token *t, const struct token *next)
{
	const char *p = token_first(next);
	size_t column = old_column(x, p);

	if (column == column_around(x, false))
		editor_pad(x->out, new_column(x), column, memchr(x->at, '\t', (size_t)(p - x->at)) != NULL);
	else
		put_gap(x, token_first(t));
	x->at = strspn(token_last(t), " \t") < (size_t)(p - token_last(t)) ? token_last(t) : p;
}

static void
put_old(struct entry *x, const struct token *t)
{
	put_gap(x, token_first(t));
	buf_add(x->out, token_first(t), (size_t)(token_last(t) - token_first(t)));
	x->at = token_last(t);
}

static void
put_head(struct entry *x)
{
	size_t type_at = x->l->type_at, ttl_before = type_at;
	const struct editor_line *l = x->l;
	char ttl[16];

	snprintf(ttl, sizeof ttl, "%u", x->c->ttl);
	if (l->class_at != UINT8_MAX && !x->e->files[l->file].class_first)
		ttl_before = l->class_at;
	if (x->c->owner != NULL) {		/* the blanks at the line's start make room for it */
		const char *p = x->at;

		while (p < x->lx.p && (*p == ' ' || *p == '\t'))
			p++;
		buf_add_str(x->out, x->c->owner);
		editor_pad(x->out, new_column(x), old_column(x, p), memchr(x->at, '\t', (size_t)(p - x->at)) != NULL);
		x->at = p;
	}
	for (size_t i = 0; i <= type_at; i++) {
		const struct token *t = &x->lx.v[i];

		if (x->c->drop_ttl && l->ttl_at == i) {
			drop_ttl(x, t, t + 1);
			continue;
		}
		if (x->c->set_ttl && l->ttl_at == i) {
			put_gap(x, token_first(t));
			buf_add_str(x->out, ttl);
			x->at = token_last(t);
			continue;
		}
		if (x->c->set_ttl && l->ttl_at == UINT8_MAX && i == ttl_before && (i > 0 || x->c->owner == NULL))
			put_ttl_in_gap(x, ttl, token_first(t));
		else if (x->c->set_ttl && l->ttl_at == UINT8_MAX && i == ttl_before)
			buf_printf(x->out, "%s ", ttl);
		put_old(x, t);
	}
}

/* The token goes, and the blanks before it. */
static void
drop_token(struct entry *x, const struct token *t)
{
	const char *p = token_first(t);

	while (p > x->at && (p[-1] == ' ' || p[-1] == '\t'))
		p--;
	put_gap(x, p);
	x->at = token_last(t);
}

/* Does the old blob, in several pieces, end the rdata? */
static bool
is_blob(const struct entry *x, const struct token *v, size_t n)
{
	const struct token *t;
	size_t m = x->old.lx.n, at = 0;

	if (m == 0 || m != x->relative.lx.n || n <= m)
		return false;
	t = &x->old.lx.v[m - 1];
	for (size_t i = m - 1; i < n; i++) {
		if (v[i].quoted || t->quoted || at + v[i].n > t->n || strncasecmp(t->p + at, v[i].p, v[i].n) != 0)
			return false;
		at += v[i].n;
	}
	return at == t->n;
}

/* The new blob in pieces as long as the old ones were, the last one the rest. */
static void
put_blob(struct entry *x, const struct token *v, size_t n, const struct token *blob)
{
	bool upper = false;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		upper |= is_hex_type(x->l->rr.type) && is_upper_hex(&v[i]);
	for (size_t i = 0; i < n; i++) {
		size_t left = blob->n - at, len = i + 1 == n || left < v[i].n ? left : v[i].n;

		if (left == 0) {
			drop_token(x, &v[i]);
			continue;
		}
		put_gap(x, token_first(&v[i]));
		put_hex(blob->p + at, len, upper, x->out);
		x->at = token_last(&v[i]);
		at += len;
	}
}

/* The first end tokens of the new rdata, as far as possible in the places of the old ones.  matched: the old ones say
 * one by one what x->old has, so that those without a difference stay as they were written. */
static void
put_tokens(struct entry *x, const struct token *v, size_t n, size_t end, bool matched)
{
	const struct editor_file *f = &x->e->files[x->l->file];

	for (size_t i = 0; i < end; i++) {
		const struct token *relative = &x->relative.lx.v[i], *absolute = &x->absolute.lx.v[i];
		const struct token *old = i < n ? &v[i] : n > 0 ? &v[n - 1] : NULL;
		bool choice = matched && i < n && !x->old.lx.v[i].quoted && x->old.lx.v[i].n > 0 &&
		    x->old.lx.v[i].p[x->old.lx.v[i].n - 1] != '.';

		if (i < n && matched && same_token(&x->old.lx.v[i], relative)) {
			put_old(x, &v[i]);
			continue;
		}
		if (i < n) {
			put_gap(x, token_first(&v[i]));
			x->at = token_last(&v[i]);
		} else if (!relative->glued || i == 0) {
			buf_u8(x->out, ' ');
		}
		put_token(f, &x->l->rr, old, relative, absolute, choice, x->out);
	}
	for (size_t i = end; i < n; i++)
		drop_token(x, &v[i]);
}

static bool
glued_alike(const struct token *a, size_t n, const struct token *b, size_t m)
{
	for (size_t i = 0; i < n || i < m; i++) {
		bool x = i > 0 && i < n && a[i].glued, y = i > 0 && i < m && b[i].glued;

		if (x != y)
			return false;
	}
	return true;
}

static bool
put_rdata(struct entry *x)
{
	const struct rr *rr = x->c->becomes;
	const struct token *v = x->lx.v + x->first;
	size_t n = x->lx.n - x->first, m;

	if (rr == NULL) {
		for (size_t i = 0; i < n; i++)
			put_old(x, &v[i]);
		return true;
	}
	if (!print_rdata(&x->old, &x->l->rr, x->l->origin) || !print_rdata(&x->relative, rr, x->l->origin) ||
	    !print_rdata(&x->absolute, rr, NULL))
		return false;
	m = x->relative.lx.n;
	if (is_blob(x, v, n)) {
		put_tokens(x, v, m - 1, m - 1, true);
		put_blob(x, v + m - 1, n - m + 1, &x->relative.lx.v[m - 1]);
	} else if (glued_alike(v, n, x->relative.lx.v, m)) {
		put_tokens(x, v, n, m, n == x->old.lx.n);
	} else {
		put_gap(x, n > 0 ? token_first(&v[0]) : x->at);
		if (n == 0)
			buf_u8(x->out, ' ');
		editor_rdata_like(x->e, x->l, rr, NULL, 0, x->out);
		if (n > 0)
			x->at = token_last(&v[0]);
		for (size_t i = 1; i < n; i++)
			drop_token(x, &v[i]);
	}
	return true;
}

enum err
editor_change_line(const struct editor *e, const struct editor_line *l, const struct editor_change *c, struct buf *out)
{
	struct entry x = { .e = e, .l = l, .c = c, .out = out, .at = editor_text(e, l) + l->start, .start = out->len };
	bool ok = editor_lex(e, l, &x.lx);

	x.first = (size_t)l->type_at + 1;
	if (ok) {
		put_head(&x);
		ok = put_rdata(&x);
	}
	if (ok)
		put_gap(&x, editor_text(e, l) + l->end);
	lexer_clear(&x.lx);
	printed_clear(&x.old);
	printed_clear(&x.relative);
	printed_clear(&x.absolute);
	return ok && !out->failed ? ERR_OK : ERR_NOMEM;
}

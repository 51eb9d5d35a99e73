/* The text once more, from start to end, with what was decided of its lines. */
#include "zones/editor_internal.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

struct writing {
	struct editor *e;
	bool has_last;			/* the TTL that an RR before has written */
	uint32_t last_ttl;
};

static void
flush(struct editor_file *f, size_t to)
{
	if (to > f->pos)		/* an empty file has no octets to point to */
		buf_add(&f->out, f->text.p + f->pos, to - f->pos);
	f->pos = to;
}

static bool
same_octets(const uint8_t *a, const uint8_t *b)
{
	size_t n = dname_len(a);

	return n == dname_len(b) && memcmp(a, b, n) == 0;
}

/* The TTL that the line gets if it has none of its own; false: it gets none. */
static bool
inherited_ttl(const struct writing *w, const struct editor_line *l, uint32_t *ttl)
{
	*ttl = l->has_default ? l->default_ttl : w->has_last ? w->last_ttl : l->rr.ttl;
	return l->has_default || w->has_last || l->implies_ttl;
}

static bool
needs_ttl(const struct writing *w, const struct editor_line *l)
{
	uint32_t ttl;

	if (l->has_ttl)
		return l->rr.ttl != l->want_ttl;
	return !inherited_ttl(w, l, &ttl) || ttl != l->want_ttl;
}

/* A TTL that has become the default's: it is left out, as this file does. */
static bool
drops_ttl(const struct writing *w, const struct editor_line *l)
{
	const struct editor_file *f = &w->e->files[l->file];

	return l->has_ttl && l->rr.ttl != l->want_ttl && l->has_default && l->default_ttl == l->want_ttl &&
	    f->bare > f->needless_ttls;
}

static void
note_ttl(struct writing *w, uint32_t ttl)
{
	w->has_last = true;
	w->last_ttl = ttl;
}

/* The owner of a group as its first line had it, for the one that is the first now. */
static enum err
put_group_owner(struct editor *e, const struct editor_line *l, struct buf *out)
{
	const struct editor_line *k = l;

	while (k > e->lines && k->indented && k[-1].file == l->file)
		k--;
	if (!k->indented && !k->generated && same_octets(k->rr.owner, l->rr.owner) &&
	    dname_equal(k->origin, l->origin)) {
		struct lexer lx;
		bool ok = editor_lex(e, k, &lx);

		if (ok)
			buf_add(out, token_first(&lx.v[0]), lx.v[0].n);
		lexer_clear(&lx);
		if (!ok)
			return ERR_NOMEM;
	} else {
		editor_put_owner(e, l, l->rr.owner, out);
	}
	return buf_str(out) == NULL ? ERR_NOMEM : ERR_OK;
}

/* The SOA's minimum is everybody's TTL: $TTL says it from now on. */
static void
keep_default(struct editor *e, const struct editor_line *l)
{
	buf_printf(&e->files[l->file].out, "$TTL %u%s", l->rr.ttl, editor_line_end(e, l));
}

static enum err
write_kept(struct writing *w, const struct editor_line *l)
{
	struct editor *e = w->e;
	struct editor_file *f = &e->files[l->file];
	struct editor_change c = { .becomes = l->becomes, .ttl = l->want_ttl, .drop_ttl = drops_ttl(w, l) };
	struct buf owner = { 0 };
	enum err err = ERR_OK;

	c.set_ttl = !c.drop_ttl && needs_ttl(w, l);
	if (l->indented && (f->owner == NULL || !same_octets(f->owner, l->rr.owner))) {
		err = put_group_owner(e, l, &owner);
		c.owner = buf_str(&owner);
	}
	f->owner = l->rr.owner;
	if ((l->has_ttl || c.set_ttl) && !c.drop_ttl)
		note_ttl(w, l->want_ttl);
	if (err == ERR_OK && (c.owner != NULL || c.set_ttl || c.drop_ttl || c.becomes != NULL)) {
		struct soa old = { 0 }, new = { 0 };

		flush(f, l->start);
		if (l->implies_ttl && c.becomes != NULL) {
			soa_read(l->rr.rdata, l->rr.rdlen, &old);
			soa_read(c.becomes->rdata, c.becomes->rdlen, &new);
		}
		if (l->implies_ttl && (c.set_ttl || old.minimum != new.minimum))
			keep_default(e, l);
		err = editor_change_line(e, l, &c, &f->out);
		f->pos = l->end;
		f->changed = true;
	}
	buf_clear(&owner);
	return err;
}

static void
end_line(struct editor *e, const struct editor_line *l)
{
	struct editor_file *f = &e->files[l->file];

	if (f->out.len > 0 && f->out.p[f->out.len - 1] != '\n')
		buf_add_str(&f->out, editor_line_end(e, l));
}

static void
write_rr(struct writing *w, const struct editor_line *l, const struct rr *rr, bool may_omit)
{
	struct editor_file *f = &w->e->files[l->file];

	end_line(w->e, l);
	if (editor_new_line(w->e, l, rr, may_omit && f->owner != NULL && dname_equal(f->owner, rr->owner), &f->out))
		note_ttl(w, rr->ttl);
	f->owner = rr->owner;
	f->changed = true;
}

static enum err
write_new(struct writing *w, const struct editor_line *l)
{
	struct editor_file *f = &w->e->files[l->file];

	if (l->first != NULL)
		flush(f, l->end);
	for (const struct editor_new *x = l->first; x != NULL; x = x->next)
		write_rr(w, l, x->rr, true);
	return f->out.failed ? ERR_NOMEM : ERR_OK;
}

/* --- $GENERATE --- */

static bool
is_whole(const struct writing *w, const struct editor_line *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (l[i].gone || needs_ttl(w, &l[i]))
			return false;
	return true;
}

/* $GENERATE for the numbers of n of its RRs, from the kth. */
static enum err
write_range(struct writing *w, const struct editor_line *l, size_t k, size_t n)
{
	struct editor_file *f = &w->e->files[l->file];
	unsigned long start, step = 1;
	const char *text = editor_text(w->e, l);
	struct lexer lx;
	char *p;
	enum err err = ERR_NOMEM;

	if (editor_lex(w->e, l, &lx)) {
		start = strtoul(lx.v[1].p, &p, 10);
		strtoul(p + 1, &p, 10);
		if (*p == '/')
			step = strtoul(p + 1, NULL, 10);
		end_line(w->e, l);
		buf_add(&f->out, text + l->start, (size_t)(lx.v[1].p - text) - l->start);
		buf_printf(&f->out, "%lu-%lu", start + k * step, start + (k + n - 1) * step);
		if (step > 1 && n > 1)
			buf_printf(&f->out, "/%lu", step);
		buf_add(&f->out, lx.v[1].p + lx.v[1].n, (size_t)(text + l->end - (lx.v[1].p + lx.v[1].n)));
		err = f->out.failed ? ERR_NOMEM : ERR_OK;
	}
	lexer_clear(&lx);
	if (l[k].has_ttl)
		note_ttl(w, l[k + n - 1].rr.ttl);
	return err;
}

/* What is left of it: ranges of numbers, and RRs that have another TTL on lines of their own. */
static enum err
write_split(struct writing *w, const struct editor_line *l, size_t n)
{
	struct editor_file *f = &w->e->files[l->file];
	enum err err = ERR_OK;

	flush(f, l->start);
	f->pos = l->end;
	f->changed = true;
	for (size_t k = 0; err == ERR_OK && k < n; k++) {
		size_t from = k;

		while (k < n && !l[k].gone && !needs_ttl(w, &l[k]) && (k == from || l[k - 1].first == NULL))
			k++;
		if (k > from) {
			err = write_range(w, l, from, k - from);
			k--;
		} else if (!l[k].gone) {
			struct rr rr = l[k].rr;

			rr.ttl = l[k].want_ttl;
			write_rr(w, l, &rr, false);
		}
		for (const struct editor_new *x = l[k].first; x != NULL; x = x->next)
			write_rr(w, l, x->rr, true);
	}
	return f->out.failed ? ERR_NOMEM : err;
}

static enum err
write_generated(struct writing *w, const struct editor_line *l, size_t n)
{
	enum err err = ERR_OK;

	if (!is_whole(w, l, n))
		return write_split(w, l, n);
	if (l->has_ttl)
		note_ttl(w, l[n - 1].rr.ttl);
	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = write_new(w, &l[i]);
	return err;
}

static enum err
write_frozen(struct writing *w, const struct editor_line *l)
{
	if (l->gone || l->becomes != NULL || needs_ttl(w, l)) {
		w->e->in_the_way = l->file;
		return ERR_UNSUPPORTED;
	}
	if (l->has_ttl)
		note_ttl(w, l->rr.ttl);
	return ERR_OK;
}

enum err
editor_write(struct editor *e)
{
	struct writing w = { .e = e };
	enum err err = ERR_OK;

	for (size_t i = 0, n; err == ERR_OK && i < e->n; i += n) {
		const struct editor_line *l = &e->lines[i];
		struct editor_file *f = &e->files[l->file];

		for (n = 1; l->generated && i + n < e->n && l[n].generated && l[n].file == l->file &&
		    l[n].start == l->start && !f->frozen; n++)
			;
		if (f->frozen) {
			err = write_frozen(&w, l);
		} else if (l->generated) {
			err = write_generated(&w, l, n);
		} else if (l->gone) {
			flush(f, l->start);
			f->pos = l->end;
			f->changed = true;
			err = write_new(&w, l);
		} else if ((err = write_kept(&w, l)) == ERR_OK) {
			err = write_new(&w, l);
		}
	}
	for (size_t i = 0; err == ERR_OK && i < e->nfiles; i++) {
		flush(&e->files[i], e->files[i].text.len);
		if (e->files[i].out.failed)
			err = ERR_NOMEM;
	}
	return err;
}

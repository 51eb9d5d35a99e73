/* The reader tells for each RR which lines it stands on; that is kept as a list of struct editor_line, in the order of
 * the text (editor_lines.c).  The list is compared with the wanted RRs: a line stays, goes, or becomes another RR of
 * its owner and type, so that a comment behind it stays; other RRs that come are put behind a line (editor_place.c).
 *
 * Then the text is written once more from start to end, with what the lines behind would take over from those before
 * kept in mind, as a reader would: the owner, and the TTL where there is no $TTL.  A line that would come to mean
 * something else gets written what it took over before.  Lines that change are done by editor_entry.c, new ones by
 * editor_style.c.
 *
 * In the end the new text is read back and compared with what was wanted. */
#include "zones/editor.h"

#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/check.h"
#include "zones/editor_internal.h"
#include "zones/load.h"
#include "zones/rrsort.h"

/* --- the differences --- */

#define FEW 10000			/* lines that one thread sorts */

static enum err
sort_lines(struct editor *e)
{
	struct rr_order *order;
	size_t i = 1;
	enum err err;

	if ((e->by_rr = calloc(e->n + 1, sizeof(struct editor_line *))) == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < e->n; k++)
		e->by_rr[k] = &e->lines[k];
	while (i < e->n && rr_compare(&e->lines[i - 1].rr, &e->lines[i].rr) <= 0)
		i++;
	if (i >= e->n)
		return ERR_OK;
	if ((order = calloc(e->n, sizeof *order)) == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < e->n; k++) {
		order[k].rr = &e->lines[k].rr;
		rr_order_key(order[k].rr->owner, e->apex, order[k].key);
	}
	err = rr_order_sort(order, e->n, e->n < FEW ? 1 : parallel_cpus());
	for (size_t k = 0; err == ERR_OK && k < e->n; k++)
		e->by_rr[k] = &e->lines[(const struct editor_line *)(const void *)order[k].rr - e->lines];
	free(order);
	return err;
}

/* Addresses outside of the zone are loaded when they are an apex server's; the rest is not ours to remove. */
static bool
is_loaded(const struct editor *e, const struct rr *rr, const struct rr_list *wanted)
{
	return dname_is_below(rr->owner, e->apex) || ((rr->type == TYPE_A || rr->type == TYPE_AAAA) &&
	    zone_check_is_apex_server(e->apex, wanted, rr->owner));
}

struct come {
	struct editor_new *v;		/* in canonical order */
	size_t n;
};

/* Lines that say the same RR twice stay or go together. */
static void
compare(struct editor *e, const struct rr_list *wanted, struct come *come)
{
	size_t i = 0, j = 0;

	while (i < e->n || j < wanted->n) {
		struct editor_line *l = i < e->n ? e->by_rr[i] : NULL;
		const struct rr *rr = j < wanted->n ? &wanted->v[j] : NULL;
		int d = l == NULL ? 1 : rr == NULL ? -1 : rr_same(&l->rr, rr) ? 0 : rr_compare(&l->rr, rr);

		if (l != NULL && rr != NULL && l->rr.type == TYPE_SOA && rr->type == TYPE_SOA && d != 0) {
			l->becomes = rr;
			l->want_ttl = rr->ttl;
			i++;
			j++;
		} else if (d > 0) {
			come->v[come->n++].rr = rr;
			j++;
		} else if (d < 0) {
			l->gone = is_loaded(e, &l->rr, wanted);
			i++;
		} else {
			for (; i < e->n && rr_same(&e->by_rr[i]->rr, rr); i++)
				e->by_rr[i]->want_ttl = rr->ttl;
			j++;
		}
	}
}

static bool
same_rrset(const struct rr *a, const struct rr *b)
{
	return a->type == b->type && dname_equal(a->owner, b->owner);
}

/* A line that goes becomes one that comes of the same RRset.  What is left of come has no line yet. */
static void
pair(struct editor *e, struct come *come)
{
	size_t left = 0, i = 0, first = 0;

	for (size_t j = 0; j < come->n; j++) {
		const struct rr *rr = come->v[j].rr;
		struct editor_line *l = NULL;

		if (j == 0 || !dname_equal(come->v[j - 1].rr->owner, rr->owner))
			first = editor_first_of(e, rr->owner);
		i = i > first ? i : first;
		while (i < e->n && dname_equal(e->by_rr[i]->rr.owner, rr->owner) && e->by_rr[i]->rr.type < rr->type)
			i++;
		for (; l == NULL && i < e->n && same_rrset(&e->by_rr[i]->rr, rr); i++)
			if (e->by_rr[i]->gone && !e->by_rr[i]->generated)
				l = e->by_rr[i];
		if (l == NULL) {
			come->v[left++].rr = rr;
			continue;
		}
		l->gone = false;
		l->becomes = rr;
		l->want_ttl = rr->ttl;
	}
	come->n = left;
}

/* One TTL per RRset is wanted, the text may have several, of which the smallest counts: only what is in the way of that
 * is changed.  Signatures have their own. */
static void
settle_ttls(struct editor *e)
{
	for (size_t i = 0, end; i < e->n; i = end) {
		bool exact = false;

		for (end = i; end < e->n && same_rrset(&e->by_rr[i]->rr, &e->by_rr[end]->rr); end++)
			if (!e->by_rr[end]->gone && e->by_rr[end]->want_ttl == e->by_rr[end]->rr.ttl)
				exact = true;
		for (size_t k = i; k < end && exact && e->by_rr[k]->rr.type != TYPE_RRSIG; k++)
			if (e->by_rr[k]->want_ttl < e->by_rr[k]->rr.ttl)
				e->by_rr[k]->want_ttl = e->by_rr[k]->rr.ttl;
	}
}

/* Its owner's RRs come first behind a line, then those of others. */
static void
put_behind(struct editor_line *l, struct editor_new *x)
{
	struct editor_new **p = &l->first;

	if (l->last != NULL && (!dname_equal(x->rr->owner, l->rr.owner) ||
	    dname_equal(l->last->rr->owner, l->rr.owner)))
		p = &l->last->next;
	while (*p != NULL && dname_equal((*p)->rr->owner, x->rr->owner))
		p = &(*p)->next;
	x->next = *p;
	*p = x;
	if (x->next == NULL)
		l->last = x;
}

static enum err
place_new(struct editor *e, struct come *come)
{
	struct editor_line *l = NULL;
	bool of_new = false;		/* the one before is of an owner that the text does not have */
	enum err err = editor_place_begin(e, come->v, come->n);

	for (size_t i = 0; err == ERR_OK && i < come->n; i++) {
		struct editor_new *x = &come->v[i];

		if (!of_new || !dname_equal(x->rr->owner, x[-1].rr->owner))
			err = editor_place(e, x->rr, &l);
		if (err == ERR_OK) {
			of_new = !dname_equal(l->rr.owner, x->rr->owner);
			put_behind(l, x);
		}
	}
	return err;
}

/* --- writing --- */

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
	f->owner = l[k + n - 1].rr.owner;
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
	struct editor_file *f = &w->e->files[l->file];
	enum err err = ERR_OK;

	if (!is_whole(w, l, n))
		return write_split(w, l, n);
	if (l->has_ttl)
		note_ttl(w, l[n - 1].rr.ttl);
	f->owner = l[n - 1].rr.owner;
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

static enum err
write_lines(struct editor *e)
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

/* --- all together --- */

static enum err
include_result(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct editor_result *r = ctx;

	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->v[i].path, path) == 0) {
			buf_add(out, r->v[i].text.p, r->v[i].text.len);
			return ERR_OK;
		}
	}
	return fault_set(f, ERR_NOT_FOUND, "%s", path);
}

/* Does the result say what is wanted? */
static enum err
verify(const struct editor *e, const struct rr_list *wanted, struct editor_result *r)
{
	struct rr_list read = { 0 };
	struct buf complaints = { 0 };
	size_t nwarnings;
	enum err err = zone_load(e->apex, r->v[0].path, (const char *)r->v[0].text.p, r->v[0].text.len, include_result,
	    r, &read, &complaints, &nwarnings);

	if (err == ERR_OK && read.n != wanted->n)
		err = ERR_UNSUPPORTED;
	for (size_t i = 0; err == ERR_OK && i < read.n; i++)
		if (!rr_same(&read.v[i], &wanted->v[i]) || read.v[i].ttl != wanted->v[i].ttl)
			err = ERR_UNSUPPORTED;
	rr_list_clear(&read);
	buf_clear(&complaints);
	return err == ERR_FORMAT || err == ERR_REFUSED ? ERR_UNSUPPORTED : err;
}

static enum err
make_result(struct editor *e, const struct rr_list *wanted, struct editor_result *r)
{
	if ((r->v = calloc(e->nfiles, sizeof *r->v)) == NULL)
		return ERR_NOMEM;
	for (; r->n < e->nfiles; r->n++) {
		struct editor_file *f = &e->files[r->n];
		struct buf path = { 0 };

		buf_add_str(&path, f->path);
		if ((r->v[r->n].path = buf_take(&path, NULL)) == NULL)
			return ERR_NOMEM;
		r->v[r->n].changed = f->changed;
		r->v[r->n].text = f->out;
		f->out = (struct buf){ 0 };
	}
	return verify(e, wanted, r);
}

static enum err
edit(struct editor *e, const struct rr_list *wanted)
{
	struct come come = { .v = calloc(wanted->n + 1, sizeof *come.v) };
	enum err err = come.v == NULL ? ERR_NOMEM : sort_lines(e);

	if (err == ERR_OK) {
		compare(e, wanted, &come);
		pair(e, &come);
		settle_ttls(e);
		err = place_new(e, &come);
	}
	if (err == ERR_OK)
		err = write_lines(e);
	free(come.v);
	return err;
}

static void
editor_clear(struct editor *e)
{
	for (size_t i = 0; i < e->nfiles; i++) {
		buf_clear(&e->files[i].text);
		buf_clear(&e->files[i].out);
	}
	free(e->files);
	free(e->lines);
	free(e->by_rr);
	free(e->names);
	free(e->between);
	free(e->kinds);
	rr_list_clear(&e->kept);
}

/* One go.  ERR_UNSUPPORTED and *inlined not empty: to be tried again with that text. */
static enum err
edit_text(const uint8_t *apex, const struct editor_source *source, const struct buf *text, const struct rr_list *wanted,
    struct editor_result *out, struct buf *inlined)
{
	struct editor e = { .apex = apex, .include = source->include, .is_shared = source->is_shared,
	    .ctx = source->ctx,
		.in_the_way = SIZE_MAX };
	enum err err = editor_read(&e, source->file, (const char *)text->p, text->len);

	if (err == ERR_OK)
		err = edit(&e, wanted);
	if (err == ERR_OK)
		err = make_result(&e, wanted, out);
	if (err == ERR_UNSUPPORTED && e.in_the_way != SIZE_MAX && e.in_the_way != 0) {
		const struct editor_file *f = &e.files[e.in_the_way];

		if ((err = editor_inline(apex, text, f->path, &f->text, inlined)) == ERR_OK)
			err = ERR_UNSUPPORTED;
		else
			buf_clear(inlined);
	}
	if (err != ERR_OK)
		editor_result_clear(out);
	editor_clear(&e);
	return err;
}

#define INLINES_MAX 8			/* files that come into the zone's own in one edit */

enum err
zone_edit(const uint8_t *apex, const struct editor_source *source, const struct rr_list *wanted,
    struct editor_result *out)
{
	struct buf text = { 0 }, inlined = { 0 };
	enum err err;

	*out = (struct editor_result){ 0 };
	buf_add(&text, source->text, source->n);
	err = text.failed ? ERR_NOMEM : edit_text(apex, source, &text, wanted, out, &inlined);
	for (int i = 0; i < INLINES_MAX && err == ERR_UNSUPPORTED && inlined.len > 0; i++) {
		buf_clear(&text);
		text = inlined;
		inlined = (struct buf){ 0 };
		if ((err = edit_text(apex, source, &text, wanted, out, &inlined)) == ERR_OK)
			out->v[0].changed = true;
	}
	buf_clear(&text);
	buf_clear(&inlined);
	return err;
}

void
editor_result_clear(struct editor_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		buf_clear(&r->v[i].text);
	}
	free(r->v);
	*r = (struct editor_result){ 0 };
}

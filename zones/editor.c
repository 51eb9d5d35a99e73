/* The reader tells for each RR which lines it stands on and where its tokens are; that is kept as a list of struct line,
 * in the order of the text.  Each difference between the text's RRs and the wanted ones becomes a splice: octets of a file
 * that are replaced by others.  An RR that goes and one of the same owner and type that comes share the line, so
 * that a comment behind it stays; other RRs that come are put behind their owner's last line.  In the end the new text
 * is read back: whatever a splice could not foresee (a TTL that later lines took over, say) is found there. */
#include "zones/editor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/lexer.h"
#include "zones/load.h"
#include "zones/rdata_tokens.h"
#include "zones/reader.h"

#define NO_TOKEN SIZE_MAX

struct file {
	char *path;
	struct buf text;
	struct splice *splices;
	size_t n, cap;
};

struct splice {
	size_t at, len;			/* octets of the old text that go */
	char *with;			/* what comes instead */
	size_t order;			/* of splices at one place */
};

struct line {				/* one RR of the text */
	struct rr rr;
	size_t file, start, end;
	size_t head_end;		/* where the field behind the owner begins */
	size_t owner_len;		/* of the owner's own token; 0: left out */
	size_t ttl_at, ttl_len;		/* NO_TOKEN: none */
	size_t type_at, type_len, rdata_at, rdata_end;
	size_t soa_at[7], soa_len[7];	/* tokens of an SOA's rdata */
	struct dname origin;
	bool has_ttl, plain;		/* plain: the rdata has no parentheses or comments in it */
	uint32_t ttl;			/* by $TTL */
	bool has_class, gone;
};

struct edit {
	const uint8_t *apex;
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);
	void *include_ctx;
	struct file *files;
	size_t nfiles;
	struct line *lines;
	size_t n, cap;
	struct rr_list octets;		/* keeps the lines' RRs */
	bool unsupported;
	bool repeats_owners;		/* the file's style: the owner on every line */
};

/* --- reading --- */

static enum err
add_file(struct edit *e, const char *path, const void *octets, size_t n)
{
	struct file *v;

	for (size_t i = 0; i < e->nfiles; i++) {
		if (strcmp(e->files[i].path, path) == 0) {
			e->unsupported = true;	/* one text, two places in the zone */
			return ERR_OK;
		}
	}
	if ((v = realloc(e->files, (e->nfiles + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	e->files = v;
	v[e->nfiles] = (struct file){ .path = strdup(path) };
	buf_add(&v[e->nfiles].text, octets, n);
	return v[e->nfiles++].path == NULL || e->files[e->nfiles - 1].text.failed ? ERR_NOMEM : ERR_OK;
}

static enum err
on_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct edit *e = ctx;
	size_t start = out->len;
	enum err err = e->include == NULL ? ERR_UNSUPPORTED : e->include(e->include_ctx, path, out, f);

	return err == ERR_OK ? add_file(e, path, out->p + start, out->len - start) : err;
}

static size_t
find_file(const struct edit *e, const char *path)
{
	size_t i = 0;

	while (i < e->nfiles && strcmp(e->files[i].path, path) != 0)
		i++;
	return i;
}

static bool
is_plain(const char *text, size_t from, size_t to)
{
	bool quoted = false;

	for (; from < to; from++) {
		if (text[from] == '\\' && from + 1 < to)
			from++;
		else if (text[from] == '"')
			quoted = !quoted;
		else if (!quoted && strchr("();\n", text[from]) != NULL)
			return false;
	}
	return true;
}

static size_t
token_start(const struct reader_entry *x, size_t i)
{
	return (size_t)(x->v[i].p - x->text) - x->v[i].quoted;
}

static size_t
token_end(const struct reader_entry *x, size_t i)
{
	return (size_t)(x->v[i].p - x->text) + x->v[i].n + x->v[i].quoted;
}

static void
note_tokens(struct line *l, const struct reader_entry *x)
{
	size_t second = x->indented ? 0 : 1;

	l->start = x->start;
	l->end = x->end;
	l->head_end = token_start(x, second);
	l->owner_len = x->indented ? 0 : x->v[0].n;
	l->ttl_at = NO_TOKEN;
	if (x->ttl_at < x->n) {
		l->ttl_at = token_start(x, x->ttl_at);
		l->ttl_len = x->v[x->ttl_at].n;
	}
	l->has_class = x->type_at - second > (l->ttl_at != NO_TOKEN);
	l->type_at = token_start(x, x->type_at);
	l->type_len = x->v[x->type_at].n;
	l->rdata_at = x->type_at + 1 < x->n ? token_start(x, x->type_at + 1) : l->type_at + l->type_len;
	l->rdata_end = token_end(x, x->n - 1);
	l->plain = is_plain(x->text, l->type_at, l->rdata_end);
	for (size_t i = 0; i < 7 && x->type_at + 1 + i < x->n; i++) {
		l->soa_at[i] = token_start(x, x->type_at + 1 + i);
		l->soa_len[i] = x->v[x->type_at + 1 + i].n;
	}
	dname_copy(&l->origin, x->origin);
	l->has_ttl = x->has_ttl;
	l->ttl = x->ttl;
}

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct edit *e = ctx;
	struct line *l;

	if (place->entry == NULL || find_file(e, place->file) == e->nfiles) {
		e->unsupported = true;
		return ERR_OK;
	}
	if (e->n == e->cap) {
		size_t cap = e->cap == 0 ? 64 : e->cap * 2;
		struct line *v = realloc(e->lines, cap * sizeof *v);

		if (v == NULL)
			return ERR_NOMEM;
		e->lines = v;
		e->cap = cap;
	}
	l = &e->lines[e->n];
	*l = (struct line){ .rr = *rr, .file = find_file(e, place->file) };
	l->rr.owner = rr_list_keep(&e->octets, rr->owner, dname_len(rr->owner));
	l->rr.rdata = rr_list_keep(&e->octets, rr->rdata, rr->rdlen);
	if (l->rr.owner == NULL || l->rr.rdata == NULL)
		return ERR_NOMEM;
	note_tokens(l, place->entry);
	if (e->n > 0 && l->owner_len > 0 && dname_equal(l[-1].rr.owner, l->rr.owner))
		e->repeats_owners = true;
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

/* --- splices --- */

static enum err
splice(struct edit *e, size_t file, size_t at, size_t len, const char *with)
{
	struct file *f = &e->files[file];

	if (f->n == f->cap) {
		size_t cap = f->cap == 0 ? 8 : f->cap * 2;
		struct splice *v = realloc(f->splices, cap * sizeof *v);

		if (v == NULL)
			return ERR_NOMEM;
		f->splices = v;
		f->cap = cap;
	}
	f->splices[f->n] = (struct splice){ at, len, strdup(with), f->n };
	return f->splices[f->n++].with == NULL ? ERR_NOMEM : ERR_OK;
}

static int
compare_splices(const void *a, const void *b)
{
	const struct splice *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static enum err
apply_splices(struct file *f, struct edited_file *out)
{
	size_t at = 0;

	out->path = strdup(f->path);
	out->changed = f->n > 0;
	if (f->n > 1)
		qsort(f->splices, f->n, sizeof *f->splices, compare_splices);
	for (size_t i = 0; i < f->n; i++) {
		const struct splice *s = &f->splices[i];

		if (s->at < at)
			return ERR_UNSUPPORTED;		/* two edits of the same octets */
		buf_add(&out->text, f->text.p + at, s->at - at);
		buf_add_str(&out->text, s->with);
		at = s->at + s->len;
	}
	buf_add(&out->text, f->text.p + at, f->text.len - at);
	return out->path == NULL || out->text.failed ? ERR_NOMEM : ERR_OK;
}

/* --- the differences --- */

static const char *
text_of(const struct edit *e, const struct line *l)
{
	return (const char *)e->files[l->file].text.p;
}

/* The line's owner goes with it: the next line that relied on it gets it instead. */
static enum err
hand_owner_on(struct edit *e, size_t i)
{
	const struct line *l = &e->lines[i];
	char *head;
	enum err err;

	for (size_t k = i + 1; k < e->n && e->lines[k].file == l->file && e->lines[k].owner_len == 0; k++) {
		if (e->lines[k].gone)
			continue;
		if ((head = strndup(text_of(e, l) + l->start, l->head_end - l->start)) == NULL)
			return ERR_NOMEM;
		err = splice(e, l->file, e->lines[k].start, e->lines[k].head_end - e->lines[k].start, head);
		free(head);
		return err;
	}
	return ERR_OK;
}

static enum err
remove_lines(struct edit *e)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < e->n; i++) {
		const struct line *l = &e->lines[i];

		if (!l->gone)
			continue;
		err = splice(e, l->file, l->start, l->end - l->start, "");
		if (err == ERR_OK && l->owner_len > 0)
			err = hand_owner_on(e, i);
	}
	return err;
}

static enum err
change_ttl(struct edit *e, const struct line *l, uint32_t ttl)
{
	char number[16];

	if (l->ttl_at == NO_TOKEN) {
		snprintf(number, sizeof number, "%u ", ttl);
		return splice(e, l->file, l->head_end, 0, number);
	}
	snprintf(number, sizeof number, "%u", ttl);
	return splice(e, l->file, l->ttl_at, l->ttl_len, number);
}

static enum err
change_soa(struct edit *e, const struct line *l, const struct rr *wanted)
{
	struct soa old, new;
	char name[DNAME_TEXT_MAX], number[16];
	enum err err = ERR_OK;

	soa_read(l->rr.rdata, l->rr.rdlen, &old);
	soa_read(wanted->rdata, wanted->rdlen, &new);
	const uint32_t numbers[2][5] = { { old.serial, old.refresh, old.retry, old.expire, old.minimum },
	    { new.serial, new.refresh, new.retry, new.expire, new.minimum } };
	const uint8_t *names[2][2] = { { old.mname, old.rname }, { new.mname, new.rname } };

	for (int i = 0; err == ERR_OK && i < 2; i++)
		if (!dname_equal(names[0][i], names[1][i]))
			err = splice(e, l->file, l->soa_at[i], l->soa_len[i], dname_print(names[1][i], name));
	for (int i = 0; err == ERR_OK && i < 5; i++) {
		if (numbers[0][i] == numbers[1][i])
			continue;
		snprintf(number, sizeof number, "%u", numbers[1][i]);
		err = splice(e, l->file, l->soa_at[i + 2], l->soa_len[i + 2], number);
	}
	if (err == ERR_OK && l->rr.ttl != wanted->ttl)
		err = change_ttl(e, l, wanted->ttl);
	return err;
}

static enum err
change_rdata(struct edit *e, const struct line *l, const struct rr *wanted)
{
	struct buf text = { 0 };
	enum err err = ERR_NOMEM;

	rdata_text_relative(wanted, l->origin.octets, &text);
	if (buf_str(&text) != NULL)
		err = splice(e, l->file, l->rdata_at, l->rdata_end - l->rdata_at, buf_str(&text));
	buf_clear(&text);
	if (err == ERR_OK && l->rr.ttl != wanted->ttl)
		err = change_ttl(e, l, wanted->ttl);
	return err;
}

/* --- new lines --- */

/* How wide is text on a screen, beginning at column 0? */
static size_t
width_of(const char *text, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		width = text[i] == '\t' ? (width + 8) / 8 * 8 : width + 1;
	return width;
}

/* Blanks from column at to column width, tabs if the neighbour has tabs; one at least. */
static void
pad(struct buf *out, size_t at, size_t width, bool tabs)
{
	if (at >= width) {
		buf_u8(out, tabs && at % 8 != 0 ? '\t' : ' ');
		return;
	}
	while (at < width) {
		buf_u8(out, tabs ? '\t' : ' ');
		at = tabs ? (at + 8) / 8 * 8 : at + 1;
	}
}

static void
put_owner(const uint8_t *owner, const uint8_t *origin, struct buf *out)
{
	char text[DNAME_TEXT_MAX];
	unsigned n = dname_labels(owner), m = dname_labels(origin);
	struct dname relative;

	if (dname_equal(owner, origin)) {
		buf_u8(out, '@');
	} else if (m > 0 && dname_is_below(owner, origin) && dname_join(&relative, owner, n - m, (const uint8_t *)"")) {
		dname_print_host(relative.octets, text);
		buf_add_str(out, text);
	} else {
		buf_add_str(out, dname_print(owner, text));
	}
}

/* A line for rr, in the manner of the line that it follows. */
static void
put_line(const struct edit *e, const struct line *like, const struct rr *rr, struct buf *out)
{
	const char *text = text_of(e, like);
	size_t width = width_of(text + like->start, like->head_end - like->start), from = out->len;
	bool tabs = memchr(text + like->start, '\t', like->head_end - like->start) != NULL;
	bool same_owner = dname_equal(like->rr.owner, rr->owner);
	const char *between = text + like->type_at + like->type_len;
	size_t between_n = like->rdata_at - like->type_at - like->type_len;
	char type[RRTYPE_TEXT_MAX];

	if (!same_owner || e->repeats_owners)
		put_owner(rr->owner, like->origin.octets, out);
	pad(out, width_of((const char *)out->p + from, out->len - from), width, tabs);
	if (!like->has_ttl || like->ttl != rr->ttl)
		buf_printf(out, "%u%c", rr->ttl, tabs ? '\t' : ' ');
	if (like->has_class)
		buf_add_str(out, tabs ? "IN\t" : "IN ");
	buf_add_str(out, rrtype_print(rr->type, type));
	if (between_n > 0 && strspn(between, " \t") >= between_n && strlen(type) == like->type_len)
		buf_add(out, between, between_n);
	else
		buf_u8(out, tabs ? '\t' : ' ');
	rdata_text_relative(rr, like->origin.octets, out);
	buf_u8(out, '\n');
}

/* Labels that two names have in common, counted from the root. */
static unsigned
common_labels(const uint8_t *a, const uint8_t *b)
{
	unsigned n = dname_labels(a), m = dname_labels(b), k = n < m ? n : m;

	a = dname_skip(a, n - k);
	b = dname_skip(b, m - k);
	while (k > 0 && !dname_equal(a, b)) {
		a = dname_parent(a);
		b = dname_parent(b);
		k--;
	}
	return k;
}

/* The line behind which a person would put rr: the last of its owner; else the last of the names that it has most in
 * common with, if that is more than the zone's name; else the last line of the zone's own file. */
static const struct line *
find_neighbour(const struct edit *e, const struct rr *rr)
{
	const struct line *best = NULL, *last = NULL;
	unsigned most = dname_labels(e->apex);

	for (size_t i = 0; i < e->n; i++) {
		const struct line *l = &e->lines[i];
		unsigned k;

		if (l->gone)
			continue;
		if (l->file == 0)
			last = l;
		k = common_labels(l->rr.owner, rr->owner);
		if (dname_equal(l->rr.owner, rr->owner))
			k = DNAME_LABELS_MAX + 1;
		if (k > dname_labels(e->apex) && k >= most) {
			most = k;
			best = l;
		}
		if (k == DNAME_LABELS_MAX + 1 && dname_equal(rr->owner, e->apex)) {
			most = k;
			best = l;
		}
	}
	return best != NULL ? best : last;
}

static enum err
insert_line(struct edit *e, const struct rr *rr, const struct rr *before)
{
	const struct line *like = find_neighbour(e, rr);
	struct buf text = { 0 };
	enum err err;

	if (like == NULL)
		return ERR_UNSUPPORTED;
	/* A file may end without a line end. */
	if (text_of(e, like)[like->end - 1] != '\n' && before == NULL)
		buf_u8(&text, '\n');
	if (before != NULL && dname_equal(before->owner, rr->owner) && !dname_equal(like->rr.owner, rr->owner) &&
	    !e->repeats_owners) {
		/* The second new line of a new owner leaves it out, as people do. */
		struct line second = *like;

		second.rr.owner = rr->owner;
		put_line(e, &second, rr, &text);
	} else {
		put_line(e, like, rr, &text);
	}
	err = buf_str(&text) == NULL ? ERR_NOMEM : splice(e, like->file, like->end, 0, buf_str(&text));
	buf_clear(&text);
	return err;
}

/* --- all together --- */

static struct line *
find_replaced(struct edit *e, const struct rr *rr)
{
	for (size_t i = 0; i < e->n; i++) {
		struct line *l = &e->lines[i];

		if (l->gone && l->plain && l->rr.type == rr->type && dname_equal(l->rr.owner, rr->owner))
			return l;
	}
	return NULL;
}

static int
compare_lines(const void *a, const void *b)
{
	return rr_compare(&(*(struct line *const *)a)->rr, &(*(struct line *const *)b)->rr);
}

/* Mark what goes, change TTLs in place, and list what comes. */
static enum err
compare(struct edit *e, const struct rr_list *wanted, struct rr_list *come)
{
	struct line **sorted = calloc(e->n + 1, sizeof *sorted);
	size_t i = 0, j = 0;
	enum err err = ERR_OK;

	if (sorted == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < e->n; k++)
		sorted[k] = &e->lines[k];
	qsort(sorted, e->n, sizeof *sorted, compare_lines);
	while (err == ERR_OK && (i < e->n || j < wanted->n)) {
		struct line *l = i < e->n ? sorted[i] : NULL;
		const struct rr *rr = j < wanted->n ? &wanted->v[j] : NULL;
		int d = l == NULL ? 1 : rr == NULL ? -1 : rr_compare(&l->rr, rr);

		if (l != NULL && l->rr.type == TYPE_SOA && rr != NULL && rr->type == TYPE_SOA) {
			err = change_soa(e, l, rr);
			i++;
			j++;
		} else if (d < 0) {
			/* What lies outside of the zone is no part of it, and not ours to remove; equal lines count once. */
			l->gone = dname_is_below(l->rr.owner, e->apex) &&
			    (i == 0 || !rr_same(&sorted[i - 1]->rr, &l->rr) || sorted[i - 1]->gone);
			i++;
		} else if (d > 0) {
			err = rr_list_add(come, rr);
			j++;
		} else {
			if (l->rr.ttl != rr->ttl)
				err = change_ttl(e, l, rr->ttl);
			i++;
			j++;
		}
	}
	free(sorted);
	return err;
}

static enum err
make_splices(struct edit *e, const struct rr_list *wanted)
{
	struct rr_list come = { 0 };
	const struct rr *before = NULL;
	enum err err = compare(e, wanted, &come);

	for (size_t i = 0; err == ERR_OK && i < come.n; i++) {
		struct line *l = find_replaced(e, &come.v[i]);

		if (l != NULL) {
			l->gone = false;
			err = change_rdata(e, l, &come.v[i]);
			come.v[i].type = 0;		/* done */
		}
	}
	for (size_t i = 0; err == ERR_OK && i < come.n; i++) {
		if (come.v[i].type == 0)
			continue;
		err = insert_line(e, &come.v[i], before);
		before = &come.v[i];
	}
	if (err == ERR_OK)
		err = remove_lines(e);
	rr_list_clear(&come);
	return err;
}

static enum err
include_result(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct editor_result *r = ctx;

	for (size_t i = 1; i < r->n; i++) {
		if (strcmp(r->v[i].path, path) == 0) {
			buf_add(out, r->v[i].text.p, r->v[i].text.len);
			return ERR_OK;
		}
	}
	return fault_set(f, ERR_NOT_FOUND, "%s", path);
}

/* Does the result say what is wanted? */
static enum err
verify(const struct edit *e, const struct rr_list *wanted, struct editor_result *r)
{
	struct rr_list read = { 0 };
	struct buf complaints = { 0 };
	size_t nwarnings;
	enum err err = zone_load(e->apex, r->v[0].path, (const char *)r->v[0].text.p, r->v[0].text.len, include_result, r, &read,
	    &complaints, &nwarnings);

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
make_result(struct edit *e, const struct rr_list *wanted, struct editor_result *r)
{
	enum err err = ERR_OK;

	if ((r->v = calloc(e->nfiles, sizeof *r->v)) == NULL)
		return ERR_NOMEM;
	for (; err == ERR_OK && r->n < e->nfiles; r->n++)
		err = apply_splices(&e->files[r->n], &r->v[r->n]);
	return err == ERR_OK ? verify(e, wanted, r) : err;
}

static void
edit_clear(struct edit *e)
{
	for (size_t i = 0; i < e->nfiles; i++) {
		for (size_t k = 0; k < e->files[i].n; k++)
			free(e->files[i].splices[k].with);
		free(e->files[i].splices);
		free(e->files[i].path);
		buf_clear(&e->files[i].text);
	}
	free(e->files);
	free(e->lines);
	rr_list_clear(&e->octets);
}

enum err
zone_edit(const uint8_t *apex, const char *file, const char *text, size_t n,
    enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f), void *ctx,
    const struct rr_list *wanted, struct editor_result *out)
{
	struct edit e = { .apex = apex, .include = include, .include_ctx = ctx };
	struct zone_reader reader = { .file = file, .origin = apex, .include = on_include, .rr = on_rr,
		.complain = on_complaint, .ctx = &e };
	enum err err = add_file(&e, file, text, n);

	*out = (struct editor_result){ 0 };
	if (err == ERR_OK)
		err = zone_read(&reader, text, n);
	if (err == ERR_OK && e.unsupported)
		err = ERR_UNSUPPORTED;
	if (err == ERR_OK)
		err = make_splices(&e, wanted);
	if (err == ERR_OK)
		err = make_result(&e, wanted, out);
	if (err != ERR_OK)
		editor_result_clear(out);
	edit_clear(&e);
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

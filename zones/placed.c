/* Several threads.  The text is cut at starts of lines that look like those of entries, and each part is read with a
 * guess of the origin and the TTL there: whatever the $ORIGIN and $TTL lines before it say.  Then the parts are gone
 * through in their order.  One that began where the one before it ended, in the state in which that ended, is good.
 * One for which the guess was wrong (it began within parentheses, an $INCLUDE changed the TTL) is read again, now that
 * all is known.  Where anything is wrong in the text all of it is read again by one thread, so that complaints are just
 * what they would have been. */
#include "zones/placed.h"

#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "zones/rrsort.h"

#define WHOLE ((size_t)1 << 20)
#define PART_MIN ((size_t)1 << 19)
#define PARTS_PER_THREAD 8
#define PIECES 32			/* that the sorted list is written in */
#define AHEAD 8				/* RRs that are fetched before they are needed */

struct placed {
	struct rr rr;			/* first: struct rr_order points here */
	struct placed_at at;
};

struct part {
	struct reader_part reader;
	struct placed_rrs *out;		/* takes the names of included files; NULL: there can be none */
	struct rr_list octets;		/* what v points into */
	struct placed *v;
	size_t n, cap;
	size_t first;			/* its place among all */
	const char *main, *file;	/* the reader's names of the text and of where the last RR was */
	uint32_t file_index;
	size_t owner_len;		/* the last RR's */
	enum err err;
};

struct piece {
	struct rr_list octets;
	bool failed;			/* no memory */
};

struct reading {
	struct zone_reader reader;	/* the caller's */
	const char *text;
	size_t n;
	struct part *parts;
	size_t nparts;
	struct rr_order *order;
	struct piece *pieces;		/* of what is written */
	struct placed_rrs *out;
};

struct placed_cut
placed_cut_default(size_t n)
{
	unsigned threads = n > WHOLE ? parallel_cpus() : 1;
	size_t part = n / threads / PARTS_PER_THREAD;

	return (struct placed_cut){ threads, threads > 1 ? WHOLE : n, part < PART_MIN ? PART_MIN : part };
}

static enum err
add_file(struct placed_rrs *out, const char *name)
{
	size_t n = strlen(name) + 1;
	char *copy;

	if (out->nfiles == out->capfiles) {
		size_t cap = out->capfiles == 0 ? 4 : out->capfiles * 2;
		const char **files = realloc(out->files, cap * sizeof *files);

		if (files == NULL)
			return ERR_NOMEM;
		out->files = files;
		out->capfiles = cap;
	}
	if ((copy = malloc(n)) == NULL)
		return ERR_NOMEM;
	out->files[out->nfiles++] = memcpy(copy, name, n);
	return ERR_OK;
}

/* The reader's name of a file changes with each $INCLUDE and at its end. */
static enum err
find_file(struct part *p, const char *file)
{
	enum err err = ERR_OK;

	if (file == p->file)
		return ERR_OK;
	p->file_index = 0;
	if (file != p->main && (err = add_file(p->out, file)) == ERR_OK)
		p->file_index = (uint32_t)p->out->nfiles - 1;
	p->file = err == ERR_OK ? file : NULL;
	return err;
}

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct part *p = ctx;
	size_t len = dname_len(rr->owner);
	struct placed *to;
	enum err err;

	if ((err = find_file(p, place->file)) != ERR_OK)
		return err;
	if (p->n == p->cap) {
		size_t cap = p->cap == 0 ? 16 : p->cap * 2;

		if ((to = realloc(p->v, cap * sizeof *to)) == NULL)
			return ERR_NOMEM;
		p->v = to;
		p->cap = cap;
	}
	to = &p->v[p->n];
	*to = (struct placed){ *rr, { place->line, place->column, p->file_index } };
	/* Zone files repeat the owner line after line: keep it once. */
	if (p->n > 0 && len == p->owner_len && memcmp(to[-1].rr.owner, rr->owner, len) == 0)
		to->rr.owner = to[-1].rr.owner;
	else
		to->rr.owner = rr_list_keep(&p->octets, rr->owner, len);
	to->rr.rdata = rr_list_keep(&p->octets, rr->rdata, rr->rdlen);
	if (to->rr.owner == NULL || to->rr.rdata == NULL)
		return ERR_NOMEM;
	p->owner_len = len;
	p->n++;
	return ERR_OK;
}

/* --- the parts --- */

struct part_context {			/* include() and complain() are the caller's, rr() is for the part */
	const struct reading *reading;
	struct part *part;
};

static enum err
on_part_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	const struct part_context *c = ctx;

	return on_rr(c->part, rr, place);
}

static enum err
on_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct zone_reader *reader = &((const struct part_context *)ctx)->reading->reader;

	return reader->include(reader->ctx, path, out, f);
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	const struct zone_reader *reader = &((const struct part_context *)ctx)->reading->reader;

	reader->complain(reader->ctx, place, text);
}

static struct zone_reader
reader_for(const struct reading *r, struct part_context *c)
{
	struct zone_reader reader = r->reader;

	reader.rr = on_part_rr;
	reader.complain = on_complaint;
	reader.include = r->reader.include == NULL ? NULL : on_include;
	reader.ctx = c;
	return reader;
}

static void
part_clear(struct part *p)
{
	rr_list_clear(&p->octets);
	free(p->v);
	p->v = NULL;
	p->n = p->cap = 0;
	p->file = NULL;
}

static void
read_part(void *ctx, size_t i)
{
	const struct reading *r = ctx;
	struct part *p = &r->parts[i];
	struct part_context c = { r, p };
	struct zone_reader reader = reader_for(r, &c);

	p->main = reader.file;
	p->err = zone_read_part(&reader, r->text, r->n, &p->reader);
}

static bool
begins_entry(char c)
{
	return c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != ';' && c != '(' && c != ')' && c != '"';
}

/* The start of the first line at or behind at that may begin an entry. */
static size_t
find_cut(const struct reading *r, size_t at)
{
	const char *end = r->text + r->n, *p = r->text + at;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL && ++p < end)
		if (begins_entry(*p))
			return (size_t)(p - r->text);
	return r->n;
}

static enum err
cut(struct reading *r, size_t size)
{
	size_t cap = r->n / size + 2;

	if ((r->parts = calloc(cap, sizeof *r->parts)) == NULL)
		return ERR_NOMEM;
	for (size_t at = 0; at < r->n; r->nparts++) {
		struct part *p = &r->parts[r->nparts];

		p->reader.start = at;
		p->reader.end = at = r->n - at <= size + size / 2 ? r->n : find_cut(r, at + size - 1);
	}
	return ERR_OK;
}

/* What the directives say, part by part, from the end of the first on, which is known. */
static void
guess(struct reading *r)
{
	struct reader_state state = r->parts[0].reader.behind;
	const char *end = r->text + r->n, *p = r->text + r->parts[0].reader.end;

	state.has_owner = false;
	for (size_t i = 1; i < r->nparts; i++) {
		const char *start = r->text + r->parts[i].reader.start, *next;

		for (; p < start && (p = memchr(p, '$', (size_t)(start - p))) != NULL; p++)
			if (p[-1] == '\n' && (next = memchr(p, '\n', (size_t)(end - p))) != NULL)
				reader_state_guess(&state, p, (size_t)(next - p));
		p = start;
		r->parts[i].reader.before = state;
	}
}

/* Everything before the part is known: read it so. */
static enum err
read_in_order(struct reading *r, struct part *p, size_t start, const struct reader_state *before)
{
	part_clear(p);
	p->out = r->out;
	p->reader.start = start;
	p->reader.before = *before;
	p->reader.in_order = true;
	if (start >= p->reader.end) {		/* the entry before it went on over all of it */
		p->reader.behind = *before;
		p->reader.stop = start;
		p->reader.lines = 0;
		p->reader.unfit = false;
		return ERR_OK;
	}
	read_part(r, (size_t)(p - r->parts));
	return p->err;
}

/* Go through the parts.  ERR_FORMAT: there is something to complain about. */
static enum err
settle(struct reading *r)
{
	struct reader_state state;
	size_t at = 0, first = 0;
	unsigned line = 0;
	enum err err;

	reader_state_init(&state, &r->reader);
	for (size_t i = 0; i < r->nparts; i++) {
		struct part *p = &r->parts[i];

		if (p->err != ERR_OK)
			return p->err;
		if ((p->reader.start != at || !reader_part_follows(&p->reader, &state)) &&
		    ((err = read_in_order(r, p, at, &state)) != ERR_OK || p->reader.unfit))
			return err != ERR_OK ? err : ERR_FORMAT;
		for (size_t k = 0; k < p->n; k++)
			if (p->v[k].at.file == 0)
				p->v[k].at.line += line;
		state = p->reader.behind;
		at = p->reader.stop;
		line += p->reader.lines;
		p->first = first;
		first += p->n;
	}
	return ERR_OK;
}

static void
parts_free(struct reading *r)
{
	for (size_t i = 0; i < r->nparts; i++)
		part_clear(&r->parts[i]);
	free(r->parts);
	r->parts = NULL;
	r->nparts = 0;
}

static void
read_later_part(void *ctx, size_t i)
{
	read_part(ctx, i + 1);
}

static enum err
read_in_parts(struct reading *r, const struct placed_cut *how)
{
	enum err err = cut(r, how->part);

	if (err != ERR_OK)
		return err;
	reader_state_init(&r->parts[0].reader.before, &r->reader);
	r->parts[0].reader.in_order = true;	/* it often has an SOA that tells the TTL, and what is included */
	r->parts[0].out = r->out;
	read_part(r, 0);
	if (r->parts[0].err != ERR_OK || r->parts[0].reader.unfit)
		return r->parts[0].err != ERR_OK ? r->parts[0].err : ERR_FORMAT;
	guess(r);
	parallel_run(how->threads, r->nparts - 1, read_later_part, r);
	return settle(r);
}

static enum err
read_whole(struct reading *r)
{
	struct part_context c = { r, NULL };
	struct zone_reader reader = reader_for(r, &c);

	parts_free(r);
	if ((c.part = r->parts = calloc(1, sizeof *r->parts)) == NULL)
		return ERR_NOMEM;
	r->nparts = 1;
	r->parts[0].out = r->out;
	r->parts[0].main = r->reader.file;
	return zone_read(&reader, r->text, r->n);
}

/* --- all together --- */

static void
order_part(void *ctx, size_t i)
{
	const struct reading *r = ctx;
	const struct part *p = &r->parts[i];
	struct rr_order *to = r->order + p->first;

	for (size_t k = 0; k < p->n; k++) {
		to[k].rr = &p->v[k].rr;
		if (k > 0 && p->v[k].rr.owner == p->v[k - 1].rr.owner)
			memcpy(to[k].key, to[k - 1].key, sizeof to[k].key);
		else
			rr_order_key(p->v[k].rr.owner, r->reader.origin, to[k].key);
	}
}

/* Octets that stand where they are needed are read several times as fast as those that are strewn about. */
static bool
copy_octets(struct rr_list *octets, const struct rr *last, struct rr *rr)
{
	size_t len = dname_len(rr->owner);

	if (last != NULL && dname_len(last->owner) == len && memcmp(last->owner, rr->owner, len) == 0)
		rr->owner = last->owner;
	else
		rr->owner = rr_list_keep(octets, rr->owner, len);
	rr->rdata = rr_list_keep(octets, rr->rdata, rr->rdlen);
	return rr->owner != NULL && rr->rdata != NULL;
}

static void
collect_piece(void *ctx, size_t i)
{
	const struct reading *r = ctx;
	struct rr_list *list = &r->out->list;
	struct piece *piece = &r->pieces[i];
	size_t size = list->n / PIECES + 1, at = i * size, end = at + size < list->n ? at + size : list->n;

	for (size_t k = at; k < end && !piece->failed; k++) {
		const struct placed *p = (const struct placed *)r->order[k].rr;

		if (k + 2 * AHEAD < end)
			__builtin_prefetch(r->order[k + 2 * AHEAD].rr);
		if (k + AHEAD < end) {
			__builtin_prefetch(r->order[k + AHEAD].rr->owner);
			__builtin_prefetch(r->order[k + AHEAD].rr->rdata);
		}
		list->v[k] = p->rr;
		r->out->at[k] = p->at;
		piece->failed = !copy_octets(&piece->octets, k > at ? &list->v[k - 1] : NULL, &list->v[k]);
	}
}

static enum err
collect_all(struct reading *r, unsigned threads)
{
	struct piece pieces[PIECES] = { 0 };
	enum err err = ERR_OK;

	r->pieces = pieces;
	parallel_run(threads, PIECES, collect_piece, r);
	for (size_t i = 0; i < PIECES; i++) {
		if (pieces[i].failed)
			err = ERR_NOMEM;
		rr_list_take_octets(&r->out->list, &pieces[i].octets);
	}
	return err;
}

/* A few are left where they are. */
static enum err
collect_few(struct reading *r)
{
	for (size_t k = 0; k < r->out->list.n; k++) {
		const struct placed *p = (const struct placed *)r->order[k].rr;

		r->out->list.v[k] = p->rr;
		r->out->at[k] = p->at;
	}
	for (size_t i = 0; i < r->nparts; i++)
		rr_list_take_octets(&r->out->list, &r->parts[i].octets);
	return ERR_OK;
}

static enum err
collect(struct reading *r, unsigned threads)
{
	struct rr_list *list = &r->out->list;
	size_t n = r->parts[r->nparts - 1].first + r->parts[r->nparts - 1].n;
	enum err err;

	if ((r->order = malloc((n + 1) * sizeof *r->order)) == NULL)
		return ERR_NOMEM;
	parallel_run(threads, r->nparts, order_part, r);
	if ((err = rr_order_sort(r->order, n, threads)) != ERR_OK)
		return err;
	list->v = malloc((n + 1) * sizeof *list->v);
	r->out->at = malloc((n + 1) * sizeof *r->out->at);
	if (list->v == NULL || r->out->at == NULL)
		return ERR_NOMEM;
	list->n = n;
	list->cap = n + 1;
	return threads > 1 ? collect_all(r, threads) : collect_few(r);
}

enum err
placed_read(const struct zone_reader *reader, const char *text, size_t n, const struct placed_cut *how,
    struct placed_rrs *out)
{
	struct reading r = { .reader = *reader, .text = text, .n = n, .out = out };
	bool parts = n > how->whole;
	enum err err = add_file(out, reader->file);

	if (err == ERR_OK && parts)
		err = read_in_parts(&r, how);
	if ((err == ERR_OK && !parts) || err == ERR_FORMAT)
		err = read_whole(&r);
	if (err == ERR_OK)
		err = collect(&r, parts ? how->threads : 1);
	parts_free(&r);
	free(r.order);
	if (err != ERR_OK)
		placed_clear(out);
	return err;
}

struct place
placed_place(const struct placed_rrs *p, size_t i)
{
	return (struct place){ p->files[p->at[i].file], p->at[i].line, p->at[i].column, NULL };
}

void
placed_clear(struct placed_rrs *p)
{
	rr_list_clear(&p->list);
	free(p->at);
	for (size_t i = 0; i < p->nfiles; i++)
		free((void *)(uintptr_t)p->files[i]);
	free(p->files);
	*p = (struct placed_rrs){ 0 };
}

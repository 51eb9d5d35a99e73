/* zones/editor_place.c -- where a person would put a new RR.
 *
 * Behind its RRset; else behind the last RR of its owner; else, in a file whose owners are in order, where the order
 * has it; else beside the name that is most like it: one below the same name, or one of a series (host7, host8);
 * else behind the last RR of its type at the same depth; else at the end of the zone's own file. */
#include "zones/editor_internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ALIKE_MIN 3			/* leading characters in common that make two names a pair */

/* Labels from the root, as in dname_compare(), but digits in them by the number that they are: host9 before host10. */
static int
compare_labels(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *a_end = a + 1 + *a, *b_end = b + 1 + *b;

	a++;
	b++;
	while (a < a_end && b < b_end) {
		if (isdigit(*a) && isdigit(*b)) {
			const uint8_t *x = a, *y = b;
			int d;

			for (; x < a_end && isdigit(*x); x++)
				;
			for (; y < b_end && isdigit(*y); y++)
				;
			if (x - a != y - b)
				return x - a < y - b ? -1 : 1;
			if ((d = memcmp(a, b, (size_t)(x - a))) != 0)
				return d;
			a = x;
			b = y;
		} else {
			int d = tolower(*a++) - tolower(*b++);

			if (d != 0)
				return d;
		}
	}
	return (a < a_end) - (b < b_end);
}

static unsigned
labels_of(const uint8_t *name, const uint8_t *v[DNAME_LABELS_MAX + 1])
{
	unsigned n = 0;

	for (; *name != 0; name += 1 + *name)
		v[n++] = name;
	return n;
}

static int
compare_natural(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *x[DNAME_LABELS_MAX + 1], *y[DNAME_LABELS_MAX + 1];
	unsigned n = labels_of(a, x), m = labels_of(b, y);

	while (n > 0 && m > 0) {
		const uint8_t *p = x[--n], *q = y[--m];
		int d = *p == *q && memcmp(p + 1, q + 1, *p) == 0 ? 0 : compare_labels(p, q);

		if (d != 0)
			return d;
	}
	return (n > 0) - (m > 0);
}

static int
compare_for_sort(const void *a, const void *b)
{
	return compare_natural(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static enum err
note_kind(struct editor *e, size_t line)
{
	const struct rr *rr = &e->lines[line].rr;
	unsigned labels = dname_labels(rr->owner);
	struct editor_kind *v;

	for (size_t i = 0; i < e->nkinds; i++) {
		if (e->kinds[i].type == rr->type && e->kinds[i].labels == labels) {
			e->kinds[i].line = line;
			return ERR_OK;
		}
	}
	if ((v = realloc(e->kinds, (e->nkinds + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	e->kinds = v;
	v[e->nkinds++] = (struct editor_kind){ rr->type, labels, line };
	return ERR_OK;
}

/* The apex comes first, whatever the order of the others. */
static void
note_order(struct editor *e, const struct editor_line *l, const struct editor_line *before)
{
	struct editor_file *f = &e->files[l->file];

	if ((!f->sorted && !f->natural) || before == NULL || dname_equal(before->rr.owner, e->apex) ||
	    dname_equal(before->rr.owner, l->rr.owner))
		return;
	f->nowners++;
	f->sorted &= dname_compare(before->rr.owner, l->rr.owner) < 0;
	f->natural &= compare_natural(before->rr.owner, l->rr.owner) < 0;
}

/* The names that come, each once. */
static enum err
note_names(struct editor *e, const struct editor_new *come, size_t n)
{
	size_t left = 0;

	e->names = calloc(n + 1, sizeof *e->names);
	e->between = calloc(n + 1, sizeof *e->between);
	if (e->names == NULL || e->between == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		e->names[i] = come[i].rr->owner;
	if (n > 1)
		qsort(e->names, n, sizeof *e->names, compare_for_sort);
	for (size_t i = 0; i < n; i++)
		if (left == 0 || compare_natural(e->names[left - 1], e->names[i]) != 0)
			e->names[left++] = e->names[i];
	e->nnames = left;
	return ERR_OK;
}

/* How many of the names come before owner, or are it. */
static size_t
names_up_to(const struct editor *e, const uint8_t *owner)
{
	size_t low = 0, high = e->nnames;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_natural(e->names[middle], owner) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first and last line, by the order of names, of those between two of the names that come. */
static void
note_between(struct editor *e, struct editor_line *l, struct editor_line *before)
{
	struct editor_between *b;

	if (before != NULL && before->rr.owner == l->rr.owner) {
		b = &e->between[e->last_between];
		b->last = b->last == before ? l : b->last;
		return;
	}
	b = &e->between[e->last_between = names_up_to(e, l->rr.owner)];
	if (b->first == NULL || compare_natural(l->rr.owner, b->first->rr.owner) < 0)
		b->first = l;
	if (b->last == NULL || compare_natural(l->rr.owner, b->last->rr.owner) >= 0)
		b->last = l;
}

enum err
editor_place_begin(struct editor *e, const struct editor_new *come, size_t n)
{
	struct editor_line *before = NULL;
	enum err err = n > 0 ? note_names(e, come, n) : ERR_OK;

	for (size_t i = 0; i < e->nfiles; i++) {
		e->files[i].sorted = e->files[i].natural = true;
		e->files[i].last = SIZE_MAX;
	}
	for (size_t i = 0; n > 0 && err == ERR_OK && i < e->n; i++) {
		struct editor_line *l = &e->lines[i];
		struct editor_file *f = &e->files[l->file];

		if (f->frozen || !dname_is_below(l->rr.owner, e->apex))
			continue;
		note_order(e, l, f->last == SIZE_MAX ? NULL : &e->lines[f->last]);
		f->last = i;
		note_between(e, l, before);
		before = l;
		err = note_kind(e, i);
	}
	return err;
}

/* --- the owner's own lines --- */

size_t
editor_first_of(const struct editor *e, const uint8_t *owner)
{
	size_t low = 0, high = e->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (dname_compare(e->by_rr[middle]->rr.owner, owner) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct editor_line *
place_at_owner(const struct editor *e, const struct rr *rr)
{
	struct editor_line *of_type = NULL, *of_owner = NULL;

	for (size_t i = editor_first_of(e, rr->owner); i < e->n; i++) {
		struct editor_line *l = e->by_rr[i];

		if (!dname_equal(l->rr.owner, rr->owner))
			break;
		if (e->files[l->file].frozen)
			continue;
		if (of_owner == NULL || l > of_owner)
			of_owner = l;
		if (l->rr.type == rr->type && (of_type == NULL || l > of_type))
			of_type = l;
	}
	return of_type != NULL ? of_type : of_owner;
}

/* --- names like it --- */

struct likeness {
	unsigned labels;		/* in common, from the root */
	size_t characters;		/* then, from the start of the next one */
	bool series;			/* nothing but digits follows in both */
};

static struct likeness
compare_names(const uint8_t *a, const uint8_t *b)
{
	struct likeness k = { 0 };
	unsigned n = dname_labels(a), m = dname_labels(b);
	const uint8_t *x = a, *y = b;
	size_t i = 1;

	while (k.labels < n && k.labels < m) {
		x = dname_skip(a, n - k.labels - 1);
		y = dname_skip(b, m - k.labels - 1);
		if (!dname_equal(x, y))
			break;
		k.labels++;
	}
	if (k.labels == n || k.labels == m)
		return k;
	for (; i <= *x && i <= *y && tolower(x[i]) == tolower(y[i]); i++)
		;
	while (i > 1 && isdigit(x[i - 1]))
		i--;
	k.characters = i - 1;
	k.series = i <= *x && i <= *y;
	for (size_t j = i; j <= *x; j++)
		k.series &= isdigit(x[j]) != 0;
	for (size_t j = i; j <= *y; j++)
		k.series &= isdigit(y[j]) != 0;
	return k;
}

static bool
more_alike(const struct likeness *a, const struct likeness *b)
{
	if (a->labels != b->labels)
		return a->labels > b->labels;
	return a->series != b->series ? a->series : a->characters > b->characters;
}

static struct editor_line *
place_at_kind(const struct editor *e, const struct rr *rr)
{
	unsigned labels = dname_labels(rr->owner);

	for (size_t i = 0; i < e->nkinds; i++)
		if (e->kinds[i].type == rr->type && e->kinds[i].labels == labels)
			return &e->lines[e->kinds[i].line];
	return NULL;
}

/* The end of the zone's own file, but not below an $ORIGIN where rr is no part of. */
static struct editor_line *
place_at_end(const struct editor *e, const struct rr *rr)
{
	struct editor_line *any = NULL;

	for (size_t i = e->n; i-- > 0; ) {
		struct editor_line *l = &e->lines[i];

		if (e->files[l->file].frozen)
			continue;
		if (l->file == 0 && (dname_is_below(rr->owner, l->origin) || dname_equal(l->origin, e->apex)))
			return l;
		if (any == NULL || (any->file != 0 && l->file == 0))
			any = l;
	}
	return any;
}

static struct editor_line *
last_of_owner(const struct editor *e, const struct editor_line *l)
{
	struct rr rr = { .owner = l->rr.owner };
	struct editor_line *last = NULL;

	for (size_t i = editor_first_of(e, rr.owner); i < e->n && dname_equal(e->by_rr[i]->rr.owner, rr.owner); i++)
		if (e->by_rr[i]->file == l->file && (last == NULL || e->by_rr[i] > last))
			last = e->by_rr[i];
	return last;
}

/* The owners before and after rr's in canonical order; lines of frozen files are passed over. */
static struct editor_line *
canonical_before(const struct editor *e, const struct rr *rr)
{
	size_t i = editor_first_of(e, rr->owner);

	return i > 0 && !e->files[e->by_rr[i - 1]->file].frozen ? e->by_rr[i - 1] : NULL;
}

static struct editor_line *
place_at_neighbour(const struct editor *e, const struct rr *rr)
{
	size_t at = names_up_to(e, rr->owner);		/* behind rr's own */
	struct editor_line *before = NULL, *after = NULL, *sorted;
	struct likeness kb = { 0 }, ka = { 0 };

	for (size_t i = at; i-- > 0 && before == NULL; )
		before = e->between[i].last;
	for (size_t i = at; i <= e->nnames && after == NULL; i++)
		after = e->between[i].first;
	if (before != NULL && e->files[before->file].natural && e->files[before->file].nowners >= 2)
		return before;
	sorted = canonical_before(e, rr);
	if (sorted != NULL && e->files[sorted->file].sorted && e->files[sorted->file].nowners >= 2)
		return sorted;
	if (before != NULL)
		kb = compare_names(rr->owner, before->rr.owner);
	if (after != NULL)
		ka = compare_names(rr->owner, after->rr.owner);
	if (before == NULL || more_alike(&ka, &kb)) {
		before = after;
		kb = ka;
	}
	if (before == NULL || kb.labels > dname_labels(e->apex) || kb.series || kb.characters >= ALIKE_MIN)
		return before;
	return NULL;
}

enum err
editor_place(struct editor *e, const struct rr *rr, struct editor_line **out)
{
	struct editor_line *l = place_at_owner(e, rr), *end = e->lines + e->n;

	if (l != NULL) {
		*out = l;
		return ERR_OK;
	}
	if (dname_is_below(rr->owner, e->apex) && (l = place_at_neighbour(e, rr)) != NULL)
		l = last_of_owner(e, l);
	if (l == NULL)
		l = place_at_kind(e, rr);
	if (l == NULL)
		l = place_at_end(e, rr);
	if (l == NULL)
		return ERR_UNSUPPORTED;
	/* Not between an owner and the lines that rely on it. */
	while (l + 1 < end && l[1].file == l->file && l[1].indented)
		l++;
	*out = l;
	return ERR_OK;
}

#include "zones/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/check.h"

struct name {				/* a file name that outlives the reader's */
	struct name *next;
	char text[];
};

struct placed {
	struct rr rr;			/* points into the list's octets */
	struct place place;
};

struct loading {
	const uint8_t *apex;
	const char *file;
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);
	void *include_ctx;
	struct rr_list list;
	struct placed *v;		/* the list's RRs with their places */
	size_t cap;
	struct name *names;
	const char *last_file;		/* as the reader called it; names holds our copy */
	struct complaints *complaints;
};

static enum err
on_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct loading *l = ctx;

	return l->include(l->include_ctx, path, out, f);
}

static const char *
keep_file(struct loading *l, const char *file)
{
	struct name *name;

	if (l->names != NULL && file == l->last_file)
		return l->names->text;
	if ((name = malloc(sizeof *name + strlen(file) + 1)) == NULL)
		return NULL;
	strcpy(name->text, file);
	name->next = l->names;
	l->names = name;
	l->last_file = file;
	return name->text;
}

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct loading *l = ctx;
	struct placed *p;
	enum err err;

	if (l->list.n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;

		if ((p = realloc(l->v, cap * sizeof *p)) == NULL)
			return ERR_NOMEM;
		l->v = p;
		l->cap = cap;
	}
	if ((err = rr_list_add(&l->list, rr)) != ERR_OK)
		return err;
	p = &l->v[l->list.n - 1];
	p->rr = l->list.v[l->list.n - 1];
	p->place = *place;
	p->place.entry = NULL;
	p->place.file = keep_file(l, place->file);
	p->place.entry = NULL;		/* it ends with this call */
	return p->place.file == NULL ? ERR_NOMEM : ERR_OK;
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	struct loading *l = ctx;

	complaints_add(l->complaints, CHECK_ERROR, place, NULL, text);
}

static void
on_finding(void *ctx, const struct check_finding *f)
{
	struct loading *l = ctx;
	struct place whole = { l->file, 1, 1, NULL };

	complaints_add(l->complaints, f->level, f->rr == NULL ? &whole : &l->v[f->rr - l->list.v].place,
	    f->other == NULL ? NULL : &l->v[f->other - l->list.v].place, f->text);
}

static int
compare(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int d = rr_compare(&x->rr, &y->rr);

	/* Equal RRs with two TTLs: the smaller one first, whatever order they came in. */
	if (d == 0)
		d = (x->rr.ttl > y->rr.ttl) - (x->rr.ttl < y->rr.ttl);
	return d != 0 ? d : (x->place.line > y->place.line) - (x->place.line < y->place.line);
}

static void
sort(struct loading *l)
{
	size_t n = l->list.n, i = 1;

	while (i < n && compare(&l->v[i - 1], &l->v[i]) <= 0)
		i++;
	if (i < n)			/* files that a server wrote are in order already */
		qsort(l->v, n, sizeof l->v[0], compare);
	for (i = 0; i < n; i++)
		l->list.v[i] = l->v[i].rr;
}

/* dns-primary-git keeps the addresses of the zone's name servers and passes over all else that lies outside. */
static enum err
drop_outside(struct loading *l)
{
	size_t kept = 0, n = l->list.n;
	bool *drop = calloc(n + 1, sizeof *drop);

	if (drop == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct rr *rr = &l->list.v[i];

		drop[i] = !dname_is_below(rr->owner, l->apex) &&
		    ((rr->type != TYPE_A && rr->type != TYPE_AAAA) ||
		    !zone_check_is_apex_server(l->apex, &l->list, rr->owner));
	}
	for (size_t i = 0; i < n; i++) {
		char owner[DNAME_TEXT_MAX], apex[DNAME_TEXT_MAX], text[2 * DNAME_TEXT_MAX + 64];

		if (!drop[i]) {
			l->v[kept] = l->v[i];
			l->list.v[kept++] = l->list.v[i];
			continue;
		}
		snprintf(text, sizeof text, "%s lies outside of the zone %s and is passed over",
		    dname_print(l->list.v[i].owner, owner), dname_print(l->apex, apex));
		complaints_add(l->complaints, CHECK_WARNING, &l->v[i].place, NULL, text);
	}
	l->list.n = kept;
	free(drop);
	return ERR_OK;
}

/* Each RR once, one TTL per RRset (RFC 2181, sections 5 and 5.2). */
static void
make_rrsets(struct rr_list *list)
{
	size_t kept = 0;

	for (size_t i = 0, end; i < list->n; i = end) {
		uint32_t ttl = list->v[i].ttl;
		size_t first = kept;

		for (end = i; end < list->n && rr_same_rrset(&list->v[i], &list->v[end]); end++) {
			if (list->v[end].ttl < ttl)
				ttl = list->v[end].ttl;
			if (end == i || !rr_same(&list->v[kept - 1], &list->v[end]))
				list->v[kept++] = list->v[end];
		}
		for (; first < kept; first++)
			list->v[first].ttl = ttl;
	}
	list->n = kept;
}

static enum err
keep_soa_place(const struct loading *l, struct complaint_place *out)
{
	size_t i = 0;

	while (l->list.v[i].type != TYPE_SOA)
		i++;
	out->line = l->v[i].place.line;
	out->column = l->v[i].place.column;
	out->file = strdup(l->v[i].place.file);
	return out->file == NULL ? ERR_NOMEM : ERR_OK;
}

enum err
zone_load_text(const struct zone_text *text, struct rr_list *out_sorted, struct complaints *complaints)
{
	struct loading l = { .apex = text->apex, .file = text->file, .include = text->include, .include_ctx = text->ctx,
		.complaints = complaints };
	struct zone_reader reader = { .file = text->file, .origin = text->apex,
		.include = text->include == NULL ? NULL : on_include, .rr = on_rr, .complain = on_complaint, .ctx = &l };
	enum err err = zone_read(&reader, text->text, text->n);

	if (err == ERR_OK) {
		sort(&l);
		if ((err = drop_outside(&l)) == ERR_OK)
			err = zone_check(text->apex, &l.list, on_finding, &l);
	}
	if (err == ERR_OK && complaints->failed)
		err = ERR_NOMEM;
	if (err == ERR_OK && text->soa != NULL)
		err = keep_soa_place(&l, text->soa);
	if (err == ERR_OK)
		make_rrsets(&l.list);
	else
		rr_list_clear(&l.list);
	complaints_sort(complaints);
	*out_sorted = l.list;
	free(l.v);
	for (struct name *name = l.names, *next; name != NULL; name = next) {
		next = name->next;
		free(name);
	}
	return err;
}

enum err
zone_load(const uint8_t *apex, const char *file, const char *text, size_t n,
    enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f), void *ctx,
    struct rr_list *out_sorted, struct buf *complaints, size_t *nwarnings)
{
	struct zone_text all = { .apex = apex, .file = file, .text = text, .n = n, .include = include, .ctx = ctx };
	struct complaints found = { 0 };
	enum err err = zone_load_text(&all, out_sorted, &found);

	complaints_print(&found, file, complaints);
	if (err == ERR_OK && complaints->failed) {
		rr_list_clear(out_sorted);
		err = ERR_NOMEM;
	}
	if (nwarnings != NULL)
		*nwarnings = found.count[CHECK_WARNING];
	complaints_clear(&found);
	return err;
}

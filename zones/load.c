#include "zones/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/check.h"
#include "zones/placed.h"

struct loading {
	const uint8_t *apex;
	const char *file;
	enum err (*include)(void *ctx, const char *path, struct buf *out, struct fault *f);
	void *include_ctx;
	struct placed_rrs rrs;
	struct complaints *complaints;
};

static enum err
on_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	struct loading *l = ctx;

	return l->include(l->include_ctx, path, out, f);
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	struct loading *l = ctx;

	complaints_add(l->complaints, CHECK_ERROR, place, NULL, text);
}

static struct place
place_of(const struct loading *l, const struct rr *rr)
{
	return placed_place(&l->rrs, (size_t)(rr - l->rrs.list.v));
}

static bool
stands_before(const struct place *a, const struct place *b)
{
	return strcmp(a->file, b->file) == 0 && (a->line < b->line || (a->line == b->line && a->column < b->column));
}

/* Of two that should be one, the later is at fault. */
static void
on_finding(void *ctx, const struct check_finding *f)
{
	struct loading *l = ctx;
	struct place at = { l->file, 1, 1, NULL }, other;
	bool twins = f->rr != NULL && f->other != NULL && rr_same_rrset(f->rr, f->other), swap = false;

	if (f->rr != NULL)
		at = place_of(l, f->rr);
	if (f->other != NULL) {
		other = place_of(l, f->other);
		swap = twins && stands_before(&at, &other);
	}
	complaints_add(l->complaints, f->level, swap ? &other : &at, f->other == NULL ? NULL : swap ? &at : &other,
	    f->text);
}

static bool
may_stay(const struct loading *l, const struct rr *rr)
{
	return (rr->type == TYPE_A || rr->type == TYPE_AAAA) &&
	    zone_check_is_apex_server(l->apex, &l->rrs.list, rr->owner);
}

static void
say_outside(struct loading *l, size_t i)
{
	char owner[DNAME_TEXT_MAX], apex[DNAME_TEXT_MAX], text[2 * DNAME_TEXT_MAX + 64];
	struct place place = placed_place(&l->rrs, i);

	snprintf(text, sizeof text, "%s lies outside of the zone %s and is passed over",
	    dname_print(l->rrs.list.v[i].owner, owner), dname_print(l->apex, apex));
	complaints_add(l->complaints, CHECK_WARNING, &place, NULL, text);
}

/* dns-primary-git keeps the addresses of the zone's name servers and passes over all else that lies outside.  What lies
 * inside stands together. */
static enum err
drop_outside(struct loading *l)
{
	struct rr_list *list = &l->rrs.list;
	size_t first = 0, end = list->n, kept = 0;
	bool *drop;

	while (first < end && !dname_is_below(list->v[first].owner, l->apex))
		first++;
	while (end > first && !dname_is_below(list->v[end - 1].owner, l->apex))
		end--;
	if (first == 0 && end == list->n)
		return ERR_OK;
	if ((drop = calloc(list->n, sizeof *drop)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < list->n; i++)
		drop[i] = (i < first || i >= end) && !may_stay(l, &list->v[i]);
	for (size_t i = 0; i < list->n; i++) {
		if (drop[i]) {
			say_outside(l, i);
			continue;
		}
		l->rrs.at[kept] = l->rrs.at[i];
		list->v[kept++] = list->v[i];
	}
	list->n = kept;
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
	struct place place;
	size_t i = 0;

	while (l->rrs.list.v[i].type != TYPE_SOA)
		i++;
	place = placed_place(&l->rrs, i);
	out->line = place.line;
	out->column = place.column;
	out->file = strdup(place.file);
	return out->file == NULL ? ERR_NOMEM : ERR_OK;
}

enum err
zone_load_text(const struct zone_text *text, struct rr_list *out_sorted, struct complaints *complaints)
{
	struct loading l = { .apex = text->apex, .file = text->file, .include = text->include, .include_ctx = text->ctx,
		.complaints = complaints };
	struct zone_reader reader = { .file = text->file, .origin = text->apex,
		.include = text->include == NULL ? NULL : on_include, .complain = on_complaint, .ctx = &l };
	struct placed_cut cut = placed_cut_default(text->n);
	enum err err = placed_read(&reader, text->text, text->n, &cut, &l.rrs);

	if (err == ERR_OK && (err = drop_outside(&l)) == ERR_OK)
		err = zone_check(text->apex, &l.rrs.list, on_finding, &l);
	if (err == ERR_OK && complaints->failed)
		err = ERR_NOMEM;
	if (err == ERR_OK && text->soa != NULL)
		err = keep_soa_place(&l, text->soa);
	if (err == ERR_OK) {
		make_rrsets(&l.rrs.list);
		*out_sorted = l.rrs.list;
		l.rrs.list = (struct rr_list){ 0 };
	}
	complaints_sort(complaints);
	placed_clear(&l.rrs);
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

#include "tests/unit/zones/edits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/load.h"
#include "zones/reader.h"

const uint8_t edits_apex[] = "\7example\3com";

size_t
edits_first_len(const char *text)
{
	const char *end = strstr(text, "=== ");

	return end == NULL ? strlen(text) : (size_t)(end - text);
}

enum err
edits_include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const char *p = ctx;

	while ((p = strstr(p, "=== ")) != NULL) {
		size_t n = strcspn(p + 4, "\n");

		p += 4;
		if (strlen(path) == n && memcmp(p, path, n) == 0) {
			buf_add(out, p + n + 1, edits_first_len(p + n + 1));
			return ERR_OK;
		}
	}
	return fault_set(f, ERR_NOT_FOUND, "no such file");
}

bool
edits_load(const char *text, struct rr_list *out)
{
	struct buf complaints = { 0 };
	enum err err = zone_load(edits_apex, "zone", text, edits_first_len(text), edits_include,
	    (void *)(uintptr_t)text, out, &complaints, NULL);

	if (err != ERR_OK && !complaints.failed)
		fprintf(stderr, "%s\n%s", complaints.len > 0 ? buf_str(&complaints) : err_str(err), text);
	buf_clear(&complaints);
	return err == ERR_OK;
}

struct applying {
	struct rr_list *out;
	bool add, soa;
};

static enum err
on_change(void *ctx, const struct rr *rr, const struct place *place)
{
	struct applying *a = ctx;
	struct rr_list *l = a->out;
	size_t kept = 0;

	(void)place;
	for (size_t i = 0; i < l->n; i++) {
		struct rr *x = &l->v[i];
		bool of_set = x->type == rr->type && dname_equal(x->owner, rr->owner);

		if (of_set && a->add && x->type != TYPE_RRSIG)
			x->ttl = rr->ttl;
		if (!rr_same(x, rr) && !(of_set && x->type == TYPE_SOA))
			l->v[kept++] = *x;
	}
	l->n = kept;
	a->soa |= rr->type == TYPE_SOA;
	return a->add ? rr_list_add(l, rr) : ERR_OK;
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;
	(void)place;
	fprintf(stderr, "%s\n", text);
	abort();
}

static void
bump(struct rr_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct rr *rr = &list->v[i];
		uint8_t *rdata;
		struct soa soa;

		if (rr->type != TYPE_SOA)
			continue;
		rdata = (uint8_t *)(uintptr_t)rr_list_keep(list, rr->rdata, rr->rdlen);
		soa_read(rdata, rr->rdlen, &soa);
		soa_set_serial(rdata, rr->rdlen, soa.serial + 1);
		rr->rdata = rdata;
	}
}

void
edits_apply(const struct rr_list *before, const char *changes, struct rr_list *out)
{
	struct applying a = { .out = out };

	for (size_t i = 0; i < before->n; i++)
		if (rr_list_add(out, &before->v[i]) != ERR_OK)
			abort();
	while (*changes != '\0') {
		struct zone_reader reader = { .file = "changes", .origin = edits_apex, .default_ttl = 3600,
		    .rr = on_change,
			.complain = on_complaint, .ctx = &a };
		size_t n = strcspn(changes, "\n");

		a.add = changes[0] == '+';
		if (zone_read(&reader, changes + 1, n - 1) != ERR_OK)
			abort();
		changes += n + (changes[n] == '\n');
	}
	if (!a.soa)
		bump(out);
	rr_list_sort(out);
}

static enum err
on_added(void *ctx, const struct rr *rr, const struct place *place)
{
	(void)place;
	return rr_list_add(ctx, rr);
}

void
edits_add(struct rr_list *list, const char *text)
{
	struct zone_reader reader = { .file = "RRs", .origin = edits_apex, .default_ttl = 60, .rr = on_added,
		.complain = on_complaint, .ctx = list };

	if (zone_read(&reader, text, strlen(text)) != ERR_OK)
		abort();
	rr_list_sort(list);
}

#include "zones/baseline.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/rrmap.h"

enum err
baseline_take(const struct zone *z, struct baseline *out)
{
	struct baseline b = { 0 };
	struct rr served;
	enum err err;

	if (zone_newest(z) == NULL || z->base.n == 0 || !zone_version_soa(zone_newest(z), &served))
		return ERR_OK;
	if ((err = pending_back(&z->pending, z->apex.octets, &b.less, &b.more)) != ERR_OK ||
	    (err = rr_list_add(&b.less, &served)) != ERR_OK) {
		baseline_clear(&b);
		return err;
	}
	b.version = zone_version_ref(zone_newest(z));
	*out = b;
	return ERR_OK;
}

/* How many in list stand before rr. */
static size_t
count_before(const struct rr_list *list, const struct rr *rr)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rr_compare(&list->v[middle], rr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Copy list from *at to end, but for what less has from *next on. */
static struct rr *
copy_up_to(const struct rr_list *list, size_t *at, size_t end, const struct rr_list *less, size_t *next, struct rr *to)
{
	while (*at < end) {
		size_t gone = *next < less->n ? count_before(list, &less->v[*next]) : list->n;
		size_t n = (gone < end ? gone : end) - *at;

		memcpy(to, list->v + *at, n * sizeof *to);
		to += n;
		*at += n;
		if (gone >= end)
			break;
		*at += rr_same(&list->v[gone], &less->v[*next]);
		++*next;
	}
	return to;
}

/* Few changes and a big zone: what stands between them is copied as it is. */
static enum err
apply(const struct baseline *b, struct rr_list *list)
{
	struct rr *v, *to;
	size_t at = 0, next = 0;

	if ((v = to = malloc((list->n + b->more.n + 1) * sizeof *v)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < b->more.n; i++) {
		to = copy_up_to(list, &at, count_before(list, &b->more.v[i]), &b->less, &next, to);
		*to++ = b->more.v[i];
	}
	to = copy_up_to(list, &at, list->n, &b->less, &next, to);
	free(list->v);
	*list = (struct rr_list){ .v = v, .n = (size_t)(to - v), .cap = list->n + b->more.n + 1 };
	return ERR_OK;
}

enum err
baseline_list(struct baseline *b, struct rr_list *out)
{
	enum err err = zone_version_list(b->version, out);

	rr_list_sort(&b->less);
	rr_list_sort(&b->more);
	if (err == ERR_OK && (err = apply(b, out)) != ERR_OK)
		rr_list_clear(out);
	return err;
}

/* The RRset in the version that rr is in, if it is not in touched yet. */
static enum err
touch_rrset(const struct zone_version *v, const struct rr *rr, struct rrmap *seen, struct changeset *touched)
{
	struct zone_rrset set;
	struct rr one = *rr;
	enum err err = ERR_OK;

	if (rr->type == TYPE_SOA || rrmap_find(seen, rr) != NULL || !zone_version_rrset_of(v, rr, &set))
		return ERR_OK;
	for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(&set, &at, &one.rdata, &one.rdlen); )
		if ((err = changeset_add_rr(touched, &one)) == ERR_OK)
			err = rrmap_set(seen, &one, &(struct rrmap_value){ 0 });
	return err;
}

static bool
version_has(void *ctx, const struct rr *rr, uint32_t *ttl)
{
	return zone_version_has(ctx, rr, ttl);
}

/* An RRset has one TTL, so all of one that something waits in may differ from the base. */
enum err
baseline_fit(struct zone *z, const struct rr_list *base_rrs)
{
	struct changeset waiting = { 0 }, touched = { 0 };
	struct rrmap seen = { 0 };
	enum err err = pending_image(&z->pending, &waiting);

	for (size_t i = 0; err == ERR_OK && i < waiting.n; i++)
		err = touch_rrset(zone_newest(z), &waiting.v[i].rr, &seen, &touched);
	if (err == ERR_OK)
		err = pending_rebase(&z->pending, base_rrs, &touched, version_has, zone_newest(z));
	rrmap_clear(&seen);
	changeset_clear(&waiting);
	changeset_clear(&touched);
	return err;
}

void
baseline_clear(struct baseline *b)
{
	zone_version_unref(b->version);
	rr_list_clear(&b->less);
	rr_list_clear(&b->more);
	*b = (struct baseline){ 0 };
}

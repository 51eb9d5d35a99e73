#include "zones/rr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/text.h"

#define CHUNK_MIN 1024
#define CHUNK_MAX ((size_t)1 << 20)

struct rr_chunk {
	struct rr_chunk *next;
	size_t used, size;
	uint8_t octets[];
};

int
rr_compare(const struct rr *a, const struct rr *b)
{
	int d = dname_compare(a->owner, b->owner);

	if (d == 0)
		d = (int)a->type - (int)b->type;
	return d != 0 ? d : rdata_compare(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

bool
rr_same(const struct rr *a, const struct rr *b)
{
	return a->type == b->type && dname_equal(a->owner, b->owner) &&
	    rdata_equal(a->type, a->rdata, a->rdlen, b->rdata, b->rdlen);
}

bool
rr_same_rrset(const struct rr *a, const struct rr *b)
{
	return a->type == b->type && rr_covered(a) == rr_covered(b) &&
	    (a->owner == b->owner || dname_equal(a->owner, b->owner));
}

void
rr_print(const struct rr *rr, char *text, size_t size)
{
	struct buf b = { 0 };
	const char *s;

	rr_text(rr, &b);
	s = buf_str(&b);
	snprintf(text, size, "%s", s == NULL ? "(out of memory)" : s);
	buf_clear(&b);
}

const uint8_t *
rr_list_keep(struct rr_list *list, const uint8_t *octets, size_t n)
{
	struct rr_chunk *c = list->chunks;

	if (c == NULL || c->size - c->used < n) {
		size_t size = c == NULL ? CHUNK_MIN : c->size < CHUNK_MAX / 2 ? 2 * c->size : CHUNK_MAX;

		if (size < n)
			size = n;
		if ((c = malloc(sizeof *c + size)) == NULL)
			return NULL;
		*c = (struct rr_chunk){ list->chunks, 0, size };
		list->chunks = c;
	}
	if (n > 0)
		memcpy(c->octets + c->used, octets, n);
	c->used += n;
	return c->octets + c->used - n;
}

enum err
rr_list_add(struct rr_list *list, const struct rr *rr)
{
	struct rr copy = *rr, *v;

	if (list->n == list->cap) {
		size_t cap = list->cap == 0 ? 16 : list->cap * 2;

		if ((v = realloc(list->v, cap * sizeof *v)) == NULL)
			return ERR_NOMEM;
		list->v = v;
		list->cap = cap;
	}
	/* Zone files repeat the owner line after line: keep it once. */
	size_t len = dname_len(rr->owner);
	const uint8_t *last = list->n > 0 ? list->v[list->n - 1].owner : NULL;
	if (last != NULL && dname_len(last) == len && memcmp(last, rr->owner, len) == 0)
		copy.owner = last;
	else
		copy.owner = rr_list_keep(list, rr->owner, len);
	copy.rdata = rr_list_keep(list, rr->rdata, rr->rdlen);
	if (copy.owner == NULL || copy.rdata == NULL)
		return ERR_NOMEM;
	list->v[list->n++] = copy;
	return ERR_OK;
}

void
rr_list_take_octets(struct rr_list *to, struct rr_list *from)
{
	struct rr_chunk **last = &from->chunks;

	while (*last != NULL)
		last = &(*last)->next;
	*last = to->chunks;
	to->chunks = from->chunks;
	free(from->v);
	*from = (struct rr_list){ 0 };
}

static int
compare_for_sort(const void *a, const void *b)
{
	const struct rr *x = a, *y = b;
	int d = rr_compare(x, y);

	/* Equal RRs with two TTLs: the smaller one first, whatever order they came in. */
	return d != 0 ? d : (x->ttl > y->ttl) - (x->ttl < y->ttl);
}

void
rr_list_sort(struct rr_list *list)
{
	if (list->n > 1)
		qsort(list->v, list->n, sizeof list->v[0], compare_for_sort);
}

const struct rr *
rr_list_find(const struct rr_list *sorted, const struct rr *rr)
{
	size_t low = 0, high = sorted->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int d = rr_compare(&sorted->v[middle], rr);

		if (d == 0)
			return &sorted->v[middle];
		if (d < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool
rr_list_equal(const struct rr_list *a, const struct rr_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!rr_same(&a->v[i], &b->v[i]) || a->v[i].ttl != b->v[i].ttl)
			return false;
	return true;
}

bool
rr_list_has(const struct rr_list *list, const struct rr *rr)
{
	for (size_t i = 0; i < list->n; i++)
		if (rr_same(&list->v[i], rr))
			return true;
	return false;
}

const struct rr *
rr_list_soa(const struct rr_list *sorted, const uint8_t *apex)
{
	size_t low = 0, high = sorted->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct rr *rr = &sorted->v[middle];
		int d = dname_compare(rr->owner, apex);

		if (d == 0)
			d = (int)rr->type - TYPE_SOA;
		if (d == 0)
			return rr;
		if (d < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void
rr_list_clear(struct rr_list *list)
{
	for (struct rr_chunk *c = list->chunks, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(list->v);
	*list = (struct rr_list){ 0 };
}

void
soa_read(const uint8_t *rdata, size_t n, struct soa *soa)
{
	struct rd r = rd_over(rdata, n);

	soa->mname = rdata;
	soa->rname = rdata + dname_len(rdata);
	rd_take(&r, dname_len(soa->mname) + dname_len(soa->rname));
	soa->serial = rd_u32(&r);
	soa->refresh = rd_u32(&r);
	soa->retry = rd_u32(&r);
	soa->expire = rd_u32(&r);
	soa->minimum = rd_u32(&r);
}

uint32_t
soa_serial(const struct rr *soa)
{
	struct soa fields;

	soa_read(soa->rdata, soa->rdlen, &fields);
	return fields.serial;
}

bool
soa_same_but_serial(const struct rr *a, const struct rr *b)
{
	return a->ttl == b->ttl && a->rdlen == b->rdlen &&
	    memcmp(a->rdata, b->rdata, a->rdlen - 20u) == 0 &&
	    memcmp(a->rdata + a->rdlen - 16, b->rdata + b->rdlen - 16, 16) == 0;
}

void
soa_set_serial(uint8_t *rdata, size_t n, uint32_t serial)
{
	uint8_t *p = rdata + n - 20;

	p[0] = (uint8_t)(serial >> 24);
	p[1] = (uint8_t)(serial >> 16);
	p[2] = (uint8_t)(serial >> 8);
	p[3] = (uint8_t)serial;
}

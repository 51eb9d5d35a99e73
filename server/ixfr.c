#include "server/ixfr.h"

#include <stdlib.h>

#include "wire/rrtype.h"
#include "zones/rrmap.h"

#define RR_FIXED 10			/* octets of type, class, TTL and RDLENGTH */

/* Of each RR that any step touches: was it there before the first (base_ttl), is it there after the last (ttl)? */
enum { WAS_THERE = 1, IS_THERE = 2 };

struct ixfr_builder {
	struct rrmap touched;
	struct rr_list soa;		/* the first step's old one, the last one's new one */
	bool has_old, has_new;
};

struct ixfr *
ixfr_ref(struct ixfr *x)
{
	atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return x;
}

void
ixfr_unref(struct ixfr *x)
{
	if (x == NULL || atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
		return;
	rr_list_clear(&x->rrs);
	free(x);
}

enum err
ixfr_builder_new(struct ixfr_builder **out)
{
	*out = calloc(1, sizeof **out);
	return *out == NULL ? ERR_NOMEM : ERR_OK;
}

void
ixfr_builder_free(struct ixfr_builder *b)
{
	if (b == NULL)
		return;
	rrmap_clear(&b->touched);
	rr_list_clear(&b->soa);
	free(b);
}

static enum err
note_soa(struct ixfr_builder *b, const struct change *c)
{
	if (!c->add && b->has_old)
		return ERR_OK;
	if (c->add && b->has_new)
		b->soa.n--;			/* it stands last */
	if (c->add && !b->has_old)
		return ERR_FORMAT;		/* commit puts the old one first */
	b->has_old |= !c->add;
	b->has_new |= c->add;
	return rr_list_add(&b->soa, &c->rr);
}

static enum err
note(struct ixfr_builder *b, const struct change *c)
{
	struct rrmap_value *known = rrmap_find(&b->touched, &c->rr);
	struct rrmap_value first = { .kind = c->add ? IS_THERE : WAS_THERE, .ttl = c->rr.ttl, .base_ttl = c->rr.ttl };

	if (known == NULL)
		return rrmap_set(&b->touched, &c->rr, &first);
	known->kind = (known->kind & WAS_THERE) | (c->add ? IS_THERE : 0);
	if (c->add)
		known->ttl = c->rr.ttl;
	return ERR_OK;
}

enum err
ixfr_builder_add(struct ixfr_builder *b, const struct changeset *changes)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < changes->n; i++) {
		const struct change *c = &changes->v[i];

		if (c->rr.type == TYPE_SOA)
			err = note_soa(b, c);
		else if (!c->present)
			err = note(b, c);
	}
	return err;
}

/* The RRs that go, or those that come, in canonical order. */
static enum err
collect(const struct ixfr_builder *b, bool coming, struct rr_list *out)
{
	const struct rrmap_entry *e = NULL;
	enum err err = ERR_OK;

	while (err == ERR_OK && (e = rrmap_next(&b->touched, e)) != NULL) {
		const struct rrmap_value *v = &e->value;
		bool same = v->kind == (WAS_THERE | IS_THERE) && v->ttl == v->base_ttl;
		struct rr rr = e->rr;

		rr.ttl = coming ? v->ttl : v->base_ttl;
		if (!same && (v->kind & (coming ? IS_THERE : WAS_THERE)) != 0)
			err = rr_list_add(out, &rr);
	}
	rr_list_sort(out);
	return err;
}

static enum err
append(struct ixfr *x, const struct rr_list *list)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < list->n; i++) {
		x->octets += dname_len(list->v[i].owner) + RR_FIXED + list->v[i].rdlen;
		err = rr_list_add(&x->rrs, &list->v[i]);
	}
	return err;
}

static struct ixfr *
ixfr_new(void)
{
	struct ixfr *x = calloc(1, sizeof *x);

	if (x != NULL)
		atomic_init(&x->refs, 1);
	return x;
}

enum err
ixfr_builder_finish(struct ixfr_builder *b, struct ixfr **out)
{
	struct rr_list going = { 0 }, coming = { 0 };
	struct ixfr *x;
	enum err err;

	if (!b->has_old || !b->has_new)
		return ERR_NOT_FOUND;
	if ((x = ixfr_new()) == NULL)
		return ERR_NOMEM;
	x->from = soa_serial(&b->soa.v[0]);
	x->to = soa_serial(&b->soa.v[1]);
	if ((err = collect(b, false, &going)) == ERR_OK && (err = collect(b, true, &coming)) == ERR_OK &&
	    (err = append(x, &(struct rr_list){ .v = &b->soa.v[0], .n = 1 })) == ERR_OK &&
	    (err = append(x, &going)) == ERR_OK &&
	    (err = append(x, &(struct rr_list){ .v = &b->soa.v[1], .n = 1 })) == ERR_OK)
		err = append(x, &coming);
	rr_list_clear(&going);
	rr_list_clear(&coming);
	if (err == ERR_OK)
		*out = x;
	else
		ixfr_unref(x);
	return err;
}

enum err
ixfr_soa_only(const struct rr *soa, struct ixfr **out)
{
	struct ixfr *x = ixfr_new();
	enum err err;

	if (x == NULL)
		return ERR_NOMEM;
	x->from = x->to = soa_serial(soa);
	if ((err = append(x, &(struct rr_list){ .v = (struct rr *)(uintptr_t)soa, .n = 1 })) != ERR_OK) {
		ixfr_unref(x);
		return err;
	}
	*out = x;
	return ERR_OK;
}

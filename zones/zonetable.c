#include "zones/zonetable.h"

#include <stdlib.h>

static void
link_slot(struct zonetable *t, struct zonetable_slot slot)
{
	size_t at = slot.hash & (t->nslots - 1);

	while (t->slots[at].index != 0)
		at = (at + 1) & (t->nslots - 1);
	t->slots[at] = slot;
}

static enum err
grow(struct zonetable *t)
{
	size_t cap = t->cap == 0 ? 16 : t->cap * 2, nold = t->nslots;
	struct zone **v = realloc(t->v, cap * sizeof *v);
	struct zonetable_slot *old = t->slots, *slots;

	if (v == NULL)
		return ERR_NOMEM;
	t->v = v;
	if ((slots = calloc(cap * 2, sizeof *slots)) == NULL)
		return ERR_NOMEM;
	t->slots = slots;
	t->nslots = cap * 2;
	t->cap = cap;
	for (size_t i = 0; i < nold; i++)
		if (old[i].index != 0)
			link_slot(t, old[i]);
	free(old);
	return ERR_OK;
}

enum err
zonetable_add(struct zonetable *t, struct zone *z)
{
	if (t->n == t->cap && grow(t) != ERR_OK)
		return ERR_NOMEM;
	t->v[t->n++] = z;
	z->counts = &t->counts;
	zone_recount(z);
	link_slot(t, (struct zonetable_slot){ (uint32_t)t->n, dname_hash(z->apex.octets) });
	return ERR_OK;
}

struct zone *
zonetable_find(const struct zonetable *t, const uint8_t *apex)
{
	uint32_t hash = dname_hash(apex);
	size_t at;

	if (t->nslots == 0)
		return NULL;
	for (at = hash & (t->nslots - 1); t->slots[at].index != 0; at = (at + 1) & (t->nslots - 1))
		if (t->slots[at].hash == hash && dname_equal(t->v[t->slots[at].index - 1]->apex.octets, apex))
			return t->v[t->slots[at].index - 1];
	return NULL;
}

struct zone *
zonetable_find_above(const struct zonetable *t, const uint8_t *name)
{
	for (;; name = dname_parent(name)) {
		struct zone *z = zonetable_find(t, name);

		if (z != NULL && !z->retired)
			return z;
		if (dname_is_root(name))
			return NULL;
	}
}

void
zonetable_clear(struct zonetable *t)
{
	for (size_t i = 0; i < t->n; i++)
		zone_free(t->v[i]);
	free(t->v);
	free(t->slots);
	*t = (struct zonetable){ 0 };
}

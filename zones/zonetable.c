#include "zones/zonetable.h"

#include <stdlib.h>

static void
link_slot(struct zonetable *t, size_t index)
{
	size_t at = dname_hash(t->v[index]->apex.octets) & (t->nslots - 1);

	while (t->slots[at] != 0)
		at = (at + 1) & (t->nslots - 1);
	t->slots[at] = (uint32_t)index + 1;
}

static enum err
grow(struct zonetable *t)
{
	size_t cap = t->cap == 0 ? 16 : t->cap * 2;
	struct zone **v = realloc(t->v, cap * sizeof *v);
	uint32_t *slots;

	if (v == NULL)
		return ERR_NOMEM;
	t->v = v;
	if ((slots = calloc(cap * 2, sizeof *slots)) == NULL)
		return ERR_NOMEM;
	free(t->slots);
	t->slots = slots;
	t->nslots = cap * 2;
	t->cap = cap;
	for (size_t i = 0; i < t->n; i++)
		link_slot(t, i);
	return ERR_OK;
}

enum err
zonetable_add(struct zonetable *t, struct zone *z)
{
	if (t->n == t->cap && grow(t) != ERR_OK)
		return ERR_NOMEM;
	t->v[t->n] = z;
	link_slot(t, t->n++);
	return ERR_OK;
}

struct zone *
zonetable_find(const struct zonetable *t, const uint8_t *apex)
{
	size_t at;

	if (t->nslots == 0)
		return NULL;
	for (at = dname_hash(apex) & (t->nslots - 1); t->slots[at] != 0; at = (at + 1) & (t->nslots - 1))
		if (dname_equal(t->v[t->slots[at] - 1]->apex.octets, apex))
			return t->v[t->slots[at] - 1];
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

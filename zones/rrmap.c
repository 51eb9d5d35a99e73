#include "zones/rrmap.h"

#include <stdlib.h>
#include <string.h>

/* Equal RRs may differ in the letter case of names in their rdata: fold all octets alike. */
static uint32_t
hash_rr(const struct rr *rr)
{
	uint32_t h = dname_hash(rr->owner) ^ rr->type;

	for (size_t i = 0; i < rr->rdlen; i++) {
		uint8_t c = rr->rdata[i];

		h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
	}
	return h;
}

static struct rrmap_entry **
find_slot(const struct rrmap *m, const struct rr *rr, uint32_t hash)
{
	struct rrmap_entry **at = &m->slots[hash & (m->nslots - 1)];

	while (*at != NULL && ((*at)->hash != hash || !rr_same(&(*at)->rr, rr)))
		at = &(*at)->next;
	return at;
}

struct rrmap_entry *
rrmap_entry(const struct rrmap *m, const struct rr *rr)
{
	return m->n == 0 ? NULL : *find_slot(m, rr, hash_rr(rr));
}

struct rrmap_value *
rrmap_find(const struct rrmap *m, const struct rr *rr)
{
	struct rrmap_entry *e = rrmap_entry(m, rr);

	return e == NULL ? NULL : &e->value;
}

static enum err
grow(struct rrmap *m)
{
	uint32_t nslots = m->nslots == 0 ? 16 : m->nslots * 2;
	struct rrmap_entry **slots = calloc(nslots, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < m->nslots; i++) {
		for (struct rrmap_entry *e = m->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			e->next = slots[e->hash & (nslots - 1)];
			slots[e->hash & (nslots - 1)] = e;
		}
	}
	free(m->slots);
	m->slots = slots;
	m->nslots = nslots;
	return ERR_OK;
}

enum err
rrmap_set(struct rrmap *m, const struct rr *rr, const struct rrmap_value *value)
{
	struct rrmap_value *old = rrmap_find(m, rr);
	size_t owner_len = dname_len(rr->owner);
	struct rrmap_entry *e;
	uint8_t *octets;

	if (old != NULL) {
		*old = *value;
		return ERR_OK;
	}
	if (m->n == m->nslots && grow(m) != ERR_OK)
		return ERR_NOMEM;
	if ((e = malloc(sizeof *e + owner_len + rr->rdlen)) == NULL)
		return ERR_NOMEM;
	octets = (uint8_t *)(e + 1);
	memcpy(octets, rr->owner, owner_len);
	memcpy(octets + owner_len, rr->rdata, rr->rdlen);
	e->rr = *rr;
	e->rr.owner = octets;
	e->rr.rdata = octets + owner_len;
	e->value = *value;
	e->hash = hash_rr(rr);
	rrmap_relink(m, e);
	return ERR_OK;
}

void
rrmap_unlink(struct rrmap *m, struct rrmap_entry *e)
{
	struct rrmap_entry **at = &m->slots[e->hash & (m->nslots - 1)];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	m->n--;
}

void
rrmap_relink(struct rrmap *m, struct rrmap_entry *e)
{
	e->next = m->slots[e->hash & (m->nslots - 1)];
	m->slots[e->hash & (m->nslots - 1)] = e;
	m->n++;
}

const struct rrmap_entry *
rrmap_next(const struct rrmap *m, const struct rrmap_entry *at)
{
	size_t i = 0;

	if (at != NULL) {
		if (at->next != NULL)
			return at->next;
		i = (at->hash & (m->nslots - 1)) + 1;
	}
	for (; i < m->nslots; i++)
		if (m->slots[i] != NULL)
			return m->slots[i];
	return NULL;
}

void
rrmap_clear(struct rrmap *m)
{
	for (size_t i = 0; i < m->nslots; i++) {
		for (struct rrmap_entry *e = m->slots[i], *next; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(m->slots);
	*m = (struct rrmap){ 0 };
}

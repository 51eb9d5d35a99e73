#include "zones/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"

/* What was done, with what it takes to undo it without memory. */
struct pending_undo {
	struct pending_undo *next;
	enum { UNDO_ADDED, UNDO_CHANGED, UNDO_REMOVED, UNDO_SOA } what;
	struct rrmap *map;
	struct rrmap_entry *entry;	/* in the map; or UNDO_REMOVED: taken out of it, ours */
	struct rrmap_value value;	/* that it had */
	struct pending_soa *soa, old_soa;	/* which one; the old one's rdata is ours */
};

/* --- changes of the maps, with their undo --- */

/* Room for an undo before anything is done; *out NULL: none is wanted. */
static enum err
new_undo(const struct pending *p, struct pending_undo **out)
{
	*out = NULL;
	return p->logging && (*out = calloc(1, sizeof **out)) == NULL ? ERR_NOMEM : ERR_OK;
}

static void
log_undo(struct pending *p, struct pending_undo *u)
{
	u->next = p->undo;
	p->undo = u;
}

static enum err
map_set(struct pending *p, struct rrmap *map, const struct rr *rr, const struct rrmap_value *value)
{
	const struct rrmap_value *old = rrmap_find(map, rr);
	struct pending_undo *u;
	enum err err = new_undo(p, &u);

	if (err == ERR_OK && u != NULL) {
		u->what = old == NULL ? UNDO_ADDED : UNDO_CHANGED;
		u->map = map;
		if (old != NULL)
			u->value = *old;
	}
	if (err == ERR_OK)
		err = rrmap_set(map, rr, value);
	if (err != ERR_OK) {
		free(u);
	} else if (u != NULL) {
		u->entry = rrmap_entry(map, rr);
		log_undo(p, u);
	}
	return err;
}

static enum err
map_remove(struct pending *p, struct rrmap *map, const struct rr *rr)
{
	struct rrmap_entry *e = rrmap_entry(map, rr);
	struct pending_undo *u;
	enum err err;

	if (e == NULL)
		return ERR_OK;
	if ((err = new_undo(p, &u)) != ERR_OK)
		return err;
	rrmap_unlink(map, e);
	if (u == NULL) {
		free(e);
		return ERR_OK;
	}
	u->what = UNDO_REMOVED;
	u->map = map;
	u->entry = e;
	log_undo(p, u);
	return ERR_OK;
}

/* which is one of p's two; rr NULL: none. */
static enum err
set_soa(struct pending *p, struct pending_soa *which, const struct rr *rr)
{
	struct pending_soa soa = { NULL, rr == NULL ? 0 : rr->rdlen, rr == NULL ? 0 : rr->ttl };
	struct pending_undo *u;
	enum err err;

	if (rr != NULL && (soa.rdata = malloc(rr->rdlen)) == NULL)
		return ERR_NOMEM;
	if ((err = new_undo(p, &u)) != ERR_OK) {
		free(soa.rdata);
		return err;
	}
	if (rr != NULL)
		memcpy(soa.rdata, rr->rdata, rr->rdlen);
	if (u != NULL) {
		u->what = UNDO_SOA;
		u->soa = which;
		u->old_soa = *which;
		log_undo(p, u);
	} else {
		free(which->rdata);
	}
	*which = soa;
	return ERR_OK;
}

struct pending_undo *
pending_mark(struct pending *p)
{
	p->logging = true;
	return p->undo;
}

void
pending_keep(struct pending *p)
{
	for (struct pending_undo *u = p->undo, *next; u != NULL; u = next) {
		next = u->next;
		if (u->what == UNDO_REMOVED)
			free(u->entry);
		free(u->old_soa.rdata);
		free(u);
	}
	p->undo = NULL;
	p->logging = false;
}

static void
undo_one(const struct pending_undo *u)
{
	switch (u->what) {
	case UNDO_ADDED:
		rrmap_unlink(u->map, u->entry);
		free(u->entry);
		break;
	case UNDO_CHANGED:
		u->entry->value = u->value;
		break;
	case UNDO_REMOVED:
		rrmap_relink(u->map, u->entry);
		break;
	case UNDO_SOA:
		free(u->soa->rdata);
		*u->soa = u->old_soa;
		break;
	}
}

void
pending_undo(struct pending *p, struct pending_undo *mark)
{
	while (p->undo != mark) {
		struct pending_undo *u = p->undo;

		p->undo = u->next;
		undo_one(u);
		free(u);
	}
	p->logging = mark != NULL;
}

void
pending_clear(struct pending *p)
{
	pending_keep(p);
	rrmap_clear(&p->lasting);
	rrmap_clear(&p->since);
	rrmap_clear(&p->passing);
	free(p->base_soa.rdata);
	free(p->soa.rdata);
	*p = (struct pending){ 0 };
}

/* --- taking changes in --- */

/* All but the serial. */
static bool
same_soa(const struct pending_soa *a, const struct rr *b)
{
	struct soa x, y;

	if (a->rdata == NULL || a->ttl != b->ttl || a->n != b->rdlen)
		return false;
	soa_read(a->rdata, a->n, &x);
	soa_read(b->rdata, b->rdlen, &y);
	return dname_equal(x.mname, y.mname) && dname_equal(x.rname, y.rname) && x.refresh == y.refresh &&
	    x.retry == y.retry && x.expire == y.expire && x.minimum == y.minimum;
}

static enum err
note_soa(struct pending *p, const struct rr *soa)
{
	if (!same_soa(&p->base_soa, soa))
		return set_soa(p, &p->soa, soa);
	return p->soa.rdata == NULL ? ERR_OK : set_soa(p, &p->soa, NULL);
}

enum err
pending_set_base_soa(struct pending *p, const struct rr *soa, const struct rr *served)
{
	enum err err = set_soa(p, &p->base_soa, soa);

	if (err == ERR_OK && served != NULL)
		return note_soa(p, served);
	return err == ERR_OK && same_soa(&p->soa, soa) ? set_soa(p, &p->soa, NULL) : err;
}

static enum err
lasting_add(struct pending *p, struct rrmap *map, const struct rr *rr)
{
	struct rrmap_value *old = rrmap_find(map, rr);
	struct rrmap_value value = { PENDING_ADDED, rr->ttl, 0, 0 };

	if (old != NULL && old->kind != PENDING_ADDED) {
		if (rr->ttl == old->base_ttl)
			return map_remove(p, map, rr);
		value.kind = PENDING_RETTL;
		value.base_ttl = old->base_ttl;
	}
	return map_set(p, map, rr, &value);
}

static enum err
lasting_remove(struct pending *p, struct rrmap *map, const struct rr *rr)
{
	struct rrmap_value *old = rrmap_find(map, rr);

	if (old != NULL && old->kind == PENDING_ADDED)
		return map_remove(p, map, rr);
	return map_set(p, map, rr, &(struct rrmap_value){ PENDING_REMOVED, 0,
	    old != NULL ? old->base_ttl : rr->ttl, 0 });
}

/* One lasting change, in both differences. */
static enum err
note_lasting(struct pending *p, const struct rr *rr, bool add)
{
	enum err err = add ? lasting_add(p, &p->lasting, rr) : lasting_remove(p, &p->lasting, rr);

	if (err == ERR_OK && p->writing)
		err = add ? lasting_add(p, &p->since, rr) : lasting_remove(p, &p->since, rr);
	return err;
}

static enum err
note_one(struct pending *p, const struct change *c)
{
	struct rrmap_value *passing = rrmap_find(&p->passing, &c->rr);
	enum err err;

	if (c->rr.type == TYPE_SOA)
		return c->add ? note_soa(p, &c->rr) : ERR_OK;
	if (!c->add)
		return passing != NULL ? map_remove(p, &p->passing, &c->rr) : note_lasting(p, &c->rr, false);
	if (c->class == CHANGE_PASSING) {
		if (c->present && passing == NULL)
			return ERR_OK;		/* it is a lasting one, and that is more */
		return map_set(p, &p->passing, &c->rr, &(struct rrmap_value){ .ttl = c->rr.ttl,
		    .until_s = passing != NULL && passing->until_s > c->until_s ? passing->until_s : c->until_s });
	}
	if (c->present && passing == NULL)
		return ERR_OK;
	if (passing != NULL && (err = map_remove(p, &p->passing, &c->rr)) != ERR_OK)
		return err;
	return note_lasting(p, &c->rr, true);
}

enum err
pending_note(struct pending *p, const struct changeset *changes)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < changes->n; i++)
		err = note_one(p, &changes->v[i]);
	return err;
}

enum err
pending_image(const struct pending *p, struct changeset *out)
{
	const struct rrmap_entry *e;
	enum err err = ERR_OK;

	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->lasting, e)) != NULL; ) {
		struct rr rr = e->rr;

		if (e->value.kind != PENDING_ADDED) {
			rr.ttl = e->value.base_ttl;
			err = changeset_remove_rr(out, &rr);
		}
		if (err == ERR_OK && e->value.kind != PENDING_REMOVED) {
			rr.ttl = e->value.ttl;
			err = changeset_add_rr(out, &rr);
		}
	}
	/* Behind the lasting ones: what the base has may have been removed, and have come back to pass. */
	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->passing, e)) != NULL; ) {
		struct change c = { e->rr, true, false, CHANGE_PASSING, e->value.until_s };

		c.rr.ttl = e->value.ttl;
		err = changeset_add(out, &c);
	}
	if (err == ERR_OK && p->soa.rdata != NULL) {
		static const uint8_t root[] = { 0 };	/* the apex is known to whoever reads it */
		struct rr soa = { root, p->soa.rdata, p->soa.ttl, TYPE_SOA, p->soa.n };

		err = changeset_add_rr(out, &soa);
	}
	return err;
}

void
pending_write_begin(struct pending *p)
{
	assert(p->undo == NULL);
	rrmap_clear(&p->since);
	p->writing = true;
}

void
pending_write_end(struct pending *p, bool written)
{
	assert(p->undo == NULL);
	p->writing = false;
	if (written) {
		rrmap_clear(&p->lasting);
		p->lasting = p->since;
		p->since = (struct rrmap){ 0 };
	} else {
		rrmap_clear(&p->since);
	}
}

/* --- against a base --- */

static enum err
apply_soa(const struct pending *p, const struct rr *base, uint32_t serial, struct rr_list *out)
{
	struct rr soa = *base;
	uint8_t rdata[2 * DNAME_MAX + 20];

	if (p->soa.rdata != NULL) {
		soa.rdlen = p->soa.n;
		soa.rdata = p->soa.rdata;
		soa.ttl = p->soa.ttl;
	}
	memcpy(rdata, soa.rdata, soa.rdlen);
	soa_set_serial(rdata, soa.rdlen, serial);
	soa.rdata = rdata;
	return rr_list_add(out, &soa);
}

enum err
pending_apply(const struct pending *p, const struct rr_list *base, uint32_t serial, struct rr_list *out)
{
	const struct rrmap_entry *e;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < base->n; i++) {
		struct rr rr = base->v[i];
		const struct rrmap_value *v = rrmap_find(&p->lasting, &rr);

		if (rr.type == TYPE_SOA) {
			err = apply_soa(p, &rr, serial, out);
			continue;
		}
		if (v != NULL && v->kind == PENDING_REMOVED)
			continue;
		if (v != NULL)
			rr.ttl = v->ttl;
		err = rr_list_add(out, &rr);
	}
	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->lasting, e)) != NULL; ) {
		struct rr rr = e->rr;

		rr.ttl = e->value.ttl;
		if (e->value.kind != PENDING_REMOVED && rr_list_find(base, &rr) == NULL)
			err = rr_list_add(out, &rr);
	}
	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->passing, e)) != NULL; ) {
		struct rr rr = e->rr;

		rr.ttl = e->value.ttl;
		err = rr_list_add(out, &rr);
	}
	rr_list_sort(out);
	return err;
}

enum err
pending_back(const struct pending *p, const uint8_t *apex, struct rr_list *less, struct rr_list *more)
{
	const struct rr soa = { apex, p->base_soa.rdata, p->base_soa.ttl, TYPE_SOA, p->base_soa.n };
	enum err err = p->base_soa.rdata == NULL ? ERR_OK : rr_list_add(more, &soa);
	const struct rrmap_entry *e;

	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->lasting, e)) != NULL; ) {
		struct rr rr = e->rr;

		rr.ttl = e->value.base_ttl;
		if (e->value.kind != PENDING_REMOVED)
			err = rr_list_add(less, &rr);
		if (err == ERR_OK && e->value.kind != PENDING_ADDED)
			err = rr_list_add(more, &rr);
	}
	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->passing, e)) != NULL; )
		err = rr_list_add(less, &e->rr);
	return err;
}

/* What the difference has to say about rr, given what base and zone hold. */
static enum err
settle(struct pending *p, const struct rr_list *base, const struct rr *rr,
    bool (*served)(void *ctx, const struct rr *rr, uint32_t *ttl), void *ctx)
{
	const struct rr *b = rr_list_find(base, rr);
	uint32_t ttl = 0;
	bool there = served(ctx, rr, &ttl) && !pending_is_passing(p, rr);
	enum err err;

	/* One that passes, and that the base has without our having removed it from there, lasts. */
	if (b != NULL && !there && pending_is_passing(p, rr) && rrmap_find(&p->lasting, rr) == NULL) {
		if ((err = map_remove(p, &p->passing, rr)) != ERR_OK)
			return err;
		there = true;
	}
	if (rr->type == TYPE_SOA || (b == NULL && !there) || (b != NULL && there && b->ttl == ttl))
		return map_remove(p, &p->lasting, rr);
	if (b == NULL)
		return map_set(p, &p->lasting, rr, &(struct rrmap_value){ PENDING_ADDED, ttl, 0, 0 });
	return map_set(p, &p->lasting, rr, &(struct rrmap_value){ there ? PENDING_RETTL : PENDING_REMOVED, ttl, b->ttl,
	    0 });
}

enum err
pending_rebase(struct pending *p, const struct rr_list *base, const struct changeset *touched,
    bool (*served)(void *ctx, const struct rr *rr, uint32_t *ttl), void *ctx)
{
	struct rr_list old = { 0 };
	const struct rrmap_entry *e;
	enum err err = ERR_OK;

	/* The map changes under the walk, so the keys are copied first. */
	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->lasting, e)) != NULL; )
		err = rr_list_add(&old, &e->rr);
	for (size_t i = 0; err == ERR_OK && i < old.n; i++)
		err = settle(p, base, &old.v[i], served, ctx);
	for (size_t i = 0; err == ERR_OK && i < touched->n; i++)
		err = settle(p, base, &touched->v[i].rr, served, ctx);
	rr_list_clear(&old);
	return err;
}

enum err
pending_passing(const struct pending *p, struct rr_list *out)
{
	enum err err = ERR_OK;

	for (const struct rrmap_entry *e = NULL; err == ERR_OK && (e = rrmap_next(&p->passing, e)) != NULL; )
		err = rr_list_add(out, &e->rr);
	rr_list_sort(out);
	return err;
}

bool
pending_is_passing(const struct pending *p, const struct rr *rr)
{
	return rrmap_find(&p->passing, rr) != NULL;
}

size_t
pending_count(const struct pending *p)
{
	return p->lasting.n + (p->soa.rdata != NULL);
}

enum err
pending_expired(const struct pending *p, int64_t now_s, struct changeset *out, int64_t *next_s)
{
	enum err err = ERR_OK;

	*next_s = 0;
	for (const struct rrmap_entry *e = NULL; err == ERR_OK && (e = rrmap_next(&p->passing, e)) != NULL; ) {
		if (e->value.until_s <= now_s)
			err = changeset_remove_rr(out, &e->rr);
		else if (*next_s == 0 || e->value.until_s < *next_s)
			*next_s = e->value.until_s;
	}
	return err;
}

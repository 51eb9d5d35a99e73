#include "zones/pending.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"

struct pending_undo {
	struct pending_undo *next;
	struct rrmap *map;		/* NULL: the SOA */
	bool had;
	struct rrmap_value value;
	struct rr rr;			/* octets lie behind */
	uint8_t octets[];
};

/* --- changes of the maps, with their undo --- */

static enum err
log_undo(struct pending *p, struct rrmap *map, const struct rr *rr, const struct rrmap_value *old)
{
	size_t owner_n = dname_len(rr->owner);
	struct pending_undo *u;

	if (!p->logging)
		return ERR_OK;
	if ((u = malloc(sizeof *u + owner_n + rr->rdlen)) == NULL)
		return ERR_NOMEM;
	memcpy(u->octets, rr->owner, owner_n);
	memcpy(u->octets + owner_n, rr->rdata, rr->rdlen);
	u->map = map;
	u->had = old != NULL;
	u->value = old != NULL ? *old : (struct rrmap_value){ 0 };
	u->rr = *rr;
	u->rr.owner = u->octets;
	u->rr.rdata = u->octets + owner_n;
	u->next = p->undo;
	p->undo = u;
	return ERR_OK;
}

static enum err
map_set(struct pending *p, struct rrmap *map, const struct rr *rr, const struct rrmap_value *value)
{
	enum err err = log_undo(p, map, rr, rrmap_find(map, rr));

	return err == ERR_OK ? rrmap_set(map, rr, value) : err;
}

static enum err
map_remove(struct pending *p, struct rrmap *map, const struct rr *rr)
{
	struct rrmap_value *old = rrmap_find(map, rr);
	enum err err = old == NULL ? ERR_OK : log_undo(p, map, rr, old);

	if (err == ERR_OK)
		rrmap_remove(map, rr);
	return err;
}

static enum err
keep_soa(struct pending *p, const struct rr *soa)
{
	uint8_t *copy = NULL;

	if (soa != NULL) {
		if ((copy = malloc(soa->rdlen)) == NULL)
			return ERR_NOMEM;
		memcpy(copy, soa->rdata, soa->rdlen);
		p->soa_n = soa->rdlen;
		p->soa_ttl = soa->ttl;
	}
	free(p->soa);
	p->soa = copy;
	return ERR_OK;
}

static enum err
change_soa(struct pending *p, const struct rr *soa)
{
	static const uint8_t root[] = { 0 };
	struct rr old = { root, p->soa, p->soa_ttl, TYPE_SOA, p->soa == NULL ? 0 : p->soa_n };
	struct rrmap_value had = { 0 };
	enum err err = log_undo(p, NULL, &old, p->soa == NULL ? NULL : &had);

	return err == ERR_OK ? keep_soa(p, soa) : err;
}

void
pending_mark(struct pending *p)
{
	p->logging = true;
}

void
pending_keep(struct pending *p)
{
	for (struct pending_undo *u = p->undo, *next; u != NULL; u = next) {
		next = u->next;
		free(u);
	}
	p->undo = NULL;
	p->logging = false;
}

void
pending_undo(struct pending *p)
{
	/* Setting back an entry may need memory that is gone; then the entry is lost here, and a restart, which reads
	 * the journal, has it right. */
	for (struct pending_undo *u = p->undo; u != NULL; u = u->next) {
		if (u->map == NULL)
			(void)keep_soa(p, u->had ? &u->rr : NULL);
		else if (u->had)
			(void)rrmap_set(u->map, &u->rr, &u->value);
		else
			rrmap_remove(u->map, &u->rr);
	}
	pending_keep(p);
}

void
pending_clear(struct pending *p)
{
	pending_keep(p);
	rrmap_clear(&p->lasting);
	rrmap_clear(&p->since);
	rrmap_clear(&p->passing);
	free(p->base_soa);
	free(p->soa);
	*p = (struct pending){ 0 };
}

/* --- taking changes in --- */

/* All but the serial. */
static bool
same_soa(const uint8_t *a, size_t na, uint32_t attl, const uint8_t *b, size_t nb, uint32_t bttl)
{
	struct soa x, y;

	if (attl != bttl || na != nb)
		return false;
	soa_read(a, na, &x);
	soa_read(b, nb, &y);
	return dname_equal(x.mname, y.mname) && dname_equal(x.rname, y.rname) && x.refresh == y.refresh &&
	    x.retry == y.retry && x.expire == y.expire && x.minimum == y.minimum;
}

enum err
pending_set_base_soa(struct pending *p, const struct rr *soa)
{
	uint8_t *copy = malloc(soa->rdlen);

	if (copy == NULL)
		return ERR_NOMEM;
	memcpy(copy, soa->rdata, soa->rdlen);
	free(p->base_soa);
	p->base_soa = copy;
	p->base_soa_n = soa->rdlen;
	p->base_soa_ttl = soa->ttl;
	if (p->soa != NULL && same_soa(p->soa, p->soa_n, p->soa_ttl, copy, soa->rdlen, soa->ttl))
		return change_soa(p, NULL);
	return ERR_OK;
}

static enum err
note_soa(struct pending *p, const struct rr *soa)
{
	if (p->base_soa != NULL &&
	    same_soa(p->base_soa, p->base_soa_n, p->base_soa_ttl, soa->rdata, soa->rdlen, soa->ttl))
		return p->soa == NULL ? ERR_OK : change_soa(p, NULL);
	return change_soa(p, soa);
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

	for (e = NULL; err == ERR_OK && (e = rrmap_next(&p->passing, e)) != NULL; ) {
		struct change c = { e->rr, true, false, CHANGE_PASSING, e->value.until_s };

		c.rr.ttl = e->value.ttl;
		err = changeset_add(out, &c);
	}
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
	if (err == ERR_OK && p->soa != NULL) {
		static const uint8_t root[] = { 0 };	/* the apex is known to whoever reads it */
		struct rr soa = { root, p->soa, p->soa_ttl, TYPE_SOA, p->soa_n };

		err = changeset_add_rr(out, &soa);
	}
	return err;
}

void
pending_write_begin(struct pending *p)
{
	rrmap_clear(&p->since);
	p->writing = true;
}

void
pending_write_end(struct pending *p, bool written)
{
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

	if (p->soa != NULL) {
		soa.rdlen = p->soa_n;
		soa.rdata = p->soa;
		soa.ttl = p->soa_ttl;
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

/* What the difference has to say about rr, given what base and zone hold. */
static enum err
settle(struct pending *p, const struct rr_list *base, const struct rr *rr,
    bool (*served)(void *ctx, const struct rr *rr, uint32_t *ttl), void *ctx)
{
	const struct rr *b = rr_list_find(base, rr);
	uint32_t ttl = 0;
	bool there = served(ctx, rr, &ttl) && !pending_is_passing(p, rr);

	if (rr->type == TYPE_SOA || (b == NULL && !there) || (b != NULL && there && b->ttl == ttl))
		return map_remove(p, &p->lasting, rr);
	if (b == NULL)
		return map_set(p, &p->lasting, rr, &(struct rrmap_value){ PENDING_ADDED, ttl, 0, 0 });
	return map_set(p, &p->lasting, rr, &(struct rrmap_value){ there ? PENDING_RETTL : PENDING_REMOVED, ttl, b->ttl, 0 });
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
	return p->lasting.n + (p->soa != NULL);
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

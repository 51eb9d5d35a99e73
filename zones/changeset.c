#include "zones/changeset.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/reader.h"
#include "wire/rrtype.h"

enum err
changeset_add(struct changeset *cs, const struct change *change)
{
	struct change copy = *change;

	if (cs->n == cs->cap) {
		size_t cap = cs->cap == 0 ? 8 : cs->cap * 2;
		struct change *v = realloc(cs->v, cap * sizeof *v);

		if (v == NULL)
			return ERR_NOMEM;
		cs->v = v;
		cs->cap = cap;
	}
	copy.rr.owner = rr_list_keep(&cs->octets, change->rr.owner, dname_len(change->rr.owner));
	copy.rr.rdata = rr_list_keep(&cs->octets, change->rr.rdata, change->rr.rdlen);
	if (copy.rr.owner == NULL || copy.rr.rdata == NULL)
		return ERR_NOMEM;
	cs->v[cs->n++] = copy;
	return ERR_OK;
}

enum err
changeset_remove_rr(struct changeset *cs, const struct rr *rr)
{
	return changeset_add(cs, &(struct change){ .rr = *rr });
}

enum err
changeset_add_rr(struct changeset *cs, const struct rr *rr)
{
	return changeset_add(cs, &(struct change){ .rr = *rr, .add = true, .class = CHANGE_LASTING });
}

void
changeset_clear(struct changeset *cs)
{
	free(cs->v);
	rr_list_clear(&cs->octets);
	*cs = (struct changeset){ 0 };
}

void
changeset_write(const struct changeset *cs, struct buf *out)
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct change *c = &cs->v[i];

		buf_u8(out, (uint8_t)((c->add ? 1 : 0) | (c->class == CHANGE_PASSING ? 2 : 0) | (c->present ? 4 : 0)));
		buf_u64(out, (uint64_t)c->until_s);
		buf_u16(out, c->rr.type);
		buf_u32(out, c->rr.ttl);
		buf_add(out, c->rr.owner, dname_len(c->rr.owner));
		buf_u16(out, c->rr.rdlen);
		buf_add(out, c->rr.rdata, c->rr.rdlen);
	}
}

enum err
changeset_read(const uint8_t *octets, size_t n, struct changeset *cs)
{
	struct rd r = rd_over(n == 0 ? (const uint8_t *)"" : octets, n); /* the database gives NULL for nothing */
	enum err err = ERR_OK;

	while (err == ERR_OK && rd_left(&r) > 0) {
		struct change c;
		struct dname owner;
		uint8_t flags = rd_u8(&r);

		c.add = (flags & 1) != 0;
		c.present = (flags & 4) != 0;
		c.class = (flags & 2) != 0 ? CHANGE_PASSING : CHANGE_LASTING;
		c.until_s = (int64_t)rd_u64(&r);
		c.rr.type = rd_u16(&r);
		c.rr.ttl = rd_u32(&r);
		r.start = r.p;			/* no compression here */
		rd_dname(&r, &owner);
		c.rr.owner = owner.octets;
		c.rr.rdlen = rd_u16(&r);
		c.rr.rdata = rd_take(&r, c.rr.rdlen);
		if (r.bad || !rdata_valid(c.rr.type, c.rr.rdata, c.rr.rdlen))
			err = ERR_FORMAT;
		else
			err = changeset_add(cs, &c);
	}
	if (r.bad)
		err = ERR_FORMAT;
	if (err != ERR_OK)
		changeset_clear(cs);
	return err;
}

enum err
changeset_diff(const struct rr_list *from, const struct rr_list *to, struct changeset *out)
{
	size_t i = 0, j = 0;
	enum err err = ERR_OK;

	while (err == ERR_OK && (i < from->n || j < to->n)) {
		const struct rr *a = i < from->n ? &from->v[i] : NULL, *b = j < to->n ? &to->v[j] : NULL;
		int d = a == NULL ? 1 : b == NULL ? -1 : rr_compare(a, b);

		if (d < 0 || (d == 0 && a->ttl != b->ttl)) {
			if (a->type != TYPE_SOA)
				err = changeset_remove_rr(out, a);
		}
		if (err == ERR_OK && (d > 0 || (d == 0 && a->ttl != b->ttl))) {
			if (b->type != TYPE_SOA)
				err = changeset_add_rr(out, b);
		}
		i += d <= 0;
		j += d >= 0;
	}
	return err;
}

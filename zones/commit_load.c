/* Whole zones on their way in: the first version of each, made of its base's RRs and of what waits on top of them, and the row that says
 * so in the journal, for many zones with one sync. */
#include "zones/commit_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/baseline.h"
#include "zones/check.h"
#include "zones/commit_build.h"

static void
tell_loaded(struct commits *c, struct zone *z)
{
	static const struct changeset nothing;

	c->subscriber(c->ctx, &(struct commit_request){ .zone = z, .origin = ORIGIN_LOAD, .by = z->base.commit },
	    &nothing);
}

enum err
commits_batch_begin(struct commits *c, struct fault *f)
{
	enum err err;

	assert(c->first == NULL);
	err = journal_begin(c->journal, f);
	c->batch = err == ERR_OK;
	return err;
}

enum err
commits_batch_end(struct commits *c, enum err err, struct fault *f)
{
	struct zone **loaded = c->loaded;
	size_t n = c->nloaded;

	if (err == ERR_OK)
		err = journal_commit(c->journal, f);
	if (err != ERR_OK)
		journal_rollback(c->journal);
	journal_mark(c->journal);
	commits_remember(c, err, f);
	for (size_t i = 0; i < n; i++)
		loaded[i]->unsaved = err != ERR_OK;
	c->batch = false;
	c->loaded = NULL;
	c->nloaded = c->caploaded = 0;
	for (size_t i = 0; i < n; i++)
		tell_loaded(c, loaded[i]);
	free(loaded);
	return err;
}

/* Room for one more zone to be told of. */
static enum err
reserve_loaded(struct commits *c)
{
	size_t cap = c->caploaded == 0 ? 16 : c->caploaded * 2;
	struct zone **v;

	if (!c->batch || c->nloaded < c->caploaded)
		return ERR_OK;
	if ((v = realloc(c->loaded, cap * sizeof *v)) == NULL)
		return ERR_NOMEM;
	c->loaded = v;
	c->caploaded = cap;
	return ERR_OK;
}

/* In the open transaction: what waits, onto the base.  The TTL of an RRset is the smallest that any of it has. */
static enum err
put_waiting(struct zone_store *s, const struct changeset *waiting)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < waiting->n; i++)
		if (!waiting->v[i].add)
			err = zone_store_remove(s, &waiting->v[i].rr, NULL);
	for (size_t i = 0; err == ERR_OK && i < waiting->n; i++)
		if (waiting->v[i].add && waiting->v[i].rr.type != TYPE_SOA)
			err = zone_store_add_least(s, &waiting->v[i].rr);
	return err;
}

static enum err
put_soa(struct zone *z, const struct rr *base, uint32_t serial)
{
	const struct pending_soa *changed = &z->pending.soa;
	uint8_t rdata[2 * DNAME_MAX + 20];
	struct rr soa = *base;
	enum err err;

	if (changed->rdata != NULL) {
		soa.rdlen = changed->n;
		soa.rdata = changed->rdata;
		soa.ttl = changed->ttl;
	}
	memcpy(rdata, soa.rdata, soa.rdlen);
	soa_set_serial(rdata, soa.rdlen, serial);
	soa.rdata = rdata;
	if (soa.ttl == base->ttl && soa.rdlen == base->rdlen && memcmp(rdata, base->rdata, base->rdlen) == 0)
		return ERR_OK;
	if ((err = zone_store_remove(z->store, base, NULL)) == ERR_OK)
		err = zone_store_add(z->store, &soa, NULL);
	return err;
}

/* The first version of the zone, sealed; on failure there is none.  The base was checked when it was read. */
static enum err
build_first(struct zone *z, const struct rr_list *base_rrs, const struct rr *soa, const struct changeset *waiting,
    uint32_t serial, struct fault *f)
{
	struct zone_version *v;
	struct fault mine = { 0 };
	enum err err = zone_store_begin(z->store);

	if (err != ERR_OK)
		return err;
	if ((err = zone_store_fill(z->store, base_rrs)) == ERR_OK && (err = put_waiting(z->store, waiting)) == ERR_OK &&
	    (err = put_soa(z, soa, serial)) == ERR_OK)
		err = zone_store_seal(z->store, &v);
	if (err == ERR_OK && waiting->n > 0 && (err = commit_check(v, waiting, z->name, &mine)) == ERR_REFUSED)
		fault_set(f, err, "with the changes that wait to be written back it is unsound: %s", mine.text);
	if (err != ERR_OK)
		zone_store_abort(z->store);
	return err;
}

enum err
commit_first_version(struct zone *z, const struct rr_list *base_rrs, uint32_t serial, struct fault *f)
{
	struct changeset waiting = { 0 };
	const struct rr *soa = rr_list_soa(base_rrs, z->apex.octets);
	enum err err;

	if (soa == NULL)
		return fault_set(f, ERR_REFUSED, "zone %s has no SOA", z->name);
	if ((err = pending_set_base_soa(&z->pending, soa, NULL)) == ERR_OK &&
	    (err = pending_image(&z->pending, &waiting)) == ERR_OK)
		err = build_first(z, base_rrs, soa, &waiting, serial, f);
	changeset_clear(&waiting);
	return err;
}

static void
publish_loaded(struct commits *c, struct zone *zone)
{
	commit_publish(zone);
	zone_recount(zone);
	if (c->batch)
		c->loaded[c->nloaded++] = zone;
	else
		tell_loaded(c, zone);
}

enum err
commits_load(struct commits *c, struct zone *zone, const struct zone_base *base, const struct rr_list *base_rrs,
    uint32_t serial, bool put, struct fault *f)
{
	struct pending_undo *mark = pending_mark(&zone->pending);
	struct zone_base copy = { 0 };
	enum err err;

	assert(zone_newest(zone) == NULL);
	if ((err = zone_base_copy(&copy, base)) == ERR_OK && (err = reserve_loaded(c)) == ERR_OK &&
	    (err = commit_first_version(zone, base_rrs, serial, f)) == ERR_OK && put &&
	    (err = baseline_fit(zone, base_rrs)) == ERR_OK)
		err = commits_put_row(c, zone, &copy, serial, f);
	if (err != ERR_OK) {
		if (zone_newest(zone) != NULL)
			zone_store_abort(zone->store);
		pending_undo(&zone->pending, mark);
		zone_base_clear(&copy);
		return err;
	}
	pending_keep(&zone->pending);
	zone_base_clear(&zone->base);
	zone->base = copy;
	publish_loaded(c, zone);
	return ERR_OK;
}

enum err
commits_publish_first(struct commits *c, struct zone *zone)
{
	enum err err = reserve_loaded(c);

	if (err == ERR_OK)
		publish_loaded(c, zone);
	return err;
}

enum err
commits_put(struct commits *c, struct zone *zone, struct fault *f)
{
	struct zone_version *v = zone_newest(zone);
	bool own = !c->batch;
	enum err err;

	assert(c->first == NULL);
	if (own && (err = journal_begin(c->journal, f)) != ERR_OK)
		return err;
	err = commits_put_row(c, zone, &zone->base, v == NULL ? zone->restored_serial : zone_version_serial(v), f);
	if (own && err == ERR_OK)
		err = journal_commit(c->journal, f);
	if (own && err != ERR_OK)
		journal_rollback(c->journal);
	if (own)
		journal_mark(c->journal);
	if (err == ERR_OK)
		zone->records = 0;
	return err;
}

/* server/history_out.c -- IXFR: what the journal has between a client's serial and ours.  Several secondaries that were
 * told of the same change ask for the same, so the last answers are kept. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define CACHED 16
#define OCTETS_LEAST 65536		/* differences of up to this are sent however small the zone is */
#define OCTETS_MOST ((size_t)16 << 20)	/* read in one go, on this thread */
#define OCTETS_PER_RR 40		/* what a record takes in a whole transfer, roughly */

struct history_cache {
	struct cached {
		struct dname apex;
		struct ixfr *ixfr;
	} v[CACHED];			/* the newest first; ixfr NULL: free */
};

void
history_cache_free(struct history_cache *cache)
{
	for (size_t i = 0; cache != NULL && i < CACHED; i++)
		ixfr_unref(cache->v[i].ixfr);
	free(cache);
}

void
history_forget(struct history_cache *cache, const uint8_t *apex)
{
	size_t n = 0;

	for (size_t i = 0; cache != NULL && i < CACHED && cache->v[i].ixfr != NULL; i++) {
		if (dname_equal(cache->v[i].apex.octets, apex))
			ixfr_unref(cache->v[i].ixfr);
		else
			cache->v[n++] = cache->v[i];
	}
	for (; cache != NULL && n < CACHED && cache->v[n].ixfr != NULL; n++)
		cache->v[n].ixfr = NULL;
}

static struct ixfr *
find_cached(const struct history_cache *cache, const uint8_t *apex, uint32_t from, uint32_t to)
{
	for (size_t i = 0; cache != NULL && i < CACHED && cache->v[i].ixfr != NULL; i++)
		if (cache->v[i].ixfr->from == from && cache->v[i].ixfr->to == to && dname_equal(cache->v[i].apex.octets,
		    apex))
			return ixfr_ref(cache->v[i].ixfr);
	return NULL;
}

static void
remember(struct keeper *k, const uint8_t *apex, struct ixfr *x)
{
	struct history_cache *cache = k->history_cache;

	if (cache == NULL && (cache = k->history_cache = calloc(1, sizeof *cache)) == NULL)
		return;
	ixfr_unref(cache->v[CACHED - 1].ixfr);
	memmove(&cache->v[1], &cache->v[0], (CACHED - 1) * sizeof cache->v[0]);
	dname_copy(&cache->v[0].apex, apex);
	cache->v[0].ixfr = ixfr_ref(x);
}

static enum err
add_record(void *ctx, const struct journal_record *r)
{
	struct changeset changes = { 0 };
	enum err err = changeset_read(r->changes, r->n, &changes);

	if (err == ERR_OK)
		err = ixfr_builder_add(ctx, &changes);
	changeset_clear(&changes);
	return err;
}

/* A difference larger than the zone itself is of no use to anybody. */
static size_t
most_octets(const struct zone_version *v)
{
	size_t n = zone_version_rr_count(v) * OCTETS_PER_RR;

	return n < OCTETS_LEAST ? OCTETS_LEAST : n > OCTETS_MOST ? OCTETS_MOST : n;
}

static enum err
read_history(struct keeper *k, const uint8_t *apex, const struct zone_version *v, uint32_t from, struct ixfr **out,
    struct fault *f)
{
	struct ixfr_builder *b;
	enum err err = ixfr_builder_new(&b);

	if (err == ERR_OK)
		err = journal_each_change(k->journal, apex, from, zone_version_serial(v), most_octets(v), add_record, b,
		    f);
	if (err == ERR_OK)
		err = ixfr_builder_finish(b, out);
	ixfr_builder_free(b);
	if (err == ERR_OK)
		remember(k, apex, *out);
	return err;
}

void
keeper_history(struct keeper *k, struct job *j)
{
	const uint8_t *apex = j->request.question.qname.octets;
	struct zone *z = zonetable_find(&k->zones, apex);
	struct zone_version *v = z == NULL || z->retired ? NULL : zone_store_current(z->store);
	struct fault f = { 0 };
	struct rr soa;
	enum err err;

	if (v == NULL || !zone_version_soa(v, &soa)) {
		keeper_give_back(j, RCODE_SERVFAIL);
		return;
	}
	if (!serial_lt(j->serial, zone_version_serial(v)))
		err = ixfr_soa_only(&soa, &j->ixfr);
	else if ((j->ixfr = find_cached(k->history_cache, apex, j->serial, zone_version_serial(v))) != NULL)
		err = ERR_OK;
	else
		err = read_history(k, apex, v, j->serial, &j->ixfr, &f);
	if (err == ERR_DATABASE)
		log_error("zone %s: its history cannot be read: %s", z->name, fault_str(&f, err));
	/* Over TCP the whole zone follows; over UDP there is room for the SOA only. */
	if (err != ERR_OK && !j->request.tcp)
		err = ixfr_soa_only(&soa, &j->ixfr);
	else if (err == ERR_NOT_FOUND || err == ERR_NOSPACE || err == ERR_DATABASE)
		err = ERR_OK;
	keeper_give_back(j, err == ERR_OK ? RCODE_NOERROR : RCODE_SERVFAIL);
}

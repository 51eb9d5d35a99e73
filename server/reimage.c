/* server/reimage.c -- a new image file for a zone that has changed much by differences, so that its journal row, and
 * the time of a restart, stay bounded.  As with a write-back to git, the zone goes on changing meanwhile: what comes
 * then stays pending. */
#include "server/secondary_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "wire/rrtype.h"

#define CHANGES_MAX 10000		/* that wait on top of an image */

struct reimage {
	struct secondary *secondary;
	struct zone_version *version;	/* a reference */
	const char *directory;
	struct rr_list rrs;
	struct zone_base base;
	enum err err;
	struct fault fault;
};

static void
reimage_run(void *arg)
{
	struct reimage *r = arg;

	r->err = zone_version_collect(r->version, NULL, &r->rrs);
	if (r->err == ERR_OK)
		r->err = image_write(r->directory, zone_version_apex_name(r->version), &r->rrs, &r->base, &r->fault);
}

/* What is in the new image no longer waits, so that is the base from here on, also where the journal does not take it:
 * then the row goes on with the old one and its records, and the next commit writes it anew. */
static enum err
take_over(struct reimage *r, struct fault *f)
{
	struct keeper *k = r->secondary->keeper;
	struct zone *z = r->secondary->zone;
	struct zone_base old = z->base;
	struct rr served;
	enum err err = ERR_OK;

	z->base = r->base;
	r->base = (struct zone_base){ 0 };
	image_touch(r->directory, &z->base, r->secondary->fresh_s);
	for (size_t i = 0; err == ERR_OK && i < r->rrs.n; i++)
		if (r->rrs.v[i].type == TYPE_SOA && zone_version_soa(zone_newest(z), &served))
			err = pending_set_base_soa(&z->pending, &r->rrs.v[i], &served);
	if (err == ERR_OK && (err = commits_batch_begin(k->commits, f)) == ERR_OK)
		err = commits_batch_end(k->commits, commits_put(k->commits, z, f), f);
	if (err == ERR_OK)
		image_remove(r->directory, &old);
	else
		z->unsaved = true;
	zone_base_clear(&old);
	return err;
}

static void
reimage_done(void *arg)
{
	struct reimage *r = arg;
	struct secondary *s = r->secondary;
	enum err err = r->err;

	keeper_flush(s->keeper);
	pending_write_end(&s->zone->pending, err == ERR_OK);
	if (err == ERR_OK && !s->keeper->stopping && s->zone->secondary == s)
		err = take_over(r, &r->fault);
	if (err != ERR_OK && !s->keeper->stopping)
		log_error("zone %s: no new image file: %s", s->zone->name, fault_str(&r->fault, err));
	s->imaging = false;
	image_remove(r->directory, &r->base);
	zone_base_clear(&r->base);
	rr_list_clear(&r->rrs);
	zone_version_unref(r->version);
	free(r);
	if (s->again && !s->keeper->stopping)
		secondary_begin(s);
}

void
secondary_reimage(struct secondary *s)
{
	struct zone *z = s->zone;
	struct reimage *r;

	if (s->imaging || pending_count(&z->pending) <= CHANGES_MAX || (r = calloc(1, sizeof *r)) == NULL)
		return;
	keeper_flush(s->keeper);
	r->secondary = s;
	r->version = zone_version_ref(zone_newest(z));
	r->directory = s->keeper->secondaries->images;
	pending_write_begin(&z->pending);
	s->imaging = true;
	if (pool_submit(s->keeper->pool, reimage_run, reimage_done, r) != ERR_OK) {
		pending_write_end(&z->pending, false);
		s->imaging = false;
		zone_version_unref(r->version);
		free(r);
	}
}

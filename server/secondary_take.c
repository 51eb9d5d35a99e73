/* server/secondary_take.c -- what a transfer brought, into the zone: differences one after the other, or the whole. */
#include "server/secondary_internal.h"

#include "base/clock.h"
#include "base/log.h"

/* Does the difference fit what we have?  A primary that has lost its history, or another zone of that name, is found
 * here. */
static enum err
check_step(const struct zone_version *v, const struct xfrin_step *step, struct fault *f)
{
	char text[300];
	uint32_t ttl;

	if (zone_version_serial(v) != step->from)
		return fault_set(f, ERR_CONFLICT, "the difference begins at serial %u, and we have %u", step->from,
		    zone_version_serial(v));
	for (size_t i = 0; i < step->changes.n; i++) {
		const struct change *c = &step->changes.v[i];

		if (c->add || zone_version_has(v, &c->rr, &ttl))
			continue;
		rr_print(&c->rr, text, sizeof text);
		return fault_set(f, ERR_CONFLICT, "the difference removes what is not there: %s", text);
	}
	return ERR_OK;
}

static enum err
stage(struct secondary *s, const struct changeset *changes, const struct intake *in, struct fault *f)
{
	bool rebase = in->base.n > 0;

	return commits_stage(s->keeper->commits, &(struct commit_request){ .zone = s->zone, .changes = changes,
	    .origin = ORIGIN_TRANSFER, .by = "", .now_s = clock_now_s(), .base = rebase ? &in->base : NULL,
	    .base_rrs = rebase ? &in->rrs : NULL }, NULL, f);
}

static enum err
take_steps(struct secondary *s, struct intake *in, struct fault *f)
{
	size_t n;
	struct xfrin_step *steps = xfrin_steps(in->transfer, &n);
	enum err err = ERR_OK, finished;

	for (size_t i = 0; err == ERR_OK && i < n; i++)
		if ((err = check_step(zone_newest(s->zone), &steps[i], f)) == ERR_OK)
			err = stage(s, &steps[i].changes, in, f);
	/* Each step for itself is a whole version of the primary's: those before a bad one may stay. */
	finished = commits_finish(s->keeper->commits, err == ERR_OK ? f : NULL);
	return err == ERR_OK ? finished : err;
}

static enum err
load_first(struct secondary *s, struct intake *in, struct fault *f)
{
	struct commits *commits = s->keeper->commits;
	enum err err = commits_batch_begin(commits, f);

	if (err != ERR_OK)
		return err;
	pending_clear(&s->zone->pending);	/* of a zone whose image was lost */
	if ((err = commits_load(commits, s->zone, &in->base, &in->rrs, in->serial, true, f)) == ERR_OK)
		zone_base_clear(&in->base);	/* the zone's now, even if the journal did not take it yet */
	return commits_batch_end(commits, err, f);
}

static enum err
take_whole(struct secondary *s, struct intake *in, struct fault *f)
{
	struct keeper *k = s->keeper;
	struct zone_base old = { 0 };
	enum err err;

	if (in->version == NULL || !serial_lt(zone_version_serial(in->version), in->serial))
		history_forget(k->history_cache, s->zone->apex.octets);
	if (in->version == NULL)
		return load_first(s, in, f);
	if ((err = zone_base_copy(&old, &s->zone->base)) == ERR_OK && (err = stage(s, &in->changes, in, f)) == ERR_OK)
		err = commits_finish(k->commits, f);
	if (err == ERR_OK && in->base.n > 0) {
		image_remove(k->secondaries->images, &old);
		zone_base_clear(&in->base);
	}
	zone_base_clear(&old);
	return err;
}

bool
secondary_is_ahead(const struct secondary *s, uint32_t serial, struct fault *f)
{
	uint32_t ours;

	if (zone_newest(s->zone) == NULL || !serial_lt(serial, ours = zone_version_serial(zone_newest(s->zone))))
		return false;
	fault_set(f, ERR_PEER, "it has serial %u, older than %u here", serial, ours);
	return true;
}

enum err
secondary_take(struct secondary *s, struct intake *in, struct fault *f)
{
	char address[CONFIG_ADDRESS_TEXT];
	enum err err;

	config_address_print((const struct sockaddr *)&in->place.to, address);
	if (in->outside > 0)
		log_warning("zone %s: primary %s: %llu records outside of the zone are left out, the first one is %s",
		    s->zone->name, address, (unsigned long long)in->outside, in->first_outside);
	if (secondary_is_ahead(s, in->serial, f) && !in->whole)
		return ERR_PEER;
	if (in->kind == XFRIN_CURRENT)
		return ERR_OK;
	err = in->kind == XFRIN_STEPS ? take_steps(s, in, f) : take_whole(s, in, f);
	if (err == ERR_OK)
		log_info("zone %s: %s from %s: serial %u, %llu records in %llu octets", s->zone->name,
		    in->kind == XFRIN_STEPS ? "differences" : "whole", address, in->serial,
		    (unsigned long long)in->records, (unsigned long long)in->octets);
	return err;
}

/* server/catalogs.c -- catalog zones (RFC 9432) in both roles: made from the zones that we are primary for, and read to
 * find out which zones we are secondary for. */
#include "server/secondary_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"
#include "zones/catalog.h"

/* --- made here --- */

/* Also a zone whose text is refused: secondaries that have it are to keep it. */
static bool
is_member(const struct keeper *k, const struct zone *z)
{
	return source_of(z) != NULL && !z->retired && config_zone_for(k->view->config, z->apex.octets)->catalog_member;
}

/* Before each repository was read once a zone that is not there may yet come: a catalog without it would remove it
 * everywhere. */
static bool
all_known(const struct keeper *k)
{
	for (size_t i = 0; i < k->nsources; i++)
		if (k->sources[i]->head[0] == '\0' && source_is_in_use(k->sources[i]))
			return false;
	return true;
}

static enum err
list_members(const struct keeper *k, const uint8_t *catalog, struct catalog *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < k->zones.n; i++) {
		const struct zone *z = k->zones.v[i];
		const char *group = config_zone_for(k->view->config, z->apex.octets)->catalog_group;

		if (is_member(k, z))
			err = catalog_add(out, catalog, z->apex.octets, group == NULL ? "" : group);
	}
	return err;
}

static enum err
restored_serial(void *ctx, const struct journal_zone *row)
{
	struct zone *z = ctx;

	z->restored = true;
	z->restored_serial = row->serial;
	return ERR_OK;
}

static enum err
find_or_make(struct keeper *k, const uint8_t *apex, struct zone **out, struct fault *f)
{
	struct zone *z = zonetable_find(&k->zones, apex);
	char name[DNAME_TEXT_MAX];
	enum err err;

	*out = z;
	if (z != NULL)
		return z->generated ? ERR_OK : fault_set(f, ERR_EXISTS,
		    "zone %s is to be made here as a catalog, and comes from "
		    "elsewhere already", dname_print_host(apex, name));
	if ((err = zone_new(apex, ZONE_CATALOG, &z)) != ERR_OK)
		return err;
	z->generated = true;
	if ((err = zonetable_add(&k->zones, z)) != ERR_OK) {
		zone_free(z);
		return err;
	}
	*out = z;
	return journal_find_zone(k->journal, apex, restored_serial, z, f);
}

/* The first version since the start.  What the content was before is not known, so the serial goes on; a state that was
 * lost is no harm, since new ones begin with the time. */
static enum err
load(struct keeper *k, struct zone *z, const struct catalog *members, struct fault *f)
{
	uint32_t serial = z->restored ? z->restored_serial + 1 : (uint32_t)clock_now_s();
	static const struct zone_base nothing;
	struct rr_list rrs = { 0 };
	enum err err = catalog_write(members, z->apex.octets, serial, &rrs);

	if (err == ERR_OK && (err = commits_batch_begin(k->commits, f)) == ERR_OK) {
		err = commits_load(k->commits, z, &nothing, &rrs, serial, true, f);
		err = commits_batch_end(k->commits, err, f);
	}
	rr_list_clear(&rrs);
	if (err != ERR_OK)
		return err;
	rcu_thread_online();
	err = zoneset_add(k->shared->zones, z->apex.octets, z->store);
	rcu_thread_offline();
	return err == ERR_EXISTS ? ERR_OK : err;
}

static enum err
change(struct keeper *k, struct zone *z, const struct catalog *members, struct fault *f)
{
	struct rr_list now = { 0 }, wanted = { 0 };
	struct changeset changes = { 0 };
	enum err err = catalog_write(members, z->apex.octets, zone_version_serial(zone_newest(z)), &wanted);

	if (err == ERR_OK && (err = zone_version_collect(zone_newest(z), NULL, &now)) == ERR_OK)
		err = changeset_diff(&now, &wanted, &changes);
	if (err == ERR_OK && changes.n > 0)
		err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &changes,
		    .origin = ORIGIN_CATALOG, .by = "", .now_s = clock_now_s() }, NULL, f);
	if (err == ERR_OK)
		err = commits_finish(k->commits, f);
	changeset_clear(&changes);
	rr_list_clear(&now);
	rr_list_clear(&wanted);
	return err;
}

static enum err
make_catalog(struct keeper *k, const uint8_t *apex, struct fault *f)
{
	struct catalog members = { 0 };
	struct zone *z;
	enum err err = find_or_make(k, apex, &z, f);

	if (err == ERR_OK && (err = list_members(k, apex, &members)) == ERR_OK) {
		uint32_t before = zone_newest(z) == NULL ? 0 : zone_version_serial(zone_newest(z));

		keeper_flush(k);
		err = zone_newest(z) == NULL ? load(k, z, &members, f) : change(k, z, &members, f);
		if (err == ERR_OK && z->retired) {
			zone_set_retired(z, false);
			err = merge_show_zone(k, z);
		}
		if (err == ERR_OK && zone_version_serial(zone_newest(z)) != before)
			log_info("catalog %s: serial %u, %zu zones", z->name, zone_version_serial(zone_newest(z)),
			    members.n);
	}
	catalog_clear(&members);
	return err;
}

/* --- read here --- */

static bool
is_of(const struct secondary *s, const uint8_t *catalog)
{
	return s->has_catalog && dname_equal(s->catalog.octets, catalog);
}

/* Does the catalog that the zone is in give it over to this one (section 4.3.1)? */
static bool
is_given_over(struct keeper *k, const struct secondary *s, const uint8_t *to)
{
	struct zone *old = zonetable_find(&k->zones, s->catalog.octets);
	const struct catalog_member *m;
	struct catalog c;
	bool given;

	if (old == NULL || zone_newest(old) == NULL || catalog_read(zone_newest(old), &c, NULL) != ERR_OK)
		return false;
	m = catalog_find(&c, s->zone->apex.octets);
	given = m != NULL && m->has_coo && dname_equal(m->coo.octets, to);
	catalog_clear(&c);
	return given;
}

/* A member that is a zone of ours already. */
static enum err
keep_member(struct keeper *k, struct zone *z, const struct secondary *catalog, const struct catalog_member *m,
    struct fault *f)
{
	const uint8_t *apex = catalog->zone->apex.octets;
	struct secondary *s = z->secondary;

	if (s == NULL || (s->wanted && !s->has_catalog) ||
	    (s->wanted && !is_of(s, apex) && !is_given_over(k, s, apex))) {
		log_warning("catalog %s: %s is a zone of ours that comes from elsewhere: passed over",
		    catalog->zone->name, z->name);
		return ERR_OK;
	}
	if (!s->wanted) {
		/* it was gone from here: the same name may be another zone now, with an older serial */
		s->whole = true;
	} else if (is_of(s, apex) && !dname_equal(s->member.octets, m->node.octets)) {
		log_info("catalog %s: zone %s is to begin anew", catalog->zone->name, z->name);
		secondary_refresh(z, true);
	}
	s->has_catalog = true;
	dname_copy(&s->catalog, apex);
	s->member = m->node;
	return secondary_want(k, z->apex.octets, catalog->primaries, catalog->nprimaries, f);
}

static enum err
add_member(struct keeper *k, const struct secondary *catalog, const struct catalog_member *m, struct fault *f)
{
	struct zone *z = zonetable_find(&k->zones, m->zone.octets);
	struct secondary *s;
	enum err err;

	if (z != NULL)
		return keep_member(k, z, catalog, m, f);
	if ((err = secondary_want(k, m->zone.octets, catalog->primaries, catalog->nprimaries, f)) != ERR_OK)
		return err;
	s = zonetable_find(&k->zones, m->zone.octets)->secondary;
	s->has_catalog = true;
	dname_copy(&s->catalog, catalog->zone->apex.octets);
	s->member = m->node;
	return ERR_OK;
}

static enum err
read_catalog(struct keeper *k, const uint8_t *apex, struct fault *f)
{
	struct zone *z = zonetable_find(&k->zones, apex);
	struct secondary *s;
	struct catalog c;
	enum err err;

	if (z == NULL || z->secondary == NULL || zone_newest(z) == NULL)
		return ERR_OK;
	s = z->secondary;
	free(s->broken);
	s->broken = NULL;
	if ((err = catalog_read(zone_newest(z), &c, f)) != ERR_OK) {
		if (asprintf(&s->broken, "as a catalog it is broken, and its zones stay what they were: %s",
		    fault_str(f, err)) < 0)
			s->broken = NULL;
		zone_set_problem(z, "%s", s->broken == NULL ? err_str(ERR_NOMEM) : s->broken);
		log_error("catalog %s: %s", z->name, z->problem);
		return ERR_OK;
	}
	for (size_t i = 0; err == ERR_OK && i < c.n; i++)
		err = add_member(k, z->secondary, &c.v[i], f);
	for (s = k->secondaries->first; err == ERR_OK && s != NULL; s = s->next)
		if (s->wanted && is_of(s, apex) && catalog_find(&c, s->zone->apex.octets) == NULL)
			secondary_retire(s, "no longer in its catalog");
	catalog_clear(&c);
	return err;
}

/* --- when --- */

static void
update_all(struct keeper *k)
{
	const struct config *c = k->view->config;

	for (size_t i = 0; i < c->nzones; i++) {
		const uint8_t *apex = c->zones[i].name.octets;
		struct fault f = { 0 };
		enum err err = ERR_OK;

		if (c->zones[i].catalog_role == CATALOG_GENERATE && all_known(k))
			err = make_catalog(k, apex, &f);
		else if (c->zones[i].catalog_role == CATALOG_INTERPRET)
			err = read_catalog(k, apex, &f);
		if (err != ERR_OK)
			log_error("%s", fault_str(&f, err));
	}
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	update_all(arg);
}

/* Those that are not made here any more. */
void
catalogs_configure(struct keeper *k)
{
	keeper_flush(k);
	for (size_t i = 0; i < k->zones.n; i++) {
		struct zone *z = k->zones.v[i];

		if (z->generated && !z->retired &&
		    config_zone_for(k->view->config, z->apex.octets)->catalog_role != CATALOG_GENERATE)
			merge_retire_zone(k, z, "the configuration says no more that a catalog is to be made");
	}
	catalogs_changed(k);
}

enum err
catalogs_start(struct keeper *k)
{
	if ((k->catalogs_due = event_new(k->base, -1, 0, on_due, k)) == NULL)
		return ERR_NOMEM;
	update_all(k);
	return ERR_OK;
}

void
catalogs_changed(struct keeper *k)
{
	if (k->catalogs_due != NULL)
		event_active(k->catalogs_due, EV_TIMEOUT, 1);	/* once, however many zones come and go now */
}

void
catalogs_stop(struct keeper *k)
{
	if (k->catalogs_due != NULL)
		event_free(k->catalogs_due);
	k->catalogs_due = NULL;
}

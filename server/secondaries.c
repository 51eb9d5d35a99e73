/* server/secondaries.c -- which zones come by transfer: those of the configuration, those that the names of keys tell
 * of, and those that a NOTIFY did. */
#include "server/secondary_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "wire/rrtype.h"

static struct secondary *
secondary_new(struct keeper *k, struct zone *z)
{
	struct secondary *s = calloc(1, sizeof *s);

	if (s == NULL || (s->timer = evtimer_new(k->base, secondary_on_timer, s)) == NULL) {
		free(s);
		return NULL;
	}
	s->keeper = k;
	s->zone = z;
	z->secondary = s;
	s->next = k->secondaries->first;
	k->secondaries->first = s;
	return s;
}

/* From the state if it is there.  A zone that readers do not get yet is SERVFAIL, and not somebody else's. */
static enum err
add_zone(struct keeper *k, const uint8_t *apex, struct secondary **out, struct fault *f)
{
	struct secondary *s;
	struct zone *z;
	enum err err = zone_restore_transferred(k, apex, &z, f);

	if (err != ERR_OK)
		return err;
	if (z->owner != NULL)
		return fault_set(f, ERR_EXISTS, source_of(z)->files != NULL ?
		    "zone %s had a file, and has primaries now: it becomes a secondary zone with a restart" :
		    "zone %s is in a repository and has primaries in the configuration: it can only have one source",
		    z->name);
	if ((s = secondary_new(k, z)) == NULL)
		return ERR_NOMEM;
	s->checked_s = s->fresh_s = zone_newest(z) == NULL ? 0 : image_time_s(k->secondaries->images, &z->base);
	s->expired = zone_newest(z) != NULL && secondary_expires_s(s) <= clock_now_s();
	if (s->expired)
		secondary_expire(s);
	else
		secondary_show(s);
	*out = s;
	return ERR_OK;
}

static bool
same_primaries(const struct secondary *s, const struct config_peer *v, size_t n)
{
	bool same = s->nprimaries == n;

	for (size_t i = 0; same && i < n; i++)
		same = config_same_peer(&s->primaries[i], &v[i]);
	return same;
}

enum err
secondary_want(struct keeper *k, const uint8_t *apex, const struct config_peer *primaries, size_t n, struct fault *f)
{
	struct zone *z = zonetable_find(&k->zones, apex);
	struct secondary *s = z == NULL ? NULL : z->secondary;
	struct config_peer *copy;
	uint64_t *said;
	enum err err = ERR_NOMEM;

	if (s != NULL && s->wanted && same_primaries(s, primaries, n))
		return ERR_OK;
	copy = malloc(n * sizeof *copy);
	said = calloc(n, sizeof *said);
	/* Memory first: a secondary always has primaries. */
	if (copy == NULL || said == NULL || (s == NULL && (err = add_zone(k, apex, &s, f)) != ERR_OK)) {
		free(copy);
		free(said);
		return err;
	}
	memcpy(copy, primaries, n * sizeof *copy);
	free(s->primaries);
	free(s->said);
	s->primaries = copy;
	s->said = said;
	s->nprimaries = n;
	s->at = s->tried = 0;
	if (!s->wanted && s->zone->retired) {
		zone_set_retired(s->zone, false);
		secondary_show(s);
	}
	s->wanted = true;
	if (k->started)
		secondary_refresh(s->zone, false);
	return ERR_OK;
}

void
secondary_retire(struct secondary *s, const char *why)
{
	struct keeper *k = s->keeper;

	secondary_give_up(s);
	s->wanted = s->has_catalog = false;
	zone_set_retired(s->zone, true);
	rcu_thread_online();
	(void)zoneset_remove(k->shared->zones, s->zone->apex.octets);
	rcu_thread_offline();
	zone_store_set_expiry(s->zone->store, 0);	/* where it comes back from a repository it does not expire */
	notifier_drop(k->notifier, s->zone->apex.octets);
	zone_set_problem(s->zone, NULL);
	log_info("zone %s: %s", s->zone->name, why);
	if (k->started)
		secondaries_go_on(k->secondaries);	/* its turn is somebody else's */
}

/* Keys whose names say where the zone comes from: those of just this zone first, then those of zones above. */
static size_t
primaries_of_keys(const struct config *c, const uint8_t *apex, struct config_peer *out)
{
	size_t n = 0;

	for (int above = 0; above < 2; above++) {
		for (size_t i = 0; i < c->nkeys; i++) {
			const struct tsig_key *key = c->keys[i];
			struct config_peer *p = &out[n];

			if (!key->has_primary || !tsig_key_may(key, TSIG_RIGHT_TRANSFER, apex) ||
			    dname_equal(key->zone.octets, apex) == (above != 0))
				continue;
			*p = (struct config_peer){ .key = key->name, .has_key = true };
			config_address_make(AF_INET, key->primary, 53, &p->address);
			n++;
		}
	}
	return n;
}

static enum err
want_by_keys(struct keeper *k, const uint8_t *apex, struct fault *f)
{
	const struct config *c = k->view->config;
	struct config_peer *primaries = calloc(c->nkeys + 1, sizeof *primaries);
	enum err err = primaries == NULL ? ERR_NOMEM : ERR_OK;
	size_t n = err == ERR_OK ? primaries_of_keys(c, apex, primaries) : 0;

	if (err == ERR_OK)
		err = n == 0 ? ERR_NOT_FOUND : secondary_want(k, apex, primaries, n, f);
	free(primaries);
	return err;
}

struct known_zone {
	struct keeper *keeper;
	struct fault *fault;
};

/* A zone that a NOTIFY made us adopt once. */
static enum err
want_known(void *ctx, const struct journal_zone *row)
{
	const struct known_zone *known = ctx;
	enum err err = strcmp(row->source, ZONE_BY_TRANSFER) != 0 || row->retired ? ERR_OK :
	    want_by_keys(known->keeper, row->apex.octets, known->fault);

	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err
configure_by_keys(struct keeper *k, struct fault *f)
{
	const struct config *c = k->view->config;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < c->nkeys; i++)
		if (c->keys[i]->has_primary && !dname_is_root(c->keys[i]->zone.octets))
			err = want_by_keys(k, c->keys[i]->zone.octets, f);
	return err == ERR_OK ? journal_each_zone(k->journal, want_known, &(struct known_zone){ k, f }, f) : err;
}

static bool
is_configured(const struct keeper *k, const struct secondary *s)
{
	const struct config *c = k->view->config;
	const uint8_t *apex = s->zone->apex.octets;

	if (s->has_catalog && config_zone_for(c, s->catalog.octets)->catalog_role == CATALOG_INTERPRET)
		return true;
	if (config_zone_for(c, apex)->nprimaries > 0)
		return true;
	for (size_t i = 0; c->secondary && i < c->nkeys; i++)
		if (c->keys[i]->has_primary && tsig_key_may(c->keys[i], TSIG_RIGHT_TRANSFER, apex))
			return true;
	return false;
}

/* Also one that a catalog listed until now: what is said of the zone itself goes first. */
static enum err
want_configured(struct keeper *k, const struct config_zone *c, struct fault *f)
{
	enum err err = secondary_want(k, c->name.octets, c->primaries, c->nprimaries, f);
	struct secondary *s;

	if (err == ERR_OK) {
		s = zonetable_find(&k->zones, c->name.octets)->secondary;
		s->has_catalog = false;
	}
	if (err != ERR_EXISTS || !k->started)
		return err;
	log_error("%s", fault_str(f, err));	/* the others are not to suffer from it */
	f->text[0] = '\0';
	return ERR_OK;
}

enum err
secondaries_configure(struct keeper *k, struct fault *f)
{
	const struct config *c = k->view->config;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < c->nzones; i++)
		if (c->zones[i].nprimaries > 0)
			err = want_configured(k, &c->zones[i], f);
	if (err == ERR_OK && c->secondary)
		err = configure_by_keys(k, f);
	for (struct secondary *s = k->secondaries->first; s != NULL; s = s->next)
		if (s->wanted && !is_configured(k, s))
			secondary_retire(s, "no longer configured");
	return err;
}

/* --- NOTIFY --- */

/* A signed NOTIFY for a zone that we do not have, from a server whose keys go with ours: there is a new zone. */
static bool
adopt(struct keeper *k, const struct job *j)
{
	const uint8_t *apex = j->request.question.qname.octets;
	char name[DNAME_TEXT_MAX];
	struct fault f = { 0 };
	enum err err;

	if (!k->view->config->secondary || j->request.tsig.key == NULL || zonetable_find(&k->zones, apex) != NULL)
		return false;
	if ((err = want_by_keys(k, apex, &f)) == ERR_NOT_FOUND) {
		log_info("NOTIFY of %s: no key here says where the zone comes from", dname_print_host(apex, name));
	} else if (err != ERR_OK) {
		log_error("NOTIFY of %s: %s", dname_print_host(apex, name), fault_str(&f, err));
	} else {
		links_new_zone(k, apex);
		log_info("zone %s: new, by NOTIFY", dname_print_host(apex, name));
	}
	return true;
}

/* The serial in a NOTIFY's answer section (RFC 1996, section 3.7): a hint, good for leaving a question out. */
static bool
notified_serial(const struct job *j, uint32_t *serial)
{
	struct rd r = rd_over(j->msg, j->n);
	struct msg_rr rr;
	struct dname name;

	rd_take(&r, j->request.after_question);
	if (j->request.header.ancount == 0 || !msg_rr_read(&r, &rr) || rr.type != TYPE_SOA ||
	    !dname_equal(rr.owner.octets, j->request.question.qname.octets))
		return false;
	rd_dname(&rr.rdata, &name);
	rd_dname(&rr.rdata, &name);
	*serial = rd_u32(&rr.rdata);
	return !rr.rdata.bad;
}

/* Ask first who has something new; several primaries on that host: the one in use, or the next. */
static void
turn_to(struct secondary *s, const struct sockaddr *host)
{
	for (size_t i = 0; i < s->nprimaries; i++) {
		size_t at = (s->at + i) % s->nprimaries;

		if (config_same_host((const struct sockaddr *)&s->primaries[at].address.address, host)) {
			s->at = at;
			return;
		}
	}
}

bool
secondary_notified(struct keeper *k, const struct job *j)
{
	struct zone *z = zonetable_find(&k->zones, j->request.question.qname.octets);
	struct secondary *s = z == NULL ? NULL : z->secondary;
	bool has_serial, is_signed = j->request.tsig.key != NULL;
	uint32_t serial = 0;

	if (s == NULL || !s->wanted)
		return adopt(k, j);
	has_serial = notified_serial(j, &serial);
	if (has_serial && is_signed && zone_newest(z) != NULL && !serial_lt(zone_version_serial(zone_newest(z)),
	    serial))
		return true;
	if (!secondary_is_busy(s))
		turn_to(s, (const struct sockaddr *)&j->peer);
	if (secondary_is_busy(s) || !is_signed || !has_serial) {
		secondary_refresh(z, false);
	} else {
		s->tried = 0;
		secondary_transfer(s);
	}
	return true;
}

/* --- the whole --- */

static void
on_results(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	pool_deliver(k->secondaries->pool);
}

enum err
secondary_read_base(struct keeper *k, const uint8_t *apex, const struct zone_base *base, struct rr_list *out,
    struct fault *f)
{
	return image_read(k->secondaries->images, apex, base, out, f);
}

enum err
secondaries_open(struct keeper *k, struct fault *f)
{
	static const uint8_t root[] = "";
	struct secondaries *all = calloc(1, sizeof *all);
	enum err err;

	if ((k->secondaries = all) == NULL)
		return ERR_NOMEM;
	all->transfers.end = &all->transfers.first;
	all->asks.end = &all->asks.first;
	if ((all->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return fault_set(f, err_from_errno(errno), "eventfd: %s", strerror(errno));
	if (asprintf(&all->images, "%s/secondary", k->boot_view->config->state_directory) < 0) {
		all->images = NULL;
		return ERR_NOMEM;
	}
	if ((err = file_mkdir(all->images, 0700, f)) != ERR_OK || (err = zone_store_new(root, &all->blank)) != ERR_OK ||
	    (err = pool_new(k->boot_view->config->transfers_in, &all->pool)) != ERR_OK)
		return err;
	all->results = event_new(k->base, pool_fd(all->pool), EV_READ | EV_PERSIST, on_results, k);
	if (all->results == NULL || event_add(all->results, NULL) != 0)
		return ERR_NOMEM;
	return secondaries_configure(k, f);
}

void
secondaries_start(struct keeper *k)
{
	images_tidy(k);
	for (struct secondary *s = k->secondaries->first; s != NULL; s = s->next)
		secondary_begin(s);
}

void
secondaries_stop(struct keeper *k)
{
	struct secondaries *all = k->secondaries;

	if (all == NULL)
		return;
	for (struct secondary *s = all->first; s != NULL; s = s->next)
		secondary_give_up(s);
	if (all->stop_fd >= 0)
		eventfd_write(all->stop_fd, 1);
	if (all->pool != NULL)
		pool_free(all->pool);
	all->pool = NULL;
}

void
secondaries_close(struct keeper *k)
{
	struct secondaries *all = k->secondaries;

	if (all == NULL)
		return;
	for (struct secondary *s = all->first, *next; s != NULL; s = next) {
		next = s->next;
		event_free(s->timer);
		view_unref(s->view);
		free(s->primaries);
		free(s->said);
		free(s->broken);
		free(s);
	}
	if (all->results != NULL)
		event_free(all->results);
	if (all->stop_fd >= 0)
		close(all->stop_fd);
	if (all->blank != NULL) {
		rcu_thread_online();
		zone_store_free(all->blank);
		rcu_thread_offline();
	}
	free(all->images);
	free(all);
	k->secondaries = NULL;
}

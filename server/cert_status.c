/* server/cert_status.c -- what the engine says of each host, for others to see: a TXT record at _status.<label>.<host>,
 * from which a service with nothing but DNS knows why it waits.
 *
 * The record is a passing one, so it is never in git.  It follows the host's state by a second, so that an order that
 * is quick makes one change of the zone and not several; the hosts of a zone that changed meanwhile share that
 * change. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/cert_record.h"
#include "wire/rrtype.h"

#define BUCKETS 4096
#define GATHER_MS 1000
#define STEPS_MS 5000			/* how often what is being done is looked at, while it is */
#define RETRY_S 60			/* in a zone that took no changes */
#define LIFE_S (14 * 86400)		/* the engine speaks of each host daily */
#define RENEW_S 86400
#define EDIT_MAX 500			/* records of one change */
#define LOOK_MAX 2000			/* hosts that are looked at for it */

struct shown {				/* one host */
	LIST_ENTRY(shown) entry;
	TAILQ_ENTRY(shown) turn;	/* in due, while it is */
	struct dname owner;		/* of the record */
	uint8_t *rdata;			/* that it shall have; NULL: none */
	uint16_t rdlen;
	int64_t renew_s;		/* it is written again then, even without a change */
	bool due, gone, working;
	bool waiting;			/* for a zone that takes no changes */
};

struct closed {				/* such a zone */
	LIST_ENTRY(closed) entry;
	struct dname apex;
	char words[200];		/* why */
	bool again;			/* it is tried now */
};

struct writing {			/* an edit on its way */
	LIST_ENTRY(writing) entry;
	struct cert_status *status;
	struct dname apex;
};

struct cert_status {
	struct keeper *keeper;
	struct event *write, *steps, *retry;
	LIST_HEAD(, shown) hosts[BUCKETS];
	LIST_HEAD(, closed) closed;
	LIST_HEAD(, writing) writing;
	TAILQ_HEAD(, shown) due;
	size_t nworking;
};

/* ---- the hosts ---- */

static struct shown *
host_find(struct cert_status *c, const uint8_t *owner)
{
	struct shown *h;

	LIST_FOREACH(h, &c->hosts[dname_hash(owner) % BUCKETS], entry)
		if (dname_equal(h->owner.octets, owner))
			return h;
	return NULL;
}

static void
host_free(struct cert_status *c, struct shown *h)
{
	if (h->due)
		TAILQ_REMOVE(&c->due, h, turn);
	c->nworking -= h->working;
	LIST_REMOVE(h, entry);
	free(h->rdata);
	free(h);
}

static void
host_due(struct cert_status *c, struct shown *h)
{
	if (!h->due)
		TAILQ_INSERT_TAIL(&c->due, h, turn);
	h->due = true;
	if (!event_pending(c->write, EV_TIMEOUT, NULL))
		event_add(c->write, &(struct timeval){ GATHER_MS / 1000, GATHER_MS % 1000 * 1000 });
}

/* True: there is one to care for, which may be new. */
static bool
host_of(struct cert_status *c, const struct acme_status *s, struct shown **out)
{
	static const uint8_t status[] = "\7_status";
	struct dname owner;

	if (!dname_join(&owner, status, 1, s->owner))
		return false;		/* too long a name */
	if ((*out = host_find(c, owner.octets)) != NULL)
		return true;
	if ((*out = calloc(1, sizeof **out)) == NULL) {
		log_error("out of memory: the status of %s is not shown", s->host);
		return false;
	}
	(*out)->owner = owner;
	LIST_INSERT_HEAD(&c->hosts[dname_hash(owner.octets) % BUCKETS], *out, entry);
	return true;
}

static void
show(struct cert_status *c, const struct acme_status *s)
{
	struct buf rdata = { 0 };
	struct shown *h;

	if (!host_of(c, s, &h))
		return;
	cert_record_write(s, &rdata);
	c->nworking += (s->state == ACME_WORKING) - h->working;
	h->working = s->state == ACME_WORKING;
	h->gone = false;
	if (rdata.failed || (h->rdata != NULL && h->rdlen == rdata.len && memcmp(h->rdata, rdata.p, rdata.len) == 0 &&
	    clock_now_s() < h->renew_s)) {
		buf_clear(&rdata);
		return;
	}
	free(h->rdata);
	h->rdlen = (uint16_t)rdata.len;
	h->rdata = buf_take(&rdata, NULL);
	host_due(c, h);
	if (c->nworking > 0 && !event_pending(c->steps, EV_TIMEOUT, NULL))
		event_add(c->steps, &(struct timeval){ STEPS_MS / 1000, 0 });
}

/* What is being done changes without an event. */
static void
look_at_step(void *arg, const struct acme_status *s)
{
	if (s->state == ACME_WORKING)
		show(arg, s);
}

static void
on_steps(evutil_socket_t fd, short what, void *arg)
{
	struct cert_status *c = arg;

	(void)fd;
	(void)what;
	if (c->nworking > 0 && c->keeper->acme != NULL)
		acme_each(c->keeper->acme, look_at_step, c);
	if (c->nworking > 0)
		event_add(c->steps, &(struct timeval){ STEPS_MS / 1000, 0 });
}

/* ---- changes of zones ---- */

/* What stands there goes unless it is what shall stand there.  True: something has to change. */
static bool
host_changes(struct cert_status *c, struct shown *h, struct rr_list *remove, struct rr_list *add)
{
	struct rr_list there = { 0 };
	size_t before = remove->n + add->n;
	bool is_there = false;
	int64_t now_s = clock_now_s();

	if (cert_lookup(c->keeper, h->owner.octets, TYPE_TXT, &there) != ERR_OK)
		goto out;
	for (size_t i = 0; i < there.n; i++) {
		if (h->rdata != NULL && there.v[i].rdlen == h->rdlen && memcmp(there.v[i].rdata, h->rdata,
		    h->rdlen) == 0) {
			is_there = true;
		} else if (cert_record_is_ours(&there.v[i])) {
			(void)rr_list_add(remove, &there.v[i]);	/* no memory: it goes another time */
		}
	}
	/* After a restart: how long it will stand there is not known, but that it was written within a day before. */
	if (is_there && h->renew_s == 0)
		h->renew_s = now_s + random_below(RENEW_S);
	if (h->rdata != NULL && (!is_there || now_s >= h->renew_s)) {
		h->renew_s = now_s + RENEW_S;
		(void)rr_list_add(add, &(struct rr){ h->owner.octets, h->rdata,
		    c->keeper->view->config->acme.challenge_ttl, TYPE_TXT, h->rdlen });
	}
out:
	rr_list_clear(&there);
	return remove->n + add->n > before;
}

static struct closed *
closed_find(struct cert_status *c, const uint8_t *apex)
{
	struct closed *z;

	LIST_FOREACH(z, &c->closed, entry)
		if (dname_equal(z->apex.octets, apex))
			return z;
	return NULL;
}

/* Why a zone takes no changes is said once; it is tried again later, with all of its hosts. */
static void
on_failed(struct cert_status *c, const struct writing *w, const char *words)
{
	struct closed *z = closed_find(c, w->apex.octets);
	struct dname zone;
	struct shown *h;
	bool editable;

	if (z == NULL && (z = calloc(1, sizeof *z)) != NULL) {
		z->apex = w->apex;
		LIST_INSERT_HEAD(&c->closed, z, entry);
	}
	if (z == NULL || strncmp(z->words, words, sizeof z->words - 1) != 0) {
		char name[DNAME_TEXT_MAX];

		log_warning("acme: zone %s: the status of certificates cannot be shown: %s",
		    dname_print_host(w->apex.octets, name), words);
	}
	if (z != NULL)
		snprintf(z->words, sizeof z->words, "%s", words);
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(h, &c->hosts[i], entry)
			if (cert_zone_of(c->keeper, h->owner.octets, &zone, &editable) &&
			    dname_equal(zone.octets, w->apex.octets))
				h->waiting = true;
	if (!event_pending(c->retry, EV_TIMEOUT, NULL))
		event_add(c->retry, &(struct timeval){ RETRY_S, 0 });
}

/* Those whose record is taken away are forgotten at the next look, when it is away. */
static void
forget_gone(struct cert_status *c)
{
	struct shown *h;

	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(h, &c->hosts[i], entry)
			if (h->gone)
				host_due(c, h);
}

static void
on_written(void *arg, enum err err, const char *words)
{
	struct writing *w = arg;
	struct closed *z = closed_find(w->status, w->apex.octets);

	if (err != ERR_OK) {
		on_failed(w->status, w, words);
	} else {
		if (z != NULL) {
			LIST_REMOVE(z, entry);
			free(z);
		}
		forget_gone(w->status);
	}
	LIST_REMOVE(w, entry);
	free(w);
}

/* It may take them now.  A host whose record stands as it should changes nothing. */
static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct cert_status *c = arg;
	struct shown *h;
	struct closed *z;

	(void)fd;
	(void)what;
	LIST_FOREACH(z, &c->closed, entry)
		z->again = true;
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(h, &c->hosts[i], entry)
			if (h->waiting) {
				h->waiting = false;
				host_due(c, h);
			}
}

static void
write_changes(struct cert_status *c, const uint8_t *apex, const struct rr_list *remove, const struct rr_list *add)
{
	struct writing *w = calloc(1, sizeof *w);

	if (w == NULL)
		return;			/* at the next change of state, or tomorrow */
	w->status = c;
	dname_copy(&w->apex, apex);
	LIST_INSERT_HEAD(&c->writing, w, entry);
	cert_edit(c->keeper, &(struct acme_edit){ .zone = apex, .remove = remove->v, .nremove = remove->n,
	    .add = add->v,
	    .nadd = add->n, .passing = true, .until_s = clock_now_s() + LIFE_S, .why = "status of certificates" },
	    on_written, w);
}

/* All that is due in one zone; what is too much for one change stays due. */
static void
write_zone(struct cert_status *c, const uint8_t *apex)
{
	struct closed *z = closed_find(c, apex);
	struct rr_list remove = { 0 }, add = { 0 };
	struct dname zone;
	struct shown *h, *next;
	unsigned looks = 0;
	bool editable;

	for (h = TAILQ_FIRST(&c->due); h != NULL && remove.n + add.n < EDIT_MAX && looks++ < LOOK_MAX; h = next) {
		next = TAILQ_NEXT(h, turn);
		if (!cert_zone_of(c->keeper, h->owner.octets, &zone, &editable) || !dname_equal(zone.octets, apex))
			continue;
		TAILQ_REMOVE(&c->due, h, turn);
		h->due = false;
		if (z != NULL && !z->again)
			h->waiting = true;
		else if (!(editable && host_changes(c, h, &remove, &add)) && h->gone)
			host_free(c, h);
	}
	if (z != NULL)
		z->again = false;
	if (remove.n + add.n > 0)
		write_changes(c, apex, &remove, &add);
	rr_list_clear(&remove);
	rr_list_clear(&add);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	struct cert_status *c = arg;
	struct shown *h = TAILQ_FIRST(&c->due);
	struct dname apex;
	bool editable;

	(void)fd;
	(void)what;
	if (h == NULL)
		return;
	if (cert_zone_of(c->keeper, h->owner.octets, &apex, &editable)) {
		write_zone(c, apex.octets);
	} else {			/* the zone went: so did the record */
		TAILQ_REMOVE(&c->due, h, turn);
		h->due = false;
		if (h->gone)
			host_free(c, h);
	}
	if (!TAILQ_EMPTY(&c->due))
		event_active(c->write, EV_TIMEOUT, 0);	/* others of the loop come first */
}

/* ---- what others call ---- */

void
cert_status_show(struct keeper *k, const struct acme_status *s)
{
	show(k->cert_status, s);
}

void
cert_status_hide(struct keeper *k, const struct acme_status *s)
{
	struct cert_status *c = k->cert_status;
	struct shown *h;

	if (!host_of(c, s, &h))
		return;
	c->nworking -= h->working;
	h->working = false;
	h->gone = true;
	free(h->rdata);
	h->rdata = NULL;
	host_due(c, h);
}

void
cert_status_found(struct keeper *k, const uint8_t *owner)
{
	const uint8_t *host = dname_parent(owner);
	struct rr_list csr = { 0 };

	if (acme_is_label(k->acme, host) &&
	    cert_lookup(k, host, TYPE_TLSA, &csr) == ERR_OK && csr.n == 0)
		cert_status_hide(k, &(struct acme_status){ .owner = host, .host = "" });
	rr_list_clear(&csr);
}

enum err
cert_status_start(struct keeper *k)
{
	struct cert_status *c = calloc(1, sizeof *c);

	if (c == NULL)
		return ERR_NOMEM;
	k->cert_status = c;
	c->keeper = k;
	TAILQ_INIT(&c->due);
	c->write = evtimer_new(k->base, on_write, c);
	c->steps = evtimer_new(k->base, on_steps, c);
	c->retry = evtimer_new(k->base, on_retry, c);
	return c->write == NULL || c->steps == NULL || c->retry == NULL ? ERR_NOMEM : ERR_OK;
}

void
cert_status_renew(struct keeper *k)
{
	struct cert_status *c = k->cert_status;
	struct shown *h;

	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(h, &c->hosts[i], entry)
			h->working = false;
	c->nworking = 0;
}

void
cert_status_stop(struct keeper *k)
{
	struct cert_status *c = k->cert_status;

	if (c == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (!LIST_EMPTY(&c->hosts[i]))
			host_free(c, LIST_FIRST(&c->hosts[i]));
	if (c->write != NULL)
		event_free(c->write);
	if (c->steps != NULL)
		event_free(c->steps);
	if (c->retry != NULL)
		event_free(c->retry);
	while (!LIST_EMPTY(&c->writing)) {
		struct writing *w = LIST_FIRST(&c->writing);

		LIST_REMOVE(w, entry);
		free(w);
	}
	while (!LIST_EMPTY(&c->closed)) {
		struct closed *z = LIST_FIRST(&c->closed);

		LIST_REMOVE(z, entry);
		free(z);
	}
	free(c);
	k->cert_status = NULL;
}

/* server/certs.c -- the ACME engine: its start and end, another one when the configuration changed, and what it is told
 * of. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"

#define ACME_RETRY_FIRST_S 60
#define ACME_RETRY_MOST_S 86400
#define SCAN_ZONES 100			/* in one round of the event loop */

static const char *const *
authorities(void *ctx, const uint8_t *zone)
{
	struct keeper *k = ctx;

	return (const char *const *)config_zone_for(k->view->config, zone)->authorities;
}

/* --- engines --- */

static enum err
fill_config(struct cert_engine *e, const struct config_acme *c)
{
	if ((e->authorities = calloc(c->nauthorities, sizeof *e->authorities)) == NULL ||
	    (e->labels = calloc(c->nlabels, sizeof *e->labels)) == NULL ||
	    (e->resolvers = calloc(c->nresolvers + 1, sizeof *e->resolvers)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nauthorities; i++) {
		const struct config_authority *a = &c->authorities[i];

		e->authorities[i] = (struct acme_authority_config){ .directory = a->directory,
		    .ca_certificates = a->ca_certificates, .contact = (const char *const *)a->contact,
		    .terms_agreed = a->terms_agreed, .key_type = a->key_type,
		    .key_file = a->key_file, .eab_kid = a->eab.kid, .eab_secret = a->eab.secret.p,
		    .eab_secret_n = a->eab.secret.len, .name = a->name, .profile = a->profile,
		    .preferred_chain = a->preferred_chain, .failover_after_s = a->failover_after_s,
		    .challenges = a->challenges, .nchallenges = a->nchallenges,
		    .persist_lifetime_s = a->persist_lifetime_s,
		    .limits = &a->limits };
	}
	for (size_t i = 0; i < c->nlabels; i++)
		e->labels[i] = (struct acme_label_config){ c->labels[i].label, c->labels[i].authority,
		    c->labels[i].profile };
	for (size_t i = 0; i < c->nresolvers; i++) {
		const struct config_resolver *r = &c->resolvers[i];

		e->resolvers[i] = (struct acme_resolver){ r->kind, r->name,
		    (const struct sockaddr *)&r->address.address, r->url, r->get };
	}
	return ERR_OK;
}

/* An engine for the view, which it holds; nobody is contacted before the event loop goes on.  What was made before an
 * error is the caller's to clear, too. */
static enum err
engine_init(struct keeper *k, struct view *view, struct cert_engine *e, struct fault *f)
{
	const struct config_acme *c = &view->config->acme;
	struct acme_outside outside = { .ctx = k, .edit = cert_edit, .lookup = cert_lookup, .zone_of = cert_zone_of,
	    .check = cert_check, .servers = cert_servers, .is_ours = cert_is_ours, .ask = cert_ask,
	    .remember = cert_remember, .recall = cert_recall,
	    .place = cert_place, .authorities = authorities, .event = cert_event };
	struct acme_config config = { .nauthorities = c->nauthorities, .nlabels = c->nlabels,
	    .challenge_ttl = c->challenge_ttl, .proxy = { c->proxy, c->proxy_credentials, c->proxy_certificates },
	    .nresolvers = c->nresolvers, .resolver_certificates = c->resolver_certificates, .closed = c->closed,
	    .state_directory = k->boot_view->config->state_directory,
	    .retry_first_s = ACME_RETRY_FIRST_S, .retry_most_s = ACME_RETRY_MOST_S,
	    .propagation_timeout_s = c->self_check_timeout_s, .request_timeout_s = c->request_timeout_s };

	*e = (struct cert_engine){ .view = view_ref(view) };
	if (c->nauthorities == 0) {
		log_info("no ACME authority is configured: CSRs are served, and no certificates are obtained");
		return acme_leftovers_new(&outside, k->base, &e->leftovers);
	}
	if (fill_config(e, c) != ERR_OK)
		return ERR_NOMEM;
	config.authorities = e->authorities;
	config.labels = e->labels;
	config.resolvers = e->resolvers;
	return acme_new(&config, &outside, k->base, &e->acme, f);
}

static void
engine_clear(struct cert_engine *e)
{
	if (e->acme != NULL)
		acme_free(e->acme);
	acme_leftovers_free(e->leftovers);
	free(e->authorities);
	free(e->labels);
	free(e->resolvers);
	view_unref(e->view);
	*e = (struct cert_engine){ 0 };
}

static void
engine_use(struct keeper *k, const struct cert_engine *e)
{
	k->engine = *e;
	k->acme = e->acme;
}

/* Zone after zone, for queries and updates do not wait. */
static void
on_scan(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	for (size_t n = 0; n < SCAN_ZONES && k->certs_scanned < k->zones.n; n++) {
		const struct zone *z = k->zones.v[k->certs_scanned++];

		if (!z->retired)
			certs_scan(k, z);
	}
	if (k->certs_scanned < k->zones.n)
		event_add(k->certs_scan, &(struct timeval){ 0, 0 });
}

enum err
certs_start(struct keeper *k, struct fault *f)
{
	struct cert_engine e = { 0 };
	enum err err;

	if ((k->certs_scan = evtimer_new(k->base, on_scan, k)) == NULL || cert_status_start(k) != ERR_OK ||
	    cert_events_start(k) != ERR_OK)
		return ERR_NOMEM;
	if ((err = engine_init(k, k->boot_view, &e, f)) != ERR_OK) {
		engine_clear(&e);
		return err;
	}
	engine_use(k, &e);
	event_active(k->certs_scan, EV_TIMEOUT, 1);
	return ERR_OK;
}

/* What the old engine knows of orders, accounts and times is in the journal, where the new one finds it: so nothing is
 * begun anew.  What is under way for the old one, at primaries and name servers, is dropped, and the new one asks
 * again. */
void
certs_reload(struct keeper *k)
{
	const struct config_acme *was = &k->engine.view->config->acme, *is = &k->view->config->acme;
	struct cert_engine e, old = k->engine;
	struct fault f = { 0 };
	enum err err;

	if (memcmp(was->digest, is->digest, sizeof is->digest) == 0 && was->closed == is->closed)
		return;
	keeper_flush(k);
	if ((err = engine_init(k, k->view, &e, &f)) != ERR_OK) {
		engine_clear(&e);
		log_error("acme: certificates are obtained by the former configuration, for the new one cannot be "
		    "used: %s", fault_str(&f, err));
		return;
	}
	cert_ask_stop(k);
	remote_edits_stop(k);
	cert_status_renew(k);
	engine_use(k, &e);
	engine_clear(&old);
	log_info("acme: the new configuration is in use");
	k->certs_scanned = 0;
	event_add(k->certs_scan, &(struct timeval){ 0, 0 });
}

void
certs_stop(struct keeper *k)
{
	struct cert_engine e = k->engine;

	engine_use(k, &(struct cert_engine){ 0 });
	engine_clear(&e);
	cert_ask_stop(k);
	cert_events_stop(k);
	cert_status_stop(k);
	if (k->certs_scan != NULL)
		event_free(k->certs_scan);
}

/* --- what it is told of --- */

void
certs_changed(struct keeper *k, const struct changeset *changes)
{
	bool has_caa = false, has_ways = false;

	for (size_t i = 0; k->acme != NULL && i < changes->n; i++) {
		if (changes->v[i].rr.type == TYPE_TLSA && acme_is_label(k->acme, changes->v[i].rr.owner))
			acme_look(k->acme, changes->v[i].rr.owner);
		has_caa |= changes->v[i].rr.type == TYPE_CAA;
		has_ways |= changes->v[i].rr.type == TYPE_CNAME || changes->v[i].rr.type == TYPE_DNAME ||
		    changes->v[i].rr.type == TYPE_NS;
	}
	if (has_caa)
		acme_look_at_caa(k->acme);
	if (has_ways)
		acme_look_at_ways(k->acme);
}

void
certs_scan(struct keeper *k, const struct zone *z)
{
	const struct zone_node *node;
	struct zone_rrset set;
	struct zone_walk walk;

	if (k->acme == NULL || zone_newest(z) == NULL)
		return;
	zone_walk_start(&walk, zone_newest(z));
	while ((node = zone_walk_next(&walk)) != NULL) {
		const uint8_t *owner = zone_node_owner(node);

		if (zone_node_rrset(node, TYPE_TLSA, &set) && acme_is_label(k->acme, owner))
			acme_look(k->acme, owner);
		else if (owner[0] == 7 && memcmp(owner + 1, "_status", 7) == 0)
			cert_status_found(k, owner);
	}
}

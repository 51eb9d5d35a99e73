/* server/certs.c -- the ACME engine: its start and end, and what it is told of. */
#include "server/keeper_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"

#define ACME_RETRY_FIRST_S 60
#define ACME_RETRY_MOST_S 86400

static const char *const *
authorities(void *ctx, const uint8_t *zone)
{
	struct keeper *k = ctx;

	return (const char *const *)config_zone_for(k->view->config, zone)->authorities;
}

static enum err
fill_config(struct keeper *k, const struct config_acme *c)
{
	if ((k->authorities = calloc(c->nauthorities, sizeof *k->authorities)) == NULL ||
	    (k->labels = calloc(c->nlabels, sizeof *k->labels)) == NULL ||
	    (k->resolvers = calloc(c->nresolvers + 1, sizeof *k->resolvers)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nauthorities; i++) {
		const struct config_authority *a = &c->authorities[i];

		k->authorities[i] = (struct acme_authority_config){ .directory = a->directory,
		    .ca_certificates = a->ca_certificates, .contact = (const char *const *)a->contact,
		    .terms_agreed = a->terms_agreed, .key_type = a->key_type,
		    .key_file = a->key_file, .eab_kid = a->eab.kid, .eab_secret = a->eab.secret.p,
		    .eab_secret_n = a->eab.secret.len, .name = a->name, .profile = a->profile,
		    .preferred_chain = a->preferred_chain, .failover_after_s = a->failover_after_s,
		    .challenges = a->challenges, .nchallenges = a->nchallenges, .persist_lifetime_s = a->persist_lifetime_s,
		    .limits = &a->limits };
	}
	for (size_t i = 0; i < c->nlabels; i++)
		k->labels[i] = (struct acme_label_config){ c->labels[i].label, c->labels[i].authority, c->labels[i].profile };
	for (size_t i = 0; i < c->nresolvers; i++) {
		const struct config_resolver *r = &c->resolvers[i];

		k->resolvers[i] = (struct acme_resolver){ r->kind, r->name, (const struct sockaddr *)&r->address.address, r->url,
		    r->get };
	}
	return ERR_OK;
}

enum err
certs_start(struct keeper *k, struct fault *f)
{
	const struct config_acme *c = &k->boot_view->config->acme;
	struct acme_outside outside = { .ctx = k, .edit = cert_edit, .lookup = cert_lookup, .zone_of = cert_zone_of,
	    .check = cert_check, .servers = cert_servers, .is_ours = cert_is_ours, .ask = cert_ask, .remember = cert_remember, .recall = cert_recall,
	    .place = cert_place, .authorities = authorities, .event = cert_event };
	struct acme_config config = { .nauthorities = c->nauthorities, .nlabels = c->nlabels,
	    .challenge_ttl = c->challenge_ttl, .proxy = { c->proxy, c->proxy_credentials, c->proxy_certificates },
	    .nresolvers = c->nresolvers, .resolver_certificates = c->resolver_certificates, .closed = c->closed,
	    .state_directory = k->boot_view->config->state_directory,
	    .retry_first_s = ACME_RETRY_FIRST_S, .retry_most_s = ACME_RETRY_MOST_S,
	    .propagation_timeout_s = c->self_check_timeout_s, .request_timeout_s = c->request_timeout_s };

	if (c->nauthorities == 0) {
		log_info("no ACME authority is configured: CSRs are served, and no certificates are obtained");
		return acme_leftovers_new(&outside, k->base, &k->leftovers);
	}
	if (cert_status_start(k) != ERR_OK || fill_config(k, c) != ERR_OK)
		return ERR_NOMEM;
	config.authorities = k->authorities;
	config.labels = k->labels;
	config.resolvers = k->resolvers;
	return acme_new(&config, &outside, k->base, &k->acme, f);
}

void
certs_stop(struct keeper *k)
{
	if (k->acme != NULL)
		acme_free(k->acme);
	k->acme = NULL;
	acme_leftovers_free(k->leftovers);
	k->leftovers = NULL;
	cert_ask_stop(k);
	cert_status_stop(k);
	free(k->authorities);
	free(k->labels);
	free(k->resolvers);
}

void
certs_changed(struct keeper *k, const struct changeset *changes)
{
	for (size_t i = 0; k->acme != NULL && i < changes->n; i++)
		if (changes->v[i].rr.type == TYPE_TLSA && acme_is_label(k->acme, changes->v[i].rr.owner))
			acme_look(k->acme, changes->v[i].rr.owner);
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

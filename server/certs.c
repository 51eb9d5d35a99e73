/* server/certs.c -- the ACME engine's outside: zones to look into and to change, other servers to ask. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define ACME_RETRY_FIRST_S 60
#define ACME_RETRY_MOST_S 86400
#define ACME_PROPAGATION_S 120

/* --- the zone editor --- */

static enum err
fill_changes(const struct acme_edit *edit, struct changeset *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < edit->nremove; i++)
		err = changeset_remove_rr(out, &edit->remove[i]);
	for (size_t i = 0; err == ERR_OK && i < edit->nadd; i++) {
		struct change c = { .rr = edit->add[i], .add = true,
		    .class = edit->passing ? CHANGE_PASSING : CHANGE_LASTING, .until_s = edit->passing ? edit->until_s : 0 };

		err = changeset_add(out, &c);
	}
	return err;
}

static void
edit_zone(void *ctx, const struct acme_edit *edit, void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find(&k->zones, edit->zone);
	struct changeset changes = { 0 };
	struct fault f = { 0 };
	const char *why = "the zone is not served here";
	enum err err;

	if (z == NULL || (z->secondary == NULL && !zone_may_change(z, &why))) {
		done(arg, ERR_REFUSED, why);
		return;
	}
	err = fill_changes(edit, &changes);
	if (err == ERR_OK && z->secondary != NULL) {
		remote_edit(k, z, &changes, done, arg);
		changeset_clear(&changes);
		return;
	}
	if (err == ERR_OK)
		err = commits_stage(k->commits, &(struct commit_request){ .zone = z, .changes = &changes,
		    .origin = ORIGIN_ACME, .by = edit->why, .now_s = clock_now_s() }, NULL, &f);
	changeset_clear(&changes);
	/* The sync is shared with whatever else this round of the loop brings. */
	if (err == ERR_OK && (err = keeper_wait(k, done, arg)) == ERR_OK)
		keeper_flush_soon(k);
	else
		done(arg, err, fault_str(&f, err));
}

static enum err
lookup(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);
	const struct zone_node *node;
	struct zone_rrset set;
	struct rr rr = { .owner = name, .type = type };
	enum err err = ERR_OK;

	if (z == NULL || zone_newest(z) == NULL)
		return ERR_NOT_FOUND;
	node = zone_version_find(zone_newest(z), name);
	if (node == NULL || !zone_node_rrset(node, type, &set))
		return ERR_OK;
	rr.ttl = set.ttl;
	for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(&set, &at, &rr.rdata, &rr.rdlen); )
		err = rr_list_add(out, &rr);
	return err;
}

static bool
zone_of(void *ctx, const uint8_t *name, struct dname *apex, bool *editable)
{
	struct keeper *k = ctx;
	struct zone *z = zonetable_find_above(&k->zones, name);
	const char *why;

	if (z == NULL || zone_newest(z) == NULL)
		return false;
	dname_copy(apex, z->apex.octets);
	*editable = config_zone_for(k->view->config, z->apex.octets)->acme &&
	    (zone_may_change(z, &why) || remote_edit_key(k, z) != NULL);
	return true;
}

/* --- the engine --- */

enum err
certs_start(struct keeper *k, struct fault *f)
{
	const struct config_acme *c = &k->boot_view->config->acme;
	struct acme_outside outside = { k, edit_zone, lookup, zone_of, cert_servers, cert_ask, NULL };
	struct acme_config config = { .nauthorities = c->nauthorities, .labels = (const char *const *)c->labels,
	    .challenge_ttl = c->challenge_ttl, .proxy = c->proxy, .state_directory = k->boot_view->config->state_directory,
	    .retry_first_s = ACME_RETRY_FIRST_S, .retry_most_s = ACME_RETRY_MOST_S,
	    .propagation_timeout_s = ACME_PROPAGATION_S };

	if (c->nauthorities == 0) {
		log_info("no ACME authority is configured: CSRs are served, and no certificates are obtained");
		return ERR_OK;
	}
	if ((k->authorities = calloc(c->nauthorities, sizeof *k->authorities)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < c->nauthorities; i++)
		k->authorities[i] = (struct acme_authority_config){ c->authorities[i].directory,
		    c->authorities[i].ca_certificates, (const char *const *)c->authorities[i].contact,
		    c->authorities[i].terms_agreed };
	config.authorities = k->authorities;
	return acme_new(&config, &outside, k->base, &k->acme, f);
}

void
certs_stop(struct keeper *k)
{
	if (k->acme != NULL)
		acme_free(k->acme);
	k->acme = NULL;
	cert_ask_stop(k);
	free(k->authorities);
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
	while ((node = zone_walk_next(&walk)) != NULL)
		if (zone_node_rrset(node, TYPE_TLSA, &set) && acme_is_label(k->acme, zone_node_owner(node)))
			acme_look(k->acme, zone_node_owner(node));
}

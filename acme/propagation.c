/* acme/propagation.c -- one probe (acme/probe.c) for each name at each place.
 *
 * Probes of the first round look at our own version of the zone and ask name servers; where the address of one is not
 * known here, a probe finds it first, and adds those that ask.  When all of them have seen their records the second
 * round asks the resolvers. */
#include "acme/probe.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SETTLE_MS 1000			/* for name servers that nobody asks whether they have it */
#define LAGGARDS_SHOWN 3

/* ---- words ---- */

const char *
acme_probe_server(const struct probe *p)
{
	return p->server != NULL ? p->server : "this server";
}

static const struct probe *
first_missing(const struct acme_propagation *all)
{
	size_t i = 0;

	while (i + 1 < all->nprobes && all->probes[i]->done)
		i++;
	return all->probes[i];
}

/* Without _acme-challenge, and what may stand before it. */
void
acme_probe_host(const struct probe *p, char text[DNAME_TEXT_MAX])
{
	const uint8_t *name = p->name;

	while (*name > 1 && name[1] == '_')
		name = dname_parent(name);
	dname_print_host(name, text);
}

/* "ns2 did not show the challenge for a within 120 s (last: NXDOMAIN); neither did ns3 (last: no answer)" */
static void
tell_laggards(const struct acme_propagation *all, struct buf *words)
{
	unsigned shown = 0, more = 0;

	for (size_t i = 0; i < all->nprobes; i++) {
		const struct probe *p = all->probes[i];
		char host[DNAME_TEXT_MAX];

		if (p->done)
			continue;
		if (shown == LAGGARDS_SHOWN) {
			more++;
			continue;
		}
		acme_probe_host(p, host);
		if (shown == 0)
			buf_printf(words, "%s did not show the challenge for %s within %u s (last: %s)",
			    acme_probe_server(p), host, all->setup.timeout_s, p->last);
		else
			buf_printf(words, "; neither did %s for %s (last: %s)", acme_probe_server(p), host, p->last);
		shown++;
	}
	if (more > 0)
		buf_printf(words, "; and %u more", more);
}

const char *
acme_propagation_step(struct acme_propagation *all)
{
	char host[DNAME_TEXT_MAX];
	const struct probe *p;

	if (all->nprobes == 0)
		return "";
	p = first_missing(all);
	acme_probe_host(p, host);
	snprintf(all->step, sizeof all->step, "waiting for %.200s to show the challenge for %.200s",
	    acme_probe_server(p), host);
	return all->step;
}

/* ---- the end ---- */

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct acme_propagation *all = arg;
	const char *words = buf_str(&all->words);

	(void)fd, (void)what;
	all->done(all->arg, all->err, words != NULL ? words : err_str(ERR_NOMEM));	/* may free all */
}

/* Nothing is asked any more. */
void
acme_propagation_end(struct acme_propagation *all, enum err err)
{
	all->err = err;
	event_del(all->deadline);
	for (size_t i = 0; i < all->nprobes; i++)
		acme_probe_stop(all->probes[i]);
	event_active(all->ended, EV_TIMEOUT, 0);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct acme_propagation *all = arg;

	(void)fd, (void)what;
	tell_laggards(all, &all->words);
	acme_propagation_end(all, ERR_TIMEOUT);
}

/* ---- probes come and go ---- */

static size_t
address_len(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* One more like model, at server.  NULL: no memory, and all->failed is set. */
static struct probe *
probe_add(struct acme_propagation *all, const struct probe *model, const char *server)
{
	struct probe **v = realloc(all->probes, (all->nprobes + 1) * sizeof *v), *p = NULL;

	if (v != NULL) {
		all->probes = v;
		p = acme_probe_new(all, model, server);
	}
	if (p != NULL)
		all->probes[all->nprobes++] = p;
	all->failed |= p == NULL;
	return p;
}

static bool
is_asked_already(const struct acme_propagation *all, const struct probe *model, const struct sockaddr *address)
{
	for (size_t i = 0; i < all->nprobes; i++) {
		const struct probe *p = all->probes[i];

		if (p->kind == PROBE_SERVER && p->target == model->target && dname_equal(p->owner, model->owner) &&
		    memcmp(&p->address, address, address_len(address)) == 0)
			return true;
	}
	return false;
}

struct probe *
acme_probe_add_server(struct acme_propagation *all, const struct probe *model, const struct sockaddr *address,
    const char *server)
{
	struct probe one = *model;

	if (is_asked_already(all, model, address))
		return NULL;
	one.kind = PROBE_SERVER;
	memset(&one.address, 0, sizeof one.address);
	memcpy(&one.address, address, address_len(address));
	return probe_add(all, &one, server);
}

static void
resolvers_add(struct acme_propagation *all)
{
	const struct acme_resolver *r;

	for (size_t i = 0, n = all->nprobes; i < n; i++) {
		struct probe one = *all->probes[i];

		/* One of the first round for each name that the CA asks for. */
		if (one.kind != PROBE_HERE)
			continue;
		one.kind = PROBE_RESOLVER;
		one.owner = one.name;
		for (one.number = 0; (r = acme_resolve_at(all->setup.resolve, one.number)) != NULL; one.number++) {
			unsigned way = r->kind == ACME_RESOLVER_PLAIN ? ACME_CHECK_RESOLVER : ACME_CHECK_DOH;

			if ((one.check.ways & way) != 0)
				probe_add(all, &one, r->name);
		}
	}
}

/* ---- what a probe finds ---- */

static void
next_round(struct acme_propagation *all)
{
	size_t n = all->nprobes;

	if (!all->second_round) {
		all->second_round = true;
		resolvers_add(all);
	}
	if (all->failed) {
		buf_add_str(&all->words, err_str(ERR_NOMEM));
		acme_propagation_end(all, ERR_NOMEM);
	} else if (all->nprobes == n)
		acme_propagation_end(all, ERR_OK);
	for (; n < all->nprobes && !all->failed; n++)
		event_add(all->probes[n]->timer, &(struct timeval){ all->unseen_servers ? SETTLE_MS / 1000 : 0, 0 });
}

void
acme_probe_done(struct probe *p)
{
	struct acme_propagation *all = p->all;

	p->done = true;
	all->shown_by_resolver |= p->kind == PROBE_RESOLVER;
	if (++all->ndone == all->nprobes)
		next_round(all);
}

/* ---- making and ending ---- */

static void
found_server(void *arg, const struct sockaddr *address, const char *server)
{
	struct acme_propagation *all = arg;
	struct probe one = *all->model;

	if ((one.check.ways & ACME_CHECK_AUTHORITATIVE) == 0) {
		all->unseen_servers = true;
	} else if (address != NULL) {
		acme_probe_add_server(all, &one, address, server);
	} else {
		one.kind = PROBE_NAME;
		probe_add(all, &one, server);
	}
}

static void
probe_zone(struct acme_propagation *all, struct probe *model, const uint8_t *zone)
{
	const struct acme_outside *outside = acme_port_outside(all->setup.port);

	outside->check(outside->ctx, zone, &model->check);
	all->model = model;
	outside->servers(outside->ctx, zone, found_server, all);
	all->model = NULL;
}

/* Whoever follows the aliases to a record may ask any server of each zone on the way. */
static void
make_probes(struct acme_propagation *all)
{
	const struct acme_proof *proofs = all->setup.proofs;

	for (size_t i = 0; i < all->setup.n; i++) {
		const struct acme_delegation *way = &proofs[i].way;
		struct probe model = { .all = all, .name = proofs[i].name.octets };
		size_t before = 0;

		while (before < i && !dname_equal(proofs[before].name.octets, model.name))
			before++;
		if (before < i)
			continue;	/* wildcard and apex share a name */
		for (unsigned h = 0; h < way->nhops; h++) {
			model.owner = way->hops[h].name.octets;
			model.target = way->hops[h].target.octets;
			if (way->hops[h].ours)
				probe_zone(all, &model, way->hops[h].zone.octets);
		}
		model.owner = way->owner.octets;
		model.target = NULL;
		probe_zone(all, &model, way->zone.octets);
		model.kind = PROBE_HERE;
		probe_add(all, &model, NULL);
	}
}

enum err
acme_propagation_start(const struct acme_propagation_setup *setup, acme_propagation_done *done, void *arg,
    struct acme_propagation **out)
{
	struct acme_propagation *all = calloc(1, sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	all->setup = *setup;
	all->done = done;
	all->arg = arg;
	all->deadline_ms = clock_mono_ms() + (int64_t)setup->timeout_s * 1000;
	all->deadline = event_new(setup->base, -1, 0, on_deadline, all);
	all->ended = event_new(setup->base, -1, 0, on_ended, all);
	make_probes(all);
	if (all->failed || all->deadline == NULL || all->ended == NULL) {
		acme_propagation_free(all);
		return ERR_NOMEM;
	}
	event_add(all->deadline, &(struct timeval){ .tv_sec = setup->timeout_s });
	if (all->nprobes == 0)
		acme_propagation_end(all, ERR_OK);
	for (size_t i = 0; i < all->nprobes; i++)
		acme_probe_start(all->probes[i]);
	*out = all;
	return ERR_OK;
}

void
acme_propagation_free(struct acme_propagation *all)
{
	if (all == NULL)
		return;
	if (all->deadline != NULL)
		event_free(all->deadline);
	if (all->ended != NULL)
		event_free(all->ended);
	for (size_t i = 0; i < all->nprobes; i++)
		acme_probe_free(all->probes[i]);
	free(all->probes);
	buf_clear(&all->words);
	free(all);
}

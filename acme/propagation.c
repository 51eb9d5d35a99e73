#include "acme/propagation.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define ASK_TIMEOUT_MS 5000
#define POLL_FIRST_MS 250
#define POLL_MOST_MS 8000

/* One owner at one server; server NULL: our own, by the snapshot. */
struct probe {
	struct acme_propagation *all;
	const uint8_t *name;			/* that the CA asks for */
	const uint8_t *owner;			/* in all->proofs; of a TXT, or */
	const uint8_t *target;			/* of a CNAME to this; else NULL */
	struct sockaddr_storage address;
	char *server;
	struct event *timer;
	struct acme_ticket *ticket;
	unsigned wait_ms;
	bool visible;
	char last[128];				/* what it said last */
};

struct acme_propagation {
	struct acme_port *port;
	struct event_base *base;
	const struct acme_proof *proofs;
	size_t nproofs;
	struct probe **probes;
	size_t nprobes, nvisible;
	const uint8_t *name, *owner, *target;	/* while probes are made */
	struct event *deadline;			/* of all, whether a server answers or not */
	int64_t deadline_ms;
	unsigned timeout_s;
	acme_propagation_done *done;
	void *arg;
	bool failed;				/* no memory */
	char step[512];
};

/* ---- is it there? ---- */

/* The character-strings of a TXT rdata joined: is that value? */
static bool
txt_is(const uint8_t *rdata, size_t n, const char *value)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i += 1u + rdata[i]) {
		size_t len = rdata[i];

		if (len > n - i - 1 || strncmp(value + at, (const char *)rdata + i + 1, len) != 0)
			return false;
		at += len;
		if (at > strlen(value))
			return false;
	}
	return value[at] == '\0';
}

/* Ready to read the answer section.  NULL: it has one, else what is wrong. */
static const char *
open_answer(const uint8_t *msg, size_t n, struct rd *r, struct msg_header *h)
{
	struct question q;

	*r = rd_over(msg, n);
	msg_header_read(r, h);
	if (r->bad || (h->flags & FLAG_QR) == 0)
		return "a malformed answer";
	if ((h->flags & 15) != RCODE_NOERROR)
		return rcode_str(h->flags & 15);
	for (unsigned i = 0; i < h->qdcount; i++)
		question_read(r, &q);
	return NULL;
}

const char *
acme_txt_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const struct acme_proof *proofs, size_t nproofs)
{
	struct rd answers, r;
	struct msg_header h;
	struct msg_rr rr;
	const char *wrong = open_answer(msg, n, &answers, &h);
	size_t wanted = 0, seen = 0;

	if (wrong != NULL)
		return wrong;
	for (size_t t = 0; t < nproofs; t++) {
		if (!dname_equal(proofs[t].way.owner.octets, owner))
			continue;
		wanted++;
		r = answers;
		bool found = false;
		for (unsigned i = 0; i < h.ancount && msg_rr_read(&r, &rr); i++)
			if (rr.type == TYPE_TXT && dname_equal(rr.owner.octets, owner) &&
			    txt_is(rr.rdata.p, rr.rdlen, proofs[t].value))
				found = true;
		if (r.bad)
			return "a malformed answer";
		seen += found;
	}
	if (seen == wanted)
		return NULL;
	return h.ancount == 0 ? "no such record" : "an older state of the record";
}

const char *
acme_alias_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const uint8_t *target)
{
	struct dname found;
	struct rd r;
	struct msg_header h;
	const char *wrong = open_answer(msg, n, &r, &h);

	if (wrong != NULL)
		return wrong;
	if (!acme_delegation_alias(msg, n, owner, &found))
		return "no such alias";
	return dname_equal(found.octets, target) ? NULL : "an alias of another name";
}

/* The same by our own snapshot. */
static bool
visible_here(const struct probe *p)
{
	const struct acme_outside *outside = acme_port_outside(p->all->port);
	struct rr_list found = { 0 };
	bool all = outside->lookup(outside->ctx, p->owner, TYPE_TXT, &found) == ERR_OK;

	for (size_t t = 0; all && t < p->all->nproofs; t++) {
		bool one = !dname_equal(p->all->proofs[t].way.owner.octets, p->owner);

		for (size_t i = 0; !one && i < found.n; i++)
			one = txt_is(found.v[i].rdata, found.v[i].rdlen, p->all->proofs[t].value);
		all = one;
	}
	rr_list_clear(&found);
	return all;
}

/* ---- asking ---- */

static const char *
server_name(const struct probe *p)
{
	return p->server != NULL ? p->server : "this server";
}

/* There is one: otherwise the check is over. */
static const struct probe *
first_missing(const struct acme_propagation *all)
{
	size_t i = 0;

	while (i + 1 < all->nprobes && all->probes[i]->visible)
		i++;
	return all->probes[i];
}

static void
host_of(const uint8_t *owner, char text[DNAME_TEXT_MAX])
{
	while (*owner > 1 && owner[1] == '_')		/* _acme-challenge, and what may stand before it */
		owner = dname_parent(owner);
	dname_print_host(owner, text);
}

/* The first probe that has not seen its records gives the reason.  May free all. */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct acme_propagation *all = arg;
	const struct probe *p = first_missing(all);
	char host[DNAME_TEXT_MAX], words[DNAME_TEXT_MAX + 512];

	(void)fd, (void)what;
	host_of(p->name, host);
	snprintf(words, sizeof words, "%s did not show the challenge for %s within %u s (last: %s)", server_name(p),
	    host, all->timeout_s, p->last);
	all->done(all->arg, ERR_TIMEOUT, words);
}

/* May free all. */
static void
probe_visible(struct probe *p)
{
	struct acme_propagation *all = p->all;

	p->visible = true;
	if (++all->nvisible == all->nprobes)
		all->done(all->arg, ERR_OK, "");
}

static void
probe_again(struct probe *p)
{
	struct timeval tv = { p->wait_ms / 1000, p->wait_ms % 1000 * 1000 };

	event_add(p->timer, &tv);
	p->wait_ms = p->wait_ms * 2 > POLL_MOST_MS ? POLL_MOST_MS : p->wait_ms * 2;
}

static void
on_answered(void *arg, const uint8_t *msg, size_t n, const char *words)
{
	struct probe *p = arg;
	const char *missing = n == 0 ? (words != NULL ? words : "no answer") :
	    p->target != NULL ? acme_alias_missing(msg, n, p->owner, p->target) :
	    acme_txt_missing(msg, n, p->owner, p->all->proofs, p->all->nproofs);

	p->ticket = NULL;
	if (missing == NULL) {
		probe_visible(p);
		return;
	}
	snprintf(p->last, sizeof p->last, "%s", missing);
	probe_again(p);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;
	struct acme_propagation *all = p->all;
	int64_t left_ms = all->deadline_ms - clock_mono_ms();
	unsigned timeout_ms = left_ms < 100 ? 100 : left_ms > ASK_TIMEOUT_MS ? ASK_TIMEOUT_MS : (unsigned)left_ms;

	(void)fd, (void)what;
	if (p->server == NULL) {
		if (visible_here(p))
			probe_visible(p);
		else
			probe_again(p);
	} else if (acme_port_ask(all->port, (struct sockaddr *)&p->address, p->owner, TYPE_TXT, 0, timeout_ms,
	    on_answered, p, &p->ticket) != ERR_OK)
		probe_again(p);
}

/* ---- making and ending ---- */

static size_t
address_len(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void
probe_add(struct acme_propagation *all, const struct sockaddr *address, const char *server)
{
	struct probe *p = calloc(1, sizeof *p), **v = realloc(all->probes, (all->nprobes + 1) * sizeof *v);

	if (v != NULL)
		all->probes = v;
	if (p == NULL || v == NULL) {
		free(p);
		all->failed = true;
		return;
	}
	all->probes[all->nprobes++] = p;
	p->all = all;
	p->name = all->name;
	p->owner = all->owner;
	p->target = all->target;
	p->wait_ms = POLL_FIRST_MS;
	snprintf(p->last, sizeof p->last, "%s", address == NULL ? "no such record" : "no answer");
	if (address != NULL) {
		memcpy(&p->address, address, address_len(address));
		p->server = strdup(server);
	}
	p->timer = event_new(all->base, -1, 0, on_timer, p);
	all->failed |= p->timer == NULL || (address != NULL && p->server == NULL);
}

static void
found_server(void *arg, const struct sockaddr *address, const char *server)
{
	struct acme_propagation *all = arg;

	probe_add(all, address, server);
}

static void
probe_zone(struct acme_propagation *all, const uint8_t *zone)
{
	const struct acme_outside *outside = acme_port_outside(all->port);

	outside->servers(outside->ctx, zone, found_server, all);
}

/* Whoever follows the aliases to a record may ask any server of each zone on the way. */
static void
make_probes(struct acme_propagation *all)
{
	for (size_t i = 0; i < all->nproofs; i++) {
		const struct acme_delegation *way = &all->proofs[i].way;
		size_t before = 0;

		all->name = all->proofs[i].name.octets;
		while (before < i && !dname_equal(all->proofs[before].name.octets, all->name))
			before++;
		for (unsigned h = 0; before == i && h < way->nhops; h++) {
			all->owner = way->hops[h].name.octets;
			all->target = way->hops[h].target.octets;
			if (way->hops[h].ours)
				probe_zone(all, way->hops[h].zone.octets);
		}
		all->owner = way->owner.octets;
		all->target = NULL;
		for (before = 0; before < i && !dname_equal(all->proofs[before].way.owner.octets, all->owner);)
			before++;
		if (before < i)
			continue;	/* wildcard and apex share an owner */
		probe_add(all, NULL, NULL);
		probe_zone(all, way->zone.octets);
	}
}

enum err
acme_propagation_start(struct acme_port *port, struct event_base *base, const struct acme_proof *proofs, size_t n,
    unsigned timeout_s, acme_propagation_done *done, void *arg, struct acme_propagation **out)
{
	struct acme_propagation *all = calloc(1, sizeof *all);

	if (all == NULL)
		return ERR_NOMEM;
	all->port = port;
	all->base = base;
	all->done = done;
	all->arg = arg;
	all->timeout_s = timeout_s;
	all->deadline_ms = clock_mono_ms() + (int64_t)timeout_s * 1000;
	all->deadline = event_new(base, -1, 0, on_deadline, all);
	all->proofs = proofs;
	all->nproofs = n;
	make_probes(all);
	if (all->failed || all->deadline == NULL) {
		acme_propagation_free(all);
		return ERR_NOMEM;
	}
	event_add(all->deadline, &(struct timeval){ .tv_sec = timeout_s });
	for (size_t i = 0; i < all->nprobes; i++)
		event_active(all->probes[i]->timer, EV_TIMEOUT, 0);
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
	for (size_t i = 0; i < all->nprobes; i++) {
		struct probe *p = all->probes[i];

		acme_port_cancel(p->ticket);
		if (p->timer != NULL)
			event_free(p->timer);
		free(p->server);
		free(p);
	}
	free(all->probes);
	free(all);
}

const char *
acme_propagation_step(struct acme_propagation *all)
{
	char host[DNAME_TEXT_MAX];
	const struct probe *p = first_missing(all);

	host_of(p->name, host);
	snprintf(all->step, sizeof all->step, "waiting for %.200s to show the challenge for %.200s", server_name(p),
	    host);
	return all->step;
}

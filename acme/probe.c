#include "acme/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define ASK_TIMEOUT_MS 5000
#define ASK_LEAST_MS 100
#define RESOLVE_TIMEOUT_MS 10000	/* a resolver may have to ask others */
#define POLL_FIRST_MS 250
#define POLL_MOST_MS 8000
#define ADDRESSES_MAX 16		/* of one name server and one family */

/* ---- what a probe finds ---- */

/* A resolver may be waived only when another one has seen the records: else nothing has been looked at. */
static bool
may_waive(const struct probe *p)
{
	return p->check.waive && (p->kind != PROBE_RESOLVER || p->all->shown_by_resolver);
}

/* What is left of the time that it may be silent; -1: it is not, or that is over. */
static int64_t
silence_left_ms(const struct probe *p)
{
	int64_t left_ms = p->silent_since_ms + (int64_t)p->check.silent_s * 1000 - clock_mono_ms();

	return p->silent_since_ms == 0 || left_ms <= 0 ? -1 : left_ms;
}

/* True: it was silent for too long, and that is the end of it. */
static bool
is_given_up(struct probe *p)
{
	struct acme_propagation *all = p->all;
	char host[DNAME_TEXT_MAX];

	if (p->silent_since_ms == 0 || silence_left_ms(p) > 0)
		return false;
	acme_probe_host(p, host);
	if (may_waive(p)) {
		log_warning("acme: %s: %s has not answered for %u s (last: %s); it goes on without it", host,
		    acme_probe_server(p), p->check.silent_s, p->last);
		acme_probe_done(p);
		return true;
	}
	if (p->check.waive)
		return false;
	buf_printf(&all->words, "%s was asked for the challenge for %s and has not answered for %u s (last: %s)",
	    acme_probe_server(p), host, p->check.silent_s, p->last);
	log_warning("acme: %s: %s has not answered for %u s (last: %s)", host, acme_probe_server(p), p->check.silent_s,
	    p->last);
	acme_propagation_end(all, ERR_TIMEOUT);
	return true;
}

/* cached_s: what asks again sooner may hear the same from a cache. */
static void
probe_again(struct probe *p, uint32_t cached_s)
{
	unsigned cached_ms = cached_s >= POLL_MOST_MS / 1000 ? POLL_MOST_MS : cached_s * 1000;
	unsigned ms = p->kind == PROBE_RESOLVER && cached_ms > p->wait_ms ? cached_ms : p->wait_ms;
	int64_t silence_ms = silence_left_ms(p);
	struct timeval tv;

	if (silence_ms >= 0 && silence_ms < ms)
		ms = (unsigned)silence_ms;
	tv = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	event_add(p->timer, &tv);
	p->wait_ms = p->wait_ms * 2 > POLL_MOST_MS ? POLL_MOST_MS : p->wait_ms * 2;
}

static void
note_last(struct probe *p, bool has_answered, const char *words, uint32_t cached_s)
{
	if (has_answered)
		p->silent_since_ms = 0;
	if (p->kind == PROBE_RESOLVER && cached_s > 0)
		snprintf(p->last, sizeof p->last, "%s, which it may remember for %u s", words, cached_s);
	else
		snprintf(p->last, sizeof p->last, "%s", words);
}

/* n 0: no answer. */
static void
take_answer(struct probe *p, const uint8_t *msg, size_t n, bool has_answered, const char *words)
{
	uint32_t cached_s = 0;

	if (n > 0 && p->target != NULL)
		words = acme_alias_missing(msg, n, p->owner, p->target);
	else if (n > 0)
		words = acme_txt_missing(msg, n, p->owner, p->values, p->nvalues, &cached_s);
	if (n > 0 && words == NULL) {
		acme_probe_done(p);
		return;
	}
	note_last(p, has_answered, words != NULL && *words != '\0' ? words : "no answer", cached_s);
	if (!is_given_up(p))
		probe_again(p, cached_s);
}

static void
on_answered(void *arg, const uint8_t *msg, size_t n, const char *words)
{
	struct probe *p = arg;

	p->ticket = NULL;
	take_answer(p, msg, n, n > 0, words);
}

static void
on_resolved(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct probe *p = arg;
	size_t len = strlen(p->server);

	p->call = NULL;
	if (strncmp(words, p->server, len) == 0 && strncmp(words + len, ": ", 2) == 0)
		words += len + 2;		/* whoever it is will be said already */
	take_answer(p, msg, err == ERR_OK ? n : 0, err != ERR_NETWORK && err != ERR_TIMEOUT, words);
}

/* By our own version of the zone. */
static bool
visible_here(const struct probe *p)
{
	const struct acme_outside *outside = acme_port_outside(p->all->setup.port);
	struct rr_list found = { 0 };
	bool all = outside->lookup(outside->ctx, p->owner, TYPE_TXT, &found) == ERR_OK;

	for (size_t v = 0; all && v < p->nvalues; v++) {
		bool one = false;

		for (size_t i = 0; !one && i < found.n; i++)
			one = acme_txt_is(found.v[i].rdata, found.v[i].rdlen, p->values[v]);
		all = one;
	}
	rr_list_clear(&found);
	return all;
}

/* ---- name servers whose addresses are elsewhere ---- */

static void
add_address(struct probe *p, int family, const struct rd *octets)
{
	const struct acme_outside *outside = acme_port_outside(p->all->setup.port);
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6;
	char address[INET6_ADDRSTRLEN] = "", text[DNAME_TEXT_MAX + INET6_ADDRSTRLEN + 4];
	struct probe *server;

	if (family == AF_INET)
		memcpy(&a4.sin_addr, octets->p, sizeof a4.sin_addr);
	else
		memcpy(&a6.sin6_addr, octets->p, sizeof a6.sin6_addr);
	inet_ntop(family, octets->p, address, sizeof address);
	snprintf(text, sizeof text, "%s (%s)", p->server, address);
	if (!outside->is_ours(outside->ctx, a) && (server = acme_probe_add_server(p->all, p, a, text)) != NULL)
		acme_probe_start(server);
}

/* How many it has, ours among them. */
static size_t
add_addresses(struct probe *p, const uint8_t *msg, size_t n)
{
	size_t size = p->address_type == TYPE_A ? sizeof(struct in_addr) : sizeof(struct in6_addr), found = 0;
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;

	msg_header_read(&r, &h);
	question_read(&r, &q);
	for (unsigned i = 0; i < h.ancount && found < ADDRESSES_MAX && msg_rr_read(&r, &rr); i++)
		if (rr.type == p->address_type && rr.rdlen == size) {
			add_address(p, rr.type == TYPE_A ? AF_INET : AF_INET6, &rr.rdata);
			found++;
		}
	return found;
}

static void
on_addresses(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct probe *p = arg;
	unsigned rcode = err == ERR_OK ? msg[3] & 15 : RCODE_SERVFAIL;

	p->call = NULL;
	if (rcode == RCODE_SERVFAIL) {
		snprintf(p->last, sizeof p->last, "its address is not found: %.100s", err == ERR_OK ? rcode_str(rcode) :
		    words);
		if (!is_given_up(p))
			probe_again(p, 0);
		return;
	}
	p->silent_since_ms = 0;
	p->has_address |= add_addresses(p, msg, n) > 0;
	if (p->address_type == TYPE_A) {
		p->address_type = TYPE_AAAA;
		event_active(p->timer, EV_TIMEOUT, 0);
		return;
	}
	if (!p->has_address)
		log_warning("acme: the name server %s has no address", p->server);
	acme_probe_done(p);
}

static enum err
find_addresses(struct probe *p, unsigned timeout_ms)
{
	struct acme_resolve *resolve = p->all->setup.resolve;
	struct dname name;

	if (!acme_resolve_outside_allowed(resolve) || dname_from_str(p->server, &name) != ERR_OK) {
		log_warning("acme: no address of the name server %s is known here; set check-servers, or resolvers",
		    p->server);
		acme_probe_done(p);
		return ERR_OK;
	}
	return acme_resolve_start(resolve, name.octets, p->address_type, 0, timeout_ms, on_addresses, p, &p->call);
}

/* ---- asking ---- */

static unsigned
ask_timeout_ms(const struct probe *p)
{
	int64_t most_ms = p->kind == PROBE_SERVER ? ASK_TIMEOUT_MS : RESOLVE_TIMEOUT_MS;
	int64_t left_ms = p->all->deadline_ms - clock_mono_ms(), silence_ms = silence_left_ms(p);

	if (silence_ms >= 0 && silence_ms < left_ms)
		left_ms = silence_ms;
	return left_ms < ASK_LEAST_MS ? ASK_LEAST_MS : left_ms > most_ms ? (unsigned)most_ms : (unsigned)left_ms;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct probe *p = arg;
	struct acme_propagation *all = p->all;
	unsigned timeout_ms;
	enum err err = ERR_OK;

	(void)fd, (void)what;
	if (is_given_up(p))
		return;
	if (p->silent_since_ms == 0)
		p->silent_since_ms = clock_mono_ms();
	timeout_ms = ask_timeout_ms(p);
	switch (p->kind) {
	case PROBE_HERE:
		p->silent_since_ms = 0;
		if (visible_here(p))
			acme_probe_done(p);
		else
			probe_again(p, 0);
		return;
	case PROBE_SERVER:
		err = acme_port_ask(all->setup.port, (struct sockaddr *)&p->address, p->owner,
		    p->target != NULL ? TYPE_CNAME : TYPE_TXT, 0, timeout_ms, on_answered, p, &p->ticket);
		break;
	case PROBE_NAME:
		err = find_addresses(p, timeout_ms);
		break;
	case PROBE_RESOLVER:
		err = acme_resolve_start_at(all->setup.resolve, p->number, p->owner, TYPE_TXT, 0, timeout_ms,
		    on_resolved, p, &p->call);
		break;
	}
	if (err != ERR_OK)
		probe_again(p, 0);
}

/* ---- making and ending ---- */

/* The values that are to be found at model's owner, or by its name. */
static bool
collect_values(struct probe *p)
{
	const struct acme_propagation_setup *setup = &p->all->setup;

	if ((p->values = calloc(setup->n + 1, sizeof *p->values)) == NULL)
		return false;
	for (size_t i = 0; i < setup->n; i++) {
		const struct acme_proof *proof = &setup->proofs[i];
		const struct dname *at = p->kind == PROBE_RESOLVER ? &proof->name : &proof->way.owner;

		if (dname_equal(at->octets, p->owner))
			p->values[p->nvalues++] = proof->value;
	}
	return true;
}

struct probe *
acme_probe_new(struct acme_propagation *all, const struct probe *model, const char *server)
{
	struct probe *p = malloc(sizeof *p);

	if (p == NULL)
		return NULL;
	*p = (struct probe){ .all = all, .kind = model->kind, .name = model->name, .owner = model->owner,
	    .target = model->target, .check = model->check, .address = model->address, .number = model->number,
	    .address_type = TYPE_A, .wait_ms = POLL_FIRST_MS };
	p->server = server != NULL ? strdup(server) : NULL;
	p->timer = event_new(all->setup.base, -1, 0, on_timer, p);
	snprintf(p->last, sizeof p->last, "%s", p->kind == PROBE_HERE ? "no such record" : "no answer");
	if (p->timer == NULL || (server != NULL && p->server == NULL) || !collect_values(p)) {
		acme_probe_free(p);
		return NULL;
	}
	return p;
}

void
acme_probe_free(struct probe *p)
{
	acme_port_cancel(p->ticket);
	acme_resolve_cancel(p->call);
	if (p->timer != NULL)
		event_free(p->timer);
	free(p->values);
	free(p->server);
	free(p);
}

void
acme_probe_stop(struct probe *p)
{
	event_del(p->timer);
	acme_port_cancel(p->ticket);
	acme_resolve_cancel(p->call);
	p->ticket = NULL;
	p->call = NULL;
}

void
acme_probe_start(struct probe *p)
{
	event_active(p->timer, EV_TIMEOUT, 0);
}

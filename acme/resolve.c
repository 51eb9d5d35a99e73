#include "acme/resolve.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "acme/doh.h"
#include "base/buf.h"
#include "base/clock.h"

#define CONNECT_TIMEOUT_S 10
#define WHOLE_TIMEOUT_S 30	/* each request has less of its own */
#define TRY_LEAST_MS 100

struct acme_resolve {
	struct acme_resolve_config config;
	struct acme_port *port;
	struct event_base *base;
	struct acme_http *http;		/* NULL: no resolver needs it */
	int64_t *rests_until_ms;	/* of each resolver: not asked before */
	LIST_HEAD(, acme_resolve_call) calls;
};

struct acme_resolve_call {
	LIST_ENTRY(acme_resolve_call) entry;
	struct acme_resolve *resolve;
	struct question question;
	uint16_t flags;			/* of the header */
	int64_t deadline_ms;
	size_t at, end;			/* the resolver that is asked now, and the one behind the last */
	struct acme_ticket *ticket;
	struct acme_doh_call *doh;
	struct event *turn;		/* to ask the next, or to tell of failure */
	enum err err;			/* of the last failure */
	struct buf words;		/* what those said that were asked */
	acme_resolve_done *done;
	void *arg;
};

static void
call_free(struct acme_resolve_call *call)
{
	LIST_REMOVE(call, entry);
	acme_port_cancel(call->ticket);
	acme_doh_cancel(call->doh);
	if (call->turn != NULL)
		event_free(call->turn);
	buf_clear(&call->words);
	free(call);
}

void
acme_resolve_cancel(struct acme_resolve_call *call)
{
	if (call != NULL)
		call_free(call);
}

static bool
may_ask(const struct acme_resolve *r, size_t number)
{
	return !r->config.closed || r->config.resolvers[number].kind != ACME_RESOLVER_PLAIN;
}

/* ---- one resolver after the other ---- */

static void
failed(struct acme_resolve_call *call, enum err err, const char *words)
{
	buf_printf(&call->words, "%s%s: %s", call->words.len > 0 ? "; " : "",
	    call->resolve->config.resolvers[call->at].name, words);
	call->err = err;
	call->at++;
	event_active(call->turn, EV_TIMEOUT, 1);
}

/* Frees call. */
static void
answered(struct acme_resolve_call *call, const uint8_t *msg, size_t n)
{
	acme_resolve_done *done = call->done;
	void *their_arg = call->arg;

	call_free(call);
	done(their_arg, ERR_OK, msg, n, "");
}

/* A response that is no answer sends us on. */
static void
take(struct acme_resolve_call *call, const uint8_t *msg, size_t n)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;

	msg_header_read(&r, &h);
	if ((h.flags & FLAG_TC) != 0) {		/* from a server that passes on what it has by UDP */
		failed(call, ERR_PEER, "a truncated answer");
		return;
	}
	switch (h.flags & 15) {
	case RCODE_NOERROR:
	case RCODE_NXDOMAIN:
	case RCODE_SERVFAIL:
		answered(call, msg, n);
		return;
	default:
		failed(call, ERR_PEER, rcode_str(h.flags & 15));
	}
}

static void
on_plain(void *arg, const uint8_t *msg, size_t n, const char *words)
{
	struct acme_resolve_call *call = arg;
	const char *mismatch = n == 0 ? NULL : acme_doh_mismatch(msg, n, &call->question);

	call->ticket = NULL;
	if (n == 0)
		failed(call, ERR_NETWORK, words != NULL && *words != '\0' ? words : "no answer");
	else if (mismatch != NULL)
		failed(call, ERR_PEER, mismatch);
	else
		take(call, msg, n);
}

static void
on_doh(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words, int64_t wait_s)
{
	struct acme_resolve_call *call = arg;

	call->doh = NULL;
	if (err != ERR_OK && wait_s > 0)
		call->resolve->rests_until_ms[call->at] = clock_mono_ms() + wait_s * 1000;
	if (err == ERR_OK)
		take(call, msg, n);
	else
		failed(call, err, words);
}

/* What is left is for those who are left. */
static unsigned
time_for_one(const struct acme_resolve_call *call)
{
	int64_t ms = (call->deadline_ms - clock_mono_ms()) / (int64_t)(call->end - call->at);

	return ms < TRY_LEAST_MS ? TRY_LEAST_MS : (unsigned)ms;
}

static void
ask(struct acme_resolve_call *call)
{
	const struct acme_resolve *r = call->resolve;
	const struct acme_resolver *to = &r->config.resolvers[call->at];
	int64_t rest_ms = r->rests_until_ms[call->at] - clock_mono_ms();
	enum err err;

	if (rest_ms > 0) {
		struct buf words = { 0 };

		buf_printf(&words, "it wants to be left alone for another %lld s", (long long)(rest_ms + 999) / 1000);
		failed(call, ERR_BUSY, buf_str(&words) != NULL ? buf_str(&words) : "");
		buf_clear(&words);
		return;
	}
	if (to->kind == ACME_RESOLVER_PLAIN)
		err = acme_port_ask(r->port, to->address, call->question.qname.octets, call->question.qtype,
		    call->flags, time_for_one(call), on_plain, call, &call->ticket);
	else
		err = acme_doh_start(r->http, to, &call->question, call->flags, time_for_one(call), on_doh, call,
		    &call->doh);
	if (err != ERR_OK)
		failed(call, err, err_str(err));
}

static void
give_up(struct acme_resolve_call *call)
{
	acme_resolve_done *done = call->done;
	void *their_arg = call->arg;
	struct buf said = call->words;
	enum err err = call->err;
	const char *words = buf_str(&said);

	call->words = (struct buf){ 0 };
	call_free(call);
	done(their_arg, err, NULL, 0, words != NULL && *words != '\0' ? words : err_str(err));
	buf_clear(&said);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct acme_resolve_call *call = arg;

	(void)fd, (void)what;
	while (call->at < call->end && !may_ask(call->resolve, call->at))
		call->at++;
	if (call->at < call->end && clock_mono_ms() < call->deadline_ms) {
		ask(call);
		return;
	}
	give_up(call);
}

/* ---- what others call ---- */

static enum err
start(struct acme_resolve *r, size_t from, size_t end, const uint8_t *qname, uint16_t qtype, unsigned flags,
    unsigned timeout_ms, acme_resolve_done *done, void *arg, struct acme_resolve_call **out)
{
	struct acme_resolve_call *call = calloc(1, sizeof *call);

	if (call == NULL)
		return ERR_NOMEM;
	LIST_INSERT_HEAD(&r->calls, call, entry);
	call->resolve = r;
	call->question.qtype = qtype;
	call->question.qclass = CLASS_IN;
	dname_copy(&call->question.qname, qname);
	/* AD in a question asks for AD in the answer (RFC 6840, section 5.7). */
	call->flags = FLAG_RD | FLAG_AD | ((flags & ACME_RESOLVE_CD) != 0 ? FLAG_CD : 0);
	call->deadline_ms = clock_mono_ms() + timeout_ms;
	call->at = from;
	call->end = end;
	call->err = ERR_TIMEOUT;
	call->done = done;
	call->arg = arg;
	if ((call->turn = event_new(r->base, -1, 0, on_turn, call)) == NULL) {
		call_free(call);
		return ERR_NOMEM;
	}
	event_active(call->turn, EV_TIMEOUT, 1);
	if (out != NULL)
		*out = call;
	return ERR_OK;
}

enum err
acme_resolve_start(struct acme_resolve *r, const uint8_t *qname, uint16_t qtype, unsigned flags, unsigned timeout_ms,
    acme_resolve_done *done, void *arg, struct acme_resolve_call **out)
{
	size_t first = 0;

	while (r != NULL && first < r->config.n && !may_ask(r, first))
		first++;
	if (r == NULL || first == r->config.n)
		return ERR_NOT_FOUND;
	return start(r, first, r->config.n, qname, qtype, flags, timeout_ms, done, arg, out);
}

enum err
acme_resolve_start_at(struct acme_resolve *r, size_t number, const uint8_t *qname, uint16_t qtype, unsigned flags,
    unsigned timeout_ms, acme_resolve_done *done, void *arg, struct acme_resolve_call **out)
{
	if (r == NULL || number >= r->config.n || !may_ask(r, number))
		return ERR_NOT_FOUND;
	return start(r, number, number + 1, qname, qtype, flags, timeout_ms, done, arg, out);
}

const struct acme_resolver *
acme_resolve_at(const struct acme_resolve *r, size_t number)
{
	return r == NULL || number >= r->config.n ? NULL : &r->config.resolvers[number];
}

bool
acme_resolve_outside_allowed(const struct acme_resolve *r)
{
	return r != NULL && r->config.n > 0 && !r->config.closed;
}

enum err
acme_resolve_new(const struct acme_resolve_config *config, struct acme_port *port, struct event_base *base,
    struct acme_resolve **out)
{
	struct acme_http_config http = { .ca_certificates = config->ca_certificates, .proxy = config->proxy,
	    .connect_timeout_s = CONNECT_TIMEOUT_S, .timeout_s = WHOLE_TIMEOUT_S };
	struct acme_resolve *r = calloc(1, sizeof *r);
	bool https = false;
	enum err err;

	if (r == NULL)
		return ERR_NOMEM;
	r->config = *config;
	r->port = port;
	r->base = base;
	LIST_INIT(&r->calls);
	for (size_t i = 0; i < config->n; i++)
		https |= config->resolvers[i].kind != ACME_RESOLVER_PLAIN;
	if ((r->rests_until_ms = calloc(config->n + 1, sizeof *r->rests_until_ms)) == NULL)
		err = ERR_NOMEM;
	else
		err = https ? acme_http_new(&http, base, &r->http) : ERR_OK;
	if (err == ERR_OK)
		*out = r;
	else
		acme_resolve_free(r);
	return err;
}

void
acme_resolve_free(struct acme_resolve *r)
{
	if (r == NULL)
		return;
	while (!LIST_EMPTY(&r->calls))
		call_free(LIST_FIRST(&r->calls));
	acme_http_free(r->http);
	free(r->rests_until_ms);
	free(r);
}

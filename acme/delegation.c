#include "acme/delegation.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define ASK_TIMEOUT_MS 10000

/* ---- words ---- */

/* "a.example -> b.example -> c.example"; a single name when there is no alias. */
static void
chain_print(const struct acme_delegation *d, struct buf *out)
{
	char text[DNAME_TEXT_MAX];

	for (unsigned i = 0; i < d->nhops; i++)
		buf_printf(out, "%s -> ", dname_print_host(d->hops[i].name.octets, text));
	buf_add_str(out, dname_print_host(d->owner.octets, text));
}

/* "<chain><what>", in the room there is. */
static enum err __attribute__((format(printf, 4, 5)))
chain_fault(const struct acme_delegation *d, enum err err, struct fault *f, const char *format, ...)
{
	struct buf chain = { 0 };
	char what[700];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	chain_print(d, &chain);
	const char *s = buf_str(&chain);
	fault_set(f, err, "%.300s%s%s", s != NULL ? s : "the challenge", s != NULL && strlen(s) > 300 ? "..." : "",
	    what);
	buf_clear(&chain);
	return err;
}

#define WAYS_OUT "make the name a CNAME to one in a zone that may be changed here, or delegate it by NS to a zone of its " \
	"own that is served here"

static enum err
refuse(const struct acme_delegation *d, const struct acme_place *p, struct fault *f)
{
	char zone[DNAME_TEXT_MAX];

	return chain_fault(d, ERR_REFUSED, f, ": the zone %.200s may not be changed here: %.120s; " WAYS_OUT "%s",
	    dname_print_host(p->zone.octets, zone), p->why_not, strstr(p->why_not, "signed") == NULL ? "" :
	    ", or let certns be the hidden secondary of whoever signs it, with a key to update it there");
}

static enum err
leaves(const struct acme_delegation *d, const struct acme_place *p, struct fault *f)
{
	char cut[DNAME_TEXT_MAX];

	if (p->kind == ACME_PLACE_CUT)
		return chain_fault(d, ERR_NOT_FOUND, f, ": %.200s is delegated to servers elsewhere; %s",
		    dname_print_host(p->name.octets, cut), WAYS_OUT);
	if (d->nhops > 0)
		return chain_fault(d, ERR_NOT_FOUND, f, ", which is in none of the zones here");
	return chain_fault(d, ERR_NOT_FOUND, f, " is in none of the zones here; " WAYS_OUT);
}

/* ---- through our zones ---- */

static enum err
hop(struct acme_delegation *d, const uint8_t *target, const struct dname *zone, struct fault *f)
{
	struct acme_hop *h = realloc(d->hops, (d->nhops + 1) * sizeof *h);

	if (h == NULL)
		return fault_set(f, ERR_NOMEM, "out of memory");
	d->hops = h;
	if (d->nhops == ACME_HOPS_MAX)
		return chain_fault(d, ERR_RANGE, f, ": more aliases than a resolver follows");
	h += d->nhops++;
	h->name = d->owner;
	dname_copy(&h->target, target);
	h->ours = zone != NULL;
	if (zone != NULL)
		h->zone = *zone;
	dname_copy(&d->owner, target);
	for (unsigned i = 0; i < d->nhops; i++)
		if (dname_equal(d->hops[i].name.octets, target))
			return chain_fault(d, ERR_RANGE, f, ": these aliases lead in a circle");
	return ERR_OK;
}

/* On from d->owner.  standing: a zone that may not be changed will do. */
static enum err
follow(const struct acme_outside *outside, struct acme_delegation *d, bool standing, struct fault *f)
{
	struct dname caught, caught_zone;	/* by the first wildcard that we may override, */
	unsigned caught_hops = 0;
	bool is_caught = false;
	struct acme_place p;
	enum err err = ERR_OK;

	for (;;) {
		outside->place(outside->ctx, d->owner.octets, &p);
		if (p.kind != ACME_PLACE_ALIAS)
			break;
		if (p.wildcard && p.why_not == NULL && !is_caught) {
			caught = d->owner;
			caught_zone = p.zone;
			caught_hops = d->nhops;
			is_caught = true;
		}
		if ((err = hop(d, p.name.octets, &p.zone, f)) != ERR_OK)
			break;
	}
	if (err != ERR_OK)
		;
	else if (p.kind == ACME_PLACE_NONE)
		err = chain_fault(d, ERR_RANGE, f, ": a DNAME above it makes a name that is too long");
	else if (p.kind != ACME_PLACE_HERE)
		err = leaves(d, &p, f);
	else if (p.why_not != NULL && !standing)
		err = refuse(d, &p, f);
	else {
		d->zone = p.zone;
		d->frozen = p.why_not != NULL;
	}
	if (err != ERR_OK && is_caught) {	/* and is put there as if it were not: there is no better place */
		d->owner = caught;
		d->zone = caught_zone;
		d->nhops = caught_hops;
		return ERR_OK;
	}
	return err;
}

void
acme_delegation_clear(struct acme_delegation *d)
{
	free(d->hops);
	*d = (struct acme_delegation){ .nhops = 0 };
}

enum err
acme_delegation_find_for(const struct acme_outside *outside, enum acme_challenge_type type, const uint8_t *name,
    struct acme_delegation *out, struct fault *f)
{
	struct acme_delegation d = { .nhops = 0 };
	enum err err;

	dname_copy(&d.owner, name);
	if ((err = follow(outside, &d, type == ACME_DNS_PERSIST_01, f)) == ERR_OK)
		*out = d;
	else
		acme_delegation_clear(&d);
	return err;
}

enum err
acme_delegation_find(const struct acme_outside *outside, const uint8_t *name, struct acme_delegation *out,
    struct fault *f)
{
	return acme_delegation_find_for(outside, ACME_DNS_01, name, out, f);
}

enum err
acme_delegation_judge(const struct acme_outside *outside, const struct acme_challenge_means *m, bool may_ask,
    const char *name, struct fault *f)
{
	static const enum acme_challenge_type plain[] = { ACME_DNS_01 };
	const enum acme_challenge_type *types = m->npreferred > 0 ? m->preferred : plain;
	size_t n = m->npreferred > 0 ? m->npreferred : 1;
	enum err err = ERR_OK;

	for (size_t i = n; i-- > 0;) {		/* the words of the best remain */
		struct acme_delegation d;
		struct dname owner;

		if (types[i] == ACME_DNS_ACCOUNT_01 && m->account == NULL)
			return ERR_OK;		/* the order will tell */
		if ((err = acme_challenge_record(types[i], name, m->account, &owner)) != ERR_OK)
			fault_set(f, err, "%.253s is too long for a challenge record", name);
		else if ((err = acme_delegation_find_for(outside, types[i], owner.octets, &d, f)) == ERR_OK)
			acme_delegation_clear(&d);
		else if (err == ERR_NOT_FOUND)
			err = may_ask ? ERR_OK : ERR_REFUSED;
		if (err == ERR_OK)
			return ERR_OK;
	}
	return err;
}

enum err
acme_delegation_elsewhere(const struct acme_outside *outside, const struct acme_challenge_means *m,
    const struct acme_names *names, struct dname **out, size_t *n)
{
	enum acme_challenge_type type = m->npreferred > 0 ? m->preferred[0] : ACME_DNS_01;
	struct acme_delegation d;
	struct dname owner;

	*n = 0;
	if ((*out = calloc(names->n + 1, sizeof **out)) == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; m->npreferred <= 1 && i < names->n; i++) {
		if (acme_challenge_record(type, names->v[i], m->account, &owner) != ERR_OK)
			continue;
		if (acme_delegation_find_for(outside, type, owner.octets, &d, NULL) == ERR_OK)
			acme_delegation_clear(&d);
		else
			(*out)[(*n)++] = owner;
	}
	return ERR_OK;
}

/* ---- beyond ---- */

bool
acme_delegation_alias(const uint8_t *msg, size_t n, const uint8_t *name, struct dname *out)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;

	msg_header_read(&r, &h);
	if (r.bad || (h.flags & FLAG_QR) == 0 || (h.flags & 15) != RCODE_NOERROR)
		return false;
	for (unsigned i = 0; i < h.qdcount; i++)
		question_read(&r, &q);
	for (unsigned i = 0; i < h.ancount && msg_rr_read(&r, &rr); i++)
		if (rr.type == TYPE_CNAME && dname_equal(rr.owner.octets, name)) {
			rd_dname(&rr.rdata, out);
			return !rr.rdata.bad;
		}
	return false;
}

struct acme_delegation_search {
	const struct acme_outside *outside;
	struct acme_resolve *resolve;
	struct acme_delegation *found;
	size_t n, nchanging, at;		/* at: of the name that is looked at */
	struct acme_resolve_call *call;
	struct event *turn;			/* done() never comes from within a call of ours */
	struct fault fault;
	acme_delegation_done *done;
	void *arg;
};

static void search_on(struct acme_delegation_search *s);

/* May free s. */
static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct acme_delegation_search *s = arg;

	(void)fd, (void)what;
	if (s->fault.err == ERR_OK)
		s->done(s->arg, ERR_OK, s->found, "");
	else
		s->done(s->arg, s->fault.err, NULL, fault_str(&s->fault, s->fault.err));
}

static void
finish(struct acme_delegation_search *s)
{
	event_active(s->turn, EV_TIMEOUT, 0);
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct acme_delegation_search *s = arg;
	struct acme_delegation *d = &s->found[s->at];
	struct dname target;

	s->call = NULL;
	if (err != ERR_OK) {
		s->fault.err = ERR_OK;
		chain_fault(d, ERR_REFUSED, &s->fault,
		    ": the last is in none of the zones here, and cannot be looked up: %.300s", words);
	} else if (!acme_delegation_alias(msg, n, d->owner.octets, &target)) {
		chain_fault(d, ERR_REFUSED, &s->fault,
		    ": the last is in none of the zones here, and is no CNAME to one that is; " WAYS_OUT);
	} else {
		s->fault.err = ERR_OK;
		if (hop(d, target.octets, NULL, &s->fault) == ERR_OK) {
			search_on(s);
			return;
		}
	}
	finish(s);
}

/* The name at s->at and those behind it, as far as nobody must be asked. */
static void
search_on(struct acme_delegation_search *s)
{
	for (; s->at < s->n; s->at++) {
		struct acme_delegation *d = &s->found[s->at];
		enum err err = follow(s->outside, d, s->at >= s->nchanging, &s->fault);

		if (err == ERR_NOT_FOUND && acme_resolve_outside_allowed(s->resolve) &&
		    acme_resolve_start(s->resolve, d->owner.octets, TYPE_CNAME, 0, ASK_TIMEOUT_MS, on_answer, s,
		    &s->call) == ERR_OK)
			return;
		if (err != ERR_OK) {
			s->fault.err = err == ERR_NOT_FOUND ? ERR_REFUSED : err;
			break;
		}
		s->fault.err = ERR_OK;
	}
	finish(s);
}

enum err
acme_delegation_start(const struct acme_outside *outside, struct acme_resolve *resolve, struct event_base *base,
    const struct dname *names, size_t n, size_t nchanging, acme_delegation_done *done, void *arg,
    struct acme_delegation_search **out)
{
	struct acme_delegation_search *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	*s = (struct acme_delegation_search){ .outside = outside, .resolve = resolve, .n = n, .nchanging = nchanging,
		.done = done, .arg = arg, .found = calloc(n > 0 ? n : 1, sizeof *s->found), .turn = event_new(base, -1,
		    0, on_turn, s) };
	if (s->found == NULL || s->turn == NULL) {
		acme_delegation_search_free(s);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < n; i++)
		s->found[i].owner = names[i];
	*out = s;
	search_on(s);
	return ERR_OK;
}

void
acme_delegation_search_free(struct acme_delegation_search *s)
{
	if (s == NULL)
		return;
	acme_resolve_cancel(s->call);
	if (s->turn != NULL)
		event_free(s->turn);
	for (size_t i = 0; s->found != NULL && i < s->n; i++)
		acme_delegation_clear(&s->found[i]);
	free(s->found);
	free(s);
}

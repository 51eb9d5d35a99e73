#include "tests/unit/acme/world.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

struct pending {
	struct pending *next;
	struct world *w;
	struct event *timer;
	void (*done)(void *arg, enum err err, const char *words);
	void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words);
	void *arg;
	enum err err;
	uint8_t msg[4096];
	size_t n;
};

static struct dname
name_of(const char *text)
{
	struct dname d;

	assert(dname_from_str(text, &d) == ERR_OK);
	return d;
}

static bool
remove_where(struct world *w, const struct rr *rr)
{
	for (size_t i = 0; i < w->rrs.n; i++)
		if (rr_same(&w->rrs.v[i], rr)) {
			w->rrs.v[i] = w->rrs.v[--w->rrs.n];
			return true;
		}
	return false;
}

static void
add(struct world *w, const struct rr *rr)
{
	remove_where(w, rr);
	assert(rr_list_add(&w->rrs, rr) == ERR_OK);
	if (rr->type == TYPE_TXT)
		w->last_txt_ms = clock_mono_ms();
}

static void
tell(struct world *w, const uint8_t *owner)
{
	if (w->engine != NULL && acme_is_label(w->engine, owner))
		acme_look(w->engine, owner);
}

/* One question answered from the zones: the header's AA, no SOA (nobody caches here). */
static size_t
answer(struct world *w, const uint8_t *query, size_t n, uint8_t *out, size_t room)
{
	struct rd r = rd_over(query, n);
	struct msg_header h;
	struct question q;
	struct wr wr;

	msg_header_read(&r, &h);
	if (h.qdcount != 1 || !question_read(&r, &q))
		return 0;
	wr_init(&wr, out, room);
	h.flags = (uint16_t)(FLAG_QR | FLAG_AA | (h.flags & FLAG_RD));
	h.ancount = h.nscount = h.arcount = 0;
	for (size_t i = 0; i < w->rrs.n; i++)
		h.ancount += w->rrs.v[i].type == q.qtype && dname_equal(w->rrs.v[i].owner, q.qname.octets);
	msg_header_write(&wr, &h);
	question_write(&wr, &q);
	for (size_t i = 0; i < w->rrs.n; i++) {
		const struct rr *rr = &w->rrs.v[i];

		if (rr->type == q.qtype && dname_equal(rr->owner, q.qname.octets))
			msg_rr_write(&wr, rr->owner, rr->type, CLASS_IN, rr->ttl, rr->rdata, rr->rdlen);
	}
	return wr.full ? 0 : wr_len(&wr);
}

static void
on_query(evutil_socket_t fd, short what, void *arg)
{
	uint8_t query[4096], response[4096];
	struct sockaddr_in from;
	socklen_t from_n = sizeof from;
	ssize_t n;

	(void)what;
	while ((n = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_n)) > 0) {
		size_t m = answer(arg, query, (size_t)n, response, sizeof response);

		sendto(fd, response, m, 0, (struct sockaddr *)&from, from_n);
		from_n = sizeof from;
	}
}

static void
pending_remove(struct pending *p)
{
	for (struct pending **at = (struct pending **)&p->w->pending; *at != NULL; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	event_free(p->timer);
	free(p);
}

static void
on_pending(evutil_socket_t fd, short what, void *arg)
{
	struct pending *p = arg;

	(void)fd, (void)what;
	if (p->done != NULL)
		p->done(p->arg, p->err, p->err == ERR_OK ? "" : "no, says the test");
	else if (p->w->silent)
		p->answered(p->arg, NULL, 0, "no answer");
	else
		p->answered(p->arg, p->msg, p->n, "");
	pending_remove(p);
}

static struct pending *
pending_new(struct world *w, unsigned ms, void *arg)
{
	struct pending *p = calloc(1, sizeof *p);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	p->w = w;
	p->arg = arg;
	p->timer = event_new(w->base, -1, 0, on_pending, p);
	event_add(p->timer, &tv);
	p->next = w->pending;
	w->pending = p;
	return p;
}

static void
edit(void *ctx, const struct acme_edit *e, void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct world *w = ctx;
	enum err err = w->edit_err;

	w->edits++;
	w->passing_edits += e->passing;
	for (size_t i = 0; err == ERR_OK && i < e->nremove; i++) {
		assert(dname_is_below(e->remove[i].owner, e->zone));
		remove_where(w, &e->remove[i]);
		tell(w, e->remove[i].owner);
	}
	for (size_t i = 0; err == ERR_OK && i < e->nadd; i++) {
		assert(dname_is_below(e->add[i].owner, e->zone));
		assert(rdata_valid(e->add[i].type, e->add[i].rdata, e->add[i].rdlen));
		add(w, &e->add[i]);
		tell(w, e->add[i].owner);
	}
	if (w->edit_later) {
		struct pending *p = pending_new(w, 1, arg);

		p->done = done;
		p->err = err;
	} else
		done(arg, err, err == ERR_OK ? "" : "no, says the test");
}

static struct world_note *
note_for(struct world *w, const char *key)
{
	size_t at = 0;

	while (at < w->nnotes && strcmp(w->notes[at].key, key) < 0)
		at++;
	if (at < w->nnotes && strcmp(w->notes[at].key, key) == 0)
		return &w->notes[at];
	assert((w->notes = realloc(w->notes, (w->nnotes + 1) * sizeof *w->notes)) != NULL);
	memmove(&w->notes[at + 1], &w->notes[at], (w->nnotes++ - at) * sizeof *w->notes);
	w->notes[at] = (struct world_note){ .key = strdup(key) };
	return &w->notes[at];
}

static void
note_remove(struct world *w, struct world_note *note)
{
	free(note->key);
	free(note->octets);
	memmove(note, note + 1, (size_t)(&w->notes[--w->nnotes] - note) * sizeof *note);
}

static void
remember(void *ctx, const char *key, const void *octets, size_t n,
    void (*done)(void *arg, enum err err, const char *words), void *arg)
{
	struct world *w = ctx;
	enum err err = w->remember_err;

	if (err == ERR_OK) {
		struct world_note *note = note_for(w, key);

		free(note->octets);
		note->octets = calloc(1, n + 1);
		note->n = n;
		if (n == 0)
			note_remove(w, note);
		else
			memcpy(note->octets, octets, n);
	}
	if (done != NULL && w->edit_later) {
		struct pending *p = pending_new(w, 1, arg);

		p->done = done;
		p->err = err;
	} else if (done != NULL)
		done(arg, err, err == ERR_OK ? "" : "no, says the test");
}

static void
recall(void *ctx, const char *prefix, void (*each)(void *arg, const char *key, const uint8_t *octets, size_t n),
    void *arg)
{
	const struct world *w = ctx;

	for (size_t i = 0; i < w->nnotes; i++)
		if (strncmp(w->notes[i].key, prefix, strlen(prefix)) == 0)
			each(arg, w->notes[i].key, w->notes[i].octets, w->notes[i].n);
}

const char *
world_note(const struct world *w, const char *key)
{
	for (size_t i = 0; i < w->nnotes; i++)
		if (strcmp(w->notes[i].key, key) == 0)
			return w->notes[i].octets;
	return NULL;
}

static bool
zone_of(void *ctx, const uint8_t *name, struct dname *apex, bool *editable)
{
	const struct world *w = ctx;
	bool found = false;

	for (size_t i = 0; i < 4 && w->zones[i] != NULL; i++) {
		struct dname zone = name_of(w->zones[i]);

		if (!dname_is_below(name, zone.octets) ||
		    (found && dname_labels(zone.octets) < dname_labels(apex->octets)))
			continue;
		*apex = zone;
		*editable = w->frozen == NULL || strcmp(w->frozen, w->zones[i]) != 0;
		found = true;
	}
	return found;
}

static enum err
lookup(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out)
{
	const struct world *w = ctx;
	struct dname apex;
	bool editable;

	if (!zone_of(ctx, name, &apex, &editable))
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < w->rrs.n; i++)
		if (w->rrs.v[i].type == type && dname_equal(w->rrs.v[i].owner, name))
			assert(rr_list_add(out, &w->rrs.v[i]) == ERR_OK);
	return ERR_OK;
}

static const struct rr *
find_rr(const struct world *w, const uint8_t *name, uint16_t type)
{
	for (size_t i = 0; i < w->rrs.n; i++)
		if (w->rrs.v[i].type == type && dname_equal(w->rrs.v[i].owner, name))
			return &w->rrs.v[i];
	return NULL;
}

static bool
name_exists(const struct world *w, const uint8_t *name)
{
	for (size_t i = 0; i < w->rrs.n; i++)
		if (dname_is_below(w->rrs.v[i].owner, name))
			return true;
	return false;
}

/* Slow and obvious: RFC 1034, section 4.3.2, from the apex down. */
static void
place(void *ctx, const uint8_t *name, struct acme_place *out)
{
	const struct world *w = ctx;
	unsigned labels = dname_labels(name), apex;
	const struct rr *rr;
	struct dname wildcard;
	bool editable;

	*out = (struct acme_place){ .kind = ACME_PLACE_FOREIGN };
	if (!zone_of(ctx, name, &out->zone, &editable))
		return;
	out->why_not = editable ? NULL : "the test has frozen it";
	apex = dname_labels(out->zone.octets);
	for (unsigned n = apex; n <= labels; n++) {
		const uint8_t *above = dname_skip(name, labels - n);

		if (n > apex && (rr = find_rr(w, above, TYPE_NS)) != NULL) {
			out->kind = ACME_PLACE_CUT;
			dname_copy(&out->name, above);
			return;
		}
		if (n < labels && (rr = find_rr(w, above, TYPE_DNAME)) != NULL) {
			out->kind = dname_join(&out->name, name, labels - n, rr->rdata) ?
			    ACME_PLACE_ALIAS : ACME_PLACE_NONE;
			return;
		}
		if (n == labels || !name_exists(w, dname_skip(name, labels - n - 1))) {
			rr = find_rr(w, above, TYPE_CNAME);
			if (n < labels) {
				assert(dname_join(&wildcard, (const uint8_t *)"\1*", 1, above));
				rr = find_rr(w, wildcard.octets, TYPE_CNAME);
				out->wildcard = name_exists(w, wildcard.octets);
			}
			out->kind = rr != NULL ? ACME_PLACE_ALIAS : ACME_PLACE_HERE;
			if (rr != NULL)
				dname_copy(&out->name, rr->rdata);
			return;
		}
	}
}

static void
how_to_check(void *ctx, const uint8_t *zone, struct acme_check *out)
{
	const struct world *w = ctx;

	(void)zone;
	*out = w->check;
}

static bool
is_ours(void *ctx, const struct sockaddr *address)
{
	(void)ctx;
	return address->sa_family == AF_INET &&
	    ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK + 1);
}

static void
servers(void *ctx, const uint8_t *zone, void (*found)(void *arg, const struct sockaddr *address, const char *server),
    void *arg)
{
	const struct world *w = ctx;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };

	(void)zone;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (w->server != NULL)
		found(arg, (struct sockaddr *)&a, w->server);
}

static void
ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg)
{
	struct world *w = ctx;
	bool lost = w->server != NULL && strcmp(w->server, "lost") == 0;
	struct pending *p = pending_new(w, lost ? 3600000 : w->silent ? timeout_ms : 2, arg);
	struct question q = { .qtype = qtype, .qclass = CLASS_IN };
	uint8_t query[512];
	struct wr wr;

	(void)address;
	p->answered = answered;
	w->asked++;
	dname_copy(&q.qname, qname);
	wr_init(&wr, query, sizeof query);
	msg_header_write(&wr, &(struct msg_header){ .id = 1, .flags = flags, .qdcount = 1 });
	question_write(&wr, &q);
	if (clock_mono_ms() - w->last_txt_ms < w->lag_ms) {	/* has not had the transfer */
		size_t n = w->rrs.n;

		w->rrs.n = 0;
		p->n = answer(w, query, wr_len(&wr), p->msg, sizeof p->msg);
		w->rrs.n = n;
	} else
		p->n = answer(w, query, wr_len(&wr), p->msg, sizeof p->msg);
}

void
world_init(struct world *w, struct event_base *base)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;

	*w = (struct world){ .base = base, .zones = { "example.test" },
		.check = { .ways = ACME_CHECK_AUTHORITATIVE, .silent_s = 3600 } };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert(w->fd >= 0 && bind(w->fd, (struct sockaddr *)&a, sizeof a) == 0);
	assert(getsockname(w->fd, (struct sockaddr *)&a, &n) == 0);
	w->port = ntohs(a.sin_port);
	w->dns = event_new(base, w->fd, EV_READ | EV_PERSIST, on_query, w);
	event_add(w->dns, NULL);
}

void
world_forget(struct world *w)
{
	while (w->pending != NULL)
		pending_remove(w->pending);
}

void
world_clear(struct world *w)
{
	world_forget(w);
	while (w->nnotes > 0)
		note_remove(w, &w->notes[0]);
	free(w->notes);
	event_free(w->dns);
	close(w->fd);
	rr_list_clear(&w->rrs);
}

struct acme_outside
world_outside(struct world *w)
{
	return (struct acme_outside){ .ctx = w, .edit = edit, .lookup = lookup, .zone_of = zone_of, .servers = servers,
		.check = how_to_check, .is_ours = is_ours, .ask = ask, .remember = remember, .recall = recall,
		    .place = place };
}

void
world_remove_tlsa(struct world *w, const char *owner)
{
	struct dname name = name_of(owner);

	for (size_t i = 0; i < w->rrs.n;)
		if (w->rrs.v[i].type == TYPE_TLSA && dname_equal(w->rrs.v[i].owner, name.octets))
			w->rrs.v[i] = w->rrs.v[--w->rrs.n];
		else
			i++;
	tell(w, name.octets);
}

void
world_put_csr(struct world *w, const char *owner, const uint8_t *der, size_t n)
{
	struct dname name = name_of(owner);
	uint8_t rdata[4096] = { 3, 255, 0 };

	assert(n < sizeof rdata - 3);
	memcpy(rdata + 3, der, n);
	world_remove_tlsa(w, owner);
	add(w, &(struct rr){ name.octets, rdata, 3600, TYPE_TLSA, (uint16_t)(n + 3) });
	tell(w, name.octets);
}

size_t
world_count(const struct world *w, const char *owner, uint16_t type)
{
	struct dname name = name_of(owner != NULL ? owner : ".");
	size_t n = 0;

	for (size_t i = 0; i < w->rrs.n; i++)
		n += w->rrs.v[i].type == type && (owner == NULL || dname_equal(w->rrs.v[i].owner, name.octets));
	return n;
}

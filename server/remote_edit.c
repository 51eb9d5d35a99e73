/* server/remote_edit.c -- the zone editor for a zone whose primary is elsewhere: the edit goes there as a signed UPDATE
 * over TCP (RFC 2136), and is done when it has come back by transfer.  Whoever looks at the zone after that sees what
 * it did.
 *
 * Adding what is there and removing what is not changes nothing, so an edit may be sent again when no answer came. */
#include "server/secondary_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define ANSWER_MS 15000
#define ROUNDS 3			/* through all primaries */
#define PAUSE_MS 2000			/* between rounds; doubled each time */
#define BACK_MS 60000			/* for the change to come back */
#define LOOK_MS 20
#define REFRESH_MS 1000

struct remote_edit {
	struct remote_edit *next, **link;
	struct keeper *keeper;
	struct secondary *secondary;
	struct changeset changes;	/* to find them again */
	uint8_t *msg;
	size_t n;
	struct view *view;		/* a reference: its key is in use */
	struct exchange *exchange;
	struct event *timer;		/* the next round, or the next look at the zone */
	size_t at;			/* the primary asked now */
	unsigned round;
	int64_t back_ms, refresh_ms;	/* until when it may take; the next refresh.  0: not taken yet */
	char words[300];		/* what went wrong last */
	void (*done)(void *arg, enum err err, const char *words);
	void *arg;
};

static void
edit_free(struct remote_edit *e)
{
	*e->link = e->next;
	if (e->next != NULL)
		e->next->link = e->link;
	exchange_cancel(e->exchange);
	if (e->timer != NULL)
		event_free(e->timer);
	changeset_clear(&e->changes);
	view_unref(e->view);
	free(e->msg);
	free(e);
}

void
remote_edits_stop(struct keeper *k)
{
	while (k->remote_edits != NULL)
		edit_free(k->remote_edits);
}

static void
finish(struct remote_edit *e, enum err err)
{
	void (*done)(void *, enum err, const char *) = e->done;
	void *arg = e->arg;
	char words[sizeof e->words];

	memcpy(words, e->words, sizeof words);
	edit_free(e);
	done(arg, err, err == ERR_OK ? "" : words);
}

static void
wait_ms(struct remote_edit *e, unsigned ms)
{
	struct timeval wait = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	evtimer_add(e->timer, &wait);
}

const struct tsig_key *
remote_edit_key(const struct keeper *k, const struct zone *z)
{
	const struct config_zone *settings = config_zone_for(k->view->config, z->apex.octets);
	const struct secondary *s = z->secondary;
	const struct tsig_key *key;

	if (s == NULL || !s->wanted || zone_newest(z) == NULL)
		return NULL;
	if (settings->has_update_key)
		return tsig_keyring_find(k->view->ring, settings->update_key.octets);
	for (size_t i = 0; i < s->nprimaries; i++)
		if (s->primaries[i].has_key && (key = tsig_keyring_find(k->view->ring, s->primaries[i].key.octets)) !=
		    NULL && tsig_key_may(key, TSIG_RIGHT_UPDATE, z->apex.octets))
			return key;
	return NULL;
}

/* --- the message --- */

static enum err
write_update(struct remote_edit *e)
{
	struct question zone = { .qtype = TYPE_SOA, .qclass = CLASS_IN };
	struct wr w;

	if ((e->msg = malloc(MSG_MAX)) == NULL)
		return ERR_NOMEM;
	dname_copy(&zone.qname, e->secondary->zone->apex.octets);
	wr_init(&w, e->msg, MSG_MAX);
	msg_header_write(&w, &(struct msg_header){ .flags = OPCODE_UPDATE << 11, .qdcount = 1,
	    .nscount = (uint16_t)e->changes.n });
	question_write(&w, &zone);
	for (size_t i = 0; i < e->changes.n; i++) {
		const struct change *c = &e->changes.v[i];

		msg_rr_write(&w, c->rr.owner, c->rr.type, c->add ? CLASS_IN : CLASS_NONE, c->add ? c->rr.ttl : 0,
		    c->rr.rdata, c->rr.rdlen);
	}
	e->n = wr_len(&w);
	return w.full ? ERR_NOSPACE : ERR_OK;
}

/* --- back by transfer --- */

static bool
is_back(const struct remote_edit *e)
{
	const struct zone_version *v = zone_newest(e->secondary->zone);
	uint32_t ttl;

	for (size_t i = 0; i < e->changes.n; i++)
		if (zone_version_has(v, &e->changes.v[i].rr, &ttl) != e->changes.v[i].add)
			return false;
	return true;
}

static void
look(struct remote_edit *e)
{
	int64_t now_ms = clock_mono_ms();

	if (is_back(e)) {
		finish(e, ERR_OK);
		return;
	}
	if (now_ms >= e->back_ms) {
		snprintf(e->words, sizeof e->words, "the primary has taken the update, and it has not come back by "
		    "transfer within %u s", BACK_MS / 1000);
		finish(e, ERR_TIMEOUT);
		return;
	}
	/* A primary sends NOTIFY, but not all of them to us. */
	if (now_ms >= e->refresh_ms) {
		secondary_refresh(e->secondary->zone, false);
		e->refresh_ms = now_ms + REFRESH_MS;
	}
	wait_ms(e, LOOK_MS);
}

/* --- to the primary --- */

static void send_update(struct remote_edit *e);

static void
refused(struct remote_edit *e, const char *words)
{
	const struct secondary *s = e->secondary;
	char address[CONFIG_ADDRESS_TEXT];

	snprintf(e->words, sizeof e->words, "update at the primary %s: %s",
	    config_address_print((const struct sockaddr *)&s->primaries[e->at % s->nprimaries].address.address,
	    address), words);
	log_debug("zone %s: %s", s->zone->name, e->words);
	if (++e->at % s->nprimaries != 0) {
		send_update(e);
	} else if (++e->round < ROUNDS) {
		wait_ms(e, PAUSE_MS << (e->round - 1));
	} else {
		finish(e, ERR_PEER);
	}
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct remote_edit *e = arg;
	struct msg_header h;
	struct rd r;

	e->exchange = NULL;
	if (err != ERR_OK) {
		refused(e, words);
		return;
	}
	r = rd_over(msg, n);
	msg_header_read(&r, &h);
	if ((h.flags & 15) != RCODE_NOERROR) {
		refused(e, rcode_str(h.flags & 15));
		return;
	}
	e->back_ms = clock_mono_ms() + BACK_MS;
	look(e);
}

static void
send_update(struct remote_edit *e)
{
	const struct secondary *s = e->secondary;
	const struct config_address *to = &s->primaries[e->at % s->nprimaries].address;
	const struct config_address *from = config_source_for(e->keeper->view->config, to->address.ss_family);
	const struct tsig_key *key;
	enum err err;

	view_unref(e->view);
	e->view = view_ref(e->keeper->view);
	if ((key = remote_edit_key(e->keeper, s->zone)) == NULL) {
		snprintf(e->words, sizeof e->words, "no key here may update the zone at its primary");
		finish(e, ERR_REFUSED);
		return;
	}
	err = exchange_start(e->keeper->base, &(struct exchange_request){ .to = to->address, .to_len = to->len,
	    .from = from == NULL ? NULL : (const struct sockaddr *)&from->address, .msg = e->msg, .n = e->n, .key = key,
	    .tcp = true,
	    .timeout_ms = ANSWER_MS, .done = on_answer, .arg = e }, &e->exchange);
	if (err != ERR_OK)
		refused(e, err_str(err));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct remote_edit *e = arg;

	(void)fd;
	(void)what;
	if (e->back_ms != 0)
		look(e);
	else
		send_update(e);
}

void
remote_edit(struct keeper *k, struct zone *z, const struct changeset *changes, void (*done)(void *arg, enum err err,
    const char *words), void *arg)
{
	struct remote_edit *e = calloc(1, sizeof *e);
	enum err err = ERR_OK;

	if (e == NULL) {
		done(arg, ERR_NOMEM, err_str(ERR_NOMEM));
		return;
	}
	e->keeper = k;
	e->secondary = z->secondary;
	e->done = done;
	e->arg = arg;
	e->link = &k->remote_edits;
	if ((e->next = k->remote_edits) != NULL)
		e->next->link = &e->next;
	k->remote_edits = e;
	for (size_t i = 0; err == ERR_OK && i < changes->n; i++)
		err = changeset_add(&e->changes, &changes->v[i]);
	if (err == ERR_OK)
		err = write_update(e);
	if (err == ERR_OK && (e->timer = evtimer_new(k->base, on_timer, e)) == NULL)
		err = ERR_NOMEM;
	if (err != ERR_OK) {
		snprintf(e->words, sizeof e->words, "%s", err_str(err));
		finish(e, err);
		return;
	}
	send_update(e);
}

#include "server/secondary_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/siphash.h"
#include "wire/rrtype.h"

#define ASK_MS 6000
#define ASK_TRIES 3
#define ASKS_MAX 200			/* questions at once: each has a socket */
#define FIRST_RETRY_MAX_S 300		/* while there is no zone yet, whose SOA would say */
#define LOOK_MAX 100			/* zones that wait for a transfer, looked at in one go */

static void check(struct secondary *s);
static void ask_soa(struct secondary *s);

/* --- times --- */

static bool
zone_soa(const struct secondary *s, struct soa *soa)
{
	struct rr rr;

	if (zone_newest(s->zone) == NULL || !zone_version_soa(zone_newest(s->zone), &rr))
		return false;
	soa_read(rr.rdata, rr.rdlen, soa);
	return true;
}

static uint32_t
within(uint32_t value, unsigned least, unsigned most)
{
	return value < least ? least : value > most ? most : value;
}

static const struct config_zone *
settings(const struct secondary *s)
{
	return config_zone_for(s->keeper->view->config, s->zone->apex.octets);
}

/* Up to a tenth earlier than said, so that zones of one primary do not all come at once. */
static uint32_t
jittered(uint32_t seconds)
{
	return seconds - random_below(seconds / 10 + 1);
}

static uint32_t
refresh_s(const struct secondary *s)
{
	const struct config_zone *c = settings(s);
	struct soa soa;

	return zone_soa(s, &soa) ? jittered(within(soa.refresh, c->refresh_min_s, c->refresh_max_s)) : 0;
}

static uint32_t
retry_s(const struct secondary *s)
{
	const struct config_zone *c = settings(s);
	struct soa soa;

	if (zone_soa(s, &soa))
		return jittered(within(soa.retry, c->retry_min_s, c->retry_max_s));
	return s->failures > 8 ? jittered(FIRST_RETRY_MAX_S) : jittered(1u << s->failures);
}

static uint32_t
expire_within(const struct secondary *s, uint32_t seconds)
{
	const struct config_zone *c = settings(s);

	return within(seconds, c->expire_min_s, c->expire_max_s);
}

int64_t
secondary_expires_s(const struct secondary *s)
{
	struct soa soa;

	return zone_soa(s, &soa) ? s->fresh_s + expire_within(s, soa.expire) : 0;
}

/* A primary has confirmed the zone, and said how long it may be served, if it did (RFC 7314, section 4): the zone's first primary
 * has been out of reach since then.  That never takes away what another primary gave, unless the zone is a new version, nor does it
 * give more than the SOA. */
static void
renew(struct secondary *s, bool updated, const uint32_t *left_s)
{
	int64_t now_s = clock_now_s(), rest_s = secondary_expires_s(s) - now_s, most_s, told_s;
	struct soa soa;

	s->checked_s = s->fresh_s = now_s;
	if (left_s == NULL || !zone_soa(s, &soa))
		return;
	most_s = expire_within(s, soa.expire);
	told_s = expire_within(s, *left_s);
	if (!updated && told_s < rest_s)
		told_s = rest_s;
	if (told_s < most_s)
		s->fresh_s = now_s - (most_s - told_s);
}

static void
set_timer(struct secondary *s, uint32_t seconds)
{
	int64_t now_s = clock_now_s(), end_s = secondary_expires_s(s), at_s = now_s + seconds;
	struct timeval wait;

	zone_store_set_expiry(s->zone->store, end_s);
	s->next_s = at_s;
	if (end_s != 0 && !s->expired && end_s < at_s)
		at_s = end_s < now_s ? now_s : end_s;
	wait.tv_sec = (time_t)(at_s - now_s);
	/* zones of one second are spread a little */
	wait.tv_usec = (suseconds_t)random_below(seconds == 0 ? 1 : 200000);
	evtimer_add(s->timer, &wait);
}

/* --- what readers see --- */

void
secondary_show(struct secondary *s)
{
	struct zone_store *store = s->expired ? s->keeper->secondaries->blank : s->zone->store;
	struct zoneset *zones = s->keeper->shared->zones;
	const uint8_t *apex = s->zone->apex.octets;
	enum err err;

	rcu_thread_online();
	if ((err = zoneset_begin(zones)) == ERR_OK) {
		(void)zoneset_remove(zones, apex);	/* it may not have been there yet */
		err = zoneset_add(zones, apex, store);
		zoneset_commit(zones);
	}
	rcu_thread_offline();
	if (err != ERR_OK)
		log_error("zone %s: %s", s->zone->name, err_str(err));
}

void
secondary_expire(struct secondary *s)
{
	s->expired = true;
	secondary_show(s);
	zone_set_problem(s->zone, "expired: no primary has confirmed it for longer than its SOA allows%s%s",
	    s->zone->problem != NULL ? "; last: " : "", s->zone->problem != NULL ? s->zone->problem : "");
	log_error("zone %s: %s", s->zone->name, s->zone->problem);
}

/* --- the end of a round --- */

/* Until the next question; a view that was replaced meanwhile may go. */
static void
drop_view(struct secondary *s)
{
	view_unref(s->view);
	s->view = NULL;
}

static void
served_again(struct secondary *s)
{
	s->expired = false;
	secondary_show(s);
	log_info("zone %s: served again, serial %u", s->zone->name, zone_version_serial(zone_newest(s->zone)));
}

/* left_s: as the primary told it; NULL: it did not. */
static void
confirmed(struct secondary *s, bool updated, const uint32_t *left_s)
{
	drop_view(s);
	memset(s->said, 0, s->nprimaries * sizeof *s->said);
	renew(s, updated, left_s);
	image_touch(s->keeper->secondaries->images, &s->zone->base, s->fresh_s);
	s->failures = s->tried = 0;
	s->no_edns = false;
	if (secondary_expires_s(s) <= clock_now_s()) {	/* with its primary's own time */
		if (!s->expired)
			secondary_expire(s);
		set_timer(s, s->again ? 0 : retry_s(s));
	} else {
		if (s->expired)
			served_again(s);
		zone_set_problem(s->zone, s->broken == NULL ? NULL : "%s", s->broken);
		set_timer(s, s->again ? 0 : refresh_s(s));
	}
	s->again = false;
	secondary_reimage(s);
}

/* A primary that is down for days is complained of once, and again when the words change. */
static bool
is_news(struct secondary *s, const char *words)
{
	static const uint8_t key[SIPHASH_KEY];
	uint64_t hash = siphash24(key, words, strlen(words)), *said = &s->said[s->at];
	bool news = *said != hash;

	*said = hash;
	return news;
}

static void
failed(struct secondary *s, const char *words)
{
	const struct config_peer *p = &s->primaries[s->at];
	char address[CONFIG_ADDRESS_TEXT];

	config_address_print((const struct sockaddr *)&p->address.address, address);
	if (is_news(s, words))
		log_warning("zone %s: primary %s: %s", s->zone->name, address, words);
	else
		log_debug("zone %s: primary %s: %s", s->zone->name, address, words);
	zone_set_problem(s->zone, "primary %s: %s", address, words);
	s->at = (s->at + 1) % s->nprimaries;
	s->no_edns = false;
	if (++s->tried < s->nprimaries) {
		check(s);
		return;
	}
	drop_view(s);
	s->tried = 0;
	set_timer(s, s->again ? 0 : retry_s(s));
	s->again = false;
	s->failures++;
}

/* --- transfers --- */

/* The key of the primary in use, which lives as long as s->view; false with words: there is none. */
static bool
take_key(struct secondary *s, const struct tsig_key **key, struct fault *f)
{
	const struct config_peer *p = &s->primaries[s->at];
	char name[DNAME_TEXT_MAX];

	view_unref(s->view);
	s->view = view_ref(s->keeper->view);
	*key = p->has_key ? tsig_keyring_find(s->view->ring, p->key.octets) : NULL;
	if (!p->has_key || *key != NULL)
		return true;
	fault_set(f, ERR_NOT_FOUND, "its key %s is not known here", dname_print_host(p->key.octets, name));
	return false;
}

static void
stand_in(struct line *line, struct secondary *s)
{
	s->next_queued = NULL;
	*line->end = s;
	line->end = &s->next_queued;
}

static bool
may_start(const struct secondary *s)
{
	const struct config *c = s->keeper->view->config;
	const struct config_address *to = &s->primaries[s->at].address;
	unsigned same = 0;

	for (const struct secondary *o = s->keeper->secondaries->running; o != NULL; o = o->next_running)
		same += o->intake->place.to_len == to->len && memcmp(&o->intake->place.to, &to->address, to->len) == 0;
	return s->keeper->secondaries->nrunning < c->transfers_in && same < c->transfers_per_ns;
}

/* Those whose primary has enough to do stand in line again, at its end: so the next look meets others, and need not be
 * long where very many wait for one primary. */
static void
start_transfers(struct secondaries *all)
{
	struct secondary *s = all->transfers.first, **end = all->transfers.end;
	unsigned refused = 0;

	all->transfers = (struct line){ NULL, &all->transfers.first };
	for (struct secondary *next; s != NULL && refused < LOOK_MAX &&
	    all->nrunning < s->keeper->view->config->transfers_in; s = next) {
		next = s->next_queued;
		s->queued = false;
		if (s->wanted)
			secondary_transfer(s);
		refused += s->queued;
	}
	if (s != NULL) {
		struct line again = all->transfers;

		all->transfers.first = s;
		*end = again.first;
		all->transfers.end = again.first == NULL ? end : again.end;
	}
}

static void
start_asking(struct secondaries *all)
{
	struct secondary *s;

	while ((s = all->asks.first) != NULL && all->nasking < ASKS_MAX) {
		if ((all->asks.first = s->next_queued) == NULL)
			all->asks.end = &all->asks.first;
		s->to_ask = false;
		if (s->wanted)
			check(s);
	}
}

void
secondaries_go_on(struct secondaries *all)
{
	start_transfers(all);
	start_asking(all);
}

static void
leave_running(struct secondary *s)
{
	struct secondaries *all = s->keeper->secondaries;
	struct secondary **p = &all->running;

	while (*p != s)
		p = &(*p)->next_running;
	*p = s->next_running;
	all->nrunning--;
}

/* After very many small zones as after one that is large. */
static bool
has_taken_much(struct secondaries *all, const struct intake *in)
{
	if (in->kind == XFRIN_STEPS || (all->taken += in->records) <= MUCH_READ)
		return false;
	all->taken = 0;
	return true;
}

static void
intake_done(void *arg)
{
	struct intake *in = arg;
	struct secondary *s = in->arg;
	struct keeper *k = s->keeper;
	struct fault f = in->fault;
	enum err err = in->err;
	bool much;

	leave_running(s);
	s->intake = NULL;
	if (k->stopping || !s->wanted) {
		intake_free(in);
		if (!k->stopping)
			secondaries_go_on(k->secondaries);
		return;
	}
	if (in->no_steps.text[0] != '\0' && strcmp(in->no_steps.text, f.text) != 0)
		log_info("zone %s: no differences, so the whole zone: %s", s->zone->name, in->no_steps.text);
	keeper_flush(k);		/* what others staged is a group of its own */
	if (err == ERR_OK)
		err = secondary_take(s, in, &f);
	if (err == ERR_CONFLICT && !s->whole) {
		log_warning("zone %s: %s: taking the whole zone", s->zone->name, fault_str(&f, err));
		s->whole = true;
		secondary_transfer(s);
	} else if (err == ERR_OK) {
		s->whole = s->whole && !in->whole;	/* it may have been asked for meanwhile */
		confirmed(s, in->kind != XFRIN_CURRENT, in->has_expire_s ? &in->expire_s : NULL);
	} else {
		failed(s, fault_str(&f, err));
	}
	much = has_taken_much(k->secondaries, in);
	intake_free(in);
	if (much)
		memory_tidy(k, true);
	secondaries_go_on(k->secondaries);
}

static enum err
make_intake(struct secondary *s, const struct tsig_key *key, struct intake **out)
{
	const struct config *c = s->keeper->view->config;
	const struct config_address *to = &s->primaries[s->at].address;
	const struct config_address *from = config_source_for(s->keeper->view->config, to->address.ss_family);
	struct intake *in = calloc(1, sizeof *in);
	enum err err = ERR_OK;

	if (in == NULL)
		return ERR_NOMEM;
	dname_copy(&in->apex, s->zone->apex.octets);
	in->images = s->keeper->secondaries->images;
	in->whole = s->whole;
	in->no_edns = s->no_edns;
	in->max_octets = settings(s)->max_size;
	in->arg = s;
	in->place = (struct fetch_place){ .to = to->address, .to_len = to->len,
	    .idle_ms = c->max_transfer_idle_in_s * 1000,
	    .total_ms = c->max_transfer_time_in_s * 1000, .stop_fd = s->keeper->secondaries->stop_fd };
	if (from != NULL) {
		in->place.from = from->address;
		in->place.from_len = from->len;
	}
	if (key != NULL)
		err = tsig_key_new(key->name.octets, key->algorithm, key->secret, key->secret_len, &in->key);
	if (err != ERR_OK) {
		free(in);
		return err;
	}
	if (zone_newest(s->zone) != NULL)
		in->version = zone_version_ref(zone_newest(s->zone));
	*out = in;
	return ERR_OK;
}

void
secondary_transfer(struct secondary *s)
{
	struct secondaries *all = s->keeper->secondaries;
	const struct tsig_key *key;
	struct fault f = { 0 };
	enum err err;

	if (!may_start(s)) {
		s->queued = true;
		stand_in(&all->transfers, s);
		return;
	}
	if (!take_key(s, &key, &f)) {
		failed(s, f.text);
	} else if ((err = make_intake(s, key, &s->intake)) != ERR_OK ||
	    (err = pool_submit(all->pool, intake_run, intake_done, s->intake)) != ERR_OK) {
		intake_free(s->intake);
		s->intake = NULL;
		failed(s, err_str(err));
	} else {
		s->next_running = all->running;
		all->running = s;
		all->nrunning++;
	}
}

/* --- serials --- */

static void
on_soa(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct secondary *s = arg;
	struct secondaries *all = s->keeper->secondaries;
	struct fault f = { 0 };
	struct edns edns;
	uint32_t serial;

	s->asking = NULL;
	all->nasking--;
	if (err != ERR_OK) {
		failed(s, words);
	} else if (!s->no_edns && n >= MSG_HEADER_SIZE && edns_is_disliked(msg[3] & 15)) {
		s->no_edns = true;
		ask_soa(s);
	} else if (!answer_serial(msg, n, s->zone->apex.octets, &serial, &edns)) {
		failed(s, n >= MSG_HEADER_SIZE && (msg[3] & 15) != RCODE_NOERROR ? rcode_str(msg[3] & 15) :
		    "its answer to a question for the SOA has none, or is not authoritative");
	} else if (secondary_is_ahead(s, serial, &f)) {
		failed(s, f.text);
	} else if (serial != zone_version_serial(zone_newest(s->zone))) {
		secondary_transfer(s);
	} else {
		confirmed(s, false, edns.has_expire_s ? &edns.expire_s : NULL);
	}
	start_asking(all);
}

static void
ask_soa(struct secondary *s)
{
	struct secondaries *all = s->keeper->secondaries;
	const struct config_address *to = &s->primaries[s->at].address;
	const struct config_address *from = config_source_for(s->keeper->view->config, to->address.ss_family);
	struct question q = { .qtype = TYPE_SOA, .qclass = CLASS_IN };
	const struct tsig_key *key;
	uint8_t msg[MSG_HEADER_SIZE + DNAME_MAX + 4 + EDNS_ASK_EXPIRE_SIZE];
	struct fault f = { 0 };
	struct wr w;
	enum err err;

	if (all->nasking >= ASKS_MAX) {
		s->to_ask = true;
		stand_in(&all->asks, s);
		return;
	}
	dname_copy(&q.qname, s->zone->apex.octets);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ .qdcount = 1, .arcount = !s->no_edns });
	question_write(&w, &q);
	if (!s->no_edns)
		edns_write_expire(&w, MSG_UDP_EDNS);
	if (!take_key(s, &key, &f))
		failed(s, f.text);
	else if ((err = exchange_start(s->keeper->base, &(struct exchange_request){ .to = to->address,
	    .to_len = to->len,
	    .from = from == NULL ? NULL : (const struct sockaddr *)&from->address, .msg = msg, .n = wr_len(&w),
	    .key = key,
	    .timeout_ms = ASK_MS, .tries = ASK_TRIES, .done = on_soa, .arg = s }, &s->asking)) != ERR_OK)
		failed(s, err_str(err));
	else
		all->nasking++;
}

void
secondary_give_up(struct secondary *s)
{
	if (s->asking != NULL)
		s->keeper->secondaries->nasking--;
	exchange_cancel(s->asking);
	s->asking = NULL;
	evtimer_del(s->timer);
}

bool
secondary_is_busy(const struct secondary *s)
{
	return s->asking != NULL || s->to_ask || s->intake != NULL || s->queued || s->imaging;
}

/* Go on with the primary in use. */
static void
check(struct secondary *s)
{
	if (zone_newest(s->zone) == NULL || s->whole)
		secondary_transfer(s);
	else
		ask_soa(s);
}

void
secondary_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct secondary *s = arg;
	int64_t now_s = clock_now_s(), end_s = secondary_expires_s(s);

	(void)fd;
	(void)what;
	if (!s->wanted)
		return;
	if (end_s != 0 && end_s <= now_s && !s->expired)
		secondary_expire(s);
	if (secondary_is_busy(s))
		set_timer(s, retry_s(s));		/* for the expiry's sake */
	else if (now_s < s->next_s)
		set_timer(s, (uint32_t)(s->next_s - now_s));
	else
		check(s);
}

void
secondary_begin(struct secondary *s)
{
	if (s->wanted)
		set_timer(s, 0);
}

void
secondary_refresh(struct zone *z, bool whole)
{
	struct secondary *s = z->secondary;

	if (s == NULL || !s->wanted)
		return;
	s->whole |= whole;
	if (secondary_is_busy(s)) {
		s->again = true;
	} else {
		s->tried = 0;
		check(s);
	}
}

void
secondary_describe(const struct zone *z, struct secondary_status *out)
{
	static char key[DNAME_TEXT_MAX];
	const struct secondary *s = z->secondary;
	const struct config_peer *p = &s->primaries[s->at];

	*out = (struct secondary_status){ .state = s->intake != NULL ||
	    s->queued ? "transferring" : s->asking != NULL || s->to_ask ? "asking" :
	    s->expired ? "expired" : "waiting", .checked_s = s->checked_s, .next_s = s->next_s,
	    .expires_s = secondary_expires_s(s),
	    .primary = (const struct sockaddr *)&p->address.address, .key = "" };
	if (p->has_key)
		out->key = dname_print_host(p->key.octets, key);
}

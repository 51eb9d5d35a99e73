/* server/links.c -- connections to primaries that are kept open, so that NOTIFY comes on them (server/listeners.c is
 * the other end).  One for each key that names a primary, where zones come from the names of keys: such a secondary
 * need not be reachable. */
#include "server/secondary_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/clock.h"
#include "base/log.h"
#include "wire/rrtype.h"

#define PAUSE_FIRST_S 1
#define PAUSE_MOST_S 600		/* many primaries close what is idle, and never send anything there */
#define KEEPALIVE_S 120			/* a NAT forgets who is silent, and tells nobody */
#define QUERY_ROOM 1024
#define ANSWER_ROOM 1024

struct link {
	struct link *next;
	struct keeper *keeper;
	struct view *view;		/* a reference: has the key */
	const struct tsig_key *key;
	struct config_address to;
	struct bufferevent *tcp;	/* NULL: not connected */
	struct event *timer;		/* the next attempt */
	unsigned pause_s;
};

static void
hang_up(struct link *l)
{
	if (l->tcp != NULL)
		bufferevent_free(l->tcp);
	l->tcp = NULL;
}

static void
link_free(struct link *l)
{
	hang_up(l);
	if (l->timer != NULL)
		event_free(l->timer);
	view_unref(l->view);
	free(l);
}

static void
try_later(struct link *l)
{
	struct timeval wait = { .tv_sec = (time_t)(l->pause_s + random_below(l->pause_s + 1)) };

	hang_up(l);
	l->pause_s = l->pause_s * 2 > PAUSE_MOST_S ? PAUSE_MOST_S : l->pause_s * 2;
	evtimer_add(l->timer, &wait);
}

static void
send_message(struct link *l, const uint8_t *msg, size_t n)
{
	uint8_t length[2];

	store_u16(length, (uint16_t)n);
	if (bufferevent_write(l->tcp, length, sizeof length) != 0 || bufferevent_write(l->tcp, msg, n) != 0)
		log_debug("out of memory");
}

static void
ask_soa(struct link *l, const uint8_t *zone)
{
	struct question q = { .qtype = TYPE_SOA, .qclass = CLASS_IN };
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[QUERY_ROOM];
	uint16_t id;
	struct wr w;
	size_t n;

	random_fill(&id, sizeof id);
	dname_copy(&q.qname, zone);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ .id = id, .qdcount = 1 });
	question_write(&w, &q);
	n = tsig_sign_request(l->key, msg, wr_len(&w), sizeof msg, clock_now_s(), &x);
	tsig_exchange_clear(&x);
	if (n > 0)
		send_message(l, msg, n);
}

/* Of the key's zone, and of those that came by NOTIFY under it. */
static void
ask_all(struct link *l)
{
	ask_soa(l, l->key->zone.octets);
	for (const struct secondary *s = l->keeper->secondaries->first; s != NULL; s = s->next)
		if (s->wanted && !dname_is_root(l->key->zone.octets) && !dname_equal(s->zone->apex.octets,
		    l->key->zone.octets) && tsig_key_may(l->key, TSIG_RIGHT_TRANSFER, s->zone->apex.octets))
			ask_soa(l, s->zone->apex.octets);
}

/* A NOTIFY, signed with a key that may: answer it, and do as for any other. */
static void
take_notify(struct link *l, uint8_t *msg, size_t n)
{
	struct view *view = l->keeper->view;
	uint8_t out[ANSWER_ROOM];
	struct job *j = calloc(1, sizeof *j + n);
	size_t answer;

	if (j == NULL)
		return;
	j->view = view_ref(view);
	memcpy(&j->peer, &l->to.address, l->to.len);
	j->peer_len = l->to.len;
	if (request_parse(&j->request, msg, n, true) == RCODE_NOERROR && j->request.has_question &&
	    tsig_verify_request(view->ring, msg, &n, clock_now_s(), &j->request.tsig) == TSIG_VALID &&
	    tsig_key_may(j->request.tsig.key, TSIG_RIGHT_NOTIFY, j->request.question.qname.octets)) {
		j->request.header.arcount--;
		j->n = n;
		memcpy(j->msg, msg, n);
		answer = answer_rcode(&j->request, &view->settings, RCODE_NOERROR, out, sizeof out);
		if (answer > 0 && (answer = tsig_sign_response(&j->request.tsig, out, answer, sizeof out,
		    clock_now_s())) > 0)
			send_message(l, out, answer);
		l->pause_s = PAUSE_FIRST_S;
		secondary_notified(l->keeper, j);
	}
	job_free(j);
}

/* From here on we hear of changes.  What changed before may have been missed; server/secondary.c asks for itself. */
static void
take_answer(struct link *l, const uint8_t *msg, size_t n)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question q;
	struct zone *z;

	msg_header_read(&r, &h);
	if (h.qdcount != 1 || !question_read(&r, &q) ||
	    (z = zonetable_find(&l->keeper->zones, q.qname.octets)) == NULL ||
	    z->secondary == NULL || zone_newest(z) == NULL)
		return;
	secondary_refresh(z, false);
}

static void
on_read(struct bufferevent *tcp, void *arg)
{
	struct link *l = arg;
	struct evbuffer *in = bufferevent_get_input(tcp);
	uint8_t length[2], *msg;

	while (evbuffer_copyout(in, length, 2) == 2) {
		size_t n = load_u16(length);

		if (evbuffer_get_length(in) < 2 + n)
			return;
		if ((msg = malloc(n + 1)) == NULL) {
			try_later(l);
			return;
		}
		evbuffer_drain(in, 2);
		evbuffer_remove(in, msg, n);
		if (n >= MSG_HEADER_SIZE && (msg[2] & 0x80) != 0)
			take_answer(l, msg, n);
		else if (n >= MSG_HEADER_SIZE && (msg[2] >> 3 & 15) == OPCODE_NOTIFY)
			take_notify(l, msg, n);
		free(msg);
	}
}

static void
on_event(struct bufferevent *tcp, short events, void *arg)
{
	struct link *l = arg;

	(void)tcp;
	if ((events & BEV_EVENT_CONNECTED) != 0)
		ask_all(l);
	else if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		try_later(l);
}

static void
keep_alive(int fd)
{
	int on = 1, idle_s = KEEPALIVE_S;

	/* Best effort: without, the zones' own timers find out. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
}

static void
open_link(struct link *l)
{
	const struct config_address *from = config_source_for(l->keeper->view->config, l->to.address.ss_family);
	int fd = socket(l->to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && (from == NULL || bind(fd, (const struct sockaddr *)&from->address, from->len) == 0) &&
	    (l->tcp = bufferevent_socket_new(l->keeper->base, fd, BEV_OPT_CLOSE_ON_FREE)) != NULL) {
		keep_alive(fd);
		bufferevent_setcb(l->tcp, on_read, NULL, on_event, l);
		if (bufferevent_enable(l->tcp, EV_READ | EV_WRITE) == 0 &&
		    bufferevent_socket_connect(l->tcp, (struct sockaddr *)&l->to.address, (int)l->to.len) == 0)
			return;
	} else if (fd >= 0) {
		close(fd);
	}
	try_later(l);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	open_link(arg);
}

static bool
add_link(struct keeper *k, const struct tsig_key *key)
{
	struct link *l = calloc(1, sizeof *l);

	if (l == NULL || (l->timer = evtimer_new(k->base, on_timer, l)) == NULL) {
		free(l);
		return false;
	}
	l->keeper = k;
	l->view = view_ref(k->view);
	l->key = key;
	l->pause_s = PAUSE_FIRST_S;
	config_address_make(AF_INET, key->primary, 53, &l->to);
	l->next = k->links;
	k->links = l;
	evtimer_add(l->timer, &(struct timeval){ 0 });
	return true;
}

void
links_configure(struct keeper *k)
{
	const struct config *c = k->view->config;

	links_stop(k);
	for (size_t i = 0; c->secondary && i < c->nkeys; i++)
		if (c->keys[i]->has_primary && c->keys[i]->right >= TSIG_RIGHT_TRANSFER && !add_link(k, c->keys[i]))
			log_error("out of memory: NOTIFY over TCP is not waited for");
}

void
links_new_zone(struct keeper *k, const uint8_t *apex)
{
	for (struct link *l = k->links; l != NULL; l = l->next)
		if (l->tcp != NULL && !dname_is_root(l->key->zone.octets) && tsig_key_may(l->key, TSIG_RIGHT_TRANSFER,
		    apex))
			ask_soa(l, apex);
}

void
links_stop(struct keeper *k)
{
	while (k->links != NULL) {
		struct link *l = k->links;

		k->links = l->next;
		link_free(l);
	}
}

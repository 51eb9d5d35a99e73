/* server/cert_ask.c -- questions of the ACME engine to other name servers. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define ASK_TRIES 2

/* A secondary that was just told of the change, and has not confirmed that, is asked a little later: it would say what
 * it said before. */
#define CONFIRM_MS 1000
#define CONFIRM_LOOK_MS 10

struct asking {
	struct asking *next, **link;
	struct keeper *keeper;
	struct sockaddr_storage to;
	struct dname qname;
	uint16_t qtype, flags;
	unsigned timeout_ms;
	int64_t until_ms;		/* it is asked then, confirmed or not */
	struct event *turn;		/* time to ask, or to tell of words */
	struct exchange *exchange;
	void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words);
	void *arg;
	char words[128];		/* why it could not even be sent; "": it may be */
};

static void
asking_free(struct asking *a)
{
	*a->link = a->next;
	if (a->next != NULL)
		a->next->link = a->link;
	if (a->turn != NULL)
		event_free(a->turn);
	free(a);
}

static void
on_answer(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct asking *a = arg;
	void (*answered)(void *, const uint8_t *, size_t, const char *) = a->answered;
	void *their_arg = a->arg;
	char kept[sizeof a->words];

	if (words == a->words)
		words = memcpy(kept, words, sizeof kept);
	asking_free(a);
	answered(their_arg, msg, err == ERR_OK ? n : 0, words);
}

static size_t
write_question(const uint8_t *qname, uint16_t qtype, uint16_t flags, uint8_t *out, size_t room)
{
	struct question q = { .qtype = qtype, .qclass = CLASS_IN };
	struct wr w;

	dname_copy(&q.qname, qname);
	wr_init(&w, out, room);
	msg_header_write(&w, &(struct msg_header){ .flags = flags, .qdcount = 1, .arcount = 1 });
	question_write(&w, &q);
	edns_write(&w, MSG_UDP_EDNS, 0, false);
	return wr_len(&w);
}

struct notice_search {
	const struct sockaddr *host;
	bool outstanding;
};

static void
look_for_notice(void *arg, const struct notify_status *s)
{
	struct notice_search *search = arg;

	search->outstanding |= !s->is_confirmed && s->tries <= 1 && config_same_host(s->address, search->host);
}

static bool
is_yet_to_confirm(const struct asking *a)
{
	const struct zone *z = zonetable_find_above(&a->keeper->zones, a->qname.octets);
	struct notice_search search = { (const struct sockaddr *)&a->to, false };

	if (z != NULL && (a->flags & FLAG_RD) == 0)	/* a resolver is none of those who were told */
		notifier_each(a->keeper->notifier, z->apex.octets, look_for_notice, &search);
	return search.outstanding;
}

static void
send_question(struct asking *a)
{
	uint8_t msg[MSG_UDP_PLAIN];
	const struct sockaddr *to = (const struct sockaddr *)&a->to;
	const struct config_address *from = config_source_for(a->keeper->view->config, to->sa_family);
	struct exchange_request q = { .to = a->to, .msg = msg, .timeout_ms = a->timeout_ms, .tries = ASK_TRIES,
	    .done = on_answer, .arg = a, .from = from == NULL ? NULL : (const struct sockaddr *)&from->address };
	enum err err;

	q.n = write_question(a->qname.octets, a->qtype, a->flags, msg, sizeof msg);
	q.to_len = to->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if ((err = exchange_start(a->keeper->base, &q, &a->exchange)) == ERR_OK)
		return;
	a->exchange = NULL;
	snprintf(a->words, sizeof a->words, "%s", err_str(err));
	event_active(a->turn, EV_TIMEOUT, 1);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct asking *a = arg;

	(void)fd;
	(void)what;
	if (a->words[0] != '\0')
		on_answer(a, ERR_NETWORK, NULL, 0, a->words);
	else if (clock_mono_ms() < a->until_ms && is_yet_to_confirm(a))
		event_add(a->turn, &(struct timeval){ 0, CONFIRM_LOOK_MS * 1000 });
	else
		send_question(a);
}

void
cert_check(void *ctx, const uint8_t *zone, struct acme_check *out)
{
	const struct keeper *k = ctx;
	const struct config *c = k->view->config;
	const struct config_self_check *own = &config_zone_for(c, zone)->self_check;

	*out = (struct acme_check){ .ways = own->given ? own->ways : c->acme.self_check.ways,
	    .silent_s = c->acme.silent_s, .waive = c->acme.silent == SILENT_WAIVE };
}

bool
cert_is_ours(void *ctx, const struct sockaddr *address)
{
	const struct keeper *k = ctx;

	return peers_is_ours(k->view->config, address, true);
}

void
cert_servers(void *ctx, const uint8_t *zone, void (*found)(void *arg, const struct sockaddr *address,
    const char *server), void *arg)
{
	peers_servers(ctx, zone, found, arg);
}

void
cert_ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg)
{
	struct keeper *k = ctx;
	struct asking *a = calloc(1, sizeof *a);

	if (a == NULL || (a->turn = evtimer_new(k->base, on_turn, a)) == NULL) {
		log_error("out of memory: a question to a name server is lost, and the order with it");
		free(a);
		return;
	}
	a->keeper = k;
	a->answered = answered;
	a->arg = arg;
	a->qtype = qtype;
	a->flags = flags;
	a->timeout_ms = timeout_ms;
	a->until_ms = clock_mono_ms() + CONFIRM_MS;
	dname_copy(&a->qname, qname);
	memcpy(&a->to, address, address->sa_family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6));
	a->link = &k->asking;
	if ((a->next = k->asking) != NULL)
		a->next->link = &a->next;
	k->asking = a;
	event_active(a->turn, EV_TIMEOUT, 1);
}

void
cert_ask_stop(struct keeper *k)
{
	while (k->asking != NULL) {
		exchange_cancel(k->asking->exchange);
		asking_free(k->asking);
	}
}

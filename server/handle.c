#include "server/handle.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "server/inbound.h"
#include "server/plain.h"
#include "wire/rrtype.h"

#define COMPLAINTS_PER_S 20

static const char *
request_str(const struct request *q)
{
	switch (msg_opcode(&q->header)) {
	case OPCODE_UPDATE:	return "UPDATE";
	case OPCODE_NOTIFY:	return "NOTIFY";
	case OPCODE_QUERY:
	case OPCODE_STATUS:	break;
	}
	if (q->has_question && q->question.qtype == TYPE_AXFR)
		return "AXFR";
	if (q->has_question && q->question.qtype == TYPE_IXFR)
		return "IXFR";
	return "query";
}

static bool
may_complain(struct handler *h, int64_t now_s)
{
	if (h->complaint_second != now_s) {
		if (h->complaints_dropped > 0)
			log_warning("%u more complaints about requests were left out", h->complaints_dropped);
		h->complaint_second = now_s;
		h->complaints = h->complaints_dropped = 0;
	}
	if (h->complaints < COMPLAINTS_PER_S) {
		h->complaints++;
		return true;
	}
	h->complaints_dropped++;
	return false;
}

void
inbound_complain(struct inbound *in, const char *format, ...)
{
	char words[2 * DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX], peer[CONFIG_ADDRESS_TEXT];
	va_list args;

	if (!log_wants(LOG_LEVEL_WARNING) || !may_complain(in->handler, in->now_s))
		return;
	va_start(args, format);
	vsnprintf(words, sizeof words, format, args);
	va_end(args);
	log_warning("%s of %s from %s: %s", request_str(&in->q),
	    in->q.has_question ? dname_print_host(in->q.question.qname.octets, zone) : "an unreadable name",
	    config_address_print((const struct sockaddr *)in->client->peer, peer), words);
}

char *
inbound_key_print(const struct inbound *in, char text[INBOUND_KEY_TEXT])
{
	char name[DNAME_TEXT_MAX];

	if (in->q.tsig.status == TSIG_VALID)
		snprintf(text, INBOUND_KEY_TEXT, "key %s", dname_print_host(in->q.tsig.key_name.octets, name));
	else
		snprintf(text, INBOUND_KEY_TEXT, "unsigned");
	return text;
}

void
inbound_finish(struct inbound *in, size_t n, unsigned rcode, struct outcome *o)
{
	if (in->q.tsig.status != TSIG_ABSENT) {
		if (n > 0)
			n = tsig_sign_response(&in->q.tsig, in->out, n, in->room, in->now_s);
		tsig_exchange_clear(&in->q.tsig);
	}
	o->what = n > 0 ? HANDLED_ANSWER : HANDLED_NOTHING;
	o->n = n;
	o->rcode = rcode;
}

void
inbound_rcode(struct inbound *in, unsigned rcode, struct outcome *o)
{
	inbound_finish(in, answer_rcode(&in->q, &in->view->settings, rcode, in->out, in->room), rcode, o);
}

void
inbound_error(struct inbound *in, unsigned rcode, const struct ede *why, struct outcome *o)
{
	in->q.ede = why;
	inbound_rcode(in, rcode, o);
}

static void
complain_of_tsig(struct inbound *in)
{
	const struct tsig_exchange *x = &in->q.tsig;
	char name[DNAME_TEXT_MAX];

	if (x->status == TSIG_FORMERR) {
		inbound_complain(in, "the TSIG record is malformed or misplaced");
		return;
	}
	dname_print_host(x->key_name.octets, name);
	switch (x->error) {
	case RCODE_BADKEY:
		inbound_complain(in, "BADKEY: no key %s with the request's algorithm is known here", name);
		break;
	case RCODE_BADSIG:
		inbound_complain(in, "BADSIG: the request was not made with our secret of key %s", name);
		break;
	case RCODE_BADTIME:
		inbound_complain(in, "BADTIME: key %s, signed at %llu, but it is %lld here and %u s are allowed: "
		    "compare the clocks", name, (unsigned long long)x->time_signed, (long long)in->now_s, x->fudge);
		break;
	default:
		inbound_complain(in, "%s: key %s, the MAC is shorter than the key's policy allows",
		    rcode_str(x->error), name);
		break;
	}
}

/* Its fudge may make a signature good for 18 hours, which is longer than we know a resent update again: anybody could send
 * it once more. */
static bool
outlives_resends(const struct inbound *in)
{
	int64_t off_s = in->now_s - (int64_t)in->q.tsig.time_signed;

	return off_s > TSIG_FUDGE_S || off_s < -TSIG_FUDGE_S;
}

static void
refuse_old_update(struct inbound *in, struct outcome *o)
{
	in->q.tsig.status = TSIG_BAD;
	in->q.tsig.error = RCODE_BADTIME;
	in->q.tsig.fudge = TSIG_FUDGE_S;
	complain_of_tsig(in);
	inbound_rcode(in, RCODE_NOTAUTH, o);
}

/* Check the signature, if there is one; rcode is what parsing said.  False: the answer is complete. */
static bool
verify(struct inbound *in, int rcode, struct outcome *o)
{
	if (!in->q.has_tsig && (rcode == RCODE_NOERROR || in->q.header.arcount == 0))
		return true;
	in->whole = in->n;
	switch (tsig_verify_request(in->view->ring, in->msg, &in->n, in->now_s, &in->q.tsig)) {
	case TSIG_ABSENT:
		return true;
	case TSIG_VALID:
		in->q.header.arcount--;		/* the record is off */
		if (msg_opcode(&in->q.header) == OPCODE_UPDATE && !inbound_forwards(in)) {
			if (outlives_resends(in)) {
				refuse_old_update(in, o);
				return false;
			}
			if (!tsig_request_identity(&in->q.tsig, in->digest)) {
				inbound_error(in, RCODE_SERVFAIL, &ede_no_memory, o);
				return false;
			}
		}
		in->is_signed = true;
		return true;
	case TSIG_FORMERR:
		if (rcode == RCODE_NOERROR)
			complain_of_tsig(in);
		inbound_rcode(in, rcode == RCODE_NOERROR ? RCODE_FORMERR : (unsigned)rcode, o);
		return false;
	case TSIG_NO_MEMORY:
		inbound_error(in, RCODE_SERVFAIL, &ede_no_memory, o);
		return false;
	case TSIG_BAD:
		if (in->q.tsig.error == RCODE_BADKEY && inbound_forwards(in)) {
			inbound_forward(in, o);
			return false;
		}
		complain_of_tsig(in);
		inbound_rcode(in, RCODE_NOTAUTH, o);
		return false;
	}
	return true;
}

static void
handle_query(struct inbound *in, struct outcome *o)
{
	const struct question *q = &in->q.question;
	size_t n;

	if (in->q.edns.present && in->q.edns.expire && q->qclass == CLASS_IN &&
	    (q->qtype == TYPE_SOA || q->qtype == TYPE_AXFR || q->qtype == TYPE_IXFR))
		inbound_expire(in);
	if ((q->qtype == TYPE_AXFR || q->qtype == TYPE_IXFR) && q->qclass == CLASS_IN) {
		inbound_transfer(in, o);
		return;
	}
	if (in->is_signed && q->qtype == TYPE_SOA && q->qclass == CLASS_IN)
		inbound_listen(in, o);
	n = answer_query(in->handler->shared->zones, &in->view->settings, &in->q, in->out, in->room);
	inbound_finish(in, n, n > 3 ? in->out[3] & 15 : RCODE_SERVFAIL, o);
}

static void
handle_opcode(struct inbound *in, struct outcome *o)
{
	int rcode = RCODE_NOTIMP;

	switch (msg_opcode(&in->q.header)) {
	case OPCODE_QUERY:
		handle_query(in, o);
		return;
	case OPCODE_NOTIFY:
		counter_add(&in->handler->counters.notifies, 1);
		rcode = inbound_notify(in);
		break;
	case OPCODE_UPDATE:
		counter_add(&in->handler->counters.updates, 1);
		if (in->is_signed && inbound_forwards(in)) {
			inbound_forward(in, o);
			return;
		}
		rcode = inbound_update(in);
		break;
	case OPCODE_STATUS:
		break;
	}
	if (rcode == INBOUND_LATER)
		o->what = HANDLED_LATER;
	else
		inbound_rcode(in, (unsigned)rcode, o);
}

/* RFC 7873, section 5.2.  Where no secret is set nobody gets a cookie. */
static void
check_cookie(struct inbound *in)
{
	const struct cookie_secrets *secrets = &in->view->config->cookies;
	struct request *q = &in->q;

	if (secrets->n == 0)
		return;
	q->with_cookie = true;
	q->cookie_valid = cookie_check(secrets, q->edns.cookie, q->edns.cookie + COOKIE_CLIENT,
	    q->edns.cookie_len - (size_t)COOKIE_CLIENT, (const struct sockaddr *)in->client->peer, (uint32_t)in->now_s,
	    q->server_cookie);
}

/* Who knows cookies has to bring one, if the configuration says so: section 5.2.3.  Others are not turned away. */
static bool
lacks_cookie(const struct inbound *in)
{
	const struct request *q = &in->q;

	return q->with_cookie && !q->cookie_valid && !q->tcp && in->view->config->require_cookies &&
	    q->tsig.status != TSIG_VALID;
}

/* A query without question: section 5.4. */
static unsigned
judge_cookie(const struct request *q)
{
	return q->cookie_valid || q->edns.cookie_len == COOKIE_CLIENT ? RCODE_NOERROR : RCODE_BADCOOKIE;
}

/* rcode is what parsing said. */
static void
answer(struct inbound *in, int rcode, struct outcome *o)
{
	if (!verify(in, rcode, o))
		return;
	if (in->q.cookie_only && in->q.with_cookie)
		inbound_rcode(in, judge_cookie(&in->q), o);
	else if (rcode != RCODE_NOERROR)
		inbound_rcode(in, (unsigned)rcode, o);
	else if (lacks_cookie(in))
		inbound_rcode(in, RCODE_BADCOOKIE, o);
	else
		handle_opcode(in, o);
}

/* What an answer is about, so that a resolver may ask for many names, and nobody gets around the limit by making names
 * up: a name that is there, the zone cut above it, the wildcard that stood for it; or the zone. */
static uint32_t
subject(const struct zoneset_question *asked)
{
	const struct zone_lookup *found = &asked->found;
	const struct zone_node *node = found->cut != NULL ? found->cut : found->node != NULL ? found->node :
	    found->wildcard;

	if (asked->zone == NULL)
		return 0;
	return dname_hash(node != NULL ? zone_node_owner(node) : zone_version_apex_name(asked->zone));
}

/* The same where the question was not looked up. */
static uint32_t
subject_of(const struct handler *h, const struct request *q)
{
	struct zoneset_question asked, *list = &asked;

	if (!q->has_question || q->question.qclass != CLASS_IN)
		return 0;
	qp_key_init(&asked.key, q->question.qname.octets);
	zoneset_look_up(h->shared->zones, &list, 1);
	return subject(&asked);
}

/* q: NULL where p is simple. */
static void
log_limited(struct handler *h, const struct client *client, const struct plain *p, const struct request *q)
{
	char peer[CONFIG_ADDRESS_TEXT], name[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	const uint8_t *qname = p->simple ? p->msg + MSG_HEADER_SIZE : q->question.qname.octets;
	uint64_t n;

	if (!log_seldom(&h->limited, client->now_ms, &n))
		return;
	log_warning("rate-limit: too many answers to the network of %s, now to a query for %s %s: %llu were dropped or "
	    "cut since the last such line", config_address_print((const struct sockaddr *)client->peer, peer),
	    p->simple || q->has_question ? dname_print_host(qname, name) : "an unreadable name",
	    p->simple || q->has_question ? rrtype_print(p->simple ? p->qtype : q->question.qtype, type) : "",
	    (unsigned long long)n);
}

/* An answer over UDP is made: is it sent?  q: NULL where p is simple. */
static enum ratelimit_verdict
judge(struct handler *h, const struct view *view, const struct client *client, const struct plain *p,
    const struct request *q, const uint8_t *answer)
{
	const struct config *c = view->config;
	const struct sockaddr *peer = (const struct sockaddr *)client->peer;
	enum ratelimit_kind kind = ratelimit_kind_of(answer);
	enum ratelimit_verdict verdict;
	uint32_t name = 0;

	if (kind != RATELIMIT_ERROR)
		name = p->simple ? subject(&p->asked) : subject_of(h, q);
	verdict = ratelimit_take(h->limits, peer, kind, name, c->rate_limit, c->rate_limit_slip, client->now_ms);
	if (verdict == RATELIMIT_PASS || config_access_allows(c->rate_limit_exempt, c->nrate_limit_exempt, peer, NULL))
		return RATELIMIT_PASS;
	counter_add(verdict == RATELIMIT_SLIP ? &h->counters.limited_slipped : &h->counters.limited_dropped, 1);
	log_limited(h, client, p, q);
	return verdict;
}

/* q: of the answer in out. */
static void
apply(enum ratelimit_verdict verdict, const struct request *q, const struct view *view, uint8_t *out, size_t room,
    struct outcome *o)
{
	switch (verdict) {
	case RATELIMIT_PASS:
		break;
	case RATELIMIT_SLIP:
		o->n = answer_truncated(q, &view->settings, o->rcode, out, room);
		break;
	case RATELIMIT_DROP:
		o->what = HANDLED_NOTHING;
		break;
	}
}

static void
count_answer(struct handler *h, const struct outcome *o)
{
	if (o->what == HANDLED_ANSWER && o->rcode < COUNTERS_RCODES)
		counter_add(&h->counters.rcodes[o->rcode], 1);
}

/* The long way. */
static void
handle_any(struct inbound *in, const struct plain *p, struct outcome *o)
{
	struct handler *h = in->handler;
	int rcode = RCODE_NOERROR;

	o->what = HANDLED_NOTHING;
	if (p->simple) {
		plain_request(p, in->client->tcp, &in->q);
	} else if ((rcode = request_parse(&in->q, in->msg, in->n, in->client->tcp)) < 0) {
		counter_add(&h->counters.dropped, 1);
		return;
	} else if (in->q.has_question && msg_opcode(&in->q.header) == OPCODE_QUERY) {
		counter_add_type(&h->counters, in->q.question.qtype);
	}
	if (in->q.edns.present && in->q.edns.cookie_len > 0)
		check_cookie(in);
	answer(in, rcode, o);
}

static inline bool
is_limited(const struct handler *h, const struct view *view, const struct client *client)
{
	return !client->tcp && view->config->rate_limit > 0 && h->limits != NULL;
}

/* A plain answer is in out, under a rate limit. */
static void
limit_plain(struct handler *h, const struct view *view, const struct client *client, const struct plain *p,
    uint8_t *out, size_t room, struct outcome *o)
{
	enum ratelimit_verdict verdict = judge(h, view, client, p, NULL, out);
	struct request q;

	if (verdict == RATELIMIT_PASS)
		return;
	plain_request(p, false, &q);
	apply(verdict, &q, view, out, room, o);
}

void
handle_looked_up(struct handler *h, const struct client *client, const struct plain *p, uint8_t *msg, size_t n,
    int64_t now_s, uint8_t *out, size_t room, struct outcome *o)
{
	struct view *view = atomic_load_explicit(&h->shared->view, memory_order_acquire);
	struct inbound in;

	counter_add(client->tcp ? &h->counters.tcp_queries : &h->counters.udp_queries, 1);
	if (p->simple)
		counter_add_type(&h->counters, p->qtype);
	if ((o->n = plain_write(p, &view->settings, client->tcp, out, room)) > 0) {
		o->what = HANDLED_ANSWER;
		o->rcode = out[3] & 15;
		if (is_limited(h, view, client))
			limit_plain(h, view, client, p, out, room, o);
		count_answer(h, o);
		return;
	}
	in.handler = h;
	in.client = client;
	in.view = view;
	in.msg = msg;
	in.n = n;
	in.is_signed = false;
	in.now_s = now_s;
	in.out = out;
	in.room = room;
	handle_any(&in, p, o);
	if (o->what == HANDLED_ANSWER && (out[2] & FLAG_TC >> 8) != 0)
		counter_add(&h->counters.truncated, 1);
	/* Who proved where he is, by cookie or signature, is no victim of a forgery. */
	if (o->what == HANDLED_ANSWER && is_limited(h, view, client) && !in.q.cookie_valid && !in.is_signed)
		apply(judge(h, view, client, p, &in.q, out), &in.q, view, out, room, o);
	count_answer(h, o);
}

void
handle_request(struct handler *h, const struct client *client, uint8_t *msg, size_t n, int64_t now_s, uint8_t *out,
    size_t room, struct outcome *o)
{
	struct plain p;

	plain_read(&p, msg, n);
	plain_look_up(&p, 1, h->shared->zones);
	handle_looked_up(h, client, &p, msg, n, now_s, out, room, o);
}

/* What the primary said, under the client's ID. */
static size_t
forwarded_reply(const struct job *j, uint8_t *out, size_t room)
{
	if (j->nreply > room)
		return 0;
	memcpy(out, j->reply, j->nreply);
	store_u16(out, j->request.header.id);
	return j->nreply;
}

size_t
handle_reply(struct handler *h, struct job *j, int64_t now_s, uint8_t *out, size_t room)
{
	const struct ede why = { ede_code_for(j->rcode), j->reason };
	size_t n;

	if (j->reply != NULL)
		return forwarded_reply(j, out, room);

	j->request.ede = j->reason[0] != '\0' ? &why : NULL;
	n = answer_rcode(&j->request, &j->view->settings, j->rcode, out, room);
	j->request.ede = NULL;
	if (j->rcode < COUNTERS_RCODES)
		counter_add(&h->counters.rcodes[j->rcode], 1);
	return n == 0 ? 0 : tsig_sign_response(&j->request.tsig, out, n, room, now_s);
}

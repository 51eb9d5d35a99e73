/* A request of any kind, from the first octet to the answer, on zones that have something of everything, signed ones
 * too: what comes out must be a sound message of the right size that answers what went in.  The first octet's bits say
 * over which transport, how the server is set, and whether the request is signed here, so that it goes the whole
 * way. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/handle.h"
#include "server/plain.h"
#include "tests/unit/server/served.h"
#include "tests/unit/server/signed_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TCP = 1, COOKIES_REQUIRED = 2, LIMITED = 4, REPORTS = 8, UPDATE_KEY = 16, TRANSFER_KEY = 32, WRONG_KEY = 64 };
#define NOW 1700000000			/* when the corpus was signed */

static struct served served;
static struct handler handler;
static struct zone_store *signed_stores[3];
static struct ixfr *history;
static uint8_t request[MSG_MAX], out[MSG_MAX], rdata[RDATA_MAX];

static void
stop(void)
{
	rcu_thread_online();
	queue_free(handler.replies);
	ratelimit_free(handler.limits);
	served_stop(&served);
	ixfr_unref(history);
	for (unsigned i = 0; i < 3; i++)
		zone_store_free(signed_stores[i]);
	rcu_unregister_thread();
}

static void
must(bool condition)
{
	if (!condition)
		abort();
}

/* nsec.test, hash.test and out.test: signed with NSEC, NSEC3, and NSEC3 with opt-out. */
static void
add_signed_zones(void)
{
	static const char *const apexes[] = { "nsec.test.", "hash.test.", "out.test." };
	static const enum signing ways[] = { SIGN_NSEC, SIGN_NSEC3, SIGN_OPT_OUT };

	for (unsigned i = 0; i < 3; i++) {
		char text[2048], *whole;
		struct dname name;

		snprintf(text, sizeof text, "%1$s 3600 IN SOA ns.%1$s hostmaster.%1$s 7 7200 3600 604800 300\n"
		    "%1$s 3600 IN NS ns.%1$s\nns.%1$s 3600 IN A 192.0.2.1\nwww.%1$s 3600 IN A 192.0.2.3\n"
		    "www.%1$s 300 IN TXT \"hello\"\nalias.%1$s 60 IN CNAME www.%1$s\na.ent.%1$s 60 IN A 192.0.2.4\n"
		    "*.wild.%1$s 60 IN MX 10 www.%1$s\n*.c.%1$s 60 IN CNAME x.wild.%1$s\ndn.%1$s 60 IN DNAME "
		    "wild.%1$s\nsub.%1$s 3600 IN NS ns.sub.%1$s\nns.sub.%1$s 3600 IN A 192.0.2.5\n"
		    "own.%1$s 60 IN DNAME %1$s\nsvc.%1$s 60 IN HTTPS 1 . alpn=h2\nsvc.%1$s 60 IN AAAA 2001:db8::1\n"
		    "svc2.%1$s 60 IN HTTPS 0 svc.%1$s\nsrv.%1$s 60 IN SRV 0 0 1 ns.sub.%1$s\n", apexes[i]);
		whole = signed_text(apexes[i], text, ways[i], 1);
		signed_stores[i] = zone_from_text(apexes[i], whole);
		must(dname_from_str(apexes[i], &name) == ERR_OK &&
		    zoneset_add(served.shared.zones, name.octets, signed_stores[i]) == ERR_OK);
		free(whole);
	}
}

static void
start(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
	add_signed_zones();
	history = served_history();
	must(queue_new(8, &handler.replies) == ERR_OK);
	must(ratelimit_new(&handler.limits) == ERR_OK);
	handler.shared = &served.shared;
	served.config->cookies = (struct cookie_secrets){ .n = 1, .octets = { "sixteen octets.." } };
	served.config->rate_limit_slip = 1;
	rcu_thread_offline();
	atexit(stop);
}

/* The smallest and the largest answer that the request allows: RFC 6891, section 6.2.5. */
static size_t
limit_of(const struct request *q)
{
	if (q->tcp)
		return MSG_MAX;
	return q->edns.present && q->edns.udp_size < MSG_UDP_EDNS ? q->edns.udp_size :
	    q->edns.present ? MSG_UDP_EDNS : MSG_UDP_PLAIN;
}

/* Of OPT: they fill it, and the ones that we make have the lengths that theirs have. */
static void
check_options(const struct msg_rr *opt, const struct request *q)
{
	struct rd r = opt->rdata;

	must(q->edns.present);
	while (rd_left(&r) > 0) {
		uint16_t code = rd_u16(&r), n = rd_u16(&r);

		rd_take(&r, n);
		must(!r.bad);
		must(code != EDNS_COOKIE || (q->edns.cookie_len > 0 && n == COOKIE_CLIENT + COOKIE_SERVER));
		must(code != EDNS_KEEPALIVE || (q->edns.keepalive && q->tcp && n == 2));
		must(code != EDNS_ERROR || n >= 2);
	}
}

static void
check_response(const uint8_t *data, size_t size, bool tcp, size_t n)
{
	struct request q;
	struct msg_header h;
	struct question question;
	struct msg_rr rr;
	struct rd r = rd_over(out, n);

	must(request_parse(&q, data, size, tcp) >= 0);
	must(q.has_tsig || n <= limit_of(&q));
	msg_header_read(&r, &h);
	must(!r.bad && h.id == q.header.id && (h.flags & FLAG_QR) != 0 && (h.flags & FLAG_RA) == 0);
	must(msg_opcode(&h) == msg_opcode(&q.header) && h.qdcount == q.has_question);
	if (q.has_question)
		must(question_read(&r, &question) && question.qtype == q.question.qtype &&
		    memcmp(question.qname.octets, q.question.qname.octets, dname_len(question.qname.octets)) == 0);
	for (unsigned i = (unsigned)h.ancount + h.nscount + h.arcount; i > 0; i--) {
		size_t m;

		must(msg_rr_read(&r, &rr));
		if (rr.type == TYPE_OPT)
			check_options(&rr, &q);
		must(rdata_read(&rr.rdata, rr.type, rr.rdlen, rdata, &m));
	}
	must(rd_left(&r) == 0);
}

/* The short way gives what the long one gives, or nothing. */
static void
check_plain(const uint8_t *data, size_t size, bool tcp)
{
	static uint8_t other[MSG_MAX];
	size_t room = tcp ? MSG_MAX : HANDLE_ROOM_MIN, n;
	const struct answer_settings *settings = &atomic_load(&served.shared.view)->settings;
	struct request q;
	struct plain p;

	if ((n = plain_answer(&p, served.shared.zones, settings, data, size, tcp, out, room)) == 0)
		return;
	must(request_parse(&q, data, size, tcp) == RCODE_NOERROR);
	must(answer_query(served.shared.zones, settings, &q, other, room) == n && memcmp(out, other, n) == 0);
}

static void
set(uint8_t bits)
{
	static const uint8_t agent[] = "\5agent\7example";

	served.config->require_cookies = (bits & COOKIES_REQUIRED) != 0;
	served.config->rate_limit = (bits & LIMITED) != 0;
	served.shared.view->settings.report_agent = (bits & REPORTS) != 0 ? agent : NULL;
}

/* data, with a signature behind it where bits ask for one and the message can have one. */
static size_t
make_request(uint8_t bits, const uint8_t *data, size_t size, uint8_t *out_request)
{
	const char *key = (bits & UPDATE_KEY) != 0 ? "u._update.example." : (bits & TRANSFER_KEY) != 0 ?
	    "t._transfer.example." : (bits & WRONG_KEY) != 0 ? "wrong" : NULL;
	struct tsig_exchange x;
	size_t n;

	memcpy(out_request, data, size);
	if (key == NULL || size < MSG_HEADER_SIZE)
		return size;
	n = tsig_sign_request(served_key(key), out_request, size, MSG_MAX, NOW, &x);
	tsig_exchange_clear(&x);
	return n > 0 ? n : size;
}

static void
check_transfer(const uint8_t *data, size_t size, int64_t now_s, struct axfr *transfer)
{
	size_t n = axfr_next(transfer, out, now_s);

	must(n > 0);
	check_response(data, size, true, n);
	axfr_free(transfer);
}

/* What nobody has set looks like a name without end. */
static __attribute__((noinline)) void
soil_stack(void)
{
	volatile uint8_t octets[16384];

	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = 255;
}

static void
run(const uint8_t *data, size_t size, bool tcp, int64_t now_s)
{
	struct sockaddr_storage peer = { .ss_family = AF_INET };
	struct client client = { .peer = &peer, .peer_len = sizeof(struct sockaddr_in), .tcp = tcp };
	struct outcome o;

	((struct sockaddr_in *)&peer)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(request, data, size);
	rcu_thread_online();
	check_plain(data, size, tcp);
	soil_stack();
	handle_request(&handler, &client, request, size, now_s, out, tcp ? MSG_MAX : HANDLE_ROOM_MIN, &o);
	rcu_thread_offline();
	if (o.what == HANDLED_ANSWER)
		check_response(data, size, tcp, o.n);
	if (o.what == HANDLED_TRANSFER)
		check_transfer(data, size, now_s, o.transfer);
}

/* The keeper's answers: what was asked for is done, and the history is there. */
static void
answer_jobs(const uint8_t *data, size_t size)
{
	static const uint8_t open[] = "\4open\7example";
	struct job *j;

	while ((j = queue_pop(served.shared.to_keeper)) != NULL) {
		struct outcome o = { .what = HANDLED_ANSWER };

		if (j->kind == JOB_IXFR && dname_equal(j->request.question.qname.octets, open))
			j->ixfr = ixfr_ref(history);
		rcu_thread_online();
		if (j->kind == JOB_IXFR)
			handle_history(&handler, j, NOW, out, HANDLE_ROOM_MIN, &o);
		else if (j->kind == JOB_UPDATE)
			o.n = handle_reply(&handler, j, NOW, out, HANDLE_ROOM_MIN);
		rcu_thread_offline();
		if (o.what == HANDLED_TRANSFER)
			check_transfer(data, size, NOW, o.transfer);
		else if (o.n > 0)
			check_response(data, size, j->request.tcp, o.n);
		job_free(j);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int64_t limited_s = NOW;
	static uint8_t made[MSG_MAX];
	static bool started;
	size_t n;

	if (size < 1 || size > MSG_MAX)
		return 0;
	if (!started)
		start();
	started = true;
	set(data[0]);
	n = make_request(data[0], data + 1, size - 1, made);
	if ((data[0] & LIMITED) == 0) {
		run(made, n, (data[0] & TCP) != 0, NOW);
	} else {				/* the first answer of a second, and the one that slips */
		limited_s++;
		run(made, n, (data[0] & TCP) != 0, limited_s);
		run(made, n, (data[0] & TCP) != 0, limited_s);
	}
	answer_jobs(made, n);
	return 0;
}

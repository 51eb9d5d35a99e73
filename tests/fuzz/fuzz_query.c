/* A request of any kind, from the first octet to the answer, on zones that have something of everything: what comes out must
 * be a sound message of the right size that answers what went in.  The first octet's bits say over which transport, and how the
 * server is set. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/handle.h"
#include "server/plain.h"
#include "tests/unit/server/served.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TCP = 1, COOKIES_REQUIRED = 2, LIMITED = 4, REPORTS = 8 };
#define NOW 1700000000			/* when the corpus was signed */

static struct served served;
static struct handler handler;
static uint8_t request[MSG_MAX], out[MSG_MAX], rdata[RDATA_MAX];

static void
stop(void)
{
	rcu_thread_online();
	queue_free(handler.replies);
	ratelimit_free(handler.limits);
	served_stop(&served);
	rcu_unregister_thread();
}

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static void
start(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
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
	handle_request(&handler, &client, request, size, now_s, out, tcp ? MSG_MAX : HANDLE_ROOM_MIN, &o);
	rcu_thread_offline();
	if (o.what == HANDLED_ANSWER)
		check_response(data, size, tcp, o.n);
	if (o.what == HANDLED_TRANSFER) {
		size_t n = axfr_next(o.transfer, out, now_s);

		must(n > 0);
		check_response(data, size, true, n);
		axfr_free(o.transfer);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int64_t limited_s = NOW;
	static bool started;
	struct job *j;

	if (size < 1 || size > MSG_MAX)
		return 0;
	if (!started)
		start();
	started = true;
	set(data[0]);
	if ((data[0] & LIMITED) == 0) {
		run(data + 1, size - 1, (data[0] & TCP) != 0, NOW);
	} else {				/* the first answer of a second, and the one that slips */
		limited_s++;
		run(data + 1, size - 1, (data[0] & TCP) != 0, limited_s);
		run(data + 1, size - 1, (data[0] & TCP) != 0, limited_s);
	}
	while ((j = queue_pop(served.shared.to_keeper)) != NULL)
		job_free(j);
	return 0;
}

/* What the options of a request's OPT record do, through the whole handler: cookies, reasons, time-outs; and the rate
 * limit, which looks at them. */
#include "tests/unit/check.h"

#include <arpa/inet.h>

#include "base/log.h"
#include "server/handle.h"
#include "tests/unit/server/served.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

#define NOW 1700000000
#define CLIENT "\0\12\0\10" "clientpt"

static struct served served;
static struct handler handler;
static uint8_t out[MSG_MAX];

struct asked {
	enum opcode opcode;
	const char *qname, *qtype;		/* qname NULL: no question */
	uint16_t qclass;
	bool tcp;
	const uint8_t *options;			/* NULL: no OPT */
	size_t n;
};

static size_t
make_request(const struct asked *a, uint8_t msg[512])
{
	struct question q = { .qclass = a->qclass };
	struct wr w;

	wr_init(&w, msg, 512);
	msg_header_write(&w, &(struct msg_header){ 7, (uint16_t)(a->opcode << 11), a->qname != NULL, 0, 0,
	    a->options != NULL });
	if (a->qname != NULL) {
		check(dname_from_str(a->qname, &q.qname) == ERR_OK && rrtype_parse(a->qtype, strlen(a->qtype),
		    &q.qtype), "question");
		question_write(&w, &q);
	}
	if (a->options != NULL) {
		edns_write(&w, 4096, 0, false);
		wr_patch_u16(&w, wr_len(&w) - 2, (uint16_t)a->n);
		wr_octets(&w, a->options, a->n);
	}
	return wr_len(&w);
}

/* Ask from 192.0.2.LAST; the answer is in out. */
static struct outcome
ask(const struct asked *a, unsigned last)
{
	struct sockaddr_storage peer = { 0 };
	struct client client = { .peer = &peer, .peer_len = sizeof(struct sockaddr_in), .tcp = a->tcp };
	uint8_t msg[512];
	struct outcome o;
	size_t n = make_request(a, msg);

	peer.ss_family = AF_INET;
	((struct sockaddr_in *)&peer)->sin_addr.s_addr = htonl(0xc0000200 + last);
	rcu_thread_online();
	handle_request(&handler, &client, msg, n, NOW, out, a->tcp ? MSG_MAX : HANDLE_ROOM_MIN, &o);
	rcu_thread_offline();
	return o;
}

/* What an answer says: its whole rcode, and the OPT record, which stands last. */
struct said {
	unsigned rcode;
	bool has_opt;
	struct msg_rr opt;
};

static struct said
read_answer(size_t n)
{
	struct rd r = rd_over(out, n);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;
	struct said s = { 0 };

	msg_header_read(&r, &h);
	s.rcode = h.flags & 15;
	if (h.qdcount > 0)
		check(question_read(&r, &q), "question");
	for (unsigned i = (unsigned)h.ancount + h.nscount + h.arcount; i > 0; i--) {
		check(msg_rr_read(&r, &rr), "records");
		if (rr.type != TYPE_OPT)
			continue;
		s.has_opt = true;
		s.opt = rr;
		s.rcode |= rr.ttl >> 24 << 4;
	}
	check(rd_left(&r) == 0, "nothing behind them");
	return s;
}

/* An option's octets; NULL: it is not there. */
static const uint8_t *
find_option(const struct said *s, uint16_t code, size_t *n)
{
	struct rd r = s->opt.rdata;

	while (s->has_opt && rd_left(&r) > 0) {
		uint16_t have = rd_u16(&r);
		const uint8_t *octets = rd_take(&r, *n = rd_u16(&r));

		check(!r.bad, "options are whole");
		if (have == code)
			return octets;
	}
	return NULL;
}

#define WWW(opts) { OPCODE_QUERY, "www.example.", "A", CLASS_IN, false, (const uint8_t *)opts, sizeof opts - 1 }

static void
set_secret(void)
{
	served.config->cookies = (struct cookie_secrets){ .n = 1, .octets = { "sixteen octets.." } };
}

/* The whole cookie that the server gives to 192.0.2.LAST. */
static void
get_cookie(unsigned last, uint8_t option[4 + 24])
{
	const struct asked www = WWW(CLIENT);
	struct outcome o = ask(&www, last);
	struct said s = read_answer(o.n);
	size_t n = 0;
	const uint8_t *cookie = find_option(&s, EDNS_COOKIE, &n);

	check(s.rcode == RCODE_NOERROR && cookie != NULL && n == 24, "a client without server cookie gets the answer "
	    "and one");
	check(memcmp(cookie, "clientpt", 8) == 0 && cookie[8] == 1, "its own part comes first, then version 1");
	memcpy(option, "\0\12\0\30", 4);
	memcpy(option + 4, cookie, 24);
}

static void
test_cookies(void **state)
{
	struct asked www = WWW(CLIENT), plain = WWW(""), twice = WWW(CLIENT CLIENT);
	uint8_t option[28], wrong[28];
	struct said s;
	size_t n;

	(void)state;
	s = read_answer(ask(&www, 1).n);
	check(find_option(&s, EDNS_COOKIE, &n) == NULL, "no secret, no cookie");
	set_secret();
	s = read_answer(ask(&plain, 1).n);
	check(find_option(&s, EDNS_COOKIE, &n) == NULL, "nor for who has not asked");
	s = read_answer(ask(&twice, 1).n);
	check(s.rcode == RCODE_NOERROR && s.opt.rdlen == 28, "two cookies are answered with one");

	get_cookie(1, option);
	www.options = option;
	www.n = sizeof option;
	s = read_answer(ask(&www, 1).n);
	check(s.rcode == RCODE_NOERROR && memcmp(find_option(&s, EDNS_COOKIE, &n), option + 4, 24) == 0,
	    "it is good again");
	memcpy(wrong, option, sizeof wrong);
	wrong[27] ^= 1;
	www.options = wrong;
	s = read_answer(ask(&www, 1).n);
	check(s.rcode == RCODE_NOERROR && memcmp(find_option(&s, EDNS_COOKIE, &n), option + 4, 24) == 0,
	    "a wrong one is answered too, with a right one");
	www.options = (const uint8_t *)"\0\12\0\4" "clie";
	www.n = 8;
	s = read_answer(ask(&www, 1).n);
	check(s.rcode == RCODE_FORMERR && s.has_opt, "a malformed one is not");
	served.config->cookies.n = 0;
}

static const struct { const char *why; bool tcp, own; unsigned last, rcode; } required[] = {
	{ "without server cookie", false, false, 1, RCODE_BADCOOKIE }, { "with it", false, true, 1, RCODE_NOERROR },
	{ "with another client's", false, true, 2, RCODE_BADCOOKIE }, { "over TCP", true, false, 1, RCODE_NOERROR },
};

static void
test_required_cookies(void **state)
{
	const struct asked plain = WWW("");
	uint8_t option[28];
	size_t n;

	(void)state;
	set_secret();
	get_cookie(1, option);
	served.config->require_cookies = true;
	for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
		struct asked www = WWW(CLIENT);
		struct said s;

		www.tcp = required[i].tcp;
		if (required[i].own) {
			www.options = option;
			www.n = sizeof option;
		}
		s = read_answer(ask(&www, required[i].last).n);
		check(s.rcode == required[i].rcode, "%s: %s", required[i].why, rcode_str(s.rcode));
		check(find_option(&s, EDNS_COOKIE, &n) != NULL && n == 24, "%s: a cookie", required[i].why);
	}
	check(read_answer(ask(&plain, 1).n).rcode == RCODE_NOERROR, "who knows no cookies is not turned away");
	served.config->require_cookies = false;
	served.config->cookies.n = 0;
}

/* RFC 7873, section 5.4. */
static void
test_cookies_without_question(void **state)
{
	struct asked a = { OPCODE_QUERY, NULL, NULL, 0, false, (const uint8_t *)CLIENT, sizeof CLIENT - 1 };
	uint8_t option[28];
	struct said s;
	size_t n;

	(void)state;
	check(read_answer(ask(&a, 1).n).rcode == RCODE_FORMERR, "no secret: a query needs a question");
	set_secret();
	get_cookie(1, option);
	s = read_answer(ask(&a, 1).n);
	check(s.rcode == RCODE_NOERROR && find_option(&s, EDNS_COOKIE, &n) != NULL,
	    "a cookie is all that is asked for");
	a.options = option;
	a.n = sizeof option;
	check(read_answer(ask(&a, 1).n).rcode == RCODE_NOERROR, "a right one is confirmed");
	check(read_answer(ask(&a, 2).n).rcode == RCODE_BADCOOKIE, "a wrong one is not");
	a.opcode = OPCODE_NOTIFY;
	check(read_answer(ask(&a, 1).n).rcode == RCODE_FORMERR, "queries only");
	served.config->cookies.n = 0;
}

#define ASK(opcode, name, type, tcp) \
	{ OPCODE_##opcode, name, type, CLASS_IN, tcp, (const uint8_t *)"", 0 }

static const struct { const char *why; struct asked asked; unsigned rcode; int code; } reasons[] = {
	{ "a good answer needs none", ASK(QUERY, "www.example.", "A", false), RCODE_NOERROR, -1 },
	{ "nor has a missing name one", ASK(QUERY, "nothing.example.", "A", false), RCODE_NXDOMAIN, -1 },
	{ "a name of somebody else's", ASK(QUERY, "www.test.", "A", false), RCODE_REFUSED, EDE_NOT_AUTHORITATIVE },
	{ "a class of nobody's", { OPCODE_QUERY, "www.example.", "A", 4, false, (const uint8_t *)"", 0 }, RCODE_REFUSED,
	    EDE_NOT_AUTHORITATIVE },
	{ "an unsigned transfer", ASK(QUERY, "example.", "AXFR", true), RCODE_REFUSED, EDE_PROHIBITED },
	{ "a transfer of something that is no zone", ASK(QUERY, "www.example.", "AXFR", true), RCODE_NOTAUTH,
	    EDE_NOT_AUTHORITATIVE },
	{ "an unsigned update", ASK(UPDATE, "example.", "SOA", false), RCODE_REFUSED, EDE_PROHIBITED },
	{ "an update of something that is no zone", ASK(UPDATE, "www.example.", "SOA", false), RCODE_NOTAUTH,
	    EDE_NOT_AUTHORITATIVE },
	{ "a NOTIFY of it", ASK(NOTIFY, "www.example.", "SOA", false), RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE },
};

static void
test_reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
		struct asked asked = reasons[i].asked;
		struct said s = read_answer(ask(&asked, 1).n);
		const uint8_t *ede;
		size_t n = 0;

		ede = find_option(&s, EDNS_ERROR, &n);
		check(s.rcode == reasons[i].rcode, "%s: %s", reasons[i].why, rcode_str(s.rcode));
		check((ede == NULL) == (reasons[i].code < 0), "%s: a reason or not", reasons[i].why);
		check(ede == NULL || (n >= 2 && ede[0] == 0 && ede[1] == reasons[i].code), "%s: its code",
		    reasons[i].why);
		asked.options = NULL;
		s = read_answer(ask(&asked, 1).n);
		check(s.rcode == reasons[i].rcode && !s.has_opt, "%s: without OPT there is no place for it",
		    reasons[i].why);
	}
}

static void
test_keepalive(void **state)
{
	struct asked www = WWW("\0\13\0\0"), plain = WWW("");
	struct said s;
	const uint8_t *timeout;
	size_t n;

	(void)state;
	s = read_answer(ask(&www, 1).n);
	check(find_option(&s, EDNS_KEEPALIVE, &n) == NULL, "over UDP it means nothing: RFC 7828, section 3.3.1");
	www.tcp = plain.tcp = true;
	s = read_answer(ask(&www, 1).n);
	timeout = find_option(&s, EDNS_KEEPALIVE, &n);
	check(timeout != NULL && n == 2 && timeout[0] == 0 && timeout[1] == 100, "100 tenths of a second, by default");
	s = read_answer(ask(&plain, 1).n);
	check(find_option(&s, EDNS_KEEPALIVE, &n) == NULL, "who does not ask is not told");
}

static void
test_report_agent(void **state)
{
	static const uint8_t agent[] = "\5agent\7example";
	struct answer_settings *settings = &served.shared.view->settings;
	struct asked www = WWW("");
	struct said s;
	const uint8_t *option;
	size_t n;

	(void)state;
	s = read_answer(ask(&www, 1).n);
	check(find_option(&s, EDNS_REPORT, &n) == NULL, "none by default");
	settings->report_agent = agent;
	s = read_answer(ask(&www, 1).n);
	option = find_option(&s, EDNS_REPORT, &n);
	check(option != NULL && n == sizeof agent && memcmp(option, agent, n) == 0, "the agent's name, in wire form");
	settings->report_agent = agent + 6;
	s = read_answer(ask(&www, 1).n);
	check(find_option(&s, EDNS_REPORT, &n) == NULL, "no agent for what is below its own name");
	settings->report_agent = agent;
	www.options = NULL;
	check(!read_answer(ask(&www, 1).n).has_opt, "without OPT there is no place for it");
	settings->report_agent = NULL;
}

#define EXPIRE "\0\11\0\0"
#define EXPIRE_ASK(opcode, name, type, class, tcp, options) \
	{ OPCODE_##opcode, name, type, class, tcp, (const uint8_t *)options, sizeof options - 1 }

static const struct { const char *why; struct asked asked; unsigned rcode; bool told; } expires[] = {
	{ "the SOA of a zone", EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_IN, false, EXPIRE), RCODE_NOERROR, true },
	{ "over TCP", EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_IN, true, EXPIRE), RCODE_NOERROR, true },
	{ "asked by who says a time", EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_IN, false, "\0\11\0\4\0\0\0\1"),
	    RCODE_NOERROR, true },
	{ "who does not ask", EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_IN, false, ""), RCODE_NOERROR, false },
	{ "another type", EXPIRE_ASK(QUERY, "example.", "NS", CLASS_IN, false, EXPIRE), RCODE_NOERROR, false },
	{ "another name", EXPIRE_ASK(QUERY, "www.example.", "SOA", CLASS_IN, false, EXPIRE), RCODE_NOERROR, false },
	{ "a name that is not there", EXPIRE_ASK(QUERY, "no.example.", "SOA", CLASS_IN, false, EXPIRE), RCODE_NXDOMAIN,
	    false },
	{ "somebody else's zone", EXPIRE_ASK(QUERY, "test.", "SOA", CLASS_IN, false, EXPIRE), RCODE_REFUSED, false },
	{ "class ANY", EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_ANY, false, EXPIRE), RCODE_NOERROR, false },
	{ "a transfer that is refused", EXPIRE_ASK(QUERY, "example.", "AXFR", CLASS_IN, true, EXPIRE), RCODE_REFUSED, false },
	{ "a NOTIFY", EXPIRE_ASK(NOTIFY, "example.", "SOA", CLASS_IN, false, EXPIRE), RCODE_NOERROR, false },
	{ "an option of two octets", EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_IN, false, "\0\11\0\2xx"), RCODE_FORMERR,
	    false },
};

static void
test_expire(void **state)
{
	const struct asked soa = EXPIRE_ASK(QUERY, "example.", "SOA", CLASS_IN, false, EXPIRE);
	const uint8_t *option;
	struct said s;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof expires / sizeof expires[0]; i++) {
		s = read_answer(ask(&expires[i].asked, 1).n);
		option = find_option(&s, EDNS_EXPIRE, &n);
		check(s.rcode == expires[i].rcode, "%s: %s", expires[i].why, rcode_str(s.rcode));
		check((option != NULL) == expires[i].told, "%s: told or not", expires[i].why);
		check(option == NULL || (n == 4 && load_u32(option) == 604800), "%s: as the SOA has it",
		    expires[i].why);
	}
	zone_store_set_expiry(served.stores[0], NOW + 77);
	s = read_answer(ask(&soa, 1).n);
	check((option = find_option(&s, EDNS_EXPIRE, &n)) != NULL && load_u32(option) == 77, "a secondary tells what is left");
	zone_store_set_expiry(served.stores[0], NOW - 77);
	s = read_answer(ask(&soa, 1).n);
	check((option = find_option(&s, EDNS_EXPIRE, &n)) != NULL && load_u32(option) == 0, "which is not less than nothing");
	zone_store_set_expiry(served.stores[0], 0);
}

/* The first message of a transfer says it, and the others do not. */
static void
test_expire_of_transfer(void **state)
{
	struct config_access all = { .any_key = true };
	struct asked axfr = EXPIRE_ASK(QUERY, "big.example.", "AXFR", CLASS_IN, true, EXPIRE);
	const uint8_t *option;
	struct outcome o;
	struct said s;
	size_t n, size;
	unsigned messages = 0;

	(void)state;
	all.network.ss_family = AF_INET;
	served.config->defaults.allow_transfer = &all;
	served.config->defaults.nallow_transfer = 1;
	o = ask(&axfr, 1);
	check(o.what == HANDLED_TRANSFER, "it begins");
	while ((size = axfr_next(o.transfer, out, NOW)) > 0) {
		s = read_answer(size);
		option = find_option(&s, EDNS_EXPIRE, &n);
		check((option != NULL) == (messages++ == 0), "message %u", messages);
		check(option == NULL || load_u32(option) == 604800, "the SOA's");
	}
	check(messages > 1 && axfr_is_complete(o.transfer), "there are several");
	axfr_free(o.transfer);
	served.config->defaults.allow_transfer = NULL;
	served.config->defaults.nallow_transfer = 0;
}

/* Of 10 queries: answers, and those with TC. */
static void
flood(const struct asked *a, unsigned last, unsigned *answers, unsigned *cut)
{
	*answers = *cut = 0;
	for (unsigned i = 0; i < 10; i++) {
		struct outcome o = ask(a, last);
		bool tc = o.what == HANDLED_ANSWER && (out[2] & 2) != 0;

		*cut += tc;
		*answers += o.what == HANDLED_ANSWER && !tc;
		if (tc)
			check(out[7] == 0 && out[9] == 0 && read_answer(o.n).has_opt, "cut to nothing but OPT");
	}
}

static void
test_rate_limit(void **state)
{
	struct asked www = WWW(""), missing = { OPCODE_QUERY, "no.example.", "A", CLASS_IN, false, (const uint8_t *)"",
	    0 };
	struct config_access friends = { .any_key = true, .prefix = 32 };
	uint8_t option[28];
	unsigned answers, cut;
	uint64_t counted;

	(void)state;
	set_secret();
	get_cookie(1, option);
	check(ratelimit_new(&handler.limits) == ERR_OK, "table");
	flood(&www, 1, &answers, &cut);
	check(answers == 10 && cut == 0, "no limit by default");
	served.config->rate_limit = 4;
	counted = counter_get(&handler.counters.rcodes[RCODE_NOERROR]);
	flood(&www, 1, &answers, &cut);
	check(counter_get(&handler.counters.rcodes[RCODE_NOERROR]) == counted + 7,
	    "what is dropped is not counted as answered");
	check(answers == 4 && cut == 3, "four are answered, and each second one of the others slips: %u %u", answers,
	    cut);
	check(counter_get(&handler.counters.limited_dropped) == 3 &&
	    counter_get(&handler.counters.limited_slipped) == 3, "counted");
	flood(&www, 2, &answers, &cut);
	check(answers == 0, "a neighbour has no tokens of his own");
	flood(&missing, 1, &answers, &cut);
	check(answers == 4, "another kind of answer has");
	www.tcp = true;
	flood(&www, 1, &answers, &cut);
	check(answers == 10, "TCP is not limited");
	www.tcp = false;
	www.options = option;
	www.n = sizeof option;
	flood(&www, 1, &answers, &cut);
	check(answers == 10, "nor is who has a right cookie");
	flood(&www, 2, &answers, &cut);
	check(answers == 0, "a stolen one does not help");
	friends.network.ss_family = AF_INET;
	((struct sockaddr_in *)&friends.network)->sin_addr.s_addr = htonl(0xc0000202);
	served.config->rate_limit_exempt = &friends;
	served.config->nrate_limit_exempt = 1;
	flood(&www, 2, &answers, &cut);
	check(answers == 10, "friends are not limited");
	served.config->rate_limit_exempt = NULL;
	served.config->nrate_limit_exempt = served.config->rate_limit = served.config->cookies.n = 0;
	ratelimit_free(handler.limits);
	handler.limits = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookies), cmocka_unit_test(test_required_cookies),
		cmocka_unit_test(test_cookies_without_question), cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_expire), cmocka_unit_test(test_expire_of_transfer),
		cmocka_unit_test(test_keepalive), cmocka_unit_test(test_report_agent),
		cmocka_unit_test(test_rate_limit)
	};
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
	rcu_thread_offline();
	handler.shared = &served.shared;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_thread_online();
	served_stop(&served);
	rcu_unregister_thread();
	return failed;
}

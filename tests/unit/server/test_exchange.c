/* One request to one peer: what counts as its answer, and what is passed over. */
#include "server/exchange.h"

#include <netinet/in.h>
#include <stdlib.h>

#include <event2/event.h>

#include "tests/unit/check.h"
#include "tests/unit/server/peer.h"

static const uint8_t query[] = "\0\0" "\1\0" "\0\1\0\0\0\0\0\0" "\7example\3com\0" "\0\6" "\0\1";
static const uint8_t update[] = "\0\0" "\x28\0" "\0\1\0\0\0\0\0\0" "\7example\3com\0" "\0\6" "\0\1";
static const uint8_t key_name[] = "\1k\7_update\7example\3com";

struct outcome {
	struct event_base *base;
	unsigned calls;
	enum err err;
	uint8_t msg[512];
	size_t n;
	char words[256];
};

static void
on_done(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct outcome *o = arg;

	o->calls++;
	o->err = err;
	o->n = n;
	if (n > 0)
		memcpy(o->msg, msg, n < sizeof o->msg ? n : sizeof o->msg);
	snprintf(o->words, sizeof o->words, "%s", words);
	event_base_loopbreak(o->base);
}

#define LINES(...) (const char *const[]){ __VA_ARGS__, NULL }

static const struct {
	const char *why;
	const char *const *udp, *const *tcp;
	bool is_update, with_key, ipv6, start_tcp;
	unsigned tries;
	enum err err;
	const char *words;
	unsigned udp_requests, tcp_requests;
} rows[] = {
	{ "the first answer ends it", LINES("a"), NULL, .tries = 3, .udp_requests = 1 },
	{ "over IPv6 too", LINES("a"), NULL, .ipv6 = true, .tries = 3, .udp_requests = 1 },
	{ "silence brings the next try", LINES("", "a"), NULL, .tries = 3, .udp_requests = 2 },
	{ "what is not our answer is passed over", LINES("iqogrea"), NULL, .tries = 3, .udp_requests = 1 },
	{ "and counts as silence", LINES("iqogre", "iqogre"), NULL, .tries = 2, .err = ERR_TIMEOUT,
	    .words = "no answer over UDP within 300 ms", .udp_requests = 2 },
	{ "an rcode is an answer", LINES("R"), NULL, .tries = 3, .udp_requests = 1 },
	{ "so is an error without a question", LINES("h"), NULL, .tries = 3, .udp_requests = 1 },
	{ "an update's answer has its zone section", LINES("a"), NULL, .is_update = true, .tries = 3,
	    .udp_requests = 1 },
	{ "a truncated answer is asked for again over TCP", LINES("t"), LINES("a"), .tries = 3, .udp_requests = 1,
	    .tcp_requests = 1 },
	{ "TCP from the start", NULL, LINES("a"), .start_tcp = true, .tries = 3, .tcp_requests = 1 },
	{ "TCP over IPv6", NULL, LINES("a"), .start_tcp = true, .ipv6 = true, .tries = 1, .tcp_requests = 1 },
	{ "a wrong ID over TCP is passed over", NULL, LINES("iqa"), .start_tcp = true, .tries = 1, .tcp_requests = 1 },
	{ "TC over TCP is the answer all the same", NULL, LINES("t"), .start_tcp = true, .tries = 1,
	    .tcp_requests = 1 },
	{ "a connection that is closed", NULL, LINES("c"), .start_tcp = true, .tries = 1, .err = ERR_NETWORK,
	    .words = "closed", .tcp_requests = 1 },
	{ "silence over TCP", NULL, LINES(""), .start_tcp = true, .tries = 1, .err = ERR_TIMEOUT,
	    .words = "no answer over TCP within 300 ms", .tcp_requests = 1 },
	{ "a signed answer to a signed request", LINES("a"), NULL, .with_key = true, .tries = 3, .udp_requests = 1 },
	{ "a signed update over TCP", NULL, LINES("a"), .is_update = true, .with_key = true, .start_tcp = true,
	    .tries = 1, .tcp_requests = 1 },
	{ "forged answers do not keep the true one out", LINES("usa"), NULL, .with_key = true, .tries = 3,
	    .udp_requests = 1 },
	{ "forged answers alone are the reason in the end", LINES("u", "s"), NULL, .with_key = true, .tries = 2,
	    .err = ERR_PEER, .words = "", .udp_requests = 2 },
	{ "a wrong signature over TCP ends it", NULL, LINES("s"), .with_key = true, .start_tcp = true, .tries = 1,
	    .err = ERR_PEER, .words = "", .tcp_requests = 1 },
};

static void
test_an_exchange_ends_as_its_peer_deserves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct event_base *base = event_base_new();
		struct outcome o = { .base = base };
		struct peer p = { .udp_script = rows[i].udp, .tcp_script = rows[i].tcp, .ring = peer_ring(key_name) };
		struct tsig_key *key = peer_key(key_name);
		struct exchange_request request = {
			.msg = rows[i].is_update ? update : query, .n = sizeof query - 1,
			/* Where an answer counts it may take its time, as on a busy machine. */
			.timeout_ms = rows[i].err == ERR_TIMEOUT ? 300 : rows[i].udp_requests > 1 ? 2000 : 20000,
			.key = rows[i].with_key ? key : NULL, .tcp = rows[i].start_tcp,
			.tries = rows[i].tries, .done = on_done, .arg = &o
		};
		struct exchange *x;

		peer_start(&p, base, rows[i].ipv6 ? AF_INET6 : AF_INET);
		request.to = p.address;
		request.to_len = p.len;
		check(exchange_start(base, &request, &x) == ERR_OK, "%s: it starts", rows[i].why);
		check(o.calls == 0, "%s: nothing is heard before the loop runs", rows[i].why);
		event_base_dispatch(base);
		check(o.calls == 1, "%s: done is called once, not %u times", rows[i].why, o.calls);
		check(o.err == rows[i].err, "%s: %s (%s)", rows[i].why, err_str(o.err), o.words);
		check(rows[i].words == NULL || strstr(o.words, rows[i].words) != NULL, "%s: \"%s\"", rows[i].why,
		    o.words);
		check(o.err == ERR_OK || o.words[0] != '\0', "%s: an error comes with words", rows[i].why);
		check(p.udp_requests == rows[i].udp_requests, "%s: %u datagrams", rows[i].why, p.udp_requests);
		check(p.tcp_requests == rows[i].tcp_requests, "%s: %u TCP requests", rows[i].why, p.tcp_requests);
		check(p.last_tsig == (rows[i].with_key ? TSIG_VALID : TSIG_ABSENT), "%s: signed as wanted",
		    rows[i].why);
		check(o.err != ERR_OK || o.n == p.last_n || o.n == MSG_HEADER_SIZE, "%s: TSIG is taken off",
		    rows[i].why);
		peer_stop(&p);
		tsig_key_free(key);
		event_base_free(base);
	}
}

static void
test_ids_and_ports_differ(void **state)
{
	struct event_base *base = event_base_new();
	struct peer p = { .udp_script = LINES("a", "a", "a", "a", "a", "a", "a", "a"), .ring = peer_ring(key_name) };
	unsigned ids = 0, ports = 0;

	(void)state;
	peer_start(&p, base, AF_INET);
	for (unsigned i = 0, last_id = 0, last_port = 0; i < 8; i++) {
		struct outcome o = { .base = base };
		struct exchange_request request = { .to = p.address, .to_len = p.len, .msg = query,
		    .n = sizeof query - 1,
			.timeout_ms = 20000, .tries = 1, .done = on_done, .arg = &o };
		struct exchange *x;
		unsigned id;

		assert_int_equal(exchange_start(base, &request, &x), ERR_OK);
		event_base_dispatch(base);
		assert_int_equal(o.err, ERR_OK);
		id = (unsigned)(p.last[0] << 8 | p.last[1]);
		ids += id != last_id;
		ports += p.last_port != last_port;
		last_id = id;
		last_port = p.last_port;
	}
	check(ids >= 7, "each exchange has an ID of its own");
	check(ports >= 7, "each exchange has a port of its own");
	peer_stop(&p);
	event_base_free(base);
}

/* A port nobody listens at: UDP hears it by ICMP, TCP by a reset; both without waiting for anything else. */
static void
test_nobody_there(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		struct event_base *base = event_base_new();
		struct outcome o = { .base = base };
		struct peer p = { .ring = peer_ring(key_name) };
		struct exchange_request request = { .msg = query, .n = sizeof query - 1, .timeout_ms = 2000, .tries = 2,
			.tcp = tcp, .done = on_done, .arg = &o };
		struct exchange *x;

		peer_start(&p, base, AF_INET);
		request.to = p.address;
		request.to_len = p.len;
		peer_stop(&p);
		assert_int_equal(exchange_start(base, &request, &x), ERR_OK);
		event_base_dispatch(base);
		check(o.err == ERR_NETWORK, "%s: %s", tcp ? "TCP" : "UDP", err_str(o.err));
		check(strstr(o.words, "refused") != NULL, "the words say so: \"%s\"", o.words);
		event_base_free(base);
	}
}

static void
test_the_source_address_is_used(void **state)
{
	struct event_base *base = event_base_new();
	struct outcome o = { .base = base };
	struct peer p = { .udp_script = LINES("a"), .ring = peer_ring(key_name) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct exchange_request request = { .from = (struct sockaddr *)&from, .msg = query, .n = sizeof query - 1,
		.timeout_ms = 20000, .tries = 1, .done = on_done, .arg = &o };
	struct exchange *x;

	(void)state;
	peer_start(&p, base, AF_INET);
	request.to = p.address;
	request.to_len = p.len;
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(exchange_start(base, &request, &x), ERR_OK);
	event_base_dispatch(base);
	check(o.err == ERR_OK, "127.0.0.2 can be used: %s", o.words);

	o.calls = 0;
	from.sin_addr.s_addr = htonl(0xc0000201);	/* 192.0.2.1 is not ours */
	assert_int_equal(exchange_start(base, &request, &x), ERR_OK);
	check(o.calls == 0, "a failure is told from the loop");
	event_base_dispatch(base);
	check(o.err != ERR_OK && o.words[0] != '\0', "192.0.2.1 cannot: %s", o.words);
	peer_stop(&p);
	event_base_free(base);
}

static void
test_cancelled_exchanges_are_silent(void **state)
{
	struct event_base *base = event_base_new();
	struct outcome o = { .base = base };
	struct peer p = { .udp_script = LINES("t", "a"), .tcp_script = LINES("a"), .ring = peer_ring(key_name) };
	struct exchange *x;

	(void)state;
	peer_start(&p, base, AF_INET);
	for (unsigned steps = 0; steps < 4; steps++) {
		struct exchange_request request = { .to = p.address, .to_len = p.len, .msg = query,
		    .n = sizeof query - 1,
			.tcp = steps % 2, .timeout_ms = 300, .tries = 1, .done = on_done, .arg = &o };

		assert_int_equal(exchange_start(base, &request, &x), ERR_OK);
		for (unsigned k = 0; k < steps / 2; k++)
			event_base_loop(base, EVLOOP_ONCE);
		if (o.calls == 0)
			exchange_cancel(x);
		o.calls = 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		check(o.calls == 0, "nothing is heard after the cancel");
	}
	exchange_cancel(NULL);
	peer_stop(&p);
	event_base_free(base);
}

static void
test_what_is_no_request_does_not_start(void **state)
{
	struct event_base *base = event_base_new();
	struct outcome o = { .base = base };

	(void)state;
	for (size_t n = 0; n < sizeof query - 1; n++) {
		struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		struct exchange_request request = { .to_len = sizeof to, .msg = query, .n = n, .timeout_ms = 100,
			.tries = 1, .done = on_done, .arg = &o };
		struct exchange *x;

		memcpy(&request.to, &to, sizeof to);
		check(exchange_start(base, &request, &x) == ERR_FORMAT, "%zu octets are no request", n);
	}
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_exchange_ends_as_its_peer_deserves),
		cmocka_unit_test(test_ids_and_ports_differ),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_the_source_address_is_used),
		cmocka_unit_test(test_cancelled_exchanges_are_silent),
		cmocka_unit_test(test_what_is_no_request_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

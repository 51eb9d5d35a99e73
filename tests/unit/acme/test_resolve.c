/* Several resolvers, plain ones, each of which does what its address says. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acme/resolve.h"
#include "wire/message.h"

/* 127.0.0.<rcode> answers with that rcode; .100 never; .101 to another question, .102 cut short; .103 with noise. */
enum { SILENT = 100, OTHER = 101, CUT = 102, NOISE = 103 };

static struct event_base *base;
static unsigned asked, last_flags;

struct waiting {
	struct event *timer;
	unsigned who;
	struct question q;
	void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words);
	void *arg;
};

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *a = arg;
	uint16_t flags = FLAG_QR | FLAG_RA;
	uint8_t msg[512];
	struct wr w;

	(void)fd, (void)what;
	flags |= a->who == CUT ? FLAG_TC : a->who < SILENT ? (uint16_t)a->who : 0;
	if (a->who == OTHER)
		dname_from_str("other.test", &a->q.qname);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ .flags = flags, .qdcount = 1 });
	question_write(&w, &a->q);
	if (a->who == SILENT)
		a->answered(a->arg, NULL, 0, "no answer");
	else
		a->answered(a->arg, msg, a->who == NOISE ? 5 : wr_len(&w), "");
	event_free(a->timer);
	free(a);
}

static void
ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg)
{
	struct waiting *a = calloc(1, sizeof *a);
	unsigned ms;

	(void)ctx;
	asked++;
	last_flags = flags;
	a->who = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) & 0xff;
	ms = a->who == SILENT ? timeout_ms : 1;
	a->q = (struct question){ .qtype = qtype, .qclass = CLASS_IN };
	dname_copy(&a->q.qname, qname);
	a->answered = answered;
	a->arg = arg;
	a->timer = event_new(base, -1, 0, on_time, a);
	event_add(a->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

struct end {
	unsigned times, rcode;
	enum err err;
	char words[300];
};

static void
on_done(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words)
{
	struct end *end = arg;

	end->times++;
	end->err = err;
	end->rcode = err == ERR_OK && n > 3 ? msg[3] & 15 : 99;
	snprintf(end->words, sizeof end->words, "%s", words);
	event_base_loopbreak(base);
}

static struct acme_resolve *
make(const unsigned *who, size_t n, bool closed, struct acme_port **port)
{
	static struct sockaddr_in addresses[4];
	static struct acme_resolver resolvers[4];
	static char names[4][20];
	struct acme_outside outside = { .ask = ask };
	struct acme_resolve_config config = { .resolvers = resolvers, .n = n, .closed = closed };
	struct acme_resolve *r = NULL;

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "127.0.0.%u", who[i]);
		addresses[i] = (struct sockaddr_in){ .sin_family = AF_INET };
		inet_pton(AF_INET, names[i], &addresses[i].sin_addr);
		resolvers[i] = (struct acme_resolver){ .kind = ACME_RESOLVER_PLAIN, .name = names[i],
			.address = (struct sockaddr *)&addresses[i] };
	}
	assert_int_equal(acme_port_new(&outside, base, port), ERR_OK);
	assert_int_equal(acme_resolve_new(&config, *port, base, &r), ERR_OK);
	return r;
}

static const struct { const char *why; unsigned who[4]; size_t n; unsigned flags; enum err err; unsigned rcode, asked;
	const char *words; } calls[] = {
	{ "one that answers",			{ RCODE_NOERROR }, 1, 0, ERR_OK, RCODE_NOERROR, 1, "" },
	{ "the first answer counts",		{ RCODE_NXDOMAIN, RCODE_NOERROR }, 2, 0, ERR_OK, RCODE_NXDOMAIN, 1,
	    "" },
	{ "a bogus name is an answer",		{ RCODE_SERVFAIL, RCODE_NOERROR }, 2, 0, ERR_OK, RCODE_SERVFAIL, 1,
	    "" },
	{ "who refuses has a second",		{ RCODE_REFUSED, RCODE_NOERROR }, 2, 0, ERR_OK, RCODE_NOERROR, 2, "" },
	{ "so has who is silent",		{ SILENT, RCODE_NOERROR }, 2, ACME_RESOLVE_CD, ERR_OK, RCODE_NOERROR, 2,
	    "" },
	{ "and who answers something else",	{ OTHER, CUT, NOISE, RCODE_NOERROR }, 4, 0, ERR_OK, RCODE_NOERROR, 4,
	    "" },
	{ "what each did is in the words",	{ RCODE_REFUSED, OTHER, CUT, SILENT }, 4, 0, ERR_NETWORK, 99, 4,
	    "127.0.0.5: REFUSED; 127.0.0.101: the response is to another question; 127.0.0.102: a truncated answer; "
	    "127.0.0.100: no answer" },
};

static void
test_calls(void **state)
{
	struct dname name;

	(void)state;
	assert_int_equal(dname_from_str("a.test", &name), ERR_OK);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct end end = { 0 };
		struct acme_port *port;

		base = event_base_new();
		asked = 0;
		struct acme_resolve *r = make(calls[i].who, calls[i].n, false, &port);
		check(acme_resolve_outside_allowed(r), "%s: it may be asked", calls[i].why);
		assert_int_equal(acme_resolve_start(r, name.octets, TYPE_TXT, calls[i].flags, 400, on_done, &end, NULL),
		    ERR_OK);
		check(end.times == 0, "done comes later");
		event_base_dispatch(base);
		check(end.times == 1 && end.err == calls[i].err && end.rcode == calls[i].rcode, "%s: %s, rcode %u",
		    calls[i].why, err_str(end.err), end.rcode);
		check(asked == calls[i].asked, "%s: %u were asked", calls[i].why, asked);
		check(strcmp(end.words, calls[i].words) == 0, "%s: \"%s\"", calls[i].why, end.words);
		check((last_flags & FLAG_RD) != 0 &&
		    ((last_flags & FLAG_CD) != 0) == (calls[i].flags == ACME_RESOLVE_CD),
		    "%s: flags %x", calls[i].why, last_flags);
		acme_resolve_free(r);
		acme_port_free(port);
		event_base_free(base);
	}
}

static void
test_one_of_them(void **state)
{
	const unsigned who[] = { RCODE_NOERROR, RCODE_REFUSED };
	struct end end = { 0 };
	struct acme_port *port;
	struct dname name;

	(void)state;
	base = event_base_new();
	struct acme_resolve *r = make(who, 2, false, &port);
	assert_int_equal(dname_from_str("a.test", &name), ERR_OK);
	assert_string_equal(acme_resolve_at(r, 1)->name, "127.0.0.5");
	check(acme_resolve_at(r, 2) == NULL && acme_resolve_at(NULL, 0) == NULL, "there are no more");
	assert_int_equal(acme_resolve_start_at(r, 1, name.octets, TYPE_TXT, 0, 100, on_done, &end, NULL), ERR_OK);
	event_base_dispatch(base);
	check(end.err == ERR_PEER && strcmp(end.words, "127.0.0.5: REFUSED") == 0, "no other is asked: %s", end.words);
	check(acme_resolve_start_at(r, 2, name.octets, TYPE_TXT, 0, 100, on_done, &end, NULL) == ERR_NOT_FOUND,
	    "no third");
	acme_resolve_free(r);
	acme_port_free(port);
	event_base_free(base);
}

static void
test_nobody(void **state)
{
	const unsigned who[] = { RCODE_NOERROR };
	struct end end = { 0 };
	struct acme_port *port;
	struct dname name;

	(void)state;
	base = event_base_new();
	assert_int_equal(dname_from_str("a.test", &name), ERR_OK);
	check(acme_resolve_start(NULL, name.octets, TYPE_TXT, 0, 100, on_done, &end, NULL) == ERR_NOT_FOUND,
	    "no resolvers");
	check(!acme_resolve_outside_allowed(NULL), "nothing to ask");
	for (size_t n = 0; n < 2; n++) {		/* none, and one that a closed network keeps from being asked */
		struct acme_resolve *r = make(who, n, true, &port);

		check(acme_resolve_start(r, name.octets, TYPE_TXT, 0, 100, on_done, &end, NULL) == ERR_NOT_FOUND, "%zu",
		    n);
		check(acme_resolve_start_at(r, 0, name.octets, TYPE_TXT, 0, 100, on_done, &end, NULL) == ERR_NOT_FOUND,
		    "%zu", n);
		check(!acme_resolve_outside_allowed(r), "nobody may be asked");
		acme_resolve_free(r);
		acme_port_free(port);
	}
	event_base_free(base);
	check(end.times == 0, "no answer came");
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	event_base_loopbreak(base);
}

/* Given up before, while and after it is asked; and at the end of everything. */
static void
test_cancel(void **state)
{
	const unsigned who[] = { SILENT };
	struct dname name;

	(void)state;
	assert_int_equal(dname_from_str("a.test", &name), ERR_OK);
	for (unsigned ms = 0; ms <= 30; ms += 10) {
		struct acme_resolve_call *call = NULL;
		struct end end = { 0 };
		struct acme_port *port;

		base = event_base_new();
		struct acme_resolve *r = make(who, 1, false, &port);
		assert_int_equal(acme_resolve_start(r, name.octets, TYPE_TXT, 0, 20, on_done, &end, &call), ERR_OK);
		if (ms > 0) {
			struct event *stop = event_new(base, -1, 0, on_stop, NULL);

			event_add(stop, &(struct timeval){ 0, ms * 1000 / 2 });
			event_base_dispatch(base);
			event_free(stop);
		}
		if (ms < 30)
			acme_resolve_cancel(call);
		acme_resolve_free(r);
		event_base_dispatch(base);		/* the answer that nobody waits for */
		acme_port_free(port);
		event_base_free(base);
		check(end.times == 0, "no answer comes after %u ms", ms);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_one_of_them),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

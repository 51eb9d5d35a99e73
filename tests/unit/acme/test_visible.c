/* The ways of a self-check in a world where each server shows a challenge after a time of its own. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "acme/propagation.h"
#include "base/clock.h"
#include "wire/message.h"

#define CHALLENGE "_acme-challenge.h.example.test"
#define NEVER 100000
#define PLACES 4

/* A server at 127.0.0.<number>. */
struct place {
	uint8_t number;
	const char *ns;			/* as a name server; NULL: it is a resolver */
	bool unknown;			/* its address is not known here */
	unsigned shows_ms, speaks_ms;	/* since the start: the challenge; anything at all */
	unsigned rcode;			/* until then */
	uint32_t negative_s;
	bool by_alias;			/* as resolvers that follow a CNAME */
	unsigned asked;
	int64_t first_ms;
};

static struct place places[PLACES];
static struct acme_check how;
static struct event_base *base;
static int64_t started_ms;
static bool here;

static struct waiting {
	struct waiting *next, **link;
	struct event *timer;
	struct place *place;
	struct question q;
	void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words);
	void *arg;
} *all_waiting;

/* ---- the outside ---- */

static struct sockaddr_in
address_of(uint8_t number)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + number) };
}

static void
add_challenge(struct wr *w, struct msg_header *h, const struct place *p, const struct question *q)
{
	struct dname target;

	assert_int_equal(dname_from_str("c.elsewhere.test", &target), ERR_OK);
	if (p->by_alias)
		msg_rr_write(w, q->qname.octets, TYPE_CNAME, CLASS_IN, 60, target.octets, dname_len(target.octets));
	msg_rr_write(w, p->by_alias ? target.octets : q->qname.octets, TYPE_TXT, CLASS_IN, 60, (const uint8_t *)"\3one",
	    4);
	h->ancount = p->by_alias ? 2 : 1;
}

/* Every host of test. has the address 127.0.0.9 and that of one of our listeners, 127.0.0.2. */
static void
add_addresses(struct wr *w, struct msg_header *h, const struct question *q)
{
	if (q->qtype != TYPE_A)
		return;
	msg_rr_write(w, q->qname.octets, TYPE_A, CLASS_IN, 60, (const uint8_t *)"\177\0\0\11", 4);
	msg_rr_write(w, q->qname.octets, TYPE_A, CLASS_IN, 60, (const uint8_t *)"\177\0\0\2", 4);
	h->ancount = 2;
}

static size_t
answer(const struct place *p, const struct question *q, uint8_t *msg, size_t room)
{
	static const uint8_t soa[] = "\2ns\0\4root\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0";
	struct msg_header h = { .flags = FLAG_QR, .qdcount = 1 };
	bool shows = clock_mono_ms() - started_ms >= p->shows_ms;
	struct dname apex;
	uint8_t rdata[64];
	struct wr w;

	wr_init(&w, msg, room);
	msg_header_write(&w, &h);
	question_write(&w, q);
	if (q->qtype != TYPE_TXT)
		add_addresses(&w, &h, q);
	else if (shows)
		add_challenge(&w, &h, p, q);
	else {
		h.flags |= (uint16_t)p->rcode;
		assert_int_equal(dname_from_str("example.test", &apex), ERR_OK);
		memcpy(rdata, soa, sizeof soa);
		store_u32(rdata + sizeof soa - 4, p->negative_s);
		msg_rr_write(&w, apex.octets, TYPE_SOA, CLASS_IN, 3600, rdata, sizeof soa);
		h.nscount = 1;
	}
	store_u16(msg + 2, h.flags);
	wr_patch_u16(&w, 6, h.ancount);
	wr_patch_u16(&w, 8, h.nscount);
	return wr_len(&w);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *a = arg;
	uint8_t msg[512];

	(void)fd, (void)what;
	if (clock_mono_ms() - started_ms < a->place->speaks_ms)
		a->answered(a->arg, NULL, 0, "no answer");
	else
		a->answered(a->arg, msg, answer(a->place, &a->q, msg, sizeof msg), "");
	event_free(a->timer);
	*a->link = a->next;
	if (a->next != NULL)
		a->next->link = a->link;
	free(a);
}

static void
ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg)
{
	uint8_t number = (uint8_t)ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
	struct waiting *a = calloc(1, sizeof *a);
	unsigned ms;

	(void)ctx;
	for (size_t i = 0; i < PLACES; i++)
		if (places[i].number == number)
			a->place = &places[i];
	check(a->place != NULL, "127.0.0.%u is not asked", number);
	check(((flags & FLAG_RD) != 0) == (a->place->ns == NULL), "recursion is desired from resolvers alone");
	a->link = &all_waiting;
	if ((a->next = all_waiting) != NULL)
		a->next->link = &a->next;
	all_waiting = a;
	a->place->asked++;
	if (a->place->first_ms == 0)
		a->place->first_ms = clock_mono_ms() - started_ms;
	a->q = (struct question){ .qtype = qtype, .qclass = CLASS_IN };
	dname_copy(&a->q.qname, qname);
	a->answered = answered;
	a->arg = arg;
	a->timer = event_new(base, -1, 0, on_time, a);
	ms = clock_mono_ms() - started_ms < a->place->speaks_ms ? timeout_ms : 2;
	event_add(a->timer, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

static void
servers(void *ctx, const uint8_t *zone, void (*found)(void *arg, const struct sockaddr *address, const char *server),
    void *arg)
{
	(void)ctx, (void)zone;
	for (size_t i = 0; i < PLACES; i++) {
		struct sockaddr_in a = address_of(places[i].number);

		if (places[i].ns != NULL)
			found(arg, places[i].unknown ? NULL : (struct sockaddr *)&a, places[i].ns);
	}
}

static void
how_to_check(void *ctx, const uint8_t *zone, struct acme_check *out)
{
	(void)ctx, (void)zone;
	*out = how;
}

static bool
is_ours(void *ctx, const struct sockaddr *address)
{
	(void)ctx;
	return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) == INADDR_LOOPBACK + 1;
}

static enum err
lookup(void *ctx, const uint8_t *name, uint16_t type, struct rr_list *out)
{
	(void)ctx;
	return here ? rr_list_add(out, &(struct rr){ name, (const uint8_t *)"\3one", 60, type, 4 }) : ERR_OK;
}

/* ---- the table ---- */

#define AUTHORITATIVE ACME_CHECK_AUTHORITATIVE
#define RESOLVER ACME_CHECK_RESOLVER

static const struct { const char *why; struct place places[PLACES]; unsigned ways; bool waive, closed; enum err err;
	unsigned asked; const char *words; } rows[] = {
	{ "nowhere but here", { { .number = 1, .ns = "ns1" }, { .number = 53 } }, 0, false, false, ERR_OK, 0, "" },
	{ "on name servers alone", { { .number = 1, .ns = "ns1" }, { .number = 3, .ns = "ns2", .shows_ms = 300 },
	    { .number = 53 } }, AUTHORITATIVE, false, false, ERR_OK, 4, "" },
	{ "a resolver that is asked when it is on all name servers, and so never remembers that it was not",
	    { { .number = 1, .ns = "ns1", .shows_ms = 400 }, { .number = 53, .shows_ms = 400, .rcode = RCODE_NXDOMAIN,
	    .negative_s = 3600 } },
	    AUTHORITATIVE | RESOLVER, false, false, ERR_OK, 4, "" },
	{ "a resolver that knows an older state, and for how long",
	    { { .number = 1, .ns = "ns1" }, { .number = 53, .shows_ms = NEVER, .rcode = RCODE_NXDOMAIN,
	    .negative_s = 300 } },
	    AUTHORITATIVE | RESOLVER, false, false, ERR_TIMEOUT, 2,
	    "127.0.0.53 did not show the challenge for h.example.test within 1 s (last: NXDOMAIN, which it may "
	    "remember for 300 s)" },
	{ "a resolver that remembers for a second is asked after it",
	    { { .number = 1, .ns = "ns1" }, { .number = 53, .shows_ms = 100, .rcode = RCODE_NXDOMAIN,
	    .negative_s = 1 } },
	    AUTHORITATIVE | RESOLVER, false, false, ERR_OK, 3, "" },
	{ "two resolvers, of which both must show it", { { .number = 53 }, { .number = 54, .shows_ms = NEVER } },
	    RESOLVER, false, false, ERR_TIMEOUT, 5,
	    "127.0.0.54 did not show the challenge for h.example.test within 1 s (last: no such record)" },
	{ "a resolver that follows an alias", { { .number = 53, .by_alias = true } }, RESOLVER, false, false, ERR_OK, 1,
	    "" },
	{ "a bogus name", { { .number = 53, .shows_ms = NEVER, .rcode = RCODE_SERVFAIL } }, RESOLVER, false, false,
	    ERR_TIMEOUT, 4, "within 1 s (last: SERVFAIL)" },
	{ "three that lag, and one more", { { .number = 1, .ns = "ns1", .shows_ms = NEVER }, { .number = 3, .ns = "ns2",
	    .shows_ms = NEVER },
	    { .number = 4, .ns = "ns3", .shows_ms = NEVER, .rcode = RCODE_REFUSED }, { .number = 5, .ns = "ns4",
	    .shows_ms = NEVER } }, AUTHORITATIVE, false, false, ERR_TIMEOUT, 16,
	    "ns1 did not show the challenge for h.example.test within 1 s (last: no such record); neither did "
	    "ns2 for h.example.test (last: no such record); neither did ns3 for h.example.test (last: REFUSED); and 1 "
	    "more" },
	{ "a server that is silent for too long", { { .number = 1, .ns = "ns1" }, { .number = 3, .ns = "ns2",
	    .speaks_ms = NEVER } }, AUTHORITATIVE, false, false, ERR_TIMEOUT, 3,
	    "ns2 was asked for the challenge for h.example.test and has not answered for 1 s (last: no answer)" },
	{ "one that is waived", { { .number = 1, .ns = "ns1" }, { .number = 3, .ns = "ns2", .speaks_ms = NEVER } },
	    AUTHORITATIVE, true, false, ERR_OK, 3, "" },
	{ "one that is silent only for a while", { { .number = 3, .ns = "ns2", .speaks_ms = 300 } }, AUTHORITATIVE,
	    false, false, ERR_OK, 2, "" },
	{ "a resolver that is waived beside another one", { { .number = 53, .speaks_ms = NEVER }, { .number = 54 } },
	    RESOLVER, true, false, ERR_OK, 3, "" },
	{ "the only resolver cannot be waived", { { .number = 53, .speaks_ms = NEVER } }, RESOLVER, true, false,
	    ERR_TIMEOUT, 4, "127.0.0.53 did not show the challenge for h.example.test within 2 s" },
	{ "a name server whose addresses a resolver knows, less ours", { { .number = 1, .ns = "ns1" }, { .number = 9,
	    .ns = "ns.test", .unknown = true },
	    { .number = 53 } }, AUTHORITATIVE, false, false, ERR_OK, 4, "" },
	{ "and that lags", { { .number = 9, .ns = "ns.test", .unknown = true, .shows_ms = NEVER }, { .number = 53 } },
	    AUTHORITATIVE, false, false, ERR_TIMEOUT, 6, "ns.test (127.0.0.9) did not show the challenge for "
	    "h.example.test within 1 s" },
	{ "a name server whose addresses nobody knows is left out", { { .number = 1, .ns = "ns1" }, { .number = 9,
	    .ns = "ns.test", .unknown = true } },
	    AUTHORITATIVE, false, false, ERR_OK, 1, "" },
	{ "a name server whose addresses are not found out", { { .number = 9, .ns = "ns.test", .unknown = true },
	    { .number = 53, .speaks_ms = NEVER } }, AUTHORITATIVE, false, false, ERR_TIMEOUT, 2,
	    "ns.test was asked for the challenge for h.example.test and has not answered for 1 s (last: its address is "
	    "not found" },
};

struct end {
	unsigned times;
	enum err err;
	char words[600];
};

static void
on_done(void *arg, enum err err, const char *words)
{
	struct end *end = arg;

	end->times++;
	end->err = err;
	snprintf(end->words, sizeof end->words, "%s", words);
	event_base_loopbreak(base);
}

static void
run(struct end *end, bool closed, unsigned timeout_s)
{
	struct acme_outside outside = { .lookup = lookup, .check = how_to_check, .servers = servers, .is_ours = is_ours,
	    .ask = ask };
	struct acme_proof proof = { .value = (char []){ "one" } };
	struct sockaddr_in addresses[PLACES];
	struct acme_resolver resolvers[PLACES];
	char names[PLACES][20];
	struct acme_resolve_config config = { .resolvers = resolvers, .closed = closed };
	struct acme_propagation_setup setup = { .proofs = &proof, .n = 1, .timeout_s = timeout_s };
	struct acme_propagation *p = NULL;

	for (size_t i = 0; i < PLACES; i++)
		if (places[i].number != 0 && places[i].ns == NULL) {
			addresses[config.n] = address_of(places[i].number);
			snprintf(names[config.n], sizeof names[0], "127.0.0.%u", places[i].number);
			resolvers[config.n] = (struct acme_resolver){ .kind = ACME_RESOLVER_PLAIN,
			    .name = names[config.n],
				.address = (struct sockaddr *)&addresses[config.n] };
			config.n++;
		}
	assert_int_equal(dname_from_str(CHALLENGE, &proof.name), ERR_OK);
	assert_int_equal(dname_from_str(CHALLENGE, &proof.way.owner), ERR_OK);
	assert_int_equal(dname_from_str("example.test", &proof.way.zone), ERR_OK);
	setup.base = base = event_base_new();
	assert_int_equal(acme_port_new(&outside, base, &setup.port), ERR_OK);
	assert_int_equal(acme_resolve_new(&config, setup.port, base, &setup.resolve), ERR_OK);
	started_ms = clock_mono_ms();
	assert_int_equal(acme_propagation_start(&setup, on_done, end, &p), ERR_OK);
	check(end->times == 0, "done comes later");
	check(strstr(acme_propagation_step(p), "h.example.test") != NULL, "%s", acme_propagation_step(p));
	event_base_dispatch(base);
	acme_propagation_free(p);
	acme_resolve_free(setup.resolve);
	while (all_waiting != NULL)		/* answers that nobody waits for */
		on_time(-1, 0, all_waiting);
	acme_port_free(setup.port);
	event_base_free(base);
}

static void
test_ways(void **state)
{
	(void)state;
	here = true;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct end end = { 0 };
		unsigned asked = 0, timeout_s = 20;

		memcpy(places, rows[i].places, sizeof places);
		how = (struct acme_check){ rows[i].ways, 1, rows[i].waive };
		/* Only those who wait for the end of time have little of it. */
		if (strstr(rows[i].words, "within 1 s") != NULL)
			timeout_s = 1;
		else if (strstr(rows[i].words, "within 2 s") != NULL)
			timeout_s = 2;
		run(&end, rows[i].closed, timeout_s);
		for (size_t k = 0; k < PLACES; k++)
			asked += places[k].asked;
		check(end.times == 1 && end.err == rows[i].err, "%s: %s (%s)", rows[i].why, err_str(end.err),
		    end.words);
		check(strstr(end.words, rows[i].words) != NULL, "%s: \"%s\"", rows[i].why, end.words);
		/* A slow machine asks less often than the table says, never more often. */
		check(asked <= rows[i].asked && (asked > 0) == (rows[i].asked > 0), "%s: asked %u times, not %u",
		    rows[i].why, asked, rows[i].asked);
	}
}

/* The second round begins when the first has seen all; alone it waits for name servers that nobody asks. */
static void
test_order(void **state)
{
	struct end end = { 0 };

	(void)state;
	here = true;
	memset(places, 0, sizeof places);
	places[0] = (struct place){ .number = 1, .ns = "ns1", .shows_ms = 300 };
	places[1] = (struct place){ .number = 53, .shows_ms = 0 };
	how = (struct acme_check){ ACME_CHECK_AUTHORITATIVE | ACME_CHECK_RESOLVER, 60, false };
	run(&end, false, 20);
	check(end.err == ERR_OK && places[1].asked == 1 && places[1].first_ms >= 300, "the resolver waits: %lld ms",
	    (long long)places[1].first_ms);
	places[1].asked = 0;
	places[1].first_ms = 0;
	how.ways = ACME_CHECK_RESOLVER;
	end.times = 0;
	run(&end, false, 20);
	check(end.err == ERR_OK && places[1].first_ms >= 900, "a moment: %lld ms", (long long)places[1].first_ms);
	here = false;
	places[1].asked = 0;
	end.times = 0;
	run(&end, false, 2);
	check(end.err == ERR_TIMEOUT && places[1].asked == 0, "nobody is asked while it is not even here");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

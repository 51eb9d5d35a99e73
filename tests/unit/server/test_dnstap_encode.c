/* server/dnstap_encode.c: what is encoded says the same when it is decoded. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "server/dnstap.pb-c.h"
#include "server/dnstap_encode.h"

#define QUERY_NS INT64_C(1795363200123456789)
#define RESPONSE_NS INT64_C(1795363200999999999)
#define EXAMPLE "\7example\3com"

static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";
static const char response[] = "\x12\x34\x85\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";
static const char update[] = "\x12\x34\x28\0\0\1\0\0\0\0\0\0\7example\3com\0\0\6\0\1";
static const char updated[] = "\x12\x34\xa8\0\0\0\0\0\0\0\0\0";

static const struct {
	const char *why, *msg;
	size_t n;
	bool is_response, tcp, ipv6;
	const char *peer, *local, *zone;
	size_t zone_len;
	int64_t query_ns;
	Dnstap__Message__Type type;
} rows[] = {
	{ "a query over UDP and IPv4", query, sizeof query - 1, false, false, false, "192.0.2.7", "192.0.2.1", "", 0, QUERY_NS,
	    DNSTAP__MESSAGE__TYPE__AUTH_QUERY },
	{ "its response", response, sizeof response - 1, true, false, false, "192.0.2.7", "192.0.2.1", EXAMPLE,
	    sizeof EXAMPLE, QUERY_NS, DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE },
	{ "a query over TCP and IPv6", query, sizeof query - 1, false, true, true, "2001:db8::7", "2001:db8::1", "", 0, QUERY_NS,
	    DNSTAP__MESSAGE__TYPE__AUTH_QUERY },
	{ "an update", update, sizeof update - 1, false, true, true, "2001:db8::7", "2001:db8::1", EXAMPLE, sizeof EXAMPLE,
	    QUERY_NS, DNSTAP__MESSAGE__TYPE__UPDATE_QUERY },
	{ "its response, long after", updated, sizeof updated - 1, true, true, false, "192.0.2.7", "0.0.0.0", EXAMPLE,
	    sizeof EXAMPLE, QUERY_NS - INT64_C(60000000000), DNSTAP__MESSAGE__TYPE__UPDATE_RESPONSE },
	{ "a response whose query was not seen, in the root zone", response, sizeof response - 1, true, false, false,
	    "192.0.2.7", "192.0.2.1", "", 1, 0, DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE },
};

static struct dnstap_event *
event_of(unsigned i)
{
	struct dnstap_event *e = calloc(1, sizeof *e + rows[i].zone_len + rows[i].n);
	int family = rows[i].ipv6 ? AF_INET6 : AF_INET;

	check(e != NULL, "there is memory");
	e->query_ns = rows[i].query_ns;
	e->response_ns = rows[i].is_response ? RESPONSE_NS : 0;
	e->is_response = rows[i].is_response;
	e->tcp = rows[i].tcp;
	e->ipv6 = rows[i].ipv6;
	e->query_port = 40113;
	e->response_port = 53;
	inet_pton(family, rows[i].peer, e->query_address);
	inet_pton(family, rows[i].local, e->response_address);
	e->zone_len = (uint8_t)rows[i].zone_len;
	e->n = (uint32_t)rows[i].n;
	memcpy(e->octets, rows[i].zone, rows[i].zone_len);
	memcpy(e->octets + rows[i].zone_len, rows[i].msg, rows[i].n);
	return e;
}

static bool
same(ProtobufCBinaryData found, const void *wanted, size_t n)
{
	return found.len == n && memcmp(found.data, wanted, n) == 0;
}

static void
check_ends(const Dnstap__Message *m, const struct dnstap_event *e, const char *why)
{
	size_t n = e->ipv6 ? 16 : 4;

	check(m->socket_family == (e->ipv6 ? DNSTAP__SOCKET_FAMILY__INET6 : DNSTAP__SOCKET_FAMILY__INET), "%s: family", why);
	check(m->socket_protocol == (e->tcp ? DNSTAP__SOCKET_PROTOCOL__TCP : DNSTAP__SOCKET_PROTOCOL__UDP), "%s: protocol",
	    why);
	check(same(m->query_address, e->query_address, n) && m->query_port == 40113, "%s: the client", why);
	check(same(m->response_address, e->response_address, n) && m->response_port == 53, "%s: the server", why);
}

static void
check_times(const Dnstap__Message *m, unsigned i)
{
	if (rows[i].query_ns == 0)
		check(!m->has_query_time_sec && !m->has_query_time_nsec, "%s: no time of a query", rows[i].why);
	else
		check(m->query_time_sec == (uint64_t)rows[i].query_ns / 1000000000 && m->query_time_nsec == 123456789,
		    "%s: the time of the query", rows[i].why);
	check(m->has_response_time_sec == rows[i].is_response, "%s: the time of a response is there", rows[i].why);
	if (rows[i].is_response)
		check(m->response_time_sec == 1795363200 && m->response_time_nsec == 999999999,
		    "%s: the time of the response", rows[i].why);
}

static void
test_rows(void **state)
{
	const struct dnstap_sender named = { "ns1", "certnsd 1" }, nameless = { NULL, NULL };
	uint8_t out[2048];

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dnstap_event *e = event_of(i);
		size_t n = dnstap_encode(e, &named, out, sizeof out), bare;
		Dnstap__Dnstap *d = dnstap__dnstap__unpack(NULL, n, out);
		const char *why = rows[i].why;

		check(n > 0 && d != NULL && d->type == DNSTAP__DNSTAP__TYPE__MESSAGE, "%s can be read", why);
		check(same(d->identity, "ns1", 3) && same(d->version, "certnsd 1", 9), "%s: whose it is", why);
		check(d->message->type == rows[i].type, "%s: type %d", why, d->message->type);
		check_ends(d->message, e, why);
		check_times(d->message, i);
		check(d->message->has_query_zone == (rows[i].zone_len > 0) && (rows[i].zone_len == 0 ||
		    same(d->message->query_zone, rows[i].zone, rows[i].zone_len)), "%s: the zone", why);
		check(same(rows[i].is_response ? d->message->response_message : d->message->query_message, rows[i].msg,
		    rows[i].n), "%s: the message", why);
		check(rows[i].is_response ? !d->message->has_query_message : !d->message->has_response_message,
		    "%s: one message only", why);
		dnstap__dnstap__free_unpacked(d, NULL);

		check(dnstap_encode(e, &named, out, n) == n && dnstap_encode(e, &named, out, n - 1) == 0, "%s: room", why);
		bare = dnstap_encode(e, &nameless, out, sizeof out);
		d = dnstap__dnstap__unpack(NULL, bare, out);
		check(bare < n && d != NULL && !d->has_identity && !d->has_version, "%s: of nobody", why);
		dnstap__dnstap__free_unpacked(d, NULL);
		free(e);
	}
}

/* DNSTAP_ENCODE_MORE is enough for the longest of everything. */
static void
test_longest(void **state)
{
	static uint8_t out[65535 + DNSTAP_ENCODE_MORE];
	struct dnstap_event *e = calloc(1, sizeof *e + 255 + 65535);
	char text[256];
	const struct dnstap_sender sender = { text, text };

	(void)state;
	check(e != NULL, "there is memory");
	memset(text, 'x', 255);
	text[255] = '\0';
	memset(e, 0xff, sizeof *e);
	e->query_ns = e->response_ns = INT64_MAX;
	e->is_response = e->tcp = e->ipv6 = true;
	e->zone_len = 255;
	e->n = 65535;
	memset(e->octets, 0xff, 255 + 65535);
	check(dnstap_encode(e, &sender, out, sizeof out) > 65535 + 3 * 255, "it fits");
	free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

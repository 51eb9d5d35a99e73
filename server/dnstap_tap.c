/* server/dnstap_tap.c -- the side of the threads that answer: a message is noted down. */
#include "server/dnstap_internal.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/dnstap_encode.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/rrtype.h"
#include "zones/zoneset.h"

#define MSG_QR 0x80			/* in the third octet */

void
dnstap_begin(struct dnstap_tap *t)
{
	t->received_ns = clock_now_ns();
}

static bool
is_update(const uint8_t *msg)
{
	return (msg[2] >> 3 & 15) == OPCODE_UPDATE;
}

/* IPv4 that came in over an IPv6 socket is IPv4. */
static void
note_address(const struct sockaddr *a, bool *ipv6, uint8_t octets[16], uint16_t *port)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
	const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;

	memset(octets, 0, 16);
	*ipv6 = false;
	*port = 0;
	if (a == NULL)
		return;
	if (a->sa_family != AF_INET6) {
		memcpy(octets, &four->sin_addr, 4);
		*port = ntohs(four->sin_port);
		return;
	}
	*port = ntohs(six->sin6_port);
	*ipv6 = !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
	memcpy(octets, six->sin6_addr.s6_addr + (*ipv6 ? 0 : 12), *ipv6 ? 16 : 4);
}

/* The name of the question, and its type; NULL: there is none to be read. */
static const uint8_t *
read_question(const uint8_t *msg, size_t n, struct dname *name, uint16_t *qtype)
{
	struct rd r = rd_over(msg, n);

	if (n < MSG_HEADER_SIZE || load_u16(msg + 4) == 0)
		return NULL;
	rd_take(&r, MSG_HEADER_SIZE);
	rd_dname(&r, name);
	*qtype = rd_u16(&r);
	return r.bad ? NULL : name->octets;
}

/* The zone that the question is about.  NULL: none of ours, or it cannot be told. */
static const uint8_t *
find_zone(const struct zoneset *zones, const uint8_t *msg, size_t n, struct dname *name)
{
	const struct zone_store *store = NULL;
	const uint8_t *qname;
	uint16_t qtype;

	if ((qname = read_question(msg, n, name, &qtype)) == NULL || zones == NULL || is_update(msg))
		return qname;
	if (qtype == TYPE_DS)
		store = zoneset_find(zones, qname, true);	/* RFC 4035, section 3.1.4.1 */
	if (store == NULL)
		store = zoneset_find(zones, qname, false);
	return store == NULL ? NULL : zone_store_apex(store);
}

/* The receiver looks by itself now and then.  It is woken where that might be too late. */
static void
wake_if_needed(struct dnstap_tap *t)
{
	const uint64_t one = 1;

	if (!dnstap_ring_is_half_full(&t->ring) || atomic_load_explicit(&t->woke, memory_order_relaxed))
		return;
	atomic_store_explicit(&t->woke, true, memory_order_relaxed);
	if (write(t->wake_fd, &one, sizeof one) < 0)
		return;			/* it is woken already */
}

static void
note(struct dnstap_tap *t, const struct dnstap_ends *ends, const struct dnstap_event *times, const uint8_t *zone,
    const uint8_t *msg, size_t n)
{
	size_t zone_len = zone == NULL ? 0 : dname_len(zone);
	struct dnstap_event *e = dnstap_ring_room(&t->ring, sizeof *e + zone_len + n);
	bool ipv6;

	if (e != NULL) {
		e->query_ns = times->query_ns;
		e->response_ns = times->response_ns;
		e->is_response = times->is_response;
		e->tcp = ends->tcp;
		note_address(ends->local, &ipv6, e->response_address, &e->response_port);
		note_address(ends->peer, &e->ipv6, e->query_address, &e->query_port);
		e->zone_len = (uint8_t)zone_len;
		e->n = (uint32_t)n;
		if (zone_len > 0)
			memcpy(e->octets, zone, zone_len);
		memcpy(e->octets + zone_len, msg, n);
		dnstap_ring_send(&t->ring, sizeof *e + zone_len + n);
	}
	wake_if_needed(t);
}

void
dnstap_request(struct dnstap_tap *t, const struct dnstap_ends *ends, const uint8_t *msg, size_t n)
{
	const unsigned wants = atomic_load_explicit(&t->wants, memory_order_acquire);
	struct dname name;

	/* What is too short for a header, or an answer, is no request. */
	if (n < MSG_HEADER_SIZE || (msg[2] & MSG_QR) != 0 || (wants & (is_update(msg) ? DNSTAP_WANTS_UPDATES :
	    DNSTAP_WANTS_QUERIES)) == 0)
		return;
	note(t, ends, &(struct dnstap_event){ .query_ns = t->received_ns }, is_update(msg) ?
	    find_zone(NULL, msg, n, &name) : NULL, msg, n);
}

void
dnstap_response(struct dnstap_tap *t, const struct dnstap_ends *ends, int64_t query_ns, const struct zoneset *zones,
    const uint8_t *msg, size_t n)
{
	const unsigned wants = atomic_load_explicit(&t->wants, memory_order_acquire);
	struct dname name;

	if (n < MSG_HEADER_SIZE || (wants & (is_update(msg) ? DNSTAP_WANTS_UPDATES : DNSTAP_WANTS_RESPONSES)) == 0)
		return;
	note(t, ends, &(struct dnstap_event){ .query_ns = query_ns, .response_ns = clock_now_ns(), .is_response = true },
	    find_zone(zones, msg, n, &name), msg, n);
}

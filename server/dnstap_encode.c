#include "server/dnstap_encode.h"

#include <string.h>

#include "server/dnstap.pb-c.h"
#include "wire/message.h"

/* The library's structures have no const; it only reads. */
static ProtobufCBinaryData
octets(const void *p, size_t n)
{
	return (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)p, .len = n };
}

static Dnstap__Message__Type
type_of(const struct dnstap_event *e, const uint8_t *msg)
{
	if ((msg[2] >> 3 & 15) == OPCODE_UPDATE)
		return e->is_response ? DNSTAP__MESSAGE__TYPE__UPDATE_RESPONSE : DNSTAP__MESSAGE__TYPE__UPDATE_QUERY;
	return e->is_response ? DNSTAP__MESSAGE__TYPE__AUTH_RESPONSE : DNSTAP__MESSAGE__TYPE__AUTH_QUERY;
}

static void
fill_ends(Dnstap__Message *m, const struct dnstap_event *e)
{
	size_t n = e->ipv6 ? 16 : 4;

	m->has_socket_family = m->has_socket_protocol = true;
	m->socket_family = e->ipv6 ? DNSTAP__SOCKET_FAMILY__INET6 : DNSTAP__SOCKET_FAMILY__INET;
	m->socket_protocol = e->tcp ? DNSTAP__SOCKET_PROTOCOL__TCP : DNSTAP__SOCKET_PROTOCOL__UDP;
	m->has_query_address = m->has_response_address = m->has_query_port = m->has_response_port = true;
	m->query_address = octets(e->query_address, n);
	m->response_address = octets(e->response_address, n);
	m->query_port = e->query_port;
	m->response_port = e->response_port;
}

static void
fill_times(Dnstap__Message *m, const struct dnstap_event *e)
{
	if (e->query_ns > 0) {
		m->has_query_time_sec = m->has_query_time_nsec = true;
		m->query_time_sec = (uint64_t)e->query_ns / 1000000000;
		m->query_time_nsec = (uint32_t)(e->query_ns % 1000000000);
	}
	if (e->is_response) {
		m->has_response_time_sec = m->has_response_time_nsec = true;
		m->response_time_sec = (uint64_t)e->response_ns / 1000000000;
		m->response_time_nsec = (uint32_t)(e->response_ns % 1000000000);
	}
}

static void
fill_octets(Dnstap__Message *m, const struct dnstap_event *e, const uint8_t *msg)
{
	if (e->zone_len > 0) {
		m->has_query_zone = true;
		m->query_zone = octets(e->octets, e->zone_len);
	}
	if (e->is_response) {
		m->has_response_message = true;
		m->response_message = octets(msg, e->n);
	} else {
		m->has_query_message = true;
		m->query_message = octets(msg, e->n);
	}
}

size_t
dnstap_encode(const struct dnstap_event *e, const struct dnstap_sender *sender, uint8_t *out, size_t room)
{
	const uint8_t *msg = e->octets + e->zone_len;
	Dnstap__Message m = DNSTAP__MESSAGE__INIT;
	Dnstap__Dnstap d = DNSTAP__DNSTAP__INIT;

	m.type = type_of(e, msg);
	fill_ends(&m, e);
	fill_times(&m, e);
	fill_octets(&m, e, msg);
	d.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	d.message = &m;
	if (sender->identity != NULL) {
		d.has_identity = true;
		d.identity = octets(sender->identity, strlen(sender->identity));
	}
	if (sender->version != NULL) {
		d.has_version = true;
		d.version = octets(sender->version, strlen(sender->version));
	}
	return dnstap__dnstap__get_packed_size(&d) <= room ? dnstap__dnstap__pack(&d, out) : 0;
}

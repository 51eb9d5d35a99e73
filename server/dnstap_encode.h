/* server/dnstap_encode.h -- one message that came or went as dnstap (https://dnstap.info) has it.  A pure function. */
#ifndef SERVER_DNSTAP_ENCODE_H
#define SERVER_DNSTAP_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a thread that answers notes down of a message; it goes through a ring as it is. */
struct dnstap_event {
	int64_t query_ns, response_ns;	/* since the epoch; query_ns 0: not known */
	bool is_response, tcp, ipv6;
	uint8_t zone_len;		/* 0: not known */
	uint16_t query_port, response_port;
	uint8_t query_address[16], response_address[16];	/* IPv4: the first four octets */
	uint32_t n;
	uint8_t octets[];		/* the zone's name, then the message of n octets, which has a header at least */
};

/* Beside what varies: what all messages of a server have.  NULL: left out. */
struct dnstap_sender {
	const char *identity, *version;
};

/* More than a message takes beside its octets, with an identity and a version of 255 octets each. */
#define DNSTAP_ENCODE_MORE 1024

/* Returns the length; 0: it does not fit into room, or there is no memory. */
size_t dnstap_encode(const struct dnstap_event *e, const struct dnstap_sender *sender, uint8_t *out, size_t room);

#endif

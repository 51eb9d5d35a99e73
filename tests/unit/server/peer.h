/* tests/unit/server/peer.h -- a DNS server on loopback that follows a script, in the test's own event base. */
#ifndef TESTS_UNIT_SERVER_PEER_H
#define TESTS_UNIT_SERVER_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "tsig/tsig.h"
#include "wire/message.h"

struct bufferevent;
struct event;
struct event_base;
struct evconnlistener;

#define PEER_STREAMS_MAX 64

/* What the peer sends back, one string for each request, one character for each message:
 *   a  the answer          R  the answer with rcode REFUSED     t  an answer with TC set
 *   i  a wrong ID          q  another question                  o  another opcode
 *   g  five octets         r  the request itself                e  the answer, but from another port
 *   s  a wrong signature   u  the answer, unsigned              h  the header alone, FORMERR
 *   c  (TCP) the connection is closed
 * An empty string is silence.  Behind the last string everything is silence. */
struct peer {
	struct event_base *base;
	const char *const *udp_script, *const *tcp_script;	/* ended by NULL */
	struct tsig_keyring *ring;
	struct sockaddr_storage address;
	socklen_t len;

	unsigned udp_requests, tcp_requests;
	uint8_t last[MSG_MAX];		/* the last request, its TSIG taken off */
	size_t last_n;
	uint16_t last_port;		/* it came from */
	enum tsig_status last_tsig;

	int fd, elsewhere;
	struct event *readable;
	struct evconnlistener *listener;
	struct bufferevent *streams[PEER_STREAMS_MAX];
};

/* The caller's: a key of this name, and a ring that has the same one. */
struct tsig_key *peer_key(const uint8_t *name);
struct tsig_keyring *peer_ring(const uint8_t *name);

void peer_start(struct peer *p, struct event_base *base, int family);
void peer_stop(struct peer *p);

#endif

/* server/tcp_internal.h -- shared by server/tcp.c (what connections carry, and when they end) and server/tcp_accept.c (who gets one), and by
 * nobody else. */
#ifndef SERVER_TCP_INTERNAL_H
#define SERVER_TCP_INTERNAL_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event_struct.h>

#include "base/log.h"
#include "base/siphash.h"
#include "server/frame.h"
#include "server/tcp.h"

#define NEIGHBOURHOODS 1024		/* a power of two */

struct connection {
	TAILQ_ENTRY(connection) link;	/* in tcp->open, idlest first, or tcp->unused */
	LIST_ENTRY(connection) neighbour;	/* in tcp->neighbours, while open */
	struct tcp *tcp;
	int fd;
	uint64_t generation;
	struct event read_event, write_event;
	struct sockaddr_storage peer, local;
	socklen_t peer_len, local_len;

	struct frame_reader in;
	struct buf out;
	size_t sent;			/* octets of out that the socket has taken */
	bool ended;			/* the client sends no more */
	bool broken;			/* to be closed as soon as nobody looks at it */
	unsigned pending;		/* requests at the keeper */
	int64_t active_ms;		/* last request or answer */

	struct axfr *transfer;		/* NULL: none runs */
	bool listens;			/* it is kept for NOTIFYs, and may bring their answers */
	bool awaits_transfer;		/* the keeper is asked for one: nothing may overtake it */
	int64_t transfer_ms, window_ms;	/* start of it, and of the window */
	uint64_t transfer_octets, window_octets;
};

TAILQ_HEAD(connections, connection);
LIST_HEAD(neighbours, connection);

struct tcp_listener {
	struct tcp_listener *next;
	struct tcp *tcp;
	struct event *event;
	bool paused;			/* no file descriptors: until the next sweep */
};

struct tcp {
	struct event_base *base;
	struct handler *handler;
	struct tcp_listener *listeners;
	struct event *sweep;
	struct connections open, unused;
	struct connection *slots;
	unsigned per_address;
	struct log_seldom shed, refused;
	struct neighbours neighbours[NEIGHBOURHOODS];	/* open connections by a hash of their address */
	uint8_t hash_key[SIPHASH_KEY];
	uint8_t scratch[2 + MSG_MAX];	/* an answer under way: length, message */
};

/* The slot has its peer and stands in tcp->open and among its neighbours: serve it. */
void tcp_begin(struct connection *c, int fd);

/* why: for the log, where a transfer runs. */
void tcp_close_connection(struct connection *c, const char *why);

/* An event's callback; arg: the struct tcp_listener. */
void tcp_on_acceptable(evutil_socket_t fd, short events, void *arg);

#endif

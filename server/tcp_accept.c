/* Who gets a connection, and which of the others makes room for it: the idlest of the same address where that has too many, the idlest of
 * all where there are too many or files run out.  Those at work stay. */
#include "server/tcp_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"

#define ACCEPTS_MAX 64

/* What counts as one address: an IPv6 host has a whole /64 to choose from. */
static const uint8_t *
address_octets(const struct sockaddr_storage *a, size_t *n)
{
	*n = a->ss_family == AF_INET6 ? 8 : 4;
	return a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr :
	    (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;
}

static struct neighbours *
neighbours_of(struct tcp *t, const struct sockaddr_storage *peer)
{
	size_t n;
	const uint8_t *octets = address_octets(peer, &n);

	return &t->neighbours[siphash24(t->hash_key, octets, n) & (NEIGHBOURHOODS - 1)];
}

static bool
is_at_work(const struct connection *c)
{
	return c->transfer != NULL || c->pending > 0;
}

/* For a new connection of peer, which may be NULL: of files there were too few. */
static void
shed(struct connection *c, const struct sockaddr_storage *peer)
{
	struct tcp *t = c->tcp;
	char text[CONFIG_ADDRESS_TEXT];
	uint64_t n;

	counter_add(&t->handler->counters.tcp_shed, 1);
	if (log_seldom(&t->shed, clock_mono_ms(), &n))
		log_warning("TCP: as many connections as there may be, %s%s: the idlest make room, %llu since the last "
		    "such line", peer != NULL ? "now for a new one of " : "and no more open files",
		    peer != NULL ? config_address_print((const struct sockaddr *)peer, text) : "",
		    (unsigned long long)n);
	tcp_close_connection(c, "");
}

static void
refuse(struct tcp *t, int fd, const struct sockaddr_storage *peer)
{
	char text[CONFIG_ADDRESS_TEXT];
	uint64_t n;

	close(fd);
	counter_add(&t->handler->counters.tcp_refused, 1);
	if (log_seldom(&t->refused, clock_mono_ms(), &n))
		log_warning("TCP: no room for a connection of %s, for all the others are at work: %llu since the last "
		    "such line", config_address_print((const struct sockaddr *)peer, text), (unsigned long long)n);
}

/* May there be another connection from peer's address?  Its idlest one makes room if need be. */
static bool
admit(struct tcp *t, const struct sockaddr_storage *peer)
{
	struct connection *c, *idlest = NULL;
	unsigned count = 0;
	size_t n;
	const uint8_t *octets = address_octets(peer, &n);

	if (t->per_address == 0)
		return true;
	LIST_FOREACH(c, neighbours_of(t, peer), neighbour) {
		if (c->peer.ss_family != peer->ss_family || memcmp(address_octets(&c->peer, &n), octets, n) != 0)
			continue;
		count++;
		if (!is_at_work(c) && (idlest == NULL || c->active_ms <= idlest->active_ms))
			idlest = c;		/* of two the one behind: it was opened first */
	}
	if (count < t->per_address)
		return true;
	if (idlest != NULL)
		shed(idlest, peer);
	return idlest != NULL;
}

/* The idlest connection goes.  False: all are at work. */
static bool
shed_idlest(struct tcp *t, const struct sockaddr_storage *peer)
{
	struct connection *c;

	TAILQ_FOREACH(c, &t->open, link) {
		if (!is_at_work(c)) {
			shed(c, peer);
			return true;
		}
	}
	return false;
}

/* A slot for a new connection, the idlest one's if need be.  NULL: all are at work. */
static struct connection *
take_slot(struct tcp *t, const struct sockaddr_storage *peer)
{
	struct connection *c;

	if (TAILQ_EMPTY(&t->unused) && !shed_idlest(t, peer))
		return NULL;
	c = TAILQ_FIRST(&t->unused);
	TAILQ_REMOVE(&t->unused, c, link);
	TAILQ_INSERT_TAIL(&t->open, c, link);
	counter_add(&t->handler->counters.tcp_connections, 1);
	return c;
}

static void
open_connection(struct tcp *t, int fd, const struct sockaddr_storage *peer, socklen_t peer_len)
{
	struct connection *c = admit(t, peer) ? take_slot(t, peer) : NULL;

	if (c == NULL) {
		refuse(t, fd, peer);
		return;
	}
	memcpy(&c->peer, peer, peer_len);
	c->peer_len = peer_len;
	LIST_INSERT_HEAD(neighbours_of(t, &c->peer), c, neighbour);
	tcp_begin(c, fd);
}

void
tcp_on_acceptable(evutil_socket_t fd, short events, void *arg)
{
	struct tcp_listener *l = arg;
	struct sockaddr_storage peer;

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		socklen_t n = sizeof peer;
		int accepted = accept4(fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			open_connection(l->tcp, accepted, &peer, n);
		} else if (errno == EMFILE || errno == ENFILE) {
			if (!shed_idlest(l->tcp, NULL)) {
				event_del(l->event);	/* it would stay readable */
				l->paused = true;
				return;
			}
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* server/exchange.c -- the client side of DNS over UDP and TCP.
 *
 * An exchange is one socket at a time: a connected UDP socket with a port of the system's choosing (Linux draws it at
 * random), then perhaps a TCP connection.  The kernel drops datagrams that do not come from the peer's address; what
 * has a wrong ID, question or signature is passed over here, since anybody can send that, and the wait goes on.  The
 * best that was heard meanwhile becomes the reason when nothing better comes in time. */
#include "server/exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/clock.h"
#include "wire/message.h"

/* Octets that a TSIG record may take: two names, the fixed fields, the longest MAC and "other data". */
#define TSIG_ROOM (2 * DNAME_MAX + TSIG_MAC_MAX + 64)
#define DATAGRAMS_AT_ONCE 16		/* so that a flood leaves the loop its turn */

struct exchange {
	struct event_base *base;
	struct sockaddr_storage to, from;
	socklen_t to_len;
	bool has_from;

	uint8_t *msg;			/* the request, unsigned, with our ID */
	size_t n;
	struct msg_header header;
	struct question question;
	const struct tsig_key *key;
	int64_t signed_at_s;
	struct tsig_exchange tsig;
	uint8_t *wire;			/* the request as sent */
	size_t wire_n, wire_room;

	unsigned timeout_ms, tries, sent;
	int64_t started_ms;
	struct event *timer;		/* the next transmission, or the end */
	int fd;				/* UDP; -1: none */
	struct event *readable;
	struct bufferevent *tcp;	/* owns its socket */

	enum err problem;		/* heard so far */
	struct fault fault;
	void (*done)(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words);
	void *arg;
};

static void
close_sockets(struct exchange *x)
{
	if (x->readable != NULL)
		event_free(x->readable);
	x->readable = NULL;
	if (x->fd >= 0)
		close(x->fd);
	x->fd = -1;
	if (x->tcp != NULL)
		bufferevent_free(x->tcp);
	x->tcp = NULL;
}

static void
exchange_free(struct exchange *x)
{
	close_sockets(x);
	if (x->timer != NULL)
		event_free(x->timer);
	tsig_exchange_clear(&x->tsig);
	free(x->msg);
	free(x->wire);
	free(x);
}

void
exchange_cancel(struct exchange *x)
{
	if (x != NULL)
		exchange_free(x);
}

/* The caller hears the end, and x is gone. */
static void
finish(struct exchange *x, enum err err, const uint8_t *msg, size_t n)
{
	close_sockets(x);
	event_del(x->timer);
	x->done(x->arg, err, msg, n, err == ERR_OK ? "" : fault_str(&x->fault, err));
	exchange_free(x);
}

static void
set_timer(struct exchange *x, int64_t at_ms)
{
	int64_t wait_ms = at_ms - clock_mono_ms();
	struct timeval wait;

	if (wait_ms < 0)
		wait_ms = 0;
	wait.tv_sec = (time_t)(wait_ms / 1000);
	wait.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
	evtimer_add(x->timer, &wait);
}

/* Fail from the loop: done() must not run inside exchange_start(). */
static void
fail_soon(struct exchange *x, enum err err, const char *what, int errnum)
{
	x->problem = fault_set(&x->fault, err, "%s: %s", what, strerror(errnum));
	x->timeout_ms = 0;
	close_sockets(x);
	set_timer(x, x->started_ms);
}

/* The same key, octets and time give the same MAC, so this also brings x->tsig back to where the request left it. */
static enum err
sign(struct exchange *x)
{
	memcpy(x->wire, x->msg, x->n);
	x->wire_n = x->n;
	if (x->key == NULL)
		return ERR_OK;
	tsig_exchange_clear(&x->tsig);
	x->wire_n = tsig_sign_request(x->key, x->wire, x->n, x->wire_room, x->signed_at_s, &x->tsig);
	return x->wire_n == 0 ? ERR_CRYPTO : ERR_OK;
}

/* Does msg answer our request?  RFC 5452, section 9.1, less the addresses, which the kernel has seen to. */
static bool
answers_us(const struct exchange *x, const uint8_t *msg, size_t n, bool *truncated)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question q;

	msg_header_read(&r, &h);
	if (r.bad || h.id != x->header.id || (h.flags & FLAG_QR) == 0 || msg_opcode(&h) != msg_opcode(&x->header))
		return false;
	*truncated = (h.flags & FLAG_TC) != 0;
	/* RFC 2136, section 3.8, lets the answer to an UPDATE go without its sections, and servers that reject a
	 * message unread send the header alone. */
	if (h.qdcount == 0)
		return msg_opcode(&h) == OPCODE_UPDATE || (h.flags & 15) != RCODE_NOERROR;
	return h.qdcount == 1 && question_read(&r, &q) && dname_equal(q.qname.octets, x->question.qname.octets) &&
	    q.qtype == x->question.qtype && q.qclass == x->question.qclass;
}

static void start_tcp(struct exchange *x);

/* One message from the peer.  True: x is finished and gone, or has gone over to TCP. */
static bool
take(struct exchange *x, uint8_t *msg, size_t n)
{
	bool truncated;
	enum err err;

	if (!answers_us(x, msg, n, &truncated))
		return false;
	if (truncated && x->tcp == NULL) {
		close_sockets(x);
		start_tcp(x);
		return true;
	}
	if (x->key != NULL &&
	    (err = tsig_verify_response(&x->tsig, msg, &n, true, clock_now_s(), &x->fault)) != ERR_OK) {
		x->problem = err;
		/* Over UDP this may be a forgery, and the answer still on its way (RFC 8945, section 5.3). */
		if (x->tcp == NULL && sign(x) == ERR_OK)
			return false;
		finish(x, err, NULL, 0);
		return true;
	}
	finish(x, ERR_OK, msg, n);
	return true;
}

static void
on_tcp_read(struct bufferevent *tcp, void *arg)
{
	struct exchange *x = arg;
	struct evbuffer *in = bufferevent_get_input(tcp);
	uint8_t length[2], *msg;

	while (evbuffer_copyout(in, length, 2) == 2) {
		size_t n = (size_t)(length[0] << 8 | length[1]);
		bool over;

		if (evbuffer_get_length(in) < 2 + n)
			return;
		if ((msg = malloc(n + 1)) == NULL) {
			finish(x, ERR_NOMEM, NULL, 0);
			return;
		}
		evbuffer_drain(in, 2);
		evbuffer_remove(in, msg, n);
		over = take(x, msg, n);
		free(msg);
		if (over)
			return;
	}
}

static void
on_tcp_event(struct bufferevent *tcp, short events, void *arg)
{
	struct exchange *x = arg;

	(void)tcp;
	if ((events & BEV_EVENT_EOF) != 0)
		fault_set(&x->fault, ERR_NETWORK, "the peer closed the TCP connection without an answer");
	else if ((events & BEV_EVENT_ERROR) != 0)
		fault_set(&x->fault, ERR_NETWORK, "TCP: %s", strerror(EVUTIL_SOCKET_ERROR()));
	else
		return;
	finish(x, ERR_NETWORK, NULL, 0);
}

/* A socket bound to the source address that was asked for; -1 with errno. */
static int
open_socket(const struct exchange *x, int type)
{
	int fd = socket(x->to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = x->from.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int saved;

	if (fd < 0 || !x->has_from || bind(fd, (const struct sockaddr *)&x->from, len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void
start_tcp(struct exchange *x)
{
	uint8_t length[2] = { (uint8_t)(x->wire_n >> 8), (uint8_t)x->wire_n };
	int fd = open_socket(x, SOCK_STREAM);

	if (fd < 0) {
		fail_soon(x, err_from_errno(errno), "TCP socket", errno);
		return;
	}
	x->tcp = bufferevent_socket_new(x->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (x->tcp == NULL) {
		close(fd);
		fail_soon(x, ERR_NOMEM, "TCP", ENOMEM);
		return;
	}
	bufferevent_setcb(x->tcp, on_tcp_read, NULL, on_tcp_event, x);
	if (bufferevent_write(x->tcp, length, 2) != 0 || bufferevent_write(x->tcp, x->wire, x->wire_n) != 0 ||
	    bufferevent_enable(x->tcp, EV_READ | EV_WRITE) != 0 ||
	    bufferevent_socket_connect(x->tcp, (struct sockaddr *)&x->to, (int)x->to_len) != 0) {
		fail_soon(x, ERR_NETWORK, "TCP connect", errno);
		return;
	}
	set_timer(x, x->started_ms + x->timeout_ms);
}

static void
on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct exchange *x = arg;
	uint8_t msg[MSG_MAX];

	(void)events;
	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		ssize_t n = recv(fd, msg, sizeof msg, 0);

		if (n >= 0) {
			if (take(x, msg, (size_t)n))
				return;
		} else if (errno == EAGAIN || errno == EINTR) {
			return;
		} else {
			/* An ICMP error for what was sent.  The peer may be starting: later tries decide. */
			x->problem = fault_set(&x->fault, ERR_NETWORK, "UDP: %s", strerror(errno));
		}
	}
}

static void
send_datagram(struct exchange *x)
{
	if (send(x->fd, x->wire, x->wire_n, 0) < 0)
		x->problem = fault_set(&x->fault, ERR_NETWORK, "UDP: %s", strerror(errno));
	x->sent++;
	set_timer(x, x->started_ms + (int64_t)x->timeout_ms * x->sent / x->tries);
}

static void
start_udp(struct exchange *x)
{
	x->fd = open_socket(x, SOCK_DGRAM);
	if (x->fd < 0 || connect(x->fd, (struct sockaddr *)&x->to, x->to_len) != 0) {
		fail_soon(x, ERR_NETWORK, "UDP socket", errno);
		return;
	}
	x->readable = event_new(x->base, x->fd, EV_READ | EV_PERSIST, on_readable, x);
	if (x->readable == NULL || event_add(x->readable, NULL) != 0) {
		fail_soon(x, ERR_NOMEM, "UDP", ENOMEM);
		return;
	}
	send_datagram(x);
}

static void
on_timer(evutil_socket_t fd, short events, void *arg)
{
	struct exchange *x = arg;

	(void)fd, (void)events;
	if (x->fd >= 0 && x->sent < x->tries) {
		send_datagram(x);
		return;
	}
	if (x->problem == ERR_OK)
		x->problem = fault_set(&x->fault, ERR_TIMEOUT, "no answer over %s within %u ms",
		    x->tcp != NULL ? "TCP" : "UDP", x->timeout_ms);
	finish(x, x->problem, NULL, 0);
}

/* Copy the request with an ID of our own, and sign it. */
static enum err
prepare(struct exchange *x, const struct exchange_request *request)
{
	struct rd r;

	x->wire_room = request->n + TSIG_ROOM > MSG_MAX ? MSG_MAX : request->n + TSIG_ROOM;
	x->msg = malloc(request->n + 1);
	x->wire = malloc(x->wire_room);
	x->timer = evtimer_new(x->base, on_timer, x);
	if (x->msg == NULL || x->wire == NULL || x->timer == NULL)
		return ERR_NOMEM;
	memcpy(x->msg, request->msg, request->n);
	random_fill(x->msg, 2);
	r = rd_over(x->msg, x->n);
	msg_header_read(&r, &x->header);
	if (x->header.qdcount != 1 || !question_read(&r, &x->question))
		return ERR_FORMAT;
	return sign(x);
}

enum err
exchange_start(struct event_base *base, const struct exchange_request *request, struct exchange **out)
{
	struct exchange *x;
	enum err err;

	if (request->n < MSG_HEADER_SIZE || request->n > MSG_MAX)
		return ERR_FORMAT;
	if ((x = calloc(1, sizeof *x)) == NULL)
		return ERR_NOMEM;
	x->base = base;
	x->to = request->to;
	x->to_len = request->to_len;
	if (request->from != NULL && request->from->sa_family == request->to.ss_family) {
		x->has_from = true;
		memcpy(&x->from, request->from, request->from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
		    sizeof(struct sockaddr_in));
	}
	x->n = request->n;
	x->key = request->key;
	x->signed_at_s = clock_now_s();
	x->timeout_ms = request->timeout_ms;
	x->tries = request->tries == 0 ? 1 : request->tries;
	x->started_ms = clock_mono_ms();
	x->fd = -1;
	x->done = request->done;
	x->arg = request->arg;
	if ((err = prepare(x, request)) != ERR_OK) {
		exchange_free(x);
		return err;
	}
	if (request->tcp)
		start_tcp(x);
	else
		start_udp(x);
	*out = x;
	return ERR_OK;
}

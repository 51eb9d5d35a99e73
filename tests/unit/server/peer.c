#include "tests/unit/server/peer.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "tests/unit/check.h"

/* One message of the script into out; 0: none. */
static size_t
say(const struct peer *p, struct tsig_exchange *tsig, char what, uint8_t *out, size_t room)
{
	size_t n = p->last_n;

	if (what == 'g')
		return memcpy(out, "12345", 5), 5;
	memcpy(out, p->last, n);
	if (what == 'r')
		return n;
	out[2] |= 0x80;
	switch (what) {
	case 'i':	out[1] ^= 1; break;
	case 'q':	out[n - 3] ^= 1; break;		/* the type, where the question ends the message */
	case 'o':	out[2] ^= 0x28; break;
	case 't':	out[2] |= 0x02; break;
	case 'R':	out[3] = RCODE_REFUSED; break;
	case 'h':
		memset(out + 4, 0, 8);
		out[3] = RCODE_FORMERR;
		return MSG_HEADER_SIZE;
	}
	if (tsig->status == TSIG_VALID && what != 'u') {
		n = tsig_sign_response(tsig, out, n, room, clock_now_s());
		assert_int_not_equal(n, 0);
		if (what == 's')
			out[n - 20] ^= 1;		/* within the MAC */
	}
	return n;
}

/* Every message of one reply gets its signature from the same request. */
static void
take(struct peer *p, const uint8_t *msg, size_t n, struct tsig_exchange *tsig)
{
	memset(tsig, 0, sizeof *tsig);
	memcpy(p->last, msg, n);
	p->last_n = n;
	p->last_tsig = tsig_verify_request(p->ring, p->last, &p->last_n, clock_now_s(), tsig);
}

static const char *
next_line(const char *const *script, unsigned i)
{
	if (script == NULL)
		return "";
	for (unsigned k = 0; k < i && *script != NULL; k++)
		script++;
	return *script == NULL ? "" : *script;
}

static void
on_datagram(evutil_socket_t fd, short events, void *arg)
{
	struct peer *p = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	uint8_t in[MSG_MAX], out[MSG_MAX];
	ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);

	(void)events;
	if (n <= 0)
		return;
	p->last_port = ntohs(((struct sockaddr_in *)&from)->sin_port);	/* the same place in sockaddr_in6 */
	for (const char *s = next_line(p->udp_script, p->udp_requests++); ; s++) {
		struct tsig_exchange tsig;
		size_t out_n;

		take(p, in, (size_t)n, &tsig);
		out_n = *s == '\0' ? 0 : say(p, &tsig, *s, out, sizeof out);
		tsig_exchange_clear(&tsig);
		if (*s == '\0')
			break;
		sendto(*s == 'e' ? p->elsewhere : fd, out, out_n, 0, (struct sockaddr *)&from, len);
	}
}

static void
close_stream(struct peer *p, struct bufferevent *tcp)
{
	for (int i = 0; i < PEER_STREAMS_MAX; i++)
		if (p->streams[i] == tcp)
			p->streams[i] = NULL;
	bufferevent_free(tcp);
}

static void
on_stream(struct bufferevent *tcp, void *arg)
{
	struct peer *p = arg;
	struct evbuffer *in = bufferevent_get_input(tcp);
	uint8_t length[2], request[MSG_MAX], out[MSG_MAX];
	size_t n;

	if (evbuffer_copyout(in, length, 2) != 2 ||
	    evbuffer_get_length(in) < 2 + (n = (size_t)(length[0] << 8 | length[1])))
		return;
	evbuffer_drain(in, 2);
	evbuffer_remove(in, request, n);
	for (const char *s = next_line(p->tcp_script, p->tcp_requests++); ; s++) {
		struct tsig_exchange tsig;
		size_t out_n;

		take(p, request, n, &tsig);
		out_n = *s == '\0' || *s == 'c' ? 0 : say(p, &tsig, *s, out, sizeof out);
		tsig_exchange_clear(&tsig);
		if (*s == '\0')
			break;
		if (*s == 'c') {
			close_stream(p, tcp);
			break;
		}
		length[0] = (uint8_t)(out_n >> 8);
		length[1] = (uint8_t)out_n;
		bufferevent_write(tcp, length, 2);
		bufferevent_write(tcp, out, out_n);
	}
}

static void
on_stream_end(struct bufferevent *tcp, short events, void *arg)
{
	if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		close_stream(arg, tcp);
}

static void
on_connection(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *arg)
{
	struct peer *p = arg;
	struct bufferevent *tcp = bufferevent_socket_new(p->base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)l, (void)from, (void)len;
	assert_non_null(tcp);
	for (int i = 0; ; i++) {
		assert_true(i < PEER_STREAMS_MAX);
		if (p->streams[i] == NULL) {
			p->streams[i] = tcp;
			break;
		}
	}
	bufferevent_setcb(tcp, on_stream, NULL, on_stream_end, p);
	bufferevent_enable(tcp, EV_READ | EV_WRITE);
}

/* A UDP socket on a free port of loopback; its address goes to *address. */
static int
open_udp(int family, struct sockaddr_storage *address, socklen_t *len)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memset(address, 0, sizeof *address);
	address->ss_family = (sa_family_t)family;
	if (family == AF_INET6)
		in6->sin6_addr = in6addr_loopback;
	else
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*len = family == AF_INET6 ? sizeof *in6 : sizeof *in;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, *len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, len), 0);
	return fd;
}

struct tsig_key *
peer_key(const uint8_t *name)
{
	struct tsig_key *key;

	assert_int_equal(tsig_key_new(name, TSIG_HMAC_SHA256, (const uint8_t *)"0123456789abcdef", 16, &key), ERR_OK);
	return key;
}

struct tsig_keyring *
peer_ring(const uint8_t *name)
{
	struct tsig_keyring *ring;

	assert_int_equal(tsig_keyring_new(&ring), ERR_OK);
	assert_int_equal(tsig_keyring_add(ring, peer_key(name)), ERR_OK);
	return ring;
}

void
peer_start(struct peer *p, struct event_base *base, int family)
{
	struct sockaddr_storage other;
	socklen_t other_len;

	p->base = base;
	p->elsewhere = open_udp(family, &other, &other_len);
	for (int i = 0; i < 100 && p->listener == NULL; i++) {	/* until the port is free for TCP, too */
		if (i > 0)
			close(p->fd);
		p->fd = open_udp(family, &p->address, &p->len);
		p->listener = evconnlistener_new_bind(base, on_connection, p, LEV_OPT_CLOSE_ON_FREE, 8,
		    (struct sockaddr *)&p->address, (int)p->len);
	}
	assert_non_null(p->listener);
	p->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_datagram, p);
	assert_int_equal(event_add(p->readable, NULL), 0);
}

void
peer_stop(struct peer *p)
{
	for (int i = 0; i < PEER_STREAMS_MAX; i++)
		if (p->streams[i] != NULL)
			bufferevent_free(p->streams[i]);
	event_free(p->readable);
	evconnlistener_free(p->listener);
	close(p->fd);
	close(p->elsewhere);
	tsig_keyring_unref(p->ring);
}

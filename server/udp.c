/* Up to UDP_BATCH requests are taken by one system call, answered into buffers of their own, and sent by one call.  A
 * busy socket is served for a few batches in a row, then the event loop has its turn.  Everything is allocated at
 * start. */
#include "server/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>

#include "base/clock.h"
#include "server/listen.h"
#include "zones/rcu.h"

#define UDP_BATCH 64
#define UDP_BATCHES_IN_A_ROW 8
#define REQUEST_SIZE 4096		/* an UPDATE may be larger than a query */
#define RESPONSE_SIZE (4096 + 192) /* what edns-udp-size may be; not all in the same lines of the processor's cache */
#define CONTROL_SIZE 64

struct udp_socket {
	struct udp_socket *next;
	struct udp *udp;
	struct event *event;
	int fd;
	unsigned index;
	bool any;			/* bound to all addresses: each datagram says which one it came to */
	struct sockaddr_storage local;
	socklen_t local_len;
};

union control {
	struct cmsghdr align;
	uint8_t octets[CONTROL_SIZE];
};

struct udp {
	struct event_base *base;
	struct handler *handler;
	struct udp_socket *sockets;
	unsigned nsockets;

	unsigned used;			/* headers of in that the last batch left unfit for receiving */
	bool for_any;			/* in has room for the address that a datagram came to */
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_octets[UDP_BATCH], out_octets[UDP_BATCH];
	struct sockaddr_storage peers[UDP_BATCH];
	union control controls[UDP_BATCH];
	struct plain ahead[ZONESET_TOGETHER];	/* requests that are looked up together */
	uint8_t requests[UDP_BATCH][REQUEST_SIZE];
	uint8_t responses[UDP_BATCH][RESPONSE_SIZE];
};

/* The address a datagram came to; also makes control fit for sending the answer from there.  The route decides about
 * the interface, except where an address means nothing without one.  Gives false where control says nothing of it. */
static bool
read_control(struct msghdr *h, const struct udp_socket *s, struct sockaddr_storage *local, int *interface)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (c == NULL)
		return false;
	memcpy(local, &s->local, sizeof *local);
	*interface = 0;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(c);

		info->ipi_ifindex = 0;
		((struct sockaddr_in *)local)->sin_addr = info->ipi_spec_dst;
		return true;
	}
	if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);

		if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
			info->ipi6_ifindex = 0;
		*interface = (int)info->ipi6_ifindex;
		((struct sockaddr_in6 *)local)->sin6_addr = info->ipi6_addr;
		return true;
	}
	return false;
}

/* The same for an answer that comes later. */
static void
write_control(struct msghdr *h, const struct job *j)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (j->local.ss_family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_ifindex = (unsigned)j->interface };

		info.ipi6_addr = ((const struct sockaddr_in6 *)&j->local)->sin6_addr;
		*c = (struct cmsghdr){ CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO };
		memcpy(CMSG_DATA(c), &info, sizeof info);
		h->msg_controllen = CMSG_SPACE(sizeof info);
	} else {
		struct in_pktinfo info = { .ipi_spec_dst = ((const struct sockaddr_in *)&j->local)->sin_addr };

		*c = (struct cmsghdr){ CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO };
		memcpy(CMSG_DATA(c), &info, sizeof info);
		h->msg_controllen = CMSG_SPACE(sizeof info);
	}
}

static void
prepare(struct udp *u, const struct udp_socket *s)
{
	unsigned n = s->any == u->for_any ? u->used : UDP_BATCH;

	for (unsigned i = 0; i < n; i++)
		u->in[i].msg_hdr.msg_namelen = sizeof u->peers[i];
	for (unsigned i = 0; i < n && (s->any || u->for_any); i++) {
		u->in[i].msg_hdr.msg_control = s->any ? u->controls[i].octets : NULL;
		u->in[i].msg_hdr.msg_controllen = s->any ? CONTROL_SIZE : 0;
	}
	u->for_any = s->any;
	u->used = 0;
}

/* Work on the i-th datagram; its answer, if there is one, becomes the k-th.  Gives whether there is.  client: what is the
 * same for the batch. */
static inline bool
serve(struct udp *u, const struct udp_socket *s, struct client *client, unsigned i, const struct plain *plain, unsigned k,
    int64_t now_s)
{
	struct msghdr *in = &u->in[i].msg_hdr, *out = &u->out[k].msg_hdr;
	struct sockaddr_storage local;
	struct outcome o;

	client->peer = &u->peers[i];
	client->peer_len = in->msg_namelen;
	client->local = NULL;
	client->interface = 0;
	if (in->msg_controllen > 0 && read_control(in, s, &local, &client->interface))
		client->local = &local;
	/* A datagram that was cut is answered FORMERR: its end is missing. */
	handle_looked_up(u->handler, client, plain, u->requests[i], u->in[i].msg_len, now_s, u->responses[k],
	    RESPONSE_SIZE, &o);
	if (o.what != HANDLED_ANSWER)
		return false;
	out->msg_name = in->msg_name;
	out->msg_namelen = in->msg_namelen;
	out->msg_control = client->local != NULL ? in->msg_control : NULL;
	out->msg_controllen = client->local != NULL ? in->msg_controllen : 0;
	u->out_octets[k].iov_len = o.n;
	return true;
}

/* Work on a batch.  Gives how many answers there are. */
static unsigned
serve_batch(struct udp *u, const struct udp_socket *s, unsigned n, int64_t now_ms)
{
	struct client client = { .local_len = s->local_len, .now_ms = now_ms, .socket = s->index };
	int64_t now_s = now_ms / 1000;
	unsigned k = 0, together;

	for (unsigned i = 0; i < n; i += together) {
		together = n - i < ZONESET_TOGETHER ? n - i : ZONESET_TOGETHER;
		for (unsigned j = 0; j < together; j++)
			plain_read(&u->ahead[j], u->requests[i + j], u->in[i + j].msg_len);
		plain_look_up(u->ahead, together, u->handler->shared->zones);
		for (unsigned j = 0; j < together; j++)
			k += serve(u, s, &client, i + j, &u->ahead[j], k, now_s);
	}
	return k;
}

/* What the socket does not take is dropped, as the network may drop it: the client asks again. */
static void
send_batch(struct udp *u, int fd, unsigned n)
{
	unsigned sent = 0;

	while (sent < n) {
		int done = sendmmsg(fd, u->out + sent, n - sent, MSG_DONTWAIT);

		if (done > 0) {
			sent += (unsigned)done;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			counter_add(&u->handler->counters.unsent, n - sent);
			return;
		} else if (errno != EINTR) {
			counter_add(&u->handler->counters.unsent, 1);	/* this one's peer cannot be reached */
			sent++;
		}
	}
}

/* The address that a message came to, or comes from. */
static const struct sockaddr *
local_of(const struct msghdr *h, const struct udp_socket *s, struct sockaddr_storage *local)
{
	struct msghdr copy = *h;		/* reading changes what control says */
	union control control;
	int interface;

	if (h->msg_controllen == 0)
		return (const struct sockaddr *)&s->local;
	memcpy(&control, h->msg_control, sizeof control);
	copy.msg_control = control.octets;
	return (const struct sockaddr *)(read_control(&copy, s, local, &interface) ? local : &s->local);
}

/* For dnstap, before they are worked on, which changes them. */
static __attribute__((noinline)) void
tap_requests(struct udp *u, const struct udp_socket *s, unsigned n)
{
	struct sockaddr_storage local;

	dnstap_begin(u->handler->tap);
	for (unsigned i = 0; i < n; i++)
		dnstap_request(u->handler->tap, &(struct dnstap_ends){ .peer = (const struct sockaddr *)&u->peers[i],
		    .local = local_of(&u->in[i].msg_hdr, s, &local) }, u->requests[i], u->in[i].msg_len);
}

static __attribute__((noinline)) void
tap_answers(struct udp *u, const struct udp_socket *s, unsigned n)
{
	struct dnstap_tap *tap = u->handler->tap;
	struct sockaddr_storage local;

	for (unsigned k = 0; k < n; k++)
		dnstap_response(tap, &(struct dnstap_ends){ .peer = u->out[k].msg_hdr.msg_name,
		    .local = local_of(&u->out[k].msg_hdr, s, &local) }, tap->received_ns, u->handler->shared->zones,
		    u->responses[k], u->out_octets[k].iov_len);
}

static __attribute__((noinline)) unsigned
serve_tapped(struct udp *u, const struct udp_socket *s, unsigned n, int64_t now_ms)
{
	unsigned answers;

	tap_requests(u, s, n);
	answers = serve_batch(u, s, n, now_ms);
	tap_answers(u, s, answers);
	return answers;
}

static void
on_readable(evutil_socket_t fd, short events, void *arg)
{
	struct udp_socket *s = arg;
	struct udp *u = s->udp;
	int64_t now_ms;

	(void)events;
	rcu_thread_online();
	now_ms = clock_now_ms();
	for (unsigned round = 0; round < UDP_BATCHES_IN_A_ROW; round++) {
		int n;

		prepare(u, s);
		if ((n = recvmmsg(fd, u->in, UDP_BATCH, MSG_DONTWAIT, NULL)) <= 0)
			break;
		u->used = (unsigned)n;
		send_batch(u, fd, dnstap_is_on(u->handler->tap) ? serve_tapped(u, s, (unsigned)n, now_ms) :
		    serve_batch(u, s, (unsigned)n, now_ms));
		if (n < UDP_BATCH)
			break;
		rcu_quiescent_state();
	}
	rcu_thread_offline();
}

enum err
udp_new(struct event_base *base, struct handler *handler, struct udp **out)
{
	struct udp *u = calloc(1, sizeof *u);

	if (u == NULL)
		return ERR_NOMEM;
	u->base = base;
	u->handler = handler;
	u->used = UDP_BATCH;
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		u->in_octets[i] = (struct iovec){ u->requests[i], REQUEST_SIZE };
		u->out_octets[i] = (struct iovec){ u->responses[i], RESPONSE_SIZE };
		u->in[i].msg_hdr = (struct msghdr){ .msg_name = &u->peers[i], .msg_iov = &u->in_octets[i],
			.msg_iovlen = 1 };
		u->out[i].msg_hdr = (struct msghdr){ .msg_iov = &u->out_octets[i], .msg_iovlen = 1 };
	}
	*out = u;
	return ERR_OK;
}

enum err
udp_listen(struct udp *u, int fd, const struct config_address *address)
{
	struct udp_socket *s = calloc(1, sizeof *s);

	if (s == NULL || (s->event = event_new(u->base, fd, EV_READ | EV_PERSIST, on_readable, s)) == NULL) {
		free(s);
		return ERR_NOMEM;
	}
	s->udp = u;
	s->fd = fd;
	s->index = u->nsockets++;
	s->any = listen_is_any(address);
	s->local = address->address;
	s->local_len = address->len;
	s->next = u->sockets;
	u->sockets = s;
	return event_add(s->event, NULL) == 0 ? ERR_OK : ERR_IO;
}

bool
udp_reply(const struct udp *u, struct dnstap_tap *tap, const struct job *job, uint8_t *msg, size_t n)
{
	struct sockaddr_storage peer = job->peer;
	struct iovec octets = { msg, n };
	struct msghdr h = { .msg_name = &peer, .msg_namelen = job->peer_len, .msg_iov = &octets, .msg_iovlen = 1 };
	union control control = { 0 };
	const struct udp_socket *s = u->sockets;

	while (s != NULL && s->index != job->socket)
		s = s->next;
	if (s == NULL)
		return false;
	if (job->local_len > 0) {
		h.msg_control = control.octets;
		h.msg_controllen = CONTROL_SIZE;
		write_control(&h, job);
	}
	if (dnstap_is_on(tap))
		dnstap_response(tap, &(struct dnstap_ends){ .peer = (const struct sockaddr *)&job->peer,
		    .local = (const struct sockaddr *)(job->local_len > 0 ? &job->local : &s->local) },
		    job->received_ns, NULL, msg, n);
	return sendmsg(s->fd, &h, MSG_DONTWAIT) >= 0;
}

void
udp_free(struct udp *u)
{
	if (u == NULL)
		return;
	for (struct udp_socket *s = u->sockets, *next; s != NULL; s = next) {
		next = s->next;
		event_free(s->event);
		free(s);
	}
	free(u);
}

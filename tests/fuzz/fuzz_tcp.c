/* A TCP connection on which anything may come, in any pieces, through the sockets of server/tcp.c: what goes back is
 * whole messages, and the connection is gone in the end.
 *
 * Each piece has an octet of what happens and one of length before it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "server/listen.h"
#include "server/tcp.h"
#include "tests/unit/server/served.h"
#include "zones/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_JOBS = 1, READ = 2, END = 4, RUN = 8 };		/* of a piece's first octet */

#define READ_MAX (1 << 17)		/* then the client is fed up */

static struct served served;
static struct handler handler;
static struct event_base *base;
static struct tcp *tcp;
static int listening = -1;
static struct sockaddr_storage address;
static socklen_t address_len = sizeof address;

static void
must(bool condition)
{
	if (!condition)
		abort();
}

static void
stop(void)
{
	tcp_free(tcp);
	event_base_free(base);
	close(listening);
	rcu_thread_online();
	queue_free(handler.replies);
	ratelimit_free(handler.limits);
	served_stop(&served);
	rcu_unregister_thread();
}

static void
start(void)
{
	struct config_address any;

	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
	must(queue_new(8, &handler.replies) == ERR_OK && ratelimit_new(&handler.limits) == ERR_OK);
	handler.shared = &served.shared;
	rcu_thread_offline();
	must((base = event_base_new()) != NULL && config_address_parse("127.0.0.1", 0, &any) == ERR_OK);
	must(listen_tcp(&any, false, &listening, NULL) == ERR_OK);
	must(getsockname(listening, (struct sockaddr *)&address, &address_len) == 0);
	must(tcp_new(base, &handler, (struct tcp_limits){ .connections = 4 }, &tcp) == ERR_OK);
	must(tcp_listen(tcp, listening) == ERR_OK);
	atexit(stop);
}

static void
run(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The keeper has done what it was asked for. */
static void
answer_jobs(void)
{
	struct job *j;

	while ((j = queue_pop(served.shared.to_keeper)) != NULL) {
		uint8_t out[HANDLE_ROOM_MIN];

		rcu_thread_online();
		tcp_reply(tcp, j, out, handle_reply(&handler, j, 1700000000, out, sizeof out));
		rcu_thread_offline();
		job_free(j);
	}
}

/* What the server sent, as a stream: frames, each a response. */
struct peer {
	int fd;
	uint8_t in[2 + 65535];
	size_t n, total;
	bool closed;
};

static void
take_frames(struct peer *c)
{
	size_t at = 0, n;

	while (c->n - at >= 2 && (n = (size_t)(c->in[at] << 8 | c->in[at + 1])) + 2 <= c->n - at) {
		must(n >= 12 && (c->in[at + 4] & 0x80) != 0);
		at += n + 2;
	}
	memmove(c->in, c->in + at, c->n - at);
	c->n -= at;
}

static void
read_all(struct peer *c)
{
	ssize_t n;

	while (!c->closed && c->total < READ_MAX) {
		if ((n = recv(c->fd, c->in + c->n, sizeof c->in - c->n, MSG_DONTWAIT)) > 0) {
			c->n += (size_t)n;
			c->total += (size_t)n;
			take_frames(c);
		} else {
			c->closed = n == 0 || (errno != EAGAIN && errno != EINTR);
			break;
		}
	}
}

/* Gives how many octets of data it used. */
static size_t
piece(struct peer *c, const uint8_t *data, size_t size)
{
	uint8_t what = data[0];
	size_t n = size > 1 ? data[1] : 0;

	if (size < 2)
		return size;
	n = n > size - 2 ? size - 2 : n;
	if (n > 0 && !c->closed && send(c->fd, data + 2, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		c->closed = errno != EAGAIN;
	if ((what & RUN) != 0)
		run();
	if ((what & ANSWER_JOBS) != 0)
		answer_jobs();
	if ((what & READ) != 0)
		read_all(c);
	if ((what & END) != 0)
		shutdown(c->fd, SHUT_WR);
	return 2 + n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer c;
	struct linger reset = { 1, 0 };

	if (size > 1 << 16)
		return 0;
	if (base == NULL)
		start();
	c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c.n = c.total = 0;
	c.closed = false;
	must(c.fd >= 0 && connect(c.fd, (struct sockaddr *)&address, address_len) == 0);
	for (size_t at = 0; at < size;)
		at += piece(&c, data + at, size - at);
	for (unsigned i = 0; i < 3; i++) {
		run();
		answer_jobs();
		read_all(&c);
	}
	must(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);	/* ports are needed again */
	close(c.fd);
	for (unsigned i = 0; i < 100 && counter_get(&handler.counters.tcp_connections) > 0; i++) {
		run();
		answer_jobs();
	}
	must(counter_get(&handler.counters.tcp_connections) == 0);
	return 0;
}

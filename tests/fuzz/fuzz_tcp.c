/* A TCP connection on which anything may come, in any pieces, through the sockets of server/tcp.c: what goes back is
 * whole messages, and the connection is gone in the end.
 *
 * Each piece has an octet of what happens and one of length before it; it may be a message to be signed, or another
 * client comes and says nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "server/listen.h"
#include "server/tcp.h"
#include "tests/unit/server/served.h"
#include "zones/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWER_JOBS = 1, READ = 2, END = 4, RUN = 8, UPDATE_KEY = 16, TRANSFER_KEY = 32, ONE_MORE = 64 };

#define READ_MAX (1 << 17)		/* then the client is fed up */
#define IDLE_MAX 6			/* more than the server takes */
#define SMALL 4096			/* of the sockets' buffers, so that answers have to wait */

static struct served served;
static struct handler handler;
static struct event_base *base;
static struct tcp *tcp;
static struct ixfr *history;
static int listening = -1, idle[IDLE_MAX];
static unsigned nidle;
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
	ixfr_unref(history);
	rcu_unregister_thread();
}

static void
start(void)
{
	struct config_address any;
	int small = SMALL;

	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
	must(queue_new(8, &handler.replies) == ERR_OK && ratelimit_new(&handler.limits) == ERR_OK);
	handler.shared = &served.shared;
	rcu_thread_offline();
	must((base = event_base_new()) != NULL && config_address_parse("127.0.0.1", 0, &any) == ERR_OK);
	must(listen_tcp(&any, false, &listening, NULL) == ERR_OK);
	must(getsockname(listening, (struct sockaddr *)&address, &address_len) == 0);
	must(setsockopt(listening, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
	must(tcp_new(base, &handler, (struct tcp_limits){ .connections = 4 }, &tcp) == ERR_OK);
	must(tcp_listen(tcp, listening) == ERR_OK);
	history = served_history();
	atexit(stop);
}

static void
run(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* The keeper has done what it was asked for; as server/worker.c does it. */
static void
answer_job(struct job *j)
{
	static const uint8_t open[] = "\4open\7example";
	struct outcome o = { .what = HANDLED_ANSWER };
	uint8_t out[HANDLE_ROOM_MIN];

	if (j->kind == JOB_IXFR && dname_equal(j->request.question.qname.octets, open))
		j->ixfr = ixfr_ref(history);
	if (j->kind == JOB_IXFR)
		handle_history(&handler, j, time(NULL), out, sizeof out, &o);
	else
		o.n = handle_reply(&handler, j, time(NULL), out, sizeof out);
	if (o.what == HANDLED_TRANSFER)
		tcp_transfer(tcp, j, o.transfer);
	else
		tcp_reply(tcp, j, out, o.n);
}

/* A client that listens is told something: here a header, which take_frames() knows. */
static void
tell(struct job *j)
{
	static const uint8_t header[MSG_HEADER_SIZE] = { 0, 0, 0x80 };

	if ((j->reply = malloc(sizeof header)) == NULL)
		return;
	memcpy(j->reply, header, sizeof header);
	j->nreply = sizeof header;
	tcp_send(tcp, j);
}

static void
answer_jobs(void)
{
	struct job *j;

	while ((j = queue_pop(served.shared.to_keeper)) != NULL) {
		rcu_thread_online();
		if (j->kind == JOB_UPDATE || j->kind == JOB_IXFR)
			answer_job(j);
		else if (j->kind == JOB_LISTEN)
			tell(j);
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

/* What is sent for a piece: the octets that stand there, or the message that they are, signed and framed. */
static size_t
make_octets(uint8_t what, const uint8_t *data, size_t n, uint8_t out[SMALL])
{
	const char *key = (what & UPDATE_KEY) != 0 ? "u._update.example." : "t._transfer.example.";
	struct tsig_exchange x;
	size_t signed_n;

	if ((what & (UPDATE_KEY | TRANSFER_KEY)) == 0 || n < MSG_HEADER_SIZE) {
		memcpy(out, data, n);
		return n;
	}
	memcpy(out + 2, data, n);
	signed_n = tsig_sign_request(served_key(key), out + 2, n, SMALL - 2, time(NULL), &x);
	tsig_exchange_clear(&x);
	n = signed_n > 0 ? signed_n : n;
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	return n + 2;
}

static int
connect_client(int buffer)
{
	/* The system may have no port left, where others use them up: in a minute they are free. */
	for (int i = 0; i < 9000; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		must(fd >= 0);
		if (buffer > 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
		if (connect(fd, (struct sockaddr *)&address, address_len) == 0)
			return fd;
		fprintf(stderr, "connect: %s\n", strerror(errno));
		close(fd);
		usleep(10000);
	}
	abort();
}

static void
drop_client(int fd)
{
	struct linger reset = { 1, 0 };

	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);	/* ports are needed again */
	close(fd);
}

/* Gives how many octets of data it used. */
static size_t
piece(struct peer *c, const uint8_t *data, size_t size)
{
	uint8_t what = data[0], out[SMALL];
	size_t n = size > 1 ? data[1] : 0, sent;

	if (size < 2)
		return size;
	n = n > size - 2 ? size - 2 : n;
	sent = make_octets(what, data + 2, n, out);
	if (sent > 0 && !c->closed && send(c->fd, out, sent, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		c->closed = errno != EAGAIN;
	if ((what & ONE_MORE) != 0 && nidle < IDLE_MAX)
		idle[nidle++] = connect_client(0);
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

	if (size > 1 << 16)
		return 0;
	if (base == NULL)
		start();
	c.fd = connect_client(SMALL);
	c.n = c.total = 0;
	c.closed = false;
	for (size_t at = 0; at < size;)
		at += piece(&c, data + at, size - at);
	for (unsigned i = 0; i < 3; i++) {
		run();
		answer_jobs();
		read_all(&c);
	}
	drop_client(c.fd);
	while (nidle > 0)
		drop_client(idle[--nidle]);
	for (unsigned i = 0; i < 100 && counter_get(&handler.counters.tcp_connections) > 0; i++) {
		run();
		answer_jobs();
	}
	must(counter_get(&handler.counters.tcp_connections) == 0);
	return 0;
}

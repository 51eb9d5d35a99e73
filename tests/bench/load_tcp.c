/* tests/bench/load_tcp.c -- pipelined questions over some connections; a connection that the server ends is opened
 * anew. */
#include "tests/bench/load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 10
#define OUT_SIZE 65536

struct connection {
	int fd;
	unsigned outstanding;
	size_t have;			/* octets in in */
	uint8_t in[2 + 65535];
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
open_connection(const struct load *l, struct connection *c)
{
	int one = 1;

	c->outstanding = 0;
	c->have = 0;
	if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
	    connect(c->fd, (const struct sockaddr *)&l->server, sizeof l->server) != 0)
		die("load: connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Fill the connection's share of the window. */
static void
ask_some(struct load *l, struct connection *c)
{
	static uint8_t out[OUT_SIZE];
	unsigned share = l->window / l->connections;
	int64_t now = load_now_ns(), wait;
	size_t n = 0;

	while (c->outstanding < share && n + 1024 < sizeof out && load_may_ask(l, now, &wait)) {
		size_t k = load_ask(l, now, out + n + 2);

		out[n] = (uint8_t)(k >> 8);
		out[n + 1] = (uint8_t)k;
		n += 2 + k;
		c->outstanding++;
	}
	for (size_t done = 0; done < n;) {
		ssize_t k = send(c->fd, out + done, n - done, MSG_NOSIGNAL);

		if (k < 0)
			return;			/* what is lost is found out by time, the end by reading */
		done += (size_t)k;
	}
}

static void
take_frames(struct load *l, struct connection *c)
{
	int64_t now = load_now_ns();
	size_t at = 0, n;

	while (c->have - at >= 2 && c->have - at - 2 >= (n = (size_t)c->in[at] << 8 | c->in[at + 1])) {
		load_take(l, now, c->in + at + 2, n);
		at += 2 + n;
		if (c->outstanding > 0)
			c->outstanding--;
	}
	memmove(c->in, c->in + at, c->have - at);
	c->have -= at;
}

static void
receive_some(struct load *l, struct connection *c)
{
	ssize_t k = recv(c->fd, c->in + c->have, sizeof c->in - c->have, MSG_DONTWAIT);

	if (k == 0 || (k < 0 && errno != EAGAIN && errno != EINTR)) {
		close(c->fd);
		open_connection(l, c);
	} else if (k > 0) {
		c->have += (size_t)k;
		take_frames(l, c);
	}
}

void
load_tcp(struct load *l)
{
	struct connection *all = calloc(l->connections, sizeof *all);
	struct pollfd *polls = calloc(l->connections, sizeof *polls);

	if (all == NULL || polls == NULL)
		die("load");
	if (l->window < l->connections)
		l->connections = l->window;
	for (unsigned i = 0; i < l->connections; i++) {
		open_connection(l, &all[i]);
		polls[i] = (struct pollfd){ all[i].fd, POLLIN, 0 };
	}
	while (!load_is_over(l, load_now_ns())) {
		for (unsigned i = 0; i < l->connections; i++)
			ask_some(l, &all[i]);
		if (poll(polls, l->connections, TICK_MS) < 0 && errno != EINTR)
			die("load: poll");
		for (unsigned i = 0; i < l->connections; i++) {
			if (polls[i].revents != 0)
				receive_some(l, &all[i]);
			polls[i].fd = all[i].fd;
		}
		load_look(l, load_now_ns());
	}
	for (unsigned i = 0; i < l->connections; i++)
		close(all[i].fd);
	free(all);
	free(polls);
}

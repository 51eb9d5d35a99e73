#include "tests/storm/storm.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

struct stream {
	int fd;				/* -1: not open */
	uint8_t out[2 + PACKET_MAX];	/* what is to be sent, from at to n */
	size_t at, n;
};

static void
open_stream(struct stream *s, const struct sockaddr_in *to)
{
	s->at = s->n = 0;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && connect(s->fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS) {
		close(s->fd);
		s->fd = -1;
	}
}

static void
close_stream(struct packets *p, struct stream *s)
{
	struct linger reset = { 1, 0 };

	if (packets_draw(p, 2) == 0)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(s->fd);
	s->fd = -1;
}

static void
fill(struct packets *p, struct stream *s)
{
	size_t n = packets_next(p, clock_now_s(), s->out + 2);

	s->at = 0;
	s->n = n + 2;
	if (packets_draw(p, 50) == 0)
		n = packets_draw(p, 65536);	/* and so the stream loses its rhythm */
	s->out[0] = (uint8_t)(n >> 8);
	s->out[1] = (uint8_t)n;
}

/* A piece of what waits, perhaps all.  False: the other side does not want it. */
static bool
send_piece(struct packets *p, struct stream *s)
{
	size_t left = s->n - s->at;
	ssize_t n = send(s->fd, s->out + s->at, packets_draw(p, 3) == 0 ? 1 + packets_draw(p, (uint32_t)left) : left,
	    MSG_NOSIGNAL);

	if (n > 0)
		s->at += (size_t)n;
	return n > 0 || errno == EAGAIN;
}

/* One thing happens on one connection.  Gives whether a packet has gone out. */
static bool
step(struct packets *p, struct stream *s, const struct sockaddr_in *to)
{
	static uint8_t octets[16384];

	if (s->fd < 0) {
		open_stream(s, to);
		return false;
	}
	switch (packets_draw(p, 200)) {
	case 0:
		shutdown(s->fd, SHUT_WR);
		return false;
	case 1:
		close_stream(p, s);
		return false;
	}
	/* Some read what they get, others do so now and then. */
	if (packets_draw(p, 4) == 0 && recv(s->fd, octets, sizeof octets, 0) == 0) {
		close_stream(p, s);
		return false;
	}
	if (s->at == s->n)
		fill(p, s);
	if (!send_piece(p, s)) {
		close_stream(p, s);
		return false;
	}
	return s->at == s->n;
}

void
storm_tcp(struct packets *p, const struct sockaddr_in *to, uint64_t n, unsigned rate, unsigned connections)
{
	struct stream *streams = calloc(connections, sizeof *streams);
	int64_t start_ms = clock_mono_ms();
	uint64_t sent = 0;

	if (streams == NULL)
		err(2, "connections");
	for (unsigned i = 0; i < connections; i++)
		streams[i].fd = -1;
	for (uint64_t i = 0; sent < n; i++) {
		int64_t now_ms = clock_mono_ms();

		sent += step(p, &streams[packets_draw(p, connections)], to);
		if (i % 64 == 63 && start_ms + (int64_t)(i * 1000 / rate) > now_ms)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	for (unsigned i = 0; i < connections; i++)
		if (streams[i].fd >= 0)
			close_stream(p, &streams[i]);
	free(streams);
}

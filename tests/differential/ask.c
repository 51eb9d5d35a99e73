#include "tests/differential/ask.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/message.h"

#define TRIES 5
#define PATIENCE_MS 2000		/* of one try, without any answer */

static int
connect_to(uint16_t port, int type)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), size = 4 << 20;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(2, "port %u", port);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

void
server_open(struct server *s, const char *name, uint16_t port, bool by_tcp)
{
	*s = (struct server){ .name = name, .port = port, .by_tcp = by_tcp, .udp = connect_to(port, SOCK_DGRAM),
	    .tcp = -1 };
}

static void
drop_connection(struct server *s)
{
	if (s->tcp >= 0)
		close(s->tcp);
	s->tcp = -1;
	s->in.len = 0;
}

static void
forget_answers(struct server *s)
{
	for (size_t i = 0; i < BATCH; i++) {
		free(s->answers[i].octets);
		s->answers[i] = (struct answer){ NULL, 0 };
	}
}

void
server_close(struct server *s)
{
	drop_connection(s);
	forget_answers(s);
	close(s->udp);
	buf_clear(&s->in);
}

static void
send_query(struct server *s, const struct query *q, uint16_t id)
{
	static const uint8_t in[] = { CLASS_IN >> 8, CLASS_IN };
	uint8_t frame[2 + QUERY_MAX];

	frame[0] = (uint8_t)(q->n >> 8);
	frame[1] = (uint8_t)q->n;
	memcpy(frame + 2, q->wire, q->n);
	frame[2] = (uint8_t)(id >> 8);
	frame[3] = (uint8_t)id;
	if (s->by_tcp && q->qclass == CLASS_ANY)
		memcpy(frame + 2 + MSG_HEADER_SIZE + dname_len(q->qname.octets) + 2, in, sizeof in);
	if (!q->tcp && !s->by_tcp) {
		send(s->udp, frame + 2, q->n, 0);		/* what is lost is sent again */
		return;
	}
	if (s->tcp < 0)
		s->tcp = connect_to(s->port, SOCK_STREAM);
	/* A whole batch is shorter than any send buffer. */
	if (send(s->tcp, frame, q->n + 2, MSG_NOSIGNAL) != (ssize_t)q->n + 2)
		drop_connection(s);
}

static void
send_missing(struct server *s, const struct query *queries, size_t n, uint16_t base)
{
	for (size_t i = 0; i < n; i++)
		if (s->answers[i].n == 0)
			send_query(s, &queries[i], (uint16_t)(base + i));
}

static void
take(struct server *s, const struct query *queries, size_t n, uint16_t base, const uint8_t *octets, size_t len,
    bool tcp)
{
	struct answer *answer;
	uint16_t i;

	if (len < 2)
		return;
	i = (uint16_t)((octets[0] << 8 | octets[1]) - base);
	if (i >= n || s->answers[i].n > 0 || (queries[i].tcp || s->by_tcp) != tcp)
		return;			/* late, or there already */
	answer = &s->answers[i];
	if ((answer->octets = malloc(len)) == NULL)
		err(2, "answers");
	memcpy(answer->octets, octets, len);
	answer->n = len;
	s->missing--;
}

static void
read_udp(struct server *s, const struct query *queries, size_t n, uint16_t base)
{
	static uint8_t datagram[65536];
	ssize_t len;

	while ((len = recv(s->udp, datagram, sizeof datagram, MSG_DONTWAIT)) > 0)
		take(s, queries, n, base, datagram, (size_t)len, false);
}

static void
read_tcp(struct server *s, const struct query *queries, size_t n, uint16_t base)
{
	uint8_t *room = buf_reserve(&s->in, 65536);
	size_t done = 0, len;
	ssize_t got;

	if (room == NULL)
		err(2, "answers");
	if ((got = recv(s->tcp, room, 65536, MSG_DONTWAIT)) <= 0) {
		if (got == 0 || errno != EAGAIN)
			drop_connection(s);
		return;
	}
	s->in.len += (size_t)got;
	while (s->in.len - done >= 2 &&
	    (len = (size_t)(s->in.p[done] << 8 | s->in.p[done + 1])) + 2 <= s->in.len - done) {
		take(s, queries, n, base, s->in.p + done + 2, len, true);
		done += len + 2;
	}
	buf_consume(&s->in, done);
}

/* Read what comes until everything is there, or nothing comes for a while. */
static size_t
collect(struct server *servers, size_t nservers, const struct query *queries, size_t n, uint16_t base)
{
	size_t missing;

	for (;;) {
		struct pollfd fds[2 * 8];
		nfds_t nfds = 0;

		missing = 0;
		for (size_t i = 0; i < nservers; i++) {
			missing += servers[i].missing;
			fds[nfds++] = (struct pollfd){ servers[i].udp, POLLIN, 0 };
			fds[nfds++] = (struct pollfd){ servers[i].tcp, POLLIN, 0 };
		}
		if (missing == 0 || poll(fds, nfds, PATIENCE_MS) <= 0)
			return missing;
		for (size_t i = 0; i < nservers; i++) {
			if (fds[2 * i].revents != 0)
				read_udp(&servers[i], queries, n, base);
			if (fds[2 * i + 1].revents != 0)
				read_tcp(&servers[i], queries, n, base);
		}
	}
}

void
ask_all(struct server *servers, size_t nservers, const struct query *queries, size_t n, uint16_t base)
{
	for (size_t i = 0; i < nservers; i++) {
		forget_answers(&servers[i]);
		servers[i].missing = n;
	}
	for (unsigned try = 0; try < TRIES; try++) {
		for (size_t i = 0; i < nservers; i++)
			send_missing(&servers[i], queries, n, base);
		if (collect(servers, nservers, queries, n, base) == 0)
			return;
	}
	for (size_t i = 0; i < nservers; i++)
		if (servers[i].missing > n / 4)
			errx(2, "%s answers no more", servers[i].name);
}

/* tests/bench/load_udp.c -- questions and answers in batches over one socket. */
#include "tests/bench/load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define QUESTION_MAX 512
#define ANSWER_MAX 4096
#define TICK_NS 10000000

static int
open_socket(const struct load *l)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&l->server, sizeof l->server) != 0) {
		perror("load: socket");
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return fd;
}

/* Send what may go out now.  Gives how long to wait for the next, at most. */
static int64_t
send_some(struct load *l, int fd)
{
	static uint8_t octets[BATCH][QUESTION_MAX];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	int64_t now = load_now_ns(), wait = 0;
	int n = 0, done = 0;

	while (n < BATCH && load_may_ask(l, now, &wait)) {
		parts[n] = (struct iovec){ octets[n], load_ask(l, now, octets[n]) };
		messages[n].msg_hdr = (struct msghdr){ .msg_iov = &parts[n], .msg_iovlen = 1 };
		n++;
	}
	while (done < n) {
		int k = sendmmsg(fd, messages + done, (unsigned)(n - done), 0);

		if (k <= 0) {
			if (errno == ECONNREFUSED)	/* of an earlier one: the server is gone; this counts as lost */
				continue;
			perror("load: sendmmsg");
			exit(1);
		}
		done += k;
	}
	return n == BATCH ? 0 : wait < 0 || wait > TICK_NS ? TICK_NS : wait;
}

static bool
receive_some(struct load *l, int fd)
{
	static uint8_t octets[BATCH][ANSWER_MAX];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];
	int64_t now;
	int n;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ octets[i], ANSWER_MAX };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	now = load_now_ns();
	for (int i = 0; i < n; i++)
		load_take(l, now, octets[i], messages[i].msg_len);
	return n > 0;
}

void
load_udp(struct load *l)
{
	int fd = open_socket(l);

	while (!load_is_over(l, load_now_ns())) {
		int64_t wait = send_some(l, fd);
		struct pollfd p = { fd, POLLIN, 0 };

		if (!receive_some(l, fd) && wait > 0)
			ppoll(&p, 1, &(struct timespec){ 0, (long)wait }, NULL);
		load_look(l, load_now_ns());
	}
	close(fd);
}

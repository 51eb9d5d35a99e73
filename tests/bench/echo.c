/* tests/bench/echo.c -- echo PORT SIZE: answers each datagram with SIZE octets that begin with its header, QR set, in
 * batches.  What an answer costs when there is nothing to think about: the floor under every name server. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64
#define SIZE_MAX_ 4096
#define HEADER 12

static uint8_t octets[BATCH][SIZE_MAX_];
static struct sockaddr_in peers[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static int
open_socket(uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) != 0) {
		perror("echo: socket");
		exit(1);
	}
	return fd;
}

/* Gives how many datagrams there were. */
static int
serve(int fd, size_t size)
{
	int n, sent = 0;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ octets[i], SIZE_MAX_ };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof peers[i],
			.msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	if ((n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL)) <= 0)
		return 0;
	for (int i = 0; i < n; i++) {
		octets[i][2] |= 0x80;
		parts[i].iov_len = size;
	}
	while (sent < n) {
		int k = sendmmsg(fd, messages + sent, (unsigned)(n - sent), 0);

		sent += k > 0 ? k : 1;
	}
	return n;
}

int
main(int argc, char **argv)
{
	size_t size;
	int fd;

	if (argc != 3 || (size = strtoul(argv[2], NULL, 10)) < HEADER || size > SIZE_MAX_) {
		fputs("usage: echo PORT SIZE\n", stderr);
		return 2;
	}
	fd = open_socket((uint16_t)strtoul(argv[1], NULL, 10));
	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };

		if (serve(fd, size) < BATCH)
			poll(&p, 1, -1);
	}
}

/* tests/unit/port.h -- a free port on loopback, for UDP and TCP, IPv4 and IPv6 alike. */
#ifndef TESTS_UNIT_PORT_H
#define TESTS_UNIT_PORT_H

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Between the choice of a port and the server's bind() another test may choose the same.  So it is reserved, as
 * tests/system/lib/ports.py does, by a name that only one process of the machine can have, until this one ends. */
static bool
port_reserve(uint16_t port)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "certns-test-port-%u", port);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)n)) == 0)
		return fd >= 0;
	close(fd);
	return false;
}

static bool
port_is_free(uint16_t port, int family, int type)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return family == AF_INET6;	/* a machine without it */
	if (family == AF_INET)
		ok = bind(fd, (struct sockaddr *)&v4, sizeof v4) == 0;
	else
		ok = bind(fd, (struct sockaddr *)&v6, sizeof v6) == 0;
	close(fd);
	return ok;
}

/* Below the range that the system gives to clients, so that none of them is in the way. */
static uint16_t
port_choose(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (unsigned seed = (unsigned)getpid() ^ (unsigned)now.tv_nsec;;) {
		uint16_t port = (uint16_t)(10000 + rand_r(&seed) % 22000);

		if (port_is_free(port, AF_INET, SOCK_DGRAM) && port_is_free(port, AF_INET, SOCK_STREAM) &&
		    port_is_free(port, AF_INET6, SOCK_DGRAM) && port_is_free(port, AF_INET6, SOCK_STREAM) &&
		    port_reserve(port))
			return port;
	}
}

#endif

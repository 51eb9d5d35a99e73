#include "server/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UDP_BUFFER (1 << 20)		/* for bursts; the system may grant less */
#define BACKLOG 1024
#define FAST_OPENS 256			/* connections with data in their first packet that may wait */

static enum err
complain(const struct config_address *a, const char *what, int type, struct fault *f)
{
	char text[CONFIG_ADDRESS_TEXT];
	enum err err = errno == EAFNOSUPPORT ? ERR_UNSUPPORTED : err_from_errno(errno);
	const char *hint = "";

	if (errno == EADDRINUSE)
		hint = ": another server has it";
	else if (errno == EACCES)
		hint = ": ports below 1024 need root or CAP_NET_BIND_SERVICE";
	else if (errno == EADDRNOTAVAIL)
		hint = ": no interface has this address (see free-bind)";
	return fault_set(f, err, "cannot %s %s on %s: %s%s", what, type == SOCK_DGRAM ? "UDP" : "TCP",
	    config_address_print((const struct sockaddr *)&a->address, text), strerror(errno), hint);
}

static bool
set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool
is_v6(const struct config_address *a)
{
	return a->address.ss_family == AF_INET6;
}

bool
listen_is_any(const struct config_address *a)
{
	if (is_v6(a))
		return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&a->address)->sin6_addr);
	return ((const struct sockaddr_in *)&a->address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

static int
open_socket(const struct config_address *a, int type, bool free_bind)
{
	int fd = socket(a->address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* Each family has its own sockets: :: must not take 0.0.0.0 along. */
	if (fd >= 0 && is_v6(a) && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	/* Where the system has no such option bind() says what is wrong. */
	if (fd >= 0 && free_bind && is_v6(a))
		set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	else if (fd >= 0 && free_bind)
		set(fd, IPPROTO_IP, IP_FREEBIND, 1);
	return fd;
}

static int
bind_socket(int fd, const struct config_address *a)
{
	return bind(fd, (const struct sockaddr *)&a->address, a->len);
}

static enum err
probe(const struct config_address *a, int type, bool free_bind, struct fault *f)
{
	int fd = open_socket(a, type, free_bind);
	enum err err = ERR_OK;

	if (fd < 0)
		return complain(a, "open", type, f);
	if (type == SOCK_STREAM)
		set(fd, SOL_SOCKET, SO_REUSEADDR, 1);	/* connections of an earlier run may linger in TIME_WAIT */
	if (bind_socket(fd, a) != 0)
		err = complain(a, "listen for", type, f);
	close(fd);
	return err;
}

enum err
listen_probe(const struct config_address *a, bool free_bind, struct fault *f)
{
	enum err err = probe(a, SOCK_DGRAM, free_bind, f);

	return err != ERR_OK ? err : probe(a, SOCK_STREAM, free_bind, f);
}

/* Options without which we would still answer are not worth a failure. */
static bool
set_udp(int fd, const struct config_address *a)
{
	/* Root may have more than net.core.rmem_max and wmem_max. */
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER))
		set(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_BUFFER))
		set(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
	/* Forged ICMP must not shrink our packets into fragments. */
	if (is_v6(a))
		set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
	else
		set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
	if (!listen_is_any(a))
		return true;
	/* The answer must leave from the address that was asked. */
	return is_v6(a) ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

static bool
set_tcp(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);		/* accepted sockets inherit it */
	set(fd, IPPROTO_TCP, TCP_FASTOPEN, FAST_OPENS);	/* RFC 7413; the system may not allow it */
	return set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

static enum err
open_listening(const struct config_address *a, int type, bool free_bind, int *out, struct fault *f)
{
	int fd = open_socket(a, type, free_bind);
	enum err err;

	if (fd < 0)
		return complain(a, "open", type, f);
	if (set(fd, SOL_SOCKET, SO_REUSEPORT, 1) && (type == SOCK_DGRAM ? set_udp(fd, a) : set_tcp(fd)) &&
	    bind_socket(fd, a) == 0 && (type == SOCK_DGRAM || listen(fd, BACKLOG) == 0)) {
		*out = fd;
		return ERR_OK;
	}
	err = complain(a, "listen for", type, f);
	close(fd);
	return err;
}

enum err
listen_udp(const struct config_address *address, bool free_bind, int *fd, struct fault *f)
{
	return open_listening(address, SOCK_DGRAM, free_bind, fd, f);
}

enum err
listen_tcp(const struct config_address *address, bool free_bind, int *fd, struct fault *f)
{
	return open_listening(address, SOCK_STREAM, free_bind, fd, f);
}

/* server/listen.h -- listening sockets: one UDP and one TCP socket per worker and address, sharing the port. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "server/config.h"

/* Is the address free for both?  SO_REUSEPORT would let a second server of the same user in beside us unnoticed, so
 * ask before opening the first socket.  The words name address and protocol.  ERR_UNSUPPORTED: the system has no such
 * address family.
 * free_bind: an address that no interface has yet is taken, too. */
enum err listen_probe(const struct config_address *address, bool free_bind, struct fault *f);

/* Non-blocking, close-on-exec; *fd is the caller's. */
enum err listen_udp(const struct config_address *address, bool free_bind, int *fd, struct fault *f);
enum err listen_tcp(const struct config_address *address, bool free_bind, int *fd, struct fault *f);

/* 0.0.0.0 or ::, where the address that a datagram came to is not known beforehand. */
bool listen_is_any(const struct config_address *address);

#endif

/* server/tcp.h -- a worker's TCP connections (RFC 7766): several requests on one connection, answers in any order,
 * transfers written as fast as the client reads. */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include "server/handle.h"

struct event_base;
struct tcp;

struct tcp_limits {
	unsigned connections;		/* open at a time, at least 1 */
	unsigned per_address;		/* of these, for one IPv4 address or one /64 of IPv6; 0: any number */
};

/* Where a limit is reached the idlest connection makes room for a new one. */
enum err tcp_new(struct event_base *base, struct handler *handler, struct tcp_limits limits, struct tcp **out);

/* Accept connections from fd, which stays the caller's. */
enum err tcp_listen(struct tcp *t, int fd);

/* An answer that the keeper gave, to the connection that job came from, if that is still the same. */
void tcp_reply(struct tcp *t, const struct job *job, const uint8_t *msg, size_t n);

/* JOB_SEND.  False: the connection is gone. */
bool tcp_send(struct tcp *t, const struct job *job);

/* A stream is the answer to job; taken over. */
void tcp_transfer(struct tcp *t, const struct job *job, struct axfr *transfer);

void tcp_free(struct tcp *t);		/* closes all connections; takes NULL */

#endif

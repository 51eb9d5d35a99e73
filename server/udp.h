/* server/udp.h -- a worker's UDP sockets: requests in and answers out in batches. */
#ifndef SERVER_UDP_H
#define SERVER_UDP_H

#include "server/handle.h"

struct event_base;
struct udp;

enum err udp_new(struct event_base *base, struct handler *handler, struct udp **out);

/* Serve fd, which stays the caller's, bound to address.  Sockets are counted from 0 in the order of the calls. */
enum err udp_listen(struct udp *u, int fd, const struct config_address *address);

/* An answer that the keeper gave, to where job came from.  On any thread, as long as u is there; tap is that thread's, or NULL.
 * False: it could not be sent. */
bool udp_reply(const struct udp *u, struct dnstap_tap *tap, const struct job *job, uint8_t *msg, size_t n);

void udp_free(struct udp *u);		/* takes NULL */

#endif

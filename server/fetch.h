/* server/fetch.h -- the TCP side of a transfer in: one connection to one primary, for a helper thread that may wait. */
#ifndef SERVER_FETCH_H
#define SERVER_FETCH_H

#include <sys/socket.h>

#include "server/xfrin.h"

struct fetch_place {
	struct sockaddr_storage to, from;
	socklen_t to_len, from_len;	/* from_len 0: the system chooses the source address */
	unsigned idle_ms;		/* longest silence of the primary, connecting included */
	unsigned total_ms;		/* longest transfer */
	int stop_fd;			/* becomes readable when all is to end: ERR_CANCELLED */
};

/* Ask for x and feed it until it is done.  ERR_TIMEOUT and ERR_NETWORK with words; otherwise what xfrin_take() says. */
enum err fetch_run(const struct fetch_place *place, struct xfrin *x, struct fault *f);

#endif

/* server/exchange.h -- one DNS request to one peer and its answer, on the caller's event base: UDP with retries, TCP
 * when asked for or when the answer is truncated; signed where a key is given. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tsig/tsig.h"

struct event_base;
struct exchange;

struct exchange_request {
	struct sockaddr_storage to;
	socklen_t to_len;
	const struct sockaddr *from;	/* source address, port 0; NULL: the system chooses */
	const uint8_t *msg;		/* copied; the ID is replaced by a random one */
	size_t n;
	const struct tsig_key *key;	/* NULL: unsigned.  Must live until done() */
	bool tcp;			/* from the start */
	unsigned timeout_ms;		/* of the whole exchange */
	unsigned tries;			/* UDP transmissions in that time; at least 1 */

	/* Exactly once unless cancelled, never before exchange_start() returns.  ERR_OK: msg is the answer (its ID and
	 * question match, TSIG checked and removed).  Else words say what happened. */
	void (*done)(void *arg, enum err err, const uint8_t *msg, size_t n, const char *words);
	void *arg;
};

/* ERR_OK: *out is valid until done() is called or exchange_cancel(). */
enum err exchange_start(struct event_base *base, const struct exchange_request *request, struct exchange **out);
void exchange_cancel(struct exchange *x);	/* no done() will come; takes NULL */

#endif

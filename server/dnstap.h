/* server/dnstap.h -- dnstap (https://dnstap.info): a record of each message that came or went, for those who want to see them.
 *
 * A thread that answers has a *tap*: it notes a message down in a ring of its own, which costs a copy.  One thread more takes them out,
 * encodes and writes them.  Nobody waits for it: what does not fit into a ring is left out and counted. */
#ifndef SERVER_DNSTAP_H
#define SERVER_DNSTAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "server/dnstap_ring.h"

struct config;
struct dnstap;
struct zoneset;

struct dnstap_tap {
	struct dnstap_ring ring;
	_Atomic unsigned wants;		/* what is noted down; 0: dnstap is off */
	_Atomic bool woke;		/* the receiver, since it looked last */
	int wake_fd;
	int64_t received_ns;		/* the thread's own: when the requests came that it works on, since the epoch */
};

struct dnstap_ends {
	const struct sockaddr *peer, *local;	/* local may be NULL */
	bool tcp;
};

/* Make one with so many taps; the configuration may have it off.  Once it is on there is a thread, which is not known to RCU.
 * f says what is wrong; a sink that cannot be opened is not: that is tried again. */
enum err dnstap_new(unsigned taps, const struct config *c, struct dnstap **out, struct fault *f);

/* Any thread: take another configuration over; open a file anew if another has its name now (rotation). */
enum err dnstap_configure(struct dnstap *d, const struct config *c, struct fault *f);
void dnstap_reopen(struct dnstap *d);			/* takes NULL */

/* What is there is written, for a second at most where the sink does not take it.  Takes NULL.  Who has taps has stopped. */
void dnstap_free(struct dnstap *d);

/* The i-th tap; one thread uses it, at a time.  NULL for NULL. */
struct dnstap_tap *dnstap_tap(struct dnstap *d, unsigned i);

static inline bool
dnstap_is_on(const struct dnstap_tap *t)
{
	return t != NULL && atomic_load_explicit(&t->wants, memory_order_acquire) != 0;
}

/* With dnstap on: requests have come now; this is one of them, before anything in it is changed. */
void dnstap_begin(struct dnstap_tap *t);
void dnstap_request(struct dnstap_tap *t, const struct dnstap_ends *ends, const uint8_t *msg, size_t n);

/* With dnstap on: an answer goes out.  query_ns: when its request came; 0: not known.  zones: in an RCU section, to look up the zone of
 * the question; NULL: the question names the zone. */
void dnstap_response(struct dnstap_tap *t, const struct dnstap_ends *ends, int64_t query_ns, const struct zoneset *zones,
    const uint8_t *msg, size_t n);

/* For status and metrics; any thread. */
struct dnstap_status {
	bool is_on, is_open;
	char sink[256], problem[256];	/* empty: none */
	uint64_t written, dropped;	/* messages, since the start */
};
void dnstap_describe(struct dnstap *d, struct dnstap_status *out);

#endif

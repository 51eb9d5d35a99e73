/* server/notify.h -- NOTIFY to secondaries after a change (RFC 1996), with retries until answered. */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tsig/keyring.h"
#include "zones/rr.h"

struct event_base;
struct notifier;

enum err notifier_new(struct event_base *base, struct notifier **out);
void notifier_free(struct notifier *n);

/* The message for a zone with this SOA (its owner is the apex), with ID 0.  Returns its length; 0: no room. */
#define NOTIFY_MAX 1536			/* octets; with a TSIG record too */
size_t notify_write(const struct rr *soa, uint8_t *out, size_t room);

struct notify_target {
	struct sockaddr_storage address;
	socklen_t len;
	const struct tsig_key *key;	/* to sign with, copied; NULL: unsigned, */
	const uint8_t *unknown_key;	/* or not sent: a key of this name is wanted, and not known */
};

/* zone changed to the serial in soa (its owner is the apex): tell every target (an address and the name of a key; with
 * different keys one address may be different views of a server).  A NOTIFY for the same zone that is
 * still on its way to a target is replaced, so that the newest serial is what arrives.  targets are all that the zone
 * has: others that were told before are forgotten.  source: NULL, or n addresses of which the one of the target's
 * family is used. */
void notifier_send(struct notifier *n, const struct rr *soa, const struct notify_target *targets, size_t ntargets,
    const struct sockaddr_storage *source, size_t nsource);

/* How many NOTIFYs wait for a socket: who has very many to send may want to wait, too. */
size_t notifier_waiting(const struct notifier *n);

/* Forget a zone's outstanding NOTIFYs (it was removed). */
void notifier_drop(struct notifier *n, const uint8_t *zone);

/* Every target heard of since start: the last serial sent and the last one confirmed. */
struct notify_status {
	const struct sockaddr *address;
	const uint8_t *key;		/* its name; NULL: unsigned */
	uint32_t sent, confirmed;
	bool is_confirmed;		/* confirmed == sent, or newer */
	unsigned tries;			/* of the outstanding one */
	const char *problem;		/* of the last try; "" when none */
};
void notifier_each(const struct notifier *n, const uint8_t *zone,
    void (*each)(void *arg, const struct notify_status *s), void *arg);

#endif

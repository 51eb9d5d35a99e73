/* server/axfr.h -- one zone, or what changed in it, as a stream of messages (RFC 5936, RFC 1995).  The first holds a
 * version of the zone from start to end, so that what is sent is of one serial whatever happens meanwhile; the memory
 * it needs does not depend on the zone's size. */
#ifndef SERVER_AXFR_H
#define SERVER_AXFR_H

#include "server/ixfr.h"
#include "server/shared.h"

struct axfr;

/* Answer q, an AXFR or IXFR request, with all of version.  Takes references of version and view; q is copied, and with
 * it the TSIG state, which is the transfer's from now on.  running counts this one until it is freed, and outlives it.
 * The calling thread is inside an RCU section. */
enum err axfr_new(struct zone_version *version, struct view *view, const struct request *q, _Atomic unsigned *running,
    struct axfr **out);

/* Answer q, an IXFR request, with differences.  Takes references of ixfr and view. */
enum err axfr_new_ixfr(struct ixfr *ixfr, struct view *view, const struct request *q, _Atomic unsigned *running,
    struct axfr **out);

/* The next message, signed if the request was, into out with room MSG_MAX.  Outside of RCU sections too.
 * 0: there are no more; axfr_is_complete() tells why. */
size_t axfr_next(struct axfr *a, uint8_t *out, int64_t now_s);

bool axfr_is_complete(const struct axfr *a);	/* the closing SOA was in a message */
uint64_t axfr_records(const struct axfr *a);	/* in the messages so far */

/* "AXFR of ZONE, serial N (key NAME)", for the log.  Gives text back. */
#define AXFR_TEXT (2 * DNAME_TEXT_MAX + 64)
char *axfr_describe(const struct axfr *a, char text[AXFR_TEXT]);

void axfr_free(struct axfr *a);			/* takes NULL */

#endif

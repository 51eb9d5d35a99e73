/* server/xfrin.h -- one transfer in: AXFR (RFC 5936) or IXFR (RFC 1995), from the request to the last message.
 *
 * No I/O and no clock: whoever reads the stream hands its messages over one by one.  Nothing of what came is to be used
 * before xfrin_is_done(): only then is the closing SOA there and signed.  The primary is not trusted: every message is
 * checked (ID, question, TSIG), and both the records and the octets that they take are limited. */
#ifndef SERVER_XFRIN_H
#define SERVER_XFRIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tsig/tsig.h"
#include "zones/changeset.h"

struct xfrin_request {
	const uint8_t *apex;
	const struct rr *soa;		/* what we have: ask with IXFR; NULL: ask with AXFR */
	const struct tsig_key *key;	/* borrowed for the transfer's life; NULL: unsigned */
	uint64_t max_octets;		/* of all records, uncompressed; 0: any number */
	bool no_edns;			/* the primary does not know it: the question whether the zone expires is left out */
};

enum xfrin_kind {
	XFRIN_UNKNOWN,			/* nothing decisive has come yet */
	XFRIN_CURRENT,			/* the primary has nothing newer */
	XFRIN_NEWER,			/* it has, and does not say what: ask with AXFR */
	XFRIN_FULL,			/* the whole zone: records */
	XFRIN_STEPS			/* one changeset for each step from our serial to its */
};

struct xfrin_step {
	uint32_t from, to;
	struct changeset changes;	/* with the new SOA among the added RRs */
};

struct xfrin;

/* *out is the caller's. */
enum err xfrin_new(const struct xfrin_request *request, struct xfrin **out);
void xfrin_free(struct xfrin *x);	/* takes NULL */

/* Write the request, signed with the key, with this ID.  Returns its length; 0: no room, or the crypto library
 * failed. */
size_t xfrin_ask(struct xfrin *x, uint16_t id, uint8_t *out, size_t room, int64_t now_s);

/* The next message of the answer; msg is changed (its TSIG comes off).  ERR_PEER and ERR_FORMAT: the words say what
 * the primary did wrong; ERR_RANGE: too large; ERR_NOMEM.  Behind an error,
 * and when it is done, x takes no more: a further message is ERR_PEER and changes nothing. */
enum err xfrin_take(struct xfrin *x, uint8_t *msg, size_t n, int64_t now_s, struct fault *f);

bool xfrin_is_done(const struct xfrin *x);
enum xfrin_kind xfrin_kind(const struct xfrin *x);
uint32_t xfrin_serial(const struct xfrin *x);	/* the primary's, as soon as a kind is known */
uint64_t xfrin_octets(const struct xfrin *x);	/* of messages so far */
uint64_t xfrin_records(const struct xfrin *x);	/* in the messages so far */

/* How long the zone may be served, as the primary told it (RFC 7314).  False: it did not. */
bool xfrin_expire(const struct xfrin *x, uint32_t *left_s);

/* It failed, and may not have done so without EDNS (RFC 6891, section 7). */
bool xfrin_dislikes_edns(const struct xfrin *x);

/* Records whose owners lie outside of the zone are left out, as other servers do; the count, and the first one as
 * text. */
uint64_t xfrin_outside(const struct xfrin *x, const char **first);

/* XFRIN_FULL: the zone, sorted, its SOA once; moved to *out, which was empty. */
void xfrin_take_records(struct xfrin *x, struct rr_list *out);

/* XFRIN_STEPS: the steps, in order; *n is at least 1.  They stay x's, and may be changed. */
struct xfrin_step *xfrin_steps(struct xfrin *x, size_t *n);

#endif

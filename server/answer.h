/* server/answer.h -- a query in, a response out (RFC 1034, section 4.3.2).  No I/O, no lock, no allocation; must run
 * inside an RCU read-side section. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cookie.h"
#include "server/ede.h"
#include "tsig/tsig.h"
#include "wire/message.h"
#include "zones/zoneset.h"

struct answer_settings {		/* immutable while workers run */
	const char *nsid;		/* RFC 5001; this and the next ones NULL: not told */
	const char *identity;		/* id.server */
	const char *hostname;		/* hostname.bind */
	const char *version;		/* version.bind */
	uint16_t udp_size;		/* what we send and take at most over UDP */
	unsigned tcp_idle_s;		/* told to those who ask (RFC 7828); 0: nothing to tell */
	const uint8_t *report_agent;	/* RFC 9567; NULL: none */
};


/* A request taken apart as far as every opcode needs it. */
struct request {
	struct msg_header header;
	bool has_question;		/* false: question could not be read, and no response repeats it */
	struct question question;	/* of UPDATE: the zone section */
	uint8_t qname_len;		/* octets of its name */
	struct edns edns;
	size_t after_question;		/* offset of the answer (prerequisite) section */
	bool tcp;
	bool cookie_only;		/* no question, to get a cookie: RFC 7873, section 5.4 */

	/* Set by the handler. */
	bool tells_expire;		/* the answer says how long the zone may be served: expire_s (RFC 7314) */
	uint32_t expire_s;
	bool with_cookie, cookie_valid;	/* the answer carries a cookie; the request had a right one */
	uint8_t server_cookie[COOKIE_SERVER];
	const struct plain *plain;	/* what server/plain.h found out already; NULL: nothing */
	const struct ede *ede;		/* NULL: nothing to explain */

	bool has_tsig;			/* a TSIG record was met: tsig_verify_request() has to look at msg */
	struct tsig_exchange tsig;
};

/* Take msg apart; a TSIG record may still be there or be removed already.  q->tsig becomes that of an unsigned request.
 * Returns an rcode: NOERROR, FORMERR, NOTIMP, BADVERS; or -1: not to be answered at all (a response, or less than a
 * header).  Whatever the rcode, q is good for answer_rcode().  FORMERR with
 * q->cookie_only is none where cookies are made. */
int request_parse(struct request *q, const uint8_t *msg, size_t n, bool tcp);

/* Answer an OPCODE_QUERY request that is no transfer.  room: of out, at least ANSWER_ROOM_MIN.  The size limit follows
 * from q (UDP, EDNS), less the room that the TSIG record needs.  CNAME and DNAME chains are followed as far as they
 * stay in the zone of the question.  Returns the response's length, TSIG not yet appended. */
#define ANSWER_ROOM_MIN 1232
size_t answer_query(const struct zoneset *zones, const struct answer_settings *settings, const struct request *q,
    uint8_t *out, size_t room);

/* A response without records to q: header, question, and OPT where the request had one.  rcode may be an extended
 * one.  AA is set in the answer to a NOTIFY that went well (RFC 1996, section 3.7). */
size_t answer_rcode(const struct request *q, const struct answer_settings *settings, unsigned rcode, uint8_t *out,
    size_t room);

/* The same, cut to nothing: a header with TC, so that the client asks again over TCP. */
size_t answer_truncated(const struct request *q, const struct answer_settings *settings, unsigned rcode, uint8_t *out,
    size_t room);

#endif

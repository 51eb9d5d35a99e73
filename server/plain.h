/* server/plain.h -- the short way through: what most queries are, and the answer that most of them get.
 *
 * A simple query has one question of class IN, and at most an OPT record without options.  It is taken apart here in
 * one go, and several are looked up together.  Where its name is in a zone of ours, and the answer is an RRset of the
 * type, or an alias and the RRset that it leads to, or MX records with addresses, or that there is no such name or type, or
 * a referral (with DO with signatures and proofs), it is written here; octet for octet what server/answer.c would give.  Everything else goes the
 * long way, which takes over what was found out so far. */
#ifndef SERVER_PLAIN_H
#define SERVER_PLAIN_H

#include "server/answer.h"

struct plain {
	const uint8_t *msg;
	bool simple;			/* if not, nothing below is set */
	uint8_t name_len;		/* of the question's name, which stands behind the header without compression */
	bool edns, do_bit;
	uint16_t end;			/* of the question */
	uint16_t qtype;
	uint16_t udp_size;		/* what the requestor takes */
	struct zoneset_question asked;	/* zone NULL: there is none to answer it */
	enum { PLAIN_NO_ALIAS, PLAIN_ALIAS, PLAIN_ALIAS_OUT } alias;	/* the last leads out of the zone */
	struct zone_rrset cname;	/* set for an alias */
	struct zoneset_question target;	/* and where it leads */
};

/* Take a query apart; it is borrowed as long as *p is used. */
void plain_read(struct plain *p, const uint8_t *msg, size_t n);

/* Look up what was read, n up to ZONESET_TOGETHER.  In an RCU read-side section, in which *v stays good. */
void plain_look_up(struct plain *v, unsigned n, const struct zoneset *zones);

/* room: of out, at least ANSWER_ROOM_MIN.  Returns the response's length; 0: the long way. */
size_t plain_write(const struct plain *p, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room);

/* What request_parse() would make of a simple query, and plain with it. */
void plain_request(const struct plain *p, bool tcp, struct request *q);

/* All of it for one query: plain_read(), plain_look_up(), plain_write(). */
size_t plain_answer(struct plain *p, const struct zoneset *zones, const struct answer_settings *settings,
    const uint8_t *msg, size_t n, bool tcp, uint8_t *out, size_t room);

#endif

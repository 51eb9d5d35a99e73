/* server/inbound.h -- a request on its way through handle_request().  Private to the files that look at one opcode
 * each. */
#ifndef SERVER_INBOUND_H
#define SERVER_INBOUND_H

#include "server/handle.h"

struct inbound {
	struct handler *handler;
	const struct client *client;
	struct view *view;		/* borrowed: good inside the RCU section */
	struct request q;
	uint8_t *msg;			/* TSIG is off */
	size_t n, whole;		/* whole: with the TSIG record, which still stands behind the rest */
	bool is_signed;			/* and the signature is good */
	uint8_t digest[TSIG_IDENTITY];	/* of an UPDATE that is_signed: what it is known by */
	int64_t now_s;
	uint8_t *out;
	size_t room;
};

#define INBOUND_LATER (-1)		/* no rcode yet: the keeper has it */

/* Is it an UPDATE of a secondary zone whose updates go on to the primary?  And off it goes: sets o. */
bool inbound_forwards(const struct inbound *in);
void inbound_forward(struct inbound *in, struct outcome *o);

/* Look at the zone section and the key, hand the request to the keeper.  Returns an rcode, or INBOUND_LATER. */
int inbound_update(struct inbound *in);

/* RFC 1996.  Returns an rcode. */
int inbound_notify(struct inbound *in);

/* AXFR and IXFR: a stream, a single SOA, or a refusal.  Sets o; the answer is signed already. */
void inbound_transfer(struct inbound *in, struct outcome *o);

/* IXFR from this serial on: the keeper looks whether it has history, and the job comes back.  False: not now. */
bool inbound_ask_history(struct inbound *in, uint32_t serial);

/* A question for an SOA, or a transfer, that asks how long the zone may be served: sets what the answer says, where we have the zone
 * (RFC 7314, section 3). */
void inbound_expire(struct inbound *in);

/* A signed question for an SOA over TCP, by who may transfer the zone: NOTIFY is wanted on that connection. */
void inbound_listen(struct inbound *in, struct outcome *o);

/* An answer that is a mere rcode, signed if the request was.  Sets o. */
void inbound_rcode(struct inbound *in, unsigned rcode, struct outcome *o);

/* The same with the reason. */
void inbound_error(struct inbound *in, unsigned rcode, const struct ede *why, struct outcome *o);

/* n octets of in->out are the answer: sign it, count it, set o. */
void inbound_finish(struct inbound *in, size_t n, unsigned rcode, struct outcome *o);

/* One warning that names the request and the peer: "UPDATE of ZONE from PEER: " and the words. */
void inbound_complain(struct inbound *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "key NAME", or "unsigned", for such words.  Gives text back. */
#define INBOUND_KEY_TEXT (DNAME_TEXT_MAX + 8)
char *inbound_key_print(const struct inbound *in, char text[INBOUND_KEY_TEXT]);

#endif

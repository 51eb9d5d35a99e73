/* wire/message.h -- the parts of a DNS message (RFC 1035, section 4; RFC 6891). */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/dname.h"
#include "wire/reader.h"
#include "wire/rrtype.h"
#include "wire/writer.h"

#define MSG_HEADER_SIZE 12
#define MSG_MAX 65535
#define MSG_UDP_PLAIN 512	/* without EDNS: RFC 1035, section 4.2.1 */
#define MSG_UDP_EDNS 1232 /* what we send at most over UDP, unless told otherwise: fits every path without fragments */

enum opcode { OPCODE_QUERY = 0, OPCODE_STATUS = 2, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };

enum rcode {
	RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5, RCODE_YXDOMAIN = 6, RCODE_YXRRSET = 7, RCODE_NXRRSET = 8, RCODE_NOTAUTH = 9,
	RCODE_NOTZONE = 10, RCODE_BADVERS = 16, RCODE_BADSIG = 16, RCODE_BADKEY = 17, RCODE_BADTIME = 18,
	RCODE_BADTRUNC = 22, RCODE_BADCOOKIE = 23
};

enum { FLAG_QR = 0x8000, FLAG_AA = 0x0400, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080, FLAG_AD = 0x0020,
	FLAG_CD = 0x0010 };

const char *rcode_str(unsigned rcode);		/* "NXDOMAIN" */

struct msg_header {
	uint16_t id, flags;		/* flags as on the wire, opcode and rcode included */
	uint16_t qdcount, ancount, nscount, arcount;	/* zocount, prcount, upcount, adcount in an UPDATE */
};

static inline enum opcode
msg_opcode(const struct msg_header *h)
{
	return (enum opcode)(h->flags >> 11 & 15);
}

void msg_header_read(struct rd *r, struct msg_header *h);
void msg_header_write(struct wr *w, const struct msg_header *h);

struct question {
	struct dname qname;
	uint16_t qtype, qclass;
};

/* RFC 1035, section 4.1.2; false sets r->bad. */
bool question_read(struct rd *r, struct question *q);
void question_write(struct wr *w, const struct question *q);

/* A message up to its records: r stands before the answer section.  False, and r->bad: it is malformed there. */
bool msg_records_begin(struct rd *r, const uint8_t *msg, size_t n, struct msg_header *h);

/* One RR as it stands in a message: the rdata is where r stood and may hold compressed names. */
struct msg_rr {
	struct dname owner;
	uint16_t type, class;
	uint32_t ttl;
	size_t start;			/* offset of the whole RR in the message */
	struct rd rdata;		/* bounded to this RR's rdata; start is the message's */
	uint16_t rdlen;
};

/* Take one RR; r then stands behind it.  False sets r->bad. */
bool msg_rr_read(struct rd *r, struct msg_rr *rr);

/* One RR of class IN with valid, uncompressed rdata; RFC 1035, section 4.1.3. */
void msg_rr_write(struct wr *w, const uint8_t *owner, uint16_t type, uint16_t class, uint32_t ttl,
    const uint8_t *rdata, size_t n);

/* Option codes. */
#define EDNS_NSID 3			/* empty in a query */
#define EDNS_EXPIRE 9			/* RFC 7314 */
#define EDNS_COOKIE 10
#define EDNS_KEEPALIVE 11
#define EDNS_ERROR 15			/* RFC 8914 */
#define EDNS_REPORT 18			/* RFC 9567 */

#define EDNS_COOKIE_MIN 8
#define EDNS_COOKIE_MAX 40
#define EDNS_EXPIRE_SIZE 8		/* octets of that option in a response */

/* What an OPT record says (RFC 6891, section 6.1). */
struct edns {
	bool present, do_bit;
	uint8_t version;
	uint16_t udp_size;		/* the requestor's; below 512 counts as 512 */
	bool nsid;			/* asks for the server's identifier (RFC 5001) */
	bool keepalive;			/* asks how long an idle connection may stay (RFC 7828) */
	bool expire;			/* asks how long the zone may be served (RFC 7314), */
	bool has_expire_s;		/* or says it: */
	uint32_t expire_s;
	uint8_t cookie_len;		/* 0: none; 8: the client's part alone; more: both parts (RFC 7873) */
	uint8_t cookie[EDNS_COOKIE_MAX];
};

/* From the fixed part of an OPT record: no options yet. */
static inline void
edns_init(struct edns *e, uint16_t class, uint32_t ttl)
{
	e->present = true;
	e->udp_size = class < MSG_UDP_PLAIN ? MSG_UDP_PLAIN : class;
	e->version = (uint8_t)(ttl >> 16);
	e->do_bit = (ttl & 0x8000) != 0;
	e->nsid = e->keepalive = e->expire = e->has_expire_s = false;
	e->cookie_len = 0;
}

/* From an OPT record; false: malformed (its owner is not the root, options run past the end, a cookie or EXPIRE has a length
 * that none has).  Of several cookies the first counts. */
bool edns_read(struct msg_rr *opt, struct edns *e);

/* From the OPT record among the n records from r on, which are those behind the answer section of a response.  Without one, or where
 * anything is malformed, e->present is false. */
void edns_find(struct rd *r, unsigned n, struct edns *e);

/* Our OPT record for a response; extended_rcode's upper eight bits go into the TTL field. */
void edns_write(struct wr *w, uint16_t udp_size, unsigned extended_rcode, bool do_bit);
#define EDNS_SIZE 11			/* octets that edns_write() takes */

/* Our OPT record for a question of a secondary: how long may the zone be served (RFC 7314, section 2)? */
void edns_write_expire(struct wr *w, uint16_t udp_size);
#define EDNS_ASK_EXPIRE_SIZE 15		/* octets that it takes */

/* What servers say to an OPT record that they do not know (RFC 6891, section 7). */
static inline bool
edns_is_disliked(unsigned rcode)
{
	return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP;
}

/* The same as edns_write(), without a cursor. */
static inline void
edns_put(uint8_t *p, uint16_t udp_size, unsigned extended_rcode, bool do_bit)
{
	p[0] = 0;
	store_u16(p + 1, TYPE_OPT);
	store_u16(p + 3, udp_size);
	store_u32(p + 5, (uint32_t)(extended_rcode >> 4) << 24 | (do_bit ? 0x8000u : 0));
	store_u16(p + 9, 0);
}

/* The smallest response to a request that cannot be worked on: the header with QR and rcode set, the question
 * where it can be read.  Returns the length; 0: not even a header, or a response, so say nothing. */
size_t msg_error_response(const uint8_t *request, size_t n, unsigned rcode, uint8_t *out, size_t room);

#endif

#include "server/plain.h"
#include "wire/rrtype.h"

/* What most queries end with, and nothing else: an OPT record without options. */
static bool
take_plain_opt(struct rd *r, struct request *q)
{
	const uint8_t *p = r->p;

	if (rd_left(r) != EDNS_SIZE || q->header.ancount + q->header.nscount != 0 || q->header.arcount != 1 ||
	    p[0] != 0 || load_u16(p + 1) != TYPE_OPT || load_u16(p + 9) != 0)
		return false;
	edns_init(&q->edns, load_u16(p + 3), load_u32(p + 5));
	return true;
}

/* The records behind the question: OPT is taken where it may stand, the rest is only walked over.  False: malformed. */
static bool
walk_records(struct rd *r, struct request *q)
{
	unsigned before_additional = (unsigned)q->header.ancount + q->header.nscount;
	unsigned total = before_additional + q->header.arcount;
	struct msg_rr rr;

	for (unsigned i = 0; i < total; i++) {
		if (!msg_rr_read(r, &rr))
			return false;
		if (rr.type == TYPE_TSIG)
			q->has_tsig = true;
		if (rr.type != TYPE_OPT)
			continue;
		/* RFC 6891, section 6.1.1: one, in the additional section, owned by the root. */
		if (i < before_additional || q->edns.present || !edns_read(&rr, &q->edns))
			return false;
	}
	return rd_left(r) == 0;
}

/* RFC 7873, section 5.4: a query without question that gets or confirms a cookie. */
static bool
is_cookie_only(struct rd *r, struct request *q)
{
	return msg_opcode(&q->header) == OPCODE_QUERY && walk_records(r, q) && q->edns.present &&
	    q->edns.version == 0 && q->edns.cookie_len > 0;
}

/* Whatever it is that we do not understand: OPT is answered by OPT (RFC 6891, section 6.1.1), where the message can be
 * walked as the others. */
static int
refuse(struct rd *r, struct request *q, int rcode)
{
	struct question passed;

	for (unsigned i = 0; i < q->header.qdcount; i++)
		if (!question_read(r, &passed))
			return rcode;
	if (!walk_records(r, q))
		q->edns.present = false;
	return q->edns.present && q->edns.version > 0 ? RCODE_BADVERS : rcode;
}

static inline void
init(struct request *q, bool tcp)
{
	q->tcp = tcp;
	q->has_question = false;
	q->edns.present = false;
	q->cookie_only = false;
	q->tells_expire = q->with_cookie = q->cookie_valid = false;
	q->plain = NULL;
	q->ede = NULL;
	q->has_tsig = false;
	q->tsig.status = TSIG_ABSENT;
	q->tsig.key = NULL;
	q->tsig.error = 0;
	q->tsig.digest = NULL;
}

void
plain_request(const struct plain *p, bool tcp, struct request *q)
{
	const uint8_t *msg = p->msg;

	init(q, tcp);
	q->header = (struct msg_header){ load_u16(msg), load_u16(msg + 2), 1, 0, 0, p->edns };
	memcpy(q->question.qname.octets, msg + MSG_HEADER_SIZE, p->name_len);
	q->question.qtype = p->qtype;
	q->question.qclass = CLASS_IN;
	q->qname_len = p->name_len;
	q->has_question = true;
	q->after_question = p->end;
	if (p->edns)
		edns_init(&q->edns, load_u16(msg + p->end + 3), load_u32(msg + p->end + 5));
	if (p->asked.zone != NULL && p->qtype != TYPE_DS)	/* that is the zone's above */
		q->plain = p;
}

int
request_parse(struct request *q, const uint8_t *msg, size_t n, bool tcp)
{
	struct rd r = rd_over(msg, n);

	init(q, tcp);
	q->question.qname.octets[0] = 0;	/* a name, whoever looks at it without a question */
	msg_header_read(&r, &q->header);
	if (r.bad || (q->header.flags & FLAG_QR) != 0)
		return -1;
	switch (msg_opcode(&q->header)) {
	case OPCODE_QUERY:
	case OPCODE_NOTIFY:
	case OPCODE_UPDATE:
		break;
	case OPCODE_STATUS:
	default:
		return refuse(&r, q, RCODE_NOTIMP);
	}
	if (q->header.qdcount == 0)
		q->cookie_only = is_cookie_only(&r, q);
	else if (q->header.qdcount > 1)
		return refuse(&r, q, RCODE_FORMERR);
	if (q->header.qdcount != 1 || !question_read(&r, &q->question)) {
		q->question.qname.octets[0] = 0;	/* half a name is none */
		return RCODE_FORMERR;
	}
	q->qname_len = (uint8_t)dname_len(q->question.qname.octets);
	q->has_question = true;
	q->after_question = rd_offset(&r);
	if (!take_plain_opt(&r, q) && !walk_records(&r, q))
		return RCODE_FORMERR;
	return q->edns.present && q->edns.version > 0 ? RCODE_BADVERS : RCODE_NOERROR;
}

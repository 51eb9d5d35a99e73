#include "wire/message.h"


#include "wire/rdata.h"
#include "wire/rrtype.h"

#define RR_FIXED 10			/* octets of an RR between owner and rdata */

const char *
rcode_str(unsigned rcode)
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
		"NOTAUTH", "NOTZONE", "RCODE11", "RCODE12", "RCODE13", "RCODE14", "RCODE15", "BADSIG/BADVERS",
		"BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE"
	};

	return rcode < sizeof names / sizeof names[0] ? names[rcode] : "unknown rcode";
}

void
msg_header_read(struct rd *r, struct msg_header *h)
{
	const uint8_t *p = rd_take(r, MSG_HEADER_SIZE);

	*h = (struct msg_header){ 0 };
	if (p == NULL)
		return;
	h->id = load_u16(p);
	h->flags = load_u16(p + 2);
	h->qdcount = load_u16(p + 4);
	h->ancount = load_u16(p + 6);
	h->nscount = load_u16(p + 8);
	h->arcount = load_u16(p + 10);
}

void
msg_header_write(struct wr *w, const struct msg_header *h)
{
	uint8_t *p = wr_take(w, MSG_HEADER_SIZE);

	if (p == NULL)
		return;
	store_u16(p, h->id);
	store_u16(p + 2, h->flags);
	store_u16(p + 4, h->qdcount);
	store_u16(p + 6, h->ancount);
	store_u16(p + 8, h->nscount);
	store_u16(p + 10, h->arcount);
}

bool
question_read(struct rd *r, struct question *q)
{
	rd_dname(r, &q->qname);
	q->qtype = rd_u16(r);
	q->qclass = rd_u16(r);
	return !r->bad;
}

void
question_write(struct wr *w, const struct question *q)
{
	wr_dname(w, q->qname.octets);
	wr_u16(w, q->qtype);
	wr_u16(w, q->qclass);
}

bool
msg_records_begin(struct rd *r, const uint8_t *msg, size_t n, struct msg_header *h)
{
	struct question q;

	*r = rd_over(msg, n);
	msg_header_read(r, h);
	for (unsigned i = 0; i < h->qdcount && !r->bad; i++)
		question_read(r, &q);
	return !r->bad;
}

bool
msg_rr_read(struct rd *r, struct msg_rr *rr)
{
	const uint8_t *fixed, *rdata;

	rr->start = rd_offset(r);
	rd_dname(r, &rr->owner);
	if ((fixed = rd_take(r, RR_FIXED)) == NULL)
		return false;
	rr->type = load_u16(fixed);
	rr->class = load_u16(fixed + 2);
	rr->ttl = load_u32(fixed + 4);
	rr->rdlen = load_u16(fixed + 8);
	if ((rdata = rd_take(r, rr->rdlen)) == NULL)
		return false;
	rr->rdata = (struct rd){ r->start, rdata, rdata + rr->rdlen, false };
	return true;
}

void
msg_rr_write(struct wr *w, const uint8_t *owner, uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
    size_t n)
{
	wr_dname(w, owner);
	wr_u16(w, type);
	wr_u16(w, class);
	wr_u32(w, ttl);
	rdata_write(w, type, rdata, n);
}

/* RFC 7873, section 5.2.2: a client cookie alone, or with a server cookie of 8 to 32 octets. */
static bool
read_cookie(const uint8_t *octets, uint16_t n, struct edns *e)
{
	if (octets == NULL || n < EDNS_COOKIE_MIN || (n > EDNS_COOKIE_MIN && n < 2 * EDNS_COOKIE_MIN) ||
	    n > EDNS_COOKIE_MAX)
		return false;
	if (e->cookie_len == 0) {
		memcpy(e->cookie, octets, n);
		e->cookie_len = (uint8_t)n;
	}
	return true;
}

/* Empty in a query, a number of seconds in a response. */
static bool
read_expire(const uint8_t *octets, uint16_t n, struct edns *e)
{
	if (octets == NULL || (n != 0 && n != 4))
		return false;
	e->expire = true;
	if (n == 4) {
		e->has_expire_s = true;
		e->expire_s = load_u32(octets);
	}
	return true;
}

bool
edns_read(struct msg_rr *opt, struct edns *e)
{
	struct rd r = opt->rdata;
	bool good = true;

	edns_init(e, opt->class, opt->ttl);
	while (!r.bad && rd_left(&r) > 0) {
		uint16_t code = rd_u16(&r), n = rd_u16(&r);
		const uint8_t *octets = rd_take(&r, n);

		if (code == EDNS_NSID)
			e->nsid = true;
		else if (code == EDNS_KEEPALIVE)
			e->keepalive = true;
		else if (code == EDNS_COOKIE && !read_cookie(octets, n, e))
			good = false;
		else if (code == EDNS_EXPIRE && !read_expire(octets, n, e))
			good = false;
	}
	return good && !r.bad && dname_is_root(opt->owner.octets);
}

void
edns_find(struct rd *r, unsigned n, struct edns *e)
{
	struct msg_rr rr;

	*e = (struct edns){ 0 };
	for (unsigned i = 0; i < n; i++)
		if (!msg_rr_read(r, &rr) || (rr.type == TYPE_OPT && (e->present || !edns_read(&rr, e)))) {
			e->present = e->has_expire_s = false;
			return;
		}
}

void
edns_write(struct wr *w, uint16_t udp_size, unsigned extended_rcode, bool do_bit)
{
	uint8_t *p = wr_take(w, EDNS_SIZE);

	if (p != NULL)
		edns_put(p, udp_size, extended_rcode, do_bit);
}

void
edns_write_expire(struct wr *w, uint16_t udp_size)
{
	size_t at;

	edns_write(w, udp_size, 0, false);
	at = wr_len(w);
	wr_u16(w, EDNS_EXPIRE);
	wr_u16(w, 0);
	if (!w->full)
		wr_patch_u16(w, at - 2, 4);
}

size_t
msg_error_response(const uint8_t *request, size_t n, unsigned rcode, uint8_t *out, size_t room)
{
	struct rd r = rd_over(request, n);
	struct msg_header h;
	struct question q;
	struct wr w;

	msg_header_read(&r, &h);
	if (r.bad || (h.flags & FLAG_QR) != 0)
		return 0;
	bool with_question = h.qdcount == 1 && question_read(&r, &q);
	/* Opcode and RD are copied; everything else starts from nothing. */
	h.flags = (uint16_t)(FLAG_QR | (h.flags & (0x7800 | FLAG_RD)) | (rcode & 15));
	h.qdcount = with_question;
	h.ancount = h.nscount = h.arcount = 0;
	wr_init(&w, out, room);
	msg_header_write(&w, &h);
	if (with_question)
		question_write(&w, &q);
	return w.full ? 0 : wr_len(&w);
}

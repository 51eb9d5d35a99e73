#include "tsig/record.h"

#include "wire/message.h"
#include "wire/rrtype.h"

static bool
record_read(struct msg_rr *rr, struct tsig_record *rec)
{
	struct rd r = rr->rdata;

	r.start = r.p;			/* names in this rdata are never compressed: RFC 3597, section 4 */
	rd_dname(&r, &rec->algorithm_name);
	rec->time_signed = (uint64_t)rd_u16(&r) << 32;
	rec->time_signed |= rd_u32(&r);
	rec->fudge = rd_u16(&r);
	rec->mac_len = rd_u16(&r);
	rec->mac = rd_take(&r, rec->mac_len);
	rec->original_id = rd_u16(&r);
	rec->error = rd_u16(&r);
	rec->other_len = rd_u16(&r);
	rec->other = rd_take(&r, rec->other_len);
	rec->key_name = rr->owner;
	rec->start = rr->start;
	return !r.bad && rd_left(&r) == 0 && rr->class == CLASS_ANY && rr->ttl == 0;
}

enum tsig_found
tsig_record_find(const uint8_t *msg, size_t n, struct tsig_record *rec)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;
	unsigned records;

	msg_header_read(&r, &h);
	for (unsigned i = 0; i < h.qdcount; i++)
		if (!question_read(&r, &q))
			return TSIG_FOUND_MALFORMED;
	records = (unsigned)h.ancount + h.nscount + h.arcount;
	for (unsigned i = 0; i < records; i++) {
		if (!msg_rr_read(&r, &rr))
			return TSIG_FOUND_MALFORMED;
		if (rr.type != TYPE_TSIG)
			continue;
		if (i + 1 != records || h.arcount == 0 || rd_left(&r) > 0)
			return TSIG_FOUND_MALFORMED;
		return record_read(&rr, rec) ? TSIG_FOUND_ONE : TSIG_FOUND_MALFORMED;
	}
	return r.bad ? TSIG_FOUND_MALFORMED : TSIG_FOUND_NONE;
}

static void
add_to_arcount(uint8_t *msg, int d)
{
	unsigned arcount = (unsigned)(((unsigned)msg[10] << 8 | msg[11]) + (unsigned)d);

	msg[10] = (uint8_t)(arcount >> 8);
	msg[11] = (uint8_t)arcount;
}

void
tsig_record_strip(uint8_t *msg, size_t *n, const struct tsig_record *rec)
{
	*n = rec->start;
	add_to_arcount(msg, -1);
}

size_t
tsig_record_size(const struct tsig_record *rec)
{
	/* type, class, TTL, RDLENGTH; time, fudge, MAC size, ID, error, other length */
	return dname_len(rec->key_name.octets) + 10 + dname_len(rec->algorithm_name.octets) + 16 +
	    rec->mac_len + rec->other_len;
}

size_t
tsig_record_append(uint8_t *msg, size_t n, size_t room, const struct tsig_record *rec)
{
	struct wr w;
	size_t at;

	if (room > MSG_MAX)
		room = MSG_MAX;
	if (n < MSG_HEADER_SIZE || n > room || (msg[10] == 0xff && msg[11] == 0xff))
		return 0;
	wr_init(&w, msg, room);
	w.p += n;
	wr_dname_plain(&w, rec->key_name.octets);
	wr_u16(&w, TYPE_TSIG);
	wr_u16(&w, CLASS_ANY);
	wr_u32(&w, 0);
	at = wr_len(&w);
	wr_u16(&w, 0);
	wr_dname_plain(&w, rec->algorithm_name.octets);
	wr_u16(&w, (uint16_t)(rec->time_signed >> 32));
	wr_u32(&w, (uint32_t)rec->time_signed);
	wr_u16(&w, rec->fudge);
	wr_u16(&w, rec->mac_len);
	wr_octets(&w, rec->mac, rec->mac_len);
	wr_u16(&w, rec->original_id);
	wr_u16(&w, rec->error);
	wr_u16(&w, rec->other_len);
	wr_octets(&w, rec->other, rec->other_len);
	if (w.full)
		return 0;
	wr_patch_u16(&w, at, (uint16_t)(wr_len(&w) - at - 2));
	add_to_arcount(msg, 1);
	return wr_len(&w);
}

bool
tsig_record_is_bad_time(const struct tsig_record *rec, int64_t now_s)
{
	int64_t off = now_s - (int64_t)rec->time_signed;

	return off > rec->fudge || off < -(int64_t)rec->fudge;
}

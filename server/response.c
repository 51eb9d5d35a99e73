#include "server/response.h"

#include "server/records.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

/* RFC 6891, section 6.2.5: what the requestor takes, and no more than fits every path. */
static size_t
size_limit(const struct request *q, const struct answer_settings *settings)
{
	if (q->tcp)
		return MSG_MAX;
	if (!q->edns.present)
		return MSG_UDP_PLAIN;
	return q->edns.udp_size < settings->udp_size ? q->edns.udp_size : settings->udp_size;
}

/* Octets that go behind the sections. */
static size_t
size_of_end(const struct request *q, const struct answer_settings *settings)
{
	size_t n = 0;

	if (q->edns.present)
		n += response_opt_size(q, settings);
	if (q->tsig.status == TSIG_VALID || q->tsig.status == TSIG_BAD)
		n += tsig_response_size(&q->tsig);
	return n;
}

void
response_start(struct response *r, const struct request *q, const struct answer_settings *settings, uint8_t *out,
    size_t room)
{
	size_t limit = size_limit(q, settings), end = size_of_end(q, settings);

	r->q = q;
	r->settings = settings;
	r->zone = NULL;
	r->above = r->known = NULL;
	r->ntargets = 0;
	r->key = NULL;
	r->rcode = RCODE_NOERROR;
	r->flags = 0;
	r->counts[0] = r->counts[1] = r->counts[2] = 0;
	r->dnssec = q->edns.present && q->edns.do_bit;
	r->nproofs = r->nexpanded = 0;
	r->ede = q->ede;
	r->end = out + room;
	wr_init(&r->w, out, room);
	wr_take(&r->w, MSG_HEADER_SIZE);
	if (q->has_question) {
		wr_dname_first(&r->w, q->question.qname.octets, q->qname_len);
		wr_u16(&r->w, q->question.qtype);
		wr_u16(&r->w, q->question.qclass);
	}
	/* Header and question always go out, even where a long key name leaves no room for more. */
	if (limit > room)
		limit = room;
	r->cramped = limit < end + wr_len(&r->w);
	r->w.end = r->cramped ? r->w.p : out + limit - end;
}

/* The owner again, as a pointer to where it was written first. */
static void
repeat_owner(struct wr *w, const uint8_t *first, const uint8_t *owner)
{
	size_t at = (size_t)(first - w->base);

	if (*first == 0)
		wr_u8(w, 0);
	else if (*first >= 0xc0)
		wr_octets(w, first, 2);
	else if (at < 0x4000)
		wr_u16(w, (uint16_t)(0xc000 | at));
	else
		wr_dname(w, owner);
}

/* Where an owner stands already, if that is known without a search: in the question (the zone's apex too, since what
 * was asked for is in the zone; and what the answer says is above it).  NULL: not known. */
static const uint8_t *
find_owner(const struct response *r, const uint8_t *owner)
{
	const uint8_t *question = r->w.base + MSG_HEADER_SIZE;

	if (owner == r->q->question.qname.octets)
		return question;
	if (owner == r->known)
		return r->known_at;
	if (r->zone != NULL && (owner == zone_version_apex_name(r->zone) || owner == zone_version_apex_owner(r->zone)))
		return question + (r->q->qname_len - zone_version_apex_len(r->zone));
	if (owner == r->above)
		return question + (r->q->qname_len - dname_len(owner));
	return NULL;
}

/* Can what stands there be pointed to?  Gives the pointer: to it, or the one that it is; 0: neither. */
static uint16_t
pointer_to(const struct response *r, const uint8_t *first)
{
	size_t at = (size_t)(first - r->w.base);

	if (*first >= 0xc0)
		return load_u16(first);
	return *first != 0 && at < 0x4000 ? (uint16_t)(0xc000 | at) : 0;
}

/* A record behind its owner. */
static void
put_record(struct response *r, const uint8_t **at, const struct zone_rrset *set, uint32_t ttl)
{
	const uint8_t *rdata;
	uint8_t *p;
	uint16_t n;

	if (!zone_rrset_next(set, at, &rdata, &n) || (p = wr_take(&r->w, 8)) == NULL)
		return;
	store_u16(p, set->type);
	store_u16(p + 2, CLASS_IN);
	store_u32(p + 4, ttl);
	if (r->ntargets < RESPONSE_TARGETS_MAX && (set->type == TYPE_NS || set->type == TYPE_MX))
		r->targets[r->ntargets++] = (uint16_t)(wr_len(&r->w) + (set->type == TYPE_NS ? 2 : 4));
	rdata_write(&r->w, set->type, rdata, n);
}

/* All at once: nothing in the rdata can be compressed. */
static void
put_plain(struct response *r, uint16_t owner, const struct zone_rrset *set, uint32_t ttl)
{
	uint8_t *p = wr_take(&r->w, records_size(set));

	if (p != NULL)
		records_put(p, owner, set, ttl);
}

/* The same behind an owner that has just been written, and stands for the first pointer. */
static void
put_plain_behind(struct response *r, uint16_t owner, const struct zone_rrset *set, uint32_t ttl)
{
	uint8_t *p = wr_take(&r->w, records_size(set) - 2), end_of_owner[2];

	if (p == NULL)
		return;
	memcpy(end_of_owner, p - 2, 2);
	records_put(p - 2, owner, set, ttl);
	memcpy(p - 2, end_of_owner, 2);
}

/* An owner that was not there yet.  That of an NSEC3 is a label of its own before the apex: nothing to search for. */
static void
put_owner(struct response *r, const uint8_t *owner, uint16_t type)
{
	size_t apex_len, label = *owner + 1u;
	uint8_t *p;

	if (type == TYPE_NSEC3 && (apex_len = zone_version_apex_len(r->zone)) > 1 &&
	    dname_len(owner) == label + apex_len) {
		if ((p = wr_take(&r->w, label + 2)) == NULL)
			return;
		memcpy(p, owner, label);
		store_u16(p + label, (uint16_t)(0xc000 | (MSG_HEADER_SIZE + r->q->qname_len - apex_len)));
	} else {
		wr_dname(&r->w, owner);
	}
}

/* The records of an RRset.  first: where its owner was written, or shall be. */
static void
put_records(struct response *r, const uint8_t *first, const uint8_t *owner, const struct zone_rrset *set, uint32_t ttl)
{
	bool fresh = r->w.p == first;
	const uint8_t *at = NULL;
	uint16_t pointer;

	if (fresh)
		put_owner(r, owner, set->type);
	if (r->w.full)
		return;
	pointer = rdata_compressible(set->type) ? 0 : pointer_to(r, first);
	if (pointer != 0) {
		(fresh ? put_plain_behind : put_plain)(r, pointer, set, ttl);
		return;
	}
	r->ntargets = 0;
	if (fresh)
		put_record(r, &at, set, ttl);
	while (at != set->records + set->size && !r->w.full) {
		repeat_owner(&r->w, first, owner);
		put_record(r, &at, set, ttl);
	}
}

/* Behind an RRset: what signs it.  Its TTL is that of what it covers (RFC 4034, section 3), lowered where that is. */
static bool
put_signatures(struct response *r, enum response_section section, const uint8_t *first, const uint8_t *owner,
    const struct zone_rrset *set, uint32_t ttl)
{
	struct wr_mark mark = wr_mark(&r->w);
	struct zone_rrset signatures;

	if (!zone_rrset_signatures(set, &signatures))
		return true;
	put_records(r, first, owner, &signatures, ttl < set->ttl && ttl < signatures.ttl ? ttl : signatures.ttl);
	if (!r->w.full) {
		r->counts[section] = (uint16_t)(r->counts[section] + signatures.count);
		return true;
	}
	if (section != SECTION_ADDITIONAL)
		return false;
	wr_rewind(&r->w, mark);
	return true;
}

bool
response_rrset(struct response *r, enum response_section section, const uint8_t *owner, const struct zone_rrset *set,
    uint32_t ttl)
{
	struct wr_mark mark = wr_mark(&r->w);
	const uint8_t *first = find_owner(r, owner);

	if (first == NULL)
		first = mark.p;
	put_records(r, first, owner, set, ttl);
	if (r->w.full || (r->dnssec && !put_signatures(r, section, first, owner, set, ttl))) {
		wr_rewind(&r->w, mark);
		return false;
	}
	r->counts[section] = (uint16_t)(r->counts[section] + set->count);
	return true;
}

bool
response_negative(struct response *r, const struct zone_negative *soa)
{
	const uint8_t *owner = zone_version_apex_name(r->zone), *first = find_owner(r, owner);
	struct wr_mark mark = wr_mark(&r->w);
	uint8_t *p;

	/* Its own names are pointed to where they are in reach: behind a long chain they are not. */
	if (dname_is_root(owner) || wr_len(&r->w) + soa->size > 0x4000)
		return response_rrset(r, SECTION_AUTHORITY, owner, &soa->data.set, soa->ttl);
	if ((p = wr_take(&r->w, soa->size)) != NULL)
		records_soa_put(r->w.base, p, (size_t)(first - r->w.base), soa);
	if (r->w.full || (r->dnssec && !put_signatures(r, SECTION_AUTHORITY, first, owner, &soa->data.set, soa->ttl))) {
		wr_rewind(&r->w, mark);
		return false;
	}
	r->counts[SECTION_AUTHORITY]++;
	return true;
}

bool
response_rr(struct response *r, enum response_section section, const uint8_t *owner, uint16_t type, uint16_t class,
    uint32_t ttl, const uint8_t *rdata, size_t n)
{
	struct wr_mark mark = wr_mark(&r->w);

	msg_rr_write(&r->w, owner, type, class, ttl, rdata, n);
	if (r->w.full) {
		wr_rewind(&r->w, mark);
		return false;
	}
	r->counts[section]++;
	return true;
}

size_t
response_finish(struct response *r)
{
	/* Opcode and RD are the request's.  CD is cleared: RFC 4035, section 3.1.6. */
	unsigned flags = FLAG_QR | (r->q->header.flags & (0x7800u | FLAG_RD)) | r->flags | (r->rcode & 15);
	size_t room = (size_t)(r->w.end - r->w.p);
	uint8_t *head = r->w.base;

	r->w.end = r->end;
	if (r->q->edns.present)
		response_opt(r, room);
	if (r->w.full)
		return 0;
	store_u16(head, r->q->header.id);
	store_u16(head + 2, (uint16_t)flags);
	store_u16(head + 4, r->q->has_question);
	store_u16(head + 6, r->counts[SECTION_ANSWER]);
	store_u16(head + 8, r->counts[SECTION_AUTHORITY]);
	store_u16(head + 10, r->counts[SECTION_ADDITIONAL]);
	return wr_len(&r->w);
}

size_t
answer_rcode(const struct request *q, const struct answer_settings *settings, unsigned rcode, uint8_t *out, size_t room)
{
	struct response r;

	response_start(&r, q, settings, out, room);
	r.rcode = rcode;
	if (msg_opcode(&q->header) == OPCODE_NOTIFY && rcode == RCODE_NOERROR)
		r.flags |= FLAG_AA;
	return response_finish(&r);
}

size_t
answer_truncated(const struct request *q, const struct answer_settings *settings, unsigned rcode, uint8_t *out,
    size_t room)
{
	struct response r;

	response_start(&r, q, settings, out, room);
	r.rcode = rcode;
	r.flags |= FLAG_TC;
	return response_finish(&r);
}

/* server/plain_internal.h -- what the files that write the answers of the short way share.  What does not fit as a whole
 * goes the long way, which knows what may be left out. */
#ifndef SERVER_PLAIN_INTERNAL_H
#define SERVER_PLAIN_INTERNAL_H

#include "server/plain.h"
#include "server/records.h"

#define PLAIN_POINTER 0xc000
#define PLAIN_POINTED_MAX 0x4000	/* where a name begins that something points to is below this */

/* The pointer to the end of the question's name, n octets of it. */
static inline uint16_t
plain_pointer(const struct plain *q, size_t n)
{
	return (uint16_t)(PLAIN_POINTER | (MSG_HEADER_SIZE + q->name_len - n));
}

/* Octets of the question's last labels, the root's among them. */
static inline size_t
plain_end_len(const struct plain *q, unsigned labels)
{
	return q->asked.key.label_at[labels] + 1u;
}

/* How long an answer may be, without OPT. */
static inline size_t
plain_limit(const struct plain *q, const struct answer_settings *settings, bool tcp, size_t room)
{
	size_t limit = tcp ? MSG_MAX : q->edns && settings->udp_size < q->udp_size ? settings->udp_size : q->udp_size;

	return (limit < room ? limit : room) - (q->edns ? EDNS_SIZE : 0);
}

/* Header and question of the answer, but for the counts of records.  Gives where the records go. */
static inline uint8_t *
plain_begin(const struct plain *q, unsigned flags, uint8_t *out)
{
	memcpy(out, q->msg, q->end);
	store_u16(out + 2, (uint16_t)(FLAG_QR | flags | (load_u16(q->msg + 2) & FLAG_RD)));
	return out + q->end;
}

/* Behind the records.  Gives the length. */
static inline size_t
plain_end(const struct plain *q, const struct answer_settings *settings, uint8_t *p, const uint8_t *out)
{
	if (q->edns) {
		edns_put(p, settings->udp_size, 0, q->do_bit);
		p += EDNS_SIZE;
	}
	return (size_t)(p - out);
}

/* What signs an RRset, and the size of that; count 0: nothing does, or nobody wants to know. */
static inline size_t
plain_signatures(const struct zone_rrset *set, bool dnssec, struct zone_rrset *signatures)
{
	signatures->count = 0;
	return dnssec && zone_rrset_signatures(set, signatures) ? records_size(signatures) : 0;
}

static inline uint8_t *
plain_put_signed(uint8_t *p, uint16_t owner, const struct zone_rrset *set, const struct zone_rrset *signatures)
{
	p = records_put(p, owner, set, set->ttl);
	return signatures->count == 0 ? p : records_put(p, owner, signatures, signatures->ttl);
}

/* Records that are ready, all of them.  apex: the pointer to it.  There is room. */
static inline uint8_t *
plain_put_ready(const uint8_t *out, uint8_t *p, uint16_t apex, const struct zone_prepared *from,
    const struct zone_ready *records)
{
	const struct zone_pointer *pointers = (const void *)((const uint8_t *)from + from->pointers_at);
	const struct zone_pointer *pointer = pointers + records->first_pointer, *end = pointer + records->npointers;
	unsigned bases[] = {
		[ZONE_POINTER_APEX] = apex, [ZONE_POINTER_SELF] = (unsigned)(PLAIN_POINTER | (p - out))
	};

	memcpy(p, (const uint8_t *)from + from->octets_at + records->at, records->size);
	for (; pointer < end; pointer++)
		store_u16(p + pointer->at, (uint16_t)(bases[pointer->base] + pointer->to));
	return p + records->size;
}

/* An answer that is written as far as it fits. */
struct plain_sink {
	const struct plain *q;
	uint8_t *out, *p, *end;		/* end: what OPT leaves, and all of it can be pointed to */
	unsigned count;			/* records of the section that is written */
};

/* False: there is no room even for the question. */
static inline bool
plain_sink_start(struct plain_sink *s, const struct plain *q, const struct answer_settings *settings, bool tcp,
    unsigned flags, uint8_t *out, size_t room)
{
	size_t limit = plain_limit(q, settings, tcp, room);

	s->q = q;
	s->out = out;
	s->end = out + (limit < PLAIN_POINTED_MAX ? limit : PLAIN_POINTED_MAX);
	s->count = 0;
	if (limit < q->end)
		return false;
	s->p = plain_begin(q, flags, out);
	return true;
}

/* False: it does not fit; so too below. */
static inline bool
plain_sink_put(struct plain_sink *s, uint16_t owner, const struct zone_rrset *set, uint32_t ttl)
{
	if ((size_t)(s->end - s->p) < records_size(set))
		return false;
	s->p = records_put(s->p, owner, set, ttl);
	s->count += set->count;
	return true;
}

static inline bool
plain_sink_put_signed(struct plain_sink *s, uint16_t owner, const struct zone_signed *data, bool dnssec)
{
	return plain_sink_put(s, owner, &data->set, data->set.ttl) &&
	    (!dnssec || data->signatures.count == 0 ||
	    plain_sink_put(s, owner, &data->signatures, data->signatures.ttl));
}

/* Write what proves that a cut has no DS; that the question's name is not there and a wildcard may stand for it.  False:
 * that goes the long way. */
bool plain_prove_no_ds(struct plain_sink *s, const struct zone_node *cut);
bool plain_prove_expansion(struct plain_sink *s);

/* As plain_write(), with proofs: there is no such name; it has no such type. */
size_t plain_nxdomain(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out,
    size_t room);
size_t plain_nodata(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room);

/* As plain_write(): the name is at or below a zone cut. */
size_t plain_referral(const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp,
    uint8_t *out, size_t room);

/* As plain_write(): MX records are the answer, those of the node. */
size_t plain_mx(const struct plain *q, const struct answer_settings *settings, const struct zone_node *node, bool dnssec,
    bool tcp, uint8_t *out, size_t room);

#endif

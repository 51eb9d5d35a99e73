/* server/plain_internal.h -- what the files that write the answers of the short way share: sizes are added up first, and
 * an answer is written when all of it fits. */
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

/* An answer of this size, OPT apart, fits. */
static inline bool
plain_fits(const struct plain *q, const struct answer_settings *settings, bool tcp, size_t room, size_t size)
{
	size_t limit = tcp ? MSG_MAX : q->edns && settings->udp_size < q->udp_size ? settings->udp_size : q->udp_size;

	return size + (q->edns ? EDNS_SIZE : 0) <= (limit < room ? limit : room);
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

/* How many labels two names have in common, from the root. */
static inline unsigned
plain_common_labels(const struct qp_key *a, const struct qp_key *b)
{
	unsigned n = a->labels < b->labels ? a->labels : b->labels, i = 0;

	while (i < n && a->label_at[i + 1] == b->label_at[i + 1] &&
	    memcmp(a->at + 1 + a->label_at[i], b->at + 1 + a->label_at[i], (size_t)(a->label_at[i + 1] - a->label_at[i])) == 0)
		i++;
	return i;
}

/* NSEC or NSEC3 records with their signatures.  Each owner ends like the question's name. */
struct plain_proofs {
	unsigned n, count;		/* count: of records */
	size_t size;
	struct plain_proof {
		const struct zone_node *node;
		struct zone_rrset set, signatures;
		uint16_t own;		/* octets of the owner that are its own */
		uint16_t rest;		/* the pointer to where the others are in the question */
	} v[3];
};

/* Collect what proves that a cut has no DS.  False: that goes the long way. */
bool plain_prove_no_ds(const struct plain *q, const struct zone_node *cut, struct plain_proofs *proofs);
uint8_t *plain_put_proofs(const struct plain_proofs *proofs, uint8_t *p, const uint8_t *out);

/* As plain_write(), with proofs: there is no such name; it has no such type; the name has the RRset by a wildcard. */
size_t plain_nxdomain(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room);
size_t plain_nodata(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room);

/* As plain_write(): the name is at or below a zone cut. */
size_t plain_referral(const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp, uint8_t *out,
    size_t room);

#endif

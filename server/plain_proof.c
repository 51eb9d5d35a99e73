/* NSEC and NSEC3 the short way.  What is there to be proven is what server/denial.c tells, with the RFCs; here it is the
 * usual cases.  An NSEC that covers the question's name stands at its closest encloser or below that, and no
 * deeper name above it is there: the owner has just the encloser in common with the question.  An NSEC3 is owned by
 * a label below the apex. */
#include "server/plain_internal.h"
#include "wire/rrtype.h"
#include "zones/nodeview.h"

/* How the zone denies. */
static inline enum zone_denial
begin(const struct plain *q, struct plain_proofs *proofs)
{
	enum zone_denial denial = zone_version_denial(q->asked.zone);

	proofs->n = 0;
	proofs->nsec3 = denial == ZONE_DENIAL_NSEC3;
	return denial;
}

static inline void
add(struct plain_proofs *proofs, const struct zone_node *node, size_t shared)
{
	proofs->v[proofs->n++] = (struct plain_proof){ node, shared };
}

/* How many octets of a name the question ends with. */
static size_t
shared_with(const struct plain *q, const struct zone_node *node)
{
	struct qp_key key;

	qp_key_init(&key, zone_node_owner(node));
	return plain_end_len(q, qp_common_labels(&q->asked.key, &key));
}

/* One that may be there already. */
static inline bool
add_nsec3(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *node)
{
	size_t apex_len = zone_version_apex_len(q->asked.zone);

	for (unsigned i = 0; i < proofs->n; i++)
		if (proofs->v[i].node == node)
			return true;
	if (node == NULL || apex_len == 1 || zone_node_owner_len(node) != *zone_node_owner(node) + 1u + apex_len)
		return false;
	add(proofs, node, apex_len);
	return true;
}

/* One that matches. */
static bool
add_match(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *of)
{
	bool match = false;
	const struct zone_node *node = zone_version_nsec3_of(q->asked.zone, of, &match);

	return match && add_nsec3(q, proofs, node);
}

/* One that has to be written as it lies in its node. */
static inline bool
put_from_node(struct plain_sink *s, const struct plain_proof *f, bool nsec3)
{
	size_t own = zone_node_owner_len(f->node) - f->shared;
	uint16_t rest = plain_pointer(s->q, f->shared), owner = rest;
	struct zone_signed data;
	uint8_t *p = s->p;

	if (!node_signed(f->node, nsec3 ? TYPE_NSEC3 : TYPE_NSEC, &data) ||
	    (size_t)(s->end - p) < own + records_size(&data.set) + records_size(&data.signatures))
		return false;
	if (own > 0) {
		owner = (uint16_t)(PLAIN_POINTER | (p - s->out));
		if (own == 1 + NSEC3_LABEL)
			memcpy(p, zone_node_owner(f->node), 1 + NSEC3_LABEL);	/* the same, without a call */
		else
			memcpy(p, zone_node_owner(f->node), own);
		p += own;
	}
	records_put(p, owner, &data.set, data.set.ttl);
	store_u16(p, rest);			/* where its own part goes on; or all of it */
	p += records_size(&data.set);
	if (data.signatures.count > 0)
		p = records_put(p, owner, &data.signatures, data.signatures.ttl);
	s->count += data.set.count + data.signatures.count;
	s->p = p;
	return true;
}

static inline bool
put_ready(struct plain_sink *s, const struct zone_prepared *prepared, const struct zone_ready *records)
{
	if ((size_t)(s->end - s->p) < records->size)
		return false;
	s->p = plain_put_ready(s->q, s->out, s->p, prepared, records);
	s->count += records->count;
	return true;
}

/* The root has nothing prepared, and goes the short way for referrals. */
static inline const struct zone_ready *
ready_of(const struct zone_prepared *prepared, const struct zone_node *node)
{
	if (prepared == NULL)
		return NULL;
	if (node == prepared->proofs[0].node)
		return &prepared->proofs[0].records;
	return node == prepared->proofs[1].node ? &prepared->proofs[1].records : NULL;
}

static inline bool
put_proofs(struct plain_sink *s, const struct plain_proofs *proofs, const struct zone_prepared *prepared)
{
	for (const struct plain_proof *f = proofs->v; f < proofs->v + proofs->n; f++) {
		const struct zone_ready *ready = ready_of(prepared, f->node);

		if (ready != NULL ? !put_ready(s, prepared, ready) : !put_from_node(s, f, proofs->nsec3))
			return false;
	}
	return true;
}

bool
plain_sink_put_proofs(struct plain_sink *s, const struct plain_proofs *proofs)
{
	return put_proofs(s, proofs, zone_version_prepared(s->q->asked.zone));
}

/* SOA and what signs it, then the proofs. */
static size_t
write_denial(const struct plain *q, const struct answer_settings *settings, unsigned rcode,
    const struct plain_proofs *proofs, bool tcp, uint8_t *out, size_t room)
{
	const struct zone_prepared *prepared = zone_version_prepared(q->asked.zone);
	struct plain_sink s;

	if (prepared == NULL || prepared->soa.size == 0 ||
	    !plain_sink_start(&s, q, settings, tcp, FLAG_AA | rcode, out, room) ||
	    !put_ready(&s, prepared, &prepared->soa_signed) || !put_proofs(&s, proofs, prepared))
		return 0;
	store_u16(out + 8, (uint16_t)s.count);
	return plain_end(q, settings, s.p, out);
}

static bool
collect_nodata(const struct plain *q, enum zone_denial denial, struct plain_proofs *proofs)
{
	const struct zone_node *node = q->asked.found.node;

	switch (denial) {
	case ZONE_DENIAL_NSEC:
		if ((zone_node_flags(node) & ZONE_NODE_NSEC) != 0) {
			add(proofs, node, q->name_len);
			return true;
		}
		if ((node = zone_version_nsec(q->asked.zone, zone_node_owner(node))) != NULL)
			add(proofs, node, shared_with(q, node));
		return node != NULL;
	case ZONE_DENIAL_NSEC3:
		return add_match(q, proofs, node);
	case ZONE_DENIAL_NONE:
	case ZONE_DENIAL_NSEC3_COSTLY:
		break;
	}
	return false;
}

size_t
plain_nodata(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room)
{
	struct plain_proofs proofs;
	enum zone_denial denial = begin(q, &proofs);

	if (zone_version_apex_len(q->asked.zone) == 1 || !collect_nodata(q, denial, &proofs))
		return 0;
	return write_denial(q, settings, RCODE_NOERROR, &proofs, tcp, out, room);
}

/* The NSEC of the name, and that of the wildcard. */
static bool
collect_nsec_nxdomain(const struct plain *q, struct plain_proofs *proofs)
{
	const struct zone_lookup *found = &q->asked.found;
	const struct zone_node *covers = zone_version_nsec_found(q->asked.zone, &q->asked.key, found);
	const struct zone_node *wildcard = zone_version_nsec_wildcard(q->asked.zone, found);
	bool at_encloser = (zone_node_flags(found->encloser) & ZONE_NODE_NSEC) != 0;	/* or else further up */
	size_t shared = plain_end_len(q, found->labels);

	if (covers == NULL || wildcard == NULL)
		return false;
	add(proofs, covers, at_encloser ? shared : shared_with(q, covers));
	if (wildcard != covers)
		add(proofs, wildcard, at_encloser ? shared : shared_with(q, wildcard));
	return true;
}

/* The NSEC3 that covers the name one label below the encloser, which the question ends with. */
static const struct zone_node *
covers_next_closer(const struct plain *q)
{
	size_t n = plain_end_len(q, q->asked.found.labels + 1u);
	bool match;

	return zone_version_nsec3(q->asked.zone, q->msg + MSG_HEADER_SIZE + q->name_len - n, n, &match);
}

static bool
collect_nsec3_nxdomain(const struct plain *q, struct plain_proofs *proofs)
{
	const struct zone_node *encloser = q->asked.found.encloser;

	return add_match(q, proofs, encloser) && add_nsec3(q, proofs, covers_next_closer(q)) &&
	    add_nsec3(q, proofs, zone_version_nsec3_wildcard(q->asked.zone, encloser));
}

size_t
plain_nxdomain(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room)
{
	struct plain_proofs proofs;
	enum zone_denial denial = begin(q, &proofs);

	if (zone_version_apex_len(q->asked.zone) == 1 ||
	    !(denial == ZONE_DENIAL_NSEC ? collect_nsec_nxdomain(q, &proofs) :
	    denial == ZONE_DENIAL_NSEC3 && collect_nsec3_nxdomain(q, &proofs)))
		return 0;
	return write_denial(q, settings, RCODE_NXDOMAIN, &proofs, tcp, out, room);
}

/* RFC 5155, section 7.2.7; where opt-out leaves the cut out, and that stands right below the apex, it is known what is
 * the closest provable encloser. */
static bool
collect_nsec3_no_ds(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *cut)
{
	size_t parent_len = zone_node_owner_len(cut) - (*zone_node_owner(cut) + 1u);
	const struct zone_node *node;
	bool match = false;

	node = zone_version_nsec3_of(q->asked.zone, cut, &match);
	if (!match && (parent_len != zone_version_apex_len(q->asked.zone) ||
	    !add_match(q, proofs, zone_version_apex(q->asked.zone))))
		return false;
	return add_nsec3(q, proofs, node);
}

bool
plain_prove_no_ds(const struct plain *q, const struct zone_node *cut, struct plain_proofs *proofs)
{
	switch (begin(q, proofs)) {
	case ZONE_DENIAL_NSEC:
		add(proofs, cut, zone_node_owner_len(cut));
		return true;
	case ZONE_DENIAL_NSEC3:
		return collect_nsec3_no_ds(q, proofs, cut);
	case ZONE_DENIAL_NONE:
	case ZONE_DENIAL_NSEC3_COSTLY:
		break;
	}
	return false;
}

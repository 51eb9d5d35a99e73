/* NSEC and NSEC3 the short way.  What is there to be proven is what server/denial.c tells, with the RFCs; here it is the
 * usual cases.  An NSEC that covers the question's name stands at its closest encloser or below that, and no
 * deeper name above it is there: the owner has just the encloser in common with the question.  An NSEC3 is owned by
 * a label below the apex. */
#include "server/plain_internal.h"
#include "wire/rrtype.h"

/* own octets of the node's name are to be written, and what follows is in the question.  False: the node has no such
 * record. */
static bool
add(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *node, uint16_t type, size_t shared)
{
	struct plain_proof *f = &proofs->v[proofs->n];

	for (unsigned i = 0; i < proofs->n; i++)
		if (proofs->v[i].node == node)
			return true;
	if (!zone_node_rrset(node, type, &f->set))
		return false;
	f->node = node;
	f->own = (uint16_t)(zone_node_owner_len(node) - shared);
	f->rest = plain_pointer(q, shared);
	proofs->size += f->own + records_size(&f->set) + plain_signatures(&f->set, true, &f->signatures);
	proofs->count += f->set.count + f->signatures.count;
	proofs->n++;
	return true;
}

/* labels: how many of the question's the owner ends with at least, and no more where that is known. */
static bool
add_nsec(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *node, unsigned labels, bool known)
{
	struct qp_key owner;

	if (node == NULL)
		return false;
	if (!known) {
		qp_key_init(&owner, zone_node_owner(node));
		labels = plain_common_labels(&q->asked.key, &owner);
	}
	return add(q, proofs, node, TYPE_NSEC, plain_end_len(q, labels));
}

static bool
add_nsec3(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *node)
{
	size_t apex_len = zone_version_apex_len(q->asked.zone);

	return node != NULL && apex_len > 1 && zone_node_owner_len(node) == *zone_node_owner(node) + 1u + apex_len &&
	    add(q, proofs, node, TYPE_NSEC3, apex_len);
}

/* One that matches. */
static bool
add_match(const struct plain *q, struct plain_proofs *proofs, const struct zone_node *of)
{
	bool match = false;
	const struct zone_node *node = zone_version_nsec3_of(q->asked.zone, of, &match);

	return match && add_nsec3(q, proofs, node);
}

uint8_t *
plain_put_proofs(const struct plain_proofs *proofs, uint8_t *p, const uint8_t *out)
{
	for (const struct plain_proof *f = proofs->v; f < proofs->v + proofs->n; f++) {
		uint16_t owner = f->rest;

		if (f->own > 0) {
			owner = (uint16_t)(PLAIN_POINTER | (p - out));
			memcpy(p, zone_node_owner(f->node), f->own);
			records_put(p + f->own, owner, &f->set, f->set.ttl);
			store_u16(p + f->own, f->rest);		/* where it is written first */
			p += f->own + records_size(&f->set);
		} else {
			p = records_put(p, owner, &f->set, f->set.ttl);
		}
		if (f->signatures.count > 0)
			p = records_put(p, owner, &f->signatures, f->signatures.ttl);
	}
	return p;
}

/* SOA and what signs it, then the proofs. */
static size_t
write_denial(const struct plain *q, const struct answer_settings *settings, unsigned rcode,
    const struct plain_proofs *proofs, bool tcp, uint8_t *out, size_t room)
{
	size_t apex_len = zone_version_apex_len(q->asked.zone), size;
	struct zone_rrset of_soa;
	struct zone_negative soa;
	uint8_t *p;

	if (!zone_version_negative(q->asked.zone, &soa))
		return 0;
	size = q->end + records_soa_size(&soa) + plain_signatures(&soa.set, true, &of_soa) + proofs->size;
	if (size >= PLAIN_POINTED_MAX || !plain_fits(q, settings, tcp, room, size))
		return 0;
	p = plain_begin(q, FLAG_AA | rcode, out);
	store_u16(out + 8, (uint16_t)(1 + of_soa.count + proofs->count));
	p = records_soa_put(out, p, MSG_HEADER_SIZE + q->name_len - apex_len, &soa);
	if (of_soa.count > 0)
		p = records_put(p, plain_pointer(q, apex_len), &of_soa,
		    soa.ttl < soa.set.ttl && soa.ttl < of_soa.ttl ? soa.ttl : of_soa.ttl);	/* as response_negative() does */
	p = plain_put_proofs(proofs, p, out);
	return plain_end(q, settings, p, out);
}

static bool
collect_nodata(const struct plain *q, struct plain_proofs *proofs)
{
	const struct zone_node *node = q->asked.found.node;

	switch (zone_version_denial(q->asked.zone)) {
	case ZONE_DENIAL_NSEC:
		if ((zone_node_flags(node) & ZONE_NODE_NSEC) != 0)
			return add_nsec(q, proofs, node, q->asked.key.labels, true);
		return add_nsec(q, proofs, zone_version_nsec(q->asked.zone, zone_node_owner(node)), 0, false);
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

	proofs.n = proofs.count = 0;
	proofs.size = 0;
	if (zone_version_apex_len(q->asked.zone) == 1 || !collect_nodata(q, &proofs))
		return 0;
	return write_denial(q, settings, RCODE_NOERROR, &proofs, tcp, out, room);
}

static bool
collect_nsec_nxdomain(const struct plain *q, struct plain_proofs *proofs)
{
	const struct zone_lookup *found = &q->asked.found;
	bool known = (zone_node_flags(found->encloser) & ZONE_NODE_NSEC) != 0;

	return add_nsec(q, proofs, zone_version_nsec_found(q->asked.zone, &q->asked.key, found), found->labels, known) &&
	    add_nsec(q, proofs, zone_version_nsec_wildcard(q->asked.zone, found), found->labels, known);
}

/* The NSEC3 that covers the name one label below the encloser, which the question ends with. */
static const struct zone_node *
covers_next_closer(const struct plain *q)
{
	const uint8_t *name = q->msg + MSG_HEADER_SIZE;
	bool match;

	return zone_version_nsec3(q->asked.zone, name + (q->name_len - plain_end_len(q, q->asked.found.labels + 1u)), &match);
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
	enum zone_denial denial = zone_version_denial(q->asked.zone);
	struct plain_proofs proofs;

	proofs.n = proofs.count = 0;
	proofs.size = 0;
	if (zone_version_apex_len(q->asked.zone) == 1 || !(denial == ZONE_DENIAL_NSEC ? collect_nsec_nxdomain(q, &proofs) :
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
	proofs->n = proofs->count = 0;
	proofs->size = 0;
	switch (zone_version_denial(q->asked.zone)) {
	case ZONE_DENIAL_NSEC:
		return add(q, proofs, cut, TYPE_NSEC, zone_node_owner_len(cut));
	case ZONE_DENIAL_NSEC3:
		return collect_nsec3_no_ds(q, proofs, cut);
	case ZONE_DENIAL_NONE:
	case ZONE_DENIAL_NSEC3_COSTLY:
		break;
	}
	return false;
}

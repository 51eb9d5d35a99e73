/* NSEC and NSEC3 the short way, each written as soon as it is found.  What is there to be proven is what server/denial.c
 * tells, with the RFCs; here it is the usual cases.  An NSEC that covers the question's name stands at its closest encloser
 * or below that, and no deeper name above it is there: the owner has just the encloser in common with the question.  An
 * NSEC3 is owned by a label below the apex. */
#include "server/plain_internal.h"
#include "wire/rrtype.h"
#include "zones/nodeview.h"

#define PROOFS_MAX 3

struct proving {
	struct plain_sink *s;
	const struct zone_version *zone;
	const struct zone_prepared *prepared;
	uint16_t apex;			/* the pointer to it */
	unsigned n;			/* what was written */
	const struct zone_node *nodes[PROOFS_MAX];
};

/* False: nothing is prepared, or the zone denies in a way that is not usual.  What the root proves is
 * known by a name of its own alone: nothing points to the root. */
static inline bool
begin(struct proving *w, struct plain_sink *s)
{
	const struct zone_version *zone = s->q->asked.zone;
	const struct zone_prepared *prepared = zone_version_prepared(zone);

	w->s = s;
	w->zone = zone;
	w->prepared = prepared;
	w->n = 0;
	if (prepared == NULL ||
	    (prepared->denial != ZONE_DENIAL_NSEC && (prepared->denial != ZONE_DENIAL_NSEC3 || prepared->apex_len == 1)))
		return false;
	w->apex = plain_pointer(s->q, prepared->apex_len);
	return true;
}

/* How many octets of a name the question ends with. */
static size_t
shared_with(const struct plain *q, const struct zone_node *node)
{
	struct qp_key key;

	qp_key_init(&key, zone_node_owner(node));
	return plain_end_len(q, qp_common_labels(&q->asked.key, &key));
}

static inline bool
put_ready(const struct proving *w, const struct zone_ready *records)
{
	struct plain_sink *s = w->s;

	if ((size_t)(s->end - s->p) < records->size)
		return false;
	s->p = plain_put_ready(s->out, s->p, w->apex, w->prepared, records);
	s->count += records->count;
	return true;
}

/* As it lies in its node.  shared: octets at the end of its name that the question has, too. */
static inline bool
put_from_node(struct plain_sink *s, const struct zone_node *node, uint16_t type, size_t shared)
{
	size_t own = zone_node_owner_len(node) - shared;
	uint16_t rest = plain_pointer(s->q, shared), owner = rest;
	struct zone_signed data;
	uint8_t *p = s->p;

	if (!node_signed(node, type, &data) ||
	    (size_t)(s->end - p) < own + records_size(&data.set) + records_size(&data.signatures))
		return false;
	if (own > 0) {
		owner = (uint16_t)(PLAIN_POINTER | (p - s->out));
		if (own == 1 + NSEC3_LABEL)
			memcpy(p, zone_node_owner(node), 1 + NSEC3_LABEL);	/* the same, without a call */
		else
			memcpy(p, zone_node_owner(node), own);
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

/* The proof of a node, which may be there already.  False: it does not fit, or there is none. */
static inline bool
prove(struct proving *w, const struct zone_node *node, uint16_t type, size_t shared)
{
	const struct zone_ready_proof *ready = w->prepared->proofs->v;

	for (unsigned i = 0; i < w->n; i++)
		if (w->nodes[i] == node)
			return true;
	if (node == NULL)
		return false;
	w->nodes[w->n++] = node;
	if (node == ready[0].node)
		return put_ready(w, &ready[0].records);
	if (node == ready[1].node)
		return put_ready(w, &ready[1].records);
	return put_from_node(w->s, node, type, shared);
}

/* --- NSEC --- */

static inline bool
prove_nsec(struct proving *w, const struct zone_node *node, size_t shared)
{
	return prove(w, node, TYPE_NSEC, shared);
}

/* One that is found by way of the encloser: there, or below it; or else further up. */
static inline bool
prove_nsec_near(struct proving *w, const struct zone_node *node)
{
	const struct plain *q = w->s->q;
	const struct zone_lookup *found = &q->asked.found;

	return node != NULL && prove_nsec(w, node, (zone_node_flags(found->encloser) & ZONE_NODE_NSEC) != 0 ?
	    plain_end_len(q, found->labels) : shared_with(q, node));
}

/* That which covers the name, which is not there. */
static inline const struct zone_node *
nsec_cover(const struct proving *w)
{
	const struct zoneset_question *asked = &w->s->q->asked;

	return zone_version_nsec_found(w->zone, &asked->key, &asked->found);
}

/* The same, and that of the wildcard which stands for the name.  False too: the wildcard's name is an end of what covers,
 * and so would be shortened further. */
static bool
prove_nsec_wildcard(struct proving *w, const struct zone_node *wildcard)
{
	const struct zone_node *cover = nsec_cover(w);

	if ((zone_node_flags(wildcard) & ZONE_NODE_NSEC) == 0 || cover == NULL ||
	    (cover != wildcard && dname_is_below(zone_node_owner(cover), zone_node_owner(wildcard))))
		return false;
	return prove_nsec_near(w, cover) && prove_nsec(w, wildcard, plain_end_len(w->s->q, w->s->q->asked.found.labels));
}

/* Of a node, or before it: an empty non-terminal has none. */
static bool
prove_nsec_node(struct proving *w, const struct zone_node *node)
{
	const struct plain *q = w->s->q;

	if ((zone_node_flags(node) & ZONE_NODE_NSEC) == 0)
		node = zone_version_nsec(w->zone, zone_node_owner(node));
	if (node == NULL)
		return false;
	return prove_nsec(w, node, node == q->asked.found.node ? q->name_len : shared_with(q, node));
}

/* --- NSEC3 --- */

static inline bool
prove_nsec3(struct proving *w, const struct zone_node *node)
{
	return prove(w, node, TYPE_NSEC3, w->prepared->apex_len);
}

/* One that matches.  False too: a node that opt-out left out of the chain. */
static bool
prove_nsec3_match(struct proving *w, const struct zone_node *of)
{
	bool match = true;
	const struct zone_node *node = of == w->prepared->proofs->apex ? w->prepared->proofs->v[0].node :
	    zone_version_nsec3_of(w->zone, of, &match);

	return match && prove_nsec3(w, node);
}

/* The one that covers the name one label below the encloser, which the question ends with. */
static bool
prove_nsec3_next_closer(struct proving *w)
{
	const struct plain *q = w->s->q;
	size_t n = plain_end_len(q, q->asked.found.labels + 1u);
	bool match;

	return prove_nsec3(w, zone_version_nsec3(w->zone, q->msg + MSG_HEADER_SIZE + q->name_len - n, n, &match));
}

static inline bool
prove_nsec3_wildcard(struct proving *w, const struct zone_node *encloser)
{
	return prove_nsec3(w, encloser == w->prepared->proofs->apex ? w->prepared->proofs->v[1].node :
	    zone_version_nsec3_wildcard(w->zone, encloser));
}

/* RFC 5155, section 7.2.7; where opt-out leaves the cut out, and that stands right below the apex, it is known what is
 * the closest provable encloser. */
static bool
prove_nsec3_no_ds(struct proving *w, const struct zone_node *cut)
{
	size_t parent_len = zone_node_owner_len(cut) - (*zone_node_owner(cut) + 1u);
	const struct zone_node *node;
	bool match = false;

	node = zone_version_nsec3_of(w->zone, cut, &match);
	if (!match && (parent_len != w->prepared->apex_len || !prove_nsec3_match(w, w->prepared->proofs->apex)))
		return false;
	return prove_nsec3(w, node);
}

/* --- either --- */

bool
plain_prove_no_ds(struct plain_sink *s, const struct zone_node *cut)
{
	struct proving w;

	if (!begin(&w, s))
		return false;
	return w.prepared->denial == ZONE_DENIAL_NSEC3 ? prove_nsec3_no_ds(&w, cut) :
	    prove_nsec(&w, cut, zone_node_owner_len(cut));
}

/* RFC 4035, section 3.1.3.3; RFC 5155, section 7.2.6. */
bool
plain_prove_expansion(struct plain_sink *s)
{
	struct proving w;

	if (!begin(&w, s) || w.prepared->apex_len == 1)
		return false;
	return w.prepared->denial == ZONE_DENIAL_NSEC3 ? prove_nsec3_next_closer(&w) :
	    prove_nsec_near(&w, nsec_cover(&w));
}

/* SOA and what signs it, before the proofs. */
static inline bool
begin_denial(struct proving *w, struct plain_sink *s, const struct plain *q, const struct answer_settings *settings,
    unsigned rcode, bool tcp, uint8_t *out, size_t room)
{
	return plain_sink_start(s, q, settings, tcp, FLAG_AA | rcode, out, room) && begin(w, s) &&
	    w->prepared->soa.size > 0 && put_ready(w, &w->prepared->soa_signed);
}

static inline size_t
end_denial(const struct plain_sink *s, const struct answer_settings *settings)
{
	store_u16(s->out + 8, (uint16_t)s->count);
	return plain_end(s->q, settings, s->p, s->out);
}

static inline bool
prove_nodata(struct proving *w)
{
	const struct zone_lookup *found = &w->s->q->asked.found;

	if (w->prepared->denial == ZONE_DENIAL_NSEC3)
		return found->node != NULL ? prove_nsec3_match(w, found->node) :
		    prove_nsec3_match(w, found->encloser) && prove_nsec3_next_closer(w) &&
		    prove_nsec3_match(w, found->wildcard);
	return found->node != NULL ? prove_nsec_node(w, found->node) :
	    prove_nsec_wildcard(w, found->wildcard);
}

size_t
plain_nodata(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room)
{
	struct plain_sink s;
	struct proving w;

	if (!begin_denial(&w, &s, q, settings, RCODE_NOERROR, tcp, out, room) || !prove_nodata(&w))
		return 0;
	return end_denial(&s, settings);
}

static inline bool
prove_nxdomain(struct proving *w)
{
	const struct zone_lookup *found = &w->s->q->asked.found;

	if (w->prepared->denial == ZONE_DENIAL_NSEC3)
		return prove_nsec3_match(w, found->encloser) && prove_nsec3_next_closer(w) &&
		    prove_nsec3_wildcard(w, found->encloser);
	return prove_nsec_near(w, nsec_cover(w)) && prove_nsec_near(w, zone_version_nsec_wildcard(w->zone, found));
}

size_t
plain_nxdomain(const struct plain *q, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room)
{
	struct plain_sink s;
	struct proving w;

	if (!begin_denial(&w, &s, q, settings, RCODE_NXDOMAIN, tcp, out, room) || !prove_nxdomain(&w))
		return 0;
	return end_denial(&s, settings);
}

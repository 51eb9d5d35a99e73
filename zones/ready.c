/* What denials say again and again, written when a version is made, as zones/version.h tells of struct zone_ready: the SOA, and
 * the NSEC or NSEC3 that speak of the apex and of its wildcard. */
#include <stdlib.h>
#include <string.h>

#include "wire/writer.h"
#include "zones/nodeview.h"
#include "zones/versionpriv.h"

#define OCTETS_MAX 8192			/* whoever has signatures of such size goes without */
#define POINTERS_MAX 64
#define FIXED 10			/* type, class, TTL and length of the rdata */

struct writing {
	unsigned noctets, npointers;
	bool full;
	uint8_t octets[OCTETS_MAX];
	struct zone_pointer pointers[POINTERS_MAX];
};

static uint8_t *
take(struct writing *w, size_t n)
{
	if (w->full || n > OCTETS_MAX - w->noctets) {
		w->full = true;
		return NULL;
	}
	w->noctets += (unsigned)n;
	return w->octets + w->noctets - n;
}

static void
put(struct writing *w, const uint8_t *octets, size_t n)
{
	uint8_t *p = take(w, n);

	if (p != NULL)
		memcpy(p, octets, n);
}

/* from: where the part begins that it is in. */
static void
put_pointer(struct writing *w, unsigned from, enum zone_pointer_base base, unsigned to)
{
	if (w->npointers == POINTERS_MAX)
		w->full = true;
	if (take(w, 2) != NULL)
		w->pointers[w->npointers++] = (struct zone_pointer){ (w->noctets - 2 - from) & 0x7fff, base & 1,
		    (uint16_t)to };
}

static void
put_fixed(struct writing *w, const struct zone_rrset *set, uint32_t ttl, size_t rdlen)
{
	uint8_t *p = take(w, FIXED);

	if (p == NULL)
		return;
	store_u16(p, set->type);
	store_u16(p + 2, CLASS_IN);
	store_u32(p + 4, ttl);
	store_u16(p + 8, (uint16_t)rdlen);
}

/* Records whose owner is pointed to. */
static void
put_records(struct writing *w, unsigned from, enum zone_pointer_base base, const struct zone_rrset *set, uint32_t ttl)
{
	const uint8_t *at = NULL, *rdata;
	uint16_t n;

	if (set->count == 0)
		return;
	while (zone_rrset_next(set, &at, &rdata, &n)) {
		put_pointer(w, from, base, 0);
		put_fixed(w, set, ttl, n);
		put(w, rdata, n);
	}
}

/* A part from here on. */
static struct zone_ready
part(const struct writing *w, unsigned from, unsigned first_pointer, unsigned count)
{
	return (struct zone_ready){ (uint16_t)from, (uint16_t)(w->noctets - from), (uint16_t)count,
	    (uint8_t)first_pointer, (uint8_t)(w->npointers - first_pointer) };
}

static void
put_soa_name(struct writing *w, const uint8_t *name, const struct zone_soa_name *n)
{
	put(w, name, n->own);
	if (n->own < n->len && n->in_mname)
		put_pointer(w, 0, ZONE_POINTER_SELF, 2u + FIXED + n->at);
	else if (n->own < n->len)
		put_pointer(w, 0, ZONE_POINTER_APEX, n->at);
}

static void
put_soa(struct writing *w, const struct zone_version *v, struct zone_prepared *to)
{
	struct zone_negative soa;
	uint32_t ttl;

	if (!zone_version_negative(v, &soa))
		return;
	put_pointer(w, 0, ZONE_POINTER_APEX, 0);
	put_fixed(w, &soa.data.set, soa.ttl, soa.size - 2u - FIXED);
	put_soa_name(w, soa.rdata, &soa.mname);
	put_soa_name(w, soa.rdata + soa.mname.len, &soa.rname);
	put(w, soa.rdata + soa.mname.len + soa.rname.len, SOA_NUMBERS);
	to->soa = part(w, 0, 0, 1);
	/* The TTL of what signs it is lowered where its own is: RFC 4034, section 3. */
	ttl = soa.data.signatures.ttl;
	if (ttl > soa.ttl && soa.ttl < soa.data.set.ttl)
		ttl = soa.ttl;
	put_records(w, 0, ZONE_POINTER_APEX, &soa.data.signatures, ttl);
	to->soa_signed = part(w, 0, 0, 1u + soa.data.signatures.count);
}

/* What proves something, and signs that: the NSEC of the apex; or an NSEC3, which has a label of its own. */
static void
put_proof(struct writing *w, const struct zone_version *v, const struct zone_node *node, uint16_t type,
    struct zone_ready_proof *to)
{
	unsigned from = w->noctets, first_pointer = w->npointers;
	size_t own = zone_node_owner_len(node) - v->apex_len;
	struct zone_signed data;

	if (!node_signed(node, type, &data) || data.set.count != 1)
		return;
	put(w, zone_node_owner(node), own);
	put_pointer(w, from, ZONE_POINTER_APEX, 0);
	put_fixed(w, &data.set, data.set.ttl, data.set.size - 2);
	put(w, data.set.records + 2, data.set.size - 2);
	put_records(w, from, own > 0 ? ZONE_POINTER_SELF : ZONE_POINTER_APEX, &data.signatures, data.signatures.ttl);
	to->node = node;
	to->records = part(w, from, first_pointer, 1u + data.signatures.count);
}

static void
put_proofs(struct writing *w, const struct zone_version *v, struct zone_ready_proofs *to)
{
	to->apex = v->apex;
	if (v->denial == ZONE_DENIAL_NSEC)
		put_proof(w, v, v->apex, TYPE_NSEC, &to->v[0]);
	if (v->denial == ZONE_DENIAL_NSEC3 && v->known_match[OF_APEX])
		put_proof(w, v, v->known_nsec3[OF_APEX], TYPE_NSEC3, &to->v[0]);
	if (v->denial == ZONE_DENIAL_NSEC3 && v->known_nsec3[OF_WILDCARD] != NULL)
		put_proof(w, v, v->known_nsec3[OF_WILDCARD], TYPE_NSEC3, &to->v[1]);
}

enum err
zone_version_prepare_ready(struct zone_version *v)
{
	struct zone_prepared made = { .denial = v->denial, .apex_len = v->apex_len }, *to;
	struct zone_ready_proofs proofs = { .apex = NULL };
	size_t proofs_size = v->denial == ZONE_DENIAL_NONE ? 0 : sizeof proofs, pointers_size;
	struct writing w;

	w.noctets = w.npointers = 0;
	w.full = false;
	if (v->apex != NULL && v->apex_len > 1) {
		put_soa(&w, v, &made);
		put_proofs(&w, v, &proofs);
	}
	if (w.full)
		return ERR_OK;			/* denials go the long way */
	pointers_size = w.npointers * sizeof w.pointers[0];
	made.pointers_at = (uint16_t)(sizeof made + proofs_size);
	made.octets_at = (uint16_t)(made.pointers_at + pointers_size);
	if ((to = malloc(made.octets_at + w.noctets)) == NULL)
		return ERR_NOMEM;
	*to = made;
	memcpy(to->proofs, &proofs, proofs_size);
	memcpy((uint8_t *)to + to->pointers_at, w.pointers, pointers_size);
	memcpy((uint8_t *)to + to->octets_at, w.octets, w.noctets);
	v->qp.attached = to;
	return ERR_OK;
}

const struct zone_prepared *
zone_version_prepared(const struct zone_version *v)
{
	return v->qp.attached;
}

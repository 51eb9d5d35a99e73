#include "server/denial.h"

#include "wire/rrtype.h"

/* The NSEC or NSEC3 of a node into the authority section, once. */
static void
put_proof(struct response *r, const struct zone_node *node, uint16_t type)
{
	struct zone_rrset set;

	for (unsigned i = 0; i < r->nproofs; i++)
		if (r->proofs[i] == node)
			return;
	if (!zone_node_rrset(node, type, &set))
		return;
	if (r->nproofs == RESPONSE_PROOFS_MAX ||
	    !response_rrset(r, SECTION_AUTHORITY, zone_node_owner(node), &set, set.ttl)) {
		r->flags |= FLAG_TC;
		return;
	}
	r->proofs[r->nproofs++] = node;
}

/* --- NSEC --- */

/* The NSEC of name, or the one that covers it. */
static void
nsec_at(struct response *r, const uint8_t *name)
{
	const struct zone_node *node = zone_version_nsec(r->zone, name);

	if (node != NULL)
		put_proof(r, node, TYPE_NSEC);
}

static bool
wildcard_below(struct dname *to, const struct zone_node *encloser)
{
	return dname_join(to, (const uint8_t *)"\1*", 1, zone_node_owner(encloser));
}

/* --- either --- */

void
denial_nodata(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	if (!r->dnssec)
		return;
	if (zone_version_denial(r->zone) == ZONE_DENIAL_NSEC) {
		nsec_at(r, name);			/* RFC 4035, sections 3.1.3.1 and 3.1.3.4 */
		if (found->node == NULL)
			nsec_at(r, zone_node_owner(found->wildcard));
	}
}

void
denial_nxdomain(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	struct dname wildcard;

	if (!r->dnssec)
		return;
	if (zone_version_denial(r->zone) == ZONE_DENIAL_NSEC) {
		nsec_at(r, name);			/* RFC 4035, section 3.1.3.2 */
		if (wildcard_below(&wildcard, found->encloser))
			nsec_at(r, wildcard.octets);
	}
}

void
denial_referral(struct response *r, const struct zone_node *cut)
{
	struct zone_rrset ds;

	if (!r->dnssec)
		return;
	if (zone_node_rrset(cut, TYPE_DS, &ds)) {
		if (!response_rrset(r, SECTION_AUTHORITY, zone_node_owner(cut), &ds, ds.ttl))
			r->flags |= FLAG_TC;
		return;
	}
	if (zone_version_denial(r->zone) == ZONE_DENIAL_NSEC)
		put_proof(r, cut, TYPE_NSEC);
}

void
denial_expanded(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	if (r->dnssec && r->nexpanded < RESPONSE_EXPANDED_MAX)
		r->expanded[r->nexpanded++] = (struct response_expanded){ name, found->encloser };
}

void
denial_expanded_put(struct response *r)
{
	for (unsigned i = 0; i < r->nexpanded; i++) {
		if (zone_version_denial(r->zone) == ZONE_DENIAL_NSEC)
			nsec_at(r, r->expanded[i].name);	/* RFC 4035, section 3.1.3.3 */
	}
	r->nexpanded = 0;
}

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

static void
put_nsec(struct response *r, const struct zone_node *node)
{
	if (node != NULL)
		put_proof(r, node, TYPE_NSEC);
}

/* Of a name that is there, or the one that covers it: most have their own. */
static void
nsec_of(struct response *r, const struct zone_node *node)
{
	put_nsec(r, (zone_node_flags(node) & ZONE_NODE_NSEC) != 0 ? node :
	    zone_version_nsec(r->zone, zone_node_owner(node)));
}

/* --- NSEC3 --- */

/* The NSEC3 that matches name or covers it. */
static void
nsec3_at(struct response *r, const uint8_t *name)
{
	bool match;
	const struct zone_node *node = zone_version_nsec3(r->zone, name, dname_len(name), &match);

	if (node != NULL)
		put_proof(r, node, TYPE_NSEC3);
}

static const uint8_t *
suffix(const uint8_t *name, unsigned labels)
{
	return dname_skip(name, dname_labels(name) - labels);
}

/* RFC 5155, section 7.2.1: the closest encloser that has an NSEC3, and the name below it towards name, which has none.
 * Where opt-out leaves the encloser out of the chain, one above it is proven.  labels: of name, down to the first that
 * comes into question, and what zone_version_nsec3() gives for that.  Gives what is proven. */
static const uint8_t *
nsec3_prove(struct response *r, const uint8_t *name, unsigned labels, const struct zone_node *node, bool match)
{
	unsigned apex = dname_labels(zone_version_apex_name(r->zone));
	const struct zone_node *below = NULL;

	while (!match && labels > apex) {
		const uint8_t *above = suffix(name, --labels);

		below = node;
		node = zone_version_nsec3(r->zone, above, dname_len(above), &match);
	}
	if (match)
		put_proof(r, node, TYPE_NSEC3);
	if (below != NULL)
		put_proof(r, below, TYPE_NSEC3);
	else
		nsec3_at(r, suffix(name, labels + 1));
	return suffix(name, labels);
}

static const uint8_t *
nsec3_encloser(struct response *r, const uint8_t *name, const struct zone_node *encloser)
{
	bool match;
	const struct zone_node *node = zone_version_nsec3_of(r->zone, encloser, &match);

	return nsec3_prove(r, name, dname_labels(zone_node_owner(encloser)), node, match);
}

/* There is a node of this name, in the chain or left out of it. */
static void
nsec3_nodata(struct response *r, const struct zone_node *of)
{
	const uint8_t *name = zone_node_owner(of);
	bool match;
	const struct zone_node *node = zone_version_nsec3_of(r->zone, of, &match);

	if (match)
		put_proof(r, node, TYPE_NSEC3);		/* RFC 5155, sections 7.2.3, 7.2.4, 7.2.7 */
	else if ((zone_node_flags(of) & ZONE_NODE_APEX) == 0)
		nsec3_prove(r, name, dname_labels(name), node, false);
}

static void
nsec3_wildcard_nodata(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	const struct zone_node *node;
	bool match;

	nsec3_encloser(r, name, found->encloser);	/* section 7.2.5 */
	node = zone_version_nsec3_of(r->zone, found->wildcard, &match);
	if (node != NULL)
		put_proof(r, node, TYPE_NSEC3);
}

static void
nsec3_nxdomain(struct response *r, const uint8_t *name, const struct zone_node *encloser)
{
	const uint8_t *proven = nsec3_encloser(r, name, encloser);	/* section 7.2.2 */
	struct dname wildcard;

	if (dname_join(&wildcard, (const uint8_t *)"\1*", 1, proven))
		nsec3_at(r, wildcard.octets);
}

/* --- either --- */

void
denial_nodata(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	if (!r->dnssec)
		return;
	switch (zone_version_denial(r->zone)) {
	case ZONE_DENIAL_NONE:
		break;
	case ZONE_DENIAL_NSEC:
		if (found->node != NULL) {		/* RFC 4035, sections 3.1.3.1 and 3.1.3.4 */
			nsec_of(r, found->node);
		} else {
			put_nsec(r, zone_version_nsec_found(r->zone, r->key, found));
			nsec_of(r, found->wildcard);
		}
		break;
	case ZONE_DENIAL_NSEC3:
		if (found->node != NULL)
			nsec3_nodata(r, found->node);
		else
			nsec3_wildcard_nodata(r, name, found);
		break;
	case ZONE_DENIAL_NSEC3_COSTLY:
		put_proof(r, zone_version_any_nsec3(r->zone), TYPE_NSEC3);
		break;
	}
}

void
denial_nxdomain(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	if (!r->dnssec)
		return;
	switch (zone_version_denial(r->zone)) {
	case ZONE_DENIAL_NONE:
		break;
	case ZONE_DENIAL_NSEC:
		/* RFC 4035, section 3.1.3.2 */
		put_nsec(r, zone_version_nsec_found(r->zone, r->key, found));
		put_nsec(r, zone_version_nsec_wildcard(r->zone, found));
		break;
	case ZONE_DENIAL_NSEC3:
		nsec3_nxdomain(r, name, found->encloser);
		break;
	case ZONE_DENIAL_NSEC3_COSTLY:
		put_proof(r, zone_version_any_nsec3(r->zone), TYPE_NSEC3);
		break;
	}
}

static void
deny_ds(struct response *r, const struct zone_node *cut)
{
	switch (zone_version_denial(r->zone)) {
	case ZONE_DENIAL_NONE:
		break;
	case ZONE_DENIAL_NSEC:
		put_proof(r, cut, TYPE_NSEC);
		break;
	case ZONE_DENIAL_NSEC3:
		nsec3_nodata(r, cut);
		break;
	case ZONE_DENIAL_NSEC3_COSTLY:
		put_proof(r, zone_version_any_nsec3(r->zone), TYPE_NSEC3);
		break;
	}
}

void
denial_referral(struct response *r, const struct zone_node *cut)
{
	struct zone_rrset ds;

	if (!r->dnssec)
		return;
	if (!zone_node_rrset(cut, TYPE_DS, &ds))
		deny_ds(r, cut);
	else if (!response_rrset(r, SECTION_AUTHORITY, zone_node_owner(cut), &ds, ds.ttl))
		r->flags |= FLAG_TC;
}

void
denial_expanded(struct response *r, const uint8_t *name, const struct zone_lookup *found)
{
	if (r->dnssec && r->nexpanded < RESPONSE_EXPANDED_MAX)
		r->expanded[r->nexpanded++] = (struct response_expanded){ name, found->encloser };
}

/* name itself is not there: the NSEC covers it; the NSEC3 covers the name below the encloser (RFC 4035, section
 * 3.1.3.3; RFC 5155, section 7.2.6). */
static void
prove_expansion(struct response *r, const uint8_t *name, const struct zone_node *encloser)
{
	switch (zone_version_denial(r->zone)) {
	case ZONE_DENIAL_NONE:
		break;
	case ZONE_DENIAL_NSEC:
		put_nsec(r, zone_version_nsec(r->zone, name));
		break;
	case ZONE_DENIAL_NSEC3:
		nsec3_at(r, suffix(name, dname_labels(zone_node_owner(encloser)) + 1));
		break;
	case ZONE_DENIAL_NSEC3_COSTLY:
		put_proof(r, zone_version_any_nsec3(r->zone), TYPE_NSEC3);
		break;
	}
}

void
denial_put_expanded(struct response *r)
{
	for (unsigned i = 0; i < r->nexpanded; i++)
		prove_expansion(r, r->expanded[i].name, r->expanded[i].encloser);
	r->nexpanded = 0;
}

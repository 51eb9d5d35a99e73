#include "server/response.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#define TARGETS_MAX 128			/* optional ones per answer */

/* Both address RRsets of the i-th name in the NS or MX RRset written last; NOWHERE: of a name that may stand anywhere.
 * False: one did not fit. */
#define NOWHERE RESPONSE_TARGETS_MAX
static bool
put_addresses(struct response *r, const struct zone_node *node, unsigned i)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	struct zone_rrset set;
	bool all = true;

	r->known = i < r->ntargets ? zone_node_owner(node) : NULL;
	if (r->known != NULL)
		r->known_at = r->w.base + r->targets[i];
	for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
		if (zone_node_rrset(node, types[k], &set) &&
		    !response_rrset(r, SECTION_ADDITIONAL, zone_node_owner(node), &set, set.ttl))
			all = false;
	}
	return all;
}

#define SERVERS_MAX 64			/* of a delegation whose addresses are looked for */

void
response_glue(struct response *r, const uint8_t *cut, const struct zone_rrset *ns)
{
	struct { const uint8_t *name; unsigned index; } others[SERVERS_MAX];
	const uint8_t *at = NULL, *target;
	const struct zone_node *node;
	unsigned nothers = 0;
	uint16_t n;

	/* RFC 9471, section 3.1: what lies below the cut comes first, and may not be left out silently. */
	for (unsigned i = 0; zone_rrset_next(ns, &at, &target, &n); i++) {
		if (dname_is_below(target, cut)) {
			if ((node = zone_version_find(r->zone, target)) != NULL && !put_addresses(r, node, i))
				r->flags |= FLAG_TC;
		} else if (nothers < SERVERS_MAX) {
			others[nothers].name = target;
			others[nothers++].index = i;
		}
	}
	for (unsigned i = 0; i < nothers; i++)
		if ((node = zone_version_find(r->zone, others[i].name)) != NULL)
			put_addresses(r, node, others[i].index);
}

/* The node whose data name has; NULL: none here, or glue: that goes only with NS records (RFC 1034, section 4.2.1). */
static const struct zone_node *
find_target(const struct response *r, uint16_t type, const uint8_t *name)
{
	struct zone_lookup l;

	if (type == TYPE_NS)
		return zone_version_find(r->zone, name);
	zone_version_lookup(r->zone, name, &l);
	return l.cut == NULL && l.dname == NULL ? l.node : NULL;
}

static bool
is_svcb(uint16_t type)
{
	return type == TYPE_SVCB || type == TYPE_HTTPS;
}

/* Does "." mean the owner itself?  RFC 9460, section 2.5: not in AliasMode. */
static bool
points_to_owner(uint16_t type, const uint8_t *rdata)
{
	return is_svcb(type) && (rdata[0] | rdata[1]) != 0;
}

void
response_additional(struct response *r, const uint8_t *owner, const struct zone_rrset *set)
{
	const struct zone_node *seen[TARGETS_MAX];
	const uint8_t *at = NULL, *rdata, *target;
	struct zone_rrset svcb;
	unsigned nseen = 0, index = set->type == TYPE_NS || set->type == TYPE_MX ? 0 : NOWHERE;
	uint16_t n;

	for (; nseen < TARGETS_MAX && zone_rrset_next(set, &at, &rdata, &n); index++) {
		const struct zone_node *node;
		unsigned i = 0;

		if ((target = rdata_target(set->type, rdata)) == NULL)
			return;
		if (dname_is_root(target) && points_to_owner(set->type, rdata))
			target = owner;
		if (dname_is_root(target) || (node = find_target(r, set->type, target)) == NULL)
			continue;
		while (i < nseen && seen[i] != node)
			i++;
		if (i < nseen)
			continue;
		seen[nseen++] = node;
		put_addresses(r, node, index);
		/* RFC 9460, section 4.1: its SVCB records too. */
		if (is_svcb(set->type) && !dname_equal(target, owner) && zone_node_rrset(node, set->type, &svcb))
			response_rrset(r, SECTION_ADDITIONAL, zone_node_owner(node), &svcb, svcb.ttl);
	}
}

/* RFC 1034, section 4.3.2, over one zone.  A question takes one or more rounds: each looks one name up and answers it,
 * says that there is nothing, refers to another server, or meets an alias (CNAME, or DNAME above the name) and so
 * finds the name of the next round.
 *
 * Aliases are followed while they stay in the zone of the question.  Where one leads out, the answer ends with it and
 * the resolver asks on, also when the name lies in another zone of ours: it has to ask that zone's servers anyway
 * before it may believe the data. */
#include "server/denial.h"
#include "server/plain.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#define CHAIN_MAX 16			/* aliases in one answer */

struct chain {
	unsigned n, ndnames;
	const uint8_t *owners[CHAIN_MAX];		/* names that turned out to be aliases */
	const struct zone_node *dnames[CHAIN_MAX];	/* DNAMEs that are in the answer */
	struct dname made[CHAIN_MAX];			/* targets that DNAMEs made up */
};

static bool
put_answer(struct response *r, const uint8_t *owner, const struct zone_rrset *set)
{
	if (response_rrset(r, SECTION_ANSWER, owner, set, set->ttl))
		return true;
	r->flags |= FLAG_TC;
	return false;
}

/* The rdata of a type that has one record: CNAME, DNAME. */
static const uint8_t *
only_rdata(const struct zone_rrset *set)
{
	const uint8_t *at = NULL, *rdata = NULL;
	uint16_t n;

	zone_rrset_next(set, &at, &rdata, &n);
	return rdata;
}

/* The SOA that says how long "there is nothing" holds: RFC 2308, sections 3 and 5. */
static void
put_negative(struct response *r)
{
	struct zone_negative soa;

	if (zone_version_negative(r->zone, &soa) && !response_negative(r, &soa))
		r->flags |= FLAG_TC;
}

static void
put_referral(struct response *r, const struct zone_node *cut)
{
	struct zone_rrset ns;

	/* AA speaks of the first owner in the answer section: it stays when an alias led here. */
	if (r->counts[SECTION_ANSWER] == 0)
		r->flags &= (uint16_t)~FLAG_AA;
	if (!zone_node_rrset(cut, TYPE_NS, &ns))
		return;
	if (r->named == r->q->question.qname.octets)
		r->above = zone_node_owner(cut);
	if (!response_rrset(r, SECTION_AUTHORITY, zone_node_owner(cut), &ns, ns.ttl)) {
		r->flags |= FLAG_TC;
		return;
	}
	denial_referral(r, cut);
	denial_expanded_put(r);
	response_glue(r, zone_node_owner(cut), &ns);
}

/* owner is an alias of target.  Gives target when the next round shall look it up. */
static const uint8_t *
follow(const struct response *r, struct chain *c, const uint8_t *owner, const uint8_t *target)
{
	c->owners[c->n++] = owner;
	if (c->n == CHAIN_MAX || !dname_is_below(target, zone_version_apex_name(r->zone)))
		return NULL;
	for (unsigned i = 0; i < c->n; i++)
		if (dname_equal(c->owners[i], target))
			return NULL;
	return target;
}

/* The DNAME itself, unless an earlier round put it there.  False: no room. */
static bool
put_dname(struct response *r, struct chain *c, const struct zone_node *node, const struct zone_rrset *set)
{
	for (unsigned i = 0; i < c->ndnames; i++)
		if (c->dnames[i] == node)
			return true;
	c->dnames[c->ndnames++] = node;
	return put_answer(r, zone_node_owner(node), set);
}

static const uint8_t *
answer_dname(struct response *r, struct chain *c, const uint8_t *name, const struct zone_node *node)
{
	unsigned above = dname_labels(name) - dname_labels(zone_node_owner(node));
	uint16_t qtype = r->q->question.qtype;
	struct dname *target = &c->made[c->n];
	struct zone_rrset set;

	if (!zone_node_rrset(node, TYPE_DNAME, &set) || !put_dname(r, c, node, &set))
		return NULL;
	if (!dname_join(target, name, above, only_rdata(&set))) {
		r->rcode = RCODE_YXDOMAIN;		/* RFC 6672, section 2.2 */
		return NULL;
	}
	/* Section 3.1: the CNAME is for resolvers that know no DNAME, and has its TTL. */
	if (!response_rr(r, SECTION_ANSWER, name, TYPE_CNAME, CLASS_IN, set.ttl, target->octets,
	    dname_len(target->octets))) {
		r->flags |= FLAG_TC;
		return NULL;
	}
	if (qtype == TYPE_CNAME)
		return NULL;
	return follow(r, c, name, target->octets);	/* ANY too: section 3.2 goes back to its step 1 */
}

/* NSEC and RRSIG may stand beside a CNAME (RFC 4035, section 2.5), and so it does not speak for them. */
static bool
is_alias(const struct zone_node *node, uint16_t qtype)
{
	return (zone_node_flags(node) & ZONE_NODE_CNAME) != 0 && qtype != TYPE_NSEC && qtype != TYPE_RRSIG;
}

/* A DNAME whose target leads to its own owner is in the answer already, with its signatures where they are wanted: no
 * record comes twice (RFC 2181, section 5). */
static bool
is_there(const struct response *r, const struct chain *c, const uint8_t *name, const struct zone_rrset *set)
{
	if (set->type != TYPE_DNAME && (set->covered != TYPE_DNAME || !r->dnssec))
		return false;
	for (unsigned i = 0; i < c->ndnames; i++)
		if (dname_equal(zone_node_owner(c->dnames[i]), name))
			return true;
	return false;
}

static bool
put_data(struct response *r, const struct chain *c, const uint8_t *name, const struct zone_rrset *set)
{
	return is_there(r, c, name, set) || put_answer(r, name, set);
}

/* All signatures of a name, whatever they cover. */
static void
put_signatures(struct response *r, const struct chain *c, const uint8_t *name, const struct zone_node *node)
{
	struct zone_rrset set;

	for (size_t i = 0; i < zone_node_count(node); i++) {
		zone_node_at(node, i, &set);
		if (set.type == TYPE_RRSIG && !put_data(r, c, name, &set))
			return;
	}
}

/* RFC 8482, section 4.1: one RRset will do; one that no signer made, where there is one. */
static void
put_any(struct response *r, const struct chain *c, const uint8_t *name, const struct zone_node *node)
{
	struct zone_rrset set;

	for (size_t i = 0; i < zone_node_count(node); i++) {
		zone_node_at(node, i, &set);
		if (!rrtype_is_dnssec_meta(set.type))
			break;
	}
	if (rrtype_is_dnssec_meta(set.type))
		zone_node_at(node, 0, &set);
	put_data(r, c, name, &set);
}

/* name's data is node's: its own, or a wildcard's. */
static const uint8_t *
answer_node(struct response *r, struct chain *c, const uint8_t *name, const struct zone_lookup *l)
{
	const struct zone_node *node = l->node != NULL ? l->node : l->wildcard;
	uint16_t qtype = r->q->question.qtype;
	struct zone_rrset set;

	if (l->node == NULL)
		denial_expanded(r, name, l);
	if (qtype == TYPE_ANY && zone_node_count(node) > 0) {
		put_any(r, c, name, node);
	} else if (zone_node_rrset(node, qtype, &set)) {
		if (qtype == TYPE_RRSIG) {
			put_signatures(r, c, name, node);
		} else if (put_data(r, c, name, &set)) {
			denial_expanded_put(r);
			if (rdata_has_target(qtype))
				response_additional(r, name, &set);
		}
	} else if (is_alias(node, qtype) && zone_node_rrset(node, TYPE_CNAME, &set)) {
		if (put_answer(r, name, &set))
			return follow(r, c, name, only_rdata(&set));
	} else {
		put_negative(r);
		denial_nodata(r, name, l);
	}
	return NULL;
}

/* One round: answer name, which was looked up.  Returns the name that the answer leads on to; NULL: it is complete. */
static const uint8_t *
answer_name(struct response *r, struct chain *c, const uint8_t *name, const struct zone_lookup *l)
{
	if (l->dname != NULL && l->dname != l->cut)
		return answer_dname(r, c, name, l->dname);
	/* DS is the one type that the upper side of a cut answers: RFC 4035, section 3.1.4.1. */
	if (l->cut != NULL && (r->q->question.qtype != TYPE_DS || l->cut != l->node)) {
		put_referral(r, l->cut);
		return NULL;
	}
	if (l->node != NULL || l->wildcard != NULL)
		return answer_node(r, c, name, l);
	r->rcode = RCODE_NXDOMAIN;			/* of the last name in the chain: RFC 6604, section 3 */
	put_negative(r);
	denial_nxdomain(r, name, l);
	return NULL;
}

static struct zone_store *
find_zone(const struct zoneset *zones, const struct qp_key *key, uint16_t qtype)
{
	struct zone_store *parent = qtype == TYPE_DS ? zoneset_find_key(zones, key, true) : NULL;

	return parent != NULL ? parent : zoneset_find_key(zones, key, false);
}

/* Does the answer go on with this name, or has another zone of ours something to say about it? */
static bool
goes_on(const struct response *r, const struct zoneset *zones, const struct qp_key *key)
{
	const uint8_t *apex = zone_version_apex_name(r->zone);
	struct zone_store *store = zoneset_find_key(zones, key, false);
	struct zone_version *zone = store == NULL ? NULL : zone_store_current(store);

	if ((zone == NULL || zone_version_apex_name(zone) != apex) && r->q->question.qtype == TYPE_DS &&
	    (store = zoneset_find_key(zones, key, true)) != NULL)
		zone = zone_store_current(store);
	return zone != NULL && zone_version_apex_name(zone) == apex;	/* the store's own, whatever the version */
}

/* The zone that answers, and the question's name in it.  False: there is none. */
static bool
look_up(struct response *r, const struct zoneset *zones, struct qp_key *key, struct zone_lookup *l)
{
	const struct question *q = &r->q->question;
	struct zone_store *store;

	r->named = q->qname.octets;
	r->key = key;
	if (r->q->plain != NULL) {
		r->zone = r->q->plain->asked.zone;
		r->key = &r->q->plain->asked.key;
		*l = r->q->plain->asked.found;
		return true;
	}
	qp_key_init(key, q->qname.octets);
	if ((store = find_zone(zones, key, q->qtype)) == NULL) {
		r->rcode = RCODE_REFUSED;
		r->ede = &ede_not_served;
		return false;
	}
	if ((r->zone = zone_store_current(store)) == NULL) {
		r->rcode = RCODE_SERVFAIL;		/* ours, and not there yet */
		r->ede = &ede_not_loaded;
		return false;
	}
	zone_version_lookup_key(r->zone, key, l);
	return true;
}

static void
answer_internet(struct response *r, const struct zoneset *zones)
{
	const uint8_t *name = r->q->question.qname.octets;
	struct zone_lookup l;
	struct qp_key key;
	struct chain c;

	if (!look_up(r, zones, &key, &l))
		return;
	r->flags |= FLAG_AA;
	r->dnssec = r->dnssec && zone_version_is_signed(r->zone);
	c.n = c.ndnames = 0;
	while ((name = answer_name(r, &c, name, &l)) != NULL) {
		qp_key_init(&key, name);
		r->named = name;
		r->key = &key;
		if (!goes_on(r, zones, &key))
			break;
		zone_version_lookup_key(r->zone, &key, &l);
	}
	denial_expanded_put(r);
}

/* NOERROR, or why nobody should ask for this type. */
static unsigned
check_qtype(uint16_t qtype)
{
	/* Type 0 is none, and no zone has it: RFC 6895, section 3.1. */
	if (qtype == TYPE_ANY || qtype == 0 || !rrtype_is_meta(qtype))
		return RCODE_NOERROR;
	if (qtype == TYPE_MAILA || qtype == TYPE_MAILB)
		return RCODE_NOTIMP;
	return RCODE_FORMERR;
}

/* Class ANY: what we know of class IN, and not with authority, since that does not cover all classes (RFC 1034, section
 * 3.7.1). */
static void
answer_classes(struct response *r, const struct zoneset *zones)
{
	uint16_t class = r->q->question.qclass;

	if (class == CLASS_CH) {
		response_chaos(r);
	} else if (class != CLASS_IN && class != CLASS_ANY) {
		r->rcode = RCODE_REFUSED;
		r->ede = &ede_not_served;
	} else if ((r->rcode = check_qtype(r->q->question.qtype)) == RCODE_NOERROR) {
		answer_internet(r, zones);
		if (class == CLASS_ANY)
			r->flags &= (uint16_t)~FLAG_AA;
	}
}

size_t
answer_query(const struct zoneset *zones, const struct answer_settings *settings, const struct request *q, uint8_t *out,
    size_t room)
{
	struct response r;

	response_start(&r, q, settings, out, room);
	answer_classes(&r, zones);
	return response_finish(&r);
}

#include "server/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/tlsa.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rrmap.h"
#include "zones/zone.h"

#define TYPE_WKS 11

struct update {
	const struct zone_version *v;
	const uint8_t *apex;
	const struct update_policy *policy;	/* NULL: none */
	int64_t now_s;
	struct changeset *changes;
	struct rrmap last;		/* RRs that the changes speak of; kind: which change was the last one */
	uint8_t *rdata;			/* room for RDATA_MAX */
	char *reason;
	size_t reason_size;
};

static unsigned
say(struct update *u, unsigned rcode, const struct msg_rr *rr, const char *words)
{
	char name[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	snprintf(u->reason, u->reason_size, "%s %s: %s", dname_print(rr->owner.octets, name),
	    rrtype_print(rr->type, type), words);
	return rcode;
}

/* --- the zone as it is in the middle of the message --- */

static bool
wanted(const struct rr *rr, const uint8_t *owner, uint16_t type)
{
	return (type == TYPE_ANY || rr->type == type) && dname_equal(rr->owner, owner);
}

static enum err
add_from_node(const struct zone_node *node, const uint8_t *owner, uint16_t type, const struct rrmap *without,
    struct rr_list *out)
{
	enum err err = ERR_OK;

	for (size_t i = 0; node != NULL && err == ERR_OK && i < zone_node_count(node); i++) {
		struct zone_rrset set;
		struct rr rr = { .owner = owner };

		zone_node_at(node, i, &set);
		if (type != TYPE_ANY && set.type != type)
			continue;
		rr.type = set.type;
		rr.ttl = set.ttl;
		for (const uint8_t *at = NULL; err == ERR_OK && zone_rrset_next(&set, &at, &rr.rdata, &rr.rdlen); )
			if (rrmap_find(without, &rr) == NULL)
				err = rr_list_add(out, &rr);
	}
	return err;
}

/* Those of the version, but for RRs in without. */
static enum err
add_from_version(const struct zone_version *v, const uint8_t *owner, uint16_t type, const struct rrmap *without,
    struct rr_list *out)
{
	enum err err = add_from_node(zone_version_find(v, owner), owner, type, without, out);

	return err != ERR_OK ? err : add_from_node(zone_version_find_hashed(v, owner), owner, type, without, out);
}

/* The RRs of owner and type (or ANY) now: those of the version that no change spoke of, and those added since. */
static enum err
current_rrs(const struct update *u, const uint8_t *owner, uint16_t type, struct rr_list *out)
{
	enum err err = add_from_version(u->v, owner, type, &u->last, out);

	for (size_t i = 0; err == ERR_OK && i < u->changes->n; i++) {
		const struct change *c = &u->changes->v[i];

		if (c->add && wanted(&c->rr, owner, type) && (size_t)rrmap_find(&u->last, &c->rr)->kind == i)
			err = rr_list_add(out, &c->rr);
	}
	return err;
}

static bool
is_current(const struct update *u, const struct rr *rr)
{
	const struct rrmap_value *last = rrmap_find(&u->last, rr);
	uint32_t ttl;

	return last != NULL ? u->changes->v[last->kind].add : zone_version_has(u->v, rr, &ttl);
}

static enum err
change(struct update *u, const struct change *c)
{
	enum err err = changeset_add(u->changes, c);

	return err != ERR_OK ? err : rrmap_set(&u->last, &c->rr,
	    &(struct rrmap_value){ .kind = (int)u->changes->n - 1 });
}

static enum err
remove_rr(struct update *u, const struct rr *rr)
{
	return change(u, &(struct change){ .rr = *rr });
}

/* --- prerequisites: section 3.2 --- */

static bool
node_exists(const struct update *u, const uint8_t *owner)
{
	const struct zone_node *node = zone_version_find(u->v, owner);

	return node != NULL && zone_node_count(node) > 0;
}

static unsigned
check_absolute(struct update *u, const struct msg_rr *rr)
{
	const struct zone_node *node = zone_version_find(u->v, rr->owner.octets);
	struct zone_rrset set;
	bool has = node != NULL && zone_node_rrset(node, rr->type, &set);

	if (rr->class == CLASS_ANY) {
		if (rr->type == TYPE_ANY)
			return node_exists(u, rr->owner.octets) ? RCODE_NOERROR :
			    say(u, RCODE_NXDOMAIN, rr, "prerequisite failed: the name is not in use");
		return has ? RCODE_NOERROR : say(u, RCODE_NXRRSET, rr, "prerequisite failed: no such RRset");
	}
	if (rr->type == TYPE_ANY)
		return !node_exists(u, rr->owner.octets) ? RCODE_NOERROR :
		    say(u, RCODE_YXDOMAIN, rr, "prerequisite failed: the name is in use");
	return !has ? RCODE_NOERROR : say(u, RCODE_YXRRSET, rr, "prerequisite failed: the RRset exists");
}

/* Section 3.2.3: the RRsets that the message spells out must equal the zone's, TTLs apart. */
static unsigned
check_value_dependent(struct update *u, struct rr_list *wanted_rrs)
{
	static const struct rrmap nothing;
	struct msg_rr rr;

	rr_list_sort(wanted_rrs);
	for (size_t i = 0; i < wanted_rrs->n; ) {
		const struct rr *first = &wanted_rrs->v[i];
		struct rr_list there = { 0 };
		size_t n = 0;
		bool same = true;

		if (add_from_version(u->v, first->owner, first->type, &nothing, &there) != ERR_OK) {
			rr_list_clear(&there);
			return RCODE_SERVFAIL;
		}
		rr_list_sort(&there);
		for (; i < wanted_rrs->n && wanted(&wanted_rrs->v[i], first->owner, first->type); i++) {
			if (i > 0 && rr_same(&wanted_rrs->v[i - 1], &wanted_rrs->v[i]))
				continue;
			n++;
			same = same && rr_list_find(&there, &wanted_rrs->v[i]) != NULL;
		}
		same = same && n == there.n;
		dname_copy(&rr.owner, first->owner);
		rr.type = first->type;
		rr_list_clear(&there);
		if (!same)
			return say(u, RCODE_NXRRSET, &rr, "prerequisite failed: the RRset differs");
	}
	return RCODE_NOERROR;
}

static unsigned
check_prerequisites(struct update *u, struct rd *r, unsigned count)
{
	struct rr_list values = { 0 };
	struct msg_rr rr;
	unsigned rcode = RCODE_NOERROR;

	while (rcode == RCODE_NOERROR && count-- > 0) {
		size_t n = 0;

		if (!msg_rr_read(r, &rr)) {
			rcode = RCODE_FORMERR;
			break;
		}
		if (rr.ttl != 0)
			rcode = say(u, RCODE_FORMERR, &rr, "a prerequisite with a TTL");
		else if (!dname_is_below(rr.owner.octets, u->apex))
			rcode = say(u, RCODE_NOTZONE, &rr, "a prerequisite outside of the zone");
		else if (u->policy != NULL && !update_policy_may_ask(u->policy, rr.owner.octets, u->reason,
		    u->reason_size))
			rcode = RCODE_REFUSED;
		else if (rr.class == CLASS_ANY || rr.class == CLASS_NONE)
			rcode = rr.rdlen != 0 || (rr.type != TYPE_ANY && rrtype_is_meta(rr.type)) ?
			    say(u, RCODE_FORMERR, &rr, "a malformed prerequisite") : check_absolute(u, &rr);
		else if (rr.class != CLASS_IN || rrtype_is_meta(rr.type) ||
		    !rdata_read(&rr.rdata, rr.type, rr.rdlen, u->rdata, &n))
			rcode = say(u, RCODE_FORMERR, &rr, "a malformed prerequisite");
		else if (rr_list_add(&values, &(struct rr){ rr.owner.octets, u->rdata, 0, rr.type, (uint16_t)n }) !=
		    ERR_OK)
			rcode = RCODE_SERVFAIL;
	}
	if (rcode == RCODE_NOERROR && values.n > 0)
		rcode = check_value_dependent(u, &values);
	rr_list_clear(&values);
	return rcode;
}

/* --- the update section --- */

/* Section 3.4.1.3. */
static unsigned
prescan(struct update *u, struct rd r, unsigned count)
{
	struct msg_rr rr;
	size_t n = 0;

	while (count-- > 0) {
		if (!msg_rr_read(&r, &rr))
			return RCODE_FORMERR;
		bool meta = rrtype_is_meta(rr.type);

		if (!dname_is_below(rr.owner.octets, u->apex))
			return say(u, RCODE_NOTZONE, &rr, "outside of the zone");
		if (rr.class == CLASS_IN && (meta || !rdata_read(&rr.rdata, rr.type, rr.rdlen, u->rdata, &n)))
			return say(u, RCODE_FORMERR, &rr, "a malformed addition");
		if (rr.class == CLASS_ANY && (rr.ttl != 0 || rr.rdlen != 0 || (meta && rr.type != TYPE_ANY)))
			return say(u, RCODE_FORMERR, &rr, "a malformed deletion");
		if (rr.class == CLASS_NONE &&
		    (rr.ttl != 0 || meta || !rdata_read(&rr.rdata, rr.type, rr.rdlen, u->rdata, &n)))
			return say(u, RCODE_FORMERR, &rr, "a malformed deletion");
		if (rr.class != CLASS_IN && rr.class != CLASS_ANY && rr.class != CLASS_NONE)
			return say(u, RCODE_FORMERR, &rr, "a class that means nothing here");
		if (u->policy != NULL &&
		    !update_policy_permits(u->policy, u->v, &rr, u->rdata, n, u->reason, u->reason_size))
			return RCODE_REFUSED;
	}
	return RCODE_NOERROR;
}

/* The same, from before the prerequisites. */
static unsigned
scan_behind(struct update *u, struct rd r, const struct msg_header *h)
{
	struct msg_rr rr;

	for (unsigned i = 0; i < h->ancount; i++)
		if (!msg_rr_read(&r, &rr))
			return RCODE_FORMERR;
	return prescan(u, r, h->nscount);
}

/* A challenge for any name at all. */
static bool
is_challenge(const struct rr *rr)
{
	static const uint8_t root[] = { 0 };

	return tsig_acme_covers(root, rr->owner, rr->type);
}

static enum err
remove_all(struct update *u, const uint8_t *owner, uint16_t type)
{
	bool at_apex = dname_equal(owner, u->apex);
	struct rr_list list = { 0 };
	enum err err = current_rrs(u, owner, type, &list);

	for (size_t i = 0; err == ERR_OK && i < list.n; i++)
		if (!at_apex || (list.v[i].type != TYPE_SOA && list.v[i].type != TYPE_NS))
			err = remove_rr(u, &list.v[i]);
	rr_list_clear(&list);
	return err;
}

static enum err
remove_one(struct update *u, const struct rr *rr)
{
	struct rr_list servers = { 0 };
	enum err err = ERR_OK;
	bool last = false;

	if (rr->type == TYPE_SOA || !is_current(u, rr))
		return ERR_OK;
	if (rr->type == TYPE_NS && dname_equal(rr->owner, u->apex)) {
		/* Section 3.4.2.4: the last NS of the apex stays. */
		err = current_rrs(u, u->apex, TYPE_NS, &servers);
		last = servers.n == 1;
		rr_list_clear(&servers);
	}
	return err != ERR_OK || last ? err : remove_rr(u, rr);
}

/* Addresses outside of the zone are there for the sake of an apex NS, and go with it. */
static enum err
remove_glue(struct update *u)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < u->changes->n; i++) {
		const struct rr rr = u->changes->v[i].rr;

		if (!u->changes->v[i].add && rr.type == TYPE_NS && dname_equal(rr.owner, u->apex) &&
		    !dname_is_below(rr.rdata, u->apex) && !is_current(u, &rr))
			err = remove_all(u, rr.rdata, TYPE_ANY);
	}
	return err;
}

/* May rr not stand where a CNAME is, or is it one that would stand beside other data (RFC 2136, section 3.4.2.2; RFC
 * 4035, section 2.5; for DNAME RFC 6672, section 5.2)? */
static enum err
collides(const struct update *u, const struct rr *rr, bool *yes)
{
	struct rr_list list = { 0 };
	enum err err = ERR_OK;

	*yes = false;
	if (rrtype_is_dnssec_meta(rr->type))
		return ERR_OK;
	err = current_rrs(u, rr->owner, rr->type == TYPE_CNAME ? TYPE_ANY : TYPE_CNAME, &list);
	for (size_t i = 0; i < list.n; i++)
		*yes |= (list.v[i].type == TYPE_CNAME) != (rr->type == TYPE_CNAME) &&
		    !rrtype_is_dnssec_meta(list.v[i].type);
	rr_list_clear(&list);
	return err;
}

/* An SOA counts only at the apex and with a newer serial than the present one's; else it is silently ignored. */
static enum err
soa_counts(const struct update *u, const struct rr *rr, bool *yes)
{
	struct rr_list list = { 0 };
	enum err err = ERR_OK;

	*yes = false;
	if (!dname_equal(rr->owner, u->apex))
		return ERR_OK;
	err = current_rrs(u, u->apex, TYPE_SOA, &list);
	*yes = err == ERR_OK && list.n > 0 && serial_lt(soa_serial(&list.v[0]), soa_serial(rr));
	rr_list_clear(&list);
	return err;
}

/* Types of which a new RR replaces the old one: CNAME, DNAME, SOA; WKS of the same address and protocol. */
static enum err
remove_replaced(struct update *u, const struct rr *rr)
{
	struct rr_list list = { 0 };
	enum err err = ERR_OK;

	if (rr->type != TYPE_CNAME && rr->type != TYPE_DNAME && rr->type != TYPE_SOA && rr->type != TYPE_WKS)
		return ERR_OK;
	err = current_rrs(u, rr->owner, rr->type, &list);
	for (size_t i = 0; err == ERR_OK && i < list.n; i++)
		if (!rr_same(&list.v[i], rr) && (rr->type != TYPE_WKS || memcmp(list.v[i].rdata, rr->rdata, 5) == 0))
			err = remove_rr(u, &list.v[i]);
	rr_list_clear(&list);
	return err;
}

/* Are there as many records as the policy allows? */
static enum err
is_full(const struct update *u, const struct rr *rr, bool *yes)
{
	unsigned max = u->policy == NULL ? 0 : update_policy_max(u->policy, rr->owner, rr->type);
	struct rr_list list = { 0 };
	enum err err = ERR_OK;

	*yes = false;
	if (max == 0)
		return ERR_OK;
	err = current_rrs(u, rr->owner, rr->type, &list);
	*yes = list.n >= max;
	rr_list_clear(&list);
	return err;
}

static enum err
add(struct update *u, const struct rr *rr)
{
	struct change c = { .rr = *rr, .add = true, .class = CHANGE_LASTING };
	bool counts = true, ignored;
	enum err err = rr->type == TYPE_SOA ? soa_counts(u, rr, &counts) : ERR_OK;

	if (err != ERR_OK || !counts)
		return err;
	if ((err = collides(u, rr, &ignored)) != ERR_OK || ignored || (err = is_full(u, rr, &ignored)) != ERR_OK ||
	    ignored)
		return err;
	if (is_challenge(rr)) {
		c.class = CHANGE_PASSING;
		c.until_s = u->now_s + UPDATE_CHALLENGE_S;
	}
	err = remove_replaced(u, rr);
	return err != ERR_OK ? err : change(u, &c);
}

static unsigned
translate(struct update *u, struct rd *r, unsigned count)
{
	struct msg_rr m;
	enum err err = ERR_OK;

	while (err == ERR_OK && count-- > 0) {
		size_t n = 0;

		if (!msg_rr_read(r, &m) || (m.class != CLASS_ANY && !rdata_read(&m.rdata, m.type, m.rdlen, u->rdata,
		    &n)))
			return RCODE_FORMERR;
		struct rr rr = { m.owner.octets, u->rdata, m.ttl > 0x7fffffff ? 0 : m.ttl, m.type, (uint16_t)n };

		if (m.class == CLASS_ANY)
			err = remove_all(u, m.owner.octets, m.type);
		else if (m.class == CLASS_NONE)
			err = remove_one(u, &rr);
		else
			err = add(u, &rr);
	}
	if (err == ERR_OK)
		err = remove_glue(u);
	return err == ERR_OK ? RCODE_NOERROR : RCODE_SERVFAIL;
}

/* Nobody can say which of two CSRs is meant. */
static unsigned
check_csrs(struct update *u)
{
	for (size_t i = 0; u->policy != NULL && i < u->changes->n; i++) {
		struct msg_rr said = { .type = TYPE_TLSA };
		struct rr_list list = { 0 };
		size_t ncsrs = 0, size;
		const uint8_t *der;

		if (!u->changes->v[i].add || u->changes->v[i].rr.type != TYPE_TLSA ||
		    !update_policy_one_csr(u->policy, u->changes->v[i].rr.owner))
			continue;
		dname_copy(&said.owner, u->changes->v[i].rr.owner);
		if (current_rrs(u, said.owner.octets, TYPE_TLSA, &list) != ERR_OK) {
			rr_list_clear(&list);
			return RCODE_SERVFAIL;
		}
		for (size_t k = 0; k < list.n; k++)
			ncsrs += acme_tlsa_read(&list.v[k], &der, &size) == ACME_TLSA_CSR;
		rr_list_clear(&list);
		if (ncsrs > 1)
			return say(u, RCODE_REFUSED, &said, "there would be two CSRs: delete the RRset in the same "
			    "update");
	}
	return RCODE_NOERROR;
}

unsigned
update_evaluate(const struct zone_version *v, const struct request *q, const uint8_t *msg, size_t n,
    const struct update_policy *policy, int64_t now_s, struct changeset *changes, char *reason, size_t reason_size)
{
	uint8_t rdata[RDATA_MAX];		/* not of the heap, which tidies up when so much is asked for */
	struct update u = { .v = v, .apex = zone_version_apex_name(v), .policy = policy, .now_s = now_s,
	    .changes = changes,
	    .rdata = rdata, .reason = reason, .reason_size = reason_size };
	bool scan_first = policy != NULL && update_policy_is_limited(policy);
	struct rd r = rd_over(msg, n);
	unsigned rcode;

	reason[0] = '\0';
	rd_take(&r, q->after_question);
	rcode = scan_first ? scan_behind(&u, r, &q->header) : RCODE_NOERROR;
	if (rcode == RCODE_NOERROR)
		rcode = check_prerequisites(&u, &r, q->header.ancount);
	if (rcode == RCODE_NOERROR && !scan_first)
		rcode = prescan(&u, r, q->header.nscount);
	if (rcode == RCODE_NOERROR)
		rcode = translate(&u, &r, q->header.nscount);
	if (rcode == RCODE_NOERROR)
		rcode = check_csrs(&u);
	if (rcode == RCODE_FORMERR && reason[0] == '\0')
		snprintf(reason, reason_size, "the message is cut short");
	rrmap_clear(&u.last);
	return rcode;
}

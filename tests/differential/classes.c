#include "tests/differential/classes.h"

#include "wire/message.h"
#include "wire/rrtype.h"

/* Is every record of a in b?  Both are sorted. */
static bool
is_subset(const struct reply *a, const struct reply *b, int section)
{
	size_t k = 0;

	for (size_t i = 0; i < a->counts[section]; i++) {
		while (k < b->counts[section] && !record_equal(&a->sections[section][i], &b->sections[section][k]))
			k++;
		if (k == b->counts[section])
			return false;
	}
	return true;
}

static bool
is_referral(const struct reply *r)
{
	return r->rcode == RCODE_NOERROR && r->counts[AUTHORITY] > 0 && r->sections[AUTHORITY][0].type == TYPE_NS;
}

/* How many times has the answer a CNAME? */
static size_t
aliases(const struct reply *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->counts[ANSWER]; i++)
		n += r->sections[ANSWER][i].type == TYPE_CNAME;
	return n;
}

static bool
copies_cd(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (q->flags & FLAG_CD) != 0 && ((ours->flags ^ theirs->flags) & ~(unsigned)(FLAG_AA | FLAG_TC)) == FLAG_CD;
}

static bool
any_has_another_set(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && ours->rcode == theirs->rcode && (ours->counts[ANSWER] > 0 || ours->flags & FLAG_TC) &&
	    (theirs->counts[ANSWER] > 0 || theirs->flags & FLAG_TC);
}

static bool
any_behind_dname(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && aliases(ours) > 0 && is_subset(ours, theirs, ANSWER) && ours->counts[AUTHORITY] == 0;
}

static bool
additional_of_any(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)theirs;
	return q->qtype == TYPE_ANY && !is_referral(ours) && ours->counts[ADDITIONAL] == 0;
}

static bool
answer_without_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return !is_referral(ours) && theirs->counts[ADDITIONAL] == 0;
}

/* Where a datagram is nearly full others may have had no room even for the answer; over TCP somebody has to agree. */
static bool
datagram_without_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && answer_without_additional(q, ours, theirs);
}

static bool
referral_with_less_glue(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return is_referral(ours) && is_subset(theirs, ours, ADDITIONAL);
}

/* Some address in a's additional section, of a name below the cut, that is not in b's. */
static bool
lacks_glue(const struct reply *a, const struct reply *b)
{
	for (size_t i = 0; i < a->counts[ADDITIONAL]; i++) {
		const struct record *glue = &a->sections[ADDITIONAL][i];
		size_t k = 0;

		if (!dname_is_below(glue->owner.octets, a->sections[AUTHORITY][0].owner.octets))
			continue;
		while (k < b->counts[ADDITIONAL] && !record_equal(glue, &b->sections[ADDITIONAL][k]))
			k++;
		if (k == b->counts[ADDITIONAL])
			return true;
	}
	return false;
}

static bool
referral_with_other_extras(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && is_referral(ours) && is_referral(theirs) && !lacks_glue(ours, theirs) && !lacks_glue(theirs, ours);
}

static bool
referral_lacks_glue(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && is_referral(ours) && is_referral(theirs) && (theirs->flags & FLAG_TC) == 0 &&
	    ((ours->flags & FLAG_TC) != 0 || lacks_glue(ours, theirs));
}

static bool
negative_lacks_soa(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && (ours->flags & FLAG_TC) != 0 && (theirs->flags & FLAG_TC) == 0 && theirs->counts[AUTHORITY] == 0;
}

/* Glue of names below the cut is all there, and nothing else had room. */
static bool
referral_with_all_glue(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && is_referral(ours) && (ours->flags & FLAG_TC) == 0 && (theirs->flags & FLAG_TC) != 0;
}

static bool
larger_datagram(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && (ours->flags & FLAG_TC) == 0 && (theirs->flags & FLAG_TC) != 0;
}

static bool
additional_from_wildcard(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return !is_referral(ours) && is_subset(ours, theirs, ADDITIONAL);
}

/* Somewhat more or less of HTTPS and SVCB targets: where a target is an alias again, each server stops elsewhere. */
static bool
svcb_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (q->qtype == TYPE_SVCB || q->qtype == TYPE_HTTPS) && (is_subset(ours, theirs, ADDITIONAL) ||
	    is_subset(theirs, ours, ADDITIONAL));
}

static bool
ds_at_apex(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_DS && aliases(ours) > 0 && is_subset(ours, theirs, ANSWER);
}

static bool
glue_from_wildcard(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return is_referral(ours) && is_subset(ours, theirs, ADDITIONAL);
}

static bool
chain_goes_in_circles(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	for (size_t i = 0; i < ours->counts[ANSWER]; i++) {
		const struct record *from = &ours->sections[ANSWER][i];

		for (size_t k = 0; from->type == TYPE_CNAME && k < ours->counts[ANSWER]; k++) {
			const struct record *to = &ours->sections[ANSWER][k];

			if (to->type == TYPE_CNAME && dname_equal(to->rdata, from->owner.octets) &&
			    (aliases(theirs) > 0 || (theirs->flags & FLAG_TC) != 0))
				return true;
		}
	}
	return false;
}

static bool
long_chain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return aliases(ours) >= 5 || aliases(theirs) >= 5 || ((ours->flags & FLAG_TC) != 0 && aliases(ours) >= 2);
}

static bool
dnssec_type_at_alias(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (rrtype_is_dnssec_meta(q->qtype) || q->qtype == TYPE_NSEC3) && aliases(ours) != aliases(theirs);
}

static bool
other_zones_name(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return ours->rcode == RCODE_NXDOMAIN && theirs->rcode == RCODE_NOERROR && theirs->counts[ANSWER] == 0;
}

static bool
rcode_of_truncated_chain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && (ours->flags & FLAG_TC) != 0 && ours->rcode == RCODE_NOERROR && theirs->rcode == RCODE_NXDOMAIN;
}

static bool
any_with_ad(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && (q->flags & FLAG_AD) != 0 && (theirs->flags & FLAG_AD) != 0 && (ours->flags & FLAG_AD) == 0;
}

static bool
name_too_long(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	(void)theirs;
	return ours->rcode == RCODE_YXDOMAIN;
}

static bool
alias_into_another_zone(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return aliases(ours) > 0 && ours->rcode == RCODE_NOERROR && ours->counts[AUTHORITY] == 0 && is_subset(ours, theirs, ANSWER);
}

static const struct class classes[] = {
	{ "CD", "bind", DIFFER_FLAGS, true, copies_cd },
	{ "ANY", "knot", DIFFER_ADDITIONAL, true, additional_of_any },
	{ "ANY", NULL, DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, false, any_has_another_set },
	{ "ANY behind DNAME", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, false,
	    any_behind_dname },
	{ "no additional", "bind", DIFFER_ADDITIONAL, true, datagram_without_additional },
	{ "no additional", "nsd", DIFFER_ADDITIONAL, true, datagram_without_additional },
	{ "no additional", "bind", DIFFER_ADDITIONAL, false, answer_without_additional },
	{ "no additional", "nsd", DIFFER_ADDITIONAL, false, answer_without_additional },
	{ "less glue", "bind", DIFFER_ADDITIONAL, false, referral_with_less_glue },
	{ "other glue", NULL, DIFFER_ADDITIONAL, true, referral_with_other_extras },
	{ "glue left out", "bind", DIFFER_TC | DIFFER_ADDITIONAL, false, referral_lacks_glue },
	{ "glue left out", "nsd", DIFFER_TC | DIFFER_ADDITIONAL, false, referral_lacks_glue },
	{ "glue that is needed", "knot", DIFFER_TC, true, referral_with_all_glue },
	{ "SOA left out", "knot", DIFFER_TC, false, negative_lacks_soa },
	{ "larger datagram", NULL, DIFFER_TC, false, larger_datagram },
	{ "SVCB targets", "knot", DIFFER_ADDITIONAL, true, svcb_additional },
	{ "alias to an apex", "nsd", DIFFER_RCODE | DIFFER_AUTHORITY, false, ds_at_apex },
	{ "glue from wildcard", "knot", DIFFER_ADDITIONAL, false, glue_from_wildcard },
	{ "glue from wildcard", "nsd", DIFFER_ADDITIONAL, false, glue_from_wildcard },
	{ "additional from wildcard", "knot", DIFFER_ADDITIONAL, true, additional_from_wildcard },
	{ "alias circle", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_TC, true, chain_goes_in_circles },
	{ "long alias chain", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, true, long_chain },
	{ "DNSSEC type at alias", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL, false,
	    dnssec_type_at_alias },
	{ "name of another zone", "nsd", DIFFER_RCODE, false, other_zones_name },
	{ "rcode of a truncated chain", "nsd", DIFFER_RCODE, false, rcode_of_truncated_chain },
	{ "rcode of a truncated chain", "bind", DIFFER_RCODE, false, rcode_of_truncated_chain },
	{ "ANY", "bind", DIFFER_FLAGS, false, any_with_ad },
	{ "YXDOMAIN", "knot", DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY, false, name_too_long },
	{ "alias into another zone", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, false,
	    alias_into_another_zone }
};

const struct class *
class_by_index(size_t i)
{
	return i < sizeof classes / sizeof classes[0] ? &classes[i] : NULL;
}

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

/* Nothing but SOA, NSEC and NSEC3 in the authority section, and something. */
static bool
has_only_proofs(const struct reply *r)
{
	for (size_t i = 0; i < r->counts[AUTHORITY]; i++) {
		switch (r->sections[AUTHORITY][i].type) {
		case TYPE_SOA:
		case TYPE_NSEC:
		case TYPE_NSEC3:
		case TYPE_RRSIG:
			break;
		default:
			return false;
		}
	}
	return r->counts[AUTHORITY] > 0;
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
	return q->qtype == TYPE_ANY && aliases(ours) > 0 && is_subset(theirs, ours, ANSWER) && theirs->counts[AUTHORITY] == 0;
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
	return !q->tcp && (theirs->flags & FLAG_TC) == 0 && theirs->counts[AUTHORITY] == 0 &&
	    ((ours->flags & FLAG_TC) != 0 || has_only_proofs(ours));
}

/* Glue of names below the cut is all there, and nothing else had room. */
static bool
referral_with_all_glue(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && is_referral(ours) && (ours->flags & FLAG_TC) == 0 && (theirs->flags & FLAG_TC) != 0;
}

static bool
alias_left_out(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && (ours->flags & FLAG_TC) != 0 && (theirs->flags & FLAG_TC) == 0 && is_subset(theirs, ours, ANSWER) &&
	    theirs->counts[ANSWER] > 0 && theirs->counts[AUTHORITY] == 0;
}

static bool
referral_without_proof(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && aliases(ours) > 0 && is_referral(ours) && is_referral(theirs) && is_subset(theirs, ours, AUTHORITY);
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
datagram_with_other_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)theirs;
	return !q->tcp && !is_referral(ours);
}

static bool
all_has_ours(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && q->tcp && is_subset(ours, theirs, ANSWER);
}

static bool
nothing_but_nxdomain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && ours->rcode == RCODE_NXDOMAIN && has_only_proofs(ours) && (theirs->flags & FLAG_AA) == 0 &&
	    theirs->counts[ANSWER] + theirs->counts[AUTHORITY] + theirs->counts[ADDITIONAL] == 0;
}

/* NSD takes "*" for the first of all labels when it looks for the NSEC that denies a wildcard. */
static bool
other_nsec(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && has_only_proofs(ours) && (has_only_proofs(theirs) || is_subset(theirs, ours, AUTHORITY));
}

static bool
below_hashed_name(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	(void)theirs;
	for (const uint8_t *label = q->qname.octets; *label != 0; label += *label + 1)
		if (*label == 32)
			return true;
	return false;
}

static bool
rrsig_has_fewer(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_RRSIG && ours->rcode == theirs->rcode && theirs->counts[ANSWER] > 0 &&
	    ((ours->flags & FLAG_TC) != 0 || is_subset(theirs, ours, ANSWER));
}

static bool
nsec_at_cut(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_NSEC && is_referral(ours) && theirs->counts[ANSWER] > 0;
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
rcode_of_truncated_chain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && (ours->flags & FLAG_TC) != 0 && ours->rcode == RCODE_NOERROR &&
	    theirs->rcode != RCODE_REFUSED && theirs->rcode != RCODE_FORMERR;
}

static bool
keeps_ad(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (q->flags & FLAG_AD) != 0 && (theirs->flags & FLAG_TC) != 0 &&
	    ((ours->flags ^ theirs->flags) & ~(unsigned)(FLAG_AA | FLAG_TC | FLAG_CD)) == FLAG_AD;
}

static bool
smaller_datagram(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	size_t limit = !q->edns || q->udp_size < MSG_UDP_PLAIN ? MSG_UDP_PLAIN : q->udp_size < MSG_UDP_EDNS ? q->udp_size :
	    MSG_UDP_EDNS;

	return !q->tcp && (ours->flags & FLAG_TC) != 0 && (theirs->flags & FLAG_TC) == 0 && theirs->octets + 200 > limit;
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
	return aliases(ours) > 0 && ours->rcode == RCODE_NOERROR && is_subset(ours, theirs, ANSWER) &&
	    (ours->counts[AUTHORITY] == 0 || has_only_proofs(ours)) &&
	    (ours->counts[AUTHORITY] == 0 || ours->sections[AUTHORITY][0].type != TYPE_SOA);
}

/* Knot DNS 3.2 does not find the name a where a\000 is beside it. */
static bool
label_and_nul(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	(void)theirs;
	for (size_t i = 0; i < q->origin->nsubjects; i++)
		for (const uint8_t *label = q->origin->subjects[i].name.octets; *label != 0; label += *label + 1)
			if (*label > 1 && label[*label] == 0)
				return true;
	return false;
}

static bool
ds_above_apex(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_DS && ours->rcode == RCODE_NXDOMAIN && theirs->rcode == RCODE_NOERROR;
}

static bool
answer_with_less_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_NS && !is_referral(ours) && is_subset(theirs, ours, ADDITIONAL);
}

static const struct class classes[] = {
	{ "alias circle", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_TC, true, chain_goes_in_circles },
	{ "CD", "bind", DIFFER_FLAGS, true, copies_cd },
	{ "ANY", "knot", DIFFER_ADDITIONAL, true, additional_of_any },
	{ "ANY", "bind", DIFFER_ANSWER | DIFFER_ADDITIONAL, true, all_has_ours },
	{ "ANY", NULL, DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, false, any_has_another_set },
	{ "ANY behind DNAME", "bind", DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, false,
	    any_behind_dname },
	{ "no additional", "bind", DIFFER_ADDITIONAL, true, datagram_without_additional },
	{ "no additional", "nsd", DIFFER_ADDITIONAL, true, datagram_without_additional },
	{ "no additional", "bind", DIFFER_ADDITIONAL, false, answer_without_additional },
	{ "no additional", "nsd", DIFFER_ADDITIONAL, false, answer_without_additional },
	{ "less glue", "bind", DIFFER_ADDITIONAL, false, answer_with_less_additional },
	{ "DS above apex", "nsd", DIFFER_RCODE | DIFFER_AUTHORITY | DIFFER_TC, false, ds_above_apex },
	{ "less glue", "bind", DIFFER_ADDITIONAL, false, referral_with_less_glue },
	{ "other glue", NULL, DIFFER_ADDITIONAL, true, referral_with_other_extras },
	{ "glue left out", "bind", DIFFER_TC | DIFFER_ADDITIONAL, false, referral_lacks_glue },
	{ "glue left out", "nsd", DIFFER_TC | DIFFER_ADDITIONAL, false, referral_lacks_glue },
	{ "glue that is needed", "knot", DIFFER_TC, true, referral_with_all_glue },
	{ "SOA left out", "knot", DIFFER_TC | DIFFER_AUTHORITY, false, negative_lacks_soa },
	{ "larger datagram", NULL, DIFFER_TC, true, larger_datagram },
	{ "SVCB targets", "knot", DIFFER_ADDITIONAL, true, svcb_additional },
	{ "alias to an apex", "nsd", DIFFER_RCODE | DIFFER_AUTHORITY, false, ds_at_apex },
	{ "wildcard proof", "nsd", DIFFER_AUTHORITY | DIFFER_TC, false, other_nsec },
	{ "wildcard proof", "knot", DIFFER_AUTHORITY | DIFFER_TC, false, other_nsec },
	{ "wildcard proof", "knot", DIFFER_AUTHORITY, false, referral_without_proof },
	{ "alias left out", "nsd", DIFFER_TC, false, alias_left_out },
	{ "no proof", "knot", DIFFER_AUTHORITY | DIFFER_AA, false, nothing_but_nxdomain },
	{ "other additional", "nsd", DIFFER_ADDITIONAL, true, datagram_with_other_additional },
	{ "other additional", "bind", DIFFER_ADDITIONAL, true, datagram_with_other_additional },
	{ "other additional", "knot", DIFFER_ADDITIONAL, true, datagram_with_other_additional },
	{ "name of an NSEC3 record", "nsd", DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_TC, false,
	    below_hashed_name },
	{ "RRSIG", "knot", DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_TC, false, rrsig_has_fewer },
	{ "RRSIG", "bind", DIFFER_ANSWER | DIFFER_TC, false, rrsig_has_fewer },
	{ "NSEC at a cut", "bind", DIFFER_AA | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL, false, nsec_at_cut },
	{ "glue from wildcard", "knot", DIFFER_ADDITIONAL, false, glue_from_wildcard },
	{ "glue from wildcard", "nsd", DIFFER_ADDITIONAL, false, glue_from_wildcard },
	{ "additional from wildcard", "knot", DIFFER_ADDITIONAL, true, additional_from_wildcard },
	{ "long alias chain", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, true, long_chain },
	{ "DNSSEC type at alias", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL, false,
	    dnssec_type_at_alias },
	{ "rcode of a truncated chain", "nsd", DIFFER_RCODE, false, rcode_of_truncated_chain },
	{ "rcode of a truncated chain", "bind", DIFFER_RCODE, false, rcode_of_truncated_chain },
	{ "AD", "bind", DIFFER_FLAGS, false, keeps_ad },
	{ "smaller datagram", NULL, DIFFER_TC, false, smaller_datagram },
	{ "YXDOMAIN", "nsd", DIFFER_RCODE, false, name_too_long },
	{ "YXDOMAIN", "knot", DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY, false, name_too_long },
	{ "alias into another zone", NULL, DIFFER_RCODE | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL | DIFFER_TC, false,
	    alias_into_another_zone },
	{ "label and NUL", "knot", DIFFER_RCODE | DIFFER_AA | DIFFER_TC | DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL, false,
	    label_and_nul }
};

const struct class *
class_by_index(size_t i)
{
	return i < sizeof classes / sizeof classes[0] ? &classes[i] : NULL;
}

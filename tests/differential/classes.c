#include "tests/differential/classes.h"

#include <string.h>

#include "tests/differential/facts.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#define CONTENT (DIFFER_ANSWER | DIFFER_AUTHORITY | DIFFER_ADDITIONAL)
#define CHAIN_MAX 16			/* aliases in an answer of certnsd */

/* --- aliases --- */

/* Does every alias in the answer lead to another one of them? */
static bool
circle(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	const struct record *answer = ours->sections[ANSWER];

	(void)q;
	if (aliases(ours) == 0 || ours->rcode != RCODE_NOERROR || ours->counts[ADDITIONAL] > 0)
		return false;
	/* Proofs of wildcards on the way. */
	if (ours->counts[AUTHORITY] > 0 && (!has_only_proofs(ours) || ours->sections[AUTHORITY][0].type == TYPE_SOA))
		return false;
	if (!is_truncated(theirs) && (aliases(theirs) == 0 || !is_subset(theirs, ours, ANSWER)))
		return false;
	for (size_t i = 0; i < ours->counts[ANSWER]; i++) {
		size_t k = 0;

		if (answer[i].type != TYPE_CNAME)
			continue;
		while (k < ours->counts[ANSWER] && (answer[k].type != TYPE_CNAME ||
		    !dname_equal(answer[i].rdata, answer[k].owner.octets)))
			k++;
		if (k == ours->counts[ANSWER])
			return false;
	}
	return true;
}

/* As many aliases as there may be, or as have room, and so no end; or a name that got too long, but after more of them
 * than the others follow. */
static bool
endless_chain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	if (!is_truncated(theirs) && !is_subset(theirs, ours, ANSWER) && !is_subset(ours, theirs, ANSWER))
		return false;
	if (ours->rcode == RCODE_YXDOMAIN)
		return aliases(ours) > (q->qtype == TYPE_ANY ? 1 : 10);		/* BIND: 11, but for ANY one */
	return ours->rcode == RCODE_NOERROR && (aliases(ours) == CHAIN_MAX ||
	    (!q->tcp && is_truncated(ours) && aliases(ours) >= 2));
}

/* A name that got too long, and a server that ended before. */
static bool
growing_chain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return ours->rcode == RCODE_YXDOMAIN && aliases(ours) > 1 && is_subset(theirs, ours, ANSWER);
}

/* Knot DNS 3.2 puts at most five aliases into an answer. */
static bool
five_aliases(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return aliases(ours) > 5 && aliases(theirs) == 5 && is_subset(theirs, ours, ANSWER) &&
	    is_subset(theirs, ours, AUTHORITY) && (theirs->counts[AUTHORITY] == 0 || has_only_proofs(theirs));
}

static bool
dnssec_type_at_alias(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (rrtype_is_dnssec_meta(q->qtype) || q->qtype == TYPE_NSEC3) && aliases(ours) != aliases(theirs);
}

static bool
key_at_alias(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_KEY && aliases(ours) > 0 && aliases(theirs) == 0;
}

/* The answer ends with an alias: no data, no SOA, no referral. */
static bool
into_another_zone(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return aliases(ours) > 0 && ours->rcode == RCODE_NOERROR && is_subset(ours, theirs, ANSWER) &&
	    (ours->counts[AUTHORITY] == 0 || (has_only_proofs(ours) && ours->sections[AUTHORITY][0].type != TYPE_SOA));
}

/* The others prove what we prove, and then something about the name in the other zone. */
static bool
more_of_another_zone(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return into_another_zone(q, ours, theirs) && ours->counts[AUTHORITY] > 0 && is_subset(ours, theirs, AUTHORITY);
}

static bool
ds_of_alias(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_DS && aliases(ours) > 0 && is_subset(ours, theirs, ANSWER);
}

static bool
ds_above_apex(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_DS && ours->rcode == RCODE_NXDOMAIN && theirs->rcode == RCODE_NOERROR;
}

static bool
name_too_long(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	(void)theirs;
	return ours->rcode == RCODE_YXDOMAIN;
}

static bool
rcode_of_truncated_chain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	if (is_truncated(theirs) && theirs->rcode == RCODE_NOERROR)
		return !q->tcp && aliases(ours) > 0;
	return !q->tcp && is_truncated(ours) && ours->rcode == RCODE_NOERROR && (theirs->rcode == RCODE_NXDOMAIN ||
	    theirs->rcode == RCODE_YXDOMAIN || theirs->rcode == RCODE_SERVFAIL);
}

static bool
lacks_alias(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && is_truncated(ours) && !is_truncated(theirs) && is_subset(theirs, ours, ANSWER) &&
	    theirs->counts[ANSWER] > 0 && theirs->counts[AUTHORITY] == 0;
}

/* The name without the NUL at the end of its first label. */
static void
without_nul(const uint8_t *name, struct dname *out)
{
	uint8_t label[64];

	label[0] = (uint8_t)(name[0] - 1);
	memcpy(label + 1, name + 1, label[0]);
	dname_join(out, label, 1, dname_parent(name));
}

/* Is the question about this name or one below, or does the answer lead there? */
static bool
looks_up(const struct query *q, const struct reply *ours, const uint8_t *name)
{
	if (dname_is_below(q->qname.octets, name))
		return true;
	for (size_t i = 0; i < ours->counts[ANSWER]; i++)
		if (ours->sections[ANSWER][i].type == TYPE_CNAME &&
		    dname_is_below(ours->sections[ANSWER][i].rdata, name))
			return true;
	return false;
}

/* Knot DNS 3.2 does not find the name a where a\000 is beside it. */
static bool
label_and_nul(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)theirs;
	for (size_t i = 0; i < q->home->nsubjects; i++) {
		const uint8_t *name = q->home->subjects[i].name.octets;
		struct dname beside;

		for (; *name != 0; name += *name + 1) {
			if (*name == 1 || name[*name] != 0)
				continue;
			without_nul(name, &beside);
			if (looks_up(q, ours, beside.octets))
				return true;
		}
	}
	return false;
}

/* --- ANY and RRSIG --- */

static bool
another_set(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && ours->rcode == theirs->rcode &&
	    (ours->counts[ANSWER] > 0 || is_truncated(ours)) && (theirs->counts[ANSWER] > 0 || is_truncated(theirs));
}

static bool
another_set_by_udp(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && another_set(q, ours, theirs);
}

static bool
all_sets(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && q->tcp && is_subset(ours, theirs, ANSWER);
}

static bool
any_behind_dname(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_ANY && aliases(ours) > 0 && is_subset(theirs, ours, ANSWER) &&
	    theirs->counts[AUTHORITY] == 0;
}

static bool
any_with_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)theirs;
	return q->qtype == TYPE_ANY && !is_referral(ours) && ours->counts[ADDITIONAL] == 0;
}

static bool
fewer_signatures(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_RRSIG && ours->rcode == theirs->rcode && theirs->counts[ANSWER] > 0 &&
	    (is_truncated(ours) || is_subset(theirs, ours, ANSWER));
}

/* --- questions that few ask --- */

static bool
is_meta(const struct query *q)
{
	return q->qtype != TYPE_ANY && rrtype_is_meta(q->qtype);
}

static bool
is_transfer(const struct query *q)
{
	return q->qtype == TYPE_AXFR || q->qtype == TYPE_IXFR;
}

static bool
meta_as_data(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)theirs;
	return is_meta(q) && !is_transfer(q) && (ours->rcode == RCODE_FORMERR || ours->rcode == RCODE_NOTIMP);
}

static bool
type_zero(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	return q->qtype == 0 && theirs->rcode == RCODE_NOTIMP;
}

static bool
transfer_by_udp(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	return is_transfer(q) && !q->tcp && theirs->rcode == RCODE_NOTIMP;
}

static bool
transfer_refused(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return is_transfer(q) && ours->rcode == RCODE_REFUSED && theirs->rcode == RCODE_NOTAUTH;
}

static bool
odd_class(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)theirs;
	return q->qclass != CLASS_IN && q->qclass != CLASS_ANY && ours->rcode == RCODE_REFUSED;
}

static bool
any_class(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	(void)theirs;
	return q->qclass == CLASS_ANY;
}

static bool
other_version(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->version != 0 && ours->rcode == RCODE_BADVERS && theirs->rcode == RCODE_BADVERS;
}

/* NSD keeps the names of all zones in one tree. */
static bool
nested_zones(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	(void)theirs;
	return q->nested || q->origin->nested;
}

/* --- flags and size --- */

static bool
only_flag(const struct reply *ours, const struct reply *theirs, unsigned flag, unsigned others)
{
	return ((ours->flags ^ theirs->flags) & ~(FLAG_AA | FLAG_TC | others)) == flag;
}

static bool
copies_cd(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (q->flags & FLAG_CD) != 0 && only_flag(ours, theirs, FLAG_CD, 0);
}

static bool
copies_ad(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (q->flags & FLAG_AD) != 0 && is_truncated(theirs) && only_flag(ours, theirs, FLAG_AD, FLAG_CD);
}

static bool
larger_datagram(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && !is_truncated(ours) && is_truncated(theirs);
}

static bool
smaller_datagram(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && is_truncated(ours) && !is_truncated(theirs) &&
	    theirs->octets + DNAME_MAX > datagram_limit(q);
}

/* Only ours gives cookies. */
static bool
room_for_options(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && q->noptions > 0 && is_truncated(ours) && theirs->octets + 100 > datagram_limit(q);
}

static bool
too_large_datagram(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && ours->fault == NULL && theirs->octets > datagram_limit(q);
}

/* A full datagram whose last record is announced and not there. */
static bool
lacks_opt(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && q->edns && ours->fault == NULL && !theirs->edns && theirs->octets + 100 > datagram_limit(q);
}

static bool
lacks_soa(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && !is_truncated(theirs) && theirs->counts[AUTHORITY] == 0 &&
	    (is_truncated(ours) || has_only_proofs(ours));
}

/* --- referrals --- */

static bool
less_glue(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (is_referral(ours) || q->qtype == TYPE_NS) && is_subset(theirs, ours, ADDITIONAL);
}

static bool
other_glue(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return lacks_room(q, ours, theirs) && is_referral(ours) && is_referral(theirs) && !lacks_glue(ours, theirs) &&
	    !lacks_glue(theirs, ours);
}

static bool
glue_left_out(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	return !q->tcp && is_referral(q->whole) && is_referral(theirs) && !is_truncated(theirs) &&
	    lacks_glue(q->whole, theirs);
}

static bool
glue_from_wildcard(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return is_referral(ours) && !has_more(q, theirs, ours, is_in_zone) &&
	    (is_subset(ours, theirs, ADDITIONAL) || lacks_room(q, ours, theirs));
}

static bool
nsec_at_cut(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->qtype == TYPE_NSEC && is_referral(ours) && theirs->counts[ANSWER] > 0;
}

/* --- additional section of answers --- */

static bool
no_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)q;
	return !is_referral(ours) && theirs->counts[ADDITIONAL] == 0;
}

/* A datagram may be full; over TCP somebody has to agree. */
static bool
other_additional(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return lacks_room(q, ours, theirs) && !is_referral(ours);
}

/* Knot DNS shows records of a wildcard under its own name, and proofs of what was not asked. */
static bool
is_target_data(const struct origin *zone, const struct record *record)
{
	return is_own_data(zone, record) && !dname_is_wildcard(record->owner.octets) && (record->type == TYPE_A ||
	    record->type == TYPE_AAAA || record->type == TYPE_SVCB || record->type == TYPE_HTTPS);
}

/* From wildcards, or glue. */
static bool
additional_not_own(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !is_referral(ours) && !has_more(q, theirs, ours, is_target_data) &&
	    !has_more(q, ours, theirs, is_no_own_data);
}

static bool
svcb_targets(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return (q->qtype == TYPE_SVCB || q->qtype == TYPE_HTTPS) && additional_not_own(q, ours, theirs);
}

/* --- proofs --- */

static bool
other_proof(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && has_only_proofs(ours) && (has_only_proofs(theirs) || is_subset(theirs, ours, AUTHORITY));
}

/* NODATA, and nothing about the wildcard that has none either. */
static bool
lacks_wildcard(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && ours->rcode == RCODE_NOERROR && ours->counts[ANSWER] == 0 && has_only_proofs(ours) &&
	    is_subset(theirs, ours, AUTHORITY);
}

static bool
referral_without_proof(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && aliases(ours) > 0 && is_referral(ours) && is_referral(theirs) &&
	    is_subset(theirs, ours, AUTHORITY);
}

static bool
referral_with_other_proof(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && aliases(ours) > 0 && is_referral(ours) && is_referral(theirs);
}

static bool
nothing_but_nxdomain(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return q->do_bit && ours->rcode == RCODE_NXDOMAIN && has_only_proofs(ours) && (theirs->flags & FLAG_AA) == 0 &&
	    theirs->counts[ANSWER] + theirs->counts[AUTHORITY] + theirs->counts[ADDITIONAL] == 0;
}

/* A label that looks like a hash of NSEC3. */
static bool
hashed_name(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	(void)ours;
	(void)theirs;
	for (const uint8_t *label = q->qname.octets; *label != 0; label += *label + 1)
		if (*label == 32)
			return true;
	return false;
}

/* Where the question's name is the owner of an NSEC3 record, who compresses that has more room. */
static bool
cut_at_hashed_name(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	return !q->tcp && q->do_bit && is_truncated(ours) && hashed_name(q, ours, theirs);
}

/* The first one that holds takes its differences off; so free ones that are narrower stand before others. */
static const struct class classes[] = {
	{ "EDNS version", "nsd", DIFFER_EDNS | DIFFER_FLAGS | DIFFER_AA | DIFFER_TC, false, other_version },
	{ "meta-type", "nsd", DIFFER_RCODE | DIFFER_AA | DIFFER_TC | CONTENT, false, meta_as_data },
	{ "meta-type", "knot", DIFFER_RCODE | DIFFER_AA | DIFFER_TC | CONTENT, false, meta_as_data },
	{ "type 0", "knot", DIFFER_RCODE | DIFFER_AA | DIFFER_TC | CONTENT, true, type_zero },
	{ "transfer over UDP", "nsd", DIFFER_RCODE | DIFFER_AA | CONTENT, false, transfer_by_udp },
	{ "transfer over UDP", "knot", DIFFER_RCODE | DIFFER_AA | CONTENT, false, transfer_by_udp },
	{ "transfer refused", "knot", DIFFER_RCODE, false, transfer_refused },
	{ "class", "nsd", DIFFER_QUESTION, false, odd_class },
	{ "class", "bind", DIFFER_RCODE, false, odd_class },
	{ "class ANY", "nsd", DIFFER_QUESTION, true, any_class },
	{ "class ANY", NULL, DIFFER_RCODE | DIFFER_AA | DIFFER_TC | CONTENT, true, any_class },
	{ "alias circle", NULL, DIFFER_RCODE | DIFFER_TC | DIFFER_ANSWER, true, circle },
	{ "endless alias chain", NULL, DIFFER_RCODE | DIFFER_TC | CONTENT, true, endless_chain },
	{ "endless alias chain", "knot", DIFFER_RCODE | CONTENT, false, growing_chain },
	{ "endless alias chain", "nsd", DIFFER_RCODE | CONTENT, false, growing_chain },
	{ "long alias chain", "knot", DIFFER_RCODE | CONTENT, false, five_aliases },
	{ "CD", "bind", DIFFER_FLAGS, true, copies_cd },
	{ "AD", "bind", DIFFER_FLAGS, false, copies_ad },
	{ "ANY", "knot", DIFFER_ADDITIONAL, true, any_with_additional },
	{ "ANY", "bind", DIFFER_ANSWER | DIFFER_ADDITIONAL, true, all_sets },
	{ "ANY", "nsd", DIFFER_TC | CONTENT, true, another_set },
	{ "ANY", "knot", DIFFER_TC | CONTENT, true, another_set },
	{ "ANY", "bind", DIFFER_TC | CONTENT, true, another_set_by_udp },
	{ "ANY behind DNAME", "bind", DIFFER_RCODE | DIFFER_TC | CONTENT, true, any_behind_dname },
	{ "RRSIG", "knot", DIFFER_TC | DIFFER_ANSWER | DIFFER_AUTHORITY, false, fewer_signatures },
	{ "RRSIG", "bind", DIFFER_TC | DIFFER_ANSWER, false, fewer_signatures },
	{ "KEY at alias", "bind", DIFFER_RCODE | DIFFER_TC | CONTENT, true, key_at_alias },
	{ "DNSSEC type at alias", NULL, DIFFER_RCODE | DIFFER_TC | CONTENT, false, dnssec_type_at_alias },
	{ "other additional", NULL, DIFFER_ADDITIONAL, true, other_additional },
	{ "less glue", "bind", DIFFER_ADDITIONAL, false, less_glue },
	{ "no additional", "bind", DIFFER_ADDITIONAL, false, no_additional },
	{ "no additional", "nsd", DIFFER_ADDITIONAL, false, no_additional },
	{ "SVCB targets", "knot", DIFFER_ADDITIONAL, true, svcb_targets },
	{ "additional not of the zone", "knot", DIFFER_ADDITIONAL, true, additional_not_own },
	{ "other glue", NULL, DIFFER_ADDITIONAL, true, other_glue },
	{ "glue left out", "bind", DIFFER_TC | DIFFER_ADDITIONAL, true, glue_left_out },
	{ "glue left out", "nsd", DIFFER_TC | DIFFER_ADDITIONAL, true, glue_left_out },
	{ "glue from wildcard", "knot", DIFFER_ADDITIONAL, true, glue_from_wildcard },
	{ "glue from wildcard", "nsd", DIFFER_ADDITIONAL, true, glue_from_wildcard },
	{ "alias into another zone", "nsd", DIFFER_AUTHORITY, true, more_of_another_zone },
	{ "NSEC at a cut", "bind", DIFFER_AA | CONTENT, false, nsec_at_cut },
	{ "SOA left out", "knot", DIFFER_TC | DIFFER_AUTHORITY, false, lacks_soa },
	{ "alias left out", "nsd", DIFFER_TC, false, lacks_alias },
	{ "larger datagram", NULL, DIFFER_TC, true, larger_datagram },
	{ "OPT left out", "knot", DIFFER_FAULT, false, lacks_opt },
	{ "too large a datagram", "nsd", DIFFER_FAULT, false, too_large_datagram },
	{ "rcode of a truncated chain", NULL, DIFFER_RCODE, true, rcode_of_truncated_chain },
	{ "YXDOMAIN", "nsd", DIFFER_RCODE, false, name_too_long },
	{ "YXDOMAIN", "knot", DIFFER_RCODE | CONTENT, false, name_too_long },
	{ "DS above apex", "nsd", DIFFER_RCODE | DIFFER_TC | DIFFER_AUTHORITY, false, ds_above_apex },
	{ "DS of an alias", "nsd", DIFFER_RCODE | DIFFER_AUTHORITY, false, ds_of_alias },
	{ "name of an NSEC3 record", "nsd", DIFFER_RCODE | DIFFER_TC | DIFFER_ANSWER | DIFFER_AUTHORITY, false,
	    hashed_name },
	{ "wildcard proof", "nsd", DIFFER_TC | DIFFER_AUTHORITY, false, other_proof },
	{ "wildcard proof", "bind", DIFFER_AUTHORITY, false, lacks_wildcard },
	{ "no proof", "knot", DIFFER_AA | DIFFER_AUTHORITY, false, nothing_but_nxdomain },
	{ "wildcard proof", "knot", DIFFER_TC | DIFFER_AUTHORITY, false, other_proof },
	{ "wildcard proof", "knot", DIFFER_AUTHORITY, false, referral_without_proof },
	{ "wildcard proof", "nsd", DIFFER_AUTHORITY, false, referral_with_other_proof },
	{ "name of an NSEC3 record", NULL, DIFFER_TC, true, cut_at_hashed_name },
	{ "room for options", NULL, DIFFER_TC, true, room_for_options },
	{ "smaller datagram", NULL, DIFFER_TC, false, smaller_datagram },
	{ "alias into another zone", NULL, DIFFER_RCODE | DIFFER_TC | CONTENT, false, into_another_zone },
	{ "nested zones", "nsd", DIFFER_RCODE | DIFFER_AA | DIFFER_TC | CONTENT, false, nested_zones },
	{ "label and NUL", "knot", DIFFER_RCODE | DIFFER_AA | DIFFER_TC | CONTENT, false, label_and_nul }
};

const struct class *
class_by_index(size_t i)
{
	return i < sizeof classes / sizeof classes[0] ? &classes[i] : NULL;
}

#include "tests/differential/facts.h"

#include "wire/message.h"
#include "wire/rrtype.h"

bool
is_truncated(const struct reply *r)
{
	return (r->flags & FLAG_TC) != 0;
}

/* Is every record of a in b?  Both are sorted. */
bool
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

bool
is_referral(const struct reply *r)
{
	return r->rcode == RCODE_NOERROR && r->counts[AUTHORITY] > 0 && r->sections[AUTHORITY][0].type == TYPE_NS;
}

/* Nothing but SOA, NSEC and NSEC3 in the authority section, and something. */
bool
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
size_t
aliases(const struct reply *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->counts[ANSWER]; i++)
		n += r->sections[ANSWER][i].type == TYPE_CNAME;
	return n;
}

/* What the client takes, and the servers send at most. */
size_t
datagram_limit(const struct query *q)
{
	if (!q->edns || q->udp_size < MSG_UDP_PLAIN)
		return MSG_UDP_PLAIN;
	return q->udp_size < MSG_UDP_EDNS ? q->udp_size : MSG_UDP_EDNS;
}

/* Some address in a's additional section, of a name below the cut, that is not in b's. */
bool
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
is_in(const struct record *record, const struct reply *r, int section)
{
	for (size_t i = 0; i < r->counts[section]; i++)
		if (record_equal(record, &r->sections[section][i]))
			return true;
	return false;
}

/* The type that a signature covers; its own for anything else. */
static unsigned
covers(const struct record *r)
{
	return r->type == TYPE_RRSIG ? (unsigned)(r->rdata[0] << 8 | r->rdata[1]) : r->type;
}

bool
is_subset_of_rrsets(const struct reply *a, const struct reply *b, int section)
{
	if (!is_subset(a, b, section))
		return false;
	if (a->counts[section] == b->counts[section])
		return true;
	for (size_t i = 0; i < b->counts[section]; i++) {
		const struct record *missing = &b->sections[section][i];

		if (is_in(missing, a, section))
			continue;
		for (size_t k = 0; k < a->counts[section]; k++) {
			const struct record *there = &a->sections[section][k];

			if (there->type == missing->type && covers(there) == covers(missing) &&
			    dname_equal(there->owner.octets, missing->owner.octets))
				return false;
		}
	}
	return true;
}

bool
is_in_zone(const struct origin *zone, const struct record *record)
{
	for (size_t i = 0; i < zone->nsubjects; i++) {
		const struct subject *s = &zone->subjects[i];

		if (!dname_equal(s->name.octets, record->owner.octets))
			continue;
		for (unsigned k = 0; k < s->ntypes; k++)
			if (s->types[k] == covers(record))
				return true;
	}
	return false;
}

bool
is_own_data(const struct origin *zone, const struct record *record)
{
	for (size_t i = 0; i < zone->nsubjects; i++) {
		const struct subject *s = &zone->subjects[i];

		if (!dname_is_below(record->owner.octets, s->name.octets) ||
		    dname_equal(s->name.octets, zone->apex.octets))
			continue;
		for (unsigned k = 0; k < s->ntypes; k++)
			if (s->types[k] == TYPE_NS)
				return false;
	}
	return is_in_zone(zone, record);
}

bool
is_no_own_data(const struct origin *zone, const struct record *record)
{
	return !is_own_data(zone, record);
}

bool
has_more(const struct query *q, const struct reply *a, const struct reply *b,
    bool (*holds)(const struct origin *zone, const struct record *record))
{
	for (size_t i = 0; i < a->counts[ADDITIONAL]; i++) {
		const struct record *record = &a->sections[ADDITIONAL][i];

		if (!is_in(record, b, ADDITIONAL) && !is_in(record, b, ANSWER) && holds(q->home, record))
			return true;
	}
	return false;
}

bool
lacks_room(const struct query *q, const struct reply *ours, const struct reply *theirs)
{
	size_t limit = datagram_limit(q), set = q->do_bit ? 200 : 100;	/* octets of an RRset, with its signature */

	return !q->tcp && (q->whole->octets > limit || theirs->octets + set > limit || ours->octets + set > limit);
}

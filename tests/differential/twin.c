#include "tests/differential/twin.h"

#include "tests/differential/facts.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

static bool
is_same(const struct reply *reply, const struct reply *twin, int section)
{
	return reply->counts[section] == twin->counts[section] && is_subset(reply, twin, section);
}

static bool
has_twice(const struct reply *r)
{
	for (int i = 0; i < SECTIONS; i++)
		for (size_t k = 1; k < r->counts[i]; k++)
			if (record_equal(&r->sections[i][k - 1], &r->sections[i][k]))
				return true;
	return false;
}

/* Where a record of the answer leads; NULL: nowhere. */
static const uint8_t *
target_of(const struct query *q, const struct record *answer)
{
	const uint8_t *target = answer->type == q->qtype ? rdata_target(answer->type, answer->rdata) : NULL;

	if (target == NULL || !dname_is_root(target))
		return target;
	/* RFC 9460, section 2.5: the owner itself, but in AliasMode. */
	if ((q->qtype != TYPE_SVCB && q->qtype != TYPE_HTTPS) || (answer->rdata[0] | answer->rdata[1]) == 0)
		return NULL;
	return answer->owner.octets;
}

static bool
is_target(const struct query *q, const struct reply *r, const uint8_t *name)
{
	for (size_t i = 0; i < r->counts[ANSWER]; i++) {
		const uint8_t *target = target_of(q, &r->sections[ANSWER][i]);

		if (target != NULL && dname_equal(target, name))
			return true;
	}
	return false;
}

static bool
has_addresses(const struct query *q, const struct reply *r, const uint8_t *name)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };

	for (size_t i = 0; i < 2; i++) {
		struct record wanted = { .type = types[i] };
		size_t k = 0;

		dname_copy(&wanted.owner, name);
		if (!(q->qtype == TYPE_NS ? is_in_zone : is_own_data)(q->home, &wanted))
			continue;
		while (k < r->counts[ADDITIONAL] && (r->sections[ADDITIONAL][k].type != types[i] ||
		    !dname_equal(r->sections[ADDITIONAL][k].owner.octets, name)))
			k++;
		if (k == r->counts[ADDITIONAL])
			return false;
	}
	return true;
}

/* Additional data is what the zone has of the names in the answer, and all of it.  The others may send none, and some
 * send more, so that they say little about it. */
static const char *
additional_fault(const struct query *q, const struct reply *r)
{
	if (is_referral(r))
		return NULL;
	for (size_t i = 0; i < r->counts[ADDITIONAL]; i++) {
		const struct record *record = &r->sections[ADDITIONAL][i];

		if (!is_target(q, r, record->owner.octets))
			return "an additional record to which nothing leads";
		if (q->qtype != TYPE_NS && is_no_own_data(q->home, record))
			return "an additional record that is not the zone's own";
	}
	for (size_t i = 0; i < r->counts[ANSWER]; i++) {
		const uint8_t *target = target_of(q, &r->sections[ANSWER][i]);

		if (target != NULL && !has_addresses(q, r, target))
			return "an address that the zone has is not in the additional section";
	}
	return NULL;
}

/* RFC 2181, section 9: TC means that something required is missing, and an RRset is there as a whole or not at all. */
static const char *
truncated_fault(const struct query *q, const struct reply *reply, const struct reply *twin)
{
	if (q->tcp || twin->octets <= datagram_limit(q))
		return "TC, and there was room for everything";
	if (reply->rcode != twin->rcode && reply->rcode != RCODE_NOERROR)
		return "TC, and another rcode than over TCP";
	for (int i = 0; i < SECTIONS; i++)
		if (!is_subset_of_rrsets(reply, twin, i))
			return "TC, and what is there is not a choice of whole RRsets";
	if (is_same(reply, twin, ANSWER) && is_same(reply, twin, AUTHORITY) &&
	    !(is_referral(twin) && lacks_glue(twin, reply)))
		return "TC, and only what is optional is missing";
	return NULL;
}

/* Without TC only what is optional may be missing, and that only for want of room. */
static const char *
whole_fault(const struct query *q, const struct reply *reply, const struct reply *twin)
{
	if (reply->rcode != twin->rcode || !is_same(reply, twin, ANSWER) || !is_same(reply, twin, AUTHORITY))
		return "another answer than over TCP";
	if (is_same(reply, twin, ADDITIONAL))
		return NULL;
	if (q->tcp || twin->octets <= datagram_limit(q))
		return "additional records are missing, and there was room";
	if (!is_subset_of_rrsets(reply, twin, ADDITIONAL))
		return "additional records are not a choice of whole RRsets";
	if (is_referral(twin) && lacks_glue(twin, reply))
		return "glue is missing without TC";		/* RFC 9471, section 3.1 */
	return NULL;
}

const char *
twin_fault(const struct query *q, const struct reply *reply)
{
	const struct reply *twin = q->whole;
	const char *fault;
	unsigned expected;

	if (q->qtype == TYPE_AXFR || q->qtype == TYPE_IXFR)
		return NULL;
	if (twin->fault != NULL)
		return twin->fault;
	if (is_truncated(twin) || has_twice(twin))
		return is_truncated(twin) ? "TC over TCP" : "a record is there twice";
	if ((fault = additional_fault(q, twin)) != NULL)
		return fault;
	expected = q->qclass == CLASS_ANY ? twin->flags & ~(unsigned)FLAG_AA : twin->flags;
	if ((reply->flags ^ expected) & ~(unsigned)FLAG_TC || reply->question != twin->question ||
	    reply->edns != twin->edns || reply->do_bit != twin->do_bit || reply->udp_size != twin->udp_size)
		return "other flags than over TCP";
	return is_truncated(reply) ? truncated_fault(q, reply, twin) : whole_fault(q, reply, twin);
}

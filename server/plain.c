#include "server/plain_internal.h"
#include "wire/rrtype.h"

/* Where the labels of a name begin, which must be without compression, and its length; 0: it is not one. */
static inline unsigned
read_name(const uint8_t *name, size_t n, uint8_t labels[DNAME_LABELS_MAX], unsigned *nlabels)
{
	unsigned at = 0, k = 0, limit = n < DNAME_MAX ? (unsigned)n : DNAME_MAX;

	for (unsigned length; (length = name[at]) - 1 < 63;) {
		labels[k++] = (uint8_t)at;
		if ((at += length + 1) >= limit)
			return 0;
	}
	*nlabels = k;
	return name[at] == 0 ? at + 1 : 0;
}

/* An OPT record of version 0 without options, and nothing behind it. */
static inline bool
read_opt(struct plain *p, const uint8_t *opt, size_t n)
{
	uint64_t head;
	unsigned size;

	if (n != EDNS_SIZE)
		return false;
	head = load_u64(opt);			/* owner, type, class, extended rcode, version, half of the flags */
	if (head >> 40 != TYPE_OPT || (head & 0xff00) != 0 || load_u16(opt + 9) != 0)
		return false;
	size = head >> 24 & 0xffff;
	p->edns = true;
	p->do_bit = (head & 0x80) != 0;
	p->udp_size = (uint16_t)(size > MSG_UDP_PLAIN ? size : MSG_UDP_PLAIN);
	return true;
}

void
plain_read(struct plain *p, const uint8_t *msg, size_t n)
{
	const uint8_t *name = msg + MSG_HEADER_SIZE;
	uint8_t labels[DNAME_LABELS_MAX];
	unsigned nlabels, end, opts;

	p->msg = msg;
	p->simple = false;
	/* Flags: a query, whatever RD, AD and CD say; counts 1, 0, 0, and 0 or 1. */
	if (n < MSG_HEADER_SIZE + 5 || (load_u64(msg + 2) & 0xf800ffffffffffff) != 0x0000000100000000 ||
	    (opts = load_u16(msg + 10)) > 1)
		return;
	if ((p->name_len = (uint8_t)read_name(name, n - MSG_HEADER_SIZE, labels, &nlabels)) == 0 ||
	    (end = MSG_HEADER_SIZE + p->name_len + 4u) > n || load_u16(msg + end - 2) != CLASS_IN)
		return;
	p->end = (uint16_t)end;
	p->qtype = load_u16(msg + end - 4);
	if (opts > 0) {
		if (!read_opt(p, msg + end, n - end))
			return;
	} else if (n == end) {
		p->edns = p->do_bit = false;
		p->udp_size = MSG_UDP_PLAIN;
	} else {
		return;
	}
	p->simple = true;
	qp_key_of_labels(&p->asked.key, name, labels, nlabels, p->name_len,
	    n - MSG_HEADER_SIZE - p->name_len);
}

/* Of the types without names in their rdata, those that are asked for most. */
static inline bool
is_plain_type(uint16_t type)
{
	const uint64_t some = UINT64_C(1) << TYPE_A | UINT64_C(1) << TYPE_TXT | UINT64_C(1) << TYPE_AAAA |
	    UINT64_C(1) << TYPE_DNSKEY | UINT64_C(1) << TYPE_TLSA;

	return type < 64 ? (some >> type & 1) != 0 : type == TYPE_CAA;
}

/* Types that are like all others where they are not there: neither ANY and its kin, nor what the zone above answers, nor
 * what may stand beside an alias. */
static inline bool
is_common_type(uint16_t type)
{
	const uint64_t others = UINT64_C(1) << 0 | UINT64_C(1) << TYPE_OPT | UINT64_C(1) << TYPE_DS |
	    UINT64_C(1) << TYPE_RRSIG | UINT64_C(1) << TYPE_NSEC;

	return type < 64 ? (others >> type & 1) == 0 : type <= TYPE_HTTPS || type == TYPE_CAA;
}

static inline bool
wants_dnssec(const struct plain *p)
{
	return p->do_bit && zone_version_is_signed(p->asked.zone);
}

/* The name is an alias, and nothing else is to be said of it. */
static inline bool
is_alias(const struct plain *p)
{
	const struct zone_lookup *found = &p->asked.found;

	return p->asked.zone != NULL && found->cut == NULL && found->dname == NULL && is_common_type(p->qtype) &&
	    p->qtype != TYPE_CNAME && (found->node != NULL || !wants_dnssec(p));
}

/* Where does an alias lead?  True: to another name of the zone, which is to be looked up. */
static __attribute__((noinline)) bool
leads_on(struct plain *p)
{
	const struct zone_node *node;
	const uint8_t *target;

	if (!is_alias(p))
		return false;
	node = p->asked.found.node != NULL ? p->asked.found.node : p->asked.found.wildcard;
	if (zone_node_rrset(node, p->qtype, &p->cname) || !zone_node_rrset(node, TYPE_CNAME, &p->cname) ||
	    p->cname.count != 1)
		return false;
	target = p->cname.records + 2;
	qp_key_init(&p->target.key, target);
	if (!dname_is_below(target, zone_version_apex_name(p->asked.zone))) {
		p->alias = PLAIN_ALIAS_OUT;
		return false;
	}
	p->alias = PLAIN_ALIAS;
	return true;
}

void
plain_look_up(struct plain *v, unsigned n, const struct zoneset *zones)
{
	struct zoneset_question *questions[ZONESET_TOGETHER];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		if (v[i].simple)
			questions[k++] = &v[i].asked;
	if (k > 0)
		zoneset_look_up(zones, questions, k);
	k = 0;
	for (unsigned i = 0; i < n; i++) {
		v[i].alias = PLAIN_NO_ALIAS;
		if (v[i].simple && v[i].asked.found.is_alias && leads_on(&v[i]))
			questions[k++] = &v[i].target;
	}
	if (k > 0)
		zoneset_look_up(zones, questions, k);
}

/* set is the answer. */
static inline size_t
write_positive(const struct plain *q, const struct answer_settings *settings, const struct zone_rrset *set, bool dnssec,
    bool tcp, uint8_t *out, size_t room)
{
	struct zone_rrset signatures;
	size_t size = q->end + records_size(set) + plain_signatures(set, dnssec, &signatures);
	uint8_t *p;

	if (size > plain_limit(q, settings, tcp, room))
		return 0;
	p = plain_begin(q, FLAG_AA | RCODE_NOERROR, out);
	store_u16(out + 6, (uint16_t)(set->count + signatures.count));
	p = plain_put_signed(p, 0xc000 | MSG_HEADER_SIZE, set, &signatures);
	return plain_end(q, settings, p, out);
}

/* The same from a wildcard, which takes a proof that the name itself is not there. */
static __attribute__((noinline)) size_t
write_expanded(const struct plain *q, const struct answer_settings *settings, const struct zone_rrset *set, bool tcp,
    uint8_t *out, size_t room)
{
	struct zone_signed data = { .set = *set };
	struct plain_sink s;

	if (!zone_rrset_signatures(set, &data.signatures))
		data.signatures.count = 0;
	if (!plain_sink_start(&s, q, settings, tcp, FLAG_AA | RCODE_NOERROR, out, room) ||
	    !plain_sink_put_signed(&s, PLAIN_POINTER | MSG_HEADER_SIZE, &data, true))
		return 0;
	store_u16(out + 6, (uint16_t)s.count);
	s.count = 0;
	if (!plain_prove_expansion(&s))
		return 0;
	store_u16(out + 8, (uint16_t)s.count);
	return plain_end(q, settings, s.p, out);
}

/* There is no such name, or it has no such type. */
static __attribute__((noinline)) size_t
write_negative(const struct plain *q, const struct answer_settings *settings, unsigned rcode, bool tcp, uint8_t *out,
    size_t room)
{
	const struct zone_prepared *prepared = zone_version_prepared(q->asked.zone);
	uint8_t *p;

	if (prepared == NULL || prepared->soa.size == 0 ||
	    q->end + (size_t)prepared->soa.size > plain_limit(q, settings, tcp, room))
		return 0;
	p = plain_begin(q, FLAG_AA | rcode, out);
	store_u16(out + 8, 1);
	p = plain_put_ready(out, p, plain_pointer(q, prepared->apex_len), prepared, &prepared->soa);
	return plain_end(q, settings, p, out);
}

/* The RRset that the alias leads to; count 0: the answer ends with the alias.  False: neither. */
static bool
find_target(const struct plain *q, bool dnssec, struct zone_rrset *set)
{
	const struct zone_lookup *found = &q->target.found;
	const struct zone_version *zone = q->asked.zone, *other = q->target.zone;
	const struct zone_node *node = found->node;

	set->count = 0;
	if (q->alias == PLAIN_ALIAS_OUT || other == NULL || zone_version_apex_name(other) != zone_version_apex_name(zone))
		return true;
	if (node == NULL && !dnssec)
		node = found->wildcard;
	return other == zone && found->cut == NULL && found->dname == NULL && node != NULL && is_plain_type(q->qtype) &&
	    zone_node_rrset(node, q->qtype, set);
}

/* The CNAME, whose rdata is shortened as far as it ends like the question; then what the alias leads to. */
static __attribute__((noinline)) size_t
write_alias(const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp, uint8_t *out,
    size_t room)
{
	const struct qp_key *name = &q->asked.key, *target = &q->target.key;
	unsigned shared = qp_common_labels(name, target), tail = shared == 0 ? 0 : target->label_at[shared] + 1u;
	unsigned own = target->n - tail, rdlen = own + (tail > 0 ? 2 : 0);
	uint16_t end_of_name = (uint16_t)(0xc000 | (MSG_HEADER_SIZE + name->n - tail));
	struct zone_rrset set, signatures, of_alias;
	uint8_t *p;
	size_t size;

	if (target->n == 1 || !find_target(q, dnssec, &set))
		return 0;
	size = q->end + 12 + rdlen + plain_signatures(&q->cname, dnssec, &of_alias);
	signatures.count = 0;
	if (set.count > 0)
		size += records_size(&set) + plain_signatures(&set, dnssec, &signatures);
	if (size > plain_limit(q, settings, tcp, room))
		return 0;
	p = plain_begin(q, FLAG_AA | RCODE_NOERROR, out);
	store_u16(out + 6, (uint16_t)(1 + of_alias.count + set.count + signatures.count));
	store_u16(p, 0xc000 | MSG_HEADER_SIZE);
	store_u16(p + 2, TYPE_CNAME);
	store_u16(p + 4, CLASS_IN);
	store_u32(p + 6, q->cname.ttl);
	store_u16(p + 10, (uint16_t)rdlen);
	memcpy(p + 12, target->name, own);
	if (tail > 0)
		store_u16(p + 12 + own, end_of_name);
	p += 12 + rdlen;
	if (of_alias.count > 0)
		p = records_put(p, 0xc000 | MSG_HEADER_SIZE, &of_alias, of_alias.ttl);
	if (set.count > 0)
		p = plain_put_signed(p, own == 0 ? end_of_name : (uint16_t)(0xc000 | (q->end + 12)), &set, &signatures);
	return plain_end(q, settings, p, out);
}

size_t
plain_write(const struct plain *p, const struct answer_settings *settings, bool tcp, uint8_t *out, size_t room)
{
	const struct zone_lookup *found = &p->asked.found;
	const struct zone_node *node;
	struct zone_rrset set;
	bool dnssec;

	/* The root's name is too short for a pointer to be worth while. */
	if (!p->simple || p->asked.zone == NULL || p->name_len == 1 || (p->edns && settings->report_agent != NULL) ||
	    found->dname != NULL || !is_common_type(p->qtype))
		return 0;
	dnssec = wants_dnssec(p);
	if (found->cut != NULL)
		return plain_referral(p, settings, dnssec, tcp, out, room);
	if (p->alias != PLAIN_NO_ALIAS)
		return write_alias(p, settings, dnssec, tcp, out, room);
	if ((node = found->node) == NULL && (node = found->wildcard) == NULL)
		return dnssec ? plain_nxdomain(p, settings, tcp, out, room) :
		    write_negative(p, settings, RCODE_NXDOMAIN, tcp, out, room);
	if (zone_node_rrset(node, p->qtype, &set)) {
		bool is_proven = dnssec && found->node == NULL;

		if (is_plain_type(p->qtype))
			return is_proven ? write_expanded(p, settings, &set, tcp, out, room) :
			    write_positive(p, settings, &set, dnssec, tcp, out, room);
		return p->qtype == TYPE_MX && !is_proven ? plain_mx(p, settings, node, dnssec, tcp, out, room) : 0;
	}
	if (found->is_alias)
		return 0;
	return dnssec ? plain_nodata(p, settings, tcp, out, room) :
	    write_negative(p, settings, RCODE_NOERROR, tcp, out, room);
}

size_t
plain_answer(struct plain *p, const struct zoneset *zones, const struct answer_settings *settings, const uint8_t *msg,
    size_t n, bool tcp, uint8_t *out, size_t room)
{
	plain_read(p, msg, n);
	plain_look_up(p, 1, zones);
	return plain_write(p, settings, tcp, out, room);
}

#include "server/plain.h"

#include "wire/rrtype.h"

struct query {
	uint8_t labels[DNAME_LABELS_MAX];	/* offsets in the name, which stands whole behind the header */
	unsigned nlabels, name_len;
	size_t end;			/* of the question */
	uint16_t qtype;
	bool edns, do_bit;
	uint16_t udp_size;		/* what the requestor takes */
};

/* The question's name, which must be without compression: where its labels begin, and its length; false: it is not one. */
static inline bool
read_name(const uint8_t *name, size_t n, struct query *q)
{
	size_t at = 0;

	q->nlabels = 0;
	for (unsigned length; (length = name[at]) - 1 < 63;) {
		q->labels[q->nlabels++] = (uint8_t)at;
		if ((at += length + 1) >= n || at >= DNAME_MAX)
			return false;
	}
	q->name_len = (unsigned)at + 1;
	return name[at] == 0;
}

/* Of the types without names in their rdata, those that are asked for most. */
static inline bool
is_plain_type(uint16_t type)
{
	switch (type) {
	case TYPE_A:
	case TYPE_TXT:
	case TYPE_AAAA:
	case TYPE_TLSA:
	case TYPE_CAA:
		return true;
	default:
		return false;
	}
}

static inline bool
read_query(const uint8_t *msg, size_t n, struct query *q)
{
	const uint8_t *end = msg + n, *p;

	/* Flags: a query, whatever RD, AD and CD say; counts 1, 0, 0, and 0 or 1. */
	if (n < MSG_HEADER_SIZE + 5 || (load_u16(msg + 2) & (FLAG_QR | 0x7800)) != 0 || load_u16(msg + 4) != 1 ||
	    load_u32(msg + 6) != 0 || load_u16(msg + 10) > 1)
		return false;
	if (!read_name(msg + MSG_HEADER_SIZE, n - MSG_HEADER_SIZE, q) ||
	    (q->end = MSG_HEADER_SIZE + q->name_len + 4) > n)
		return false;
	p = msg + q->end - 4;
	q->qtype = load_u16(p);
	if (load_u16(p + 2) != CLASS_IN || !is_plain_type(q->qtype))
		return false;
	p += 4;
	q->edns = msg[11] != 0;
	q->do_bit = false;
	q->udp_size = MSG_UDP_PLAIN;
	if (!q->edns)
		return p == end;
	if (end - p != EDNS_SIZE || p[0] != 0 || load_u16(p + 1) != TYPE_OPT || p[6] != 0 || load_u16(p + 9) != 0)
		return false;
	if (load_u16(p + 3) > MSG_UDP_PLAIN)
		q->udp_size = load_u16(p + 3);
	q->do_bit = (p[7] & 0x80) != 0;
	return true;
}

static inline size_t
size_limit(const struct query *q, const struct answer_settings *settings, bool tcp, size_t room)
{
	size_t limit = tcp ? MSG_MAX : q->edns && settings->udp_size < q->udp_size ? settings->udp_size : q->udp_size;

	return limit < room ? limit : room;
}

/* The records, each with a pointer to the question as its owner. */
static inline uint8_t *
put_records(uint8_t *p, const struct zone_rrset *set)
{
	const uint8_t *at = NULL, *rdata;
	uint16_t n;

	while (zone_rrset_next(set, &at, &rdata, &n)) {
		store_u16(p, 0xc000 | MSG_HEADER_SIZE);
		store_u16(p + 2, set->type);
		store_u16(p + 4, CLASS_IN);
		store_u32(p + 6, set->ttl);
		memcpy(p + 10, rdata - 2, 2u + n);	/* its length stands before it */
		p += 12 + n;
	}
	return p;
}

/* Octets of an RRset in the answer: ten, and a pointer, before each record, which has two of length with it in the
 * node. */
static inline size_t
records_size(const struct zone_rrset *set)
{
	return set->size + 10u * set->count;
}

/* signatures: count 0 where there are none, or nobody wants them. */
static size_t
write_answer(const struct query *q, const struct answer_settings *settings, const struct zone_rrset *set,
    const struct zone_rrset *signatures, const uint8_t *msg, uint8_t *out)
{
	uint8_t *p = out + q->end;

	memcpy(out, msg, q->end);
	store_u16(out + 2, (uint16_t)(FLAG_QR | FLAG_AA | (load_u16(msg + 2) & FLAG_RD)));
	store_u16(out + 6, (uint16_t)(set->count + signatures->count));
	p = put_records(p, set);
	if (signatures->count > 0)
		p = put_records(p, signatures);
	if (q->edns) {
		p[0] = 0;
		store_u16(p + 1, TYPE_OPT);
		store_u16(p + 3, settings->udp_size);
		store_u32(p + 5, q->do_bit ? 0x8000 : 0);
		store_u16(p + 9, 0);
		p += EDNS_SIZE;
	}
	return (size_t)(p - out);
}

size_t
plain_answer(struct plain *p, const struct zoneset *zones, const struct answer_settings *settings, const uint8_t *msg,
    size_t n, bool tcp, uint8_t *out, size_t room)
{
	struct zone_rrset set, signatures;
	struct zone_store *store;
	struct qp_key key;
	struct query q;
	size_t size;

	p->zone = NULL;
	if (!read_query(msg, n, &q))
		return 0;
	qp_key_of_labels(&key, msg + MSG_HEADER_SIZE, q.labels, q.nlabels, q.name_len);
	if (q.nlabels == 0 || (store = zoneset_find_key(zones, &key, false)) == NULL ||
	    (p->zone = zone_store_current(store)) == NULL)
		return 0;
	zone_version_lookup_key(p->zone, &key, &p->found);
	if (p->found.node == NULL || p->found.cut != NULL || p->found.dname != NULL ||
	    !zone_node_rrset(p->found.node, q.qtype, &set))
		return 0;
	size = q.end + records_size(&set) + (q.edns ? EDNS_SIZE : 0);
	signatures.count = 0;
	if (q.do_bit && zone_rrset_signatures(&set, &signatures))
		size += records_size(&signatures);
	if (size > size_limit(&q, settings, tcp, room) || (q.edns && settings->report_agent != NULL))
		return 0;
	return write_answer(&q, settings, &set, &signatures, msg, out);
}

/* Referrals the short way: the NS records of a zone cut, DS or the proof that there is none, addresses.  The name of a
 * server is shortened as struct wr would do it: to the longest end that the question or an earlier server has. */
#include "server/plain_internal.h"
#include "wire/rrtype.h"

#define SERVERS_MAX 8

struct server {
	struct qp_key key;
	uint16_t own;			/* octets of the name before what was written already, */
	uint16_t rest;			/* and the pointer to that; 0: nothing was */
	uint16_t at;			/* where the name goes */
	bool below;			/* the cut: the address is needed (RFC 9471, section 3.1) */
};

struct referral {
	const struct zone_node *cut;
	uint16_t owner;			/* pointer to its name in the question */
	struct zone_rrset ns, of_ns;
	struct server servers[SERVERS_MAX];
	struct zone_rrset ds, of_ds;	/* count 0: there is none */
	struct plain_proofs proofs;
	unsigned naddresses, count;	/* RRsets, and their records with signatures */
	struct address {
		struct zone_rrset set, signatures;
		uint16_t owner;
	} addresses[2 * SERVERS_MAX];
	size_t size;			/* of header, question and all of this */
};

static size_t
rdata_size(const struct server *s)
{
	return s->own + (s->rest != 0 ? 2u : 0);
}

/* Which end of the i-th server's name was written before? */
static void
shorten(const struct plain *q, struct referral *r, unsigned i, unsigned *labels)
{
	struct server *s = &r->servers[i];
	const struct qp_key *key = &s->key;
	unsigned shared = plain_common_labels(&q->asked.key, key);

	s->below = zone_node_owner_len(r->cut) <= key->label_at[shared] + 1u;
	s->rest = shared == 0 ? 0 : plain_pointer(q, plain_end_len(q, shared));
	for (unsigned k = 0; k < i; k++) {
		const struct server *other = &r->servers[k];
		unsigned n = plain_common_labels(&other->key, key);

		if (n > shared) {
			shared = n;
			s->rest = (uint16_t)(PLAIN_POINTER | (other->at + other->key.n - (other->key.label_at[n] + 1)));
		}
	}
	s->own = (uint16_t)(shared == 0 ? key->n : key->n - (key->label_at[shared] + 1));
	*labels += key->labels - shared;
}

/* False: this goes the long way. */
static bool
collect_servers(const struct plain *q, struct referral *r, bool dnssec)
{
	unsigned labels = q->asked.key.labels, i = 0;
	const uint8_t *at = NULL, *name;
	uint16_t n;

	if (!zone_node_rrset(r->cut, TYPE_NS, &r->ns) || r->ns.count > SERVERS_MAX)
		return false;
	for (; zone_rrset_next(&r->ns, &at, &name, &n); i++) {
		if (n == 1)
			return false;		/* nothing points to the root */
		qp_key_init(&r->servers[i].key, name);
		r->servers[i].at = (uint16_t)(r->size + 12);
		shorten(q, r, i, &labels);
		r->size += 12 + rdata_size(&r->servers[i]);
	}
	r->size += plain_signatures(&r->ns, dnssec, &r->of_ns);
	return labels <= WR_NAMES_MAX;		/* what struct wr would remember */
}

static bool
collect_security(const struct plain *q, struct referral *r)
{
	if (zone_node_rrset(r->cut, TYPE_DS, &r->ds)) {
		r->size += records_size(&r->ds) + plain_signatures(&r->ds, true, &r->of_ds);
		return true;
	}
	if (!plain_prove_no_ds(q, r->cut, &r->proofs))
		return false;
	r->size += r->proofs.size;
	return true;
}

static void
collect_addresses(struct referral *r, const struct server *s, const struct zone_version *zone, bool dnssec)
{
	const struct zone_node *node = zone_version_find_key(zone, &s->key);
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };

	for (size_t i = 0; node != NULL && i < sizeof types / sizeof types[0]; i++) {
		struct address *a = &r->addresses[r->naddresses];

		if (!zone_node_rrset(node, types[i], &a->set))
			continue;
		a->owner = s->own == 0 ? s->rest : (uint16_t)(PLAIN_POINTER | s->at);
		r->size += records_size(&a->set) + plain_signatures(&a->set, dnssec, &a->signatures);
		r->count += a->set.count + a->signatures.count;
		r->naddresses++;
	}
}

static uint8_t *
put_servers(const struct referral *r, uint8_t *p)
{
	for (unsigned i = 0; i < r->ns.count; i++) {
		const struct server *s = &r->servers[i];

		store_u16(p, r->owner);
		store_u16(p + 2, TYPE_NS);
		store_u16(p + 4, CLASS_IN);
		store_u32(p + 6, r->ns.ttl);
		store_u16(p + 10, (uint16_t)rdata_size(s));
		memcpy(p + 12, s->key.name, s->own);
		p += 12 + s->own;
		if (s->rest != 0) {
			store_u16(p, s->rest);
			p += 2;
		}
	}
	return r->of_ns.count == 0 ? p : records_put(p, r->owner, &r->of_ns, r->of_ns.ttl);
}

static size_t
write_referral(const struct plain *q, const struct answer_settings *settings, const struct referral *r, uint8_t *out)
{
	uint8_t *p = plain_begin(q, RCODE_NOERROR, out);

	store_u16(out + 8, (uint16_t)(r->ns.count + r->of_ns.count + r->ds.count + r->of_ds.count + r->proofs.count));
	store_u16(out + 10, (uint16_t)(r->count + q->edns));
	p = put_servers(r, p);
	if (r->ds.count > 0)
		p = plain_put_signed(p, r->owner, &r->ds, &r->of_ds);
	p = plain_put_proofs(&r->proofs, p, out);
	for (unsigned i = 0; i < r->naddresses; i++)
		p = plain_put_signed(p, r->addresses[i].owner, &r->addresses[i].set, &r->addresses[i].signatures);
	return plain_end(q, settings, p, out);
}

size_t
plain_referral(const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp, uint8_t *out,
    size_t room)
{
	struct referral r;

	r.cut = q->asked.found.cut;
	r.owner = plain_pointer(q, zone_node_owner_len(r.cut));
	r.size = q->end;
	r.ds.count = r.of_ds.count = 0;
	r.proofs.n = r.proofs.count = 0;
	r.naddresses = r.count = 0;
	if (!collect_servers(q, &r, dnssec) || (dnssec && !collect_security(q, &r)))
		return 0;
	for (int others = 0; others < 2; others++)
		for (unsigned i = 0; i < r.ns.count; i++)
			if (r.servers[i].below == (others == 0))
				collect_addresses(&r, &r.servers[i], q->asked.zone, dnssec);
	if (r.size >= PLAIN_POINTED_MAX || !plain_fits(q, settings, tcp, room, r.size))
		return 0;
	return write_referral(q, settings, &r, out);
}

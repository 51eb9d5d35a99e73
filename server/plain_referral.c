/* Referrals the short way: the NS records of a zone cut, DS or the proof that there is none, addresses.  The name of a
 * server is shortened as struct wr would do it: to the longest end that the question or an earlier server has. */
#include "server/plain_internal.h"
#include "wire/rrtype.h"
#include "zones/nodeview.h"

#define SERVERS_MAX 8

struct server {
	struct qp_key key;
	unsigned shared;		/* labels at its end that the question has, too */
	uint16_t at;			/* where the name goes */
	uint16_t owner;			/* the pointer to the whole of it */
};

struct referral {
	struct plain_sink sink;
	const struct plain *q;
	const struct zone_node *cut;
	size_t cut_len;
	unsigned cut_labels;
	bool dnssec;
	unsigned labels;		/* that struct wr would remember */
	unsigned nservers;
	struct server servers[SERVERS_MAX];
};

/* Most servers are below the cut, or else in the zone, so that most of the key is there already.  behind: octets that may be
 * read.  Gives how many labels at its end the question has, too. */
static inline unsigned
init_key(const struct referral *r, struct server *s, const uint8_t *name, unsigned n, size_t behind)
{
	const struct qp_key *question = &r->q->asked.key;
	unsigned known = 0;

	if (qp_key_init_like(&s->key, name, n, behind, question, r->cut_labels))
		known = r->cut_labels;
	else if (qp_key_init_like(&s->key, name, n, behind, question, r->cut_labels - 1))
		known = r->cut_labels - 1;
	else
		qp_key_init_behind(&s->key, name, behind);
	return qp_common_labels_from(question, &s->key, known);
}

/* Which end of the name was written before?  Gives how long it is, 0: none; and the pointer to it. */
static inline size_t
find_end(struct referral *r, struct server *s, uint16_t *rest)
{
	const struct qp_key *key = &s->key;
	unsigned shared = s->shared;

	if (shared > 0)
		*rest = plain_pointer(r->q, plain_end_len(r->q, shared));
	for (const struct server *other = r->servers; other < s; other++) {
		unsigned n;

		/* Where one of the two has more in common with the question, the other has no more with that one. */
		if (other->shared != s->shared || (n = qp_common_labels_from(&other->key, key, s->shared)) <= shared)
			continue;
		shared = n;
		*rest = (uint16_t)(PLAIN_POINTER | (other->at + other->key.n - (other->key.label_at[n] + 1)));
	}
	r->labels += key->labels - shared;
	return shared == 0 ? 0 : key->label_at[shared] + 1u;
}

static bool
put_server(struct referral *r, const struct zone_rrset *ns, uint16_t owner, const uint8_t *name, unsigned n,
    size_t behind)
{
	struct server *s = &r->servers[r->nservers++];
	uint8_t *p = r->sink.p;
	uint16_t rest = 0;
	size_t end, own;

	if (n == 1)
		return false;			/* nothing points to the root */
	s->shared = init_key(r, s, name, n, behind);
	s->at = (uint16_t)(p + 12 - r->sink.out);
	end = find_end(r, s, &rest);
	own = s->key.n - end;
	s->owner = own == 0 ? rest : (uint16_t)(PLAIN_POINTER | s->at);
	if ((size_t)(r->sink.end - p) < 12 + own + 2)
		return false;
	store_u16(p, owner);
	records_put_head(p + 2, ns, ns->ttl);
	store_u16(p + 10, (uint16_t)(own + (end > 0 ? 2 : 0)));
	memcpy(p + 12, name, own);
	p += 12 + own;
	if (end > 0) {
		store_u16(p, rest);
		p += 2;
	}
	r->sink.p = p;
	return true;
}

/* Behind a name in an RRset come the next ones, and the RRsets behind it in the node. */
static bool
put_servers(struct referral *r, const struct zone_signed *ns, uint16_t owner)
{
	const uint8_t *at = NULL, *name, *end = ns->set.records + ns->set.size;
	uint16_t n;

	if (ns->set.count > SERVERS_MAX)
		return false;
	while (zone_rrset_next(&ns->set, &at, &name, &n))
		if (!put_server(r, &ns->set, owner, name, n,
		    (size_t)(end - at) + (ns->set.behind > 0 ? QP_KEY_BEHIND : 0)))
			return false;
	r->sink.count = ns->set.count;
	return r->labels <= WR_NAMES_MAX && (!r->dnssec || ns->signatures.count == 0 ||
	    plain_sink_put(&r->sink, owner, &ns->signatures, ns->signatures.ttl));
}

/* behind_ns: what comes in the cut's node. */
static bool
put_security(struct referral *r, struct node_cursor *behind_ns, uint16_t owner)
{
	struct zone_signed ds;

	return node_seek(behind_ns, TYPE_DS, &ds) ? plain_sink_put_signed(&r->sink, owner, &ds, true) :
	    plain_prove_no_ds(&r->sink, r->cut);
}

static bool
put_addresses(struct referral *r, const struct server *s, bool below)
{
	const struct zone_lookup *found = &r->q->asked.found;
	struct node_cursor sets;
	struct zone_signed set;
	const struct zone_node *node = below && found->encloser == r->cut ?
	    zone_version_find_below(r->q->asked.zone, found, &s->key) :
	    zone_version_find_key(r->q->asked.zone, &s->key);

	if (node == NULL)
		return true;
	sets = node_cursor(node);
	return (!node_seek(&sets, TYPE_A, &set) || plain_sink_put_signed(&r->sink, s->owner, &set, r->dnssec)) &&
	    (!node_seek(&sets, TYPE_AAAA, &set) || plain_sink_put_signed(&r->sink, s->owner, &set, r->dnssec));
}

/* Those below the cut first: RFC 9471, section 3.1. */
static bool
put_glue(struct referral *r)
{
	const struct server *s, *end = r->servers + r->nservers;
	bool others = false;

	for (s = r->servers; s < end; s++) {
		if (s->key.label_at[s->shared] + 1u < r->cut_len)
			others = true;
		else if (!put_addresses(r, s, true))
			return false;
	}
	for (s = r->servers; others && s < end; s++)
		if (s->key.label_at[s->shared] + 1u < r->cut_len && !put_addresses(r, s, false))
			return false;
	return true;
}

size_t
plain_referral(const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp, uint8_t *out,
    size_t room)
{
	struct node_cursor sets;
	struct zone_signed ns;
	struct referral r;
	uint16_t owner;

	if (!plain_sink_start(&r.sink, q, settings, tcp, RCODE_NOERROR, out, room))
		return 0;
	r.q = q;
	r.cut = q->asked.found.cut;
	r.cut_len = zone_node_owner_len(r.cut);
	for (r.cut_labels = q->asked.key.labels; plain_end_len(q, r.cut_labels) != r.cut_len; )
		r.cut_labels--;
	r.dnssec = dnssec;
	r.labels = q->asked.key.labels;
	r.nservers = 0;
	owner = plain_pointer(q, r.cut_len);
	sets = node_cursor(r.cut);
	if (!node_seek(&sets, TYPE_NS, &ns) || !put_servers(&r, &ns, owner) ||
	    (dnssec && !put_security(&r, &sets, owner)))
		return 0;
	store_u16(out + 8, (uint16_t)r.sink.count);
	r.sink.count = 0;
	if (!put_glue(&r))
		return 0;
	store_u16(out + 10, (uint16_t)(r.sink.count + q->edns));
	return plain_end(q, settings, r.sink.p, out);
}

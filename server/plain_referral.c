/* What names servers, the short way: referrals, which are the NS records of a zone cut, DS or the proof that there is none, and
 * addresses; and MX records with addresses.  The name of a server is shortened as struct wr would do it: to the longest
 * end that the question or an earlier server has. */
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

struct servers {
	struct plain_sink sink;
	const struct plain *q;
	bool dnssec;
	unsigned lead;			/* octets before a server's name */
	unsigned ends[2];		/* labels at the question's end that servers likely have, too */
	unsigned labels;		/* that struct wr would remember */
	unsigned n;
	struct server v[SERVERS_MAX];
};

struct referral {
	struct servers servers;
	const struct zone_node *cut;
	size_t cut_len;
};

/* The end of most names is known, and so is most of the key.  behind: octets that may be read.  Gives how many labels at
 * its end the question has, too. */
static inline unsigned
init_key(const struct servers *r, struct server *s, const uint8_t *name, unsigned n, size_t behind)
{
	const struct qp_key *question = &r->q->asked.key;
	unsigned known = 0;

	if (qp_key_init_like(&s->key, name, n, behind, question, r->ends[0]))
		known = r->ends[0];
	else if (r->ends[1] > 0 && qp_key_init_like(&s->key, name, n, behind, question, r->ends[1]))
		known = r->ends[1];
	else
		qp_key_init_behind(&s->key, name, behind);
	return qp_common_labels_from(question, &s->key, known);
}

/* Which end of the name was written before?  Gives how long it is, 0: none; and the pointer to it. */
static inline size_t
find_end(struct servers *r, struct server *s, uint16_t *rest)
{
	const struct qp_key *key = &s->key;
	unsigned shared = s->shared;

	if (shared > 0)
		*rest = plain_pointer(r->q, plain_end_len(r->q, shared));
	for (const struct server *other = r->v; other < s; other++) {
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

/* rdata: of n octets, the name at its end. */
static bool
put_server(struct servers *r, const struct zone_rrset *set, uint16_t owner, const uint8_t *rdata, unsigned n,
    size_t behind)
{
	struct server *s = &r->v[r->n++];
	const uint8_t *name = rdata + r->lead;
	uint8_t *p = r->sink.p;
	uint16_t rest = 0;
	size_t end, own;

	n -= r->lead;
	if (n == 1)
		return false;			/* nothing points to the root */
	s->shared = init_key(r, s, name, n, behind);
	s->at = (uint16_t)(p + 12 + r->lead - r->sink.out);
	end = find_end(r, s, &rest);
	own = s->key.n - end;
	s->owner = own == 0 ? rest : (uint16_t)(PLAIN_POINTER | s->at);
	if ((size_t)(r->sink.end - p) < 12 + r->lead + own + 2)
		return false;
	store_u16(p, owner);
	records_put_head(p + 2, set, set->ttl);
	store_u16(p + 10, (uint16_t)(r->lead + own + (end > 0 ? 2 : 0)));
	memcpy(p + 12, rdata, r->lead + own);
	p += 12 + r->lead + own;
	if (end > 0) {
		store_u16(p, rest);
		p += 2;
	}
	r->sink.p = p;
	return true;
}

/* Behind a name in an RRset come the next ones, and the RRsets behind it in the node. */
static bool
put_servers(struct servers *r, const struct zone_signed *set, uint16_t owner)
{
	const uint8_t *at = NULL, *rdata, *end = set->set.records + set->set.size;
	uint16_t n;

	if (set->set.count > SERVERS_MAX)
		return false;
	while (zone_rrset_next(&set->set, &at, &rdata, &n))
		if (!put_server(r, &set->set, owner, rdata, n,
		    (size_t)(end - at) + (set->set.behind > 0 ? QP_KEY_BEHIND : 0)))
			return false;
	r->sink.count = set->set.count;
	return r->labels <= WR_NAMES_MAX && (!r->dnssec || set->signatures.count == 0 ||
	    plain_sink_put(&r->sink, owner, &set->signatures, set->signatures.ttl));
}

static bool
put_addresses(struct servers *r, const struct server *s, const struct zone_node *node)
{
	struct node_cursor sets = node_cursor(node);
	struct zone_signed set;

	return (!node_seek(&sets, TYPE_A, &set) || plain_sink_put_signed(&r->sink, s->owner, &set, r->dnssec)) &&
	    (!node_seek(&sets, TYPE_AAAA, &set) || plain_sink_put_signed(&r->sink, s->owner, &set, r->dnssec));
}

/* Where the servers go, in an answer that begins here. */
static bool
begin(struct servers *r, const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp,
    unsigned flags, uint8_t *out, size_t room)
{
	r->q = q;
	r->dnssec = dnssec;
	r->labels = q->asked.key.labels;
	r->n = 0;
	return plain_sink_start(&r->sink, q, settings, tcp, flags, out, room);
}

/* --- referrals --- */

/* behind_ns: what comes in the cut's node. */
static bool
put_security(struct referral *r, struct node_cursor *behind_ns, uint16_t owner)
{
	struct plain_sink *sink = &r->servers.sink;
	struct zone_signed ds;

	return node_seek(behind_ns, TYPE_DS, &ds) ? plain_sink_put_signed(sink, owner, &ds, true) :
	    plain_prove_no_ds(sink, r->cut);
}

static bool
put_glue_of(struct referral *r, const struct server *s, bool below)
{
	const struct zoneset_question *asked = &r->servers.q->asked;
	const struct zone_node *node = below && asked->found.encloser == r->cut ?
	    zone_version_find_below(asked->zone, &asked->found, &s->key) : zone_version_find_key(asked->zone, &s->key);

	return node == NULL || put_addresses(&r->servers, s, node);
}

/* Those below the cut first: RFC 9471, section 3.1. */
static bool
put_glue(struct referral *r)
{
	const struct server *s, *end = r->servers.v + r->servers.n;
	bool others = false;

	for (s = r->servers.v; s < end; s++) {
		if (s->key.label_at[s->shared] + 1u < r->cut_len)
			others = true;
		else if (!put_glue_of(r, s, true))
			return false;
	}
	for (s = r->servers.v; others && s < end; s++)
		if (s->key.label_at[s->shared] + 1u < r->cut_len && !put_glue_of(r, s, false))
			return false;
	return true;
}

/* Servers are most often below the cut, or else in the zone above it. */
static void
expect_ends(struct servers *r, size_t cut_len)
{
	unsigned labels = r->q->asked.key.labels;

	while (plain_end_len(r->q, labels) != cut_len)
		labels--;
	r->ends[0] = labels;
	r->ends[1] = labels - 1;
}

size_t
plain_referral(const struct plain *q, const struct answer_settings *settings, bool dnssec, bool tcp, uint8_t *out,
    size_t room)
{
	struct referral r;
	struct plain_sink *sink = &r.servers.sink;
	struct node_cursor sets;
	struct zone_signed ns;
	uint16_t owner;

	if (!begin(&r.servers, q, settings, dnssec, tcp, RCODE_NOERROR, out, room))
		return 0;
	r.cut = q->asked.found.cut;
	r.cut_len = zone_node_owner_len(r.cut);
	r.servers.lead = 0;
	expect_ends(&r.servers, r.cut_len);
	owner = plain_pointer(q, r.cut_len);
	sets = node_cursor(r.cut);
	if (!node_seek(&sets, TYPE_NS, &ns) || !put_servers(&r.servers, &ns, owner) ||
	    (dnssec && !put_security(&r, &sets, owner)))
		return 0;
	store_u16(out + 8, (uint16_t)sink->count);
	sink->count = 0;
	if (!put_glue(&r))
		return 0;
	store_u16(out + 10, (uint16_t)(sink->count + q->edns));
	return plain_end(q, settings, sink->p, out);
}

/* --- MX --- */

/* The addresses of those in the zone, once each; glue goes with NS records alone (RFC 1034, section 4.2.1). */
static bool
put_mail_servers(struct servers *r)
{
	const struct zone_node *seen[SERVERS_MAX];
	unsigned nseen = 0;

	for (const struct server *s = r->v; s < r->v + r->n; s++) {
		struct zone_lookup found;
		unsigned i = 0;

		zone_version_lookup_key(r->q->asked.zone, &s->key, &found);
		if (found.node == NULL || found.cut != NULL || found.dname != NULL)
			continue;
		while (i < nseen && seen[i] != found.node)
			i++;
		if (i < nseen)
			continue;
		seen[nseen++] = found.node;
		if (!put_addresses(r, s, found.node))
			return false;
	}
	return true;
}

size_t
plain_mx(const struct plain *q, const struct answer_settings *settings, const struct zone_node *node, bool dnssec, bool tcp,
    uint8_t *out, size_t room)
{
	struct zone_signed mx;
	struct servers r;

	if (!node_signed(node, TYPE_MX, &mx) ||
	    !begin(&r, q, settings, dnssec, tcp, FLAG_AA | RCODE_NOERROR, out, room))
		return 0;
	r.lead = 2;				/* the preference */
	r.ends[0] = zone_version_apex_labels(q->asked.zone);
	r.ends[1] = 0;
	if (!put_servers(&r, &mx, PLAIN_POINTER | MSG_HEADER_SIZE))
		return 0;
	store_u16(out + 6, (uint16_t)r.sink.count);
	r.sink.count = 0;
	if (!put_mail_servers(&r))
		return 0;
	store_u16(out + 10, (uint16_t)(r.sink.count + q->edns));
	return plain_end(q, settings, r.sink.p, out);
}

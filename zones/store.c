#include "zones/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/versionpriv.h"

#define FILL_WHOLE 50000		/* up to so many RRs are filled in by one thread */
#define FILL_PIECES_MAX 32

static void
store_memory_free(struct qp_store *s)
{
	free((struct zone_store *)s);
}

enum err
zone_store_new(const uint8_t *apex, struct zone_store **out)
{
	struct zone_store *s = calloc(1, sizeof *s + dname_len(apex));

	if (s == NULL)
		return ERR_NOMEM;
	qp_store_init(&s->qp, sizeof(struct zone_version), store_memory_free);
	s->apex_labels = (uint8_t)dname_labels(apex);
	s->apex_len = (uint8_t)dname_len(apex);
	memcpy(s->apex, apex, dname_len(apex));
	*out = s;
	return ERR_OK;
}

const uint8_t *
zone_store_apex(const struct zone_store *s)
{
	return s->apex;
}

void
zone_store_free(struct zone_store *s)
{
	if (s != NULL)
		qp_store_drop(&s->qp);
}

static struct zone_version *
open_version(const struct zone_store *s)
{
	assert(s->qp.open != NULL);
	return (struct zone_version *)s->qp.open;
}

enum err
zone_store_begin(struct zone_store *s)
{
	struct zone_version *v;
	const struct zone_version *from = zone_store_newest(s);
	enum err err = qp_store_begin(&s->qp);

	if (err != ERR_OK)
		return err;
	v = open_version(s);
	v->apex_labels = s->apex_labels;
	v->apex_len = s->apex_len;
	if (from != NULL) {
		v->rr_count = from->rr_count;
		v->nsec3 = from->nsec3;
		v->keeps_hashes = from->keeps_hashes;
		v->hash_number = from->hash_number;
	}
	return ERR_OK;
}

static enum node_role
role_of(const struct zone_store *s, const uint8_t *owner)
{
	unsigned labels = dname_labels(owner);

	if (labels < s->apex_labels || !dname_equal(dname_skip(owner, labels - s->apex_labels), s->apex))
		return NODE_OUTSIDE;
	return labels == s->apex_labels ? NODE_APEX : NODE_INSIDE;
}

/* NSEC3 records and their signatures live in the side trie: their owners are no names of the zone (RFC 5155, section
 * 7.2.8), and there they stand in the order of the hashes. */
static bool
is_hashed(const struct zone_store *s, const struct rr *rr)
{
	return (rr->type == TYPE_NSEC3 || rr_covered(rr) == TYPE_NSEC3) && role_of(s, rr->owner) == NODE_INSIDE &&
	    dname_labels(rr->owner) == s->apex_labels + 1u;
}

/* The hash that a node of this name shall keep: what old (may be NULL) has, or made anew.  NULL: none. */
static const struct node_hash *
hash_of(const struct zone_version *v, const struct zone_node *old, const uint8_t *owner, enum node_role role,
    struct node_hash *room)
{
	const struct node_hash *known = old == NULL ? NULL : zone_node_hash(old);

	if (!v->keeps_hashes || role == NODE_OUTSIDE)
		return NULL;
	if (known != NULL && known->number == v->hash_number)
		return known;
	room->number = v->hash_number;
	nsec3_hash(&v->nsec3, owner, dname_len(owner), room->octets);
	return room;
}

static struct zone_node *
empty_node(const struct zone_version *v, const uint8_t *owner, enum node_role role)
{
	struct node_hash hash;

	return zone_node_empty(owner, role, hash_of(v, NULL, owner, role, &hash));
}

static enum err
put(struct qp_txn *t, qp_word *root, struct zone_node *node)
{
	enum err err;

	if (node == NULL)
		return ERR_NOMEM;
	if ((err = qp_put(t, root, &node->leaf)) != ERR_OK)
		free(node);
	return err;
}

/* The ancestors of a name that is new, up to the apex or the first that is there. */
static enum err
put_empty_nonterminals(const struct zone_store *s, struct zone_version *v, const uint8_t *name)
{
	struct qp_txn *t = &v->qp.t;

	for (unsigned labels = dname_labels(name); labels > s->apex_labels; labels--) {
		enum node_role role = labels - 1 == s->apex_labels ? NODE_APEX : NODE_INSIDE;
		enum err err;

		name = dname_parent(name);
		if (qp_get(t->root, name) != NULL)
			break;
		if ((err = put(t, &t->root, empty_node(v, name, role))) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* Where an RR stands in its RRset, or would. */
struct spot {
	struct zone_rrset set;		/* count 0: there is no such RRset */
	const uint8_t *at, *after;	/* the record, and behind it; the same place when it is not there */
};

static void
find_spot(const struct zone_node *node, const struct rr *rr, struct spot *spot)
{
	const uint8_t *at = NULL, *rdata, *p;
	uint16_t n;

	*spot = (struct spot){ .set = { .type = rr->type, .covered = rr_covered(rr) } };
	if (node == NULL || !zone_node_rrset_of(node, rr, &spot->set))
		return;
	for (p = spot->set.records; zone_rrset_next(&spot->set, &at, &rdata, &n); p = at) {
		int d = rdata_compare(rr->type, rdata, n, rr->rdata, rr->rdlen);

		if (d >= 0) {
			spot->at = p;
			spot->after = d == 0 ? at : p;
			return;
		}
	}
	spot->at = spot->after = p;
}

/* The node again, with the spot's record replaced by these octets. */
static struct zone_node *
edited(const struct zone_node *node, const uint8_t *owner, enum node_role role, const struct node_hash *hash,
    const struct spot *spot, const uint8_t *octets, size_t n)
{
	const struct zone_rrset *set = &spot->set;
	struct node_run runs[3] = { { NULL, 0 }, { octets, n }, { NULL, 0 } };

	if (spot->at != NULL) {
		runs[0] = (struct node_run){ set->records, (size_t)(spot->at - set->records) };
		runs[2] = (struct node_run){ spot->after, (size_t)(set->records + set->size - spot->after) };
	}
	return zone_node_edit(node, owner, role, hash, set, runs);
}

/* Before a node is edited: the hash that the new one shall keep. */
static const struct node_hash *
prepare_hash(struct zone_version *v, const qp_word *root, const struct zone_node *node, const struct rr *rr,
    enum node_role role, struct node_hash *room)
{
	if (rr->type == TYPE_NSEC3PARAM && role == NODE_APEX)
		v->keeps_hashes = false;	/* until it is known what they are made with */
	return root == &v->qp.t.side ? NULL : hash_of(v, node, rr->owner, role, room);
}

enum err
zone_store_add(struct zone_store *s, const struct rr *rr, bool *changed)
{
	struct zone_version *v = open_version(s);
	struct qp_txn *t = &v->qp.t;
	qp_word *root = is_hashed(s, rr) ? &t->side : &t->root;
	const struct zone_node *node = (const struct zone_node *)qp_get(*root, rr->owner);
	enum node_role role = role_of(s, rr->owner);
	uint8_t record[2 + RDATA_MAX];
	const struct node_hash *hash;
	struct node_hash room;
	struct spot spot;
	enum err err;
	bool there;

	find_spot(node, rr, &spot);
	there = spot.at != spot.after;
	if (changed != NULL)
		*changed = !there || spot.set.ttl != rr->ttl;
	if (there && spot.set.ttl == rr->ttl)
		return ERR_OK;
	spot.set.ttl = rr->ttl;
	hash = prepare_hash(v, root, node, rr, role, &room);
	if (there) {
		spot.after = spot.at;		/* all stays, but the TTL */
		return put(t, root, edited(node, zone_node_owner(node), role, hash, &spot, NULL, 0));
	}
	if (spot.set.count == UINT16_MAX)
		return ERR_RANGE;
	spot.set.count++;
	record[0] = (uint8_t)(rr->rdlen >> 8);
	record[1] = (uint8_t)rr->rdlen;
	if (rr->rdlen > 0)
		memcpy(record + 2, rr->rdata, rr->rdlen);
	if (node == NULL && role == NODE_INSIDE && root == &t->root &&
	    (err = put_empty_nonterminals(s, v, rr->owner)) != ERR_OK)
		return err;
	/* An empty non-terminal got its letter case from a name below it; now it has its own. */
	err = put(t, root, edited(node, node != NULL && node->leaf.count > 0 ? zone_node_owner(node) : rr->owner, role,
	    hash, &spot, record, 2u + rr->rdlen));
	if (err == ERR_OK)
		v->rr_count++;
	return err;
}

enum err
zone_store_add_least(struct zone_store *s, const struct rr *rr)
{
	const struct qp_txn *t = &open_version(s)->qp.t;
	const struct qp_leaf *leaf = qp_get(is_hashed(s, rr) ? t->side : t->root, rr->owner);
	struct rr least = *rr;
	struct zone_rrset set;

	if (leaf != NULL && zone_node_rrset_of((const struct zone_node *)leaf, rr, &set) && set.ttl < rr->ttl)
		least.ttl = set.ttl;
	return zone_store_add(s, &least, NULL);
}

/* A name lost its last RRset: it goes, or stays as empty non-terminal; so do those above it that were there only
 * for its sake. */
static enum err
remove_name(const struct zone_store *s, struct zone_version *v, const uint8_t *name, enum node_role role)
{
	unsigned labels = dname_labels(name);
	struct qp_txn *t = &v->qp.t;
	enum err err;

	if (role != NODE_OUTSIDE && qp_has_below(t->root, name))
		return put(t, &t->root, empty_node(v, name, role));
	if ((err = qp_remove(t, &t->root, name)) != ERR_OK || role == NODE_OUTSIDE)
		return err;
	for (; labels > s->apex_labels; labels--) {
		const struct qp_leaf *above;

		name = dname_parent(name);
		above = qp_get(t->root, name);
		if (above == NULL || above->count > 0 || qp_has_below(t->root, name))
			break;
		if ((err = qp_remove(t, &t->root, name)) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err
zone_store_remove(struct zone_store *s, const struct rr *rr, bool *changed)
{
	struct zone_version *v = open_version(s);
	struct qp_txn *t = &v->qp.t;
	qp_word *root = is_hashed(s, rr) ? &t->side : &t->root;
	const struct zone_node *node = (const struct zone_node *)qp_get(*root, rr->owner);
	enum node_role role = role_of(s, rr->owner);
	const struct node_hash *hash;
	struct node_hash room;
	struct spot spot;
	enum err err;

	find_spot(node, rr, &spot);
	if (changed != NULL)
		*changed = spot.at != spot.after;
	if (spot.at == spot.after)
		return ERR_OK;
	spot.set.count--;
	hash = prepare_hash(v, root, node, rr, role, &room);
	if (spot.set.count == 0 && node->leaf.count == 1) {
		struct dname owner;

		dname_copy(&owner, zone_node_owner(node));	/* the node may go before its name was used */
		err = root == &t->side ? qp_remove(t, root, owner.octets) : remove_name(s, v, owner.octets, role);
	} else
		err = put(t, root, edited(node, zone_node_owner(node), role, hash, &spot, NULL, 0));
	if (err == ERR_OK)
		v->rr_count--;
	return err;
}

static unsigned
common_labels(const uint8_t *a, const uint8_t *b)
{
	unsigned na = dname_labels(a), nb = dname_labels(b);

	for (; na > nb; na--)
		a = dname_parent(a);
	for (; nb > na; nb--)
		b = dname_parent(b);
	for (; !dname_equal(a, b); na--) {
		a = dname_parent(a);
		b = dname_parent(b);
	}
	return na;
}

static enum err
build_add(struct qp_build *b, struct zone_node *node)
{
	enum err err;

	if (node == NULL)
		return ERR_NOMEM;
	if ((err = qp_build_add(b, &node->leaf)) != ERR_OK)
		free(node);
	return err;
}

/* The empty non-terminals between last (may be NULL) and name, its successor in canonical order: whichever
 * ancestor of name is not last, nor above it, has not come yet and so has no RRs. */
static enum err
build_empty_nonterminals(const struct zone_store *s, struct qp_build *b, const uint8_t *last, const uint8_t *name)
{
	const struct zone_version *v = open_version(s);
	unsigned labels = dname_labels(name), from = s->apex_labels;
	enum err err;

	if (last != NULL && role_of(s, last) != NODE_OUTSIDE)
		from = common_labels(last, name) + 1;
	for (unsigned k = from; k < labels; k++) {
		err = build_add(b, empty_node(v, dname_skip(name, labels - k),
		    k == s->apex_labels ? NODE_APEX : NODE_INSIDE));
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

struct building {			/* of the RRs [start, end), none of whose owners has others */
	const struct zone_store *store;
	const struct rr_list *sorted;
	size_t start, end;
	struct qp_build *tree, *side;
	uint64_t number;
	const uint8_t *last;		/* owner in the tree */
	size_t rr_count;
	qp_word root, side_root;
	enum err err;
};

/* The RRs of one owner, all for the tree or all for the side. */
static enum err
build_owner(struct building *b, const struct rr *v, size_t n, bool hashed)
{
	enum node_role role = role_of(b->store, v->owner);
	const struct node_hash *hash = NULL;
	struct zone_node *node;
	struct node_hash room;
	enum err err = ERR_OK;

	if (hashed && b->side == NULL)
		err = qp_build_new(b->number, &b->side);
	else if (role == NODE_INSIDE && !hashed)
		err = build_empty_nonterminals(b->store, b->tree, b->last, v->owner);
	if (!hashed)
		hash = hash_of(open_version(b->store), NULL, v->owner, role, &room);
	if (err == ERR_OK)
		err = zone_node_from(v, n, role, hash, &node, &b->rr_count);
	if (err == ERR_OK)
		err = build_add(hashed ? b->side : b->tree, node);
	if (!hashed)
		b->last = v->owner;
	return err;
}

/* An owner that has some of both: rare, since it takes a name that equals a hash. */
static enum err
build_mixed(struct building *b, const struct rr *v, size_t n)
{
	struct rr *sorted = malloc(n * sizeof *sorted);
	size_t nhashed = 0, nothers = 0;
	enum err err;

	if (sorted == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_hashed(b->store, &v[i]))
			sorted[nhashed++] = v[i];
	for (size_t i = 0; i < n; i++)
		if (!is_hashed(b->store, &v[i]))
			sorted[nhashed + nothers++] = v[i];
	err = build_owner(b, sorted, nhashed, true);
	if (err == ERR_OK)
		err = build_owner(b, sorted + nhashed, nothers, false);
	free(sorted);
	return err;
}

static enum err
build_owners(struct building *b)
{
	const struct rr *v = b->sorted->v;
	enum err err = ERR_OK;

	for (size_t i = b->start, end; err == ERR_OK && i < b->end; i = end) {
		size_t nhashed = is_hashed(b->store, &v[i]);

		for (end = i + 1; end < b->end && dname_equal(v[end].owner, v[i].owner); end++)
			nhashed += is_hashed(b->store, &v[end]);
		if (nhashed == 0 || nhashed == end - i)
			err = build_owner(b, v + i, end - i, nhashed > 0);
		else
			err = build_mixed(b, v + i, end - i);
	}
	return err;
}

static void
build(void *ctx, size_t i)
{
	struct building *b = (struct building *)ctx + i;

	for (size_t k = b->start; k > 0 && b->last == NULL; k--)
		if (!is_hashed(b->store, &b->sorted->v[k - 1]))
			b->last = b->sorted->v[k - 1].owner;
	if ((b->err = qp_build_new(b->number, &b->tree)) == ERR_OK)
		b->err = build_owners(b);
	if (b->err == ERR_OK && (b->err = qp_build_end(b->tree, &b->root)) == ERR_OK)
		b->tree = NULL;
	if (b->err == ERR_OK && b->side != NULL && (b->err = qp_build_end(b->side, &b->side_root)) == ERR_OK)
		b->side = NULL;
	qp_build_free(b->tree);
	qp_build_free(b->side);
}

/* Begin each piece with a new owner. */
static void
cut_pieces(struct building *v, size_t n, const struct zone_store *s, uint64_t number, const struct rr_list *sorted)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct building){ .store = s, .sorted = sorted, .number = number, .start = at };
		if (at < sorted->n / n * (i + 1))
			at = sorted->n / n * (i + 1);
		while (at > 0 && at < sorted->n && dname_equal(sorted->v[at].owner, sorted->v[at - 1].owner))
			at++;
		v[i].end = at = i + 1 == n ? sorted->n : at;
	}
}

/* What the pieces built, in one; on failure nothing is left of it. */
static enum err
join_pieces(struct zone_version *v, struct building *pieces, size_t n)
{
	struct qp_txn *t = &v->qp.t;
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && i < n; i++)
		err = pieces[i].err;
	for (size_t i = 0; i < n; i++) {
		struct building *p = &pieces[i];

		if (err == ERR_OK && (err = qp_join(t->number, t->root, p->root, &t->root)) == ERR_OK)
			p->root = 0;
		if (err == ERR_OK && (err = qp_join(t->number, t->side, p->side_root, &t->side)) == ERR_OK)
			p->side_root = 0;
		v->rr_count += p->rr_count;
		qp_free_all(p->root);
		qp_free_all(p->side_root);
	}
	return err;
}

/* May the chain of this NSEC3PARAM be used (RFC 5155, section 7.3)? */
static bool
may_use(const uint8_t *rdata, struct nsec3_params *p)
{
	nsec3_params_read(rdata, p);
	return p->algorithm == NSEC3_SHA1 && p->flags == 0;
}

/* Will there be a chain of NSEC3?  Then all names are hashed as they come. */
static void
prepare_hashes(const struct zone_store *s, struct zone_version *v, const struct rr_list *sorted)
{
	const struct rr *rr = rr_list_soa(sorted, s->apex), *end = sorted->v + sorted->n;

	for (; rr != NULL && rr < end && rr->type <= TYPE_NSEC3PARAM && dname_equal(rr->owner, s->apex); rr++) {
		if (rr->type != TYPE_NSEC3PARAM || !may_use(rr->rdata, &v->nsec3))
			continue;
		v->keeps_hashes = v->nsec3.iterations <= KEPT_ITERATIONS_MAX;
		v->hash_number++;
		return;
	}
}

enum err
zone_store_fill_by(struct zone_store *s, const struct rr_list *sorted, unsigned threads)
{
	struct zone_version *v = open_version(s);
	struct building pieces[FILL_PIECES_MAX];
	size_t n = threads < FILL_PIECES_MAX ? threads : FILL_PIECES_MAX;

	assert(v->qp.t.root == 0 && v->qp.t.side == 0);
	prepare_hashes(s, v, sorted);
	cut_pieces(pieces, n, s, v->qp.t.number, sorted);
	parallel_run((unsigned)n, n, build, pieces);
	return join_pieces(v, pieces, n);
}

enum err
zone_store_fill(struct zone_store *s, const struct rr_list *sorted)
{
	return zone_store_fill_by(s, sorted, sorted->n < FILL_WHOLE ? 1 : parallel_cpus());
}

/* The first NSEC3 chain that may be used, and that is there. */
static void
choose_nsec3(struct zone_version *v)
{
	const uint8_t *at = NULL, *rdata;
	struct zone_rrset set;
	uint16_t n;

	if (v->qp.t.side == 0 || !zone_node_rrset(v->apex, TYPE_NSEC3PARAM, &set))
		return;
	while (zone_rrset_next(&set, &at, &rdata, &n)) {
		if (!may_use(rdata, &v->nsec3))
			continue;
		v->denial = v->nsec3.iterations > NSEC3_ITERATIONS_MAX ? ZONE_DENIAL_NSEC3_COSTLY : ZONE_DENIAL_NSEC3;
		return;
	}
}

/* Names that were hashed with other parameters, or may have been, are known by an older number. */
static void
number_hashes(struct zone_version *v)
{
	bool keeps = v->denial == ZONE_DENIAL_NSEC3 && v->nsec3.iterations <= KEPT_ITERATIONS_MAX;

	if (keeps && !v->keeps_hashes)
		v->hash_number++;
	v->keeps_hashes = keeps;
}

enum err
zone_store_seal(struct zone_store *s, struct zone_version **out)
{
	struct zone_version *v = open_version(s);
	struct zone_rrset set;

	v->apex = (const struct zone_node *)qp_get(v->qp.t.root, s->apex);
	zone_version_prepare_negative(v);
	if (v->apex != NULL) {
		v->is_signed = zone_node_rrset(v->apex, TYPE_DNSKEY, &set);
		v->denial = zone_node_rrset(v->apex, TYPE_NSEC, &set) ? ZONE_DENIAL_NSEC : ZONE_DENIAL_NONE;
		choose_nsec3(v);
		zone_version_prepare_nsec3(v);
	}
	number_hashes(v);
	zone_version_prepare_ready(v);
	qp_store_seal(&s->qp);
	if (out != NULL)
		*out = v;
	return ERR_OK;
}

void
zone_store_abort(struct zone_store *s)
{
	qp_store_abort(&s->qp);
}

struct zone_version *
zone_store_newest(const struct zone_store *s)
{
	return (struct zone_version *)s->qp.newest;
}

void
zone_store_publish(struct zone_store *s)
{
	qp_store_publish(&s->qp);
}

void
zone_store_set_expiry(struct zone_store *s, int64_t at_s)
{
	uint32_t low = (uint32_t)at_s;

	atomic_store_explicit(&s->expires_s, at_s != 0 && low == 0 ? 1 : low, memory_order_relaxed);
}

/* Serial number arithmetic, so it goes on in 2106. */
bool
zone_store_expiry(const struct zone_store *s, int64_t now_s, uint32_t *left_s)
{
	uint32_t at_s = atomic_load_explicit(&s->expires_s, memory_order_relaxed);
	int32_t left = (int32_t)(at_s - (uint32_t)now_s);

	*left_s = left < 0 ? 0 : (uint32_t)left;
	return at_s != 0;
}

bool
zone_store_reclaim(struct zone_store *s)
{
	return qp_store_reclaim(&s->qp);
}

struct zone_version *
zone_store_current(const struct zone_store *s)
{
	return (struct zone_version *)qp_store_current(&s->qp);
}

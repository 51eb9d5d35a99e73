#include "zones/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/store_internal.h"

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

enum err
zone_store_begin(struct zone_store *s)
{
	struct zone_version *v;
	const struct zone_version *from = zone_store_newest(s);
	enum err err = qp_store_begin(&s->qp);

	if (err != ERR_OK)
		return err;
	v = store_open_version(s);
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

const struct node_hash *
store_node_hash(const struct zone_version *v, const struct zone_node *old, const uint8_t *owner, enum node_role role,
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

struct zone_node *
store_empty_node(const struct zone_version *v, const uint8_t *owner, enum node_role role)
{
	struct node_hash hash;

	return zone_node_empty(owner, role, store_node_hash(v, NULL, owner, role, &hash));
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
		if ((err = put(t, &t->root, store_empty_node(v, name, role))) != ERR_OK)
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
	return root == &v->qp.t.side ? NULL : store_node_hash(v, node, rr->owner, role, room);
}

enum err
zone_store_add(struct zone_store *s, const struct rr *rr, bool *changed)
{
	struct zone_version *v = store_open_version(s);
	struct qp_txn *t = &v->qp.t;
	qp_word *root = store_is_hashed(s, rr) ? &t->side : &t->root;
	const struct zone_node *node = (const struct zone_node *)qp_get(*root, rr->owner);
	enum node_role role = store_role(s, rr->owner);
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
	const struct qp_txn *t = &store_open_version(s)->qp.t;
	const struct qp_leaf *leaf = qp_get(store_is_hashed(s, rr) ? t->side : t->root, rr->owner);
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
		return put(t, &t->root, store_empty_node(v, name, role));
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
	struct zone_version *v = store_open_version(s);
	struct qp_txn *t = &v->qp.t;
	qp_word *root = store_is_hashed(s, rr) ? &t->side : &t->root;
	const struct zone_node *node = (const struct zone_node *)qp_get(*root, rr->owner);
	enum node_role role = store_role(s, rr->owner);
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
		if (!store_may_use_nsec3(rdata, &v->nsec3))
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
	struct zone_version *v = store_open_version(s);
	struct zone_negative negative;
	struct zone_rrset set;
	enum err err;

	v->apex = (const struct zone_node *)qp_get(v->qp.t.root, s->apex);
	if (zone_version_negative(v, &negative))
		v->serial = negative.serial;
	if (v->apex != NULL) {
		v->is_signed = zone_node_rrset(v->apex, TYPE_DNSKEY, &set);
		v->denial = zone_node_rrset(v->apex, TYPE_NSEC, &set) ? ZONE_DENIAL_NSEC : ZONE_DENIAL_NONE;
		choose_nsec3(v);
		zone_version_prepare_nsec3(v);
	}
	number_hashes(v);
	if ((err = zone_version_prepare_ready(v)) != ERR_OK)
		return err;
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

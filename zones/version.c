#include "zones/version.h"

#include <string.h>

#include "wire/rrtype.h"
#include "zones/nodeview.h"
#include "zones/qpbranch.h"
#include "zones/versionpriv.h"

#define NSEC_STEPS_MAX 4096

static const struct zone_node *
as_node(const struct qp_leaf *leaf)
{
	return (const struct zone_node *)leaf;
}

const uint8_t *
zone_version_apex_name(const struct zone_version *v)
{
	return zone_version_store(v)->apex;
}

size_t
zone_version_apex_len(const struct zone_version *v)
{
	return v->apex_len;
}

unsigned
zone_version_apex_labels(const struct zone_version *v)
{
	return v->apex_labels;
}

const uint8_t *
zone_version_apex_owner(const struct zone_version *v)
{
	return v->apex == NULL ? NULL : qp_leaf_name(&v->apex->leaf);
}

const struct zone_node *
zone_version_apex(const struct zone_version *v)
{
	return v->apex;
}

uint32_t
zone_version_serial(const struct zone_version *v)
{
	return v->serial;
}

size_t
zone_version_rr_count(const struct zone_version *v)
{
	return v->rr_count;
}

bool
zone_version_is_signed(const struct zone_version *v)
{
	return v->is_signed;
}

enum zone_denial
zone_version_denial(const struct zone_version *v)
{
	return v->denial;
}

bool
zone_version_has_below(const struct zone_version *v, const uint8_t *name)
{
	return qp_has_below(v->qp.t.root, name);
}

const struct zone_node *
zone_version_find(const struct zone_version *v, const uint8_t *name)
{
	return as_node(qp_get(v->qp.t.root, name));
}

const struct zone_node *
zone_version_find_key(const struct zone_version *v, const struct qp_key *key)
{
	return as_node(qp_get_key(v->qp.t.root, key));
}

const struct zone_node *
zone_version_find_hashed(const struct zone_version *v, const uint8_t *name)
{
	return as_node(qp_get(v->qp.t.side, name));
}

bool
zone_version_rrset_of(const struct zone_version *v, const struct rr *rr, struct zone_rrset *out)
{
	const struct zone_node *node = zone_version_find(v, rr->owner);

	if (node != NULL && zone_node_rrset_of(node, rr, out))
		return true;
	node = zone_version_find_hashed(v, rr->owner);
	return node != NULL && zone_node_rrset_of(node, rr, out);
}

/* One ancestor of qname, from the top: what does it mean for the names below it?  Below a cut there is no
 * authority, and below a DNAME there is nothing: the highest of them decides. */
static void
note_ancestor(struct zone_lookup *out, qp_word word)
{
	const struct zone_node *node = as_node(qp_word_leaf(word));

	out->encloser = node;
	if (!qp_word_mark(word) || out->cut != NULL || out->dname != NULL)
		return;
	if (node->leaf.flags & ZONE_NODE_CUT)
		out->cut = node;
	else
		out->dname = node;
}

void
zone_version_lookup(const struct zone_version *v, const uint8_t *qname, struct zone_lookup *out)
{
	struct qp_key key;

	qp_key_init(&key, qname);
	zone_version_lookup_key(v, &key, out);
}

void
zone_version_lookup_key(const struct zone_version *v, const struct qp_key *key, struct zone_lookup *out)
{
	struct qp_descent d;

	qp_descend(v->qp.t.root, key, &d);
	zone_version_conclude(v, key, &d, out);
}

bool
zone_version_conclude(const struct zone_version *v, const struct qp_key *key, const struct qp_descent *d,
    struct zone_lookup *out)
{
	unsigned apex_labels = v->apex_labels, low, high;
	const struct zone_node *dname = NULL;	/* as it was above the encloser */
	const struct qp_branch *branch = NULL;

	*out = (struct zone_lookup){ 0 };
	/* Glue from outside shares nothing with names of the zone that the apex does not share, too. */
	if (d->nearest == NULL || d->common < apex_labels || v->apex == NULL ||
	    (as_node(d->nearest)->leaf.flags & ZONE_NODE_OUTSIDE) != 0)
		return false;			/* not in this zone */
	low = key->label_at[apex_labels];
	high = key->label_at[d->common];
	for (unsigned i = 0; i < d->nabove && d->above[i].at <= high; i++) {
		if (d->above[i].at < low)
			continue;		/* glue that lies above the zone */
		dname = out->dname;
		note_ancestor(out, d->above[i].word);
		branch = d->above[i].branch;
	}
	/* The nearest may be qname, or an ancestor with nothing below it, which no branch has shown. */
	if (d->nearest_labels == d->common && out->encloser != as_node(d->nearest)) {
		dname = out->dname;
		note_ancestor(out, qp_leaf_word(d->nearest));
		branch = NULL;
	}
	if (d->exact) {
		out->node = out->encloser;
		out->is_alias = (out->node->leaf.flags & ZONE_NODE_CNAME) != 0;
		out->dname = dname;	/* a DNAME does not speak of its own owner: RFC 6672, section 2.3 */
		return true;
	}
	if (branch != NULL)
		out->wildcard = as_node(qp_wildcard(branch, out->encloser->leaf.name_len));
	out->is_alias = out->wildcard != NULL && (out->wildcard->leaf.flags & ZONE_NODE_CNAME) != 0;
	out->labels = (uint8_t)d->common;
	out->below = branch;
	out->parting = d->parting;
	return true;
}

const struct zone_node *
zone_version_find_below(const struct zone_version *v, const struct zone_lookup *found, const struct qp_key *key)
{
	if (found->node != NULL)
		return zone_version_find_key(v, key);
	if (key->n == zone_node_owner_len(found->encloser))
		return found->encloser;
	return as_node(qp_get_key((qp_word)found->below, key));
}

void
zone_walk_start(struct zone_walk *w, const struct zone_version *v)
{
	const uint8_t *apex = zone_version_apex_name(v);

	w->version = v;
	w->last = NULL;
	w->phase = ZONE_WALK_OUTSIDE_FIRST;	/* nothing in the zone: glue at most */
	if (qp_seek(&w->cursor, v->qp.t.root, apex) == NULL)
		return;
	w->phase = ZONE_WALK_APEX;
	w->last = qp_last_below(&w->cursor);
	qp_seek(&w->cursor, v->qp.t.root, apex);
}

const struct zone_node *
zone_walk_next(struct zone_walk *w)
{
	const struct qp_leaf *leaf = NULL;

	switch (w->phase) {
	case ZONE_WALK_APEX:
		w->phase = ZONE_WALK_INSIDE;
		return as_node(w->cursor.leaf);
	case ZONE_WALK_INSIDE:
		if (w->cursor.leaf != w->last)
			return as_node(qp_next(&w->cursor));
		/* fall through */
	case ZONE_WALK_OUTSIDE_FIRST:
		w->phase = ZONE_WALK_OUTSIDE;
		leaf = qp_first(&w->cursor, w->version->qp.t.root);
		break;
	case ZONE_WALK_OUTSIDE:
	case ZONE_WALK_HASHED:
		leaf = qp_next(&w->cursor);
		break;
	}
	if (leaf != NULL && leaf == (const struct qp_leaf *)w->version->apex) {
		qp_last_below(&w->cursor);
		leaf = qp_next(&w->cursor);
	}
	if (leaf == NULL && w->phase != ZONE_WALK_HASHED) {
		w->phase = ZONE_WALK_HASHED;
		leaf = qp_first(&w->cursor, w->version->qp.t.side);
	}
	return as_node(leaf);
}

const struct zone_node *
zone_version_predecessor(const struct zone_version *v, const uint8_t *name)
{
	struct qp_cursor c;
	const struct qp_leaf *leaf;

	if (v->apex == NULL || !dname_is_below(name, zone_version_apex_name(v)))
		return NULL;
	leaf = qp_seek(&c, v->qp.t.root, name);
	if (leaf == NULL)
		return as_node(c.leaf);
	return as_node(leaf == (const struct qp_leaf *)v->apex ? qp_last_below(&c) : qp_prev(&c));
}

static const struct zone_node *
find_nsec(const struct zone_version *v, const struct qp_key *key)
{
	const struct qp_leaf *leaf;
	struct qp_cursor c;

	/* Empty non-terminals have none, nor has glue: a few steps.  A chain with holes wide enough for more is
	 * none. */
	if ((leaf = qp_seek_key(&c, v->qp.t.root, key)) == NULL)
		leaf = c.leaf;
	for (unsigned i = 0; leaf != NULL && i < NSEC_STEPS_MAX; i++, leaf = qp_prev(&c))
		if (leaf->flags & ZONE_NODE_NSEC)
			return as_node(leaf);
	return NULL;
}

const struct zone_node *
zone_version_nsec(const struct zone_version *v, const uint8_t *name)
{
	struct qp_key key;

	qp_key_init(&key, name);
	return find_nsec(v, &key);
}

const struct zone_node *
zone_version_nsec_found(const struct zone_version *v, const struct qp_key *key, const struct zone_lookup *found)
{
	const struct qp_leaf *leaf = &found->encloser->leaf;

	/* What comes before the name is the encloser, or below that. */
	if (found->below != NULL)
		leaf = qp_before(found->below, key, found->labels, found->parting);
	return (leaf->flags & ZONE_NODE_NSEC) != 0 ? as_node(leaf) : find_nsec(v, key);
}

const struct zone_node *
zone_version_nsec_wildcard(const struct zone_version *v, const struct zone_lookup *found)
{
	const struct zone_node *encloser = found->encloser;
	struct dname wildcard;

	/* No name comes between the encloser and its wildcard, unless it begins with one of the octets before '*'. */
	if ((encloser->leaf.flags & ZONE_NODE_NSEC) != 0 &&
	    (found->below == NULL || !qp_has(found->below, QP_STAR - 1)))
		return encloser;
	if (!dname_join(&wildcard, (const uint8_t *)"\1*", 1, zone_node_owner(encloser)))
		return NULL;
	return zone_version_nsec(v, wildcard.octets);
}

/* Does the node belong to the chain that is used?  There may be several for a while (RFC 5155, section 10.4). */
static bool
is_of_chain(const struct zone_version *v, const struct qp_leaf *leaf)
{
	struct nsec3_params params;
	struct zone_rrset set;

	if (!node_rrset(as_node(leaf), TYPE_NSEC3, &set))
		return false;
	nsec3_params_read(set.records + 2, &params);
	return nsec3_params_equal(&params, &v->nsec3);
}

/* The last leaf of the chain at or before the name with this label; before the first comes the last. */
static const struct zone_node *
find_in_chain(const struct zone_version *v, const uint8_t label[NSEC3_LABEL])
{
	const struct zone_store *store = zone_version_store(v);
	const struct qp_leaf *leaf;
	struct qp_cursor c;
	struct dname owner;

	owner.octets[0] = NSEC3_LABEL;
	memcpy(owner.octets + 1, label, NSEC3_LABEL);
	memcpy(owner.octets + 1 + NSEC3_LABEL, store->apex, store->apex_len);
	if ((leaf = qp_seek(&c, v->qp.t.side, owner.octets)) == NULL)
		leaf = c.leaf;
	for (unsigned i = 0; i < NSEC_STEPS_MAX; i++, leaf = qp_prev(&c)) {
		if (leaf == NULL)
			leaf = qp_last(&c, v->qp.t.side);
		if (leaf == NULL || is_of_chain(v, leaf))
			return as_node(leaf);
	}
	return NULL;
}

static const struct zone_node *
find_hash(const struct zone_version *v, const uint8_t hash[NSEC3_HASH], bool *match)
{
	uint8_t label[NSEC3_LABEL];
	const struct qp_leaf *leaf;

	*match = false;
	if (1 + NSEC3_LABEL + v->apex_len > DNAME_MAX)
		return NULL;
	nsec3_label(hash, label);
	leaf = qp_label_at_or_before(v->qp.t.side, label, NSEC3_LABEL, v->apex_len, match);
	if (leaf != NULL && is_of_chain(v, leaf))
		return as_node(leaf);
	*match = false;
	return find_in_chain(v, label);
}

static const struct zone_node *
find_nsec3(const struct zone_version *v, const uint8_t *name, size_t n, bool *match)
{
	uint8_t hash[NSEC3_HASH];

	nsec3_hash(&v->nsec3, name, n, hash);
	return find_hash(v, hash, match);
}

void
zone_version_prepare_nsec3(struct zone_version *v)
{
	const uint8_t *apex = zone_version_apex_name(v);
	struct dname wildcard;

	if (v->denial != ZONE_DENIAL_NSEC3)
		return;
	v->known_nsec3[OF_APEX] = find_nsec3(v, apex, v->apex_len, &v->known_match[OF_APEX]);
	v->known_nsec3[OF_WILDCARD] = NULL;
	v->known_match[OF_WILDCARD] = false;
	if (dname_join(&wildcard, (const uint8_t *)"\1*", 1, apex))
		v->known_nsec3[OF_WILDCARD] = find_nsec3(v, wildcard.octets, v->apex_len + 2u,
		    &v->known_match[OF_WILDCARD]);
}

/* name, of n octets, is the apex or its wildcard.  False: neither. */
static bool
find_known(const struct zone_version *v, const uint8_t *name, size_t n, const struct zone_node **node, bool *match)
{
	size_t apex_len = zone_version_apex_len(v);
	int of = n == apex_len ? OF_APEX : OF_WILDCARD;

	if (of == OF_WILDCARD && (n != apex_len + 2 || !dname_is_wildcard(name)))
		return false;
	*node = v->known_nsec3[of];
	*match = v->known_match[of];
	return true;
}

const struct zone_node *
zone_version_nsec3(const struct zone_version *v, const uint8_t *name, size_t name_len, bool *match)
{
	const struct zone_node *node;

	return find_known(v, name, name_len, &node, match) ? node : find_nsec3(v, name, name_len, match);
}

const struct zone_node *
zone_version_nsec3_of(const struct zone_version *v, const struct zone_node *node, bool *match)
{
	const struct node_hash *hash = zone_node_hash(node);
	const struct zone_node *known;

	if (find_known(v, zone_node_owner(node), node->leaf.name_len, &known, match))
		return known;
	if (v->keeps_hashes && hash != NULL && hash->number == v->hash_number)
		return find_hash(v, hash->octets, match);
	return find_nsec3(v, zone_node_owner(node), node->leaf.name_len, match);
}

const struct zone_node *
zone_version_nsec3_wildcard(const struct zone_version *v, const struct zone_node *node)
{
	struct dname wildcard;
	bool match;

	if (node == v->apex)
		return v->known_nsec3[OF_WILDCARD];
	if (!dname_join(&wildcard, (const uint8_t *)"\1*", 1, zone_node_owner(node)))
		return NULL;
	return find_nsec3(v, wildcard.octets, node->leaf.name_len + 2u, &match);
}

const struct zone_node *
zone_version_any_nsec3(const struct zone_version *v)
{
	struct qp_cursor c;

	return as_node(qp_first(&c, v->qp.t.side));
}

struct zone_version *
zone_version_ref(struct zone_version *v)
{
	qp_version_ref(&v->qp);
	return v;
}

void
zone_version_unref(struct zone_version *v)
{
	if (v != NULL)
		qp_version_unref(&v->qp);
}

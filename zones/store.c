#include "zones/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/versionpriv.h"

static void
store_memory_free(struct qp_store *s)
{
	free((struct zone_store *)s);
}

enum err
zone_store_new(const uint8_t *apex, struct zone_store **out)
{
	struct zone_store *s = calloc(1, sizeof *s);

	if (s == NULL)
		return ERR_NOMEM;
	qp_store_init(&s->qp, sizeof(struct zone_version), store_memory_free);
	s->apex_labels = dname_labels(apex);
	memcpy(s->apex, apex, dname_len(apex));
	*out = s;
	return ERR_OK;
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
	enum err err = qp_store_begin(&s->qp);

	if (err == ERR_OK && s->qp.newest != NULL)
		open_version(s)->rr_count = zone_store_newest(s)->rr_count;
	return err;
}

static enum node_role
role_of(const struct zone_store *s, const uint8_t *owner)
{
	unsigned labels = dname_labels(owner);

	if (labels < s->apex_labels || !dname_equal(dname_skip(owner, labels - s->apex_labels), s->apex))
		return NODE_OUTSIDE;
	return labels == s->apex_labels ? NODE_APEX : NODE_INSIDE;
}

static enum err
put(struct qp_txn *t, struct zone_node *node)
{
	enum err err;

	if (node == NULL)
		return ERR_NOMEM;
	if ((err = qp_put(t, &node->leaf)) != ERR_OK)
		free(node);
	return err;
}

/* The ancestors of a name that is new, up to the apex or the first that is there. */
static enum err
put_empty_nonterminals(const struct zone_store *s, struct qp_txn *t, const uint8_t *name)
{
	for (unsigned labels = dname_labels(name); labels > s->apex_labels; labels--) {
		enum node_role role = labels - 1 == s->apex_labels ? NODE_APEX : NODE_INSIDE;
		enum err err;

		name = dname_parent(name);
		if (qp_get(t->root, name) != NULL)
			break;
		if ((err = put(t, zone_node_empty(name, role))) != ERR_OK)
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
edited(const struct zone_node *node, const uint8_t *owner, enum node_role role, const struct spot *spot,
    const uint8_t *octets, size_t n)
{
	const struct zone_rrset *set = &spot->set;
	struct node_run runs[3] = { { NULL, 0 }, { octets, n }, { NULL, 0 } };

	if (spot->at != NULL) {
		runs[0] = (struct node_run){ set->records, (size_t)(spot->at - set->records) };
		runs[2] = (struct node_run){ spot->after, (size_t)(set->records + set->size - spot->after) };
	}
	return zone_node_edit(node, owner, role, set, runs);
}

enum err
zone_store_add(struct zone_store *s, const struct rr *rr, bool *changed)
{
	struct zone_version *v = open_version(s);
	struct qp_txn *t = &v->qp.t;
	const struct zone_node *node = (const struct zone_node *)qp_get(t->root, rr->owner);
	enum node_role role = role_of(s, rr->owner);
	uint8_t record[2 + RDATA_MAX];
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
	if (there) {
		spot.after = spot.at;		/* all stays, but the TTL */
		return put(t, edited(node, zone_node_owner(node), role, &spot, NULL, 0));
	}
	if (spot.set.count == UINT16_MAX)
		return ERR_RANGE;
	spot.set.count++;
	record[0] = (uint8_t)(rr->rdlen >> 8);
	record[1] = (uint8_t)rr->rdlen;
	if (rr->rdlen > 0)
		memcpy(record + 2, rr->rdata, rr->rdlen);
	if (node == NULL && role == NODE_INSIDE && (err = put_empty_nonterminals(s, t, rr->owner)) != ERR_OK)
		return err;
	/* An empty non-terminal got its letter case from a name below it; now it has its own. */
	err = put(t, edited(node, node != NULL && node->leaf.count > 0 ? zone_node_owner(node) : rr->owner, role,
	    &spot, record, 2u + rr->rdlen));
	if (err == ERR_OK)
		v->rr_count++;
	return err;
}

/* A name lost its last RRset: it goes, or stays as empty non-terminal; so do those above it that were there only
 * for its sake. */
static enum err
remove_name(const struct zone_store *s, struct qp_txn *t, const uint8_t *name, enum node_role role)
{
	unsigned labels = dname_labels(name);
	enum err err;

	if (role != NODE_OUTSIDE && qp_has_below(t->root, name))
		return put(t, zone_node_empty(name, role));
	if ((err = qp_remove(t, name)) != ERR_OK || role == NODE_OUTSIDE)
		return err;
	for (; labels > s->apex_labels; labels--) {
		const struct qp_leaf *above;

		name = dname_parent(name);
		above = qp_get(t->root, name);
		if (above == NULL || above->count > 0 || qp_has_below(t->root, name))
			break;
		if ((err = qp_remove(t, name)) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err
zone_store_remove(struct zone_store *s, const struct rr *rr, bool *changed)
{
	struct zone_version *v = open_version(s);
	struct qp_txn *t = &v->qp.t;
	const struct zone_node *node = (const struct zone_node *)qp_get(t->root, rr->owner);
	enum node_role role = role_of(s, rr->owner);
	struct spot spot;
	enum err err;

	find_spot(node, rr, &spot);
	if (changed != NULL)
		*changed = spot.at != spot.after;
	if (spot.at == spot.after)
		return ERR_OK;
	spot.set.count--;
	if (spot.set.count == 0 && node->leaf.count == 1) {
		struct dname owner;

		dname_copy(&owner, zone_node_owner(node));	/* the node may go before its name was used */
		err = remove_name(s, t, owner.octets, role);
	} else
		err = put(t, edited(node, zone_node_owner(node), role, &spot, NULL, 0));
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
	unsigned labels = dname_labels(name), from = s->apex_labels;
	enum err err;

	if (last != NULL && role_of(s, last) != NODE_OUTSIDE)
		from = common_labels(last, name) + 1;
	for (unsigned k = from; k < labels; k++) {
		err = build_add(b, zone_node_empty(dname_skip(name, labels - k),
		    k == s->apex_labels ? NODE_APEX : NODE_INSIDE));
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err
build(const struct zone_store *s, struct qp_build *b, const struct rr_list *sorted, size_t *rr_count)
{
	const uint8_t *last = NULL;
	size_t i, end;
	enum err err;

	for (i = 0; i < sorted->n; i = end) {
		const uint8_t *owner = sorted->v[i].owner;
		enum node_role role = role_of(s, owner);
		struct zone_node *node;

		for (end = i + 1; end < sorted->n; end++)
			if (sorted->v[end].owner != owner && !dname_equal(sorted->v[end].owner, owner))
				break;
		if (role == NODE_INSIDE && (err = build_empty_nonterminals(s, b, last, owner)) != ERR_OK)
			return err;
		if ((err = zone_node_from(sorted->v + i, end - i, role, &node, rr_count)) != ERR_OK ||
		    (err = build_add(b, node)) != ERR_OK)
			return err;
		last = owner;
	}
	return ERR_OK;
}

enum err
zone_store_fill(struct zone_store *s, const struct rr_list *sorted)
{
	struct zone_version *v = open_version(s);
	struct qp_build *b;
	enum err err;

	assert(v->qp.t.root == 0);
	if ((err = qp_build_new(v->qp.t.number, &b)) != ERR_OK)
		return err;
	if ((err = build(s, b, sorted, &v->rr_count)) != ERR_OK ||
	    (err = qp_build_end(b, &v->qp.t.root)) != ERR_OK)
		qp_build_free(b);
	return err;
}

enum err
zone_store_seal(struct zone_store *s, struct zone_version **out)
{
	struct zone_version *v = open_version(s);
	const uint8_t *at = NULL, *rdata;
	struct zone_rrset set;
	struct soa soa;
	uint16_t n;

	v->apex = (const struct zone_node *)qp_get(v->qp.t.root, s->apex);
	if (v->apex != NULL) {
		if (zone_node_rrset(v->apex, TYPE_SOA, &set) && zone_rrset_next(&set, &at, &rdata, &n)) {
			soa_read(rdata, n, &soa);
			v->serial = soa.serial;
		}
		v->is_signed = zone_node_rrset(v->apex, TYPE_DNSKEY, &set);
		v->denial = zone_node_rrset(v->apex, TYPE_NSEC, &set) ? ZONE_DENIAL_NSEC : ZONE_DENIAL_NONE;
	}
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

#include "zones/zoneset.h"

#include <stdlib.h>
#include <string.h>

#include "zones/qpbranch.h"
#include "zones/qpstore.h"
#include "zones/versionpriv.h"

struct zoneset {
	struct qp_store qp;
};

struct zone_entry {
	struct qp_leaf leaf;
	struct zone_store *store;
	uint8_t apex[];
};

static void
set_memory_free(struct qp_store *s)
{
	free((struct zoneset *)s);
}

enum err
zoneset_new(struct zoneset **out)
{
	struct zoneset *set = calloc(1, sizeof *set);

	if (set == NULL)
		return ERR_NOMEM;
	qp_store_init(&set->qp, sizeof(struct qp_version), set_memory_free);
	*out = set;
	return ERR_OK;
}

void
zoneset_free(struct zoneset *set)
{
	if (set != NULL)
		qp_store_drop(&set->qp);
}

/* What the writer sees: changes that are collected count already. */
static qp_word
writer_root(const struct zoneset *set)
{
	if (set->qp.open != NULL)
		return set->qp.open->t.root;
	return set->qp.newest == NULL ? 0 : set->qp.newest->t.root;
}

enum err
zoneset_begin(struct zoneset *set)
{
	return qp_store_begin(&set->qp);
}

void
zoneset_commit(struct zoneset *set)
{
	qp_store_seal(&set->qp);
	qp_store_publish(&set->qp);
}

/* One change, in a transaction of its own unless one is open.  A failed qp_put() or qp_remove() has changed nothing,
 * so an open transaction may go on after it. */
static enum err
change(struct zoneset *set, const uint8_t *apex, struct zone_entry *entry)
{
	bool own = set->qp.open == NULL;
	enum err err;

	if (own && (err = zoneset_begin(set)) != ERR_OK)
		return err;
	err = entry != NULL ? qp_put(&set->qp.open->t, &set->qp.open->t.root, &entry->leaf) :
	    qp_remove(&set->qp.open->t, &set->qp.open->t.root, apex);
	if (own && err == ERR_OK)
		zoneset_commit(set);
	else if (own)
		qp_store_abort(&set->qp);
	return err;
}

enum err
zoneset_add(struct zoneset *set, const uint8_t *apex, struct zone_store *store)
{
	size_t n = dname_len(apex);
	struct zone_entry *entry;
	enum err err;

	if (qp_get(writer_root(set), apex) != NULL)
		return ERR_EXISTS;
	if ((entry = malloc(sizeof *entry + n)) == NULL)
		return ERR_NOMEM;
	entry->leaf = (struct qp_leaf){ .name_at = offsetof(struct zone_entry, apex), .name_len = (uint8_t)n };
	entry->store = store;
	memcpy(entry->apex, apex, n);
	if ((err = change(set, apex, entry)) != ERR_OK)
		free(entry);
	return err;
}

enum err
zoneset_remove(struct zoneset *set, const uint8_t *apex)
{
	return qp_get(writer_root(set), apex) == NULL ? ERR_NOT_FOUND : change(set, apex, NULL);
}

static struct zone_store *
store_of(const struct qp_leaf *leaf)
{
	return ((const struct zone_entry *)leaf)->store;
}

struct zone_store *
zoneset_find(const struct zoneset *set, const uint8_t *qname, bool above)
{
	struct qp_key key;

	qp_key_init(&key, qname);
	return zoneset_find_key(set, &key, above);
}

/* What a descent along the key means: see zoneset_find(). */
static struct zone_store *
conclude(const struct qp_key *key, const struct qp_descent *d, bool above)
{
	unsigned i = d->nabove;

	if (d->nearest == NULL)
		return NULL;
	if (d->nearest_labels == d->common && !(above && d->common == key->labels))
		return store_of(d->nearest);	/* qname itself, or the closest there can be */
	while (i > 0 && d->above[i - 1].at > key->label_at[d->common])
		i--;
	return i == 0 ? NULL : store_of(qp_word_leaf(d->above[i - 1].word));
}

static qp_word
current_root(const struct zoneset *set)
{
	const struct qp_version *v = qp_store_current(&set->qp);

	return v == NULL ? 0 : v->t.root;
}

struct zone_store *
zoneset_find_key(const struct zoneset *set, const struct qp_key *key, bool above)
{
	struct qp_descent d;

	qp_descend(current_root(set), key, &d);
	return conclude(key, &d, above);
}

static struct zone_version *
current_version(const struct zone_store *store)
{
	return store == NULL ? NULL : zone_store_current(store);
}

/* The name is not in the zone that was tried, or there is more to know about it. */
static void
settle(struct zoneset_question *q, struct qp_errand *zones, struct qp_errand *names)
{
	if (q->zone != NULL) {
		qp_arrive(names);
		if (zone_version_conclude(q->zone, &q->key, &names->descent, &q->found))
			return;
	}
	qp_arrive(zones);
	q->zone = current_version(conclude(&q->key, &zones->descent, false));
	q->found.is_alias = false;
	if (q->zone != NULL)
		zone_version_lookup_key(q->zone, &q->key, &q->found);
}

/* Most likely an answer will want it. */
static void
prefetch_prepared(const struct zone_version *zone)
{
	__builtin_prefetch(zone->qp.attached);
	__builtin_prefetch((const uint8_t *)zone->qp.attached + CACHE_LINE);
}

/* The descent for the zone ends at the one whose apex shares most with the name.  If the name is below that apex then
 * it is the right one: one further down would have been nearer.  Most often a name of the zone tells so, the very
 * one or another, and the apex need not be looked at. */
void
zoneset_look_up(const struct zoneset *set, struct zoneset_question *const *v, unsigned n)
{
	struct qp_errand zones[ZONESET_TOGETHER], names[ZONESET_TOGETHER];
	unsigned others[ZONESET_TOGETHER], nothers = 0;
	qp_word root = current_root(set);

	for (unsigned i = 0; i < n; i++) {
		zones[i].at = root;
		zones[i].key = names[i].key = &v[i]->key;
	}
	qp_walk_all(zones, n);
	for (unsigned i = 0; i < n && root != 0; i++)
		__builtin_prefetch(store_of(qp_word_leaf(zones[i].at)));
	for (unsigned i = 0; i < n; i++) {
		v[i]->zone = current_version(root == 0 ? NULL : store_of(qp_word_leaf(zones[i].at)));
		__builtin_prefetch(v[i]->zone);
	}
	for (unsigned i = 0; i < n; i++) {
		names[i].at = v[i]->zone == NULL ? 0 : v[i]->zone->qp.t.root;
		__builtin_prefetch(qp_word_leaf(names[i].at));
	}
	qp_walk_all(names, n);
	for (unsigned i = 0; i < n; i++) {
		const struct zone_node *node = (const struct zone_node *)qp_word_leaf(names[i].at);

		if (qp_is_exact(&names[i]) && (node->leaf.flags & ZONE_NODE_OUTSIDE) == 0) {
			v[i]->found = (struct zone_lookup){ .node = node, .encloser = node,
				.is_alias = (node->leaf.flags & ZONE_NODE_CNAME) != 0 };
		} else {
			if (v[i]->zone != NULL)
				__builtin_prefetch(&v[i]->zone->apex_labels);
			others[nothers++] = i;
		}
	}
	for (unsigned i = 0; i < nothers; i++) {
		struct zoneset_question *q = v[others[i]];

		settle(q, &zones[others[i]], &names[others[i]]);
		if (q->zone != NULL && q->found.node == NULL)
			prefetch_prepared(q->zone);
	}
}

struct zone_store *
zoneset_exact(const struct zoneset *set, const uint8_t *apex)
{
	const struct qp_version *v = qp_store_current(&set->qp);
	const struct qp_leaf *leaf = v == NULL ? NULL : qp_get(v->t.root, apex);

	return leaf == NULL ? NULL : store_of(leaf);
}

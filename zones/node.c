#include "zones/node.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/nodeview.h"

/* By this the sets of a node are sorted. */
static uint32_t
rank(uint16_t type, uint16_t covered)
{
	return type == TYPE_RRSIG ? 2u * covered + 1 : 2u * type;
}

bool
zone_node_rrset(const struct zone_node *node, uint16_t type, struct zone_rrset *out)
{
	return node_rrset(node, type, out);
}

bool
zone_node_signed(const struct zone_node *node, uint16_t type, struct zone_signed *out)
{
	return node_signed(node, type, out);
}

bool
zone_node_rrset_of(const struct zone_node *node, const struct rr *rr, struct zone_rrset *out)
{
	const struct node_set *set = node_first(node);
	uint16_t covered = rr_covered(rr);

	for (size_t i = node->leaf.count; i > 0; i--, set = node_next(set)) {
		if (set->type == rr->type && node_set_covered(set) == covered) {
			node_view(set, i - 1, out);
			return true;
		}
	}
	return false;
}

bool
zone_rrset_signatures(const struct zone_rrset *set, struct zone_rrset *out)
{
	return node_view_signatures(set, out);
}

size_t
zone_node_count(const struct zone_node *node)
{
	return node->leaf.count;
}

void
zone_node_at(const struct zone_node *node, size_t i, struct zone_rrset *out)
{
	const struct node_set *set = node_first(node);

	for (size_t k = i; k > 0; k--)
		set = node_next(set);
	node_view(set, node->leaf.count - i - 1, out);
}

static struct zone_node *
node_new(const uint8_t *owner, enum node_role role, const struct node_hash *hash, size_t sets_size)
{
	size_t n = dname_len(owner), name_at = sizeof(struct zone_node) + (hash != NULL ? sizeof *hash : 0);
	struct zone_node *node = malloc(NODE_ALIGN(name_at + n) + sets_size);

	if (node == NULL)
		return NULL;
	node->leaf = (struct qp_leaf){ .name_at = (uint8_t)name_at, .name_len = (uint8_t)n };
	node->leaf.flags = role == NODE_APEX ? ZONE_NODE_APEX : role == NODE_OUTSIDE ? ZONE_NODE_OUTSIDE : 0;
	if (hash != NULL)
		memcpy(node + 1, hash, sizeof *hash);
	memcpy((uint8_t *)node + name_at, owner, n);
	return node;
}

static void
add_flags(struct zone_node *node, uint16_t type)
{
	struct qp_leaf *leaf = &node->leaf;

	if (leaf->flags & ZONE_NODE_OUTSIDE)
		return;
	if (type == TYPE_NS && !(leaf->flags & ZONE_NODE_APEX))
		leaf->flags |= ZONE_NODE_CUT;
	if (type == TYPE_DNAME)
		leaf->flags |= ZONE_NODE_DNAME;
	if (type == TYPE_CNAME)
		leaf->flags |= ZONE_NODE_CNAME;
	if (type == TYPE_NSEC)
		leaf->flags |= ZONE_NODE_NSEC;
	leaf->mark = (leaf->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0;
}

struct zone_node *
zone_node_empty(const uint8_t *owner, enum node_role role, const struct node_hash *hash)
{
	return node_new(owner, role, hash, 0);
}

/* Write one RRset; returns where the next one goes. */
static struct node_set *
append(struct zone_node *node, struct node_set *to, const struct zone_rrset *set, const struct node_run *runs,
    size_t nruns)
{
	uint8_t *p = (uint8_t *)(to + 1);

	for (size_t i = 0; i < nruns; i++) {
		if (runs[i].n > 0)
			memcpy(p, runs[i].records, runs[i].n);
		p += runs[i].n;
	}
	*to = (struct node_set){ set->type, set->count, set->ttl, (uint32_t)(p - (uint8_t *)(to + 1)) };
	add_flags(node, set->type);
	node->leaf.count++;
	return (struct node_set *)node_next(to);
}

struct zone_node *
zone_node_edit(const struct zone_node *old, const uint8_t *owner, enum node_role role, const struct node_hash *hash,
    const struct zone_rrset *set, const struct node_run runs[3])
{
	size_t size = 0, n = old == NULL ? 0 : old->leaf.count, i;
	const struct node_set *from = old == NULL ? NULL : node_first(old);
	const struct node_set *s;
	uint32_t at = rank(set->type, set->covered);
	struct zone_node *node;
	struct node_set *to;
	bool done = set->count == 0;

	for (i = 0, s = from; i < n; i++, s = node_next(s))
		if (rank(s->type, node_set_covered(s)) != at)
			size += sizeof *s + NODE_ALIGN((size_t)s->size);
	if (!done)
		size += sizeof *s + NODE_ALIGN(runs[0].n + runs[1].n + runs[2].n);
	if ((node = node_new(owner, role, hash, size)) == NULL)
		return NULL;
	to = (struct node_set *)node_first(node);
	for (i = 0, s = from; i < n; i++, s = node_next(s)) {
		struct zone_rrset old_set;
		struct node_run all;

		if (!done && rank(s->type, node_set_covered(s)) >= at) {
			to = append(node, to, set, runs, 3);
			done = true;
		}
		if (rank(s->type, node_set_covered(s)) == at)
			continue;
		node_view(s, 0, &old_set);
		all = (struct node_run){ old_set.records, old_set.size };
		to = append(node, to, &old_set, &all, 1);
	}
	if (!done)
		append(node, to, set, runs, 3);
	return node;
}

/* RRs of one owner in canonical order, taken RRset by RRset in the order of a node. */
struct by_rrset {
	const struct rr *v, *end;	/* what was not taken yet, but signatures */
	const struct rr *sig, *sig_begin, *sig_end;	/* signatures that were not taken yet; all of them */
};

static struct by_rrset
by_rrset_start(const struct rr *v, size_t n)
{
	struct by_rrset b = { .v = v, .end = v + n, .sig = v };

	while (b.sig < b.end && b.sig->type < TYPE_RRSIG)
		b.sig++;
	b.sig_begin = b.sig_end = b.sig;
	while (b.sig_end < b.end && b.sig_end->type == TYPE_RRSIG)
		b.sig_end++;
	return b;
}

static size_t
same_rrset(const struct rr *v, const struct rr *end)
{
	const struct rr *p = v + 1;

	while (p < end && p->type == v->type && rr_covered(p) == rr_covered(v))
		p++;
	return (size_t)(p - v);
}

/* NULL: all were taken. */
static const struct rr *
by_rrset_next(struct by_rrset *b, size_t *n)
{
	const struct rr *run;

	if (b->v == b->sig_begin)
		b->v = b->sig_end;
	if (b->sig < b->sig_end && (b->v == b->end || b->v->type > rr_covered(b->sig))) {
		run = b->sig;
		b->sig += *n = same_rrset(run, b->sig_end);
		return run;
	}
	if (b->v == b->end)
		return NULL;
	run = b->v;
	b->v += *n = same_rrset(run, b->end);
	return run;
}

static bool
is_duplicate(const struct rr *v, size_t i)
{
	return i > 0 && rdata_equal(v[i].type, v[i - 1].rdata, v[i - 1].rdlen, v[i].rdata, v[i].rdlen);
}

/* Octets and number of records of n RRs of one type. */
static size_t
measure(const struct rr *v, size_t n, size_t *count)
{
	size_t size = 0;

	*count = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_duplicate(v, i))
			continue;
		size += 2u + v[i].rdlen;
		++*count;
	}
	return size;
}

static struct node_set *
fill_set(struct zone_node *node, struct node_set *to, const struct rr *v, size_t n, size_t *rr_count)
{
	uint8_t *p = (uint8_t *)(to + 1);

	*to = (struct node_set){ v->type, 0, v->ttl, 0 };
	for (size_t i = 0; i < n; i++) {
		if (v[i].ttl < to->ttl)
			to->ttl = v[i].ttl;	/* RFC 2181, section 5.2 */
		if (is_duplicate(v, i))
			continue;
		p[0] = (uint8_t)(v[i].rdlen >> 8);
		p[1] = (uint8_t)v[i].rdlen;
		if (v[i].rdlen > 0)
			memcpy(p + 2, v[i].rdata, v[i].rdlen);
		p += 2 + v[i].rdlen;
		to->count++;
	}
	to->size = (uint32_t)(p - (uint8_t *)(to + 1));
	*rr_count += to->count;
	add_flags(node, v->type);
	node->leaf.count++;
	return (struct node_set *)node_next(to);
}

enum err
zone_node_from(const struct rr *v, size_t n, enum node_role role, const struct node_hash *hash, struct zone_node **out,
    size_t *rr_count)
{
	struct by_rrset sets = by_rrset_start(v, n);
	struct zone_node *node;
	struct node_set *to;
	const struct rr *run;
	size_t size = 0, count, k;

	while ((run = by_rrset_next(&sets, &k)) != NULL) {
		size += sizeof *to + NODE_ALIGN(measure(run, k, &count));
		if (count > UINT16_MAX)
			return ERR_RANGE;
	}
	if ((node = node_new(v->owner, role, hash, size)) == NULL)
		return ERR_NOMEM;
	to = (struct node_set *)node_first(node);
	sets = by_rrset_start(v, n);
	while ((run = by_rrset_next(&sets, &k)) != NULL)
		to = fill_set(node, to, run, k, rr_count);
	*out = node;
	return ERR_OK;
}

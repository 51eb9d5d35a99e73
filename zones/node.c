#include "zones/node.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rdata.h"
#include "wire/rrtype.h"

#define ALIGN4(n) (((n) + 3u) & ~(size_t)3)

static const struct node_set *
first_set(const struct zone_node *node)
{
	return (const void *)((const uint8_t *)node + ALIGN4(sizeof *node + node->leaf.name_len));
}

static const struct node_set *
next_set(const struct node_set *set)
{
	return (const void *)((const uint8_t *)(set + 1) + ALIGN4((size_t)set->size));
}

static void
view(const struct node_set *set, struct zone_rrset *out)
{
	*out = (struct zone_rrset){ set->type, set->count, set->ttl, (const uint8_t *)(set + 1), set->size };
}

bool
zone_rrset_next(const struct zone_rrset *set, const uint8_t **at, const uint8_t **rdata, uint16_t *n)
{
	const uint8_t *p = *at == NULL ? set->records : *at;

	if (p == set->records + set->size)
		return false;
	*n = (uint16_t)(p[0] << 8 | p[1]);
	*rdata = p + 2;
	*at = p + 2 + *n;
	return true;
}

const uint8_t *
zone_node_owner(const struct zone_node *node)
{
	return qp_leaf_name(&node->leaf);
}

bool
zone_node_rrset(const struct zone_node *node, uint16_t type, struct zone_rrset *out)
{
	const struct node_set *set = first_set(node);

	for (size_t i = node->leaf.count; i > 0 && set->type <= type; i--, set = next_set(set)) {
		if (set->type == type) {
			view(set, out);
			return true;
		}
	}
	return false;
}

size_t
zone_node_count(const struct zone_node *node)
{
	return node->leaf.count;
}

void
zone_node_at(const struct zone_node *node, size_t i, struct zone_rrset *out)
{
	const struct node_set *set = first_set(node);

	while (i-- > 0)
		set = next_set(set);
	view(set, out);
}

unsigned
zone_node_flags(const struct zone_node *node)
{
	return node->leaf.flags;
}

static struct zone_node *
node_new(const uint8_t *owner, enum node_role role, size_t sets_size)
{
	size_t n = dname_len(owner), size = ALIGN4(sizeof(struct zone_node) + n) + sets_size;
	struct zone_node *node = malloc(size);

	if (node == NULL)
		return NULL;
	node->leaf = (struct qp_leaf){ .name_at = sizeof *node, .name_len = (uint8_t)n };
	node->leaf.flags = role == NODE_APEX ? ZONE_NODE_APEX : role == NODE_OUTSIDE ? ZONE_NODE_OUTSIDE : 0;
	memcpy(node + 1, owner, n);
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
	leaf->mark = (leaf->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0;
}

struct zone_node *
zone_node_empty(const uint8_t *owner, enum node_role role)
{
	return node_new(owner, role, 0);
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
	return (struct node_set *)next_set(to);
}

struct zone_node *
zone_node_edit(const struct zone_node *old, const uint8_t *owner, enum node_role role, const struct zone_rrset *set,
    const struct node_run runs[3])
{
	size_t size = 0, n = old == NULL ? 0 : old->leaf.count, i;
	const struct node_set *from = old == NULL ? NULL : first_set(old);
	const struct node_set *s;
	struct zone_node *node;
	struct node_set *to;
	bool done = set->count == 0;

	for (i = 0, s = from; i < n; i++, s = next_set(s))
		if (s->type != set->type)
			size += sizeof *s + ALIGN4((size_t)s->size);
	if (!done)
		size += sizeof *s + ALIGN4(runs[0].n + runs[1].n + runs[2].n);
	if ((node = node_new(owner, role, size)) == NULL)
		return NULL;
	to = (struct node_set *)first_set(node);
	for (i = 0, s = from; i < n; i++, s = next_set(s)) {
		struct zone_rrset old_set;
		struct node_run all;

		if (!done && s->type >= set->type) {
			to = append(node, to, set, runs, 3);
			done = true;
		}
		if (s->type == set->type)
			continue;
		view(s, &old_set);
		all = (struct node_run){ old_set.records, old_set.size };
		to = append(node, to, &old_set, &all, 1);
	}
	if (!done)
		append(node, to, set, runs, 3);
	return node;
}

/* How many of the n RRs are of v's type. */
static size_t
same_type(const struct rr *v, size_t n)
{
	size_t i = 1;

	while (i < n && v[i].type == v[0].type)
		i++;
	return i;
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
	return (struct node_set *)next_set(to);
}

enum err
zone_node_from(const struct rr *v, size_t n, enum node_role role, struct zone_node **out, size_t *rr_count)
{
	struct zone_node *node;
	struct node_set *to;
	size_t size = 0, count, k;

	for (size_t i = 0; i < n; i += k) {
		k = same_type(v + i, n - i);
		size += sizeof *to + ALIGN4(measure(v + i, k, &count));
		if (count > UINT16_MAX)
			return ERR_RANGE;
	}
	if ((node = node_new(v->owner, role, size)) == NULL)
		return ERR_NOMEM;
	to = (struct node_set *)first_set(node);
	for (size_t i = 0; i < n; i += k) {
		k = same_type(v + i, n - i);
		to = fill_set(node, to, v + i, k, rr_count);
	}
	*out = node;
	return ERR_OK;
}

/* zones/nodeview.h -- RRsets of a node, found and shown without a call: answers spend their time here.  Private to the tree
 * and to the short way of answering; others take the functions of zones/version.h, which do the same. */
#ifndef ZONES_NODEVIEW_H
#define ZONES_NODEVIEW_H

#include "wire/rrtype.h"
#include "zones/node.h"

#define NODE_ALIGN(n) (((n) + 3u) & ~(size_t)3)

static inline const struct node_set *
node_first(const struct zone_node *node)
{
	return (const void *)((const uint8_t *)node + NODE_ALIGN((size_t)node->leaf.name_at + node->leaf.name_len));
}

static inline const struct node_set *
node_next(const struct node_set *set)
{
	return (const void *)((const uint8_t *)(set + 1) + NODE_ALIGN((size_t)set->size));
}

/* What the signatures of a set cover is what the first of them begins with. */
static inline uint16_t
node_set_covered(const struct node_set *set)
{
	const uint8_t *records = (const uint8_t *)(set + 1);

	return set->type == TYPE_RRSIG ? (uint16_t)(records[2] << 8 | records[3]) : 0;
}

/* behind: how many sets come behind it in the node; so too below. */
static inline void
node_view(const struct node_set *set, size_t behind, struct zone_rrset *out)
{
	*out = (struct zone_rrset){ set->type, set->count, set->ttl, (const uint8_t *)(set + 1), set->size,
	    node_set_covered(set), (uint16_t)behind };
}

static inline bool
node_view_signatures(const struct zone_rrset *set, struct zone_rrset *out)
{
	const struct node_set *next = (const void *)(set->records + NODE_ALIGN((size_t)set->size));

	if (set->behind == 0 || next->type != TYPE_RRSIG || node_set_covered(next) != set->type)
		return false;
	node_view(next, set->behind - 1u, out);
	return true;
}

static inline void
node_view_signed(const struct node_set *set, size_t behind, struct zone_signed *out)
{
	node_view(set, behind, &out->set);
	if (!node_view_signatures(&out->set, &out->signatures)) {
		out->signatures.count = 0;
		out->signatures.size = 0;
	}
}

/* NULL: there is none.  behind: as above. */
static inline const struct node_set *
node_find(const struct zone_node *node, uint16_t type, size_t *behind)
{
	const struct node_set *set = node_first(node);

	for (size_t i = node->leaf.count; i > 0; i--, set = node_next(set)) {
		if (set->type < type)
			continue;
		if (set->type == type) {
			*behind = i - 1;
			return set;
		}
		if (set->type != TYPE_RRSIG && type != TYPE_RRSIG)
			return NULL;
	}
	return NULL;
}

/* RRsets of a node by ascending types, none of them RRSIG. */
struct node_cursor {
	const struct node_set *set;
	size_t left;			/* sets from there on */
};

static inline struct node_cursor
node_cursor(const struct zone_node *node)
{
	return (struct node_cursor){ node_first(node), node->leaf.count };
}

/* False: there is none of this type. */
static inline bool
node_seek(struct node_cursor *c, uint16_t type, struct zone_signed *out)
{
	for (; c->left > 0; c->left--, c->set = node_next(c->set)) {
		if (c->set->type < type || c->set->type == TYPE_RRSIG)
			continue;
		if (c->set->type > type)
			return false;
		node_view_signed(c->set, c->left - 1, out);
		return true;
	}
	return false;
}

/* zone_node_rrset(), zone_node_signed(). */
static inline bool
node_rrset(const struct zone_node *node, uint16_t type, struct zone_rrset *out)
{
	size_t behind;
	const struct node_set *set = node_find(node, type, &behind);

	if (set == NULL)
		return false;
	node_view(set, behind, out);
	return true;
}

static inline bool
node_signed(const struct zone_node *node, uint16_t type, struct zone_signed *out)
{
	size_t behind;
	const struct node_set *set = node_find(node, type, &behind);

	if (set == NULL)
		return false;
	node_view_signed(set, behind, out);
	return true;
}

#endif

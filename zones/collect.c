/* A version as a list.  The trie is in canonical order already; what is not are signatures, which in a node stand
 * behind what they cover, and NSEC3 records, which have a trie of their own. */
#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"
#include "zones/versionpriv.h"
#include "zones/zone.h"

static void
list_rrset(const uint8_t *owner, const struct zone_rrset *set, struct rr_list *out)
{
	struct rr rr = { owner, NULL, set->ttl, set->type, 0 };

	for (const uint8_t *at = NULL; zone_rrset_next(set, &at, &rr.rdata, &rr.rdlen); )
		out->v[out->n++] = rr;
}

/* Those of the node's RRsets whose types are in the range. */
static bool
list_types(const struct zone_node *node, uint16_t first, uint16_t last, struct rr_list *out)
{
	bool all = true;

	for (size_t i = 0; i < zone_node_count(node); i++) {
		struct zone_rrset set;

		zone_node_at(node, i, &set);
		if (set.type >= first && set.type <= last)
			list_rrset(zone_node_owner(node), &set, out);
		else
			all = false;
	}
	return all;
}

static void
list_trie(qp_word root, struct rr_list *out)
{
	struct qp_cursor c;

	for (const struct qp_leaf *leaf = qp_first(&c, root); leaf != NULL; leaf = qp_next(&c)) {
		const struct zone_node *node = (const struct zone_node *)leaf;

		if (list_types(node, 0, TYPE_RRSIG - 1, out))
			continue;
		list_types(node, TYPE_RRSIG, TYPE_RRSIG, out);
		list_types(node, TYPE_RRSIG + 1, UINT16_MAX, out);
	}
}

/* What stands from middle on is sorted too, and goes where it belongs. */
static enum err
merge(struct rr_list *list, size_t middle)
{
	const struct rr *a = list->v, *a_end = a + middle, *b = a_end, *b_end = a + list->n;
	struct rr *v, *to;

	if (a == a_end || b == b_end)
		return ERR_OK;
	if ((v = to = malloc(list->cap * sizeof *v)) == NULL)
		return ERR_NOMEM;
	while (a < a_end && b < b_end)
		*to++ = rr_compare(b, a) < 0 ? *b++ : *a++;
	memcpy(to, a, (size_t)(a_end - a) * sizeof *a);
	memcpy(to + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
	free(list->v);
	list->v = v;
	return ERR_OK;
}

enum err
zone_version_list(const struct zone_version *v, struct rr_list *out)
{
	size_t middle;

	out->cap = zone_version_rr_count(v) + 1;
	if ((out->v = malloc(out->cap * sizeof *out->v)) == NULL)
		return ERR_NOMEM;
	list_trie(v->qp.t.root, out);
	middle = out->n;
	list_trie(v->qp.t.side, out);
	return merge(out, middle);
}

enum err
zone_version_collect(const struct zone_version *v, const struct rr_list *without, struct rr_list *out)
{
	struct rr_list all = { 0 };
	enum err err = zone_version_list(v, &all);

	for (size_t i = 0; err == ERR_OK && i < all.n; i++)
		if (without == NULL || without->n == 0 || rr_list_find(without, &all.v[i]) == NULL)
			err = rr_list_add(out, &all.v[i]);
	rr_list_clear(&all);
	return err;
}

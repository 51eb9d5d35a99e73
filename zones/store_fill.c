/* zones/store_fill.c -- the first version of a zone, from RRs that are sorted: in as many pieces as there are threads,
 * which are joined along their edges. */
#include <assert.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "zones/store_internal.h"

#define FILL_WHOLE 50000		/* up to so many RRs are filled in by one thread */
#define FILL_PIECES_MAX 32

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
	const struct zone_version *v = store_open_version(s);
	unsigned labels = dname_labels(name), from = s->apex_labels;
	enum err err;

	if (last != NULL && store_role(s, last) != NODE_OUTSIDE)
		from = common_labels(last, name) + 1;
	for (unsigned k = from; k < labels; k++) {
		err = build_add(b, store_empty_node(v, dname_skip(name, labels - k),
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
	enum node_role role = store_role(b->store, v->owner);
	const struct node_hash *hash = NULL;
	struct zone_node *node;
	struct node_hash room;
	enum err err = ERR_OK;

	if (hashed && b->side == NULL)
		err = qp_build_new(b->number, &b->side);
	else if (role == NODE_INSIDE && !hashed)
		err = build_empty_nonterminals(b->store, b->tree, b->last, v->owner);
	if (!hashed)
		hash = store_node_hash(store_open_version(b->store), NULL, v->owner, role, &room);
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
		if (store_is_hashed(b->store, &v[i]))
			sorted[nhashed++] = v[i];
	for (size_t i = 0; i < n; i++)
		if (!store_is_hashed(b->store, &v[i]))
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
		size_t nhashed = store_is_hashed(b->store, &v[i]);

		for (end = i + 1; end < b->end && dname_equal(v[end].owner, v[i].owner); end++)
			nhashed += store_is_hashed(b->store, &v[end]);
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
		if (!store_is_hashed(b->store, &b->sorted->v[k - 1]))
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

/* Will there be a chain of NSEC3?  Then all names are hashed as they come. */
static void
prepare_hashes(const struct zone_store *s, struct zone_version *v, const struct rr_list *sorted)
{
	const struct rr *rr = rr_list_soa(sorted, s->apex), *end = sorted->v + sorted->n;

	for (; rr != NULL && rr < end && rr->type <= TYPE_NSEC3PARAM && dname_equal(rr->owner, s->apex); rr++) {
		if (rr->type != TYPE_NSEC3PARAM || !store_may_use_nsec3(rr->rdata, &v->nsec3))
			continue;
		v->keeps_hashes = v->nsec3.iterations <= KEPT_ITERATIONS_MAX;
		v->hash_number++;
		return;
	}
}

enum err
zone_store_fill_by(struct zone_store *s, const struct rr_list *sorted, unsigned threads)
{
	struct zone_version *v = store_open_version(s);
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

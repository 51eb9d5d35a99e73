/* zones/qpwrite.c -- changing the trie: copy the path, retire what was replaced. */
#include <stdlib.h>
#include <string.h>

#include "zones/qpbranch.h"

struct qp_branch *
qp_branch_new(uint64_t number, unsigned offset, unsigned count)
{
	struct qp_branch *b = malloc(sizeof *b + count * sizeof b->twigs[0]);

	if (b != NULL) {
		b->birth = number;
		b->map = (uint64_t)offset << QP_WIDTH;
	}
	return b;
}

/* w is no longer part of the transaction's trie.  What was born in it no reader has seen.  The caller has
 * reserved room in the bag. */
static void
dispose(struct qp_txn *t, qp_word w)
{
	if (qp_word_birth(w) == t->number)
		free(qp_word_memory(w));
	else
		qp_bag_put(&t->retired, w);
}

/* Make the branch in slot one that may be changed in place; NULL: no memory, nothing happened. */
static struct qp_branch *
own(struct qp_txn *t, qp_word *slot)
{
	struct qp_branch *b = qp_word_branch(*slot), *copy;

	if (b->birth == t->number)
		return b;
	if (!qp_bag_reserve(&t->retired, 1) || (copy = qp_branch_new(t->number, qp_offset(b), qp_count(b))) == NULL)
		return NULL;
	copy->map = b->map;
	memcpy(copy->twigs, b->twigs, qp_count(b) * sizeof b->twigs[0]);
	dispose(t, *slot);
	*slot = (qp_word)copy;
	return copy;
}

/* A copy of the branch with one twig more. */
static struct qp_branch *
grown(const struct qp_txn *t, const struct qp_branch *b, unsigned position, qp_word twig)
{
	unsigned n = qp_count(b), i = qp_rank(b, position);
	struct qp_branch *bigger = qp_branch_new(t->number, qp_offset(b), n + 1);

	if (bigger == NULL)
		return NULL;
	bigger->map = b->map | UINT64_C(1) << position;
	memcpy(bigger->twigs, b->twigs, i * sizeof twig);
	bigger->twigs[i] = twig;
	memcpy(bigger->twigs + i + 1, b->twigs + i, (n - i) * sizeof twig);
	return bigger;
}

static struct qp_branch *
shrunk(const struct qp_txn *t, const struct qp_branch *b, unsigned position)
{
	unsigned n = qp_count(b), i = qp_rank(b, position);
	struct qp_branch *smaller = qp_branch_new(t->number, qp_offset(b), n - 1);

	if (smaller == NULL)
		return NULL;
	smaller->map = b->map & ~(UINT64_C(1) << position);
	memcpy(smaller->twigs, b->twigs, i * sizeof(qp_word));
	memcpy(smaller->twigs + i, b->twigs + i + 1, (n - i - 1) * sizeof(qp_word));
	return smaller;
}

static struct qp_branch *
forked(const struct qp_txn *t, unsigned offset, unsigned old_position, qp_word old, unsigned position, qp_word twig)
{
	struct qp_branch *b = qp_branch_new(t->number, offset, 2);

	if (b == NULL)
		return NULL;
	b->map |= UINT64_C(1) << old_position | UINT64_C(1) << position;
	b->twigs[old_position > position] = old;
	b->twigs[position > old_position] = twig;
	return b;
}

enum err
qp_put(struct qp_txn *t, qp_word *root, struct qp_leaf *leaf)
{
	struct qp_key key, near;
	struct qp_branch *b;
	qp_word *slot = root;
	unsigned diff, position;

	leaf->birth = t->number;
	if (*root == 0) {
		*root = qp_leaf_word(leaf);
		return ERR_OK;
	}
	qp_key_init(&key, qp_leaf_name(leaf));
	qp_key_init(&near, qp_leaf_name(qp_nearest(*root, &key)));
	diff = qp_key_diff(&key, &near);
	while (!qp_is_leaf(*slot) && qp_offset(qp_word_branch(*slot)) < diff) {
		if ((b = own(t, slot)) == NULL)
			return ERR_NOMEM;
		slot = &b->twigs[qp_rank(b, qp_key_at(&key, qp_offset(b)))];
	}
	if (!qp_bag_reserve(&t->retired, 1))
		return ERR_NOMEM;
	if (diff == QP_SAME) {
		dispose(t, *slot);
		*slot = qp_leaf_word(leaf);
		return ERR_OK;
	}
	position = qp_key_at(&key, diff);
	if (!qp_is_leaf(*slot) && qp_offset(qp_word_branch(*slot)) == diff) {
		if ((b = grown(t, qp_word_branch(*slot), position, qp_leaf_word(leaf))) == NULL)
			return ERR_NOMEM;
		dispose(t, *slot);
	} else if ((b = forked(t, diff, qp_key_at(&near, diff), *slot, position, qp_leaf_word(leaf))) == NULL)
		return ERR_NOMEM;
	*slot = (qp_word)b;
	return ERR_OK;
}

enum err
qp_remove(struct qp_txn *t, qp_word *root, const uint8_t *name)
{
	struct qp_branch *b, *smaller;
	qp_word *slot = root, twig, rest;
	struct qp_key key;
	unsigned position, i;

	if (qp_get(*root, name) == NULL)
		return ERR_NOT_FOUND;
	qp_key_init(&key, name);
	for (;;) {
		if (!qp_bag_reserve(&t->retired, 2))
			return ERR_NOMEM;
		if (qp_is_leaf(*slot)) {
			dispose(t, *slot);
			*slot = 0;		/* only the root comes here */
			return ERR_OK;
		}
		b = qp_word_branch(*slot);
		position = qp_key_at(&key, qp_offset(b));
		i = qp_rank(b, position);
		if (qp_is_leaf(b->twigs[i]))
			break;
		if ((b = own(t, slot)) == NULL)
			return ERR_NOMEM;
		slot = &b->twigs[i];
	}
	twig = b->twigs[i];
	if (qp_count(b) == 2)
		rest = b->twigs[1 - i];		/* a branch with one twig is none */
	else if ((smaller = shrunk(t, b, position)) != NULL)
		rest = (qp_word)smaller;
	else
		return ERR_NOMEM;
	dispose(t, twig);
	dispose(t, (qp_word)b);
	*slot = rest;
	return ERR_OK;
}

/* What was born in a transaction hangs below nothing older, so the search ends at what is older. */
void
qp_free_births(qp_word w, uint64_t number)
{
	if (w == 0 || qp_word_birth(w) != number)
		return;
	if (!qp_is_leaf(w))
		for (unsigned i = 0, n = qp_count(qp_word_branch(w)); i < n; i++)
			qp_free_births(qp_word_branch(w)->twigs[i], number);
	free(qp_word_memory(w));
}

void
qp_free_all(qp_word w)
{
	if (w == 0)
		return;
	if (!qp_is_leaf(w))
		for (unsigned i = 0, n = qp_count(qp_word_branch(w)); i < n; i++)
			qp_free_all(qp_word_branch(w)->twigs[i]);
	free(qp_word_memory(w));
}

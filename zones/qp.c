/* zones/qp.c -- reading the trie: descents and cursors.  Nothing here allocates. */
#include "zones/qp.h"

#include <string.h>

#include "zones/qpbranch.h"

const struct qp_leaf *
qp_nearest(qp_word w, const struct qp_key *key)
{
	while (!qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned position = qp_key_at(key, qp_offset(b));

		w = b->twigs[qp_has(b, position) ? qp_rank(b, position) : 0];
	}
	return qp_word_leaf(w);
}

const struct qp_leaf *
qp_get(qp_word root, const uint8_t *name)
{
	const struct qp_leaf *leaf;
	struct qp_key key;

	if (root == 0)
		return NULL;
	qp_key_init(&key, name);
	leaf = qp_nearest(root, &key);
	return dname_equal(qp_leaf_name(leaf), name) ? leaf : NULL;
}

bool
qp_has_below(qp_word w, const uint8_t *name)
{
	struct qp_key key;
	unsigned offset = QP_KEY_MAX;

	/* A name and what is below it differ first where the name ends: there is a branch just there, or nothing. */
	qp_key_init(&key, name);
	while (w != 0 && !qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned position = qp_key_at(&key, offset = qp_offset(b));

		w = qp_has(b, position) ? b->twigs[qp_rank(b, position)] : 0;
	}
	return offset == key.n - 1;
}

static inline uint8_t
lower(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c + 32) : c;
}

static bool
same_label(const uint8_t *a, const uint8_t *b)
{
	unsigned n = *a;

	if (*b != n)
		return false;
	for (unsigned i = 1; i <= n; i++)
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static unsigned
split(const uint8_t *name, const uint8_t *labels[DNAME_LABELS_MAX])
{
	unsigned n = 0;

	for (; *name != 0; name += *name + 1)
		labels[n++] = name;
	return n;
}

static void
compare_nearest(struct qp_descent *d, const uint8_t *name)
{
	const uint8_t *a[DNAME_LABELS_MAX], *b[DNAME_LABELS_MAX];
	unsigned na = split(qp_leaf_name(d->nearest), a), nb = split(name, b), n = 0;

	while (n < na && n < nb && same_label(a[na - 1 - n], b[nb - 1 - n]))
		n++;
	d->nearest_labels = na;
	d->common = n;
}

void
qp_descend(qp_word w, const struct qp_key *key, const uint8_t *name, struct qp_descent *d)
{
	d->nearest = NULL;
	d->nearest_labels = d->common = d->nabove = 0;
	if (w == 0)
		return;
	while (!qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned offset = qp_offset(b), at = offset < key->n ? key->at[offset] : 0;
		unsigned position = at & 63;

		if (at > QP_LABEL_START && qp_has(b, 0) && qp_is_leaf(b->twigs[0]))
			d->above[d->nabove++] = (struct qp_above){ b, b->twigs[0], (uint16_t)offset };
		w = b->twigs[qp_has(b, position) ? qp_rank(b, position) : 0];
	}
	d->nearest = qp_word_leaf(w);
	compare_nearest(d, name);
}

const struct qp_leaf *
qp_wildcard(const struct qp_branch *b, size_t name_len)
{
	const struct qp_leaf *leaf;
	const uint8_t *name;
	qp_word w;

	if (!qp_has(b, QP_STAR))
		return NULL;
	/* "*" alone sorts before all that begins with it. */
	for (w = b->twigs[qp_rank(b, QP_STAR)]; !qp_is_leaf(w); w = qp_word_branch(w)->twigs[0])
		;
	leaf = qp_word_leaf(w);
	name = qp_leaf_name(leaf);
	return name[0] == 1 && name[1] == '*' && dname_len(name) == name_len + 2 ? leaf : NULL;
}

/* Down from w along the first (or the last) twigs. */
static const struct qp_leaf *
dive(struct qp_cursor *c, qp_word w, bool last)
{
	while (!qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned i = last ? qp_count(b) - 1 : 0;

		c->path[c->depth] = b;
		c->twig[c->depth++] = (uint8_t)i;
		w = b->twigs[i];
	}
	return c->leaf = qp_word_leaf(w);
}

const struct qp_leaf *
qp_first(struct qp_cursor *c, qp_word root)
{
	c->depth = 0;
	c->leaf = NULL;
	return root == 0 ? NULL : dive(c, root, false);
}

const struct qp_leaf *
qp_next(struct qp_cursor *c)
{
	while (c->depth > 0) {
		const struct qp_branch *b = c->path[c->depth - 1];
		unsigned i = c->twig[c->depth - 1] + 1u;

		if (i < qp_count(b)) {
			c->twig[c->depth - 1] = (uint8_t)i;
			return dive(c, b->twigs[i], false);
		}
		c->depth--;
	}
	return c->leaf = NULL;
}

const struct qp_leaf *
qp_prev(struct qp_cursor *c)
{
	while (c->depth > 0) {
		const struct qp_branch *b = c->path[c->depth - 1];

		if (c->twig[c->depth - 1] > 0) {
			unsigned i = --c->twig[c->depth - 1];

			return dive(c, b->twigs[i], true);
		}
		c->depth--;
	}
	return c->leaf = NULL;
}

const struct qp_leaf *
qp_seek(struct qp_cursor *c, qp_word root, const uint8_t *name)
{
	struct qp_key key, near;
	unsigned diff;
	qp_word w = root;

	c->depth = 0;
	c->leaf = NULL;
	if (root == 0)
		return NULL;
	qp_key_init(&key, name);
	qp_key_init(&near, qp_leaf_name(qp_nearest(root, &key)));
	diff = qp_key_diff(&key, &near);
	while (!qp_is_leaf(w) && qp_offset(qp_word_branch(w)) < diff) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned i = qp_rank(b, qp_key_at(&key, qp_offset(b)));

		c->path[c->depth] = b;
		c->twig[c->depth++] = (uint8_t)i;
		w = b->twigs[i];
	}
	if (diff == key.n)
		return c->leaf = qp_word_leaf(w);
	/* Everything below w agrees with the key before diff.  At diff there is a branch without the key's
	 * position, or all of it is on one side of the key. */
	if (!qp_is_leaf(w) && qp_offset(qp_word_branch(w)) == diff) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned i = qp_rank(b, qp_key_at(&key, diff));

		if (i > 0) {
			c->path[c->depth] = b;
			c->twig[c->depth++] = (uint8_t)(i - 1);
			dive(c, b->twigs[i - 1], true);
			return NULL;
		}
	} else if (qp_key_at(&key, diff) > qp_key_at(&near, diff)) {
		dive(c, w, true);
		return NULL;
	}
	qp_prev(c);
	return NULL;
}

const struct qp_leaf *
qp_last_below(struct qp_cursor *c)
{
	struct qp_key key;
	unsigned depth = c->depth;

	qp_key_init(&key, qp_leaf_name(c->leaf));
	if (depth == 0 || qp_offset(c->path[depth - 1]) != key.n - 1)
		return c->leaf;
	c->depth = depth - 1;
	return dive(c, (qp_word)c->path[depth - 1], true);
}

/* zones/qpbuild.c -- a trie from sorted leaves.
 *
 * Neighbours in the order differ first at some offset; the branches that are still open, from the root to the last
 * leaf, have rising offsets.  A new leaf closes those deeper than where it differs from the last one, and joins or
 * opens the one just there.  Each branch is allocated once, when it is closed. */
#include <stdlib.h>
#include <string.h>

#include "zones/qpbranch.h"

struct frame {				/* an open branch */
	unsigned offset, n;
	uint64_t map;
	qp_word twigs[QP_WIDTH];
};

struct qp_build {
	uint64_t number;
	qp_word last;			/* the subtree that is complete and hangs nowhere yet */
	struct qp_key keys[2];		/* of the last leaf and of the new one, by turns */
	unsigned turn;			/* keys[turn] is the last leaf's */
	struct frame *frames;
	unsigned depth, cap;
};

enum err
qp_build_new(uint64_t number, struct qp_build **out)
{
	struct qp_build *b = calloc(1, sizeof *b);

	if (b == NULL)
		return ERR_NOMEM;
	b->number = number;
	*out = b;
	return ERR_OK;
}

/* Hang the last subtree into the innermost open branch. */
static void
hang(struct qp_build *b)
{
	struct frame *f = &b->frames[b->depth - 1];

	f->map |= UINT64_C(1) << qp_key_at(&b->keys[b->turn], f->offset);
	f->twigs[f->n++] = b->last;
	b->last = 0;
}

/* Close the innermost open branch: it becomes the last subtree.  Its last twig may already hang in it, when an
 * earlier call had no memory. */
static bool
close_frame(struct qp_build *b)
{
	struct frame *f = &b->frames[b->depth - 1];
	struct qp_branch *branch;

	if (b->last != 0)
		hang(b);
	if ((branch = qp_branch_new(b->number, f->offset, f->n)) == NULL)
		return false;
	branch->map |= f->map;
	memcpy(branch->twigs, f->twigs, f->n * sizeof f->twigs[0]);
	b->last = (qp_word)branch;
	b->depth--;
	return true;
}

static bool
open_frame(struct qp_build *b, unsigned offset)
{
	if (b->depth == b->cap) {
		unsigned cap = b->cap == 0 ? 16 : b->cap * 2;
		struct frame *frames = realloc(b->frames, cap * sizeof *frames);

		if (frames == NULL)
			return false;
		b->frames = frames;
		b->cap = cap;
	}
	b->frames[b->depth].offset = offset;
	b->frames[b->depth].n = 0;
	b->frames[b->depth++].map = 0;
	return true;
}

enum err
qp_build_add(struct qp_build *b, struct qp_leaf *leaf)
{
	unsigned next = 1 - b->turn, diff;

	leaf->birth = b->number;
	qp_key_init(&b->keys[next], qp_leaf_name(leaf));
	if (b->last != 0) {
		diff = qp_key_diff(&b->keys[b->turn], &b->keys[next]);
		while (b->depth > 0 && b->frames[b->depth - 1].offset > diff)
			if (!close_frame(b))
				return ERR_NOMEM;
		if ((b->depth == 0 || b->frames[b->depth - 1].offset < diff) && !open_frame(b, diff))
			return ERR_NOMEM;
		hang(b);
	}
	b->last = qp_leaf_word(leaf);
	b->turn = next;
	return ERR_OK;
}

enum err
qp_build_end(struct qp_build *b, qp_word *root)
{
	while (b->depth > 0)
		if (!close_frame(b))
			return ERR_NOMEM;
	*root = b->last;
	b->last = 0;
	qp_build_free(b);
	return ERR_OK;
}

void
qp_build_free(struct qp_build *b)
{
	if (b == NULL)
		return;
	qp_free_all(b->last);
	for (unsigned d = 0; d < b->depth; d++)
		for (unsigned i = 0; i < b->frames[d].n; i++)
			qp_free_all(b->frames[d].twigs[i]);
	free(b->frames);
	free(b);
}

/* --- two into one --- */

struct joining {
	uint64_t number;
	unsigned diff;			/* the first offset at which all of left differ from all of right */
	unsigned left_at, right_at;	/* their positions there */
};

static unsigned
word_offset(qp_word w)
{
	return qp_is_leaf(w) ? QP_SAME : qp_offset(qp_word_branch(w));
}

/* Where both have a branch at the offset at which they differ, or only one, or none. */
static qp_word
join_side_by_side(const struct joining *j, qp_word left, qp_word right)
{
	struct qp_branch *l = word_offset(left) == j->diff ? qp_word_branch(left) : NULL;
	struct qp_branch *r = word_offset(right) == j->diff ? qp_word_branch(right) : NULL;
	unsigned nl = l != NULL ? qp_count(l) : 1, nr = r != NULL ? qp_count(r) : 1;
	struct qp_branch *b = qp_branch_new(j->number, j->diff, nl + nr);

	if (b == NULL)
		return 0;
	b->map |= l != NULL ? l->map & QP_POSITIONS : UINT64_C(1) << j->left_at;
	b->map |= r != NULL ? r->map & QP_POSITIONS : UINT64_C(1) << j->right_at;
	memcpy(b->twigs, l != NULL ? l->twigs : &left, nl * sizeof left);
	memcpy(b->twigs + nl, r != NULL ? r->twigs : &right, nr * sizeof right);
	free(l);
	free(r);
	return (qp_word)b;
}

static qp_word join(const struct joining *j, qp_word left, qp_word right);

/* Both have a branch at one offset, at which the end of left is as the beginning of right. */
static qp_word
join_branches(const struct joining *j, struct qp_branch *l, struct qp_branch *r)
{
	unsigned nl = qp_count(l), nr = qp_count(r);
	struct qp_branch *b = qp_branch_new(j->number, qp_offset(l), nl + nr - 1);
	qp_word middle;

	if (b == NULL || (middle = join(j, l->twigs[nl - 1], r->twigs[0])) == 0) {
		free(b);
		return 0;
	}
	b->map |= (l->map | r->map) & QP_POSITIONS;
	memcpy(b->twigs, l->twigs, (nl - 1) * sizeof middle);
	b->twigs[nl - 1] = middle;
	memcpy(b->twigs + nl, r->twigs + 1, (nr - 1) * sizeof middle);
	free(l);
	free(r);
	return (qp_word)b;
}

/* Down along the last twigs of left and the first ones of right.  What is needed is allocated on the way down, and
 * nothing is changed but on the way up: 0, for no memory, has changed nothing. */
static qp_word
join(const struct joining *j, qp_word left, qp_word right)
{
	unsigned l_at = word_offset(left), r_at = word_offset(right);
	qp_word *twig, word;

	if (l_at >= j->diff && r_at >= j->diff)
		return join_side_by_side(j, left, right);
	if (l_at == r_at)
		return join_branches(j, qp_word_branch(left), qp_word_branch(right));
	if (l_at < r_at) {
		twig = &qp_word_branch(left)->twigs[qp_count(qp_word_branch(left)) - 1];
		word = join(j, *twig, right);
	} else {
		twig = &qp_word_branch(right)->twigs[0];
		word = join(j, left, *twig);
	}
	if (word == 0)
		return 0;
	*twig = word;
	return l_at < r_at ? left : right;
}

static qp_word
end_leaf(qp_word w, bool last)
{
	while (!qp_is_leaf(w))
		w = qp_word_branch(w)->twigs[last ? qp_count(qp_word_branch(w)) - 1 : 0];
	return w;
}

enum err
qp_join(uint64_t number, qp_word left, qp_word right, qp_word *root)
{
	struct joining j = { .number = number };
	struct qp_key last, first;
	qp_word both;

	if (left == 0 || right == 0) {
		*root = left | right;
		return ERR_OK;
	}
	qp_key_init(&last, qp_leaf_name(qp_word_leaf(end_leaf(left, true))));
	qp_key_init(&first, qp_leaf_name(qp_word_leaf(end_leaf(right, false))));
	j.diff = qp_key_diff(&last, &first);
	j.left_at = qp_key_at(&last, j.diff);
	j.right_at = qp_key_at(&first, j.diff);
	if ((both = join(&j, left, right)) == 0)
		return ERR_NOMEM;
	*root = both;
	return ERR_OK;
}

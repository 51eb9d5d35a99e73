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

/* zones/qp.c -- reading the trie: descents and cursors.  Nothing here allocates. */
#include "zones/qp.h"

#include <endian.h>
#include <string.h>

#include "zones/qpbranch.h"

static inline bool
is_named(const struct qp_leaf *leaf, const struct qp_key *key)
{
	return leaf->name_len == key->n && qp_same_octets(qp_leaf_name(leaf), key->name, key->n);
}

const struct qp_leaf *
qp_get(qp_word root, const uint8_t *name)
{
	struct qp_key key;

	if (root == 0)
		return NULL;
	qp_key_init(&key, name);
	return qp_get_key(root, &key);
}

const struct qp_leaf *
qp_get_key(qp_word root, const struct qp_key *key)
{
	const struct qp_leaf *leaf;

	if (root == 0)
		return NULL;
	leaf = qp_nearest(root, key);
	return is_named(leaf, key) ? leaf : NULL;
}

bool
qp_has_below(qp_word w, const uint8_t *name)
{
	struct qp_key key;
	unsigned offset = 0, end;

	/* A name and what is below it differ first where the name ends: there is a branch just there, or nothing. */
	qp_key_init(&key, name);
	end = 2 * (key.n - 1);
	while (w != 0 && !qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned position = qp_key_at(&key, offset = qp_offset(b));

		if (offset == end)
			return true;
		w = qp_has(b, position) ? b->twigs[qp_rank(b, position)] : 0;
	}
	return false;
}

/* Bits in which eight octets differ, but for letter case: which is nothing to look at where no octet has the bit of it. */
static inline uint64_t
difference(uint64_t x, uint64_t y)
{
	return ((x ^ y) & UINT64_C(0x2020202020202020)) == 0 ? x ^ y : qp_lower(x) ^ qp_lower(y);
}

/* How many octets, of at most max, two names have in common from their ends on, but for letter case. */
static inline unsigned
common_end(const uint8_t *a, const uint8_t *b, unsigned max)
{
	unsigned n = 0;
	uint64_t x, y;

	for (; max - n >= 8; n += 8) {
		memcpy(&x, a - n - 8, 8);
		memcpy(&y, b - n - 8, 8);
		if (x != y && (x = htole64(difference(x, y))) != 0)
			return n + (unsigned)__builtin_clzll(x) / 8;
	}
	if (max >= 8 && n < max) {		/* the rest, with some of what is known to be equal */
		memcpy(&x, a - max, 8);
		memcpy(&y, b - max, 8);
		x = htole64(difference(x, y));
		return x == 0 ? max : max - 8 + (unsigned)__builtin_clzll(x) / 8;
	}
	while (n < max && qp_lower_octet(a[-1 - (int)n]) == qp_lower_octet(b[-1 - (int)n]))
		n++;
	return n;
}

/* Which labels do the nearest and the key have in common?  The octets at their ends are equal; the names part at the
 * first place among these where a label begins in both. */
static inline void
compare_nearest(struct qp_descent *d, const struct qp_key *key)
{
	const uint8_t *name = qp_leaf_name(d->nearest), *at = name, *parting = NULL;
	unsigned n = d->nearest->name_len, common, labels = key->labels, own = 0;

	common = common_end(name + n, key->name + key->n, n < key->n ? n : key->n);
	for (; ; own++, parting = at, at += *at + 1) {
		unsigned left = n - (unsigned)(at - name);

		while (key->label_at[labels] >= left)
			labels--;
		if (left <= common && key->label_at[labels] == left - 1)
			break;
	}
	d->common = labels;
	d->nearest_labels = labels + own;
	d->parting = parting;
}

/* The first offset at which the key differs from a name that has so many labels in common with it, and that label below
 * them (NULL: none), and on which side of the name the key is there. */
static inline unsigned
parting_offset(const struct qp_key *key, unsigned common, const uint8_t *parting, bool *behind)
{
	unsigned i = key->label_at[common], length = parting == NULL ? 0 : *parting, n;
	const uint8_t *label = parting == NULL ? NULL : parting + 1;
	uint8_t ours, theirs = QP_STOP;

	for (; length > 0 && key->at[1 + i] == (theirs = qp_lower_octet(*label)); length--, label++)
		i++;
	if (length == 0)
		theirs = QP_STOP;
	ours = key->at[1 + i];
	n = qp_positions[0][ours] == qp_positions[0][theirs];
	*behind = qp_positions[n][ours] > qp_positions[n][theirs];
	return 2 * i + n;
}

/* Is there a leaf in b that ends where a label of the key begins, so that it may be the name of an ancestor?  b has a
 * twig at position 0. */
static inline bool
shows_ancestor(const struct qp_branch *b, const struct qp_key *key, unsigned offset)
{
	unsigned i = offset >> 1;

	return (offset & 1) == 0 && i < key->n && key->at[i] == QP_STOP && key->at[1 + i] != QP_STOP &&
	    qp_is_leaf(b->twigs[0]);
}

/* From a branch on towards the key. */
static inline __attribute__((always_inline)) qp_word
step(const struct qp_branch *b, const struct qp_key *key, struct qp_descent *d)
{
	uint64_t map = b->map;
	unsigned offset = (unsigned)(map >> QP_WIDTH), position = qp_key_at(key, offset);

	if ((map & 1) != 0 && shows_ancestor(b, key, offset)) {
		d->above[d->nabove++] = (struct qp_above){ b, b->twigs[0], offset >> 1 };
		d->marked |= qp_word_mark(b->twigs[0]);
	}
	if ((map >> position & 1) == 0)
		return b->twigs[0];
	return b->twigs[__builtin_popcountll(map & ((UINT64_C(1) << position) - 1))];
}

static inline void
arrive(struct qp_descent *d, qp_word w, const struct qp_key *key)
{
	d->nearest = qp_word_leaf(w);
	d->marked |= qp_word_mark(w);
	d->exact = is_named(d->nearest, key);
	if (d->exact)
		d->nearest_labels = d->common = key->labels;
	else
		compare_nearest(d, key);
}

static inline void
depart(struct qp_descent *d)
{
	d->nearest = NULL;
	d->nearest_labels = d->common = d->nabove = 0;
	d->exact = d->marked = false;
}

static inline __attribute__((always_inline)) void
descend(qp_word w, const struct qp_key *key, struct qp_descent *d)
{
	while (!qp_is_leaf(w))
		w = step(qp_word_branch(w), key, d);
	arrive(d, w, key);
}

static inline __attribute__((always_inline)) void
walk_all(struct qp_errand *v, unsigned n)
{
	struct qp_errand *walking[QP_TOGETHER];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		if (v[i].at != 0 && !qp_is_leaf(v[i].at))
			walking[k++] = &v[i];
	while (k > 0) {
		for (unsigned i = 0; i < k; ) {
			struct qp_errand *e = walking[i];

			e->at = step(qp_word_branch(e->at), e->key, &e->descent);
			__builtin_prefetch(qp_word_memory(e->at));
			if (!qp_is_leaf(e->at)) {
				i++;
				continue;
			}
			__builtin_prefetch((const uint8_t *)qp_word_memory(e->at) + CACHE_LINE);	/* its data */
			walking[i] = walking[--k];
		}
	}
}

static inline __attribute__((always_inline)) qp_word
nearest(qp_word w, const struct qp_key *key)
{
	while (!qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned position = qp_key_at(key, qp_offset(b));

		w = b->twigs[qp_has(b, position) ? qp_rank(b, position) : 0];
	}
	return w;
}

/* From w on to the last leaf before the key, whose first difference to what is below w is known; 0: it is before all of
 * them, and left is what comes before w. */
static inline __attribute__((always_inline)) qp_word
turn_left(qp_word w, qp_word left, const struct qp_key *key, unsigned diff, bool behind)
{
	for (unsigned offset = 0; !qp_is_leaf(w); ) {
		const struct qp_branch *b = qp_word_branch(w);
		uint64_t map = b->map;
		unsigned i;

		if ((offset = (unsigned)(map >> QP_WIDTH)) > diff)
			break;
		i = (unsigned)__builtin_popcountll(map & ((UINT64_C(1) << qp_key_at(key, offset)) - 1));
		if (i > 0)
			left = b->twigs[i - 1];
		behind = behind && offset < diff;	/* or else the key's position is not there */
		if (offset == diff)
			break;
		w = b->twigs[i];
	}
	if (behind)
		left = w;
	while (left != 0 && !qp_is_leaf(left)) {
		const struct qp_branch *b = qp_word_branch(left);

		left = b->twigs[qp_count(b) - 1];
	}
	return left;
}

/* The same as nearest() with the path. */
static inline __attribute__((always_inline)) qp_word
approach(struct qp_cursor *c, qp_word w, const struct qp_key *key)
{
	while (!qp_is_leaf(w)) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned position = qp_key_at(key, qp_offset(b)), i = qp_has(b, position) ? qp_rank(b, position) : 0;

		c->path[c->depth] = b;
		c->twig[c->depth++] = (uint8_t)i;
		w = b->twigs[i];
	}
	return w;
}

#ifdef __x86_64__
bool qp_modern;

__attribute__((constructor)) static void
look_at_processor(void)
{
	qp_modern = __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
	    __builtin_cpu_supports("bmi2");
}

QP_MODERN static void
descend_modern(qp_word root, const struct qp_key *key, struct qp_descent *d)
{
	descend(root, key, d);
}

QP_MODERN static void
walk_all_modern(struct qp_errand *v, unsigned n)
{
	walk_all(v, n);
}

QP_MODERN static qp_word
nearest_modern(qp_word w, const struct qp_key *key)
{
	return nearest(w, key);
}

QP_MODERN static qp_word
turn_left_modern(qp_word w, qp_word left, const struct qp_key *key, unsigned diff, bool behind)
{
	return turn_left(w, left, key, diff, behind);
}

QP_MODERN static qp_word
approach_modern(struct qp_cursor *c, qp_word w, const struct qp_key *key)
{
	return approach(c, w, key);
}
#else
#define approach_modern approach_anywhere
#define nearest_modern nearest_anywhere
#define turn_left_modern turn_left_anywhere
#define descend_modern descend_anywhere
#define walk_all_modern walk_all_anywhere
#endif

static __attribute__((noinline)) void
descend_anywhere(qp_word root, const struct qp_key *key, struct qp_descent *d)
{
	descend(root, key, d);
}

static __attribute__((noinline)) void
walk_all_anywhere(struct qp_errand *v, unsigned n)
{
	walk_all(v, n);
}

static __attribute__((noinline)) qp_word
nearest_anywhere(qp_word w, const struct qp_key *key)
{
	return nearest(w, key);
}

static __attribute__((noinline)) qp_word
turn_left_anywhere(qp_word w, qp_word left, const struct qp_key *key, unsigned diff, bool behind)
{
	return turn_left(w, left, key, diff, behind);
}

static __attribute__((noinline)) qp_word
approach_anywhere(struct qp_cursor *c, qp_word w, const struct qp_key *key)
{
	return approach(c, w, key);
}

const struct qp_leaf *
qp_nearest(qp_word root, const struct qp_key *key)
{
	return qp_word_leaf(qp_modern ? nearest_modern(root, key) : nearest_anywhere(root, key));
}

void
qp_descend(qp_word root, const struct qp_key *key, struct qp_descent *d)
{
	depart(d);
	if (root == 0)
		return;
	if (qp_modern)
		descend_modern(root, key, d);
	else
		descend_anywhere(root, key, d);
}

void
qp_walk_all(struct qp_errand *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		v[i].descent.nabove = 0;
		v[i].descent.marked = false;
	}
	if (qp_modern)
		walk_all_modern(v, n);
	else
		walk_all_anywhere(v, n);
}

bool
qp_is_exact(const struct qp_errand *e)
{
	return e->at != 0 && !qp_word_mark(e->at) && !e->descent.marked && is_named(qp_word_leaf(e->at), e->key);
}

void
qp_arrive(struct qp_errand *e)
{
	if (e->at == 0)
		depart(&e->descent);
	else
		arrive(&e->descent, e->at, e->key);
}

const struct qp_leaf *
qp_wildcard(const struct qp_branch *b, size_t name_len)
{
	const struct qp_leaf *leaf;
	qp_word w;

	if (!qp_has(b, QP_STAR))
		return NULL;
	/* "*" alone sorts before all that begins with it. */
	for (w = b->twigs[qp_rank(b, QP_STAR)]; !qp_is_leaf(w); w = qp_word_branch(w)->twigs[0])
		;
	leaf = qp_word_leaf(w);
	return leaf->name_len == name_len + 2 && dname_is_wildcard(qp_leaf_name(leaf)) ? leaf : NULL;
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
qp_last(struct qp_cursor *c, qp_word root)
{
	c->depth = 0;
	c->leaf = NULL;
	return root == 0 ? NULL : dive(c, root, true);
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

/* The first offset at which the key and a leaf's name differ, and on which side of the name the key is there; QP_SAME:
 * nowhere. */
static unsigned
leaf_diff(const struct qp_key *key, const struct qp_leaf *leaf, bool *behind)
{
	struct qp_descent d;

	d.nearest = leaf;
	compare_nearest(&d, key);
	if (d.common == key->labels && d.parting == NULL)
		return QP_SAME;
	return parting_offset(key, d.common, d.parting, behind);
}

static const struct qp_leaf *
before(qp_word w, qp_word left, const struct qp_key *key, unsigned diff, bool behind)
{
	return qp_word_leaf(qp_modern ? turn_left_modern(w, left, key, diff, behind) :
	    turn_left_anywhere(w, left, key, diff, behind));
}

const struct qp_leaf *
qp_before(const struct qp_branch *branch, const struct qp_key *key, unsigned common, const uint8_t *parting)
{
	bool behind;
	unsigned diff = parting_offset(key, common, parting, &behind);

	return before((qp_word)branch, 0, key, diff, behind);
}

const struct qp_leaf *
qp_seek(struct qp_cursor *c, qp_word root, const uint8_t *name)
{
	struct qp_key key;

	qp_key_init(&key, name);
	return qp_seek_key(c, root, &key);
}

const struct qp_leaf *
qp_seek_key(struct qp_cursor *c, qp_word root, const struct qp_key *key)
{
	unsigned diff, depth;
	bool behind;
	qp_word w;

	c->depth = 0;
	c->leaf = NULL;
	if (root == 0)
		return NULL;
	w = qp_modern ? approach_modern(c, root, key) : approach_anywhere(c, root, key);
	if (is_named(qp_word_leaf(w), key))
		return c->leaf = qp_word_leaf(w);
	if ((diff = leaf_diff(key, qp_word_leaf(w), &behind)) == QP_SAME)
		return c->leaf = qp_word_leaf(w);
	/* Back to where the key leaves the path.  Everything below w agrees with it before diff: at diff there is a
	 * branch without the key's position, or all of it is on one side of the key. */
	for (depth = c->depth; depth > 0 && qp_offset(c->path[depth - 1]) >= diff; depth--)
		w = (qp_word)c->path[depth - 1];
	c->depth = depth;
	if (!qp_is_leaf(w) && qp_offset(qp_word_branch(w)) == diff) {
		const struct qp_branch *b = qp_word_branch(w);
		unsigned i = qp_rank(b, qp_key_at(key, diff));

		if (i > 0) {
			c->path[c->depth] = b;
			c->twig[c->depth++] = (uint8_t)(i - 1);
			dive(c, b->twigs[i - 1], true);
			return NULL;
		}
	} else if (behind) {
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
	if (depth == 0 || qp_offset(c->path[depth - 1]) != 2 * (key.n - 1))
		return c->leaf;
	c->depth = depth - 1;
	return dive(c, (qp_word)c->path[depth - 1], true);
}

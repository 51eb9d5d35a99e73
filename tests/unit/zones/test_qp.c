/* The trie against a sorted array. */
#include <stdlib.h>

#include "tests/unit/check.h"
#include "tests/unit/zones/memory.h"
#include "tests/unit/zones/names.h"
#include "zones/qpbranch.h"

#define ROUNDS 40
#define STEPS 400

struct leaf {
	struct qp_leaf leaf;
	uint8_t name[DNAME_MAX];
};

static struct qp_leaf *
new_leaf(const struct dname *name)
{
	struct leaf *l = malloc(sizeof *l);
	size_t n = dname_len(name->octets);

	assert_non_null(l);
	l->leaf = (struct qp_leaf){ .name_at = offsetof(struct leaf, name), .name_len = (uint8_t)n };
	memcpy(l->name, name->octets, n);
	return &l->leaf;
}

static void
put(struct qp_txn *t, struct names *model, const struct dname *name)
{
	assert_int_equal(qp_put(t, &t->root, new_leaf(name)), ERR_OK);
	names_add(model, name);
}

static int
key_compare(const struct qp_key *a, const struct qp_key *b)
{
	unsigned i = 0;

	while (i < 2 * DNAME_MAX && qp_key_at(a, i) == qp_key_at(b, i))
		i++;
	assert_int_equal(qp_key_diff(a, b), i == 2 * DNAME_MAX ? QP_SAME : i);
	return (int)qp_key_at(a, i) - (int)qp_key_at(b, i);
}

static void
check_keys(const uint8_t *a, const uint8_t *b)
{
	struct qp_key ka, kb;
	int want = dname_compare(a, b), got;
	char ta[DNAME_TEXT_MAX], tb[DNAME_TEXT_MAX];

	qp_key_init(&ka, a);
	qp_key_init(&kb, b);
	got = key_compare(&ka, &kb);
	check((want < 0) == (got < 0) && (want > 0) == (got > 0), "keys of %s and %s: %d, canonical order %d",
	    dname_print(a, ta), dname_print(b, tb), got, want);
}

static void
test_keys_have_canonical_order(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			uint8_t x[] = { 1, (uint8_t)a, 0 }, y[] = { 1, (uint8_t)b, 0 };
			uint8_t longer[] = { 2, (uint8_t)b, 0, 0 }, deeper[] = { 1, (uint8_t)a, 1, (uint8_t)b, 0 };

			check_keys(x, y);
			check_keys(x, longer);
			check_keys(x, deeper);
			check_keys(deeper, longer);
		}
	}
	for (unsigned i = 0; i < 20000; i++) {
		struct dname a = random_name((const uint8_t *)"", 6), b = random_name((const uint8_t *)"", 6);

		check_keys(a.octets, b.octets);
	}
}

static void
test_longest_names(void **state)
{
	struct dname name;
	struct qp_key key;
	uint8_t *p = name.octets;

	(void)state;
	for (unsigned i = 0; i < 127; i++, p += 2)
		memcpy(p, "\1\377", 2);
	*p = 0;
	qp_key_init(&key, name.octets);
	assert_int_equal(key.labels, 127);
	assert_int_equal(key.n, DNAME_MAX);
	assert_int_equal(key.label_at[127], DNAME_MAX - 1);
	p = name.octets;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t n = i < 3 ? 63 : 61;

		*p++ = n;
		memset(p, 255, n);
		p += n;
	}
	*p = 0;
	assert_int_equal(dname_len(name.octets), DNAME_MAX);
	qp_key_init(&key, name.octets);
	assert_int_equal(key.n, DNAME_MAX);
	assert_int_equal(key.label_at[3], 62 + 2 * 64);
}

/* Every name, forwards and backwards. */
static void
check_all(qp_word root, const struct names *model)
{
	struct qp_cursor c;
	const struct qp_leaf *leaf = qp_first(&c, root), *last = NULL;
	size_t i = 0;

	for (; leaf != NULL; leaf = qp_next(&c), i++) {
		check(i < model->n, "the walk ends after %zu names", model->n);
		check(memcmp(qp_leaf_name(leaf), model->v[i].octets, dname_len(model->v[i].octets)) == 0,
		    "name %zu of the walk is the model's", i);
		last = leaf;
	}
	check(i == model->n, "the walk has %zu names, not %zu", model->n, i);
	if (last == NULL)
		return;
	assert_ptr_equal(qp_seek(&c, root, qp_leaf_name(last)), last);
	for (leaf = c.leaf; leaf != NULL; leaf = qp_prev(&c))
		check(dname_equal(qp_leaf_name(leaf), model->v[--i].octets), "name %zu backwards is the model's", i);
	assert_int_equal(i, 0);
}

static void
check_cursor(qp_word root, const struct names *model, const uint8_t *name, size_t i, bool there)
{
	struct qp_cursor c;
	const struct qp_leaf *leaf = qp_seek(&c, root, name);

	assert_int_equal(leaf != NULL, there);
	if (!there) {
		check((c.leaf == NULL) == (i == 0), "there is a predecessor but at the front");
		check(i == 0 || dname_equal(qp_leaf_name(c.leaf), model->v[i - 1].octets), "the predecessor is right");
		if (i > 0) {
			leaf = qp_next(&c);
			check((leaf == NULL) == (i == model->n), "behind it comes the successor");
			check(leaf == NULL || dname_equal(qp_leaf_name(leaf), model->v[i].octets), "the right one");
		}
		return;
	}
	size_t end = i + 1;
	while (end < model->n && dname_is_below(model->v[end].octets, name))
		end++;
	assert_int_equal(qp_has_below(root, name), end > i + 1);
	check(dname_equal(qp_leaf_name(qp_last_below(&c)), model->v[end - 1].octets), "the last below is right");
	leaf = qp_next(&c);
	check((leaf == NULL) == (end == model->n), "then the subtree is left");
	check(leaf == NULL || dname_equal(qp_leaf_name(leaf), model->v[end].octets), "for the next name");
}

/* A key that is made from another's, with which it has n labels in common, is as if made from the name alone. */
static void
check_like(const uint8_t *name, const struct qp_key *key, const struct qp_key *like, unsigned n)
{
	uint8_t octets[DNAME_MAX + QP_KEY_BEHIND] = { 0 };
	struct qp_key made;

	memcpy(octets, name, key->n);
	for (unsigned common = 0; common <= like->labels; common++) {
		bool done = qp_key_init_like(&made, octets, key->n, QP_KEY_BEHIND, like, common);

		check(done == (common <= n), "%u labels of %u", common, n);
		check(!done || (made.n == key->n && made.labels == key->labels &&
		    memcmp(made.label_at, key->label_at, key->labels + 1) == 0 &&
		    memcmp(made.at, key->at, 1 + key->n) == 0), "the same key");
	}
	check(!qp_key_init_like(&made, octets, key->n, QP_KEY_BEHIND - 2, like, 0), "so much behind it may be read");
}

static void
check_common(const uint8_t *name, const uint8_t *other)
{
	unsigned n = dname_labels(name);
	struct qp_key a, b;

	while (!dname_is_below(other, dname_skip(name, dname_labels(name) - n)))
		n--;
	qp_key_init(&a, name);
	qp_key_init(&b, other);
	check(qp_common_labels(&a, &b) == n && qp_common_labels(&b, &a) == n, "%u labels in common", n);
	for (unsigned known = 0; known <= n; known++)
		check(qp_common_labels_from(&a, &b, known) == n, "%u of which %u are known", n, known);
	check_like(name, &a, &b, n);
}

/* The name before it, found from what a descent along it came past. */
static void
check_before(qp_word root, const struct names *model, const uint8_t *name, size_t i, bool there)
{
	const struct qp_leaf *leaf;
	struct qp_descent d;
	struct qp_key key;
	unsigned above;

	qp_key_init(&key, name);
	qp_descend(root, &key, &d);
	for (above = d.nabove; above > 0 && d.above[above - 1].at > key.label_at[d.common]; above--)
		;
	if (there || above == 0 || d.above[above - 1].at != key.label_at[d.common] || d.common == key.labels)
		return;
	leaf = qp_before(d.above[above - 1].branch, &key, d.common, d.parting);
	check(leaf != NULL && dname_equal(qp_leaf_name(leaf), model->v[i - 1].octets), "the one below the encloser");
}

/* The deepest names at or above name, by descent and by looking at all. */
static void
check_above(qp_word root, const struct names *model, const uint8_t *name)
{
	unsigned labels = dname_labels(name), common = 0, above = 0, found = 0;
	struct qp_descent d;
	struct qp_key key;

	qp_key_init(&key, name);
	qp_descend(root, &key, &d);
	for (size_t i = 0; i < model->n; i++) {
		const uint8_t *other = model->v[i].octets;
		unsigned n = labels;

		while (!dname_is_below(other, dname_skip(name, labels - n)))
			n--;
		common = n > common ? n : common;
		if (dname_is_below(name, other) && n < labels)
			above++;
	}
	assert_int_equal(d.common, common);
	for (unsigned i = 0; i < d.nabove && d.above[i].at <= key.label_at[d.common]; i++) {
		check(dname_is_below(name, qp_leaf_name(qp_word_leaf(d.above[i].word))), "an ancestor is one");
		found += qp_word_leaf(d.above[i].word) != d.nearest;
	}
	if (d.nearest != NULL && d.nearest_labels == d.common && d.common < labels)
		found++;
	check(found == above, "%u ancestors, found %u", above, found);
}

static void
check_name(qp_word root, const struct names *model, const struct dname *name)
{
	bool there;
	size_t i = names_at(model, name->octets, &there);

	check((qp_get(root, name->octets) != NULL) == there, "a name is found if it is there");
	check_cursor(root, model, name->octets, i, there);
	check_above(root, model, name->octets);
	check_before(root, model, name->octets, i, there);
	if (model->n > 0)
		check_common(name->octets, model->v[pick((unsigned)model->n)].octets);
	check_common(name->octets, name->octets);
}

static void
test_against_model(void **state)
{
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct qp_txn t = { .number = 1 };
		static struct names model;

		names_seed(round + 1);
		model.n = 0;
		for (unsigned step = 0; step < STEPS; step++) {
			struct dname name = random_name((const uint8_t *)"", 1 + round % 6);

			if (model.n > 0 && pick(3) == 0)
				name = model.v[pick((unsigned)model.n)];
			if (pick(5) < 3) {
				put(&t, &model, &name);
			} else {
				enum err err = qp_remove(&t, &t.root, name.octets);

				assert_int_equal(err, names_remove(&model, name.octets) ? ERR_OK : ERR_NOT_FOUND);
			}
			check_name(t.root, &model, &name);
			name = random_name((const uint8_t *)"", 6);
			check_name(t.root, &model, &name);
			if (step % 16 == 0)
				check_all(t.root, &model);
		}
		while (model.n > 0) {
			struct dname name = model.v[pick((unsigned)model.n)];

			assert_int_equal(qp_remove(&t, &t.root, name.octets), ERR_OK);
			names_remove(&model, name.octets);
			check_all(t.root, &model);
		}
		assert_true(t.root == 0);
		qp_bag_forget(&t.retired);
		check(memory_live() == live, "what was born in one transaction is freed in it");
	}
}

/* Labels before one end: each is found, or what comes before it. */
static void
check_label(qp_word root, const struct names *model, const struct dname *name, const uint8_t *end)
{
	uint8_t label[64];
	unsigned n = name->octets[0];
	const struct qp_leaf *leaf;
	bool there, exact;
	size_t at = names_at(model, name->octets, &there);

	for (unsigned i = 0; i < n; i++)
		label[i] = qp_lower_octet(name->octets[1 + i]);
	leaf = qp_label_at_or_before(root, label, n, (unsigned)dname_len(end), &exact);
	at += there;
	check(exact == there && (leaf == NULL) == (at == 0), "there is one at or before it, or not");
	check(leaf == NULL || dname_equal(qp_leaf_name(leaf), model->v[at - 1].octets), "it is the right one");
}

static struct dname
random_child(const uint8_t *end)
{
	struct dname name;

	do
		name = random_name(end, 1);
	while (dname_equal(name.octets, end));
	return name;
}

static void
test_labels(void **state)
{
	static const char *const ends[] = { "", "\1z", "\4Some\4zone" };

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		const uint8_t *end = (const uint8_t *)ends[round % 3];
		struct qp_txn t = { .number = 1 };
		static struct names model;

		names_seed(round + 1);
		model.n = 0;
		for (unsigned step = 0; step < STEPS; step++) {
			struct dname name = random_child(end);

			if (model.n > 0 && pick(3) == 0)
				name = model.v[pick((unsigned)model.n)];
			if (pick(5) < 3)
				put(&t, &model, &name);
			else if (qp_remove(&t, &t.root, name.octets) == ERR_OK)
				names_remove(&model, name.octets);
			check_label(t.root, &model, &name, end);
			name = random_child(end);
			check_label(t.root, &model, &name, end);
		}
		qp_free_births(t.root, t.number);
		qp_bag_forget(&t.retired);
	}
}

/* Each transaction leaves the versions before it as they were; undone, it leaves nothing. */
static void
test_old_roots_stay(void **state)
{
	enum { VERSIONS = 30 };
	static struct names models[VERSIONS];
	struct qp_bag garbage = { NULL };
	qp_word roots[VERSIONS] = { 0 };
	long live = memory_live();

	(void)state;
	names_seed(77);
	for (unsigned v = 1; v < VERSIONS; v++) {
		struct qp_txn t = { .root = roots[v - 1], .number = v };
		long before = memory_live();
		bool undo = pick(3) == 0;

		models[v] = models[v - 1];
		for (unsigned i = pick(30); i > 0; i--) {
			struct dname name = random_name((const uint8_t *)"\1a", 4);

			if (models[v].n > 0 && pick(2) == 0)
				name = models[v].v[pick((unsigned)models[v].n)];
			if (pick(3) > 0)
				put(&t, &models[v], &name);
			else if (qp_remove(&t, &t.root, name.octets) == ERR_OK)
				names_remove(&models[v], name.octets);
		}
		check_all(t.root, &models[v]);
		if (undo) {
			qp_free_births(t.root, t.number);
			qp_bag_forget(&t.retired);
			assert_int_equal(memory_live(), before);
			t.root = roots[v - 1];
			models[v] = models[v - 1];
		}
		qp_bag_join(&garbage, &t.retired);
		roots[v] = t.root;
		for (unsigned old = 0; old <= v; old++)
			check_all(roots[old], &models[old]);
	}
	qp_bag_free(&garbage);
	check_all(roots[VERSIONS - 1], &models[VERSIONS - 1]);
	qp_free_all(roots[VERSIONS - 1]);
	assert_int_equal(memory_live(), live);
}

static void
test_bulk_build(void **state)
{
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		static struct names model;
		struct qp_build *b;
		qp_word root;

		names_seed(1000 + round);
		model.n = 0;
		for (unsigned n = round == 0 ? 0 : 1 + pick(300); n > 0; n--) {
			struct dname name = random_name((const uint8_t *)"", 1 + round % 5);

			names_add(&model, &name);
		}
		assert_int_equal(qp_build_new(1, &b), ERR_OK);
		for (size_t i = 0; i < model.n; i++)
			assert_int_equal(qp_build_add(b, new_leaf(&model.v[i])), ERR_OK);
		if (round % 4 == 3) {
			qp_build_free(b);
			assert_int_equal(memory_live(), live);
			continue;
		}
		assert_int_equal(qp_build_end(b, &root), ERR_OK);
		check_all(root, &model);
		for (size_t i = 0; i < model.n; i++)
			check_name(root, &model, &model.v[i]);
		qp_free_all(root);
		assert_int_equal(memory_live(), live);
	}
}

static qp_word
build_some(const struct names *model, size_t from, size_t to)
{
	struct qp_build *b;
	qp_word root;

	assert_int_equal(qp_build_new(1, &b), ERR_OK);
	for (size_t i = from; i < to; i++)
		assert_int_equal(qp_build_add(b, new_leaf(&model->v[i])), ERR_OK);
	assert_int_equal(qp_build_end(b, &root), ERR_OK);
	return root;
}

/* Built in two pieces it is the same trie; and while there is no memory to join them they stay what they were. */
static void
test_join(void **state)
{
	long live = memory_live();

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		static struct names model;
		qp_word left, right, root = 0;
		size_t middle;
		enum err err;

		names_seed(2000 + round);
		model.n = 0;
		for (unsigned n = pick(200); n > 0; n--) {
			struct dname name = random_name((const uint8_t *)"", 1 + round % 5);

			names_add(&model, &name);
		}
		middle = pick((unsigned)model.n + 1);
		left = build_some(&model, 0, middle);
		right = build_some(&model, middle, model.n);
		for (long nth = 1; ; nth++) {
			memory_fail_nth(nth);
			err = qp_join(1, left, right, &root);
			if (memory_fail_left() > 0)
				break;
			assert_int_equal(err, ERR_NOMEM);
		}
		memory_fail_nth(0);
		assert_int_equal(err, ERR_OK);
		check_all(root, &model);
		for (size_t i = 0; i < model.n; i++)
			check_name(root, &model, &model.v[i]);
		long joined = memory_live();
		qp_word whole = build_some(&model, 0, model.n);
		check(memory_live() - joined == joined - live, "round %u: as many branches as in one piece", round);
		qp_free_all(whole);
		qp_free_all(root);
		assert_int_equal(memory_live(), live);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_have_canonical_order),
		cmocka_unit_test(test_longest_names),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_old_roots_stay),
		cmocka_unit_test(test_bulk_build),
		cmocka_unit_test(test_join),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

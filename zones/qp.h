/* zones/qp.h -- a copy-on-write qp-trie: domain names in canonical order (RFC 4034, section 6.1).
 *
 * The idea.  A name becomes a key: its labels from the root down in lower case, a stop behind each and one more at
 * the end.  An octet of the key stands for two positions of a bitmap, at offsets 2i and 2i + 1: the common host name
 * characters have a first position of their own, the others share an escape and are told apart by the second.  The
 * stop sorts first and the positions keep the order of the octets, so the order of the keys is the canonical order
 * of the names.  A branch stands at the first offset at which the keys below it differ: a bitmap of the positions
 * that occur there, and as many twigs, packed.  A twig is another branch or a leaf, told apart by its low bit.
 * Offsets at which nothing differs have no branch: whoever comes to a leaf has still to compare its name.
 *
 * Versions.  Branches and leaves are immutable for everybody but the transaction in which they were born; a
 * transaction copies the path to what it changes and puts what it replaced into its bag of retired things.  A
 * version is just a root.  Who frees the bags, and when, is zones/qpstore.h. */
#ifndef ZONES_QP_H
#define ZONES_QP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/dname.h"

#define QP_DEPTH_MAX (2 * DNAME_MAX)	/* branches on one path */
#define QP_WIDTH 48			/* positions in a bitmap */
#define QP_STOP 'A'			/* in lower case there is none */

struct qp_key {
	const uint8_t *name;		/* borrowed */
	unsigned n;			/* octets of the name, and of the key */
	unsigned labels;		/* without the root label */
	uint8_t label_at[DNAME_LABELS_MAX + 1];	/* index of each label, the top one first; last: the end */
	uint8_t at[1 + DNAME_MAX + 16];	/* octet i of the key at 1 + i; at 0 a stop: labels begin behind stops */
};

void qp_key_init(struct qp_key *key, const uint8_t *name);
void qp_key_init_behind(struct qp_key *key, const uint8_t *name, size_t behind);	/* as below */

/* The same where it is known at which offsets of the name its n labels begin, and how many octets behind it may be
 * read; QP_KEY_BEHIND spare a copy. */
#define QP_KEY_BEHIND 15
void qp_key_of_labels(struct qp_key *key, const uint8_t *name, const uint8_t *labels, unsigned n, unsigned name_len,
    size_t behind);

/* The same for a name of so many octets that may end like another, with so many labels in common (or more): those are copied.
 * False: it does not, or too little behind it may be read. */
bool qp_key_init_like(struct qp_key *key, const uint8_t *name, unsigned name_len, size_t behind, const struct qp_key *like,
    unsigned common);

/* How many labels both names have in common, from the root. */
unsigned qp_common_labels(const struct qp_key *a, const struct qp_key *b);

/* The same where it is known that they have so many. */
static inline unsigned
qp_common_labels_from(const struct qp_key *a, const struct qp_key *b, unsigned known)
{
	unsigned at = 1u + a->label_at[known];

	return a->at[at] != b->at[at] || known == a->labels ? known : qp_common_labels(a, b);
}

/* What the trie must know of a leaf; the name stands name_at octets behind the leaf's begin.  A leaf is one
 * allocation (malloc()); the fields behind mark are the owner's. */
struct qp_leaf {
	uint64_t birth;			/* set by the trie */
	uint8_t name_at, name_len;
	bool mark;			/* shown in struct qp_above without a look at the leaf */
	uint8_t flags;
	uint16_t count;
};

static inline const uint8_t *
qp_leaf_name(const struct qp_leaf *leaf)
{
	return (const uint8_t *)leaf + leaf->name_at;
}

typedef uintptr_t qp_word;		/* 0: nothing; a branch; or a leaf with its tag bits */

/* Retired branches and leaves, in chunks. */
struct qp_chunk;
struct qp_bag {
	struct qp_chunk *head, *tail;
};					/* zero-initialise */

/* Empty the bag: what was born at or before number keep goes to *to, the rest is freed.  False: the budget of items,
 * which is lowered by what was looked at, did not suffice, and there is more.  Allocates nothing. */
bool qp_bag_sift(struct qp_bag *from, struct qp_bag *to, uint64_t keep, size_t *budget);
void qp_bag_join(struct qp_bag *to, struct qp_bag *from);	/* from is empty after; takes no time */
void qp_bag_forget(struct qp_bag *bag);				/* frees no items */
void qp_bag_free(struct qp_bag *bag);
void qp_bag_free_later(struct qp_bag *bag);			/* by liburcu's thread, where it is much */

struct qp_txn {
	qp_word root;
	qp_word side;			/* a second trie with the same versions; 0 where none is needed */
	uint64_t number;		/* births of this transaction carry it */
	struct qp_bag retired;
};

/* Put a leaf in, in place of the one with its name; root is t's root or its side.  ERR_OK: the leaf is the trie's.
 * ERR_NOMEM: it is still the caller's, and the trie has the same names as before. */
enum err qp_put(struct qp_txn *t, qp_word *root, struct qp_leaf *leaf);

/* ERR_NOT_FOUND, ERR_NOMEM (nothing was removed). */
enum err qp_remove(struct qp_txn *t, qp_word *root, const uint8_t *name);

/* Free all that was born with this number: the undoing of a transaction, whose root this is. */
void qp_free_births(qp_word root, uint64_t number);
void qp_free_all(qp_word root);

const struct qp_leaf *qp_get(qp_word root, const uint8_t *name);
const struct qp_leaf *qp_get_key(qp_word root, const struct qp_key *key);

/* Is there a name strictly below this one, which is in the trie? */
bool qp_has_below(qp_word root, const uint8_t *name);

/* What one descent along a key came past: an entry for each branch that has a leaf ending where a label of the key
 * begins.  Those with at <= key.label_at[common] are ancestors of the key's name; the rest is chance. */
struct qp_branch;
struct qp_above {
	const struct qp_branch *branch;
	qp_word word;
	unsigned at;			/* index in the key */
};
struct qp_descent {
	const struct qp_leaf *nearest;	/* shares with the key as much as any; NULL: an empty trie */
	unsigned nearest_labels;
	unsigned common;		/* labels that both names have in common, from the root */
	const uint8_t *parting;		/* the nearest's next label below those; NULL: none; unless exact */
	bool exact;			/* the nearest has the key's name */
	bool marked;			/* one of above, or the nearest, has a mark */
	unsigned nabove;
	struct qp_above above[DNAME_LABELS_MAX + 1];
};
void qp_descend(qp_word root, const struct qp_key *key, struct qp_descent *d);

/* Up to QP_TOGETHER descents in lock step, so that their waits for memory overlap.  They end at a leaf; what it means
 * is looked at afterwards, as far as somebody wants to know. */
#define QP_TOGETHER 32
struct qp_errand {
	qp_word at;			/* first the root; in the end the nearest leaf, or 0 */
	const struct qp_key *key;
	struct qp_descent descent;	/* nearest and so on after qp_arrive() */
};
void qp_walk_all(struct qp_errand *v, unsigned n);
bool qp_is_exact(const struct qp_errand *e); /* is the leaf the key's name, and neither it nor one above it marked? */
void qp_arrive(struct qp_errand *e);

static inline const struct qp_leaf *
qp_word_leaf(qp_word w)
{
	return (const struct qp_leaf *)(w & ~(qp_word)7);
}

static inline bool
qp_word_mark(qp_word w)
{
	return (w & 2) != 0;
}

/* The wildcard below the name whose branch this is ("*." and that name); NULL: none. */
const struct qp_leaf *qp_wildcard(const struct qp_branch *branch, size_t name_len);

/* A place in the order.  Valid as long as the root is. */
struct qp_cursor {
	unsigned depth;			/* branches above the leaf */
	const struct qp_branch *path[QP_DEPTH_MAX];
	uint8_t twig[QP_DEPTH_MAX];
	const struct qp_leaf *leaf;	/* NULL: nowhere */
};
const struct qp_leaf *qp_first(struct qp_cursor *c, qp_word root);
const struct qp_leaf *qp_last(struct qp_cursor *c, qp_word root);
const struct qp_leaf *qp_next(struct qp_cursor *c);
const struct qp_leaf *qp_prev(struct qp_cursor *c);

/* Go to this name; when it is not there NULL, and the cursor stands on its predecessor (if any). */
const struct qp_leaf *qp_seek(struct qp_cursor *c, qp_word root, const uint8_t *name);
const struct qp_leaf *qp_seek_key(struct qp_cursor *c, qp_word root, const struct qp_key *key);

/* Where all names are one label before the same end, of so many octets: the leaf whose label this is (*exact), n octets in
 * lower case, or the one before it; NULL: none. */
const struct qp_leaf *qp_label_at_or_before(qp_word root, const uint8_t *label, unsigned n, unsigned end_len,
    bool *exact);

/* The leaf before a key whose descent found no leaf of that name: branch is that of the deepest name above, which has
 * common labels, and parting what the descent gave. */
const struct qp_leaf *qp_before(const struct qp_branch *branch, const struct qp_key *key, unsigned common,
    const uint8_t *parting);

/* The last name at or below the one the cursor stands on; qp_next() then leaves its subtree. */
const struct qp_leaf *qp_last_below(struct qp_cursor *c);

/* Bulk building: leaves in canonical order, no name twice, in linear time, each branch in its final size. */
struct qp_build;
enum err qp_build_new(uint64_t number, struct qp_build **out);
enum err qp_build_add(struct qp_build *b, struct qp_leaf *leaf);	/* ERR_NOMEM: the leaf is the caller's */
enum err qp_build_end(struct qp_build *b, qp_word *root);	/* ERR_OK frees b */
void qp_build_free(struct qp_build *b);				/* and all that was added */

/* One trie from two that were built under this number, where all names of left come before all of right; either may be
 * 0.  ERR_OK: both are in *root.  ERR_NOMEM: they are as they were. */
enum err qp_join(uint64_t number, qp_word left, qp_word right, qp_word *root);

#endif

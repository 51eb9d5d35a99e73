/* zones/qpstore.h -- the versions of one trie: who may see them, and when what they do not share is freed.
 *
 * A transaction makes a version: open (being changed), then sealed (complete, the writer's alone), then published
 * (current, or replaced by a later one).  Each version has a counter: one for the store's own hold, which ends when
 * the grace period after its replacement is over (or with its abort), and one for every reference.  Readers may
 * take a reference only while the store holds it too, so a counter that came to 0 stays there: such a version is
 * dead, and whoever brought it to 0, on whatever thread, pushes it onto a lock-free stack.  The writer takes them
 * from there when it passes by.
 *
 * Garbage.  What a transaction replaced was part of the versions from its birth up to the one before.  On publishing
 * it goes into the bag of the newest of those.  When that version is dead its bag is sifted: what an older
 * version, still alive, may have (born at or before its number) moves on to that one's bag; the rest is freed.  So
 * a version that is held for long keeps only what it had itself, and each thing is looked at once for each
 * version that dies above it.  That is done a slice at a time, on the writer's thread; what remains where no version
 * is older goes as a whole to liburcu's thread, which frees it.
 *
 * One writer at a time.  The publishing and freeing thread is registered with RCU and online. */
#ifndef ZONES_QPSTORE_H
#define ZONES_QPSTORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "zones/qp.h"
#include "zones/rcu.h"

struct qp_store;

struct qp_version {
	struct qp_txn t;		/* t.retired: what this version's transaction replaced, until it is published */
	void *attached;			/* one allocation, freed with it; may be NULL.  Here, where readers look anyway */
	struct qp_store *store;
	struct qp_version *older, *newer;	/* all that are not freed, by number */
	struct qp_version *base;	/* what it was made from, until it is published; held once it is aborted */
	struct qp_bag bag;		/* garbage of which this is the newest user */
	atomic_uint holds;
	bool aborted;			/* sealed, then undone: its births are its own garbage */
	union {
		struct rcu_head rcu;		/* until its holds are gone */
		struct qp_version *next_dead;	/* in dead, then in dying */
	};
};

struct qp_store {
	_Atomic(struct qp_version *) current;	/* what readers see */
	struct qp_version *newest;	/* sealed or published */
	struct qp_version *open;
	struct qp_version *oldest, *latest;	/* ends of the list */
	uint64_t number;		/* the last one given out */
	_Atomic(struct qp_version *) dead;
	struct qp_version *dying;	/* taken from there, and not yet freed */
	atomic_uint users;		/* versions not dead, and the owner */
	uint32_t version_size;		/* of a struct that begins with struct qp_version */
	struct rcu_head rcu;
	void (*free)(struct qp_store *s);	/* frees the struct itself, at the very end */
};

void qp_store_init(struct qp_store *s, uint32_t version_size, void (*free)(struct qp_store *s));

/* The owner lets go: aborts what is not published, unpublishes.  Readers in RCU sections may still have s and
 * its versions; all is freed, by s->free in the end, after them and after the last reference. */
void qp_store_drop(struct qp_store *s);

enum err qp_store_begin(struct qp_store *s);		/* s->open is the new transaction; none is open before */
void qp_store_seal(struct qp_store *s);			/* s->newest is the sealed version */
void qp_store_abort(struct qp_store *s);		/* the open one, else the newest if it is not published */
void qp_store_publish(struct qp_store *s);

/* Free what no reader can see any more; also done by begin and publish.  Never waits, nor takes long: where a version
 * that is held has to keep some of very much, the rest comes with the next calls; very much that nobody needs is left
 * to liburcu's thread.  True: all there is. */
bool qp_store_reclaim(struct qp_store *s);

static inline struct qp_version *
qp_store_current(const struct qp_store *s)
{
	return atomic_load_explicit(&s->current, memory_order_acquire);
}

void qp_version_ref(struct qp_version *v);
void qp_version_unref(struct qp_version *v);		/* any thread */

#endif

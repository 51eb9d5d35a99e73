#include "zones/qpstore.h"

#include <assert.h>
#include <stdlib.h>

#define SIFT_MAX 16384		/* retired things that one call looks at: a millisecond or two */

void
qp_store_init(struct qp_store *s, uint32_t version_size, void (*free_store)(struct qp_store *))
{
	*s = (struct qp_store){ .version_size = version_size, .free = free_store };
	atomic_init(&s->current, NULL);
	atomic_init(&s->dead, NULL);
	atomic_init(&s->users, 1);
}

static void
version_free(struct qp_version *v)
{
	free(v->attached);
	free(v);
}

static void
free_births(const struct qp_version *v)
{
	qp_free_births(v->t.root, v->t.number);
	qp_free_births(v->t.side, v->t.number);
}

static void
free_all(const struct qp_version *v)
{
	qp_free_all(v->t.root);
	qp_free_all(v->t.side);
}

/* The last user is gone, and so every version is dead: free them, and all that any of them had. */
static void
destroy(struct qp_store *s)
{
	for (struct qp_version *v = s->latest; v != NULL; v = v->older)
		if (v->aborted)
			free_births(v);
	for (struct qp_version *v = s->oldest, *newer; v != NULL; v = newer) {
		newer = v->newer;
		qp_bag_free(&v->bag);
		if (v == s->newest)
			free_all(v);		/* what is in the newest is in no bag */
		version_free(v);
	}
	s->free(s);
}

static void
leave(struct qp_store *s)
{
	if (atomic_fetch_sub_explicit(&s->users, 1, memory_order_acq_rel) == 1)
		destroy(s);
}

void
qp_version_ref(struct qp_version *v)
{
	atomic_fetch_add_explicit(&v->holds, 1, memory_order_relaxed);
}

static void
bury(struct qp_version *v)
{
	struct qp_store *s = v->store;

	v->next_dead = atomic_load_explicit(&s->dead, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&s->dead, &v->next_dead, v, memory_order_release,
	    memory_order_relaxed))
		;
	leave(s);				/* v may be freed by now */
}

void
qp_version_unref(struct qp_version *v)
{
	while (v != NULL && atomic_fetch_sub_explicit(&v->holds, 1, memory_order_acq_rel) == 1) {
		struct qp_version *base = v->base;

		bury(v);
		v = base;
	}
}

static void
on_version_grace(struct rcu_head *head)
{
	rcu_order_after();
	qp_version_unref(caa_container_of(head, struct qp_version, rcu));
}

static void
on_store_grace(struct rcu_head *head)
{
	rcu_order_after();
	leave(caa_container_of(head, struct qp_store, rcu));
}

static void
unlink_version(struct qp_store *s, struct qp_version *v)
{
	*(v->older != NULL ? &v->older->newer : &s->oldest) = v->newer;
	*(v->newer != NULL ? &v->newer->older : &s->latest) = v->older;
}

/* The dead in the order in which they died: an aborted one before its base. */
static void
take_dead(struct qp_store *s)
{
	struct qp_version *dead = atomic_exchange_explicit(&s->dead, NULL, memory_order_acquire), *v = NULL, *next;
	struct qp_version **end = &s->dying;

	for (; dead != NULL; dead = next) {
		next = dead->next_dead;
		dead->next_dead = v;
		v = dead;
	}
	while (*end != NULL)
		end = &(*end)->next_dead;
	*end = v;
}

/* False: there is more in its bag than the budget allows to look at. */
static bool
dispose(struct qp_version *v, size_t *budget)
{
	if (v->aborted)
		free_births(v);
	v->aborted = false;
	if (v->older != NULL)
		return qp_bag_sift(&v->bag, &v->older->bag, v->older->t.number, budget);
	qp_bag_free_later(&v->bag);
	return true;
}

bool
qp_store_reclaim(struct qp_store *s)
{
	size_t budget = SIFT_MAX;

	take_dead(s);
	for (struct qp_version *v; (v = s->dying) != NULL && dispose(v, &budget); ) {
		s->dying = v->next_dead;
		unlink_version(s, v);
		version_free(v);
	}
	return s->oldest == s->latest;
}

enum err
qp_store_begin(struct qp_store *s)
{
	struct qp_version *v;

	assert(s->open == NULL);
	qp_store_reclaim(s);
	if ((v = calloc(1, s->version_size)) == NULL)
		return ERR_NOMEM;
	v->t.number = ++s->number;
	v->t.root = s->newest == NULL ? 0 : s->newest->t.root;
	v->t.side = s->newest == NULL ? 0 : s->newest->t.side;
	v->base = s->newest;
	v->store = s;
	atomic_init(&v->holds, 1);
	s->open = v;
	return ERR_OK;
}

void
qp_store_seal(struct qp_store *s)
{
	struct qp_version *v = s->open;

	assert(v != NULL);
	s->open = NULL;
	v->older = s->latest;
	*(s->latest != NULL ? &s->latest->newer : &s->oldest) = v;
	s->latest = v;
	s->newest = v;
	atomic_fetch_add_explicit(&s->users, 1, memory_order_relaxed);
}

void
qp_store_abort(struct qp_store *s)
{
	struct qp_version *v = s->open;

	if (v != NULL) {
		s->open = NULL;
		free_births(v);
		qp_bag_forget(&v->t.retired);
		version_free(v);
		return;
	}
	v = s->newest;
	if (v == NULL || v == qp_store_current(s))
		return;
	s->newest = v->base;
	if (v->base != NULL)
		qp_version_ref(v->base);
	v->aborted = true;
	qp_bag_forget(&v->t.retired);	/* its base has all that again; v itself, if referenced, shares it */
	qp_version_unref(v);
	qp_store_reclaim(s);
}

void
qp_store_publish(struct qp_store *s)
{
	struct qp_version *old = qp_store_current(s), *v = s->newest, *base;

	if (v == old)
		return;
	atomic_store_explicit(&s->current, v, memory_order_release);
	for (; v != old; v = base) {
		base = v->base;
		v->base = NULL;
		if (v->older != NULL)
			qp_bag_join(&v->older->bag, &v->t.retired);
		else
			qp_bag_forget(&v->t.retired);	/* the first version replaced nothing: at most an empty chunk */
		if (v != s->newest)
			qp_version_unref(v);	/* was never visible: nobody to wait for */
	}
	if (old != NULL) {
		rcu_order_before();
		call_rcu(&old->rcu, on_version_grace);
	}
	qp_store_reclaim(s);
}

void
qp_store_drop(struct qp_store *s)
{
	struct qp_version *old = qp_store_current(s);

	while (s->open != NULL || s->newest != old)
		qp_store_abort(s);
	atomic_store_explicit(&s->current, NULL, memory_order_release);
	rcu_order_before();
	if (old != NULL)
		call_rcu(&old->rcu, on_version_grace);
	call_rcu(&s->rcu, on_store_grace);
}

/* zones/qpbag.c -- bags of what was retired. */
#include <stdlib.h>
#include <string.h>

#include "zones/qpbranch.h"
#include "zones/rcu.h"

#define CHUNK_ITEMS 60

struct qp_chunk {
	struct qp_chunk *next;
	size_t n;
	struct rcu_head rcu;		/* for qp_bag_free_later() */
	qp_word items[CHUNK_ITEMS];
};

static void
add_chunk(struct qp_bag *bag, struct qp_chunk *c)
{
	if ((c->next = bag->head) == NULL)
		bag->tail = c;
	bag->head = c;
}

bool
qp_bag_reserve(struct qp_bag *bag, size_t n)
{
	struct qp_chunk *c = bag->head;

	if (c != NULL && CHUNK_ITEMS - c->n >= n)
		return true;
	if ((c = malloc(sizeof *c)) == NULL)
		return false;
	c->n = 0;
	add_chunk(bag, c);
	return true;
}

void
qp_bag_put(struct qp_bag *bag, qp_word item)
{
	bag->head->items[bag->head->n++] = item;
}

/* Nearly empty chunks are merged, so that a version held for long does not keep one for each commit. */
static void
take_chunk(struct qp_bag *bag, struct qp_chunk *c)
{
	struct qp_chunk *head = bag->head;

	if (c->n > 0 && (head == NULL || CHUNK_ITEMS - head->n < c->n)) {
		add_chunk(bag, c);
		return;
	}
	if (c->n > 0) {
		memcpy(head->items + head->n, c->items, c->n * sizeof c->items[0]);
		head->n += c->n;
	}
	free(c);
}

void
qp_bag_join(struct qp_bag *to, struct qp_bag *from)
{
	if (from->head != NULL && from->head == from->tail) {
		take_chunk(to, from->head);
	} else if (from->head != NULL) {
		if ((from->tail->next = to->head) == NULL)
			to->tail = from->tail;
		to->head = from->head;
	}
	*from = (struct qp_bag){ 0 };
}

bool
qp_bag_sift(struct qp_bag *from, struct qp_bag *to, uint64_t keep, size_t *budget)
{
	struct qp_chunk *c;

	while ((c = from->head) != NULL && *budget > 0) {
		size_t kept = 0;

		*budget -= c->n < *budget ? c->n : *budget;
		from->head = c->next;
		for (size_t i = 0; i < c->n; i++) {
			if (qp_word_birth(c->items[i]) <= keep)
				c->items[kept++] = c->items[i];
			else
				free(qp_word_memory(c->items[i]));
		}
		c->n = kept;
		take_chunk(to, c);
	}
	if (from->head == NULL)
		from->tail = NULL;
	return from->head == NULL;
}

static void
free_chunks(struct qp_chunk *c)
{
	for (struct qp_chunk *next; c != NULL; c = next) {
		next = c->next;
		for (size_t i = 0; i < c->n; i++)
			free(qp_word_memory(c->items[i]));
		free(c);
	}
}

void
qp_bag_free(struct qp_bag *bag)
{
	free_chunks(bag->head);
	*bag = (struct qp_bag){ 0 };
}

static void
on_free(struct rcu_head *head)
{
	rcu_order_after();
	free_chunks(caa_container_of(head, struct qp_chunk, rcu));
}

void
qp_bag_free_later(struct qp_bag *bag)
{
	struct qp_chunk *c = bag->head;

	if (c == bag->tail) {
		qp_bag_free(bag);
		return;
	}
	*bag = (struct qp_bag){ 0 };
	rcu_order_before();
	call_rcu(&c->rcu, on_free);
}

void
qp_bag_forget(struct qp_bag *bag)
{
	for (struct qp_chunk *c = bag->head, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	*bag = (struct qp_bag){ 0 };
}

/* What is to be done with each line of a text, and what comes behind which of them, so that it says what is wanted. */
#include "zones/editor_internal.h"

#include <stdlib.h>

#include "base/parallel.h"
#include "wire/rrtype.h"
#include "zones/check.h"
#include "zones/rrsort.h"

#define FEW 10000			/* lines that one thread sorts */

static enum err
sort_lines(struct editor *e)
{
	struct rr_order *order;
	size_t i = 1;
	enum err err;

	if ((e->by_rr = calloc(e->n + 1, sizeof(struct editor_line *))) == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < e->n; k++)
		e->by_rr[k] = &e->lines[k];
	while (i < e->n && rr_compare(&e->lines[i - 1].rr, &e->lines[i].rr) <= 0)
		i++;
	if (i >= e->n)
		return ERR_OK;
	if ((order = calloc(e->n, sizeof *order)) == NULL)
		return ERR_NOMEM;
	for (size_t k = 0; k < e->n; k++) {
		order[k].rr = &e->lines[k].rr;
		rr_order_key(order[k].rr->owner, e->apex, order[k].key);
	}
	err = rr_order_sort(order, e->n, e->n < FEW ? 1 : parallel_cpus());
	for (size_t k = 0; err == ERR_OK && k < e->n; k++)
		e->by_rr[k] = &e->lines[(const struct editor_line *)(const void *)order[k].rr - e->lines];
	free(order);
	return err;
}

/* Addresses outside of the zone are loaded when they are an apex server's; the rest is not ours to remove. */
static bool
is_loaded(const struct editor *e, const struct rr *rr, const struct rr_list *wanted)
{
	return dname_is_below(rr->owner, e->apex) || ((rr->type == TYPE_A || rr->type == TYPE_AAAA) &&
	    zone_check_is_apex_server(e->apex, wanted, rr->owner));
}

/* Lines that say the same RR twice stay or go together. */
static void
compare(struct editor *e, const struct rr_list *wanted, struct editor_come *come)
{
	size_t i = 0, j = 0;

	while (i < e->n || j < wanted->n) {
		struct editor_line *l = i < e->n ? e->by_rr[i] : NULL;
		const struct rr *rr = j < wanted->n ? &wanted->v[j] : NULL;
		int d = l == NULL ? 1 : rr == NULL ? -1 : rr_same(&l->rr, rr) ? 0 : rr_compare(&l->rr, rr);

		if (l != NULL && rr != NULL && l->rr.type == TYPE_SOA && rr->type == TYPE_SOA && d != 0) {
			l->becomes = rr;
			l->want_ttl = rr->ttl;
			i++;
			j++;
		} else if (d > 0) {
			come->v[come->n++].rr = rr;
			j++;
		} else if (d < 0) {
			l->gone = is_loaded(e, &l->rr, wanted);
			i++;
		} else {
			for (; i < e->n && rr_same(&e->by_rr[i]->rr, rr); i++)
				e->by_rr[i]->want_ttl = rr->ttl;
			j++;
		}
	}
}

static bool
same_rrset(const struct rr *a, const struct rr *b)
{
	return a->type == b->type && dname_equal(a->owner, b->owner);
}

/* A line that goes becomes one that comes of the same RRset.  What is left of come has no line yet. */
static void
pair(struct editor *e, struct editor_come *come)
{
	size_t left = 0, i = 0, first = 0;

	for (size_t j = 0; j < come->n; j++) {
		const struct rr *rr = come->v[j].rr;
		struct editor_line *l = NULL;

		if (j == 0 || !dname_equal(come->v[j - 1].rr->owner, rr->owner))
			first = editor_first_of(e, rr->owner);
		i = i > first ? i : first;
		while (i < e->n && dname_equal(e->by_rr[i]->rr.owner, rr->owner) && e->by_rr[i]->rr.type < rr->type)
			i++;
		for (; l == NULL && i < e->n && same_rrset(&e->by_rr[i]->rr, rr); i++)
			if (e->by_rr[i]->gone && !e->by_rr[i]->generated)
				l = e->by_rr[i];
		if (l == NULL) {
			come->v[left++].rr = rr;
			continue;
		}
		l->gone = false;
		l->becomes = rr;
		l->want_ttl = rr->ttl;
	}
	come->n = left;
}

/* One TTL per RRset is wanted, the text may have several, of which the smallest counts: only what is in the way of that
 * is changed.  Signatures have their own. */
static void
settle_ttls(struct editor *e)
{
	for (size_t i = 0, end; i < e->n; i = end) {
		bool exact = false;

		for (end = i; end < e->n && same_rrset(&e->by_rr[i]->rr, &e->by_rr[end]->rr); end++)
			if (!e->by_rr[end]->gone && e->by_rr[end]->want_ttl == e->by_rr[end]->rr.ttl)
				exact = true;
		for (size_t k = i; k < end && exact && e->by_rr[k]->rr.type != TYPE_RRSIG; k++)
			if (e->by_rr[k]->want_ttl < e->by_rr[k]->rr.ttl)
				e->by_rr[k]->want_ttl = e->by_rr[k]->rr.ttl;
	}
}

/* Its owner's RRs come first behind a line, then those of others. */
static void
put_behind(struct editor_line *l, struct editor_new *x)
{
	struct editor_new **p = &l->first;

	if (l->last != NULL && (!dname_equal(x->rr->owner, l->rr.owner) ||
	    dname_equal(l->last->rr->owner, l->rr.owner)))
		p = &l->last->next;
	while (*p != NULL && dname_equal((*p)->rr->owner, x->rr->owner))
		p = &(*p)->next;
	x->next = *p;
	*p = x;
	if (x->next == NULL)
		l->last = x;
}

static enum err
place_new(struct editor *e, struct editor_come *come)
{
	struct editor_line *l = NULL;
	bool of_new = false;		/* the one before is of an owner that the text does not have */
	enum err err = editor_place_begin(e, come->v, come->n);

	for (size_t i = 0; err == ERR_OK && i < come->n; i++) {
		struct editor_new *x = &come->v[i];

		if (!of_new || !dname_equal(x->rr->owner, x[-1].rr->owner))
			err = editor_place(e, x->rr, &l);
		if (err == ERR_OK) {
			of_new = !dname_equal(l->rr.owner, x->rr->owner);
			put_behind(l, x);
		}
	}
	return err;
}

enum err
editor_compare(struct editor *e, const struct rr_list *wanted, struct editor_come *come)
{
	enum err err = sort_lines(e);

	if (err != ERR_OK)
		return err;
	compare(e, wanted, come);
	pair(e, come);
	settle_ttls(e);
	return place_new(e, come);
}

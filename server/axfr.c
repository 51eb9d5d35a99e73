#include "server/axfr.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/response.h"
#include "wire/rrtype.h"

/* Compression reaches names in the first 16 KiB of a message: larger ones would only save headers. */
#define MESSAGE_SIZE 16384

enum axfr_phase { AXFR_OPENING_SOA, AXFR_BODY, AXFR_END };

struct axfr {
	struct zone_version *version;	/* NULL: differences are sent */
	struct ixfr *ixfr;		/* NULL: the zone is */
	size_t at_rr;			/* of these, the next one */
	struct view *view;
	struct request q;
	_Atomic unsigned *running;
	enum axfr_phase phase;		/* where the record after rr comes from */
	bool failed;
	uint64_t records;

	struct rr rr;			/* the next record to send */
	bool has_rr;

	struct zone_walk walk;		/* of the body */
	const struct zone_node *node;
	size_t set_index;		/* of the node's next RRset */
	struct zone_rrset set;
	const uint8_t *at;		/* the next record of set */
	bool in_set;
};

enum err
axfr_new(struct zone_version *version, struct view *view, const struct request *q, _Atomic unsigned *running,
    struct axfr **out)
{
	struct axfr *a = calloc(1, sizeof *a);

	if (a == NULL)
		return ERR_NOMEM;
	a->version = zone_version_ref(version);
	a->view = view_ref(view);
	a->q = *q;
	a->running = running;
	atomic_fetch_add_explicit(running, 1, memory_order_relaxed);
	a->phase = AXFR_OPENING_SOA;
	zone_walk_start(&a->walk, a->version);
	*out = a;
	return ERR_OK;
}

enum err
axfr_new_ixfr(struct ixfr *ixfr, struct view *view, const struct request *q, _Atomic unsigned *running,
    struct axfr **out)
{
	struct axfr *a = calloc(1, sizeof *a);

	if (a == NULL)
		return ERR_NOMEM;
	a->ixfr = ixfr_ref(ixfr);
	a->view = view_ref(view);
	a->q = *q;
	a->running = running;
	atomic_fetch_add_explicit(running, 1, memory_order_relaxed);
	a->phase = AXFR_OPENING_SOA;
	*out = a;
	return ERR_OK;
}

/* The new SOA is the one that stands in the middle: it has the serial that all leads to. */
static bool
take_new_soa(struct axfr *a)
{
	const struct rr_list *rrs = &a->ixfr->rrs;

	for (size_t i = rrs->n; i-- > 0; ) {
		a->rr = rrs->v[i];
		if (a->rr.type == TYPE_SOA)
			return true;
	}
	return false;
}

static bool
take_difference(struct axfr *a)
{
	if (a->at_rr == a->ixfr->rrs.n)
		return false;
	a->rr = a->ixfr->rrs.v[a->at_rr++];
	return true;
}

static bool
take_soa(struct axfr *a)
{
	const struct zone_node *apex;
	const uint8_t *at = NULL;
	struct zone_rrset set;

	if (a->ixfr != NULL)
		return take_new_soa(a);
	apex = zone_version_apex(a->version);
	if (!zone_node_rrset(apex, TYPE_SOA, &set))
		return false;
	a->rr = (struct rr){ .owner = zone_node_owner(apex), .type = TYPE_SOA, .ttl = set.ttl };
	return zone_rrset_next(&set, &at, &a->rr.rdata, &a->rr.rdlen);
}

/* Go to the next RRset of the body, the apex's SOA excepted.  False: there are no more. */
static bool
next_set(struct axfr *a)
{
	do {
		while (a->node == NULL || a->set_index == zone_node_count(a->node)) {
			if ((a->node = zone_walk_next(&a->walk)) == NULL)
				return false;
			a->set_index = 0;
		}
		zone_node_at(a->node, a->set_index++, &a->set);
	} while (a->set.type == TYPE_SOA && a->node == zone_version_apex(a->version));
	a->at = NULL;
	a->in_set = true;
	return true;
}

static bool
take_body(struct axfr *a)
{
	for (;;) {
		if (a->in_set && zone_rrset_next(&a->set, &a->at, &a->rr.rdata, &a->rr.rdlen)) {
			a->rr.owner = zone_node_owner(a->node);
			a->rr.type = a->set.type;
			a->rr.ttl = a->set.ttl;
			return true;
		}
		a->in_set = false;
		if (!next_set(a))
			return false;
	}
}

/* Make a->rr the next record.  False: all were taken. */
static bool
take_record(struct axfr *a)
{
	switch (a->phase) {
	case AXFR_OPENING_SOA:
		a->phase = AXFR_BODY;
		return take_soa(a);
	case AXFR_BODY:
		if (a->ixfr != NULL ? take_difference(a) : take_body(a))
			return true;
		a->phase = AXFR_END;
		return take_soa(a);
	case AXFR_END:
		break;
	}
	return false;
}

/* As many records as go into one message; one that is larger than MESSAGE_SIZE gets a message of its own. */
static void
put_records(struct axfr *a, struct response *r)
{
	uint8_t *hard_end = r->w.end, *soft_end = r->w.base + MESSAGE_SIZE - (size_t)(r->end - hard_end);

	r->w.end = soft_end;
	while (a->has_rr || (a->has_rr = take_record(a))) {
		const struct rr *rr = &a->rr;

		while (!response_rr(r, SECTION_ANSWER, rr->owner, rr->type, CLASS_IN, rr->ttl, rr->rdata, rr->rdlen)) {
			if (r->counts[SECTION_ANSWER] > 0)
				return;
			if (r->w.end == hard_end) {
				a->failed = true;
				return;
			}
			r->w.end = hard_end;
		}
		a->records++;
		a->has_rr = false;
	}
}

size_t
axfr_next(struct axfr *a, uint8_t *out, int64_t now_s)
{
	struct wr_index index;
	struct response r;
	size_t n;

	if (a->failed || axfr_is_complete(a))
		return 0;
	response_start(&r, &a->q, &a->view->settings, out, MSG_MAX);
	wr_use_index(&r.w, &index);
	put_records(a, &r);
	if (a->failed)
		return 0;
	r.flags |= FLAG_AA;
	if ((n = response_finish(&r)) > 0)
		n = tsig_sign_response(&a->q.tsig, out, n, MSG_MAX, now_s);
	a->failed = n == 0;
	/* RFC 5936, section 2.2.1: the first message's will do */
	a->q.has_question = a->q.tells_expire = false;
	return n;
}

bool
axfr_is_complete(const struct axfr *a)
{
	return !a->failed && a->phase == AXFR_END && !a->has_rr;
}

uint64_t
axfr_records(const struct axfr *a)
{
	return a->records;
}

char *
axfr_describe(const struct axfr *a, char text[AXFR_TEXT])
{
	bool is_signed = a->q.tsig.status == TSIG_VALID, ixfr = a->q.question.qtype == TYPE_IXFR;
	char zone[DNAME_TEXT_MAX], key[DNAME_TEXT_MAX];

	snprintf(text, AXFR_TEXT, "%s of %s, serial %u%s (%s%s)", ixfr ? "IXFR" : "AXFR",
	    dname_print_host(a->q.question.qname.octets, zone), a->ixfr != NULL ?
	    a->ixfr->to : zone_version_serial(a->version),
	    ixfr && a->ixfr == NULL ? ", whole" : "", is_signed ? "key " : "unsigned",
	    is_signed ? dname_print_host(a->q.tsig.key_name.octets, key) : "");
	return text;
}

void
axfr_free(struct axfr *a)
{
	if (a == NULL)
		return;
	tsig_exchange_clear(&a->q.tsig);
	zone_version_unref(a->version);
	ixfr_unref(a->ixfr);
	view_unref(a->view);
	atomic_fetch_sub_explicit(a->running, 1, memory_order_relaxed);
	free(a);
}

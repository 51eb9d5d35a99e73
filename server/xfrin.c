/* server/xfrin.c -- what a primary sends, record by record.
 *
 * Both kinds of answer begin with the new SOA.  What comes second decides: the SOA that we have begins a difference
 * sequence (old SOA, removed, new SOA, added, and so on), anything else is a record of the whole zone. */
#include "server/xfrin.h"

#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

enum expect {
	EXPECT_SOA,			/* the first record */
	EXPECT_SECOND,
	EXPECT_BODY,			/* of a whole zone, up to the closing SOA */
	EXPECT_REMOVED,			/* records to remove, up to the step's new SOA */
	EXPECT_ADDED,			/* records to add, up to the next step's old SOA or the closing one */
	EXPECT_NOTHING
};

struct xfrin {
	struct dname apex;
	bool incremental;		/* asked with IXFR */
	uint32_t ours;			/* the serial that we have */
	struct rr_list soa;		/* ours, for the request; then the primary's, in its first record */
	const struct tsig_key *key;
	struct tsig_exchange tsig;
	uint16_t id;
	uint64_t max_octets;
	bool no_edns;

	enum expect expect;
	enum xfrin_kind kind;
	bool failed;
	unsigned rcode;
	uint32_t serial;
	uint64_t octets, records, kept, outside;
	bool has_expire_s;
	uint32_t expire_s;
	char first_outside[256];

	struct rr_list zone;
	struct xfrin_step *steps;
	size_t nsteps, capsteps;
	uint8_t rdata[RDATA_MAX];
};

enum err
xfrin_new(const struct xfrin_request *request, struct xfrin **out)
{
	struct xfrin *x = calloc(1, sizeof *x);

	if (x == NULL)
		return ERR_NOMEM;
	dname_copy(&x->apex, request->apex);
	x->key = request->key;
	x->max_octets = request->max_octets;
	x->no_edns = request->no_edns;
	if (request->soa != NULL) {
		x->incremental = true;
		x->ours = soa_serial(request->soa);
		if (rr_list_add(&x->soa, request->soa) != ERR_OK) {
			free(x);
			return ERR_NOMEM;
		}
	}
	*out = x;
	return ERR_OK;
}

void
xfrin_free(struct xfrin *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->nsteps; i++)
		changeset_clear(&x->steps[i].changes);
	free(x->steps);
	rr_list_clear(&x->soa);
	rr_list_clear(&x->zone);
	tsig_exchange_clear(&x->tsig);
	free(x);
}

static uint16_t
qtype(const struct xfrin *x)
{
	return x->incremental ? TYPE_IXFR : TYPE_AXFR;
}

size_t
xfrin_ask(struct xfrin *x, uint16_t id, uint8_t *out, size_t room, int64_t now_s)
{
	struct question q = { .qtype = qtype(x), .qclass = CLASS_IN };
	struct wr w;

	x->id = id;
	q.qname = x->apex;
	wr_init(&w, out, room);
	msg_header_write(&w, &(struct msg_header){ .id = id, .qdcount = 1, .nscount = x->incremental,
	    .arcount = !x->no_edns });
	question_write(&w, &q);
	if (x->incremental) {
		const struct rr *soa = &x->soa.v[0];

		msg_rr_write(&w, soa->owner, TYPE_SOA, CLASS_IN, soa->ttl, soa->rdata, soa->rdlen);
	}
	if (!x->no_edns)
		edns_write_expire(&w, MSG_UDP_EDNS);
	if (w.full)
		return 0;
	return x->key == NULL ? wr_len(&w) : tsig_sign_request(x->key, out, wr_len(&w), room, now_s, &x->tsig);
}

/* --- records --- */

static enum err
new_step(struct xfrin *x, uint32_t from)
{
	if (x->nsteps == x->capsteps) {
		size_t cap = x->capsteps == 0 ? 4 : x->capsteps * 2;
		struct xfrin_step *v = realloc(x->steps, cap * sizeof *v);

		if (v == NULL)
			return ERR_NOMEM;
		x->steps = v;
		x->capsteps = cap;
	}
	x->steps[x->nsteps++] = (struct xfrin_step){ .from = from };
	x->expect = EXPECT_REMOVED;
	return ERR_OK;
}

static enum err
first_soa(struct xfrin *x, const struct rr *soa)
{
	x->serial = soa_serial(soa);
	rr_list_clear(&x->soa);
	x->expect = EXPECT_SECOND;
	/* RFC 1995, section 2: a single SOA, as old as ours or older, is the whole answer. */
	if (x->incremental && !serial_lt(x->ours, x->serial)) {
		x->kind = XFRIN_CURRENT;
		x->expect = EXPECT_NOTHING;
	}
	return rr_list_add(&x->soa, soa);
}

static enum err
body(struct xfrin *x, const struct rr *rr, struct fault *f)
{
	x->kind = XFRIN_FULL;
	x->expect = EXPECT_BODY;
	if (rr->type != TYPE_SOA)
		return rr_list_add(&x->zone, rr);
	if (!rr_same(rr, &x->soa.v[0]))
		return fault_set(f, ERR_PEER, "the closing SOA has serial %u, the first one %u, or they differ "
		    "otherwise", soa_serial(rr), x->serial);
	x->expect = EXPECT_NOTHING;
	return rr_list_add(&x->zone, rr);
}

static enum err
step_removed(struct xfrin *x, const struct rr *rr, struct fault *f)
{
	struct xfrin_step *step = &x->steps[x->nsteps - 1];

	if (rr->type != TYPE_SOA)
		return changeset_remove_rr(&step->changes, rr);
	step->to = soa_serial(rr);
	if (!serial_lt(step->from, step->to))
		return fault_set(f, ERR_PEER, "a difference leads from serial %u to %u, which is not newer", step->from,
		    step->to);
	x->expect = EXPECT_ADDED;
	return changeset_add_rr(&step->changes, rr);
}

static enum err
step_added(struct xfrin *x, const struct rr *rr, struct fault *f)
{
	struct xfrin_step *step = &x->steps[x->nsteps - 1];

	if (rr->type != TYPE_SOA)
		return changeset_add_rr(&step->changes, rr);
	if (soa_serial(rr) != step->to)
		return fault_set(f, ERR_PEER, "behind the difference up to serial %u comes the SOA of serial %u",
		    step->to, soa_serial(rr));
	if (step->to != x->serial)
		return new_step(x, step->to);
	x->expect = EXPECT_NOTHING;
	return ERR_OK;
}

/* One record of the zone; an SOA is one of its apex. */
static enum err
take_rr(struct xfrin *x, const struct rr *rr, struct fault *f)
{
	switch (x->expect) {
	case EXPECT_SOA:
		if (rr->type != TYPE_SOA)
			return fault_set(f, ERR_PEER, "the answer does not begin with the zone's SOA");
		return first_soa(x, rr);
	case EXPECT_SECOND:
		if (x->incremental && rr->type == TYPE_SOA && soa_serial(rr) == x->ours) {
			x->kind = XFRIN_STEPS;
			return new_step(x, x->ours);
		}
		return body(x, rr, f);
	case EXPECT_BODY:
		return body(x, rr, f);
	case EXPECT_REMOVED:
		return step_removed(x, rr, f);
	case EXPECT_ADDED:
		return step_added(x, rr, f);
	case EXPECT_NOTHING:
		break;
	}
	return fault_set(f, ERR_PEER, "records behind the end of the transfer");
}

static enum err
count_octets(struct xfrin *x, size_t n, struct fault *f)
{
	x->kept += n;
	if (x->max_octets == 0 || x->kept <= x->max_octets)
		return ERR_OK;
	return fault_set(f, ERR_RANGE, "larger than the %llu octets allowed", (unsigned long long)x->max_octets);
}

/* Read one record of the answer section, and take it. */
static enum err
read_rr(struct xfrin *x, struct rd *r, struct fault *f)
{
	struct msg_rr in;
	char type[RRTYPE_TEXT_MAX], owner[DNAME_TEXT_MAX];
	struct rr rr;
	size_t n = 0;
	enum err err;

	if (!msg_rr_read(r, &in))
		return fault_set(f, ERR_FORMAT, "record %llu is malformed", (unsigned long long)x->records + 1);
	x->records++;
	if (in.class != CLASS_IN || rrtype_is_meta(in.type) || !rdata_read(&in.rdata, in.type, in.rdlen, x->rdata, &n))
		return fault_set(f, ERR_FORMAT, "record %llu, %s at %s, is malformed", (unsigned long long)x->records,
		    rrtype_print(in.type, type), dname_print(in.owner.octets, owner));
	in.ttl = in.ttl > INT32_MAX ? 0 : in.ttl;	/* RFC 2181, section 8 */
	rr = (struct rr){ in.owner.octets, x->rdata, in.ttl, in.type, (uint16_t)n };
	if ((err = count_octets(x, sizeof rr + dname_len(rr.owner) + n, f)) != ERR_OK)
		return err;
	if (rr.type == TYPE_SOA && !dname_equal(rr.owner, x->apex.octets))
		return fault_set(f, ERR_PEER, "an SOA record at %s", dname_print(rr.owner, owner));
	if (!dname_is_below(rr.owner, x->apex.octets)) {
		if (x->outside++ == 0)
			rr_print(&rr, x->first_outside, sizeof x->first_outside);
		return ERR_OK;
	}
	return take_rr(x, &rr, f);
}

/* --- messages --- */

static enum err
read_head(struct xfrin *x, struct rd *r, struct msg_header *h, struct fault *f)
{
	struct question q;

	msg_header_read(r, h);
	if (r->bad)
		return fault_set(f, ERR_FORMAT, "a message without a whole header");
	if (h->id != x->id || (h->flags & FLAG_QR) == 0 || msg_opcode(h) != OPCODE_QUERY)
		return fault_set(f, ERR_PEER, "a message that does not answer the request (its ID is %u, ours %u)",
		    h->id, x->id);
	x->rcode = h->flags & 15;
	if (h->qdcount > 1 || (h->qdcount == 1 && !question_read(r, &q)))
		return fault_set(f, ERR_FORMAT, "a malformed question section");
	if (h->qdcount == 1 && (!dname_equal(q.qname.octets, x->apex.octets) || q.qtype != qtype(x) ||
	    q.qclass != CLASS_IN))
		return fault_set(f, ERR_PEER, "an answer to another question");
	if ((h->flags & FLAG_TC) != 0)
		return fault_set(f, ERR_PEER, "a truncated message");
	return ERR_OK;
}

/* An answer that consists of one SOA, newer than ours, in one message: the primary does not send differences (RFC 1995,
 * section 4, has it over UDP; servers do it over TCP, too).  The zone may begin in the same way; but then its SOA does
 * not come alone. */
static bool
is_lone_soa(const struct xfrin *x, const struct msg_header *h)
{
	return x->incremental && x->expect == EXPECT_SECOND && h->ancount == 1 && x->records == 1;
}

/* r stands behind the answer section.  Servers say it in the first message, or in all. */
static void
take_expire(struct xfrin *x, struct rd *r, const struct msg_header *h)
{
	struct edns e;

	edns_find(r, (unsigned)h->nscount + h->arcount, &e);
	if (e.has_expire_s) {
		x->has_expire_s = true;
		x->expire_s = e.expire_s;
	}
}

static enum err
take(struct xfrin *x, uint8_t *msg, size_t n, int64_t now_s, struct fault *f)
{
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	enum err err = read_head(x, &r, &h, f);

	if (err != ERR_OK)
		return err;
	x->octets += n;
	/* Messages without records are allowed (RFC 9103, section 6.4), but not without end. */
	err = count_octets(x, MSG_HEADER_SIZE, f);
	if (x->rcode == RCODE_NOERROR)
		for (unsigned i = 0; err == ERR_OK && i < h.ancount; i++)
			err = read_rr(x, &r, f);
	if (err != ERR_OK)
		return err;
	if (is_lone_soa(x, &h)) {
		x->kind = XFRIN_NEWER;
		x->expect = EXPECT_NOTHING;
	}
	if (x->key != NULL && (err = tsig_verify_response(&x->tsig, msg, &n, x->expect == EXPECT_NOTHING ||
	    x->rcode != RCODE_NOERROR, now_s, f)) != ERR_OK)
		return err;
	if (x->rcode == RCODE_NOERROR)
		take_expire(x, &r, &h);
	else
		return fault_set(f, ERR_PEER, "the primary answered %s", rcode_str(x->rcode));
	return ERR_OK;
}

/* Each record once (RFC 5936, section 3.4: a server may repeat glue). */
static void
sort_zone(struct rr_list *zone)
{
	size_t n = 0;

	rr_list_sort(zone);
	for (size_t i = 0; i < zone->n; i++)
		if (n == 0 || !rr_same(&zone->v[n - 1], &zone->v[i]))
			zone->v[n++] = zone->v[i];
	zone->n = n;
}

enum err
xfrin_take(struct xfrin *x, uint8_t *msg, size_t n, int64_t now_s, struct fault *f)
{
	enum err err;

	if (x->failed || x->expect == EXPECT_NOTHING)
		return fault_set(f, ERR_PEER, "a message behind the end of the transfer");
	err = take(x, msg, n, now_s, f);
	x->failed = err != ERR_OK;
	if (xfrin_is_done(x))
		sort_zone(&x->zone);
	return err;
}

bool
xfrin_is_done(const struct xfrin *x)
{
	return !x->failed && x->expect == EXPECT_NOTHING;
}

enum xfrin_kind
xfrin_kind(const struct xfrin *x)
{
	return x->kind;
}

uint32_t
xfrin_serial(const struct xfrin *x)
{
	return x->serial;
}

uint64_t
xfrin_octets(const struct xfrin *x)
{
	return x->octets;
}

uint64_t
xfrin_records(const struct xfrin *x)
{
	return x->records;
}

bool
xfrin_expire(const struct xfrin *x, uint32_t *left_s)
{
	*left_s = x->expire_s;
	return x->has_expire_s;
}

bool
xfrin_dislikes_edns(const struct xfrin *x)
{
	return x->failed && !x->no_edns && edns_is_disliked(x->rcode);
}

uint64_t
xfrin_outside(const struct xfrin *x, const char **first)
{
	*first = x->first_outside;
	return x->outside;
}

void
xfrin_take_records(struct xfrin *x, struct rr_list *out)
{
	*out = x->zone;
	x->zone = (struct rr_list){ 0 };
}

struct xfrin_step *
xfrin_steps(struct xfrin *x, size_t *n)
{
	*n = x->nsteps;
	return x->steps;
}

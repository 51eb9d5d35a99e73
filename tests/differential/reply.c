#include "tests/differential/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/text.h"

static int
compare_records(const void *av, const void *bv)
{
	const struct record *a = av, *b = bv;
	int d;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if ((d = dname_compare(a->owner.octets, b->owner.octets)) != 0)
		return d;
	if ((d = rdata_compare(a->type, a->rdata, a->n, b->rdata, b->n)) != 0)
		return d;
	return (a->ttl > b->ttl) - (a->ttl < b->ttl);
}

bool
record_equal(const struct record *a, const struct record *b)
{
	return compare_records(a, b) == 0;
}

static const char *
read_opt(struct reply *r, struct msg_rr *rr)
{
	if (r->edns)
		return "a second OPT record";
	if (!dname_is_root(rr->owner.octets))
		return "an OPT record whose owner is not the root";
	if ((rr->ttl >> 16 & 255) != 0)
		return "another version of EDNS";
	r->edns = true;
	r->do_bit = (rr->ttl & 0x8000) != 0;
	r->udp_size = rr->class;
	r->rcode |= rr->ttl >> 24 << 4;
	return NULL;
}

static const char *
read_records(struct reply *r, struct rd *in, int section, unsigned n, size_t *used, size_t *stored)
{
	const char *fault;

	r->sections[section] = r->records + *used;
	for (r->counts[section] = 0; n > 0; n--) {
		struct record *record = &r->records[*used];
		struct msg_rr rr;

		if (*used == REPLY_RECORDS_MAX)
			return "more records than the test expects";
		if (!msg_rr_read(in, &rr))
			return "a record that cannot be read";
		if (rr.type == TYPE_OPT) {
			if (section != ADDITIONAL)
				return "OPT outside of the additional section";
			if ((fault = read_opt(r, &rr)) != NULL)
				return fault;
			continue;
		}
		if (sizeof r->store - *stored < RDATA_MAX)
			return "more rdata than the test expects";
		if (!rdata_read(&rr.rdata, rr.type, rr.rdlen, r->store + *stored, &record->n))
			return "malformed rdata";
		/* Letter case: where names are compressed it is that of the name which was written first, so each
		 * server's order decides.  RFC 4343, section 4.1, allows that. */
		dname_lower(record->owner.octets, rr.owner.octets);
		record->type = rr.type;
		record->class = rr.class;
		record->ttl = rr.ttl;
		record->rdata = r->store + *stored;
		*stored += record->n;
		++*used;
		r->counts[section]++;
	}
	/* The order of RRsets and of RRs in them means nothing: RFC 1034, section 3.6. */
	qsort(r->sections[section], r->counts[section], sizeof *r->records, compare_records);
	return NULL;
}

static const char *
read_all(struct reply *r, const struct query *q, const uint8_t *wire, size_t n)
{
	struct rd in = rd_over(wire, n);
	struct msg_header head;
	struct question question;
	size_t used = 0, stored = 0;
	const char *fault;

	if (n == 0)
		return "no response";
	msg_header_read(&in, &head);
	r->rcode = head.flags & 15;
	r->flags = head.flags & 0xfff0u;
	if (in.bad || (head.flags & FLAG_QR) == 0)
		return "no header of a response";
	r->question = head.qdcount > 0;
	if (head.qdcount > 1 || (head.qdcount == 1 && !question_read(&in, &question)))
		return "no question";
	if (r->question && (memcmp(question.qname.octets, q->qname.octets, dname_len(q->qname.octets)) != 0 ||
	    question.qtype != q->qtype || question.qclass != q->qclass))
		return "another question";
	if ((fault = read_records(r, &in, ANSWER, head.ancount, &used, &stored)) != NULL ||
	    (fault = read_records(r, &in, AUTHORITY, head.nscount, &used, &stored)) != NULL ||
	    (fault = read_records(r, &in, ADDITIONAL, head.arcount, &used, &stored)) != NULL)
		return fault;
	if (rd_left(&in) > 0)
		return "octets behind the last record";
	if (!q->tcp && n > (q->edns && q->udp_size > MSG_UDP_PLAIN ? q->udp_size : MSG_UDP_PLAIN))
		return "longer than the client takes";
	return NULL;
}

void
reply_read(struct reply *r, const struct query *q, const uint8_t *wire, size_t n)
{
	r->rcode = r->flags = 0;
	r->edns = r->do_bit = r->question = false;
	r->udp_size = 0;
	r->octets = n;
	memset(r->counts, 0, sizeof r->counts);
	r->fault = read_all(r, q, wire, n);
}

static bool
sections_equal(const struct reply *a, const struct reply *b, int section)
{
	if (a->counts[section] != b->counts[section])
		return false;
	for (size_t i = 0; i < a->counts[section]; i++)
		if (!record_equal(&a->sections[section][i], &b->sections[section][i]))
			return false;
	return true;
}

unsigned
reply_compare(const struct reply *a, const struct reply *b)
{
	unsigned flags = a->flags ^ b->flags, differ = 0;

	if (a->fault != NULL || b->fault != NULL)
		return DIFFER_FAULT;
	if (a->rcode != b->rcode)
		differ |= DIFFER_RCODE;
	if (flags & FLAG_AA)
		differ |= DIFFER_AA;
	if (flags & FLAG_TC)
		differ |= DIFFER_TC;
	if (flags & ~(unsigned)(FLAG_AA | FLAG_TC))
		differ |= DIFFER_FLAGS;
	if (a->question != b->question)
		differ |= DIFFER_QUESTION;
	if (a->edns != b->edns || a->do_bit != b->do_bit || a->udp_size != b->udp_size)
		differ |= DIFFER_EDNS;
	/* What a truncated response still holds is the server's choice, and its client has to ignore it: RFC 2181,
	 * section 9. */
	if ((a->flags | b->flags) & FLAG_TC)
		return differ;
	for (int i = 0; i < SECTIONS; i++)
		if (!sections_equal(a, b, i))
			differ |= (unsigned)DIFFER_ANSWER << i;
	return differ;
}

static void
print_section(const char *name, const struct record *records, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf text = { 0 };

		rr_text(&(struct rr){ .owner = records[i].owner.octets, .type = records[i].type, .ttl = records[i].ttl,
		    .rdlen = (uint16_t)records[i].n, .rdata = records[i].rdata }, &text);
		printf("  %-10s %.*s\n", name, (int)(text.len < 300 ? text.len : 300), (const char *)text.p);
		buf_clear(&text);
		if (i == 20) {
			printf("  %-10s ... %zu records\n", name, n);
			break;
		}
	}
}

void
reply_print(const struct reply *r)
{
	static const struct { unsigned flag; const char *name; } names[] = { { FLAG_AA, "AA" }, { FLAG_TC, "TC" },
		{ FLAG_RD, "RD" }, { FLAG_RA, "RA" }, { 0x40, "Z" }, { FLAG_AD, "AD" }, { FLAG_CD, "CD" } };

	printf("  %s", rcode_str(r->rcode));
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (r->flags & names[i].flag)
			printf(" %s", names[i].name);
	if (r->edns)
		printf(", EDNS %u%s", r->udp_size, r->do_bit ? " DO" : "");
	if (!r->question)
		printf(", no question");
	printf(", %zu octets%s%s\n", r->octets, r->fault == NULL ? "" : ": ", r->fault == NULL ? "" : r->fault);
	print_section("answer", r->sections[ANSWER], r->counts[ANSWER]);
	print_section("authority", r->sections[AUTHORITY], r->counts[AUTHORITY]);
	print_section("additional", r->sections[ADDITIONAL], r->counts[ADDITIONAL]);
}

void
differ_print(unsigned differ)
{
	static const char *const names[] = { "fault", "rcode", "AA", "TC", "flags", "EDNS", "answer", "authority",
		"additional", "question" };
	const char *comma = "";

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (differ & 1u << i) {
			printf("%s%s", comma, names[i]);
			comma = "+";
		}
	}
}

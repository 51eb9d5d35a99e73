/* Take a message apart as every part of certns does, and put its records together again: what was read must write,
 * and must read back as the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t rdata[RDATA_MAX], again[RDATA_MAX], written[MSG_MAX];

static void
must(bool condition)
{
	if (!condition)
		abort();
}

/* The name that was read prints, parses and compares as itself. */
static void
try_name(const uint8_t *name)
{
	char text[DNAME_TEXT_MAX];
	struct dname parsed;

	must(dname_from_str(dname_print(name, text), &parsed) == ERR_OK && dname_equal(parsed.octets, name));
	must(dname_compare(parsed.octets, name) == 0 && dname_is_below(name, parsed.octets));
}

static void
try_write(const struct msg_rr *rr, size_t n)
{
	struct wr w;
	struct rd r;
	struct msg_rr back;
	size_t m;

	wr_init(&w, written, sizeof written);
	msg_rr_write(&w, rr->owner.octets, rr->type, rr->class, rr->ttl, rdata, n);
	if (w.full)
		return;
	r = rd_over(written, wr_len(&w));
	must(msg_rr_read(&r, &back) && rd_left(&r) == 0);
	must(rdata_read(&back.rdata, back.type, back.rdlen, again, &m));
	must(dname_equal(back.owner.octets, rr->owner.octets) && rdata_equal(rr->type, rdata, n, again, m));
}

static void
try_rr(struct msg_rr *rr)
{
	struct rd r = rr->rdata;
	struct edns e;
	const uint8_t *target;
	size_t n;

	try_name(rr->owner.octets);
	if (rr->type == TYPE_OPT)
		edns_read(rr, &e);
	if (!rdata_read(&r, rr->type, rr->rdlen, rdata, &n))
		return;
	must(rdata_valid(rr->type, rdata, n) && rdata_compare(rr->type, rdata, n, rdata, n) == 0);
	if ((target = rdata_target(rr->type, rdata)) != NULL)
		try_name(target);
	try_write(rr, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_over(data, size);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;
	size_t n;

	n = msg_error_response(data, size, RCODE_SERVFAIL, written, MSG_UDP_PLAIN);
	must(n == 0 || (n >= MSG_HEADER_SIZE && n <= MSG_UDP_PLAIN));
	msg_header_read(&r, &h);
	for (unsigned i = 0; i < h.qdcount && question_read(&r, &q); i++)
		try_name(q.qname.octets);
	for (unsigned i = (unsigned)h.ancount + h.nscount + h.arcount; i > 0 && msg_rr_read(&r, &rr); i--)
		try_rr(&rr);
	return 0;
}

#include "tests/unit/check.h"

#include <stdlib.h>

#include "wire/message.h"
#include "wire/rrtype.h"

/* A query for example, MX, with RD and an OPT record that asks for DNSSEC. */
static const uint8_t query[] = "\x12\x34\x01\x20\0\1\0\0\0\0\0\1" "\7example\0\0\17\0\1" "\0\0\51\4\320\0\0\200\0\0\0";
#define QUERY_LEN (sizeof query - 1)
#define QUESTION_END 25

static void
test_header(void **state)
{
	struct rd r = rd_over(query, QUERY_LEN);
	struct msg_header h;
	uint8_t out[MSG_HEADER_SIZE];
	struct wr w;

	(void)state;
	msg_header_read(&r, &h);
	assert_int_equal(h.id, 0x1234);
	assert_int_equal(h.flags, FLAG_RD | FLAG_AD);
	assert_int_equal(msg_opcode(&h), OPCODE_QUERY);
	assert_int_equal(h.qdcount, 1);
	assert_int_equal(h.arcount, 1);
	wr_init(&w, out, sizeof out);
	msg_header_write(&w, &h);
	check(!w.full && memcmp(out, query, sizeof out) == 0, "written as read");
	h.flags = 0x2800;
	assert_int_equal(msg_opcode(&h), OPCODE_UPDATE);
}

static void
test_records(void **state)
{
	struct rd r = rd_over(query, QUERY_LEN);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;
	struct edns e;

	(void)state;
	msg_header_read(&r, &h);
	assert_true(question_read(&r, &q));
	check(dname_equal(q.qname.octets, (const uint8_t *)"\7EXAMPLE") && q.qtype == TYPE_MX && q.qclass == CLASS_IN,
	    "the question");
	assert_true(msg_rr_read(&r, &rr));
	check(rr.start == QUESTION_END && rr.type == TYPE_OPT && rr.rdlen == 0 && rd_left(&r) == 0, "the record");
	check(edns_read(&rr, &e) && e.present && e.do_bit && e.version == 0 && e.udp_size == 1232, "EDNS");
}

static void
test_every_prefix(void **state)
{
	(void)state;
	for (size_t n = 0; n < QUERY_LEN; n++) {
		uint8_t *prefix = malloc(n == 0 ? 1 : n), out[512];
		struct msg_header h;
		struct question q;
		struct msg_rr rr;

		memcpy(prefix, query, n);
		struct rd r = rd_over(prefix, n);
		msg_header_read(&r, &h);
		check(r.bad == (n < 12), "%zu octets: the header", n);
		check(question_read(&r, &q) == (n >= QUESTION_END), "%zu octets: the question", n);
		check(!msg_rr_read(&r, &rr) && r.bad, "%zu octets: the record", n);
		size_t m = msg_error_response(prefix, n, RCODE_FORMERR, out, sizeof out);
		check(m == (n < 12 ? 0 : n < QUESTION_END ? 12 : QUESTION_END), "%zu octets: %zu back", n, m);
		free(prefix);
	}
}

static const struct {
	const char *why, *wire;		/* a record */
	size_t len;
	bool ok, do_bit;
	uint16_t udp_size;
	uint8_t version;
} opts[] = {
	{ "no options", "\0\0\51\20\0\0\0\0\0\0\0", 11, true, false, 4096, 0 },
	{ "the DO bit", "\0\0\51\20\0\0\0\200\0\0\0", 11, true, true, 4096, 0 },
	{ "version 1", "\0\0\51\20\0\0\1\0\0\0\0", 11, true, false, 4096, 1 },
	{ "a size below 512 counts as 512", "\0\0\51\0\144\0\0\0\0\0\0", 11, true, false, 512, 0 },
	{ "a size of zero too", "\0\0\51\0\0\0\0\0\0\0\0", 11, true, false, 512, 0 },
	{ "an option", "\0\0\51\20\0\0\0\0\0\0\10" "\0\3\0\4nsid", 19, true, false, 4096, 0 },
	{ "two options, one empty", "\0\0\51\20\0\0\0\0\0\0\12" "\0\3\0\0\0\14\0\2xx", 21, true, false, 4096, 0 },
	{ "EXPIRE, empty", "\0\0\51\20\0\0\0\0\0\0\4" "\0\11\0\0", 15, true, false, 4096, 0 },
	{ "EXPIRE with a time", "\0\0\51\20\0\0\0\0\0\0\10" "\0\11\0\4\0\11\72\200", 19, true, false, 4096, 0 },
	{ "EXPIRE of two octets", "\0\0\51\20\0\0\0\0\0\0\6" "\0\11\0\2xx", 17, false, false, 0, 0 },
	{ "EXPIRE of five octets", "\0\0\51\20\0\0\0\0\0\0\11" "\0\11\0\5xxxxx", 20, false, false, 0, 0 },
	{ "a cookie of two octets", "\0\0\51\20\0\0\0\0\0\0\6" "\0\12\0\2xx", 17, false, false, 0, 0 },
	{ "an option that runs past the end", "\0\0\51\20\0\0\0\0\0\0\7" "\0\3\0\4nsi", 18, false, false, 0, 0 },
	{ "half an option code", "\0\0\51\20\0\0\0\0\0\0\1" "\0", 12, false, false, 0, 0 },
	{ "an owner that is not the root", "\1a\0\0\51\20\0\0\0\0\0\0\0", 13, false, false, 0, 0 }
};

static void
test_edns(void **state)
{
	uint8_t out[EDNS_SIZE];
	struct wr w;

	(void)state;
	for (size_t i = 0; i < sizeof opts / sizeof opts[0]; i++) {
		struct rd r = rd_over((const uint8_t *)opts[i].wire, opts[i].len);
		struct msg_rr rr;
		struct edns e;

		check(msg_rr_read(&r, &rr) && rr.type == TYPE_OPT, "%s: a record", opts[i].why);
		check(edns_read(&rr, &e) == opts[i].ok, "%s", opts[i].why);
		check(!opts[i].ok || (e.do_bit == opts[i].do_bit && e.udp_size == opts[i].udp_size &&
		    e.version == opts[i].version), "%s: its fields", opts[i].why);
	}
	wr_init(&w, out, sizeof out);
	edns_write(&w, MSG_UDP_EDNS, RCODE_BADVERS, true);
	check(!w.full && wr_len(&w) == EDNS_SIZE && memcmp(out, "\0\0\51\4\320\1\0\200\0\0\0", EDNS_SIZE) == 0,
	    "BADVERS has its upper bits in the TTL");
}

static const struct {
	const char *why, *wire;			/* records */
	size_t len;
	unsigned n;
	bool present, has;
	uint32_t expire_s;
} found[] = {
	{ "nothing", "", 0, 0, false, false, 0 },
	{ "no OPT", "\0\0\1\0\1\0\0\0\0\0\4aaaa", 15, 1, false, false, 0 },
	{ "one without options, behind another record", "\0\0\1\0\1\0\0\0\0\0\4aaaa" "\0\0\51\20\0\0\0\0\0\0\0", 26, 2,
	    true, false, 0 },
	{ "one that says it", "\0\0\51\20\0\0\0\0\0\0\10" "\0\11\0\4\0\11\72\200", 19, 1, true, true, 604800 },
	{ "one that is not counted", "\0\0\51\20\0\0\0\0\0\0\10" "\0\11\0\4\0\11\72\200", 19, 0, false, false, 0 },
	{ "more are counted", "\0\0\51\20\0\0\0\0\0\0\10" "\0\11\0\4\0\11\72\200", 19, 2, false, false, 0 },
	{ "two of them", "\0\0\51\20\0\0\0\0\0\0\0" "\0\0\51\20\0\0\0\0\0\0\0", 22, 2, false, false, 0 },
	{ "a malformed one", "\0\0\51\20\0\0\0\0\0\0\5" "\0\11\0\1\0", 16, 1, false, false, 0 },
};

static void
test_find_edns(void **state)
{
	uint8_t out[EDNS_ASK_EXPIRE_SIZE];
	struct rd r = rd_over(out, sizeof out);
	struct edns e;
	struct wr w;

	(void)state;
	for (size_t i = 0; i < sizeof found / sizeof found[0]; i++)
		for (size_t n = 0; n <= found[i].len; n++) {
			uint8_t *prefix = malloc(n + 1);
			bool whole = n == found[i].len;

			memcpy(prefix, found[i].wire, n);
			r = rd_over(prefix, n);
			edns_find(&r, found[i].n, &e);
			check(e.present == (found[i].present && whole) && e.has_expire_s == (found[i].has && whole),
			    "%s, %zu octets", found[i].why, n);
			check(!e.has_expire_s || e.expire_s == found[i].expire_s, "%s: its time", found[i].why);
			free(prefix);
		}
	wr_init(&w, out, sizeof out);
	edns_write_expire(&w, MSG_UDP_EDNS);
	r = rd_over(out, sizeof out);
	edns_find(&r, 1, &e);
	check(!w.full && wr_len(&w) == sizeof out && e.present && e.expire && !e.has_expire_s,
	    "the question is an empty option");
}

static void
test_error_responses(void **state)
{
	uint8_t request[64], out[512];

	(void)state;
	assert_int_equal(msg_error_response(query, QUERY_LEN, RCODE_REFUSED, out, sizeof out), QUESTION_END);
	check(memcmp(out, "\x12\x34\x81\x05\0\1\0\0\0\0\0\0", 12) == 0, "ID, QR, RD and the rcode; one question");
	check(memcmp(out + 12, query + 12, QUESTION_END - 12) == 0, "the question");
	assert_int_equal(msg_error_response(query, QUERY_LEN, RCODE_REFUSED, out, QUESTION_END - 1), 0);
	memcpy(request, query, QUERY_LEN);
	request[2] = 0x28;
	msg_error_response(request, QUERY_LEN, RCODE_NOTAUTH, out, sizeof out);
	check(out[2] == 0xa8 && out[3] == 9, "the opcode is copied");
	request[2] |= 0x80;
	check(msg_error_response(request, QUERY_LEN, RCODE_FORMERR, out, sizeof out) == 0, "no answer to an answer");
	memcpy(request, query, QUERY_LEN);
	request[5] = 2;
	check(msg_error_response(request, QUERY_LEN, RCODE_FORMERR, out, sizeof out) == 12 && out[5] == 0,
	    "two questions are not repeated");
	memcpy(request, query, QUERY_LEN);
	request[12] = 0xc0;
	check(msg_error_response(request, QUERY_LEN, RCODE_FORMERR, out, sizeof out) == 12 && out[5] == 0,
	    "nor one that cannot be read");
}

static void
test_write_and_read(void **state)
{
	static const uint8_t mx[] = "\0\12\4mail\7example";
	uint8_t out[512];
	struct wr w;
	struct msg_rr rr;

	(void)state;
	wr_init(&w, out, sizeof out);
	msg_rr_write(&w, (const uint8_t *)"\7example", TYPE_MX, CLASS_IN, 3600, mx, sizeof mx);
	struct rd r = rd_over(out, wr_len(&w));
	assert_true(msg_rr_read(&r, &rr));
	check(rr.type == TYPE_MX && rr.class == CLASS_IN && rr.ttl == 3600 && rr.rdlen == 9 && rd_left(&r) == 0,
	    "what was written, the exchange compressed");
	assert_int_equal(rd_left(&rr.rdata), 9);
	assert_string_equal(rcode_str(RCODE_NXDOMAIN), "NXDOMAIN");
	assert_string_equal(rcode_str(RCODE_BADTRUNC), "BADTRUNC");
	assert_string_equal(rcode_str(4000), "unknown rcode");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_edns),
		cmocka_unit_test(test_find_edns),
		cmocka_unit_test(test_error_responses),
		cmocka_unit_test(test_write_and_read)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

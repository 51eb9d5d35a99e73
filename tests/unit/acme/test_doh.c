/* What resolvers say over HTTPS: JSON as messages, and messages that answer our question. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "acme/doh.h"
#include "wire/rdata.h"
#include "zones/text.h"

static struct question
question(const char *name, uint16_t type)
{
	struct question q = { .qtype = type, .qclass = CLASS_IN };

	assert_int_equal(dname_from_str(name, &q.qname), ERR_OK);
	return q;
}

/* "NXDOMAIN AD; owner ttl IN type rdata; |; authority" */
static void
show(const uint8_t *msg, size_t n, struct buf *out)
{
	static const struct { uint16_t flag; const char *name; } flags[] = {
		{ FLAG_AA, "AA" }, { FLAG_TC, "TC" }, { FLAG_RD, "RD" }, { FLAG_RA, "RA" }, { FLAG_AD, "AD" },
		    { FLAG_CD, "CD" },
	};
	static uint8_t rdata[RDATA_MAX];
	struct rd r = rd_over(msg, n);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;

	msg_header_read(&r, &h);
	question_read(&r, &q);
	check(!r.bad && h.qdcount == 1 && (h.flags & FLAG_QR) != 0 && h.id == 0, "it has a header and a question");
	buf_add_str(out, rcode_str(h.flags & 15));
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if ((h.flags & flags[i].flag) != 0)
			buf_printf(out, " %s", flags[i].name);
	for (unsigned i = 0; i < h.ancount + (unsigned)h.nscount; i++) {
		size_t len;

		check(msg_rr_read(&r, &rr) && rdata_read(&rr.rdata, rr.type, rr.rdlen, rdata, &len),
		    "record %u is good", i);
		buf_add_str(out, i == h.ancount ? "; |; " : "; ");
		rr_text(&(struct rr){ rr.owner.octets, rdata, rr.ttl, rr.type, (uint16_t)len }, out);
	}
	check(rd_left(&r) == 0, "and nothing behind it");
}

#define Q "\"Question\":[{\"name\":\"_acme-challenge.a.test.\",\"type\":16}],"
#define TXT(data) "{\"name\":\"_acme-challenge.a.test\",\"type\":16,\"TTL\":60,\"data\":" data "}"

static const struct { const char *why, *json, *message; } good[] = {
	{ "Google's answer", "{\"Status\":0,\"TC\":false,\"RD\":true,\"RA\":true,\"AD\":true,\"CD\":false," Q
	    "\"Answer\":[{\"name\":\"_acme-challenge.a.test.\",\"type\":16,\"TTL\":42,\"data\":\"\\\"one\\\"\"}],"
	    "\"Comment\":\"from 192.0.2.1\"}",
	    "NOERROR RD RA AD; _acme-challenge.a.test. 42 IN TXT \"one\"" },
	{ "Cloudflare's answer", "{\"Status\":0,\"TC\":false,\"RD\":true,\"RA\":true,\"AD\":false,\"CD\":false,"
	    "\"Question\":[{\"name\":\"_ACME-challenge.a.test\",\"type\":16}],"
	    "\"Answer\":[" TXT("\"\\\"one\\\"\"") "," TXT("\"\\\"tw\\\" \\\"o\\\"\"") "]}",
	    "NOERROR RD RA; _acme-challenge.a.test. 60 IN TXT \"one\"; _acme-challenge.a.test. 60 IN TXT "
	    "\"tw\" \"o\"" },
	{ "a text without quotes", "{\"Status\":0," Q "\"Answer\":[" TXT("\"v=spf1 -all\"") "]}",
	    "NOERROR; _acme-challenge.a.test. 60 IN TXT \"v=spf1 -all\"" },
	{ "a name that does not exist", "{\"Status\":3,\"AD\":true," Q "\"Authority\":[{\"name\":\"a.test\",\"type\":6,"
	    "\"TTL\":30,\"data\":\"ns.a.test. root.a.test. 7 1 2 3 300\"}]}",
	    "NXDOMAIN AD; |; a.test. 30 IN SOA ns.a.test. root.a.test. 7 1 2 3 300" },
	{ "no records, and lists that are empty", "{\"Status\":0," Q "\"Answer\":[],\"Authority\":[]}", "NOERROR" },
	{ "an alias", "{\"Status\":0," Q "\"Answer\":[{\"name\":\"_acme-challenge.a.test\",\"type\":5,\"TTL\":9,"
	    "\"data\":\"c.b.test.\"},{\"name\":\"c.b.test\",\"type\":16,\"TTL\":60,\"data\":\"\\\"x\\\"\"}]}",
	    "NOERROR; _acme-challenge.a.test. 9 IN CNAME c.b.test.; c.b.test. 60 IN TXT \"x\"" },
	{ "CAA in the form of unknown types", "{\"Status\":0," Q
	    "\"Answer\":[{\"name\":\"a.test\",\"type\":257,\"TTL\":1,\"data\":\"\\\\# 8 00 05 69 73 73 75 65 3b\"}]}",
	    "NOERROR; a.test. 1 IN CAA 0 issue \";\"" },
	{ "a bogus zone", "{\"Status\":2," Q "\"Comment\":\"DNSSEC validation failure\"}", "SERVFAIL" },
	{ "a question that is one object, and none", "{\"Status\":0,\"Question\":"
	    "{\"name\":\"_acme-challenge.a.test.\",\"type\":16}}", "NOERROR" },
	{ "no question", "{\"Status\":0}", "NOERROR" },
	{ "authority that cannot be read is left out",
	    "{\"Status\":0," Q "\"Authority\":[{\"name\":\"a.test\",\"type\":6,"
	    "\"TTL\":30,\"data\":\"ns.a.test.\"},5,{\"type\":2}]}", "NOERROR" },
	{ "a TTL below zero",
	    "{\"Status\":0," Q "\"Answer\":[{\"name\":\"a.test\",\"type\":16,\"TTL\":-1,\"data\":\"x\"}]}",
	    "NOERROR; a.test. 0 IN TXT \"x\"" },
};

static void
test_json(void **state)
{
	static uint8_t msg[MSG_MAX];
	struct question q = question("_acme-challenge.a.test", TYPE_TXT);

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t len = strlen(good[i].json), n = 0;
		struct fault f = { 0 };
		struct buf text = { 0 };

		check(acme_doh_json_read(good[i].json, len, &q, msg, &n, &f) == ERR_OK, "%s is read: %s", good[i].why,
		    f.text);
		show(msg, n, &text);
		check(strcmp(buf_str(&text), good[i].message) == 0, "%s is %s, not %s", good[i].why, good[i].message,
		    buf_str(&text));
		check(acme_doh_mismatch(msg, n, &q) == NULL, "%s answers our question", good[i].why);
		for (size_t k = 0; k < n && k < 200; k++)
			acme_doh_mismatch(msg, k, &q);
		for (size_t k = 0; k < len; k++)
			check(acme_doh_json_read(good[i].json, k, &q, msg, &n, &f) != ERR_OK, "%s, cut to %zu octets",
			    good[i].why, k);
		buf_clear(&text);
	}
}

static const struct { const char *why, *json, *words; } bad[] = {
	{ "nothing",			"", "no JSON" },
	{ "a page",			"<html>", "no JSON" },
	{ "a list",			"[]", "no Status" },
	{ "an error",			"{\"error\":\"Invalid query name\"}", "no Status" },
	{ "a status in words",		"{\"Status\":\"NOERROR\"}", "no Status" },
	{ "a status of EDNS",		"{\"Status\":16}", "has Status 16" },
	{ "a status below zero",	"{\"Status\":-1}", "no Status" },
	{ "Status twice",		"{\"Status\":3,\"Status\":0}", "no JSON" },
	{ "the answer to another name",	"{\"Status\":0,\"Question\":[{\"name\":\"b.test.\",\"type\":16}]}",
	    "another question" },
	{ "the answer to another type",
	    "{\"Status\":0,\"Question\":[{\"name\":\"_acme-challenge.a.test.\",\"type\":1}]}", "another question" },
	{ "answers that are no list",	"{\"Status\":0," Q "\"Answer\":{}}", "no list" },
	{ "a record without data",	"{\"Status\":0," Q "\"Answer\":[{\"name\":\"a.test\",\"type\":16}]}",
	    "without name" },
	{ "a record of no name",	"{\"Status\":0,"
	    Q "\"Answer\":[{\"name\":\"a..test\",\"type\":16,\"data\":\"x\"}]}", "without name" },
	{ "an open quote",		"{\"Status\":0," Q "\"Answer\":[" TXT("\"\\\"x\"") "]}",
	    "cannot be read: \"x" },
	{ "an address that is none",	"{\"Status\":0," Q
	    "\"Answer\":[{\"name\":\"a.test\",\"type\":1,\"TTL\":1,\"data\":\"192.0.2.256\"}]}", "type 1" },
};

static void
test_bad_json(void **state)
{
	static uint8_t msg[MSG_MAX];
	struct question q = question("_acme-challenge.a.test", TYPE_TXT);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct fault f = { 0 };
		size_t n;

		check(acme_doh_json_read(bad[i].json, strlen(bad[i].json), &q, msg, &n, &f) == ERR_PEER, "%s",
		    bad[i].why);
		check(strstr(f.text, bad[i].words) != NULL, "%s: \"%s\" has \"%s\"", bad[i].why, f.text, bad[i].words);
	}
}

/* A text of 40,000 octets twice is no DNS message any more. */
static void
test_large_json(void **state)
{
	static uint8_t msg[MSG_MAX];
	struct question q = question("_acme-challenge.a.test", TYPE_TXT);
	struct buf json = { 0 };
	struct fault f = { 0 };
	size_t n;

	(void)state;
	for (unsigned count = 1; count <= 2; count++) {
		buf_clear(&json);
		buf_add_str(&json, "{\"Status\":0,\"Answer\":[");
		for (unsigned i = 0; i < count; i++) {
			buf_printf(&json, "%s{\"name\":\"a.test\",\"type\":16,\"TTL\":1,\"data\":\"", i > 0 ? "," : "");
			for (unsigned k = 0; k < 40000; k++)
				buf_add(&json, "x", 1);
			buf_add_str(&json, "\"}");
		}
		buf_add_str(&json, "]}");
		enum err err = acme_doh_json_read((const char *)json.p, json.len, &q, msg, &n, &f);
		check(err == (count == 1 ? ERR_OK : ERR_PEER), "%u texts: %s", count, f.text);
	}
	buf_clear(&json);
}

static const struct { const char *why; uint16_t flags, qdcount, qtype; const char *name; bool answers; } messages[] = {
	{ "the response",			FLAG_QR, 1, TYPE_TXT, "a.test", true },
	{ "in other letters",			FLAG_QR, 1, TYPE_TXT, "A.Test", true },
	{ "the question itself",		0, 1, TYPE_TXT, "a.test", false },
	{ "to another name",			FLAG_QR, 1, TYPE_TXT, "b.test", false },
	{ "to another type",			FLAG_QR, 1, 1, "a.test", false },
	{ "to nothing",				FLAG_QR, 0, TYPE_TXT, "a.test", false },
	{ "a refusal that read nothing",	FLAG_QR | RCODE_REFUSED, 0, TYPE_TXT, "a.test", true },
	{ "to an UPDATE",			FLAG_QR | OPCODE_UPDATE << 11, 1, TYPE_TXT, "a.test", false },
};

static void
test_messages(void **state)
{
	struct question q = question("a.test", TYPE_TXT);

	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		struct question other = question(messages[i].name, messages[i].qtype);
		uint8_t msg[512];
		struct wr w;

		wr_init(&w, msg, sizeof msg);
		msg_header_write(&w, &(struct msg_header){ .flags = messages[i].flags,
		    .qdcount = messages[i].qdcount });
		if (messages[i].qdcount > 0)
			question_write(&w, &other);
		check((acme_doh_mismatch(msg, wr_len(&w), &q) == NULL) == messages[i].answers, "%s", messages[i].why);
		for (size_t k = 0; k < wr_len(&w); k++)
			check(messages[i].qdcount == 0 || acme_doh_mismatch(msg, k, &q) != NULL,
			    "%s, cut to %zu octets", messages[i].why, k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_large_json),
		cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

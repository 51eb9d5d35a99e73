/* tests/unit/server/test_cert_record.c -- the text of a status record. */
#include <stdlib.h>

#include "server/cert_record.h"
#include "tests/unit/check.h"

#define DIGEST "\1\2\3\4\5\6\7\10 and what is not shown"

static const struct {
	const char *why;
	struct acme_status status;
	const char *strings;		/* with a bar between them */
} records[] = {
	{ "a certificate that is good says until when, and when the next one is due",
	  { .state = ACME_IDLE_VALID, .authority = "pebble", .step = "", .problem = "", .expires_s = 86400,
	      .next_s = 3600 },
	  "state=valid|csr=0102030405060708|next=1970-01-01T01:00:00Z|expires=1970-01-02T00:00:00Z|authority=pebble" },
	{ "one that is on its way says what is being done",
	  { .state = ACME_WORKING, .authority = "pebble", .step = "waiting for the CA", .problem = "" },
	  "state=ordering|csr=0102030405060708|authority=pebble|step=waiting for the CA" },
	{ "one that failed says why",
	  { .state = ACME_WAITING_RETRY, .authority = "", .step = "", .problem = "the CA is down", .next_s = 60 },
	  "state=waiting|csr=0102030405060708|next=1970-01-01T00:01:00Z|problem=the CA is down" },
	{ "one that nobody tries any more has no next time",
	  { .state = ACME_REFUSED, .authority = "", .step = "", .problem = "no" },
	  "state=refused|csr=0102030405060708|problem=no" },
};

/* True: these are strings of a TXT record, and with a bar between them they are this. */
static bool
reads(const struct buf *rdata, struct buf *text)
{
	for (size_t i = 0; i < rdata->len; i += 1 + rdata->p[i]) {
		if (rdata->p[i] >= rdata->len - i)
			return false;
		if (i > 0)
			buf_add_str(text, "|");
		buf_add(text, rdata->p + i + 1, rdata->p[i]);
	}
	return buf_str(text) != NULL;
}

static void
test_each_string_is_a_key_and_a_value(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
		struct acme_status s = records[i].status;
		struct buf rdata = { 0 }, text = { 0 };

		s.csr_digest = (const uint8_t *)DIGEST;
		cert_record_write(&s, &rdata);
		check(reads(&rdata, &text), "%s", records[i].why);
		check(strcmp(buf_str(&text), records[i].strings) == 0, "%s: %s", records[i].why, buf_str(&text));
		check(cert_record_is_ours(&(struct rr){ .rdata = rdata.p, .rdlen = (uint16_t)rdata.len }), "%s: ours",
		    records[i].why);
		buf_clear(&rdata);
		buf_clear(&text);
	}
}

static void
test_a_long_problem_goes_on_in_the_next_string(void **state)
{
	struct buf rdata = { 0 }, text = { 0 };
	char problem[1001] = "";
	size_t keys = 0, letters = 0;

	(void)state;
	memset(problem, 'x', sizeof problem - 1);
	cert_record_write(&(struct acme_status){ .state = ACME_REFUSED, .authority = "", .step = "", .problem = problem,
	    .csr_digest = (const uint8_t *)DIGEST }, &rdata);
	check(reads(&rdata, &text), "it is made of strings");
	for (const char *p = buf_str(&text); (p = strstr(p, "problem=")) != NULL; p += strlen("problem=")) {
		keys++;
		letters += strspn(p + strlen("problem="), "x");
	}
	check(keys == 3 && letters == 700, "700 octets of it stand in 3 strings: %zu in %zu", letters, keys);
	buf_clear(&rdata);
	buf_clear(&text);
}

static void
test_what_others_put_there_is_not_ours(void **state)
{
	static const struct { const char *why, *rdata; } others[] = {
		{ "nothing at all", "" },
		{ "an empty string", "\0" },
		{ "the key without its end", "\5state" },
		{ "another key", "\11v=spf1 -a" },
		{ "the key in the second string", "\1x\7state=x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		const struct rr rr = { .rdata = (const uint8_t *)others[i].rdata,
		    .rdlen = (uint16_t)strlen(others[i].rdata) };

		check(!cert_record_is_ours(&rr), "%s", others[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_string_is_a_key_and_a_value),
		cmocka_unit_test(test_a_long_problem_goes_on_in_the_next_string),
		cmocka_unit_test(test_what_others_put_there_is_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

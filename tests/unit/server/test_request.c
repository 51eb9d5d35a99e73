#include "tests/unit/check.h"

#include <stdlib.h>

#include "server/answer.h"
#include "wire/rrtype.h"

#define HEAD(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUERY "\0\0"
#define QUESTION "\1a\0" "\0\1" "\0\1"
#define OPT "\0" "\0\51" "\4\320" "\0\0\0\0" "\0\0"
#define OPT_V1 "\0" "\0\51" "\4\320" "\0\1\0\0" "\0\0"
#define OPT_WITH(length) "\0" "\0\51" "\4\320" "\0\0\0\0" "\0" length
#define COOKIE(length) "\0\12\0" length "clientpt"
#define RR "\300\14" "\0\1" "\0\1" "\0\0\0\74" "\0\4" "\300\0\2\1"
#define MSG(text) text, sizeof text - 1

static const struct { const char *why, *msg; size_t n; int rcode; } requests[] = {
	{ "a query",				MSG(HEAD(QUERY, "\1", "\0", "\0", "\0") QUESTION), RCODE_NOERROR },
	{ "with OPT",				MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT), RCODE_NOERROR },
	{ "with OPT between other records",	MSG(HEAD(QUERY, "\1", "\0", "\0", "\3") QUESTION RR OPT RR),
	    RCODE_NOERROR },
	{ "with records in all sections",	MSG(HEAD(QUERY, "\1", "\1", "\1", "\1") QUESTION RR RR RR),
	    RCODE_NOERROR },
	{ "a NOTIFY",				MSG(HEAD("\x24\0", "\1", "\0", "\0", "\0") QUESTION), RCODE_NOERROR },
	{ "an UPDATE",				MSG(HEAD("\x28\0", "\1", "\0", "\0", "\0") QUESTION), RCODE_NOERROR },
	{ "EDNS version 1",			MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_V1),
	    RCODE_BADVERS },
	{ "two OPTs",				MSG(HEAD(QUERY, "\1", "\0", "\0", "\2") QUESTION OPT OPT),
	    RCODE_FORMERR },
	{ "OPT in the answer section",		MSG(HEAD(QUERY, "\1", "\1", "\0", "\0") QUESTION OPT), RCODE_FORMERR },
	{ "OPT in the authority section",	MSG(HEAD(QUERY, "\1", "\0", "\1", "\0") QUESTION OPT), RCODE_FORMERR },
	{ "OPT of a name that is not the root",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION "\1a" OPT), RCODE_FORMERR },
	{ "an option that runs past OPT's end",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION "\0" "\0\51" "\4\320" "\0\0\0\0" "\0\4" "\0\3\0\1"),
		RCODE_FORMERR },
	{ "no question",			MSG(HEAD(QUERY, "\0", "\0", "\0", "\0")), RCODE_FORMERR },
	{ "no question but OPT",		MSG(HEAD(QUERY, "\0", "\0", "\0", "\1") OPT), RCODE_FORMERR },
	{ "two questions",			MSG(HEAD(QUERY, "\2", "\0", "\0", "\0") QUESTION QUESTION),
	    RCODE_FORMERR },
	{ "octets behind the end",		MSG(HEAD(QUERY, "\1", "\0", "\0", "\0") QUESTION "\0"), RCODE_FORMERR },
	{ "fewer records than announced",	MSG(HEAD(QUERY, "\1", "\0", "\0", "\2") QUESTION OPT), RCODE_FORMERR },
	{ "a question that points at itself",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\0") "\300\14" "\0\1" "\0\1"), RCODE_FORMERR },
	{ "no question but a cookie",
		MSG(HEAD(QUERY, "\0", "\0", "\0", "\1") OPT_WITH("\14") COOKIE("\10")), RCODE_FORMERR },
	{ "a client's cookie",	MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_WITH("\14") COOKIE("\10")),
	    RCODE_NOERROR },
	{ "both cookies",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_WITH("\24") COOKIE("\20") "serverpt"),
		    RCODE_NOERROR },
	{ "a cookie without octets",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_WITH("\4") "\0\12\0\0"), RCODE_FORMERR },
	{ "a cookie that is too short",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_WITH("\13") "\0\12\0\7client_"), RCODE_FORMERR },
	{ "a server's part that is too short",
		MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_WITH("\23") COOKIE("\17") "serverp"),
		    RCODE_FORMERR },
	{ "a server's part that is too long", MSG(HEAD(QUERY, "\1", "\0", "\0", "\1") QUESTION OPT_WITH("\55")
		COOKIE("\51") "serverptserverptserverptserverptx"), RCODE_FORMERR },
	{ "STATUS",				MSG(HEAD("\x10\0", "\1", "\0", "\0", "\0") QUESTION), RCODE_NOTIMP },
	{ "an opcode that nobody knows",	MSG(HEAD("\x78\0", "\0", "\0", "\0", "\0")), RCODE_NOTIMP },
	{ "the same with EDNS version 1",	MSG(HEAD("\x78\0", "\1", "\0", "\0", "\1") QUESTION OPT_V1),
	    RCODE_BADVERS },
	{ "the same with fewer questions than announced",
		MSG(HEAD("\x78\0", "\2", "\0", "\0", "\1") QUESTION), RCODE_NOTIMP },
	{ "DSO has no question",		MSG(HEAD("\x30\0", "\0", "\0", "\0", "\0")), RCODE_NOTIMP },
	{ "a response",				MSG(HEAD("\x80\0", "\1", "\0", "\0", "\0") QUESTION), -1 },
	{ "less than a header",			"\0\0\0\0\0\0\0\0\0\0\0", 11, -1 },
	{ "nothing",				"", 0, -1 },
};

static const struct answer_settings settings = { .udp_size = MSG_UDP_EDNS };

/* A copy of exactly n octets, so that reads past the end are seen; and what is not set of q is no name. */
static int
parse_copy(struct request *q, const char *msg, size_t n)
{
	uint8_t *copy = malloc(n + (n == 0));
	int rcode;

	memcpy(copy, msg, n);
	memset(q, 0xff, sizeof *q);
	rcode = request_parse(q, copy, n, false);
	free(copy);
	return rcode;
}

static void
test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		struct request q;
		int rcode = parse_copy(&q, requests[i].msg, requests[i].n);

		check(rcode == requests[i].rcode, "%s: want %d, have %d", requests[i].why, requests[i].rcode, rcode);
		check(rcode < 0 || q.has_question || dname_is_root(q.question.qname.octets), "%s: a name all the same",
		    requests[i].why);
	}
}

/* Every prefix of a good request is malformed, and can be answered so. */
static void
test_prefixes(void **state)
{
	static const char msg[] = HEAD(QUERY, "\1", "\1", "\1", "\2") QUESTION RR RR RR OPT;
	uint8_t out[ANSWER_ROOM_MIN];

	(void)state;
	for (size_t n = 0; n < sizeof msg - 1; n++) {
		struct request q;
		int rcode = parse_copy(&q, msg, n);

		check(rcode == (n < 12 ? -1 : RCODE_FORMERR), "%zu octets: %d", n, rcode);
		if (rcode < 0)
			continue;
		check(q.has_question == (n >= 19), "%zu octets: the question is there or not", n);
		check(q.has_question || dname_is_root(q.question.qname.octets), "%zu octets: a name all the same", n);
		check(answer_rcode(&q, &settings, RCODE_FORMERR, out, sizeof out) == (n >= 19 ? 19u : 12u),
		    "%zu octets: an answer without records", n);
	}
}

static void
test_rcode_answers(void **state)
{
	static const char badvers[] = HEAD("\1\0", "\1", "\0", "\0", "\1") QUESTION OPT_V1;
	static const char want[] = "\x12\x34\x81\0" "\0\1\0\0\0\0\0\1" QUESTION "\0" "\0\51" "\4\320" "\1\0\0\0" "\0\0";
	static const char notify[] = HEAD("\x24\0", "\1", "\0", "\0", "\0") QUESTION;
	uint8_t out[ANSWER_ROOM_MIN];
	struct request q;
	size_t n;

	(void)state;
	check(parse_copy(&q, MSG(badvers)) == RCODE_BADVERS, "BADVERS");
	n = answer_rcode(&q, &settings, RCODE_BADVERS, out, sizeof out);
	check(n == sizeof want - 1 && memcmp(out, want, n) == 0, "BADVERS spreads over header and OPT, version 0, RD "
	    "stays");
	parse_copy(&q, MSG(notify));
	answer_rcode(&q, &settings, RCODE_NOERROR, out, sizeof out);
	check(out[2] == 0xa4 && out[3] == 0, "a NOTIFY is acknowledged with AA");
	answer_rcode(&q, &settings, RCODE_NOTAUTH, out, sizeof out);
	check(out[2] == 0xa0 && out[3] == RCODE_NOTAUTH, "or refused without");
}

static size_t
answer_why(struct request *q, const char *text, uint8_t out[ANSWER_ROOM_MIN])
{
	const struct ede why = { EDE_PROHIBITED, text };
	size_t n;

	q->ede = &why;
	n = answer_rcode(q, &settings, RCODE_REFUSED, out, ANSWER_ROOM_MIN);
	q->ede = NULL;
	return n;
}

/* RFC 8914: the reason goes along where the client understands it and it fits. */
static void
test_words(void **state)
{
	static const char plain[] = HEAD("\x28\0", "\1", "\0", "\0", "\0") QUESTION;
	static const char with_opt[] = HEAD("\x28\0", "\1", "\0", "\0", "\1") QUESTION OPT;
	static const char option[] = "\0\17" "\0\5" "\0\22" "why";
	uint8_t out[ANSWER_ROOM_MIN];
	struct request q;
	char longest[1300];
	size_t n, bare;

	(void)state;
	parse_copy(&q, MSG(plain));
	bare = answer_rcode(&q, &settings, RCODE_REFUSED, out, sizeof out);
	check(answer_why(&q, "why", out) == bare, "no OPT, no words");
	parse_copy(&q, MSG(with_opt));
	bare = answer_rcode(&q, &settings, RCODE_REFUSED, out, sizeof out);
	n = answer_why(&q, "why", out);
	check(n == bare + sizeof option - 1 && memcmp(out + bare, option, sizeof option - 1) == 0,
	    "option 15 with the words");
	check(out[bare - 2] == 0 && out[bare - 1] == sizeof option - 1, "and OPT's length counts it");
	check(answer_why(&q, "", out) == bare + 6, "the code alone");
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	check(answer_why(&q, longest, out) == bare + 6, "words that do not fit are left out, the code is not");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_prefixes), cmocka_unit_test(test_rcode_answers),
		cmocka_unit_test(test_words)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

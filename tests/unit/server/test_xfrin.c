/* Transfers in: what a primary may send, and what it must not. */
#include "server/xfrin.h"

#include <stdlib.h>

#include "tests/unit/check.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#define NOW 1700000000
#define ID 4711

static const uint8_t apex[] = "\7example\3com";
static const uint8_t key_name[] = "\1k\11_transfer\7example\3com";

/* --- answers from a script ---
 *
 * Messages are set apart by "|", records by blanks.  S7 is the SOA with serial 7, s7 one that differs otherwise, A1 an
 * address, T1 a text, O1 a record outside of the zone, Z7 an SOA of another owner, C1 one of class CH, Q1 one of a
 * meta-type, X1 one with broken rdata, L1 one cut off, M1 an address with a TTL beyond 2^31, which counts as 0.  Of the
 * message: I wrong ID, R no response, Q= another question, N no question, TC truncated, U unsigned, B its signature
 * broken, E5 rcode 5. */

static void
soa_rdata(uint32_t serial, uint32_t refresh, uint8_t *out, size_t *n)
{
	static const uint8_t ns[] = "\2ns\7example\3com";
	struct wr w;

	wr_init(&w, out, 128);
	wr_dname_plain(&w, ns);
	wr_dname_plain(&w, ns);
	wr_u32(&w, serial);
	wr_u32(&w, refresh);
	wr_u32(&w, 2);
	wr_u32(&w, 3);
	wr_u32(&w, 4);
	*n = wr_len(&w);
}

static void
write_record(struct wr *w, const char *word)
{
	static const uint8_t host[] = "\1a\7example\3com", outside[] = "\1a\7example\3net";
	uint32_t number = (uint32_t)atoi(word + 1);
	uint8_t rdata[128] = { 192, 0, 2, (uint8_t)number };
	size_t n = 4;

	switch (word[0]) {
	case 'S': case 's': case 'Z':
		soa_rdata(number, word[0] == 's' ? 99 : 1, rdata, &n);
		msg_rr_write(w, word[0] == 'Z' ? host : apex, TYPE_SOA, CLASS_IN, 300, rdata, n);
		return;
	case 'M':
		msg_rr_write(w, host, TYPE_A, CLASS_IN, 0x80000001, rdata, n);
		return;
	case 'A': case 'O':
		msg_rr_write(w, word[0] == 'O' ? outside : host, TYPE_A, CLASS_IN, 300, rdata, n);
		return;
	case 'T':
		msg_rr_write(w, host, TYPE_TXT, CLASS_IN, 300, (const uint8_t[]){ 1, (uint8_t)('0' + number) }, 2);
		return;
	case 'C':
		msg_rr_write(w, host, TYPE_A, CLASS_CH, 300, rdata, n);
		return;
	case 'Q':
		msg_rr_write(w, host, TYPE_ANY, CLASS_IN, 300, rdata, n);
		return;
	case 'X':			/* a TXT record whose string goes past its end */
		wr_dname(w, host);
		wr_u16(w, TYPE_TXT);
		wr_u16(w, CLASS_IN);
		wr_u32(w, 300);
		wr_u16(w, 2);
		wr_octets(w, "\5a", 2);
		return;
	case 'L':
		wr_dname(w, host);
		return;
	}
	check(false, "the script's word %s is known", word);
}

struct stream {
	const char *rest;
	bool first;
	const struct tsig_key *key;
	struct tsig_exchange tsig;		/* the primary's side */
	uint16_t qtype;
};

/* Behind all records of the message. */
static void
add_expire(struct wr *w, struct msg_header *h, uint32_t left_s)
{
	size_t at;

	edns_write(w, 1232, 0, false);
	at = wr_len(w);
	wr_u16(w, EDNS_EXPIRE);
	wr_u16(w, 4);
	wr_u32(w, left_s);
	wr_patch_u16(w, at - 2, 8);
	h->arcount++;
}

/* The next message of the script; 0: there are no more. */
static size_t
next_message(struct stream *s, uint8_t *out)
{
	struct msg_header h = { .id = ID, .flags = FLAG_QR | FLAG_AA, .qdcount = 1 };
	struct question q = { .qtype = s->qtype, .qclass = CLASS_IN };
	bool is_signed = s->key != NULL, broken = false;
	char words[256], *word, *save;
	size_t n = strcspn(s->rest, "|");
	struct wr w;

	if (s->rest[0] == '\0')
		return 0;
	snprintf(words, sizeof words, "%.*s", (int)n, s->rest);
	s->rest += n + (s->rest[n] == '|');
	dname_copy(&q.qname, apex);
	wr_init(&w, out, MSG_MAX);
	wr_take(&w, MSG_HEADER_SIZE);
	if (strstr(words, "N ") == words)
		h.qdcount = 0;
	if (strstr(words, "Q=") != NULL)
		q.qtype = TYPE_A;
	if (h.qdcount == 1)
		question_write(&w, &q);
	for (word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		if (strcmp(word, "I") == 0)
			h.id++;
		else if (strcmp(word, "R") == 0)
			h.flags &= (uint16_t)~FLAG_QR;
		else if (strcmp(word, "TC") == 0)
			h.flags |= FLAG_TC;
		else if (strcmp(word, "U") == 0)
			is_signed = false;
		else if (strcmp(word, "B") == 0)
			broken = true;
		else if (word[0] == '@')
			add_expire(&w, &h, (uint32_t)atoi(word + 1));
		else if (word[0] == 'E')
			h.flags |= (uint16_t)atoi(word + 1);
		else if (strcmp(word, "N") != 0 && strcmp(word, "Q=") != 0) {
			write_record(&w, word);
			h.ancount++;
		}
	}
	n = wr_len(&w);
	wr_init(&w, out, MSG_MAX);
	msg_header_write(&w, &h);
	if (is_signed) {
		n = tsig_sign_response(&s->tsig, out, n, MSG_MAX, NOW);
		check(n > 0, "the message can be signed");
	} else if (s->key != NULL) {
		s->tsig.messages++;		/* the digest goes on over it; only the refusal of it is tested here */
	}
	if (broken)
		out[n - 7] ^= 1;		/* in the MAC: original ID, error and other length come behind it */
	return n;
}

/* --- what came of it --- */

static void
print_rr(const struct rr *rr, const char *sign, char *text, size_t size)
{
	size_t at = strlen(text);

	if (rr->type == TYPE_SOA)
		snprintf(text + at, size - at, "%s%sS%u", at > 0 ? " " : "", sign, soa_serial(rr));
	else
		snprintf(text + at, size - at, "%s%s%c%u", at > 0 ? " " : "", sign, rr->type == TYPE_TXT ?
		    'T' : rr->ttl == 0 ? 'M' : 'A', rr->type == TYPE_A ? rr->rdata[3] : rr->rdata[1] - '0');
}

static void
print_result(struct xfrin *x, char *text, size_t size)
{
	struct rr_list zone;
	struct xfrin_step *steps;
	size_t n;

	text[0] = '\0';
	if (!xfrin_is_done(x)) {
		snprintf(text, size, "unfinished");
	} else if (xfrin_kind(x) == XFRIN_CURRENT || xfrin_kind(x) == XFRIN_NEWER) {
		snprintf(text, size, "%s %u", xfrin_kind(x) == XFRIN_CURRENT ? "current" : "newer", xfrin_serial(x));
	} else if (xfrin_kind(x) == XFRIN_FULL) {
		xfrin_take_records(x, &zone);
		for (size_t i = 0; i < zone.n; i++)
			print_rr(&zone.v[i], "", text, size);
		rr_list_clear(&zone);
	} else {
		steps = xfrin_steps(x, &n);
		for (size_t i = 0; i < n; i++) {
			size_t at = strlen(text);

			snprintf(text + at, size - at, "%s%u>%u:", i > 0 ? " " : "", steps[i].from, steps[i].to);
			for (size_t c = 0; c < steps[i].changes.n; c++)
				print_rr(&steps[i].changes.v[c].rr, steps[i].changes.v[c].add ? "+" : "-", text, size);
		}
	}
}

static const struct {
	const char *why;
	unsigned ours;			/* 0: AXFR */
	const char *answer;
	bool with_key;
	const char *result, *words;	/* words: of the failure */
	enum err err;
} rows[] = {
	{ "a zone in one message", 0, "S7 A1 A2 S7", .result = "S7 A1 A2" },
	{ "a zone in several", 0, "S7|A1|A2 T1|S7", .result = "S7 A1 A2 T1" },
	{ "later messages may go without the question", 0, "S7 A1|N A2|N S7", .result = "S7 A1 A2" },
	{ "a record that comes twice is one", 0, "S7 A1 A1 S7", .result = "S7 A1" },
	{ "a zone of its SOA alone", 0, "S7 S7", .result = "S7" },
	{ "messages without records are passed over", 0, "S7 A1||S7", .result = "S7 A1" },
	{ "records outside of the zone are left out", 0, "S7 O1 A1 O2 S7", .result = "S7 A1" },
	{ "a TTL with its highest bit set is none (RFC 2181, section 8)", 0, "S7 M1 S7", .result = "S7 M1" },
	{ "without the closing SOA there is no zone", 0, "S7 A1 A2|A3", .result = "unfinished" },
	{ "the closing SOA has another serial", 0, "S7 A1 S8", .err = ERR_PEER,
	    .words = "the closing SOA has serial 8" },
	{ "or other fields", 0, "S7 A1 s7", .err = ERR_PEER, .words = "or they differ otherwise" },
	{ "records behind the end", 0, "S7 A1 S7 A2", .err = ERR_PEER, .words = "records behind the end" },
	{ "messages behind the end", 0, "S7 A1 S7|A2", .err = ERR_PEER, .words = "a message behind the end" },
	{ "no SOA first", 0, "A1 S7", .err = ERR_PEER, .words = "does not begin with the zone's SOA" },
	{ "an SOA inside", 0, "S7 Z7 S7", .err = ERR_PEER, .words = "an SOA record at a.example.com." },
	{ "another class", 0, "S7 C1 S7", .err = ERR_FORMAT, .words = "record 2, A at a.example.com., is malformed" },
	{ "a meta-type", 0, "S7 Q1 S7", .err = ERR_FORMAT, .words = "record 2, ANY" },
	{ "broken rdata", 0, "S7 X1 S7", .err = ERR_FORMAT, .words = "record 2, TXT" },
	{ "a record cut off", 0, "S7 A1 L1", .err = ERR_FORMAT, .words = "record 3 is malformed" },
	{ "another ID", 0, "S7 A1|I A2 S7", .err = ERR_PEER, .words = "its ID is 4712, ours 4711" },
	{ "a query", 0, "R S7 A1 S7", .err = ERR_PEER, .words = "does not answer the request" },
	{ "another question", 0, "Q= S7 A1 S7", .err = ERR_PEER, .words = "an answer to another question" },
	{ "a truncated message", 0, "S7 A1|TC A2", .err = ERR_PEER, .words = "a truncated message" },
	{ "an rcode", 0, "E5", .err = ERR_PEER, .words = "the primary answered REFUSED" },
	{ "an rcode in the middle", 0, "S7 A1|E2", .err = ERR_PEER, .words = "the primary answered SERVFAIL" },

	{ "nothing is newer", 7, "S7", .result = "current 7" },
	{ "the primary is older than we are", 7, "S5", .result = "current 5" },
	{ "it has something newer, and no differences", 7, "S9", .result = "newer 9" },
	{ "one difference", 7, "S8 S7 A1 S8 A2 S8", .result = "7>8: -A1 +S8 +A2" },
	{ "two", 7, "S9 S7 A1 S8 A2|S8 A2 S9 T1 S9", .result = "7>8: -A1 +S8 +A2 8>9: -A2 +S9 +T1" },
	{ "one record a message", 7, "S8|S7|A1|S8|A2|S8", .result = "newer 8" },
	{ "one that only removes", 7, "S8 S7 A1 S8 S8", .result = "7>8: -A1 +S8" },
	{ "one that changes the serial alone", 7, "S8 S7 S8 S8", .result = "7>8: +S8" },
	{ "IXFR answered with the whole zone", 7, "S9 A1 A2 S9", .result = "S9 A1 A2" },
	{ "a difference that begins elsewhere is a zone, and a bad one", 7, "S9 S8 A1 S9 A2 S9", .err = ERR_PEER,
	    .words = "the closing SOA has serial 8" },
	{ "a gap", 7, "S9 S7 A1 S8 A2 S9 S9", .err = ERR_PEER, .words = "behind the difference up to serial 8" },
	{ "a difference that goes back", 7, "S9 S7 A1 S6 A2 S9", .err = ERR_PEER, .words = "which is not newer" },
	{ "cut off inside a difference", 7, "S8 S7 A1 S8 A2", .result = "unfinished" },
	{ "serials wrap", 4294967295u, "S1 S-1 A1 S1 A2 S1", .result = "4294967295>1: -A1 +S1 +A2" },

	{ "signed throughout", 0, "S7 A1|A2|S7", .with_key = true, .result = "S7 A1 A2" },
	{ "an unsigned answer", 0, "U S7 A1 S7", .with_key = true, .err = ERR_PEER, .words = "sign" },
	{ "an unsigned end", 0, "S7 A1|U S7", .with_key = true, .err = ERR_PEER, .words = "sign" },
	{ "a broken signature in the middle", 0, "S7 A1|B A2|S7", .with_key = true, .err = ERR_PEER,
	    .words = "BADSIG" },
	{ "signed differences", 7, "S8 S7 A1|S8 A2 S8", .with_key = true, .result = "7>8: -A1 +S8 +A2" },
};

static struct tsig_keyring *
make_ring(void)
{
	struct tsig_keyring *ring;
	struct tsig_key *key;

	check(tsig_keyring_new(&ring) == ERR_OK &&
	    tsig_key_new(key_name, TSIG_HMAC_SHA256, (const uint8_t *)"secret", 6, &key) == ERR_OK &&
	    tsig_keyring_add(ring, key) == ERR_OK, "there is a key");
	return ring;
}

static struct xfrin *
make_transfer(uint32_t ours, const struct tsig_key *key, uint64_t max_octets)
{
	uint8_t rdata[128];
	struct xfrin *x;
	size_t n;

	soa_rdata(ours, 1, rdata, &n);
	check(xfrin_new(&(struct xfrin_request){ .apex = apex, .key = key, .max_octets = max_octets,
	    .soa = ours == 0 ? NULL : &(struct rr){ apex, rdata, 300, TYPE_SOA, (uint16_t)n } }, &x) == ERR_OK,
	    "a transfer");
	return x;
}

/* Feed the script's messages until one fails. */
static enum err
run(struct xfrin *x, const char *answer, uint32_t ours, const struct tsig_keyring *ring, struct fault *f)
{
	struct stream s = { .rest = answer, .qtype = ours == 0 ? TYPE_AXFR : TYPE_IXFR };
	static uint8_t msg[MSG_MAX];
	enum err err = ERR_OK;
	size_t n;

	n = xfrin_ask(x, ID, msg, sizeof msg, NOW);
	check(n > 0, "the request can be made");
	if (ring != NULL) {
		s.key = tsig_keyring_find(ring, key_name);
		check(tsig_verify_request(ring, msg, &n, NOW, &s.tsig) == TSIG_VALID, "the request is signed well");
	}
	while (err == ERR_OK && (n = next_message(&s, msg)) > 0)
		err = xfrin_take(x, msg, n, NOW, f);
	tsig_exchange_clear(&s.tsig);
	return err;
}

static void
test_answers(void **state)
{
	struct tsig_keyring *ring = make_ring();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct tsig_keyring *keys = rows[i].with_key ? ring : NULL;
		struct xfrin *x = make_transfer(rows[i].ours, keys == NULL ? NULL : tsig_keyring_find(ring, key_name),
		    0);
		struct fault f = { 0 };
		char text[512];
		enum err err = run(x, rows[i].answer, rows[i].ours, keys, &f);

		if (rows[i].result != NULL && strncmp(rows[i].result, "newer", 5) == 0)
			err = ERR_OK;		/* whatever comes behind that is not read by anybody */
		check(err == rows[i].err, "%s: %s (%d)", rows[i].why, fault_str(&f, err), err);
		if (rows[i].words != NULL)
			check(strstr(f.text, rows[i].words) != NULL, "%s: the words are '%s'", rows[i].why, f.text);
		check(err == ERR_OK || !xfrin_is_done(x) || strstr(f.text, "behind the end of the transfer") != NULL,
		    "%s: a failed transfer is not done", rows[i].why);
		if (rows[i].result != NULL) {
			if (strncmp(rows[i].result, "newer", 5) != 0)
				print_result(x, text, sizeof text);
			else
				snprintf(text, sizeof text, "%s %u", xfrin_kind(x) == XFRIN_NEWER ? "newer" : "?",
				    xfrin_serial(x));
			check(strcmp(text, rows[i].result) == 0, "%s: %s, not %s", rows[i].why, text, rows[i].result);
		}
		xfrin_free(x);
	}
	tsig_keyring_unref(ring);
}

static void
test_what_is_told(void **state)
{
	struct xfrin *x = make_transfer(0, NULL, 0);
	struct fault f = { 0 };
	const char *first;

	(void)state;
	check(run(x, "S7 O1 A1|O2 S7", 0, NULL, &f) == ERR_OK, "the transfer goes well: %s", f.text);
	check(xfrin_records(x) == 5 && xfrin_octets(x) > 100 && xfrin_serial(x) == 7,
	    "records, octets and serial are counted");
	check(xfrin_outside(x, &first) == 2 && strstr(first, "a.example.net. 300 IN A 192.0.2.1") != NULL,
	    "two records are outside: %s", first);
	xfrin_free(x);
}

/* Neither records nor empty messages come without end. */
static void
test_limit(void **state)
{
	static uint8_t msg[MSG_MAX];
	const char *const streams[] = { "A1 A2 A3 A4 A5 A6 A7 A8", "" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct xfrin *x = make_transfer(0, NULL, 10000);
		struct fault f = { 0 };
		enum err err = run(x, "S7", 0, NULL, &f);
		unsigned messages = 0;

		for (; err == ERR_OK && messages < 100000; messages++) {
			struct stream s = { .rest = i == 0 ? streams[0] : " ", .qtype = TYPE_AXFR };
			size_t n = next_message(&s, msg);

			err = xfrin_take(x, msg, n, NOW, &f);
		}
		check(err == ERR_RANGE && strstr(f.text, "larger than the 10000 octets") != NULL,
		    "stream %zu ends after %u messages: %s", i, messages, f.text);
		xfrin_free(x);
	}
}

static const struct {
	const char *why, *answer;
	uint32_t ours;
	bool with_key, told;
	uint32_t left_s;
} expires[] = {
	{ "a primary that says nothing", "S7 A1 S7", 0, false, false, 0 },
	{ "one that says it in the only message", "S7 A1 S7 @300", 0, false, true, 300 },
	{ "in the first of several", "S7 A1 @300|A2|S7", 0, false, true, 300 },
	{ "in the first of several that are signed", "S7 A1 @300|A2|S7", 0, true, true, 300 },
	{ "in all", "S7 A1 @300|A2 @300|S7 @300", 0, false, true, 300 },
	{ "with differences", "S8 S7 A1 S8 A2 S8 @300", 7, false, true, 300 },
	{ "where nothing is newer", "S7 @12", 7, false, true, 12 },
	{ "no time is left", "S7 @0", 7, false, true, 0 },
};

/* RFC 7314 */
static void
test_expire(void **state)
{
	struct tsig_keyring *ring = make_ring();

	(void)state;
	for (size_t i = 0; i < sizeof expires / sizeof expires[0]; i++) {
		struct tsig_keyring *keys = expires[i].with_key ? ring : NULL;
		struct xfrin *x = make_transfer(expires[i].ours, keys == NULL ? NULL : tsig_keyring_find(ring, key_name),
		    0);
		struct fault f = { 0 };
		uint32_t left_s = 0;

		check(run(x, expires[i].answer, expires[i].ours, keys, &f) == ERR_OK && xfrin_is_done(x), "%s: %s",
		    expires[i].why, f.text);
		check(xfrin_expire(x, &left_s) == expires[i].told && left_s == expires[i].left_s, "%s: %u s",
		    expires[i].why, left_s);
		xfrin_free(x);
	}
	tsig_keyring_unref(ring);
}

static const struct { const char *why, *answer; bool no_edns, dislikes; } old_servers[] = {
	{ "FORMERR to EDNS", "E1", false, true },
	{ "NOTIMP to EDNS", "E4", false, true },
	{ "FORMERR without EDNS", "E1", true, false },
	{ "REFUSED", "E5", false, false },
	{ "an answer", "S7 A1 S7", false, false },
};

static void
test_without_edns(void **state)
{
	static uint8_t msg[MSG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof old_servers / sizeof old_servers[0]; i++) {
		struct stream s = { .rest = old_servers[i].answer, .qtype = TYPE_AXFR };
		struct fault f = { 0 };
		struct xfrin *x;
		size_t n;

		check(xfrin_new(&(struct xfrin_request){ .apex = apex, .no_edns = old_servers[i].no_edns }, &x) == ERR_OK,
		    "a transfer");
		check(xfrin_ask(x, ID, msg, sizeof msg, NOW) > 0 && msg[11] == !old_servers[i].no_edns, "%s: the request",
		    old_servers[i].why);
		n = next_message(&s, msg);
		(void)xfrin_take(x, msg, n, NOW, &f);
		check(xfrin_dislikes_edns(x) == old_servers[i].dislikes, "%s", old_servers[i].why);
		xfrin_free(x);
	}
}

/* Each prefix of a good message is an error, and nothing more. */
static void
test_prefixes(void **state)
{
	static uint8_t msg[MSG_MAX], copy[MSG_MAX];
	struct stream s = { .rest = "S8 S7 A1 S8 A2 T1 S8", .qtype = TYPE_IXFR };
	size_t n = next_message(&s, msg);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		struct xfrin *x = make_transfer(7, NULL, 0);
		struct fault f = { 0 };

		xfrin_ask(x, ID, copy, sizeof copy, NOW);
		memcpy(copy, msg, cut);
		check(xfrin_take(x, copy, cut, NOW, &f) != ERR_OK && f.text[0] != '\0' && !xfrin_is_done(x),
		    "%zu of %zu octets are refused with words", cut, n);
		xfrin_free(x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_without_edns),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the door says to signed and unsigned requests, and what goes on to the keeper; transfers, read by ldns. */
#include "tests/unit/check.h"

#include <ldns/ldns.h>
#include <stdlib.h>

#include <arpa/inet.h>

#include "base/digest.h"
#include "base/log.h"
#include "server/handle.h"
#include "tests/unit/server/served.h"
#include "tests/unit/zones/memory.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

#define NOW 1700000000

static struct served served;
static struct handler handler;
static uint8_t out[MSG_MAX];
static bool no_digests;

bool __real_digest_make_sha256(const void *octets, size_t n, uint8_t digest[DIGEST_SHA256]);
bool __wrap_digest_make_sha256(const void *octets, size_t n, uint8_t digest[DIGEST_SHA256]);

bool
__wrap_digest_make_sha256(const void *octets, size_t n, uint8_t digest[DIGEST_SHA256])
{
	return !no_digests && __real_digest_make_sha256(octets, n, digest);
}

static const struct row {
	const char *why;
	enum opcode opcode;
	const char *qname, *qtype, *key;	/* key NULL: unsigned */
	int late_s;				/* the peer's clock is so far behind */
	bool tcp;
	int serial;				/* of an SOA in the authority section; -1: none */
	enum handled what;
	unsigned rcode;
	bool is_signed;				/* the answer verifies with the key */
	int job;				/* kind of job that the keeper gets; -1: none */
} rows[] = {
#define UDP false
#define TCP true
#define UPDATE(why, qname, qtype, key) why, OPCODE_UPDATE, qname, qtype, key, 0, UDP, -1
#define NOTIFY(why, qname, qtype, key) why, OPCODE_NOTIFY, qname, qtype, key, 0, UDP, -1
	{ UPDATE("an update with an update key", "example.", "SOA", "u._update.example."),
	    HANDLED_LATER, 0, false, JOB_UPDATE },
	{ UPDATE("of a zone below the key's", "open.example.", "SOA", "u._update.example."),
	    HANDLED_LATER, 0, false, JOB_UPDATE },
	{ UPDATE("unsigned", "example.", "SOA", NULL), HANDLED_ANSWER, RCODE_REFUSED, false, -1 },
	{ UPDATE("with a transfer key", "example.", "SOA", "t._transfer.example."),
	    HANDLED_ANSWER, RCODE_REFUSED, true, -1 },
	{ UPDATE("with a key that has no right by its name", "example.", "SOA", "plain."),
	    HANDLED_ANSWER, RCODE_REFUSED, true, -1 },
	{ UPDATE("of something that is no zone", "www.example.", "SOA", "u._update.example."),
	    HANDLED_ANSWER, RCODE_NOTAUTH, true, -1 },
	{ UPDATE("with a zone section that asks for A", "example.", "A", "u._update.example."),
	    HANDLED_ANSWER, RCODE_FORMERR, true, -1 },
	{ UPDATE("with a key that is not known", "example.", "SOA", "stranger."), HANDLED_ANSWER, RCODE_NOTAUTH, false,
	    -1 },
	{ UPDATE("with another secret", "example.", "SOA", "wrong"), HANDLED_ANSWER, RCODE_NOTAUTH, false, -1 },
	{ "an update that was signed too long ago", OPCODE_UPDATE, "example.", "SOA", "u._update.example.", 400, UDP,
	    -1, HANDLED_ANSWER, RCODE_NOTAUTH, false, -1 },

	{ NOTIFY("a NOTIFY with a notify key", "example.", "SOA", "n._notify.example."),
	    HANDLED_ANSWER, RCODE_NOERROR, true, JOB_NOTIFY },
	{ NOTIFY("of a name below the key's that is no zone yet", "new.example.", "SOA", "n._notify.example."),
	    HANDLED_ANSWER, RCODE_NOERROR, true, JOB_NOTIFY },
	{ NOTIFY("with an update key", "example.", "SOA", "u._update.example."),
	    HANDLED_ANSWER, RCODE_NOERROR, true, JOB_NOTIFY },
	{ NOTIFY("with a key that may not", "example.", "SOA", "plain."), HANDLED_ANSWER, RCODE_REFUSED, true, -1 },
	{ NOTIFY("unsigned, of a zone: acknowledged and ignored", "example.", "SOA", NULL),
	    HANDLED_ANSWER, RCODE_NOERROR, false, -1 },
	{ NOTIFY("unsigned, of no zone", "nothing.test.", "SOA", NULL), HANDLED_ANSWER, RCODE_NOTAUTH, false, -1 },
	{ NOTIFY("of another type", "example.", "A", "n._notify.example."), HANDLED_ANSWER, RCODE_FORMERR, true, -1 },

	{ "AXFR with a transfer key", OPCODE_QUERY, "example.", "AXFR", "t._transfer.example.", 0, TCP, -1,
	    HANDLED_TRANSFER, 0, false, -1 },
	{ "with an update key", OPCODE_QUERY, "example.", "AXFR", "u._update.example.", 0, TCP, -1,
	    HANDLED_TRANSFER, 0, false, -1 },
	{ "with a notify key", OPCODE_QUERY, "example.", "AXFR", "n._notify.example.", 0, TCP, -1,
	    HANDLED_ANSWER, RCODE_REFUSED, true, -1 },
	{ "with a key that allow-transfer names", OPCODE_QUERY, "example.", "AXFR", "plain.", 0, TCP, -1,
	    HANDLED_TRANSFER, 0, false, -1 },
	{ "unsigned", OPCODE_QUERY, "example.", "AXFR", NULL, 0, TCP, -1, HANDLED_ANSWER, RCODE_REFUSED, false, -1 },
	{ "unsigned, from an address in allow-transfer", OPCODE_QUERY, "open.example.", "AXFR", NULL, 0, TCP, -1,
	    HANDLED_TRANSFER, 0, false, -1 },
	{ "of a name in a zone", OPCODE_QUERY, "www.example.", "AXFR", "t._transfer.example.", 0, TCP, -1,
	    HANDLED_ANSWER, RCODE_NOTAUTH, true, -1 },
	{ "over UDP", OPCODE_QUERY, "example.", "AXFR", "t._transfer.example.", 0, UDP, -1,
	    HANDLED_ANSWER, RCODE_NOTIMP, true, -1 },
	{ "with a wrong signature", OPCODE_QUERY, "example.", "AXFR", "wrong", 0, TCP, -1,
	    HANDLED_ANSWER, RCODE_NOTAUTH, false, -1 },

	{ "IXFR from an older serial: the keeper looks for history", OPCODE_QUERY, "example.", "IXFR",
	    "t._transfer.example.", 0, TCP, 6, HANDLED_TRANSFER_LATER, 0, false, JOB_IXFR },
	{ "from ours: the SOA", OPCODE_QUERY, "example.", "IXFR", "t._transfer.example.", 0, TCP, 7,
	    HANDLED_ANSWER, RCODE_NOERROR, true, -1 },
	{ "from a newer one: the SOA", OPCODE_QUERY, "example.", "IXFR", "t._transfer.example.", 0, TCP, 8,
	    HANDLED_ANSWER, RCODE_NOERROR, true, -1 },
	{ "over UDP too", OPCODE_QUERY, "example.", "IXFR", "t._transfer.example.", 0, UDP, 6,
	    HANDLED_TRANSFER_LATER, 0, false, JOB_IXFR },
	{ "unsigned IXFR", OPCODE_QUERY, "example.", "IXFR", NULL, 0, TCP, 6, HANDLED_ANSWER, RCODE_REFUSED, false,
	    -1 },
	{ "IXFR that names no serial", OPCODE_QUERY, "example.", "IXFR", "t._transfer.example.", 0, TCP, -1,
	    HANDLED_ANSWER, RCODE_FORMERR, true, -1 },

	{ "a signed query gets a signed answer", OPCODE_QUERY, "www.example.", "A", "plain.", 0, UDP, -1,
	    HANDLED_ANSWER, RCODE_NOERROR, true, -1 },
	{ "also where it is refused", OPCODE_QUERY, "www.test.", "A", "plain.", 0, UDP, -1,
	    HANDLED_ANSWER, RCODE_REFUSED, true, -1 },
	{ "a query with a wrong signature gets none", OPCODE_QUERY, "www.example.", "A", "wrong", 0, UDP, -1,
	    HANDLED_ANSWER, RCODE_NOTAUTH, false, -1 },
};

static size_t
make_request(const struct row *row, uint8_t msg[2048], struct tsig_exchange *x)
{
	struct question q = { .qclass = CLASS_IN };
	struct wr w;

	check(dname_from_str(row->qname, &q.qname) == ERR_OK && rrtype_parse(row->qtype, strlen(row->qtype), &q.qtype),
	    "qname");
	wr_init(&w, msg, 2048);
	msg_header_write(&w, &(struct msg_header){ 4711, (uint16_t)(row->opcode << 11), 1, 0, row->serial >= 0, 0 });
	question_write(&w, &q);
	if (row->serial >= 0) {
		uint8_t rdata[22] = { 0, 0, 0, 0, 0, (uint8_t)row->serial };

		msg_rr_write(&w, q.qname.octets, TYPE_SOA, CLASS_IN, 0, rdata, sizeof rdata);
	}
	if (row->key == NULL)
		return wr_len(&w);
	return tsig_sign_request(served_key(row->key), msg, wr_len(&w), 2048, NOW - row->late_s, x);
}

static struct outcome
handle(const struct row *row, uint8_t *msg, size_t n)
{
	struct sockaddr_storage peer = { 0 };
	struct client client = { .peer = &peer, .peer_len = sizeof(struct sockaddr_in), .tcp = row->tcp };
	struct outcome o;

	peer.ss_family = AF_INET;
	inet_pton(AF_INET, "127.0.0.1", &((struct sockaddr_in *)&peer)->sin_addr);
	rcu_thread_online();
	handle_request(&handler, &client, msg, n, NOW, out, row->tcp ? MSG_MAX : HANDLE_ROOM_MIN, &o);
	rcu_thread_offline();
	return o;
}

/* What the keeper found becomes a stream over TCP, and one message over UDP. */
static void
check_history(const struct row *row, struct job *j)
{
	static const uint8_t apex[] = "\7example", rdata[22] = { 0, 0, 0, 0, 0, 7 };
	struct outcome o;

	check(j->serial == 6, "%s: the client's serial is read", row->why);
	rcu_thread_online();
	if (row->tcp) {
		handle_history(&handler, j, NOW, out, MSG_MAX, &o);
		check(o.what == HANDLED_TRANSFER, "%s: without history the whole zone is streamed", row->why);
		axfr_free(o.transfer);
	}
	check(ixfr_soa_only(&(struct rr){ apex, rdata, 1, TYPE_SOA, sizeof rdata }, &j->ixfr) == ERR_OK, "an SOA");
	handle_history(&handler, j, NOW, out, HANDLE_ROOM_MIN, &o);
	check(o.what == HANDLED_ANSWER && o.n > 0 && (out[3] & 15) == RCODE_NOERROR && out[7] == 1, "%s: the SOA alone",
	    row->why);
	rcu_thread_offline();
}

static void
check_job(const struct row *row)
{
	struct job *j = queue_pop(served.shared.to_keeper);

	check((j != NULL ? (int)j->kind : -1) == row->job, "%s: a job for the keeper, or none", row->why);
	if (j == NULL)
		return;
	check(j->reply_to == handler.replies && j->request.tsig.key != NULL && j->peer.ss_family == AF_INET,
	    "%s: all is there to answer it", row->why);
	check(j->request.header.arcount == 0 && j->msg[11] == 0 &&
	    j->n == 12 + strlen(row->qname) + 5 + (row->serial < 0 ? 0 : 2 + 10 + 22),
	    "%s: TSIG is off", row->why);
	if (j->kind == JOB_IXFR)
		check_history(row, j);
	if (j->kind == JOB_UPDATE) {
		j->rcode = RCODE_NXRRSET;
		check(handle_reply(&handler, j, NOW, out, HANDLE_ROOM_MIN) > 0 && out[3] == RCODE_NXRRSET,
		    "%s: the verdict becomes an answer", row->why);
	}
	job_free(j);
}

static void
test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct tsig_exchange x = { .status = TSIG_ABSENT };
		uint8_t msg[2048];
		struct outcome o = handle(row, msg, make_request(row, msg, &x));

		check(o.what == row->what, "%s: outcome %d, not %d", row->why, o.what, row->what);
		if (o.what == HANDLED_TRANSFER)
			axfr_free(o.transfer);
		if (o.what == HANDLED_ANSWER) {
			struct fault f;

			check((out[3] & 15) == row->rcode, "%s: %s, not %s", row->why, rcode_str(out[3] & 15),
			    rcode_str(row->rcode));
			if (row->is_signed)
				check(tsig_verify_response(&x, out, &o.n, true, NOW, &f) == ERR_OK, "%s: %s", row->why,
				    f.text);
			else
				check(row->key == NULL || tsig_verify_response(&x, out, &o.n, true, NOW, &f) != ERR_OK,
				    "%s: not signed, or with an error", row->why);
		}
		check_job(row);
		tsig_exchange_clear(&x);
	}
}

/* The same request again has the same digest, another one has not. */
static void
test_digest_tells_resends(void **state)
{
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[2048], again[2048], forwarded[2048];
	struct job *a, *b, *c, *d;
	size_t n = make_request(&rows[0], msg, &x);

	(void)state;
	memcpy(again, msg, n);
	memcpy(forwarded, msg, n);
	forwarded[0] ^= 0x55;
	handle(&rows[0], msg, n);
	handle(&rows[0], again, n);
	handle(&rows[0], forwarded, n);
	tsig_exchange_clear(&x);
	handle(&rows[1], msg, make_request(&rows[1], msg, &x));
	tsig_exchange_clear(&x);
	a = queue_pop(served.shared.to_keeper);
	b = queue_pop(served.shared.to_keeper);
	d = queue_pop(served.shared.to_keeper);
	c = queue_pop(served.shared.to_keeper);
	check(a != NULL && b != NULL && c != NULL && d != NULL, "four jobs");
	check(memcmp(a->digest, b->digest, 32) == 0, "a resend");
	check(memcmp(a->digest, d->digest, 32) == 0, "a resend under another ID, which no MAC covers");
	check(memcmp(a->digest, c->digest, 32) != 0, "another update");
	job_free(a);
	job_free(b);
	job_free(c);
	job_free(d);
}

/* What cannot be known again is not done: it would be taken for one that was. */
static void
test_no_digest(void **state)
{
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	struct fault f = { 0 };
	uint8_t msg[2048];
	struct outcome o;

	(void)state;
	no_digests = true;
	o = handle(&rows[0], msg, make_request(&rows[0], msg, &x));
	no_digests = false;
	check(o.what == HANDLED_ANSWER && (out[3] & 15) == RCODE_SERVFAIL, "SERVFAIL");
	check(tsig_verify_response(&x, out, &o.n, true, NOW, &f) == ERR_OK, "signed: %s", f.text);
	check(queue_pop(served.shared.to_keeper) == NULL, "the keeper hears nothing of it");
	tsig_exchange_clear(&x);
}

/* Signed by a key that is not known, and no question: nothing may be done with the name that is not there. */
static void
test_no_question(void **state)
{
	static const uint16_t opcodes[] = { OPCODE_QUERY, OPCODE_STATUS, OPCODE_NOTIFY, OPCODE_UPDATE, 6, 15 };
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[2048];
	struct wr w;

	(void)state;
	for (size_t i = 0; i < sizeof opcodes / sizeof opcodes[0]; i++) {
		struct outcome o;
		size_t n;

		wr_init(&w, msg, sizeof msg);
		msg_header_write(&w, &(struct msg_header){ 4711, (uint16_t)(opcodes[i] << 11), 0, 0, 0, 0 });
		n = tsig_sign_request(served_key("stranger."), msg, wr_len(&w), sizeof msg, NOW, &x);
		o = handle(&rows[0], msg, n);
		check(o.what == HANDLED_ANSWER && (out[3] & 15) == RCODE_NOTAUTH, "opcode %u: refused", opcodes[i]);
		tsig_exchange_clear(&x);
	}
}

static void
test_a_full_queue(void **state)
{
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[2048];
	struct outcome o;
	struct job *j;

	(void)state;
	for (int i = 0; i < 8; i++) {
		o = handle(&rows[0], msg, make_request(&rows[0], msg, &x));
		check(o.what == HANDLED_LATER, "update %d is taken", i);
		tsig_exchange_clear(&x);
	}
	o = handle(&rows[0], msg, make_request(&rows[0], msg, &x));
	check(o.what == HANDLED_ANSWER && (out[3] & 15) == RCODE_SERVFAIL, "then SERVFAIL");
	check(tsig_verify_response(&x, out, &o.n, true, NOW, NULL) == ERR_OK, "signed");
	tsig_exchange_clear(&x);
	while ((j = queue_pop(served.shared.to_keeper)) != NULL)
		job_free(j);
}

/* What needs memory is answered SERVFAIL where there is none; a query needs none. */
static void
test_memory(void **state)
{
	static const struct { const char *why, *qname, *qtype; bool needs; } queries[] = {
		{ "an answer", "www.example.", "TXT", false }, { "a chain", "loop.example.", "A", false },
		{ "a referral", "a.sub.example.", "A", false }, { "NXDOMAIN", "nx.example.", "A", false },
		{ "a refusal", "nx.test.", "A", false }, { "a transfer", "open.example.", "AXFR", true },
	};
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	struct row row = rows[0];
	uint8_t msg[2048];
	struct outcome o;
	size_t n = make_request(&row, msg, &x);

	(void)state;
	memory_fail_nth(1);
	o = handle(&row, msg, n);
	memory_fail_nth(0);
	check(o.what == HANDLED_ANSWER && (out[3] & 15) == RCODE_SERVFAIL, "an update");
	check(tsig_verify_response(&x, out, &o.n, true, NOW, NULL) == ERR_OK, "its answer is signed");
	tsig_exchange_clear(&x);
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		row = (struct row){ queries[i].why, OPCODE_QUERY, queries[i].qname, queries[i].qtype, NULL, 0, true, -1,
		    HANDLED_ANSWER, 0, false, -1 };
		n = make_request(&row, msg, &x);
		memory_fail_nth(1);
		o = handle(&row, msg, n);
		check((memory_fail_left() == 0) == queries[i].needs, "%s: memory is asked for, or not", row.why);
		memory_fail_nth(0);
		check(o.what == HANDLED_ANSWER && ((out[3] & 15) == RCODE_SERVFAIL) == queries[i].needs, "%s", row.why);
	}
}

/* Take a whole transfer.  Gives the number of records; the messages are in the number of *messages. */
static size_t
take_transfer(const char *zone, const char *key, size_t *messages, size_t *largest)
{
	struct row row = { "transfer", OPCODE_QUERY, zone, "AXFR", key, 0, true, -1, HANDLED_TRANSFER, 0, false, -1 };
	struct tsig_exchange x = { .status = TSIG_ABSENT };
	uint8_t msg[2048];
	struct outcome o = handle(&row, msg, make_request(&row, msg, &x));
	size_t records = 0, n;
	uint16_t last_type = 0;

	check(o.what == HANDLED_TRANSFER, "a transfer begins");
	*messages = *largest = 0;
	while ((n = axfr_next(o.transfer, out, NOW)) > 0) {
		struct fault f = { 0 };
		ldns_pkt *p;
		ldns_rr_list *answer;

		*largest = n > *largest ? n : *largest;
		if (key != NULL)
			check(tsig_verify_response(&x, out, &n, axfr_is_complete(o.transfer), NOW, &f) == ERR_OK, "%s",
			    f.text);
		check(ldns_wire2pkt(&p, out, n) == LDNS_STATUS_OK, "ldns reads the message");
		check(ldns_pkt_aa(p) && ldns_pkt_id(p) == 4711 && ldns_pkt_get_rcode(p) == 0, "its header");
		check(ldns_pkt_qdcount(p) == (*messages == 0), "the question is in the first one");
		answer = ldns_pkt_answer(p);
		check(ldns_rr_list_rr_count(answer) > 0, "it has records");
		for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++, records++) {
			last_type = (uint16_t)ldns_rr_get_type(ldns_rr_list_rr(answer, i));
			check((records == 0) <= (last_type == TYPE_SOA), "SOA opens");
		}
		++*messages;
		ldns_pkt_free(p);
	}
	check(axfr_is_complete(o.transfer) && last_type == TYPE_SOA, "SOA closes");
	check(axfr_records(o.transfer) == records, "it counts");
	axfr_free(o.transfer);
	tsig_exchange_clear(&x);
	return records;
}

static void
test_transfers(void **state)
{
	size_t messages, largest, records;

	(void)state;
	check((records = take_transfer("example.", "t._transfer.example.", &messages, &largest)) == 14,
	    "thirteen records, glue too, and the SOA again, not %zu", records);
	check(messages == 1, "one message");
	check(take_transfer("open.example.", NULL, &messages, &largest) == 3, "a small zone");
	records = take_transfer("big.example.", "t._transfer.example.", &messages, &largest);
	check(records == BIG_RECORDS + 4, "all records of a big zone, not %zu", records);
	check(messages > 6 && messages < 20, "packed well: %zu messages", messages);
	check(largest > 60000, "one of them for the large record");
	check(take_transfer("big.example.", "u._update.example.", &messages, &largest) == records, "and again");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_digest_tells_resends),
		cmocka_unit_test(test_no_digest),
		cmocka_unit_test(test_no_question),
		cmocka_unit_test(test_a_full_queue), cmocka_unit_test(test_memory),
		cmocka_unit_test(test_transfers)
	};
	int failed;

	log_set_level(LOG_LEVEL_ERROR);
	rcu_register_thread();
	served_start(&served, "[127.0.0.1@5353]", 1);
	queue_new(8, &handler.replies);
	handler.shared = &served.shared;
	rcu_thread_offline();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_thread_online();
	queue_free(handler.replies);
	served_stop(&served);
	rcu_unregister_thread();
	return failed;
}

/* NOTIFY to secondaries: what they are sent, when again, and what is known of them. */
#include "server/notify.h"

#include <netinet/in.h>
#include <stdlib.h>

#include <event2/event.h>

#include "tests/unit/check.h"
#include "tests/unit/server/peer.h"
#include "wire/rrtype.h"

static const uint8_t zone[] = "\7example\3com", other_zone[] = "\7example\3org";
static const uint8_t key_name[] = "\1k\7_notify";

#define LINES(...) (const char *const[]){ __VA_ARGS__, NULL }

static struct rr
soa(const uint8_t *owner, uint32_t serial)
{
	static uint8_t rdata[] = "\0" "\0" "\0\0\0\0" "\0\0\16\20" "\0\0\2\130" "\0\11\72\200" "\0\0\0\74";

	soa_set_serial(rdata, sizeof rdata - 1, serial);
	return (struct rr){ .owner = owner, .rdata = rdata, .ttl = 3600, .type = TYPE_SOA, .rdlen = sizeof rdata - 1 };
}

/* In small steps: however long the machine lets this process wait, whatever is under way goes on in each. */
static void
run_for(struct event_base *base, unsigned ms)
{
	for (unsigned passed = 0; passed < ms; passed += 10) {
		event_base_loopexit(base, &(struct timeval){ 0, 10000 });
		event_base_dispatch(base);
	}
}

struct seen {
	unsigned n;
	struct notify_status last;
	char problem[160];
};

static void
on_status(void *arg, const struct notify_status *s)
{
	struct seen *seen = arg;

	seen->n++;
	seen->last = *s;
	snprintf(seen->problem, sizeof seen->problem, "%s", s->problem);
}

static struct seen
status(const struct notifier *n, const uint8_t *name)
{
	struct seen seen = { 0 };

	notifier_each(n, name, on_status, &seen);
	return seen;
}

static const struct {
	const char *why;
	const char *const *udp;
	bool with_key, confirmed;
	unsigned run_ms, requests;
	const char *problem;
} rows[] = {
	{ "an answer confirms the serial", LINES("a"), .confirmed = true, .run_ms = 100, .requests = 1, .problem = "" },
	{ "a confirmed NOTIFY is not sent again", LINES("a", "a"), .confirmed = true, .run_ms = 1300, .requests = 1,
	    .problem = "" },
	{ "a signed answer to a signed NOTIFY", LINES("a"), .with_key = true, .confirmed = true, .run_ms = 100,
	    .requests = 1, .problem = "" },
	{ "REFUSED is an answer: no more tries", LINES("R", "a"), .confirmed = false, .run_ms = 1300, .requests = 1,
	    .problem = "answered REFUSED" },
	{ "silence brings another try after a second", LINES("", "a"), .confirmed = true, .run_ms = 1300,
	    .requests = 2, .problem = "" },
	{ "and another", LINES("", "", "a"), .confirmed = true, .run_ms = 2400, .requests = 3, .problem = "" },
	{ "silence is told", LINES("", ""), .confirmed = false, .run_ms = 1200, .requests = 2,
	    .problem = "no answer over UDP within 1000 ms" },
	{ "a forged answer confirms nothing", LINES("iou", "a"), .with_key = true, .confirmed = true, .run_ms = 1300,
	    .requests = 2, .problem = "" },
};

static void
test_a_target_is_told_until_it_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct event_base *base = event_base_new();
		struct peer p = { .udp_script = rows[i].udp, .ring = peer_ring(key_name) };
		struct tsig_key *key = peer_key(key_name);
		struct notify_target target = { .key = rows[i].with_key ? key : NULL };
		struct rr rr = soa(zone, 4294967295u);
		struct notifier *n;
		struct seen seen = { 0 };

		peer_start(&p, base, i % 2 ? AF_INET6 : AF_INET);
		assert_int_equal(notifier_new(base, &n), ERR_OK);
		target.address = p.address;
		target.len = p.len;
		notifier_send(n, &rr, &target, 1, NULL, 0);
		tsig_key_free(key);		/* it was copied */
		for (unsigned passed = 0; passed < rows[i].run_ms; passed += 10) {
			run_for(base, 10);
			seen = status(n, zone);
			if (rows[i].requests > 1 && p.udp_requests == rows[i].requests &&
			    seen.last.is_confirmed == rows[i].confirmed && strcmp(seen.problem, rows[i].problem) == 0)
				break;			/* before a slow machine comes to the next try */
		}
		check(seen.n == 1, "%s: one target", rows[i].why);
		check(seen.last.sent == 4294967295u, "%s: the serial sent is known", rows[i].why);
		check(seen.last.is_confirmed == rows[i].confirmed, "%s: confirmed", rows[i].why);
		check(p.udp_requests == rows[i].requests, "%s: %u requests", rows[i].why, p.udp_requests);
		check(strcmp(seen.problem, rows[i].problem) == 0, "%s: \"%s\"", rows[i].why, seen.problem);
		check(p.last_tsig == (rows[i].with_key ? TSIG_VALID : TSIG_ABSENT), "%s: signed as wanted",
		    rows[i].why);
		notifier_free(n);
		peer_stop(&p);
		event_base_free(base);
	}
}

static void
check_message(const struct peer *p, uint32_t serial)
{
	struct rd r = rd_over(p->last, p->last_n);
	struct msg_header h;
	struct question q;
	struct msg_rr rr;
	uint8_t rdata[64];
	struct soa fields;

	msg_header_read(&r, &h);
	check(msg_opcode(&h) == OPCODE_NOTIFY && (h.flags & FLAG_AA) != 0, "opcode NOTIFY with AA");
	check(h.qdcount == 1 && h.ancount == 1, "a question and an answer");
	check(question_read(&r, &q) && q.qtype == TYPE_SOA && dname_equal(q.qname.octets, zone), "it asks for the SOA");
	check(msg_rr_read(&r, &rr) && rr.type == TYPE_SOA && dname_equal(rr.owner.octets, zone), "it carries the SOA");
	check(rr.rdlen <= sizeof rdata, "a short one");
	memcpy(rdata, rr.rdata.p, rr.rdlen);
	soa_read(rdata, rr.rdlen, &fields);
	check(fields.serial == serial, "with the new serial");
}

static void
test_the_newest_serial_is_what_arrives(void **state)
{
	struct event_base *base = event_base_new();
	struct peer p = { .udp_script = LINES("", "a", "", "a"), .ring = peer_ring(key_name) };
	struct notify_target target = { .key = NULL };
	struct notifier *n;
	struct seen seen;

	(void)state;
	peer_start(&p, base, AF_INET);
	assert_int_equal(notifier_new(base, &n), ERR_OK);
	target.address = p.address;
	target.len = p.len;
	for (uint32_t serial = 10; serial < 12; serial++) {
		struct rr rr = soa(zone, serial);

		notifier_send(n, &rr, &target, 1, NULL, 0);
		run_for(base, 50);
	}
	check(p.udp_requests == 2, "the second change does not wait for the first try's end");
	check_message(&p, 11);
	seen = status(n, zone);
	check(seen.n == 1 && seen.last.is_confirmed && seen.last.confirmed == 11, "11 is confirmed");

	struct rr rr = soa(zone, 12);
	notifier_send(n, &rr, &target, 1, NULL, 0);
	run_for(base, 50);
	seen = status(n, zone);
	check(!seen.last.is_confirmed && seen.last.confirmed == 11 && seen.last.sent == 12, "12 is not confirmed yet");
	run_for(base, 1200);
	seen = status(n, zone);
	check(seen.last.is_confirmed && seen.last.confirmed == 12, "now it is");
	notifier_free(n);
	peer_stop(&p);
	event_base_free(base);
}

static void
test_targets_and_zones_are_forgotten(void **state)
{
	struct event_base *base = event_base_new();
	struct peer a = { .ring = peer_ring(key_name) }, b = { .udp_script = LINES("a", "a"), .ring = peer_ring(key_name) };
	struct notify_target targets[2] = { { .key = NULL }, { .key = NULL } };
	struct rr rr = soa(zone, 1), other = soa(other_zone, 1);
	struct notifier *n;

	(void)state;
	peer_start(&a, base, AF_INET);
	peer_start(&b, base, AF_INET6);
	targets[0].address = a.address;
	targets[0].len = a.len;
	targets[1].address = b.address;
	targets[1].len = b.len;
	assert_int_equal(notifier_new(base, &n), ERR_OK);
	notifier_send(n, &rr, targets, 2, NULL, 0);
	notifier_send(n, &other, targets, 1, NULL, 0);
	check(status(n, zone).n == 2 && status(n, other_zone).n == 1, "three targets in two zones");
	run_for(base, 50);
	check(a.udp_requests == 2 && b.udp_requests == 1, "all were told");
	notifier_send(n, &rr, targets + 1, 1, NULL, 0);
	check(status(n, zone).n == 1 && status(n, other_zone).n == 1, "the one no longer listed is forgotten");
	notifier_drop(n, other_zone);
	check(status(n, zone).n == 1 && status(n, other_zone).n == 0, "and so is a zone that was removed");
	run_for(base, 1200);
	check(a.udp_requests == 2, "the forgotten are not told again");
	check(b.udp_requests == 2 && status(n, zone).last.is_confirmed, "the others are");
	notifier_free(n);
	peer_stop(&a);
	peer_stop(&b);
	event_base_free(base);
}

/* As views of one server are told apart. */
static void
test_one_address_with_several_keys(void **state)
{
	struct event_base *base = event_base_new();
	struct peer p = { .udp_script = LINES("a", "a"), .ring = peer_ring(key_name) };
	struct tsig_key *key = peer_key(key_name);
	struct notify_target targets[3] = { { .key = NULL }, { .key = key }, { .unknown_key = zone } };
	struct rr rr = soa(zone, 1);
	struct notifier *n;

	(void)state;
	peer_start(&p, base, AF_INET);
	for (size_t i = 0; i < 3; i++) {
		targets[i].address = p.address;
		targets[i].len = p.len;
	}
	assert_int_equal(notifier_new(base, &n), ERR_OK);
	notifier_send(n, &rr, targets, 3, NULL, 0);
	run_for(base, 100);
	check(p.udp_requests == 2, "it is told once unsigned and once signed, and not with a key that is not known");
	check(status(n, zone).n == 3, "each of them has a state of its own");
	notifier_send(n, &rr, targets + 2, 1, NULL, 0);
	check(status(n, zone).n == 1, "the one with the key that is not known is left");
	check(!status(n, zone).last.is_confirmed && dname_equal(status(n, zone).last.key, zone), "unconfirmed");
	check(strcmp(status(n, zone).problem, "its key example.com is not known here") == 0, "with the reason");
	notifier_send(n, &rr, targets + 1, 1, NULL, 0);
	check(dname_equal(status(n, zone).last.key, key_name), "a target is also named by its key");
	notifier_free(n);
	tsig_key_free(key);
	peer_stop(&p);
	event_base_free(base);
}

/* More zones than there are sockets for, and than the table had buckets. */
static void
test_many_zones_at_once(void **state)
{
	static const char *script[1001];
	struct event_base *base = event_base_new();
	struct peer p = { .udp_script = script, .ring = peer_ring(key_name) };
	struct notify_target target = { .key = NULL };
	unsigned confirmed = 0;
	struct notifier *n;

	(void)state;
	for (int i = 0; i < 1000; i++)
		script[i] = "a";
	peer_start(&p, base, AF_INET);
	assert_int_equal(notifier_new(base, &n), ERR_OK);
	target.address = p.address;
	target.len = p.len;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 500; i++) {
			char text[32];
			struct dname name;
			struct rr rr;

			snprintf(text, sizeof text, "zone%d.example", i);
			assert_int_equal(dname_from_str(text, &name), ERR_OK);
			if (round == 0) {
				rr = soa(name.octets, 7);
				notifier_send(n, &rr, &target, 1, NULL, 0);
			} else {
				confirmed += status(n, name.octets).last.is_confirmed;
			}
		}
		if (round == 0)
			run_for(base, 1900);
	}
	check(confirmed == 500, "all were told, not %u", confirmed);
	notifier_free(n);
	peer_stop(&p);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_target_is_told_until_it_answers),
		cmocka_unit_test(test_the_newest_serial_is_what_arrives),
		cmocka_unit_test(test_targets_and_zones_are_forgotten),
		cmocka_unit_test(test_one_address_with_several_keys),
		cmocka_unit_test(test_many_zones_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

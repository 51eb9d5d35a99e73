#include <stdlib.h>

#include "server/gather.h"
#include "server/message.h"
#include "tests/unit/check.h"
#include "wire/dname.h"
#include "wire/rrtype.h"

static const uint8_t apex[] = "\7example\3com", address[] = { 192, 0, 2, 1 }, other[] = { 192, 0, 2, 2 };

static struct rr
rr_of(const uint8_t *owner, uint16_t type, const uint8_t rdata[4])
{
	return (struct rr){ .owner = owner, .rdata = rdata, .ttl = 300, .type = type, .rdlen = 4 };
}

static void
note(struct pending *p, const struct rr *rr, bool add)
{
	struct changeset cs = { 0 };

	check((add ? changeset_add_rr(&cs, rr) : changeset_remove_rr(&cs, rr)) == ERR_OK &&
	    pending_note(p, &cs) == ERR_OK, "a change is noted");
	changeset_clear(&cs);
}

static void
test_what_changed(void **state)
{
	static const uint8_t www[] = "\3www\7example\3com", odd[] = "\6a b\n<c\7example\3com", glue[] = "\2ns\3net";
	struct message_zone z = { .name = "example.com" };
	struct pending p = { 0 };
	struct buf name = { 0 };

	(void)state;
	note(&p, &(struct rr){ .owner = www, .rdata = address, .ttl = 1, .type = TYPE_A, .rdlen = 4 }, true);
	note(&p, &(struct rr){ .owner = www, .rdata = other, .ttl = 1, .type = TYPE_A, .rdlen = 4 }, true);
	for (size_t i = 0; i < 3; i++) {
		const uint8_t *owners[] = { apex, odd, glue };
		struct rr rr = rr_of(owners[i], TYPE_A, address);

		note(&p, &rr, i != 0);
	}
	message_describe(&p, apex, &z);
	check(z.added == 4 && z.removed == 1, "+%zu -%zu", z.added, z.removed);
	check(strcmp(buf_str(&z.what), "ns.net. A, @ A, a\\032b\\010<c A, www A") == 0 ||
	    strcmp(buf_str(&z.what), "@ A, a\\032b\\010<c A, www A, ns.net. A") == 0, "%s", buf_str(&z.what));
	message_zone_clear(&z);

	for (unsigned i = 0; i < 200; i++) {
		char text[64];
		struct dname owner;
		struct rr rr;

		snprintf(text, sizeof text, "host%u.example.com.", i);
		check(dname_from_str(text, &owner) == ERR_OK, "%s", text);
		rr = rr_of(owner.octets, TYPE_A, address);
		note(&p, &rr, true);
	}
	z = (struct message_zone){ .name = "example.com" };
	message_describe(&p, apex, &z);
	check(strstr(buf_str(&z.what), " more") != NULL && z.what.len < 100, "of many a few are named: %s",
	    buf_str(&z.what));
	message_zone_clear(&z);
	buf_clear(&name);
	pending_clear(&p);
}

static void
test_one_zone(void **state)
{
	char by[] = "client._update.example.com 192.0.2.7@5353", why[] = "certificate of www.example.com\nCertns-Key: "
	    "forged";
	struct note notes[] = { { 1700000000, by, false, 2, 1 }, { 1700000001, why, true, 1, 0 } };
	struct message_zone z = { .name = "example.com", .old_serial = 7, .serial = 9, .added = 3, .removed = 1,
		.notes = notes, .nnotes = 2 };
	struct buf b = { 0 }, name = { 0 }, email = { 0 };

	(void)state;
	buf_add_str(&z.what, "mail TLSA, www A");
	message_write(&z, 1, &b);
	check(strcmp(buf_str(&b), "example.com: 7 -> 9, +3 -1 (mail TLSA, www A)\n\n"
	    "2023-11-14T22:13:20Z client._update.example.com 192.0.2.7: +2 -1\n"
	    "2023-11-14T22:13:21Z certns, certificate of www.example.com\\010Certns-Key: forged: +1 -0\n\n"
	    "Certns-Zone: example.com\nCertns-Serial: 7 9\nCertns-Records: +3 -1\nCertns-Updates: 2\n"
	    "Certns-Key: client._update.example.com\nCertns-Client: 192.0.2.7\n") == 0, "the message is\n%s",
	    buf_str(&b));
	message_author(&z, 1, "ns1.example.net", &name, &email);
	check(strcmp(buf_str(&name), "certns") == 0 && strcmp(buf_str(&email), "certns@ns1.example.net") == 0,
	    "two authors are none: %s", buf_str(&name));
	buf_clear(&name);
	buf_clear(&email);
	z.nnotes = 1;
	message_author(&z, 1, "ns1.example.net", &name, &email);
	check(strcmp(buf_str(&name), "client._update.example.com") == 0 &&
	    strcmp(buf_str(&email), "client._update.example.com@ns1.example.net") == 0, "one is it: %s",
	    buf_str(&email));
	buf_clear(&name);
	buf_clear(&email);
	z.nmore = 1;
	message_author(&z, 1, "ns1.example.net", &name, &email);
	check(strcmp(buf_str(&name), "certns") == 0, "who is behind the others is not known");
	buf_clear(&name);
	buf_clear(&email);
	z.nmore = 0;
	strcpy(by, "a<b>\\032c 192.0.2.7");
	message_author(&z, 1, "h", &name, &email);
	check(strcmp(buf_str(&name), "a\\060b\\062\\032c") == 0 && strcmp(buf_str(&email), "a-b--032c@h") == 0,
	    "git takes it: %s <%s>", buf_str(&name), buf_str(&email));
	buf_clear(&name);
	buf_clear(&email);
	message_zone_clear(&z);
	buf_clear(&b);
}

static void
test_thousands(void **state)
{
	struct message_zone *v = calloc(3000, sizeof *v);
	struct note *notes = calloc(500, sizeof *notes);
	char (*by)[40] = calloc(500, sizeof *by), (*names)[1100] = calloc(3000, sizeof *names);
	struct buf b = { 0 };
	size_t line = 0;

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		snprintf(by[i], sizeof by[i], "key%u._update.example 192.0.2.%u", i % 100, i % 250);
		notes[i] = (struct note){ 1700000000, by[i], false, 1, 1 };
	}
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(names[i], sizeof names[i], "%u.%.*s", i, i % 2 == 0 ? 1000 : 3,
		    "\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200\\200");
		v[i] = (struct message_zone){ .name = names[i], .serial = i, .added = 1, .notes = notes, .nnotes = 500,
		    .nmore = 7 };
	}
	message_write(v, 3000, &b);
	check(b.len < MESSAGE_MAX && strncmp(buf_str(&b), "3000 zones: +3000 -0 (", 22) == 0, "%zu octets", b.len);
	for (const uint8_t *p = b.p; *p != '\n'; p++)
		line++;
	check(line < 2500, "the subject has %zu", line);
	check(strstr(buf_str(&b), "and 2900 more zones\n") != NULL && strstr(buf_str(&b), "\nCertns-Zones: "
	    "3000\n") != NULL, "the others are counted");
	check(strstr(buf_str(&b), "\nCertns-Updates: 1521000\n") != NULL, "and so are the updates");
	buf_clear(&b);
	free(names);
	free(by);
	free(notes);
	free(v);
}

static void
test_notes(void **state)
{
	struct notes n = { 0 };
	struct changeset cs = { 0 }, passing = { 0 };
	struct rr rr = rr_of(apex, TYPE_A, address), soa = rr_of(apex, TYPE_SOA, address);
	struct change c = { .rr = rr, .add = true, .class = CHANGE_PASSING };

	(void)state;
	check(changeset_add_rr(&cs, &rr) == ERR_OK && changeset_remove_rr(&cs, &rr) == ERR_OK &&
	    changeset_add_rr(&cs, &soa) == ERR_OK && changeset_add(&passing, &c) == ERR_OK &&
	    changeset_add_rr(&passing, &soa) == ERR_OK, "changes");
	notes_add(&n, 1, false, "k a", &passing);
	check(n.n == 0, "what only passes is not noted");
	for (int64_t i = 0; i < NOTES_MAX + 10; i++)
		notes_add(&n, i, false, "k a", &cs);
	check(n.n == NOTES_MAX && n.more == 10 && n.v[0].added == 1 && n.v[0].removed == 1, "bounded");
	notes_drop(&n, 400, 10);
	check(n.n == NOTES_MAX - 400 && n.more == 0 && n.v[0].time_s == 400, "the oldest go");
	notes_add(&n, 5, true, "why", &cs);
	check(n.n == NOTES_MAX - 399 && n.v[n.n - 1].ours, "new ones are listed again");
	notes_clear(&n);
	changeset_clear(&cs);
	changeset_clear(&passing);
}

static void
test_gather(void **state)
{
	struct gather g = { .quiet_ms = 1000, .most_ms = 10000 };
	int64_t now = 50000;

	(void)state;
	check(gather_add(&g, now) == 1000, "a second of quiet");
	for (int i = 0; i < 18; i++)
		check(gather_add(&g, now += 500) <= 1000, "begun anew with each change");
	check(gather_add(&g, now += 500) == 500 && gather_add(&g, now += 500) == 0, "but ten seconds after the first");
	gather_begin(&g);
	check(gather_add(&g, now) == 1000, "and anew");
	gather_begin(&g);
	gather_paid(&g, now, 600);
	check(gather_add(&g, now + 100) == 600 * GATHER_SHARE - 100, "what was dear is not done again at once");
	gather_paid(&g, now + 200, 1);
	check(gather_add(&g, now + 300) == 600 * GATHER_SHARE - 300, "nor because of something cheap");
	check(gather_add(&g, now + 600 * GATHER_SHARE + 1) == 0, "then it is overdue");
	gather_begin(&g);
	gather_paid(&g, now, 1000000);
	check(gather_add(&g, now) == GATHER_PAUSE_MAX_MS, "the dearest is paid for in minutes");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changed),
		cmocka_unit_test(test_one_zone),
		cmocka_unit_test(test_thousands),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_gather),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

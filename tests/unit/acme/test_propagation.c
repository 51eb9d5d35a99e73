#include "tests/unit/check.h"

#include <event2/event.h>

#include "acme/propagation.h"
#include "base/clock.h"
#include "tests/unit/acme/world.h"
#include "wire/message.h"
#include "wire/rrtype.h"

static struct acme_proof
txt(const char *owner, const char *value)
{
	struct acme_proof p = { .value = (char *)(uintptr_t)value };

	assert_int_equal(dname_from_str(owner, &p.name), ERR_OK);
	assert_int_equal(dname_from_str("example.test", &p.way.zone), ERR_OK);
	p.way.owner = p.name;
	return p;
}

/* TXT records are written "owner=string|string"; blanks part records. */
static size_t
message(unsigned flags, const char *records, uint8_t *out, size_t room)
{
	struct msg_header h = { .flags = (uint16_t)(FLAG_QR | FLAG_AA | flags), .qdcount = 1 };
	struct question q = { .qtype = TYPE_TXT, .qclass = CLASS_IN };
	char copy[512], *p = copy, *one, *string;
	struct wr w;

	snprintf(copy, sizeof copy, "%s", records);
	wr_init(&w, out, room);
	msg_header_write(&w, &h);
	assert_int_equal(dname_from_str("c.a.test", &q.qname), ERR_OK);
	question_write(&w, &q);
	while ((one = strsep(&p, " ")) != NULL) {
		uint8_t rdata[512];
		size_t n = 0;
		struct dname owner;
		char *rest = one;

		if (*one == '\0')
			continue;
		assert_int_equal(dname_from_str(strsep(&rest, "="), &owner), ERR_OK);
		while ((string = strsep(&rest, "|")) != NULL) {
			rdata[n++] = (uint8_t)strlen(string);
			memcpy(rdata + n, string, strlen(string));
			n += strlen(string);
		}
		msg_rr_write(&w, owner.octets, TYPE_TXT, CLASS_IN, 60, rdata, n);
		h.ancount++;
	}
	wr_patch_u16(&w, 6, h.ancount);
	return wr_len(&w);
}

static const struct { const char *why; unsigned flags; const char *records, *missing; } answers[] = {
	{ "both values",			0, "c.a.test=one c.a.test=two", NULL },
	{ "beside others, in any order",	0, "c.a.test=two c.a.test=x c.a.test=one", NULL },
	{ "a value in several strings",		0, "c.a.test=o|ne c.a.test=two||", NULL },
	{ "an owner in capital letters",	0, "C.A.TEST=one c.A.test=two", NULL },
	{ "one of the two",			0, "c.a.test=one", "older" },
	{ "a value that goes on",		0, "c.a.test=one c.a.test=twos", "older" },
	{ "a value cut short",			0, "c.a.test=one c.a.test=tw", "older" },
	{ "a value in other letters",		0, "c.a.test=one c.a.test=TWO", "older" },
	{ "one at another owner",		0, "c.a.test=one d.a.test=two", "older" },
	{ "all at another owner",		0, "d.a.test=one d.a.test=two", "no such record" },
	{ "nothing",				0, "", "no such record" },
	{ "NXDOMAIN",				RCODE_NXDOMAIN, "", "NXDOMAIN" },
	{ "REFUSED with the records",		RCODE_REFUSED, "c.a.test=one c.a.test=two", "REFUSED" },
};

static void
test_answers(void **state)
{
	static const char *const values[] = { "one", "two" };
	struct dname owner;
	uint8_t msg[1024];
	uint32_t cached_s;

	(void)state;
	assert_int_equal(dname_from_str("c.a.test", &owner), ERR_OK);
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		size_t n = message(answers[i].flags, answers[i].records, msg, sizeof msg);
		const char *missing = acme_txt_missing(msg, n, owner.octets, values, 2, &cached_s);

		check((missing == NULL) == (answers[i].missing == NULL) && (missing == NULL ||
		    strstr(missing, answers[i].missing) != NULL), "%s: %s", answers[i].why, missing == NULL ? "seen" :
		    missing);
		for (size_t k = 0; k < n; k++)
			check(acme_txt_missing(msg, k, owner.octets, values, 2, &cached_s) != NULL,
			    "%s, cut to %zu octets, shows nothing",
			    answers[i].why, k);
		check(missing != NULL || cached_s == 0, "%s: nothing to wait for", answers[i].why);
	}
}

struct end {
	struct event_base *base;
	unsigned times;
	enum err err;
	char words[512];
};

static void
on_done(void *arg, enum err err, const char *words)
{
	struct end *end = arg;

	end->times++;
	end->err = err;
	snprintf(end->words, sizeof end->words, "%s", words);
	event_base_loopbreak(end->base);
}

static const struct { const char *why, *server; unsigned lag_ms; bool silent,
    here; enum err err; const char *words; } checks[] = {
	{ "our own servers alone",	NULL, 0, false, true, ERR_OK, "" },
	{ "a server that has it",	"ns2.a.test", 0, false, true, ERR_OK, "" },
	{ "a server that lags",		"ns2.a.test", 300, false, true, ERR_OK, "" },
	{ "a server that lags too long", "ns2.a.test", 9000, false, true, ERR_TIMEOUT, "ns2.a.test did not show" },
	{ "a silent server",		"ns2.a.test", 0, true, true, ERR_TIMEOUT, "(last: no answer)" },
	{ "a server whose answer is lost", "lost", 0, false, true, ERR_TIMEOUT, "(last: no answer)" },
	{ "not even here",		NULL, 0, false, false, ERR_TIMEOUT, "this server did not show" },
};

static void
test_waiting(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
		struct end end = { .base = event_base_new() };
		struct acme_port *port;
		struct acme_propagation *p = NULL;
		struct world w;
		struct acme_proof txts[] = { txt("_acme-challenge.h.example.test", "one"),
		    txt("_acme-challenge.h.example.test", "two") };

		world_init(&w, end.base);
		w.server = checks[i].server;
		w.lag_ms = checks[i].lag_ms;
		w.silent = checks[i].silent;
		w.last_txt_ms = clock_mono_ms();
		struct rr one = { txts[0].way.owner.octets, (const uint8_t *)"\3one", 60, TYPE_TXT, 4 };
		struct rr two = { txts[0].way.owner.octets, (const uint8_t *)"\3two", 60, TYPE_TXT, 4 };
		assert_int_equal(rr_list_add(&w.rrs, &one), ERR_OK);
		if (checks[i].here)
			assert_int_equal(rr_list_add(&w.rrs, &two), ERR_OK);
		struct acme_outside outside = world_outside(&w);
		assert_int_equal(acme_port_new(&outside, end.base, &port), ERR_OK);
		struct acme_propagation_setup setup = { .port = port, .base = end.base, .proofs = txts, .n = 2,
			.timeout_s = checks[i].err == ERR_OK ? 60 : 1 };
		assert_int_equal(acme_propagation_start(&setup, on_done, &end, &p), ERR_OK);
		check(end.times == 0, "done comes later");
		event_base_dispatch(end.base);
		check(end.times == 1 && end.err == checks[i].err, "%s: %s", checks[i].why, err_str(end.err));
		check(strstr(end.words, checks[i].words) != NULL, "%s: \"%s\" says \"%s\"", checks[i].why, end.words,
		    checks[i].words);
		acme_propagation_free(p);
		acme_port_free(port);
		world_clear(&w);
		event_base_free(end.base);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The look before an order: CAA in our zones and elsewhere, and zones that do not validate. */
#include "tests/unit/check.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "acme/preflight.h"
#include "base/clock.h"
#include "tests/unit/acme/world.h"
#include "wire/message.h"

static struct event_base *base;

/* --- records in text: "OWNER CNAME TARGET; OWNER CAA FLAGS TAG VALUE; OWNER NS NAME" --- */

static void
add_record(struct rr_list *to, const char *text)
{
	char owner_text[100], type[20], rest[200] = "", tag[20];
	struct dname owner, target;
	uint8_t rdata[300];
	unsigned flags;
	int at = 0;

	assert_true(sscanf(text, "%99s %19s %199[^\n]", owner_text, type, rest) >= 2);
	assert_int_equal(dname_from_str(owner_text, &owner), ERR_OK);
	if (strcmp(type, "CAA") == 0) {
		assert_int_equal(sscanf(rest, "%u %19s %n", &flags, tag, &at), 2);
		size_t ntag = strlen(tag), n = strlen(rest + at);
		rdata[0] = (uint8_t)flags;
		rdata[1] = (uint8_t)ntag;
		memcpy(rdata + 2, tag, ntag);
		memcpy(rdata + 2 + ntag, rest + at, n);
		assert_int_equal(rr_list_add(to, &(struct rr){ owner.octets, rdata, 300, TYPE_CAA,
		    (uint16_t)(2 + ntag + n) }), ERR_OK);
		return;
	}
	assert_int_equal(dname_from_str(rest, &target), ERR_OK);
	assert_int_equal(rr_list_add(to, &(struct rr){ owner.octets, target.octets, 300,
	    strcmp(type, "NS") == 0 ? TYPE_NS : TYPE_CNAME, (uint16_t)dname_len(target.octets) }), ERR_OK);
}

static void
add_records(struct rr_list *to, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			add_record(to, line);
	free(copy);
}

/* --- what a resolver says of names elsewhere --- */

static struct rr_list elsewhere;
static const char *bogus, *broken;	/* at and below this SERVFAIL: unless nobody checks; always */
static bool silent;
static unsigned asked;
static char asked_last[DNAME_TEXT_MAX];

struct waiting {
	struct event *timer;
	struct question q;
	uint16_t flags;
	void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words);
	void *arg;
};

static bool
is_below(const uint8_t *name, const char *above)
{
	struct dname d;

	return above != NULL && dname_from_str(above, &d) == ERR_OK && dname_is_below(name, d.octets);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *a = arg;
	struct msg_header h = { .flags = FLAG_QR | FLAG_RA, .qdcount = 1 };
	struct dname name = a->q.qname;
	const struct rr *found[10];
	uint8_t msg[4096];
	struct wr w;

	(void)fd, (void)what;
	if (is_below(name.octets, broken) || (is_below(name.octets, bogus) && (a->flags & FLAG_CD) == 0))
		h.flags |= RCODE_SERVFAIL;
	for (unsigned hops = 0; (h.flags & 15) == 0 && hops < 5; hops++)
		for (size_t i = 0; i < elsewhere.n; i++)
			if (h.ancount < 10 && dname_equal(elsewhere.v[i].owner, name.octets) &&
			    (elsewhere.v[i].type == a->q.qtype || elsewhere.v[i].type == TYPE_CNAME)) {
				found[h.ancount++] = &elsewhere.v[i];
				if (elsewhere.v[i].type == TYPE_CNAME)
					dname_copy(&name, elsewhere.v[i].rdata);
				else
					hops = 5;
			}
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &h);
	question_write(&w, &a->q);
	for (unsigned i = 0; i < h.ancount; i++)
		msg_rr_write(&w, found[i]->owner, found[i]->type, CLASS_IN, 300, found[i]->rdata, found[i]->rdlen);
	a->answered(a->arg, msg, silent ? 0 : wr_len(&w), silent ? "no answer" : "");
	event_free(a->timer);
	free(a);
}

static void
ask(void *ctx, const struct sockaddr *address, const uint8_t *qname, uint16_t qtype, uint16_t flags,
    unsigned timeout_ms, void (*answered)(void *arg, const uint8_t *msg, size_t n, const char *words), void *arg)
{
	struct waiting *a = calloc(1, sizeof *a);

	(void)ctx, (void)address, (void)timeout_ms;
	asked++;
	dname_print_host(qname, asked_last);
	check(qtype == TYPE_CAA || qtype == TYPE_SOA, "nothing is asked for that is still to come");
	a->q = (struct question){ .qtype = qtype, .qclass = CLASS_IN };
	dname_copy(&a->q.qname, qname);
	a->flags = flags;
	a->answered = answered;
	a->arg = arg;
	a->timer = event_new(base, -1, 0, on_time, a);
	event_add(a->timer, &(struct timeval){ 0, 1000 });
}

/* --- one look --- */

struct end {
	unsigned times;
	enum err err;
	char problem[20], words[1100];
};

static void
on_done(void *arg, enum err err, const char *problem, const char *words)
{
	struct end *end = arg;

	end->times++;
	end->err = err;
	snprintf(end->problem, sizeof end->problem, "%s", problem);
	snprintf(end->words, sizeof end->words, "%s", words);
	event_base_loopbreak(base);
}

static struct acme_names
names_of(const char *text)
{
	struct acme_names names = { calloc(20, sizeof(char *)), 0 };
	char *copy = strdup(text), *rest = copy, *one;

	while ((one = strsep(&rest, " ")) != NULL)
		names.v[names.n++] = strdup(one);
	free(copy);
	return names;
}

static struct end
look(const char *ours, const char *text, bool resolver, const char *identities, const char *directory, bool give_up)
{
	static struct sockaddr_in address = { .sin_family = AF_INET };
	static const struct acme_resolver one = { .kind = ACME_RESOLVER_PLAIN, .name = "192.0.2.53",
		.address = (struct sockaddr *)&address };
	struct acme_resolve_config config = { .resolvers = &one, .n = resolver };
	struct acme_names names = names_of(text);
	json_t *json = identities == NULL ? NULL : json_loads(identities, 0, NULL);
	struct acme_resolve *resolve = NULL;
	struct acme_preflight *p;
	struct acme_port *port;
	struct acme_outside outside;
	struct end end = { 0 };
	struct world w;

	asked = 0;
	world_init(&w, base);
	w.zones[0] = "example.com";
	w.zones[1] = "example.net";
	add_records(&w.rrs, ours);
	outside = world_outside(&w);
	outside.ask = ask;
	assert_int_equal(acme_port_new(&outside, base, &port), ERR_OK);
	assert_int_equal(acme_resolve_new(&config, port, base, &resolve), ERR_OK);
	struct acme_preflight_setup setup = { .outside = acme_port_outside(port), .resolve = resolve, .base = base,
	    .names = &names,
		.host = "test", .directory = directory, .identities = json, .account = "https://ca.example/acct/1" };
	assert_int_equal(acme_preflight_start(&setup, on_done, &end, &p), ERR_OK);
	json_decref(json);
	check(end.times == 0, "never before it returns");
	if (!give_up)
		event_base_dispatch(base);
	acme_preflight_free(p);
	acme_resolve_free(resolve);
	acme_port_free(port);
	event_base_loop(base, EVLOOP_NONBLOCK);
	acme_names_clear(&names);
	world_clear(&w);
	return end;
}

#define CA "[\"ca.example\"]"
#define OURS "example.com NS ns.example.com\nexample.net NS ns.example.com\n"

static const struct { const char *why, *ours, *there, *names; bool resolver; const char *words; } rows[] = {
	{ "nothing is said", "", "", "www.example.com", true, NULL },
	{ "the CA is named at the name", "www.example.com CAA 0 issue ca.example", "", "www.example.com", false, NULL },
	{ "at the zone", "example.com CAA 0 issue ca.example", "", "a.b.www.example.com", false, NULL },
	{ "another CA is", "example.com CAA 0 issue other.example", "", "a.b.www.example.com", false,
	    "a.b.www.example.com: CAA of example.com, 0 issue \"other.example\" does not let ca.example issue: it is "
	    "for another CA" },
	{ "what is nearer counts", "example.com CAA 0 issue other.example\nwww.example.com CAA 0 issue ca.example", "",
	    "a.www.example.com", false, NULL },
	{ "and against us", "example.com CAA 0 issue ca.example\nwww.example.com CAA 0 iodef "
	    "mailto:a@b\nwww.example.com CAA 0 issue ;", "", "www.example.com", false, "CAA of www.example.com" },
	{ "one of several names", "b.example.com CAA 0 issue ;", "", "a.example.com b.example.com", false,
	    "b.example.com: CAA" },
	{ "a wildcard has its own property", "example.com CAA 0 issue ca.example\nexample.com CAA 0 issuewild ;", "",
	    "*.example.com", false, "*.example.com: CAA of example.com, 0 issuewild \";\"" },
	{ "and its parent another", "example.com CAA 0 issue ca.example\nexample.com CAA 0 issuewild ;", "",
	    "example.com", false, NULL },
	{ "an alias in our zones", "www.example.com CNAME web.example.net\nweb.example.net CAA 0 issue other.example",
	    "", "www.example.com", false, "CAA of web.example.net" },
	{ "what is above an alias's target does not count", "www.example.com CNAME web.example.net\n"
	    "example.net CAA 0 issue other.example\nexample.com CAA 0 issue ca.example", "", "www.example.com", false,
	    NULL },
	{ "an alias to elsewhere", "www.example.com CNAME cdn.example.org", "cdn.example.org CNAME edge.example.org\n"
	    "edge.example.org CAA 0 issue other.example", "www.example.com", true, "CAA of edge.example.org" },
	{ "without a resolver that is not known", "www.example.com CNAME cdn.example.org",
	    "cdn.example.org CAA 0 issue ;", "www.example.com", false, NULL },
	{ "what is delegated", "sub.example.com NS ns.elsewhere.test", "a.sub.example.com CAA 0 issue ;",
	    "a.sub.example.com", true, "CAA of a.sub.example.com" },
	{ "and says nothing: what is above counts", "sub.example.com NS ns.elsewhere.test\nexample.com CAA 0 issue ;",
	    "", "a.sub.example.com", true, "CAA of example.com" },
	{ "a name elsewhere, up to its top", "", "test CAA 0 issue ;", "a.elsewhere.test", true, "CAA of test" },
	{ "above our zone", "", "com CAA 0 issue ;", "www.example.com", true, "CAA of com" },
	{ "a wildcard of DNS speaks for the name", "*.example.com CAA 0 issue other.example\n"
	    "example.com CAA 0 issue ca.example", "", "a.b.example.com", false, "CAA of *.example.com" },
	{ "but not for one that is there", "*.example.com CAA 0 issue ;\nb.example.com CNAME c.example.com\n"
	    "c.example.com NS x.test\nexample.com CAA 0 issue ca.example", "", "b.example.com", false, NULL },
};

static void
test_caa(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char ours[1000];

		snprintf(ours, sizeof ours, OURS "%s", rows[i].ours);
		rr_list_clear(&elsewhere);
		add_records(&elsewhere, rows[i].there);
		struct end end = look(ours, rows[i].names, rows[i].resolver, CA, "https://ca.example/", false);
		check(end.times == 1, "%s: it ends once", rows[i].why);
		check(end.err == (rows[i].words == NULL ? ERR_OK : ERR_REFUSED), "%s: %s", rows[i].why, end.words);
		check(rows[i].words == NULL || (strstr(end.words, rows[i].words) != NULL &&
		    strcmp(end.problem, "caa") == 0), "%s: %s", rows[i].why, end.words);
		check(rows[i].resolver || asked == 0, "%s: nobody is asked", rows[i].why);
	}
	rr_list_clear(&elsewhere);
}

static void
test_what_the_ca_is_called(void **state)
{
	static const char ours[] = OURS "example.com CAA 0 issue letsencrypt.org";
	static const char le[] = "https://acme-v02.api.letsencrypt.org/directory";

	(void)state;
	check(look(ours, "example.com", false, NULL, le, false).err == ERR_OK, "known by its directory");
	check(look(ours, "example.com", false, "[]", le, false).err == ERR_OK, "an empty list says nothing");
	check(look(ours, "example.com", false, "[1, \"LetsEncrypt.org\"]", "https://x/", false).err == ERR_OK,
	    "as it says itself");
	check(look(ours, "example.com", false, "[\"b.example\"]", le, false).err == ERR_REFUSED, "and that wins");
	check(look(ours, "example.com", false, NULL, "https://ca.example/", false).err == ERR_OK,
	    "not known: it passes");
	check(look(OURS "example.com CAA 0 issue comodoca.com", "example.com", false, NULL,
	    "https://acme.zerossl.com/v2/DV90", false).err == ERR_OK, "by a name of earlier years");
	check(look(ours, "example.com", false, NULL, "https://acme.zerossl.com/v2/DV90", false).err == ERR_REFUSED,
	    "but not by anybody's");
}

static void
test_names_that_do_not_validate(void **state)
{
	struct end end;

	(void)state;
	bogus = "example.net";
	end = look(OURS, "a.example.com b.example.net", true, CA, "https://ca.example/", false);
	check(end.err == ERR_REFUSED && strcmp(end.problem, "dns") == 0, "%s", end.words);
	check(strstr(end.words, "example.net does not validate (DNSSEC)") == end.words, "%s", end.words);
	end = look(OURS, "b.example.net", false, CA, "https://ca.example/", false);
	check(end.err == ERR_OK && asked == 0, "without a resolver nobody knows");
	end = look(OURS "_acme-challenge.a.example.com CNAME a.example.net", "a.example.com", true, CA,
	    "https://ca.example/", false);
	check(end.err == ERR_REFUSED, "where the challenge is delegated to");
	bogus = "elsewhere.test";
	end = look(OURS, "b.elsewhere.test", true, CA, "https://ca.example/", false);
	check(end.err == ERR_REFUSED && strstr(end.words, "b.elsewhere.test does not") == end.words, "elsewhere: %s",
	    end.words);
	bogus = NULL;
	broken = "example.net";
	end = look(OURS, "b.example.net", true, CA, "https://ca.example/", false);
	check(end.err == ERR_OK, "out of order in any case is not bogus: %s", end.words);
	broken = NULL;
	silent = true;
	end = look(OURS, "a.example.com b.elsewhere.test", true, CA, "https://ca.example/", false);
	check(end.err == ERR_OK && asked == 1, "a resolver that says nothing is asked once: %u", asked);
	silent = false;
}

static void
test_giving_up(void **state)
{
	(void)state;
	check(look(OURS, "a.example.com", true, CA, "https://ca.example/", true).times == 0,
	    "freed before: it never comes");
}

static void
test_answers_cut_anywhere(void **state)
{
	uint8_t msg[600];
	struct dname name, target;
	struct rr_list set = { 0 };
	struct wr w;

	(void)state;
	dname_from_str("a.test", &name);
	dname_from_str("b.test", &target);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ .flags = FLAG_QR, .qdcount = 1, .ancount = 2 });
	question_write(&w, &(struct question){ name, TYPE_CAA, CLASS_IN });
	msg_rr_write(&w, name.octets, TYPE_CNAME, CLASS_IN, 1, target.octets, dname_len(target.octets));
	msg_rr_write(&w, target.octets, TYPE_CAA, CLASS_IN, 1, (const uint8_t *)"\0\5issueca", 9);
	for (size_t n = 0; n <= wr_len(&w); n++) {
		uint8_t *cut = malloc(n + (n == 0));

		memcpy(cut, msg, n);
		rr_list_clear(&set);
		acme_preflight_read_caa(cut, n, name.octets, &set);
		check(set.n == (n == wr_len(&w)), "%zu octets: %zu records", n, set.n);
		free(cut);
	}
	rr_list_clear(&set);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caa),
		cmocka_unit_test(test_what_the_ca_is_called),
		cmocka_unit_test(test_names_that_do_not_validate),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_answers_cut_anywhere),
	};
	int failed;

	base = event_base_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	event_base_free(base);
	return failed;
}

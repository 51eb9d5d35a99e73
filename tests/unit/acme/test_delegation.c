#include "tests/unit/check.h"

#include <event2/event.h>
#include <netinet/in.h>

#include "acme/delegation.h"
#include "tests/unit/acme/world.h"
#include "wire/message.h"
#include "wire/rrtype.h"

/* Records: "owner TYPE target", parted by commas.  The zones are example.test, other.test and frozen.test, which may
 * not be changed. */
static const struct { const char *why, *records, *name; enum err err; const char *end; unsigned hops; } ways[] = {
	{ "no alias",			"", "_c.www.example.test", ERR_OK, "_c.www.example.test in example.test", 0 },
	{ "a name that is there",	"_c.www.example.test TXT x", "_c.www.example.test", ERR_OK,
	    "_c.www.example.test in example.test", 0 },
	{ "an alias within the zone",	"_c.www.example.test CNAME x.example.test", "_c.www.example.test", ERR_OK,
	    "x.example.test in example.test", 1 },
	{ "an alias to another zone",	"_c.www.example.test CNAME www.other.test", "_c.www.example.test", ERR_OK,
	    "www.other.test in other.test", 1 },
	{ "a chain of two",		"_c.www.example.test CNAME a.other.test, a.other.test CNAME b.example.test",
	    "_c.www.example.test", ERR_OK, "b.example.test in example.test", 2 },
	{ "from a zone that may not be changed", "_c.www.frozen.test CNAME x.other.test", "_c.www.frozen.test", ERR_OK,
	    "x.other.test in other.test", 1 },
	{ "letter case is nothing",	"_C.www.EXAMPLE.test CNAME X.Other.TEST", "_c.WWW.example.test", ERR_OK,
	    "X.Other.TEST in other.test", 1 },
	{ "a wildcard",			"*.www.example.test CNAME x.other.test, www.example.test A",
	    "_c.www.example.test", ERR_OK, "x.other.test in other.test", 1 },
	{ "a wildcard that is hidden by the host", "*.example.test CNAME x.other.test, www.example.test A",
	    "_c.www.example.test", ERR_OK, "_c.www.example.test in example.test", 0 },
	{ "a wildcard that is hidden by what is below", "*.example.test CNAME x.other.test, a.www.example.test A",
	    "_c.www.example.test", ERR_OK, "_c.www.example.test in example.test", 0 },
	{ "a wildcard that leads away is passed over", "*.example.test CNAME cdn.example.net", "_c.www.example.test",
	    ERR_OK, "_c.www.example.test in example.test", 0 },
	{ "and one that leads in a circle", "*.example.test CNAME loop.example.test", "_c.www.example.test", ERR_OK,
	    "_c.www.example.test in example.test", 0 },
	{ "and one that leads to where we may not", "*.example.test CNAME x.frozen.test", "_c.www.example.test", ERR_OK,
	    "_c.www.example.test in example.test", 0 },
	{ "but not where we may not override it", "*.frozen.test CNAME cdn.example.net", "_c.www.frozen.test",
	    ERR_NOT_FOUND, "_c.www.frozen.test -> cdn.example.net, which is in none of the zones here", 1 },
	{ "a wildcard that is passed over behind an alias", "_c.www.example.test CNAME q.other.test, *.other.test "
	    "CNAME away.example.net", "_c.www.example.test", ERR_OK, "q.other.test in other.test", 1 },
	{ "a DNAME",			"sub.example.test DNAME other.test", "_c.www.sub.example.test", ERR_OK,
	    "_c.www.other.test in other.test", 1 },
	{ "a DNAME does not speak for its owner", "_c.www.example.test DNAME other.test", "_c.www.example.test", ERR_OK,
	    "_c.www.example.test in example.test", 0 },
	{ "a DNAME and then a CNAME",	"sub.example.test DNAME other.test, _c.other.test CNAME x.example.test",
	    "_c.sub.example.test", ERR_OK, "x.example.test in example.test", 2 },
	{ "a circle",			"_c.example.test CNAME b.other.test, b.other.test CNAME _c.example.test",
	    "_c.example.test", ERR_RANGE, "_c.example.test -> b.other.test -> _c.example.test: these aliases lead in a "
	    "circle", 0 },
	{ "an alias of itself",		"_c.example.test CNAME _C.Example.test", "_c.example.test", ERR_RANGE,
	    "lead in a circle", 0 },
	{ "a chain out of our zones",	"_c.example.test CNAME b.other.test, b.other.test CNAME c.example.net",
	    "_c.example.test", ERR_NOT_FOUND, "_c.example.test -> b.other.test -> c.example.net, which is in none of "
	    "the zones here", 0 },
	{ "a name in none of our zones", "", "_c.example.net", ERR_NOT_FOUND,
	    "_c.example.net is in none of the zones here; make", 0 },
	{ "a zone that may not be changed", "", "_c.www.frozen.test", ERR_REFUSED,
	    "_c.www.frozen.test: the zone frozen.test may not be changed here: the test has frozen it; make the name a "
	    "CNAME", 0 },
	{ "an alias to one",		"_c.example.test CNAME x.frozen.test", "_c.example.test", ERR_REFUSED,
	    "_c.example.test -> x.frozen.test: the zone frozen.test may not", 0 },
	{ "a zone cut",			"_c.www.example.test NS ns.example.net", "_c.www.example.test", ERR_NOT_FOUND,
	    "_c.www.example.test: _c.www.example.test is delegated to servers elsewhere", 0 },
	{ "a zone cut above",		"www.example.test NS ns.example.net", "_c.www.example.test", ERR_NOT_FOUND,
	    "www.example.test is delegated to servers elsewhere", 0 },
	{ "a cut to a zone of ours",	"_c.cut.example.test NS ns.example.net", "_c.cut.example.test", ERR_OK,
	    "_c.cut.example.test in _c.cut.example.test", 0 },
};

static void
add(struct world *w, const char *owner, const char *type, const char *target)
{
	static const struct { const char *name; uint16_t type; } types[] = {
		{ "TXT", TYPE_TXT }, { "A", TYPE_A }, { "CNAME", TYPE_CNAME }, { "DNAME", TYPE_DNAME },
		    { "NS", TYPE_NS }
	};
	struct rr rr = { .ttl = 60 };
	struct dname name, rdata;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, type) == 0)
			rr.type = types[i].type;
	assert_int_equal(dname_from_str(owner, &name), ERR_OK);
	rr.owner = name.octets;
	rr.rdata = (const uint8_t *)(rr.type == TYPE_TXT ? "\1x" : "\x7f\0\0\1");
	rr.rdlen = rr.type == TYPE_TXT ? 2 : 4;
	if (rr.type != TYPE_TXT && rr.type != TYPE_A) {
		assert_int_equal(dname_from_str(target, &rdata), ERR_OK);
		rr.rdata = rdata.octets;
		rr.rdlen = (uint16_t)dname_len(rdata.octets);
	}
	assert_int_equal(rr_list_add(&w->rrs, &rr), ERR_OK);
}

static void
fill(struct world *w, const char *records)
{
	char copy[4000], *rest = copy, *record;

	snprintf(copy, sizeof copy, "%s", records);
	while ((record = strsep(&rest, ",")) != NULL && *record != '\0') {
		char owner[300] = "", type[10] = "", target[300] = "";

		sscanf(record, " %299s %9s %299s", owner, type, target);
		add(w, owner, type, target);
	}
}

static void
world_for(struct world *w, struct event_base *base, const char *records)
{
	world_init(w, base);
	w->zones[0] = "example.test";
	w->zones[1] = "other.test";
	w->zones[2] = "frozen.test";
	w->zones[3] = "_c.cut.example.test";
	w->frozen = "frozen.test";
	fill(w, records);
}

static void
test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct event_base *base = event_base_new();
		struct acme_delegation d;
		struct fault f = { 0 };
		struct dname name;
		struct world w;
		char end[2 * DNAME_TEXT_MAX + 10], text[DNAME_TEXT_MAX];

		world_for(&w, base, ways[i].records);
		struct acme_outside outside = world_outside(&w);
		assert_int_equal(dname_from_str(ways[i].name, &name), ERR_OK);
		enum err err = acme_delegation_find(&outside, name.octets, &d, &f);
		check(err == ways[i].err, "%s: %s (%s)", ways[i].why, err_str(err), f.text);
		if (err == ERR_OK) {
			snprintf(end, sizeof end, "%s in ", dname_print_host(d.owner.octets, text));
			strcat(end, dname_print_host(d.zone.octets, text));
			check(strcmp(end, ways[i].end) == 0 && d.nhops == ways[i].hops, "%s: %s after %u", ways[i].why,
			    end, d.nhops);
			for (unsigned h = 0; h < d.nhops; h++)
				check(d.hops[h].ours, "each hop is ours");
			acme_delegation_clear(&d);
		} else
			check(strstr(f.text, ways[i].end) != NULL, "%s: %s", ways[i].why, f.text);
		world_clear(&w);
		event_base_free(base);
	}
}

static void
test_long_chains(void **state)
{
	static const struct { unsigned links; enum err err; } chains[] = { { ACME_HOPS_MAX, ERR_OK },
	    { ACME_HOPS_MAX + 1, ERR_RANGE } };

	(void)state;
	for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
		struct event_base *base = event_base_new();
		struct acme_delegation d;
		struct fault f = { 0 };
		struct dname name;
		struct world w;

		world_for(&w, base, "");
		for (unsigned n = 0; n < chains[i].links; n++) {
			char from[30], to[30];

			snprintf(from, sizeof from, "h%u.example.test", n);
			snprintf(to, sizeof to, "h%u.example.test", n + 1);
			add(&w, from, "CNAME", to);
		}
		struct acme_outside outside = world_outside(&w);
		assert_int_equal(dname_from_str("h0.example.test", &name), ERR_OK);
		enum err err = acme_delegation_find(&outside, name.octets, &d, &f);
		check(err == chains[i].err, "%u links: %s", chains[i].links, err_str(err));
		if (err == ERR_OK)
			acme_delegation_clear(&d);
		else
			check(strstr(f.text, "more aliases than a resolver follows") != NULL, "in words: %s", f.text);
		world_clear(&w);
		event_base_free(base);
	}
}

static const struct { const char *why, *records, *name, *account; unsigned prefer; bool ask, ok; } judged[] = {
	{ "a name of ours",			"", "www.example.test", NULL, 0, false, true },
	{ "its wildcard",			"", "*.example.test", NULL, 0, false, true },
	{ "a name elsewhere",			"", "www.example.net", NULL, 0, false, false },
	{ "one that may lead to us",		"", "www.example.net", NULL, 0, true, true },
	{ "one in a frozen zone",		"", "www.frozen.test", NULL, 0, true, false },
	{ "one there with a way out",		"_acme-challenge.www.frozen.test CNAME x.other.test", "www.frozen.test",
	    NULL, 0, false, true },
	{ "a way out for another challenge",	"_validation-persist.www.frozen.test CNAME x.other.test",
	    "www.frozen.test", NULL, 0, false, false },
	{ "a standing record may be there already", "", "www.frozen.test", NULL, 1 << ACME_DNS_PERSIST_01, false,
	    true },
	{ "... that is preferred",		"_validation-persist.www.frozen.test CNAME x.other.test",
	    "www.frozen.test", NULL, 1 << ACME_DNS_PERSIST_01 | 1 << ACME_DNS_01, false, true },
	{ "the label of an account that we do not know yet", "", "www.frozen.test", NULL, 1 << ACME_DNS_ACCOUNT_01,
	    false, true },
	{ "the label of one that we know",	"", "www.frozen.test", "https://ca.test/1", 1 << ACME_DNS_ACCOUNT_01,
	    false, false },
};

static void
test_judgement(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
		struct event_base *base = event_base_new();
		enum acme_challenge_type preferred[ACME_CHALLENGE_TYPES];
		struct acme_challenge_means m = { .preferred = preferred, .account = judged[i].account };
		struct fault f = { 0 };
		struct world w;

		for (unsigned t = 0; t < ACME_CHALLENGE_TYPES; t++)
			if ((judged[i].prefer & 1u << t) != 0)
				preferred[m.npreferred++] = (enum acme_challenge_type)t;
		world_for(&w, base, judged[i].records);
		struct acme_outside outside = world_outside(&w);
		enum err err = acme_delegation_judge(&outside, &m, judged[i].ask, judged[i].name, &f);
		check((err == ERR_OK) == judged[i].ok, "%s: %s %s", judged[i].why, err_str(err), f.text);
		check(err == ERR_OK || err == ERR_REFUSED, "%s is refused", judged[i].why);
		world_clear(&w);
		event_base_free(base);
	}
}

/* ---- beyond our zones ---- */

struct end {
	struct event_base *base;
	unsigned times;
	enum err err;
	char words[1024], owners[512];
	size_t n;
};

static void
on_found(void *arg, enum err err, struct acme_delegation *found, const char *words)
{
	struct end *end = arg;
	char text[DNAME_TEXT_MAX];

	end->times++;
	end->err = err;
	snprintf(end->words, sizeof end->words, "%s", words);
	for (size_t i = 0; err == ERR_OK && i < end->n; i++) {
		size_t len = strlen(end->owners);

		snprintf(end->owners + len, sizeof end->owners - len, "%s%s", i > 0 ? " " : "",
		    dname_print_host(found[i].owner.octets, text));
	}
	event_base_loopbreak(end->base);
}

/* The resolver, in this world, answers with whatever records there are, of any zone. */
static const struct { const char *why, *records, *names[2]; bool resolver, closed; enum err err; const char *words;
    } searches[] = {
	{ "only ours", "_c.example.test CNAME a.other.test", { "_c.example.test", "_d.example.test" }, false, false,
	    ERR_OK, "a.other.test _d.example.test" },
	{ "one that leaves", "", { "_c.example.net", "_d.example.test" }, false, false, ERR_REFUSED,
	    "_c.example.net is in none" },
	{ "a foreign name that leads to us", "_c.example.net CNAME a.other.test",
	    { "_c.example.net", "_d.example.test" }, true, false, ERR_OK, "a.other.test _d.example.test" },
	{ "over two others", "_c.example.net CNAME b.example.org, b.example.org CNAME a.other.test",
	    { "_d.example.test", "_c.example.net" }, true, false, ERR_OK, "_d.example.test a.other.test" },
	{ "by way of ours", "_c.example.net CNAME b.other.test, b.other.test CNAME c.example.org, c.example.org CNAME "
	    "d.example.test",
	    { "_c.example.net", NULL }, true, false, ERR_OK, "d.example.test" },
	{ "one that ends elsewhere", "_c.example.net CNAME b.example.org", { "_c.example.net", NULL }, true, false,
	    ERR_REFUSED, "_c.example.net -> b.example.org: the last is in none of the zones here, and is no CNAME" },
	{ "a circle outside", "_c.example.net CNAME b.example.org, b.example.org CNAME _c.example.net",
	    { "_c.example.net", NULL }, true, false, ERR_RANGE, "lead in a circle" },
	{ "a closed network", "_c.example.net CNAME a.other.test", { "_c.example.net", NULL }, true, true, ERR_REFUSED,
	    "_c.example.net is in none of the zones here" },
};

static void
test_searches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof searches / sizeof searches[0]; i++) {
		struct end end = { .base = event_base_new() };
		struct sockaddr_in address = { .sin_family = AF_INET };
		struct acme_resolver resolver = { .kind = ACME_RESOLVER_PLAIN, .name = "127.0.0.1" };
		struct acme_resolve_config config = { .resolvers = &resolver, .n = searches[i].resolver,
		    .closed = searches[i].closed };
		struct acme_delegation_search *s = NULL;
		struct acme_resolve *resolve = NULL;
		struct acme_port *port;
		struct dname names[2];
		struct world w;

		resolver.address = (const struct sockaddr *)&address;
		world_for(&w, end.base, searches[i].records);
		struct acme_outside outside = world_outside(&w);
		assert_int_equal(acme_port_new(&outside, end.base, &port), ERR_OK);
		assert_int_equal(acme_resolve_new(&config, port, end.base, &resolve), ERR_OK);
		for (end.n = 0; end.n < 2 && searches[i].names[end.n] != NULL; end.n++)
			assert_int_equal(dname_from_str(searches[i].names[end.n], &names[end.n]), ERR_OK);
		assert_int_equal(acme_delegation_start(&outside, resolve, end.base, names, end.n, end.n, on_found, &end,
		    &s), ERR_OK);
		check(end.times == 0, "done comes later");
		event_base_dispatch(end.base);
		check(end.times == 1 && end.err == searches[i].err, "%s: %s (%s)", searches[i].why, err_str(end.err),
		    end.words);
		check(strstr(end.err == ERR_OK ? end.owners : end.words, searches[i].words) != NULL, "%s: %s%s",
		    searches[i].why, end.owners, end.words);
		acme_delegation_search_free(s);
		acme_resolve_free(resolve);
		acme_port_free(port);
		world_clear(&w);
		event_base_free(end.base);
	}
}

static void
test_a_search_is_given_up(void **state)
{
	struct end end = { .base = event_base_new(), .n = 1 };
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct acme_resolver resolver = { .kind = ACME_RESOLVER_PLAIN, .name = "127.0.0.1" };
	struct acme_resolve_config config = { .resolvers = &resolver, .n = 1 };
	struct acme_delegation_search *s = NULL;
	struct acme_resolve *resolve = NULL;
	struct acme_port *port;
	struct dname names[1];
	struct world w;

	(void)state;
	resolver.address = (const struct sockaddr *)&address;
	world_for(&w, end.base, "");
	struct acme_outside outside = world_outside(&w);
	assert_int_equal(acme_port_new(&outside, end.base, &port), ERR_OK);
	assert_int_equal(acme_resolve_new(&config, port, end.base, &resolve), ERR_OK);
	assert_int_equal(dname_from_str("_c.example.net", names), ERR_OK);
	assert_int_equal(acme_delegation_start(&outside, resolve, end.base, names, 1, 1, on_found, &end, &s), ERR_OK);
	acme_delegation_search_free(s);
	event_base_loopexit(end.base, &(struct timeval){ 0, 20000 });
	event_base_dispatch(end.base);
	check(end.times == 0, "nobody is called");
	acme_resolve_free(resolve);
	acme_port_free(port);
	world_clear(&w);
	event_base_free(end.base);
}

static void
test_aliases_in_messages(void **state)
{
	struct dname name, target, found;
	uint8_t msg[512];
	struct wr w;

	(void)state;
	assert_int_equal(dname_from_str("a.example.net", &name), ERR_OK);
	assert_int_equal(dname_from_str("b.example.org", &target), ERR_OK);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ .flags = FLAG_QR, .qdcount = 1, .ancount = 2 });
	question_write(&w, &(struct question){ name, TYPE_CNAME, CLASS_IN });
	msg_rr_write(&w, target.octets, TYPE_CNAME, CLASS_IN, 60, name.octets, (uint16_t)dname_len(name.octets));
	msg_rr_write(&w, name.octets, TYPE_CNAME, CLASS_IN, 60, target.octets, (uint16_t)dname_len(target.octets));
	check(acme_delegation_alias(msg, wr_len(&w), name.octets, &found) && dname_equal(found.octets, target.octets),
	    "the alias is found wherever it stands");
	for (size_t n = 0; n < wr_len(&w); n++)
		check(!acme_delegation_alias(msg, n, name.octets, &found), "%zu octets have none", n);
	msg[3] |= RCODE_NXDOMAIN;
	check(!acme_delegation_alias(msg, wr_len(&w), name.octets, &found), "nor has NXDOMAIN");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_long_chains),
		cmocka_unit_test(test_judgement),
		cmocka_unit_test(test_searches),
		cmocka_unit_test(test_a_search_is_given_up),
		cmocka_unit_test(test_aliases_in_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

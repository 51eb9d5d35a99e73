/* server/plain.c: which queries go the short way, and that they get there, octet for octet, what they would get the
 * long way.  Also that what was found out on the way serves the long way as if that had found it. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "tests/unit/server/plain_ways.h"
#include "tests/unit/server/signed_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

static const char text[] =
    "$TTL 3600\n"
    "@ 3600 IN SOA ns1 hostmaster.ns1 7 7200 3600 604800 300\n"
    "@ NS ns1\n"
    "@ NS ns.outside.\n"
    "ns.outside. A 192.0.2.9\n"
    "@ MX 10 www\n"
    "@ A 192.0.2.1\n"
    "ns1 A 192.0.2.2\n"
    "www A 192.0.2.3\n"
    "www A 192.0.2.4\n"
    "www AAAA 2001:db8::4\n"
    "www TXT \"hello\" \"world\"\n"
    "www CAA 0 issue \"ca.example\"\n"
    "_443._tcp.www TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000\n"
    "mail MX 10 mx1.mail\n"
    "mail MX 20 mx2.MAIL\n"
    "mail MX 30 mx1.mail\n"
    "mail MX 40 ns1\n"
    "mail MX 50 mail\n"
    "mail A 192.0.2.10\n"
    "mx1.mail A 192.0.2.11\n"
    "mx1.mail AAAA 2001:db8::11\n"
    "mx2.mail AAAA 2001:db8::12\n"
    "mail-out MX 10 mx.outside.\n"
    "mail-out MX 10 ns.outside.\n"
    "mail-out MX 10 nowhere\n"
    "mail-out MX 10 alias\n"
    "mail-cut MX 10 ns.sub\n"
    "mail-cut MX 10 x.dn\n"
    "mail-cut MX 10 www\n"
    "mail-self MX 10 mail-self\n"
    "mail-self A 192.0.2.13\n"
    "mail-null MX 0 .\n"
    "mail-nine MX 0 mx0.mail\n"
    "mail-nine MX 1 mx1.mail\n"
    "mail-nine MX 2 mx2.mail\n"
    "mail-nine MX 3 mx3.mail\n"
    "mail-nine MX 4 mx4.mail\n"
    "mail-nine MX 5 mx5.mail\n"
    "mail-nine MX 6 mx6.mail\n"
    "mail-nine MX 7 mx7.mail\n"
    "mail-nine MX 8 mx8.mail\n"
    "many TXT \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n"
    "many TXT \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"\n"
    "many TXT \"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"\n"
    "many TXT \"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd\"\n"
    "alias CNAME www\n"
    "alias.ns1 CNAME ns1\n"
    "very.alias CNAME x.very.alias\n"
    "x.very.alias A 192.0.2.9\n"
    "up.of.alias CNAME of.alias\n"
    "of.alias A 192.0.2.9\n"
    "apex CNAME @\n"
    "chain CNAME alias\n"
    "loop CNAME loop\n"
    "out CNAME www.example.net.\n"
    "far CNAME www.plain.example.\n"
    "near CNAME www.deeper.plain.example.\n"
    "nothing CNAME none.of.these\n"
    "root CNAME .\n"
    "wild-target CNAME some.wild\n"
    "to-dname CNAME x.dn\n"
    "to-cut CNAME x.sub\n"
    "*.wild TXT \"a wildcard\"\n"
    "*.wild MX 10 www\n"
    "*.wild-alias CNAME www\n"
    "deep.ent A 192.0.2.5\n"
    "sub NS ns.sub\n"
    "sub TXT \"hidden\"\n"
    "ns.sub A 192.0.2.6\n"
    "dn DNAME other\n"
    "dn A 192.0.2.7\n"
    "a.label-of-more-than-sixteen-octets.and-another-one-of-some-thirty-octets A 192.0.2.8\n";

enum way { LONG, SHORT, SHORT_UNLESS_SIGNED };

static const struct { const char *why, *qname; uint16_t qtype; enum way way; } rows[] = {
	{ "an address", "ns1", TYPE_A, SHORT },
	{ "several addresses", "www", TYPE_A, SHORT },
	{ "of IPv6", "www", TYPE_AAAA, SHORT },
	{ "text", "www", TYPE_TXT, SHORT },
	{ "CAA has a large number", "www", TYPE_CAA, SHORT },
	{ "TLSA below three labels", "_443._tcp.www", TYPE_TLSA, SHORT },
	{ "the apex", "", TYPE_A, SHORT },
	{ "long labels", "a.label-of-more-than-sixteen-octets.and-another-one-of-some-thirty-octets", TYPE_A, SHORT },
	{ "much text", "many", TYPE_TXT, SHORT },
	{ "beside a DNAME, which does not speak of its owner", "dn", TYPE_A, SHORT },
	{ "from a wildcard", "x.wild", TYPE_TXT, SHORT },
	{ "from a wildcard, some labels further down", "x.y.wild", TYPE_TXT, SHORT },
	{ "the wildcard itself", "*.wild", TYPE_TXT, SHORT },
	{ "a mail server", "", TYPE_MX, SHORT },
	{ "mail servers, at which others end, and one twice", "mail", TYPE_MX, SHORT },
	{ "mail servers that are not in the zone, or not there, or aliases", "mail-out", TYPE_MX, SHORT },
	{ "mail servers behind a cut and a DNAME", "mail-cut", TYPE_MX, SHORT },
	{ "the owner is its mail server", "mail-self", TYPE_MX, SHORT },
	{ "no mail is taken", "mail-null", TYPE_MX, LONG },
	{ "nine mail servers", "mail-nine", TYPE_MX, LONG },
	{ "mail servers from a wildcard", "x.wild", TYPE_MX, SHORT_UNLESS_SIGNED },
	{ "a type that brings others along", "", TYPE_NS, LONG },
	{ "SOA", "", TYPE_SOA, LONG },
	{ "ANY", "www", TYPE_ANY, LONG },
	{ "RRSIG", "www", TYPE_RRSIG, LONG },
	{ "NSEC", "www", TYPE_NSEC, LONG },
	{ "a type that nobody may ask for", "www", TYPE_OPT, LONG },
	{ "DS at a cut", "sub", TYPE_DS, LONG },
	{ "DS at the apex", "", TYPE_DS, LONG },
	{ "no such type", "www", TYPE_TLSA, SHORT },
	{ "a type without a name of ours", "www", 65280, LONG },
	{ "an empty non-terminal", "ent", TYPE_A, SHORT },
	{ "no such name", "nowhere", TYPE_A, SHORT },
	{ "no such name, some labels further down", "x.y.nowhere", TYPE_A, SHORT },
	{ "no such name below a host", "nowhere.www", TYPE_A, SHORT },
	{ "no such type at a wildcard", "x.wild", TYPE_A, SHORT },
	{ "no such type where the type has names", "www", TYPE_SRV, SHORT },
	{ "no such type at the apex", "", TYPE_SRV, SHORT },
	{ "no such type at a wildcard itself", "*.wild", TYPE_A, SHORT },
	{ "an empty non-terminal above a wildcard", "wild", TYPE_NS, SHORT },
	{ "no such name, and no type", "nowhere", 0, LONG },
	{ "no such name, any type", "nowhere", TYPE_ANY, LONG },
	{ "no such name, DS", "nowhere", TYPE_DS, LONG },
	{ "an alias", "alias", TYPE_A, SHORT },
	{ "an alias, text", "alias", TYPE_TXT, SHORT },
	{ "an alias, a type that is not there", "alias", TYPE_TLSA, LONG },
	{ "an alias, a type with names", "alias", TYPE_MX, LONG },
	{ "an alias itself", "alias", TYPE_CNAME, LONG },
	{ "what a signer put beside an alias", "alias", TYPE_NSEC, LONG },
	{ "an alias, DS", "alias", TYPE_DS, LONG },
	{ "an alias of the name above", "alias.ns1", TYPE_A, SHORT },
	{ "an alias of a name below", "very.alias", TYPE_A, SHORT },
	{ "an alias of what it ends with", "up.of.alias", TYPE_A, SHORT },
	{ "an alias of the apex", "apex", TYPE_A, SHORT },
	{ "an alias of an alias", "chain", TYPE_A, LONG },
	{ "an alias of itself", "loop", TYPE_A, LONG },
	{ "an alias that leads out", "out", TYPE_A, SHORT },
	{ "an alias that leads out, whatever the type", "out", TYPE_MX, SHORT },
	{ "an alias of nothing", "nothing", TYPE_A, LONG },
	{ "an alias of the root", "root", TYPE_A, LONG },
	{ "an alias of what a wildcard gives", "wild-target", TYPE_TXT, SHORT_UNLESS_SIGNED },
	{ "an alias of something below a DNAME", "to-dname", TYPE_A, LONG },
	{ "an alias of something below a cut", "to-cut", TYPE_A, LONG },
	{ "from an alias of a wildcard", "x.wild-alias", TYPE_A, SHORT_UNLESS_SIGNED },
	{ "an alias that may lead to another zone of ours", "far", TYPE_A, SHORT },
	{ "an alias that may lead to the zone below", "near", TYPE_A, SHORT },
	{ "below a cut", "ns.sub", TYPE_A, SHORT },
	{ "below a cut, no such name", "x.y.sub", TYPE_A, SHORT },
	{ "at a cut", "sub", TYPE_TXT, SHORT },
	{ "below a DNAME", "x.dn", TYPE_A, LONG },
	{ "in no zone of ours", "away:", TYPE_A, LONG },
	{ "glue in no zone of ours", "ns.outside:", TYPE_A, LONG },
	{ "beside such glue", "x.outside:", TYPE_A, LONG },
	{ "above it", "outside:", TYPE_A, LONG },
	{ "the root", ":", TYPE_A, LONG },
};
#define COUNT (sizeof rows / sizeof rows[0])

static const char *const apexes[] = { "plain.example.", "nsec.example.", "nsec3.example.", "deeper.plain.example." };
static struct zoneset *zones;
static struct zone_store *stores[4];
static struct answer_settings settings = { .udp_size = MSG_UDP_EDNS };
static unsigned nshort;

/* The row's name below the apex, or with a colon for its end. */
static void
make(struct query *q, const char *qname, const char *apex, uint16_t qtype, uint16_t flags, uint32_t pattern)
{
	char name[DNAME_TEXT_MAX];
	size_t n = strlen(qname);

	if (n > 0 && qname[n - 1] == ':')
		snprintf(name, sizeof name, "%.*s.", (int)n - 1, qname);
	else
		snprintf(name, sizeof name, "%s%s%s", qname, n > 0 ? "." : "", apex);
	query_make(q, name, qtype, flags, pattern);
}

/* Gives the short way's answer's length.  p was looked up. */
static size_t
compare(const char *why, const struct query *q, const struct plain *p, bool tcp)
{
	size_t n = ways_compare(why, q, p, zones, &settings, tcp, NULL);

	nshort += n > 0;
	return n;
}

static size_t
compare_alone(const char *why, const struct query *q, bool tcp)
{
	struct plain p;

	plain_read(&p, q->msg, q->n);
	plain_look_up(&p, 1, zones);
	return compare(why, q, &p, tcp);
}

static bool
goes_short(enum way way, size_t apex, bool do_bit)
{
	bool is_signed = apex == 1 || apex == 2;

	return way == SHORT || (way == SHORT_UNLESS_SIGNED && !(is_signed && do_bit));
}

static void
test_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t a = 0; a < sizeof apexes / sizeof apexes[0]; a++) {
			for (int edns = 0; edns < 3; edns++) {
				struct query q;

				make(&q, rows[i].qname, apexes[a], rows[i].qtype, 0, 0x5a5a5a5au << edns);
				if (edns > 0)
					query_add_opt(&q, 4096, edns == 2);
				check((compare_alone(rows[i].why, &q, true) > 0) == goes_short(rows[i].way, a,
				    edns == 2), "%s (%s, EDNS %d): goes the %s way", rows[i].why, apexes[a], edns,
				    goes_short(rows[i].way, a, edns == 2) ? "short" : "long");
			}
		}
	}
	check(nshort > 0, "some go the short way");
}

/* Flags, sizes, letter case, over UDP: the short way may be taken or not. */
static void
test_variants(void **state)
{
	static const uint16_t flags[] = { 0, FLAG_RD, FLAG_RD | FLAG_AD | FLAG_CD, FLAG_AA | FLAG_TC | FLAG_RA, 0x40,
	    0xf };
	static const uint16_t sizes[] = { 0, 1, 511, 512, 513, 600, 700, 1232, 4096, 65535 };

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		for (size_t a = 0; a < sizeof apexes / sizeof apexes[0]; a++)
			for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
				for (int edns = 0; edns < 3; edns++) {
					struct query q;

					make(&q, rows[i].qname, apexes[a], rows[i].qtype, flags[(i + k) % 6],
					    0x9e3779b9u * (uint32_t)(i + k));
					if (edns > 0)
						query_add_opt(&q, sizes[k], edns == 2);
					compare_alone(rows[i].why, &q, k == 0);
				}
}

static const struct { const char *why; unsigned at; uint8_t xor; } twists[] = {
	{ "a response", 2, 0x80 }, { "another opcode", 2, 0x20 }, { "two questions", 5, 3 }, { "no question", 5, 1 },
	{ "an answer", 7, 1 }, { "an authority", 9, 1 }, { "two additional records", 11, 2 }, { "256 of them", 10, 1 },
};

static void
test_what_is_not_simple(void **state)
{
	struct plain p;
	struct query q;

	(void)state;
	for (size_t i = 0; i < sizeof twists / sizeof twists[0]; i++) {
		make(&q, "www", apexes[0], TYPE_A, 0, 0);
		query_add_opt(&q, 1232, false);
		q.msg[twists[i].at] ^= twists[i].xor;
		plain_read(&p, q.msg, q.n);
		check(!p.simple, "%s", twists[i].why);
	}
	make(&q, "www", apexes[0], TYPE_A, 0, 0);
	q.msg[q.n - 1] = CLASS_CH;
	plain_read(&p, q.msg, q.n);
	check(!p.simple, "another class");
	make(&q, "www", apexes[0], TYPE_A, 0, 0);
	query_add_opt(&q, 1232, false);
	for (size_t n = 0; n < q.n; n++) {
		uint8_t *exact = malloc(n == 0 ? 1 : n);	/* so that reading beyond it shows */

		memcpy(exact, q.msg, n);
		plain_read(&p, exact, n);
		check(!p.simple, "the first %zu octets", n);
		free(exact);
	}
}

/* Every octet of the query in turn replaced by some others. */
static void
test_damage(void **state)
{
	static const uint8_t others[] = { 0, 1, 2, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff };
	struct query q;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		make(&q, rows[i].qname, apexes[1], rows[i].qtype, FLAG_RD, 0);
		query_add_opt(&q, 1232, true);
		for (size_t at = 0; at < q.n; at++)
			for (size_t k = 0; k < sizeof others; k++) {
				struct query damaged = q;
				struct plain p;

				damaged.msg[at] = others[k];
				plain_read(&p, damaged.msg, damaged.n);
				plain_look_up(&p, 1, zones);
				if (p.simple)
					compare(rows[i].why, &damaged, &p, false);
			}
	}
}

/* Queries that are looked up together find what each finds alone. */
static void
test_together(void **state)
{
	static struct plain v[ZONESET_TOGETHER];
	static struct query queries[ZONESET_TOGETHER];
	size_t next = 0;

	(void)state;
	for (unsigned n = 1; n <= ZONESET_TOGETHER; n++) {
		size_t first = next;

		for (unsigned i = 0; i < n; i++, next++) {
			make(&queries[i], rows[next % COUNT].qname, apexes[next % 4], rows[next % COUNT].qtype, 0, 0);
			if (next % 7 == 0)
				queries[i].msg[2] = 0x28;		/* an UPDATE among them */
			plain_read(&v[i], queries[i].msg, queries[i].n);
		}
		plain_look_up(v, n, zones);
		for (unsigned i = 0; i < n; i++)
			if (v[i].simple)
				compare(rows[(first + i) % COUNT].why, &queries[i], &v[i], true);
	}
}

static void
test_settings(void **state)
{
	static const uint8_t agent[] = "\5agent\7example";
	struct query q;

	(void)state;
	make(&q, "www", apexes[0], TYPE_A, 0, 0);
	settings.report_agent = agent;
	check(compare_alone("a reporting agent", &q, false) > 0, "without EDNS nothing is said of it");
	query_add_opt(&q, 1232, false);
	check(compare_alone("a reporting agent", &q, false) == 0, "with EDNS it is");
	settings.report_agent = NULL;
	settings.udp_size = 512;
	compare_alone("a small size of ours", &q, false);
	settings.udp_size = MSG_UDP_EDNS;
}

static int
set_up(void **state)
{
	(void)state;
	rcu_register_thread();
	check(zoneset_new(&zones) == ERR_OK, "a set of zones");
	for (size_t i = 0; i < sizeof apexes / sizeof apexes[0]; i++) {
		struct dname apex;
		char origin[sizeof text + 64], *with_signatures;

		snprintf(origin, sizeof origin, "$ORIGIN %s\n%s", apexes[i], text);
		with_signatures = i == 1 || i == 2 ? signed_text(apexes[i], origin, i == 1 ? SIGN_NSEC : SIGN_NSEC3,
		    0) : NULL;
		stores[i] = zone_from_text(apexes[i], with_signatures != NULL ? with_signatures : origin);
		free(with_signatures);
		dname_from_str(apexes[i], &apex);
		check(zoneset_add(zones, apex.octets, stores[i]) == ERR_OK, "%s", apexes[i]);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	zoneset_free(zones);
	for (size_t i = 0; i < sizeof apexes / sizeof apexes[0]; i++)
		zone_store_free(stores[i]);
	rcu_drain();
	rcu_unregister_thread();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_variants),
		cmocka_unit_test(test_what_is_not_simple),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

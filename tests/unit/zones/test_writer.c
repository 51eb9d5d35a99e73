#include "tests/unit/check.h"

#include "zones/reader.h"
#include "zones/writer.h"

static const uint8_t apex[] = "\7example\3com";

static enum err
add(void *ctx, const struct rr *rr, const struct place *place)
{
	(void)place;
	return rr_list_add(ctx, rr);
}

static void
complain(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;
	check(false, "%u:%u: %s", place->line, place->column, text);
}

static void
read_zone(const char *text, size_t n, struct rr_list *list)
{
	struct zone_reader reader = { .file = "f", .origin = apex, .rr = add, .complain = complain, .ctx = list };

	check(zone_read(&reader, text, n) == ERR_OK, "%.*s", (int)n, text);
	rr_list_sort(list);
}

/* Octet by octet: letter case and TTLs count. */
static bool
same(const struct rr *a, const struct rr *b)
{
	size_t n = dname_len(a->owner);

	return a->type == b->type && a->ttl == b->ttl && a->rdlen == b->rdlen && n == dname_len(b->owner) &&
	    memcmp(a->owner, b->owner, n) == 0 && (a->rdlen == 0 || memcmp(a->rdata, b->rdata, a->rdlen) == 0);
}

static void
check_round_trip(const char *why, const char *text, size_t n)
{
	struct rr_list before = { 0 }, after = { 0 };
	struct buf written = { 0 }, again = { 0 };

	read_zone(text, n, &before);
	zone_write(apex, &before, &written);
	read_zone((const char *)written.p, written.len, &after);
	check(before.n == after.n, "%s: %zu RRs became %zu in\n%s", why, before.n, after.n, buf_str(&written));
	for (size_t i = 0; i < before.n; i++)
		check(same(&before.v[i], &after.v[i]), "%s: RR %zu differs in\n%s", why, i, buf_str(&written));
	zone_write(apex, &after, &again);
	check(written.len == again.len && memcmp(written.p, again.p, written.len) == 0, "%s: written alike again", why);
	buf_clear(&written);
	buf_clear(&again);
	rr_list_clear(&before);
	rr_list_clear(&after);
}

static const struct { const char *why, *text; } zones[] = {
	{ "nothing",			"" },
	{ "one SOA",			"@ 5 SOA a b 1 2 3 4 5\n" },
	{ "letter case in owners",	"$TTL 5\na.B A 192.0.2.1\nA.b TXT x\na.B.Example.COM. MX 1 C.EXAMPLE.com.\n" },
	{ "letter case in one RRset",	"$TTL 5\na A 192.0.2.1\nA A 192.0.2.2\na A 192.0.2.3\n" },
	{ "many TTLs",			"a 5 A 192.0.2.1\nb 6 A 192.0.2.1\nc 6 A 192.0.2.1\nd 0 A 192.0.2.1\ne "
	    "2147483647 A 192.0.2.1\n" },
	{ "TTLs within an RRset",	"a 5 RRSIG A 8 3 60 20380101000000 20240101000000 1 @ AQID\na 6 RRSIG MX 8 3 "
	    "60 20380101000000 20240101000000 1 @ AQID\n" },
	{ "glue out of the zone",	"$TTL 5\n@ NS ns.net.\nns.net. A 192.0.2.1\na.b. A 192.0.2.1\n" },
	{ "names that look like something else",	"$TTL 5\n300 A 192.0.2.1\nIN NS in\nNS IN NS ns\n\\$TTL TXT "
	    "5\n\\@ CNAME \\@\n\\;a\\ b\\(\\) TXT \\;\n\\# TXT \\\\#\n*.* TXT *\n" },
	{ "octets of all values",	"a\\000\\255\\009b 5 TXT \"\\000\\255\\009\\010\"\n" },
	{ "types of all sorts",		"$TTL 5\na SVCB 1 . alpn=h2 key9=\"a\\\"b\"\na TYPE65280 \\# 2 0102\na "
	    "TYPE65281 \\# 0\na APL\na LOC 1 N 2 E 3\na NAPTR 1 2 \"\" \"\" \"!a!b\\\\\\\\1!\" .\na CAA 0 issue "
	    "\"\"\na NSEC @ A NSEC\n" },
	{ "an SOA with large numbers",	"@ 5 SOA a\\.b.c. . 4294967295 4294967295 4294967295 4294967295 4294967295\n@ "
	    "NS @\n" },
	{ "a shorter name with as many labels",	"$TTL 5\na.b. A 192.0.2.1\nx.y.z. TXT x.y.z.\na NS a.b.\n" },
	{ "a long owner",		"$TTL 5\n$ORIGIN aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff\na.aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff A 192.0.2.1\n A 192.0.2.2\n" },
};

static void
test_what_is_written_reads_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
		check_round_trip(zones[i].why, zones[i].text, strlen(zones[i].text));
}

static uint32_t
random_step(uint32_t *state)
{
	return *state = *state * 1664525 + 1013904223;
}

static void
test_random_zones_read_the_same(void **state)
{
	static const char *const types[] = { "A 192.0.2.", "MX 1 m", "TXT x", "NS n", "TYPE65280 \\# 1 1",
	    "CNAME Example.Com.c" };
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct buf text = { 0 };
		uint32_t n = random_step(&seed) >> 16 & 31;

		for (uint32_t i = 0; i < n; i++) {
			uint32_t r = random_step(&seed) >> 8;

			buf_printf(&text, "%s%c.%c%s %u %s%u\n", (r & 1) != 0 ? "*." : "", "aAbB"[r >> 1 & 3],
			    "cC"[r >> 3 & 1], (r & 16) != 0 ? ".Example.com." : "", r >> 5 & 3, types[(r >> 7) % 6],
			    r >> 12 & 7);
		}
		check_round_trip("a random zone", (const char *)text.p, text.len);
		buf_clear(&text);
	}
}

static void
test_layout(void **state)
{
	const char *in = "$TTL 1h\n@ SOA ns1 hostmaster 7 3h 15m 1w 1d\n@ NS ns1\n@ MX 5 mail.example.net.\nns1 300 A "
	    "192.0.2.1\nns1 300 AAAA 2001:db8::1\nwww CNAME @\n";
	const char *out = "$ORIGIN example.com.\n"
	    "$TTL 3600\n"
	    "@       IN SOA   ns1 hostmaster (\n"
	    "\t\t7           ; serial\n"
	    "\t\t10800       ; refresh\n"
	    "\t\t900         ; retry\n"
	    "\t\t604800      ; expire\n"
	    "\t\t86400     ) ; negative caching\n"
	    "        IN NS    ns1\n"
	    "        IN MX    5 mail.example.net.\n"
	    "ns1 300 IN A     192.0.2.1\n"
	    "    300 IN AAAA  2001:db8::1\n"
	    "www     IN CNAME @\n";
	struct rr_list list = { 0 };
	struct buf text = { 0 };

	(void)state;
	read_zone(in, strlen(in), &list);
	zone_write(apex, &list, &text);
	check(strcmp(buf_str(&text), out) == 0, "\n%snot\n%s", out, buf_str(&text));
	buf_clear(&text);
	rr_list_clear(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_reads_the_same),
		cmocka_unit_test(test_random_zones_read_the_same),
		cmocka_unit_test(test_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

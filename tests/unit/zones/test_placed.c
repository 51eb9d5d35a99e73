/* Random master files, in all layouts and with mistakes: read in many small parts by several threads they give the same
 * RRs, places, errors and complaints as read as a whole; and the order is that of the slow, obvious comparison. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <time.h>

#include "tests/unit/zones/memory.h"
#include "tests/unit/zones/names.h"
#include "wire/rrtype.h"
#include "zones/placed.h"
#include "zones/rrsort.h"

static const uint8_t apex[] = "\7example\3com";

static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	(void)ctx;
	if (strcmp(path, "ttl") == 0)
		buf_add_str(out, "$TTL 77\ni A 192.0.2.9\n");
	else if (strcmp(path, "origin") == 0)
		buf_add_str(out, "$ORIGIN far.example.com.\n\n\ni 5 A 192.0.2.8\n  5 TXT (\n x )\n");
	else if (strcmp(path, "bad") == 0)
		buf_add_str(out, "i 5 A 192.0.2.256\n");
	else
		return fault_set(f, ERR_NOT_FOUND, "no such file");
	return ERR_OK;
}

static void
note_complaint(void *ctx, const struct place *place, const char *text)
{
	char where[PLACE_TEXT_MAX];

	buf_printf(ctx, "%s: %s\n", place_print(place, where), text);
}

struct result {
	struct placed_rrs rrs;
	struct buf complaints;
	enum err err;
};

static struct result
read_cut(const struct buf *text, struct placed_cut cut)
{
	struct result r = { 0 };
	struct zone_reader reader = { .file = "zone", .origin = apex, .include = include, .complain = note_complaint,
	    .ctx = &r.complaints };

	r.err = placed_read(&reader, (const char *)text->p, text->len, &cut, &r.rrs);
	return r;
}

static void
result_clear(struct result *r)
{
	placed_clear(&r->rrs);
	buf_clear(&r->complaints);
}

static bool
same_rr(const struct rr *a, const struct rr *b)		/* octet by octet */
{
	size_t n = dname_len(a->owner);

	return dname_len(b->owner) == n && memcmp(a->owner, b->owner, n) == 0 && a->type == b->type &&
	    a->ttl == b->ttl && a->rdlen == b->rdlen && memcmp(a->rdata, b->rdata, a->rdlen) == 0;
}

static void
check_same(const struct result *a, const struct result *b, const char *text, unsigned seed)
{
	check(a->err == b->err, "seed %u: %s and %s:\n%s", seed, err_str(a->err), err_str(b->err), text);
	check(a->complaints.len == b->complaints.len && (a->complaints.len == 0 ||
	    memcmp(a->complaints.p, b->complaints.p, a->complaints.len) == 0), "seed %u: the same complaints:\n%s",
	    seed, text);
	check(a->rrs.list.n == b->rrs.list.n, "seed %u: %zu and %zu RRs:\n%s", seed, a->rrs.list.n, b->rrs.list.n,
	    text);
	for (size_t i = 0; i < a->rrs.list.n; i++) {
		struct place x = placed_place(&a->rrs, i), y = placed_place(&b->rrs, i);

		check(same_rr(&a->rrs.list.v[i], &b->rrs.list.v[i]), "seed %u: RR %zu:\n%s", seed, i, text);
		check(strcmp(x.file, y.file) == 0 && x.line == y.line && x.column == y.column,
		    "seed %u: RR %zu is from %s:%u:%u, not %s:%u:%u:\n%s", seed, i, x.file, x.line, x.column, y.file,
		    y.line, y.column, text);
	}
}

/* --- texts --- */

static void
add_owner(struct buf *out)
{
	static const char *const owners[] = { "a", "b", "A", "www", "www.sub", "@", "\\255x", "\\254x", "\\000",
	    "b\\ c", "*", "a-very-long-label-of-a-host", "a-very-long-label-of-b-host", "out.example.net.",
	    "example.com.", "x.example.org.", "aaa.aaa.aaa.aaa.aaa.aaa", "baa.aaa.aaa.aaa.aaa.aaa", "1.2.3", "\\(",
	    "\\\"" };

	buf_add_str(out, owners[pick(sizeof owners / sizeof owners[0])]);
}

static void
add_good_line(struct buf *out)
{
	static const char *const ttls[] = { "", "", "", "60 ", "IN ", "1h IN ", "IN 5 " };

	if (pick(4) > 0)
		add_owner(out);
	buf_printf(out, "%s%s", pick(3) > 0 ? " " : "\t ", ttls[pick(7)]);
	switch (pick(9)) {
	case 0:
		buf_printf(out, "TXT ( \"a;b(\" ; (\nx%u\n; \"comment\n\"y\" )", pick(9));
		break;
	case 1:
		buf_printf(out, "TXT (\nwww\nA A\n  192.0.2.1\n$ORIGIN x\n)");	/* lines that look like entries */
		break;
	case 2:
		buf_add_str(out, "SOA ns host (\n1\n2 3 4\n5 )");
		break;
	case 3:
		buf_add_str(out, "AAAA 2001:db8::1 ; note ( \"");
		break;
	case 4:
		buf_printf(out, "MX %u mail", pick(3));
		break;
	case 5:
		buf_add_str(out, "NS ns1");
		break;
	default:
		buf_printf(out, "A 192.0.2.%u", pick(5));
		break;
	}
	buf_add_str(out, pick(5) > 0 ? "\n" : " ; x\r\n");
}

static void
add_line(struct buf *out, unsigned mistakes)
{
	static const char *const rare[] = { "$TTL 300\n", "$TTL 1d\n", "$ORIGIN sub\n", "$ORIGIN sub.example.com.\n",
	    "$ORIGIN @\n", "$ORIGIN example.com.\n", "$INCLUDE ttl\n", "$INCLUDE origin\n", "$INCLUDE ttl sub\n",
	    "$GENERATE 1-3 h$ A 192.0.2.$\n", "\n", "\n\n", "  \n", "; x\n", ";\n;(\n", "   ; \"\n", "()\n",
	    "a A ()192.0.2.3\n", "$TTL 5 ; x\n" };
	static const char *const bad[] = { "a A 192.0.2.300\n", "a TXT \"x\n", "a TXT x )\n", "$TTL x\n",
	    "$INCLUDE bad\n", "$INCLUDE no\n", "a A ( 192.0.2.1\n", "$ORIGIN a b\n", "a..b A 192.0.2.1\n",
	    "$GENERATE 1-3 h$ A 192.0.2.256\n" };

	if (pick(1000) < mistakes)
		buf_add_str(out, bad[pick(sizeof bad / sizeof bad[0])]);
	else if (pick(8) == 0)
		buf_add_str(out, rare[pick(sizeof rare / sizeof rare[0])]);
	else
		add_good_line(out);
}

static void
random_text(struct buf *out)
{
	unsigned lines = 1 + pick(40), mistakes = pick(3) == 0 ? 20 : 0;

	if (pick(8) == 0)
		buf_add_str(out, "\xef\xbb\xbf");
	if (pick(4) > 0)
		buf_add_str(out, "$TTL 3600\n");
	else if (pick(4) > 0)
		buf_add_str(out, "@ SOA ns host 1 2 3 4 5\n");
	if (pick(4) > 0)
		buf_add_str(out, "@ 9 NS ns1\n");
	while (lines-- > 0)
		add_line(out, mistakes);
	if (pick(4) == 0 && out->len > 0)
		out->len--;			/* without its last line end */
}

static void
test_parts(void **state)
{
	unsigned rounds = getenv("CERTNS_LONG") != NULL ? 100000 : 1500, seed = (unsigned)time(NULL), good = 0, rrs = 0;

	(void)state;
	for (unsigned i = 0; i < rounds; i++, seed++) {
		struct buf text = { 0 };
		struct result whole, parts;

		names_seed(seed);
		random_text(&text);
		whole = read_cut(&text, (struct placed_cut){ 1, SIZE_MAX, 1 });
		parts = read_cut(&text, (struct placed_cut){ 1 + pick(3), 0, 1 + pick(80) });
		check_same(&whole, &parts, buf_str(&text), seed);
		for (size_t k = 1; k < whole.rrs.list.n; k++)
			check(rr_compare(&whole.rrs.list.v[k - 1], &whole.rrs.list.v[k]) <= 0, "seed %u: in order",
			    seed);
		good += whole.err == ERR_OK;
		rrs += (unsigned)whole.rrs.list.n;
		result_clear(&whole);
		result_clear(&parts);
		buf_clear(&text);
	}
	check(good > rounds / 3 && rrs > rounds * 5, "%u of the texts are good and have %u RRs", good, rrs);
}

/* One that goes on for more than a part may be longer than it. */
static void
test_long_entries(void **state)
{
	struct buf text = { 0 };
	struct result whole, parts;

	(void)state;
	buf_add_str(&text, "$TTL 5\na A 192.0.2.1\nb TXT (\n");
	for (unsigned i = 0; i < 300000; i++)
		buf_add_str(&text, "; a A 1\n");
	buf_add_str(&text, ")\n");		/* no strings: an error behind two megabytes */
	for (unsigned good = 0; good < 2; good++) {
		whole = read_cut(&text, (struct placed_cut){ 1, SIZE_MAX, 1 });
		parts = read_cut(&text, (struct placed_cut){ 2, 0, 300000 });
		check(whole.err == (good ? ERR_OK : ERR_FORMAT), "%s", err_str(whole.err));
		check_same(&whole, &parts, "(long)", 0);
		result_clear(&whole);
		result_clear(&parts);
		text.len -= 2;
		buf_add_str(&text, "x )\nc A 192.0.2.2\n d A 1\n");
		text.len -= 7;
	}
	buf_clear(&text);
}

static void
test_order(void **state)
{
	static const uint8_t root[] = "";
	enum { N = 200000 };
	struct rr_order *v = calloc(N, sizeof *v);
	struct rr *rrs = calloc(N, sizeof *rrs);
	struct rr_list octets = { 0 };

	(void)state;
	names_seed((uint32_t)time(NULL));
	for (size_t i = 0; i < N; i++) {
		struct dname name = random_name(pick(9) == 0 ? root : apex, 4);

		rrs[i] = (struct rr){ rr_list_keep(&octets, name.octets, dname_len(name.octets)), root, pick(3),
		    (uint16_t)pick(3), 0 };
		v[i].rr = &rrs[i];
		rr_order_key(rrs[i].owner, apex, v[i].key);
	}
	check(rr_order_sort(v, N, 3) == ERR_OK, "sorted");
	for (size_t i = 1; i < N; i++) {
		const struct rr *a = v[i - 1].rr, *b = v[i].rr;
		int d = rr_compare(a, b);

		check(d < 0 || (d == 0 && (a->ttl < b->ttl || (a->ttl == b->ttl && a < b))), "%zu stands behind %zu", i,
		    i - 1);
	}
	check(rr_order_sort(v, N, 2) == ERR_OK, "sorted again");
	for (size_t i = 1; i < N; i++)
		check(rr_compare(v[i - 1].rr, v[i].rr) <= 0, "%zu stands behind %zu", i, i - 1);
	rr_list_clear(&octets);
	free(rrs);
	free(v);
}

static void
test_every_allocation_may_fail(void **state)
{
	struct buf text = { 0 };
	long before;

	(void)state;
	buf_add_str(&text, "$TTL 5\na A 192.0.2.1\nb A 192.0.2.2\nb A 192.0.2.2\n$INCLUDE origin\nc A 192.0.2.2\nb A "
	    "192.0.2.2\nd A 192.0.2.2\ne A 192.0.2.2\nf A 192.0.2.2\na A 192.0.2.2\na A 192.0.2.2\na A 192.0.2.2\na A "
	    "192.0.2.2\n");
	struct result good = read_cut(&text, (struct placed_cut){ 1, SIZE_MAX, 1 });
	size_t n = good.rrs.list.n;

	result_clear(&good);
	before = memory_live();
	for (long nth = 1; ; nth++) {
		struct result r;

		memory_fail_nth(nth);
		r = read_cut(&text, (struct placed_cut){ 1, 0, 20 });
		if (memory_fail_left() > 0) {
			check(r.err == ERR_OK && nth > 10, "in the end there is enough");
			result_clear(&r);
			break;
		}
		/* A guess that there was no memory for is a bad one, and no more. */
		check(r.err == ERR_NOMEM || (r.err == ERR_OK && r.rrs.list.n == n), "allocation %ld: %s", nth,
		    err_str(r.err));
		result_clear(&r);
		check(memory_live() == before, "allocation %ld leaves nothing behind", nth);
	}
	memory_fail_nth(0);
	buf_clear(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_long_entries),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

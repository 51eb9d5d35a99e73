/* Random zones in random layouts, changed at random: what comes out says exactly what was wanted, and lines that have
 * no part in a change are the same, octet by octet and in the same order. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <time.h>

#include "tests/unit/zones/edits.h"
#include "wire/rrtype.h"
#include "zones/editor.h"
#include "zones/reader.h"
#include "zones/text.h"

#define ROUNDS 3000
#define ANEW_MAX 10			/* rounds of them that may end with ERR_UNSUPPORTED */
#define LINES_MAX 400

static uint32_t state;

static uint32_t
pick(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 10) % n;
}

static bool
coin(void)
{
	return pick(2) == 1;
}

/* --- texts --- */

struct layout {
	const char *gap, *indent, *line_end;
	bool has_default, classes, class_first, ttls, omits, absolute, parentheses, lower, comments, sections;
	bool generate, include, aligned;
};

static const char *const names[] = { "www", "mail", "host1", "host2", "host9", "host10", "a.sub", "b.sub", "_dmarc",
	"*.wild", "ns1", "ftp", "long-name-of-a-host", "x.y.z", "_443._tcp.www" };
#define NNAMES (sizeof names / sizeof names[0])

static struct layout
random_layout(void)
{
	static const char *const gaps[] = { " ", "\t", "\t\t", "   " }, *const indents[] = { "\t", "        ", " ",
	    "\t\t" };

	return (struct layout){ .gap = gaps[pick(4)], .indent = indents[pick(4)], .line_end = pick(6) == 0 ?
	    "\r\n" : "\n",
		.has_default = pick(4) != 0, .classes = coin(), .class_first = coin(), .ttls = pick(3) == 0,
		.omits = coin(),
		.absolute = pick(4) == 0, .parentheses = pick(3) == 0, .lower = pick(5) == 0, .comments = coin(),
		.sections = coin(), .generate = pick(4) == 0, .include = pick(3) == 0, .aligned = coin() };
}

static void
put_rdata(const struct layout *l, struct buf *out)
{
	const char *open = l->parentheses && coin() ? "( " : "", *close = open[0] != '\0' ? " )" : "";
	const char *dot = l->absolute ? ".example.com." : "";

	switch (pick(6)) {
	case 0:
	case 1:
		buf_printf(out, "%s%s%s192.0.2.%u%s", l->lower ? "a" : "A", l->gap, open, pick(250), close);
		break;
	case 2:
		buf_printf(out, "%s%s2001:DB8:0::%x", l->lower ? "aaaa" : "AAAA", l->gap, 1 + pick(200));
		break;
	case 3:
		buf_printf(out, "MX%s%s%u%s mail%s%s", l->gap, open, pick(9), open[0] != '\0' ? l->line_end : "", dot,
		    close);
		break;
	case 4:
		if (open[0] != '\0')
			buf_printf(out, "TXT ( \"a;%u\" ; first%s\t\t\"b\\\"%u\"%s )", pick(99), l->line_end, pick(99),
			    l->line_end);
		else
			buf_printf(out, "TXT%s\"t%u\"", l->gap, pick(99));
		break;
	default:
		buf_printf(out, "TLSA%s3 1 1 %sAA%02X%sbb%02x%s", l->gap, open, pick(256),
		    open[0] != '\0' ? l->line_end : "", pick(256), close);
		break;
	}
}

static void
put_rr(const struct layout *l, const char *owner, bool omit, struct buf *out)
{
	size_t start = out->len;

	if (omit)
		buf_add_str(out, l->indent);
	else
		buf_printf(out, "%s%s%s", owner, l->absolute ? ".example.com." : "", l->gap);
	while (l->aligned && !omit && out->len - start < 20)
		buf_u8(out, ' ');
	if (l->classes && l->class_first)
		buf_printf(out, "IN%s", l->gap);
	if (l->ttls || !l->has_default ? pick(3) != 0 : pick(9) == 0)
		buf_printf(out, "%u%s", 60 * (1 + pick(4)), l->gap);
	if (l->classes && !l->class_first)
		buf_printf(out, "IN%s", l->gap);
	put_rdata(l, out);
	if (l->comments && pick(3) == 0)
		buf_printf(out, "   ; note %u", pick(100));
	buf_add_str(out, l->line_end);
}

static void
put_body(const struct layout *l, size_t n, size_t from, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const char *owner = names[(from + pick(NNAMES)) % NNAMES];

		if (l->sections && pick(6) == 0)
			buf_printf(out, "%s; --- section %u%s", l->line_end, pick(100), l->line_end);
		for (uint32_t k = 0, m = 1 + pick(3); k < m; k++) {
			put_rr(l, owner, k > 0 && l->omits, out);
			if (l->comments && pick(9) == 0)
				buf_printf(out, "; between%s", l->line_end);
		}
		if (pick(30) == 0)
			buf_printf(out, "$ORIGIN sub%s", l->line_end);
		if (pick(20) == 0)
			buf_printf(out, "$ORIGIN example.com.%s", l->line_end);
		if (l->has_default && pick(20) == 0)
			buf_printf(out, "$TTL %u%s", 60 * (1 + pick(4)), l->line_end);
	}
}

static void
random_text(struct buf *out)
{
	struct layout l = random_layout();
	bool implied = !l.has_default && coin();

	if (l.has_default)
		buf_printf(out, "$TTL %u%s", 60 * (1 + pick(4)), l.line_end);
	if (pick(4) == 0)
		buf_printf(out, "; a zone%s%s", l.line_end, l.line_end);
	buf_printf(out, "@%s%s", l.gap, l.has_default || implied ? "" : "300 ");
	buf_printf(out, coin() ? "SOA ns1 h (%s\t\t%u ; serial%s\t\t1h 2 3w 600 )%s" :
	    "SOA ns1 h ( %3$s%2$u%1$s 1h 2 3w 600 )%4$s", l.line_end, 7 + pick(4), l.line_end, l.line_end);
	buf_printf(out, "%s%sNS%sns1%s", l.omits ? "" : "@", l.gap, l.gap, l.line_end);
	put_body(&l, 1 + pick(12), 0, out);
	if (l.generate)
		buf_printf(out, "$GENERATE 2-%u%s g$ %sA 192.0.2.$%s", 3 + pick(9), coin() ? "/2" : "",
		    coin() ? "60 " : "", l.line_end);
	if (l.include)
		buf_printf(out, "$INCLUDE f%s", l.line_end);
	put_body(&l, pick(6), 3, out);
	if (pick(8) == 0 && !l.include && out->p[out->len - 1] == '\n')
		out->len -= strlen(l.line_end);
	if (l.include) {
		buf_printf(out, "=== f\n");
		put_body(&l, 1 + pick(6), 6, out);
	}
}

/* --- changes --- */

static void
random_changes(const struct rr_list *zone, struct buf *out)
{
	struct layout plain = { .gap = " ", .indent = " ", .line_end = "" };

	for (size_t i = 0; i < zone->n; i++) {
		const struct rr *rr = &zone->v[i];

		if (rr->type == TYPE_SOA || rr->type == TYPE_NS)
			continue;
		if (pick(8) == 0) {
			buf_u8(out, '-');
			rr_text(rr, out);
			buf_u8(out, '\n');
		} else if (pick(12) == 0) {
			struct rr other = *rr;

			other.ttl = 60 * (1 + pick(6));
			buf_u8(out, '+');
			rr_text(&other, out);
			buf_u8(out, '\n');
		}
	}
	for (uint32_t n = pick(4); n > 0; n--) {
		const char *owner = pick(4) == 0 ? "new" : pick(6) == 0 ? "@" : names[pick(NNAMES)];

		buf_printf(out, "+%s %u ", owner, 60 * (1 + pick(4)));
		put_rdata(&plain, out);
		buf_u8(out, '\n');
	}
	if (pick(10) == 0)
		buf_printf(out, "+@ %u SOA ns1 h 99 1h 2 3w %u\n", 60 * (1 + pick(4)), 60 * (1 + pick(11)));
}

/* --- lines --- */

struct lines {
	const char *p[LINES_MAX];
	size_t len[LINES_MAX];
	bool free[LINES_MAX];		/* may differ */
	size_t n;
};

static void
cut(struct buf *text, struct lines *l)
{
	const char *p = buf_str(text), *end = p + text->len;

	while (p < end && l->n < LINES_MAX) {
		l->p[l->n] = p;
		l->len[l->n] = strcspn(p, "\r\n");
		p += strcspn(p, "\n");
		p += p < end;
		l->n++;
	}
	check(l->n < LINES_MAX, "the text is short enough");
}

struct marking {
	struct lines *lines;
	const char *text;
	const struct rr_list *wanted;
	bool touched;			/* the RR before */
	bool hangs;			/* there are TTLs that hang on those before */
};

static void
mark(struct marking *m, const char *file, const struct reader_entry *x)
{
	const char *base = strcmp(file, "zone") == 0 ? m->text : strstr(m->text, "=== f\n") + 6;

	for (size_t i = 0; i < m->lines->n; i++)
		if (m->lines->p[i] >= base + x->start && m->lines->p[i] < base + x->end)
			m->lines->free[i] = true;
}

static bool
is_touched(const struct marking *m, const struct rr *rr)
{
	const struct rr *now = rr_list_find(m->wanted, rr);

	return now == NULL || now->ttl != rr->ttl;	/* in the text it may be larger than its RRset's */
}

/* A line is free if its RR changes, or if it takes over something and the one before it changes. */
static enum err
mark_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct marking *m = ctx;
	const struct reader_entry *x = place->entry;
	bool touched = is_touched(m, rr), takes = x->indented || (x->ttl_at == x->n && !x->has_ttl);

	m->hangs |= x->ttl_at == x->n && !x->has_ttl && rr->type != TYPE_SOA;
	if (touched || (m->touched && takes))
		mark(m, place->file, x);
	if (touched || !(m->touched && takes))
		m->touched = touched;
	return ERR_OK;
}

static void
no_complaint(void *ctx, const struct place *place, const char *text)
{
	(void)ctx;
	check(false, "%s:%u: %s", place->file, place->line, text);
}

static bool
same_line(const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	return a->len[i] == b->len[k] && memcmp(a->p[i], b->p[k], a->len[i]) == 0;
}

/* How many lines the two have in common, in order; free ones of a do not count. */
static size_t
common(const struct lines *a, const struct lines *b)
{
	static unsigned v[LINES_MAX + 1][LINES_MAX + 1];

	for (size_t i = a->n + 1; i-- > 0; ) {
		for (size_t k = b->n + 1; k-- > 0; ) {
			if (i == a->n || k == b->n) {
				v[i][k] = 0;
				continue;
			}
			v[i][k] = v[i + 1][k] > v[i][k + 1] ? v[i + 1][k] : v[i][k + 1];
			if (!a->free[i] && same_line(a, i, b, k) && v[i + 1][k + 1] + 1 > v[i][k])
				v[i][k] = v[i + 1][k + 1] + 1;
		}
	}
	return v[0][0];
}

static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct marking *m = ctx;

	return edits_include((void *)(uintptr_t)m->text, path, out, f);
}

static void
check_lines(struct buf *before, struct buf *after, const struct rr_list *wanted, const char *changes)
{
	static struct lines a, b;
	struct marking m = { .lines = &a, .text = buf_str(before), .wanted = wanted };
	struct zone_reader reader = { .file = "zone", .origin = edits_apex, .include = include, .rr = mark_rr,
		.complain = no_complaint, .ctx = &m };
	size_t untouched = 0, in_common, spare = 0;

	a = b = (struct lines){ 0 };
	cut(before, &a);
	cut(after, &b);
	check(zone_read(&reader, m.text, edits_first_len(m.text)) == ERR_OK, "the text reads");
	for (size_t i = 0; i < a.n; i++)
		untouched += !a.free[i];
	/* Behind a new RR with a TTL of its own, the next line has to say its own too. */
	for (const char *p = changes; m.hangs && *p != '\0'; p++)
		spare += *p == '+';
	in_common = common(&a, &b);
	check(in_common <= untouched && in_common + spare >= untouched,
	    "%zu of %zu untouched lines are left\n%s--- by\n%s--- is now\n%s", in_common, untouched, m.text, changes,
	    buf_str(after));
	/* What is new is a line per change, $TTL, and what a TXT in parentheses has. */
	check(b.n <= a.n + 3 * wanted->n, "no more lines than that");
}

/* --- rounds --- */

/* True: it could be edited in place. */
static bool
one_round(unsigned round)
{
	struct rr_list zone = { 0 }, wanted = { 0 }, again = { 0 };
	struct buf text = { 0 }, changes = { 0 }, after = { 0 };
	struct editor_source source;
	struct editor_result r;
	enum err err;

	random_text(&text);
	check(edits_load(buf_str(&text), &zone), "round %u: a zone", round);
	random_changes(&zone, &changes);
	edits_apply(&zone, buf_str(&changes), &wanted);
	source = (struct editor_source){ .file = "zone", .text = buf_str(&text), .n = edits_first_len(buf_str(&text)),
		.include = edits_include, .ctx = (void *)(uintptr_t)buf_str(&text) };
	err = zone_edit(edits_apex, &source, &wanted, &r);
	check(err == ERR_OK || err == ERR_UNSUPPORTED, "round %u: %s", round, err_str(err));
	if (err == ERR_OK) {
		for (size_t i = 0; i < r.n; i++) {
			if (i > 0)
				buf_printf(&after, "%s=== %s\n", after.p[after.len - 1] == '\n' ? "" : "\n",
				    r.v[i].path);
			buf_add(&after, r.v[i].text.p, r.v[i].text.len);
		}
		check(edits_load(buf_str(&after), &again), "round %u: a zone still", round);
		check(rr_list_equal(&again, &wanted), "round %u: the zone that was wanted\n%s--- by\n%s--- is now\n%s",
		    round, buf_str(&text), buf_str(&changes), buf_str(&after));
		check_lines(&text, &after, &wanted, buf_str(&changes));
	} else {
		fprintf(stderr, "round %u is not edited in place:\n%s--- by\n%s", round, buf_str(&text),
		    buf_str(&changes));
	}
	editor_result_clear(&r);
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
	rr_list_clear(&again);
	buf_clear(&text);
	buf_clear(&changes);
	buf_clear(&after);
	return err == ERR_OK;
}

static void
test_random_edits(void **unused)
{
	unsigned anew = 0;

	(void)unused;
	for (unsigned i = 0; i < ROUNDS; i++) {
		state = i;
		anew += !one_round(i);
	}
	check(anew <= ANEW_MAX, "%u of %u rounds could not be edited in place", anew, ROUNDS);
}

/* --- large zones --- */

#define LARGE 100000
#define LARGE_CHANGES 1000

static void
test_a_large_zone_is_edited_in_time(void **unused)
{
	struct buf text = { 0 }, changes = { 0 };
	struct rr_list zone = { 0 }, wanted = { 0 };
	struct editor_source source;
	struct editor_result r;
	clock_t start;
	double seconds;

	(void)unused;
	buf_printf(&text, "$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\n");
	for (unsigned i = 0; i < LARGE; i++)
		buf_printf(&text, "h%u%s A 10.%u.%u.%u\n", i * 7919 % LARGE, i % 3 == 0 ? ".sub" : "", i >> 16,
		    i >> 8 & 255, i & 255);
	check(edits_load(buf_str(&text), &zone), "a zone");
	for (unsigned i = 0; i < zone.n; i++)
		if (zone.v[i].type == TYPE_A && i % (LARGE / LARGE_CHANGES * 3) != 0)
			check(rr_list_add(&wanted, &zone.v[i]) == ERR_OK, "memory");
		else if (zone.v[i].type != TYPE_A)
			check(rr_list_add(&wanted, &zone.v[i]) == ERR_OK, "memory");
	for (unsigned i = 0; i < LARGE_CHANGES / 3; i++)
		buf_printf(&changes, "n%u A 192.0.2.1\nh%u TXT x\n", i * 31, i * 13);
	edits_add(&wanted, buf_str(&changes));
	start = clock();
	source = (struct editor_source){ .file = "zone", .text = buf_str(&text), .n = text.len };
	check(zone_edit(edits_apex, &source, &wanted, &r) == ERR_OK, "edited");
	seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	print_message("%d RRs, %d changes: %.3f s\n", LARGE, LARGE_CHANGES, seconds);
	check(seconds < 10, "linear: %.3f s", seconds);	/* a slow machine, sanitizers: quadratic takes minutes */
	editor_result_clear(&r);
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
	buf_clear(&text);
	buf_clear(&changes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_edits),
		cmocka_unit_test(test_a_large_zone_is_edited_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

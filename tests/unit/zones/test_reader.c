#include "tests/unit/check.h"

#include <stdlib.h>

#include "zones/reader.h"
#include "zones/text.h"

static const uint8_t apex[] = "\7example\3com";

struct seen {
	struct buf rrs, complaints;
	size_t ncomplaints;
	enum err stop;
};

static enum err
on_rr(void *ctx, const struct rr *rr, const struct place *place)
{
	struct seen *s = ctx;

	check(place->line > 0 && place->column > 0, "an RR has a place");
	rr_text(rr, &s->rrs);
	buf_u8(&s->rrs, '\n');
	return s->stop;
}

static void
on_complaint(void *ctx, const struct place *place, const char *text)
{
	struct seen *s = ctx;
	char where[PLACE_TEXT_MAX];

	buf_printf(&s->complaints, "%s: %s\n", place_print(place, where), text);
	s->ncomplaints++;
}

static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	(void)ctx;
	if (strcmp(path, "sub") == 0)
		buf_add_str(out, "$ORIGIN deep\n@ 60 A 192.0.2.9\nx A 192.0.2.10\n");
	else if (strcmp(path, "indented") == 0)
		buf_add_str(out, " A 192.0.2.9\n");
	else if (strcmp(path, "ttl") == 0)
		buf_add_str(out, "$TTL 77\n");
	else if (strcmp(path, "a b") == 0)
		buf_add_str(out, "blank A 192.0.2.11\n");
	else if (strcmp(path, "loop") == 0)
		buf_add_str(out, "$INCLUDE loop\n$INCLUDE loop\n");
	else
		return fault_set(f, ERR_NOT_FOUND, "no such file");
	return ERR_OK;
}

static enum err
read_with(const char *text, size_t n, uint32_t ttl, bool secret, struct seen *s)
{
	struct zone_reader reader = { .file = "f", .origin = apex, .default_ttl = ttl, .secret = secret,
		.include = include, .rr = on_rr, .complain = on_complaint, .ctx = s };

	return zone_read(&reader, text, n);
}

static void
clear(struct seen *s)
{
	buf_clear(&s->rrs);
	buf_clear(&s->complaints);
}

#define A1 " A 192.0.2.1\n"
#define IN_A1 " IN A 192.0.2.1\n"

static const struct { const char *why, *text, *rrs; } good[] = {
	{ "nothing at all",		"",						"" },
	{ "only comments and blanks",	"; a\n  ; b\n\n\t\n   ",			"" },
	{ "names are relative to the origin",	"$TTL 5\na" A1 "b.c." A1,		"a.example.com. 5"
	    IN_A1 "b.c. 5" IN_A1 },
	{ "@ is the origin",		"$TTL 5\n@" A1,					"example.com. 5" IN_A1 },
	{ "$ORIGIN, relative to the one before",	"$TTL 5\n$ORIGIN a\nb" A1 "$origin c.\nd" A1,
	    "b.a.example.com. 5" IN_A1 "d.c. 5" IN_A1 },
	{ "a blank owner is the last one",	"$TTL 5\na" A1 " A 192.0.2.1\n\tAAAA ::1\n",
	    "a.example.com. 5" IN_A1 "a.example.com. 5" IN_A1 "a.example.com. 5 IN AAAA ::1\n" },
	{ "... even behind $ORIGIN",	"$TTL 5\na" A1 "$ORIGIN b\n A 192.0.2.1\n",	"a.example.com. 5"
	    IN_A1 "a.example.com. 5" IN_A1 },
	{ "TTL, class",			"a 300 IN" A1,					"a.example.com. 300" IN_A1 },
	{ "class, TTL",			"a in 300" A1,					"a.example.com. 300" IN_A1 },
	{ "CLASS1 is IN",		"a CLASS1 300" A1,				"a.example.com. 300" IN_A1 },
	{ "TTL units",			"a 1w2d3h4m5s" A1 "b 2W" A1,			"a.example.com. 788645"
	    IN_A1 "b.example.com. 1209600" IN_A1 },
	{ "$TTL units",			"$TTL 1h30m\na" A1,				"a.example.com. 5400" IN_A1 },
	{ "the last TTL is taken over",	"a 300" A1 "b" A1,				"a.example.com. 300"
	    IN_A1 "b.example.com. 300" IN_A1 },
	{ "$TTL goes before the last one",	"$TTL 5\na 300" A1 "b" A1,		"a.example.com. 300"
	    IN_A1 "b.example.com. 5" IN_A1 },
	{ "$TTL holds until the next",	"$TTL 5\na" A1 "$TTL 6\nb" A1,			"a.example.com. 5"
	    IN_A1 "b.example.com. 6" IN_A1 },
	{ "SOA minimum when nothing else is known",	"@ SOA a b 1 2 3 4 99\na" A1,
	    "example.com. 99 IN SOA a.example.com. b.example.com. 1 2 3 4 99\na.example.com. 99" IN_A1 },
	{ "an SOA's own TTL is taken over",	"@ 7 SOA a b 1 2 3 4 99\na" A1,
	    "example.com. 7 IN SOA a.example.com. b.example.com. 1 2 3 4 99\na.example.com. 7" IN_A1 },
	{ "TTL 0 is one",		"a 0" A1,					"a.example.com. 0" IN_A1 },
	{ "the largest TTL",		"a 2147483647" A1,				"a.example.com. 2147483647"
	    IN_A1 },
	{ "parentheses join lines",	"a 5 ( ; one\n A ; two (\n 192.0.2.1 )\nb (5)A(192.0.2.1)\n",
	    "a.example.com. 5" IN_A1 "b.example.com. 5" IN_A1 },
	{ "parentheses within parentheses",	"a 5 ( A ( \n192.0.2.1 \n)\n )\n",	"a.example.com. 5" IN_A1 },
	{ "a newline in parentheses starts no owner",	"a 5 (\nA\n192.0.2.1)\n",	"a.example.com. 5" IN_A1 },
	{ "quotes keep blanks, parentheses and semicolons",	"a 5 TXT \"b ; c (\" d\n",
	    "a.example.com. 5 IN TXT \"b ; c (\" \"d\"\n" },
	{ "a string right behind a word",	"a 5 TXT b\"c d\"e\n",
	    "a.example.com. 5 IN TXT \"b\" \"c d\" \"e\"\n" },
	{ "escapes",			"a\\.b\\032 5 TXT c\\;d\\ e \"\\\"\\102\"\n",
	    "a\\.b\\032.example.com. 5 IN TXT \"c;d e\" \"\\\"f\"\n" },
	{ "an escaped @ is a label",	"\\@ 5" A1,					"\\@.example.com. 5" IN_A1 },
	{ "letter case stays",		"AbC 5 NS dEf\n",				"AbC.example.com. 5 IN NS "
	    "dEf.example.com.\n" },
	{ "owners may look like types, classes and TTLs",	"a 5" A1 "in" A1 "ns" A1 "300" A1,
	    "a.example.com. 5" IN_A1 "in.example.com. 5" IN_A1 "ns.example.com. 5" IN_A1 "300.example.com. 5" IN_A1 },
	{ "CRLF line ends",		"$TTL 5\r\na A 192.0.2.1\r\n\r\n A (\r\n192.0.2.1 )\r\n",
	    "a.example.com. 5" IN_A1 "a.example.com. 5" IN_A1 },
	{ "line ends made twice",	"a 5 A 192.0.2.1\r\r\n;\ra\r\nb 5 A 192.0.2.1\r",
	    "a.example.com. 5" IN_A1 "b.example.com. 5" IN_A1 },
	{ "no final newline",		"a 5 A 192.0.2.1",				"a.example.com. 5" IN_A1 },
	{ "a comment without a newline",	"a 5 A 192.0.2.1;x",			"a.example.com. 5" IN_A1 },
	{ "tabs",			"\t\na\t5\tIN\tA\t192.0.2.1\t\n",		"a.example.com. 5" IN_A1 },
	{ "a byte order mark",		"\xef\xbb\xbf" "a 5" A1,			"a.example.com. 5" IN_A1 },
	{ "types by number",		"a 5 TYPE1 192.0.2.1\na TYPE1 \\# 4 c0000201\n",	"a.example.com. 5"
	    IN_A1 "a.example.com. 5" IN_A1 },
	{ "unknown types",		"a 5 TYPE65280 \\# 3 (01\n0203)\n",
	    "a.example.com. 5 IN TYPE65280 \\# 3 010203\n" },
	{ "wildcards",			"*.a 5" A1,					"*.a.example.com. 5" IN_A1 },
	{ "$INCLUDE: origin and owner come back",	"$TTL 5\na" A1 "$INCLUDE sub\n A 192.0.2.1\nb" A1,
	    "a.example.com. 5" IN_A1 "deep.example.com. 60 IN A 192.0.2.9\nx.deep.example.com. 5 IN A 192.0.2.10\n"
	    "a.example.com. 5" IN_A1 "b.example.com. 5" IN_A1 },
	{ "$INCLUDE with an origin",	"$TTL 5\n$INCLUDE sub other\na" A1,
	    "deep.other.example.com. 60 IN A 192.0.2.9\nx.deep.other.example.com. 5 IN A 192.0.2.10\na.example.com. 5"
	    IN_A1 },
	{ "$INCLUDE of a name with a blank",	"$TTL 5\n$INCLUDE \"a b\"\n",
	    "blank.example.com. 5 IN A 192.0.2.11\n" },
	{ "$TTL of an included file stays",	"$INCLUDE ttl\na" A1,			"a.example.com. 77" IN_A1 },
	{ "$GENERATE",			"$GENERATE 1-3/2 h$ 5 A 192.0.2.$\n",
	    "h1.example.com. 5 IN A 192.0.2.1\nh3.example.com. 5 IN A 192.0.2.3\n" },
	{ "$GENERATE of rdata in quotes",	"$GENERATE 1-2 h$ 5 IN MX \"1$ m$\"\n",
	    "h1.example.com. 5 IN MX 11 m1.example.com.\nh2.example.com. 5 IN MX 12 m2.example.com.\n" },
	{ "$GENERATE of a string in quotes",	"$GENERATE 1-1 h$ IN 5 TXT \"a \\\"b $\\\" \\\\\"\n",
	    "h1.example.com. 5 IN TXT \"a\" \"b 1\" \"\\\\\"\n" },
	{ "$GENERATE of several strings",	"$GENERATE 1-1 h$ 5 TXT a \"b $\"\n",
	    "h1.example.com. 5 IN TXT \"a\" \"b 1\"\n" },
	{ "$GENERATE leaves the owner before it to the lines behind",
	    "a 5" A1 "$GENERATE 1-1 h$ 5 A 192.0.2.$\n A 192.0.2.1\n",
	    "a.example.com. 5" IN_A1 "h1.example.com. 5" IN_A1 "a.example.com. 5" IN_A1 },
	{ "$GENERATE with shapes",	"$GENERATE 10-10 a${-3,4,x}b$$ 5 CNAME ${0,3,n}.\\$c${1}\n",
	    "a0007b\\$.example.com. 5 IN CNAME a.0.\\$c11.example.com.\n" },
};

static void
test_good_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct seen s = { 0 };
		enum err err = read_with(good[i].text, strlen(good[i].text), 0, false, &s);

		check(err == ERR_OK, "%s: read, not %s", good[i].why, buf_str(&s.complaints));
		check(strcmp(buf_str(&s.rrs), good[i].rrs) == 0, "%s:\n%snot\n%s", good[i].why, good[i].rrs,
		    buf_str(&s.rrs));
		clear(&s);
	}
}

static const struct { const char *why, *text, *complaints; } bad[] = {
	{ "no TTL",			"a" A1,			"f:1:3: expected a TTL before the type, or $TTL on a "
	    "line before this one\n" },
	{ "no owner yet",		" 5" A1,		"f:1:2: expected an owner name at the start of the "
	    "line: there is none before to take over\n" },
	{ "no type",			"a 5 IN\n",		"f:1:7: expected an RR type, found the end of the "
	    "line\n" },
	{ "no such type",		"a 5 IN FOO 1\n",	"f:1:8: expected an RR type, found 'FOO'\n" },
	{ "no type but an owner",	"a\n",			"f:1:2: expected an RR type, found the end of the "
	    "line\n" },
	{ "two TTLs",			"a 5 6" A1,		"f:1:5: expected an RR type, found '6'\n" },
	{ "two classes",		"a 5 IN IN" A1,		"f:1:8: expected an RR type, found 'IN'\n" },
	{ "another class",		"a 5 CH TXT a\n",	"f:1:5: expected the class IN, the only one served "
	    "here, found 'CH'\n" },
	{ "another class by number",	"a CLASS3 5 TXT a\n",	"f:1:3: expected the class IN, the only one served "
	    "here, found 'CLASS3'\n" },
	{ "a TTL too large",		"a 2147483648" A1,	"f:1:3: expected a TTL from 0 to 2147483647 seconds, "
	    "or like 1h30m, found '2147483648'\n" },
	{ "a TTL of unknown units",	"a 5x" A1,		"f:1:3: expected a TTL from 0 to 2147483647 seconds, "
	    "or like 1h30m, found '5x'\n" },
	{ "the column of a rdata field",	"aa 5 IN MX 10\t\"b\"\n",
	    "f:1:15: MX: expected a domain name, found the string \"b\"\n" },
	{ "the line within parentheses",	"a 5 SOA b c (\n1\n2\n3\nx 5)\n",
	    "f:5:1: SOA: expected a time in seconds, or with units like 1h30m, found 'x'\n" },
	{ "the column of what is missing",	"a 5 MX 10 ; b\n",	"f:1:10: MX: expected a domain name, found the "
	    "end of the line\n" },
	{ "a bad owner",		"a..b 5" A1,		"f:1:1: expected an owner name, found 'a..b'\n" },
	{ "a quoted owner",		"\"a\" 5" A1,		"f:1:1: expected an owner name, found the string "
	    "\"a\"\n" },
	{ "lines behind a bad owner do not go to the one before",	"a 5" A1 "..\t" A1 " A 192.0.2.2\n",
	    "f:2:1: expected an owner name, found '..'\nf:3:2: expected an owner name at the start of the line: there "
	    "is none before to take over\n" },
	{ "reading goes on",		"a 5 B\nb 5 C\n",	"f:1:5: expected an RR type, found 'B'\nf:2:5: "
	    "expected an RR type, found 'C'\n" },
	{ "an open quote",		"a 5 TXT \"b\nc 5 X\n",	"f:1:9: expected a closing quote before the end of the "
	    "line that this quote opens on\nf:2:5: expected an RR type, found 'X'\n" },
	{ "an open parenthesis",	"a 5 TXT (b\nc 5 X\n",	"f:1:9: expected a closing parenthesis for this one "
	    "before the end of the file\n" },
	{ "a parenthesis too many",	"a 5 TXT b )\n",	"f:1:11: no parenthesis is open that this one could "
	    "close\n" },
	{ "a fault in parentheses costs only that record",	"a 5 TXT (\"b\nc)\nd 5 X\n",
	    "f:1:10: expected a closing quote before the end of the line that this quote opens on\nf:3:5: expected an "
	    "RR type, found 'X'\n" },
	{ "a carriage return in a line",	"a 5 TXT b\rc 5 TXT d\n",	"f:1:10: expected the end of the line behind a "
	    "carriage return\n" },
	{ "an unknown directive",	"$FOO\n",		"f:1:1: expected $ORIGIN, $TTL, $INCLUDE or $GENERATE, "
	    "found '$FOO'\n" },
	{ "$ORIGIN of nothing",		"$ORIGIN\n",		"f:1:8: expected a domain name, found the end of the "
	    "line\n" },
	{ "$ORIGIN of two",		"$ORIGIN a b\n",	"f:1:11: expected the end of the line, found 'b'\n" },
	{ "$TTL of a word",		"$TTL a\n",		"f:1:6: expected a TTL from 0 to 2147483647 seconds, "
	    "or like 1h30m, found 'a'\n" },
	{ "$INCLUDE of nothing",	"$INCLUDE\n",		"f:1:9: expected a file name, found the end of the "
	    "line\n" },
	{ "$INCLUDE of a missing file",	"$INCLUDE x\n",		"f:1:10: cannot include x: no such file\n" },
	{ "an included file does not know the owner",	"a 5" A1 "$INCLUDE indented\n",
	    "indented:1:2: expected an owner name at the start of the line: there is none before to take over\n" },
	{ "$GENERATE of a bad range",	"$GENERATE 3-1 a 5 A 1\n",	"f:1:11: $GENERATE: expected a range like "
	    "1-254 or 0-100/2 of at most 65536 numbers, found '3-1'\n" },
	{ "$GENERATE of a bad shape",	"$GENERATE 1-2 a${x} 5 A 1\n",
	    "f:1:15: $GENERATE: expected $ or ${OFFSET,WIDTH,BASE} with BASE one of d, o, x, X, n, N, found "
	    "'a${x}'\n" },
	{ "what $GENERATE made is bad",	"$GENERATE 1-2 a$ 5 A b\n",	"f:1:1: A: expected an IPv4 address, found "
	    "'b'\nf:1:1: A: expected an IPv4 address, found 'b'\n" },
};

static void
test_bad_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct seen s = { 0 };
		enum err err = read_with(bad[i].text, strlen(bad[i].text), 0, false, &s);

		check(err == ERR_FORMAT, "%s: refused", bad[i].why);
		check(strcmp(buf_str(&s.complaints), bad[i].complaints) == 0, "%s:\n%snot\n%s", bad[i].why,
		    bad[i].complaints, buf_str(&s.complaints));
		clear(&s);
	}
}

static void
test_a_nul_octet_is_named(void **state)
{
	const char text[] = "a 5 TXT b\0c\nb 5 A 192.0.2.1\n";
	struct seen s = { 0 };

	(void)state;
	check(read_with(text, sizeof text - 1, 0, false, &s) == ERR_FORMAT, "refused");
	check(strcmp(buf_str(&s.complaints), "f:1:10: expected text, found an octet of value 0\n") == 0, "%s",
	    buf_str(&s.complaints));
	check(strcmp(buf_str(&s.rrs), "b.example.com. 5" IN_A1) == 0, "the next line is read");
	clear(&s);
}

static void
test_complaints_and_includes_are_bounded(void **state)
{
	struct buf text = { 0 };
	struct seen s = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_add_str(&text, "$GENERATE 1-60000 a 5 X\n");
	check(read_with((const char *)text.p, text.len, 0, false, &s) == ERR_FORMAT, "refused");
	check(s.ncomplaints == ZONE_READER_COMPLAINTS, "%zu complaints", s.ncomplaints);
	clear(&s);
	buf_clear(&text);
	s = (struct seen){ 0 };
	check(read_with("$INCLUDE loop\n", 14, 0, false, &s) == ERR_FORMAT, "a file that includes itself is refused");
	check(strstr(buf_str(&s.complaints), "to a depth of 8") != NULL, "%s", buf_str(&s.complaints));
	clear(&s);
}

static void
test_the_callers_error_ends_it(void **state)
{
	struct seen s = { .stop = ERR_CANCELLED };
	const char *texts[] = { "a 5" A1 "b 5" A1, "$GENERATE 1-3 a$ 5" A1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		check(read_with(texts[i], strlen(texts[i]), 0, false, &s) == ERR_CANCELLED, "it is returned");
		check(s.ncomplaints == 0 && strchr(buf_str(&s.rrs), '\n')[1] == '\0', "after one RR");
		clear(&s);
	}
}

static void
test_secrets_are_not_quoted(void **state)
{
	const char *text = "k DNSKEY 0 3 163 SECRET!\nSECRET! ..\nk SECRET! x\n$SECRET! x\nk DNSKEY 0 3 163 "
	    "\"SECRET!\"\n$GENERATE 1-2 SECRET! A (\n";
	struct seen s = { 0 };

	(void)state;
	check(read_with(text, strlen(text), 300, true, &s) == ERR_FORMAT, "refused");
	check(s.ncomplaints >= 5 && strstr(buf_str(&s.complaints), "SECRET") == NULL, "%s", buf_str(&s.complaints));
	clear(&s);
	s = (struct seen){ 0 };
	check(read_with("k DNSKEY 0 3 163 AQID\n", 22, 300, true, &s) == ERR_OK, "the default TTL is enough");
	clear(&s);
}

static void
test_every_prefix_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t len = strlen(good[i].text);

		for (size_t n = 0; n < len; n++) {
			struct seen s = { 0 };
			char *copy = malloc(n + 1);	/* so that a sanitizer sees the first octet too many */

			memcpy(copy, good[i].text, n);
			copy = realloc(copy, n == 0 ? 1 : n);
			read_with(copy, n, 0, false, &s);
			free(copy);
			clear(&s);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_text),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_a_nul_octet_is_named),
		cmocka_unit_test(test_complaints_and_includes_are_bounded),
		cmocka_unit_test(test_the_callers_error_ends_it),
		cmocka_unit_test(test_secrets_are_not_quoted),
		cmocka_unit_test(test_every_prefix_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

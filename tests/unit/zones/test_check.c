#include "tests/unit/check.h"

#include "zones/check.h"
#include "zones/reader.h"

static const uint8_t apex[] = "\7example\3com";

struct findings {
	struct buf text;
	const struct rr_list *list;
};

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
report(void *ctx, enum check_level level, const struct rr *rr, const char *text)
{
	struct findings *f = ctx;

	check(rr == NULL || (rr >= f->list->v && rr < f->list->v + f->list->n), "it is about an element of the list");
	buf_printf(&f->text, "%s: %s\n", level == CHECK_ERROR ? "error" : "warning", text);
}

static enum err
judge(const char *text, struct findings *f)
{
	struct rr_list list = { 0 };
	struct zone_reader reader = { .file = "f", .origin = apex, .default_ttl = 60, .rr = add, .complain = complain,
		.ctx = &list };
	enum err err;

	check(zone_read(&reader, text, strlen(text)) == ERR_OK, "%s", text);
	rr_list_sort(&list);
	f->list = &list;
	err = zone_check(apex, &list, report, f);
	rr_list_clear(&list);
	return err;
}

#define SOA "$TTL 60\n@ SOA ns host 1 2 3 4 5\n"
#define HEAD SOA "@ NS ns\nns A 192.0.2.1\n"

static const struct { const char *why, *text, *finding; } sound[] = {
	{ "a small zone",				HEAD,						NULL },
	{ "a name server elsewhere",			SOA "@ NS ns.example.net.\n",			NULL },
	{ "its address as glue out of the zone",	SOA "@ NS ns.net.\nns.net. A 192.0.2.1\n",	NULL },
	{ "a delegation with glue",			HEAD "sub NS a.sub\nsub DS 1 8 240 ab\na.sub A 192.0.2.1\n",	NULL },
	{ "a delegation with glue at the cut",		HEAD "sub NS sub\nsub A 192.0.2.1\n",		NULL },
	{ "a CNAME with its signature",			HEAD "c CNAME ns\nc NSEC d A\nc RRSIG A 8 3 60 20380101000000 20240101000000 1 @ AQID\n",	NULL },
	{ "a DNAME at the apex beside NS and SOA",	SOA "@ NS a.net.\n@ DNAME b.net.\n",		NULL },
	{ "no mail",					HEAD "@ MX 0 .\n",				NULL },
	{ "mail to a wildcard's name",			HEAD "@ MX 5 m.w\n*.w A 192.0.2.1\n",		NULL },
	{ "mail to a name in a delegated zone",		HEAD "@ MX 5 m.sub\nsub NS a.net.\n",		NULL },
	{ "signatures with different TTLs",		HEAD "@ 5 RRSIG A 8 3 60 20380101000000 20240101000000 1 @ AQID\n"
	    "@ 6 RRSIG MX 8 3 60 20380101000000 20240101000000 1 @ AQID\n",				NULL },
	{ "TTLs that differ",				HEAD "a 5 A 192.0.2.1\na 6 A 192.0.2.2\n",	"TTLs of a.example.com. A differ (5 and 6)" },
	{ "an RR twice",				HEAD "a A 192.0.2.1\na A 192.0.2.1\n",		"a.example.com. A is there twice" },
	{ "an SOA twice, letter by letter the same",	HEAD "@ SOA NS host 1 2 3 4 5\n",		"SOA is there twice" },
	{ "data below a cut",				HEAD "sub NS a.net.\nx.sub TXT a\n",		"x.sub.example.com. TXT is hidden by the delegation of sub.example.com." },
	{ "addresses below a cut that are no glue",	HEAD "sub NS a.net.\nx.sub A 192.0.2.1\n",	"x.sub.example.com. A is hidden" },
	{ "data at a cut",				HEAD "sub NS a.net.\nsub MX 0 .\n",		"sub.example.com. MX is hidden" },
	{ "NS to no address",				SOA "@ NS ns\n",				"NS points to ns.example.com., which has no address" },
	{ "a delegation without glue",			HEAD "sub NS a.sub\n",				"NS points to a.sub.example.com., which has no address" },
	{ "NS to a CNAME",				HEAD "@ NS c\nc CNAME ns\n",			"NS points to c.example.com., which is a CNAME" },
	{ "MX to a CNAME",				HEAD "@ MX 1 c\nc CNAME ns\n",			"MX points to c.example.com., which is a CNAME" },
	{ "MX to no address",				HEAD "@ MX 1 c\nc TXT c\n",			"MX points to c.example.com., which has no address" },
};

static void
test_sound_zones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
		struct findings f = { 0 };

		check(judge(sound[i].text, &f) == ERR_OK, "%s is sound: %s", sound[i].why, buf_str(&f.text));
		if (sound[i].finding == NULL)
			check(f.text.len == 0, "%s gives no warning: %s", sound[i].why, buf_str(&f.text));
		else
			check(strstr(buf_str(&f.text), sound[i].finding) != NULL, "%s: %s, not %s", sound[i].why, sound[i].finding,
			    buf_str(&f.text));
		buf_clear(&f.text);
	}
}

static const struct { const char *why, *text, *finding; } unsound[] = {
	{ "nothing",			"",					"no records" },
	{ "no SOA",			"@ NS ns.net.\n",			"no SOA at the apex example.com." },
	{ "no NS",			SOA,					"no NS at the apex example.com." },
	{ "two SOAs",			HEAD "@ SOA ns host 2 2 3 4 5\n",	"a second SOA" },
	{ "an SOA below the apex",	HEAD "a SOA ns host 1 2 3 4 5\n",	"SOA below the apex" },
	{ "an owner outside",		HEAD "a.net. A 192.0.2.1\n",		"a.net. lies outside of the zone example.com." },
	{ "a name server's other data outside",	HEAD "@ NS a.net.\na.net. TXT x\n",	"a.net. lies outside" },
	{ "CNAME beside other data",	HEAD "a CNAME b\na TXT c\n",		"CNAME beside TXT at a.example.com." },
	{ "CNAME at the apex",		HEAD "@ CNAME b\n",			"CNAME beside NS at example.com." },
	{ "CNAME twice",		HEAD "a CNAME b\na CNAME c\n",		"a second CNAME at a.example.com." },
	{ "DNAME twice",		HEAD "a DNAME b\na DNAME c\n",		"a second DNAME at a.example.com." },
	{ "DNAME beside CNAME",		HEAD "a DNAME b\na CNAME c\n",		"CNAME beside DNAME" },
	{ "DNAME beside NS",		HEAD "a DNAME b\na NS c.net.\n",	"DNAME beside NS at a.example.com." },
	{ "data below a DNAME",		HEAD "a DNAME b\nx.a TXT c\n",		"x.a.example.com. lies below a DNAME" },
	{ "data far below a DNAME",	HEAD "a DNAME b\nx.y.z.a TXT c\n",	"x.y.z.a.example.com. lies below a DNAME" },
	{ "a meta-type",		HEAD "a ANY \\# 0\n",			"ANY is no type of a zone's data" },
	{ "OPT",			HEAD "a OPT \\# 0\n",			"OPT is no type" },
};

static void
test_unsound_zones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof unsound / sizeof unsound[0]; i++) {
		struct findings f = { 0 };

		check(judge(unsound[i].text, &f) == ERR_REFUSED, "%s is refused", unsound[i].why);
		check(strstr(buf_str(&f.text), "error: ") != NULL && strstr(buf_str(&f.text), unsound[i].finding) != NULL,
		    "%s: %s, not %s", unsound[i].why, unsound[i].finding, buf_str(&f.text));
		buf_clear(&f.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound_zones),
		cmocka_unit_test(test_unsound_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

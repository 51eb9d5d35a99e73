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
report(void *ctx, const struct check_finding *finding)
{
	struct findings *f = ctx;
	const struct rr *rr = finding->rr, *other = finding->other;

	check(rr == NULL || (rr >= f->list->v && rr < f->list->v + f->list->n), "it is about an element of the list");
	check(other == NULL || (other >= f->list->v && other < f->list->v + f->list->n && other != rr),
	    "and another one");
	buf_printf(&f->text, "%s: %s\n", finding->level == CHECK_ERROR ? "error" : "warning", finding->text);
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

#define SOA "$TTL 60\n@ SOA ns host 1 7200 3600 604800 300\n"
#define HEAD SOA "@ NS ns\nns A 192.0.2.1\n"

static const struct { const char *why, *text, *finding; } sound[] = {
	{ "a small zone",				HEAD,						NULL },
	{ "an instance of DNS-SD in UTF-8",		HEAD "B\303\274ro._ipp._tcp TXT a\n",		NULL },
	{ "a name server elsewhere",			SOA "@ NS ns.example.net.\n",			NULL },
	{ "its address as glue out of the zone",	SOA "@ NS ns.net.\nns.net. A 192.0.2.1\n",	NULL },
	{ "a delegation with glue",			HEAD "sub NS a.sub\nsub DS 1 8 240 ab\na.sub A 192.0.2.1\n",
	    NULL },
	{ "a delegation with glue at the cut",		HEAD "sub NS sub\nsub A 192.0.2.1\n",		NULL },
	{ "a CNAME with its signature",			HEAD "c CNAME ns\nc NSEC d A\nc RRSIG A 8 3 60 20380101000000 "
	    "20240101000000 1 @ AQID\n",	NULL },
	{ "a DNAME at the apex beside NS and SOA",	SOA "@ NS a.net.\n@ DNAME b.net.\n",		NULL },
	{ "no mail",					HEAD "@ MX 0 .\n",				NULL },
	{ "mail to a wildcard's name",			HEAD "@ MX 5 m.w\n*.w A 192.0.2.1\n",		NULL },
	{ "mail to a name in a delegated zone",		HEAD "@ MX 5 m.sub\nsub NS a.net.\n",		NULL },
	{ "signatures with different TTLs",		HEAD "@ 5 RRSIG A 8 3 60 20380101000000 20240101000000 1 @ "
	    "AQID\n@ 6 RRSIG MX 8 3 60 20380101000000 20240101000000 1 @ AQID\n",				NULL },
	{ "TTLs that differ",				HEAD "a 5 A 192.0.2.1\na 6 A 192.0.2.2\n",
	    "TTLs of a.example.com. A differ (5 and 6)" },
	{ "an RR twice",				HEAD "a A 192.0.2.1\na A 192.0.2.1\n",
	    "a.example.com. A is there twice" },
	{ "an SOA twice, letter by letter the same",	HEAD "@ SOA NS host 1 7200 3600 604800 300\n",
	    "SOA is there twice" },
	{ "data below a cut",				HEAD "sub NS a.net.\nx.sub TXT a\n",
	    "x.sub.example.com. TXT is hidden by the delegation of sub.example.com." },
	{ "addresses below a cut that are no glue",	HEAD "sub NS a.net.\nx.sub A 192.0.2.1\n",
	    "x.sub.example.com. A is hidden" },
	{ "data at a cut",				HEAD "sub NS a.net.\nsub MX 0 .\n",
	    "sub.example.com. MX is hidden" },
	{ "NS to no address",				SOA "@ NS ns\n",
	    "NS points to ns.example.com., which has no address" },
	{ "a delegation without glue",			HEAD "sub NS a.sub\n",
	    "NS points to a.sub.example.com., which has no address" },
	{ "NS to a CNAME",				HEAD "@ NS c\nc CNAME ns\n",
	    "NS points to c.example.com., which is a CNAME" },
	{ "MX to a CNAME",				HEAD "@ MX 1 c\nc CNAME ns\n",
	    "MX points to c.example.com., which is a CNAME" },
	{ "MX to no address",				HEAD "@ MX 1 c\nc TXT c\n",
	    "MX points to c.example.com., which has no address" },
	{ "MX below a DNAME",				HEAD "@ MX 1 a.d\nd DNAME e.net.\n",
	    "MX points to a.d.example.com., which is an alias by the DNAME at d.example.com." },
	{ "SRV to a CNAME",				HEAD "_s._tcp SRV 0 0 1 c\nc CNAME ns\n",
	    "SRV points to c.example.com., which is a CNAME" },
	{ "SRV to no address",				HEAD "_s._tcp SRV 0 0 1 c\n",
	    "SRV points to c.example.com., which has no address" },
	{ "no service",					HEAD "_s._tcp SRV 0 0 0 .\n",			NULL },
	{ "HTTPS to a CNAME: clients follow",		HEAD "h HTTPS 1 c\nc CNAME ns\n",		NULL },
	{ "HTTPS to no address",			HEAD "h HTTPS 1 c\n",
	    "HTTPS points to c.example.com., which has no address" },
	{ "HTTPS for a name without address",		HEAD "h HTTPS 1 . alpn=h2\n",
	    "HTTPS points to h.example.com., which has no address" },
	{ "HTTPS for its own name",			HEAD "h HTTPS 1 . alpn=h2\nh A 192.0.2.1\n",	NULL },
	{ "an alias to another HTTPS",			HEAD "@ HTTPS 0 h\nh HTTPS 1 ns\n",		NULL },
	{ "an alias to nothing",			HEAD "@ HTTPS 0 h\n",
	    "HTTPS points to h.example.com., which has no address" },
	{ "an NS without its final dot",		HEAD "@ NS ns.example.com\n",
	    "ns.example.com.example.com., which has no address: is its final dot missing?" },
	{ "a CNAME without its final dot",		HEAD "w CNAME www.example.com\n",
	    "CNAME points to www.example.com.example.com., which does not exist: is its final dot missing?" },
	{ "a doubled name that is there",		HEAD "w CNAME www.example.com\nwww.example.com A 192.0.2.1\n",
	    NULL },
	{ "a CNAME to nothing, which is nobody's business",	HEAD "w CNAME x\n",			NULL },
	{ "an address where a name belongs",		HEAD "@ MX 1 192.0.2.1\n",
	    "has no address: a name belongs there, not an address" },
	{ "missing glue",				HEAD "sub NS a.sub\n",
	    "a.sub.example.com., which has no address: the delegation needs it as glue" },
	{ "a name in UTF-8",				HEAD "a.b\303\274cher A 192.0.2.1\n",
	    "a.b\\195\\188cher.example.com. has letters beyond ASCII: an internationalized name stands here in its "
	    "form xn--..." },
	{ "NS at a wildcard",				HEAD "* NS a.net.\n",
	    "NS at the wildcard *.example.com." },
	{ "DS without NS",				HEAD "a DS 1 8 240 ab\n",
	    "DS at a.example.com., where no NS" },
	{ "DS at the apex",				HEAD "@ DS 1 8 240 ab\n",
	    "DS at the apex: it belongs into the zone above" },
	{ "data in two delegations",			HEAD "a NS a.net.\nb NS a.net.\nx.b TXT a\n",
	    "x.b.example.com. TXT is hidden by the delegation of b.example.com." },

	{ "an '@' in the mail address",			"@ SOA ns me\\@example.com. 1 7200 3600 604800 300\n@ NS "
	    "a.net.\n",	"SOA: the mail address has an '@'" },
	{ "a retry longer than the refresh",		"@ SOA ns h 1 3600 7200 604800 300\n@ NS a.net.\n",
	    "retry (7200) is longer than refresh (3600)" },
	{ "a short expire",				"@ SOA ns h 1 7200 3600 10800 300\n@ NS a.net.\n",
	    "expire (10800) is not longer than refresh and retry together (10800)" },
	{ "a refresh of 0",				"@ SOA ns h 1 0 0 604800 300\n@ NS a.net.\n",
	    "refresh or retry of 0" },
	{ "a long memory for what is not there",	"@ SOA ns h 1 7200 3600 604800 604800\n@ NS a.net.\n",
	    "remembered for 604800 seconds" },

	{ "TLSA as RFC 6698 has it",			HEAD "_443._tcp TLSA 3 1 1 "
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",	NULL },
	{ "a certificate request, a leaf, a CA and a private number",	HEAD "_letsencrypt._tcp.a TLSA 3 255 0 "
	    "3082010a\n_letsencrypt._tcp.a TLSA 3 0 0 3082010b\n_letsencrypt._tcp.a TLSA 0 0 0 "
	    "3082010c\n_letsencrypt._tcp.a TLSA 255 0 0 3082010d\n",	NULL },
	{ "a TLSA digest that is too short",		HEAD "_443._tcp TLSA 3 1 1 0123\n",
	    "a digest of type 1 has 32 octets, this one has 2" },
	{ "a TLSA usage that is none",			HEAD "_443._tcp TLSA 4 1 3 0123\n",
	    "usage 4, selector 1, matching type 3" },
	{ "a TLSA that is no DER",			HEAD "_443._tcp TLSA 3 0 0 0123\n",
	    "a whole certificate or key in DER" },
	{ "a TLSA of a host",				HEAD "www TLSA 3 0 0 3000\n",
	    "the owner is no _port._protocol" },
	{ "a TLSA for all ports",			HEAD "*._tcp.www TLSA 3 0 0 3000\n",		NULL },

	{ "CAA as RFC 8659 has it",			HEAD "@ CAA 0 issue \"letsencrypt.org; "
	    "validationmethods=dns-01 ; accounturi=https://a.example/1\"\n"
	    "@ CAA 128 issuewild \";\"\n@ CAA 0 iodef \"mailto:a@b.example\"\n@ CAA 0 issue \"\"\n@ CAA 0 issuemail "
	    "\"ca.example\"\n",	NULL },
	{ "a URI of nothing",				HEAD "_x._tcp URI 1 2 \"\"\n",
	    "the target is empty (RFC 7553, section 4.4)" },
	{ "CAA flags",					HEAD "@ CAA 1 issue \"ca.example\"\n",
	    "of the flags only 128" },
	{ "a CAA tag",					HEAD "@ CAA 0 isue \"ca.example\"\n",
	    "the tag is none that CAs know" },
	{ "a CAA issuer",				HEAD "@ CAA 0 issue \"https://ca.example\"\n",
	    "expected ';' behind the domain name" },
	{ "a CAA issuer that is no name",		HEAD "@ CAA 0 issue \"-ca\"\n",
	    "expected the domain name of a CA" },
	{ "two issuers in a CAA",			HEAD "@ CAA 0 issue \"a.example b.example\"\n",
	    "expected ';' behind" },
	{ "a CAA parameter",				HEAD "@ CAA 0 issue \"ca.example; policy\"\n",
	    "a parameter is no 'name=value'" },
	{ "a CAA parameter's value",			HEAD "@ CAA 0 issue \"ca.example; a=b c\"\n",
	    "a parameter's value" },
	{ "CAA validation methods",			HEAD "@ CAA 0 issue \"ca.example; "
	    "validationmethods=dns-01,,\"\n",	"validationmethods is a list" },
	{ "a CAA address that is no URL",		HEAD "@ CAA 0 iodef \"a@b.example\"\n",
	    "iodef takes a mailto:" },

	{ "parameters of an alias",			HEAD "@ HTTPS 0 h.net. alpn=h2\n",
	    "parameters beside priority 0" },
	{ "an alias beside a service",			HEAD "@ HTTPS 0 h.net.\n@ HTTPS 1 h.net.\n",
	    "beside an alias (priority 0) this is ignored" },
	{ "two aliases",				HEAD "@ HTTPS 0 h.net.\n@ HTTPS 0 i.net.\n",
	    "a second alias" },
	{ "a mandatory key that is not there",		HEAD "ns SVCB \\# 9 0001 00 0000 0002 0003\n",
	    "key3 is mandatory, and is not there" },
	{ "port mandatory in HTTPS",			HEAD "a HTTPS 1 h.net. mandatory=port port=1\n",
	    "mandatory in HTTPS by themselves" },
	{ "no protocol at all",				HEAD "ns HTTPS \\# 7 0001 00 0002 0000\n",
	    "no-default-alpn without alpn" },
	{ "a DNS server without alpn",			HEAD "_dns.ns SVCB 1 ns\n",
	    "a DNS server needs alpn" },
	{ "DNS over HTTPS without path",		HEAD "_853._dns.ns SVCB 1 ns alpn=dot,h2\n",
	    "needs dohpath" },
	{ "a DNS server",				HEAD "_dns.ns SVCB 1 ns alpn=dot,h2 dohpath=/q{?dns}\n",
	    NULL },
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
			check(strstr(buf_str(&f.text), sound[i].finding) != NULL, "%s: %s, not %s", sound[i].why,
			    sound[i].finding, buf_str(&f.text));
		buf_clear(&f.text);
	}
}

static const struct { const char *why, *text, *finding; } unsound[] = {
	{ "nothing",			"",					"no records" },
	{ "no SOA",			"@ NS ns.net.\n",			"no SOA at the apex example.com." },
	{ "no NS",			SOA,					"no NS at the apex example.com." },
	{ "two SOAs",			HEAD "@ SOA ns host 2 7200 3600 604800 300\n",	"a second SOA" },
	{ "an SOA below the apex",	HEAD "a SOA ns host 1 7200 3600 604800 300\n",	"SOA below the apex" },
	{ "an owner outside",		HEAD "a.net. A 192.0.2.1\n",		"a.net. lies outside of the zone "
	    "example.com." },
	{ "a name server's other data outside",	HEAD "@ NS a.net.\na.net. TXT x\n",	"a.net. lies outside" },
	{ "CNAME beside other data",	HEAD "a CNAME b\na TXT c\n",		"CNAME beside TXT at a.example.com." },
	{ "CNAME at the apex",		HEAD "@ CNAME b\n",			"CNAME beside NS at example.com." },
	{ "CNAME twice",		HEAD "a CNAME b\na CNAME c\n",		"a second CNAME at a.example.com." },
	{ "DNAME twice",		HEAD "a DNAME b\na DNAME c\n",		"a second DNAME at a.example.com." },
	{ "DNAME beside CNAME",		HEAD "a DNAME b\na CNAME c\n",		"CNAME beside DNAME" },
	{ "DNAME beside NS",		HEAD "a DNAME b\na NS c.net.\n",	"DNAME beside NS at a.example.com." },
	{ "data below a DNAME",		HEAD "a DNAME b\nx.a TXT c\n",		"x.a.example.com. lies below a DNAME" },
	{ "data far below a DNAME",	HEAD "a DNAME b\nx.y.z.a TXT c\n",
	    "x.y.z.a.example.com. lies below a DNAME" },
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
		check(strstr(buf_str(&f.text), "error: ") != NULL &&
		    strstr(buf_str(&f.text), unsound[i].finding) != NULL,
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

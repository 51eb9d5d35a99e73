#include "tests/unit/check.h"

#include "tests/unit/zones/memory.h"
#include "zones/keyfile.h"
#include "zones/load.h"
#include "zones/text.h"

static const uint8_t apex[] = "\7example\3com";

static enum err
include(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	check(ctx == apex, "the caller's context comes through");
	if (strcmp(path, "sub") != 0)
		return fault_set(f, ERR_NOT_FOUND, "no such file");
	buf_add_str(out, "sub A 192.0.2.7\n\nsub 5 TXT x\n");
	return ERR_OK;
}

static enum err
load(const char *text, struct buf *rrs, struct buf *complaints, size_t *nwarnings)
{
	struct rr_list list = { 0 };
	enum err err = zone_load(apex, "zone", text, strlen(text), include, (void *)(uintptr_t)apex, &list, complaints,
	    nwarnings);

	for (size_t i = 0; i < list.n; i++) {
		check(i == 0 || rr_compare(&list.v[i - 1], &list.v[i]) < 0, "sorted, each once");
		rr_text(&list.v[i], rrs);
		buf_u8(rrs, '\n');
	}
	rr_list_clear(&list);
	return err;
}

#define HEAD "$TTL 60\n@ SOA ns host 1 7200 3600 604800 300\n@ NS ns.net.\n"
#define HEAD_RRS "example.com. 60 IN NS ns.net.\nexample.com. 60 IN SOA ns.example.com. host.example.com. 1 7200 3600 604800 300\n"

static const struct { const char *why, *text; enum err err; size_t warnings; const char *rrs, *complaints; } zones[] = {
	{ "canonical order",	HEAD "z A 192.0.2.1\na.b A 192.0.2.2\nb A 192.0.2.3\n", ERR_OK, 0,
	    HEAD_RRS "b.example.com. 60 IN A 192.0.2.3\na.b.example.com. 60 IN A 192.0.2.2\nz.example.com. 60 IN A "
	    "192.0.2.1\n", "" },
	{ "the smallest TTL of an RRset holds for all",	HEAD "a 7 A 192.0.2.1\na 5 A 192.0.2.2\na 6 A 192.0.2.3\n",
	    ERR_OK, 1, HEAD_RRS "a.example.com. 5 IN A 192.0.2.1\na.example.com. 5 IN A 192.0.2.2\na.example.com. 5 IN "
	    "A 192.0.2.3\n", "zone:5:1: warning: the TTLs of a.example.com. A differ (7 and 5): the smallest is "
	    "served, see zone:4:1\n" },
	{ "an RR that is there twice comes once",	HEAD "a 7 A 192.0.2.1\nA 5 A 192.0.2.1\n", ERR_OK, 2,
	    HEAD_RRS "A.example.com. 5 IN A 192.0.2.1\n",
	    "zone:5:1: warning: A.example.com. A is there twice, see zone:4:1\n"
	    "zone:5:1: warning: the TTLs of A.example.com. A differ (5 and 7): the smallest is served, see "
	    "zone:4:1\n" },
	{ "out of the zone: glue of its name servers stays, the rest goes",
	    HEAD "ns.net. A 192.0.2.1\nns.net. TXT x\nb.net. A 192.0.2.1\n", ERR_OK, 2,
	    HEAD_RRS "ns.net. 60 IN A 192.0.2.1\n", "zone:5:1: warning: ns.net. lies outside of the zone example.com. "
	    "and is passed over\nzone:6:1: warning: b.net. lies outside of the zone example.com. and is passed "
	    "over\n" },
	{ "places within included files",	HEAD "$INCLUDE sub\nsub 6 TXT y\n", ERR_OK, 1,
	    HEAD_RRS "sub.example.com. 60 IN A 192.0.2.7\nsub.example.com. 5 IN TXT \"x\"\nsub.example.com. 5 IN TXT "
	    "\"y\"\n", "zone:5:1: warning: the TTLs of sub.example.com. TXT differ (5 and 6): the smallest is served, "
	    "see sub:3:1\n" },
	{ "an unsound zone",	HEAD "  CNAME a\n", ERR_REFUSED, 0, "",
	    "zone:4:3: error: CNAME beside NS at example.com., see zone:3:1\n" },
	{ "no SOA at all",	"a 5 A 192.0.2.1\n", ERR_REFUSED, 0, "",
	    "zone:1:1: error: no SOA at the apex example.com.\nzone:1:1: error: no NS at the apex example.com.\n" },
	{ "not a master file",	"# README\n\nHello.\n", ERR_FORMAT, 0, "",
	    "zone:1:3: error: expected an RR type, found 'README'\nzone:3:7: error: expected an RR type, found the end "
	    "of the line\n" },
	{ "an include that is not there",	HEAD "$INCLUDE x\n", ERR_FORMAT, 0, "",
	    "zone:4:10: error: cannot include x: no such file\n" },
};

static void
test_zones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
		struct buf rrs = { 0 }, complaints = { 0 };
		size_t warnings = 99;
		enum err err = load(zones[i].text, &rrs, &complaints, &warnings);

		check(err == zones[i].err, "%s: %s, not %s", zones[i].why, err_str(zones[i].err), err_str(err));
		check(strcmp(buf_str(&complaints), zones[i].complaints) == 0, "%s:\n%snot\n%s", zones[i].why,
		    zones[i].complaints, buf_str(&complaints));
		check(strcmp(buf_str(&rrs), zones[i].rrs) == 0, "%s:\n%snot\n%s", zones[i].why, zones[i].rrs,
		    buf_str(&rrs));
		check(warnings == zones[i].warnings, "%s: %zu warnings", zones[i].why, warnings);
		buf_clear(&rrs);
		buf_clear(&complaints);
	}
}

static void
test_complaints_are_bounded(void **state)
{
	struct buf text = { 0 }, rrs = { 0 }, complaints = { 0 };
	size_t warnings = 0, lines = 0;

	(void)state;
	buf_add_str(&text, HEAD "$GENERATE 1-1000 a$.net. A 192.0.2.1\n");
	check(load(buf_str(&text), &rrs, &complaints, &warnings) == ERR_OK, "read");
	check(warnings == 1000, "all are counted");
	for (size_t i = 0; i < complaints.len; i++)
		lines += complaints.p[i] == '\n';
	check(lines == ZONE_LOAD_LINES + 1, "%zu lines", lines);
	check(strstr(buf_str(&complaints), "zone:1:1: warning: 950 more like these\n") != NULL, "the rest is counted");
	buf_clear(&text);
	buf_clear(&rrs);
	buf_clear(&complaints);
}

static const struct { const char *file, *domain; bool key, zone; } names[] = {
	{ "_keys",			".",		true,	false },
	{ "example.com._keys",		"example.com.",	true,	false },
	{ "Example.COM._KEYS",		"example.com.",	true,	false },
	{ "example.com",		"example.com.",	false,	true },
	{ "Example.COM",		"example.com.",	false,	true },
	{ "com",			"com.",		false,	true },
	{ "_tcp.example.com",		"_tcp.example.com.",	false,	true },
	{ "0-25.2.0.192.in-addr.arpa",	"0-25.2.0.192.in-addr.arpa.",	false,	true },
	{ "README.md",			"readme.md.",	false,	true },
	{ ".git",			NULL,		false,	false },
	{ ".",				NULL,		false,	false },
	{ "._keys",			NULL,		false,	false },
	{ "",				NULL,		false,	false },
	{ "example.com.",		NULL,		false,	false },
	{ "example..com",		NULL,		false,	false },
	{ "example.com~",		NULL,		false,	false },
	{ "a b",			NULL,		false,	false },
	{ "a\\.b",			NULL,		false,	false },
	{ "a..\1._keys",		NULL,		false,	false },
};

static void
test_file_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct dname domain, zone;
		char text[DNAME_TEXT_MAX];
		bool key = keyfile_name(names[i].file, &domain), is_zone = zonefile_name(names[i].file, &zone);

		check(key == names[i].key && is_zone == names[i].zone, "%s: key file %d, zone file %d", names[i].file,
		    key, is_zone);
		if (key)
			check(strcmp(dname_print(domain.octets, text), names[i].domain) == 0, "%s: %s", names[i].file,
			    text);
		if (is_zone)
			check(strcmp(dname_print(zone.octets, text), names[i].domain) == 0, "%s: %s", names[i].file,
			    text);
	}
}

static void
test_key_file(void **state)
{
	const char text[] = "; keys\n"
	    "$ORIGIN _update.example.com.\n"
	    "a DNSKEY 0 3 163 AQID\n"
	    "b 300 IN DNSKEY 0 3 157 BAUGBwg=\n"
	    "a DNSKEY 0 3 165 AQIE\n"
	    "c DNSKEY 0 3 13 AQID\n"
	    "d DNSKEY 0 4 163 AQID\n"
	    "e.example.net. DNSKEY 0 3 163 AQID\n"
	    "@ SOA a b 1 2 3 4 5\n"
	    "f DNSKEY 0 3 163 SECRET\n"
	    "x.notexample.com. DNSKEY 0 3 163 AQID\n"
	    "g DNSKEY 0 3 161 AQID\n";
	struct tsig_keyring *ring = NULL;
	struct buf complaints = { 0 };
	size_t warnings = 0;
	struct dname a;
	const struct tsig_key *key;

	(void)state;
	check(tsig_keyring_new(&ring) == ERR_OK, "a ring");
	check(zone_load_keys("example.com._keys", text, sizeof text - 1, ring, &complaints, &warnings) == ERR_OK,
	    "read");
	check(tsig_keyring_count(ring) == 3, "%zu keys", tsig_keyring_count(ring));
	check(dname_from_str("A._update.Example.com", &a) == ERR_OK &&
	    (key = tsig_keyring_find(ring, a.octets)) != NULL && key->algorithm == TSIG_HMAC_SHA256 &&
	    key->secret_len == 3 && memcmp(key->secret, "\1\2\3", 3) == 0, "the first key of a name stays");
	check(warnings == 8, "%zu warnings:\n%s", warnings, buf_str(&complaints));
	for (int line = 4; line <= 11; line++) {
		char place[64];

		snprintf(place, sizeof place, "example.com._keys:%d:", line);
		check(strstr(buf_str(&complaints), place) != NULL, "line %d is named in\n%s", line,
		    buf_str(&complaints));
	}
	check(strstr(buf_str(&complaints), "SECRET") == NULL && strstr(buf_str(&complaints), "AQID") == NULL,
	    "no secret is quoted: %s", buf_str(&complaints));
	check(zone_load_keys("repo/_keys", "x.example.net. DNSKEY 0 3 164 AQID\n", 35, ring, &complaints,
	    NULL) == ERR_OK, "_keys takes any domain");
	check(tsig_keyring_count(ring) == 4, "and adds to the ring");
	check(zone_load_keys("example.com", "", 0, ring, &complaints, NULL) == ERR_FORMAT, "no key file");
	buf_clear(&complaints);
	tsig_keyring_unref(ring);
}

static void
test_every_allocation_may_fail(void **state)
{
	static const char text[] = HEAD "a SVCB 1 . alpn=h2 ech=AQID\nb TLSA 3 1 1 ab\n$INCLUDE sub\n$GENERATE 1-40 g$ "
	    "NS ns\nc NSEC3PARAM 1 0 0 ab\nd HIP 2 ab AQID\ne DNSKEY 257 3 8 AQID\nb.net. A 192.0.2.1\n(b) EUI48 "
	    "00-00-5e-00-53-2a\n";
	long before = memory_live(), fired;

	(void)state;
	for (long n = 1; ; n++) {
		struct rr_list list = { 0 };
		struct buf complaints = { 0 };
		enum err err;

		memory_fail_nth(n);
		err = zone_load(apex, "zone", text, sizeof text - 1, include, (void *)(uintptr_t)apex, &list,
		    &complaints, NULL);
		fired = memory_fail_left() <= 0;
		memory_fail_nth(0);
		check(err == (fired ? ERR_NOMEM : ERR_OK), "allocation %ld fails: %s, %s", n, err_str(err),
		    complaints.failed ? "" : buf_str(&complaints));
		rr_list_clear(&list);
		buf_clear(&complaints);
		check(memory_live() == before, "allocation %ld leaves nothing behind", n);
		if (!fired)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_complaints_are_bounded),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

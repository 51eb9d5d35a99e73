#include "tests/unit/check.h"

#include <ldns/ldns.h>
#include <stdlib.h>

#include "base/encoding.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/text.h"

static const uint8_t origin[] = "\7example\3com";

static uint16_t
type_of(const char *name)
{
	uint16_t type = 0;

	check(rrtype_parse(name, strlen(name), &type), "%s is a type", name);
	return type;
}

/* Samples of every type with a form of its own; by_ldns: ldns 1.8 reads the same octets from this text. */
static const struct { const char *type, *text; bool by_ldns; } samples[] = {
	{ "A",		"192.0.2.1",						true },
	{ "NS",		"ns1",							true },
	{ "NS",		"Ns1.EXAMPLE.org.",					true },
	{ "MD",		"a.b",							true },
	{ "MF",		"a.b.",							true },
	{ "CNAME",	"@",							true },
	{ "CNAME",	"a\\.b\\032c.d",					true },
	{ "SOA",	"ns1 host\\.master 2024010101 3h 15m 1w 1d",		true },
	{ "SOA",	". . 0 4294967295 0 1 2",				true },
	{ "MB",		"a",							true },
	{ "MG",		"a",							true },
	{ "MR",		"a",							true },
	{ "WKS",	"10.0.0.1 6 0 1 2 21 23",				false },
	{ "PTR",	"x",							true },
	{ "HINFO",	"\"Generic PC\" NetBSD",				true },
	{ "MINFO",	"a b",							true },
	{ "MX",		"10 mail",						true },
	{ "MX",		"0 .",							true },
	{ "TXT",	"one \"two three\" \"\"",				true },
	{ "TXT",	"\"a;b\\\"c\\\\d\\009\\200\"",				true },
	{ "TXT",	"\"(not) a; comment\"",					true },
	{ "RP",		"a b",							true },
	{ "AFSDB",	"1 a",							true },
	{ "X25",	"311061700956",						true },
	{ "ISDN",	"150862028003217 004",					true },
	{ "RT",		"2 a",							true },
	{ "NSAP",	"0x47000580005a0000000001e133ffffff00016100",		true },
	{ "NSAP",	"0x47.0005.80",						false },
	{ "NSAP-PTR",	"a",							false },
	{ "SIG",	"NS 1 3 3600 20000102030405 19961211100908 2143 a AQID",	true },
	{ "KEY",	"512 255 1 AQID",					true },
	{ "KEY",	"49152 3 5",						false },
	{ "PX",		"5 a b",						true },
	{ "GPOS",	"-22.6882 116.8652 250.0",				true },
	{ "AAAA",	"2001:db8::1",						true },
	{ "AAAA",	"::ffff:192.0.2.1",					true },
	{ "LOC",	"52 22 23.000 N 4 53 32.000 E -2.00m 0m 10000m 10m",	true },
	{ "LOC",	"60 9 N 24 39 E 10 20 2000 20",				true },
	{ "LOC",	"0 0 0.001 S 180 W 42849672.95m",			false },
	{ "NXT",	"a A MX NXT",						false },
	{ "EID",	"12 89 ab",						false },
	{ "NIMLOC",	"1289ab",						false },
	{ "SRV",	"1 2 443 a",						true },
	{ "ATMA",	"+61.2.0000.0000",					false },
	{ "ATMA",	"12.34.56.78.90.ab.cd.ef",				false },
	{ "NAPTR",	"100 10 \"S\" \"SIP+D2U\" \"!^.*$!sip:a@b!\" _sip._udp",	true },
	{ "KX",		"10 a",							true },
	{ "CERT",	"PKIX 1 RSASHA256 AQID",				false },
	{ "CERT",	"65534 65535 254 AQID",					true },
	{ "A6",		"64 ::1:2:3:4 a",					false },
	{ "A6",		"0 2001:db8::1",					false },
	{ "A6",		"128 a",						false },
	{ "DNAME",	"a.b",							true },
	{ "SINK",	"1 0 0 AAEC",						false },
	{ "APL",	"1:224.0.0.0/4 !2:ff00::/8",				true },
	{ "APL",	"",							false },
	{ "DS",		"12892 5 2 26584835CA80C81C91999F31CFAF2A0E89D4FF1C8FAFD0DDB31A85C7 19277C13",	true },
	{ "DS",		"12892 RSASHA1 SHA-1 7aa4a3f416c2f2391fb7ab0d434f762cd62d1390",	false },
	{ "SSHFP",	"1 1 7aa4a3f416c2f2391fb7ab0d434f762cd62d1390",		true },
	{ "SSHFP",	"4 3 c76d8329954d",					true },
	{ "IPSECKEY",	"10 1 2 192.0.2.38 AQID",				true },
	{ "IPSECKEY",	"10 0 2 . AQID",					true },
	{ "IPSECKEY",	"10 3 2 gw.example.org. AQID",				true },
	{ "IPSECKEY",	"10 2 0 2001:db8::1",					false },
	{ "RRSIG",	"TYPE65280 ECDSAP256SHA256 3 3600 20380119031408 19700101000001 2143 @ AQID",	false },
	{ "NSEC",	"a A MX RRSIG NSEC TYPE1234 CAA",			true },
	{ "DNSKEY",	"257 3 13 AQID BAUG",					true },
	{ "DHCID",	"AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",	true },
	{ "NSEC3",	"1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY",	true },
	{ "NSEC3",	"1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr",		true },
	{ "NSEC3PARAM",	"1 0 0 -",						true },
	{ "NSEC3PARAM",	"1 0 10 AABB",						true },
	{ "TLSA",	"3 1 1 a9cdf989b504fe5dca90c0d2167b6550 570734f7c763e09fdf88904e06157065",	true },
	{ "SMIMEA",	"3 0 0 ab",						false },
	{ "HIP",	"2 200100107B1A74DF AwEAAbdx rvs1 rvs2.",		false },
	{ "HIP",	"2 200100107B1A74DF AwEAAbdx",				true },
	{ "NINFO",	"a b",							false },
	{ "RKEY",	"0 255 1 AQID",						false },
	{ "TALINK",	". a",							true },
	{ "CDS",	"0 0 0 00",						true },
	{ "CDNSKEY",	"0 3 0 AA==",						true },
	{ "OPENPGPKEY",	"AQID",							true },
	{ "CSYNC",	"66 3 A NS AAAA",					true },
	{ "ZONEMD",	"2018031500 1 240 c220b8a6ed5728a971902f7e3d4fd93a",	true },
	{ "SVCB",	"0 foo.example.org.",					true },
	{ "SVCB",	"1 . alpn=h2,h3 port=53 ipv4hint=192.0.2.1,192.0.2.2",	true },
	{ "SVCB",	"1 . port=53 no-default-alpn mandatory=port,alpn alpn=h2 key65280=\"a\\010b\"",	false },
	{ "SVCB",	"16 foo alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",		false },
	{ "SVCB",	"1 . ohttp dohpath=/dns-query{?dns}",			false },
	{ "HTTPS",	"1 . ech=AAAA ipv6hint=2001:db8::1,2001:db8::2",	true },
	{ "DSYNC",	"CDS NOTIFY 5359 cds-scanner.example.net.",		false },
	{ "DSYNC",	"TYPE65280 128 1 a",					false },
	{ "HHIT",	"AQIDBAU=",						false },
	{ "BRID",	"AQID BAUG",						false },
	{ "SPF",	"\"v=spf1 -all\"",					true },
	{ "NID",	"10 14:4fff:ff20:ee64",					false },
	{ "NID",	"10 0014:4fff:ff20:ee64",				true },
	{ "L32",	"10 10.1.2.0",						true },
	{ "L64",	"10 2001:0db8:1140:1000",				true },
	{ "LP",		"10 a",							true },
	{ "EUI48",	"00-00-5e-00-53-2a",					true },
	{ "EUI64",	"00-00-5e-ef-10-00-00-2a",				true },
	{ "URI",	"10 1 \"ftp://ftp1.example.com/public\"",		true },
	{ "URI",	"10 1 \"\"",						true },
	{ "CAA",	"0 issue \"ca.example.net; policy=ev\"",		true },
	{ "CAA",	"128 iodef mailto:a@b",					false },
	{ "AVC",	"app-name:a|app-class:b",				false },
	{ "DOA",	"1 2 3 \"image/gif\" AQID",				false },
	{ "DOA",	"0 1 2 \"\" -",						false },
	{ "AMTRELAY",	"0 1 0 .",						false },
	{ "AMTRELAY",	"10 0 1 203.0.113.15",					false },
	{ "AMTRELAY",	"10 1 2 2001:db8::15",					false },
	{ "AMTRELAY",	"128 1 3 relay",					false },
	{ "RESINFO",	"qnamemin exterr=15-17",				false },
	{ "WALLET",	"BTC bc1q",						false },
	{ "TA",		"30795 1 1 310d27f4d82c1fc2400704ea9939fe6e1ceaa3b9",	false },
	{ "DLV",	"30795 1 1 310d27f4d82c1fc2400704ea9939fe6e1ceaa3b9",	true },
	{ "KEYDATA",	"20000102030405 20000102030405 19700101000000 257 3 5 AQID",	false },
	{ "NULL",	"\\# 3 010203",						false },
	{ "UNSPEC",	"\\# 0",						false },
	{ "UINFO",	"\\# 2 0102",						false },
	{ "UID",	"\\# 4 00000001",					false },
	{ "GID",	"\\# 4 00000001",					false },
	{ "TYPE65280",	"\\# 4 0a00 0001",					false },
	{ "A",		"\\# 4 0A000001",					false },
	{ "MX",		"\\# 5 000a 01 61 00",					false },
};
#define NSAMPLES (sizeof samples / sizeof samples[0])

static void
test_every_type_has_a_sample(void **state)
{
	const struct rrtype_info *info;

	(void)state;
	for (size_t i = 0; (info = rrtype_by_index(i)) != NULL; i++) {
		size_t k = 0;

		while (k < NSAMPLES && strcmp(samples[k].type, info->mnemonic) != 0)
			k++;
		check(k < NSAMPLES || rrtype_is_meta(info->type), "%s has a sample", info->mnemonic);
	}
}

static void
test_text_to_wire_to_text_to_wire_is_the_same(void **state)
{
	static uint8_t first[RDATA_MAX], second[RDATA_MAX];

	(void)state;
	for (size_t i = 0; i < NSAMPLES; i++) {
		uint16_t type = type_of(samples[i].type);
		size_t n = 0, m = 0;
		struct fault f = { 0 };
		struct buf text = { 0 };
		enum err err = rdata_from_text(type, samples[i].text, origin, first, &n, &f);

		check(err == ERR_OK, "%s %s is read: %s", samples[i].type, samples[i].text, f.text);
		rdata_text(&(struct rr){ origin, first, 0, type, (uint16_t)n }, &text);
		err = rdata_from_text(type, buf_str(&text), NULL, second, &m, &f);
		check(err == ERR_OK, "%s %s is read again: %s", samples[i].type, buf_str(&text), f.text);
		check(n == m && memcmp(first, second, n) == 0, "%s %s comes out as it went in, not as %s",
		    samples[i].type, samples[i].text, buf_str(&text));
		buf_clear(&text);
	}
}

static void
test_unknown_form_is_taken_for_every_type(void **state)
{
	static uint8_t first[RDATA_MAX], second[RDATA_MAX];

	(void)state;
	for (size_t i = 0; i < NSAMPLES; i++) {
		uint16_t type = type_of(samples[i].type);
		size_t n = 0, m = 0;
		struct fault f = { 0 };
		struct buf text = { 0 };

		check(rdata_from_text(type, samples[i].text, origin, first, &n, &f) == ERR_OK, "%s", f.text);
		buf_printf(&text, "\\# %zu ", n);
		hex_encode(first, n, &text);
		check(rdata_from_text(type, buf_str(&text), NULL, second, &m, &f) == ERR_OK, "%s %s is read: %s",
		    samples[i].type, buf_str(&text), f.text);
		check(n == m && memcmp(first, second, n) == 0, "%s %s", samples[i].type, buf_str(&text));
		buf_clear(&text);
	}
}

static void
test_ldns_reads_the_same_octets(void **state)
{
	static uint8_t ours[RDATA_MAX];
	ldns_rdf *apex = ldns_dname_new_frm_str("example.com.");

	(void)state;
	for (size_t i = 0; i < NSAMPLES; i++) {
		struct buf line = { 0 }, theirs = { 0 };
		struct fault f = { 0 };
		ldns_rr *rr = NULL;
		size_t n = 0;

		if (!samples[i].by_ldns)
			continue;
		check(rdata_from_text(type_of(samples[i].type), samples[i].text, origin, ours, &n, &f) == ERR_OK, "%s",
		    f.text);
		buf_printf(&line, "x.example.com. 3600 IN %s %s", samples[i].type, samples[i].text);
		check(ldns_rr_new_frm_str(&rr, buf_str(&line), 0, apex, NULL) == LDNS_STATUS_OK, "ldns reads %s",
		    buf_str(&line));
		for (size_t k = 0; k < ldns_rr_rd_count(rr); k++)
			buf_add(&theirs, ldns_rdf_data(ldns_rr_rdf(rr, k)), ldns_rdf_size(ldns_rr_rdf(rr, k)));
		check(theirs.len == n && memcmp(theirs.p, ours, n) == 0, "ldns agrees on %s", buf_str(&line));
		ldns_rr_free(rr);
		buf_clear(&line);
		buf_clear(&theirs);
	}
	ldns_rdf_deep_free(apex);
}

static void
test_prefixes_give_an_error_or_valid_rdata(void **state)
{
	static uint8_t out[RDATA_MAX];

	(void)state;
	for (size_t i = 0; i < NSAMPLES; i++) {
		uint16_t type = type_of(samples[i].type);

		for (size_t n = 0; n < strlen(samples[i].text); n++) {
			char *prefix = strndup(samples[i].text, n);
			struct fault f = { 0 };
			size_t m = 0;

			if (rdata_from_text(type, prefix, origin, out, &m, &f) == ERR_OK)
				check(rdata_valid(type, out, m), "%s %s is valid", samples[i].type, prefix);
			else
				check(f.text[0] != '\0', "%s %s is refused with words", samples[i].type, prefix);
			free(prefix);
		}
	}
}

static const struct { const char *type, *text, *words; } faults[] = {
	{ "A",		"192.0.2",		"expected an IPv4 address, found '192.0.2'" },
	{ "A",		"",			"expected an IPv4 address, found the end of the line" },
	{ "A",		"192.0.2.1 x",		"expected the end of the line, found 'x'" },
	{ "A",		"\"192.0.2.1\"",	"expected an IPv4 address, found the string \"192.0.2.1\"" },
	{ "AAAA",	"192.0.2.1",		"expected an IPv6 address, found '192.0.2.1'" },
	{ "NS",		"a..b",			"expected a domain name, found 'a..b'" },
	{ "NS",		"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg",
	    "labels of at most 63" },
	{ "MX",		"65536 a",		"expected a number from 0 to 65535, found '65536'" },
	{ "MX",		"mail",			"expected a number from 0 to 65535, found 'mail'" },
	{ "SOA",	"a b 1 2 3 4",		"found the end of the line" },
	{ "SOA",	"a b 1 1x 3 4 5",	"found '1x'" },
	{ "TXT",	"a\\25",		"\\DDD" },
	{ "TXT",	"a\\256",		"\\DDD" },
	{ "TXT",	"",			"expected a string" },
	{ "TXT",	"\"open",		"closing quote" },
	{ "TLSA",	"3 1 1 abc",		"even number of hexadecimal digits" },
	{ "TLSA",	"3 1 1",		"even number of hexadecimal digits" },
	{ "TLSA",	"3 1 256 ab",		"found '256'" },
	{ "DNSKEY",	"257 3 8 AQI",		"base64" },
	{ "DNSKEY",	"257 3 NONE AQID",	"algorithm" },
	{ "CAA",	"0 is-sue a",		"a tag of 1 to 255 letters and digits" },
	{ "NSEC",	"a",			"an RR type" },
	{ "NSEC",	"a NOTYPE",		"expected an RR type, found 'NOTYPE'" },
	{ "NSEC3",	"1 0 0 - x A",		"base32" },
	{ "NSEC3PARAM",	"1 0 0 abc",		"a salt" },
	{ "RRSIG",	"A 8 2 1 20241301000000 20240101000000 1 a AQID",	"found '20241301000000'" },
	{ "LOC",	"91 N 0 E 0",		"a latitude" },
	{ "LOC",	"1 N 0 X 0",		"a longitude" },
	{ "LOC",	"1 N 0 E -100001",	"an altitude" },
	{ "APL",	"3:1/2",		"an address prefix" },
	{ "WKS",	"10.0.0.1 tcp no-such-service",	"a service" },
	{ "IPSECKEY",	"10 4 2 a AQID",	"a type from 0 to 3" },
	{ "AMTRELAY",	"10 2 1 192.0.2.1",	"the discovery bit" },
	{ "SVCB",	"1 . alpn=h2 alpn=h3",	"each parameter once" },
	{ "SVCB",	"1 . alpn=",		"alpn=" },
	{ "SVCB",	"1 . alpn=h2,,h3",	"alpn=" },
	{ "SVCB",	"1 . port=65536",	"port=" },
	{ "SVCB",	"1 . mandatory=port",	"every key that mandatory= names" },
	{ "SVCB",	"1 . mandatory=mandatory",	"mandatory=" },
	{ "SVCB",	"1 . no-default-alpn",	"alpn= beside no-default-alpn" },
	{ "SVCB",	"1 . ipv4hint=::1",	"ipv4hint=" },
	{ "SVCB",	"1 . key65536=x",	"a parameter like" },
	{ "SVCB",	"1 . dohpath=dns",	"dohpath=" },
	{ "KEY",	"512 3 5",		"base64" },
	{ "SVCB",	"1 . key3=x",		"port=" },
	{ "DS",		"1 8 2 abcd",		"as many hexadecimal digits as a digest of this kind has, found "
	    "'abcd'" },
	{ "SSHFP",	"1 1 abcd",		"as many hexadecimal digits" },
	{ "ZONEMD",	"1 1 1 abcd",		"as many hexadecimal digits" },
	{ "ISDN",	"a b c",		"the end of the line" },
	{ "IPSECKEY",	"10 0 2 .",		"base64" },
	{ "EUI48",	"00-00-5e-00-53",	"six octets" },
	{ "NID",	"1 1:2:3",		"four groups" },
	{ "TYPE65280",	"1",			"\\# LENGTH HEX" },
	{ "A",		"\\# 3 010203",		"octets that are rdata of this type" },
	{ "A",		"\\# 4 010203",		"expected 4 octets as \\# says, found 3" },
	{ "A",		"\\# 4",		"hexadecimal" },
	{ "MX",		"\\# 4 000a c000",	"octets that are rdata of this type" },
};

static void
test_faults_say_what_was_expected_and_found(void **state)
{
	static uint8_t out[RDATA_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct fault f = { 0 };
		size_t n = 0;
		enum err err = rdata_from_text(type_of(faults[i].type), faults[i].text, origin, out, &n, &f);

		check(err != ERR_OK, "%s %s is refused", faults[i].type, faults[i].text);
		check(strstr(f.text, faults[i].words) != NULL, "%s %s: \"%s\" says \"%s\"", faults[i].type,
		    faults[i].text, f.text, faults[i].words);
	}
}

static const struct { const char *why, *type, *hex, *text; } printed[] = {
	{ "letter case stays",			"NS",	"034e7331 00",		"Ns1." },
	{ "a CAA tag that is no word takes \\#",	"CAA",	"0001 2d 61",		"\\# 4 00012d61" },
	{ "LOC of another version takes \\#",	"LOC",	"01121613 80000000 80000000 00989680",
	    "\\# 16 01121613800000008000000000989680" },
	{ "an empty NSEC3 hash takes \\#",	"NSEC3",	"01 00 0000 00 00",	"\\# 6 010000000000" },
	{ "a string's odd octets are escaped",	"TXT",	"05 22 5c 00 7f c3",	"\"\\\"\\\\\\000\\127\\195\"" },
	{ "SvcParams that make no sense take \\#",	"SVCB",	"0001 00 0003 0001 00",	"\\# 8 0001000003000100" },
	{ "a DS digest of a wrong length takes \\#",	"DS",	"0001 08 02 ab",	"\\# 5 00010802ab" },
	{ "an empty APL has no text",		"APL",	"",			"" },
};

static void
test_printing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof printed / sizeof printed[0]; i++) {
		struct buf octets = { 0 }, hex = { 0 }, text = { 0 };

		for (const char *p = printed[i].hex; *p != '\0'; p++) {
			if (*p != ' ')
				buf_u8(&hex, (uint8_t)*p);
		}
		check(hex_decode((const char *)hex.p, hex.len, &octets), "%s", printed[i].hex);
		rdata_text(&(struct rr){ origin, octets.p, 0, type_of(printed[i].type), (uint16_t)octets.len }, &text);
		check(strcmp(buf_str(&text), printed[i].text) == 0, "%s: %s, not %s", printed[i].why, printed[i].text,
		    buf_str(&text));
		buf_clear(&octets);
		buf_clear(&hex);
		buf_clear(&text);
	}
}

static void
test_whole_rr(void **state)
{
	const uint8_t rdata[] = "\0\12\4MAIL\7example\3com";
	struct buf text = { 0 };

	(void)state;
	rr_text(&(struct rr){ (const uint8_t *)"\1@\3a.b\7Example\3com", rdata, 300, TYPE_MX, sizeof rdata }, &text);
	check(strcmp(buf_str(&text), "\\@.a\\.b.Example.com. 300 IN MX 10 MAIL.example.com.") == 0, "%s",
	    buf_str(&text));
	buf_clear(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_has_a_sample),
		cmocka_unit_test(test_text_to_wire_to_text_to_wire_is_the_same),
		cmocka_unit_test(test_unknown_form_is_taken_for_every_type),
		cmocka_unit_test(test_ldns_reads_the_same_octets),
		cmocka_unit_test(test_prefixes_give_an_error_or_valid_rdata),
		cmocka_unit_test(test_faults_say_what_was_expected_and_found),
		cmocka_unit_test(test_printing),
		cmocka_unit_test(test_whole_rr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

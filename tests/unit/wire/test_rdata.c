#include "tests/unit/check.h"

#include <stdlib.h>

#include "base/encoding.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include "tests/unit/wire/rdata_samples.h"

/* From hex, into a block that ends where the octets end: a sanitizer sees each one that is read beyond. */
static uint8_t *
octets_of(const char *hex, size_t *n)
{
	struct buf b = { 0 };
	uint8_t *exact;

	check(hex_decode(hex, strlen(hex), &b), "%s is hex", hex);
	*n = b.len;
	exact = malloc(b.len == 0 ? 1 : b.len);
	if (b.len > 0)
		memcpy(exact, b.p, b.len);
	buf_clear(&b);
	return exact;
}

static void
test_each_type_of_zone_data_has_a_sample(void **state)
{
	const struct rrtype_info *info;

	(void)state;
	for (size_t i = 0; (info = rrtype_by_index(i)) != NULL; i++) {
		bool found = rrtype_is_meta(info->type) || strcmp(info->mnemonic, "KEYDATA") == 0;

		for (size_t k = 0; k < sizeof samples / sizeof samples[0]; k++)
			found |= samples[k].type == info->type;
		check(found, "%s has a sample", info->mnemonic);
	}
}

static void
test_compressible_types_are_those_whose_form_says_so(void **state)
{
	const struct rrtype_info *info;

	(void)state;
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		info = rrtype_info((uint16_t)type);
		check(rdata_compressible((uint16_t)type) == (info != NULL && strchr(info->fields, 'N') != NULL),
		    "type %u", type);
	}
}

/* Through a message and back: the same rdata, whatever was compressed. */
static void
check_round_trip(const char *why, uint16_t type, const uint8_t *rdata, size_t n)
{
	static uint8_t message[2 * RDATA_MAX], again[RDATA_MAX];
	struct msg_rr rr;
	struct wr w;
	size_t m;

	wr_init(&w, message, sizeof message);
	wr_dname(&w, (const uint8_t *)"\4mail\7example");	/* for names to point to */
	size_t at = wr_len(&w);
	msg_rr_write(&w, (const uint8_t *)"\7example", type, CLASS_IN, 300, rdata, n);
	check(!w.full, "%s is written", why);
	struct rd r = rd_over(message, wr_len(&w));
	r.p += at;
	check(msg_rr_read(&r, &rr) && rd_left(&r) == 0, "%s is a record", why);
	check(rdata_read(&rr.rdata, type, rr.rdlen, again, &m), "%s is read", why);
	check(rdata_equal(type, rdata, n, again, m), "%s comes back", why);
}

static void
test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		size_t n;
		uint8_t *rdata = octets_of(samples[i].hex, &n);

		check(rdata_valid(samples[i].type, rdata, n), "%s is valid", samples[i].text);
		check(rdata_compare(samples[i].type, rdata, n, rdata, n) == 0, "%s equals itself", samples[i].text);
		check_round_trip(samples[i].text, samples[i].type, rdata, n);
		free(rdata);
	}
}

/* A prefix is valid where the type says so; then it behaves as such, and nothing is read beyond it. */
static void
test_every_prefix(void **state)
{
	static uint8_t out[RDATA_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		size_t n, m;
		uint8_t *whole = octets_of(samples[i].hex, &n);

		for (size_t k = 0; k < n; k++) {
			uint8_t *prefix = malloc(k == 0 ? 1 : k);

			memcpy(prefix, whole, k);
			bool valid = rdata_valid(samples[i].type, prefix, k);
			struct rd r = rd_over(prefix, k);
			bool taken = rdata_read(&r, samples[i].type, k, out, &m);
			check(!valid || taken, "%zu octets of %s: what is valid is read", k, samples[i].text);
			if (valid) {
				check_round_trip(samples[i].text, samples[i].type, prefix, k);
				check(rdata_compare(samples[i].type, prefix, k, whole, n) < 0,
				    "%zu octets of %s: a prefix comes first", k, samples[i].text);
			}
			free(prefix);
		}
		free(whole);
	}
}

static const struct { uint16_t type; const char *hex, *why; } invalid[] = {
	{ TYPE_A, "c0000201ff", "an address of five octets" },
	{ TYPE_A, "", "no address" },
	{ TYPE_AAAA, "20010db8" "0000000000000000000000", "an address of fifteen octets" },
	{ TYPE_NS, "", "no name" },
	{ TYPE_NS, "0361626300ff", "an octet behind the name" },
	{ TYPE_NS, "c000", "a compressed name in stored rdata" },
	{ TYPE_MX, "000a", "a preference alone" },
	{ TYPE_SOA, "00000000000100000001000000010000000100000001ff", "an octet behind the SOA" },
	{ TYPE_TXT, "", "no string" },
	{ TYPE_TXT, "0361", "a string that runs past the end" },
	{ TYPE_TXT, "016102", "a second string that does" },
	{ TYPE_HINFO, "0161", "one string of two" },
	{ TYPE_TLSA, "030101", "no certificate data" },
	{ TYPE_DS, "ec450501", "no digest" },
	{ TYPE_NSEC, "016200000262", "a bitmap that runs past the end" },
	{ TYPE_NSEC, "0162000000", "an empty bitmap" },
	{ TYPE_NSEC, "016200000140000140", "the same window twice" },
	{ TYPE_NSEC, "016200010140000140", "windows out of order" },
	{ TYPE_NSEC, "0162000021" "000000000000000000000000000000000000000000000000000000000000000001",
	    "a bitmap of 33 octets" },
	{ TYPE_NSEC3, "01000001ff", "a salt without a hash" },
	{ TYPE_CAA, "0009697373", "a tag that runs past the end" },
	{ TYPE_SVCB, "00010000010002683200010000", "the same key twice" },
	{ TYPE_SVCB, "000100000300021f430001000000", "keys out of order" },
	{ TYPE_SVCB, "00010000010005026832", "a value that runs past the end" },
	{ 38, "81", "an A6 prefix above 128" },
	{ 42, "00012104c0000201", "a prefix of 33 bits" },
	{ 42, "00012005c000020100", "an IPv4 address of five octets" },
	{ 42, "00012004c00002", "an address that runs past the end" },
	{ 45, "0a0402", "a gateway of an unknown kind" },
	{ 45, "0a0102c00002", "half an IPv4 gateway" },
	{ 45, "0a0302c003", "a compressed gateway" },
	{ 55, "00020001ff", "no host identity tag" },
	{ 55, "0100000101ffc001", "a compressed rendezvous server" },
	{ 38, "4000000000000000010161c001", "a compressed prefix name" },
	{ 260, "0a01c00002", "half an IPv4 relay" },
	{ 260, "0a00ff", "a relay where there is none" },
	{ TYPE_ANY, "00", "data of a question type" }
};

static void
test_invalid(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
		size_t n;
		uint8_t *rdata = octets_of(invalid[i].hex, &n);

		check(!rdata_valid(invalid[i].type, rdata, n), "%s", invalid[i].why);
		free(rdata);
	}
	assert_true(rdata_valid(65280, NULL, 0));
	assert_true(rdata_valid(65280, (const uint8_t *)"any", 3));
}

static void
test_compressed_rdata(void **state)
{
	/* A name at 0, an MX at 9 that points to it, an SRV at 13 that does the same. */
	static const uint8_t message[] = "\7example\0" "\0\12\1a\300\0" "\0\1\0\2\0\3\300\0";
	struct rd r = rd_over(message, sizeof message - 1);
	uint8_t out[RDATA_MAX];
	size_t n;

	(void)state;
	r.p += 9;
	assert_true(rdata_read(&r, TYPE_MX, 6, out, &n));
	check(n == 13 && memcmp(out, "\0\12\1a\7example", 13) == 0, "MX is flat");
	assert_true(rdata_read(&r, TYPE_SRV, 8, out, &n));
	check(n == 15 && memcmp(out, "\0\1\0\2\0\3\7example", 15) == 0, "SRV is flat, though nobody may send it so");
	assert_int_equal(rd_left(&r), 0);
	r = rd_over(message, sizeof message - 1);
	r.p += 9;
	check(!rdata_read(&r, TYPE_MX, 5, out, &n) && r.bad, "RDLENGTH cuts the pointer");
	r = rd_over(message, sizeof message - 1);
	r.p += 9;
	check(!rdata_read(&r, TYPE_MX, 7, out, &n) && r.bad, "RDLENGTH goes beyond the name");
	r = rd_over(message, sizeof message - 1);
	check(!rdata_read(&r, TYPE_NULL, sizeof message, out, &n) && r.bad, "RDLENGTH goes beyond the message");
}

/* RFC 3597, section 4: only the types of RFC 1035 are compressed on sending. */
static void
test_what_is_compressed(void **state)
{
	uint8_t buffer[512];
	struct wr w;

	(void)state;
	wr_init(&w, buffer, sizeof buffer);
	wr_dname(&w, (const uint8_t *)"\7example");
	rdata_write(&w, TYPE_NS, (const uint8_t *)"\2ns\7example", 12);
	check(wr_len(&w) == 9 + 2 + 5 && memcmp(buffer + 9, "\0\5\2ns\300\0", 7) == 0, "NS");
	rdata_write(&w, TYPE_SRV, (const uint8_t *)"\0\1\0\2\0\3\2ns\7example", 18);
	check(wr_len(&w) == 16 + 2 + 18 && memcmp(buffer + 16, "\0\22\0\1\0\2\0\3\2ns\7example", 20) == 0, "SRV");
}

/* Upper case of example in every name inside: equal where it is a name, unequal where it is text. */
static void
test_case_of_names_does_not_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		const struct rrtype_info *info = rrtype_info(samples[i].type);
		size_t n;
		uint8_t *a = octets_of(samples[i].hex, &n), *b = octets_of(samples[i].hex, &n);
		bool names_only = strpbrk(info->fields, "nN") != NULL && strpbrk(info->fields, "sSbBtv") == NULL;
		bool changed = false;

		for (size_t k = 0; k + 8 <= n; k++) {
			if (memcmp(b + k, "\7example", 8) == 0) {
				memcpy(b + k, "\7eXAMPLE", 8);
				changed = true;
			}
		}
		if (names_only)
			check(rdata_equal(samples[i].type, a, n, b, n), "%s in capitals", samples[i].text);
		if (strpbrk(info->fields, "nN") == NULL && changed && strchr("gp6", info->fields[0]) == NULL)
			check(!rdata_equal(samples[i].type, a, n, b, n), "%s in capitals", samples[i].text);
		free(a);
		free(b);
	}
	check(!rdata_equal(TYPE_TXT, (const uint8_t *)"\1a", 2, (const uint8_t *)"\1A", 2), "text has its case");
	check(rdata_equal(TYPE_SRV, (const uint8_t *)"\0A\0B\0C\1x", 9, (const uint8_t *)"\0A\0B\0C\1X", 9),
	    "the target of SRV is a name");
	check(!rdata_equal(TYPE_SRV, (const uint8_t *)"\0A\0B\0C\1x", 9, (const uint8_t *)"\0a\0B\0C\1x", 9),
	    "its numbers are no letters");
}

static void
test_order(void **state)
{
	(void)state;
	check(rdata_compare(TYPE_A, (const uint8_t *)"\1\2\3\4", 4, (const uint8_t *)"\1\2\3\377", 4) < 0,
	    "octets are unsigned");
	check(rdata_compare(TYPE_TXT, (const uint8_t *)"\1b", 2, (const uint8_t *)"\2aa", 3) < 0,
	    "the shorter first string comes first: RFC 4034, section 6.3");
	check(rdata_compare(65280, (const uint8_t *)"ab", 2, (const uint8_t *)"abc", 3) < 0,
	    "absent octets come first");
	check(rdata_compare(TYPE_MX, (const uint8_t *)"\0\12\1B", 5, (const uint8_t *)"\0\12\1a", 5) > 0,
	    "names in lower case");
}

static void
test_targets(void **state)
{
	static const uint8_t rdata[] = "\0\0\0\0\0\0\1x";

	(void)state;
	assert_ptr_equal(rdata_target(TYPE_NS, rdata + 6), rdata + 6);
	assert_ptr_equal(rdata_target(TYPE_MX, rdata + 4), rdata + 6);
	assert_ptr_equal(rdata_target(TYPE_SRV, rdata), rdata + 6);
	assert_null(rdata_target(TYPE_A, rdata));
	assert_null(rdata_target(TYPE_CNAME, rdata + 6));
}

/* Rdata that would be longer than RDLENGTH can tell once its name is written out. */
static void
test_too_long_without_compression(void **state)
{
	static uint8_t msg[DNAME_MAX + RDATA_MAX], out[RDATA_MAX];
	struct rd r = rd_over(msg, sizeof msg);
	size_t n;

	(void)state;
	for (unsigned at = 0; at < 254; at += msg[at] + 1u)
		msg[at] = at < 192 ? 63 : 61;	/* the longest name there is; its labels are of zeros */
	rd_take(&r, DNAME_MAX);
	store_u16(msg + DNAME_MAX + 18, 0xc000);
	check(!rdata_read(&r, TYPE_RRSIG, RDATA_MAX, out, &n) && r.bad, "a signature that does not fit is not left out");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_type_of_zone_data_has_a_sample),
		cmocka_unit_test(test_compressible_types_are_those_whose_form_says_so),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_compressed_rdata),
		cmocka_unit_test(test_what_is_compressed),
		cmocka_unit_test(test_case_of_names_does_not_count),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_targets), cmocka_unit_test(test_too_long_without_compression)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

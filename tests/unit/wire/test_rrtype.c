#include "tests/unit/check.h"

#include "wire/rrtype.h"

static void
test_table_is_in_order(void **state)
{
	const struct rrtype_info *info, *before = NULL;

	(void)state;
	for (size_t i = 0; (info = rrtype_by_index(i)) != NULL; i++, before = info) {
		char text[RRTYPE_TEXT_MAX];
		uint16_t type;

		check(before == NULL || before->type < info->type, "%s stands in order", info->mnemonic);
		check(rrtype_info(info->type) == info, "%s is found", info->mnemonic);
		check(strcmp(rrtype_print(info->type, text), info->mnemonic) == 0, "%s prints", info->mnemonic);
		check(rrtype_parse(text, strlen(text), &type) && type == info->type, "%s parses", info->mnemonic);
	}
	assert_non_null(before);
}

static const struct { const char *text; bool ok; uint16_t type; } texts[] = {
	{ "A", true, 1 },
	{ "tlsa", true, 52 },
	{ "NSEC3Param", true, 51 },
	{ "NSAP-PTR", true, 23 },
	{ "TYPE52", true, 52 },
	{ "type65535", true, 65535 },
	{ "TYPE0", true, 0 },
	{ "TYPE65536", false, 0 },
	{ "TYPE99999", false, 0 },
	{ "TYPE123456", false, 0 },
	{ "TYPE", false, 0 },
	{ "TYPE1x", false, 0 },
	{ "TYPE-1", false, 0 },
	{ "AAAAA", false, 0 },
	{ "", false, 0 }
};

static void
test_texts(void **state)
{
	char text[RRTYPE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		uint16_t type = 0;
		bool ok = rrtype_parse(texts[i].text, strlen(texts[i].text), &type);

		check(ok == texts[i].ok && (!ok || type == texts[i].type), "\"%s\"", texts[i].text);
	}
	assert_string_equal(rrtype_print(65280, text), "TYPE65280");
}

static void
test_kinds(void **state)
{
	static const uint16_t meta[] = { 0, TYPE_OPT, TYPE_TKEY, TYPE_TSIG, TYPE_IXFR, TYPE_AXFR, TYPE_MAILB,
	    TYPE_ANY };
	static const uint16_t data[] = { TYPE_A, TYPE_SOA, TYPE_TLSA, TYPE_CAA, TYPE_HTTPS, 127, 256, 65280 };

	(void)state;
	for (size_t i = 0; i < sizeof meta / sizeof meta[0]; i++)
		check(rrtype_is_meta(meta[i]), "%u is never data", meta[i]);
	for (size_t i = 0; i < sizeof data / sizeof data[0]; i++)
		check(!rrtype_is_meta(data[i]), "%u is data", data[i]);
	assert_true(rrtype_is_dnssec_meta(TYPE_RRSIG));
	assert_true(rrtype_is_dnssec_meta(TYPE_NSEC));
	assert_false(rrtype_is_dnssec_meta(TYPE_DS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_in_order),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_kinds)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* server/config_address.c: the text of addresses. */
#include <arpa/inet.h>

#include "server/config.h"
#include "tests/unit/check.h"

static const struct { const char *why, *text; enum err err; const char *printed; } addresses[] = {
	{ "an IPv4 address with a port", "192.0.2.1@5353", ERR_OK, "192.0.2.1@5353" },
	{ "an IPv4 address without", "192.0.2.1", ERR_OK, "192.0.2.1@53" },
	{ "an IPv6 address with a port", "::1@5353", ERR_OK, "::1@5353" },
	{ "an IPv6 address without", "2001:DB8:0::1", ERR_OK, "2001:db8::1@53" },
	{ "an IPv6 address of an interface", "fe80::1%lo@1", ERR_OK, "fe80::1%lo@1" },
	{ "an IPv4 address in IPv6 form", "::ffff:192.0.2.1", ERR_OK, "::ffff:192.0.2.1@53" },
	{ "the highest port", "0.0.0.0@65535", ERR_OK, "0.0.0.0@65535" },
	{ "a port beyond it", "0.0.0.0@65536", ERR_RANGE, NULL },
	{ "port zero", "0.0.0.0@0", ERR_RANGE, NULL },
	{ "an empty port", "0.0.0.0@", ERR_RANGE, NULL },
	{ "a port with a sign", "0.0.0.0@+53", ERR_RANGE, NULL },
	{ "a port with a blank", "0.0.0.0@ 53", ERR_RANGE, NULL },
	{ "a port of another base", "0.0.0.0@0x35", ERR_RANGE, NULL },
	{ "nothing", "", ERR_FORMAT, NULL },
	{ "a port alone", "@53", ERR_FORMAT, NULL },
	{ "a name", "localhost", ERR_FORMAT, NULL },
	{ "three parts", "192.0.2", ERR_FORMAT, NULL },
	{ "an octet too large", "192.0.2.256", ERR_FORMAT, NULL },
	{ "brackets", "[::1]:53", ERR_FORMAT, NULL },
	{ "an unknown interface", "fe80::1%no-such-interface", ERR_FORMAT, NULL },
	{ "an empty interface", "fe80::1%", ERR_FORMAT, NULL },
	{ "a text that is much too long",
	    "1111111111111111111111111111111111111111111111111111111111111111111111111111111111", ERR_FORMAT, NULL },
};

static void
test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct config_address a;
		char text[CONFIG_ADDRESS_TEXT];
		enum err err = config_address_parse(addresses[i].text, 53, &a);

		check(err == addresses[i].err, "%s gives '%s'", addresses[i].why, err_str(err));
		if (err != ERR_OK)
			continue;
		config_address_print((const struct sockaddr *)&a.address, text);
		check(strcmp(text, addresses[i].printed) == 0, "%s is printed: %s", addresses[i].why, text);
		size_t len = a.address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
		check(a.len == len, "%s has its family's length", addresses[i].why);
	}
}

static void
test_no_port_is_left_out(void **state)
{
	struct config_address a;
	char text[CONFIG_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(config_address_parse("192.0.2.1", 0, &a), ERR_OK);
	assert_string_equal(config_address_print((const struct sockaddr *)&a.address, text), "192.0.2.1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_port_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

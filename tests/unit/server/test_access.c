/* server/config_address.c: who may transfer. */
#include "server/config.h"
#include "server/config_schema.h"
#include "tests/unit/check.h"

static const struct { const char *why, *rule, *peer, *key; bool allowed; } rules[] = {
	{ "an address allows itself", "192.0.2.1", "192.0.2.1", NULL, true },
	{ "an address does not allow its neighbour", "192.0.2.1", "192.0.2.2", NULL, false },
	{ "an address allows itself whatever the key", "192.0.2.1", "192.0.2.1", "k", true },
	{ "a network allows its first address", "192.0.2.0/24", "192.0.2.0", NULL, true },
	{ "a network allows its last address", "192.0.2.0/24", "192.0.2.255", NULL, true },
	{ "a network does not allow the next address", "192.0.2.0/24", "192.0.3.0", NULL, false },
	{ "a network that ends within an octet", "192.0.2.128/25", "192.0.2.128", NULL, true },
	{ "the other half of it", "192.0.2.128/25", "192.0.2.127", NULL, false },
	{ "the whole IPv4 Internet", "0.0.0.0/0", "203.0.113.9", NULL, true },
	{ "which has no IPv6 addresses", "0.0.0.0/0", "2001:db8::1", NULL, false },
	{ "the whole IPv6 Internet", "::/0", "2001:db8::1", NULL, true },
	{ "an IPv6 network", "2001:db8::/33", "2001:db8:7fff::1", NULL, true },
	{ "an address outside of it", "2001:db8::/33", "2001:db8:8000::1", NULL, false },
	{ "an IPv4 address seen by an IPv6 socket", "192.0.2.0/24", "::ffff:192.0.2.7", NULL, true },
	{ "a key allows itself from anywhere", "key K.example", "203.0.113.9", "k.EXAMPLE", true },
	{ "a key does not allow another", "key k.example", "203.0.113.9", "l.example", false },
	{ "a key does not allow the unsigned", "key k.example", "203.0.113.9", NULL, false },
	{ "address and key together", "192.0.2.1 key k", "192.0.2.1", "k", true },
	{ "the key from elsewhere", "192.0.2.1 key k", "192.0.2.2", "k", false },
	{ "the address without the key", "192.0.2.1 key k", "192.0.2.1", NULL, false },
};

static void
test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct config_access access;
		struct config_address peer;
		struct tsig_key key = { 0 };
		struct fault f = { 0 };

		check(config_access_parse(rules[i].rule, &access, &f) == ERR_OK, "%s: %s", rules[i].why, f.text);
		assert_int_equal(config_address_parse(rules[i].peer, 4711, &peer), ERR_OK);
		if (rules[i].key != NULL)
			assert_int_equal(dname_from_str(rules[i].key, &key.name), ERR_OK);
		check(config_access_allows(&access, 1, (const struct sockaddr *)&peer.address,
		    rules[i].key != NULL ? &key : NULL) == rules[i].allowed, "%s", rules[i].why);
	}
}

static void
test_alternatives(void **state)
{
	struct config_access list[2];
	struct config_address peer;
	struct fault f;

	(void)state;
	assert_int_equal(config_access_parse("192.0.2.1", &list[0], &f), ERR_OK);
	assert_int_equal(config_access_parse("192.0.2.2", &list[1], &f), ERR_OK);
	assert_int_equal(config_address_parse("192.0.2.2", 53, &peer), ERR_OK);
	check(config_access_allows(list, 2, (const struct sockaddr *)&peer.address, NULL), "one of two is enough");
	check(!config_access_allows(list, 1, (const struct sockaddr *)&peer.address, NULL), "not without it");
	check(!config_access_allows(NULL, 0, (const struct sockaddr *)&peer.address, NULL),
	    "an empty list allows nobody");
}

static const char *const bad_rules[] = {
	"", " ", "key", "key a b", "k", "192.0.2.1 k", "192.0.2.1 key", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/33",
	"::/129", "192.0.2.1/31", "192.0.2.1@53", "key a..b",
};

static void
test_bad_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_rules / sizeof *bad_rules; i++) {
		struct config_access access;
		struct fault f = { 0 };

		check(config_access_parse(bad_rules[i], &access, &f) != ERR_OK && f.text[0] != '\0', "'%s' is no rule",
		    bad_rules[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_alternatives),
		cmocka_unit_test(test_bad_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Catalog zones: what is made can be read, what is broken is not acted on. */
#include "zones/catalog.h"

#include <stdlib.h>

#include "tests/unit/check.h"
#include "tests/unit/server/zone_text.h"
#include "zones/rcu.h"

#define HEAD "@ 0 SOA invalid. invalid. 1 3600 600 2147483646 0\n@ 0 NS invalid.\n"
#define VERSION "version 0 TXT \"2\"\n"

static const struct {
	const char *why, *text;
	const char *members;		/* "zone", "zone>coo", "zone/group", in order; NULL: it is broken */
	const char *words;
} rows[] = {
	{ "an empty one", HEAD VERSION, "", NULL },
	{ "two members", HEAD VERSION "b.zones PTR b.example.\na.zones PTR A.example.\n", "A.example b.example", NULL },
	{ "a group", HEAD VERSION "a.zones PTR a.\ngroup.a.zones TXT \"fast\"\n", "a/fast", NULL },
	{ "a change of ownership", HEAD VERSION "a.zones PTR a.\ncoo.a.zones PTR other.\nb.zones PTR b.\n", "a>other b",
	    NULL },
	{ "properties that nobody knows", HEAD VERSION "a.zones PTR a.\nx.ext.a.zones TXT 1\nserial.a.zones TXT 1\nfoo "
	    "TXT 1\n", "a", NULL },
	{ "a property without its member", HEAD VERSION "group.a.zones TXT 1\nb.zones PTR b.\n", "b", NULL },
	{ "a member's node without PTR", HEAD VERSION "a.zones TXT 1\n", "", NULL },
	{ "no version", HEAD "a.zones PTR a.\n", NULL, "not of the version 2" },
	{ "another version", HEAD "version TXT \"1\"\n", NULL, "not of the version 2" },
	{ "a longer version", HEAD "version TXT \"22\"\n", NULL, "not of the version 2" },
	{ "two versions", HEAD VERSION "version TXT \"1\"\n", NULL, "2 TXT records" },
	{ "two PTR at one node", HEAD VERSION "a.zones PTR a.\na.zones PTR b.\n", NULL,
	    "a.zones.catalog. has 2 PTR records" },
	{ "a zone twice", HEAD VERSION "a.zones PTR same.\nb.zones PTR Same.\n", NULL, "is in it twice" },
	{ "two new owners", HEAD VERSION "a.zones PTR a.\ncoo.a.zones PTR b.\ncoo.a.zones PTR c.\n", NULL,
	    "2 PTR records" },
};

static void
print(const struct catalog *c, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < c->n; i++) {
		const struct catalog_member *m = &c->v[i];
		char zone[DNAME_TEXT_MAX], coo[DNAME_TEXT_MAX];
		size_t n = strlen(text);

		snprintf(text + n, size - n, "%s%s%s%s%s%s", i > 0 ? " " : "", dname_print_host(m->zone.octets, zone),
		    m->has_coo ? ">" : "", m->has_coo ? dname_print_host(m->coo.octets, coo) : "", m->group[0] != '\0' ?
		    "/" : "", m->group);
	}
}

static void
test_reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zone_store *store = zone_from_text("catalog", rows[i].text);
		struct catalog c;
		struct fault f = { 0 };
		char text[300];
		enum err err = catalog_read(zone_store_newest(store), &c, &f);

		check((err == ERR_OK) == (rows[i].members != NULL), "%s: %s", rows[i].why, f.text);
		if (err == ERR_OK) {
			print(&c, text, sizeof text);
			check(strcmp(text, rows[i].members) == 0, "%s: %s, not %s", rows[i].why, text, rows[i].members);
		} else {
			check(strstr(f.text, rows[i].words) != NULL && c.n == 0, "%s: the words are '%s'", rows[i].why,
			    f.text);
		}
		catalog_clear(&c);
		zone_store_free(store);
	}
}

static void
test_making(void **state)
{
	static const uint8_t apex[] = "\7catalog", one[] = "\1b\7example", two[] = "\1a\7Example";
	struct catalog c = { 0 }, again, other = { 0 };
	struct rr_list rrs = { 0 };
	struct zone_store *store;
	struct fault f = { 0 };
	char text[100];

	(void)state;
	check(catalog_add(&c, apex, one, "") == ERR_OK && catalog_add(&c, apex, two, "fast") == ERR_OK, "two members");
	check(catalog_write(&c, apex, 7, &rrs) == ERR_OK && rrs.n == 6, "SOA, NS, version, two PTR, a group");
	check(zone_store_new(apex, &store) == ERR_OK && zone_store_begin(store) == ERR_OK &&
	    zone_store_fill(store, &rrs) == ERR_OK && zone_store_seal(store, NULL) == ERR_OK, "a zone");
	check(catalog_read(zone_store_newest(store), &again, &f) == ERR_OK, "what was made can be read: %s", f.text);
	print(&again, text, sizeof text);
	check(strcmp(text, "a.Example/fast b.example") == 0, "the same members: %s", text);
	check(zone_version_serial(zone_store_newest(store)) == 7, "with the serial");
	check(catalog_add(&other, apex, (const uint8_t *)"\1A\7eXample", "") == ERR_OK &&
	    dname_equal(other.v[0].node.octets, c.v[1].node.octets), "a member's node is the same each time");
	check(catalog_find(&again, one) != NULL && catalog_find(&again, apex) == NULL, "members are found");
	catalog_clear(&c);
	catalog_clear(&again);
	catalog_clear(&other);
	rr_list_clear(&rrs);
	zone_store_free(store);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_making),
	};
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}

#include "tests/unit/check.h"

#include <stdlib.h>

#include "wire/dname.h"

/* A C string as dname_parse() takes it; NUL may stand inside of wire forms, so they come with their length. */
#define WIRE(literal) (const uint8_t *)(literal), sizeof(literal)

static const struct {
	const char *why, *text;
	const uint8_t *wire;
	size_t len;
	const char *printed;
} good[] = {
	{ "an absolute name", "www.example.", WIRE("\3www\7example"), "www.example." },
	{ "a name without the final dot", "www.example", WIRE("\3www\7example"), "www.example." },
	{ "the root", ".", WIRE(""), "." },
	{ "letter case is kept", "WwW.eXample", WIRE("\3WwW\7eXample"), "WwW.eXample." },
	{ "an escaped dot belongs to the label", "a\\.b.c", WIRE("\3a.b\1c"), "a\\.b.c." },
	{ "a decimal escape", "a\\000b\\255.", WIRE("\4a\0b\377"), "a\\000b\\255." },
	{ "an escaped letter is the letter", "\\a\\b", WIRE("\2ab"), "ab." },
	{ "an escaped backslash", "a\\\\b", WIRE("\3a\\b"), "a\\\\b." },
	{ "a blank and what has a meaning in zone files", "a\\032\\\"\\;\\(\\)\\@\\$", WIRE("\10a \";()@$"),
	    "a\\032\\\"\\;\\(\\)\\@\\$." },
	{ "a wildcard", "*.example", WIRE("\1*\7example"), "*.example." },
	{ "an underscore", "_tcp.x", WIRE("\4_tcp\1x"), "_tcp.x." },
	{ "octets above 127", "\303\251.", WIRE("\2\303\251"), "\\195\\169." }
};

static void
test_names_parse_and_print(void **state)
{
	char text[DNAME_TEXT_MAX];
	struct dname name, again;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		check(dname_from_str(good[i].text, &name) == ERR_OK, "%s", good[i].why);
		check(dname_len(name.octets) == good[i].len && memcmp(name.octets, good[i].wire, good[i].len) == 0,
		    "%s: octets", good[i].why);
		check(strcmp(dname_print(name.octets, text), good[i].printed) == 0, "%s: %s", good[i].why, text);
		check(dname_from_str(text, &again) == ERR_OK && memcmp(again.octets, name.octets, good[i].len) == 0,
		    "%s: there and back", good[i].why);
	}
	assert_string_equal(dname_print_host((const uint8_t *)"\1a\1b", text), "a.b");
	assert_string_equal(dname_print_host((const uint8_t *)"", text), ".");
}

static const struct { const char *why, *text; enum err err; } bad[] = {
	{ "nothing", "", ERR_FORMAT },
	{ "an empty label", "a..b", ERR_FORMAT },
	{ "an empty first label", ".a", ERR_FORMAT },
	{ "two dots", "..", ERR_FORMAT },
	{ "a backslash at the end", "a\\", ERR_FORMAT },
	{ "an escape of one digit", "a\\1", ERR_FORMAT },
	{ "an escape of two digits", "a\\12", ERR_FORMAT },
	{ "an escape with a letter in it", "a\\12b", ERR_FORMAT },
	{ "an escape above 255", "a\\256", ERR_FORMAT }
};

static void
test_what_is_no_name(void **state)
{
	struct dname name;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		check(dname_from_str(bad[i].text, &name) == bad[i].err, "%s", bad[i].why);
}

/* n labels of length octets each, then one of rest. */
static enum err
parse_long(int n, int length, int rest, bool dot, struct dname *out)
{
	char text[600];
	int at = 0;

	for (; n > 0; n--)
		at += sprintf(text + at, "%.*s.", length,
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	at += sprintf(text + at, "%.*s%s", rest, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
	    dot ? "." : "");
	return dname_parse(text, (size_t)at, NULL, out);
}

static void
test_limits(void **state)
{
	struct dname name, joined;

	(void)state;
	check(parse_long(0, 0, 63, false, &name) == ERR_OK, "a label of 63 octets");
	check(parse_long(0, 0, 64, false, &name) == ERR_RANGE, "a label of 64 octets");
	for (int dot = 0; dot < 2; dot++) {
		check(parse_long(3, 63, 62, dot, &name) == ERR_RANGE, "a name of 256 octets");
		check(parse_long(4, 63, 0, false, &name) == ERR_RANGE, "four full labels");
		check(parse_long(3, 63, 61, dot, &name) == ERR_OK && dname_len(name.octets) == 255,
		    "a name of 255 octets");
	}
	check(!dname_join(&joined, (const uint8_t *)"\1a", 1, name.octets), "nothing fits before it");
	check(parse_long(126, 1, 1, true, &name) == ERR_OK && dname_labels(name.octets) == 127, "127 labels");
	check(parse_long(127, 1, 1, true, &name) == ERR_RANGE, "128 labels");
	char text[DNAME_TEXT_MAX];
	memset(name.octets, 0, sizeof name.octets);
	for (int i = 0; i < 254; i += 64)
		name.octets[i] = i < 192 ? 63 : 61;
	check(strlen(dname_print(name.octets, text)) == 250 * 4 + 4, "the longest text fits");
}

/* The place for a further label lies beyond the name's end then. */
static void
test_nothing_is_written_behind_a_name(void **state)
{
	struct { struct dname name; uint8_t behind[80]; } place;
	char text[400];

	(void)state;
	for (int last = 55; last <= 63; last++) {
		memset(&place, 0xa5, sizeof place);
		int n = snprintf(text, sizeof text, "%063d.%063d.%063d.%0*d.%063d", 1, 1, 1, last, 1, 1);
		check(dname_parse(text, (size_t)n, NULL, &place.name) == ERR_RANGE,
		    "a name with %d octets in its fourth label", last);
		for (size_t i = 0; i < sizeof place.behind; i++)
			check(place.behind[i] == 0xa5, "the octet %zu behind it is as it was (%d)", i, last);
	}
}

static void
test_relative_names(void **state)
{
	struct dname origin, name;
	char text[DNAME_TEXT_MAX];

	(void)state;
	assert_int_equal(dname_from_str("example.org", &origin), ERR_OK);
	assert_int_equal(dname_parse("www.a", 5, origin.octets, &name), ERR_OK);
	assert_string_equal(dname_print(name.octets, text), "www.a.example.org.");
	assert_int_equal(dname_parse("www.", 4, origin.octets, &name), ERR_OK);
	assert_string_equal(dname_print(name.octets, text), "www.");
	assert_int_equal(dname_parse("@", 1, origin.octets, &name), ERR_OK);
	assert_string_equal(dname_print(name.octets, text), "example.org.");
	assert_int_equal(dname_parse("\\@", 2, origin.octets, &name), ERR_OK);
	assert_string_equal(dname_print(name.octets, text), "\\@.example.org.");
	assert_int_equal(dname_parse(".", 1, origin.octets, &name), ERR_OK);
	assert_true(dname_is_root(name.octets));
}

/* RFC 4034, section 6.1, its own example. */
static const char *const ordered[] = {
	"example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE", "z.example", "\\001.z.example",
	"*.z.example", "\\200.z.example"
};

static void
test_canonical_order(void **state)
{
	enum { N = sizeof ordered / sizeof ordered[0] };
	struct dname names[N];

	(void)state;
	for (size_t i = 0; i < N; i++)
		assert_int_equal(dname_from_str(ordered[i], &names[i]), ERR_OK);
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < N; k++) {
			int d = dname_compare(names[i].octets, names[k].octets);

			check((d > 0) - (d < 0) == (i > k) - (i < k), "%s before %s", ordered[i], ordered[k]);
			check(dname_equal(names[i].octets, names[k].octets) == (i == k), "equal only to itself");
		}
	}
}

static const struct { const char *name, *ancestor; bool below; } families[] = {
	{ "example.org", "example.org", true },
	{ "a.EXAMPLE.org", "example.ORG", true },
	{ "a.b.c.example.org", "example.org", true },
	{ "example.org", ".", true },
	{ ".", ".", true },
	{ ".", "org", false },
	{ "org", "example.org", false },
	{ "anexample.org", "example.org", false },
	{ "example.com", "example.org", false },
	{ "a\\.example.org", "example.org", false }
};

static void
test_below(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		struct dname name, ancestor;

		assert_int_equal(dname_from_str(families[i].name, &name), ERR_OK);
		assert_int_equal(dname_from_str(families[i].ancestor, &ancestor), ERR_OK);
		check(dname_is_below(name.octets, ancestor.octets) == families[i].below, "%s and %s",
		    families[i].name, families[i].ancestor);
	}
}

static void
test_parts(void **state)
{
	struct dname name, other;
	uint8_t lower[DNAME_MAX];
	char text[DNAME_TEXT_MAX];

	(void)state;
	assert_int_equal(dname_from_str("*.B.Example", &name), ERR_OK);
	assert_int_equal(dname_labels(name.octets), 3);
	assert_true(dname_is_wildcard(name.octets));
	assert_string_equal(dname_print(dname_parent(name.octets), text), "B.Example.");
	assert_string_equal(dname_print(dname_skip(name.octets, 2), text), "Example.");
	assert_true(dname_is_root(dname_skip(name.octets, 3)));
	assert_true(dname_is_root(dname_parent(dname_skip(name.octets, 3))));
	assert_false(dname_is_wildcard(dname_parent(name.octets)));
	dname_lower(lower, name.octets);
	assert_string_equal(dname_print(lower, text), "*.b.example.");
	assert_int_equal(dname_hash(lower), dname_hash(name.octets));
	assert_true(dname_join(&other, name.octets, 2, (const uint8_t *)"\3org"));
	assert_string_equal(dname_print(other.octets, text), "*.B.org.");
	assert_int_equal(dname_from_str("[]@`{|}", &name), ERR_OK);	/* not letters: case does not touch them */
	assert_int_equal(dname_from_str("{}`@[\\\\]", &other), ERR_OK);
	assert_false(dname_equal(name.octets, other.octets));
}

static void
test_random_octets_print_and_parse(void **state)
{
	char text[DNAME_TEXT_MAX];

	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct dname name, again;
		size_t n = 0, limit = (size_t)(rand() % 255);

		while (n < limit) {
			uint8_t len = (uint8_t)(1 + rand() % 63);

			if (n + len + 2 > DNAME_MAX)
				break;
			name.octets[n++] = len;
			while (len-- > 0)
				name.octets[n++] = (uint8_t)rand();
		}
		name.octets[n++] = 0;
		check(dname_from_str(dname_print(name.octets, text), &again) == ERR_OK, "%s", text);
		check(dname_len(again.octets) == n && memcmp(again.octets, name.octets, n) == 0, "%s", text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_parse_and_print),
		cmocka_unit_test(test_what_is_no_name),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_nothing_is_written_behind_a_name),
		cmocka_unit_test(test_relative_names),
		cmocka_unit_test(test_canonical_order),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_random_octets_print_and_parse)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

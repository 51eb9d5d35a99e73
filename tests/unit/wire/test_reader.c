#include "tests/unit/check.h"

#include <stdlib.h>

#include "wire/reader.h"

/* The name is read at offset at. */
static const struct {
	const char *why, *wire;
	size_t len, at;
	const char *name;		/* NULL: bad */
	size_t behind;			/* where the cursor stands then */
} names[] = {
	{ "the root", "\0", 1, 0, ".", 1 },
	{ "a plain name", "\1a\2bc\0x", 7, 0, "a.bc.", 6 },
	{ "a pointer backwards", "\1a\0\300\0", 5, 3, "a.", 5 },
	{ "labels, then a pointer", "\1a\0\1b\300\0", 7, 3, "b.a.", 7 },
	{ "a pointer to a pointer", "\1a\0\300\0\300\3", 7, 5, "a.", 7 },
	{ "a pointer into the middle of a name", "\1a\1b\0\300\2", 7, 5, "b.", 7 },
	{ "letter case is kept", "\1A\0", 3, 0, "A.", 3 },
	{ "no octet at all", "", 0, 0, NULL, 0 },
	{ "a label that runs past the end", "\5ab", 3, 0, NULL, 0 },
	{ "a name without its root label", "\1a", 2, 0, NULL, 0 },
	{ "half a pointer", "\1a\0\300", 4, 3, NULL, 0 },
	{ "a pointer to itself", "\300\0", 2, 0, NULL, 0 },
	{ "a pointer to the start of its own name", "\1a\300\0", 4, 0, NULL, 0 },
	{ "two pointers that name each other", "\300\2\300\0", 4, 2, NULL, 0 },
	{ "a pointer forwards", "\300\2\1a\0", 5, 0, NULL, 0 },
	{ "a pointer past the end", "\1a\0\300\377", 5, 3, NULL, 0 },
	{ "the label type 01 (RFC 6891 took it back)", "\101a\0", 3, 0, NULL, 0 },
	{ "the label type 10", "\201a\0", 3, 0, NULL, 0 }
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		uint8_t *copy = malloc(names[i].len == 0 ? 1 : names[i].len);
		struct dname name, wanted;

		memcpy(copy, names[i].wire, names[i].len);
		struct rd r = rd_over(copy, names[i].len);
		r.p += names[i].at;
		rd_dname(&r, &name);
		check(r.bad == (names[i].name == NULL), "%s", names[i].why);
		if (names[i].name == NULL) {
			check(dname_is_root(name.octets), "%s: gives the root", names[i].why);
		} else {
			assert_int_equal(dname_from_str(names[i].name, &wanted), ERR_OK);
			check(memcmp(name.octets, wanted.octets, dname_len(wanted.octets)) == 0, "%s: the name",
			    names[i].why);
			check(rd_offset(&r) == names[i].behind, "%s: the cursor", names[i].why);
		}
		free(copy);
	}
}

static void
test_a_name_ends_at_255_octets(void **state)
{
	uint8_t wire[400] = { 0 };
	struct dname name;

	(void)state;
	for (size_t last = 60; last <= 62; last++) {
		size_t n = 0;

		for (; n < 192; n += 64)
			wire[n] = 63;
		wire[n] = (uint8_t)last;
		memset(wire + n + 1, 'x', last);
		wire[n + 1 + last] = 0;
		struct rd r = rd_over(wire, sizeof wire);
		rd_dname(&r, &name);
		check(r.bad == (last == 62), "a last label of %zu octets", last);
	}
	/* One octet of a label, then a pointer to the next such pair before: 127 pointers are fine, 128 are not. */
	wire[0] = 0;
	for (size_t i = 0; i < 100; i++) {
		size_t to = i == 0 ? 0 : 1 + 4 * (i - 1);

		memcpy(wire + 1 + 4 * i, "\1a", 2);
		wire[3 + 4 * i] = (uint8_t)(0xc0 | to >> 8);
		wire[4 + 4 * i] = (uint8_t)to;
		if (1 + 4 * i + 4 > sizeof wire - 4)
			break;
		struct rd r = rd_over(wire, 1 + 4 * i + 4);
		r.p += 1 + 4 * i;
		rd_dname(&r, &name);
		check(!r.bad && dname_labels(name.octets) == i + 1, "a chain of %zu pointers", i + 1);
	}
}

static void
test_numbers(void **state)
{
	static const uint8_t octets[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff };
	struct rd r = rd_over(octets, sizeof octets);

	(void)state;
	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(rd_left(&r), 1);
	assert_int_equal(rd_u16(&r), 0);
	assert_true(r.bad);
	check(rd_u8(&r) == 0 && rd_left(&r) == 0 && rd_take(&r, 0) == NULL, "bad stays");
	r = rd_over(octets, 0);
	check(rd_take(&r, 0) != NULL && !r.bad, "nothing is there to be taken");
	check(rd_take(&r, SIZE_MAX) == NULL && r.bad, "a huge count does not wrap");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_a_name_ends_at_255_octets),
		cmocka_unit_test(test_numbers)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

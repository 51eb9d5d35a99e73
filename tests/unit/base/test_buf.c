#include "tests/unit/check.h"

#include <stdlib.h>

#include "base/buf.h"

static void
test_octets_and_numbers(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_u8(&b, 1);
	buf_u16(&b, 0x0203);
	buf_u32(&b, 0x04050607);
	buf_u64(&b, UINT64_C(0x08090a0b0c0d0e0f));
	buf_add(&b, "", 0);
	check(!b.failed && b.len == 15, "fifteen octets");
	for (size_t i = 0; i < b.len; i++)
		check(b.p[i] == i + 1, "octet %zu is in network order", i);
	buf_clear(&b);
	check(b.p == NULL && b.len == 0 && b.cap == 0, "cleared");
	buf_clear(&b);
}

static void
test_text(void **state)
{
	struct buf b = { 0 };
	size_t n;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	buf_add_str(&b, "one ");
	buf_printf(&b, "%d %s", 2, "three");
	assert_string_equal(buf_str(&b), "one 2 three");
	assert_int_equal(b.len, 11);
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%d,", i);
	assert_int_equal(b.len, 11 + 10 * 2 + 90 * 3 + 900 * 4);
	buf_consume(&b, 4);
	check(strncmp(buf_str(&b), "2 three0,1,", 11) == 0, "the front is gone");
	char *text = buf_take(&b, &n);
	check(strlen(text) == n && b.p == NULL && b.len == 0, "handed over");
	free(text);
	buf_add_str(&b, "x");
	buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
	buf_wipe(&b);
	buf_wipe(&b);
}

static void
test_failure_latches(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add_str(&b, "kept");
	check(buf_reserve(&b, SIZE_MAX / 2) == NULL && b.failed, "there is not that much memory");
	check(buf_reserve(&b, 1) == NULL, "nor any more");
	buf_add_str(&b, "dropped");
	buf_printf(&b, "%d", 7);
	buf_u32(&b, 7);
	assert_int_equal(b.len, 4);
	assert_null(buf_str(&b));
	assert_null(buf_take(&b, NULL));
	check(b.p == NULL && !b.failed, "taking it frees it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets_and_numbers),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_failure_latches)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

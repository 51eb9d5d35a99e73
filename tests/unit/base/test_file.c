#include "tests/unit/check.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static char directory[] = "/tmp/certns-file-XXXXXX";
static char path[64];

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/file", directory);
	return 0;
}

static int
drop_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);	/* fails when a temporary file was left behind */
}

static void
test_write_and_read(void **state)
{
	static uint8_t octets[100000];
	struct buf b = { 0 };
	struct stat st;

	(void)state;
	random_fill(octets, sizeof octets);
	assert_int_equal(file_write(path, "old", 3, 0644, NULL), ERR_OK);
	assert_int_equal(file_write(path, octets, sizeof octets, 0600, NULL), ERR_OK);
	check(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "the new mode");
	buf_add_str(&b, "before");
	assert_int_equal(file_read(path, sizeof octets, &b, NULL), ERR_OK);
	check(b.len == 6 + sizeof octets && memcmp(b.p + 6, octets, sizeof octets) == 0, "appended whole");
	buf_clear(&b);
	assert_int_equal(file_write(path, "", 0, 0600, NULL), ERR_OK);
	check(file_read(path, 0, &b, NULL) == ERR_OK && b.len == 0, "an empty file");
	buf_clear(&b);
}

static void
test_failures_have_words(void **state)
{
	struct buf b = { 0 };
	struct fault f;
	char missing[128];

	(void)state;
	assert_int_equal(file_write(path, "0123456789", 10, 0644, NULL), ERR_OK);
	assert_int_equal(file_read(path, 9, &b, &f), ERR_NOSPACE);
	assert_non_null(strstr(f.text, path));
	buf_clear(&b);
	snprintf(missing, sizeof missing, "%s/missing/file", directory);
	assert_int_equal(file_read(missing, 9, &b, &f), ERR_NOT_FOUND);
	assert_non_null(strstr(f.text, missing));
	assert_int_equal(file_write(missing, "x", 1, 0644, &f), ERR_NOT_FOUND);
	assert_int_equal(file_write(directory, "x", 1, 0644, &f) == ERR_OK, 0);
	buf_clear(&b);
}

static void
test_directories(void **state)
{
	char inner[64];
	struct fault f;

	(void)state;
	snprintf(inner, sizeof inner, "%s/inner", directory);
	assert_int_equal(file_mkdir(inner, 0700, &f), ERR_OK);
	assert_int_equal(file_mkdir(inner, 0700, &f), ERR_OK);
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(file_write(path, "x", 1, 0644, NULL), ERR_OK);
	assert_int_equal(file_mkdir(path, 0700, &f), ERR_EXISTS);
}

static void
test_clock(void **state)
{
	char text[CLOCK_TEXT_SIZE];
	bool seen[5] = { false };

	(void)state;
	clock_print(1795319770, text);
	assert_string_equal(text, "2026-11-22T03:56:10Z");
	clock_print(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	clock_print(INT64_MAX, text);	/* a year that no struct tm holds */
	assert_string_equal(text, "");
	for (int i = 0; i < 1000; i++) {
		uint32_t v = random_below(5);

		assert_true(v < 5);
		seen[v] = true;
	}
	check(seen[0] && seen[1] && seen[2] && seen[3] && seen[4], "each of five comes up");
	assert_int_equal(random_below(0), 0);
	assert_int_equal(random_below(1), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_and_read),
		cmocka_unit_test(test_failures_have_words),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_clock)
	};

	return cmocka_run_group_tests(tests, make_directory, drop_directory);
}

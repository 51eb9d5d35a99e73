/* zones/journal_schema.c: databases of other versions. */
#include <openssl/evp.h>

#include "tests/unit/zones/journal_file.h"

/* A database of the first version, as it was written then: answers stood in the records. */
static const char first_version[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER);"
    "CREATE TABLE zone (apex BLOB PRIMARY KEY, source TEXT, base TEXT, base_serial INTEGER, image BLOB,"
    " image_seq INTEGER, sum BLOB, serial INTEGER, retired INTEGER, serial_sum BLOB) WITHOUT ROWID;"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, apex BLOB, serial_from INTEGER, serial_to INTEGER,"
    " time INTEGER, origin TEXT, digest BLOB, changes BLOB, sum BLOB, rcode INTEGER);"
    "CREATE INDEX journal_by_zone ON journal (apex, seq);"
    "CREATE INDEX journal_by_time ON journal (time);"
    "INSERT INTO meta VALUES ('version', 1);"
    "INSERT INTO journal VALUES (1, x'016100', 10, 11, 100, 'update key', "
    "x'0B00000000000000000000000000000000000000000000000000000000000000', CAST('one' AS BLOB), x'@', 5);";

static void
test_first_version(void **state)
{
	static const uint8_t written[] =		/* what the sum of that record was made of */
	    "\0\0\0\0\0\0\0\3" "\1a\0" "\0\0\0\12" "\0\0\0\13" "\0\0\0\0\0\0\0\144" "\0\0\0\0\0\0\0\12" "update key"
	    "\0\0\0\0\0\0\0\40" "\13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\5"
	    "\0\0\0\0\0\0\0\3" "one";
	uint8_t sum[EVP_MAX_MD_SIZE];
	char text[sizeof first_version + 64], hex[33];
	const char *at = strchr(first_version, '@');
	struct journal *j;

	(void)state;
	assert_int_equal(EVP_Digest(written, sizeof written - 1, sum, NULL, EVP_sha256(), NULL), 1);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - first_version), first_version, hex, at + 1);
	execute(text);
	j = reopen(NULL);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "10-11 100 update key one\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n");
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 12, 300, "two", NULL), ERR_OK);
	answer(j, 12, 300);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	j = reopen(j);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL),
	    "10-11 100 update key one\n11-12 300 update key two\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "12 5 300\n11 5 100\n");
	journal_close(j);
}

/* One of the third, which numbered by itself and had all answers in their table, goes on as it is. */
static void
test_third_version(void **state)
{
	struct journal *j = reopen(NULL);
	uint64_t kept, octets;

	(void)state;
	journal_close(j);
	execute("DROP TABLE journal; CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, apex BLOB, "
	    "serial_from INTEGER, serial_to INTEGER, time INTEGER, origin TEXT, digest BLOB, changes BLOB, sum BLOB, "
	    "rcode INTEGER);CREATE INDEX journal_by_zone ON journal (apex, seq);"
	    "UPDATE meta SET value = 3 WHERE name = 'version'");
	j = fill();
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n21 5 200\n12 5 300\n");
	put(j, zone_a, 12, "new");
	assert_int_equal(journal_prune(j, zone_a, 0, 0, 0, &kept, &octets, NULL), ERR_OK);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	append_answer(j, 13, 13, 400);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	j = reopen(j);
	SEE(journal_each_record(j, zone_a, 3, see_record, NULL, NULL), "12-13 400 update key c\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n21 5 200\n12 5 300\n13 0 400\n");
	journal_close(j);
}

static const struct { const char *why, *statement, *words; } versions[] = {
	{ "a newer version",		"UPDATE meta SET value = 5 WHERE name = 'version'", "newer certns" },
	{ "no version",			"DELETE FROM meta", "restore a backup" },
	{ "a table is gone",		"DROP TABLE journal", "restore a backup" },
};

static void
test_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		struct fault f = { 0 };
		struct journal *j;

		journal_close(fill());
		execute(versions[i].statement);
		check(journal_open(path, &j, &f) == ERR_DATABASE, "%s", versions[i].why);
		check(strstr(f.text, versions[i].words) != NULL, "%s: %s", versions[i].why, f.text);
		remove_files();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_first_version, clean_up),
		cmocka_unit_test_teardown(test_third_version, clean_up),
		cmocka_unit_test_teardown(test_versions, clean_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

/* A state database that is damaged: what is found, and that nothing of it is taken. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/zones/journal_file.h"

static const struct { const char *why, *statement, *words; } damages[] = {
	{ "an image",			"UPDATE zone SET image = x'00'", "zone a" },
	{ "no image",			"UPDATE zone SET image = NULL", "zone a" },
	{ "a base",			"UPDATE zone SET base = 'vase'", "zone a" },
	{ "no base",			"UPDATE zone SET base = NULL", "zone a" },
	{ "a source",			"UPDATE zone SET source = 'uri'", "zone a" },
	{ "no source",			"UPDATE zone SET source = NULL", "zone a" },
	{ "a base's serial",		"UPDATE zone SET base_serial = 8", "zone a" },
	{ "a serial",			"UPDATE zone SET serial = 13", "zone a" },
	{ "the zone is retired",	"UPDATE zone SET retired = 1", "zone a" },
	{ "what the image holds",	"UPDATE zone SET image_seq = 2", "zone a" },
	{ "a checksum",			"UPDATE zone SET sum = x'00'", "zone a" },
	{ "no checksum",		"UPDATE zone SET serial_sum = NULL", "zone a" },
	{ "a zone's name",		"UPDATE zone SET apex = x'0461'", "zone ?" },
	{ "another zone's name",	"UPDATE zone SET apex = x'017a00'", "zone z" },
	{ "a record",			"UPDATE journal SET changes = x'00' WHERE seq = 3", "record 3" },
	{ "an empty record",		"UPDATE journal SET changes = NULL WHERE seq = 3", "record 3" },
	{ "a record's serial",		"UPDATE journal SET serial_to = 5 WHERE seq = 3", "record 3" },
	{ "the first record is gone",	"DELETE FROM journal WHERE seq = 1",
	    "changes of zone a. behind serial 10 are missing" },
	{ "an answer",			"UPDATE answer SET rcode = 0 WHERE number = 2", "answer" },
	{ "half an answer",		"UPDATE answer SET digest = x'00' WHERE number = 2", "answer" },
	{ "a record's digest",		"UPDATE journal SET digest = zeroblob(32) WHERE seq = 3", "record 3" },
	{ "a record's origin",		"UPDATE journal SET origin = NULL WHERE seq = 3", "record 3" },
	{ "a record's time",		"UPDATE journal SET time = 1 WHERE seq = 3", "record 3" },
	{ "a record's checksum",	"UPDATE journal SET sum = x'00112233445566778899aabbccddeeff' WHERE seq = 3",
	    "record 3" },
};

static void
test_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct fault f = { 0 };
		struct journal *j = fill();
		enum err err;

		journal_close(j);
		execute(damages[i].statement);
		j = reopen(NULL);
		seen[0] = '\0';
		err = journal_each_zone(j, see_zone, NULL, &f);
		if (err == ERR_OK)
			err = journal_each_record(j, zone_a, 0, see_record, NULL, &f);
		if (err == ERR_OK)
			err = journal_each_answer(j, 0, see_answer, NULL, &f);
		check(err == ERR_DATABASE, "%s: %s", damages[i].why, err_str(err));
		check(strstr(f.text, damages[i].words) != NULL && strstr(f.text, path) != NULL &&
		    strstr(f.text, "restore a backup") != NULL, "%s: %s", damages[i].why, f.text);
		journal_close(j);
		remove_files();
	}
}

/* Octets of the file turn over: it opens and gives what was written, or it says that it is damaged. */
static void
test_flipped_octets(void **state)
{
	struct stat st;
	unsigned found = 0;

	(void)state;
	for (off_t at = 0; at == 0 || at < st.st_size; at += 61) {
		struct fault f = { 0 };
		struct journal *j = NULL;
		uint8_t octet;
		int fd;
		enum err err;

		journal_close(fill());
		fd = open(path, O_RDWR);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x55;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		close(fd);
		seen[0] = '\0';
		if ((err = journal_open(path, &j, &f)) == ERR_OK &&
		    (err = journal_each_zone(j, see_zone, NULL, &f)) == ERR_OK)
			err = journal_each_record(j, zone_a, 0, see_record, NULL, &f);
		check(err == ERR_OK || f.text[0] != '\0', "octet %lld: words", (long long)at);
		check(err != ERR_OK || strcmp(seen, "a url base 7 12 0:image of a\n"
		    "10-11 100 update key one\n11-12 300 update key two\n") == 0, "octet %lld: %s", (long long)at,
		    seen);
		found += err != ERR_OK;
		if (err == ERR_OK || j != NULL)
			journal_close(j);
		remove_files();
	}
	assert_true(found > 0);
}

static void
test_damaged_answer_in_record(void **state)
{
	static const char *const statements[] = {
		"UPDATE journal SET digest = x'FF00000000000000000000000000000000000000000000000000000000000000' WHERE "
		"seq = 10", "UPDATE journal SET rcode = 5 WHERE seq = 10",
		    "UPDATE journal SET apex = x'41' WHERE seq = 10",
		"UPDATE journal SET apex = NULL WHERE seq = 10"
	};

	(void)state;
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		struct fault f = { 0 };
		struct journal *j;

		journal_close(fill_answers());
		execute(statements[i]);
		j = reopen(NULL);
		assert_int_equal(journal_each_answer(j, 0, see_answer, NULL, &f), ERR_DATABASE);
		check(strstr(f.text, "record 10 is damaged") != NULL, "%s: %s", statements[i], f.text);
		journal_close(j);
		remove_files();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_damaged_answer_in_record, clean_up),
		cmocka_unit_test_teardown(test_damage, clean_up),
		cmocka_unit_test_teardown(test_flipped_octets, clean_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

/* zones/journal_mark.c: groups that were lost with the database, or with its log, are missed. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/zones/journal_file.h"

static void
copy_file(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof command, "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void
truncate_file(const char *suffix, off_t size)
{
	char name[100];

	snprintf(name, sizeof name, "%s%s", path, suffix);
	assert_int_equal(truncate(name, size), 0);
}

static void
lose_database(void)
{
	unlink(path);
}

static void
lose_last_changes(void)
{
	execute("DELETE FROM journal WHERE seq = 3");
}

static void
lose_put(void)
{
	execute("UPDATE meta SET value = value - 1 WHERE name = 'puts'");
}

static void
garble_mark(void)
{
	FILE *f = fopen(mark, "r+");

	fseek(f, 20, SEEK_SET);
	fputc('x', f);
	fclose(f);
}

static void
empty_mark(void)
{
	assert_int_equal(truncate(mark, 0), 0);
}

static void
zero_mark(void)
{
	assert_int_equal(truncate(mark, 0), 0);
	assert_int_equal(truncate(mark, 4096), 0);
}

static void
shorten_mark(void)
{
	assert_int_equal(truncate(mark, 100), 0);
}

static void
lose_mark(void)
{
	unlink(mark);
}

static void
nothing(void)
{
}

static const struct { const char *why; void (*happen)(void); enum err err; const char *words; } marks[] = {
	{ "nothing happened",			nothing, ERR_OK, "" },
	{ "the database is gone",		lose_database, ERR_DATABASE,
	    "lacks 3 changes that were acknowledged: a had serial 12" },
	{ "the last change is gone",		lose_last_changes, ERR_DATABASE,
	    "lacks 1 changes that were acknowledged: a had serial 12, here it has 11" },
	{ "a note of what was pushed is gone",	lose_put, ERR_DATABASE, "lacks notes of what was written to git" },
	{ "a mark that is damaged tells nothing", garble_mark, ERR_OK, "" },
	{ "nor an empty one",			empty_mark, ERR_OK, "" },
	{ "nor one of zeros",			zero_mark, ERR_OK, "" },
	{ "nor a short one",			shorten_mark, ERR_OK, "" },
	{ "nor none",				lose_mark, ERR_OK, "" },
};

static void
test_mark(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		struct fault f = { 0 };
		struct journal *j = NULL;
		enum err err;

		journal_close(fill());
		marks[i].happen();
		err = journal_open(path, &j, &f);
		check(err == marks[i].err, "%s: %s", marks[i].why, err_str(err));
		check(strstr(f.text, marks[i].words) != NULL, "%s: %s", marks[i].why, f.text);
		check(err == ERR_OK || (strstr(f.text, path) != NULL && strstr(f.text, mark) != NULL),
		    "files are named: %s", f.text);
		if (err == ERR_OK)
			journal_close(j);
		lose_mark();				/* the loss is accepted */
		f.text[0] = '\0';
		check(journal_open(path, &j, &f) == ERR_OK, "%s: %s", marks[i].why, f.text);
		journal_close(j);
		remove_files();
	}
}

/* What the mark says of how many records there are. */
static uint64_t
marked_records(void)
{
	uint8_t octets[32] = { 0 };
	uint64_t records = 0;
	FILE *f = fopen(mark, "r");

	assert_non_null(f);
	assert_int_equal(fread(octets, 1, sizeof octets, f), sizeof octets);
	fclose(f);
	for (int i = 24; i < 32; i++)
		records = records << 8 | octets[i];
	return records;
}

/* Whoever waits for a change does not wait for the mark, but it is not forgotten. */
static void
test_mark_follows(void **state)
{
	struct journal *j = fill();

	(void)state;
	journal_mark(j);
	assert_int_equal(marked_records(), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(journal_begin(j, NULL), ERR_OK);
		assert_int_equal(marked_records(), 3 + i);	/* what was open to be done is done by the next group */
		assert_int_equal(append(j, zone_a, 13 + i, 400, "three", NULL), ERR_OK);
		assert_int_equal(journal_commit(j, NULL), ERR_OK);
		assert_int_equal(marked_records(), 3 + i);
	}
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 16, 400, "undone", NULL), ERR_OK);
	journal_mark(j);
	assert_int_equal(marked_records(), 6);			/* never ahead */
	journal_rollback(j);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 16, 400, "six", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_close(j);
	assert_int_equal(marked_records(), 7);
	assert_int_equal(journal_open(path, &j, NULL), ERR_OK);
	journal_close(j);
}

/* Up to the last frame: zeros follow it. */
static off_t
log_used(const char *name)
{
	static uint8_t octets[8 << 20];
	FILE *f = fopen(name, "r");
	size_t n = fread(octets, 1, sizeof octets, f);

	fclose(f);
	while (n > 0 && octets[n - 1] == 0)
		n--;
	return 32 + (off_t)(n - 32 + 4119) / 4120 * 4120;
}

/* A log that is cut or garbled at its end would have SQLite go on with an older state. */
static void
test_damaged_log(void **state)
{
	char log[80], saved_db[80], saved_log[80];
	struct fault f = { 0 };
	struct journal *j, *other;
	off_t used;

	(void)state;
	snprintf(log, sizeof log, "%s-wal", path);
	snprintf(saved_db, sizeof saved_db, "%s/db", directory);
	snprintf(saved_log, sizeof saved_log, "%s/log", directory);
	j = fill();
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 13, 400, "three", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_mark(j);
	copy_file(path, saved_db);			/* as kill -9 would leave them */
	copy_file(log, saved_log);
	journal_close(j);
	used = log_used(saved_log);
	for (off_t size = used; size >= 0; size -= 997) {
		enum err err;

		copy_file(saved_db, path);
		copy_file(saved_log, log);
		truncate_file("-wal", size);
		err = journal_open(path, &other, &f);
		check(err == (size == used ? ERR_OK : ERR_DATABASE), "%lld octets: %s", (long long)size, err_str(err));
		if (err == ERR_OK)
			journal_close(other);
		else
			check(strstr(f.text, path) != NULL && strstr(f.text, "-wal") != NULL, "%s", f.text);
		remove(log);
	}
	unlink(saved_db);
	unlink(saved_log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_mark, clean_up),
		cmocka_unit_test_teardown(test_mark_follows, clean_up),
		cmocka_unit_test_teardown(test_damaged_log, clean_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

#include "tests/unit/check.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/zones/door.h"
#include "zones/journal.h"

static char directory[] = "/tmp/certns-notes.XXXXXX", path[64];

/* What a callback saw, as text. */
static char seen[4096];

static void
see(void *ctx, const char *name, const uint8_t *octets, size_t n)
{
	size_t len = strlen(seen);

	(void)ctx;
	snprintf(seen + len, sizeof seen - len, "%s=%.*s\n", name, (int)n, (const char *)octets);
}

static void
expect(struct journal *j, const char *want, const char *why)
{
	struct fault f = { 0 };
	enum err err;

	seen[0] = '\0';
	err = journal_each_note(j, see, NULL, &f);
	check(err == ERR_OK, "%s: %s", why, fault_str(&f, err));
	check(strcmp(seen, want) == 0, "%s: wanted %s, have %s", why, want, seen);
}

static struct journal *
open_it(void)
{
	struct journal *j = NULL;
	struct fault f = { 0 };

	check(journal_open(path, &j, &f) == ERR_OK, "it opens: %s", f.text);
	return j;
}

static void
put(struct journal *j, const char *name, const char *text)
{
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(journal_put_note(j, name, text, strlen(text), NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
}

static void
fill(void)
{
	struct journal *j = open_it();

	put(j, "order/www.example.com", "first");
	put(j, "host/www.example.com", "{}");
	put(j, "order/www.example.com", "second");
	put(j, "order/mail.example.com", "third");
	journal_close(j);
}

static int
clean_up(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm", "-journal" };
	char name[100];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(name, sizeof name, "%s%s", path, names[i]);
		unlink(name);
	}
	snprintf(name, sizeof name, "%s/journal.mark", directory);
	unlink(name);
	return 0;
}

static void
test_notes_outlast_a_restart(void **state)
{
	struct journal *j;

	(void)state;
	fill();
	j = open_it();
	expect(j, "host/www.example.com={}\norder/mail.example.com=third\norder/www.example.com=second\n",
	    "by name, the last");
	put(j, "order/www.example.com", "");
	put(j, "order/unknown", "");
	expect(j, "host/www.example.com={}\norder/mail.example.com=third\n",
	    "one is forgotten, and one that never was");
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(journal_put_note(j, "host/www.example.com", "undone", 6, NULL), ERR_OK);
	journal_rollback(j);
	expect(j, "host/www.example.com={}\norder/mail.example.com=third\n", "a group that fails");
	journal_close(j);
}

static void
execute(const char *statement)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	check(sqlite3_exec(db, statement, NULL, NULL, &message) == SQLITE_OK, "%s: %s", statement, message);
	sqlite3_close(db);
}

static const struct { const char *why, *statement; } damages[] = {
	{ "a value",		"UPDATE note SET value = x'00' WHERE name = 'order/mail.example.com'" },
	{ "no value",		"UPDATE note SET value = NULL WHERE name = 'order/mail.example.com'" },
	{ "a checksum",		"UPDATE note SET sum = x'00' WHERE name = 'order/mail.example.com'" },
	{ "no checksum",	"UPDATE note SET sum = NULL WHERE name = 'order/mail.example.com'" },
	{ "a name",		"UPDATE note SET name = 'order/nail.example.com' WHERE name = "
	    "'order/mail.example.com'" },
	{ "another's value",	"UPDATE note SET value = CAST('{}' AS BLOB) WHERE name = 'order/mail.example.com'" },
};

static void
test_a_damaged_note_is_forgotten_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct journal *j;

		fill();
		execute(damages[i].statement);
		j = open_it();
		expect(j, "host/www.example.com={}\norder/www.example.com=second\n", damages[i].why);
		journal_close(j);
		execute("CREATE TABLE proof (n INTEGER CHECK (n = 2)); INSERT INTO proof SELECT count(*) FROM note");
		clean_up(NULL);
	}
}

/* Version 2 had no notes; all else is as it was. */
static void
test_a_database_from_before_gets_notes(void **state)
{
	static const uint8_t apex[] = "\1a";
	struct journal_record r = { apex, 1, 2, 100, "update key", (const uint8_t *)"x", 1, NULL, 0 };
	struct journal *j = open_it();

	(void)state;
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(journal_append(j, &r, NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_close(j);
	execute("DROP TABLE note; UPDATE meta SET value = 2 WHERE name = 'version'");
	j = open_it();
	put(j, "a", "b");
	expect(j, "a=b\n", "an upgraded database");
	journal_close(j);
	execute("CREATE TABLE proof (n INTEGER CHECK (n = 1)); INSERT INTO proof SELECT count(*) FROM journal;"
	    "INSERT INTO proof SELECT count(*) FROM meta WHERE name = 'version' AND value = 4");
}

static void
test_notes_are_in_the_backup(void **state)
{
	struct journal_backup *b;
	struct journal *j;
	char copy[80];
	bool done = false;

	(void)state;
	fill();
	j = open_it();
	snprintf(copy, sizeof copy, "%s/copy.db", directory);
	assert_int_equal(journal_backup_new(j, copy, &b, NULL), ERR_OK);
	while (!done)
		assert_int_equal(journal_backup_step(b, &done, NULL), ERR_OK);
	journal_backup_free(b);
	journal_close(j);
	clean_up(NULL);
	assert_int_equal(rename(copy, path), 0);
	j = open_it();
	expect(j, "host/www.example.com={}\norder/mail.example.com=third\norder/www.example.com=second\n", "a copy");
	journal_close(j);
}

static void
note(struct door *d, const char *name, const char *text)
{
	assert_int_equal(commits_note(d->commits, name, text, strlen(text)), ERR_OK);
}

/* With the changes of their group, in one transaction; and alone. */
static void
test_notes_go_with_a_group(void **state)
{
	struct door d = { 0 };
	struct changeset changes = { 0 };

	(void)state;
	door_open(&d);
	note(&d, "alone", "1");
	assert_int_equal(commits_finish(d.commits, NULL), ERR_OK);
	expect(d.journal, "alone=1\n", "a group of one note");
	door_parse_changes("+www A 192.0.2.1", &changes);
	assert_int_equal(commits_stage(d.commits, &(struct commit_request){ .zone = d.zone, .changes = &changes,
	    .origin = ORIGIN_ACME, .by = "test", .now_s = 1000 }, NULL, NULL), ERR_OK);
	note(&d, "with", "old");
	note(&d, "with", "new");
	door_fail_journal(2);
	assert_int_not_equal(commits_finish(d.commits, NULL), ERR_OK);
	door_fail_journal(0);
	expect(d.journal, "alone=1\n", "a group that cannot be written");
	check(door_adds_up(&d), "the change is undone");
	assert_int_equal(commits_finish(d.commits, NULL), ERR_OK);
	expect(d.journal, "alone=1\nwith=new\n", "the note waits for the next one");
	assert_int_equal(commits_note(d.commits, "large", "", JOURNAL_NOTE_MAX + 1), ERR_RANGE);
	note(&d, "lost", "1");			/* freed with the door */
	changeset_clear(&changes);
	door_close(&d);
}

static int
setup(void **state)
{
	if (mkdtemp(directory) == NULL || door_setup(state) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/state.db", directory);
	return 0;
}

static int
teardown(void **state)
{
	rmdir(directory);
	return door_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_notes_outlast_a_restart, clean_up),
		cmocka_unit_test_teardown(test_a_damaged_note_is_forgotten_alone, clean_up),
		cmocka_unit_test_teardown(test_a_database_from_before_gets_notes, clean_up),
		cmocka_unit_test_teardown(test_notes_are_in_the_backup, clean_up),
		cmocka_unit_test(test_notes_go_with_a_group),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

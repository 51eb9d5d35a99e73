#include <stdio.h>
#include <string.h>

#include "zones/journal_internal.h"

#define SCHEMA_VERSION 4

/* Beyond that a look at every index takes too long for a start: their pages, and each row that is read, are checked. */
#define WHOLE_CHECK_MAX ((sqlite3_int64)256 << 20)

#define NOTE_TABLE "CREATE TABLE note (name TEXT PRIMARY KEY, value BLOB, sum BLOB) WITHOUT ROWID;"

/* The newest record always stays, so numbers are not used twice.  Up to version 3 SQLite saw to that too
 * (AUTOINCREMENT), which wrote one page more for each group; such a table is left as it is. */
static const char schema[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER);"
    "CREATE TABLE zone (apex BLOB PRIMARY KEY, source TEXT, base TEXT, base_serial INTEGER, image BLOB,"
    " image_seq INTEGER, sum BLOB, serial INTEGER, retired INTEGER, serial_sum BLOB) WITHOUT ROWID;"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, apex BLOB, serial_from INTEGER, serial_to INTEGER,"
    " time INTEGER, origin TEXT, digest BLOB, changes BLOB, sum BLOB, rcode INTEGER);"
    "CREATE INDEX journal_by_zone ON journal (apex, seq);"
    "CREATE TABLE answer (number INTEGER PRIMARY KEY, digest BLOB, rcode INTEGER, time INTEGER, sum BLOB);"
    NOTE_TABLE
    "INSERT INTO meta VALUES ('version', 4), ('puts', 0);";

/* Version 1 had no table of answers. */
static const char from_1[] =
    "CREATE TABLE answer (number INTEGER PRIMARY KEY, digest BLOB, rcode INTEGER, time INTEGER, sum BLOB);"
    "DROP INDEX journal_by_time;"
    NOTE_TABLE
    "UPDATE meta SET value = 4 WHERE name = 'version';"
    "INSERT INTO meta VALUES ('puts', 0);";

/* Version 2 had no notes. */
static const char from_2[] =
    NOTE_TABLE
    "UPDATE meta SET value = 4 WHERE name = 'version';";

/* Version 3 had all answers in the table, and looked nowhere else. */
static const char from_3[] = "UPDATE meta SET value = 4 WHERE name = 'version';";

/* The first column of the first row as a number. */
static enum err
ask_number(struct journal *j, const char *text, sqlite3_int64 *out, struct fault *f)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(j->db, text, -1, &st, NULL);
	enum err err = ERR_OK;

	if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	else
		err = journal_failed(j, code == SQLITE_DONE ? SQLITE_CORRUPT : code, "cannot read", f);
	sqlite3_finalize(st);
	return err;
}

/* The schema's version, 0 for an empty database. */
static enum err
read_version(struct journal *j, sqlite3_int64 *version, struct fault *f)
{
	sqlite3_int64 made;
	enum err err = ask_number(j, "SELECT count(*) FROM sqlite_master", &made, f);

	*version = 0;
	return err != ERR_OK || made == 0 ? err : ask_number(j, "SELECT value FROM meta WHERE name = 'version'",
	    version, f);
}

/* Checksums tell of rows that are damaged, this one of rows that are no longer found. */
static enum err
check_structure(struct journal *j, struct fault *f)
{
	sqlite3_int64 pages, size;
	sqlite3_stmt *st = NULL;
	const char *words = "?";
	enum err err;
	int code;

	if ((err = ask_number(j, "PRAGMA page_count", &pages, f)) != ERR_OK ||
	    (err = ask_number(j, "PRAGMA page_size", &size, f)) != ERR_OK)
		return err;
	code = sqlite3_prepare_v2(j->db, pages * size <= WHOLE_CHECK_MAX ?
	    "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", -1, &st, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
		words = (const char *)sqlite3_column_text(st, 0);
	if (code != SQLITE_ROW)
		err = journal_failed(j, code, "cannot check", f);
	else if (words == NULL || strcmp(words, "ok") != 0)
		err = fault_set(f, ERR_DATABASE, "%s: it is damaged: %s (" JOURNAL_GO_ON ")", j->path, words == NULL ?
		    "?" : words);
	sqlite3_finalize(st);
	return err;
}

static enum err
change_tables(struct journal *j, const char *statements, struct fault *f)
{
	char text[sizeof schema + sizeof from_1];
	enum err err;

	snprintf(text, sizeof text, "BEGIN; %s COMMIT;", statements);
	if ((err = journal_execute(j, text, "cannot set up", f)) != ERR_OK)
		(void)sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

enum err
journal_prepare(struct journal *j, struct fault *f)
{
	static const char *const ways[SCHEMA_VERSION] = { schema, from_1, from_2, from_3 };
	sqlite3_int64 version;
	enum err err;

	/* Another certnsd on the same state would be a disaster: hold the lock as long as we live. */
	if ((err = journal_execute(j, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous "
	    "= FULL;BEGIN IMMEDIATE; COMMIT;", "cannot open", f)) != ERR_OK)
		return err == ERR_BUSY ? fault_set(f, err, "%s: in use by another certnsd", j->path) : err;
	if ((err = read_version(j, &version, f)) != ERR_OK)
		return err;
	if (version > SCHEMA_VERSION)
		return fault_set(f, ERR_DATABASE, "%s: made by a newer certns (version %lld, this one knows %d)",
		    j->path, (long long)version, SCHEMA_VERSION);
	if ((err = check_structure(j, f)) != ERR_OK)
		return err;
	return version < SCHEMA_VERSION ? change_tables(j, ways[version], f) : ERR_OK;
}

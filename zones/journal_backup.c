/* A copy is made in slices, between which the keeper goes on: what it writes meanwhile goes to the copy too (the same
 * connection does both), so that the copy is the state at its end. */
#include <stdlib.h>
#include <string.h>

#include "zones/journal_internal.h"

#define SLICE_PAGES 64

struct journal_backup {
	struct journal *journal;
	sqlite3 *copy;
	sqlite3_backup *backup;
	char *path;
};

static enum err
copy_failed(const struct journal_backup *b, int code, struct fault *f)
{
	enum err err = code == SQLITE_FULL ? ERR_NOSPACE : code == SQLITE_NOMEM ? ERR_NOMEM : ERR_IO;

	return fault_set(f, err, "%s: cannot write: %s", b->path, sqlite3_errstr(code));
}

enum err
journal_backup_new(struct journal *j, const char *path, struct journal_backup **out, struct fault *f)
{
	struct journal_backup *b = calloc(1, sizeof *b);
	enum err err;
	int code;

	if (b == NULL || (b->path = strdup(path)) == NULL) {
		free(b);
		return ERR_NOMEM;
	}
	b->journal = j;
	code = sqlite3_open_v2(path, &b->copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	/* Nobody believes the copy before it is complete and synced, which is its maker's to do. */
	if (code == SQLITE_OK)
		code = sqlite3_exec(b->copy, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (code == SQLITE_OK && (b->backup = sqlite3_backup_init(b->copy, "main", j->db, "main")) == NULL)
		code = sqlite3_errcode(b->copy);
	if (code != SQLITE_OK) {
		err = copy_failed(b, code, f);
		journal_backup_free(b);
		return err;
	}
	*out = b;
	return ERR_OK;
}

enum err
journal_backup_step(struct journal_backup *b, bool *done, struct fault *f)
{
	int code = sqlite3_backup_step(b->backup, SLICE_PAGES);

	*done = code == SQLITE_DONE;
	return code == SQLITE_OK || code == SQLITE_DONE ? ERR_OK : copy_failed(b, code, f);
}

void
journal_backup_free(struct journal_backup *b)
{
	if (b == NULL)
		return;
	sqlite3_backup_finish(b->backup);
	sqlite3_close(b->copy);
	free(b->path);
	free(b);
}

enum err
journal_check_copy(const char *path, struct fault *f)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	const char *words = NULL;
	enum err err = ERR_OK;
	int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK)		/* no -shm is left behind */
		code = sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &st, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
		words = (const char *)sqlite3_column_text(st, 0);
	if (words == NULL || strcmp(words, "ok") != 0)
		err = fault_set(f, code == SQLITE_FULL ? ERR_NOSPACE : ERR_DATABASE, "%s: the copy is not good: %s",
		    path, words != NULL ? words : sqlite3_errstr(code));
	sqlite3_finalize(st);
	sqlite3_close(db);
	return err;
}

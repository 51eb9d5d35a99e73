#include <string.h>

#include "base/log.h"
#include "zones/journal_internal.h"

enum err
journal_put_note(struct journal *j, const char *name, const void *octets, size_t n, struct fault *f)
{
	sqlite3_stmt *st = j->statements[n == 0 ? ST_DROP_NOTE : ST_PUT_NOTE];
	uint8_t sum[JOURNAL_SUM];
	enum err err;
	int code = sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);

	if (n == 0)
		return journal_run(j, ST_DROP_NOTE, code, "cannot forget a note", f);
	if ((err = journal_sum_note(name, octets, n, sum)) != ERR_OK) {
		sqlite3_clear_bindings(st);
		return err;
	}
	code = code != SQLITE_OK ? code : journal_bind(st, 2, octets, n);
	code = code != SQLITE_OK ? code : journal_bind(st, 3, sum, sizeof sum);
	return journal_run(j, ST_PUT_NOTE, code, "cannot write a note", f);
}

static bool
is_whole(sqlite3_stmt *st, const char *name)
{
	uint8_t sum[JOURNAL_SUM];

	/* A name with a NUL inside is none of ours. */
	return name != NULL && strlen(name) == (size_t)sqlite3_column_bytes(st, 0) &&
	    journal_sum_note(name, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), sum) == ERR_OK &&
	    journal_column_is_sum(st, 2, sum);
}

/* Forget the notes whose names stand in names, each as its length and octets. */
static enum err
drop(struct journal *j, const struct buf *names, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_DROP_NOTE];
	enum err err = ERR_OK;
	size_t n;

	if (names->failed)
		return ERR_NOMEM;
	for (size_t at = 0; err == ERR_OK && at < names->len; at += n) {
		const char *name = (const char *)names->p + at + sizeof n;

		memcpy(&n, names->p + at, sizeof n);
		at += sizeof n;
		err = journal_run(j, ST_DROP_NOTE, sqlite3_bind_text64(st, 1, name, n, SQLITE_STATIC, SQLITE_UTF8),
		    "cannot forget a note", f);
	}
	return err;
}

enum err
journal_each_note(struct journal *j, void (*each)(void *ctx, const char *name, const uint8_t *octets, size_t n),
    void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_NOTES];
	struct buf damaged = { 0 };
	enum err err = ERR_OK;
	int code;

	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		size_t name_n = (size_t)sqlite3_column_bytes(st, 0);

		if (code != SQLITE_ROW) {
			err = journal_failed(j, code, "cannot read notes", f);
		} else if (is_whole(st, name)) {
			each(ctx, name, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		} else {
			log_error("%s: the note \"%s\" is damaged, and forgotten", j->path, name != NULL ? name : "");
			buf_add(&damaged, &name_n, sizeof name_n);
			buf_add(&damaged, name, name_n);
		}
	}
	sqlite3_reset(st);
	if (err == ERR_OK)
		err = drop(j, &damaged, f);
	buf_clear(&damaged);
	return err;
}

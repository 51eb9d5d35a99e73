#include <string.h>

#include "zones/journal_internal.h"

#define RECORD_OVERHEAD 120		/* octets: its other columns, and its place in the index */
#define PRUNE_MOST 5000			/* records in one go: the keeper has other things to do */

static uint64_t
counted(uint64_t octets)
{
	return octets + RECORD_OVERHEAD;
}

uint64_t
journal_record_size(const struct journal_record *r)
{
	return counted(r->n + strlen(r->origin));
}

/* The newest record that is too much; 0: none. */
static enum err
find_cut(struct journal *j, const uint8_t *apex, uint64_t depth, uint64_t usage, int64_t *cut, uint64_t *kept,
    uint64_t *octets, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_SIZES];
	int code = journal_bind(st, 1, apex, dname_len(apex));
	enum err err = ERR_OK;

	*cut = 0;
	*kept = *octets = 0;
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	for (; code == SQLITE_ROW; code = sqlite3_step(st)) {
		uint64_t size = counted((uint64_t)sqlite3_column_int64(st, 1));

		if (*kept >= depth || *octets + size > usage) {
			*cut = sqlite3_column_int64(st, 0);
			break;
		}
		++*kept;
		*octets += size;
	}
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		err = journal_failed(j, code, "cannot read changes", f);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

static int
bind_cut(sqlite3_stmt *st, const uint8_t *apex, int64_t cut)
{
	int code = journal_bind(st, 1, apex, dname_len(apex));

	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 2, cut);
	return code != SQLITE_OK ? code : sqlite3_bind_int64(st, 3, PRUNE_MOST);
}

enum err
journal_prune(struct journal *j, const uint8_t *apex, uint64_t depth, uint64_t usage, int64_t answers_since_s,
    uint64_t *kept, uint64_t *octets, struct fault *f)
{
	sqlite3_stmt *keep = j->statements[ST_KEEP_ANSWERS], *drop = j->statements[ST_PRUNE];
	int64_t cut;
	enum err err = find_cut(j, apex, depth, usage, &cut, kept, octets, f);
	int code;

	if (err != ERR_OK || cut == 0)
		return err;
	if ((code = bind_cut(keep, apex, cut)) == SQLITE_OK)
		code = sqlite3_bind_int64(keep, 4, answers_since_s);
	if ((err = journal_run(j, ST_KEEP_ANSWERS, code, "cannot keep answers", f)) != ERR_OK ||
	    (err = journal_run(j, ST_PRUNE, bind_cut(drop, apex, cut), "cannot drop old changes", f)) != ERR_OK)
		return err;
	if (sqlite3_changes(j->db) == PRUNE_MOST)
		*kept = UINT64_MAX;		/* there may be more */
	return ERR_OK;
}

enum err
journal_forget_answers(struct journal *j, int64_t before_s, struct fault *f)
{
	sqlite3_stmt *first = j->statements[ST_FIRST_ANSWER], *st = j->statements[ST_FORGET];
	int code;

	sqlite3_bind_int64(first, 1, before_s);
	code = sqlite3_step(first);
	int64_t number = code == SQLITE_ROW ? sqlite3_column_int64(first, 0) : INT64_MAX;
	sqlite3_reset(first);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return journal_failed(j, code, "cannot read answers", f);
	return journal_run(j, ST_FORGET, sqlite3_bind_int64(st, 1, number), "cannot drop old answers", f);
}

/* zones/journal_internal.h -- shared by the files of the journal, and by nobody else:
 *
 *   journal.c           opening, groups, writing     journal_read.c     zones, records, history, answers
 *   journal_schema.c    tables, versions, checks     journal_prune.c    how much history is kept
 *   journal_sum.c       checksums of rows            journal_mark.c     the file that tells of lost groups
 *   journal_backup.c    copies                      journal_notes.c    what others keep here */
#ifndef ZONES_JOURNAL_INTERNAL_H
#define ZONES_JOURNAL_INTERNAL_H

#include <sqlite3.h>

#include "zones/journal.h"

#define JOURNAL_SUM 16			/* octets of SHA-256 that are kept */
#define JOURNAL_GO_ON "restore a backup, or move the file, its -wal and journal.mark away: zones then come from git alone, " \
	"above the serials that their secondaries have, and without changes not yet pushed"

enum statement {
	ST_BEGIN, ST_COMMIT, ST_ROLLBACK, ST_NEWEST, ST_COUNT_PUTS, ST_PUT_ZONE, ST_APPEND, ST_ANSWERED, ST_FIRST_ANSWER,
	ST_FORGET, ST_SIZES, ST_KEEP_ANSWERS, ST_PRUNE, ST_ZONES, ST_ZONE, ST_RECORDS, ST_CHANGES_FROM, ST_STEPS, ST_ANSWERS, ST_ANSWERS_IN_RECORDS, ST_PUT_NOTE, ST_DROP_NOTE,
	ST_NOTES, NSTATEMENTS
};

/* --- journal_mark.c --- */

#define MARK_ZONES 12

struct mark_zone {
	struct dname apex;
	uint32_t serial;
};
struct mark_state {
	uint64_t records, puts;		/* the newest record's number; groups that wrote rows of zones */
	unsigned n;
	struct mark_zone zones[MARK_ZONES];	/* the last ones written, newest first */
};
struct mark {
	char *path;
	int fd;				/* -1: not open yet */
	bool complained, owed;		/* owed: the file does not say now yet */
	struct mark_state next;		/* with the open group */
	struct mark_state now;		/* synced */
};

enum err mark_init(struct mark *m, const char *database);
void mark_clear(struct mark *m);
void mark_note(struct mark *m, const uint8_t *apex, uint32_t serial);
void mark_forget(struct mark *m);	/* the open group is undone */
void mark_synced(struct mark *m);	/* it is synced */
void mark_write(struct mark *m);	/* if it is owed; a failure is logged once, and leaves an older mark */

/* What the file says; ERR_NOT_FOUND: nothing. */
enum err mark_read(const struct mark *m, struct mark_state *out, struct fault *f);

/* --- */

struct journal {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[NSTATEMENTS];
	bool puts;			/* the open group wrote a row of a zone */
	struct mark mark;
	bool unmarked;
};

/* --- journal.c --- */

enum err journal_failed(struct journal *j, int code, const char *what, struct fault *f);
enum err journal_execute(struct journal *j, const char *text, const char *what, struct fault *f);

/* Run a statement that gives no rows.  bound: what binding its values came to. */
enum err journal_run(struct journal *j, enum statement which, int bound, const char *what, struct fault *f);

/* Binding fails for lack of memory, or for what is too large; a NULL must not take its place. */
int journal_bind(sqlite3_stmt *st, int i, const void *octets, size_t n);

enum err journal_newest(struct journal *j, int64_t *seq, struct fault *f);

/* Does a row's column hold this sum? */
bool journal_column_is_sum(sqlite3_stmt *st, int column, const uint8_t sum[JOURNAL_SUM]);

/* --- journal_schema.c: make or convert the tables, and check that all that is there is found. */
enum err journal_prepare(struct journal *j, struct fault *f);

/* --- journal_sum.c: whatever a restart believes has a checksum --- */

enum err journal_sum_zone(const struct journal_zone *z, uint8_t sum[JOURNAL_SUM]);	/* but for serial and retired */
enum err journal_sum_serial(const struct journal_zone *z, uint8_t sum[JOURNAL_SUM]);

/* digest (NULL: none) and rcode: only in records of the first version. */
enum err journal_sum_record(const struct journal_record *r, uint8_t sum[JOURNAL_SUM]);
enum err journal_sum_answer(const struct journal_answer *a, uint8_t sum[JOURNAL_SUM]);
enum err journal_sum_note(const char *name, const void *octets, size_t n, uint8_t sum[JOURNAL_SUM]);
enum err journal_sum_octets(const void *octets, size_t n, uint8_t sum[JOURNAL_SUM]);

#endif

#include "zones/journal.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "zones/journal_internal.h"

#define LOG_SIZE (1100 * 4120)		/* octets: SQLite checkpoints at 1000 pages; each has a header of 24 */

#define ZONE_COLUMNS "apex, source, base, base_serial, image, image_seq, sum, serial, retired, serial_sum, " \
	"(SELECT serial_from FROM journal AS r WHERE r.apex = zone.apex AND r.seq > zone.image_seq ORDER BY r.seq LIMIT 1), " \
	"(SELECT serial_to FROM journal AS r WHERE r.apex = zone.apex AND r.seq > zone.image_seq ORDER BY r.seq DESC LIMIT 1)"

/* Of zone ?1, up to record ?2 and to what its image holds.  The newest record of all stays: its number goes into images. */
#define TOO_MUCH "(SELECT seq FROM journal WHERE apex = ?1 AND seq <= ?2 AND seq <= (SELECT image_seq FROM zone WHERE apex = ?1) " \
	"AND seq < (SELECT max(seq) FROM journal) ORDER BY seq LIMIT ?3)"
#define RECORD_COLUMNS "seq, serial_from, serial_to, time, origin, digest, changes, sum, rcode"

static const char *const sql[NSTATEMENTS] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_NEWEST] = "SELECT coalesce(max(seq), 0) FROM journal",
	[ST_COUNT_PUTS] = "UPDATE meta SET value = ?1 WHERE name = 'puts'",
	[ST_PUT_ZONE] =
	    "INSERT INTO zone (apex, source, base, base_serial, image, image_seq, sum, serial, retired, serial_sum) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
	    "ON CONFLICT (apex) DO UPDATE SET source = ?2, base = ?3, base_serial = ?4, image = ?5, image_seq = ?6, sum = ?7, "
	    "serial = ?8, retired = ?9, serial_sum = ?10",
	[ST_APPEND] =
	    "INSERT INTO journal (apex, serial_from, serial_to, time, origin, changes, sum, digest, rcode) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ST_ANSWERED] = "INSERT INTO answer (digest, rcode, time, sum) VALUES (?1, ?2, ?3, ?4)",
	[ST_FIRST_ANSWER] = "SELECT number FROM answer WHERE time >= ?1 ORDER BY number LIMIT 1",
	[ST_FORGET] = "DELETE FROM answer WHERE number < ?1",
	[ST_SIZES] = "SELECT seq, length(changes) + length(origin) FROM journal WHERE apex = ?1 ORDER BY seq DESC",
	/* They have no sum, and are forgotten within minutes. */
	[ST_KEEP_ANSWERS] =
	    "INSERT INTO answer (digest, rcode, time) SELECT digest, rcode, time FROM journal WHERE seq IN " TOO_MUCH
	    " AND digest IS NOT NULL AND time >= ?4",
	[ST_PRUNE] = "DELETE FROM journal WHERE seq IN " TOO_MUCH,
	[ST_ZONES] = "SELECT " ZONE_COLUMNS " FROM zone",
	[ST_ZONE] = "SELECT " ZONE_COLUMNS " FROM zone WHERE apex = ?1",
	[ST_RECORDS] =
	    "SELECT " RECORD_COLUMNS " FROM journal "
	    "WHERE apex = ?1 AND seq > ?2 ORDER BY seq",
	[ST_CHANGES_FROM] =
	    "SELECT max(seq) FROM journal WHERE apex = ?1 AND serial_from = ?2 AND serial_to <> ?2",
	[ST_STEPS] =
	    "SELECT serial_from, serial_to, length(changes) FROM journal WHERE apex = ?1 AND seq > ?2 ORDER BY seq",
	[ST_ANSWERS] = "SELECT digest, rcode, time, sum FROM answer WHERE time >= ?1",
	/* There is no index by time: this looks from the end on, and no further than needed. */
	[ST_ANSWERS_IN_RECORDS] =
	    "SELECT " RECORD_COLUMNS ", apex FROM journal WHERE seq > coalesce((SELECT seq FROM journal WHERE time < ?1 "
	    "ORDER BY seq DESC LIMIT 1), 0) AND digest IS NOT NULL ORDER BY seq",
	[ST_PUT_NOTE] =
	    "INSERT INTO note (name, value, sum) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET value = ?2, sum = ?3",
	[ST_DROP_NOTE] = "DELETE FROM note WHERE name = ?1",
	[ST_NOTES] = "SELECT name, value, sum FROM note"
};

static enum err
err_from_sqlite(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:	return ERR_OK;
	case SQLITE_NOMEM:	return ERR_NOMEM;
	case SQLITE_FULL:	return ERR_NOSPACE;
	case SQLITE_IOERR:	return ERR_IO;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:	return ERR_ACCESS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:	return ERR_BUSY;
	default:		return ERR_DATABASE;
	}
}

enum err
journal_failed(struct journal *j, int code, const char *what, struct fault *f)
{
	enum err err = err_from_sqlite(code);

	return fault_set(f, err, "%s: %s: %s%s", j->path, what, sqlite3_errmsg(j->db), err == ERR_DATABASE ?
	    " (" JOURNAL_GO_ON ")" : "");
}

int
journal_bind(sqlite3_stmt *st, int i, const void *octets, size_t n)
{
	return sqlite3_bind_blob64(st, i, n == 0 ? (const void *)"" : octets, n, SQLITE_STATIC);
}

enum err
journal_run(struct journal *j, enum statement which, int bound, const char *what, struct fault *f)
{
	sqlite3_stmt *st = j->statements[which];
	int code = bound == SQLITE_OK ? sqlite3_step(st) : bound;

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return code == SQLITE_DONE || code == SQLITE_ROW ? ERR_OK : journal_failed(j, code, what, f);
}

enum err
journal_execute(struct journal *j, const char *text, const char *what, struct fault *f)
{
	int code = sqlite3_exec(j->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? ERR_OK : journal_failed(j, code, what, f);
}

enum err
journal_newest(struct journal *j, int64_t *seq, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_NEWEST];
	int code = sqlite3_step(st);

	*seq = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return code == SQLITE_ROW ? ERR_OK : journal_failed(j, code, "cannot read", f);
}

/* --- opening --- */

/* How far the database is. */
static enum err
read_state(struct journal *j, struct mark_state *out, struct fault *f)
{
	sqlite3_stmt *st = NULL;
	int64_t newest;
	enum err err = journal_newest(j, &newest, f);
	int code;

	if (err != ERR_OK)
		return err;
	code = sqlite3_prepare_v2(j->db, "SELECT value FROM meta WHERE name = 'puts'", -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	*out = (struct mark_state){ .records = (uint64_t)newest, .puts = code == SQLITE_ROW ?
	    (uint64_t)sqlite3_column_int64(st, 0) : 0 };
	if (code != SQLITE_ROW)
		err = journal_failed(j, code == SQLITE_DONE ? SQLITE_CORRUPT : code, "cannot read", f);
	sqlite3_finalize(st);
	return err;
}

static enum err
take_serial(void *ctx, const struct journal_zone *z)
{
	uint32_t *serial = ctx;

	*serial = z->serial;
	return ERR_OK;
}

/* Words for what the mark's zones have lost, as far as it shows. */
static void
add_lost_zones(struct journal *j, const struct mark_state *mark, struct buf *words)
{
	char name[DNAME_TEXT_MAX];
	unsigned lost = 0;

	for (unsigned i = 0; i < mark->n; i++) {
		const struct mark_zone *z = &mark->zones[i];
		uint32_t serial = 0;

		if (journal_find_zone(j, z->apex.octets, take_serial, &serial, NULL) == ERR_OK && serial == z->serial)
			continue;
		if (lost++ < 4)
			buf_printf(words, "%s%s had serial %u, here it has %u", lost == 1 ? ": " : ", ",
			    dname_print_host(z->apex.octets, name), z->serial, serial);
	}
	if (lost > 4)
		buf_printf(words, " and %u more", lost - 4);
}

static enum err
complain_of_loss(struct journal *j, const struct mark_state *have, const struct mark_state *mark, struct fault *f)
{
	struct buf words = { 0 };
	enum err err;

	if (mark->records > have->records)
		buf_printf(&words, "%llu changes that were acknowledged", (unsigned long long)(mark->records - have->records));
	else
		buf_add_str(&words, "notes of what was written to git");
	add_lost_zones(j, mark, &words);
	err = fault_set(f, ERR_DATABASE, "%s: it is missing, truncated or damaged at its end or that of its -wal: it lacks %s.  Restore "
	    "a backup; or remove %s to accept the loss: zones then go on with what is here and what git has, and "
	    "serials below what secondaries have must be raised", j->path, buf_str(&words) == NULL ? "changes" : buf_str(&words),
	    j->mark.path);
	buf_clear(&words);
	return err;
}

bool
journal_is_unmarked(const struct journal *j)
{
	return j->unmarked;
}

/* Is the database as far as it was?  Then the mark goes on from there. */
static enum err
check_mark(struct journal *j, struct fault *f)
{
	struct mark_state have, mark;
	struct fault words = { 0 };
	enum err err = read_state(j, &have, f), found;

	if (err != ERR_OK)
		return err;
	found = mark_read(&j->mark, &mark, &words);
	if (found == ERR_OK && (mark.records > have.records || mark.puts > have.puts))
		return complain_of_loss(j, &have, &mark, f);
	if (found == ERR_OK)
		memcpy(have.zones, mark.zones, (have.n = mark.n) * sizeof have.zones[0]);
	else if (found == ERR_NOT_FOUND)
		j->unmarked = true;
	else
		log_warning("%s: whether changes were lost cannot be told; it is written anew", fault_str(&words, found));
	j->mark.next = have;
	mark_synced(&j->mark);
	mark_write(&j->mark);
	return ERR_OK;
}

/* A log that grows makes each sync a sync of the file's size as well, which takes twice as long.  SQLite begins it anew every
 * thousand pages: so many are made at once, of zeros, which it takes for the end.  Without room it grows as ever. */
static void
grow_log(const struct journal *j)
{
	static const uint8_t zeros[65536];
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof path, "%s-wal", j->path) >= PATH_MAX || (fd = open(path, O_WRONLY | O_CLOEXEC)) < 0)
		return;
	if (fstat(fd, &st) == 0)
		for (off_t at = st.st_size; at < LOG_SIZE; at += (off_t)sizeof zeros)
			if (pwrite(fd, zeros, sizeof zeros, at) != (ssize_t)sizeof zeros)
				break;
	close(fd);
}

static enum err
prepare(struct journal *j, struct fault *f)
{
	enum err err = journal_prepare(j, f);

	for (int i = 0; err == ERR_OK && i < NSTATEMENTS; i++) {
		int code = sqlite3_prepare_v3(j->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &j->statements[i], NULL);

		if (code != SQLITE_OK)
			err = journal_failed(j, code, "cannot prepare", f);
	}
	if (err == ERR_OK && (err = check_mark(j, f)) == ERR_OK)
		grow_log(j);
	return err;
}

enum err
journal_open(const char *path, struct journal **out, struct fault *f)
{
	struct journal *j = calloc(1, sizeof *j);
	enum err err = ERR_NOMEM;
	int code;

	if (j == NULL || (j->path = strdup(path)) == NULL || mark_init(&j->mark, path) != ERR_OK) {
		journal_close(j);
		return ERR_NOMEM;
	}
	code = sqlite3_open_v2(path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK && j->db != NULL)
		err = journal_failed(j, code, "cannot open", f);
	else if (code == SQLITE_OK)
		err = prepare(j, f);
	if (err != ERR_OK) {
		journal_close(j);
		return err;
	}
	*out = j;
	return ERR_OK;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	for (int i = 0; i < NSTATEMENTS; i++)
		sqlite3_finalize(j->statements[i]);
	sqlite3_close(j->db);
	mark_write(&j->mark);
	mark_clear(&j->mark);
	free(j->path);
	free(j);
}

/* --- groups --- */

enum err
journal_begin(struct journal *j, struct fault *f)
{
	j->puts = false;
	mark_write(&j->mark);
	return journal_run(j, ST_BEGIN, SQLITE_OK, "cannot begin", f);
}

enum err
journal_commit(struct journal *j, struct fault *f)
{
	enum err err = ERR_OK;

	if (j->puts) {
		j->mark.next.puts = j->mark.now.puts + 1;
		err = journal_run(j, ST_COUNT_PUTS, sqlite3_bind_int64(j->statements[ST_COUNT_PUTS], 1,
		    (sqlite3_int64)j->mark.next.puts), "cannot write", f);
	}
	if (err == ERR_OK)
		err = journal_run(j, ST_COMMIT, SQLITE_OK, "cannot write", f);
	if (err == ERR_OK)
		mark_synced(&j->mark);
	return err;
}

void
journal_mark(struct journal *j)
{
	mark_write(&j->mark);
}

void
journal_rollback(struct journal *j)
{
	/* After some failures SQLite has rolled back by itself, and then this one's complaint says nothing. */
	if (sqlite3_get_autocommit(j->db) == 0)
		(void)journal_run(j, ST_ROLLBACK, SQLITE_OK, "cannot roll back", NULL);
	mark_forget(&j->mark);
}

/* --- writing --- */

static int
bind_zone(sqlite3_stmt *st, const struct journal_zone *z, const uint8_t sum[JOURNAL_SUM], const uint8_t serial_sum[JOURNAL_SUM])
{
	int code = journal_bind(st, 1, z->apex.octets, dname_len(z->apex.octets));

	code = code != SQLITE_OK ? code : sqlite3_bind_text(st, 2, z->source, -1, SQLITE_STATIC);
	code = code != SQLITE_OK ? code : sqlite3_bind_text(st, 3, z->base, -1, SQLITE_STATIC);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 4, z->base_serial);
	code = code != SQLITE_OK ? code : journal_bind(st, 5, z->image, z->image_n);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 6, z->image_seq);
	code = code != SQLITE_OK ? code : journal_bind(st, 7, sum, JOURNAL_SUM);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 8, z->serial);
	code = code != SQLITE_OK ? code : sqlite3_bind_int(st, 9, z->retired);
	return code != SQLITE_OK ? code : journal_bind(st, 10, serial_sum, JOURNAL_SUM);
}

enum err
journal_put_zone(struct journal *j, const struct journal_zone *zone, struct fault *f)
{
	struct journal_zone z = *zone;
	uint8_t sum[JOURNAL_SUM], serial_sum[JOURNAL_SUM];
	enum err err;

	assert(sqlite3_get_autocommit(j->db) == 0);
	if ((err = journal_newest(j, &z.image_seq, f)) != ERR_OK || (err = journal_sum_zone(&z, sum)) != ERR_OK ||
	    (err = journal_sum_serial(&z, serial_sum)) != ERR_OK)
		return err;
	err = journal_run(j, ST_PUT_ZONE, bind_zone(j->statements[ST_PUT_ZONE], &z, sum, serial_sum), "cannot write a zone", f);
	if (err == ERR_OK) {
		j->puts = true;
		mark_note(&j->mark, z.apex.octets, z.serial);
	}
	return err;
}

enum err
journal_append(struct journal *j, const struct journal_record *r, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_APPEND];
	uint8_t sum[JOURNAL_SUM];
	enum err err = journal_sum_record(r, sum);
	int code;

	assert(sqlite3_get_autocommit(j->db) == 0);
	if (err != ERR_OK)
		return err;
	code = journal_bind(st, 1, r->apex, dname_len(r->apex));
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 2, r->serial_from);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 3, r->serial_to);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 4, r->time_s);
	code = code != SQLITE_OK ? code : sqlite3_bind_text(st, 5, r->origin, -1, SQLITE_STATIC);
	code = code != SQLITE_OK ? code : journal_bind(st, 6, r->changes, r->n);
	code = code != SQLITE_OK ? code : journal_bind(st, 7, sum, sizeof sum);
	if (code == SQLITE_OK && r->digest != NULL)
		code = journal_bind(st, 8, r->digest, 32);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 9, r->rcode);
	err = journal_run(j, ST_APPEND, code, "cannot write a change", f);
	if (err == ERR_OK) {
		j->mark.next.records = (uint64_t)sqlite3_last_insert_rowid(j->db);
		mark_note(&j->mark, r->apex, r->serial_to);
	}
	return err;
}

enum err
journal_answered(struct journal *j, const struct journal_answer *a, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_ANSWERED];
	uint8_t sum[JOURNAL_SUM];
	enum err err = journal_sum_answer(a, sum);
	int code;

	if (err != ERR_OK)
		return err;
	code = journal_bind(st, 1, a->digest, sizeof a->digest);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 2, a->rcode);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 3, a->time_s);
	code = code != SQLITE_OK ? code : journal_bind(st, 4, sum, sizeof sum);
	return journal_run(j, ST_ANSWERED, code, "cannot write an answer", f);
}

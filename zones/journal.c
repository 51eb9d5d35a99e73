#include "zones/journal.h"

#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_VERSION 1
#define SUM_SIZE 16		/* octets of SHA-256 that are kept */
#define HOW_TO_GO_ON "restore a backup, or move the file away: zones then come from git alone, without changes not yet pushed"

enum statement {
	ST_BEGIN, ST_COMMIT, ST_ROLLBACK, ST_NEWEST, ST_PUT_ZONE, ST_PUT_SERIAL, ST_APPEND, ST_PRUNE, ST_ZONES, ST_ZONE,
	ST_RECORDS, ST_DIGESTS, NSTATEMENTS
};

#define ZONE_COLUMNS "apex, source, base, base_serial, image, image_seq, sum, serial, retired, serial_sum"

static const char *const sql[NSTATEMENTS] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_NEWEST] = "SELECT coalesce(max(seq), 0) FROM journal",
	[ST_PUT_ZONE] =
	    "INSERT INTO zone (apex, source, base, base_serial, image, image_seq, sum, serial, retired, serial_sum) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
	    "ON CONFLICT (apex) DO UPDATE SET source = ?2, base = ?3, base_serial = ?4, image = ?5, image_seq = ?6, sum = ?7, "
	    "serial = ?8, retired = ?9, serial_sum = ?10",
	[ST_PUT_SERIAL] = "UPDATE zone SET serial = ?8, retired = ?9, serial_sum = ?10 WHERE apex = ?1",
	[ST_APPEND] =
	    "INSERT INTO journal (apex, serial_from, serial_to, time, origin, digest, changes, sum, rcode) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ST_PRUNE] =
	    "DELETE FROM journal WHERE time < ?1 AND seq < (SELECT max(seq) FROM journal) AND "
	    "seq <= coalesce((SELECT image_seq FROM zone WHERE zone.apex = journal.apex), 0)",
	[ST_ZONES] = "SELECT " ZONE_COLUMNS " FROM zone",
	[ST_ZONE] = "SELECT " ZONE_COLUMNS " FROM zone WHERE apex = ?1",
	[ST_RECORDS] =
	    "SELECT seq, serial_from, serial_to, time, origin, digest, changes, sum, rcode FROM journal "
	    "WHERE apex = ?1 AND seq > ?2 ORDER BY seq",
	[ST_DIGESTS] = "SELECT digest, rcode, time FROM journal WHERE digest IS NOT NULL AND time >= ?1"
};

static const char schema[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER);"
    "CREATE TABLE zone (apex BLOB PRIMARY KEY, source TEXT, base TEXT, base_serial INTEGER, image BLOB,"
    " image_seq INTEGER, sum BLOB, serial INTEGER, retired INTEGER, serial_sum BLOB) WITHOUT ROWID;"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, apex BLOB, serial_from INTEGER, serial_to INTEGER,"
    " time INTEGER, origin TEXT, digest BLOB, changes BLOB, sum BLOB, rcode INTEGER);"
    "CREATE INDEX journal_by_zone ON journal (apex, seq);"
    "CREATE INDEX journal_by_time ON journal (time);"
    "INSERT INTO meta VALUES ('version', 1);";

struct journal {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[NSTATEMENTS];
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

static enum err
failed(struct journal *j, int code, const char *what, struct fault *f)
{
	enum err err = err_from_sqlite(code);

	return fault_set(f, err, "%s: %s: %s%s", j->path, what, sqlite3_errmsg(j->db), err == ERR_DATABASE ?
	    " (" HOW_TO_GO_ON ")" : "");
}

/* --- checksums: whatever a restart believes has one --- */

static enum err
checksum(struct buf *b, uint8_t sum[SUM_SIZE])
{
	uint8_t full[EVP_MAX_MD_SIZE];
	enum err err = b->failed ? ERR_NOMEM : ERR_OK;

	if (err == ERR_OK && EVP_Digest(b->p, b->len, full, NULL, EVP_sha256(), NULL) != 1)
		err = ERR_CRYPTO;
	if (err == ERR_OK)
		memcpy(sum, full, SUM_SIZE);
	buf_clear(b);
	return err;
}

static void
add_octets(struct buf *b, const void *octets, size_t n)
{
	buf_u64(b, n);
	buf_add(b, octets, n);
}

static void
add_text(struct buf *b, const char *text)
{
	add_octets(b, text, strlen(text));
}

/* A row but for what changes with each commit, which has a sum of its own. */
static enum err
sum_zone(const struct journal_zone *z, uint8_t sum[SUM_SIZE])
{
	struct buf b = { 0 };

	add_octets(&b, z->apex.octets, dname_len(z->apex.octets));
	add_text(&b, z->source);
	add_text(&b, z->base);
	buf_u32(&b, z->base_serial);
	buf_u64(&b, (uint64_t)z->image_seq);
	add_octets(&b, z->image, z->image_n);
	return checksum(&b, sum);
}

static enum err
sum_serial(const struct journal_zone *z, uint8_t sum[SUM_SIZE])
{
	struct buf b = { 0 };

	add_octets(&b, z->apex.octets, dname_len(z->apex.octets));
	buf_u32(&b, z->serial);
	buf_u8(&b, z->retired);
	return checksum(&b, sum);
}

static enum err
sum_record(const struct journal_record *r, uint8_t sum[SUM_SIZE])
{
	struct buf b = { 0 };

	add_octets(&b, r->apex, dname_len(r->apex));
	buf_u32(&b, r->serial_from);
	buf_u32(&b, r->serial_to);
	buf_u64(&b, (uint64_t)r->time_s);
	add_text(&b, r->origin);
	add_octets(&b, r->digest, r->digest == NULL ? 0 : 32);
	buf_u32(&b, r->rcode);
	add_octets(&b, r->changes, r->n);
	return checksum(&b, sum);
}

/* Binding fails for lack of memory, or for what is too large; a NULL must not take its place. */
static int
bind_octets(sqlite3_stmt *st, int i, const void *octets, size_t n)
{
	return sqlite3_bind_blob64(st, i, n == 0 ? (const void *)"" : octets, n, SQLITE_STATIC);
}

/* --- statements --- */

/* Run a statement that gives no rows.  bound: what binding its values came to. */
static enum err
run_bound(struct journal *j, enum statement which, int bound, const char *what, struct fault *f)
{
	sqlite3_stmt *st = j->statements[which];
	int code = bound == SQLITE_OK ? sqlite3_step(st) : bound;

	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return code == SQLITE_DONE || code == SQLITE_ROW ? ERR_OK : failed(j, code, what, f);
}

static enum err
run(struct journal *j, enum statement which, const char *what, struct fault *f)
{
	return run_bound(j, which, SQLITE_OK, what, f);
}

static enum err
execute(struct journal *j, const char *text, const char *what, struct fault *f)
{
	int code = sqlite3_exec(j->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? ERR_OK : failed(j, code, what, f);
}

/* The schema's version, 0 for an empty database. */
static enum err
read_version(struct journal *j, int *version, struct fault *f)
{
	sqlite3_stmt *st = NULL;
	int code;

	*version = 0;
	code = sqlite3_prepare_v2(j->db, "SELECT count(*) FROM sqlite_master WHERE name = 'meta'", -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	bool made = code == SQLITE_ROW && sqlite3_column_int(st, 0) > 0;
	sqlite3_finalize(st);
	if (code != SQLITE_ROW)
		return failed(j, code, "cannot read", f);
	if (!made)
		return ERR_OK;
	code = sqlite3_prepare_v2(j->db, "SELECT value FROM meta WHERE name = 'version'", -1, &st, NULL);
	if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
		*version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return code == SQLITE_ROW ? ERR_OK :
	    failed(j, code == SQLITE_DONE ? SQLITE_CORRUPT : code, "cannot read the version", f);
}

/* Checksums tell of rows that are damaged, this one of rows that are no longer found. */
static enum err
check_structure(struct journal *j, struct fault *f)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(j->db, "PRAGMA integrity_check(1)", -1, &st, NULL);
	const char *words = "?";
	enum err err = ERR_OK;

	if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_ROW)
		words = (const char *)sqlite3_column_text(st, 0);
	if (code != SQLITE_ROW)
		err = failed(j, code, "cannot check", f);
	else if (words == NULL || strcmp(words, "ok") != 0)
		err = fault_set(f, ERR_DATABASE, "%s: it is damaged: %s (" HOW_TO_GO_ON ")", j->path, words == NULL ? "?" : words);
	sqlite3_finalize(st);
	return err;
}

static enum err
prepare(struct journal *j, struct fault *f)
{
	int version;
	enum err err;

	/* Another certnsd on the same state would be a disaster: hold the lock as long as we live. */
	if ((err = execute(j, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "BEGIN IMMEDIATE; COMMIT;", "cannot open", f)) != ERR_OK)
		return err == ERR_BUSY ? fault_set(f, err, "%s: in use by another certnsd", j->path) : err;
	if ((err = read_version(j, &version, f)) != ERR_OK)
		return err;
	if (version > SCHEMA_VERSION)
		return fault_set(f, ERR_DATABASE, "%s: made by a newer certns (version %d, this one knows %d)", j->path,
		    version, SCHEMA_VERSION);
	if ((err = check_structure(j, f)) != ERR_OK)
		return err;
	if (version == 0) {
		char text[sizeof schema + 32];

		snprintf(text, sizeof text, "BEGIN; %s COMMIT;", schema);
		if ((err = execute(j, text, "cannot set up", f)) != ERR_OK)
			return err;
	}
	for (int i = 0; i < NSTATEMENTS; i++) {
		int code = sqlite3_prepare_v3(j->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &j->statements[i], NULL);

		if (code != SQLITE_OK)
			return failed(j, code, "cannot prepare", f);
	}
	return ERR_OK;
}

enum err
journal_open(const char *path, struct journal **out, struct fault *f)
{
	struct journal *j = calloc(1, sizeof *j);
	enum err err = ERR_NOMEM;
	int code;

	if (j == NULL || (j->path = strdup(path)) == NULL) {
		free(j);
		return ERR_NOMEM;
	}
	code = sqlite3_open_v2(path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK && j->db != NULL)
		err = failed(j, code, "cannot open", f);
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
	free(j->path);
	free(j);
}

enum err
journal_begin(struct journal *j, struct fault *f)
{
	return run(j, ST_BEGIN, "cannot begin", f);
}

enum err
journal_commit(struct journal *j, struct fault *f)
{
	return run(j, ST_COMMIT, "cannot write", f);
}

void
journal_rollback(struct journal *j)
{
	/* After some failures SQLite has rolled back by itself, and then this one's complaint says nothing. */
	if (sqlite3_get_autocommit(j->db) == 0)
		(void)run(j, ST_ROLLBACK, "cannot roll back", NULL);
}

static enum err
newest_record(struct journal *j, int64_t *seq, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_NEWEST];
	int code = sqlite3_step(st);

	*seq = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return code == SQLITE_ROW ? ERR_OK : failed(j, code, "cannot read", f);
}

static int
bind_serial(sqlite3_stmt *st, const struct journal_zone *z, const uint8_t sum[SUM_SIZE])
{
	int code = bind_octets(st, 1, z->apex.octets, dname_len(z->apex.octets));

	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 8, z->serial);
	code = code != SQLITE_OK ? code : sqlite3_bind_int(st, 9, z->retired);
	return code != SQLITE_OK ? code : bind_octets(st, 10, sum, SUM_SIZE);
}

static int
bind_zone(sqlite3_stmt *st, const struct journal_zone *z, const uint8_t sum[SUM_SIZE])
{
	int code = sqlite3_bind_text(st, 2, z->source, -1, SQLITE_STATIC);

	code = code != SQLITE_OK ? code : sqlite3_bind_text(st, 3, z->base, -1, SQLITE_STATIC);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 4, z->base_serial);
	code = code != SQLITE_OK ? code : bind_octets(st, 5, z->image, z->image_n);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 6, z->image_seq);
	return code != SQLITE_OK ? code : bind_octets(st, 7, sum, SUM_SIZE);
}

enum err
journal_put_zone(struct journal *j, const struct journal_zone *zone, bool with_image, struct fault *f)
{
	struct journal_zone z = *zone;
	uint8_t sum[SUM_SIZE], serial_sum[SUM_SIZE];
	enum err err = sum_serial(&z, serial_sum);
	int code;

	if (err != ERR_OK)
		return err;
	if (!with_image) {
		err = run_bound(j, ST_PUT_SERIAL, bind_serial(j->statements[ST_PUT_SERIAL], &z, serial_sum),
		    "cannot write a zone", f);
		return err == ERR_OK && sqlite3_changes(j->db) == 0 ? ERR_NOT_FOUND : err;
	}
	if ((err = newest_record(j, &z.image_seq, f)) != ERR_OK || (err = sum_zone(&z, sum)) != ERR_OK)
		return err;
	if ((code = bind_serial(j->statements[ST_PUT_ZONE], &z, serial_sum)) == SQLITE_OK)
		code = bind_zone(j->statements[ST_PUT_ZONE], &z, sum);
	return run_bound(j, ST_PUT_ZONE, code, "cannot write a zone", f);
}

enum err
journal_append(struct journal *j, const struct journal_record *r, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_APPEND];
	uint8_t sum[SUM_SIZE];
	enum err err = sum_record(r, sum);
	int code;

	if (err != ERR_OK)
		return err;
	code = bind_octets(st, 1, r->apex, dname_len(r->apex));
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 2, r->serial_from);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 3, r->serial_to);
	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 4, r->time_s);
	code = code != SQLITE_OK ? code : sqlite3_bind_text(st, 5, r->origin, -1, SQLITE_STATIC);
	if (r->digest != NULL)
		code = code != SQLITE_OK ? code : bind_octets(st, 6, r->digest, 32);
	code = code != SQLITE_OK ? code : bind_octets(st, 7, r->changes, r->n);
	code = code != SQLITE_OK ? code : bind_octets(st, 8, sum, sizeof sum);
	code = code != SQLITE_OK ? code : sqlite3_bind_int(st, 9, (int)r->rcode);
	return run_bound(j, ST_APPEND, code, "cannot write a change", f);
}

enum err
journal_prune(struct journal *j, int64_t before_s, struct fault *f)
{
	sqlite3_bind_int64(j->statements[ST_PRUNE], 1, before_s);
	return run(j, ST_PRUNE, "cannot drop old changes", f);
}

static bool
column_is_sum(sqlite3_stmt *st, int column, const uint8_t sum[SUM_SIZE])
{
	return sqlite3_column_bytes(st, column) == SUM_SIZE && memcmp(sqlite3_column_blob(st, column), sum, SUM_SIZE) == 0;
}

/* A name that we wrote; damaged bytes must not become a struct dname. */
static bool
column_dname(sqlite3_stmt *st, int column, struct dname *out)
{
	const uint8_t *p = sqlite3_column_blob(st, column);
	size_t n = (size_t)sqlite3_column_bytes(st, column), at = 0;

	if (p == NULL || n == 0 || n > DNAME_MAX)
		return false;
	while (at < n && p[at] != 0 && p[at] <= 63)
		at += (size_t)p[at] + 1;
	if (at != n - 1 || p[at] != 0)
		return false;
	memcpy(out->octets, p, n);
	return true;
}

/* The row that st stands at.  ERR_DATABASE: not as it was written. */
static enum err
read_zone(struct journal *j, sqlite3_stmt *st, struct journal_zone *z, struct fault *f)
{
	uint8_t sum[SUM_SIZE], serial_sum[SUM_SIZE];
	char name[DNAME_TEXT_MAX] = "?";
	bool named = column_dname(st, 0, &z->apex);
	enum err err;

	z->source = (char *)(uintptr_t)sqlite3_column_text(st, 1);
	z->base = (char *)(uintptr_t)sqlite3_column_text(st, 2);
	z->base_serial = (uint32_t)sqlite3_column_int64(st, 3);
	z->image = (uint8_t *)(uintptr_t)sqlite3_column_blob(st, 4);
	z->image_n = (size_t)sqlite3_column_bytes(st, 4);
	z->image_seq = sqlite3_column_int64(st, 5);
	z->serial = (uint32_t)sqlite3_column_int64(st, 7);
	z->retired = sqlite3_column_int(st, 8) != 0;
	if (named)
		dname_print(z->apex.octets, name);
	if (!named || z->source == NULL || z->base == NULL)
		return fault_set(f, ERR_DATABASE, "%s: the entry of zone %s is damaged (" HOW_TO_GO_ON ")", j->path, name);
	if ((err = sum_zone(z, sum)) != ERR_OK || (err = sum_serial(z, serial_sum)) != ERR_OK)
		return err;
	return column_is_sum(st, 6, sum) && column_is_sum(st, 9, serial_sum) ? ERR_OK :
	    fault_set(f, ERR_DATABASE, "%s: the entry of zone %s is damaged (" HOW_TO_GO_ON ")", j->path, name);
}

enum err
journal_each_zone(struct journal *j, enum err (*each)(void *ctx, const struct journal_zone *z), void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_ZONES];
	enum err err = ERR_OK;
	int code;

	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		struct journal_zone z;

		err = code == SQLITE_ROW ? read_zone(j, st, &z, f) : failed(j, code, "cannot read zones", f);
		if (err == ERR_OK)
			err = each(ctx, &z);
	}
	sqlite3_reset(st);
	return err;
}

enum err
journal_find_zone(struct journal *j, const uint8_t *apex, enum err (*found)(void *ctx, const struct journal_zone *z), void *ctx,
    struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_ZONE];
	int code = bind_octets(st, 1, apex, dname_len(apex));
	struct journal_zone z;
	enum err err = ERR_OK;

	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		err = read_zone(j, st, &z, f);
	else if (code != SQLITE_DONE)
		err = failed(j, code, "cannot read a zone", f);
	if (err == ERR_OK && code == SQLITE_ROW)
		err = found(ctx, &z);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

/* The record that st stands at. */
static enum err
read_record(struct journal *j, sqlite3_stmt *st, const uint8_t *apex, struct journal_record *r, struct fault *f)
{
	uint8_t sum[SUM_SIZE];
	enum err err = ERR_OK;

	r->apex = apex;
	r->serial_from = (uint32_t)sqlite3_column_int64(st, 1);
	r->serial_to = (uint32_t)sqlite3_column_int64(st, 2);
	r->time_s = sqlite3_column_int64(st, 3);
	r->origin = (const char *)sqlite3_column_text(st, 4);
	r->digest = sqlite3_column_bytes(st, 5) == 32 ? sqlite3_column_blob(st, 5) : NULL;
	r->changes = sqlite3_column_blob(st, 6);
	r->n = (size_t)sqlite3_column_bytes(st, 6);
	r->rcode = (unsigned)sqlite3_column_int(st, 8);
	if (r->origin != NULL && (err = sum_record(r, sum)) == ERR_OK && column_is_sum(st, 7, sum))
		return ERR_OK;
	return err != ERR_OK ? err : fault_set(f, ERR_DATABASE, "%s: record %lld is damaged (" HOW_TO_GO_ON ")", j->path,
	    (long long)sqlite3_column_int64(st, 0));
}

enum err
journal_each_record(struct journal *j, const uint8_t *apex, int64_t behind_seq,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_RECORDS];
	enum err err = ERR_OK;
	int code;

	if ((code = bind_octets(st, 1, apex, dname_len(apex))) != SQLITE_OK ||
	    (code = sqlite3_bind_int64(st, 2, behind_seq)) != SQLITE_OK)
		err = failed(j, code, "cannot read changes", f);
	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		struct journal_record r;

		err = code == SQLITE_ROW ? read_record(j, st, apex, &r, f) : failed(j, code, "cannot read changes", f);
		if (err == ERR_OK)
			err = each(ctx, &r);
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

enum err
journal_each_digest(struct journal *j, int64_t since_s, void (*each)(void *ctx, const uint8_t digest[32], unsigned rcode,
    int64_t time_s), void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_DIGESTS];
	int code;

	sqlite3_bind_int64(st, 1, since_s);
	while ((code = sqlite3_step(st)) == SQLITE_ROW)
		if (sqlite3_column_bytes(st, 0) == 32)
			each(ctx, sqlite3_column_blob(st, 0), (unsigned)sqlite3_column_int(st, 1), sqlite3_column_int64(st, 2));
	sqlite3_reset(st);
	return code == SQLITE_DONE ? ERR_OK : failed(j, code, "cannot read updates", f);
}

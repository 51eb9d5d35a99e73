#include <string.h>

#include "zones/journal_internal.h"

bool
journal_column_is_sum(sqlite3_stmt *st, int column, const uint8_t sum[JOURNAL_SUM])
{
	return sqlite3_column_bytes(st, column) == JOURNAL_SUM && memcmp(sqlite3_column_blob(st, column), sum,
	    JOURNAL_SUM) == 0;
}

/* --- zones --- */

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
	uint8_t sum[JOURNAL_SUM], serial_sum[JOURNAL_SUM];
	char name[DNAME_TEXT_MAX] = "?";
	bool named = column_dname(st, 0, &z->apex), moved = sqlite3_column_type(st, 11) != SQLITE_NULL;
	enum err err;

	z->source = (const char *)sqlite3_column_text(st, 1);
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
		return fault_set(f, ERR_DATABASE, "%s: the entry of zone %s is damaged (" JOURNAL_GO_ON ")", j->path,
		    name);
	if ((err = journal_sum_zone(z, sum)) != ERR_OK || (err = journal_sum_serial(z, serial_sum)) != ERR_OK)
		return err;
	if (!journal_column_is_sum(st, 6, sum) || !journal_column_is_sum(st, 9, serial_sum))
		return fault_set(f, ERR_DATABASE, "%s: the entry of zone %s is damaged (" JOURNAL_GO_ON ")", j->path,
		    name);
	if (moved && (uint32_t)sqlite3_column_int64(st, 10) != z->serial)
		return fault_set(f, ERR_DATABASE, "%s: changes of zone %s behind serial %u are missing ("
		    JOURNAL_GO_ON ")", j->path, name, z->serial);
	z->has_records = moved;
	if (moved)
		z->serial = (uint32_t)sqlite3_column_int64(st, 11);
	return ERR_OK;
}

enum err
journal_each_zone(struct journal *j, enum err (*each)(void *ctx, const struct journal_zone *z), void *ctx,
    struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_ZONES];
	enum err err = ERR_OK;
	int code;

	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		struct journal_zone z;

		err = code == SQLITE_ROW ? read_zone(j, st, &z, f) : journal_failed(j, code, "cannot read zones", f);
		if (err == ERR_OK)
			err = each(ctx, &z);
	}
	sqlite3_reset(st);
	return err;
}

enum err
journal_find_zone(struct journal *j, const uint8_t *apex, enum err (*found)(void *ctx, const struct journal_zone *z),
    void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_ZONE];
	int code = journal_bind(st, 1, apex, dname_len(apex));
	struct journal_zone z;
	enum err err = ERR_OK;

	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		err = read_zone(j, st, &z, f);
	else if (code != SQLITE_DONE)
		err = journal_failed(j, code, "cannot read a zone", f);
	if (err == ERR_OK && code == SQLITE_ROW)
		err = found(ctx, &z);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

/* --- records --- */

/* The record that st stands at. */
static enum err
read_record(struct journal *j, sqlite3_stmt *st, const uint8_t *apex, struct journal_record *r, struct fault *f)
{
	uint8_t sum[JOURNAL_SUM];
	enum err err = ERR_OK;

	r->apex = apex;
	r->serial_from = (uint32_t)sqlite3_column_int64(st, 1);
	r->serial_to = (uint32_t)sqlite3_column_int64(st, 2);
	r->time_s = sqlite3_column_int64(st, 3);
	r->origin = (const char *)sqlite3_column_text(st, 4);
	r->changes = sqlite3_column_blob(st, 6);
	r->n = (size_t)sqlite3_column_bytes(st, 6);
	r->digest = sqlite3_column_bytes(st, 5) == 32 ? sqlite3_column_blob(st, 5) : NULL;
	r->rcode = (unsigned)sqlite3_column_int(st, 8);
	if (r->origin != NULL && (err = journal_sum_record(r, sum)) == ERR_OK && journal_column_is_sum(st, 7, sum))
		return ERR_OK;
	return err != ERR_OK ? err : fault_set(f, ERR_DATABASE, "%s: record %lld is damaged (" JOURNAL_GO_ON ")",
	    j->path, (long long)sqlite3_column_int64(st, 0));
}

static enum err
records_behind(struct journal *j, const uint8_t *apex, int64_t seq, bool steps_only,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_RECORDS];
	enum err err = ERR_OK;
	uint32_t serial = 0;
	bool first = true;
	int code;

	if ((code = journal_bind(st, 1, apex, dname_len(apex))) != SQLITE_OK ||
	    (code = sqlite3_bind_int64(st, 2, seq)) != SQLITE_OK)
		err = journal_failed(j, code, "cannot read changes", f);
	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		struct journal_record r;

		err = code == SQLITE_ROW ? read_record(j, st, apex, &r, f) : journal_failed(j, code,
		    "cannot read changes", f);
		if (err == ERR_OK && !first && r.serial_from != serial)
			err = fault_set(f, ERR_DATABASE, "%s: records before %lld are missing (" JOURNAL_GO_ON ")",
			    j->path, (long long)sqlite3_column_int64(st, 0));
		if (err == ERR_OK && (!steps_only || r.serial_from != r.serial_to))
			err = each(ctx, &r);
		serial = r.serial_to;
		first = false;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

enum err
journal_each_record(struct journal *j, const uint8_t *apex, int64_t behind_seq,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f)
{
	return records_behind(j, apex, behind_seq, false, each, ctx, f);
}

/* --- history --- */

/* The newest record that leads away from a serial.  ERR_NOT_FOUND: there is none. */
static enum err
find_start(struct journal *j, const uint8_t *apex, uint32_t serial, int64_t *seq, struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_CHANGES_FROM];
	int code = journal_bind(st, 1, apex, dname_len(apex));
	enum err err = ERR_OK;

	code = code != SQLITE_OK ? code : sqlite3_bind_int64(st, 2, serial);
	code = code != SQLITE_OK ? code : sqlite3_step(st);
	if (code != SQLITE_ROW)
		err = journal_failed(j, code, "cannot read changes", f);
	else if (sqlite3_column_type(st, 0) == SQLITE_NULL)
		err = ERR_NOT_FOUND;
	else
		*seq = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err;
}

/* Do the records behind seq lead from one serial to the other, without a gap, and in at most max octets? */
static enum err
check_steps(struct journal *j, const uint8_t *apex, int64_t seq, uint32_t from, uint32_t to, uint64_t max,
    struct fault *f)
{
	sqlite3_stmt *st = j->statements[ST_STEPS];
	uint64_t octets = 0;
	enum err err = ERR_OK;
	int code;

	if ((code = journal_bind(st, 1, apex, dname_len(apex))) != SQLITE_OK ||
	    (code = sqlite3_bind_int64(st, 2, seq)) != SQLITE_OK)
		err = journal_failed(j, code, "cannot read changes", f);
	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		if (code != SQLITE_ROW)
			err = journal_failed(j, code, "cannot read changes", f);
		else if ((uint32_t)sqlite3_column_int64(st, 0) != from)
			err = ERR_NOT_FOUND;		/* the zone was loaded anew in between */
		else if ((octets += (uint64_t)sqlite3_column_int64(st, 2)) > max)
			err = ERR_NOSPACE;
		from = (uint32_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return err == ERR_OK && from != to ? ERR_NOT_FOUND : err;
}

enum err
journal_each_change(struct journal *j, const uint8_t *apex, uint32_t from, uint32_t to, uint64_t max,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f)
{
	int64_t seq = 0;
	enum err err;

	if (from == to)
		return ERR_OK;
	if ((err = find_start(j, apex, from, &seq, f)) != ERR_OK ||
	    (err = check_steps(j, apex, seq - 1, from, to, max, f)) != ERR_OK)
		return err;
	return records_behind(j, apex, seq - 1, true, each, ctx, f);
}

/* --- answers --- */

static enum err
read_answer(struct journal *j, sqlite3_stmt *st, struct journal_answer *a, struct fault *f)
{
	bool good = sqlite3_column_bytes(st, 0) == (int)sizeof a->digest;
	uint8_t sum[JOURNAL_SUM];
	enum err err = ERR_OK;

	if (good)
		memcpy(a->digest, sqlite3_column_blob(st, 0), sizeof a->digest);
	a->rcode = (unsigned)sqlite3_column_int64(st, 1);
	a->time_s = sqlite3_column_int64(st, 2);
	if (good && sqlite3_column_type(st, 3) != SQLITE_NULL && (err = journal_sum_answer(a, sum)) == ERR_OK)
		good = journal_column_is_sum(st, 3, sum);
	return err != ERR_OK || good ? err : fault_set(f, ERR_DATABASE, "%s: an answer to an update is damaged ("
	    JOURNAL_GO_ON ")", j->path);
}

static enum err
read_answer_in_record(struct journal *j, sqlite3_stmt *st, struct journal_answer *a, struct fault *f)
{
	struct journal_record r;
	struct dname apex;
	enum err err;

	if (!column_dname(st, 9, &apex))
		return fault_set(f, ERR_DATABASE, "%s: record %lld is damaged (" JOURNAL_GO_ON ")", j->path,
		    (long long)sqlite3_column_int64(st, 0));
	if ((err = read_record(j, st, apex.octets, &r, f)) != ERR_OK)
		return err;
	*a = (struct journal_answer){ .rcode = r.rcode, .time_s = r.time_s };
	if (r.digest != NULL)
		memcpy(a->digest, r.digest, sizeof a->digest);
	return ERR_OK;
}

static enum err
each_answer(struct journal *j, enum statement which, int64_t since_s,
    enum err (*read)(struct journal *j, sqlite3_stmt *st, struct journal_answer *a, struct fault *f),
    void (*each)(void *ctx, const struct journal_answer *a), void *ctx, struct fault *f)
{
	sqlite3_stmt *st = j->statements[which];
	enum err err = ERR_OK;
	int code;

	sqlite3_bind_int64(st, 1, since_s);
	while (err == ERR_OK && (code = sqlite3_step(st)) != SQLITE_DONE) {
		struct journal_answer a;

		err = code == SQLITE_ROW ? read(j, st, &a, f) : journal_failed(j, code, "cannot read answers", f);
		if (err == ERR_OK)
			each(ctx, &a);
	}
	sqlite3_reset(st);
	return err;
}

enum err
journal_each_answer(struct journal *j, int64_t since_s, void (*each)(void *ctx, const struct journal_answer *a),
    void *ctx, struct fault *f)
{
	enum err err = each_answer(j, ST_ANSWERS, since_s, read_answer, each, ctx, f);

	return err != ERR_OK ? err : each_answer(j, ST_ANSWERS_IN_RECORDS, since_s, read_answer_in_record, each, ctx,
	    f);
}

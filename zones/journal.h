/* zones/journal.h -- the state database (SQLite, WAL, synchronous=FULL): what must survive that git does not hold yet.
 *
 * Per zone it keeps the base (which blobs of which commit the zone was read from), the served serial, and
 * an image: the lasting changes that are not in the base, and the passing RRs.  Journal records, one per
 * commit, come on top of the image; older ones stay as history, for IXFR.  Served zone = base + image + records behind it.
 * One thread (the keeper); its writes are grouped between journal_begin() and journal_commit().
 *
 * Beside the database stands journal.mark.  It says how far the database was when the last group had been synced, and is
 * itself never synced: whatever happens can leave it behind the database, and nothing can leave it ahead.  A
 * database that is behind its mark has lost what was acknowledged (SQLite drops the damaged end of a write-ahead log without
 * a word), and is not opened. */
#ifndef ZONES_JOURNAL_H
#define ZONES_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/dname.h"

struct journal;

/* Open or make the database.  ERR_DATABASE with words that name the file, what is lost and how to go on: it is damaged,
 * behind its mark, or of a newer version. */
enum err journal_open(const char *path, struct journal **out, struct fault *f);
void journal_close(struct journal *j);		/* takes NULL */

/* There was no mark: a new database, or a backup that was put in place, and what was served since may be newer. */
bool journal_is_unmarked(const struct journal *j);

enum err journal_begin(struct journal *j, struct fault *f);
enum err journal_commit(struct journal *j, struct fault *f);	/* synced when it returns ERR_OK */
void journal_rollback(struct journal *j);

/* Let the mark follow what was committed.  Nobody needs to wait for that: journal_begin() and journal_close() do it where it was
 * left undone. */
void journal_mark(struct journal *j);

struct journal_zone {			/* octets and strings: owned by whoever filled the struct in */
	struct dname apex;
	const char *source;			/* the repository's URL */
	char *base;			/* zone_base as text (zones/zone.h); "" when there is none */
	uint32_t base_serial, serial;
	bool retired;			/* its file is gone; kept for the serial and for changes not yet pushed */
	bool has_records;		/* behind its image; only of one that was read */
	int64_t image_seq;		/* the last record that the image holds */
	uint8_t *image;			/* a changeset, changeset_write() */
	size_t image_n;
};

/* Write a zone's row, in a group.  The image holds all records so far: image_seq becomes the newest one's number. */
enum err journal_put_zone(struct journal *j, const struct journal_zone *z, struct fault *f);

struct journal_record {
	const uint8_t *apex;
	uint32_t serial_from, serial_to;
	int64_t time_s;
	const char *origin;		/* "update KEY ADDRESS", "git COMMIT", ... */
	const uint8_t *changes;		/* changeset_write() */
	size_t n;
	const uint8_t *digest;		/* 32 octets: of the UPDATE that it answers, as below; NULL: of none */
	unsigned rcode;			/* then */
};
enum err journal_append(struct journal *j, const struct journal_record *r, struct fault *f);	/* in a group */

/* What an UPDATE was answered with, in a group: so that a resend is known after a restart.  One that changed something has it in its
 * record, and costs one row less. */
struct journal_answer {
	uint8_t digest[32];		/* of the request */
	unsigned rcode;
	int64_t time_s;
};
enum err journal_answered(struct journal *j, const struct journal_answer *a, struct fault *f);
enum err journal_forget_answers(struct journal *j, int64_t before_s, struct fault *f);

/* What others keep here under a name, in a group: "order/_letsencrypt._tcp.www.example.com".  n 0 forgets it. */
#define JOURNAL_NOTE_MAX (1 << 20)	/* octets */
enum err journal_put_note(struct journal *j, const char *name, const void *octets, size_t n, struct fault *f);

/* How much a record counts for the limit below. */
uint64_t journal_record_size(const struct journal_record *r);

/* Bring a zone's history down to the newest depth records, and to usage octets, as far as its image holds those that go
 * (several calls may be needed for very many).  Answers since answers_since_s stay.  In *kept and *octets what is left. */
enum err journal_prune(struct journal *j, const uint8_t *apex, uint64_t depth, uint64_t usage, int64_t answers_since_s,
    uint64_t *kept, uint64_t *octets, struct fault *f);

/* All zones, in no order; z is borrowed for the call, its serial is the newest record's.  A row whose checksum does not fit,
 * or that its records do not follow, is ERR_DATABASE. */
enum err journal_each_zone(struct journal *j, enum err (*each)(void *ctx, const struct journal_zone *z), void *ctx,
    struct fault *f);

/* One zone, if it has a row. */
enum err journal_find_zone(struct journal *j, const uint8_t *apex, enum err (*found)(void *ctx, const struct journal_zone *z),
    void *ctx, struct fault *f);

/* A zone's records behind image_seq, oldest first.  ERR_DATABASE: one does not fit its checksum, or is missing. */
enum err journal_each_record(struct journal *j, const uint8_t *apex, int64_t behind_seq,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f);

/* History: the records that lead from one serial to another (the served one), oldest first, one row in memory at a time;
 * those that left the serial alone are passed over.
 * ERR_NOT_FOUND: there is no unbroken way.  ERR_NOSPACE: their changes have more than max octets.  each() was not called then.
 * ERR_DATABASE: one is damaged; each() may have been called for those before. */
enum err journal_each_change(struct journal *j, const uint8_t *apex, uint32_t from, uint32_t to, uint64_t max,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f);

/* The answers since since_s.  ERR_DATABASE: one is damaged. */
enum err journal_each_answer(struct journal *j, int64_t since_s, void (*each)(void *ctx, const struct journal_answer *a),
    void *ctx, struct fault *f);

/* All notes, sorted by name; octets are borrowed for the call.  A damaged one is named in the log and forgotten: a note is
 * never worth a server that does not start. */
enum err journal_each_note(struct journal *j, void (*each)(void *ctx, const char *name, const uint8_t *octets, size_t n),
    void *ctx, struct fault *f);

/* A copy of the database at path, which must not exist, in steps of a few hundred KiB.  Between steps the journal is used as ever.
 * When it is done (and freed) the copy is complete, and not yet synced. */
struct journal_backup;
enum err journal_backup_new(struct journal *j, const char *path, struct journal_backup **out, struct fault *f);
enum err journal_backup_step(struct journal_backup *b, bool *done, struct fault *f);
void journal_backup_free(struct journal_backup *b);	/* takes NULL */

/* Is a copy whole?  On any thread. */
enum err journal_check_copy(const char *path, struct fault *f);

#endif

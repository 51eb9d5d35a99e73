/* zones/journal.h -- the state database (SQLite, WAL, synchronous=FULL): what must survive that git does not hold yet.
 *
 * Per zone it keeps the base (which blobs of which commit the zone was read from), the served serial, and
 * an image: the lasting changes that are not in the base, and the passing RRs.  Journal records, one per
 * commit, come on top of the image; older ones stay as history.  Served zone = base + image + records behind it.
 * One thread (the keeper); its writes are grouped between journal_begin() and journal_commit(). */
#ifndef ZONES_JOURNAL_H
#define ZONES_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/dname.h"

struct journal;

/* Open or make the database.  ERR_DATABASE with words that name the file and say how to go on: it is damaged, or
 * of a newer version. */
enum err journal_open(const char *path, struct journal **out, struct fault *f);
void journal_close(struct journal *j);

enum err journal_begin(struct journal *j, struct fault *f);
enum err journal_commit(struct journal *j, struct fault *f);	/* synced when it returns ERR_OK */
void journal_rollback(struct journal *j);

struct journal_zone {			/* octets and strings: owned by whoever filled the struct in */
	struct dname apex;
	char *source;			/* the repository's URL */
	char *base;			/* zone_base as text (zones/zone.h); "" when there is none */
	uint32_t base_serial, serial;
	bool retired;			/* its file is gone; kept for the serial and for changes not yet pushed */
	int64_t image_seq;		/* the last record that the image holds */
	uint8_t *image;			/* a changeset, changeset_write() */
	size_t image_n;
};

/* Write a zone's row.  The image is written as given, and image_seq becomes the newest record's number.
 * with_image false: only serial and retired are updated; ERR_NOT_FOUND: the zone has no row. */
enum err journal_put_zone(struct journal *j, const struct journal_zone *z, bool with_image, struct fault *f);

struct journal_record {
	const uint8_t *apex;
	uint32_t serial_from, serial_to;
	int64_t time_s;
	const char *origin;		/* "update KEY ADDRESS", "git COMMIT", ... */
	const uint8_t *digest;		/* of the UPDATE request, 32 octets; NULL: none */
	unsigned rcode;			/* that the request was answered with */
	const uint8_t *changes;		/* changeset_write() */
	size_t n;
};
enum err journal_append(struct journal *j, const struct journal_record *r, struct fault *f);

/* Drop records that are both older than before_s and held by their zone's image. */
enum err journal_prune(struct journal *j, int64_t before_s, struct fault *f);

/* All zones, in no order; z is borrowed for the call.  A row whose checksum does not fit is ERR_DATABASE. */
enum err journal_each_zone(struct journal *j, enum err (*each)(void *ctx, const struct journal_zone *z), void *ctx,
    struct fault *f);

/* One zone, if it has a row. */
enum err journal_find_zone(struct journal *j, const uint8_t *apex, enum err (*found)(void *ctx, const struct journal_zone *z),
    void *ctx, struct fault *f);

/* A zone's records behind image_seq, oldest first.  A record whose checksum does not fit is ERR_DATABASE. */
enum err journal_each_record(struct journal *j, const uint8_t *apex, int64_t behind_seq,
    enum err (*each)(void *ctx, const struct journal_record *r), void *ctx, struct fault *f);

/* The digests of updates since since_s, so that resends are known after a restart. */
enum err journal_each_digest(struct journal *j, int64_t since_s,
    void (*each)(void *ctx, const uint8_t digest[32], unsigned rcode, int64_t time_s), void *ctx, struct fault *f);

#endif

#include "tests/unit/check.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/journal.h"

static char directory[] = "/tmp/certns-journal.XXXXXX", path[64], mark[64];
static const uint8_t zone_a[] = "\1a", zone_b[] = "\1b";

static void
remove_files(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		char name[100];

		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		unlink(name);
	}
	unlink(mark);
}

static struct journal *
reopen(struct journal *j)
{
	struct fault f = { 0 };

	journal_close(j);
	check(journal_open(path, &j, &f) == ERR_OK, "it opens: %s", f.text);
	return j;
}

static void
put(struct journal *j, const uint8_t *apex, uint32_t serial, const char *image)
{
	struct journal_zone z = { .source = (char *)(uintptr_t)"url", .base = (char *)(uintptr_t)"base", .base_serial = 7,
	    .serial = serial, .image = (uint8_t *)(uintptr_t)image, .image_n = strlen(image) };

	dname_copy(&z.apex, apex);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(journal_put_zone(j, &z, NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
}

static enum err
append_step(struct journal *j, const uint8_t *apex, uint32_t from, uint32_t to, int64_t time_s, const char *changes, struct fault *f)
{
	return journal_append(j, &(struct journal_record){ .apex = apex, .serial_from = from, .serial_to = to, .time_s = time_s,
	    .origin = "update key", .changes = (const uint8_t *)changes, .n = strlen(changes) }, f);
}

static enum err
append(struct journal *j, const uint8_t *apex, uint32_t serial, int64_t time_s, const char *changes, struct fault *f)
{
	return append_step(j, apex, serial - 1, serial, time_s, changes, f);
}

static void
answer(struct journal *j, uint8_t number, int64_t time_s)
{
	struct journal_answer a = { .digest = { number }, .rcode = 5, .time_s = time_s };

	assert_int_equal(journal_answered(j, &a, NULL), ERR_OK);
}

/* A change that is the answer to an UPDATE. */
static void
append_answer(struct journal *j, uint32_t serial, uint8_t number, int64_t time_s)
{
	uint8_t digest[32] = { number };

	assert_int_equal(journal_append(j, &(struct journal_record){ .apex = zone_a, .serial_from = serial - 1,
	    .serial_to = serial, .time_s = time_s, .origin = "update key", .changes = (const uint8_t *)"c", .n = 1,
	    .digest = digest, .rcode = 0 }, NULL), ERR_OK);
}

/* What a callback saw, as text. */
static char seen[4096];

static enum err
see_zone(void *ctx, const struct journal_zone *z)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%c %s %s %u %u %s%lld:%.*s\n", z->apex.octets[1], z->source, z->base, z->base_serial,
	    z->serial, z->retired ? "retired " : "", (long long)z->image_seq, (int)z->image_n, (const char *)z->image);
	return ERR_OK;
}

static enum err
see_record(void *ctx, const struct journal_record *r)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%u-%u %lld %s %.*s\n", r->serial_from, r->serial_to, (long long)r->time_s,
	    r->origin, (int)r->n, (const char *)r->changes);
	return ERR_OK;
}

static void
see_answer(void *ctx, const struct journal_answer *a)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%u %u %lld\n", a->digest[0], a->rcode, (long long)a->time_s);
}

#define SEE(call, want)									\
	do {										\
		seen[0] = '\0';								\
		assert_int_equal(call, ERR_OK);						\
		check(strcmp(seen, want) == 0, "%s: have %s", want, seen);		\
	} while (0)

static struct journal *
fill(void)
{
	struct journal *j = reopen(NULL);

	put(j, zone_a, 10, "image of a");
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 11, 100, "one", NULL), ERR_OK);
	answer(j, 11, 100);
	assert_int_equal(append(j, zone_b, 21, 200, "", NULL), ERR_OK);
	answer(j, 21, 200);
	assert_int_equal(append(j, zone_a, 12, 300, "two", NULL), ERR_OK);
	answer(j, 12, 300);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	return j;
}

static void
test_round_trip(void **state)
{
	struct journal *j = reopen(fill());

	(void)state;
	SEE(journal_each_zone(j, see_zone, NULL, NULL), "a url base 7 12 0:image of a\n");
	SEE(journal_find_zone(j, zone_a, see_zone, NULL, NULL), "a url base 7 12 0:image of a\n");
	SEE(journal_find_zone(j, zone_b, see_zone, NULL, NULL), "");
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "10-11 100 update key one\n11-12 300 update key two\n");
	SEE(journal_each_record(j, zone_a, 1, see_record, NULL, NULL), "11-12 300 update key two\n");
	SEE(journal_each_record(j, zone_b, 0, see_record, NULL, NULL), "20-21 200 update key \n");
	SEE(journal_each_answer(j, 200, see_answer, NULL, NULL), "21 5 200\n12 5 300\n");
	put(j, zone_a, 12, "new");
	SEE(journal_each_zone(j, see_zone, NULL, NULL), "a url base 7 12 3:new\n");
	SEE(journal_each_record(j, zone_a, 3, see_record, NULL, NULL), "");
	journal_close(j);
}

static void
test_rollback(void **state)
{
	struct journal *j = fill();

	(void)state;
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 13, 400, "three", NULL), ERR_OK);
	journal_rollback(j);
	journal_rollback(j);			/* nothing is open: no harm */
	j = reopen(j);
	SEE(journal_each_record(j, zone_a, 2, see_record, NULL, NULL), "11-12 300 update key two\n");
	journal_close(j);
}

static void
test_answers_are_forgotten(void **state)
{
	struct journal *j = fill();

	(void)state;
	assert_int_equal(journal_forget_answers(j, 100, NULL), ERR_OK);
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n21 5 200\n12 5 300\n");
	assert_int_equal(journal_forget_answers(j, 201, NULL), ERR_OK);
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "12 5 300\n");
	assert_int_equal(journal_forget_answers(j, 301, NULL), ERR_OK);
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "");
	journal_close(j);
}

/* --- history --- */

/* Zone a at serial 20, with one record for each step from 10; b has some in between. */
static struct journal *
fill_history(const char *changes)
{
	struct journal *j = reopen(NULL);

	put(j, zone_a, 10, "old");
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	for (uint32_t serial = 11; serial <= 20; serial++) {
		assert_int_equal(append(j, zone_a, serial, serial, changes, NULL), ERR_OK);
		assert_int_equal(append(j, zone_b, serial, serial, changes, NULL), ERR_OK);
	}
	assert_int_equal(append_step(j, zone_a, 20, 20, 20, "an expiry moved", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	return j;
}

static const struct { const char *why; uint32_t from, to; uint64_t max; enum err err; const char *steps; } histories[] = {
	{ "the last step",		19, 20, 100, ERR_OK, "19-20 20 update key x\n" },
	{ "two steps, oldest first",	18, 20, 100, ERR_OK, "18-19 19 update key x\n19-20 20 update key x\n" },
	{ "no step",			20, 20, 100, ERR_OK, "" },
	{ "older than all history",	9, 20, 100, ERR_NOT_FOUND, "" },
	{ "never served",		21, 20, 100, ERR_NOT_FOUND, "" },
	{ "history ends elsewhere",	19, 21, 100, ERR_NOT_FOUND, "" },
	{ "more than is wanted",	10, 20, 20, ERR_NOSPACE, "" },
};

static void
test_history(void **state)
{
	struct journal *j = fill_history("x");

	(void)state;
	for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
		seen[0] = '\0';
		check(journal_each_change(j, zone_a, histories[i].from, histories[i].to, histories[i].max, see_record, NULL, NULL) ==
		    histories[i].err, "%s", histories[i].why);
		check(strcmp(seen, histories[i].steps) == 0, "%s: %s", histories[i].why, seen);
	}
	journal_close(j);
}

/* A zone that was loaded anew at a higher serial has no way there; one whose serial came round takes the newest. */
static void
test_broken_history(void **state)
{
	struct journal *j = fill_history("x");

	(void)state;
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append_step(j, zone_a, 25, 26, 30, "later", NULL), ERR_OK);
	assert_int_equal(append_step(j, zone_a, 26, 19, 31, "around", NULL), ERR_OK);
	assert_int_equal(append_step(j, zone_a, 19, 20, 32, "again", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	assert_int_equal(journal_each_change(j, zone_a, 18, 20, 1000, see_record, NULL, NULL), ERR_NOT_FOUND);
	SEE(journal_each_change(j, zone_a, 19, 20, 1000, see_record, NULL, NULL), "19-20 32 update key again\n");
	SEE(journal_each_change(j, zone_a, 26, 20, 1000, see_record, NULL, NULL), "26-19 31 update key around\n"
	    "19-20 32 update key again\n");
	journal_close(j);
}

static const struct { const char *why; uint64_t depth, usage; bool image; uint32_t oldest; uint64_t kept; } prunings[] = {
	{ "all fits",				100, 100000, true, 10, 11 },
	{ "too many",				4, 100000, true, 17, 4 },
	{ "too large",				100, 700, true, 16, 5 },
	{ "one stays for its number",		1, 1, true, 20, 0 },
	{ "without an image nothing goes",	1, 1, false, 10, 0 },
};

static void
test_prune(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof prunings / sizeof prunings[0]; i++) {
		struct journal *j = fill_history("x");
		uint64_t kept, octets;
		uint32_t serial = 10;

		if (prunings[i].image)
			put(j, zone_a, 20, "new");
		assert_int_equal(journal_prune(j, zone_a, prunings[i].depth, prunings[i].usage, 0, &kept, &octets, NULL), ERR_OK);
		check(kept == prunings[i].kept, "%s: %llu kept", prunings[i].why, (unsigned long long)kept);
		check(octets <= prunings[i].usage, "%s: %llu octets", prunings[i].why, (unsigned long long)octets);
		while (serial < 20 && journal_each_change(j, zone_a, serial, 20, 1000, see_record, NULL, NULL) == ERR_NOT_FOUND)
			serial++;
		check(serial == prunings[i].oldest, "%s: from %u", prunings[i].why, serial);
		SEE(journal_each_change(j, zone_b, 19, 20, 100, see_record, NULL, NULL), "19-20 20 update key x\n");
		j = reopen(j);
		assert_int_equal(journal_begin(j, NULL), ERR_OK);
		assert_int_equal(append(j, zone_a, 21, 40, "next", NULL), ERR_OK);
		assert_int_equal(journal_commit(j, NULL), ERR_OK);
		SEE(journal_each_change(j, zone_a, 20, 21, 100, see_record, NULL, NULL), "20-21 40 update key next\n");
		journal_close(j);
		remove_files();
	}
}

/* --- copies --- */

/* What is written between the steps is in the copy, which is the journal as it is when the last step is done. */
static void
test_copy(void **state)
{
	static char changes[2000], copy[80];
	struct journal_backup *b;
	struct journal *j, *other;
	struct fault f = { 0 };
	unsigned steps = 0;
	uint32_t serial = 20;
	bool done = false;

	(void)state;
	memset(changes, 'x', sizeof changes - 1);
	j = fill_history(changes);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(journal_begin(j, NULL), ERR_OK);
		for (int k = 0; k < 10; k++)
			assert_int_equal(append(j, zone_b, 21 + (uint32_t)(i * 10 + k), 1, changes, NULL), ERR_OK);
		assert_int_equal(journal_commit(j, NULL), ERR_OK);
	}
	snprintf(copy, sizeof copy, "%s/copy.db", directory);
	check(journal_backup_new(j, copy, &b, &f) == ERR_OK, "%s", f.text);
	while (!done) {
		check(journal_backup_step(b, &done, &f) == ERR_OK, "%s", f.text);
		steps++;
		if (done)
			break;
		serial++;
		assert_int_equal(journal_begin(j, NULL), ERR_OK);
		assert_int_equal(append(j, zone_a, serial, 1, "while it is copied", NULL), ERR_OK);
		assert_int_equal(journal_commit(j, NULL), ERR_OK);
	}
	journal_backup_free(b);
	assert_true(steps > 2);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, serial + 1, 1, "too late", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_close(j);
	remove_files();
	check(journal_check_copy(copy, &f) == ERR_OK, "%s", f.text);
	assert_int_equal(rename(copy, path), 0);
	other = reopen(NULL);
	seen[0] = '\0';
	assert_int_equal(journal_each_change(other, zone_a, serial - 1, serial, 1000, see_record, NULL, NULL), ERR_OK);
	check(strstr(seen, "while it is copied") != NULL, "the last change is there: %s", seen);
	assert_int_equal(journal_each_change(other, zone_a, serial, serial + 1, 1000, see_record, NULL, NULL), ERR_NOT_FOUND);
	journal_close(other);
	assert_int_equal(truncate(path, 50000), 0);
	assert_int_equal(journal_check_copy(path, &f), ERR_DATABASE);
	assert_int_equal(journal_backup_new(NULL, "/nonexistent/copy", &b, &f), ERR_IO);
	check(strstr(f.text, "/nonexistent/copy") != NULL, "%s", f.text);
}

/* --- damage --- */

static void
execute(const char *statement)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	check(sqlite3_exec(db, statement, NULL, NULL, &message) == SQLITE_OK, "%s: %s", statement, message);
	sqlite3_close(db);
}

static const struct { const char *why, *statement, *words; } damages[] = {
	{ "an image",			"UPDATE zone SET image = x'00'", "zone a" },
	{ "no image",			"UPDATE zone SET image = NULL", "zone a" },
	{ "a base",			"UPDATE zone SET base = 'vase'", "zone a" },
	{ "no base",			"UPDATE zone SET base = NULL", "zone a" },
	{ "a source",			"UPDATE zone SET source = 'uri'", "zone a" },
	{ "no source",			"UPDATE zone SET source = NULL", "zone a" },
	{ "a base's serial",		"UPDATE zone SET base_serial = 8", "zone a" },
	{ "a serial",			"UPDATE zone SET serial = 13", "zone a" },
	{ "the zone is retired",	"UPDATE zone SET retired = 1", "zone a" },
	{ "what the image holds",	"UPDATE zone SET image_seq = 2", "zone a" },
	{ "a checksum",			"UPDATE zone SET sum = x'00'", "zone a" },
	{ "no checksum",		"UPDATE zone SET serial_sum = NULL", "zone a" },
	{ "a zone's name",		"UPDATE zone SET apex = x'0461'", "zone ?" },
	{ "another zone's name",	"UPDATE zone SET apex = x'017a00'", "zone z" },
	{ "a record",			"UPDATE journal SET changes = x'00' WHERE seq = 3", "record 3" },
	{ "an empty record",		"UPDATE journal SET changes = NULL WHERE seq = 3", "record 3" },
	{ "a record's serial",		"UPDATE journal SET serial_to = 5 WHERE seq = 3", "record 3" },
	{ "the first record is gone",	"DELETE FROM journal WHERE seq = 1", "changes of zone a. behind serial 10 are missing" },
	{ "an answer",			"UPDATE answer SET rcode = 0 WHERE number = 2", "answer" },
	{ "half an answer",		"UPDATE answer SET digest = x'00' WHERE number = 2", "answer" },
	{ "a record's digest",		"UPDATE journal SET digest = zeroblob(32) WHERE seq = 3", "record 3" },
	{ "a record's origin",		"UPDATE journal SET origin = NULL WHERE seq = 3", "record 3" },
	{ "a record's time",		"UPDATE journal SET time = 1 WHERE seq = 3", "record 3" },
	{ "a record's checksum",	"UPDATE journal SET sum = x'00112233445566778899aabbccddeeff' WHERE seq = 3", "record 3" },
};

static void
test_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct fault f = { 0 };
		struct journal *j = fill();
		enum err err;

		journal_close(j);
		execute(damages[i].statement);
		j = reopen(NULL);
		seen[0] = '\0';
		err = journal_each_zone(j, see_zone, NULL, &f);
		if (err == ERR_OK)
			err = journal_each_record(j, zone_a, 0, see_record, NULL, &f);
		if (err == ERR_OK)
			err = journal_each_answer(j, 0, see_answer, NULL, &f);
		check(err == ERR_DATABASE, "%s: %s", damages[i].why, err_str(err));
		check(strstr(f.text, damages[i].words) != NULL && strstr(f.text, path) != NULL &&
		    strstr(f.text, "restore a backup") != NULL, "%s: %s", damages[i].why, f.text);
		journal_close(j);
		remove_files();
	}
}

/* Octets of the file turn over: it opens and gives what was written, or it says that it is damaged. */
static void
test_flipped_octets(void **state)
{
	struct stat st;
	unsigned found = 0;

	(void)state;
	for (off_t at = 0; at == 0 || at < st.st_size; at += 61) {
		struct fault f = { 0 };
		struct journal *j = NULL;
		uint8_t octet;
		int fd;
		enum err err;

		journal_close(fill());
		fd = open(path, O_RDWR);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x55;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		close(fd);
		seen[0] = '\0';
		if ((err = journal_open(path, &j, &f)) == ERR_OK && (err = journal_each_zone(j, see_zone, NULL, &f)) == ERR_OK)
			err = journal_each_record(j, zone_a, 0, see_record, NULL, &f);
		check(err == ERR_OK || f.text[0] != '\0', "octet %lld: words", (long long)at);
		check(err != ERR_OK || strcmp(seen, "a url base 7 12 0:image of a\n"
		    "10-11 100 update key one\n11-12 300 update key two\n") == 0, "octet %lld: %s", (long long)at, seen);
		found += err != ERR_OK;
		if (err == ERR_OK || j != NULL)
			journal_close(j);
		remove_files();
	}
	assert_true(found > 0);
}

/* Ten answers in records, at 10, 20, ..., and one beside. */
static struct journal *
fill_answers(void)
{
	struct journal *j = reopen(NULL);

	put(j, zone_a, 10, "image");
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	for (uint8_t i = 1; i <= 10; i++)
		append_answer(j, 10U + i, i, 10 * i);
	assert_int_equal(append(j, zone_a, 21, 110, "by another way", NULL), ERR_OK);
	answer(j, 50, 110);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	put(j, zone_a, 21, "new");
	return j;
}

static void
test_answers_in_records(void **state)
{
	struct journal *j = reopen(fill_answers());
	uint64_t kept, octets;

	(void)state;
	SEE(journal_each_answer(j, 85, see_answer, NULL, NULL), "50 5 110\n9 0 90\n10 0 100\n");
	SEE(journal_each_answer(j, 200, see_answer, NULL, NULL), "");
	SEE(journal_each_record(j, zone_a, 9, see_record, NULL, NULL), "19-20 100 update key c\n20-21 110 update key by another way\n");
	/* Those that may be asked for again outlast their records. */
	assert_int_equal(journal_prune(j, zone_a, 2, 100000, 75, &kept, &octets, NULL), ERR_OK);
	assert_int_equal(kept, 2);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "19-20 100 update key c\n20-21 110 update key by another way\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "50 5 110\n8 0 80\n9 0 90\n10 0 100\n");
	assert_int_equal(journal_forget_answers(j, 120, NULL), ERR_OK);
	SEE(journal_each_answer(j, 95, see_answer, NULL, NULL), "10 0 100\n");
	journal_close(j);
}

static void
test_damaged_answer_in_record(void **state)
{
	static const char *const statements[] = {
		"UPDATE journal SET digest = x'FF00000000000000000000000000000000000000000000000000000000000000' WHERE seq = 10",
		"UPDATE journal SET rcode = 5 WHERE seq = 10", "UPDATE journal SET apex = x'41' WHERE seq = 10",
		"UPDATE journal SET apex = NULL WHERE seq = 10"
	};

	(void)state;
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		struct fault f = { 0 };
		struct journal *j;

		journal_close(fill_answers());
		execute(statements[i]);
		j = reopen(NULL);
		assert_int_equal(journal_each_answer(j, 0, see_answer, NULL, &f), ERR_DATABASE);
		check(strstr(f.text, "record 10 is damaged") != NULL, "%s: %s", statements[i], f.text);
		journal_close(j);
		remove_files();
	}
}

/* A database of the first version, as it was written then: answers stood in the records. */
static const char first_version[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER);"
    "CREATE TABLE zone (apex BLOB PRIMARY KEY, source TEXT, base TEXT, base_serial INTEGER, image BLOB,"
    " image_seq INTEGER, sum BLOB, serial INTEGER, retired INTEGER, serial_sum BLOB) WITHOUT ROWID;"
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, apex BLOB, serial_from INTEGER, serial_to INTEGER,"
    " time INTEGER, origin TEXT, digest BLOB, changes BLOB, sum BLOB, rcode INTEGER);"
    "CREATE INDEX journal_by_zone ON journal (apex, seq);"
    "CREATE INDEX journal_by_time ON journal (time);"
    "INSERT INTO meta VALUES ('version', 1);"
    "INSERT INTO journal VALUES (1, x'016100', 10, 11, 100, 'update key', "
    "x'0B00000000000000000000000000000000000000000000000000000000000000', CAST('one' AS BLOB), x'@', 5);";

static void
test_first_version(void **state)
{
	static const uint8_t written[] =		/* what the sum of that record was made of */
	    "\0\0\0\0\0\0\0\3" "\1a\0" "\0\0\0\12" "\0\0\0\13" "\0\0\0\0\0\0\0\144" "\0\0\0\0\0\0\0\12" "update key"
	    "\0\0\0\0\0\0\0\40" "\13\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\5"
	    "\0\0\0\0\0\0\0\3" "one";
	uint8_t sum[EVP_MAX_MD_SIZE];
	char text[sizeof first_version + 64], hex[33];
	const char *at = strchr(first_version, '@');
	struct journal *j;

	(void)state;
	assert_int_equal(EVP_Digest(written, sizeof written - 1, sum, NULL, EVP_sha256(), NULL), 1);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - first_version), first_version, hex, at + 1);
	execute(text);
	j = reopen(NULL);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "10-11 100 update key one\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n");
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 12, 300, "two", NULL), ERR_OK);
	answer(j, 12, 300);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	j = reopen(j);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "10-11 100 update key one\n11-12 300 update key two\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "12 5 300\n11 5 100\n");
	journal_close(j);
}

/* One of the third, which numbered by itself and had all answers in their table, goes on as it is. */
static void
test_third_version(void **state)
{
	struct journal *j = reopen(NULL);
	uint64_t kept, octets;

	(void)state;
	journal_close(j);
	execute("DROP TABLE journal; CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, apex BLOB, serial_from INTEGER,"
	    " serial_to INTEGER, time INTEGER, origin TEXT, digest BLOB, changes BLOB, sum BLOB, rcode INTEGER);"
	    "CREATE INDEX journal_by_zone ON journal (apex, seq);"
	    "UPDATE meta SET value = 3 WHERE name = 'version'");
	j = fill();
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n21 5 200\n12 5 300\n");
	put(j, zone_a, 12, "new");
	assert_int_equal(journal_prune(j, zone_a, 0, 0, 0, &kept, &octets, NULL), ERR_OK);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	append_answer(j, 13, 13, 400);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	j = reopen(j);
	SEE(journal_each_record(j, zone_a, 3, see_record, NULL, NULL), "12-13 400 update key c\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "11 5 100\n21 5 200\n12 5 300\n13 0 400\n");
	journal_close(j);
}

/* --- the mark --- */

static void
copy_file(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof command, "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static void
truncate_file(const char *suffix, off_t size)
{
	char name[100];

	snprintf(name, sizeof name, "%s%s", path, suffix);
	assert_int_equal(truncate(name, size), 0);
}

static void
lose_database(void)
{
	unlink(path);
}

static void
lose_last_changes(void)
{
	execute("DELETE FROM journal WHERE seq = 3");
}

static void
lose_put(void)
{
	execute("UPDATE meta SET value = value - 1 WHERE name = 'puts'");
}

static void
garble_mark(void)
{
	FILE *f = fopen(mark, "r+");

	fseek(f, 20, SEEK_SET);
	fputc('x', f);
	fclose(f);
}

static void
empty_mark(void)
{
	assert_int_equal(truncate(mark, 0), 0);
}

static void
zero_mark(void)
{
	assert_int_equal(truncate(mark, 0), 0);
	assert_int_equal(truncate(mark, 4096), 0);
}

static void
shorten_mark(void)
{
	assert_int_equal(truncate(mark, 100), 0);
}

static void
lose_mark(void)
{
	unlink(mark);
}

static void
nothing(void)
{
}

static const struct { const char *why; void (*happen)(void); enum err err; const char *words; } marks[] = {
	{ "nothing happened",			nothing, ERR_OK, "" },
	{ "the database is gone",		lose_database, ERR_DATABASE, "lacks 3 changes that were acknowledged: a had serial 12" },
	{ "the last change is gone",		lose_last_changes, ERR_DATABASE, "lacks 1 changes that were acknowledged: a had serial "
	    "12, here it has 11" },
	{ "a note of what was pushed is gone",	lose_put, ERR_DATABASE, "lacks notes of what was written to git" },
	{ "a mark that is damaged tells nothing", garble_mark, ERR_OK, "" },
	{ "nor an empty one",			empty_mark, ERR_OK, "" },
	{ "nor one of zeros",			zero_mark, ERR_OK, "" },
	{ "nor a short one",			shorten_mark, ERR_OK, "" },
	{ "nor none",				lose_mark, ERR_OK, "" },
};

static void
test_mark(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		struct fault f = { 0 };
		struct journal *j = NULL;
		enum err err;

		journal_close(fill());
		marks[i].happen();
		err = journal_open(path, &j, &f);
		check(err == marks[i].err, "%s: %s", marks[i].why, err_str(err));
		check(strstr(f.text, marks[i].words) != NULL, "%s: %s", marks[i].why, f.text);
		check(err == ERR_OK || (strstr(f.text, path) != NULL && strstr(f.text, mark) != NULL), "files are named: %s", f.text);
		if (err == ERR_OK)
			journal_close(j);
		lose_mark();				/* the loss is accepted */
		f.text[0] = '\0';
		check(journal_open(path, &j, &f) == ERR_OK, "%s: %s", marks[i].why, f.text);
		journal_close(j);
		remove_files();
	}
}

/* What the mark says of how many records there are. */
static uint64_t
marked_records(void)
{
	uint8_t octets[32] = { 0 };
	uint64_t records = 0;
	FILE *f = fopen(mark, "r");

	assert_non_null(f);
	assert_int_equal(fread(octets, 1, sizeof octets, f), sizeof octets);
	fclose(f);
	for (int i = 24; i < 32; i++)
		records = records << 8 | octets[i];
	return records;
}

/* Whoever waits for a change does not wait for the mark, but it is not forgotten. */
static void
test_mark_follows(void **state)
{
	struct journal *j = fill();

	(void)state;
	journal_mark(j);
	assert_int_equal(marked_records(), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(journal_begin(j, NULL), ERR_OK);
		assert_int_equal(marked_records(), 3 + i);	/* what was open to be done is done by the next group */
		assert_int_equal(append(j, zone_a, 13 + i, 400, "three", NULL), ERR_OK);
		assert_int_equal(journal_commit(j, NULL), ERR_OK);
		assert_int_equal(marked_records(), 3 + i);
	}
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 16, 400, "undone", NULL), ERR_OK);
	journal_mark(j);
	assert_int_equal(marked_records(), 6);			/* never ahead */
	journal_rollback(j);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 16, 400, "six", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_close(j);
	assert_int_equal(marked_records(), 7);
	assert_int_equal(journal_open(path, &j, NULL), ERR_OK);
	journal_close(j);
}

/* Up to the last frame: zeros follow it. */
static off_t
log_used(const char *name)
{
	static uint8_t octets[8 << 20];
	FILE *f = fopen(name, "r");
	size_t n = fread(octets, 1, sizeof octets, f);

	fclose(f);
	while (n > 0 && octets[n - 1] == 0)
		n--;
	return 32 + (off_t)(n - 32 + 4119) / 4120 * 4120;
}

/* A log that is cut or garbled at its end would have SQLite go on with an older state. */
static void
test_damaged_log(void **state)
{
	char log[80], saved_db[80], saved_log[80];
	struct fault f = { 0 };
	struct journal *j, *other;
	off_t used;

	(void)state;
	snprintf(log, sizeof log, "%s-wal", path);
	snprintf(saved_db, sizeof saved_db, "%s/db", directory);
	snprintf(saved_log, sizeof saved_log, "%s/log", directory);
	j = fill();
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 13, 400, "three", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_mark(j);
	copy_file(path, saved_db);			/* as kill -9 would leave them */
	copy_file(log, saved_log);
	journal_close(j);
	used = log_used(saved_log);
	for (off_t size = used; size >= 0; size -= 997) {
		enum err err;

		copy_file(saved_db, path);
		copy_file(saved_log, log);
		truncate_file("-wal", size);
		err = journal_open(path, &other, &f);
		check(err == (size == used ? ERR_OK : ERR_DATABASE), "%lld octets: %s", (long long)size, err_str(err));
		if (err == ERR_OK)
			journal_close(other);
		else
			check(strstr(f.text, path) != NULL && strstr(f.text, "-wal") != NULL, "%s", f.text);
		remove(log);
	}
	unlink(saved_db);
	unlink(saved_log);
}

static const struct { const char *why, *statement, *words; } versions[] = {
	{ "a newer version",		"UPDATE meta SET value = 5 WHERE name = 'version'", "newer certns" },
	{ "no version",			"DELETE FROM meta", "restore a backup" },
	{ "a table is gone",		"DROP TABLE journal", "restore a backup" },
};

static void
test_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
		struct fault f = { 0 };
		struct journal *j;

		journal_close(fill());
		execute(versions[i].statement);
		check(journal_open(path, &j, &f) == ERR_DATABASE, "%s", versions[i].why);
		check(strstr(f.text, versions[i].words) != NULL, "%s: %s", versions[i].why, f.text);
		remove_files();
	}
}

static void
test_no_database(void **state)
{
	struct fault f = { 0 };
	struct journal *j;
	FILE *out = fopen(path, "w");

	(void)state;
	for (int i = 0; i < 500; i++)
		fputs("this is no database\n", out);
	fclose(out);
	assert_int_equal(journal_open(path, &j, &f), ERR_DATABASE);
	check(strstr(f.text, path) != NULL, "the file is named: %s", f.text);
	remove_files();
	f.text[0] = '\0';
	assert_int_equal(journal_open("/nonexistent/state.db", &j, &f), ERR_ACCESS);
	check(strstr(f.text, "/nonexistent/state.db") != NULL, "the file is named: %s", f.text);
}

static void
test_second_opener(void **state)
{
	struct fault f = { 0 };
	struct journal *j = fill(), *other;

	(void)state;
	assert_int_equal(journal_open(path, &other, &f), ERR_BUSY);
	check(strstr(f.text, "in use by another certnsd") != NULL, "%s", f.text);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 13, 400, "three", NULL), ERR_OK);	/* the first is not disturbed */
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	journal_close(j);
	journal_close(reopen(NULL));
	remove_files();
}

/* A disk that is full: the transaction fails, what was before stays, and it goes on when there is room again. */
static void
test_full_disk(void **state)
{
	struct rlimit room, old;
	struct fault f = { 0 };
	struct journal *j = fill();
	static char big[300000];
	enum err err;

	(void)state;
	memset(big, 'x', sizeof big - 1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	room = old;
	room.rlim_cur = 150000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &room), 0);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	err = append(j, zone_a, 13, 400, big, &f);
	if (err == ERR_OK)
		err = journal_commit(j, &f);
	journal_rollback(j);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	check(err == ERR_NOSPACE || err == ERR_IO, "%s", err_str(err));
	check(strstr(f.text, path) != NULL, "the file is named: %s", f.text);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 13, 400, "three", NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	j = reopen(j);
	SEE(journal_each_record(j, zone_a, 2, see_record, NULL, NULL), "11-12 300 update key two\n"
	    "12-13 400 update key three\n");
	journal_close(j);
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/state.db", directory);
	snprintf(mark, sizeof mark, "%s/journal.mark", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int
clean_up(void **state)
{
	(void)state;
	remove_files();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_round_trip, clean_up),
		cmocka_unit_test_teardown(test_rollback, clean_up),
		cmocka_unit_test_teardown(test_answers_are_forgotten, clean_up),
		cmocka_unit_test_teardown(test_history, clean_up),
		cmocka_unit_test_teardown(test_broken_history, clean_up),
		cmocka_unit_test_teardown(test_prune, clean_up),
		cmocka_unit_test_teardown(test_first_version, clean_up),
		cmocka_unit_test_teardown(test_answers_in_records, clean_up),
		cmocka_unit_test_teardown(test_damaged_answer_in_record, clean_up),
		cmocka_unit_test_teardown(test_third_version, clean_up),
		cmocka_unit_test_teardown(test_mark, clean_up),
		cmocka_unit_test_teardown(test_mark_follows, clean_up),
		cmocka_unit_test_teardown(test_damaged_log, clean_up),
		cmocka_unit_test_teardown(test_copy, clean_up),
		cmocka_unit_test_teardown(test_damage, clean_up),
		cmocka_unit_test_teardown(test_flipped_octets, clean_up),
		cmocka_unit_test_teardown(test_versions, clean_up),
		cmocka_unit_test_teardown(test_no_database, clean_up),
		cmocka_unit_test_teardown(test_second_opener, clean_up),
		cmocka_unit_test_teardown(test_full_disk, clean_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

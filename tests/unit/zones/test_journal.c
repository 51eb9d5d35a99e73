#include "tests/unit/check.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zones/journal.h"

static char directory[] = "/tmp/certns-journal.XXXXXX", path[64];
static const uint8_t zone_a[] = "\1a", zone_b[] = "\1b";

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
	assert_int_equal(journal_put_zone(j, &z, true, NULL), ERR_OK);
}

static enum err
append(struct journal *j, const uint8_t *apex, uint32_t serial, int64_t time_s, const char *changes, struct fault *f)
{
	uint8_t digest[32] = { 0 };

	digest[0] = (uint8_t)serial;
	return journal_append(j, &(struct journal_record){ apex, serial - 1, serial, time_s, "update key", digest, 5,
	    (const uint8_t *)changes, strlen(changes) }, f);
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
	snprintf(seen + n, sizeof seen - n, "%u-%u %lld %s %u %u %.*s\n", r->serial_from, r->serial_to, (long long)r->time_s,
	    r->origin, r->digest[0], r->rcode, (int)r->n, (const char *)r->changes);
	return ERR_OK;
}

static void
see_digest(void *ctx, const uint8_t digest[32], unsigned rcode, int64_t time_s)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%u %u %lld\n", digest[0], rcode, (long long)time_s);
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
	assert_int_equal(append(j, zone_b, 21, 200, "", NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 12, 300, "two", NULL), ERR_OK);
	assert_int_equal(journal_put_zone(j, &(struct journal_zone){ .apex = { { 1, 'a', 0 } }, .serial = 12, .retired = true },
	    false, NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
	return j;
}

static void
test_round_trip(void **state)
{
	struct journal *j = reopen(fill());

	(void)state;
	SEE(journal_each_zone(j, see_zone, NULL, NULL), "a url base 7 12 retired 0:image of a\n");
	SEE(journal_find_zone(j, zone_a, see_zone, NULL, NULL), "a url base 7 12 retired 0:image of a\n");
	SEE(journal_find_zone(j, zone_b, see_zone, NULL, NULL), "");
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "10-11 100 update key 11 5 one\n"
	    "11-12 300 update key 12 5 two\n");
	SEE(journal_each_record(j, zone_a, 1, see_record, NULL, NULL), "11-12 300 update key 12 5 two\n");
	SEE(journal_each_record(j, zone_b, 0, see_record, NULL, NULL), "20-21 200 update key 21 5 \n");
	SEE(journal_each_digest(j, 200, see_digest, NULL, NULL), "21 5 200\n12 5 300\n");
	put(j, zone_a, 12, "new");
	SEE(journal_each_zone(j, see_zone, NULL, NULL), "a url base 7 12 3:new\n");
	SEE(journal_each_record(j, zone_a, 3, see_record, NULL, NULL), "");
	assert_int_equal(journal_put_zone(j, &(struct journal_zone){ .apex = { { 1, 'b', 0 } } }, false, NULL), ERR_NOT_FOUND);
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
	SEE(journal_each_record(j, zone_a, 2, see_record, NULL, NULL), "11-12 300 update key 12 5 two\n");
	journal_close(j);
}

static void
test_prune(void **state)
{
	struct journal *j = fill();

	(void)state;
	assert_int_equal(journal_prune(j, 1000, NULL), ERR_OK);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL), "10-11 100 update key 11 5 one\n"
	    "11-12 300 update key 12 5 two\n");		/* the image holds neither */
	put(j, zone_a, 12, "new");
	assert_int_equal(journal_prune(j, 100, NULL), ERR_OK);
	SEE(journal_each_digest(j, 0, see_digest, NULL, NULL), "11 5 100\n21 5 200\n12 5 300\n");
	assert_int_equal(journal_prune(j, 101, NULL), ERR_OK);
	SEE(journal_each_digest(j, 0, see_digest, NULL, NULL), "21 5 200\n12 5 300\n");
	assert_int_equal(journal_prune(j, 1000, NULL), ERR_OK);
	assert_int_equal(append(j, zone_a, 13, 2000, "three", NULL), ERR_OK);
	SEE(journal_each_record(j, zone_a, 3, see_record, NULL, NULL), "12-13 2000 update key 13 5 three\n");
	journal_close(j);
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
	{ "the zone is no longer retired", "UPDATE zone SET retired = 0", "zone a" },
	{ "what the image holds",	"UPDATE zone SET image_seq = 2", "zone a" },
	{ "a checksum",			"UPDATE zone SET sum = x'00'", "zone a" },
	{ "no checksum",		"UPDATE zone SET serial_sum = NULL", "zone a" },
	{ "a zone's name",		"UPDATE zone SET apex = x'0461'", "zone ?" },
	{ "another zone's name",	"UPDATE zone SET apex = x'017a00'", "zone z" },
	{ "a record",			"UPDATE journal SET changes = x'00' WHERE seq = 3", "record 3" },
	{ "an empty record",		"UPDATE journal SET changes = NULL WHERE seq = 3", "record 3" },
	{ "a record's serial",		"UPDATE journal SET serial_to = 5 WHERE seq = 3", "record 3" },
	{ "a record's digest",		"UPDATE journal SET digest = NULL WHERE seq = 3", "record 3" },
	{ "a record's origin",		"UPDATE journal SET origin = NULL WHERE seq = 3", "record 3" },
	{ "a record's time",		"UPDATE journal SET time = 1 WHERE seq = 3", "record 3" },
	{ "a record's checksum",	"UPDATE journal SET sum = x'00112233445566778899aabbccddeeff' WHERE seq = 3", "record 3" },
};

static void
remove_files(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		char name[100];

		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

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
		check(err != ERR_OK || seen[0] == '\0' || strcmp(seen, "a url base 7 12 retired 0:image of a\n"
		    "10-11 100 update key 11 5 one\n11-12 300 update key 12 5 two\n") == 0, "octet %lld: %s", (long long)at, seen);
		found += err != ERR_OK;
		if (err == ERR_OK || j != NULL)
			journal_close(j);
		remove_files();
	}
	assert_true(found > 0);
}

static const struct { const char *why, *statement, *words; } versions[] = {
	{ "a newer version",		"UPDATE meta SET value = 2 WHERE name = 'version'", "newer certns" },
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
	assert_int_equal(append(j, zone_a, 13, 400, "three", NULL), ERR_OK);	/* the first is not disturbed */
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
	SEE(journal_each_record(j, zone_a, 2, see_record, NULL, NULL), "11-12 300 update key 12 5 two\n"
	    "12-13 400 update key 13 5 three\n");
	journal_close(j);
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/state.db", directory);
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
		cmocka_unit_test_teardown(test_prune, clean_up),
		cmocka_unit_test_teardown(test_damage, clean_up),
		cmocka_unit_test_teardown(test_flipped_octets, clean_up),
		cmocka_unit_test_teardown(test_versions, clean_up),
		cmocka_unit_test_teardown(test_no_database, clean_up),
		cmocka_unit_test_teardown(test_second_opener, clean_up),
		cmocka_unit_test_teardown(test_full_disk, clean_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

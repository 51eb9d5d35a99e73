#include "tests/unit/zones/journal_file.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

char directory[] = "/tmp/certns-journal.XXXXXX";
char path[64], mark[64], seen[4096];
const uint8_t zone_a[] = "\1a", zone_b[] = "\1b";

void
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

struct journal *
reopen(struct journal *j)
{
	struct fault f = { 0 };

	journal_close(j);
	check(journal_open(path, &j, &f) == ERR_OK, "it opens: %s", f.text);
	return j;
}

void
put(struct journal *j, const uint8_t *apex, uint32_t serial, const char *image)
{
	struct journal_zone z = { .source = (char *)(uintptr_t)"url", .base = (char *)(uintptr_t)"base",
	    .base_serial = 7,
	    .serial = serial, .image = (uint8_t *)(uintptr_t)image, .image_n = strlen(image) };

	dname_copy(&z.apex, apex);
	assert_int_equal(journal_begin(j, NULL), ERR_OK);
	assert_int_equal(journal_put_zone(j, &z, NULL), ERR_OK);
	assert_int_equal(journal_commit(j, NULL), ERR_OK);
}

enum err
append_step(struct journal *j, const uint8_t *apex, uint32_t from, uint32_t to, int64_t time_s, const char *changes,
    struct fault *f)
{
	return journal_append(j, &(struct journal_record){ .apex = apex, .serial_from = from, .serial_to = to,
	    .time_s = time_s,
	    .origin = "update key", .changes = (const uint8_t *)changes, .n = strlen(changes) }, f);
}

enum err
append(struct journal *j, const uint8_t *apex, uint32_t serial, int64_t time_s, const char *changes, struct fault *f)
{
	return append_step(j, apex, serial - 1, serial, time_s, changes, f);
}

void
answer(struct journal *j, uint8_t number, int64_t time_s)
{
	struct journal_answer a = { .digest = { number }, .rcode = 5, .time_s = time_s };

	assert_int_equal(journal_answered(j, &a, NULL), ERR_OK);
}

/* A change that is the answer to an UPDATE. */
void
append_answer(struct journal *j, uint32_t serial, uint8_t number, int64_t time_s)
{
	uint8_t digest[32] = { number };

	assert_int_equal(journal_append(j, &(struct journal_record){ .apex = zone_a, .serial_from = serial - 1,
	    .serial_to = serial, .time_s = time_s, .origin = "update key", .changes = (const uint8_t *)"c", .n = 1,
	    .digest = digest, .rcode = 0 }, NULL), ERR_OK);
}

enum err
see_zone(void *ctx, const struct journal_zone *z)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%c %s %s %u %u %s%lld:%.*s\n", z->apex.octets[1], z->source, z->base,
	    z->base_serial, z->serial, z->retired ? "retired " : "", (long long)z->image_seq, (int)z->image_n,
	    (const char *)z->image);
	return ERR_OK;
}

enum err
see_record(void *ctx, const struct journal_record *r)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%u-%u %lld %s %.*s\n", r->serial_from, r->serial_to, (long long)r->time_s,
	    r->origin, (int)r->n, (const char *)r->changes);
	return ERR_OK;
}

void
see_answer(void *ctx, const struct journal_answer *a)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof seen - n, "%u %u %lld\n", a->digest[0], a->rcode, (long long)a->time_s);
}

struct journal *
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

/* Ten answers in records, at 10, 20, ..., and one beside. */
struct journal *
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

void
execute(const char *statement)
{
	sqlite3 *db;
	char *message = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	check(sqlite3_exec(db, statement, NULL, NULL, &message) == SQLITE_OK, "%s: %s", statement, message);
	sqlite3_close(db);
}

int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/state.db", directory);
	snprintf(mark, sizeof mark, "%s/journal.mark", directory);
	return 0;
}

int
remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

int
clean_up(void **state)
{
	(void)state;
	remove_files();
	return 0;
}

/* zones/journal.c: what is written comes back, until it is too old or too much; histories, copies, and answers. */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/unit/zones/journal_file.h"

static void
test_round_trip(void **state)
{
	struct journal *j = reopen(fill());

	(void)state;
	SEE(journal_each_zone(j, see_zone, NULL, NULL), "a url base 7 12 0:image of a\n");
	SEE(journal_find_zone(j, zone_a, see_zone, NULL, NULL), "a url base 7 12 0:image of a\n");
	SEE(journal_find_zone(j, zone_b, see_zone, NULL, NULL), "");
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL),
	    "10-11 100 update key one\n11-12 300 update key two\n");
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

static const struct { const char *why; uint32_t from, to; uint64_t max; enum err err; const char *steps; } histories[] =
    {
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
		check(journal_each_change(j, zone_a, histories[i].from, histories[i].to, histories[i].max, see_record,
		    NULL, NULL) == histories[i].err, "%s", histories[i].why);
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

static const struct { const char *why; uint64_t depth, usage; bool image; uint32_t oldest; uint64_t kept; } prunings[] =
    {
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
		assert_int_equal(journal_prune(j, zone_a, prunings[i].depth, prunings[i].usage, 0, &kept, &octets,
		    NULL), ERR_OK);
		check(kept == prunings[i].kept, "%s: %llu kept", prunings[i].why, (unsigned long long)kept);
		check(octets <= prunings[i].usage, "%s: %llu octets", prunings[i].why, (unsigned long long)octets);
		while (serial < 20 && journal_each_change(j, zone_a, serial, 20, 1000, see_record, NULL,
		    NULL) == ERR_NOT_FOUND)
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
	assert_int_equal(journal_each_change(other, zone_a, serial, serial + 1, 1000, see_record, NULL, NULL),
	    ERR_NOT_FOUND);
	journal_close(other);
	assert_int_equal(truncate(path, 50000), 0);
	assert_int_equal(journal_check_copy(path, &f), ERR_DATABASE);
	assert_int_equal(journal_backup_new(NULL, "/nonexistent/copy", &b, &f), ERR_IO);
	check(strstr(f.text, "/nonexistent/copy") != NULL, "%s", f.text);
}

static void
test_answers_in_records(void **state)
{
	struct journal *j = reopen(fill_answers());
	uint64_t kept, octets;

	(void)state;
	SEE(journal_each_answer(j, 85, see_answer, NULL, NULL), "50 5 110\n9 0 90\n10 0 100\n");
	SEE(journal_each_answer(j, 200, see_answer, NULL, NULL), "");
	SEE(journal_each_record(j, zone_a, 9, see_record, NULL, NULL),
	    "19-20 100 update key c\n20-21 110 update key by another way\n");
	/* Those that may be asked for again outlast their records. */
	assert_int_equal(journal_prune(j, zone_a, 2, 100000, 75, &kept, &octets, NULL), ERR_OK);
	assert_int_equal(kept, 2);
	SEE(journal_each_record(j, zone_a, 0, see_record, NULL, NULL),
	    "19-20 100 update key c\n20-21 110 update key by another way\n");
	SEE(journal_each_answer(j, 0, see_answer, NULL, NULL), "50 5 110\n8 0 80\n9 0 90\n10 0 100\n");
	assert_int_equal(journal_forget_answers(j, 120, NULL), ERR_OK);
	SEE(journal_each_answer(j, 95, see_answer, NULL, NULL), "10 0 100\n");
	journal_close(j);
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
		cmocka_unit_test_teardown(test_answers_in_records, clean_up),
		cmocka_unit_test_teardown(test_copy, clean_up),
		cmocka_unit_test_teardown(test_no_database, clean_up),
		cmocka_unit_test_teardown(test_second_opener, clean_up),
		cmocka_unit_test_teardown(test_full_disk, clean_up),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

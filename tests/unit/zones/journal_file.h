/* tests/unit/zones/journal_file.h -- a state database in a directory of its own, and what stands in it as text. */
#ifndef TESTS_UNIT_ZONES_JOURNAL_FILE_H
#define TESTS_UNIT_ZONES_JOURNAL_FILE_H

#include "tests/unit/check.h"
#include "zones/journal.h"

extern char directory[], path[64], mark[64];	/* path: the database; mark: what tells of lost groups */
extern const uint8_t zone_a[3], zone_b[3];

/* Of a group of tests, and behind each of them. */
int make_directory(void **state);
int remove_directory(void **state);
int clean_up(void **state);
void remove_files(void);

struct journal *reopen(struct journal *j);	/* NULL: open; ends the test where that does not go */
void execute(const char *statement);		/* SQL, beside the journal */

/* Each row in a group of its own, or within the one that is open. */
void put(struct journal *j, const uint8_t *apex, uint32_t serial, const char *image);
enum err append(struct journal *j, const uint8_t *apex, uint32_t serial, int64_t time_s, const char *changes,
    struct fault *f);
enum err append_step(struct journal *j, const uint8_t *apex, uint32_t from, uint32_t to, int64_t time_s,
    const char *changes, struct fault *f);
void answer(struct journal *j, uint8_t number, int64_t time_s);
void append_answer(struct journal *j, uint32_t serial, uint8_t number, int64_t time_s);

struct journal *fill(void);			/* two zones, three records, three answers */
struct journal *fill_answers(void);

/* What a callback saw, as text: for SEE(). */
extern char seen[4096];
enum err see_zone(void *ctx, const struct journal_zone *z);
enum err see_record(void *ctx, const struct journal_record *r);
void see_answer(void *ctx, const struct journal_answer *a);

#define SEE(call, want)									\
	do {										\
		seen[0] = '\0';								\
		assert_int_equal(call, ERR_OK);						\
		check(strcmp(seen, want) == 0, "%s: have %s", want, seen);		\
	} while (0)

#endif

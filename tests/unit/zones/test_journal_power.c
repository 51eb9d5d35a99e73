/* The journal on a disk that fails, fills up, and loses what was not synced when the power goes: what was committed is
 * there, all else is there wholly or not at all. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/zones/disk.h"
#include "zones/journal.h"

#define ZONES 3
#define RECORDS_MOST 12			/* behind an image */
#define ROUNDS 60
#define GROUPS 12

/* What the journal should hold. */
struct model_zone {
	bool there;
	char image[24];
	uint32_t image_serial, serial;	/* and between them the records behind the image, one for each step */
	unsigned salt;			/* goes into the changes: rolled back ones must not show up later */
};
struct model {
	struct model_zone zones[ZONES];
};

static const uint8_t *const apexes[ZONES] = { (const uint8_t *)"\1a", (const uint8_t *)"\1b", (const uint8_t *)"\1c" };
static char directory[] = "/tmp/certns-power.XXXXXX", path[64], mark[64];
static uint32_t random_state;

static uint32_t
any_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % limit;
}

/* --- the model as text, and the journal as text --- */

struct text {
	char v[16384];
	size_t n;
};

static void
add_record_text(struct text *t, uint32_t from, uint32_t to, const char *changes, size_t n)
{
	t->n += (size_t)snprintf(t->v + t->n, sizeof t->v - t->n, "  %u-%u %.*s\n", from, to, (int)n, changes);
}

static void
add_zone_text(struct text *t, const uint8_t *apex, uint32_t serial, const char *image, size_t n)
{
	t->n += (size_t)snprintf(t->v + t->n, sizeof t->v - t->n, "%c %u %.*s\n", apex[1], serial, (int)n, image);
}

/* Sizes differ, so that some changes have pages of their own. */
static size_t
changes_of(const struct model_zone *z, uint32_t to, char out[9000])
{
	size_t n = (size_t)sprintf(out, "%u:%u", z->salt, to), more = to % 7 == 0 ? 8000 : to * 13 % 200;

	memset(out + n, 'x', more);
	return n + more;
}

static void
print_model(const struct model *m, struct text *t)
{
	char changes[9000];

	t->n = 0;
	t->v[0] = '\0';
	for (int i = 0; i < ZONES; i++) {
		const struct model_zone *z = &m->zones[i];

		if (!z->there)
			continue;
		add_zone_text(t, apexes[i], z->serial, z->image, strlen(z->image));
		for (uint32_t to = z->image_serial + 1; to <= z->serial; to++)
			add_record_text(t, to - 1, to, changes, changes_of(z, to, changes) > 60 ? 60 : changes_of(z, to,
			    changes));
	}
}

struct printing {
	struct journal *journal;
	struct text *text;
	struct fault *fault;
};

static enum err
print_record(void *ctx, const struct journal_record *r)
{
	add_record_text(ctx, r->serial_from, r->serial_to, (const char *)r->changes, r->n > 60 ? 60 : r->n);
	return ERR_OK;
}

static enum err
print_zone(void *ctx, const struct journal_zone *z)
{
	struct printing *p = ctx;

	add_zone_text(p->text, z->apex.octets, z->serial, (const char *)z->image, z->image_n);
	return journal_each_record(p->journal, z->apex.octets, z->image_seq, print_record, p->text, p->fault);
}

static void
print_journal(struct journal *j, struct text *t)
{
	struct fault f = { 0 };
	enum err err;

	t->n = 0;
	t->v[0] = '\0';
	err = journal_each_zone(j, print_zone, &(struct printing){ j, t, &f }, &f);
	check(err == ERR_OK, "it can be read: %s", fault_str(&f, err));
}

static bool
is(struct journal *j, const struct model *m)
{
	static struct text have, want;

	print_journal(j, &have);
	print_model(m, &want);
	return strcmp(have.v, want.v) == 0;
}

/* --- groups --- */

static enum err
put(struct journal *j, struct model *m, int i)
{
	struct model_zone *z = &m->zones[i];
	struct journal_zone row = { .source = (char *)(uintptr_t)"url", .base = (char *)(uintptr_t)"",
	    .serial = z->serial };
	enum err err;

	z->there = true;
	z->image_serial = z->serial;
	snprintf(z->image, sizeof z->image, "image %u", any_below(1000000));
	row.image = (uint8_t *)z->image;
	row.image_n = strlen(z->image);
	dname_copy(&row.apex, apexes[i]);
	err = journal_put_zone(j, &row, NULL);
	return err;
}

static enum err
append(struct journal *j, struct model *m, int i)
{
	struct model_zone *z = &m->zones[i];
	static const uint8_t digest[32] = { 2 };
	char changes[9000];
	size_t n;

	if (z->serial == z->image_serial)
		z->salt = any_below(1000000);
	n = changes_of(z, z->serial + 1, changes);
	z->serial++;
	return journal_append(j, &(struct journal_record){ apexes[i], z->serial - 1, z->serial, 100, "test",
	    (const uint8_t *)changes, n, z->serial % 2 == 0 ? digest : NULL, 0 }, NULL);
}

/* One group of random changes; m is what the journal has after it. */
static enum err
group(struct journal *j, struct model *m)
{
	enum err err = journal_begin(j, NULL);

	for (uint32_t n = 1 + any_below(4); err == ERR_OK && n > 0; n--) {
		int i = (int)any_below(ZONES);

		if (!m->zones[i].there || m->zones[i].serial - m->zones[i].image_serial >= RECORDS_MOST ||
		    any_below(8) == 0)
			err = put(j, m, i);
		else
			err = append(j, m, i);
	}
	if (err == ERR_OK)
		err = journal_answered(j, &(struct journal_answer){ .digest = { 1 }, .time_s = 100 }, NULL);
	if (err == ERR_OK)
		err = journal_commit(j, NULL);
	if (err != ERR_OK)
		journal_rollback(j);
	return err;
}

static struct journal *
open_again(void)
{
	struct fault f = { 0 };
	struct journal *j = NULL;
	enum err err = journal_open(path, &j, &f);

	check(err == ERR_OK, "it opens: %s", fault_str(&f, err));
	return j;
}

/* Many groups, so that the log wraps and the database is written, and now and then history goes. */
static enum err
step(struct journal *j, struct model *m)
{
	uint64_t kept, octets;

	if (any_below(10) == 0)
		(void)journal_prune(j, apexes[any_below(ZONES)], 5, 100000, 0, &kept, &octets, NULL);
	return group(j, m);
}

static void
test_power(void **state)
{
	unsigned lost = 0, kept = 0;

	(void)state;
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		struct model sure = { 0 }, maybe = { 0 };
		struct journal *j;

		random_state = round * 2654435761u + 2;
		disk_open();
		j = open_again();
		for (int crash = 0; crash < 3; crash++) {
			disk_trouble(DISK_POWER, 1 + any_below(round % 3 == 0 ? 2000 : 60));
			for (int i = 0; i < 500; i++) {
				maybe = sure;
				if (step(j, &maybe) != ERR_OK)
					break;
				sure = maybe;
				check(disk_unsynced("-wal") == 0, "it is synced before anybody is told");
			}
			journal_close(j);		/* writes nothing any more */
			disk_crash(any_below);
			j = open_again();
			if (is(j, &sure))
				lost++;
			else if (is(j, &maybe))
				kept++;
			else
				check(false, "round %u: neither with nor without the last group", round);
			sure = is(j, &sure) ? sure : maybe;
		}
		check(step(j, &sure) == ERR_OK && is(j, &sure), "round %u: it goes on", round);
		journal_close(j);
		disk_close();
		unlink(mark);
	}
	check(lost > 0 && kept > 0, "both were seen: %u without and %u with the last group", lost, kept);
}

static const struct { const char *why; enum disk_trouble kind; } troubles[] = {
	{ "one write or sync fails",		DISK_FAILS },
	{ "one write finds the disk full",	DISK_FULL },
	{ "the disk is full for a while",	DISK_STAYS_FULL },
};

/* The nth write or sync fails, for each n: the group that meets it fails as a whole, nothing else does, and it goes
 * on. */
static void
test_each_call_fails(void **state)
{
	(void)state;
	for (size_t t = 0; t < sizeof troubles / sizeof troubles[0]; t++) {
		bool troubled = true;

		for (unsigned nth = 1; troubled; nth++) {
			struct model sure = { 0 }, maybe;
			struct journal *j;
			unsigned failures = 0;

			random_state = 12345;
			disk_open();
			j = open_again();
			disk_trouble(troubles[t].kind, nth);
			for (int i = 0; i < GROUPS; i++) {
				maybe = sure;
				if (group(j, &maybe) == ERR_OK)
					sure = maybe;
				else if (++failures > 3)
					disk_mend();
				check(is(j, &sure), "%s, call %u: only what succeeded is there", troubles[t].why, nth);
			}
			troubled = disk_was_troubled();
			check(failures <= (troubles[t].kind == DISK_STAYS_FULL ? 4u : 1u),
			    "%s, call %u: %u groups fail", troubles[t].why, nth, failures);
			disk_mend();
			check(group(j, &sure) == ERR_OK && is(j, &sure), "%s, call %u: it goes on", troubles[t].why,
			    nth);
			journal_close(j);
			j = open_again();
			check(is(j, &sure), "%s, call %u: after a restart too", troubles[t].why, nth);
			journal_close(j);
			disk_close();
			unlink(mark);
		}
	}
}

/* The same, and then the process is killed: what failed may be there as a whole, until something succeeds. */
static void
test_failure_and_power(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth <= 120; nth++) {
		struct model sure = { 0 }, maybe = { 0 };
		struct journal *j;
		int i;

		random_state = 999 + nth;
		disk_open();
		j = open_again();
		disk_trouble(DISK_FAILS, nth);
		for (i = 0; i < 60; i++) {
			maybe = sure;
			if (group(j, &maybe) != ERR_OK)
				break;
			sure = maybe;
		}
		disk_trouble(DISK_POWER, 1);
		journal_close(j);
		disk_crash(any_below);
		j = open_again();
		check(is(j, &sure) || is(j, &maybe), "call %u: wholly or not at all", nth);
		journal_close(j);
		disk_close();
		unlink(mark);
	}
}

/* One sync for a group, however large. */
static void
test_one_sync(void **state)
{
	struct model m = { 0 };
	struct journal *j;
	unsigned before;

	(void)state;
	random_state = 7;
	disk_open();
	j = open_again();
	for (int i = 0; i < 3; i++)
		assert_int_equal(group(j, &m), ERR_OK);
	before = disk_syncs();
	for (int i = 0; i < 10; i++)
		assert_int_equal(group(j, &m), ERR_OK);
	check(disk_syncs() - before == 10, "%u syncs for ten groups", disk_syncs() - before);
	journal_close(j);
	disk_close();
	unlink(mark);
}

static int
setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/state.db", directory);
	snprintf(mark, sizeof mark, "%s/journal.mark", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(mark);
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_sync),
		cmocka_unit_test(test_each_call_fails),
		cmocka_unit_test(test_failure_and_power),
		cmocka_unit_test(test_power),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

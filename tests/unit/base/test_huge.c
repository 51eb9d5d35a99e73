/* Whether the system moves anything cannot be asked for everywhere; what can is that all stays as it is, while it is read and
 * written, and that what is sparse does not grow. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/huge.h"

#define SMALL 4096
#define HUGE ((size_t)1 << 21)
#define PAGES (HUGE / SMALL)

/* Memory for n huge pages, which begins at the begin of one. */
static uint8_t *
new_memory(size_t n, uint8_t **mapped)
{
	uint8_t *p = mmap(NULL, (n + 1) * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	*mapped = p;
	return p + (HUGE - (uintptr_t)p % HUGE) % HUGE;
}

/* Small pages in use of a huge one. */
static unsigned
count(uint8_t *at)
{
	unsigned char resident[PAGES];
	unsigned n = 0;

	assert_int_equal(mincore(at, HUGE, resident), 0);
	for (size_t i = 0; i < PAGES; i++)
		n += resident[i] & 1;
	return n;
}

/* Of how many small pages the first octet is as test_pages() left it. */
static unsigned
good(const uint8_t *at, unsigned used)
{
	unsigned n = 0;

	for (unsigned i = 0; i < used; i++)
		n += at[i * SMALL] == (uint8_t)(i + used);
	return n;
}

static void
test_pages(void **state)
{
	static const struct {
		const char *label;
		unsigned used;		/* small pages, from the begin on */
		bool may_grow;
	} rows[] = {
		{ "what is full stays as it is",		PAGES,		false },
		{ "what is nearly full may be filled up",	PAGES - 10,	true },
		{ "what is half empty does not grow",		PAGES / 2,	false },
		{ "what has one page does not grow",		1,		false },
		{ "what was never used is not used",		0,		false },
	};

	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		uint8_t *mapped, *at = new_memory(1, &mapped);

		madvise(mapped, 2 * HUGE, MADV_NOHUGEPAGE);	/* not by itself */
		for (unsigned i = 0; i < rows[r].used; i++)
			at[i * SMALL] = (uint8_t)(i + rows[r].used);
		madvise(mapped, 2 * HUGE, MADV_HUGEPAGE);
		(void)huge_pages();
		check(good(at, rows[r].used) == rows[r].used, "%s: its octets", rows[r].label);
		check(count(at) == rows[r].used || (rows[r].may_grow && count(at) == PAGES), "%s: %u of %u pages",
		    rows[r].label, count(at), (unsigned)PAGES);
		munmap(mapped, 2 * HUGE);
	}
}

struct busy {
	_Atomic uint64_t *v;
	size_t n;
	uint64_t rounds;
	atomic_bool stop;
};

/* Each number of v goes up by one, round by round. */
static void *
be_busy(void *arg)
{
	struct busy *b = arg;

	while (!atomic_load(&b->stop)) {
		for (size_t i = 0; i < b->n; i += 64)
			atomic_fetch_add(&b->v[i], 1);
		b->rounds++;
	}
	return NULL;
}

static void
test_busy(void **state)
{
	uint8_t *mapped, *at = new_memory(8, &mapped);
	struct busy b = { .v = (void *)at, .n = 8 * HUGE / sizeof *b.v };
	pthread_t thread;

	(void)state;
	memset(at, 0, 8 * HUGE);
	atomic_init(&b.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, be_busy, &b), 0);
	for (int i = 0; i < 5; i++) {
		(void)huge_pages();
		madvise(at + (size_t)i * HUGE, SMALL, MADV_PAGEOUT);	/* not whole any more, where there is a place for it */
	}
	atomic_store(&b.stop, true);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < b.n; i += 64)
		check(b.v[i] == b.rounds, "number %zu was raised %llu times of %llu", i, (unsigned long long)b.v[i],
		    (unsigned long long)b.rounds);
	munmap(mapped, 9 * HUGE);
}

/* Mappings that come and go meanwhile. */
static void *
map_and_unmap(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop)) {
		uint8_t *mapped, *at = new_memory(2, &mapped);

		memset(at, 1, 2 * HUGE);
		munmap(mapped, 3 * HUGE);
	}
	return NULL;
}

static void
test_coming_and_going(void **state)
{
	atomic_bool stop = false;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, map_and_unmap, &stop), 0);
	for (int i = 0; i < 50; i++)
		(void)huge_pages();
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_coming_and_going),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

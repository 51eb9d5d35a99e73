/* server/dnstap_ring.c: what goes in comes out, in its order and whole; a full ring leaves records out and counts them. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <sched.h>

#include "server/counters.h"
#include "server/dnstap_ring.h"

#define RECORDS 200000

/* Records tell their number, and how long they are. */
static size_t
length_of(unsigned i)
{
	return sizeof(unsigned) + i * 7 % 61;
}

static bool
put(struct dnstap_ring *r, unsigned i)
{
	uint8_t *p = dnstap_ring_room(r, length_of(i));

	if (p == NULL)
		return false;
	memset(p, (int)(i & 255), length_of(i));
	memcpy(p, &i, sizeof i);
	dnstap_ring_send(r, length_of(i));
	return true;
}

static void
check_record(const uint8_t *p, unsigned i)
{
	unsigned found;

	memcpy(&found, p, sizeof found);
	check(found == i, "record %u is next, not %u", i, found);
	check((uintptr_t)p % 8 == 0, "record %u is aligned", i);
	for (size_t k = sizeof i; k < length_of(i); k++)
		check(p[k] == (i & 255), "octet %zu of record %u", k, i);
}

static void
test_order(void **state)
{
	struct dnstap_ring r;
	unsigned in = 0, out = 0;
	uint8_t *p;
	size_t at;

	(void)state;
	check(dnstap_ring_init(&r, 1000) == ERR_OK && r.size == 1024, "its size is rounded up");
	at = dnstap_ring_start(&r);
	check(dnstap_ring_next(&r, &at) == NULL, "it begins empty");
	while (in < 5000) {
		for (unsigned k = 0; k < 1 + in % 5; k++)
			check(put(&r, in++), "there is room for record %u", in);
		at = dnstap_ring_start(&r);
		while ((p = dnstap_ring_next(&r, &at)) != NULL)
			check_record(p, out++);
		dnstap_ring_release(&r, at);
		check(out == in, "all %u came out", in);
	}
	check(counter_get(&r.dropped) == 0, "none was left out");
	dnstap_ring_clear(&r);
}

static void
test_full(void **state)
{
	struct dnstap_ring r;
	unsigned n = 0, out = 0, left_out;
	uint8_t *p;
	size_t at;

	(void)state;
	check(dnstap_ring_init(&r, 1024) == ERR_OK, "there is memory");
	while (put(&r, n))
		n++;
	check(n >= 1024 / (8 + 64 + 8) && counter_get(&r.dropped) == 1, "after %u it is full, and counts", n);
	check(dnstap_ring_is_half_full(&r), "a full ring is half full");
	check(!put(&r, n) && counter_get(&r.dropped) == 2, "and stays so");
	left_out = n;

	/* what was seen but not released still takes its room */
	at = dnstap_ring_start(&r);
	while ((p = dnstap_ring_next(&r, &at)) != NULL)
		check_record(p, out++);
	check(out == n && !put(&r, n), "seen is not released");
	dnstap_ring_release(&r, at);
	check(put(&r, left_out) && !dnstap_ring_is_half_full(&r), "now there is room");
	check((p = dnstap_ring_next(&r, &at)) != NULL, "which is used");
	check_record(p, left_out);

	check(dnstap_ring_room(&r, 600) == NULL, "more than half of the ring is too much, even of an empty one");
	check(dnstap_ring_room(&r, 500) != NULL, "half of it is not");
	dnstap_ring_clear(&r);
}

static void *
send_many(void *arg)
{
	unsigned i = 0;

	while (i < RECORDS) {
		if (put(arg, i))
			i++;
		else
			sched_yield();
	}
	return NULL;
}

static void
test_two_threads(void **state)
{
	struct dnstap_ring r;
	unsigned out = 0;
	pthread_t thread;

	(void)state;
	check(dnstap_ring_init(&r, 4096) == ERR_OK, "there is memory");
	check(pthread_create(&thread, NULL, send_many, &r) == 0, "there is a thread");
	while (out < RECORDS) {
		size_t at = dnstap_ring_start(&r);
		uint8_t *p;

		for (unsigned k = 0; k < 20 && (p = dnstap_ring_next(&r, &at)) != NULL; k++)
			check_record(p, out++);
		dnstap_ring_release(&r, at);
		sched_yield();
	}
	pthread_join(thread, NULL);
	dnstap_ring_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

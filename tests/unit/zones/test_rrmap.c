#include "tests/unit/check.h"

#include <stdlib.h>

#include "wire/rrtype.h"
#include "zones/rrmap.h"

enum { N = 300 };

/* RRs that differ in owner, type or rdata alone; every other time in another letter case, which is the same RR. */
static struct rr
rr_of(unsigned i, bool capitals)
{
	static uint8_t owner[4], rdata[6];

	owner[0] = 1;
	owner[1] = (uint8_t)((capitals ? 'A' : 'a') + i % 10);
	owner[2] = 0;
	rdata[0] = 0;
	rdata[1] = (uint8_t)(i / 20);
	rdata[2] = 1;
	rdata[3] = capitals ? 'X' : 'x';
	rdata[4] = 0;
	return (struct rr){ owner, rdata, i, i / 10 % 2 == 0 ? TYPE_MX : 36, 5 };
}

static void
test_random(void **state)
{
	static struct { bool there; int kind; } model[N];
	struct rrmap m = { 0 };
	uint32_t seed = 7;
	size_t n = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		unsigned i;
		struct rr rr;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % N;
		rr = rr_of(i, (seed >> 30) & 1);
		switch (seed >> 29) {
		case 0: case 1: case 2: case 3:
			assert_int_equal(rrmap_set(&m, &rr, &(struct rrmap_value){ .kind = round }), ERR_OK);
			n += !model[i].there;
			model[i].there = true;
			model[i].kind = round;
			break;
		case 4: case 5:
			if (model[i].there) {
				struct rrmap_entry *e = rrmap_entry(&m, &rr);

				rrmap_unlink(&m, e);
				free(e);
			}
			n -= model[i].there;
			model[i].there = false;
			break;
		default:
			if (model[i].there) {
				struct rrmap_entry *e = rrmap_entry(&m, &rr);

				rrmap_unlink(&m, e);
				assert_null(rrmap_find(&m, &rr));
				rrmap_relink(&m, e);
			}
		}
		rr = rr_of(i, (seed >> 29) & 1);
		check((rrmap_find(&m, &rr) != NULL) == model[i].there, "round %d: RR %u", round, i);
		check(!model[i].there || rrmap_find(&m, &rr)->kind == model[i].kind, "round %d: RR %u has its value",
		    round, i);
		assert_int_equal(m.n, n);
	}
	for (const struct rrmap_entry *e = NULL; (e = rrmap_next(&m, e)) != NULL; )
		n--;
	assert_int_equal(n, 0);
	rrmap_clear(&m);
	assert_null(rrmap_next(&m, NULL));
}

static void
test_empty(void **state)
{
	struct rrmap m = { 0 };
	struct rr rr = rr_of(1, false);

	(void)state;
	assert_null(rrmap_find(&m, &rr));
	assert_null(rrmap_entry(&m, &rr));
	assert_null(rrmap_next(&m, NULL));
	rrmap_clear(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/check.h"

#include "server/resend.h"

static const uint8_t *
digest_of(unsigned i)
{
	static uint8_t digest[32];

	memset(digest, 0, sizeof digest);
	digest[0] = (uint8_t)i;
	digest[31] = (uint8_t)(i >> 8);		/* so that many share a slot */
	return digest;
}

static void
test_find(void **state)
{
	struct resend *r;
	unsigned rcode = 99;

	(void)state;
	assert_int_equal(resend_new(&r), ERR_OK);
	assert_false(resend_find(r, digest_of(1), &rcode));
	assert_int_equal(resend_add(r, digest_of(1), 5, 100), ERR_OK);
	assert_true(resend_find(r, digest_of(1), &rcode));
	assert_int_equal(rcode, 5);
	assert_false(resend_find(r, digest_of(257), &rcode));
	resend_remove(r, digest_of(257));
	resend_remove(r, digest_of(1));
	assert_false(resend_find(r, digest_of(1), &rcode));
	resend_free(r);
	resend_free(NULL);
}

/* Against an array: added, removed, expired in any order. */
static void
test_random(void **state)
{
	enum { N = 600 };
	static struct { bool there; unsigned rcode; int64_t time_s; } model[N];
	struct resend *r;
	int64_t now_s = 1000;
	uint32_t seed = 1;

	(void)state;
	assert_int_equal(resend_new(&r), ERR_OK);
	for (int round = 0; round < 20000; round++) {
		unsigned i, rcode;

		seed = seed * 1664525u + 1013904223u;
		i = (seed >> 8) % N;
		if (!model[i].there && (seed >> 28) < 12) {
			model[i].there = true;
			model[i].rcode = i % 11;
			model[i].time_s = now_s;
			assert_int_equal(resend_add(r, digest_of(i), i % 11, now_s), ERR_OK);
		} else if ((seed >> 28) < 4) {
			model[i].there = false;
			resend_remove(r, digest_of(i));
		} else if ((seed >> 28) == 15) {
			now_s += 40;
			resend_expire(r, now_s);
			for (unsigned k = 0; k < N; k++)
				model[k].there = model[k].there && model[k].time_s >= now_s - RESEND_WINDOW_S;
		}
		check(resend_find(r, digest_of(i), &rcode) == model[i].there &&
		    (!model[i].there || rcode == model[i].rcode), "round %d: digest %u", round, i);
	}
	resend_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

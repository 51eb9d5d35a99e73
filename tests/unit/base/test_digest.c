/* The vectors of FIPS 180, one after the other with what the thread keeps, and on several threads. */
#include "tests/unit/check.h"

#include <string.h>

#include "base/digest.h"
#include "base/parallel.h"

static const struct { const char *why, *octets, *sha1, *sha256; } vectors[] = {
	{ "nothing", "", "\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09",
	    "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
	    "\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55" },
	{ "one block", "abc", "\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d",
	    "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
	    "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad" },
};

static void
try_vectors(void *ctx, size_t i)
{
	bool *good = (bool *)ctx + i;
	uint8_t sum[DIGEST_SHA256];

	*good = true;
	for (size_t k = 0; k < 2 * sizeof vectors / sizeof vectors[0]; k++) {
		const char *octets = vectors[k / 2].octets;
		size_t n = strlen(octets), half = n / 2;

		*good &= digest_make_sha1(octets, half, octets + half, n - half, sum) &&
		    memcmp(sum, vectors[k / 2].sha1, DIGEST_SHA1) == 0;
		*good &= digest_make_sha256(octets, n, sum) && memcmp(sum, vectors[k / 2].sha256, DIGEST_SHA256) == 0;
	}
}

static void
test_vectors(void **state)
{
	bool good[4];

	(void)state;
	try_vectors(good, 0);
	check(good[0], "on this thread");
	parallel_run(4, 4, try_vectors, good);
	for (size_t i = 0; i < 4; i++)
		check(good[i], "job %zu", i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The vectors of the reference implementation: key 00 01 .. 0f, text 00 01 .. of n octets. */
#include "tests/unit/check.h"

#include "base/siphash.h"

static const struct { size_t n; uint64_t hash; } vectors[] = {
	{ 0, UINT64_C(0x726fdb47dd0e0e31) }, { 1, UINT64_C(0x74f839c593dc67fd) }, { 7, UINT64_C(0xab0200f58b01d137) },
	{ 8, UINT64_C(0x93f5f5799a932462) }, { 15, UINT64_C(0xa129ca6149be45e5) }, { 63, UINT64_C(0x958a324ceb064572) },
};

static void
test_vectors(void **state)
{
	uint8_t octets[64];

	(void)state;
	for (unsigned i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		uint64_t hash = siphash24(octets, octets, vectors[i].n);

		check(hash == vectors[i].hash, "%zu octets: %016llx", vectors[i].n, (unsigned long long)hash);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

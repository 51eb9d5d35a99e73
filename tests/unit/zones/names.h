/* tests/unit/zones/names.h -- random names and the slow, obvious model: a sorted array of them. */
#ifndef TESTS_UNIT_ZONES_NAMES_H
#define TESTS_UNIT_ZONES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dname.h"

/* The same seed gives the same test. */
void names_seed(uint32_t seed);
unsigned pick(unsigned limit);				/* below limit */

/* Up to max labels below suffix (fewer when there is no room), of few octets, from all groups of the trie's key, in
 * both letter cases: so that names meet. */
struct dname random_name(const uint8_t *suffix, unsigned max);

struct names {
	struct dname v[512];
	size_t n;
};

/* Where name is, or would go; *there tells. */
size_t names_at(const struct names *names, const uint8_t *name, bool *there);
void names_add(struct names *names, const struct dname *name);	/* or replaces it */
bool names_remove(struct names *names, const uint8_t *name);

#endif

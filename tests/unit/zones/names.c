#include "tests/unit/zones/names.h"

#include <string.h>

static uint32_t names_state = 1;

void
names_seed(uint32_t seed)
{
	names_state = seed * 2654435761u | 1;
}

unsigned
pick(unsigned limit)
{
	names_state ^= names_state << 13;
	names_state ^= names_state >> 17;
	names_state ^= names_state << 5;
	return (names_state >> 3) % limit;
}

/* A label whose octets are chosen to meet: few of them, from all groups of the key, both letter cases. */
static unsigned
random_label(uint8_t *to)
{
	static const uint8_t octets[] = { 'a', 'A', 'b', 'z', '0', '-', '*', '_', 0, 1, ')', '+', '.', '@', '[', '`',
	    '{', 127, 170, 171, 219, 255 };
	unsigned n = pick(40) == 0 ? 63 : 1 + pick(pick(4) == 0 ? 5 : 2), kinds = pick(3) == 0 ? sizeof octets : 4;

	to[0] = (uint8_t)n;
	for (unsigned i = 1; i <= n; i++)
		to[i] = octets[pick(kinds)];
	if (n == 1 && pick(4) == 0)
		to[1] = '*';
	return n + 1;
}

struct dname
random_name(const uint8_t *suffix, unsigned max)
{
	struct dname name, longer;
	uint8_t label[65];

	dname_copy(&name, suffix);
	for (unsigned n = pick(max + 1); n > 0; n--) {
		label[random_label(label)] = 0;
		if (dname_join(&longer, label, 1, name.octets))
			name = longer;
	}
	return name;
}

size_t
names_at(const struct names *names, const uint8_t *name, bool *there)
{
	size_t i = 0;
	int d = 1;

	while (i < names->n && (d = dname_compare(names->v[i].octets, name)) < 0)
		i++;
	*there = i < names->n && d == 0;
	return i;
}

void
names_add(struct names *names, const struct dname *name)
{
	bool there;
	size_t i = names_at(names, name->octets, &there);

	if (!there) {
		for (size_t k = names->n++; k > i; k--)
			names->v[k] = names->v[k - 1];
	}
	names->v[i] = *name;
}

bool
names_remove(struct names *names, const uint8_t *name)
{
	bool there;
	size_t i = names_at(names, name, &there);

	if (!there)
		return false;
	names->n--;
	for (; i < names->n; i++)
		names->v[i] = names->v[i + 1];
	return true;
}

/* A-labels (RFC 5890, section 2.3.2.1): is what follows "xn--" Punycode (RFC 3492) of something that needs it? */
#include "acme/preflight.h"

#include <stdint.h>
#include <string.h>

enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };
#define DECODED_MAX 63

static unsigned
digit(char c)
{
	return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') : c >= '0' && c <= '9' ? (unsigned)(c - '0') + 26 : BASE;
}

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)		/* section 6.1 */
{
	uint32_t k = 0;

	delta /= first ? DAMP : 2;
	delta += delta / points;
	for (; delta > ((BASE - TMIN) * TMAX) / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* One generalized variable-length integer (section 3.3), added to *i. */
static bool
read_delta(const char **p, const char *end, uint32_t bias, uint32_t *i)
{
	uint64_t sum = *i, weight = 1;

	for (uint32_t k = BASE;; k += BASE) {
		unsigned d, t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;

		if (*p == end || (d = digit(*(*p)++)) == BASE)
			return false;
		sum += d * weight;
		if (sum > UINT32_MAX)
			return false;
		if (d < t)
			break;
		weight *= BASE - t;
		if (weight > UINT32_MAX)
			return false;
	}
	*i = (uint32_t)sum;
	return true;
}

/* Surrogates are no characters; C1 controls and no-break space cannot be in a name (RFC 5892). */
static bool
is_character(uint32_t c)
{
	return c > 0xa0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

bool
acme_alabel_ok(const char *label, size_t n)
{
	const char *p = label + 4, *end = label + n, *delimiter;
	uint32_t points, code = INITIAL_N, i = 0, bias = INITIAL_BIAS;

	if (n <= 4 || n > 63)
		return false;
	delimiter = memrchr(p, '-', (size_t)(end - p));
	points = delimiter == NULL ? 0 : (uint32_t)(delimiter - p);
	if (delimiter != NULL)
		p = delimiter + 1;
	if (delimiter == label + 4 || p == end)		/* nothing before the last hyphen, or nothing behind it */
		return false;
	while (p < end) {
		uint32_t old = i;

		if (!read_delta(&p, end, bias, &i) || ++points > DECODED_MAX)
			return false;
		bias = adapt(i - old, points, old == 0);
		if (i / points > 0x10ffff - code)
			return false;
		code += i / points;
		i = i % points + 1;
		if (!is_character(code))
			return false;
	}
	return true;
}

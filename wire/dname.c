#include "wire/dname.h"

#include <string.h>

static inline uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

size_t
dname_len(const uint8_t *name)
{
	const uint8_t *p = name;

	while (*p != 0)
		p += *p + 1;
	return (size_t)(p - name) + 1;
}

unsigned
dname_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name != 0; name += *name + 1)
		n++;
	return n;
}

bool
dname_is_root(const uint8_t *name)
{
	return *name == 0;
}

bool
dname_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

const uint8_t *
dname_parent(const uint8_t *name)
{
	return *name == 0 ? name : name + *name + 1;
}

const uint8_t *
dname_skip(const uint8_t *name, unsigned n)
{
	while (n-- > 0)
		name += *name + 1;
	return name;
}

/* Eight octets in lower case: those from 'A' to 'Z' get 0x20 added.  No addition carries into the next octet. */
static inline uint64_t
lower8(uint64_t v)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = v & 0x7f * each;
	uint64_t from_a = low + (0x80 - 'A') * each, beyond_z = low + (0x7f - 'Z') * each;

	return v + ((from_a & ~beyond_z & ~v & 0x80 * each) >> 2);
}

static inline bool
equal_here(const uint8_t *a, const uint8_t *b, size_t n)	/* n is at most 8 */
{
	uint64_t x = 0, y = 0;

	memcpy(&x, a, n);
	memcpy(&y, b, n);
	return x == y || lower8(x) == lower8(y);
}

/* n octets of one label, where most names are equal or differ early; octets are compared twice rather than one by
 * one. */
static inline bool
octets_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	if (n >= 8) {
		for (; n > 8; n -= 8, a += 8, b += 8)
			if (!equal_here(a, b, 8))
				return false;
		return equal_here(a + n - 8, b + n - 8, 8);
	}
	if (n >= 4)
		return equal_here(a, b, 4) && equal_here(a + n - 4, b + n - 4, 4);
	for (; n > 0; n--)
		if (lower(*a++) != lower(*b++))
			return false;
	return true;
}

bool
dname_equal(const uint8_t *a, const uint8_t *b)
{
	if (a == b)
		return true;
	for (; *a == *b; a += *a + 1, b += *b + 1) {
		if (*a == 0)
			return true;
		if (!octets_equal(a + 1, b + 1, *a))
			return false;
	}
	return false;
}

static int
label_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t n = *a < *b ? *a : *b;

	for (uint8_t i = 1; i <= n; i++) {
		int d = (int)lower(a[i]) - (int)lower(b[i]);

		if (d != 0)
			return d;
	}
	return (int)*a - (int)*b;
}

int
dname_compare(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *alabels[DNAME_LABELS_MAX + 1], *blabels[DNAME_LABELS_MAX + 1];
	unsigned na = 0, nb = 0;

	if (dname_equal(a, b))		/* as in comparing two lists, and then no label has to be found from the end */
		return 0;
	for (; *a != 0; a += *a + 1)
		alabels[na++] = a;
	for (; *b != 0; b += *b + 1)
		blabels[nb++] = b;
	while (na > 0 && nb > 0) {
		int d = label_compare(alabels[--na], blabels[--nb]);

		if (d != 0)
			return d;
	}
	return (int)na - (int)nb;
}

bool
dname_is_below(const uint8_t *name, const uint8_t *ancestor)
{
	unsigned n = dname_labels(name), m = dname_labels(ancestor);

	return n >= m && dname_equal(dname_skip(name, n - m), ancestor);
}

uint32_t
dname_hash(const uint8_t *name)
{
	uint32_t h = 2166136261u;	/* FNV-1a; length octets are below 64, so lower() leaves them alone */

	for (size_t n = dname_len(name); n > 0; n--)
		h = (h ^ lower(*name++)) * 16777619u;
	return h;
}

void
dname_copy(struct dname *to, const uint8_t *name)
{
	memcpy(to->octets, name, dname_len(name));
}

void
dname_lower(uint8_t *to, const uint8_t *name)
{
	for (size_t n = dname_len(name); n > 0; n--)
		*to++ = lower(*name++);
}

bool
dname_join(struct dname *to, const uint8_t *prefix, unsigned prefix_labels, const uint8_t *suffix)
{
	size_t n = (size_t)(dname_skip(prefix, prefix_labels) - prefix), m = dname_len(suffix);

	if (n + m > DNAME_MAX)
		return false;
	memmove(to->octets + n, suffix, m);
	memcpy(to->octets, prefix, n);
	return true;
}

/* One character of a label, escapes undone (RFC 1035, section 5.1).  How many characters it took; 0: malformed. */
static size_t
parse_octet(const char *text, size_t n, uint8_t *out)
{
	unsigned v = 0;

	if (text[0] != '\\') {
		*out = (uint8_t)text[0];
		return 1;
	}
	if (n >= 2 && (text[1] < '0' || text[1] > '9')) {
		*out = (uint8_t)text[1];
		return 2;
	}
	if (n < 4)
		return 0;
	for (int i = 1; i < 4; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		v = v * 10 + (unsigned)(text[i] - '0');
	}
	*out = (uint8_t)v;
	return v > 255 ? 0 : 4;
}

/* Characters that stand for themselves. */
static size_t
plain_run(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && text[i] != '.' && text[i] != '\\')
		i++;
	return i;
}

enum err
dname_parse(const char *text, size_t n, const uint8_t *origin, struct dname *out)
{
	static const uint8_t root[] = { 0 };
	uint8_t *label = out->octets, *p = label + 1, *end = out->octets + DNAME_MAX;
	const uint8_t *suffix = origin == NULL ? root : origin;

	if (n == 0)
		return ERR_FORMAT;
	if (n == 1 && text[0] == '@') {
		dname_copy(out, suffix);
		return ERR_OK;
	}
	if (n == 1 && text[0] == '.') {
		out->octets[0] = 0;
		return ERR_OK;
	}
	while (n > 0) {
		uint8_t c;
		size_t took = plain_run(text, n);

		if (took > 0) {
			if (p + took - label > 64 || end - p < (ptrdiff_t)took)	/* p may be one beyond end */
				return ERR_RANGE;
			memcpy(p, text, took);
			p += took;
			text += took;
			n -= took;
			continue;
		}
		if (text[0] == '.') {
			if (p == label + 1)
				return ERR_FORMAT;
			*label = (uint8_t)(p - label - 1);
			label = p++;
			text++;
			if (--n == 0)
				suffix = root;
			continue;
		}
		if ((took = parse_octet(text, n, &c)) == 0)
			return ERR_FORMAT;
		if (p - label > 63 || p >= end)
			return ERR_RANGE;
		*p++ = c;
		text += took;
		n -= took;
	}
	if (p > label + 1) {
		*label = (uint8_t)(p - label - 1);
		label = p;
	}
	if ((size_t)(label - out->octets) + dname_len(suffix) > DNAME_MAX)
		return ERR_RANGE;
	memcpy(label, suffix, dname_len(suffix));
	return ERR_OK;
}

enum err
dname_from_str(const char *text, struct dname *out)
{
	return dname_parse(text, strlen(text), NULL, out);
}

char *
dname_print(const uint8_t *name, char text[DNAME_TEXT_MAX])
{
	char *p = text;

	if (*name == 0)
		*p++ = '.';
	for (; *name != 0; name += *name + 1) {
		for (uint8_t i = 1; i <= *name; i++) {
			uint8_t c = name[i];

			if (c <= 0x20 || c >= 0x7f) {
				*p++ = '\\';
				*p++ = (char)('0' + c / 100);
				*p++ = (char)('0' + c / 10 % 10);
				*p++ = (char)('0' + c % 10);
				continue;
			}
			if (strchr(".\\\"();@$", c) != NULL)
				*p++ = '\\';
			*p++ = (char)c;
		}
		*p++ = '.';
	}
	*p = '\0';
	return text;
}

char *
dname_print_host(const uint8_t *name, char text[DNAME_TEXT_MAX])
{
	dname_print(name, text);
	if (*name != 0)
		text[strlen(text) - 1] = '\0';
	return text;
}

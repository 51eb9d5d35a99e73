#include "wire/writer.h"

/* n octets but for letter case.  Length octets are below 64, out of reach of the letters. */
static bool
octets_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	if (memcmp(a, b, n) == 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		uint8_t d = a[i] ^ b[i];

		if (d != 0 && (d != 0x20 || (a[i] | 0x20) < 'a' || (a[i] | 0x20) > 'z'))
			return false;
	}
	return true;
}

/* Does the name at offset at in the message, which we wrote ourselves and has pointers, equal name? */
static bool
equal_at(const struct wr *w, size_t at, const uint8_t *name)
{
	const uint8_t *p = w->base + at;

	for (;;) {
		while (*p >= 0xc0)
			p = w->base + ((size_t)(p[0] & 0x3f) << 8 | p[1]);
		if (*name != *p || !octets_equal(name, p, *name + 1u))
			return false;
		if (*name == 0)
			return true;
		name += *name + 1;
		p += *p + 1;
	}
}

/* Eight octets of a name; letters alike in both cases, and some other octets alike that need not be. */
static uint64_t
fold(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v | 0x2020202020202020u;
}

/* Of a name of n octets, uncompressed. */
static uint64_t
hash_name(const uint8_t *name, size_t n)
{
	const uint64_t k = 0x9e3779b97f4a7c15u;
	uint64_t h = n;

	if (n < 8) {
		for (size_t i = 0; i < n; i++)
			h = (h ^ (name[i] | 0x20)) * k;
	} else {
		for (size_t i = 0; i + 8 < n; i += 8)
			h = (h ^ fold(name + i) ^ h >> 29) * k;
		h = (h ^ fold(name + n - 8) ^ h >> 29) * k;	/* the last eight, some of them again */
	}
	return h ^ h >> 32;
}

/* The slot of name, of n octets, or the free one where it would be. */
static size_t
index_slot(const struct wr *w, const uint8_t *name, size_t n, uint16_t *tag)
{
	uint64_t h = hash_name(name, n);
	size_t i = h % WR_INDEX_SLOTS;

	*tag = (uint16_t)(h >> 16);
	while (w->index->slots[i].at != 0 &&
	    (w->index->slots[i].tag != *tag || !equal_at(w, w->index->slots[i].at, name)))
		i = (i + 1) % WR_INDEX_SLOTS;
	return i;
}

static bool
index_find(const struct wr *w, const uint8_t *name, size_t n, size_t *at)
{
	uint16_t tag;

	*at = w->index->slots[index_slot(w, name, n, &tag)].at;
	return *at != 0;
}

/* A quarter stays free, so that searches stay short. */
static void
index_add(struct wr *w, const uint8_t *name, size_t n, size_t at)
{
	uint16_t tag;
	size_t i;

	if (w->index->n == WR_INDEX_SLOTS / 4 * 3)
		return;
	i = index_slot(w, name, n, &tag);
	if (w->index->slots[i].at != 0)
		return;
	w->index->slots[i].at = (uint16_t)at;
	w->index->slots[i].tag = tag;
	w->index->n++;
}

void
wr_use_index(struct wr *w, struct wr_index *index)
{
	memset(index, 0, sizeof *index);
	w->index = index;
}

/* What was added last goes, so that every search path is again as it was before. */
void
wr_index_rewind(struct wr *w, const uint8_t *to)
{
	for (size_t i = 0; i < WR_INDEX_SLOTS; i++)
		if (w->index->slots[i].at >= to - w->base) {
			w->index->slots[i].at = 0;
			w->index->n--;
		}
}

/* A name of n octets among those that were written.  Its length settles nearly every comparison. */
static bool
find_name(const struct wr *w, const uint8_t *name, size_t n, size_t *at)
{
	const uint8_t *from = w->lengths, *end = w->lengths + w->nnames;

	if (w->index != NULL)
		return index_find(w, name, n, at);
	while (from < end && (from = memchr(from, (int)n, (size_t)(end - from))) != NULL) {
		size_t i = (size_t)(from - w->lengths);

		*at = w->names[i];
		if (i < w->nfirst ? octets_equal(w->base + *at, name, n) : equal_at(w, *at, name))
			return true;
		from++;
	}
	return false;
}

/* Names may be found by the labels of name, of n octets, up to end, which stand at offset at. */
static void
remember(struct wr *w, const uint8_t *name, size_t n, const uint8_t *end, size_t at)
{
	while (name < end && at < 0x4000 && (w->index != NULL || w->nnames < WR_NAMES_MAX)) {
		size_t label = *name + 1u;

		if (w->index != NULL) {
			index_add(w, name, n, at);
		} else {
			w->names[w->nnames] = (uint16_t)at;
			w->lengths[w->nnames++] = (uint8_t)n;
		}
		name += label;
		at += label;
		n -= label;
	}
}

static void
remember_first(struct wr *w)
{
	remember(w, w->base + w->first, w->first_len, w->base + w->first + w->first_len - 1, w->first);
	w->nfirst = w->nnames;
	w->first_waits = false;
}

void
wr_dname(struct wr *w, const uint8_t *name)
{
	wr_dname_of(w, name, dname_len(name));
}

void
wr_dname_of(struct wr *w, const uint8_t *name, size_t len)
{
	const uint8_t *rest = name, *end = name + len - 1;
	size_t n, at, found = 0;
	uint8_t *p;

	if (w->first_waits)
		remember_first(w);
	while (rest < end && !find_name(w, rest, len - (size_t)(rest - name), &found))
		rest += *rest + 1;
	n = (size_t)(rest - name);
	at = wr_len(w);
	if ((p = wr_take(w, n + (rest == end ? 1 : 2))) == NULL)
		return;
	if (n > 0)
		memcpy(p, name, n);
	if (rest == end)
		p[n] = 0;
	else
		store_u16(p + n, (uint16_t)(0xc000 | found));
	remember(w, name, len, rest, at);
}

void
wr_dname_first(struct wr *w, const uint8_t *name, size_t n)
{
	size_t at = wr_len(w);
	uint8_t *p = wr_take(w, n);

	if (p == NULL)
		return;
	memcpy(p, name, n);
	w->first = (uint16_t)at;
	w->first_len = (uint8_t)n;
	w->first_waits = true;
}

void
wr_dname_plain(struct wr *w, const uint8_t *name)
{
	wr_octets(w, name, dname_len(name));
}

#include "wire/writer.h"

static bool
label_equal(const uint8_t *a, const uint8_t *b)
{
	uint8_t n = *a;

	/* Length octets are below 64, out of reach of the letters. */
	for (uint8_t i = 0; i <= n; i++, a++, b++) {
		uint8_t d = *a ^ *b;

		if (d != 0 && (d != 0x20 || (*a | 0x20) < 'a' || (*a | 0x20) > 'z'))
			return false;
	}
	return true;
}

/* Does the name at offset at in the message, which we wrote ourselves, equal name? */
static bool
equal_at(const struct wr *w, size_t at, const uint8_t *name)
{
	const uint8_t *p = w->base + at;

	for (;;) {
		while (*p >= 0xc0)
			p = w->base + ((size_t)(p[0] & 0x3f) << 8 | p[1]);
		if (!label_equal(name, p))
			return false;
		if (*name == 0)
			return true;
		name += *name + 1;
		p += *p + 1;
	}
}

static bool
find_name(const struct wr *w, const uint8_t *name, size_t *at)
{
	for (unsigned i = 0; i < w->nnames; i++) {
		/* The first length settles nearly every comparison. */
		if (w->base[w->names[i]] == *name && equal_at(w, w->names[i], name)) {
			*at = w->names[i];
			return true;
		}
	}
	return false;
}

/* Names may be found by the labels of name up to end, which stand at offset at. */
static void
remember(struct wr *w, const uint8_t *name, const uint8_t *end, size_t at)
{
	for (; name < end && at < 0x4000 && w->nnames < WR_NAMES_MAX; at += *name + 1u, name += *name + 1)
		w->names[w->nnames++] = (uint16_t)at;
}

void
wr_dname(struct wr *w, const uint8_t *name)
{
	const uint8_t *rest = name;
	size_t n, at, found = 0;
	uint8_t *p;

	if (w->first_waits) {
		remember(w, w->base + w->first, w->base + w->first_end, w->first);
		w->first_waits = false;
	}
	while (*rest != 0 && !find_name(w, rest, &found))
		rest += *rest + 1;
	n = (size_t)(rest - name);
	at = wr_len(w);
	if ((p = wr_take(w, n + (*rest == 0 ? 1 : 2))) == NULL)
		return;
	if (n > 0)
		memcpy(p, name, n);
	if (*rest == 0)
		p[n] = 0;
	else
		store_u16(p + n, (uint16_t)(0xc000 | found));
	remember(w, name, rest, at);
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
	w->first_end = (uint16_t)(at + n - 1);
	w->first_waits = true;
}

void
wr_dname_plain(struct wr *w, const uint8_t *name)
{
	wr_octets(w, name, dname_len(name));
}

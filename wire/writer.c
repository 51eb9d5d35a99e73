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

/* Among the first known names: those that are written to their end. */
static bool
find_name(const struct wr *w, unsigned known, const uint8_t *name, size_t *at)
{
	for (unsigned i = 0; i < known; i++) {
		/* The first length settles nearly every comparison. */
		if (w->base[w->names[i]] == *name && equal_at(w, w->names[i], name)) {
			*at = w->names[i];
			return true;
		}
	}
	return false;
}

void
wr_dname(struct wr *w, const uint8_t *name)
{
	unsigned known = w->nnames;

	for (; *name != 0; name += *name + 1) {
		size_t at;

		if (w->full)
			return;
		if (find_name(w, known, name, &at)) {
			wr_u16(w, (uint16_t)(0xc000 | at));
			return;
		}
		at = wr_len(w);
		wr_octets(w, name, (size_t)*name + 1);
		if (!w->full && at < 0x4000 && w->nnames < WR_NAMES_MAX)
			w->names[w->nnames++] = (uint16_t)at;
	}
	wr_u8(w, 0);
}

void
wr_dname_plain(struct wr *w, const uint8_t *name)
{
	wr_octets(w, name, dname_len(name));
}

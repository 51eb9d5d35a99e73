#include "wire/writer.h"

/* Does the name at offset at in the message, which we wrote ourselves, equal name? */
static bool
equal_at(const struct wr *w, size_t at, const uint8_t *name)
{
	struct dname flat;
	size_t n = 0;

	for (const uint8_t *p = w->base + at; *p != 0; ) {
		if (*p >= 0xc0) {
			p = w->base + ((size_t)(p[0] & 0x3f) << 8 | p[1]);
			continue;
		}
		memcpy(flat.octets + n, p, (size_t)*p + 1);
		n += (size_t)*p + 1;
		p += *p + 1;
	}
	flat.octets[n] = 0;
	return dname_equal(flat.octets, name);
}

static bool
find_name(const struct wr *w, const uint8_t *name, size_t *at)
{
	for (unsigned i = 0; i < w->nnames; i++) {
		/* The first label settles nearly every comparison. */
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
	for (; *name != 0; name += *name + 1) {
		size_t at;

		if (w->full)
			return;
		if (find_name(w, name, &at)) {
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

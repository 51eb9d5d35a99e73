/* One walk over the fields of rrtype_info drives everything here: next_field() takes one field of the form from a
 * cursor, and the callers check it, flatten it, or write it. */
#include "wire/rdata.h"

#include <string.h>

#include "wire/rrtype.h"

struct field {
	const uint8_t *p;	/* the octets; a name's are in name */
	size_t n;
	bool is_name;
	struct dname name;
};

static bool
bitmaps_valid(const uint8_t *p, size_t n)	/* RFC 4034, section 4.1.2 */
{
	int window = -1;

	while (n > 0) {
		if (n < 3 || p[0] <= window || p[1] < 1 || p[1] > 32 || n < (size_t)p[1] + 2)
			return false;
		window = p[0];
		n -= (size_t)p[1] + 2;
		p += p[1] + 2;
	}
	return true;
}

static bool
svcparams_valid(const uint8_t *octets, size_t n)	/* RFC 9460, section 2.2: keys strictly ascend */
{
	struct rd r = rd_over(octets, n);
	int last = -1;

	while (!r.bad && rd_left(&r) > 0) {
		int key = rd_u16(&r);

		if (key <= last)
			return false;
		last = key;
		rd_take(&r, rd_u16(&r));
	}
	return !r.bad;
}

static bool
apl_valid(const uint8_t *octets, size_t n)	/* RFC 3123, section 4 */
{
	struct rd r = rd_over(octets, n);

	while (!r.bad && rd_left(&r) > 0) {
		uint16_t family = rd_u16(&r);
		uint8_t prefix = rd_u8(&r), length = rd_u8(&r) & 0x7f;

		if ((family == 1 && (prefix > 32 || length > 4)) || (family == 2 && (prefix > 128 || length > 16)))
			return false;
		rd_take(&r, length);
	}
	return !r.bad;
}

static bool
strings_valid(const uint8_t *octets, size_t n)
{
	struct rd r = rd_over(octets, n);

	do
		rd_take(&r, rd_u8(&r));
	while (!r.bad && rd_left(&r) > 0);
	return !r.bad;
}

static bool
gateway_valid(const uint8_t *octets, size_t n, size_t fixed, uint8_t kind, bool key)
{
	struct rd r = rd_over(octets, n);
	struct dname name;

	rd_take(&r, fixed);
	switch (kind) {
	case 0:
		break;
	case 1:
		rd_take(&r, 4);
		break;
	case 2:
		rd_take(&r, 16);
		break;
	case 3:
		r.start = r.p;	/* no pointers: RFC 4025, section 2.5 */
		rd_dname(&r, &name);
		break;
	default:
		return false;
	}
	return !r.bad && (key || rd_left(&r) == 0);
}

static bool
hip_valid(const uint8_t *octets, size_t n)	/* RFC 8005, section 5 */
{
	struct rd r = rd_over(octets, n);
	struct dname name;
	uint8_t hit = rd_u8(&r);
	uint16_t key;

	rd_u8(&r);
	key = rd_u16(&r);
	rd_take(&r, hit);
	rd_take(&r, key);
	while (!r.bad && rd_left(&r) > 0) {
		r.start = r.p;	/* no pointers */
		rd_dname(&r, &name);
	}
	return !r.bad && hit > 0 && key > 0;
}

static bool
a6_valid(const uint8_t *octets, size_t n)	/* RFC 2874, section 3.1 */
{
	struct rd r = rd_over(octets, n);
	struct dname name;
	uint8_t prefix = rd_u8(&r);

	if (prefix > 128)
		return false;
	rd_take(&r, (size_t)(16 - prefix / 8));
	if (prefix > 0) {
		r.start = r.p;	/* no pointers */
		rd_dname(&r, &name);
	}
	return !r.bad && rd_left(&r) == 0;
}

/* The whole rest as one field, if it passes. */
static void
take_rest(struct rd *r, struct field *f, bool (*valid)(const uint8_t *, size_t))
{
	f->n = rd_left(r);
	f->p = rd_take(r, f->n);
	if (!r->bad && !valid(f->p, f->n))
		r->bad = true;
}

static bool
any_octets(const uint8_t *p, size_t n)
{
	(void)p;
	(void)n;
	return true;
}

static bool
some_octets(const uint8_t *p, size_t n)
{
	(void)p;
	return n > 0;
}

static bool
ipseckey_valid(const uint8_t *p, size_t n)
{
	return n >= 3 && gateway_valid(p, n, 3, p[1], true);
}

static bool
amtrelay_valid(const uint8_t *p, size_t n)
{
	return n >= 2 && gateway_valid(p, n, 2, p[1] & 0x7f, false);
}

static void
next_field(struct rd *r, char code, struct field *f)
{
	f->is_name = false;
	switch (code) {
	case '1':	f->p = rd_take(r, f->n = 1); break;
	case '2':	f->p = rd_take(r, f->n = 2); break;
	case '4':
	case 'a':	f->p = rd_take(r, f->n = 4); break;
	case '8':	f->p = rd_take(r, f->n = 8); break;
	case 'A':	f->p = rd_take(r, f->n = 16); break;
	case 'N':
	case 'n':
		rd_dname(r, &f->name);
		f->is_name = true;
		f->p = f->name.octets;
		f->n = dname_len(f->name.octets);
		break;
	case 's':
	case 'h':
		f->n = rd_left(r) > 0 ? (size_t)*r->p + 1 : 1;
		f->p = rd_take(r, f->n);
		break;
	case 'S':	take_rest(r, f, strings_valid); break;
	case 'b':	take_rest(r, f, any_octets); break;
	case 'B':	take_rest(r, f, some_octets); break;
	case 't':	take_rest(r, f, bitmaps_valid); break;
	case 'v':	take_rest(r, f, svcparams_valid); break;
	case 'l':	take_rest(r, f, apl_valid); break;
	case 'g':	take_rest(r, f, ipseckey_valid); break;
	case 'r':	take_rest(r, f, amtrelay_valid); break;
	case 'p':	take_rest(r, f, hip_valid); break;
	case '6':	take_rest(r, f, a6_valid); break;
	default:	r->bad = true; break;
	}
}

static const char *
fields_of(uint16_t type)
{
	const struct rrtype_info *info = rrtype_info(type);

	return info == NULL ? "b" : info->fields;
}

bool
rdata_valid(uint16_t type, const uint8_t *rdata, size_t n)
{
	struct rd r = rd_over(rdata, n);
	struct field f;

	for (const char *code = fields_of(type); *code != '\0' && !r.bad; code++) {
		r.start = r.p;		/* stored rdata holds no pointers */
		next_field(&r, *code, &f);
	}
	return !r.bad && rd_left(&r) == 0;
}

bool
rdata_read(struct rd *r, uint16_t type, size_t n, uint8_t *out, size_t *out_n)
{
	struct rd inner = *r;
	struct field f;
	size_t used = 0;

	if (rd_take(r, n) == NULL)
		return false;
	inner.end = inner.p + n;
	for (const char *code = fields_of(type); *code != '\0' && !inner.bad; code++) {
		next_field(&inner, *code, &f);
		if (inner.bad || (inner.bad = used + f.n > RDATA_MAX))
			break;
		if (f.n > 0)
			memcpy(out + used, f.p, f.n);
		used += f.n;
	}
	if (inner.bad || inner.p != inner.end)
		r->bad = true;
	*out_n = used;
	return !r->bad;
}

static void
write_fields(struct wr *w, uint16_t type, const uint8_t *rdata, size_t n)
{
	struct rd r = rd_over(rdata, n);
	struct field f;

	for (const char *code = fields_of(type); *code != '\0' && !w->full; code++) {
		if (*code == 'N') {		/* as it stands: stored rdata holds no pointers */
			wr_dname(w, r.p);
			rd_take(&r, dname_len(r.p));
			continue;
		}
		next_field(&r, *code, &f);
		wr_octets(w, f.p, f.n);
	}
}

void
rdata_write(struct wr *w, uint16_t type, const uint8_t *rdata, size_t n)
{
	size_t at = wr_len(w);

	wr_u16(w, (uint16_t)n);
	if (!rdata_compressible(type)) {
		wr_octets(w, rdata, n);
		return;
	}
	if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR || type == TYPE_MX) {
		size_t before = type == TYPE_MX ? 2 : 0;	/* then the name, and nothing behind it */

		wr_octets(w, rdata, before);
		wr_dname_of(w, rdata + before, n - before);
	} else {
		write_fields(w, type, rdata, n);
	}
	if (!w->full)
		wr_patch_u16(w, at, (uint16_t)(wr_len(w) - at - 2));
}

static int
octets_compare(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int d = n == 0 ? 0 : memcmp(a, b, n);

	return d != 0 ? d : (na > nb) - (na < nb);
}

int
rdata_compare(uint16_t type, const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	struct rd ra = rd_over(a, na), rb = rd_over(b, nb);
	struct field fa, fb;
	const char *code;

	if (na == nb && (na == 0 || memcmp(a, b, na) == 0))
		return 0;		/* whatever the fields are */
	code = fields_of(type);
	if (strpbrk(code, "Nn") == NULL)
		return octets_compare(a, na, b, nb);
	for (; *code != '\0'; code++) {
		int d;

		next_field(&ra, *code, &fa);
		next_field(&rb, *code, &fb);
		if (fa.is_name) {
			dname_lower(fa.name.octets, fa.name.octets);
			dname_lower(fb.name.octets, fb.name.octets);
		}
		if ((d = octets_compare(fa.p, fa.n, fb.p, fb.n)) != 0)
			return d;
	}
	return 0;
}

bool
rdata_equal(uint16_t type, const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	return na == nb && rdata_compare(type, a, na, b, nb) == 0;
}

const uint8_t *
rdata_target(uint16_t type, const uint8_t *rdata)
{
	switch (type) {
	case TYPE_NS:
		return rdata;
	case TYPE_MX:
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return rdata + 2;
	case TYPE_SRV:
		return rdata + 6;
	default:
		return NULL;
	}
}

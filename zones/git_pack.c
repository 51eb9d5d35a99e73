/* zones/git_pack.c -- see git_pack.h.  Each object stands there deflated, or as a delta: copies of parts of a base,
 * and new octets.  First all is inflated, then deltas are applied, as long as one of them has its base: bases may
 * come behind, or be deltas too. */
#include "zones/git_pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/digest.h"
#include "wire/reader.h"

#define HEAD 12
#define TRAILER GIT_OID_RAWSZ
#define TYPE_OFFSET_DELTA 6
#define TYPE_NAME_DELTA 7

struct reading {
	struct git_pack *pack;
	size_t left;			/* octets that may still be held */
	git_pack_base *base;
	void *ctx;
	git_oid last;			/* of the base outside that was asked for last */
	git_object_t last_type;		/* 0: none was */
	struct buf last_octets;
};

static enum err
damaged(struct fault *f, const char *what)
{
	return fault_set(f, ERR_FORMAT, "the pack is damaged: %s", what);
}

bool
git_pack_count(const uint8_t *octets, size_t n, uint32_t *count)
{
	struct rd r = rd_over(octets, n);
	uint32_t magic = rd_u32(&r), version = rd_u32(&r);

	*count = rd_u32(&r);
	return !r.bad && magic == 0x5041434b && (version == 2 || version == 3);
}

/* --- inflating --- */

/* Seven bits an octet, the low ones first, on top of those that are there already. */
static size_t
rd_size(struct rd *r, size_t size, unsigned bits)
{
	uint8_t c;

	do {
		c = rd_u8(r);
		if (bits > 56)
			r->bad = true;
		else
			size |= (size_t)(c & 0x7f) << bits;
		bits += 7;
	} while (!r->bad && (c & 0x80) != 0);
	return size;
}

/* Seven bits an octet, the high ones first, and one more than that for each octet that follows. */
static size_t
rd_distance(struct rd *r)
{
	uint8_t c = rd_u8(r);
	size_t distance = c & 0x7f;

	while (!r->bad && (c & 0x80) != 0) {
		c = rd_u8(r);
		if (distance > SIZE_MAX >> 8)
			r->bad = true;
		distance = ((distance + 1) << 7) | (c & 0x7f);
	}
	return distance;
}

static bool
rd_inflate(struct rd *r, size_t size, struct buf *out)
{
	uint8_t none, *p = size == 0 ? &none : buf_reserve(out, size);
	z_stream z = { .next_in = (Bytef *)(uintptr_t)r->p, .next_out = p };
	size_t in = rd_left(r), room = size;
	int rc = Z_OK;

	if (p == NULL || inflateInit(&z) != Z_OK)
		return false;
	while (rc == Z_OK && !(room == 0 && z.avail_in == 0 && in == 0)) {
		z.avail_in = (uInt)(in < UINT32_MAX ? in : UINT32_MAX);
		z.avail_out = (uInt)(room < UINT32_MAX ? room : UINT32_MAX);
		in -= z.avail_in;
		room -= z.avail_out;
		rc = inflate(&z, Z_NO_FLUSH);
		in += z.avail_in;
		room += z.avail_out;
	}
	inflateEnd(&z);
	(void)rd_take(r, rd_left(r) - in);
	if (rc != Z_STREAM_END || room != 0)
		return false;
	out->len += size;
	return true;
}

static enum err
object_read(struct reading *k, struct rd *r, struct git_pack_object *x, struct fault *f)
{
	uint8_t c;
	size_t size;

	x->at = rd_offset(r);
	c = rd_u8(r);
	size = (c & 0x80) != 0 ? rd_size(r, c & 0x0f, 4) : c & 0x0f;
	x->type = (git_object_t)(c >> 4 & 7);
	if (x->type == (git_object_t)TYPE_OFFSET_DELTA) {
		size_t distance = rd_distance(r);

		if (distance == 0 || distance >= x->at)
			return damaged(f, "a delta has no base");
		x->base_at = x->at - distance;
	} else if (x->type == (git_object_t)TYPE_NAME_DELTA) {
		const uint8_t *p = rd_take(r, GIT_OID_RAWSZ);

		if (p != NULL)
			(void)git_oid_fromraw(&x->base, p);
	} else {
		x->known = x->type >= GIT_OBJECT_COMMIT && x->type <= GIT_OBJECT_TAG;
		if (!x->known)
			return damaged(f, "an object of no known type");
	}
	if (r->bad)
		return damaged(f, "it is cut off");
	if (size > k->left)
		return ERR_NOSPACE;
	k->left -= size;
	return rd_inflate(r, size, x->known ? &x->octets : &x->delta) ? ERR_OK :
	    damaged(f, "an object cannot be inflated");
}

/* --- deltas --- */

/* The octets of a number of which bits tell which are there. */
static size_t
rd_sparse(struct rd *r, unsigned bits, unsigned n)
{
	size_t number = 0;

	for (unsigned i = 0; i < n; i++)
		if ((bits >> i & 1) != 0)
			number |= (size_t)rd_u8(r) << (8 * i);
	return number;
}

static enum err
delta_apply(struct reading *k, struct git_pack_object *x, const struct buf *base, struct fault *f)
{
	struct rd r = rd_over(x->delta.p, x->delta.len);
	size_t before = rd_size(&r, 0, 0), size = rd_size(&r, 0, 0);

	if (r.bad || before != base->len)
		return damaged(f, "a delta is of another base");
	if (size > k->left)
		return ERR_NOSPACE;
	k->left -= size;
	if (size > 0 && buf_reserve(&x->octets, size) == NULL)
		return fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	while (rd_left(&r) > 0) {
		uint8_t c = rd_u8(&r);
		const uint8_t *p;
		size_t n = c;

		if ((c & 0x80) != 0) {
			size_t at = rd_sparse(&r, c & 0x0f, 4);

			n = rd_sparse(&r, c >> 4 & 7, 3);
			n = n == 0 ? 0x10000 : n;
			p = at > base->len || n > base->len - at ? NULL : base->p + at;
		} else {
			p = n == 0 ? NULL : rd_take(&r, n);
		}
		if (r.bad || p == NULL || n > size - x->octets.len)
			return damaged(f, "a delta leads out of its base");
		buf_add(&x->octets, p, n);
	}
	return !r.bad && x->octets.len == size ? ERR_OK : damaged(f, "a delta ends too early");
}

static enum err
name_set(struct git_pack_object *x, struct fault *f)
{
	if (git_odb_hash(&x->id, x->octets.p, x->octets.len, x->type) == 0)
		return ERR_OK;
	return damaged(f, git_error_last() != NULL ? git_error_last()->message : "an object has no name");
}

static const struct git_pack_object *
base_within(const struct reading *k, const struct git_pack_object *x)
{
	for (size_t i = 0; i < k->pack->n; i++) {
		const struct git_pack_object *y = &k->pack->v[i];

		if (y->known && (x->base_at != 0 ? y->at == x->base_at : git_oid_equal(&y->id, &x->base)))
			return y;
	}
	return NULL;
}

static enum err
base_outside(struct reading *k, const git_oid *id, struct fault *f)
{
	enum err err;

	if (k->last_type != (git_object_t)0 && git_oid_equal(&k->last, id))
		return ERR_OK;
	k->last_type = (git_object_t)0;
	buf_clear(&k->last_octets);
	if ((err = k->base(k->ctx, id, &k->last_type, &k->last_octets, f)) == ERR_OK)
		k->last = *id;
	return err;
}

/* ERR_NOT_FOUND: its base is not known yet. */
static enum err
delta_resolve(struct reading *k, struct git_pack_object *x, struct fault *f)
{
	const struct git_pack_object *within = base_within(k, x);
	enum err err = ERR_NOT_FOUND;

	if (within == NULL && (x->base_at != 0 || (err = base_outside(k, &x->base, f)) != ERR_OK))
		return err;
	if ((err = delta_apply(k, x, within != NULL ? &within->octets : &k->last_octets, f)) != ERR_OK)
		return err;
	x->type = within != NULL ? within->type : k->last_type;
	buf_clear(&x->delta);
	x->known = true;
	return name_set(x, f);
}

static enum err
deltas_resolve(struct reading *k, struct fault *f)
{
	size_t waiting, before = SIZE_MAX;
	enum err err = ERR_OK;

	for (;; before = waiting) {
		waiting = 0;
		for (size_t i = 0; i < k->pack->n; i++) {
			if (k->pack->v[i].known)
				continue;
			if ((err = delta_resolve(k, &k->pack->v[i], f)) == ERR_NOT_FOUND)
				waiting++;
			else if (err != ERR_OK)
				return err;
		}
		if (waiting == 0)
			return ERR_OK;
		if (waiting == before)
			return damaged(f, "the base of a delta is missing");
	}
}

static bool
trailer_is_right(const uint8_t *octets, size_t n)
{
	uint8_t sum[EVP_MAX_MD_SIZE];

	return EVP_Digest(octets, n - TRAILER, sum, NULL, digest_sha1(), NULL) == 1 &&
	    memcmp(sum, octets + n - TRAILER, TRAILER) == 0;
}

enum err
git_pack_read(const uint8_t *octets, size_t n, size_t max, git_pack_base *base, void *ctx, struct git_pack *out,
    struct fault *f)
{
	struct reading k = { .pack = out, .left = max, .base = base, .ctx = ctx };
	enum err err = ERR_OK;
	uint32_t count;
	struct rd r;

	*out = (struct git_pack){ 0 };
	if (n < HEAD + TRAILER || !git_pack_count(octets, n, &count) || !trailer_is_right(octets, n))
		return damaged(f, "its checksum is another");
	if (count > n || (out->v = calloc((size_t)count + 1, sizeof *out->v)) == NULL)
		return count > n ? damaged(f, "it is cut off") : fault_set(f, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
	r = rd_over(octets, n - TRAILER);
	(void)rd_take(&r, HEAD);
	while (err == ERR_OK && out->n < count) {
		struct git_pack_object *x = &out->v[out->n++];

		if ((err = object_read(&k, &r, x, f)) == ERR_OK && x->known)
			err = name_set(x, f);
	}
	if (err == ERR_OK && rd_left(&r) > 0)
		err = damaged(f, "it goes on behind its last object");
	if (err == ERR_OK)
		err = deltas_resolve(&k, f);
	buf_clear(&k.last_octets);
	if (err != ERR_OK)
		git_pack_clear(out);
	return err;
}

void
git_pack_clear(struct git_pack *p)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_clear(&p->v[i].octets);
		buf_clear(&p->v[i].delta);
	}
	free(p->v);
	*p = (struct git_pack){ 0 };
}

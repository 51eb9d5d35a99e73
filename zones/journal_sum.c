#include <string.h>

#include "base/digest.h"
#include "zones/journal_internal.h"

enum err
journal_sum_octets(const void *octets, size_t n, uint8_t sum[JOURNAL_SUM])
{
	uint8_t full[DIGEST_SHA256];

	if (!digest_make_sha256(octets, n, full))
		return ERR_CRYPTO;
	memcpy(sum, full, JOURNAL_SUM);
	return ERR_OK;
}

static enum err
finish(struct buf *b, uint8_t sum[JOURNAL_SUM])
{
	enum err err = b->failed ? ERR_NOMEM : journal_sum_octets(b->p, b->len, sum);

	buf_clear(b);
	return err;
}

static void
add_octets(struct buf *b, const void *octets, size_t n)
{
	buf_u64(b, n);
	buf_add(b, octets, n);
}

static void
add_text(struct buf *b, const char *text)
{
	add_octets(b, text, strlen(text));
}

enum err
journal_sum_zone(const struct journal_zone *z, uint8_t sum[JOURNAL_SUM])
{
	struct buf b = { 0 };

	add_octets(&b, z->apex.octets, dname_len(z->apex.octets));
	add_text(&b, z->source);
	add_text(&b, z->base);
	buf_u32(&b, z->base_serial);
	buf_u64(&b, (uint64_t)z->image_seq);
	add_octets(&b, z->image, z->image_n);
	return finish(&b, sum);
}

enum err
journal_sum_serial(const struct journal_zone *z, uint8_t sum[JOURNAL_SUM])
{
	struct buf b = { 0 };

	add_octets(&b, z->apex.octets, dname_len(z->apex.octets));
	buf_u32(&b, z->serial);
	buf_u8(&b, z->retired);
	return finish(&b, sum);
}

enum err
journal_sum_record(const struct journal_record *r, uint8_t sum[JOURNAL_SUM])
{
	struct buf b = { 0 };

	add_octets(&b, r->apex, dname_len(r->apex));
	buf_u32(&b, r->serial_from);
	buf_u32(&b, r->serial_to);
	buf_u64(&b, (uint64_t)r->time_s);
	add_text(&b, r->origin);
	add_octets(&b, r->digest, r->digest == NULL ? 0 : 32);
	buf_u32(&b, r->rcode);
	add_octets(&b, r->changes, r->n);
	return finish(&b, sum);
}

enum err
journal_sum_note(const char *name, const void *octets, size_t n, uint8_t sum[JOURNAL_SUM])
{
	struct buf b = { 0 };

	add_text(&b, name);
	add_octets(&b, octets, n);
	return finish(&b, sum);
}

enum err
journal_sum_answer(const struct journal_answer *a, uint8_t sum[JOURNAL_SUM])
{
	struct buf b = { 0 };

	buf_add(&b, a->digest, sizeof a->digest);
	buf_u32(&b, a->rcode);
	buf_u64(&b, (uint64_t)a->time_s);
	return finish(&b, sum);
}

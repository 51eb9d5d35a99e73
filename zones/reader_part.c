/* A part of a text, read with a guess of what the parts before it leave behind; then it is seen whether the guess was right, as far as it
 * was used (zones/placed.c). */
#include "zones/reader_internal.h"

#include <string.h>

#define PART_OVERHANG ((size_t)1 << 20)	/* octets of one entry beyond the end of its part */

void
reader_state_init(struct reader_state *s, const struct zone_reader *reader)
{
	*s = (struct reader_state){ 0 };
	dname_copy(&s->origin, reader->origin);
}

void
reader_state_guess(struct reader_state *s, const char *line, size_t n)
{
	struct dname name;
	struct lexer lx;
	uint32_t ttl;

	lexer_init(&lx, line, n);
	if (lexer_next(&lx) == LEX_ENTRY && lx.n == 2) {
		if (token_is(&lx.v[0], "$ORIGIN") && !lx.v[1].quoted &&
		    dname_parse(lx.v[1].p, lx.v[1].n, s->origin.octets, &name) == ERR_OK)
			s->origin = name;
		if (token_is(&lx.v[0], "$TTL") && token_period(&lx.v[1], &ttl)) {
			s->ttl = ttl;
			s->has_ttl = true;
		}
	}
	lexer_clear(&lx);
}

static void
state_to_reading(const struct reader_state *s, struct reading *r)
{
	r->here.origin = s->origin;
	r->here.owner = s->owner;
	r->here.has_owner = s->has_owner;
	r->has_ttl = s->has_ttl;
	r->has_last_ttl = s->has_last_ttl;
	r->ttl = s->ttl;
	r->last_ttl = s->last_ttl;
	r->includes = s->includes;
}

static void
state_from_reading(struct reader_state *s, const struct reading *r)
{
	s->origin = r->here.origin;
	s->owner = r->here.owner;
	s->has_owner = r->here.has_owner;
	s->has_ttl = r->has_ttl;
	s->has_last_ttl = r->has_last_ttl;
	s->ttl = r->ttl;
	s->last_ttl = r->last_ttl;
	s->includes = r->includes;
}

enum err
zone_read_part(const struct zone_reader *reader, const char *text, size_t n, struct reader_part *part)
{
	struct reading r;
	size_t start = part->start == 0 ? reader_mark(text, n) : part->start, whole = n;
	struct lexer lx;
	enum err err;

	reading_init(&r, reader);
	r.part = part;
	r.here.file = reader->file;
	r.here.text = text;
	state_to_reading(&part->before, &r);
	part->unfit = false;
	/* Read out of order it may begin in the midst of an entry, whose end would be looked for up to the end of
	 * all. */
	if (!part->in_order && n > PART_OVERHANG && part->end < n - PART_OVERHANG)
		n = part->end + PART_OVERHANG;
	lexer_init(&lx, text + start, n - start);
	lx.stop = part->end <= start ? lx.p : text + part->end;
	err = reading_go_on(&r, &lx);
	part->unfit |= n < whole && lx.p == lx.end;
	part->stop = (size_t)(lx.p - text);
	part->lines = lx.line - 1;
	part->took_last_ttl = r.took_last_ttl;
	part->own_owner = r.own_owner;
	part->own_last_ttl = r.own_last_ttl;
	state_from_reading(&part->behind, &r);
	lexer_clear(&lx);
	reading_clear(&r);
	return err;
}

static bool
same_name(const struct dname *a, const struct dname *b)	/* letter case and all */
{
	size_t n = dname_len(a->octets);

	return dname_len(b->octets) == n && memcmp(a->octets, b->octets, n) == 0;
}

bool
reader_part_follows(struct reader_part *part, const struct reader_state *before)
{
	const struct reader_state *guess = &part->before;

	if (part->unfit || !same_name(&guess->origin, &before->origin) || guess->has_ttl != before->has_ttl ||
	    (guess->has_ttl && guess->ttl != before->ttl))
		return false;
	if (part->took_last_ttl && (guess->has_last_ttl != before->has_last_ttl ||
	    (guess->has_last_ttl && guess->last_ttl != before->last_ttl)))
		return false;
	if (!part->own_owner) {
		part->behind.owner = before->owner;
		part->behind.has_owner = before->has_owner;
	}
	if (!part->own_last_ttl) {
		part->behind.last_ttl = before->last_ttl;
		part->behind.has_last_ttl = before->has_last_ttl;
	}
	if (!part->in_order)
		part->behind.includes = before->includes;
	return true;
}

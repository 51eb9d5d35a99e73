/* server/conflict.c -- what two sides want and cannot both have.
 *
 * Sets of RRs merge by themselves.  Where the result would be no sound zone (a CNAME beside other data), or commit
 * refuses it for another reason, the new text waits, and here is said what came from whom: what the repository's text
 * changes, and what changed here since and is not in the repository yet.  Both are cut to the names that both touch, if
 * there are any. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "wire/rrtype.h"

#define LINES_MAX 20			/* of each side */

struct side {
	struct rr rrs[LINES_MAX];
	bool add[LINES_MAX];
	size_t n, more;
};

static void
side_add(struct side *s, const struct rr *rr, bool add)
{
	if (s->n == LINES_MAX) {
		s->more++;
		return;
	}
	s->rrs[s->n] = *rr;
	s->add[s->n++] = add;
}

static bool
pending_has_owner(const struct pending *p, const uint8_t *owner)
{
	for (const struct rrmap_entry *e = NULL; (e = rrmap_next(&p->lasting, e)) != NULL; )
		if (dname_equal(e->rr.owner, owner))
			return true;
	return false;
}

static bool
changes_have_owner(const struct changeset *cs, const uint8_t *owner)
{
	for (size_t i = 0; i < cs->n; i++)
		if (dname_equal(cs->v[i].rr.owner, owner))
			return true;
	return false;
}

/* Of the SOA only we know whether it changed; its serial is nobody's wish. */
static void
find_sides(const struct zone *z, const struct changeset *theirs, bool common, struct side *up, struct side *here)
{
	for (size_t i = 0; i < theirs->n; i++)
		if (theirs->v[i].rr.type != TYPE_SOA &&
		    (!common || pending_has_owner(&z->pending, theirs->v[i].rr.owner)))
			side_add(up, &theirs->v[i].rr, theirs->v[i].add);
	for (const struct rrmap_entry *e = NULL; (e = rrmap_next(&z->pending.lasting, e)) != NULL; ) {
		struct rr rr = e->rr;

		rr.ttl = e->value.kind == PENDING_REMOVED ? e->value.base_ttl : e->value.ttl;
		if (!common || changes_have_owner(theirs, rr.owner))
			side_add(here, &rr, e->value.kind != PENDING_REMOVED);
	}
}

static void
print_side(const struct side *s, struct buf *out)
{
	char text[512];

	for (size_t i = 0; i < s->n; i++) {
		rr_print(&s->rrs[i], text, sizeof text);
		buf_printf(out, "%c %s\n", s->add[i] ? '+' : '-', text);
	}
	if (s->more > 0)
		buf_printf(out, "and %zu more\n", s->more);
}

/* Who made the changes that wait here, each once. */
static void
print_authors(const struct zone *z, struct buf *out)
{
	for (size_t i = 0; i < z->notes.n; i++) {
		bool seen = false;

		for (size_t k = 0; !seen && k < i; k++)
			seen = strcmp(z->notes.v[k].by, z->notes.v[i].by) == 0;
		if (!seen)
			buf_printf(out, "%s%s\n", z->notes.v[i].ours ? "certns, " : "", z->notes.v[i].by);
	}
}

static char *
lines(void (*print)(const struct side *s, struct buf *out), const struct side *s)
{
	struct buf b = { 0 };

	print(s, &b);
	return buf_take(&b, NULL);
}

static void
log_lines(const struct zone *z, const char *what, const char *text)
{
	for (const char *line = text; line != NULL && *line != '\0'; line += strcspn(line, "\n") + 1)
		log_error("zone %s: %s: %.*s", z->name, what, (int)strcspn(line, "\n"), line);
}

void
conflict_note(struct zone *z, const struct changeset *theirs)
{
	struct side up = { .n = 0 }, here = { .n = 0 };
	struct buf authors = { 0 };
	struct zone_words *w;

	zone_clear_conflict(z);
	if (z->pending.lasting.n == 0 || (w = zone_words_make(z)) == NULL)
		return;				/* the text alone is to blame, or there is no memory for more */
	find_sides(z, theirs, true, &up, &here);
	if (up.n == 0 || here.n == 0) {
		up = here = (struct side){ .n = 0 };
		find_sides(z, theirs, false, &up, &here);
	}
	print_authors(z, &authors);
	w->conflict_theirs = lines(print_side, &up);
	w->conflict_ours = lines(print_side, &here);
	w->conflict_by = buf_take(&authors, NULL);
	zone_recount(z);
	log_lines(z, "the repository's text wants", w->conflict_theirs);
	log_lines(z, "changed here", w->conflict_ours);
	log_lines(z, "changed here by", w->conflict_by);
}

#include "zones/notes.h"

#include <stdlib.h>
#include <string.h>

#include "wire/rrtype.h"

static bool
make_room(struct notes *n)
{
	size_t cap = n->cap == 0 ? 4 : n->cap * 2;
	struct note *v;

	if (n->n >= NOTES_MAX)
		return false;
	if (n->n < n->cap)
		return true;
	if ((v = realloc(n->v, cap * sizeof *v)) == NULL)
		return false;
	n->v = v;
	n->cap = cap;
	return true;
}

void
notes_add(struct notes *n, int64_t time_s, bool ours, const char *by, const struct changeset *changes)
{
	struct note note = { .time_s = time_s, .ours = ours };
	bool soa = false, passing = false;

	for (size_t i = 0; i < changes->n; i++) {
		const struct change *c = &changes->v[i];

		soa |= c->rr.type == TYPE_SOA;
		passing |= c->add && c->class == CHANGE_PASSING;
		if (c->rr.type == TYPE_SOA || c->class == CHANGE_PASSING)
			continue;
		note.removed += !c->add;
		note.added += c->add && !c->present;
	}
	if (note.added + note.removed == 0 && (passing || !soa))
		return;
	if (n->more > 0 || !make_room(n) || (note.by = strdup(by)) == NULL)
		n->more++;
	else
		n->v[n->n++] = note;
}

void
notes_drop(struct notes *n, size_t listed, size_t more)
{
	for (size_t i = 0; i < listed; i++)
		free(n->v[i].by);
	n->n -= listed;
	n->more -= more;
	if (n->n > 0)
		memmove(n->v, n->v + listed, n->n * sizeof *n->v);
}

void
notes_clear(struct notes *n)
{
	notes_drop(n, n->n, n->more);
	free(n->v);
	*n = (struct notes){ 0 };
}

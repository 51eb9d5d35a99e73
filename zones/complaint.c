#include "zones/complaint.h"

#include <stdlib.h>
#include <string.h>

/* Not strdup(): what counts allocations in tests counts malloc(). */
static char *
text_copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = malloc(n);

	return copy == NULL ? NULL : memcpy(copy, text, n);
}

static bool
place_copy(struct complaint_place *to, const struct place *from)
{
	if (from == NULL)
		return true;
	to->line = from->line;
	to->column = from->column;
	to->file = text_copy(from->file);
	return to->file != NULL;
}

static void
complaint_clear(struct complaint *c)
{
	free(c->at.file);
	free(c->other.file);
	free(c->text);
}

void
complaints_add(struct complaints *c, enum check_level level, const struct place *at, const struct place *other,
    const char *text)
{
	struct complaint new = { .level = level };

	if (c->count[level]++ >= COMPLAINTS_MAX)
		return;
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 8 : c->cap * 2;
		struct complaint *v = realloc(c->v, cap * sizeof *v);

		if (v == NULL) {
			c->failed = true;
			return;
		}
		c->v = v;
		c->cap = cap;
	}
	if (!place_copy(&new.at, at) || !place_copy(&new.other, other) || (new.text = text_copy(text)) == NULL) {
		complaint_clear(&new);
		c->failed = true;
		return;
	}
	c->v[c->n++] = new;
}

/* Files are few: the first complaint of each is its rank. */
static size_t
rank(const struct complaints *c, const struct complaint *one)
{
	size_t i = 0;

	while (strcmp(c->v[i].at.file, one->at.file) != 0)
		i++;
	return i;
}

static bool
stands_behind(const struct complaint *a, const struct complaint *b)
{
	if (a->at.line != b->at.line)
		return a->at.line > b->at.line;
	return a->at.column > b->at.column;
}

/* Insertion: they are few, and those of one place stay in order. */
void
complaints_sort(struct complaints *c)
{
	for (size_t i = 1; i < c->n; i++) {
		struct complaint one = c->v[i];
		size_t mine = rank(c, &one), at = i;

		while (at > 0 && strcmp(c->v[at - 1].at.file, one.at.file) != 0 && rank(c, &c->v[at - 1]) > mine)
			at--;
		while (at > 0 && strcmp(c->v[at - 1].at.file, one.at.file) == 0 && stands_behind(&c->v[at - 1], &one))
			at--;
		memmove(&c->v[at + 1], &c->v[at], (i - at) * sizeof *c->v);
		c->v[at] = one;
	}
}

size_t
complaints_left_out(const struct complaints *c)
{
	return c->count[CHECK_WARNING] + c->count[CHECK_ERROR] - c->n;
}

static bool
place_equal(const struct complaint_place *a, const struct complaint_place *b)
{
	if (a->file == NULL || b->file == NULL)
		return a->file == b->file;
	return a->line == b->line && a->column == b->column && strcmp(a->file, b->file) == 0;
}

bool
complaints_equal(const struct complaints *a, const struct complaints *b)
{
	if (a->n != b->n || a->count[CHECK_WARNING] != b->count[CHECK_WARNING] ||
	    a->count[CHECK_ERROR] != b->count[CHECK_ERROR])
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct complaint *x = &a->v[i], *y = &b->v[i];

		if (x->level != y->level || !place_equal(&x->at, &y->at) || !place_equal(&x->other, &y->other) ||
		    strcmp(x->text, y->text) != 0)
			return false;
	}
	return true;
}

void
complaint_print(const struct complaint *c, struct buf *out)
{
	buf_printf(out, "%s:%u:%u: %s: %s", c->at.file, c->at.line, c->at.column, c->level == CHECK_ERROR ?
	    "error" : "warning", c->text);
	if (c->other.file != NULL)
		buf_printf(out, ", see %s:%u:%u", c->other.file, c->other.line, c->other.column);
}

void
complaints_print(const struct complaints *c, const char *file, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		complaint_print(&c->v[i], out);
		buf_add(out, "\n", 1);
	}
	for (int level = CHECK_ERROR; level >= CHECK_WARNING; level--)
		if (c->count[level] > COMPLAINTS_MAX)
			buf_printf(out, "%s:1:1: %s: %u more like these\n", file, level == CHECK_ERROR ?
			    "error" : "warning", c->count[level] - COMPLAINTS_MAX);
	if (c->failed)
		out->failed = true;
}

void
complaints_clear(struct complaints *c)
{
	for (size_t i = 0; i < c->n; i++)
		complaint_clear(&c->v[i]);
	free(c->v);
	*c = (struct complaints){ 0 };
}

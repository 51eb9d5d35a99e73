/* server/held.c -- zones whose newest text was refused: they stay as they are, and say why. */
#include "server/keeper_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

/* found is empty after. */
void
held_keep_complaints(struct zone *z, struct complaints *found)
{
	struct zone_words *w = found->n == 0 && !found->failed ? z->words : zone_words_make(z);

	if (w != NULL) {
		complaints_clear(&w->complaints);
		w->complaints = *found;
		*found = (struct complaints){ 0 };
	}
	complaints_clear(found);	/* where there was no memory for it */
}

static void
log_complaint(const struct zone *z, const struct complaint *c)
{
	struct buf line = { 0 };

	complaint_print(c, &line);
	if (buf_str(&line) != NULL && c->level == CHECK_ERROR)
		log_error("zone %s: %s", z->name, buf_str(&line));
	else if (buf_str(&line) != NULL)
		log_warning("zone %s: %s", z->name, buf_str(&line));
	buf_clear(&line);
}

/* What a text is complained of is logged when it changes, not with each look at it. */
void
held_tell_complaints(struct zone *z, struct complaints *found)
{
	if (!complaints_equal(&zone_words(z)->complaints, found)) {
		for (size_t i = 0; i < found->n; i++)
			log_complaint(z, &found->v[i]);
		if (complaints_left_out(found) > 0)
			log_warning("zone %s: and %zu more like these", z->name, complaints_left_out(found));
	}
	held_keep_complaints(z, found);
}

/* In one line, for the problem of the zone. */
const char *
held_first_error(const struct complaints *found, char words[1024])
{
	struct buf line = { 0 };
	size_t i = 0;

	while (i < found->n && found->v[i].level != CHECK_ERROR)
		i++;
	if (i == found->n)
		return "out of memory";
	complaint_print(&found->v[i], &line);
	if (found->count[CHECK_ERROR] > 1)
		buf_printf(&line, " (and %u more)", found->count[CHECK_ERROR] - 1);
	snprintf(words, 1024, "%s", line.failed ? "out of memory" : buf_str(&line));
	buf_clear(&line);
	return words;
}

void
held_set(struct zone *z, bool held)
{
	struct source *s = source_of(z);

	if (s != NULL && held != z->held)
		s->nheld += held ? 1 : (size_t)-1;
	z->held = held;
	z->unread &= held;
	if (!held)
		zone_clear_conflict(z);
}

/* False: that was said before. */
bool
held_hold(struct zone *z, const char *words)
{
	if (z->held && z->problem != NULL && strcmp(z->problem, words) == 0)
		return false;
	held_set(z, true);
	zone_set_problem(z, "%s", words);
	log_error("zone %s: the new text is refused, %s: %s", z->name,
	    zone_newest(z) == NULL ? "and there is no earlier one" : "the last good version stays served", words);
	zone_clear_conflict(z);
	return true;
}

void
held_sound(struct zone *z)
{
	if (z->held)
		log_info("zone %s: the new text is sound again", z->name);
	held_set(z, false);
	zone_set_problem(z, NULL);
}

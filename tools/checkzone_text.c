/* The report for people: what changes as "-" and "+" lines, then what is wrong with it, then a line that counts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/checkzone.h"
#include "zones/text.h"

enum colour { PLAIN, BOLD, RED, GREEN, YELLOW };

struct printer {
	FILE *to;
	bool colours, all;
};

static bool
wants_colours(FILE *to)		/* https://no-color.org */
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && isatty(fileno(to)) && term != NULL && strcmp(term, "dumb") != 0;
}

/* A line.  Names of files come from whoever pushed: nothing of them may reach the terminal as a command. */
static void
put(const struct printer *p, enum colour colour, const char *line)
{
	static const char *const codes[] = { [BOLD] = "\33[1m", [RED] = "\33[31m", [GREEN] = "\33[32m",
	    [YELLOW] = "\33[33m" };

	if (p->colours && colour != PLAIN)
		fputs(codes[colour], p->to);
	for (; *line != '\0'; line++)
		putc((unsigned char)*line < 0x20 || *line == 0x7f ? '?' : *line, p->to);
	if (p->colours && colour != PLAIN)
		fputs("\33[0m", p->to);
	putc('\n', p->to);
}

static void
put_buf(const struct printer *p, enum colour colour, struct buf *line)
{
	put(p, colour, buf_str(line) == NULL ? "(out of memory)" : buf_str(line));
	buf_clear(line);
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void
put_changes(const struct printer *p, const struct review_zone *z)
{
	size_t n = p->all || z->changes.n <= CHANGES_LISTED ? z->changes.n : CHANGES_LISTED;
	struct buf line = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct change *c = &z->changes.v[i];

		buf_add_str(&line, c->add ? "+" : "-");
		rr_text(&c->rr, &line);
		put_buf(p, c->add ? GREEN : RED, &line);
	}
	if (n < z->changes.n) {
		buf_printf(&line, "(and %zu more changes; --all lists them)", z->changes.n - n);
		put_buf(p, PLAIN, &line);
	}
}

static void
put_complaints(const struct printer *p, const struct complaints *c)
{
	struct buf line = { 0 };

	for (size_t i = 0; i < c->n; i++) {
		complaint_print(&c->v[i], &line);
		put_buf(p, c->v[i].level == CHECK_ERROR ? RED : YELLOW, &line);
	}
	if (complaints_left_out(c) > 0) {
		buf_printf(&line, "and %zu more like these", complaints_left_out(c));
		put_buf(p, PLAIN, &line);
	}
}

static void
add_serial(const struct review_zone *z, struct buf *line)
{
	if (!z->has_old)
		buf_printf(line, "serial %u", z->serial);
	else if (!z->raised_here)
		buf_printf(line, "serial %u -> %u", z->old_serial, z->serial);
	else if (z->file_serial == z->old_serial)
		buf_printf(line, "serial %u, not raised: certnsd raises what it serves (to %u, had it served %u)",
		    z->file_serial, z->serial, z->old_serial);
	else
		buf_printf(line, "serial %u -> %u (the file says %u)", z->old_serial, z->serial, z->file_serial);
}

static void
put_zone(const struct printer *p, const struct review_zone *z, bool listed)
{
	char name[DNAME_TEXT_MAX];
	struct buf line = { 0 };

	buf_printf(&line, "zone %s: ", dname_print_host(z->apex.octets, name));
	switch (z->kind) {
	case REVIEW_NEW:
		buf_printf(&line, "new, %zu record%s, ", z->after, plural(z->after));
		add_serial(z, &line);
		break;
	case REVIEW_CHANGED:
		if (!z->has_old) {
			buf_printf(&line, "sound again, %zu record%s, serial %u", z->after, plural(z->after),
			    z->serial);
			break;
		}
		buf_printf(&line, "%zu removed, %zu added, ", z->removed, z->added);
		add_serial(z, &line);
		break;
	case REVIEW_SAME:
		buf_printf(&line, "the text changes and no record does, serial %u", z->serial);
		break;
	case REVIEW_GONE:
		buf_printf(&line, "retired, its file is removed (%zu record%s)", z->before, plural(z->before));
		break;
	case REVIEW_REFUSED:
		buf_add_str(&line, z->has_old ? "refused: the old version would stay" : "refused");
		break;
	}
	put_buf(p, BOLD, &line);
	if (listed && (z->has_old || z->kind == REVIEW_NEW))
		put_changes(p, z);
	put_complaints(p, &z->complaints);
}

static void
put_keys(const struct printer *p, const struct review *r)
{
	for (size_t i = 0; i < r->nkeys; i++) {
		const struct review_key *key = &r->keys[i];
		char name[DNAME_TEXT_MAX];
		struct buf line = { 0 };

		buf_printf(&line, "%s key %s %s", key->kind == REVIEW_KEY_ADDED ?
		    "+" : key->kind == REVIEW_KEY_REMOVED ? "-" : "*",
		    dname_print_host(key->name.octets, name), tsig_algorithm_str(key->algorithm));
		if (key->kind == REVIEW_KEY_CHANGED)
			buf_add_str(&line, ", changed");
		put_buf(p, key->kind == REVIEW_KEY_ADDED ? GREEN : key->kind == REVIEW_KEY_REMOVED ? RED : YELLOW,
		    &line);
	}
}

static void
put_summary(const struct printer *p, const struct review *r)
{
	size_t errors = review_count(r, CHECK_ERROR), warnings = review_count(r, CHECK_WARNING);
	struct buf line = { 0 };

	if (!r->is_new)
		buf_printf(&line, "the branch is removed: certnsd would find no zones; ");
	buf_printf(&line, "%zu zone%s, %zu error%s, %zu warning%s", r->nzones, plural(r->nzones), errors,
	    plural(errors), warnings, plural(warnings));
	put_buf(p, errors > 0 || !r->is_new ? RED : PLAIN, &line);
}

void
report_text(FILE *to, const struct review *r, bool all)
{
	struct printer p = { .to = to, .colours = wants_colours(to), .all = all };

	for (size_t i = 0; i < r->nzones; i++)
		put_zone(&p, &r->zones[i], r->is_old);	/* else all of it is new */
	put_keys(&p, r);
	put_complaints(&p, &r->complaints);
	if (r->forged != NULL) {
		struct buf line = { 0 };

		buf_printf(&line, "error: %s", r->forged);
		put_buf(&p, RED, &line);
	}
	for (size_t i = 0; i < r->npassed; i++) {
		struct buf line = { 0 };

		buf_printf(&line, "%s is passed over: %s", r->passed[i].file, r->passed[i].why);
		put_buf(&p, PLAIN, &line);
	}
	put_summary(&p, r);
}

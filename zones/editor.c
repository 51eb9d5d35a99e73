/* The reader tells for each RR which lines it stands on; that is kept as a list of struct editor_line, in the order of
 * the text (editor_lines.c).  The list is compared with the wanted RRs (editor_compare.c): a line stays, goes, or becomes another RR of
 * its owner and type, so that a comment behind it stays; other RRs that come are put behind a line (editor_place.c).
 *
 * Then the text is written once more from start to end (editor_write.c), with what the lines behind would take over from those before
 * kept in mind, as a reader would: the owner, and the TTL where there is no $TTL.  A line that would come to mean
 * something else gets written what it took over before.  Lines that change are done by editor_entry.c, new ones by
 * editor_style.c.
 *
 * In the end the new text is read back and compared with what was wanted. */
#include "zones/editor.h"

#include <stdlib.h>
#include <string.h>

#include "zones/editor_internal.h"
#include "zones/load.h"

static enum err
include_result(void *ctx, const char *path, struct buf *out, struct fault *f)
{
	const struct editor_result *r = ctx;

	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->v[i].path, path) == 0) {
			buf_add(out, r->v[i].text.p, r->v[i].text.len);
			return ERR_OK;
		}
	}
	return fault_set(f, ERR_NOT_FOUND, "%s", path);
}

/* Does the result say what is wanted? */
static enum err
verify(const struct editor *e, const struct rr_list *wanted, struct editor_result *r)
{
	struct rr_list read = { 0 };
	struct buf complaints = { 0 };
	size_t nwarnings;
	enum err err = zone_load(e->apex, r->v[0].path, (const char *)r->v[0].text.p, r->v[0].text.len, include_result,
	    r, &read, &complaints, &nwarnings);

	if (err == ERR_OK && !rr_list_equal(&read, wanted))
		err = ERR_UNSUPPORTED;
	rr_list_clear(&read);
	buf_clear(&complaints);
	return err == ERR_FORMAT || err == ERR_REFUSED ? ERR_UNSUPPORTED : err;
}

static enum err
make_result(struct editor *e, const struct rr_list *wanted, struct editor_result *r)
{
	if ((r->v = calloc(e->nfiles, sizeof *r->v)) == NULL)
		return ERR_NOMEM;
	for (; r->n < e->nfiles; r->n++) {
		struct editor_file *f = &e->files[r->n];
		struct buf path = { 0 };

		buf_add_str(&path, f->path);
		if ((r->v[r->n].path = buf_take(&path, NULL)) == NULL)
			return ERR_NOMEM;
		r->v[r->n].changed = f->changed;
		r->v[r->n].text = f->out;
		f->out = (struct buf){ 0 };
	}
	return verify(e, wanted, r);
}

static enum err
edit(struct editor *e, const struct rr_list *wanted)
{
	struct editor_come come = { .v = calloc(wanted->n + 1, sizeof *come.v) };
	enum err err = come.v == NULL ? ERR_NOMEM : editor_compare(e, wanted, &come);

	if (err == ERR_OK)
		err = editor_write(e);
	free(come.v);
	return err;
}

static void
editor_clear(struct editor *e)
{
	for (size_t i = 0; i < e->nfiles; i++) {
		buf_clear(&e->files[i].text);
		buf_clear(&e->files[i].out);
	}
	free(e->files);
	free(e->lines);
	free(e->by_rr);
	free(e->names);
	free(e->between);
	free(e->kinds);
	rr_list_clear(&e->kept);
}

/* One go.  ERR_UNSUPPORTED and *inlined not empty: to be tried again with that text. */
static enum err
edit_text(const uint8_t *apex, const struct editor_source *source, const struct buf *text, const struct rr_list *wanted,
    struct editor_result *out, struct buf *inlined)
{
	struct editor e = { .apex = apex, .include = source->include, .is_shared = source->is_shared,
	    .ctx = source->ctx,
		.in_the_way = SIZE_MAX };
	enum err err = editor_read(&e, source->file, (const char *)text->p, text->len);

	if (err == ERR_OK)
		err = edit(&e, wanted);
	if (err == ERR_OK)
		err = make_result(&e, wanted, out);
	if (err == ERR_UNSUPPORTED && e.in_the_way != SIZE_MAX && e.in_the_way != 0) {
		const struct editor_file *f = &e.files[e.in_the_way];

		if ((err = editor_inline(apex, text, f->path, &f->text, inlined)) == ERR_OK)
			err = ERR_UNSUPPORTED;
		else
			buf_clear(inlined);
	}
	if (err != ERR_OK)
		editor_result_clear(out);
	editor_clear(&e);
	return err;
}

#define INLINES_MAX 8			/* files that come into the zone's own in one edit */

enum err
zone_edit(const uint8_t *apex, const struct editor_source *source, const struct rr_list *wanted,
    struct editor_result *out)
{
	struct buf text = { 0 }, inlined = { 0 };
	enum err err;

	*out = (struct editor_result){ 0 };
	buf_add(&text, source->text, source->n);
	err = text.failed ? ERR_NOMEM : edit_text(apex, source, &text, wanted, out, &inlined);
	for (int i = 0; i < INLINES_MAX && err == ERR_UNSUPPORTED && inlined.len > 0; i++) {
		buf_clear(&text);
		text = inlined;
		inlined = (struct buf){ 0 };
		if ((err = edit_text(apex, source, &text, wanted, out, &inlined)) == ERR_OK)
			out->v[0].changed = true;
	}
	buf_clear(&text);
	buf_clear(&inlined);
	return err;
}

void
editor_result_clear(struct editor_result *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		buf_clear(&r->v[i].text);
	}
	free(r->v);
	*r = (struct editor_result){ 0 };
}

/* zones/editor_inline.c -- the text of an included file in place of its $INCLUDE: for a file that others read too, and
 * that can thus not be changed for one of them. */
#include "zones/editor_internal.h"

#include <string.h>

struct inlining {
	const char *path;
	const struct buf *included;
	struct dname origin;
	struct buf *out;
	size_t count;
};

static bool
is_directive(const struct lexer *lx, const char *name)
{
	return !lx->indented && token_is(&lx->v[0], name);
}

static bool
names_file(const struct token *t, const char *path)
{
	return t->n == strlen(path) && memcmp(t->p, path, t->n) == 0;
}

/* Does it leave behind another $ORIGIN than it found? */
static enum err
has_origin(const struct buf *text, bool *yes)
{
	struct lexer lx;
	enum lex lex;

	*yes = false;
	lexer_init(&lx, (const char *)text->p, text->len);
	while ((lex = lexer_next(&lx)) == LEX_ENTRY)
		*yes |= is_directive(&lx, "$ORIGIN");
	lexer_clear(&lx);
	return lex == LEX_NOMEM ? ERR_NOMEM : ERR_OK;
}

/* The line of the $INCLUDE stays as a comment. */
static enum err
put_included(struct inlining *in, const struct lexer *lx)
{
	bool restore = false;
	struct dname origin;
	char name[DNAME_TEXT_MAX];
	const char *newline = memchr(lx->entry, '\n', (size_t)(lx->p - lx->entry));
	enum err err = has_origin(in->included, &restore);

	if (newline != NULL && newline != lx->p - 1)
		return ERR_UNSUPPORTED;		/* in parentheses, on several lines */
	buf_add_str(in->out, "; ");
	buf_add(in->out, lx->entry, (size_t)(lx->p - lx->entry));
	if (newline == NULL)
		buf_u8(in->out, '\n');
	if (lx->n > 2) {
		if (dname_parse(lx->v[2].p, lx->v[2].n, in->origin.octets, &origin) != ERR_OK)
			return ERR_UNSUPPORTED;
		buf_printf(in->out, "$ORIGIN %s\n", dname_print(origin.octets, name));
		restore = true;
	}
	buf_add(in->out, in->included->p, in->included->len);
	if (in->included->len > 0 && in->included->p[in->included->len - 1] != '\n')
		buf_u8(in->out, '\n');
	if (restore)
		buf_printf(in->out, "$ORIGIN %s\n", dname_print(in->origin.octets, name));
	in->count++;
	return err;
}

enum err
editor_inline(const uint8_t *apex, const struct buf *text, const char *path, const struct buf *included,
    struct buf *out)
{
	struct inlining in = { .path = path, .included = included, .out = out };
	const char *at = (const char *)text->p, *end = at + text->len;
	struct lexer lx;
	enum err err = ERR_OK;
	enum lex lex = LEX_ENTRY;

	dname_copy(&in.origin, apex);
	lexer_init(&lx, at, text->len);
	while (err == ERR_OK && (lex = lexer_next(&lx)) == LEX_ENTRY) {
		struct dname origin;

		if (is_directive(&lx, "$ORIGIN") && lx.n > 1 &&
		    dname_parse(lx.v[1].p, lx.v[1].n, in.origin.octets, &origin) == ERR_OK)
			in.origin = origin;
		if (!is_directive(&lx, "$INCLUDE") || lx.n < 2 || !names_file(&lx.v[1], path))
			continue;
		buf_add(out, at, (size_t)(lx.entry - at));
		err = put_included(&in, &lx);
		at = lx.p;
	}
	lexer_clear(&lx);
	if (at < end)
		buf_add(out, at, (size_t)(end - at));
	if (err == ERR_OK && (lex == LEX_NOMEM || out->failed))
		return ERR_NOMEM;
	return err == ERR_OK && in.count == 0 ? ERR_UNSUPPORTED : err;
}

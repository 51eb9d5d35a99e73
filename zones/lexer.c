#include "zones/lexer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
lexer_init(struct lexer *lx, const char *text, size_t n)
{
	if (n == 0)
		text = "";		/* NULL is as good */
	*lx = (struct lexer){ .p = text, .end = text + n, .stop = text + n, .line_start = text, .line = 1 };
}

void
lexer_clear(struct lexer *lx)
{
	free(lx->v);
	lx->v = NULL;
	lx->n = lx->cap = 0;
}

static struct token
token_at(const struct lexer *lx, const char *p, size_t n)
{
	return (struct token){ .p = p, .n = n, .line = lx->line, .column = (unsigned)(p - lx->line_start) + 1 };
}

/* Remember the first fault of the entry; the rest of it is still read, to find its end. */
static void
blame(struct lexer *lx, struct token t, const char *error)
{
	if (lx->error == NULL) {
		lx->error = error;
		lx->bad = t;
	}
}

static bool
push(struct lexer *lx, struct token t)
{
	if (lx->n == lx->cap) {
		size_t cap = lx->cap == 0 ? 32 : lx->cap * 2;
		struct token *v = realloc(lx->v, cap * sizeof *v);

		if (v == NULL)
			return false;
		lx->v = v;
		lx->cap = cap;
	}
	if (lx->n > 0) {
		const struct token *last = &lx->v[lx->n - 1];

		t.glued = last->p + last->n + last->quoted == t.p - t.quoted;
	}
	lx->v[lx->n++] = t;
	return true;
}

/* 1: ends a word; 2: begins an escape. */
static const uint8_t word_ends[256] = { [' '] = 1, ['\t'] = 1, ['\n'] = 1, ['\r'] = 1, [';'] = 1, ['('] = 1, [')'] = 1,
    ['"'] = 1, ['\0'] = 1, ['\\'] = 2 };

static bool
take_word(struct lexer *lx)
{
	const char *start = lx->p, *p = start, *end = lx->end;

	for (;;) {
		while (p < end && word_ends[(uint8_t)*p] == 0)
			p++;
		if (p == end || *p != '\\')
			break;
		/* An escaped blank or quote belongs to the word, an escaped line end does not. */
		if (++p < end && *p != '\n' && *p != '\r' && *p != '\0')
			p++;
	}
	lx->p = p;
	return push(lx, token_at(lx, start, (size_t)(p - start)));
}

static bool
take_string(struct lexer *lx)
{
	const char *start = ++lx->p;
	struct token t;

	while (lx->p < lx->end && *lx->p != '"' && *lx->p != '\n' && *lx->p != '\0') {
		if (*lx->p == '\\' && lx->p + 1 < lx->end && lx->p[1] != '\n' && lx->p[1] != '\0')
			lx->p++;
		lx->p++;
	}
	t = token_at(lx, start, (size_t)(lx->p - start));
	t.quoted = true;
	t.column--;			/* its opening quote */
	if (lx->p == lx->end || *lx->p == '\n') {
		t.p--;
		t.n = 1;
		t.quoted = false;
		blame(lx, t, "expected a closing quote before the end of the line that this quote opens on");
		return true;
	}
	if (*lx->p == '"')
		lx->p++;
	return push(lx, t);
}

static void
skip_comment(struct lexer *lx)
{
	const char *newline = memchr(lx->p, '\n', (size_t)(lx->end - lx->p));

	lx->p = newline == NULL ? lx->end : newline;
}

static void
take_newline(struct lexer *lx)
{
	lx->p++;
	lx->line++;
	lx->line_start = lx->p;
}

/* Is this carriage return part of a line end?  Alone it ends lines for some and not for others. */
static bool
ends_line(const struct lexer *lx)
{
	const char *p = lx->p;

	while (p < lx->end && *p == '\r')
		p++;
	return p == lx->end || *p == '\n';
}

/* One entry, which may be empty.  False: no memory. */
static bool
take_entry(struct lexer *lx)
{
	unsigned depth = 0;
	struct token open = { 0 };

	lx->indented = *lx->p == ' ' || *lx->p == '\t';
	for (; lx->p < lx->end; ) {
		switch (*lx->p) {
		case '\n':
			take_newline(lx);
			if (depth == 0)
				return true;
			break;
		case '\r':
			if (!ends_line(lx))
				blame(lx, token_at(lx, lx->p, 1), "expected the end of the line behind a carriage return");
			lx->p++;
			break;
		case ' ':
		case '\t':
			lx->p++;
			break;
		case ';':
			skip_comment(lx);
			break;
		case '(':
			if (depth++ == 0)
				open = token_at(lx, lx->p, 1);
			lx->p++;
			break;
		case ')':
			if (depth == 0)
				blame(lx, token_at(lx, lx->p, 1), "no parenthesis is open that this one could close");
			else
				depth--;
			lx->p++;
			break;
		case '\0':
			blame(lx, token_at(lx, lx->p, 1), "expected text, found an octet of value 0");
			lx->p++;
			break;
		case '"':
			if (!take_string(lx))
				return false;
			break;
		default:
			if (!take_word(lx))
				return false;
			break;
		}
	}
	if (depth > 0)
		blame(lx, open, "expected a closing parenthesis for this one before the end of the file");
	return true;
}

enum lex
lexer_next(struct lexer *lx)
{
	while (lx->p < lx->stop) {
		lx->n = 0;
		lx->error = NULL;
		lx->entry = lx->p;
		if (!take_entry(lx))
			return LEX_NOMEM;
		if (lx->error != NULL)
			return LEX_BAD;
		if (lx->n > 0)
			return LEX_ENTRY;
	}
	return LEX_END;
}

bool
token_is(const struct token *t, const char *word)
{
	return !t->quoted && strncasecmp(t->p, word, t->n) == 0 && word[t->n] == '\0';
}

bool
token_number(const struct token *t, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (t->quoted || t->n == 0)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		unsigned digit = (unsigned)(uint8_t)t->p[i] - '0';

		if (digit > 9 || v > (max - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*out = v;
	return v <= max;
}

static uint32_t
unit_seconds(char c)
{
	switch (c) {
	case 'w': case 'W':	return 604800;
	case 'd': case 'D':	return 86400;
	case 'h': case 'H':	return 3600;
	case 'm': case 'M':	return 60;
	case 's': case 'S':	return 1;
	default:		return 0;
	}
}

bool
token_period(const struct token *t, uint32_t *out)
{
	uint64_t sum = 0, v;

	if (token_number(t, UINT32_MAX, &v)) {
		*out = (uint32_t)v;
		return true;
	}
	if (t->quoted || t->n == 0)
		return false;
	for (size_t i = 0; i < t->n; ) {
		struct token digits = { .p = t->p + i };

		while (i < t->n && t->p[i] >= '0' && t->p[i] <= '9') {
			digits.n++;
			i++;
		}
		if (!token_number(&digits, UINT32_MAX, &v) || i == t->n || unit_seconds(t->p[i]) == 0)
			return false;
		sum += v * unit_seconds(t->p[i++]);
		if (sum > UINT32_MAX)
			return false;
	}
	*out = (uint32_t)sum;
	return true;
}

bool
token_octet(const struct token *t, size_t *at, uint8_t *out, bool *bad)
{
	size_t left = t->n - *at;
	const char *p;
	unsigned v = 0;

	*bad = false;
	if (left == 0)
		return false;
	p = t->p + *at;
	if (p[0] != '\\') {
		*out = (uint8_t)p[0];
		*at += 1;
		return true;
	}
	if (left >= 2 && (p[1] < '0' || p[1] > '9')) {
		*out = (uint8_t)p[1];
		*at += 2;
		return true;
	}
	for (size_t i = 1; i < 4 && left >= 4; i++)
		v = p[i] < '0' || p[i] > '9' ? 1000 : v * 10 + (unsigned)(p[i] - '0');
	if (left < 4 || v > 255) {
		*bad = true;
		return false;
	}
	*out = (uint8_t)v;
	*at += 4;
	return true;
}

char *
token_print(const struct token *t, char text[TOKEN_TEXT_MAX])
{
	const size_t room = TOKEN_TEXT_MAX - 12;
	size_t used = (size_t)snprintf(text, TOKEN_TEXT_MAX, "%s", t->quoted ? "the string \"" : "'");
	size_t i;

	for (i = 0; i < t->n && used < room; i++) {
		uint8_t c = (uint8_t)t->p[i];

		if (c < 0x20 || c == 0x7f)
			used += (size_t)snprintf(text + used, 5, "\\%03u", c);
		else
			text[used++] = (char)c;
	}
	snprintf(text + used, TOKEN_TEXT_MAX - used, "%s%s", i < t->n ? "..." : "", t->quoted ? "\"" : "'");
	return text;
}

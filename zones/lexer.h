/* zones/lexer.h -- a master file cut into entries and tokens (RFC 1035, section 5.1).
 *
 * An entry is what one line says, or several lines joined by parentheses.  Comments, blanks, parentheses and
 * quotes are gone from its tokens; escapes are still in them, because only the reader of a field knows what a
 * backslash means there.  Tokens point into the text. */
#ifndef ZONES_LEXER_H
#define ZONES_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct token {
	const char *p;			/* not terminated */
	size_t n;
	unsigned line, column;		/* from 1; column counts octets */
	bool quoted;
	bool glued;			/* nothing between this token and the one before: key="value" */
};

struct lexer {
	const char *p, *end;
	const char *stop;		/* no entry is begun here or behind: end, unless the caller lowers it */
	const char *line_start;
	unsigned line;

	/* The entry that lexer_next() found; it begins at entry and ends before p, its last line end included. */
	const char *entry;
	struct token *v;
	size_t n, cap;
	bool indented;			/* it began with a blank: the owner is the last one */

	/* Why it said LEX_BAD, and where. */
	const char *error;
	struct token bad;
};

enum lex { LEX_ENTRY, LEX_END, LEX_BAD, LEX_NOMEM };

/* Borrows the text.  lexer_clear() frees the tokens. */
void lexer_init(struct lexer *lx, const char *text, size_t n);
void lexer_clear(struct lexer *lx);

/* The next entry that has a token.  After LEX_BAD reading may go on: the faulty entry has been passed over. */
enum lex lexer_next(struct lexer *lx);

bool token_is(const struct token *t, const char *word);	/* unquoted, letter case ignored */

/* Digits alone, at most max. */
bool token_number(const struct token *t, uint64_t max, uint64_t *out);

/* Seconds, or a run like 1h30m of the units w, d, h, m, s. */
bool token_period(const struct token *t, uint32_t *out);

/* The next octet of a token, \X and \DDD undone; *at moves on.  False: the end, or with *bad a broken escape. */
bool token_octet(const struct token *t, size_t *at, uint8_t *out, bool *bad);

/* 'text' or the string "text", printable and cut short, for complaints. */
#define TOKEN_TEXT_MAX 96
char *token_print(const struct token *t, char text[TOKEN_TEXT_MAX]);

#endif

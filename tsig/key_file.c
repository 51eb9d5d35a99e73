/* A key statement of named.conf in a file of its own, as nsupdate -k, dig -k and rndc-like tools take it:
 *
 *   key "name" { algorithm hmac-sha256; secret "base64"; }; */
#include <ctype.h>
#include <string.h>

#include "base/encoding.h"
#include "base/file.h"
#include "tsig/key.h"

#define KEY_FILE_MAX 65536

struct scan {
	const char *path;
	const char *p, *end;
	unsigned line;
	const char *word;		/* the last token: of a string what is between the quotes */
	size_t n;
	struct fault *f;
};

static bool
starts_with(const struct scan *s, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static void
skip_until(struct scan *s, const char *text)
{
	while (s->p < s->end && !starts_with(s, text))
		s->line += *s->p++ == '\n';
}

static void
skip_blanks(struct scan *s)
{
	while (s->p < s->end) {
		if (starts_with(s, "#") || starts_with(s, "//"))
			skip_until(s, "\n");
		else if (starts_with(s, "/*")) {
			skip_until(s, "*/");
			s->p += starts_with(s, "*/") ? 2 : 0;
		} else if (isspace((unsigned char)*s->p))
			s->line += *s->p++ == '\n';
		else
			return;
	}
}

/* '{', '}' and ';' alone, a string, or a word.  At the end n is 0. */
static void
next(struct scan *s)
{
	skip_blanks(s);
	s->word = s->p;
	if (s->p < s->end && *s->p == '"') {
		s->word = ++s->p;
		while (s->p < s->end && *s->p != '"' && *s->p != '\n')
			s->p++;
		s->n = (size_t)(s->p - s->word);
		s->p += s->p < s->end && *s->p == '"';
		return;
	}
	if (s->p < s->end && strchr("{};", *s->p) != NULL)
		s->p++;
	else
		while (s->p < s->end && !isspace((unsigned char)*s->p) && strchr("{};\"#", *s->p) == NULL)
			s->p++;
	s->n = (size_t)(s->p - s->word);
}

static bool
is(const struct scan *s, const char *word)
{
	return s->n == strlen(word) && strncasecmp(s->word, word, s->n) == 0;
}

static enum err
expected(const struct scan *s, const char *what)
{
	return fault_set(s->f, ERR_FORMAT, "%s:%u: expected %s", s->path, s->line, what);
}

static enum err
read_algorithm(struct scan *s, enum tsig_algorithm *out)
{
	char text[32] = "";

	next(s);
	if (s->n < sizeof text)
		memcpy(text, s->word, s->n);
	return tsig_algorithm_parse(text, out) ? ERR_OK : expected(s, "an algorithm, such as hmac-sha256");
}

static enum err
read_body(struct scan *s, enum tsig_algorithm *algorithm, struct buf *secret)
{
	bool has_algorithm = false, has_secret = false;
	enum err err;

	for (next(s); !is(s, "}"); next(s)) {
		if (is(s, "algorithm") && !has_algorithm) {
			has_algorithm = true;
			if ((err = read_algorithm(s, algorithm)) != ERR_OK)
				return err;
		} else if (is(s, "secret") && !has_secret) {
			has_secret = true;
			next(s);
			if (!base64_decode(s->word, s->n, secret) || secret->len == 0)
				return secret->failed ? ERR_NOMEM : expected(s, "the secret in base64");
		} else
			return expected(s, "'algorithm' and 'secret', each once");
		next(s);
		if (!is(s, ";"))
			return expected(s, "';'");
	}
	return has_algorithm && has_secret ? ERR_OK : expected(s, "both 'algorithm' and 'secret' before this");
}

static enum err
read_key(struct scan *s, struct tsig_key **out)
{
	enum tsig_algorithm algorithm = TSIG_HMAC_SHA256;
	struct buf secret = { 0 };
	struct dname name;
	enum err err;

	next(s);
	if (!is(s, "key"))
		return expected(s, "'key \"NAME\" { algorithm ...; secret ...; };'");
	next(s);
	if (s->n == 0 || dname_parse(s->word, s->n, NULL, &name) != ERR_OK)
		return expected(s, "the name of the key");
	next(s);
	if (!is(s, "{"))
		return expected(s, "'{'");
	(void)buf_reserve(&secret, s->n + 256);		/* so that no copy is left behind as it grows */
	if ((err = read_body(s, &algorithm, &secret)) == ERR_OK) {
		next(s);
		if (is(s, ";"))
			next(s);
		err = s->n == 0 ? tsig_key_new(name.octets, algorithm, secret.p, secret.len, out) :
		    expected(s, "one key, and nothing behind it");
	}
	buf_wipe(&secret);
	return err;
}

enum err
tsig_key_parse_statement(const char *where, const char *text, size_t n, struct tsig_key **out, struct fault *f)
{
	struct scan s = { .path = where, .p = text, .end = text + n, .line = 1, .f = f };

	return read_key(&s, out);
}

enum err
tsig_key_load(const char *path, struct tsig_key **out, struct fault *f)
{
	struct buf text = { 0 };
	enum err err = file_read(path, KEY_FILE_MAX, &text, f);

	if (err == ERR_OK && text.len == 0)
		err = fault_set(f, ERR_FORMAT, "%s: the file is empty", path);
	if (err == ERR_OK)
		err = tsig_key_parse_statement(path, (const char *)text.p, text.len, out, f);
	buf_wipe(&text);
	return err;
}

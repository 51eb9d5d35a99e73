#include "acme/issue_value.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static void
skip_blanks(struct issue_span *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

static bool
is_alnum(char c)
{
	return isascii((unsigned char)c) && isalnum((unsigned char)c);
}

/* A letter or digit, then those and hyphens between them. */
static bool
read_word(struct issue_span *s, struct issue_span *out)
{
	out->p = s->p;
	while (s->p < s->end && (is_alnum(*s->p) || (*s->p == '-' && s->p > out->p)))
		s->p++;
	out->end = s->p;
	return out->end > out->p && out->end[-1] != '-';
}

static bool
at_domain_end(const struct issue_span *s)
{
	return s->p == s->end || *s->p == ';' || *s->p == ' ' || *s->p == '\t';
}

static bool
read_domain(struct issue_span *s, struct issue_span *out)
{
	struct issue_span label;

	out->p = out->end = s->p;
	if (s->p == s->end || *s->p == ';')
		return true;		/* nobody */
	while (read_word(s, &label)) {
		if (s->p < s->end && *s->p == '.')
			s->p++;
		out->end = s->p;
		if (at_domain_end(s))
			return true;
		if (out->end == label.end)
			return false;
	}
	return false;
}

bool
issue_value_begin(struct issue_value *v, const char *text, size_t n, struct issue_span *domain)
{
	*v = (struct issue_value){ .rest = { text, n == 0 ? text : text + n } };
	skip_blanks(&v->rest);
	if (!read_domain(&v->rest, domain))
		return false;
	skip_blanks(&v->rest);
	return true;
}

static bool
read_parameter(struct issue_span *s, struct issue_span *tag, struct issue_span *value)
{
	if (!read_word(s, tag))
		return false;
	skip_blanks(s);
	if (s->p == s->end || *s->p++ != '=')
		return false;
	skip_blanks(s);
	for (value->p = s->p; s->p < s->end && *s->p > ' ' && *s->p <= '~' && *s->p != ';'; )
		s->p++;
	value->end = s->p;
	skip_blanks(s);
	return s->p == s->end || *s->p == ';';
}

enum issue_step
issue_value_next(struct issue_value *v, struct issue_span *tag, struct issue_span *value)
{
	struct issue_span *s = &v->rest;

	if (s->p == s->end)
		return ISSUE_END;
	if (*s->p++ != ';')
		return ISSUE_MALFORMED;
	skip_blanks(s);
	if (s->p == s->end && !v->has_parameter)
		return ISSUE_END;	/* a semicolon and nothing more */
	v->has_parameter = true;
	return read_parameter(s, tag, value) ? ISSUE_PARAMETER : ISSUE_MALFORMED;
}

bool
issue_span_is(const struct issue_span *s, const char *text)
{
	size_t n = (size_t)(s->end - s->p);

	return strlen(text) == n && memcmp(s->p, text, n) == 0;
}

bool
issue_span_is_word(const struct issue_span *s, const char *word)
{
	size_t n = (size_t)(s->end - s->p);

	return strlen(word) == n && strncasecmp(s->p, word, n) == 0;
}

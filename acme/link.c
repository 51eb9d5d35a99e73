#include "acme/link.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One field's value, read from left to right: <target> ; name=value ; name="value" , <target> ... */
struct cursor { const char *p; };

static void
skip_blanks(struct cursor *c)
{
	c->p += strspn(c->p, " \t");
}

/* The target without its brackets; NULL: the rest is no link. */
static const char *
take_target(struct cursor *c, size_t *n)
{
	const char *start, *end;

	c->p += strspn(c->p, " \t,");
	if (*c->p != '<' || (end = strchr(c->p, '>')) == NULL)
		return NULL;
	start = c->p + 1;
	*n = (size_t)(end - start);
	c->p = end + 1;
	return start;
}

/* A parameter's value, quoted or not, unescaped into value. */
static bool
take_value(struct cursor *c, struct buf *value)
{
	size_t n;

	if (*c->p != '"') {
		n = strcspn(c->p, " \t;,");
		buf_add(value, c->p, n);
		c->p += n;
		return true;
	}
	for (c->p++; *c->p != '"'; c->p++) {
		if (*c->p == '\\' && c->p[1] != '\0')
			c->p++;
		if (*c->p == '\0')
			return false;
		buf_add(value, c->p, 1);
	}
	c->p++;
	return true;
}

/* relations: types with blanks between them, compared without regard to case (section 2.1). */
static bool
has_relation(const char *relations, const char *rel)
{
	while (*relations != '\0') {
		size_t n = strcspn(relations, " \t");

		if (n == strlen(rel) && strncasecmp(relations, rel, n) == 0)
			return true;
		relations += n;
		relations += strspn(relations, " \t");
	}
	return false;
}

/* The parameters behind a target.  Only the first "rel" counts (section 3.3).  False: malformed. */
static bool
take_parameters(struct cursor *c, const char *rel, bool *found)
{
	bool seen = false, good = true;

	*found = false;
	skip_blanks(c);
	while (good && *c->p == ';') {
		struct buf value = { 0 };
		const char *name;
		size_t n;

		c->p++;
		skip_blanks(c);
		name = c->p;
		n = strcspn(name, " \t=;,");
		c->p += n;
		skip_blanks(c);
		if (*c->p == '=') {
			c->p++;
			skip_blanks(c);
			good = take_value(c, &value);
		}
		if (good && !seen && n == 3 && strncasecmp(name, "rel", 3) == 0) {
			seen = true;
			*found = buf_str(&value) != NULL && has_relation(buf_str(&value), rel);
		}
		buf_clear(&value);
		skip_blanks(c);
	}
	return good && (*c->p == ',' || *c->p == '\0');
}

static bool
add_absolute(const char *base, const char *target, size_t n, struct buf *out)
{
	char *relative = strndup(target, n), *whole = NULL;
	CURLU *u = curl_url();
	bool good = u != NULL && relative != NULL &&
	    (base == NULL || curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK) &&
	    curl_url_set(u, CURLUPART_URL, relative, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &whole, 0) == CURLUE_OK;

	if (good)
		buf_add_str(out, whole);
	curl_free(whole);
	curl_url_cleanup(u);
	free(relative);
	return good && !out->failed;
}

bool
acme_link_find(const struct acme_reply *r, const char *rel, size_t nth, struct buf *url)
{
	for (size_t i = 0; i < r->nlinks; i++) {
		struct cursor c = { r->links[i] };
		const char *target;
		bool found;
		size_t n;

		while ((target = take_target(&c, &n)) != NULL && take_parameters(&c, rel, &found))
			if (found && nth-- == 0)
				return add_absolute(r->url, target, n, url);
	}
	return false;
}

#include "acme/persist_record.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define STRING_MAX 255

/* ---- words ---- */

bool
acme_issuer_normalize(const char *text, size_t n, char out[ACME_ISSUER_MAX + 1])
{
	size_t label = 0;

	if (n > 1 && text[n - 1] == '.')
		n--;
	if (n == 0 || n > ACME_ISSUER_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		label = c == '.' ? 0 : label + 1;
		if (!isascii(c) || (!isalnum(c) && c != '-' && c != '.') || label > 63 ||
		    (c == '.' && (i == 0 || text[i - 1] == '.' || i + 1 == n)))
			return false;
		out[i] = (char)tolower(c);
	}
	out[n] = '\0';
	return true;
}

static bool
value_octets_valid(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x21 || text[i] > 0x7e || text[i] == ';')
			return false;
	return true;
}

bool
acme_persist_value_valid(const char *text)
{
	size_t n = strlen(text);

	/* A hash and its algorithm may still come behind it. */
	return n > 0 && n <= ACME_ACCOUNTURI_MAX - 64 && value_octets_valid(text, n);
}

/* ---- reading ---- */

struct cursor {
	const char *p, *end;
};

static void
skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

/* What comes before one of stop, or the end, with blanks on either side dropped. */
static struct cursor
take_until(struct cursor *c, const char *stop)
{
	struct cursor part;

	skip_blanks(c);
	part.p = c->p;
	while (c->p < c->end && strchr(stop, *c->p) == NULL)
		c->p++;
	part.end = c->p;
	while (part.end > part.p && (part.end[-1] == ' ' || part.end[-1] == '\t'))
		part.end--;
	return part;
}

static bool
is_word(const struct cursor *c, const char *word)
{
	return (size_t)(c->end - c->p) == strlen(word) && strncasecmp(c->p, word, strlen(word)) == 0;
}

/* Section 4.2: letters and digits, hyphens within. */
static bool
tag_valid(const struct cursor *tag)
{
	for (const char *p = tag->p; p < tag->end; p++)
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && (*p != '-' || p == tag->p || p + 1 == tag->end)))
			return false;
	return tag->p < tag->end;
}

static bool
number_read(const struct cursor *value, int64_t *out)
{
	int64_t n = 0;

	if (value->p == value->end || value->end - value->p > 15)
		return false;
	for (const char *p = value->p; p < value->end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (*p - '0');
	}
	*out = n;
	return true;
}

enum { SEEN_ACCOUNT = 1, SEEN_POLICY = 2, SEEN_UNTIL = 4 };

static bool
parameter_read(const struct cursor *tag, const struct cursor *value, struct acme_persist_record *out, unsigned *seen)
{
	unsigned which = is_word(tag, "accounturi") ? SEEN_ACCOUNT : is_word(tag, "policy") ? SEEN_POLICY :
	    is_word(tag, "persistUntil") ? SEEN_UNTIL : 0;
	size_t n = (size_t)(value->end - value->p);

	if (!tag_valid(tag) || !value_octets_valid(value->p, n) || (*seen & which) != 0)
		return false;
	*seen |= which;
	switch (which) {
	case SEEN_ACCOUNT:
		if (n == 0 || n > ACME_ACCOUNTURI_MAX)
			return false;
		memcpy(out->account, value->p, n);
		out->account[n] = '\0';
		return true;
	case SEEN_POLICY:
		out->wildcard = is_word(value, "wildcard");
		return true;
	case SEEN_UNTIL:
		return number_read(value, &out->until_s) && out->until_s > 0;
	default:
		return true;
	}
}

bool
acme_persist_read(const char *text, size_t n, struct acme_persist_record *out)
{
	struct cursor c = { text, text }, part;
	struct acme_persist_record r = { .until_s = 0 };
	unsigned seen = 0;

	if (n == 0)			/* text may be NULL then */
		return false;
	c.end = text + n;
	part = take_until(&c, ";");
	if (memchr(text, '\0', n) != NULL || !acme_issuer_normalize(part.p, (size_t)(part.end - part.p), r.issuer))
		return false;
	while (c.p < c.end) {
		c.p++;				/* the semicolon */
		struct cursor tag = take_until(&c, "=;");

		if (c.p == c.end || *c.p != '=')
			return false;
		c.p++;
		struct cursor value = take_until(&c, ";");

		if (!parameter_read(&tag, &value, &r, &seen))
			return false;
	}
	if ((seen & SEEN_ACCOUNT) == 0)
		return false;
	*out = r;
	return true;
}

void
acme_persist_print(const struct acme_persist_record *r, struct buf *out)
{
	buf_printf(out, "%s; accounturi=%s", r->issuer, r->account);
	if (r->wildcard)
		buf_add_str(out, "; policy=wildcard");
	if (r->until_s != 0)
		buf_printf(out, "; persistUntil=%lld", (long long)r->until_s);
}

/* ---- TXT ---- */

void
acme_txt_write(const char *text, size_t n, struct buf *rdata)
{
	do {
		size_t part = n < STRING_MAX ? n : STRING_MAX;

		buf_u8(rdata, (uint8_t)part);
		buf_add(rdata, text, part);
		text += part;
		n -= part;
	} while (n > 0);
}

bool
acme_txt_join(const uint8_t *rdata, size_t n, size_t most, struct buf *text)
{
	for (size_t at = 0; at < n; at += 1u + rdata[at]) {
		if (rdata[at] > n - at - 1 || text->len + rdata[at] > most)
			return false;
		buf_add(text, rdata + at + 1, rdata[at]);
	}
	return n > 0 && !text->failed;
}

/* ---- is it the one? ---- */

static bool
is_among(const char *word, const char *list)
{
	size_t n = strlen(word);

	for (const char *p = list; *p != '\0'; p += *p == ',') {
		size_t len = strcspn(p, ",");

		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len;
	}
	return false;
}

bool
acme_persist_same_party(const struct acme_persist_record *r, const char *issuers, const char *account)
{
	return strcmp(r->account, account) == 0 && is_among(r->issuer, issuers);
}

bool
acme_persist_fits(const struct acme_persist_record *r, const struct acme_standing *want, int64_t now_s)
{
	if (!acme_persist_same_party(r, want->issuers, want->account) &&
	    (want->fleet == NULL || !acme_persist_same_party(r, want->issuers, want->fleet)))
		return false;
	return (r->wildcard || !want->wildcard) && (r->until_s == 0 || r->until_s > now_s);
}

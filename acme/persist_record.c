#include "acme/persist_record.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "acme/issue_value.h"

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

bool
acme_persist_value_valid(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (text[i] < 0x21 || text[i] > 0x7e || text[i] == ';')
			return false;
	/* A hash and its algorithm may still come behind it. */
	return n > 0 && n <= ACME_ACCOUNTURI_MAX - 64;
}

/* ---- reading ---- */

static bool
number_read(const struct issue_span *value, int64_t *out)
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
parameter_read(const struct issue_span *tag, const struct issue_span *value, struct acme_persist_record *out, unsigned *seen)
{
	unsigned which = issue_span_is_word(tag, "accounturi") ? SEEN_ACCOUNT : issue_span_is_word(tag, "policy") ? SEEN_POLICY :
	    issue_span_is_word(tag, "persistUntil") ? SEEN_UNTIL : 0;
	size_t n = (size_t)(value->end - value->p);

	if ((*seen & which) != 0)
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
		out->wildcard = issue_span_is_word(value, "wildcard");
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
	struct acme_persist_record r = { .until_s = 0 };
	struct issue_span issuer, tag, value;
	struct issue_value v;
	unsigned seen = 0;
	enum issue_step step;

	if (!issue_value_begin(&v, text, n, &issuer) ||
	    !acme_issuer_normalize(issuer.p, (size_t)(issuer.end - issuer.p), r.issuer))
		return false;
	while ((step = issue_value_next(&v, &tag, &value)) == ISSUE_PARAMETER)
		if (!parameter_read(&tag, &value, &r, &seen))
			return false;
	if (step == ISSUE_MALFORMED)
		return false;
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

/* acme/issue_value.h -- the syntax of CAA's issue-value (RFC 8659, section 4.2), "ca.example; accounturi=https://ca.example/acct/1",
 * which standing records (draft-ietf-acme-dns-persist) have too.  Nothing is copied: spans point into the text. */
#ifndef ACME_ISSUE_VALUE_H
#define ACME_ISSUE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

struct issue_span { const char *p, *end; };

struct issue_value {
	struct issue_span rest;
	bool has_parameter;
};

enum issue_step { ISSUE_PARAMETER, ISSUE_END, ISSUE_MALFORMED };

/* domain: the issuer's name, empty where there is none; the one thing that the RFC does not have and is let through is its final
 * dot.  False: it is no name. */
bool issue_value_begin(struct issue_value *v, const char *text, size_t n, struct issue_span *domain);

/* The parameters, one after the other. */
enum issue_step issue_value_next(struct issue_value *v, struct issue_span *tag, struct issue_span *value);

bool issue_span_is(const struct issue_span *s, const char *text);
bool issue_span_is_word(const struct issue_span *s, const char *word);	/* without regard to letter case */

#endif

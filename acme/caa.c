#include "acme/caa.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/reader.h"
#include "wire/rrtype.h"

#define CRITICAL 0x80
#define SHOWN_MAX 120			/* octets of a value in words */

struct property {			/* section 4.1; borrows from the rdata */
	uint8_t flags;
	const char *tag, *value;
	size_t ntag, nvalue;
};

struct span { const char *p, *end; };

static bool
property_read(const struct rr *rr, struct property *out)
{
	struct rd r = rd_over(rr->rdata, rr->rdlen);

	out->flags = rd_u8(&r);
	out->ntag = rd_u8(&r);
	out->tag = (const char *)rd_take(&r, out->ntag);
	out->nvalue = r.bad ? 0 : (size_t)(r.end - r.p);
	out->value = (const char *)r.p;
	return rr->type == TYPE_CAA && !r.bad && out->ntag > 0;
}

static bool
tag_is(const struct property *p, const char *tag)	/* without regard to letter case: section 4.1 */
{
	return p->ntag == strlen(tag) && strncasecmp(p->tag, tag, p->ntag) == 0;
}

/* Those that IANA has registered for CAs of this world; they restrict nothing here. */
static bool
is_known(const struct property *p)
{
	static const char *const tags[] = { "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail",
		"contactphone" };

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
		if (tag_is(p, tags[i]))
			return true;
	return false;
}

/* "CAA of example.com, 0 issue "ca.example"" */
static void
print_property(const struct rr *rr, const struct property *p, char *out, size_t size)
{
	char owner[DNAME_TEXT_MAX];
	size_t n = (size_t)snprintf(out, size, "CAA of %.200s, %u %.*s \"", dname_print_host(rr->owner, owner),
	    p->flags, (int)p->ntag, p->tag);

	for (size_t i = 0; i < p->nvalue && i < SHOWN_MAX && n + 8 < size; i++) {
		unsigned char c = (unsigned char)p->value[i];

		n += (size_t)snprintf(out + n, size - n, c < ' ' || c > '~' ? "\\%03u" : "%c", c);
	}
	if (n + 5 < size)
		snprintf(out + n, size - n, "%s\"", p->nvalue > SHOWN_MAX ? "..." : "");
}

/* --- the value of issue and issuewild: section 4.2 --- */

static void
skip_blanks(struct span *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

/* A letter or digit, then those and hyphens between them. */
static bool
read_word(struct span *s, struct span *out)
{
	out->p = s->p;
	while (s->p < s->end && (isalnum((unsigned char)*s->p) || (*s->p == '-' && s->p > out->p)))
		s->p++;
	out->end = s->p;
	return out->end > out->p && out->end[-1] != '-';
}

static bool
read_domain(struct span *s, struct span *out)
{
	struct span label;

	out->p = s->p;
	if (s->p == s->end || *s->p == ';') {
		out->end = s->p;
		return true;		/* nobody */
	}
	while (read_word(s, &label)) {
		out->end = s->p;
		if (s->p == s->end || *s->p != '.')
			return true;
		s->p++;
	}
	return false;
}

static bool
read_parameter(struct span *s, struct span *tag, struct span *value)
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

static bool
span_is(const struct span *s, const char *text, bool any_case)
{
	size_t n = (size_t)(s->end - s->p);

	return strlen(text) == n && (any_case ? strncasecmp(s->p, text, n) : strncmp(s->p, text, n)) == 0;
}

/* RFC 8657, section 4: names of methods, with commas between them. */
static bool
has_method(const struct span *value, const struct acme_caa_issuer *issuer)
{
	struct span item = { value->p, value->p };

	while (item.p <= value->end) {
		item.end = item.p;
		while (item.end < value->end && *item.end != ',')
			item.end++;
		for (size_t i = 0; i < issuer->nmethods; i++)
			if (span_is(&item, acme_challenge_type_str(issuer->methods[i]), false))
				return true;
		item.p = item.end + 1;
	}
	return false;
}

/* What a value says against issuer; NULL: nothing. */
static const char *
judge_parameters(struct span *s, const struct acme_caa_issuer *issuer)
{
	unsigned n = 0, naccounts = 0, nmethods = 0;
	struct span tag, value;
	const char *against = NULL;

	while (s->p < s->end && *s->p == ';') {
		s->p++;
		skip_blanks(s);
		if (s->p == s->end && n == 0)
			break;		/* a semicolon and nothing more */
		if (!read_parameter(s, &tag, &value))
			return "it is malformed, so that nobody may";
		n++;
		if (span_is(&tag, "accounturi", true)) {
			naccounts++;
			if (issuer->account != NULL && !span_is(&value, issuer->account, false))
				against = "it is for another account";
		} else if (span_is(&tag, "validationmethods", true)) {
			nmethods++;
			if (!has_method(&value, issuer))
				against = "it allows other ways of validation only";
		}
	}
	if (naccounts > 1 || nmethods > 1)
		return "a parameter is there twice, so that nobody may";
	return s->p == s->end ? against : "it is malformed, so that nobody may";
}

static const char *
judge_value(const struct property *p, const struct acme_caa_issuer *issuer)
{
	struct span s = { p->value, p->value + p->nvalue }, domain;
	bool named = false;

	skip_blanks(&s);
	if (!read_domain(&s, &domain))
		return "it is malformed, so that nobody may";
	skip_blanks(&s);
	for (size_t i = 0; i < issuer->nidentities; i++)
		named |= span_is(&domain, issuer->identities[i], true);
	const char *against = judge_parameters(&s, issuer);
	if (against == NULL && domain.p == domain.end)
		return "it is for no CA";
	return named ? against : "it is for another CA";
}

/* --- the RRset --- */

static enum err
refuse(const struct rr *rr, const struct property *p, const char *against, const struct acme_caa_issuer *issuer,
    struct fault *f)
{
	char text[600];

	print_property(rr, p, text, sizeof text);
	return fault_set(f, ERR_REFUSED, "%s does not let %s issue: %s", text, issuer->nidentities > 0 ?
	    issuer->identities[0] : "the CA", against);
}

enum err
acme_caa_judge(const struct rr_list *set, bool wildcard, const struct acme_caa_issuer *issuer, struct fault *f)
{
	bool has_wild = false, restricted = false;
	struct property p;

	for (size_t i = 0; i < set->n; i++) {
		if (!property_read(&set->v[i], &p))
			continue;
		if ((p.flags & CRITICAL) != 0 && !is_known(&p))
			return refuse(&set->v[i], &p, "it is critical, and CAs do not know it", issuer, f);
		has_wild |= tag_is(&p, "issuewild");
	}
	for (size_t i = 0; i < set->n; i++) {
		const char *against;

		if (!property_read(&set->v[i], &p) || !tag_is(&p, wildcard && has_wild ? "issuewild" : "issue"))
			continue;
		if ((against = judge_value(&p, issuer)) == NULL)
			return ERR_OK;
		/* The words are about the first one, or about the one that comes nearest. */
		if (!restricted || strcmp(against, "it is for another CA") != 0)
			refuse(&set->v[i], &p, against, issuer, f);
		restricted = true;
	}
	return restricted ? ERR_REFUSED : ERR_OK;
}

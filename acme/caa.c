#include "acme/caa.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "acme/issue_value.h"
#include "wire/reader.h"
#include "wire/rrtype.h"

#define CRITICAL 0x80
#define SHOWN_MAX 120			/* octets of a value in words */

struct property {			/* section 4.1; borrows from the rdata */
	uint8_t flags;
	const char *tag, *value;
	size_t ntag, nvalue;
};

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

/* RFC 8657, section 4: names of methods, with commas between them. */
static bool
has_method(const struct issue_span *value, const struct acme_caa_issuer *issuer)
{
	struct issue_span item = { value->p, value->p };

	while (item.p <= value->end) {
		item.end = item.p;
		while (item.end < value->end && *item.end != ',')
			item.end++;
		for (size_t i = 0; i < issuer->nmethods; i++)
			if (issue_span_is(&item, acme_challenge_type_str(issuer->methods[i])))
				return true;
		item.p = item.end + 1;
	}
	return false;
}

#define MALFORMED "it is malformed, so that nobody may"

/* What the parameters say against issuer; NULL: nothing. */
static const char *
judge_parameters(struct issue_value *v, const struct acme_caa_issuer *issuer)
{
	unsigned naccounts = 0, nmethods = 0;
	struct issue_span tag, value;
	const char *against = NULL;
	enum issue_step step;

	while ((step = issue_value_next(v, &tag, &value)) == ISSUE_PARAMETER) {
		if (issue_span_is_word(&tag, "accounturi")) {
			naccounts++;
			if (issuer->account != NULL && !issue_span_is(&value, issuer->account))
				against = "it is for another account";
		} else if (issue_span_is_word(&tag, "validationmethods")) {
			nmethods++;
			if (!has_method(&value, issuer))
				against = "it allows other ways of validation only";
		}
	}
	if (step == ISSUE_MALFORMED)
		return MALFORMED;
	return naccounts > 1 || nmethods > 1 ? "a parameter is there twice, so that nobody may" : against;
}

static const char *
judge_value(const struct property *p, const struct acme_caa_issuer *issuer)
{
	struct issue_value v;
	struct issue_span domain;
	bool named = false;

	if (!issue_value_begin(&v, p->value, p->nvalue, &domain) ||
	    (domain.end > domain.p && domain.end[-1] == '.'))
		return MALFORMED;
	for (size_t i = 0; i < issuer->nidentities; i++)
		named |= issue_span_is_word(&domain, issuer->identities[i]);
	const char *against = judge_parameters(&v, issuer);
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

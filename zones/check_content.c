/* Contents of RRs that are well formed and yet make no sense to those who read them.  All of this is warned of and
 * nothing more: numbers are assigned after this was written, and private ones mean what their users agree on. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/reader.h"
#include "wire/rrtype.h"
#include "zones/check_internal.h"

#define DAY_S 86400u

static void
warn(struct checking *c, const struct rr *rr, const char *words)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	check_say(c, CHECK_WARNING, rr, NULL, "%s %s: %s", dname_print(rr->owner, owner), rrtype_print(rr->type, type),
	    words);
}

/* --- SOA --- */

/* RFC 1912, section 2.2; RFC 2308, section 5. */
static void
check_soa(struct checking *c, const struct rr *rr)
{
	char words[160];
	struct soa soa;

	soa_read(rr->rdata, rr->rdlen, &soa);
	if (memchr(soa.rname + 1, '@', soa.rname[0]) != NULL)
		warn(c, rr, "the mail address has an '@' where a dot belongs (RFC 1035, section 8)");
	if (soa.refresh == 0 || soa.retry == 0)
		warn(c, rr, "with a refresh or retry of 0 secondaries ask without a pause");
	if (soa.retry > soa.refresh && soa.refresh > 0) {
		snprintf(words, sizeof words, "retry (%u) is longer than refresh (%u)", soa.retry, soa.refresh);
		warn(c, rr, words);
	}
	if ((uint64_t)soa.refresh + soa.retry >= soa.expire) {
		snprintf(words, sizeof words, "expire (%u) is not longer than refresh and retry together (%llu): "
		    "secondaries drop the zone after one failure", soa.expire,
		    (unsigned long long)soa.refresh + soa.retry);
		warn(c, rr, words);
	}
	if (soa.minimum > DAY_S) {
		snprintf(words, sizeof words, "what does not exist is remembered for %u seconds (the last number), "
		    "more than a day", soa.minimum);
		warn(c, rr, words);
	}
}

/* --- TLSA and SMIMEA: RFC 6698, section 2.1; RFC 7671; 255 is for private use, as our certificate requests are --- */

static bool
is_unassigned(unsigned number, unsigned last)
{
	return number > last && number != 255;
}

static void
check_tlsa(struct checking *c, const struct rr *rr)
{
	unsigned usage = rr->rdata[0], selector = rr->rdata[1], matching = rr->rdata[2];
	unsigned octets = rr->rdlen - 3u, digest = matching == 1 ? 32 : matching == 2 ? 64 : 0;
	char words[120];

	if (is_unassigned(usage, 3) || is_unassigned(selector, 1) || is_unassigned(matching, 2)) {
		snprintf(words, sizeof words, "usage %u, selector %u, matching type %u: not all of these are assigned",
		    usage, selector, matching);
		warn(c, rr, words);
	}
	if (digest > 0 && octets != digest) {
		snprintf(words, sizeof words, "a digest of type %u has %u octets, this one has %u", matching, digest,
		    octets);
		warn(c, rr, words);
	}
	if (matching == 0 && (rr->rdlen < 5 || rr->rdata[3] != 0x30))
		warn(c, rr, "matching type 0 takes a whole certificate or key in DER, and this is none");
	if (rr->type == TYPE_TLSA && rr->owner[0] > 0 && rr->owner[1] != '_' && !dname_is_wildcard(rr->owner))
		warn(c, rr, "the owner is no _port._protocol of a host");
}

/* --- CAA: RFC 8659, section 4 --- */

static bool
is_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct rd *r)
{
	while (rd_left(r) > 0 && is_blank(*r->p))
		r->p++;
}

/* Letters, digits and, inside, hyphens; *n octets of it. */
static bool
take_label(struct rd *r, const char **label, size_t *n)
{
	const uint8_t *start = r->p;

	while (rd_left(r) > 0 && (is_alnum(*r->p) || *r->p == '-'))
		r->p++;
	*label = (const char *)start;
	*n = (size_t)(r->p - start);
	return *n > 0 && *start != '-' && r->p[-1] != '-';
}

static bool
take_octet(struct rd *r, char octet)
{
	if (rd_left(r) == 0 || *r->p != octet)
		return false;
	r->p++;
	return true;
}

/* RFC 8657, section 4: labels with commas between. */
static bool
are_methods(const uint8_t *p, size_t n)
{
	struct rd r = rd_over(p, n);
	const char *label;
	size_t len;

	do
		if (!take_label(&r, &label, &len))
			return false;
	while (take_octet(&r, ','));
	return rd_left(&r) == 0;
}

/* tag "=" value, with semicolons between.  NULL: fine; else what is wrong. */
static const char *
parameters_fault(struct rd *r)
{
	do {
		const char *tag;
		const uint8_t *value;
		size_t n;

		skip_blanks(r);
		if (rd_left(r) == 0)
			return NULL;
		if (!take_label(r, &tag, &n) || (skip_blanks(r), !take_octet(r, '=')))
			return "a parameter is no 'name=value'";
		skip_blanks(r);
		for (value = r->p; rd_left(r) > 0 && *r->p > ' ' && *r->p < 0x7f && *r->p != ';'; )
			r->p++;
		if (n == 17 && strncasecmp(tag, "validationmethods", n) == 0 &&
		    !are_methods(value, (size_t)(r->p - value)))
			return "validationmethods is a list as in 'dns-01,http-01'";
		skip_blanks(r);
	} while (take_octet(r, ';'));
	return rd_left(r) == 0 ? NULL : "a parameter's value has octets that are not allowed";
}

static const char *
issue_fault(const uint8_t *p, size_t n)
{
	struct rd r = rd_over(p, n);
	const char *label;
	size_t len;

	skip_blanks(&r);
	if (rd_left(&r) > 0 && *r.p != ';')
		do
			if (!take_label(&r, &label, &len))
				return "expected the domain name of a CA, or ';' for none";
		while (take_octet(&r, '.'));
	skip_blanks(&r);
	if (rd_left(&r) == 0)
		return NULL;
	return take_octet(&r, ';') ? parameters_fault(&r) : "expected ';' behind the domain name of the CA";
}

static const char *
iodef_fault(const uint8_t *p, size_t n)
{
	static const char *const schemes[] = { "mailto:", "https://", "http://" };

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (n > strlen(schemes[i]) && strncasecmp((const char *)p, schemes[i], strlen(schemes[i])) == 0)
			return NULL;
	return "iodef takes a mailto:, https: or http: URL";
}

static bool
tag_is(const uint8_t *tag, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp((const char *)tag, name, n) == 0;
}

static const char *
caa_fault(const uint8_t *tag, size_t n, const uint8_t *value, size_t len)
{
	static const char *const others[] = { "contactemail", "contactphone", "policy", "tbs" }; /* IANA's registry */

	if (tag_is(tag, n, "issue") || tag_is(tag, n, "issuewild") || tag_is(tag, n, "issuemail") ||
	    tag_is(tag, n, "issuevmc"))
		return issue_fault(value, len);
	if (tag_is(tag, n, "iodef"))
		return iodef_fault(value, len);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (tag_is(tag, n, others[i]))
			return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(tag[i]))
			return "the tag is not made of letters and digits";
	return "the tag is none that CAs know (issue, issuewild, issuemail, issuevmc, iodef)";
}

static void
check_caa(struct checking *c, const struct rr *rr)
{
	struct rd r = rd_over(rr->rdata, rr->rdlen);
	uint8_t flags = rd_u8(&r), n = rd_u8(&r);
	const uint8_t *tag = rd_take(&r, n);
	const char *fault = n == 0 ? "the tag is empty" : caa_fault(tag, n, r.p, rd_left(&r));

	if ((flags & 0x7f) != 0)
		warn(c, rr, "of the flags only 128 (critical) means anything");
	if (fault != NULL)
		warn(c, rr, fault);
}

/* --- SVCB and HTTPS: RFC 9460 --- */

enum { KEY_MANDATORY, KEY_ALPN, KEY_NO_DEFAULT_ALPN, KEY_PORT, KEY_DOHPATH = 7 };

struct service {
	uint16_t priority;
	const uint8_t *params, *end;
};

static void
service_read(const struct rr *rr, struct service *s)
{
	s->priority = (uint16_t)(rr->rdata[0] << 8 | rr->rdata[1]);
	s->params = rr->rdata + 2 + dname_len(rr->rdata + 2);
	s->end = rr->rdata + rr->rdlen;
}

/* The parameter's value; false: it is not there. */
static bool
find_param(const struct service *s, unsigned key, struct rd *value)
{
	struct rd r = rd_over(s->params, (size_t)(s->end - s->params));

	while (rd_left(&r) > 0) {
		unsigned this = rd_u16(&r);
		uint16_t n = rd_u16(&r);

		*value = rd_over(rd_take(&r, n), n);
		if (this == key)
			return true;
	}
	return false;
}

/* Section 8: a client that does not find what it must understand drops the record. */
static void
check_mandatory(struct checking *c, const struct rr *rr, const struct service *s)
{
	struct rd list, value;
	char words[120];

	if (!find_param(s, KEY_MANDATORY, &list))
		return;
	if (rd_left(&list) == 0 || rd_left(&list) % 2 != 0)
		warn(c, rr, "mandatory is no list of keys");
	while (rd_left(&list) >= 2) {
		unsigned key = rd_u16(&list);

		if (key == KEY_MANDATORY)
			warn(c, rr, "mandatory must not name itself");
		else if (!find_param(s, key, &value)) {
			snprintf(words, sizeof words, "key%u is mandatory, and is not there: clients ignore the record",
			    key);
			warn(c, rr, words);
		} else if (rr->type == TYPE_HTTPS && (key == KEY_PORT || key == KEY_NO_DEFAULT_ALPN))
			warn(c, rr, "port and no-default-alpn are mandatory in HTTPS by themselves (RFC 9460, section "
			    "9)");
	}
}

static bool
is_for_dns(const uint8_t *owner)	/* _dns.NAME or _PORT._dns.NAME: RFC 9461, section 3 */
{
	static const uint8_t label[] = "\4_dns";

	if (owner[0] > 1 && owner[1] == '_' && owner[2] >= '0' && owner[2] <= '9')
		owner = dname_parent(owner);
	return owner[0] == 4 && strncasecmp((const char *)owner + 1, (const char *)label + 1, 4) == 0;
}

static void
check_dns_service(struct checking *c, const struct rr *rr, const struct service *s)
{
	struct rd alpn, path;
	bool http = false;

	if (!find_param(s, KEY_ALPN, &alpn)) {
		warn(c, rr, "a DNS server needs alpn (RFC 9461, section 4.1)");
		return;
	}
	while (rd_left(&alpn) > 0) {
		uint8_t n = rd_u8(&alpn);
		const uint8_t *id = rd_take(&alpn, n);

		http |= id != NULL && n == 2 && id[0] == 'h' && (id[1] == '2' || id[1] == '3');
	}
	if (http && !find_param(s, KEY_DOHPATH, &path))
		warn(c, rr, "DNS over HTTPS needs dohpath (RFC 9461, section 5)");
}

static void
check_service(struct checking *c, const struct rr *rr)
{
	struct service s;
	struct rd value;

	service_read(rr, &s);
	if (s.priority == 0) {
		if (s.params < s.end)
			warn(c, rr, "parameters beside priority 0, an alias, are ignored (RFC 9460, section 2.4.2)");
		return;
	}
	check_mandatory(c, rr, &s);
	if (find_param(&s, KEY_NO_DEFAULT_ALPN, &value) && !find_param(&s, KEY_ALPN, &value))
		warn(c, rr, "no-default-alpn without alpn leaves no protocol (RFC 9460, section 7.1.1)");
	if (rr->type == TYPE_SVCB && is_for_dns(rr->owner))
		check_dns_service(c, rr, &s);
}

void
check_svcb_set(struct checking *c, const struct rr *first, const struct rr *end)
{
	const struct rr *alias = NULL;
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];

	dname_print(first->owner, owner);
	rrtype_print(first->type, type);
	for (const struct rr *rr = first; rr < end; rr++) {
		struct service s;

		service_read(rr, &s);
		if (s.priority == 0 && alias == NULL)
			alias = rr;
		else if (s.priority == 0 && !rr_same(rr, alias))
			check_say(c, CHECK_WARNING, rr, alias, "%s %s: a second alias (priority 0): clients take one "
			    "at random", owner, type);
		else if (s.priority != 0 && alias != NULL) {
			check_say(c, CHECK_WARNING, rr, alias, "%s %s: beside an alias (priority 0) this is ignored",
			    owner, type);
			return;
		}
	}
}

void
check_content(struct checking *c, const struct rr *rr)
{
	switch (rr->type) {
	case TYPE_SOA:
		check_soa(c, rr);
		break;
	case TYPE_TLSA:
	case TYPE_SMIMEA:
		check_tlsa(c, rr);
		break;
	case TYPE_SVCB:
	case TYPE_HTTPS:
		check_service(c, rr);
		break;
	case TYPE_URI:
		if (rr->rdlen == 4)
			warn(c, rr, "the target is empty (RFC 7553, section 4.4)");
		break;
	case TYPE_CAA:
		check_caa(c, rr);
		break;
	}
}

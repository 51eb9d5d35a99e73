/* acme/txt_seen.c -- is a challenge in this answer? */
#include "acme/propagation.h"

#include <string.h>

#include "wire/message.h"

#define ALIASES_MAX 16

struct answer {
	struct msg_header h;
	struct rd records;		/* behind the question */
};

bool
acme_txt_is(const uint8_t *rdata, size_t n, const char *value)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i += 1u + rdata[i]) {
		size_t len = rdata[i];

		if (len > n - i - 1 || strncmp(value + at, (const char *)rdata + i + 1, len) != 0)
			return false;
		at += len;
		if (at > strlen(value))
			return false;
	}
	return value[at] == '\0';
}

/* False: malformed, somewhere. */
static bool
answer_read(struct answer *a, const uint8_t *msg, size_t n)
{
	struct msg_rr rr;
	struct rd r;

	(void)msg_records_begin(&r, msg, n, &a->h);
	a->records = r;
	for (unsigned i = 0; i < a->h.ancount && msg_rr_read(&r, &rr); i++)
		;
	return !r.bad && (a->h.flags & FLAG_QR) != 0;
}

static void
shorten(uint32_t *cached_s, uint32_t ttl)
{
	if (ttl < *cached_s)
		*cached_s = ttl;
}

/* Where the CNAMEs of the answer lead from owner. */
static void
follow(const struct answer *a, const uint8_t *owner, struct dname *end, uint32_t *cached_s)
{
	dname_copy(end, owner);
	for (unsigned hops = 0; hops < ALIASES_MAX; hops++) {
		struct rd r = a->records;
		struct dname target;
		struct msg_rr rr;
		bool found = false;

		for (unsigned i = 0; i < a->h.ancount && !found && msg_rr_read(&r, &rr); i++) {
			if (rr.type != TYPE_CNAME || !dname_equal(rr.owner.octets, end->octets))
				continue;
			rd_dname(&rr.rdata, &target);
			found = !rr.rdata.bad;
		}
		if (!found)
			return;
		shorten(cached_s, rr.ttl);
		*end = target;
	}
}

/* RFC 2308, section 5: so long that there is nothing is remembered. */
static void
find_negative_ttl(const struct answer *a, uint32_t *cached_s)
{
	struct rd r = a->records;
	struct dname skipped;
	struct msg_rr rr;

	for (unsigned i = 0; i < a->h.ancount + (unsigned)a->h.nscount && msg_rr_read(&r, &rr); i++) {
		if (i < a->h.ancount || rr.type != TYPE_SOA)
			continue;
		shorten(cached_s, rr.ttl);
		rd_dname(&rr.rdata, &skipped);
		rd_dname(&rr.rdata, &skipped);
		rd_take(&rr.rdata, 4 * sizeof(uint32_t));
		uint32_t minimum = rd_u32(&rr.rdata);
		if (!rr.rdata.bad)
			shorten(cached_s, minimum);
	}
}

/* Counts the TXT records at the end of the chain. */
static size_t
count_values(const struct answer *a, const uint8_t *end, const char *const *values, size_t nvalues, size_t *records,
    uint32_t *cached_s)
{
	size_t seen = 0;

	*records = 0;
	for (size_t v = 0; v < nvalues; v++) {
		struct rd r = a->records;
		struct msg_rr rr;
		bool found = false;

		*records = 0;
		for (unsigned i = 0; i < a->h.ancount && msg_rr_read(&r, &rr); i++) {
			if (rr.type != TYPE_TXT || !dname_equal(rr.owner.octets, end))
				continue;
			++*records;
			shorten(cached_s, rr.ttl);
			found |= acme_txt_is(rr.rdata.p, rr.rdlen, values[v]);
		}
		seen += found;
	}
	return seen;
}

const char *
acme_alias_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const uint8_t *target)
{
	struct dname found;
	struct answer a;

	if (!answer_read(&a, msg, n))
		return "a malformed answer";
	if ((a.h.flags & 15) != RCODE_NOERROR)
		return rcode_str(a.h.flags & 15);
	if (!acme_delegation_alias(msg, n, owner, &found))
		return "no such alias";
	return dname_equal(found.octets, target) ? NULL : "an alias of another name";
}

const char *
acme_txt_missing(const uint8_t *msg, size_t n, const uint8_t *owner, const char *const *values, size_t nvalues,
    uint32_t *cached_s)
{
	uint32_t ttl = UINT32_MAX;
	const char *missing = NULL;
	struct dname end;
	struct answer a;
	size_t records;
	unsigned rcode;

	*cached_s = 0;
	if (!answer_read(&a, msg, n))
		return "a malformed answer";
	if ((rcode = a.h.flags & 15) != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return rcode_str(rcode);
	follow(&a, owner, &end, &ttl);
	if (rcode == RCODE_NXDOMAIN)
		missing = rcode_str(rcode);
	else if (count_values(&a, end.octets, values, nvalues, &records, &ttl) < nvalues)
		missing = records == 0 ? "no such record" : "an older state of the record";
	if (missing != NULL)
		find_negative_ttl(&a, &ttl);
	*cached_s = missing == NULL || ttl == UINT32_MAX ? 0 : ttl;
	return missing;
}

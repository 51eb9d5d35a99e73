/* RFC 2136, form by form; what a row says of the zone is read off the zone after the changes were made in it. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "server/update.h"
#include "tests/unit/server/update_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"
#include "zones/text.h"
#include "zones/zone.h"

#define NOW 1700000000

static const char zone_text[] =
    "$TTL 3600\n"
    "@ SOA ns1 admin 10 3600 900 86400 300\n"
    "@ NS ns1\n"
    "@ NS ns2.example.net.\n"
    "@ MX 10 mail\n"
    "ns1 A 192.0.2.1\n"
    "ns2.example.net. A 192.0.2.2\n"
    "www A 192.0.2.80\n"
    "www A 192.0.2.81\n"
    "www TXT \"one\"\n"
    "alias CNAME www\n"
    "alias RRSIG A 13 3 3600 20300101000000 20200101000000 1 example.com. AAAA\n"
    "tree DNAME example.org.\n"
    "sub NS ns.sub\n"
    "ns.sub A 192.0.2.53\n"
    "deep.under A 192.0.2.9\n"
    "wks WKS 192.0.2.1 6 25\n"
    "_acme-challenge TXT \"old\"\n"
    "* TXT \"wild\"\n";

/* --- running one message --- */

static unsigned
evaluate(const struct zone_version *v, const uint8_t *msg, size_t n, struct changeset *changes, char *reason,
    size_t size)
{
	uint8_t *copy = malloc(n + (n == 0));		/* so that reads past the end are seen */
	struct request q;
	unsigned rcode;

	memcpy(copy, msg, n);
	rcode = (unsigned)request_parse(&q, copy, n, true);
	if (rcode == RCODE_NOERROR)
		rcode = update_evaluate(v, &q, copy, n, NULL, NOW, changes, reason, size);
	free(copy);
	return rcode;
}

/* Make the changes, as commit does. */
static void
apply(struct zone_store *store, const struct changeset *changes)
{
	struct zone_version *v;

	assert_int_equal(zone_store_begin(store), ERR_OK);
	for (size_t i = 0; i < changes->n; i++)
		assert_int_equal(changes->v[i].add ? zone_store_add(store, &changes->v[i].rr, NULL) :
		    zone_store_remove(store, &changes->v[i].rr, NULL), ERR_OK);
	assert_int_equal(zone_store_seal(store, &v), ERR_OK);
	zone_store_publish(store);
}

/* "www 300 A 192.0.2.1;" */
static void
add_line(struct buf *out, char sign, const struct rr *rr)
{
	char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
	char *end = strstr(dname_print(rr->owner, owner), "example.com.");

	if (end == owner)
		strcpy(owner, "@");
	else if (end != NULL)
		end[-1] = '\0';
	buf_printf(out, "%c%s %u %s ", sign, owner, rr->ttl, rrtype_print(rr->type, type));
	rdata_text(rr, out);
	buf_add_str(out, "; ");
}

static struct rr_list
content(const struct zone_store *store)
{
	struct rr_list list = { 0 };

	assert_int_equal(zone_version_collect(zone_store_newest(store), NULL, &list), ERR_OK);
	return list;
}

/* What is in one and not in the other, TTLs included. */
static char *
difference(const struct rr_list *before, const struct rr_list *after)
{
	struct buf out = { 0 };

	for (int side = 0; side < 2; side++) {
		const struct rr_list *has = side == 0 ? before : after, *other = side == 0 ? after : before;

		for (size_t i = 0; i < has->n; i++) {
			const struct rr *rr = rr_list_find(other, &has->v[i]);

			if (rr == NULL || rr->ttl != has->v[i].ttl)
				add_line(&out, side == 0 ? '-' : '+', &has->v[i]);
		}
	}
	if (out.len > 0)
		out.len--;			/* the last space */
	return buf_take(&out, NULL);
}

struct row {
	const char *why, *message;
	unsigned rcode;
	const char *want;			/* the difference that it makes */
};

static void
run_row(const struct row *row)
{
	struct zone_store *store = zone_from_text("example.com", zone_text);
	struct rr_list before = content(store), after;
	struct changeset changes = { 0 };
	uint8_t msg[4096];
	char reason[256];
	size_t n = update_from_text(row->message, msg, sizeof msg);
	unsigned rcode = evaluate(zone_store_newest(store), msg, n, &changes, reason, sizeof reason);
	char *have;

	check(rcode == row->rcode, "%s: want %s, have %s (%s)", row->why, rcode_str(row->rcode), rcode_str(rcode),
	    reason);
	check(rcode == RCODE_NOERROR || reason[0] != '\0', "%s: a refusal has words", row->why);
	if (rcode == RCODE_NOERROR)
		apply(store, &changes);
	after = content(store);
	have = difference(&before, &after);
	check(strcmp(have, row->want == NULL ? "" : row->want) == 0, "%s: want %s\n have %s", row->why,
	    row->want == NULL ? "(nothing)" : row->want, have);
	free(have);
	rr_list_clear(&before);
	rr_list_clear(&after);
	changeset_clear(&changes);
	zone_store_free(store);
}

#define RUN(rows) for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) run_row(&rows[i])

/* --- section 3.2 --- */

static const struct row prerequisites[] = {
	{ "no sections at all",			"", RCODE_NOERROR, NULL },
	{ "RRset exists",			"pre ANY www 0 A", RCODE_NOERROR, NULL },
	{ "RRset exists: no, the name has others", "pre ANY www 0 MX", RCODE_NXRRSET, NULL },
	{ "RRset exists: no such name",		"pre ANY none 0 A", RCODE_NXRRSET, NULL },
	{ "RRset exists: a wildcard is no match", "pre ANY none 0 TXT", RCODE_NXRRSET, NULL },
	{ "RRset exists: the wildcard itself",	"pre ANY * 0 TXT", RCODE_NOERROR, NULL },
	{ "RRset exists: a CNAME is not followed", "pre ANY alias 0 A", RCODE_NXRRSET, NULL },
	{ "RRset exists: glue counts",		"pre ANY ns.sub 0 A", RCODE_NOERROR, NULL },
	{ "letter case does not count",		"pre ANY WWW.Example.COM. 0 A", RCODE_NOERROR, NULL },
	{ "RRset with values",			"pre IN www 0 A 192.0.2.80\npre IN www 0 A 192.0.2.81", RCODE_NOERROR,
	    NULL },
	{ "values: in any order, and twice",
		"pre IN www 0 A 192.0.2.81\npre IN www 0 A 192.0.2.80\npre IN www 0 A 192.0.2.81", RCODE_NOERROR,
		    NULL },
	{ "values: one is missing",		"pre IN www 0 A 192.0.2.80", RCODE_NXRRSET, NULL },
	{ "values: one is too many",
		"pre IN www 0 A 192.0.2.80\npre IN www 0 A 192.0.2.81\npre IN www 0 A 192.0.2.82", RCODE_NXRRSET,
		    NULL },
	{ "values: one differs",		"pre IN www 0 A 192.0.2.80\npre IN www 0 A 192.0.2.82", RCODE_NXRRSET,
	    NULL },
	{ "values: no such RRset",		"pre IN www 0 AAAA 2001:db8::1", RCODE_NXRRSET, NULL },
	{ "values: names in any letter case",	"pre IN @ 0 MX 10 MAIL", RCODE_NOERROR, NULL },
	{ "values: two RRsets, the second differs",
		"pre IN @ 0 MX 10 mail\npre IN www 0 TXT \"two\"", RCODE_NXRRSET, NULL },
	{ "values: two RRsets, mixed up",
		"pre IN www 0 A 192.0.2.80\npre IN www 0 TXT \"one\"\npre IN www 0 A 192.0.2.81", RCODE_NOERROR, NULL },
	{ "RRset does not exist",		"pre NONE www 0 MX", RCODE_NOERROR, NULL },
	{ "RRset does not exist: it does",	"pre NONE www 0 A", RCODE_YXRRSET, NULL },
	{ "name in use",			"pre ANY www 0 ANY", RCODE_NOERROR, NULL },
	{ "name in use: no",			"pre ANY none 0 ANY", RCODE_NXDOMAIN, NULL },
	{ "name in use: not an empty non-terminal", "pre ANY under 0 ANY", RCODE_NXDOMAIN, NULL },
	{ "name not in use",			"pre NONE none 0 ANY", RCODE_NOERROR, NULL },
	{ "name not in use: an empty non-terminal", "pre NONE under 0 ANY", RCODE_NOERROR, NULL },
	{ "name not in use: it is",		"pre NONE www 0 ANY", RCODE_YXDOMAIN, NULL },
	{ "the first that fails decides",	"pre NONE www 0 ANY\npre ANY none 0 ANY", RCODE_YXDOMAIN, NULL },
	{ "values come after all others",	"pre IN www 0 TXT \"two\"\npre ANY none 0 ANY", RCODE_NXDOMAIN, NULL },
	{ "a TTL, any form",			"pre ANY www 1 A", RCODE_FORMERR, NULL },
	{ "a TTL, none form",			"pre NONE www 1 MX", RCODE_FORMERR, NULL },
	{ "a TTL, values",			"pre IN www 3600 TXT \"one\"", RCODE_FORMERR, NULL },
	{ "rdata in the any form",		"pre ANY www 0 A 192.0.2.80", RCODE_FORMERR, NULL },
	{ "rdata in the none form",		"pre NONE www 0 MX =000a00", RCODE_FORMERR, NULL },
	{ "values: rdata is cut short",		"pre IN www 0 A =c00002", RCODE_FORMERR, NULL },
	{ "values: no rdata",			"pre IN www 0 A", RCODE_FORMERR, NULL },
	{ "values: type ANY",			"pre IN www 0 ANY", RCODE_FORMERR, NULL },
	{ "class CH",				"pre 3 www 0 TXT \"one\"", RCODE_FORMERR, NULL },
	{ "type AXFR",				"pre ANY www 0 AXFR", RCODE_FORMERR, NULL },
	{ "type 0",				"pre NONE www 0 TYPE0", RCODE_FORMERR, NULL },
	{ "outside of the zone",		"pre ANY www.example.org. 0 A", RCODE_NOTZONE, NULL },
	{ "outside, beside the apex",		"pre NONE badexample.com. 0 A", RCODE_NOTZONE, NULL },
	{ "a failed one changes nothing",	"pre ANY none 0 A\nup ANY www 0 ANY", RCODE_NXRRSET, NULL },
	{ "the zone is looked at as it was before",
		"pre NONE new 0 ANY\nup IN new 300 A 192.0.2.3", RCODE_NOERROR, "+new 300 A 192.0.2.3;" },
};

static void
test_prerequisites(void **state)
{
	(void)state;
	RUN(prerequisites);
}

/* --- section 3.4.1.3 --- */

#define GOOD "up IN new 300 A 192.0.2.3\n"

static const struct row prescan[] = {
	{ "outside of the zone",		GOOD "up IN www.example.org. 300 A 192.0.2.3", RCODE_NOTZONE, NULL },
	{ "a deletion outside of the zone",	GOOD "up ANY www.example.org. 0 A", RCODE_NOTZONE, NULL },
	{ "above the zone",			GOOD "up ANY com. 0 NS", RCODE_NOTZONE, NULL },
	{ "add ANY",				GOOD "up IN www 300 ANY", RCODE_FORMERR, NULL },
	{ "add AXFR",				GOOD "up IN www 300 AXFR", RCODE_FORMERR, NULL },
	{ "add MAILA",				GOOD "up IN www 300 MAILA", RCODE_FORMERR, NULL },
	{ "add OPT",				GOOD "up IN www 300 OPT", RCODE_FORMERR, NULL },
	{ "add type 0",				GOOD "up IN www 300 TYPE0", RCODE_FORMERR, NULL },
	{ "add without rdata",			GOOD "up IN www 300 A", RCODE_FORMERR, NULL },
	{ "add with rdata too long",		GOOD "up IN www 300 A =c000020301", RCODE_FORMERR, NULL },
	{ "add a name that runs past the rdata", GOOD "up IN www 300 CNAME =0461", RCODE_FORMERR, NULL },
	{ "add an unknown type without rdata",	"up IN www 300 TYPE65400", RCODE_NOERROR, "+www 300 TYPE65400 \\# 0;" },
	{ "delete an RRset with a TTL",		GOOD "up ANY www 1 A", RCODE_FORMERR, NULL },
	{ "delete an RRset with rdata",		GOOD "up ANY www 0 A =c0000250", RCODE_FORMERR, NULL },
	{ "delete the RRset AXFR",		GOOD "up ANY www 0 AXFR", RCODE_FORMERR, NULL },
	{ "delete the RRset OPT",		GOOD "up ANY www 0 OPT", RCODE_FORMERR, NULL },
	{ "delete an RR with a TTL",		GOOD "up NONE www 1 A 192.0.2.80", RCODE_FORMERR, NULL },
	{ "delete an RR of type ANY",		GOOD "up NONE www 0 ANY", RCODE_FORMERR, NULL },
	{ "delete an RR without rdata",		GOOD "up NONE www 0 A", RCODE_FORMERR, NULL },
	{ "class CH",				GOOD "up 3 www 300 A 192.0.2.3", RCODE_FORMERR, NULL },
	{ "class 0",				GOOD "up 0 www 0 A", RCODE_FORMERR, NULL },
};

static void
test_prescan(void **state)
{
	(void)state;
	RUN(prescan);
}

/* --- section 3.4.2 --- */

static const struct row updates[] = {
	{ "add to nothing",			"up IN new 300 A 192.0.2.3", RCODE_NOERROR, "+new 300 A 192.0.2.3;" },
	{ "add to an RRset with another TTL",	"up IN www 60 A 192.0.2.82", RCODE_NOERROR,
		"-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81; +www 60 A 192.0.2.80; +www 60 A 192.0.2.81; "
		"+www 60 A 192.0.2.82;" },
	{ "add what is there",			"up IN www 3600 A 192.0.2.80", RCODE_NOERROR, NULL },
	{ "add what is there with another TTL",	"up IN www 60 TXT \"one\"", RCODE_NOERROR,
		"-www 3600 TXT \"one\"; +www 60 TXT \"one\";" },
	{ "a TTL above 2^31 is 0",		"up IN new 2147483648 A 192.0.2.3", RCODE_NOERROR,
	    "+new 0 A 192.0.2.3;" },
	{ "add glue at a delegation",		"up IN ns.sub 3600 AAAA 2001:db8::1", RCODE_NOERROR,
		"+ns.sub 3600 AAAA 2001:db8::1;" },
	{ "strings keep their letter case",	"up IN www 3600 TXT \"One\"", RCODE_NOERROR, "+www 3600 TXT \"One\";" },
	{ "delete an RRset",			"up ANY www 0 A", RCODE_NOERROR,
	    "-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81;" },
	{ "delete an RRset that is not there",	"up ANY www 0 MX", RCODE_NOERROR, NULL },
	{ "delete a name",			"up ANY www 0 ANY", RCODE_NOERROR,
		"-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81; -www 3600 TXT \"one\";" },
	{ "delete a name, not those below it",	"up ANY under 0 ANY", RCODE_NOERROR, NULL },
	{ "a wildcard is only itself",		"up ANY none 0 TXT", RCODE_NOERROR, NULL },
	{ "delete an RR",			"up NONE www 0 A 192.0.2.80", RCODE_NOERROR,
	    "-www 3600 A 192.0.2.80;" },
	{ "delete an RR that is not there",	"up NONE www 0 A 192.0.2.82", RCODE_NOERROR, NULL },
	{ "delete an RR, names in any case",	"up NONE @ 0 MX 10 MAIL.EXAMPLE.COM.", RCODE_NOERROR,
		"-@ 3600 MX 10 mail.example.com.;" },
	{ "an empty unknown type can be deleted", "up IN www 300 TYPE65400\nup NONE www 0 TYPE65400", RCODE_NOERROR,
	    NULL },
};

static const struct row in_order[] = {
	{ "add and delete",			"up IN new 300 A 192.0.2.3\nup NONE new 0 A 192.0.2.3", RCODE_NOERROR,
	    NULL },
	{ "add and delete the RRset",		"up IN www 3600 A 192.0.2.82\nup ANY www 0 A", RCODE_NOERROR,
		"-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81;" },
	{ "delete and add again",		"up ANY www 0 A\nup IN www 3600 A 192.0.2.80", RCODE_NOERROR,
		"-www 3600 A 192.0.2.81;" },
	{ "delete and add with another TTL",	"up ANY www 0 A\nup IN www 60 A 192.0.2.80", RCODE_NOERROR,
		"-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81; +www 60 A 192.0.2.80;" },
	{ "delete, add, delete",		"up ANY www 0 TXT\nup IN www 3600 TXT \"one\"\nup NONE www 0 TXT "
	    "\"one\"",
		RCODE_NOERROR, "-www 3600 TXT \"one\";" },
	{ "add twice, the last TTL stays",	"up IN new 60 A 192.0.2.3\nup IN new 90 A 192.0.2.3", RCODE_NOERROR,
		"+new 90 A 192.0.2.3;" },
	{ "add twice and delete once",		"up IN new 60 A 192.0.2.3\nup IN new 60 A 192.0.2.3\nup NONE new 0 A "
	    "192.0.2.3",
		RCODE_NOERROR, NULL },
	{ "make room for a CNAME",		"up ANY www 0 ANY\nup IN www 300 CNAME ns1", RCODE_NOERROR,
		"-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81; -www 3600 TXT \"one\"; +www 300 CNAME "
		    "ns1.example.com.;" },
	{ "the CNAME's turn comes too early",	"up IN www 300 CNAME ns1\nup ANY www 0 A", RCODE_NOERROR,
		"-www 3600 A 192.0.2.80; -www 3600 A 192.0.2.81;" },
	{ "from CNAME to an address",		"up ANY alias 0 CNAME\nup IN alias 300 A 192.0.2.3", RCODE_NOERROR,
		"-alias 3600 CNAME www.example.com.; +alias 300 A 192.0.2.3;" },
	{ "a CNAME added keeps others out",	"up IN new 300 CNAME www\nup IN new 300 A 192.0.2.3", RCODE_NOERROR,
		"+new 300 CNAME www.example.com.;" },
	{ "an address added keeps a CNAME out",	"up IN new 300 A 192.0.2.3\nup IN new 300 CNAME www", RCODE_NOERROR,
		"+new 300 A 192.0.2.3;" },
	{ "the last of two CNAMEs stays",	"up IN new 300 CNAME www\nup IN new 60 CNAME ns1", RCODE_NOERROR,
		"+new 60 CNAME ns1.example.com.;" },
	{ "all NS but one can be replaced",
		"up NONE @ 0 NS ns1\nup NONE @ 0 NS ns2.example.net.\nup IN @ 3600 NS ns3\nup NONE @ 0 NS "
		"ns2.example.net.", RCODE_NOERROR, "-@ 3600 NS ns1.example.com.; -@ 3600 NS ns2.example.net.; "
		    "-ns2.example.net. 3600 A 192.0.2.2; "
		"+@ 3600 NS ns3.example.com.;" },
	{ "two SOAs, the second must be newer than the first",
		"up IN @ 3600 SOA ns1 admin 20 1 1 1 1\nup IN @ 3600 SOA ns1 admin 15 2 2 2 2", RCODE_NOERROR,
		"-@ 3600 SOA ns1.example.com. admin.example.com. 10 3600 900 86400 300; "
		"+@ 3600 SOA ns1.example.com. admin.example.com. 20 1 1 1 1;" },
};

static const struct row special[] = {
	{ "an apex NS",				"up ANY @ 0 NS", RCODE_NOERROR, NULL },
	{ "the SOA",				"up ANY @ 0 SOA", RCODE_NOERROR, NULL },
	{ "the SOA as an RR",			"up NONE @ 0 SOA ns1 admin 10 3600 900 86400 300", RCODE_NOERROR,
	    NULL },
	{ "everything at the apex",		"up ANY @ 0 ANY", RCODE_NOERROR, "-@ 3600 MX 10 mail.example.com.;" },
	{ "one NS of two",			"up NONE @ 0 NS ns1", RCODE_NOERROR, "-@ 3600 NS ns1.example.com.;" },
	{ "the last NS of two",			"up NONE @ 0 NS ns1\nup NONE @ 0 NS ns2.example.net.", RCODE_NOERROR,
		"-@ 3600 NS ns1.example.com.;" },
	{ "addresses from outside go with their NS", "up NONE @ 0 NS ns2.example.net.", RCODE_NOERROR,
		"-@ 3600 NS ns2.example.net.; -ns2.example.net. 3600 A 192.0.2.2;" },
	{ "an NS that is taken away and comes back", "up NONE @ 0 NS ns2.example.net.\nup IN @ 3600 NS "
	    "NS2.example.net.",
		RCODE_NOERROR, NULL },
	{ "a delegation's NS",			"up NONE sub 0 NS ns.sub", RCODE_NOERROR,
	    "-sub 3600 NS ns.sub.example.com.;" },
	{ "a delegation's NS RRset",		"up ANY sub 0 NS", RCODE_NOERROR, "-sub 3600 NS ns.sub.example.com.;" },
	{ "a newer SOA",			"up IN @ 60 SOA ns1 admin 11 1 2 3 4", RCODE_NOERROR,
		"-@ 3600 SOA ns1.example.com. admin.example.com. 10 3600 900 86400 300; "
		"+@ 60 SOA ns1.example.com. admin.example.com. 11 1 2 3 4;" },
	{ "an SOA with the same serial",	"up IN @ 60 SOA ns1 admin 10 1 2 3 4", RCODE_NOERROR, NULL },
	{ "an older SOA",			"up IN @ 60 SOA ns1 admin 9 1 2 3 4", RCODE_NOERROR, NULL },
	{ "an SOA that is older by RFC 1982",	"up IN @ 60 SOA ns1 admin 2147483658 1 2 3 4", RCODE_NOERROR, NULL },
	{ "an SOA below the apex",		"up IN www 60 SOA ns1 admin 11 1 2 3 4", RCODE_NOERROR, NULL },
	{ "a CNAME at the apex",		"up IN @ 60 CNAME www", RCODE_NOERROR, NULL },
	{ "a CNAME beside other data",		"up IN www 60 CNAME ns1", RCODE_NOERROR, NULL },
	{ "other data beside a CNAME",		"up IN alias 60 A 192.0.2.3", RCODE_NOERROR, NULL },
	{ "a DNAME beside a CNAME",		"up IN alias 60 DNAME example.org.", RCODE_NOERROR, NULL },
	{ "a CNAME beside a DNAME",		"up IN tree 60 CNAME www", RCODE_NOERROR, NULL },
	{ "another CNAME replaces it",		"up IN alias 60 CNAME ns1", RCODE_NOERROR,
		"-alias 3600 CNAME www.example.com.; +alias 60 CNAME ns1.example.com.;" },
	{ "the same CNAME with another TTL",	"up IN alias 60 CNAME WWW", RCODE_NOERROR,
		"-alias 3600 CNAME www.example.com.; +alias 60 CNAME www.example.com.;" },
	{ "a signature beside a CNAME",
		"up IN alias 3600 NSEC ns1 CNAME RRSIG NSEC", RCODE_NOERROR,
		    "+alias 3600 NSEC ns1.example.com. CNAME RRSIG NSEC;" },
	{ "a CNAME where only signatures are",	"up ANY alias 0 CNAME\nup IN alias 60 CNAME ns1", RCODE_NOERROR,
		"-alias 3600 CNAME www.example.com.; +alias 60 CNAME ns1.example.com.;" },
	{ "another DNAME replaces it",		"up IN tree 60 DNAME example.net.", RCODE_NOERROR,
		"-tree 3600 DNAME example.org.; +tree 60 DNAME example.net.;" },
	{ "WKS of the same address and protocol", "up IN wks 3600 WKS 192.0.2.1 6 80", RCODE_NOERROR,
		"-wks 3600 WKS 192.0.2.1 6 25; +wks 3600 WKS 192.0.2.1 6 80;" },
	{ "WKS of another protocol",		"up IN wks 3600 WKS 192.0.2.1 17 53", RCODE_NOERROR,
		"+wks 3600 WKS 192.0.2.1 17 53;" },
	{ "WKS of another address",		"up IN wks 3600 WKS 192.0.2.2 6 25", RCODE_NOERROR,
		"+wks 3600 WKS 192.0.2.2 6 25;" },
};

static void
test_updates(void **state)
{
	(void)state;
	RUN(updates);
	RUN(in_order);
	RUN(special);
}

/* --- what passes --- */

static const struct {
	const char *why, *message;
	enum change_class class;
} classes[] = {
	{ "an address lasts",			"up IN new 60 A 192.0.2.3", CHANGE_LASTING },
	{ "a TXT lasts",			"up IN www 60 TXT \"x\"", CHANGE_LASTING },
	{ "a challenge passes",			"up IN _acme-challenge.www 60 TXT \"x\"", CHANGE_PASSING },
	{ "a challenge in capitals passes",	"up IN _ACME-Challenge 60 TXT \"x\"", CHANGE_PASSING },
	{ "a CNAME of a challenge lasts",	"up IN _acme-challenge.www 60 CNAME x.example.org.", CHANGE_LASTING },
	{ "a name that only begins so lasts",	"up IN _acme-challenges.www 60 TXT \"x\"", CHANGE_LASTING },
	{ "the label further down lasts",	"up IN www._acme-challenge 60 TXT \"x\"", CHANGE_LASTING },
};

static void
test_classes(void **state)
{
	struct zone_store *store = zone_from_text("example.com", zone_text);
	uint8_t msg[512];
	char reason[256];

	(void)state;
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
		struct changeset changes = { 0 };
		size_t n = update_from_text(classes[i].message, msg, sizeof msg);

		assert_int_equal(evaluate(zone_store_newest(store), msg, n, &changes, reason, sizeof reason),
		    RCODE_NOERROR);
		check(changes.n == 1 && changes.v[0].add && changes.v[0].class == classes[i].class &&
		    changes.v[0].until_s == (classes[i].class == CHANGE_PASSING ? NOW + UPDATE_CHALLENGE_S : 0),
		    "%s", classes[i].why);
		changeset_clear(&changes);
	}
	zone_store_free(store);
}

/* --- messages that end too early --- */

/* Whoever called request_parse() has seen the whole message; update_evaluate() does not lean on that. */
static void
test_prefixes(void **state)
{
	struct zone_store *store = zone_from_text("example.com", zone_text);
	uint8_t msg[1024];
	size_t n = update_from_text("pre ANY www 0 A\npre NONE none 0 ANY\npre IN www 0 TXT \"one\"\n"
	    "up ANY www 0 A\nup NONE @ 0 MX 10 mail\nup IN new 300 A 192.0.2.3\nup IN @ 60 SOA ns1 admin 11 1 2 3 4",
	    msg, sizeof msg);
	char reason[256];
	struct request q;

	(void)state;
	assert_int_equal(request_parse(&q, msg, n, true), RCODE_NOERROR);
	for (size_t cut = q.after_question; cut <= n; cut++) {
		uint8_t *copy = malloc(cut);
		struct changeset changes = { 0 };
		unsigned rcode;

		memcpy(copy, msg, cut);
		rcode = update_evaluate(zone_store_newest(store), &q, copy, cut, NULL, NOW, &changes, reason,
		    sizeof reason);
		check(rcode == (cut == n ? RCODE_NOERROR : RCODE_FORMERR), "%zu octets of %zu: %s", cut, n,
		    rcode_str(rcode));
		check(cut == n || reason[0] != '\0', "%zu octets of %zu: words", cut, n);
		changeset_clear(&changes);
		free(copy);
	}
	zone_store_free(store);
}

/* As much as fits into one message, each line making the next one look at all before it. */
static void
test_large(void **state)
{
	struct zone_store *store = zone_from_text("example.com", zone_text);
	struct buf text = { 0 };
	struct changeset changes = { 0 };
	static uint8_t msg[MSG_MAX];
	char reason[256];
	size_t n;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&text, "up IN new 300 A 10.0.%u.%u\n", i >> 8, i & 255);
	for (unsigned i = 0; i < 900; i++)
		buf_printf(&text, "up NONE new 0 A 10.0.%u.%u\nup ANY other 0 ANY\n", i >> 8, i & 255);
	n = update_from_text(buf_str(&text), msg, sizeof msg);
	assert_int_equal(evaluate(zone_store_newest(store), msg, n, &changes, reason, sizeof reason), RCODE_NOERROR);
	assert_int_equal(changes.n, 1900);
	apply(store, &changes);
	assert_int_equal(zone_version_rr_count(zone_store_newest(store)), 18 + 100);
	changeset_clear(&changes);
	buf_clear(&text);
	zone_store_free(store);
}

/* --- random messages against a naive model: section 3.4.2.7 word for word, on a plain array --- */

static const char *const owners[] = { "@", "a", "b.a", "*", "_acme-challenge" };
static const struct { const char *type, *rdata[3]; } kinds[] = {
	{ "A", { "192.0.2.1", "192.0.2.2", "192.0.2.3" } },
	{ "TXT", { "\"x\"", "\"X\"", "\"y\" \"z\"" } },
	{ "NS", { "ns1", "NS1", "ns2.example.org." } },
	{ "MX", { "10 mail", "10 MAIL", "20 mail" } },
	{ "CNAME", { "a", "A", "b" } },
	{ "DNAME", { "example.org.", "example.net.", "EXAMPLE.net." } },
	{ "WKS", { "192.0.2.1 6 25", "192.0.2.1 6 80", "192.0.2.1 17 53" } },
	{ "NSEC", { "a A", "b A", "a TXT" } },
};

struct one {
	struct dname owner;
	uint16_t type, n;
	uint32_t ttl;
	uint8_t rdata[256];
};

struct model {
	struct one v[512];
	size_t n;
};

static uint32_t seed = 1;

static uint32_t
any_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * n >> 24);
}

static bool
same_one(const struct one *a, const struct one *b)
{
	return a->type == b->type && dname_equal(a->owner.octets, b->owner.octets) &&
	    rdata_equal(a->type, a->rdata, a->n, b->rdata, b->n);
}

static bool
at(const struct one *a, const struct one *b, uint16_t type)
{
	return dname_equal(a->owner.octets, b->owner.octets) && (type == TYPE_ANY || a->type == type);
}

static bool
is_apex(const struct one *o)
{
	return dname_equal(o->owner.octets, (const uint8_t *)"\7example\3com");
}

static size_t
model_count(const struct model *m, const struct one *o, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += at(&m->v[i], o, type);
	return n;
}

static void
model_drop(struct model *m, size_t i)
{
	memmove(&m->v[i], &m->v[i + 1], (m->n - i - 1) * sizeof m->v[0]);
	m->n--;
}

static uint32_t
one_serial(const struct one *o)
{
	struct soa soa;

	soa_read(o->rdata, o->n, &soa);
	return soa.serial;
}

static void
model_add(struct model *m, const struct one *o)
{
	bool replace = false;

	if (o->type == TYPE_CNAME) {
		for (size_t i = 0; i < m->n; i++)
			if (at(&m->v[i], o, TYPE_ANY) && m->v[i].type != TYPE_CNAME && m->v[i].type != TYPE_NSEC)
				return;
	} else if (o->type != TYPE_NSEC && model_count(m, o, TYPE_CNAME) > 0) {
		return;
	}
	if (o->type == TYPE_SOA && (!is_apex(o) || !serial_lt(one_serial(&m->v[0]), one_serial(o))))
		return;
	for (size_t i = 0; i < m->n; i++) {
		struct one *x = &m->v[i];

		if (!at(x, o, o->type))
			continue;
		x->ttl = o->ttl;			/* RFC 2181, section 5.2 */
		if (same_one(x, o)) {
			replace = true;
		} else if (o->type == TYPE_CNAME || o->type == TYPE_DNAME || o->type == TYPE_SOA ||
		    (o->type == 11 && memcmp(x->rdata, o->rdata, 5) == 0)) {
			*x = *o;
			replace = true;
		}
	}
	if (!replace)
		m->v[m->n++] = *o;
}

static void
model_delete(struct model *m, const struct one *o, uint16_t type, bool exact)
{
	for (size_t i = m->n; i-- > 0; ) {
		const struct one *x = &m->v[i];

		if (!at(x, o, type) || (exact && !same_one(x, o)) || x->type == TYPE_SOA)
			continue;
		if (is_apex(x) && x->type == TYPE_NS && (!exact || model_count(m, x, TYPE_NS) == 1))
			continue;
		model_drop(m, i);
	}
}

static bool
model_agrees(const struct model *m, const struct zone_store *store)
{
	struct rr_list list = content(store);
	bool same = list.n == m->n;

	for (size_t i = 0; same && i < m->n; i++) {
		const struct one *o = &m->v[i];
		const struct rr *rr = rr_list_find(&list, &(struct rr){ o->owner.octets, o->rdata, 0, o->type, o->n });

		same = rr != NULL && rr->ttl == o->ttl;
	}
	rr_list_clear(&list);
	return same;
}

/* One line of an update section, at random; the model does it at once. */
static void
random_update(struct model *m, struct buf *text)
{
	static const uint32_t ttls[] = { 0, 60, 300 };
	const char *owner = owners[any_below(sizeof owners / sizeof owners[0])];
	size_t kind = any_below(sizeof kinds / sizeof kinds[0]);
	const char *type = kinds[kind].type, *rdata = kinds[kind].rdata[any_below(3)];
	struct one o;
	char soa[100];
	int what = (int)any_below(10);

	if (any_below(12) == 0) {
		snprintf(soa, sizeof soa, "ns1 admin %u 1 2 3 4", one_serial(&m->v[0]) + any_below(3) - 1);
		type = "SOA";
		rdata = soa;
	}
	dname_parse(owner, strlen(owner), (const uint8_t *)"\7example\3com", &o.owner);
	o.n = (uint16_t)rdata_from_words(type, rdata, &o.type, o.rdata);
	o.ttl = ttls[any_below(3)];
	if (what < 6) {
		buf_printf(text, "up IN %s %u %s %s\n", owner, o.ttl, type, rdata);
		model_add(m, &o);
	} else if (what < 8) {
		buf_printf(text, "up NONE %s 0 %s %s\n", owner, type, rdata);
		model_delete(m, &o, o.type, true);
	} else {
		bool whole = what == 9;

		buf_printf(text, "up ANY %s 0 %s\n", owner, whole ? "ANY" : type);
		model_delete(m, &o, whole ? TYPE_ANY : o.type, false);
	}
}

static void
model_start(struct model *m, const struct zone_store *store)
{
	struct rr_list list = content(store);

	m->n = 0;
	for (int soa_first = 1; soa_first >= 0; soa_first--) {
		for (size_t i = 0; i < list.n; i++) {
			struct one *o = &m->v[m->n];

			if ((list.v[i].type == TYPE_SOA) != soa_first)
				continue;
			dname_copy(&o->owner, list.v[i].owner);
			o->type = list.v[i].type;
			o->ttl = list.v[i].ttl;
			o->n = list.v[i].rdlen;
			memcpy(o->rdata, list.v[i].rdata, o->n);
			m->n++;
		}
	}
	rr_list_clear(&list);
}

static void
test_random(void **state)
{
	static struct model model;
	struct zone_store *store = zone_from_text("example.com", "$TTL 60\n@ SOA ns1 admin 10 1 2 3 4\n@ NS ns1\nns1 A "
	    "192.0.2.1\n");
	static uint8_t msg[MSG_MAX];
	char reason[256];

	(void)state;
	model_start(&model, store);
	for (int round = 0; round < 3000; round++) {
		struct changeset changes = { 0 };
		struct buf text = { 0 };
		size_t n;

		for (uint32_t lines = 1 + any_below(12); lines > 0; lines--)
			random_update(&model, &text);
		n = update_from_text(buf_str(&text), msg, sizeof msg);
		assert_int_equal(evaluate(zone_store_newest(store), msg, n, &changes, reason, sizeof reason),
		    RCODE_NOERROR);
		apply(store, &changes);
		check(model_agrees(&model, store), "round %d: the model and the zone agree after\n%s", round,
		    buf_str(&text));
		changeset_clear(&changes);
		buf_clear(&text);
	}
	zone_store_free(store);
}

static int
register_thread(void **state)
{
	(void)state;
	rcu_register_thread();
	return 0;
}

static int
unregister_thread(void **state)
{
	(void)state;
	rcu_drain();
	rcu_unregister_thread();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prerequisites),
		cmocka_unit_test(test_prescan),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}

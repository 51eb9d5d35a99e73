/* RFC 2136, form by form; what a row says of the zone is read off the zone after the changes were made in it. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "server/update.h"
#include "tests/unit/server/update_run.h"
#include "tests/unit/server/update_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/text.h"
#include "zones/zone.h"

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
	struct rr_list before = zone_content(store), after;
	struct changeset changes = { 0 };
	uint8_t msg[4096];
	char reason[256];
	size_t n = update_from_text(row->message, msg, sizeof msg);
	unsigned rcode = update_run(zone_store_newest(store), msg, n, &changes, reason, sizeof reason);
	char *have;

	check(rcode == row->rcode, "%s: want %s, have %s (%s)", row->why, rcode_str(row->rcode), rcode_str(rcode),
	    reason);
	check(rcode == RCODE_NOERROR || reason[0] != '\0', "%s: a refusal has words", row->why);
	if (rcode == RCODE_NOERROR)
		update_apply(store, &changes);
	after = zone_content(store);
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

		assert_int_equal(update_run(zone_store_newest(store), msg, n, &changes, reason, sizeof reason),
		    RCODE_NOERROR);
		check(changes.n == 1 && changes.v[0].add && changes.v[0].class == classes[i].class &&
		    changes.v[0].until_s == (classes[i].class == CHANGE_PASSING ? UPDATE_NOW + UPDATE_CHALLENGE_S : 0),
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
		rcode = update_evaluate(zone_store_newest(store), &q, copy, cut, NULL, UPDATE_NOW, &changes, reason,
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
	assert_int_equal(update_run(zone_store_newest(store), msg, n, &changes, reason, sizeof reason), RCODE_NOERROR);
	assert_int_equal(changes.n, 1900);
	update_apply(store, &changes);
	assert_int_equal(zone_version_rr_count(zone_store_newest(store)), 18 + 100);
	changeset_clear(&changes);
	buf_clear(&text);
	zone_store_free(store);
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
	};

	return cmocka_run_group_tests(tests, register_thread, unregister_thread);
}

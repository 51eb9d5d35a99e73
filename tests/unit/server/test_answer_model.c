/* Random small zones and questions: answer_query() against the algorithm of RFC 1034, section 4.3.2, written down
 * slowly and plainly over a list of records. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "server/answer.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

#define ZONES 400
#define QUESTIONS 200
#define RECORDS_MAX 24

struct record {
	char owner[64], target[64];	/* absolute; target of NS, CNAME and DNAME */
	uint16_t type;
};

static struct record records[RECORDS_MAX];
static unsigned nrecords;
static uint32_t seed = 1;
static const struct answer_settings settings = { .udp_size = MSG_UDP_EDNS };

static uint32_t
draw(uint32_t limit)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % limit;
}

static void
draw_name(char name[64])
{
	static const char *const labels[] = { "a.", "b.", "c.", "*." };

	name[0] = '\0';
	for (uint32_t n = draw(4); n > 0; n--)
		strcat(name, labels[draw(4)]);
	strcat(name, "z.");
}

static bool
has(const char *owner, uint16_t type)
{
	for (unsigned i = 0; i < nrecords; i++)
		if (strcmp(records[i].owner, owner) == 0 && (type == TYPE_ANY || records[i].type == type))
			return true;
	return false;
}

static const char *
target_of(const char *owner, uint16_t type)
{
	for (unsigned i = 0; i < nrecords; i++)
		if (strcmp(records[i].owner, owner) == 0 && records[i].type == type)
			return records[i].target;
	return NULL;
}

static bool
is_below(const char *name, const char *ancestor)
{
	size_t n = strlen(name), m = strlen(ancestor);

	return n >= m && strcmp(name + n - m, ancestor) == 0 && (n == m || name[n - m - 1] == '.');
}

/* A name exists if it or something below it has data: RFC 4592, section 2.2.2. */
static bool
exists(const char *name)
{
	for (unsigned i = 0; i < nrecords; i++)
		if (is_below(records[i].owner, name))
			return true;
	return false;
}

/* What must not stand together is not put there. */
static bool
may_add(const char *owner, uint16_t type)
{
	if (strcmp(owner, "z.") == 0 && (type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_NS))
		return false;
	if (has(owner, type) || has(owner, TYPE_CNAME) || (type == TYPE_CNAME && has(owner, TYPE_ANY)))
		return false;
	return !(type == TYPE_NS && has(owner, TYPE_DNAME)) && !(type == TYPE_DNAME && has(owner, TYPE_NS));
}

static struct zone_store *
draw_zone(void)
{
	static const uint16_t types[] = { TYPE_A, TYPE_TXT, TYPE_CNAME, TYPE_CNAME, TYPE_NS, TYPE_DNAME, TYPE_DS };
	static const char *const rdata[] = { "192.0.2.1", "x", NULL, NULL, NULL, NULL,
		"1 13 2 0000000000000000000000000000000000000000000000000000000000000000" };
	char text[8192] = "$TTL 60\nz. SOA ns.out. h.out. 1 2 3 4 5\nz. NS ns.out.\n", mnemonic[RRTYPE_TEXT_MAX];

	records[0] = (struct record){ "z.", "", TYPE_SOA };
	records[1] = (struct record){ "z.", "ns.out.", TYPE_NS };
	nrecords = 2;
	for (uint32_t n = draw(RECORDS_MAX - 2); n > 0; n--) {
		struct record *r = &records[nrecords];
		uint32_t k = draw(sizeof types / sizeof types[0]);

		draw_name(r->owner);
		if (!may_add(r->owner, types[k]))
			continue;
		if (draw(8) == 0)
			strcpy(r->target, "w.out.");
		else
			draw_name(r->target);
		r->type = types[k];
		nrecords++;
		sprintf(text + strlen(text), "%s %s %s\n", r->owner, rrtype_print(r->type, mnemonic),
		    rdata[k] != NULL ? rdata[k] : r->target);
	}
	return zone_from_text("z.", text);
}

/* --- the model: "RCODE aa; owner TYPE; ... | owner TYPE" with answer and authority RRsets */

static void
say(char *text, const char *owner, uint16_t type)
{
	char mnemonic[RRTYPE_TEXT_MAX];

	sprintf(text + strlen(text), "%s %s; ", owner, rrtype_print(type, mnemonic));
}

static const char *
parent_of(const char *name)
{
	return strchr(name, '.') + 1;
}

/* The part of name that comes highest among those at which test() holds; NULL: none. */
static const char *
highest(const char *name, bool (*test)(const char *part, const char *name, uint16_t qtype), uint16_t qtype)
{
	const char *found = NULL;

	for (const char *part = name; strcmp(part, "z.") != 0; part = parent_of(part))
		if (test(part, name, qtype))
			found = part;
	return found;
}

static bool
leads_away(const char *part, const char *name, uint16_t qtype)
{
	return (has(part, TYPE_NS) && (qtype != TYPE_DS || part != name)) || (has(part, TYPE_DNAME) && part != name);
}

static void
say_once(char *text, const char *name, uint16_t type)
{
	char line[300] = "; ";

	say(line, name, type);
	if (strstr(text, line) == NULL && strncmp(text, line + 2, strlen(line + 2)) != 0)
		say(text, name, type);
}

/* One round.  True: name was replaced by the target of an alias. */
static bool
model_round(char name[256], uint16_t qtype, bool first, char *answer, char *authority, const char **rcode, bool *aa)
{
	const char *part = highest(name, leads_away, qtype), *encloser = name;
	char node[300], next[256];

	if (part != NULL && has(part, TYPE_NS)) {
		say(authority, part, TYPE_NS);
		*aa = !first;
		return false;
	}
	if (part != NULL) {
		say_once(answer, part, TYPE_DNAME);
		snprintf(next, sizeof next, "%.*s%s", (int)(part - name), name, target_of(part, TYPE_DNAME));
		say(answer, name, TYPE_CNAME);
		strcpy(name, next);
		return qtype != TYPE_CNAME;
	}
	while (!exists(encloser))
		encloser = parent_of(encloser);
	if (encloser == name)
		strcpy(node, name);
	else
		snprintf(node, sizeof node, "*.%s", encloser);
	if (!exists(node)) {
		*rcode = "NXDOMAIN";
		say(authority, "z.", TYPE_SOA);
	} else if (has(node, qtype)) {
		say_once(answer, name, qtype);
	} else if (has(node, TYPE_CNAME)) {
		say(answer, name, TYPE_CNAME);
		strcpy(name, target_of(node, TYPE_CNAME));
		return true;
	} else {
		say(authority, "z.", TYPE_SOA);
	}
	return false;
}

static void
model(const char *qname, uint16_t qtype, char *out)
{
	char answer[8192] = "", authority[256] = "", name[256], owners[20][256];
	const char *rcode = "NOERROR";
	bool aa = true, again = true;
	unsigned n = 0;

	strcpy(name, qname);
	while (again && n < 16) {
		strcpy(owners[n], name);
		again = model_round(name, qtype, n == 0, answer, authority, &rcode, &aa);
		n++;
		again = again && is_below(name, "z.");
		for (unsigned i = 0; i < n; i++)
			again = again && strcmp(owners[i], name) != 0;
	}
	sprintf(out, "%s%s; %s| %s", rcode, aa ? " aa" : "", answer, authority);
}

/* --- the response in the same words */

static void
print_section(struct rd *r, unsigned count, char *text)
{
	char owner[DNAME_TEXT_MAX], last[DNAME_TEXT_MAX] = "";
	struct msg_rr rr;
	uint16_t last_type = 0;

	for (unsigned i = 0; i < count; i++) {
		check(msg_rr_read(r, &rr), "the response reads");
		dname_print(rr.owner.octets, owner);
		if (last_type != rr.type || strcmp(owner, last) != 0)
			say(text, owner, rr.type);
		strcpy(last, owner);
		last_type = rr.type;
	}
}

static void
response(const struct zoneset *zones, const char *qname, uint16_t qtype, char *out)
{
	static uint8_t msg[MSG_MAX];
	char answer[8192] = "", authority[256] = "";
	struct request q = { .has_question = true, .tcp = true, .question = { .qtype = qtype, .qclass = CLASS_IN } };
	struct msg_header h;
	struct question question;
	struct rd r;
	size_t n;

	dname_from_str(qname, &q.question.qname);
	q.qname_len = (uint8_t)dname_len(q.question.qname.octets);
	q.header.qdcount = 1;
	n = answer_query(zones, &settings, &q, msg, sizeof msg);
	r = rd_over(msg, n);
	msg_header_read(&r, &h);
	question_read(&r, &question);
	print_section(&r, h.ancount, answer);
	print_section(&r, h.nscount, authority);
	sprintf(out, "%s%s; %s| %s", rcode_str(h.flags & 15), h.flags & FLAG_AA ? " aa" : "", answer, authority);
}

static void
test_zone(void)
{
	static const uint16_t qtypes[] = { TYPE_A, TYPE_TXT, TYPE_CNAME, TYPE_NS, TYPE_DNAME, TYPE_DS, TYPE_SOA };
	struct zone_store *store = draw_zone();
	struct zoneset *zones;
	struct dname apex;
	char want[16384], have[16384], qname[64];

	dname_from_str("z.", &apex);
	check(zoneset_new(&zones) == ERR_OK && zoneset_add(zones, apex.octets, store) == ERR_OK, "a set of one zone");
	for (int i = 0; i < QUESTIONS; i++) {
		uint16_t qtype = qtypes[draw(sizeof qtypes / sizeof qtypes[0])];

		draw_name(qname);
		model(qname, qtype, want);
		response(zones, qname, qtype, have);
		if (strcmp(want, have) != 0)
			for (unsigned k = 0; k < nrecords; k++)
				fprintf(stderr, "%s type %u %s\n", records[k].owner, records[k].type,
				    records[k].target);
		check(strcmp(want, have) == 0, "%s type %u:\n  want %s\n  have %s", qname, qtype, want, have);
	}
	zoneset_free(zones);
	zone_store_free(store);
}

static void
test_zones(void **state)
{
	(void)state;
	for (int i = 0; i < ZONES; i++)
		test_zone();
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_zones) };
	int failed;

	rcu_register_thread();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_unregister_thread();
	return failed;
}

/* Signed zones with DO: what is signed, and what each proof matches or covers.  ldns signs the zones and hashes the
 * names; a row says by names which NSEC or NSEC3 records there have to be, and there may be no other. */
#include "tests/unit/check.h"

#include <ldns/ldns.h>
#include <stdlib.h>

#include "server/plain.h"
#include "tests/unit/server/signed_text.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

#define PLAIN(apex)								\
    apex " 3600 IN SOA ns1." apex " hostmaster." apex " 7 7200 3600 604800 300\n"	\
    apex " 3600 IN NS ns1." apex "\n"						\
    apex " 3600 IN MX 10 mail." apex "\n"					\
    "ns1." apex " 3600 IN A 192.0.2.1\n"					\
    "mail." apex " 60 IN A 192.0.2.2\n"						\
    "www." apex " 3600 IN A 192.0.2.3\n"					\
    "www." apex " 300 IN TXT \"hello\"\n"					\
    "alias." apex " 3600 IN CNAME www." apex "\n"				\
    "dangling." apex " 3600 IN CNAME nowhere." apex "\n"			\
    "a.ent." apex " 3600 IN A 192.0.2.4\n"					\
    "*.wild." apex " 3600 IN TXT \"wild\"\n"					\
    "*.wcname." apex " 3600 IN CNAME q.wild." apex "\n"				\
    "sub." apex " 3600 IN NS ns.sub." apex "\n"					\
    "sub." apex " 300 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"	\
    "ns.sub." apex " 3600 IN A 192.0.2.5\n"					\
    "child." apex " 3600 IN NS ns.child." apex "\n"				\
    "ns.child." apex " 3600 IN A 192.0.2.6\n"					\
    "x.lonely." apex " 3600 IN NS ns.child." apex "\n"				\
    "dn." apex " 120 IN DNAME target." apex "\n"				\
    "x.target." apex " 3600 IN A 192.0.2.7\n"					\
    "own." apex " 120 IN DNAME " apex "\n"					\
    "tlsa." apex " 3600 IN TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000\n"

/* Names are below the apex; "@" is the apex.  Proofs: "=name" matches, "~name" covers.  In a response "+" tells that
 * the RRset is signed; NSEC and NSEC3 are not shown. */
static const struct row { const char *why, *qname, *qtype, *response, *nsec, *nsec3, *opt_out; } rows[] = {
	{ "a signed RRset", "www", "A", "NOERROR aa; AN www A 3600+; ", "", "", "" },
	{ "each signature has the TTL of what it covers", "www", "TXT", "NOERROR aa; AN www TXT 300+; ", "", "", "" },
	{ "additional data is signed too", "@", "MX", "NOERROR aa; AN @ MX 3600+; AD mail A 60+; ", "", "", "" },
	{ "the keys", "@", "DNSKEY", "NOERROR aa; AN @ DNSKEY 3600+; ", "", "", "" },
	{ "all signatures of a name", "www", "RRSIG", "NOERROR aa; AN www RRSIG; ", "", "", "" },
	{ "ANY: one RRset and its signatures", "www", "ANY", "NOERROR aa; AN www A 3600+; ", "", "", "" },
	{ "and not one that the signer made", "tlsa", "ANY", "NOERROR aa; AN tlsa TLSA 3600+; ", "", "", "" },
	{ "a chain of two", "alias", "A", "NOERROR aa; AN alias CNAME 3600+; AN www A 3600+; ", "", "", "" },
	{ "NODATA", "www", "AAAA", "NOERROR aa; AU @ SOA 300+; ", "=www", "=www", "=www" },
	{ "NODATA at the apex", "@", "AAAA", "NOERROR aa; AU @ SOA 300+; ", "=@", "=@", "=@" },
	{ "an empty non-terminal", "ent", "A", "NOERROR aa; AU @ SOA 300+; ", "~ent", "=ent", "=ent" },
	{ "NXDOMAIN", "nowhere", "A", "NXDOMAIN aa; AU @ SOA 300+; ", "~nowhere ~*", "=@ ~nowhere ~*",
	    "=@ ~nowhere ~*" },
	{ "NXDOMAIN, several labels down", "a.b.www", "A", "NXDOMAIN aa; AU @ SOA 300+; ", "~a.b.www ~*.www",
	    "=www ~b.www ~*.www", "=www ~b.www ~*.www" },
	{ "NXDOMAIN behind a chain", "dangling", "A", "NXDOMAIN aa; AN dangling CNAME 3600+; AU @ SOA 300+; ",
	    "~nowhere ~*", "=@ ~nowhere ~*", "=@ ~nowhere ~*" },
	{ "a wildcard", "q.wild", "TXT", "NOERROR aa; AN q.wild TXT 3600+; ", "~q.wild", "~q.wild", "~q.wild" },
	{ "a wildcard, several labels down", "p.q.wild", "TXT", "NOERROR aa; AN p.q.wild TXT 3600+; ", "~p.q.wild",
	    "~q.wild", "~q.wild" },
	{ "NODATA of a wildcard", "q.wild", "A", "NOERROR aa; AU @ SOA 300+; ", "~q.wild =*.wild",
	    "=wild ~q.wild =*.wild", "=wild ~q.wild =*.wild" },
	{ "one wildcard to the next", "r.wcname", "TXT", "NOERROR aa; AN r.wcname CNAME 3600+; AN q.wild TXT 3600+; ",
	    "~r.wcname ~q.wild", "~r.wcname ~q.wild", "~r.wcname ~q.wild" },
	{ "the wildcard itself", "*.wild", "TXT", "NOERROR aa; AN *.wild TXT 3600+; ", "", "", "" },
	{ "a secure referral", "host.sub", "A", "NOERROR; AU sub NS 3600; AU sub DS 300+; AD ns.sub A 3600; ", "", "",
	    "" },
	{ "an unsigned referral", "host.child", "A", "NOERROR; AU child NS 3600; AD ns.child A 3600; ", "=child",
	    "=child", "=@ ~child" },
	{ "an unsigned referral below an empty non-terminal", "x.lonely", "A",
	    "NOERROR; AU x.lonely NS 3600; AD ns.child A 3600; ", "=x.lonely", "=x.lonely", "=lonely ~x.lonely" },
	{ "DS at the cut", "sub", "DS", "NOERROR aa; AN sub DS 300+; ", "", "", "" },
	{ "no DS at the cut", "child", "DS", "NOERROR aa; AU @ SOA 300+; ", "=child", "=child", "=@ ~child" },
	{ "the answer from below a cut is the child's", "host.sub", "DS",
	    "NOERROR; AU sub NS 3600; AU sub DS 300+; AD ns.sub A 3600; ", "", "", "" },
	{ "DNAME: signed; the CNAME is made up, and is not", "x.dn", "A",
	    "NOERROR aa; AN dn DNAME 120+; AN x.dn CNAME 120; AN x.target A 3600+; ", "", "", "" },
	{ "NXDOMAIN behind a DNAME", "y.dn", "A",
	    "NXDOMAIN aa; AN dn DNAME 120+; AN y.dn CNAME 120; AU @ SOA 300+; ", "~y.target ~*.target",
	    "=target ~y.target ~*.target", "=target ~y.target ~*.target" },
	{ "a DNAME that leads to itself is there once", "own.own", "DNAME",
	    "NOERROR aa; AN own DNAME 120+; AN own.own CNAME 120; ", "", "", "" },
	{ "an alias does not speak for its signatures", "alias", "RRSIG", "NOERROR aa; AN alias RRSIG; ", "", "", "" },
};

static const struct answer_settings settings = { .udp_size = MSG_UDP_EDNS };
static struct zoneset *zones;
static unsigned plain_answers;

static size_t
ask(const char *qname, const char *qtype, uint16_t edns_size, bool do_bit, bool tcp, uint8_t out[MSG_MAX])
{
	static uint8_t other[MSG_MAX];
	struct question question = { .qclass = CLASS_IN };
	struct plain plain;
	struct request q;
	uint8_t msg[512];
	struct wr w;
	size_t n, m;

	check(dname_from_str(qname, &question.qname) == ERR_OK && rrtype_parse(qtype, strlen(qtype), &question.qtype),
	    "%s %s", qname, qtype);
	wr_init(&w, msg, sizeof msg);
	msg_header_write(&w, &(struct msg_header){ 4711, FLAG_AD | FLAG_CD, 1, 0, 0, 1 });
	question_write(&w, &question);
	edns_write(&w, edns_size, 0, do_bit);
	check(request_parse(&q, msg, wr_len(&w), tcp) == RCODE_NOERROR, "the query is good");
	rcu_thread_online();
	n = answer_query(zones, &settings, &q, out, MSG_MAX);
	m = plain_answer(&plain, zones, &settings, msg, wr_len(&w), tcp, other, MSG_MAX);
	check(m == 0 || (m == n && memcmp(out, other, n) == 0), "%s %s: the short way gives the same", qname, qtype);
	plain_answers += m > 0;
	rcu_thread_offline();
	return n;
}

/* name as the rows write it. */
static const char *
below(const ldns_rdf *name, const char *apex)
{
	static char text[DNAME_TEXT_MAX];
	char *s = ldns_rdf2str(name);

	snprintf(text, sizeof text, "%s", s);
	free(s);
	if (strcasecmp(text, apex) == 0)
		return "@";
	text[strlen(text) - strlen(apex) - 1] = '\0';
	return text;
}

static bool
is_proof(const ldns_rr *rr)
{
	return ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC || ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3;
}

static bool
is_signed(const ldns_rr_list *list, const ldns_rr *rr)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		ldns_rr *other = ldns_rr_list_rr(list, i);

		if (ldns_rr_get_type(other) != LDNS_RR_TYPE_RRSIG ||
		    ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(other)) != ldns_rr_get_type(rr) ||
		    ldns_dname_compare(ldns_rr_owner(other), ldns_rr_owner(rr)) != 0)
			continue;
		check(ldns_rr_ttl(other) == ldns_rr_ttl(rr), "signatures have the TTL of what they cover");
		return true;
	}
	return false;
}

static void
print_section(char *text, const char *section, const ldns_rr_list *list, const char *apex, bool only_signatures)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		ldns_rr *rr = ldns_rr_list_rr(list, i);
		char *type = ldns_rr_type2str(ldns_rr_get_type(rr)), line[600];

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
			snprintf(line, sizeof line, "%s %s RRSIG; ", section, below(ldns_rr_owner(rr), apex));
		else
			snprintf(line, sizeof line, "%s %s %s %u%s; ", section, below(ldns_rr_owner(rr), apex), type,
			    ldns_rr_ttl(rr), is_signed(list, rr) ? "+" : "");
		if (!is_proof(rr) && (only_signatures || ldns_rr_get_type(rr) != LDNS_RR_TYPE_RRSIG) &&
		    strstr(text, line) == NULL)
			strcat(text, line);
		free(type);
	}
}

/* "RCODE flags; SECTION name TYPE TTL+; ..." */
static const char *
print_response(const ldns_pkt *p, const char *apex)
{
	static char text[65536];
	bool only_signatures = ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(p), 0)) == LDNS_RR_TYPE_RRSIG;

	sprintf(text, "%s%s%s; ", rcode_str(ldns_pkt_get_rcode(p)), ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ?
	    " tc" : "");
	print_section(text, "AN", ldns_pkt_answer(p), apex, only_signatures);
	print_section(text, "AU", ldns_pkt_authority(p), apex, false);
	print_section(text, "AD", ldns_pkt_additional(p), apex, false);
	return text;
}

static void
hash_text(const ldns_rr *nsec3, const ldns_rdf *name, char text[64])
{
	ldns_rdf *hash = ldns_nsec3_hash_name_frm_nsec3(nsec3, name);
	char *s = ldns_rdf2str(hash);

	snprintf(text, 64, "%.32s", s);
	free(s);
	ldns_rdf_deep_free(hash);
}

static bool
between(int from_to, int from_name, int name_to)
{
	/* the last one of the chain goes round to the first */
	return from_to < 0 ? from_name < 0 && name_to < 0 : from_name < 0 || name_to < 0;
}

static bool
proves(const ldns_rr *rr, char how, const ldns_rdf *name)
{
	char owner[64], next[64], hash[64], *s;

	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC) {
		const ldns_rdf *to = ldns_rr_rdf(rr, 0);
		int d = ldns_dname_compare(ldns_rr_owner(rr), name);

		return how == '=' ? d == 0 : between(ldns_dname_compare(ldns_rr_owner(rr), to), d,
		    ldns_dname_compare(name, to));
	}
	hash_text(rr, name, hash);
	snprintf(owner, sizeof owner, "%.32s", s = ldns_rdf2str(ldns_rr_owner(rr)));
	free(s);
	snprintf(next, sizeof next, "%.32s", s = ldns_rdf2str(ldns_rr_rdf(rr, 4)));
	free(s);
	return how == '=' ? strcasecmp(owner, hash) == 0 :
	    between(strcasecmp(owner, next), strcasecmp(owner, hash), strcasecmp(hash, next));
}

/* Every wanted proof is there, and every proof that is there was wanted. */
static void
check_proofs(const char *why, const ldns_rr_list *list, const char *wanted, const char *apex)
{
	bool used[16] = { false };
	char copy[256], *save = NULL;

	snprintf(copy, sizeof copy, "%s", wanted);
	for (char *one = strtok_r(copy, " ", &save); one != NULL; one = strtok_r(NULL, " ", &save)) {
		char text[256];
		ldns_rdf *name;
		bool found = false;

		if (one[1] == '@')
			snprintf(text, sizeof text, "%s", apex);
		else
			snprintf(text, sizeof text, "%s.%s", one + 1, apex);
		name = ldns_dname_new_frm_str(text);
		for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
			const ldns_rr *rr = ldns_rr_list_rr(list, i);

			if (!is_proof(rr) || !proves(rr, *one, name))
				continue;
			check(is_signed(list, rr), "%s: proofs are signed", why);
			used[i] = found = true;
		}
		check(found, "%s: %s is proven", why, one);
		ldns_rdf_deep_free(name);
	}
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		check(used[i] || !is_proof(ldns_rr_list_rr(list, i)), "%s: no proof is there in vain", why);
}

static const struct { const char *apex; enum signing how; unsigned iterations; } signings[] = {
	{ "nsec.", SIGN_NSEC, 0 }, { "nsec3.", SIGN_NSEC3, 0 }, { "nsec3.iterated.", SIGN_NSEC3, 150 },
	{ "opt-out.", SIGN_OPT_OUT, 1 }, { "costly.", SIGN_NSEC3, 151 }
};
enum { COSTLY = 4 };
static const char *const texts[] = { PLAIN("nsec."), PLAIN("nsec3."), PLAIN("nsec3.iterated."), PLAIN("opt-out."),
	PLAIN("costly.") };

static ldns_pkt *
ask_row(const struct row *row, const char *apex, bool do_bit)
{
	uint8_t out[MSG_MAX];
	char qname[256];
	ldns_pkt *p;
	size_t n;

	snprintf(qname, sizeof qname, "%s%s%s", *row->qname == '@' ? "" : row->qname, *row->qname == '@' ? "" : ".",
	    apex);
	n = ask(qname, row->qtype, 4096, do_bit, true, out);
	check(ldns_wire2pkt(&p, out, n) == LDNS_STATUS_OK, "ldns reads the response");
	check(!ldns_pkt_ad(p) && !ldns_pkt_cd(p) && ldns_pkt_edns_do(p) == do_bit, "%s: flags", row->why);
	return p;
}

static void
test_proofs(void **state)
{
	(void)state;
	for (size_t s = 0; s < COSTLY; s++) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			ldns_pkt *p = ask_row(&rows[i], signings[s].apex, true);
			const char *response = print_response(p, signings[s].apex),
			    *proofs = signings[s].how == SIGN_NSEC ? rows[i].nsec : signings[s].how == SIGN_NSEC3 ?
			    rows[i].nsec3 : rows[i].opt_out;

			check(strcmp(response, rows[i].response) == 0, "%s (%s): %s", rows[i].why, signings[s].apex,
			    response);
			check_proofs(rows[i].why, ldns_pkt_authority(p), proofs, signings[s].apex);
			ldns_pkt_free(p);
		}
	}
	check(plain_answers > 0, "some go the short way");
}

static void
test_without_do(void **state)
{
	(void)state;
	for (size_t s = 0; s < COSTLY; s++) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			ldns_pkt *p = ask_row(&rows[i], signings[s].apex, false);
			ldns_rr_list *all = ldns_pkt_all(p);

			for (size_t k = 0; strcmp(rows[i].qtype, "RRSIG") != 0 && k < ldns_rr_list_rr_count(all); k++)
				check(!is_proof(ldns_rr_list_rr(all, k)) && ldns_rr_get_type(ldns_rr_list_rr(all, k)) !=
				    LDNS_RR_TYPE_RRSIG, "%s: nothing of DNSSEC without DO", rows[i].why);
			ldns_rr_list_deep_free(all);
			ldns_pkt_free(p);
		}
	}
}

/* The owner of an NSEC3 is no name of the zone: RFC 5155, section 7.2.8. */
static void
test_hashes_are_no_names(void **state)
{
	static const struct row nowhere = { "NXDOMAIN", "nowhere", "A", NULL, NULL, NULL, NULL };
	static const char *const types[] = { "NSEC3", "A", "RRSIG" };
	ldns_pkt *p = ask_row(&nowhere, "nsec3.", true), *q;
	char name[64], wanted[128], *s;

	(void)state;
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_authority(p)); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_authority(p), i);

		if (!is_proof(rr))
			continue;
		s = ldns_rdf2str(ldns_rr_owner(rr));
		snprintf(name, sizeof name, "%.32s", s);
		free(s);
		snprintf(wanted, sizeof wanted, "=@ ~%s ~*", name);
		for (size_t t = 0; t < 3; t++) {
			const struct row row = { "a hash", name, types[t], NULL, NULL, NULL, NULL };

			q = ask_row(&row, "nsec3.", true);
			check(ldns_pkt_get_rcode(q) == LDNS_RCODE_NXDOMAIN, "%s %s is not there", name, types[t]);
			check_proofs("a hash", ldns_pkt_authority(q), wanted, "nsec3.");
			ldns_pkt_free(q);
		}
	}
	ldns_pkt_free(p);
}

/* More than NSEC3_ITERATIONS_MAX: one NSEC3 in place of each proof. */
static void
test_costly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ldns_pkt *p = ask_row(&rows[i], "costly.", true);
		const char *response = print_response(p, "costly.");
		unsigned n = 0;

		check(strcmp(response, rows[i].response) == 0, "%s: %s", rows[i].why, response);
		for (size_t k = 0; k < ldns_rr_list_rr_count(ldns_pkt_authority(p)); k++)
			n += is_proof(ldns_rr_list_rr(ldns_pkt_authority(p), k));
		check(n == (*rows[i].nsec3 != '\0'), "%s: one NSEC3 or none", rows[i].why);
		ldns_pkt_free(p);
	}
}

/* Whatever the room: whole RRsets with their signatures, or TC; what is additional may lose its signature. */
static void
test_room(void **state)
{
	uint8_t out[MSG_MAX];

	(void)state;
	for (uint16_t size = 512; size <= 1232; size = (uint16_t)(size + 7)) {
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			char qname[256];
			ldns_pkt *p;
			size_t n;

			snprintf(qname, sizeof qname, "%s%snsec3.", *rows[i].qname == '@' ? "" : rows[i].qname,
			    *rows[i].qname == '@' ? "" : ".");
			n = ask(qname, rows[i].qtype, size, true, false, out);
			check(n <= size && ldns_wire2pkt(&p, out, n) == LDNS_STATUS_OK, "%s: %zu octets in %u",
			    rows[i].why, n, size);
			if (!ldns_pkt_tc(p)) {
				const char *response = print_response(p, "nsec3.");

				check(strstr(rows[i].response, "AD ") != NULL ||
				    strcmp(response, rows[i].response) == 0, "%s in %u octets: %s", rows[i].why, size,
				    response);
				check_proofs(rows[i].why, ldns_pkt_authority(p), rows[i].nsec3, "nsec3.");
			}
			ldns_pkt_free(p);
		}
	}
}

static void
add_signature(FILE *to, const char *owner, const char *type, int tag)
{
	fprintf(to, "%s 3600 IN RRSIG %s 13 2 3600 20380101000000 20200101000000 %d long. %01600d\n", owner, type, tag, 0);
}

/* Signatures that fill more than the 16 KiB that a pointer reaches: a chain, and an SOA with many. */
static char *
long_text(void)
{
	char *text = NULL, name[32];
	size_t n;
	FILE *to = open_memstream(&text, &n);

	fputs("long. 3600 IN SOA ns1.elsewhere.test. hostmaster.elsewhere.test. 7 7200 3600 604800 300\n"
	    "long. 3600 IN NS ns1.elsewhere.test.\n"
	    "long. 3600 IN DNSKEY 256 3 13 AAAA\n"
	    "long. 3600 IN NSEC3PARAM 1 0 0 -\n"
	    "www.long. 3600 IN A 192.0.2.1\n"
	    "f026kmi5ee504nejt0qv6kbe9m148ao5.long. 300 IN NSEC3 1 0 0 - F026KMI5EE504NEJT0QV6KBE9M148AO5 A RRSIG\n", to);
	add_signature(to, "f026kmi5ee504nejt0qv6kbe9m148ao5.long.", "NSEC3", 0);
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof name, "c%d.long.", i);
		fprintf(to, "%s 3600 IN CNAME c%d.long.\n", name, i + 1);
		add_signature(to, name, "CNAME", i);
		if (i < 14)
			add_signature(to, "long.", "SOA", i);
	}
	fclose(to);
	return text;
}

static void
test_behind_16_kib(void **state)
{
	static const char *const questions[][2] = { { "c0.long.", "TXT" }, { "www.long.", "TXT" } };
	uint8_t out[MSG_MAX];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t n = ask(questions[i][0], questions[i][1], 4096, true, true, out);
		ldns_rr_list *soa;
		ldns_pkt *p;
		char *text;

		check(n > 0x4000 && ldns_wire2pkt(&p, out, n) == LDNS_STATUS_OK, "%s: %zu octets, which ldns reads",
		    questions[i][0], n);
		soa = ldns_pkt_rr_list_by_type(p, LDNS_RR_TYPE_SOA, LDNS_SECTION_AUTHORITY);
		check(soa != NULL && ldns_rr_list_rr_count(soa) == 1, "%s: an SOA", questions[i][0]);
		text = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(soa, 0), 1));
		check(strcmp(text, "hostmaster.elsewhere.test.") == 0, "%s: with the right names: %s", questions[i][0],
		    text);
		free(text);
		ldns_rr_list_deep_free(soa);
		for (size_t k = 0; k < ldns_rr_list_rr_count(ldns_pkt_authority(p)); k++) {
			text = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_authority(p), k)));
			check(strcmp(text, "long.") == 0 || strlen(text) == 38, "%s: an owner: %s", questions[i][0], text);
			free(text);
		}
		ldns_pkt_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proofs), cmocka_unit_test(test_without_do),
		cmocka_unit_test(test_hashes_are_no_names), cmocka_unit_test(test_costly), cmocka_unit_test(test_room),
		cmocka_unit_test(test_behind_16_kib)
	};
	struct zone_store *stores[sizeof texts / sizeof texts[0]], *long_zone;
	struct dname apex;
	char *text;
	int failed;

	rcu_register_thread();
	zoneset_new(&zones);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		text = signed_text(signings[i].apex, texts[i], signings[i].how, signings[i].iterations);

		stores[i] = zone_from_text(signings[i].apex, text);
		free(text);
		dname_from_str(signings[i].apex, &apex);
		zoneset_add(zones, apex.octets, stores[i]);
	}
	text = long_text();
	long_zone = zone_from_text("long.", text);
	free(text);
	dname_from_str("long.", &apex);
	zoneset_add(zones, apex.octets, long_zone);
	rcu_thread_offline();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_thread_online();
	zoneset_free(zones);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		zone_store_free(stores[i]);
	zone_store_free(long_zone);
	rcu_unregister_thread();
	return failed;
}

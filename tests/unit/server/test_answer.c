/* A question, and all of its response in words; ldns reads the responses. */
#include "tests/unit/check.h"

#include <ldns/ldns.h>
#include <stdlib.h>

#include "server/answer.h"
#include "tests/unit/server/zone_text.h"
#include "wire/rrtype.h"
#include "zones/rcu.h"

static const char example[] =
    "$TTL 3600\n"
    "example. 3600 IN SOA ns1.example. hostmaster.example. 7 7200 3600 604800 300\n"
    "example. NS ns1.example.\n"
    "example. NS ns.outside.test.\n"
    "example. MX 10 mail.example.\n"
    "example. MX 20 mail.elsewhere.test.\n"
    "ns1.example. A 192.0.2.1\n"
    "ns1.example. AAAA 2001:db8::1\n"
    "mail.example. 60 IN A 192.0.2.2\n"
    "www.example. A 192.0.2.3\n"
    "www.example. A 192.0.2.4\n"
    "www.example. TXT \"hello\"\n"
    "alias.example. CNAME www.example.\n"
    "alias2.example. CNAME alias.example.\n"
    "dangling.example. CNAME nowhere.example.\n"
    "away.example. CNAME www.outside.test.\n"
    "to-other.example. CNAME www.other.\n"
    "into-cut.example. CNAME host.sub.example.\n"
    "loop1.example. CNAME loop2.example.\n"
    "loop2.example. CNAME loop1.example.\n"
    "self.example. CNAME self.example.\n"
    "_sip._tcp.example. SRV 0 0 5060 www.example.\n"
    "_sip._udp.example. SRV 0 0 5060 ns.sub.example.\n"
    "svc.example. HTTPS 1 . alpn=h2\n"
    "svc.example. A 192.0.2.14\n"
    "svc2.example. HTTPS 0 svc.example.\n"
    "nosvc.example. HTTPS 0 .\n"
    "nosvc.example. A 192.0.2.15\n"
    "into-child.example. CNAME ns.child.example.\n"
    "a.deep.ent.example. A 192.0.2.5\n"
    /* RFC 4592, section 2.2.1 */
    "*.wild.example. TXT \"this is a wildcard\"\n"
    "*.wild.example. MX 10 mail.example.\n"
    "sub.*.wild.example. TXT \"this is not a wildcard\"\n"
    "host1.wild.example. A 192.0.2.6\n"
    "_ssh._tcp.host1.wild.example. SRV 0 0 22 host1.wild.example.\n"
    "*.wcname.example. CNAME www.example.\n"
    "*.wloop.example. CNAME x.wloop.example.\n"
    "x.sub.*.went.example. A 192.0.2.7\n"
    /* cuts */
    "sub.example. NS ns.sub.example.\n"
    "sub.example. NS ns1.example.\n"
    "sub.example. NS ns.outside.test.\n"
    "sub.example. 300 IN DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\n"
    "ns.sub.example. A 192.0.2.8\n"
    "child.example. NS ns.child.example.\n"
    "child.example. 300 IN DS 2 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\n"
    "ns.child.example. A 192.0.2.9\n"
    "ns.outside.test. A 192.0.2.10\n"
    /* DNAME */
    "dn.example. 120 IN DNAME target.example.\n"
    "dn.example. A 192.0.2.11\n"
    "x.target.example. A 192.0.2.12\n"
    "out.example. DNAME outside.test.\n"
    "chain.example. DNAME chain2.example.\n"
    "chain2.example. DNAME target.example.\n"
    "twice.example. DNAME back.example.\n"
    "own.example. DNAME example.\n"
    "a.back.example. CNAME b.twice.example.\n"
    "b.back.example. A 192.0.2.13\n"
    "dloop.example. DNAME x.dloop.example.\n"
    "long.example. DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.\n"
    /* large */
    "big.example. TXT \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" "
    "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\" "
    "\"ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\"\n"
    "to-big.example. CNAME big.example.\n"
    "glued.example. NS ns1.glued.example.\n"
    "glued.example. NS ns2.glued.example.\n"
    "ns1.glued.example. AAAA 2001:db8::100\nns1.glued.example. AAAA 2001:db8::101\nns1.glued.example. AAAA 2001:db8::102\n"
    "ns1.glued.example. AAAA 2001:db8::103\nns1.glued.example. AAAA 2001:db8::104\nns1.glued.example. AAAA 2001:db8::105\n"
    "ns1.glued.example. AAAA 2001:db8::106\nns1.glued.example. AAAA 2001:db8::107\nns1.glued.example. AAAA 2001:db8::108\n"
    "ns2.glued.example. AAAA 2001:db8::200\nns2.glued.example. AAAA 2001:db8::201\nns2.glued.example. AAAA 2001:db8::202\n"
    "ns2.glued.example. AAAA 2001:db8::203\nns2.glued.example. AAAA 2001:db8::204\nns2.glued.example. AAAA 2001:db8::205\n"
    "ns2.glued.example. AAAA 2001:db8::206\nns2.glued.example. AAAA 2001:db8::207\nns2.glued.example. AAAA 2001:db8::208\n";

static const char child[] =
    "$TTL 3600\n"
    "child.example. 60 IN SOA ns.child.example. hostmaster.example. 1 7200 3600 604800 300\n"
    "child.example. NS ns.child.example.\n"
    "ns.child.example. A 192.0.2.9\n";

static const char other[] =
    "$TTL 3600\n"
    "other. SOA ns.other. hostmaster.other. 1 7200 3600 604800 300\n"
    "other. NS ns.other.\n"
    "www.other. A 192.0.2.20\n";

#define SOA_300 "AU example. 300 IN SOA ns1.example. hostmaster.example. 7 7200 3600 604800 300; "

static const struct { const char *why, *qname, *qtype, *response; } answers[] = {
	{ "a name with the type", "www.example.", "A",
	    "NOERROR aa; AN www.example. 3600 IN A 192.0.2.3; AN www.example. 3600 IN A 192.0.2.4; " },
	{ "the letter case of the question comes back", "wWw.ExAmPlE.", "TXT",
	    "NOERROR aa; AN wWw.ExAmPlE. 3600 IN TXT \"hello\"; " },
	{ "a name without the type: NODATA, with the smaller TTL of SOA", "www.example.", "AAAA", "NOERROR aa; " SOA_300 },
	{ "a name that is not there: NXDOMAIN", "nowhere.example.", "A", "NXDOMAIN aa; " SOA_300 },
	{ "an empty non-terminal is there", "ent.example.", "A", "NOERROR aa; " SOA_300 },
	{ "a deeper one too", "deep.ent.example.", "A", "NOERROR aa; " SOA_300 },
	{ "an empty non-terminal has nothing for ANY", "ent.example.", "ANY", "NOERROR aa; " SOA_300 },
	{ "the apex: mail targets that the zone knows come along", "example.", "MX",
	    "NOERROR aa; AN example. 3600 IN MX 10 mail.example.; AN example. 3600 IN MX 20 mail.elsewhere.test.; "
	    "AD mail.example. 60 IN A 192.0.2.2; " },
	{ "the apex's servers, glue from outside too", "example.", "NS",
	    "NOERROR aa; AN example. 3600 IN NS ns.outside.test.; AN example. 3600 IN NS ns1.example.; "
	    "AD ns.outside.test. 3600 IN A 192.0.2.10; AD ns1.example. 3600 IN A 192.0.2.1; "
	    "AD ns1.example. 3600 IN AAAA 2001:db8::1; " },
	{ "SRV brings addresses", "_sip._tcp.example.", "SRV",
	    "NOERROR aa; AN _sip._tcp.example. 3600 IN SRV 0 0 5060 www.example.; AD www.example. 3600 IN A 192.0.2.3; "
	    "AD www.example. 3600 IN A 192.0.2.4; " },
	{ "but no glue: that is for referrals", "_sip._udp.example.", "SRV",
	    "NOERROR aa; AN _sip._udp.example. 3600 IN SRV 0 0 5060 ns.sub.example.; " },
	{ "HTTPS: \".\" is the owner", "svc.example.", "HTTPS",
	    "NOERROR aa; AN svc.example. 3600 IN HTTPS 1 . alpn=h2; AD svc.example. 3600 IN A 192.0.2.14; " },
	{ "but not in AliasMode", "nosvc.example.", "HTTPS", "NOERROR aa; AN nosvc.example. 3600 IN HTTPS 0 .; " },
	{ "HTTPS brings HTTPS", "svc2.example.", "HTTPS",
	    "NOERROR aa; AN svc2.example. 3600 IN HTTPS 0 svc.example.; AD svc.example. 3600 IN A 192.0.2.14; "
	    "AD svc.example. 3600 IN HTTPS 1 . alpn=h2; " },
	{ "what may stand beside a CNAME is asked of the alias", "alias.example.", "RRSIG", "NOERROR aa; " SOA_300 },
	{ "an alias into another zone of ours ends the answer", "into-child.example.", "A",
	    "NOERROR aa; AN into-child.example. 3600 IN CNAME ns.child.example.; " },
	{ "ANY is answered with one RRset", "www.example.", "ANY",
	    "NOERROR aa; AN www.example. 3600 IN A 192.0.2.3; AN www.example. 3600 IN A 192.0.2.4; " },
	{ "outside of all zones", "www.test.", "A", "REFUSED; " },
	{ "glue for a name outside does not make it ours", "ns.outside.test.", "A", "REFUSED; " },
	{ "the root", ".", "NS", "REFUSED; " },

	{ "CNAME is followed", "alias.example.", "TXT",
	    "NOERROR aa; AN alias.example. 3600 IN CNAME www.example.; AN www.example. 3600 IN TXT \"hello\"; " },
	{ "twice", "alias2.example.", "TXT",
	    "NOERROR aa; AN alias2.example. 3600 IN CNAME alias.example.; AN alias.example. 3600 IN CNAME www.example.; "
	    "AN www.example. 3600 IN TXT \"hello\"; " },
	{ "but not when it is asked for", "alias2.example.", "CNAME",
	    "NOERROR aa; AN alias2.example. 3600 IN CNAME alias.example.; " },
	{ "nor for ANY", "alias2.example.", "ANY", "NOERROR aa; AN alias2.example. 3600 IN CNAME alias.example.; " },
	{ "to a name without the type", "alias.example.", "AAAA",
	    "NOERROR aa; AN alias.example. 3600 IN CNAME www.example.; " SOA_300 },
	{ "to a name that is not there: NXDOMAIN (RFC 6604)", "dangling.example.", "A",
	    "NXDOMAIN aa; AN dangling.example. 3600 IN CNAME nowhere.example.; " SOA_300 },
	{ "out of the zone: the resolver asks on", "away.example.", "A",
	    "NOERROR aa; AN away.example. 3600 IN CNAME www.outside.test.; " },
	{ "into another zone of ours: likewise", "to-other.example.", "A",
	    "NOERROR aa; AN to-other.example. 3600 IN CNAME www.other.; " },
	{ "below a cut: referral behind the alias", "into-cut.example.", "A",
	    "NOERROR aa; AN into-cut.example. 3600 IN CNAME host.sub.example.; AU sub.example. 3600 IN NS ns.sub.example.; "
	    "AU sub.example. 3600 IN NS ns.outside.test.; AU sub.example. 3600 IN NS ns1.example.; "
	    "AD ns.sub.example. 3600 IN A 192.0.2.8; AD ns.outside.test. 3600 IN A 192.0.2.10; "
	    "AD ns1.example. 3600 IN A 192.0.2.1; AD ns1.example. 3600 IN AAAA 2001:db8::1; " },
	{ "a loop of two ends", "loop1.example.", "A",
	    "NOERROR aa; AN loop1.example. 3600 IN CNAME loop2.example.; AN loop2.example. 3600 IN CNAME loop1.example.; " },
	{ "a loop of one ends", "self.example.", "A", "NOERROR aa; AN self.example. 3600 IN CNAME self.example.; " },

	{ "RFC 4592: a wildcard answers", "host3.wild.example.", "MX",
	    "NOERROR aa; AN host3.wild.example. 3600 IN MX 10 mail.example.; AD mail.example. 60 IN A 192.0.2.2; " },
	{ "NODATA of a wildcard", "host3.wild.example.", "A", "NOERROR aa; " SOA_300 },
	{ "several labels below the closest encloser", "foo.bar.wild.example.", "TXT",
	    "NOERROR aa; AN foo.bar.wild.example. 3600 IN TXT \"this is a wildcard\"; " },
	{ "a name that is there hides it", "host1.wild.example.", "MX", "NOERROR aa; " SOA_300 },
	{ "a name below a wildcard's own is no wildcard", "sub.*.wild.example.", "MX", "NOERROR aa; " SOA_300 },
	{ "an empty non-terminal hides it", "_tcp.host1.wild.example.", "MX", "NOERROR aa; " SOA_300 },
	{ "its closest encloser stops it", "_telnet._tcp.host1.wild.example.", "SRV", "NXDOMAIN aa; " SOA_300 },
	{ "below * itself nothing is synthesized", "ghost.*.wild.example.", "MX", "NXDOMAIN aa; " SOA_300 },
	{ "the wildcard's own name", "*.wild.example.", "TXT",
	    "NOERROR aa; AN *.wild.example. 3600 IN TXT \"this is a wildcard\"; " },
	{ "a wildcard with an alias", "any.wcname.example.", "TXT",
	    "NOERROR aa; AN any.wcname.example. 3600 IN CNAME www.example.; AN www.example. 3600 IN TXT \"hello\"; " },
	{ "a wildcard that is an alias of a name that it covers", "y.wloop.example.", "A",
	    "NOERROR aa; AN y.wloop.example. 3600 IN CNAME x.wloop.example.; "
	    "AN x.wloop.example. 3600 IN CNAME x.wloop.example.; " },
	{ "an empty non-terminal wildcard: NODATA", "y.went.example.", "A", "NOERROR aa; " SOA_300 },

	{ "below a cut: referral, needed glue first", "a.b.sub.example.", "A",
	    "NOERROR; AU sub.example. 3600 IN NS ns.sub.example.; AU sub.example. 3600 IN NS ns.outside.test.; "
	    "AU sub.example. 3600 IN NS ns1.example.; AD ns.sub.example. 3600 IN A 192.0.2.8; "
	    "AD ns.outside.test. 3600 IN A 192.0.2.10; AD ns1.example. 3600 IN A 192.0.2.1; "
	    "AD ns1.example. 3600 IN AAAA 2001:db8::1; " },
	{ "glue is not answered as data", "ns.sub.example.", "A",
	    "NOERROR; AU sub.example. 3600 IN NS ns.sub.example.; AU sub.example. 3600 IN NS ns.outside.test.; "
	    "AU sub.example. 3600 IN NS ns1.example.; AD ns.sub.example. 3600 IN A 192.0.2.8; "
	    "AD ns.outside.test. 3600 IN A 192.0.2.10; AD ns1.example. 3600 IN A 192.0.2.1; "
	    "AD ns1.example. 3600 IN AAAA 2001:db8::1; " },
	{ "DS at the cut is the upper side's", "sub.example.", "DS",
	    "NOERROR aa; AN sub.example. 300 IN DS 1 13 2 "
	    "0000000000000000000000000000000000000000000000000000000000000000; " },
	{ "no DS at the cut", "glued.example.", "DS", "NOERROR aa; " SOA_300 },
	{ "DS where both sides are ours: the upper one", "child.example.", "DS",
	    "NOERROR aa; AN child.example. 300 IN DS 2 13 2 "
	    "0000000000000000000000000000000000000000000000000000000000000000; " },
	{ "everything else there: the lower one", "child.example.", "TXT",
	    "NOERROR aa; AU child.example. 60 IN SOA ns.child.example. hostmaster.example. 1 7200 3600 604800 300; " },
	{ "DS at an apex whose upper side is not ours: NODATA", "other.", "DS",
	    "NOERROR aa; AU other. 300 IN SOA ns.other. hostmaster.other. 1 7200 3600 604800 300; " },

	{ "DNAME above: CNAME with its TTL", "x.dn.example.", "A",
	    "NOERROR aa; AN dn.example. 120 IN DNAME target.example.; AN x.dn.example. 120 IN CNAME x.target.example.; "
	    "AN x.target.example. 3600 IN A 192.0.2.12; " },
	{ "DNAME does not speak of its owner", "dn.example.", "A", "NOERROR aa; AN dn.example. 3600 IN A 192.0.2.11; " },
	{ "DNAME itself", "dn.example.", "DNAME", "NOERROR aa; AN dn.example. 120 IN DNAME target.example.; " },
	{ "the CNAME is what was asked for", "x.dn.example.", "CNAME",
	    "NOERROR aa; AN dn.example. 120 IN DNAME target.example.; AN x.dn.example. 120 IN CNAME x.target.example.; " },
	{ "ANY follows it", "x.dn.example.", "ANY",
	    "NOERROR aa; AN dn.example. 120 IN DNAME target.example.; AN x.dn.example. 120 IN CNAME x.target.example.; "
	    "AN x.target.example. 3600 IN A 192.0.2.12; " },
	{ "to a name that is not there", "y.dn.example.", "A",
	    "NXDOMAIN aa; AN dn.example. 120 IN DNAME target.example.; AN y.dn.example. 120 IN CNAME y.target.example.; "
	    SOA_300 },
	{ "out of the zone", "a.b.out.example.", "A",
	    "NOERROR aa; AN out.example. 3600 IN DNAME outside.test.; AN a.b.out.example. 3600 IN CNAME a.b.outside.test.; " },
	{ "two DNAMEs in a row", "x.chain.example.", "A",
	    "NOERROR aa; AN chain.example. 3600 IN DNAME chain2.example.; "
	    "AN x.chain.example. 3600 IN CNAME x.chain2.example.; AN chain2.example. 3600 IN DNAME target.example.; "
	    "AN x.chain2.example. 3600 IN CNAME x.target.example.; AN x.target.example. 3600 IN A 192.0.2.12; " },
	{ "the same DNAME twice is written once", "a.twice.example.", "A",
	    "NOERROR aa; AN twice.example. 3600 IN DNAME back.example.; "
	    "AN a.twice.example. 3600 IN CNAME a.back.example.; AN a.back.example. 3600 IN CNAME b.twice.example.; "
	    "AN b.twice.example. 3600 IN CNAME b.back.example.; AN b.back.example. 3600 IN A 192.0.2.13; " },
	{ "a DNAME that leads to itself is written once", "own.own.example.", "DNAME",
	    "NOERROR aa; AN own.example. 3600 IN DNAME example.; AN own.own.example. 3600 IN CNAME own.example.; " },
	{ "for ANY too", "own.own.example.", "ANY",
	    "NOERROR aa; AN own.example. 3600 IN DNAME example.; AN own.own.example. 3600 IN CNAME own.example.; " },
	{ "a name that grows too long: YXDOMAIN", "aaaaaaaaaaaaaaaaaaaa.long.example.", "A",
	    "YXDOMAIN aa; AN long.example. 3600 IN DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example.; " },

	{ "too large for UDP without EDNS: TC, and no part of the RRset", "big.example.", "TXT", "NOERROR aa tc; " },
	{ "what fits before it stays", "to-big.example.", "TXT",
	    "NOERROR aa tc; AN to-big.example. 3600 IN CNAME big.example.; " },
	{ "needed glue that does not fit: TC (RFC 9471)", "x.glued.example.", "A",
	    "NOERROR tc; AU glued.example. 3600 IN NS ns1.glued.example.; AU glued.example. 3600 IN NS ns2.glued.example.; "
	    "AD ns1.glued.example. 3600 IN AAAA 2001:db8::100; AD ns1.glued.example. 3600 IN AAAA 2001:db8::101; "
	    "AD ns1.glued.example. 3600 IN AAAA 2001:db8::102; AD ns1.glued.example. 3600 IN AAAA 2001:db8::103; "
	    "AD ns1.glued.example. 3600 IN AAAA 2001:db8::104; AD ns1.glued.example. 3600 IN AAAA 2001:db8::105; "
	    "AD ns1.glued.example. 3600 IN AAAA 2001:db8::106; AD ns1.glued.example. 3600 IN AAAA 2001:db8::107; "
	    "AD ns1.glued.example. 3600 IN AAAA 2001:db8::108; " },

	{ "MAILB is long gone", "example.", "MAILB", "NOTIMP; " },
	{ "type 0 is none that a zone has", "www.example.", "TYPE0", "NOERROR aa; " SOA_300 },
	{ "TKEY is not asked for without a TKEY record", "www.example.", "TKEY", "FORMERR; " },
	{ "OPT is no type to ask for", "example.", "TYPE41", "FORMERR; " },
	{ "a type that nobody knows", "www.example.", "TYPE65280", "NOERROR aa; " SOA_300 },
};

static const struct answer_settings settings = {
	.nsid = "ns1", .identity = "ns2", .hostname = "ns3", .version = "certns 1", .udp_size = MSG_UDP_EDNS
};
static struct zoneset *zones;

static size_t
make_query(const char *qname, const char *qtype, uint16_t qclass, uint16_t edns_size, uint8_t msg[512])
{
	struct question q = { .qclass = qclass };
	struct wr w;

	check(dname_from_str(qname, &q.qname) == ERR_OK && rrtype_parse(qtype, strlen(qtype), &q.qtype), "%s %s", qname, qtype);
	wr_init(&w, msg, 512);
	msg_header_write(&w, &(struct msg_header){ 4711, FLAG_RD | FLAG_CD, 1, 0, 0, edns_size > 0 });
	question_write(&w, &q);
	if (edns_size > 0)
		edns_write(&w, edns_size, 0, true);
	check(!w.full, "the query fits");
	return wr_len(&w);
}

static void
print_section(char *text, const char *section, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *rr = ldns_rr2str(ldns_rr_list_rr(list, i));

		rr[strcspn(rr, ";\n")] = '\0';		/* ldns adds remarks to DS */
		for (char *p = rr; *p != '\0'; p++)
			*p = *p == '\t' ? ' ' : *p;
		while (rr[strlen(rr) - 1] == ' ')
			rr[strlen(rr) - 1] = '\0';
		sprintf(text + strlen(text), "%s %s; ", section, rr);
		free(rr);
	}
}

/* "RCODE flags; SECTION record; ..." */
static const char *
print_response(const uint8_t *msg, size_t n)
{
	static char text[65536];
	ldns_pkt *p = NULL;

	check(ldns_wire2pkt(&p, msg, n) == LDNS_STATUS_OK, "ldns reads the response");
	check(ldns_pkt_id(p) == 4711 && ldns_pkt_qr(p) && ldns_pkt_rd(p) && !ldns_pkt_ra(p) && !ldns_pkt_cd(p) &&
	    !ldns_pkt_ad(p), "ID and flags");
	sprintf(text, "%s%s%s; ", rcode_str(ldns_pkt_get_rcode(p)), ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "");
	print_section(text, "AN", ldns_pkt_answer(p));
	print_section(text, "AU", ldns_pkt_authority(p));
	print_section(text, "AD", ldns_pkt_additional(p));
	ldns_pkt_free(p);
	return text;
}

static size_t
ask(const uint8_t *msg, size_t n, bool tcp, uint8_t out[MSG_MAX])
{
	struct request q;
	size_t length;
	int rcode = request_parse(&q, msg, n, tcp);

	check(rcode == RCODE_NOERROR, "the query is good");
	rcu_thread_online();
	length = answer_query(zones, &settings, &q, out, MSG_MAX);
	rcu_thread_offline();
	return length;
}

static void
test_answers(void **state)
{
	uint8_t msg[512], out[MSG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		size_t n = make_query(answers[i].qname, answers[i].qtype, CLASS_IN, 0, msg);
		const char *text;

		size_t m = ask(msg, n, false, out);
		check(m <= MSG_UDP_PLAIN, "%s: %zu octets", answers[i].why, m);
		check(memcmp(out + 12, msg + 12, n - 12) == 0, "%s: the question is repeated", answers[i].why);
		text = print_response(out, m);
		check(strcmp(text, answers[i].response) == 0, "%s:\n  want %s\n  have %s", answers[i].why,
		    answers[i].response, text);
	}
}

static void
test_a_dname_loop_ends(void **state)
{
	uint8_t msg[512], out[MSG_MAX];
	size_t n = ask(msg, make_query("y.dloop.example.", "A", CLASS_IN, 0, msg), true, out);

	(void)state;
	check(out[3] == RCODE_NOERROR, "NOERROR");
	check(out[7] == 17, "one DNAME and sixteen CNAMEs, not %u", out[7]);
	print_response(out, n);
}

static void
test_edns(void **state)
{
	static const struct { const char *why, *qname; uint16_t size, udp_max; bool tcp, tc; } rows[] = {
		{ "512 octets are too few",		"big.example.",	512,	512,	false,	true },
		{ "less than 512 counts as 512",	"big.example.",	20,	512,	false,	true },
		{ "1232 octets will do",		"big.example.",	1232,	1232,	false,	false },
		{ "no more than we like",		"big.example.",	65535,	1232,	false,	false },
		{ "TCP has room without EDNS",		"big.example.",	0,	65535,	true,	false },
		{ "and with",				"big.example.",	512,	65535,	true,	false },
	};
	uint8_t msg[512], out[MSG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = ask(msg, make_query(rows[i].qname, "TXT", CLASS_IN, rows[i].size, msg), rows[i].tcp, out);
		ldns_pkt *p;

		check(n <= rows[i].udp_max, "%s: not %zu", rows[i].why, n);
		check(((out[2] & 2) != 0) == rows[i].tc, "%s: TC", rows[i].why);
		check(ldns_wire2pkt(&p, out, n) == LDNS_STATUS_OK, "%s: reads", rows[i].why);
		check(ldns_pkt_edns(p) == (rows[i].size > 0), "%s: OPT comes back if it was there", rows[i].why);
		if (rows[i].size > 0)
			check(ldns_pkt_edns_udp_size(p) == 1232 && ldns_pkt_edns_do(p) && ldns_pkt_edns_version(p) == 0,
			    "%s: OPT's contents", rows[i].why);
		ldns_pkt_free(p);
	}
}

static void
test_nsid(void **state)
{
	uint8_t msg[512], out[MSG_MAX];
	size_t n = make_query("www.example.", "A", CLASS_IN, 1232, msg);

	(void)state;
	memcpy(msg + n - 2, "\0\4\0\3\0\0", 6);
	n = ask(msg, n + 4, false, out);
	check(memcmp(out + n - 9, "\0\7\0\3\0\3ns1", 9) == 0, "the identity closes the message");
	print_response(out, n);
}

static void
test_chaos(void **state)
{
	static const struct { const char *why, *qname, *qtype; uint16_t class; const char *response; } rows[] = {
		{ "version", "version.bind.", "TXT", CLASS_CH, "NOERROR aa; AN version.bind. 0 CH TXT \"certns 1\"; " },
		{ "in any case", "ID.Server.", "TXT", CLASS_CH, "NOERROR aa; AN ID.Server. 0 CH TXT \"ns2\"; " },
		{ "host name", "hostname.bind.", "TXT", CLASS_CH, "NOERROR aa; AN hostname.bind. 0 CH TXT \"ns3\"; " },
		{ "other types", "hostname.bind.", "A", CLASS_CH, "REFUSED; " },
		{ "other names", "authors.bind.", "TXT", CLASS_CH, "REFUSED; " },
		{ "other classes", "www.example.", "A", 4, "REFUSED; " },
		{ "class ANY is answered without authority (RFC 1034, section 3.7.1)", "www.example.", "A", CLASS_ANY,
		    "NOERROR; AN www.example. 3600 IN A 192.0.2.3; AN www.example. 3600 IN A 192.0.2.4; " },
	};
	uint8_t msg[512], out[MSG_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = ask(msg, make_query(rows[i].qname, rows[i].qtype, rows[i].class, 0, msg), false, out);
		const char *text = print_response(out, n);

		check(strcmp(text, rows[i].response) == 0, "%s:\n  want %s\n  have %s", rows[i].why, rows[i].response, text);
	}
}

/* Whatever room TSIG takes, the answer leaves it, and header and question always go out. */
static void
test_room_for_tsig(void **state)
{
	uint8_t msg[512], out[MSG_MAX];
	size_t n = make_query("to-big.example.", "TXT", CLASS_IN, 0, msg);
	struct request q;

	(void)state;
	request_parse(&q, msg, n, false);
	q.tsig = (struct tsig_exchange){ .status = TSIG_BAD, .error = RCODE_BADKEY };
	memset(q.tsig.key_name.octets, 1, 254);
	q.tsig.key_name.octets[254] = 0;
	q.tsig.algorithm_name = q.tsig.key_name;
	rcu_thread_online();
	check(answer_query(zones, &settings, &q, out, MSG_MAX) == n, "only header and question fit");
	check((out[2] & 2) != 0, "TC");
	q.tsig.algorithm_name.octets[0] = 0;
	n = answer_query(zones, &settings, &q, out, MSG_MAX);
	check(n + tsig_response_size(&q.tsig) <= MSG_UDP_PLAIN, "room is left for the record");
	rcu_thread_offline();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_a_dname_loop_ends), cmocka_unit_test(test_edns),
		cmocka_unit_test(test_nsid), cmocka_unit_test(test_chaos), cmocka_unit_test(test_room_for_tsig)
	};
	struct zone_store *stores[3];
	const char *const apexes[3] = { "example.", "child.example.", "other." };
	const char *const texts[3] = { example, child, other };
	struct dname apex;
	int failed;

	rcu_register_thread();
	zoneset_new(&zones);
	for (int i = 0; i < 3; i++) {
		stores[i] = zone_from_text(apexes[i], texts[i]);
		dname_from_str(apexes[i], &apex);
		zoneset_add(zones, apex.octets, stores[i]);
	}
	rcu_thread_offline();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rcu_thread_online();
	zoneset_free(zones);
	for (int i = 0; i < 3; i++)
		zone_store_free(stores[i]);
	rcu_unregister_thread();
	return failed;
}

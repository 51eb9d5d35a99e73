#include "tests/unit/check.h"

#include <stdlib.h>

#include "tests/unit/zones/edits.h"
#include "tests/unit/zones/memory.h"
#include "zones/editor.h"
#include "zones/writer.h"

#define HEAD "$TTL 1h\n@ SOA ns1 hostmaster 1 3h 15m 1w 1d\n@ NS ns1\n"
#define HEAD2 "$TTL 1h\n@ SOA ns1 hostmaster 2 3h 15m 1w 1d\n@ NS ns1\n"

static const struct { const char *why, *before, *changes, *after; } edits[] = {
	{ "a serial alone",
	    HEAD, "", HEAD2 },
	{ "a serial in a BIND SOA, its comment stays where it is",
	    "$TTL 3600\n@\tIN\tSOA\tns1.example.com. hostmaster.example.com. (\n"
	    "\t\t\t9          ; serial\n\t\t\t3h         ; refresh\n\t\t\t15m        ; retry\n\t\t\t1w         ; "
	    "expire\n\t\t\t1d )       ; minimum\n\tIN\tNS\tns1\n",
	    "",
	    "$TTL 3600\n@\tIN\tSOA\tns1.example.com. hostmaster.example.com. (\n"
	    "\t\t\t10         ; serial\n\t\t\t3h         ; refresh\n\t\t\t15m        ; retry\n\t\t\t1w         ; "
	    "expire\n\t\t\t1d )       ; minimum\n\tIN\tNS\tns1\n" },
	{ "an SOA whose names and times change",
	    HEAD, "+@ 3600 SOA ns2 hostmaster 7 3h 30m 1w 1d\n",
	    "$TTL 1h\n@ SOA ns2 hostmaster 7 3h 1800 1w 1d\n@ NS ns1\n" },

	/* What changes */
	{ "an address: its comment and column stay",
	    HEAD "www   A  192.0.2.1     ; the web\n", "-www A 192.0.2.1\n+www A 192.0.2.100\n",
	    HEAD2 "www   A  192.0.2.100   ; the web\n" },
	{ "one of several addresses",
	    HEAD "www A 192.0.2.1 ; one\nwww A 192.0.2.2 ; two\nwww A 192.0.2.3 ; three\n",
	    "-www A 192.0.2.2\n+www A 192.0.2.4\n", HEAD2 "www A 192.0.2.1 ; one\nwww A 192.0.2.4 ; two\nwww A "
	    "192.0.2.3 ; three\n" },
	{ "a preference alone: the name stays as written",
	    HEAD "@  MX  10  mail.example.com.\n", "-@ MX 10 mail\n+@ MX 5 mail\n",
	    HEAD2 "@  MX  5   mail.example.com.\n" },
	{ "a target written absolute",
	    HEAD "a CNAME b.example.com.\n", "-a CNAME b\n+a CNAME c\n", HEAD2 "a CNAME c.example.com.\n" },
	{ "a target written relative",
	    HEAD "a CNAME b\n", "-a CNAME b\n+a CNAME c\n", HEAD2 "a CNAME c\n" },
	{ "one string of a TXT in parentheses",
	    HEAD "k TXT ( \"v=DKIM1; k=rsa; \" ; the head\n      \"p=AAAA\"  ; first\n      \"BBBB\" ) ; last\n",
	    "-k TXT \"v=DKIM1; k=rsa; \" p=AAAA BBBB\n+k TXT \"v=DKIM1; k=rsa; \" p=CCCC BBBB\n",
	    HEAD2 "k TXT ( \"v=DKIM1; k=rsa; \" ; the head\n      \"p=CCCC\"  ; first\n      \"BBBB\" ) ; last\n" },
	{ "a TXT with one string less",
	    HEAD "k TXT ( \"a\"\n \"b\" ) ; last\n", "-k TXT a b\n+k TXT a\n", HEAD2 "k TXT ( \"a\"\n ) ; last\n" },
	{ "a TXT with one string more, without quotes",
	    HEAD "k TXT a\n", "-k TXT a\n+k TXT b c\n", HEAD2 "k TXT b c\n" },
	{ "a TXT that needs quotes now",
	    HEAD "k TXT a\n", "-k TXT a\n+k TXT \"b c\"\n", HEAD2 "k TXT \"b c\"\n" },
	{ "a TLSA on several lines, in upper case",
	    HEAD "_443._tcp TLSA 3 1 1 (\n\t\t00112233445566778899AABBCCDDEEFF\n\t\t00112233445566778899AABBCCDDEEFF ) "
	    "; web\n", "-_443._tcp TLSA 3 1 1 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
	    "+_443._tcp TLSA 3 1 1 ff112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEE00\n",
	    HEAD2 "_443._tcp TLSA 3 1 1 (\n\t\tFF112233445566778899AABBCCDDEEFF\n\t\t00112233445566778899AABBCCDDEE00 "
	    ") ; web\n" },
	{ "an SVCB parameter",
	    HEAD "@ HTTPS 1 . alpn=\"h2\" port=443 ; web\n", "-@ HTTPS 1 . alpn=h2 port=443\n+@ HTTPS 1 . alpn=h2 "
	    "port=8443\n", HEAD2 "@ HTTPS 1 . alpn=\"h2\" port=8443 ; web\n" },
	{ "rdata in parentheses that open before the type",
	    HEAD "www ( A\n 192.0.2.1 )\n", "-www A 192.0.2.1\n+www A 192.0.2.9\n", HEAD2 "www ( A\n 192.0.2.9 )\n" },
	{ "a CNAME that becomes an address stays in its place",
	    HEAD "a A 192.0.2.1\nb CNAME a ; b\nc A 192.0.2.3\n", "-b CNAME a\n+b A 192.0.2.2\n",
	    HEAD2 "a A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n" },

	/* TTLs */
	{ "a TTL that there was",
	    HEAD "www 300 IN A 192.0.2.1\n", "+www 600 A 192.0.2.1\n", HEAD2 "www 600 IN A 192.0.2.1\n" },
	{ "a TTL that there was not",
	    HEAD "www     IN A 192.0.2.1\n", "+www 600 A 192.0.2.1\n", HEAD2 "www 600 IN A 192.0.2.1\n" },
	{ "a TTL behind the class, as elsewhere",
	    HEAD "a IN 5 A 192.0.2.1\nwww IN A 192.0.2.1\n", "+www 600 A 192.0.2.1\n",
	    HEAD2 "a IN 5 A 192.0.2.1\nwww IN 600 A 192.0.2.1\n" },
	{ "a TTL between tabs",
	    HEAD "www\t\tIN\tA\t192.0.2.1\n", "+www 600 A 192.0.2.1\n", HEAD2 "www\t600\tIN\tA\t192.0.2.1\n" },
	{ "a TTL that is the default's now",
	    HEAD "a   IN A 192.0.2.9\nwww 300 IN A 192.0.2.1\n", "+www 3600 A 192.0.2.1\n",
	    HEAD2 "a   IN A 192.0.2.9\nwww IN A 192.0.2.1\n" },
	{ "a TTL of a column of its own that is the default's now",
	    HEAD "a       IN A 192.0.2.9\nwww 300 IN A 192.0.2.1\n    300 IN AAAA 2001:db8::1\n",
	    "+www 3600 A 192.0.2.1\n+www 3600 AAAA 2001:db8::1\n",
	    HEAD2 "a       IN A 192.0.2.9\nwww     IN A 192.0.2.1\n        IN AAAA 2001:db8::1\n" },
	{ "a TTL that others write though it is the default's",
	    "$TTL 60\n@ 60 SOA ns1 h 1 2 3 4 5\n@ 60 NS ns1\nwww 300 A 192.0.2.1\n", "+www 60 A 192.0.2.1\n",
	    "$TTL 60\n@ 60 SOA ns1 h 2 2 3 4 5\n@ 60 NS ns1\nwww 60 A 192.0.2.1\n" },
	{ "TTLs that hang on the one that goes",
	    "@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\na 300 A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n", "-a A 192.0.2.1\n",
	    "@ 60 SOA ns1 h 2 2 3 4 5\n@ NS ns1\nb 300 A 192.0.2.2\nc A 192.0.2.3\n" },
	{ "TTLs that hang on one that changes",
	    "@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\na 300 A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n",
	    "+a 500 A 192.0.2.1\n", "@ 60 SOA ns1 h 2 2 3 4 5\n@ NS ns1\na 500 A 192.0.2.1\nb 300 A 192.0.2.2\nc A "
	    "192.0.2.3\n" },
	{ "the SOA's minimum was everybody's TTL",
	    "@ SOA ns1 h 1 2 3 4 500\n@ NS ns1\na A 192.0.2.1\n", "+@ 500 SOA ns1 h 2 2 3 4 600\n",
	    "$TTL 500\n@ SOA ns1 h 2 2 3 4 600\n@ NS ns1\na A 192.0.2.1\n" },
	{ "a new RR under the SOA's minimum",
	    "@ SOA ns1 h 1 2 3 4 500\n@ NS ns1\na A 192.0.2.1\n", "+b 500 A 192.0.2.2\n+c 7 A 192.0.2.3\n",
	    "@ SOA ns1 h 2 2 3 4 500\n@ NS ns1\na A 192.0.2.1\nb A 192.0.2.2\nc 7 A 192.0.2.3\n" },
	{ "TTLs that differ in an RRset do not matter as long as the smallest stays",
	    HEAD "a 300 A 192.0.2.1\na 400 A 192.0.2.2\n", "+a 300 A 192.0.2.3\n",
	    HEAD2 "a 300 A 192.0.2.1\na 400 A 192.0.2.2\na 300 A 192.0.2.3\n" },

	/* What goes */
	{ "a line",
	    HEAD "; web\nwww A 192.0.2.1\n\n; mail\nmail A 192.0.2.2\n", "-www A 192.0.2.1\n",
	    HEAD2 "; web\n\n; mail\nmail A 192.0.2.2\n" },
	{ "the first of a group gives its owner on",
	    HEAD "www\tA\t192.0.2.1\n\tAAAA\t2001:db8::1\n\tTXT\t\"x\"\nmail A 192.0.2.2\n", "-www A 192.0.2.1\n",
	    HEAD2 "www\tAAAA\t2001:db8::1\n\tTXT\t\"x\"\nmail A 192.0.2.2\n" },
	{ "the first two of a group",
	    HEAD "web.example.com. A 192.0.2.1\n                 AAAA 2001:db8::1\n                 TXT x\n",
	    "-web A 192.0.2.1\n-web AAAA 2001:db8::1\n", HEAD2 "web.example.com. TXT x\n" },
	{ "the middle of a group",
	    HEAD "www A 192.0.2.1\n    AAAA 2001:db8::1\n    TXT x\n", "-www AAAA 2001:db8::1\n",
	    HEAD2 "www A 192.0.2.1\n    TXT x\n" },
	{ "all of a group",
	    HEAD "www A 192.0.2.1\n    AAAA 2001:db8::1\nz A 192.0.2.2\n", "-www AAAA 2001:db8::1\n-www A 192.0.2.1\n",
	    HEAD2 "z A 192.0.2.2\n" },
	{ "an owner that is handed on over an $ORIGIN",
	    HEAD "www A 192.0.2.1\n$ORIGIN sub.example.com.\n    TXT x\n", "-www A 192.0.2.1\n",
	    HEAD2 "$ORIGIN sub.example.com.\nwww.example.com. TXT x\n" },
	{ "what a line says twice goes twice",
	    HEAD "a A 192.0.2.1\nb A 192.0.2.1\na A 192.0.2.1\n", "-a A 192.0.2.1\n", HEAD2 "b A 192.0.2.1\n" },
	{ "a line that is not the zone's stays",
	    HEAD "a A 192.0.2.1\nother.net. A 192.0.2.1\n", "-a A 192.0.2.1\n", HEAD2 "other.net. A 192.0.2.1\n" },
	{ "the address of a server that is none any more",
	    HEAD "@ NS ns.other.net.\nns.other.net. A 192.0.2.1\n", "-@ NS ns.other.net.\n-ns.other.net. A 192.0.2.1\n",
	    HEAD2 "ns.other.net. A 192.0.2.1\n" },
	{ "an address of a server outside",
	    HEAD "@ NS ns.other.net.\nns.other.net. A 192.0.2.1\nns.other.net. A 192.0.2.2\n",
	    "-ns.other.net. A 192.0.2.1\n", HEAD2 "@ NS ns.other.net.\nns.other.net. A 192.0.2.2\n" },

	/* What comes */
	{ "beside its RRset",
	    HEAD "www A 192.0.2.1\nwww TXT x\nmail A 192.0.2.2\n", "+www A 192.0.2.9\n",
	    HEAD2 "www A 192.0.2.1\nwww A 192.0.2.9\nwww TXT x\nmail A 192.0.2.2\n" },
	{ "beside its owner, whose name is left out in this file",
	    HEAD "www     A     192.0.2.1\n        TXT   \"x\"\nmail    A     192.0.2.2\n", "+www AAAA 2001:db8::1\n",
	    HEAD2 "www     A     192.0.2.1\n        TXT   \"x\"\n        AAAA  2001:db8::1\nmail    A     "
	    "192.0.2.2\n" },
	{ "with tabs, a class, and a TTL as others have it",
	    HEAD "www\t\t1h\tIN\tA\t192.0.2.1\nmail\t\t1h\tIN\tA\t192.0.2.2\n", "+ftp 3600 A 192.0.2.3\n",
	    HEAD2 "www\t\t1h\tIN\tA\t192.0.2.1\nmail\t\t1h\tIN\tA\t192.0.2.2\nftp\t\t1h\tIN\tA\t192.0.2.3\n" },
	{ "with or without a TTL as the nearest have it",
	    HEAD "@ 3600 MX 5 a\nwww 1h A 192.0.2.1\nmail A 192.0.2.2\n",
	    "+@ NS ns2\n+@ TXT x\n+www AAAA 2001:db8::1\n+mail AAAA 2001:db8::1\n",
	    HEAD2 "@ NS ns2\n@ 3600 MX 5 a\n@ 3600 TXT \"x\"\nwww 1h A 192.0.2.1\nwww 1h AAAA 2001:db8::1\nmail A "
	    "192.0.2.2\nmail AAAA 2001:db8::1\n" },
	{ "in columns of blanks",
	    HEAD "a            IN A      192.0.2.1\nalonglonger1 IN AAAA   2001:db8::1\n", "+b 3600 TXT x\n",
	    HEAD2 "a            IN A      192.0.2.1\nalonglonger1 IN AAAA   2001:db8::1\nb            IN TXT    "
	    "\"x\"\n" },
	{ "with one tab each",
	    HEAD "a\tIN\tA\t192.0.2.1\nalonglonger1\tIN\tA\t192.0.2.2\n", "+b 3600 A 192.0.2.3\n",
	    HEAD2 "a\tIN\tA\t192.0.2.1\nalonglonger1\tIN\tA\t192.0.2.2\nb\tIN\tA\t192.0.2.3\n" },
	{ "types in lower case",
	    HEAD "a in a 192.0.2.1\n", "+b 3600 TXT x\n", HEAD2 "a in a 192.0.2.1\nb in txt \"x\"\n" },
	{ "absolute names",
	    "$TTL 1h\nexample.com. SOA ns1.example.com. h.example.com. 1 2 3 4 5\nexample.com. NS "
	    "ns1.example.com.\nns1.example.com. A 192.0.2.1\n", "+www 3600 CNAME ns1\n",
	    "$TTL 1h\nexample.com. SOA ns1.example.com. h.example.com. 2 2 3 4 5\nexample.com. NS "
	    "ns1.example.com.\nns1.example.com. A 192.0.2.1\nwww.example.com. CNAME ns1.example.com.\n" },
	{ "in a file in order",
	    HEAD "a A 192.0.2.1\nc A 192.0.2.1\nd A 192.0.2.1\nz A 192.0.2.1\n",
	    "+b 3600 A 192.0.2.1\n+e 3600 A 192.0.2.1\n",
	    HEAD2 "a A 192.0.2.1\nb A 192.0.2.1\nc A 192.0.2.1\nd A 192.0.2.1\ne A 192.0.2.1\nz A 192.0.2.1\n" },
	{ "in a reverse file in the order of numbers",
	    HEAD "1 PTR a.\n2 PTR b.\n10 PTR c.\n20 PTR d.\n", "+9 3600 PTR x.\n+11 3600 PTR y.\n",
	    HEAD2 "1 PTR a.\n2 PTR b.\n9 PTR x.\n10 PTR c.\n11 PTR y.\n20 PTR d.\n" },
	{ "beside the names below the same name",
	    HEAD "www A 192.0.2.1\na.lab A 192.0.2.1\nb.lab A 192.0.2.1\n\n; mail\nmail A 192.0.2.1\nftp A 192.0.2.1\n",
	    "+c.lab 3600 A 192.0.2.1\n", HEAD2 "www A 192.0.2.1\na.lab A 192.0.2.1\nb.lab A 192.0.2.1\nc.lab A "
	    "192.0.2.1\n\n; mail\nmail A 192.0.2.1\nftp A 192.0.2.1\n" },
	{ "in a series",
	    HEAD "www A 192.0.2.1\nhost8 A 192.0.2.1\nhost9 A 192.0.2.1\n; mail\nmail A 192.0.2.1\nb A 192.0.2.2\n",
	    "+host10 3600 A 192.0.2.1\n", HEAD2 "www A 192.0.2.1\nhost8 A 192.0.2.1\nhost9 A 192.0.2.1\nhost10 A "
	    "192.0.2.1\n; mail\nmail A 192.0.2.1\nb A 192.0.2.2\n" },
	{ "behind the others of its type",
	    HEAD "; hosts\nzeta A 192.0.2.1\nbeta A 192.0.2.1\n\n; aliases\nwww CNAME zeta\nftp CNAME zeta\n",
	    "+qqq 3600 A 192.0.2.1\n+xxx 3600 CNAME beta\n",
	    HEAD2 "; hosts\nzeta A 192.0.2.1\nbeta A 192.0.2.1\nqqq A 192.0.2.1\n\n; aliases\nwww CNAME zeta\nftp "
	    "CNAME zeta\nxxx CNAME beta\n" },
	{ "several RRs of a new owner in one place",
	    HEAD "; hosts\nzeta A 192.0.2.1\nbeta A 192.0.2.1\n\n; aliases\nwww CNAME zeta\n",
	    "+qqq 3600 A 192.0.2.1\n+qqq 3600 AAAA 2001:db8::1\n",
	    HEAD2 "; hosts\nzeta A 192.0.2.1\nbeta A 192.0.2.1\nqqq A 192.0.2.1\nqqq AAAA 2001:db8::1\n\n; "
	    "aliases\nwww CNAME zeta\n" },
	{ "several RRs of a new owner, its name left out as elsewhere",
	    HEAD "zeta A    192.0.2.1\n     AAAA 2001:db8::1\n", "+qqq 3600 A 192.0.2.1\n+qqq 3600 AAAA 2001:db8::1\n",
	    HEAD2 "zeta A    192.0.2.1\n     AAAA 2001:db8::1\nqqq  A    192.0.2.1\n     AAAA 2001:db8::1\n" },
	{ "not between an owner and those who rely on it",
	    HEAD "host1 A 192.0.2.1\n      TXT x\nalpha A 192.0.2.2\n", "+host2 3600 A 192.0.2.1\n",
	    HEAD2 "host1 A 192.0.2.1\n      TXT x\nhost2 A 192.0.2.1\nalpha A 192.0.2.2\n" },
	{ "above an $ORIGIN that is not its own",
	    HEAD "w TXT a\n$ORIGIN sub.example.com.\nq A 192.0.2.1\n", "+new 3600 MX 5 w\n",
	    HEAD2 "w TXT a\nnew MX 5 w\n$ORIGIN sub.example.com.\nq A 192.0.2.1\n" },
	{ "below its own $ORIGIN",
	    HEAD "w TXT a\n$ORIGIN sub.example.com.\nq A 192.0.2.1\n", "+new.sub 3600 CNAME q.sub\n",
	    HEAD2 "w TXT a\n$ORIGIN sub.example.com.\nq A 192.0.2.1\nnew CNAME q\n" },
	{ "upper case hex where others have it",
	    HEAD "_1._tcp TLSA 3 1 1 AABB\n", "+_2._tcp 3600 TLSA 3 1 1 ccdd\n",
	    HEAD2 "_1._tcp TLSA 3 1 1 AABB\n_2._tcp TLSA 3 1 1 CCDD\n" },
	{ "behind a multi-line SOA",
	    "$TTL 1h\n@  IN SOA ns1 h (\n 1 2 3 4 5 )\n   IN NS  ns1\n", "+@ 3600 MX 5 ns1\n+w 3600 A 192.0.2.1\n",
	    "$TTL 1h\n@  IN SOA ns1 h (\n 2 2 3 4 5 )\n   IN NS  ns1\n   IN MX  5 ns1\nw  IN A   192.0.2.1\n" },

	{ "in a file with a section for everything (BIND, by hand)",
	    "$ORIGIN example.com.\n$TTL 86400\n@\t1D\tIN\tSOA\tns.icann.org. noc.dns.icann.org. (\n\t\t\t2020080302  "
	    ";Serial\n\t\t\t7200        ;Refresh\n\t\t\t3600        ;Retry\n\t\t\t1209600     ;Expire\n\t\t\t3600      "
	    "  ;Negative\n)\n\n; servers\n\t\t\t\tNS\ta.iana-servers.net.\n\n"
	    "; the apex\n\t\t86400\t\tA\t93.184.216.34\n\n; mail\n\t\t86400\t\tMX\t0 "
	    ".\n\nwww\t\t86400\t\tA\t93.184.216.34\nfoo\t\tIN\t600\tA\t192.0.2.1\nws1.sales\t\tA\t192.0.2.8\nws2.sales\t\tA\t192.0.2.9\n_sip._tcp\tSRV\t0 5 5060 sip\nsip\t\tCNAME\twww\n",
	    "+@ 86400 NS c.iana-servers.net.\n+@ 86400 TXT x\n+www 86400 AAAA 2001:db8::1\n+api 86400 A "
	    "192.0.2.5\n+ws3.sales 86400 A 192.0.2.10\n+_sip._tcp 86400 SRV 1 5 5060 sip2\n+foo 86400 A 192.0.2.1\n",
	    "$ORIGIN example.com.\n$TTL 86400\n@\t1D\tIN\tSOA\tns.icann.org. noc.dns.icann.org. (\n\t\t\t2020080303  "
	    ";Serial\n\t\t\t7200        ;Refresh\n\t\t\t3600        ;Retry\n\t\t\t1209600     ;Expire\n\t\t\t3600      "
	    "  ;Negative\n)\n\n; servers\n\t\t\t\tNS\ta.iana-servers.net.\n\t\t\t\tNS\tc.iana-servers.net.\n\n"
	    "; the apex\n\t\t86400\t\tA\t93.184.216.34\n\n; mail\n\t\t86400\t\tMX\t0 "
	    ".\n\t\t86400\t\tTXT\t\"x\"\n\nwww\t\t86400\t\tA\t93.184.216.34\n\t\t86400\t\tAAAA\t2001:db8::1\n"
	    "foo\t\tIN\tA\t\t192.0.2.1\napi\t\tIN\t86400\tA\t192.0.2.5\nws1.sales\t\tA\t192.0.2.8\nws2.sales\t\tA\t192.0.2.9\nws3.sales\t\tA\t192.0.2.10\n"
	    "_sip._tcp\tSRV\t0 5 5060 sip\n\t\tSRV\t1 5 5060 sip2\nsip\t\tCNAME\twww\n" },

	/* Line ends */
	{ "CRLF",
	    "$TTL 1h\r\n@ SOA ns1 h 1 2 3 4 5\r\n@ NS ns1\r\na A 192.0.2.1\r\n",
	    "-a A 192.0.2.1\n+a A 192.0.2.2\n+b A 192.0.2.3\n",
	    "$TTL 1h\r\n@ SOA ns1 h 2 2 3 4 5\r\n@ NS ns1\r\na A 192.0.2.2\r\nb A 192.0.2.3\r\n" },
	{ "no final line end",
	    HEAD "a A 192.0.2.1", "+b A 192.0.2.2\n+c A 192.0.2.3\n", HEAD2 "a A 192.0.2.1\nb A 192.0.2.2\nc A "
	    "192.0.2.3\n" },
	{ "no final line end, and the last RR changes",
	    HEAD "a A 192.0.2.1", "-a A 192.0.2.1\n+a A 192.0.2.2\n", HEAD2 "a A 192.0.2.2" },
	{ "no final line end, and the last RR goes",
	    HEAD "b A 192.0.2.1\na A 192.0.2.1", "-a A 192.0.2.1\n", HEAD2 "b A 192.0.2.1\n" },
	{ "a mark of UTF-8 and a comment in it",
	    "\xef\xbb\xbf$TTL 1h\n@ SOA ns1 h 9 2 3 4 5  ; Zähler\n@ NS ns1 ; ä\n", "",
	    "\xef\xbb\xbf$TTL 1h\n@ SOA ns1 h 10 2 3 4 5 ; Zähler\n@ NS ns1 ; ä\n" },

	/* $INCLUDE */
	{ "the file that holds the RR",
	    HEAD "$INCLUDE hosts\nb A 192.0.2.9\n=== hosts\nw A 192.0.2.1 ; w\nv A 192.0.2.2\n",
	    "-w A 192.0.2.1\n+w A 192.0.2.7\n", HEAD2 "$INCLUDE hosts\nb A 192.0.2.9\n=== hosts\nw A 192.0.2.7 ; w\nv "
	    "A 192.0.2.2\n" },
	{ "a new host among the hosts",
	    HEAD "$INCLUDE hosts\nm MX 5 w\n=== hosts\nw A 192.0.2.1 ; w\nv A 192.0.2.2\n", "+u A 192.0.2.7\n",
	    HEAD2 "$INCLUDE hosts\nm MX 5 w\n=== hosts\nw A 192.0.2.1 ; w\nv A 192.0.2.2\nu A 192.0.2.7\n" },
	{ "an owner that lasts over an $INCLUDE",
	    HEAD "w A 192.0.2.1\n$INCLUDE hosts\n  TXT x\n=== hosts\nv A 192.0.2.2\n",
	    "-w A 192.0.2.1\n-v A 192.0.2.2\n", HEAD2 "$INCLUDE hosts\nw TXT x\n=== hosts\n" },
	{ "a TTL that lasts over an $INCLUDE",
	    "@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\n$INCLUDE hosts\nz A 192.0.2.9\n=== hosts\nv 7 A 192.0.2.2\n",
	    "-v A 192.0.2.2\n", "@ 60 SOA ns1 h 2 2 3 4 5\n@ NS ns1\n$INCLUDE hosts\nz 7 A 192.0.2.9\n=== hosts\n" },
	{ "a file that stands in two places is left alone",
	    HEAD "$INCLUDE f a\n$INCLUDE f b\nx A 192.0.2.3\n=== f\n@ A 192.0.2.1\n", "+x A 192.0.2.4\n+a TXT x\n",
	    HEAD2 "$INCLUDE f a\n$INCLUDE f b\nx A 192.0.2.3\nx A 192.0.2.4\na TXT \"x\"\n=== f\n@ A 192.0.2.1\n" },
	{ "a change in a file that stands in two places",
	    HEAD "$INCLUDE f a ; two\n$INCLUDE f b\nz A 192.0.2.2\n=== f\n@ A 192.0.2.1 ; f\n", "-a A 192.0.2.1\n",
	    HEAD2 "; $INCLUDE f a ; two\n$ORIGIN a.example.com.\n$ORIGIN example.com.\n; $INCLUDE f b\n$ORIGIN "
	    "b.example.com.\n@ A 192.0.2.1 ; f\n$ORIGIN example.com.\nz A 192.0.2.2\n" },
	{ "a change in a file that others include too",
	    HEAD "$INCLUDE shared\nz A 192.0.2.2\n=== shared\n; ours\na MX 1 m\nb MX 1 m\n", "-a MX 1 m\n+b TXT x\n",
	    HEAD2 "; $INCLUDE shared\n; ours\nb MX 1 m\nb TXT \"x\"\nz A 192.0.2.2\n" },
	{ "a change in a shared file at the end, without line ends",
	    HEAD "$INCLUDE f\nz A 192.0.2.2\n$INCLUDE shared=== f\nf A 192.0.2.1\n=== shared\na MX 1 m\nb MX 1 "
	    "m\n$ORIGIN c\na MX 2 m", "-a MX 1 m\n", HEAD2 "$INCLUDE f\nz A 192.0.2.2\n; $INCLUDE shared\nb MX 1 "
	    "m\n$ORIGIN c\na MX 2 m\n$ORIGIN example.com.\n=== f\nf A 192.0.2.1\n" },
	{ "a new RR does not go into a file that others include too",
	    HEAD "$INCLUDE shared\nz A 192.0.2.2\n=== shared\n; ours\na MX 1 m\nb MX 1 m\n", "+b TXT x\n",
	    HEAD2 "$INCLUDE shared\nz A 192.0.2.2\nb TXT \"x\"\n=== shared\n; ours\na MX 1 m\nb MX 1 m\n" },
	{ "a change in a shared file that an included one includes: the whole is written anew",
	    HEAD "$INCLUDE f\n=== f\n$INCLUDE shared\n=== shared\na MX 1 m\n", "-a MX 1 m\n", NULL },
	{ "a text that a file includes from itself is no zone",
	    HEAD "$INCLUDE f\n=== f\n$INCLUDE f\n", "", NULL },

	/* $GENERATE */
	{ "what stands beside a $GENERATE",
	    HEAD "$GENERATE 1-3 h$ A 192.0.2.$\nb A 192.0.2.9\n", "-b A 192.0.2.9\n+h4 A 192.0.2.4\n",
	    HEAD2 "$GENERATE 1-3 h$ A 192.0.2.$\nh4 A 192.0.2.4\n" },
	{ "the owner of a line behind a $GENERATE is the one before it",
	    HEAD "b A 192.0.2.8\n$GENERATE 1-2 h$ A 192.0.2.$\n A 192.0.2.9\n", "-b A 192.0.2.8\n+b TXT x\n",
	    HEAD2 "$GENERATE 1-2 h$ A 192.0.2.$\nb A 192.0.2.9\n TXT \"x\"\n" },
	{ "one that a $GENERATE made goes",
	    HEAD "$GENERATE 1-9/2 h$ A 192.0.2.$ ; hosts\n", "-h5 A 192.0.2.5\n",
	    HEAD2 "$GENERATE 1-3/2 h$ A 192.0.2.$ ; hosts\n$GENERATE 7-9/2 h$ A 192.0.2.$ ; hosts\n" },
	{ "the last that a $GENERATE made goes",
	    HEAD "$GENERATE 1-3 h$ A 192.0.2.$", "-h3 A 192.0.2.3\n", HEAD2 "$GENERATE 1-2 h$ A 192.0.2.$" },
	{ "one that a $GENERATE made changes",
	    HEAD "a A 192.0.2.1\n$GENERATE 1-3 h$ A 192.0.2.$", "-h2 A 192.0.2.2\n+h2 A 192.0.2.77\n",
	    HEAD2 "a A 192.0.2.1\n$GENERATE 1-1 h$ A 192.0.2.$\nh2 A 192.0.2.77\n$GENERATE 3-3 h$ A 192.0.2.$" },
	{ "one that a $GENERATE made has another TTL",
	    HEAD "$GENERATE 1-3 h$ A 192.0.2.$\n", "+h1 5 A 192.0.2.1\n",
	    HEAD2 "h1 5 A 192.0.2.1\n$GENERATE 2-3 h$ A 192.0.2.$\n" },

	/* Real life */
	{ "a file that dns-primary-git wrote",
	    "$ORIGIN example.com.\n$TTL "
	    "3600\n@\tSOA\tns1\thostmaster\t1\t86400\t7200\t1048576\t3600\n@\tNS\tns1\nalpha\tA\t192.0.2.1\nalpha\tAAAA\t2001:db8::1\nns1\tA\t192.0.2.2\n_443._tcp.www\t300\tTLSA\t3\t0\t0\taabbcc\n",
	    "-_443._tcp.www TLSA 3 0 0 aabbcc\n+_443._tcp.www 300 TLSA 3 0 0 ddeeff\n+beta A 192.0.2.3\n+ns1 AAAA "
	    "2001:db8::2\n", "$ORIGIN example.com.\n$TTL 3600\n@\tSOA\tns1\thostmaster\t2\t86400\t7200\t1048576\t3600\n@\tNS\tns1\nalpha\tA\t192.0.2.1\nalpha\tAAAA\t2001:db8::1\nbeta\tA\t192.0.2.3\nns1\tA\t192.0.2.2\nns1\tAAAA\t2001:db8::2\n_443._tcp.www\t300\tTLSA\t3\t0\t0\tddeeff\n" },
	{ "a file that we wrote",
	    "$ORIGIN example.com.\n$TTL 3600\n@       IN SOA   ns1 hostmaster (\n\t\t7           ; serial\n\t\t10800   "
	    "    ; refresh\n\t\t900         ; retry\n\t\t604800      ; expire\n\t\t86400     ) ; negative caching\n"
	    "        IN NS    ns1\n        IN MX    5 mail.example.net.\nns1 300 IN A     192.0.2.1\n    300 IN AAAA  "
	    "2001:db8::1\nwww     IN CNAME @\n", "+@ TXT x\n+ns2 300 A 192.0.2.2\n+x CNAME www\n-ns1 A 192.0.2.1\n",
	    "$ORIGIN example.com.\n$TTL 3600\n@       IN SOA   ns1 hostmaster (\n\t\t8           ; serial\n\t\t10800   "
	    "    ; refresh\n\t\t900         ; retry\n\t\t604800      ; expire\n\t\t86400     ) ; negative caching\n"
	    "        IN NS    ns1\n        IN MX    5 mail.example.net.\n        IN TXT   \"x\"\nns1 300 IN AAAA  "
	    "2001:db8::1\nns2 300 IN A     192.0.2.2\nwww     IN CNAME @\nx       IN CNAME www\n" },
};

static void
print_files(const struct editor_result *r, struct buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			buf_printf(out, "=== %s\n", r->v[i].path);
		buf_add(out, r->v[i].text.p, r->v[i].text.len);
	}
}

static bool
is_shared(void *ctx, const char *path)
{
	(void)ctx;
	return strcmp(path, "shared") == 0;
}

static enum err
edit(const char *before, const struct rr_list *wanted, struct editor_result *r)
{
	struct editor_source source = { .file = "zone", .text = before, .n = edits_first_len(before),
		.include = edits_include, .is_shared = is_shared, .ctx = (void *)(uintptr_t)before };

	return zone_edit(edits_apex, &source, wanted, r);
}

static bool
one_edit(const char *why, const char *before, const char *changes, const char *after)
{
	struct rr_list zone = { 0 }, wanted = { 0 };
	struct editor_result r;
	struct buf text = { 0 };
	enum err err;
	bool ok = true;

	if (after == NULL && strstr(why, "no zone") != NULL) {
		err = edit(before, &wanted, &r);
		return err == ERR_FORMAT && r.n == 0;
	}
	check(edits_load(before, &zone), "%s: the text is a zone", why);
	edits_apply(&zone, changes, &wanted);
	err = edit(before, &wanted, &r);
	print_files(&r, &text);
	if (err != (after == NULL ? ERR_UNSUPPORTED : ERR_OK) ||
	    (after != NULL && strcmp(buf_str(&text), after) != 0)) {
		fprintf(stderr, "--- %s: %s\n%s--- wanted:\n%s\n", why, err_str(err), buf_str(&text), after == NULL ?
		    "" : after);
		ok = false;
	}
	buf_clear(&text);
	editor_result_clear(&r);
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
	return ok;
}

static void
test_edits(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++)
		failed += !one_edit(edits[i].why, edits[i].before, edits[i].changes, edits[i].after);
	check(failed == 0, "%zu of the edits are not as wanted", failed);
}

/* Files that nothing changes in are not even named as changed. */
static void
test_only_changed_files_are_changed(void **state)
{
	const char *before = HEAD "$INCLUDE a\n$INCLUDE b\n=== a\na A 192.0.2.1\n=== b\nb A 192.0.2.1\n";
	struct rr_list zone = { 0 }, wanted = { 0 };
	struct editor_result r;

	(void)state;
	check(edits_load(before, &zone), "a zone");
	edits_apply(&zone, "-b A 192.0.2.1\n", &wanted);
	check(edit(before, &wanted, &r) == ERR_OK && r.n == 3, "three files");
	check(r.v[0].changed && !r.v[1].changed && r.v[2].changed, "the serial's and the RR's");
	editor_result_clear(&r);
	check(edit(before, &zone, &r) == ERR_OK && r.n == 3, "nothing to change");
	check(!r.v[0].changed && !r.v[1].changed && !r.v[2].changed, "so nothing is changed");
	editor_result_clear(&r);
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
}

static void
test_every_allocation_may_fail(void **state)
{
	static const char changes[] = "-s MX 1 m\n-k TXT a\n+k TXT b c\n-h2 A 192.0.2.2\n+new A 192.0.2.1\n+w TXT "
	    "x\n-w A 192.0.2.1\n+v 7 A 192.0.2.2\n";
	static const char before[] = HEAD "k TXT a\nw A 192.0.2.1\n  AAAA 2001:db8::1\n$GENERATE 1-3 h$ A "
	    "192.0.2.$\n$INCLUDE f\n$INCLUDE shared\n=== f\nv A 192.0.2.2\n=== shared\ns MX 1 m\n";
	struct rr_list zone = { 0 }, wanted = { 0 };
	long live;
	bool fired = true;

	(void)state;
	check(edits_load(before, &zone), "a zone");
	edits_apply(&zone, changes, &wanted);
	live = memory_live();
	for (long n = 1; fired; n++) {
		struct editor_result r;
		enum err err;

		memory_fail_nth(n);
		err = edit(before, &wanted, &r);
		fired = memory_fail_left() <= 0;
		memory_fail_nth(0);
		check(err == (fired ? ERR_NOMEM : ERR_OK), "allocation %ld fails: %s", n, err_str(err));
		editor_result_clear(&r);
		check(memory_live() == live, "allocation %ld leaves nothing behind", n);
	}
	rr_list_clear(&zone);
	rr_list_clear(&wanted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_only_changed_files_are_changed),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

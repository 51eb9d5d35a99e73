"""Zone texts."""

import os

from .process import run


def zone(origin="example.com", serial=1, extra="", comment="; a zone for tests\n"):
    """A small zone.  Its name server is on loopback; extra lines are relative to the origin."""
    return f"""{comment}$ORIGIN {origin}.
$TTL 3600
@	SOA	ns1 hostmaster ( {serial}	; serial
		7200	; refresh
		3600	; retry
		1209600	; expire
		300 )	; minimum
	NS	ns1
ns1	A	127.0.0.1
www	A	192.0.2.80	; the web server
	AAAA	2001:db8::80
{extra}"""


# Names of every kind that an answer may need.
RICH = """\
alias	CNAME	www
chain	CNAME	alias
outside	CNAME	www.example.net.
loop1	CNAME	loop2
loop2	CNAME	loop1
*.wild	TXT	"wildcard"
	A	192.0.2.7
there.wild	A	192.0.2.8
a.b.deep	A	192.0.2.9
old	DNAME	new
host.new	A	192.0.2.10
sub	NS	ns.sub
	NS	ns.example.net.
ns.sub	A	192.0.2.53
	AAAA	2001:db8::53
mail	MX	10 www
	MX	20 mx.example.net.
_sip._tcp	SRV	0 5 5060 www
many	TXT	"one"
	TXT	"two"
"""

# Types of every shape, as far as all name servers read them; and text, labels and RDATA of any octets.
TYPES = r"""
caa	CAA	0 issue "ca.example.net; account=7"
	CAA	128 iodef "mailto:security@example.com"
_443._tcp	TLSA	3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
host	SSHFP	4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
	HINFO	"PDP 11" "\"quoted\" \\"
	RP	who.example.net. there
	AFSDB	1 www
	LOC	52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000m 10m
	NAPTR	100 50 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
	KX	10 www
	CERT	1 12345 8 AQIDBA==
	URI	10 1 "https://www.example.com/"
	EUI48	00-00-5e-00-53-2a
	EUI64	00-00-5e-ef-10-00-00-2a
	DHCID	AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
	PTR	WwW.eXample.net.
odd	TXT	"\000\001\127\255" "" "\"\\;()@$" "caf\195\169"
	TYPE65280	\# 5 00ff0a2e22
	TYPE65281	\# 0
a\.dot	A	192.0.2.11
o\000c\255t	A	192.0.2.12
MiXeD	A	192.0.2.13
signed	NS	ns.sub
	DS	12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
empty.above.x.y	A	192.0.2.14
"""


def big_txt(n=40):
    """A name whose TXT RRset does not fit into a datagram."""
    return "".join(f'big\tTXT\t"{i:03d}-{"x" * 60}"\n' for i in range(n))


def sign(directory, origin):
    """The text of the file "zone" in directory, signed by dnssec-signzone."""
    for kind in [], ["-f", "KSK"]:
        run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *kind, origin], cwd=directory)
    run(["dnssec-signzone", "-q", "-S", "-o", origin, "-f", "out", "zone"], cwd=directory)
    with open(os.path.join(str(directory), "out"), encoding="utf-8") as f:
        return f.read()

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

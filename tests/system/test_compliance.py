"""What RFC 8906 wants to see of a server when queries have in them what it does not know: it answers, and says so."""

import struct

import dns.message
import dns.name
import dns.rdatatype
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.zones import big_txt, zone

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NOTAUTH, BADVERS = 0, 1, 2, 3, 4, 5, 9, 16
UNKNOWN, COOKIE, NSID, ECS, EXPIRE = 100, 10, 3, 8, 9
ID = 4711


def question(name="example.com", rdtype="SOA", rdclass=1):
    return (dns.name.from_text(name).to_wire() +
            struct.pack("!HH", rdtype if isinstance(rdtype, int) else dns.rdatatype.from_text(rdtype), rdclass))


def opt(version=0, size=1232, flags=0, options=(), owner=b"\0"):
    octets = b"".join(struct.pack("!HH", code, len(value)) + value for code, value in options)
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(octets)) + octets


def message(flags=0, questions=(question(),), additional=(), opcode=0, counts=None):
    counts = counts or (len(questions), 0, 0, len(additional))
    return struct.pack("!HHHHHH", ID, flags | opcode << 11, *counts) + b"".join(questions) + b"".join(additional)


@pytest.fixture
def server(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=big_txt())})
    return certnsd(git=repo, server={"identity": "ns1", "version": "none"}).start("example.com")


class Said:
    """A response, taken apart by hand: what a careful library would refuse is what we look for."""

    def __init__(self, wire):
        ident, flags, qd, self.an, self.ns, self.ar = struct.unpack("!HHHHHH", wire[:12])
        assert ident == ID and flags & QR
        self.flags = flags & ~QR & ~0x7800 & ~15
        self.opcode = flags >> 11 & 15
        self.rcode = flags & 15
        self.questions = qd
        parsed = dns.message.from_wire(wire[:2] + struct.pack("!H", flags & ~0x7800) + wire[4:])    # of any opcode
        self.edns = parsed.edns
        self.options = {o.otype for o in parsed.options}
        self.ednsflags = parsed.ednsflags & 0xffff
        if parsed.edns >= 0:
            self.rcode = parsed.rcode()


DATA = {"an": 1}
# why; the query; what the response has to be
ROWS = [
    ("a plain query", message(), dict(rcode=NOERROR, flags=AA, edns=-1, **DATA)),
    ("RD is copied, and RA stays clear", message(RD), dict(rcode=NOERROR, flags=AA | RD, **DATA)),
    ("AD and CD are no answer's business", message(AD | CD), dict(rcode=NOERROR, flags=AA, **DATA)),
    ("Z is ignored and not sent back", message(Z), dict(rcode=NOERROR, flags=AA, **DATA)),
    ("so are AA, TC and RA in a query", message(AA | TC | RA), dict(rcode=NOERROR, flags=AA, **DATA)),
    ("a type that nobody knows", message(questions=[question(rdtype=1000)]), dict(rcode=NOERROR, flags=AA, an=0, ns=1)),
    ("a class that nobody has", message(questions=[question(rdclass=32769)]), dict(rcode=REFUSED, flags=0, an=0)),
    ("an opcode that nobody knows", message(opcode=15), dict(rcode=NOTIMP, opcode=15, flags=0)),
    ("also without a question", message(opcode=15, questions=[]), dict(rcode=NOTIMP, opcode=15, flags=0)),
    ("with EDNS, which is answered by EDNS", message(opcode=15, additional=[opt()]),
     dict(rcode=NOTIMP, opcode=15, edns=0)),
    ("with EDNS of another version", message(opcode=15, additional=[opt(version=1)]),
     dict(rcode=BADVERS, opcode=15, edns=0)),
    ("with what is no message otherwise", message(opcode=15, counts=(9, 9, 9, 9)),
     dict(rcode=NOTIMP, opcode=15, edns=-1)),
    ("an inverse query (RFC 3425)", message(opcode=1), dict(rcode=NOTIMP, opcode=1)),
    ("a status query", message(opcode=2), dict(rcode=NOTIMP, opcode=2)),
    ("stateful operations (RFC 8490)", message(opcode=6, questions=[]), dict(rcode=NOTIMP, opcode=6)),
    ("no question", message(questions=[]), dict(rcode=FORMERR, questions=0)),
    ("two questions", message(questions=[question(), question("www.example.com", "A")]), dict(rcode=FORMERR)),
    ("two questions with EDNS", message(questions=[question(), question()], additional=[opt()]),
     dict(rcode=FORMERR, edns=0)),
    ("a question that is announced and not there", message(questions=[], counts=(1, 0, 0, 0)), dict(rcode=FORMERR)),
    ("a name that points to itself", message(questions=[b"\xc0\x0c\0\1\0\1"]), dict(rcode=FORMERR)),
    ("octets behind the end", message() + b"x", dict(rcode=FORMERR)),
    ("a record that is announced and not there", message(counts=(1, 0, 0, 1)), dict(rcode=FORMERR)),
    ("EDNS", message(additional=[opt()]), dict(rcode=NOERROR, flags=AA, edns=0, options=set(), ednsflags=0, **DATA)),
    ("EDNS with DO", message(additional=[opt(flags=0x8000)]), dict(rcode=NOERROR, edns=0, ednsflags=0x8000, **DATA)),
    ("flags that nobody knows are not sent back", message(additional=[opt(flags=0x7fff)]),
     dict(rcode=NOERROR, edns=0, ednsflags=0, **DATA)),
    ("an option that nobody knows is left out", message(additional=[opt(options=[(UNKNOWN, b"")])]),
     dict(rcode=NOERROR, edns=0, options=set(), **DATA)),
    ("whatever it holds", message(additional=[opt(options=[(UNKNOWN, b"x" * 300)])]),
     dict(rcode=NOERROR, edns=0, options=set(), **DATA)),
    ("several options: those that are known are answered",
     message(additional=[opt(options=[(NSID, b""), (ECS, b"\0\1\0\0"), (EXPIRE, b""), (COOKIE, b"12345678")])]),
     dict(rcode=NOERROR, edns=0, options={NSID, EXPIRE, COOKIE}, **DATA)),
    ("NSID is for those that ask", message(additional=[opt(options=[(NSID, b"")])]),
     dict(rcode=NOERROR, edns=0, options={NSID}, **DATA)),
    ("another version of EDNS", message(additional=[opt(version=1)]),
     dict(rcode=BADVERS, edns=0, an=0, ns=0, options=set(), flags=0)),
    ("with flags and options", message(additional=[opt(version=100, flags=0xffff, options=[(UNKNOWN, b"x")])]),
     dict(rcode=BADVERS, edns=0, an=0, ednsflags=0x8000, options=set())),
    ("a small size counts as 512", message(questions=[question("big.example.com", "TXT")], additional=[opt(size=0)]),
     dict(rcode=NOERROR, flags=AA | TC, edns=0)),
    ("truncation keeps OPT and question", message(questions=[question("big.example.com", "TXT")], additional=[opt(size=512)]),
     dict(rcode=NOERROR, flags=AA | TC, edns=0, questions=1)),
    ("two OPT records", message(additional=[opt(), opt()]), dict(rcode=FORMERR, an=0)),
    ("OPT with an owner", message(additional=[opt(owner=b"\1x\0")]), dict(rcode=FORMERR, an=0)),
    ("an option that runs past the end", message(additional=[b"\0" + struct.pack("!HHIHHH", 41, 1232, 0, 4, 10, 9)]),
     dict(rcode=FORMERR, an=0)),
    ("a cookie of a length that none has", message(additional=[opt(options=[(COOKIE, b"123")])]),
     dict(rcode=FORMERR, an=0)),
    ("a record in the answer section is passed over",
     message(counts=(1, 1, 0, 0), additional=[question("example.com", "A") + b"\0\0\0\0\0\4abcd"]),
     dict(rcode=NOERROR, **DATA)),
    ("chaos, where nothing is told", message(questions=[question("version.bind", "TXT", 3)]), dict(rcode=REFUSED)),
    ("a name of others", message(questions=[question("example.net")]), dict(rcode=REFUSED, flags=0, an=0, ns=0)),
    ("the root", message(questions=[question(".", "NS")]), dict(rcode=REFUSED, an=0)),
    ("a NOTIFY for a zone of others", message(AA, [question("example.net")], opcode=4), dict(rcode=NOTAUTH, opcode=4)),
    ("an update of a zone of others", message(0, [question("example.net")], opcode=5), dict(rcode=NOTAUTH, opcode=5)),
    ("an unsigned update", message(0, [question()], opcode=5), dict(rcode=REFUSED, opcode=5)),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_queries_that_are_not_plain(server, tcp):
    for why, wire, want in ROWS:
        answer = client.raw_exchange(server, wire, tcp=tcp)
        assert answer is not None, f"{why}: no answer"
        said = Said(answer)
        if tcp and want.get("flags", 0) & TC:
            want = {**want, "flags": want["flags"] & ~TC}
        for what, value in want.items():
            assert getattr(said, what) == value, f"{why}: {what} is {getattr(said, what)} and not {value}"


def test_what_is_never_answered(server):
    """A response, however it looks, and what is shorter than a header: an answer could go round for ever."""
    for wire in message(QR), message(QR, opcode=15), message(QR | TC, additional=[opt(version=1)]), message()[:11], b"", b"\0":
        assert client.raw_exchange(server, wire, timeout=0.3) is None, wire
    assert client.raw_exchange(server, message(), timeout=5) is not None

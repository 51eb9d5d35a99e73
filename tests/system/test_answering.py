"""A query in, a response out: what RFC 1034, section 4.3.2, and its successors say, seen with real clients."""

import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from lib import client
from lib.certnsd import program
from lib.gitrepo import GitRepo
from lib.process import run
from lib.zones import RICH, big_txt, zone


@pytest.fixture
def server(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=RICH + big_txt())})
    return certnsd(git=repo).start("example.com")


# why, name, type, rcode, AA, answer, authority (types)
ANSWERS = [
    ("an address", "www", "A", "NOERROR", True, ["www A 192.0.2.80"]),
    ("letter case does not count", "wWw", "A", "NOERROR", True, ["wWw A 192.0.2.80"]),
    ("the apex", "", "NS", "NOERROR", True, [" NS ns1.example.com."]),
    ("no such type", "www", "TXT", "NOERROR", True, []),
    ("no such name", "nothing", "A", "NXDOMAIN", True, []),
    ("an empty non-terminal is there", "b.deep", "A", "NOERROR", True, []),
    ("and so is the one above", "deep", "TXT", "NOERROR", True, []),
    ("a name below it", "a.b.deep", "A", "NOERROR", True, ["a.b.deep A 192.0.2.9"]),
    ("a CNAME", "alias", "CNAME", "NOERROR", True, ["alias CNAME www.example.com."]),
    ("a CNAME is followed", "alias", "A", "NOERROR", True, ["alias CNAME www.example.com.", "www A 192.0.2.80"]),
    ("and another", "chain", "A", "NOERROR", True,
     ["alias CNAME www.example.com.", "chain CNAME alias.example.com.", "www A 192.0.2.80"]),
    ("a CNAME out of the zone", "outside", "A", "NOERROR", True, ["outside CNAME www.example.net."]),
    ("CNAMEs in a circle end", "loop1", "A", "NOERROR", True,
     ["loop1 CNAME loop2.example.com.", "loop2 CNAME loop1.example.com."]),
    ("a wildcard", "any.wild", "A", "NOERROR", True, ["any.wild A 192.0.2.7"]),
    ("a wildcard covers more labels", "a.b.c.wild", "TXT", "NOERROR", True, ['a.b.c.wild TXT "wildcard"']),
    ("a wildcard without the type", "any.wild", "MX", "NOERROR", True, []),
    ("a name that is there keeps the wildcard away", "there.wild", "TXT", "NOERROR", True, []),
    ("also below it (RFC 4592)", "x.there.wild", "A", "NXDOMAIN", True, []),
    ("the wildcard itself", "*.wild", "A", "NOERROR", True, ["*.wild A 192.0.2.7"]),
    ("a DNAME rewrites (RFC 6672)", "host.old", "A", "NOERROR", True,
     ["host.new A 192.0.2.10", "host.old CNAME host.new.example.com.", "old DNAME new.example.com."]),
    ("a DNAME's own name is not rewritten", "old", "A", "NOERROR", True, []),
    ("below a DNAME there may be nothing", "none.old", "A", "NXDOMAIN", True,
     ["none.old CNAME none.new.example.com.", "old DNAME new.example.com."]),
    ("a delegation", "host.sub", "A", "NOERROR", False, []),
    ("its own name", "sub", "A", "NOERROR", False, []),
    ("its NS", "sub", "NS", "NOERROR", False, []),
    ("its DS is ours to answer", "sub", "DS", "NOERROR", True, []),
    ("glue is no answer", "ns.sub", "A", "NOERROR", False, []),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_answers(server, tcp):
    for why, name, rdtype, rcode, aa, answer in ANSWERS:
        full = f"{name}.example.com." if name else "example.com."
        response = client.ask(server, full, rdtype, tcp=tcp)
        assert client.rcode(response) == rcode, why
        assert bool(response.flags & dns.flags.AA) == aa, why
        assert response.flags & dns.flags.QR and not response.flags & dns.flags.RA, why
        want = sorted(f"{line.split(' ', 1)[0]}{'.' if line[0] != ' ' else ''}example.com. {line.split(' ', 1)[1]}"
                      for line in answer)
        assert client.records(response) == want, why


def test_negative_answers_have_the_soa(server):
    for name in "www.example.com", "nothing.example.com", "none.old.example.com":
        response = client.ask(server, name, "MX")
        assert [r.split()[:2] for r in client.records(response, "authority")] == [["example.com.", "SOA"]], name
        assert response.authority[0].ttl == 300, "RFC 2308, section 3: the smaller of TTL and minimum"


def test_a_delegation_brings_ns_and_glue(server):
    response = client.ask(server, "a.host.sub.example.com", "A", use_edns=0, payload=1232)
    assert client.records(response, "authority") == [
        "sub.example.com. NS ns.example.net.", "sub.example.com. NS ns.sub.example.com."]
    assert client.records(response, "additional") == [
        "ns.sub.example.com. A 192.0.2.53", "ns.sub.example.com. AAAA 2001:db8::53"]


def test_addresses_come_along(server):
    response = client.ask(server, "mail.example.com", "MX")
    assert "www.example.com. A 192.0.2.80" in client.records(response, "additional")
    response = client.ask(server, "_sip._tcp.example.com", "SRV")
    assert "www.example.com. AAAA 2001:db8::80" in client.records(response, "additional")


def test_other_zones_are_refused(server):
    for name in "example.net", "com", ".", "xexample.com", "example.com.example.net":
        response = client.ask(server, name, "A")
        assert client.rcode(response) == "REFUSED", name
        assert not response.answer and not response.authority, name


def test_any_is_answered_small(server):
    for name in "www", "mail", "big", "any.wild":
        response = client.ask(server, f"{name}.example.com", "ANY", use_edns=0, payload=4096)
        assert client.rcode(response) == "NOERROR", name
        assert len(response.to_wire()) <= 512, name
    response = client.ask(server, "www.example.com", "ANY", tcp=True)
    assert len(response.answer) == 1, "RFC 8482, section 4.1: one RRset is enough"


def test_the_querys_letter_case_is_kept(server):
    text = client.dig(server, "WwW.eXaMpLe.CoM", "A")
    assert "WwW.eXaMpLe.CoM." in text
    response = client.ask(server, "WwW.eXaMpLe.CoM", "A")
    assert response.question[0].name.to_text() == "WwW.eXaMpLe.CoM."


def test_an_address_that_comes_later(certnsd, repo):
    """With free-bind the server may be up before its address is; without it says what is wrong."""
    server = certnsd(git=repo, server={"free-bind": True})
    server.config["server"]["listen"] += ["192.0.2.53@53530", "2001:db8::53@53530"]
    server.write_config()
    server.start("example.com")
    server.wait_log(f"listening on 127.0.0.1@{server.port}, ::1@{server.port}, 192.0.2.53@53530, 2001:db8::53@53530, with 2 workers")
    server.stop()
    server.config["server"]["free-bind"] = False
    server.write_config()
    run = subprocess.run([program("server/certnsd"), "-c", server.config_path], capture_output=True, text=True,
                         timeout=60, check=False)
    assert run.returncode != 0 and "on 192.0.2.53@53530: Cannot assign requested address: no interface has this address" in run.stderr


def test_truncation(server):
    plain = client.ask(server, "big.example.com", "TXT")
    assert plain.flags & dns.flags.TC and len(plain.to_wire()) <= 512
    with_edns = client.ask(server, "big.example.com", "TXT", use_edns=0, payload=4096)
    assert with_edns.flags & dns.flags.TC and len(with_edns.to_wire()) <= 1232
    tcp = client.ask(server, "big.example.com", "TXT", tcp=True)
    assert not tcp.flags & dns.flags.TC
    assert len(client.records(tcp)) == 40
    assert len(client.short(server, "big.example.com", "TXT")) == 40, "dig goes over to TCP by itself"


def test_edns(server):
    response = client.ask(server, "www.example.com", "A", use_edns=0)
    assert response.edns == 0 and response.payload >= 512
    assert client.ask(server, "www.example.com", "A").edns == -1, "no OPT unless asked with one"
    message = dns.message.make_query("www.example.com", "A")
    message.use_edns(1)
    response = client.exchange(server, message)
    assert response.rcode() == dns.rcode.BADVERS and response.edns == 0 and not response.answer
    response = client.ask(server, "www.example.com", "A", use_edns=0, want_dnssec=True)
    assert response.ednsflags & dns.flags.DO and client.rcode(response) == "NOERROR"
    options = [dns.edns.GenericOption(65001, b"anything")]
    response = client.ask(server, "www.example.com", "A", use_edns=0, options=options)
    assert client.rcode(response) == "NOERROR" and not [o for o in response.options if o.otype == 65001]


def test_what_is_not_for_us(server):
    message = dns.message.make_query("www.example.com", "A")
    message.set_opcode(dns.opcode.STATUS)
    assert client.rcode(client.exchange(server, message)) == "NOTIMP"
    wire = bytearray(dns.message.make_query("www.example.com", "A").to_wire())
    wire[5] = 2  # two questions, and only one is there
    answer = client.raw_exchange(server, bytes(wire))
    assert answer is not None and answer[3] & 15 == dns.rcode.FORMERR
    wire = bytearray(dns.message.make_query("www.example.com", "A").to_wire())
    wire[2] |= 0x80  # a response
    assert client.raw_exchange(server, bytes(wire), timeout=0.5) is None, "responses are not answered"
    assert client.raw_exchange(server, b"\x12\x34\x00", timeout=0.5) is None
    assert client.look(server, "www.example.com", "A") == ["192.0.2.80"], "and it lives on"


def test_every_prefix_of_a_query(server):
    wire = dns.message.make_query("www.example.com", "A", use_edns=0, want_dnssec=True).to_wire()
    for n in range(len(wire)):
        answer = client.raw_exchange(server, wire[:n], timeout=0.05) if n < 12 else client.raw_exchange(server, wire[:n])
        if n < 12:
            assert answer is None, f"{n} octets"
        else:
            assert answer is not None and answer[3] & 15 == dns.rcode.FORMERR, f"{n} octets"


@pytest.mark.parametrize("options", [["+notcp"], ["+tcp"], ["-6", "+notcp"], ["-6", "+tcp"]], ids=lambda o: "".join(o))
def test_dig_and_kdig(server, options):
    address = "::1" if "-6" in options else "127.0.0.1"
    flags = [o for o in options if o != "-6"]
    assert client.dig(server, "+short", *flags, "www.example.com", "A", address=address).split() == ["192.0.2.80"]
    tcp = ["+tcp"] if "+tcp" in flags else ["+notcp"]
    text = run(["kdig", f"@{address}", "-p", server.port, "+short", *tcp, "alias.example.com", "AAAA"]).stdout
    assert text.split() == ["www.example.com.", "2001:db8::80"]


def test_several_queries_in_one_connection(server):
    names = [f"host{i}.wild.example.com" for i in range(100)]
    text = run(["dig", "@127.0.0.1", "-p", server.port, "+tcp", "+keepopen", "+short", *names]).stdout
    assert text.split() == ["192.0.2.7"] * 100


def test_a_slow_connection_keeps_nobody_waiting(server):
    import socket
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"\0")
        assert client.look(server, "www.example.com", "A") == ["192.0.2.80"]
        wire = dns.message.make_query("www.example.com", "A").to_wire()
        slow.sendall(bytes([len(wire)]) + wire[:10])
        assert client.look(server, "www.example.com", "A") == ["192.0.2.80"]
        slow.sendall(wire[10:])
        slow.settimeout(5)
        assert len(slow.recv(2)) > 0, "and it is answered when it is complete"

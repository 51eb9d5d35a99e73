"""Zones that come signed are served by the rules of RFC 4035 and RFC 5155: the same zones in NSD, Knot and BIND, the same
questions, and every section compared; delv checks the proofs."""

import contextlib
import os
import random

import dns.flags
import dns.query
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest

from lib import client, signed
from lib.gitrepo import GitRepo
from lib.process import run
from lib.signed import ORIGIN

QUESTIONS = int(os.environ.get("CERTNS_DNSSEC_QUESTIONS", "1500"))
TYPES = ["A", "A", "A", "AAAA", "TXT", "MX", "NS", "SOA", "CNAME", "DNAME", "DS", "DS", "DNSKEY", "NSEC", "NSEC3PARAM",
         "SRV", "HTTPS", "RRSIG"]
LABELS = ["a", "aa", "b", "host", "n", "ns", "nowhere", "www", "x", "y", "zz", "*", "child", "ent", "0"]


def random_name(rnd):
    name = rnd.choice(signed.NAMES)
    labels = [] if name == "@" else name.split(".")
    for _ in range(rnd.choice([0, 0, 0, 1, 1, 2])):
        labels.insert(0, rnd.choice(LABELS))
    if labels and rnd.random() < 0.25:
        labels.pop(0)
    if labels and rnd.random() < 0.15:
        labels[0] = labels[0] + rnd.choice("-0az")
    return ".".join(labels + [ORIGIN])


def section(response, name):
    return {(rrset.name.to_text().lower(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_text().lower())
            for rrset in getattr(response, name) for rdata in rrset}


def picture(response):
    """All that matters of a response."""
    flags = response.flags & (dns.flags.AA | dns.flags.TC | dns.flags.AD | dns.flags.CD)
    return (client.rcode(response), dns.flags.to_text(flags), section(response, "answer"),
            section(response, "authority"),
            section(response, "additional"))


def show(one):
    return "\n".join([f"{one[0]} {one[1]}"] + ["  " + str(sorted(part)) for part in one[2:]])


def compare(servers, questions, want_dnssec=True):
    ours, others = servers[0], servers[1:]
    wrong, differ = [], 0
    with contextlib.ExitStack() as stack:
        # Over TCP nothing is cut off, and what is left out then is left out on purpose.
        lines = {s.name: stack.enter_context(client.Connection(s)) for s in servers}
        for name, kind in questions:
            asked = {who: picture(line.ask(name, kind, want_dnssec=want_dnssec)) for who, line in lines.items()}
            mine = asked[ours.name]
            differ += any(asked[s.name] != mine for s in others)
            if all(asked[s.name] != mine for s in others):
                wrong.append(f"{name} {kind}\n" + "\n".join(f"{s.name}: {show(asked[s.name])}" for s in servers))
    print(f"{len(questions)} questions, {differ} answered otherwise by a peer, {len(wrong)} by all of them")
    assert not wrong, f"{len(wrong)} answers differ from all three:\n" + "\n\n".join(wrong[:5])


@pytest.fixture
def serve(tmp_path, certnsd):
    """serve(text) starts certnsd and the others with the signed zone."""

    def start(text):
        zones = {ORIGIN: text}
        repo = GitRepo(tmp_path / "git", zones)
        ours = certnsd(git=repo).start(ORIGIN)
        return [ours, signed.Nsd(tmp_path / "nsd").start(zones), signed.Knot(tmp_path / "knot").start(zones),
                signed.Bind(tmp_path / "named").start(zones)]

    return start


def questions(seed):
    rnd = random.Random(seed)
    fixed = [(("" if n == "@" else n + ".") + ORIGIN, t) for n in signed.NAMES for t in ("A", "DS", "TXT")]
    return fixed + [(random_name(rnd), rnd.choice(TYPES)) for _ in range(QUESTIONS)]


@pytest.mark.first
@pytest.mark.once
@pytest.mark.parametrize("chain", ["nsec", "nsec3", "optout"])
def test_like_the_others(serve, tmp_path, chain):
    text, _ = signed.sign(tmp_path / "zone", chain)
    servers = serve(text)
    asked = questions(chain)
    compare(servers, asked)
    compare(servers, asked[:200], want_dnssec=False)


@pytest.mark.once
@pytest.mark.parametrize("options", [[], ["-n", "-t", "3", "-s", "beef"], ["-n", "-p"]],
                         ids=["nsec", "nsec3", "optout"])
def test_signed_by_ldns(serve, tmp_path, options):
    servers = serve(signed.sign_with_ldns(tmp_path / "zone", options)[0])
    compare(servers, questions(str(options))[:400])


def delv(server, directory, key, name, kind):
    anchors = os.path.join(directory, "anchors")
    with open(anchors, "w", encoding="utf-8") as f:
        flags, protocol, algorithm, data = key.split(None, 3)
        f.write(f'trust-anchors {{ "{ORIGIN}." static-key {flags} {protocol} {algorithm} "{data}"; }};\n')
    done = run(["delv", f"@{server.address}", "-p", str(server.port), "-a", anchors, f"+root={ORIGIN}", "+tcp", "-q",
                name, "-t",
                kind], check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("chain", ["nsec", "nsec3", "optout"])
def test_proofs_hold(certnsd, tmp_path, chain):
    text, key = signed.sign(tmp_path / "zone", chain)
    server = certnsd(git=GitRepo(tmp_path / "git", {ORIGIN: text})).start(ORIGIN)
    # What an opt-out span covers may be there, unsigned (RFC 5155, section 6).
    expanded = "unsigned answer" if chain == "optout" else "fully validated"
    for name, kind, wanted in [
        ("www", "A", "fully validated"),
        ("www", "AAAA", "negative response, fully validated"),
        ("nowhere", "A", "negative response, fully validated"),
        ("no.where", "A", "negative response, fully validated"),
        ("ent", "A", "negative response, fully validated"),
        ("deep.ent", "TXT", "negative response, fully validated"),
        ("x.deep.ent", "A", "negative response, fully validated"),
        ("q.wild", "TXT", expanded),
        ("q.wild", "A", "negative response, fully validated"),
        ("q.r.wild", "TXT", expanded),
        ("x.host1.wild", "TXT", "negative response, fully validated"),
        ("q.wcname", "A", expanded),
        ("alias", "A", "fully validated"),
        ("x.dn", "A", "fully validated"),
        ("q.dn", "AAAA", expanded),
        ("secure", "DS", "fully validated"),
        ("child", "DS", "negative response, fully validated"),
        ("q.went", "A", "negative response, fully validated"),
    ]:
        said = delv(server, str(tmp_path), key, f"{name}.{ORIGIN}", kind)
        assert f"; {wanted}" in said, f"{name} {kind}: {said}"


def test_many_iterations(certnsd, tmp_path):
    """No hashing for strangers: one NSEC3 tells resolvers to take the zone as unsigned (RFC 9276, section 3.2)."""
    text, key = signed.sign_with_ldns(tmp_path / "zone", ["-n", "-t", "151"])
    server = certnsd(git=GitRepo(tmp_path / "git", {ORIGIN: text})).start(ORIGIN)
    assert "; fully validated" in delv(server, str(tmp_path), key, f"www.{ORIGIN}", "A")
    assert "; negative response, unsigned" in delv(server, str(tmp_path), key, f"nowhere.{ORIGIN}", "A")
    response = client.ask(server, f"nowhere.{ORIGIN}", "A", want_dnssec=True)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert sum(rrset.rdtype == dns.rdatatype.NSEC3 for rrset in response.authority) == 1


@pytest.mark.parametrize("chain", ["nsec", "nsec3"])
def test_signed_again(certnsd, tmp_path, chain):
    """A commit with new names and signatures: the zone becomes what the file says, NSEC3 included."""
    repo = GitRepo(tmp_path / "git", {ORIGIN: signed.sign(tmp_path / "one", chain)[0]})
    server = certnsd(git=repo, zones=[{"name": ORIGIN, "allow-transfer": ["127.0.0.0/8"]}]).start(ORIGIN)
    changed = signed.TEXT.replace("hostmaster 7 ", "hostmaster 8 ").replace("z\tA", "new.name\tA").replace("www\tA", "www2\tA")
    text, key = signed.sign(tmp_path / "two", chain, changed)
    repo.commit({ORIGIN: text})
    server.pull()
    server.wait_serial(ORIGIN, 8)
    wanted = dns.zone.from_text(text, origin=ORIGIN, relativize=False)
    got = dns.zone.from_xfr(dns.query.xfr(server.address, ORIGIN, port=server.port, relativize=False), relativize=False)
    assert got == wanted
    assert "; negative response, fully validated" in delv(server, str(tmp_path), key, f"z.{ORIGIN}", "A")
    assert "; fully validated" in delv(server, str(tmp_path), key, f"new.name.{ORIGIN}", "A")


def test_expired_signatures(certnsd, tmp_path):
    """What expired is served as it is: it is not ours to judge."""
    text, _ = signed.sign(tmp_path / "zone", "nsec", options=["-s", "20200101000000", "-e", "20200201000000"])
    server = certnsd(git=GitRepo(tmp_path / "git", {ORIGIN: text})).start(ORIGIN)
    response = client.ask(server, f"www.{ORIGIN}", "A", want_dnssec=True)
    assert response.rcode() == dns.rcode.NOERROR
    assert [rrset.rdtype for rrset in response.answer] == [dns.rdatatype.A, dns.rdatatype.RRSIG]

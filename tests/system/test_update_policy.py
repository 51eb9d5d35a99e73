"""update-policy: who may change what.  The same rules and the same updates give the same answers as with BIND's named."""

import os
import random
import re

import dns.edns
import pytest

from lib import client
from lib.certnsd import program
from lib.certs import Request
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.process import run
from lib.wait import wait_for
from lib.zones import zone

KEYS = [Key("a.b.example.com"), Key("host.example.com"), Key("x._update.example.com")]
EXTRA = "ns2\tA\t127.0.0.2\nb\tTXT\t\"b\"\nx.b\tA\t192.0.2.9\nmany\tTXT\t\"1\"\n\tTXT\t\"2\"\n\tA\t192.0.2.8\n"
OWNERS = ["@", "b", "a.b", "x.b", "x.a.b", "host", "x.host", "y.x.host", "many", "x._update", "q.x._update"]
RDATA = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "TXT": ['"1"', '"2"', '"3"'],
    "NS": ["ns1", "ns2"],
    "MX": ["10 ns1", "20 ns1"],
    "CNAME": ["a", "b"],
    "SOA": ["ns1 hostmaster 5 2 3 400000 5"],
}


def random_rule(rng):
    name = rng.choice(OWNERS[1:]) + ".example.com."
    identity = rng.choice([k.name + "." for k in KEYS] * 2 + ["*", "*.example.com.", "*.b.example.com.", "nobody."])
    kind = rng.choice(["name", "subdomain", "zonesub", "wildcard", "self", "selfsub", "selfwild"])
    target = {"zonesub": "", "wildcard": "*." + name, "name": name, "subdomain": name}.get(kind, ".")
    types = [f"{t}({rng.randrange(1, 4)})" if rng.randrange(3) == 0 else t
             for t in rng.sample(["A", "TXT", "NS", "MX", "CNAME", "SOA", "ANY"], rng.choice([0, 0, 1, 2, 3]))]
    return " ".join(filter(None, [rng.choice(["grant", "grant", "grant", "deny"]), identity, kind, target, *types]))


def random_message(rng, key):
    message = client.new_update("example.com", key)
    if rng.randrange(4) == 0:
        rng.choice([message.present, message.absent])(rng.choice(OWNERS), *rng.choice([[], ["A"], ["TXT"]]))
    for _ in range(rng.randrange(1, 4)):
        owner, rdtype = rng.choice(OWNERS), rng.choice(list(RDATA) + ["A", "TXT"])
        match rng.randrange(8):
            case 0 | 1 | 2 | 3:
                message.add(owner, 300, rdtype, rng.choice(RDATA[rdtype]))
            case 4:
                message.delete(owner, rdtype, rng.choice(RDATA[rdtype]))
            case 5 | 6:
                message.delete(owner, rdtype)
            case 7:
                message.delete(owner)
    return message


def content(server):
    text = client.dig(server, "axfr", "example.com", "-y", KEYS[2].y(), "+noall", "+answer", "+onesoa")
    lines = [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";")]
    assert lines, "the transfer works"
    return sorted(line for line in lines if " SOA " not in line)


@pytest.mark.once
@pytest.mark.parametrize("seed", range(60 if os.environ.get("CERTNS_LONG") == "yes" else 6))
def test_the_same_answers_as_bind(certnsd, named, tmp_path, seed):
    rng = random.Random(seed)
    rules = [random_rule(rng) for _ in range(rng.randrange(2, 9))]
    if seed % 2 == 0:
        rules.append("grant * zonesub " + rng.choice(["", "ANY", "A TXT(2)", "TXT(1) ANY(2) A"]))
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=EXTRA), "example.com._keys": "".join(k.dnskey() for k in KEYS)})
    server = certnsd(git=repo)
    server.zone_entry("example.com", **{"update-policy": rules})
    server.start("example.com")
    for key in KEYS:
        named.key(key)
    named.primary("example.com", zone(extra=EXTRA),
                  f"update-policy {{ {' '.join(r + ';' for r in rules)} }}; check-names ignore; check-integrity no;")
    named.start("example.com")
    seen = {}
    for i in range(60):
        message = random_message(rng, rng.choice(KEYS))
        ours, theirs = client.send_update(server, message), client.send_update(named, message)
        assert ours == theirs, f"round {i} under {rules}:\n{message}\n{server.log()[-500:]}\n{named.log()[-1000:]}"
        seen[ours] = seen.get(ours, 0) + 1
        if i % 10 == 9:
            assert content(server) == content(named), f"after round {i} under {rules}"
    assert content(server) == content(named), rules
    assert seen.get("NOERROR", 0) > 0 or seed % 2, seen


@pytest.fixture
def server(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=EXTRA), "example.com._keys": "".join(k.dnskey() for k in KEYS),
                                      "_keys": PLAIN.dnskey()})
    server = certnsd(git=repo)
    server.zone_entry("example.com", **{"update-policy": [
        f"grant {PLAIN.name} csr www.example.com", f"grant {PLAIN.name} acme ftp.example.com",
        f"deny {PLAIN.name} name a.example.com A", f"grant {PLAIN.name} subdomain a.example.com A TXT(1)"]})
    return server.start("example.com")


def send(server, key, *changes):
    """changes: ("add", owner, ...).  The rcode, and the text of the extended error."""
    message = client.new_update("example.com", key)
    for what, *arguments in changes:
        getattr(message, what)(*arguments)
    message.use_edns(0, payload=65535, request_payload=65535)
    reply = client.exchange(server, message, tcp=True)
    words = [o.text for o in reply.options if o.otype == dns.edns.OptionType.EDE]
    return client.rcode(reply), words[0] if words else ""


PLAIN = Key("web1")
CSR = "_letsencrypt._tcp.www"


CASES = [
    ("below", [("add", "x.a", 60, "A", "192.0.2.1")], ""),
    ("a rule that denies", [("add", "a", 60, "A", "192.0.2.1")],
     "a.example.com. A: the update-policy says 'deny web1 name a.example.com A'"),
    ("no rule", [("add", "x.a", 60, "AAAA", "2001:db8::1")], "x.a.example.com. AAAA: no rule of the zone's update-policy matches"),
    ("all or nothing", [("add", "x.a", 60, "A", "192.0.2.1"), ("delete", "b", "TXT")],
     "b.example.com. TXT: no rule of the zone's update-policy matches"),
    ("a name with more than that", [("delete", "many")], "many.example.com. A: no rule of the zone's update-policy matches"),
    ("a CSR, and names that it can prove", [("add", CSR, 60, "TLSA", Request(["www.example.com", "x.ftp.example.com"]).rdata())], ""),
    ("and one that it cannot", [("add", CSR, 60, "TLSA", Request(["www.example.com", "mail.example.com"]).rdata())],
     "_letsencrypt._tcp.www.example.com. TLSA: the CSR asks for mail.example.com, and the key may only have one for "
     "www.example.com and names below"),
    ("a challenge", [("add", "_acme-challenge.ftp", 60, "TXT", "x")], ""),
]


def test_the_rule_is_named(server):
    for why, changes, words in CASES:
        assert send(server, PLAIN, *changes) == ("REFUSED" if words else "NOERROR", words), why
        if words:
            server.wait_log(r"warning: update of example.com from web1 .*: REFUSED: " + re.escape(words))


def test_names_of_keys_no_longer_count(server):
    """But for transfers; and after a reload without rules they do."""
    key = KEYS[2]
    assert send(server, key, ("add", "x", 60, "A", "192.0.2.1"))[0] == "REFUSED"
    assert client.transferred(server, "example.com", key)
    server.zone_entry("example.com")
    assert server.ctl("reload") == {"restart-needed": False}
    wait_for(lambda: send(server, key, ("add", "x", 60, "A", "192.0.2.1"))[0] == "NOERROR", "the name counts")
    assert send(server, PLAIN, ("add", "x.a", 60, "A", "192.0.2.1"))[0] == "REFUSED"


def test_as_many_records_as_allowed(server):
    assert send(server, PLAIN, ("add", "x.a", 60, "TXT", "1"), ("add", "x.a", 60, "TXT", "2"))[0] == "NOERROR"
    assert client.look(server, "x.a.example.com", "TXT") == ['"1"']
    assert send(server, PLAIN, ("delete", "x.a", "TXT"), ("add", "x.a", 60, "TXT", "3"))[0] == "NOERROR"
    assert client.look(server, "x.a.example.com", "TXT") == ['"3"']


def test_rules_that_never_match(certnsd):
    """No errors, for BIND takes them too."""
    server = certnsd()
    rules = ["grant k name www.example.net A", "grant k subdomain example.net A", "grant k wildcard *.example.net A",
             "grant k csr www.example.net", "grant k name example.com A", "grant k subdomain com A",
             "grant k wildcard *.com A",
             "grant k csr .", "grant k acme www.example.net", "grant k self . A"]
    server.zone_entry("example.com", **{"update-policy": rules})
    done = run([program("server/certnsd"), "-t", "-c", server.config_path])
    found = re.findall(r"yaml:(\d+):\d+: the rule can never match: (\S+) is not in the zone example.com",
                       done.stdout + done.stderr)
    assert [name for _, name in found] == ["www.example.net", "example.net", "*.example.net", "www.example.net"]
    assert [int(line) - int(found[0][0]) for line, _ in found] == [0, 1, 2, 3]

"""update-policy: who may change what.  The same rules and the same updates give the same answers as with BIND's named."""

import random

import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
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
@pytest.mark.parametrize("seed", range(6))
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

"""The same random updates to certns and to BIND's named: the same rcodes, and the same zone afterwards."""

import random

import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.update
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.zones import zone

pytestmark = pytest.mark.once

KEY = Key("client._update.example.com")
ROUNDS = 120

TARGETS = "ns2\tA\t127.0.0.2\nmail\tA\t127.0.0.3\n"	# BIND wants them to have addresses
OWNERS = ["@", "a", "b", "x.b", "*.b"]
RDATA = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "TXT": ['"x"', '"X"', '"y" "z"'],
    "MX": ["10 mail", "10 MAIL", "20 mail"],
    "NS": ["ns1", "ns2", "ns.example.net."],
    "CNAME": ["a", "b", "www.example.net."],
    "SRV": ["0 0 80 a", "0 0 80 b"],
    "TYPE65400": ["\\# 0", "\\# 2 0102"],
}


def random_prerequisite(rng, message):
    owner, rdtype = rng.choice(OWNERS), rng.choice(list(RDATA))
    match rng.randrange(5):
        case 0:
            message.present(owner)
        case 1:
            message.absent(owner)
        case 2:
            message.present(owner, rdtype)
        case 3:
            message.absent(owner, rdtype)
        case 4:
            message.present(owner, rdtype, rng.choice(RDATA[rdtype]))


def random_update(rng, message):
    owner = rng.choice(OWNERS)
    rdtype = rng.choice([t for t in RDATA if t != "NS" or owner == "@"])
    rdata = rng.choice(RDATA[rdtype])
    match rng.randrange(10):
        case 0 | 1 | 2 | 3 | 4 | 5:
            message.add(owner, rng.choice([60, 300]), rdtype, rdata)
        case 6 | 7:
            message.delete(owner, rdtype, rdata)
        case 8:
            message.delete(owner, rdtype)
        case 9:
            message.delete(owner)


def content(server):
    text = client.dig(server, "axfr", "example.com", "-y", KEY.y(), "+noall", "+answer", "+onesoa")
    lines = [" ".join(line.split()).lower() if '"' not in line else " ".join(line.split()) for line in text.splitlines()
             if line and not line.startswith(";")]
    assert lines, "the transfer works"
    return sorted(line for line in lines if " soa " not in line.lower())


@pytest.mark.first
@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_zone(certnsd, named, tmp_path, seed):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=TARGETS), "example.com._keys": KEY.dnskey()})
    server = certnsd(git=repo).start("example.com")
    named.key(KEY)
    named.primary("example.com", zone(extra=TARGETS), f'allow-update {{ key "{KEY.name}"; }}; check-names ignore; check-integrity no;')
    named.start("example.com")
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        message = client.new_update("example.com", KEY)
        if rng.randrange(3) == 0:
            random_prerequisite(rng, message)
        for _ in range(rng.randrange(1, 8)):
            random_update(rng, message)
        ours, theirs = client.send_update(server, message), client.send_update(named, message)
        assert ours == theirs, message.to_text()
        assert content(server) == content(named), message.to_text()

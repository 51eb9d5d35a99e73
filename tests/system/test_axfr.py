"""Transfers out: who gets them, and that nothing is missing (RFC 5936)."""

import dns.message
import dns.query
import dns.rcode
import dns.zone
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import ALGORITHMS, Key
from lib.zones import RICH, zone


KEYS = {
    "update": Key("client._update.example.com"),
    "transfer": Key("secondary._transfer.example.com"),
    "all": Key("secondary._transfer"),
    "notify": Key("somebody._notify.example.com"),
    "other": Key("secondary._transfer.example.net"),
    "above": Key("secondary._transfer.com", "hmac-sha512"),
}


def key_files():
    return {
        "_keys": KEYS["all"].dnskey(),
        "com._keys": KEYS["above"].dnskey(),
        "example.com._keys": "".join(KEYS[k].dnskey() for k in ("update", "transfer", "notify")),
        "example.net._keys": KEYS["other"].dnskey(),
    }


@pytest.fixture
def repo(tmp_path):
    return GitRepo(tmp_path / "git", {
        "example.com": zone(extra=RICH), "example.net": zone("example.net"), **key_files()})


def axfr(server, zone_name, key, *arguments):
    return client.dig(server, "axfr", zone_name, "-y", key.y(), "+noall", "+answer", *arguments, check=False)


@pytest.mark.parametrize("name, allowed", [
    ("update", True), ("transfer", True), ("all", True), ("above", True), ("notify", False), ("other", False)])
def test_the_keys_name_decides(server, name, allowed):
    text = axfr(server, "example.com", KEYS[name])
    lines = [line.split() for line in text.splitlines() if line and not line.startswith(";")]
    if not allowed:
        assert not lines
        server.wait_log(r"example\.com.*(refused|REFUSED|not allowed|may not)")
        return
    assert lines[0][3] == "SOA" and lines[-1][3] == "SOA", "first and last is the SOA"
    assert ["www.example.com.", "3600", "IN", "A", "192.0.2.80"] in lines
    assert ["ns.sub.example.com.", "3600", "IN", "AAAA", "2001:db8::53"] in lines, "glue too"


def test_unsigned_is_refused(server):
    with pytest.raises(dns.query.TransferError) as error:
        list(dns.query.xfr(server.address, "example.com", port=server.port, lifetime=10))
    assert error.value.rcode == dns.rcode.REFUSED


def test_over_udp_there_is_none(server):
    query = dns.message.make_query("example.com", "AXFR")
    query.use_tsig(KEYS["transfer"].dnspython())
    response = client.exchange(server, query)
    assert response.rcode() == dns.rcode.NOTIMP and not response.answer, "as NSD and Knot DNS say it"


def test_allow_transfer(certnsd, repo):
    server = certnsd(git=repo)
    server.zone_entry("example.com", **{"allow-transfer": ["127.0.0.0/24"]})
    server.start("example.com")
    found = dns.zone.from_xfr(dns.query.xfr(server.address, "example.com.", port=server.port, lifetime=10,
                                             relativize=False), relativize=False)
    assert found.find_rdataset("www.example.com.", "A")
    with pytest.raises(dns.query.TransferError):
        list(dns.query.xfr(server.address, "example.net", port=server.port, lifetime=10))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_large_zone_in_many_messages(certnsd, tmp_path, algorithm):
    """Each message of the stream is signed or covered, and dig and dnspython check that."""
    key = Key("secondary._transfer.example.com", algorithm)
    extra = "".join(f'host{i}\tTXT\t"{i:05d} {"y" * 90}"\n' for i in range(3000))
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=extra), "example.com._keys": key.dnskey()})
    server = certnsd(git=repo).start("example.com")
    text = axfr(server, "example.com", key)
    assert sum("\tTXT\t" in line for line in text.splitlines()) == 3000, text[-2000:]
    messages = list(dns.query.xfr(server.address, "example.com", port=server.port, lifetime=30,
                                  keyring=key.dnspython(), keyalgorithm=key.dnspython().algorithm))
    assert len(messages) > 1, "so much does not fit into one"
    assert sum(len(rrset) for m in messages for rrset in m.answer if rrset.rdtype == dns.rdatatype.TXT) == 3000


def test_keys_are_not_in_it(server):
    text = axfr(server, "example.com", KEYS["update"])
    assert "DNSKEY" not in text and KEYS["update"].secret not in text


def test_a_zone_we_do_not_have(server):
    text = client.dig(server, "axfr", "example.org", "-y", KEYS["all"].y(), check=False)
    assert "SOA" not in text


def test_kdig_too(server):
    from lib.process import run
    text = run(["kdig", "@127.0.0.1", "-p", server.port, "-y", KEYS["transfer"].y(), "example.com", "AXFR"]).stdout
    assert "192.0.2.80" in text and "failed" not in text.lower()

"""IXFR out (RFC 1995): from the journal, over TCP and UDP, across restarts, condensed."""

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from lib import client
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone

ZONE = "example.com"
TRANSFER = Key(f"secondary._transfer.{ZONE}")


@pytest.fixture
def primary(certnsd, repo, key):
    repo.commit({f"{ZONE}._keys": key.dnskey() + TRANSFER.dnskey()})
    return certnsd(git=repo).start(ZONE)


def change(server, key, *lines):
    client.nsupdate(server, key, "".join(f"update {line}\n" for line in lines) + "send\n")


def ixfr(server, serial, tcp=True, key=TRANSFER, payload=1232):
    """The records of an IXFR answer, in order: "SOA 3", or "owner TYPE rdata"."""
    query = dns.message.make_query(ZONE, "IXFR", use_edns=0, payload=payload)
    query.authority.append(dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    query.use_tsig(key.dnspython())
    response = dns.query.tcp(query, server.address, port=server.port, timeout=10, one_rr_per_rrset=True) if tcp else \
        dns.query.udp(query, server.address, port=server.port, timeout=10, one_rr_per_rrset=True)
    assert response.rcode() == dns.rcode.NOERROR
    return [f"SOA {rrset[0].serial}" if rrset.rdtype == dns.rdatatype.SOA else
            f"{rrset.name.to_text().split('.')[0]} {dns.rdatatype.to_text(rrset.rdtype)} {rrset[0].to_text()}"
            for rrset in response.answer]


@pytest.mark.parametrize("tcp", [True, False])
def test_one_step(primary, key, tcp):
    change(primary, key, f"delete www.{ZONE} A", f"add new.{ZONE} 300 A 192.0.2.1")
    assert ixfr(primary, 1, tcp) == ["SOA 2", "SOA 1", "www A 192.0.2.80", "SOA 2", "new A 192.0.2.1", "SOA 2"]


@pytest.mark.parametrize("tcp", [True, False])
def test_steps_are_condensed(primary, key, tcp):
    change(primary, key, f"add passing.{ZONE} 300 A 192.0.2.1")
    change(primary, key, f"add stays.{ZONE} 300 A 192.0.2.2")
    change(primary, key, f"delete passing.{ZONE}")
    assert ixfr(primary, 1, tcp) == ["SOA 4", "SOA 1", "SOA 4", "stays A 192.0.2.2", "SOA 4"]
    assert ixfr(primary, 3, tcp) == ["SOA 4", "SOA 3", "passing A 192.0.2.1", "SOA 4", "SOA 4"]


@pytest.mark.parametrize("tcp", [True, False])
@pytest.mark.parametrize("serial", [2, 3])
def test_who_has_the_zone_gets_its_soa(primary, key, tcp, serial):
    change(primary, key, f"add new.{ZONE} 300 A 192.0.2.1")
    assert ixfr(primary, serial, tcp) == ["SOA 2"]


def test_without_history_the_zone_is_sent(primary, key):
    change(primary, key, f"add new.{ZONE} 300 A 192.0.2.1")
    answer = ixfr(primary, 4294967290)
    assert answer[0] == answer[-1] == "SOA 2" and "www A 192.0.2.80" in answer and answer.count("SOA 2") == 2
    assert ixfr(primary, 4294967290, tcp=False) == ["SOA 2"]


def test_what_does_not_fit_over_udp_is_left_to_tcp(primary, key):
    change(primary, key, *(f"add n{i}.{ZONE} 300 TXT {'x' * 200}" for i in range(10)))
    assert ixfr(primary, 1, tcp=False) == ["SOA 2"]
    assert len(ixfr(primary, 1)) == 14


def test_history_survives_a_restart(primary, key):
    change(primary, key, f"add one.{ZONE} 300 A 192.0.2.1")
    primary.kill9()
    primary.start(ZONE)
    change(primary, key, f"add two.{ZONE} 300 A 192.0.2.2")
    assert ixfr(primary, 1) == ["SOA 3", "SOA 1", "SOA 3", "one A 192.0.2.1", "two A 192.0.2.2", "SOA 3"]


def test_a_commit_is_one_step(primary, repo):
    repo.commit({ZONE: zone(serial=7, extra="new A 192.0.2.1\n")})
    primary.pull()
    assert ixfr(primary, 1) == ["SOA 7", "SOA 1", "SOA 7", "new A 192.0.2.1", "SOA 7"]


def test_ttls_and_passing_records_are_differences_too(primary, key):
    change(primary, key, f"add _acme-challenge.{ZONE} 60 TXT token")
    change(primary, key, f"delete www.{ZONE} A", f"add www.{ZONE} 60 A 192.0.2.80")
    assert ixfr(primary, 1) == ["SOA 3", "SOA 1", "www A 192.0.2.80", "SOA 3", "_acme-challenge TXT \"token\"",
                                "www A 192.0.2.80", "SOA 3"]


def test_an_ixfr_is_refused_without_right(primary):
    query = dns.message.make_query(ZONE, "IXFR")
    query.authority.append(dns.rrset.from_text(ZONE + ".", 0, "IN", "SOA", ". . 1 0 0 0 0"))
    assert client.rcode(client.exchange(primary, query, tcp=True)) == "REFUSED"


def test_secondaries_follow_by_differences(certnsd, named, primary, key):
    """BIND, and certnsd with a second certnsd behind it: everything after the first transfer comes as differences."""
    here = [{"name": TRANSFER.name, "algorithm": TRANSFER.algorithm, "secret": TRANSFER.secret}]
    first, second = certnsd(keys=here), certnsd(keys=here)
    first.zone_entry(ZONE, primaries=[f"{primary.here()} key {TRANSFER.name}"], notify=[second.here()])
    second.zone_entry(ZONE, primaries=[f"{first.here()} key {TRANSFER.name}"])
    first.start(ZONE)
    second.start(ZONE)
    named.key(TRANSFER)
    named.secondary(ZONE, primary, TRANSFER)
    named.start(ZONE)
    primary.zone_entry(ZONE, notify=[first.here(), f"{named.address}@{named.port}"])
    primary.ctl("reload")
    for i in range(10):
        change(primary, key, f"add n{i}.{ZONE} 300 A 192.0.2.{i + 1}", f"delete n{i - 3}.{ZONE}")
    for server in (first, second, named):
        wait_for(lambda: client.serial(server, ZONE) == 11, f"{server.name} has the last change")
        assert client.look(server, f"n9.{ZONE}", "A") == ["192.0.2.10"]
        assert client.look(server, f"n1.{ZONE}", "A") == []
    assert first.log().count("whole from") == second.log().count("whole from") == 1
    assert "differences from" in second.log()
    assert "IXFR of example.com, serial" in primary.log() and "whole" not in primary.log()

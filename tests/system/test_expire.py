"""How long a zone may be served goes along with it, so that a chain of servers expires together (RFC 7314)."""

import calendar
import struct
import time

import dns.edns
import dns.message
import dns.rcode
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.peers import Bind
from lib.wait import stays, wait_for
from lib.zones import zone

ZONE = "example.com"
EXPIRE = 60
TEXT = zone(serial=1).replace("7200", "1").replace("3600	; retry", "1	; retry").replace("1209600", str(EXPIRE))
OPTION = 9


def ask(server, name, kind, octets=b"", tcp=False):
    option = dns.edns.GenericOption(OPTION, octets)
    return client.exchange(server, dns.message.make_query(name, kind, use_edns=0, options=[option]), tcp=tcp)


def told(response):
    values = [o.data for o in response.options if o.otype == OPTION]
    assert len(values) <= 1
    return struct.unpack("!I", values[0])[0] if values else None


def left(server):
    return told(ask(server, ZONE, "SOA"))


@pytest.fixture
def make(certnsd, tmp_path):
    """A server of either kind, by its place in the chain."""
    def made(kind, place, of=None):
        directory = tmp_path / f"{kind}-{place}"
        directory.mkdir()
        if kind == "bind":
            server = Bind(str(directory))
            started.append(server)
            if of is None:
                server.primary(ZONE, TEXT)
            else:
                server.secondary(ZONE, of)
        elif of is None:
            repo = GitRepo(str(directory))
            repo.commit({ZONE: TEXT})
            server = certnsd(git=repo)
            server.zone_entry(ZONE, **{"allow-transfer": ["127.0.0.0/8"]})
        else:
            server = certnsd()
            server.zone_entry(ZONE, primaries=[f"{of.address}@{of.port}"], **{"allow-transfer": ["127.0.0.0/8"]})
        return server.start(ZONE) or server
    started = []
    yield made
    for server in started:
        server.stop()


@pytest.mark.parametrize("kind", ["certns", "bind"])
def test_a_primary_says_what_its_soa_says(make, kind):
    primary = make(kind, 0)
    assert left(primary) == EXPIRE
    assert told(ask(primary, ZONE, "SOA", tcp=True)) == EXPIRE
    if kind == "certns":        # BIND says it of transfers only where it is a secondary
        assert told(ask(primary, ZONE, "AXFR", tcp=True)) == EXPIRE
    assert told(ask(primary, ZONE, "NS")) is None
    assert told(ask(primary, f"www.{ZONE}", "SOA")) is None
    assert told(ask(primary, "nobody.test", "SOA")) is None


def test_a_malformed_one_is_an_error(make):
    assert ask(make("certns", 0), ZONE, "SOA", b"xx").rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize("kinds", [("certns", "certns", "certns"), ("bind", "certns", "certns"), ("certns", "bind", "certns"),
                                   ("certns", "certns", "bind")], ids="-".join)
def test_a_chain_expires_together(make, kinds):
    """The last one asks the middle one, which lives, every second; but nobody has seen the first since it went."""
    first = make(kinds[0], 0)
    middle = make(kinds[1], 1, first)
    last = make(kinds[2], 2, middle)
    assert EXPIRE - 30 < left(last) <= EXPIRE
    first.stop()
    stopped = time.time()
    stays(lambda: all(time.time() + left(s) <= stopped + EXPIRE + 2 for s in (middle, last)), "it ends with the first", 5, 0.5)
    if kinds[2] == "certns":
        wait_for(lambda: shown(last, "confirmed") > stopped + 2, "the last one has asked since then")
        assert shown(last, "expires") <= stopped + EXPIRE + 2
        last.kill9()
        last.start(ZONE)
        assert shown(last, "expires") <= stopped + EXPIRE + 2


def shown(server, what):
    text = server.ctl("zones", ZONE)[0]["transfer"][what]
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))

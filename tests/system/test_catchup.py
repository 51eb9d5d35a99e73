"""A new host, without state: the zone goes on above the serial that its secondaries have."""

import pytest

from lib import client
from lib.keys import Key
from lib.wait import stays
from lib.zones import zone

KEY = Key("client._update.example.com")


@pytest.fixture
def server(certnsd, repo, named):
    one = certnsd(git=repo)
    one.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"])
    return one


@pytest.mark.parametrize("known, wanted", [
    (50, 51),
    (1, 1),
    (4294967295, 1),		# older, by RFC 1982
])
def test_a_new_host_starts_above(server, named, known, wanted):
    named.primary("example.com", zone(serial=known))
    named.start("example.com")
    server.start("example.com")
    server.wait_serial("example.com", wanted)
    stays(lambda: client.serial(server, "example.com") == wanted, "and no higher", 1)
    server.stop()
    server.start("example.com")
    assert client.serial(server, "example.com") == wanted, "it is in the journal"


def test_a_policy_of_keep_is_kept(server, named):
    server.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"], serial="keep")
    named.primary("example.com", zone(serial=50))
    named.start("example.com")
    server.start("example.com")
    server.wait_log(r"warning: zone example\.com: a secondary has serial 50")
    assert client.serial(server, "example.com") == 1

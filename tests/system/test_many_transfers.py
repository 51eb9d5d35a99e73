"""Large zones and very many zones, between certnsd and other name servers; only in the long run of the tests."""

import datetime

import pytest

from lib import client
from lib.keys import Key
from lib.peers import Bind, Knot, Nsd
from lib.wait import wait_for
from lib.zones import zone

pytestmark = [pytest.mark.long, pytest.mark.plain]

ZONE = "example.com"
TRANSFER = Key(f"secondary._transfer.{ZONE}")
UPDATE = Key(f"client._update.{ZONE}")
KNOWN = [{"name": k.name, "algorithm": k.algorithm, "secret": k.secret} for k in (TRANSFER, UPDATE)]
RECORDS = 1000000
ZONES = 10000


def large_text(serial=1):
    return zone(serial=serial, extra="".join(f"h{i}\tA\t10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(RECORDS)))


def has_last(server, serial):
    wait_for(lambda: client.serial(server, ZONE) == serial, f"{server.name} has serial {serial}", 120)
    i = RECORDS - 1
    assert client.look(server, f"h{i}.{ZONE}", "A") == [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"]


@pytest.mark.parametrize("kind", [Bind, Knot, Nsd])
def test_a_large_zone_out(certnsd, tmp_path, kind):
    peer = kind(tmp_path / "peer")
    server = certnsd(keys=KNOWN)
    with open(f"{server.directory}/zone", "w", encoding="ascii") as f:
        f.write(large_text())
    server.zone_entry(ZONE, file=f"{server.directory}/zone", notify=[f"{peer.address}@{peer.port}"])
    server.start(ZONE)
    peer.key(TRANSFER)
    peer.secondary(ZONE, server, TRANSFER)
    peer.start()
    has_last(peer, 1)
    client.nsupdate(server, UPDATE, f"update add new.{ZONE} 300 A 192.0.2.1\nsend\n")
    has_last(peer, 2)
    assert f"IXFR of {ZONE}, serial 2" in server.log()


@pytest.mark.parametrize("kind", [Bind, Knot, Nsd])
def test_a_large_zone_in(certnsd, tmp_path, kind):
    peer = kind(tmp_path / "peer")
    server = certnsd(keys=KNOWN)
    server.zone_entry(ZONE, primaries=[f"{peer.address}@{peer.port} key {TRANSFER.name}"])
    peer.key(TRANSFER)
    peer.primary(ZONE, large_text(), server, TRANSFER)
    peer.start()
    wait_for(lambda: client.serial(peer, ZONE) == 1, "the primary has loaded", 120)
    server.start()
    has_last(server, 1)
    peer.change(ZONE, large_text(2))
    has_last(server, 2)
    server.kill9()
    server.start(ZONE)
    assert client.serial(server, ZONE) == 2


def test_very_many_zones(certnsd, tmp_path):
    """All come, a few at a time; and the times at which they will be asked about again are spread."""
    peer = Knot(tmp_path / "peer")
    server = certnsd(keys=KNOWN)
    names = [f"z{i}.example" for i in range(ZONES)]
    server.config["zones"] = [{"name": n, "primaries": [f"{peer.address}@{peer.port} key {TRANSFER.name}"]}
                              for n in names]
    server.write_config()
    peer.key(TRANSFER)
    for name in names:
        peer.primary(name, zone(name), None, TRANSFER)
    peer.start(names[-1])
    server.start()

    wait_for(lambda: sum(1 for one in server.ctl("zones") if one["serial"] == 1) == ZONES, "all zones have come", 300,
             1)
    assert "said nothing" not in server.log() and "closed the connection" not in server.log()
    nexts = sorted(datetime.datetime.fromisoformat(server.ctl("zones", name)[0]["transfer"]["next"].rstrip("Z"))
                   for name in names[::100])
    assert (nexts[-5] - nexts[5]).total_seconds() > 7200 / 10 / 2
    server.stop()
    server.start(*names[::1000])
    assert all(client.serial(server, name) == 1 for name in names[::100])

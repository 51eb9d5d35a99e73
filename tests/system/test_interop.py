"""certnsd beside other name servers: BIND, Knot, NSD, PowerDNS and YADIFA as its secondaries, and as its primaries."""

import pytest

from lib import client
from lib.keys import Key
from lib.peers import PRIMARIES, SECONDARIES, Bind, Knot, Nsd
from lib.signed import sign
from lib.wait import wait_for
from lib.zones import RICH, TYPES, zone

pytestmark = pytest.mark.once

ZONE = "example.com"
SIGNED = "signed.example"
TRANSFER = Key(f"secondary._transfer.{ZONE}")
UPDATE = Key(f"client._update.{ZONE}")
# They poll seldom, so that what comes soon has come by NOTIFY; but they try again soon.
SOON = ("3600	; retry", "1	; retry")


def text(peer, serial=1, extra=""):
    types = "".join(line for line in TYPES.splitlines(True) if not line.startswith(peer.cannot_read))
    return zone(serial=serial, extra=RICH + types + extra).replace(*SOON)


def known(*keys):
    return [{"name": k.name, "algorithm": k.algorithm, "secret": k.secret} for k in keys]


def same(a, b, name=ZONE, key=TRANSFER):
    """Record by record, as anybody sees it who transfers the zone; key: the one for both."""
    def compared():
        here, there = client.transferred(a, name, key), client.transferred(b, name, key)
        assert here and there, f"no transfer of {name}: {bool(here)}, {bool(there)}"
        assert here == there, f"{sorted(here - there)[:5]} against {sorted(there - here)[:5]}"
        return True
    wait_for(compared, f"{a.name} and {b.name} have the same {name}")


@pytest.fixture
def signed_text(tmp_path):
    return sign(tmp_path / "signed", "nsec3")[0]


@pytest.fixture
def peer(request, tmp_path):
    one = request.param(tmp_path / "peer")
    one.key(TRANSFER)
    return one


def each(peers):
    return pytest.mark.parametrize("peer", peers, indirect=True, ids=[p.__name__ for p in peers])


# --- certnsd as the primary ---

def primary_for(certnsd, peer, texts):
    server = certnsd(keys=known(TRANSFER, UPDATE))
    for name, content in texts.items():
        path = f"{server.directory}/{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
        server.zone_entry(name, file=path, notify=[f"{peer.address}@{peer.port}"],
                          **{"allow-transfer": [f"key {TRANSFER.name}"]})
    return server


def update(server, *lines):
    client.nsupdate(server, UPDATE, "".join(f"update {line}\n" for line in lines) + "send\n")


def follows(server, peer):
    serial = client.serial(server, ZONE)
    wait_for(lambda: client.serial(peer, ZONE) == serial, f"{peer.name} has serial {serial}", 10)
    same(server, peer)


@each(SECONDARIES)
def test_primary(certnsd, peer, signed_text):
    server = primary_for(certnsd, peer, {ZONE: text(peer), SIGNED: signed_text}).start(ZONE, SIGNED)
    peer.secondary(ZONE, server, TRANSFER)
    peer.secondary(SIGNED, server, TRANSFER)
    peer.start(ZONE, SIGNED)
    same(server, peer, SIGNED)
    same(server, peer)

    # NOTIFY, and differences of one step.
    update(server, f"add new.{ZONE} 300 A 192.0.2.20", f"delete www.{ZONE} AAAA")
    follows(server, peer)
    update(server, f"add new.{ZONE} 60 A 192.0.2.21", f"delete alias.{ZONE}")
    follows(server, peer)

    # Many steps, while it is not there.
    peer.stop()
    for i in range(10):
        update(server, f"add n{i}.{ZONE} 300 TXT \"{i}\"", f"delete n{i - 5}.{ZONE}")
    peer.start(ZONE)
    follows(server, peer)

    # The primary gone and back.
    server.kill9()
    server.start(ZONE)
    update(server, f"delete many.{ZONE} TXT one", f"add odd.{ZONE} 300 TXT \"\\200\\000\\\\\"")
    follows(server, peer)
    assert ("IXFR of example.com, serial" in server.log()) == peer.takes_ixfr


@each(SECONDARIES)
def test_primary_keys(certnsd, peer):
    """Each algorithm; and a key with the wrong secret, which gets nothing and is told in our log."""
    keys = {f"{a}.{ZONE}": Key(f"{a}.key", a) for a in peer.algorithms}
    server = certnsd(keys=known(*keys.values(), Key("wrong.key")))
    for name, key in {**keys, f"wrong.{ZONE}": Key("wrong.key")}.items():
        with open(f"{server.directory}/{name}", "w", encoding="utf-8") as f:
            f.write(zone(name).replace(*SOON))
        server.zone_entry(name, file=f"{server.directory}/{name}", **{"allow-transfer": [f"key {key.name}"]})
        peer.key(key)
        peer.secondary(name, server, key)
    server.start(*keys)
    peer.start(*keys)
    for name, key in keys.items():
        same(server, peer, name, key)
    server.wait_log(r"wrong\.key")
    assert client.serial(peer, f"wrong.{ZONE}") is None


@each((Bind, Knot, Nsd))
def test_signed_notify(certnsd, peer):
    """A secondary that takes NOTIFY only where it is signed with a key of its own."""
    told = Key("told")
    here = f"{peer.address}@{peer.port}"
    server = primary_for(certnsd, peer, {ZONE: text(peer)})
    server.config["server"]["source"] = ["127.0.0.2"]       # from its primary's address BIND takes any NOTIFY
    server.write_config()
    peer.key(told)
    peer.notify_key = told
    peer.secondary(ZONE, server, TRANSFER)
    server.start(ZONE)
    peer.start(ZONE)

    def seen():
        return server.ctl("zones", ZONE)[0]["secondaries"]

    # Unsigned, and with a key that is not known here, it hears nothing.
    update(server, f"add one.{ZONE} 300 A 192.0.2.21")
    wait_for(lambda: seen()[0]["problem"] and seen()[0]["key"] is None, "an unsigned NOTIFY is not taken")
    server.zone_entry(ZONE, file=f"{server.directory}/{ZONE}", notify=[f"{here} key {told.name}"],
                      **{"allow-transfer": [f"key {TRANSFER.name}"]})
    server.ctl("reload")
    update(server, f"add two.{ZONE} 300 A 192.0.2.22")
    wait_for(lambda: "its key told is not known here" in (seen()[0]["problem"] or ""), "a key that is not known")
    assert client.serial(peer, ZONE) < client.serial(server, ZONE)

    # Once it is, the secondary is told of what it missed, and of each change.
    server.config["keys"] += known(told)
    server.write_config()
    server.ctl("reload")
    follows(server, peer)
    update(server, f"add three.{ZONE} 300 A 192.0.2.23")
    follows(server, peer)
    wait_for(lambda: [(one["address"], one["key"], one["current"]) for one in seen()] == [(here, told.name, True)],
             "its answer, signed, has confirmed the serial")


# --- certnsd as the secondary ---

def secondary_of(certnsd, peer, names, key=TRANSFER):
    server = certnsd(keys=known(key))
    for name in names:
        server.zone_entry(name, primaries=[f"{peer.address}@{peer.port} key {key.name}"],
                          **{"allow-transfer": [f"key {key.name}"]})
    return server


@each(PRIMARIES)
def test_secondary(certnsd, peer, signed_text):
    server = secondary_of(certnsd, peer, [ZONE, SIGNED])
    peer.primary(ZONE, text(peer), server, TRANSFER)
    peer.primary(SIGNED, signed_text, server, TRANSFER)
    peer.start(ZONE, SIGNED)
    server.start(ZONE, SIGNED)
    same(peer, server, SIGNED)
    same(peer, server)

    # NOTIFY, and differences of several steps.
    for i in range(2, 5):
        peer.change(ZONE, text(peer, i, f"new{i}\tA\t192.0.2.20\nttl\t{i}00\tA\t192.0.2.1\n"))
        server.wait_serial(ZONE, i, 10)
        same(peer, server)
    server.stop()
    for i in range(5, 8):
        peer.change(ZONE, text(peer, i, f"new{i}\tA\t192.0.2.20\nttl\t{i}00\tA\t192.0.2.1\n"))
        wait_for(lambda: client.serial(peer, ZONE) == i, f"{peer.name} has read its file")
    server.start(ZONE)
    server.wait_serial(ZONE, 7, 10)
    same(peer, server)

    # The primary gone and back.
    peer.stop()
    assert client.look(server, f"new7.{ZONE}", "A") == ["192.0.2.20"]
    server.kill9()
    server.start(ZONE)
    assert client.serial(server, ZONE) == 7
    peer.start(ZONE)
    peer.change(ZONE, text(peer, 8))
    server.wait_serial(ZONE, 8, 10)
    same(peer, server)
    assert ("example.com: differences from 127" in server.log()) == peer.sends_ixfr


@each(PRIMARIES)
def test_secondary_keys(certnsd, peer):
    keys = {f"{a}.{ZONE}": Key(f"{a}.key", a) for a in peer.algorithms}
    server = certnsd(keys=known(*keys.values(), Key("wrong.key")))
    for name, key in {**keys, f"wrong.{ZONE}": Key("wrong.key")}.items():
        server.zone_entry(name, primaries=[f"{peer.address}@{peer.port} key {key.name}"],
                          **{"allow-transfer": [f"key {key.name}"]})
        peer.key(key)
        peer.primary(name, zone(name), None, key)
    peer.start(*keys)
    server.start(*keys)
    for name, key in keys.items():
        same(peer, server, name, key)
    server.wait_log(rf"wrong\.{ZONE}: .*(BADSIG|NOTAUTH|REFUSED)")
    assert client.serial(server, f"wrong.{ZONE}") is None

"""Beside somebody else's primary: certificates by updates there, and updates that are forwarded to it."""

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.keys import Key
from lib.peers import Knot
from lib.wait import wait_for
from lib.zones import zone

ZONE = "example.com"
UPDATE = Key(f"certns._update.{ZONE}")
TEXT = zone().replace("7200", "2")  # no NOTIFY is needed


def known(*keys):
    return [{"name": k.name, "algorithm": k.algorithm, "secret": k.secret} for k in keys]


def bind_primary(named, key):
    named.key(UPDATE)
    named.key(key)
    named.primary(ZONE, TEXT, options=f'allow-update {{ key "{UPDATE.name}"; key "{key.name}"; }};')
    return named.start(ZONE)


def certns_primary(certnsd, repo, key):
    repo.commit({ZONE: TEXT, f"{ZONE}._keys": key.dnskey() + UPDATE.dnskey()})
    server = certnsd(git=repo)
    server.zone_entry(ZONE, acme=False)
    return server.start(ZONE)


def knot_primary(directory, key):
    knot = Knot(directory)
    knot.key(UPDATE)
    knot.key(key)
    knot.updated_by = [UPDATE, key]
    knot.primary(ZONE, TEXT, key=UPDATE)
    return knot.start(ZONE)


@pytest.fixture(params=["certnsd", "bind", "knot"])
def primary(request, certnsd, repo, named, key, tmp_path):
    return bind_primary(named, key) if request.param == "bind" else \
        knot_primary(tmp_path / "knot", key) if request.param == "knot" else certns_primary(certnsd, repo, key)


@pytest.fixture
def hidden(certnsd, primary):
    """A secondary that nobody asks but its operator."""
    server = certnsd(keys=known(UPDATE))
    server.zone_entry(ZONE, primaries=[f"{primary.address}@{primary.port} key {UPDATE.name}"],
                      check_servers=[f"{primary.address}@{primary.port}"])
    entry = server.config["zones"][0]
    entry["check-servers"] = entry.pop("check_servers")
    server.write_config()
    return server


def test_a_certificate_by_way_of_the_primary(primary, hidden, key, pebble_for):
    pebble = pebble_for(primary)
    hidden.use_acme(pebble)
    hidden.write_config()
    hidden.start(ZONE)
    request = Request(["www.example.com"])
    client.nsupdate(primary, key, upload_script("www.example.com", request))
    wait_for(lambda: Published(primary, "www.example.com").certificate(request), "a certificate at the primary", 60)
    published = Published(primary, "www.example.com")
    assert published.csrs == [request.der] and len(published.leaves) == 1 and published.authorities
    wait_for(lambda: not client.look(primary, "_acme-challenge.www.example.com", "TXT"), "the challenge is taken away")
    wait_for(lambda: Published(hidden, "www.example.com").certificate(request), "and it came back by transfer")
    wait_for(lambda: hidden.certs("www.example.com")[0]["state"] == "valid", "and the engine knows it")


def test_a_primary_that_refuses_is_named(certnsd, repo, key, pebble_for):
    """Without the right to update there, an order is not even begun."""
    transfer = Key(f"secondary._transfer.{ZONE}")
    repo.commit({f"{ZONE}._keys": key.dnskey() + transfer.dnskey()})
    primary = certnsd(git=repo)
    primary.zone_entry(ZONE, acme=False)
    primary.start(ZONE)
    hidden = certnsd(keys=known(transfer), acme=pebble_for(primary))
    hidden.zone_entry(ZONE, primaries=[f"{primary.here()} key {transfer.name}"])
    hidden.start(ZONE)
    client.nsupdate(primary, key, upload_script("www.example.com", Request(["www.example.com"])))
    hidden.ctl("refresh", ZONE)
    wait_for(lambda: [c["state"] for c in hidden.certs("www.example.com")] == ["refused"], "the CSR is refused")


@pytest.mark.parametrize("key_is_known", [True, False])
@pytest.mark.parametrize("tcp", [True, False])
def test_updates_are_forwarded(primary, hidden, key, key_is_known, tcp):
    if key_is_known:
        hidden.config["keys"] += known(key)
    hidden.config["zones"][0]["forward-updates"] = True
    hidden.write_config()
    hidden.start(ZONE)
    client.nsupdate(hidden, key, f"update add new.{ZONE} 300 A 192.0.2.1\nsend\n", zone=ZONE, arguments=["-v"] if tcp
                    else [])
    assert client.look(primary, f"new.{ZONE}", "A") == ["192.0.2.1"]


def test_what_is_not_signed_or_not_allowed_is_not_forwarded(primary, hidden, key):
    hidden.config["zones"][0]["forward-updates"] = True
    hidden.write_config()
    hidden.start(ZONE)
    update = client.new_update(ZONE)
    update.add("x", 300, "A", "192.0.2.1")
    assert client.send_update(hidden, update) == "REFUSED"
    stranger = Key("stranger._update.example.net")
    update = client.new_update(ZONE, stranger)
    update.add("x", 300, "A", "192.0.2.1")
    done = client.nsupdate(hidden, stranger, f"update add x.{ZONE} 300 A 192.0.2.1\nsend\n", zone=ZONE, check=False)
    assert done.returncode != 0
    assert client.look(primary, f"x.{ZONE}", "A") == []


def test_forwarding_without_primary_is_servfail(certnsd, primary, hidden, key):
    hidden.config["zones"][0]["forward-updates"] = True
    hidden.write_config()
    hidden.start(ZONE)
    primary.stop()
    done = client.nsupdate(hidden, key, f"update add x.{ZONE} 300 A 192.0.2.1\nsend\n", zone=ZONE, check=False)
    assert "SERVFAIL" in done.stderr

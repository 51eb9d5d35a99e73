"""Orders on their way: kill -9 in each state of one, and it goes on; no order is made twice, no challenge is left behind.

A request that the killed server had sent reaches the CA all the same: so the CA believes everything (dns: None) where it would
look at a server that is gone."""

import contextlib
import os
import random
import re
import shutil
import sqlite3
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from lib import client
from lib.certs import Published, Request, upload_script
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone

HOST = "www.example.com"
PATIENT = 60


def upload(server, key, request, host=HOST):
    client.nsupdate(server, key, upload_script(host, request))


def certificate(server, request, host=HOST):
    return wait_for(lambda: Published(server, host).certificate(request), f"a certificate for {host}", PATIENT)


def challenges(server, host=HOST):
    return client.look(server, f"_acme-challenge.{host}", "TXT")


def remembered(server):
    """Of the orders in the state database of a server that was stopped."""
    with contextlib.closing(sqlite3.connect(os.path.join(server.state, "state.db"))) as db:
        return [name for (name,) in db.execute("SELECT name FROM note WHERE name LIKE 'order/%'")]




def killed_at(server, key, ca, request, endpoint, after=False):
    gate = ca.stall(endpoint, after)
    upload(server, key, request)
    gate.wait_arrived()
    server.kill9()
    ca.honest()
    gate.release()


def finished(server, ca, orders=1):
    """All is as if nothing had happened."""
    wait_for(lambda: not challenges(server), "no challenge is left behind")
    wait_for(lambda: server.certs(HOST)[0]["state"] == "valid", "the engine is content")
    assert len(ca.orders) == orders
    server.stop()
    assert remembered(server) == []


# ---- each state ----

@pytest.mark.parametrize("endpoint, after, settings", [
    ("authz", False, {}),
    ("challenge", False, {"dns": None}),
    ("challenge", True, {"dns": None}),
    ("authz", True, {"dns": None, "reuse_authorizations": {"pending", "valid"}}),
    ("finalize", False, {}),
    ("finalize", True, {}),
    ("order", False, {"processing_polls": 2}),
    ("certificate", False, {}),
    ("certificate", True, {}),
], ids=["placed", "published", "answered", "authorizations-reused", "proved", "csr-sent", "processing", "issued", "downloaded"])
def test_an_order_goes_on(issuer_with, key, endpoint, after, settings):
    server, ca = issuer_with(**settings)
    request = Request([HOST])
    killed_at(server, key, ca, request, endpoint, after)
    server.start("example.com")
    certificate(server, request)
    finished(server, ca)


def test_an_order_whose_url_never_came(issuer_with, key):
    """Nobody can go on with what has no name: it is placed again, and only one is brought to its end."""
    server, ca = issuer_with()
    request = Request([HOST])
    killed_at(server, key, ca, request, "newOrder", after=True)
    server.start("example.com")
    certificate(server, request)
    finished(server, ca, orders=2)
    assert len(ca.certificates) == 1


def test_an_order_survives_being_killed_again_and_again(issuer_with, key):
    """The same order through four lives."""
    server, ca = issuer_with(dns=None, processing_polls=1)
    request = Request([HOST])
    killed_at(server, key, ca, request, "authz")
    for endpoint in ("challenge", "finalize", "certificate"):
        gate = ca.stall(endpoint)
        server.start("example.com")
        gate.wait_arrived()
        server.kill9()
        ca.honest()
        gate.release()
    server.start("example.com")
    certificate(server, request)
    finished(server, ca)


def test_a_clean_stop_leaves_the_order_to_the_next_start(issuer_with, key):
    server, ca = issuer_with(dns=None)
    request = Request([HOST])
    gate = ca.stall("challenge")
    upload(server, key, request)
    gate.wait_arrived()
    server.stop()
    ca.honest()
    gate.release()
    assert remembered(server) == [f"order/_letsencrypt._tcp.{HOST}"]
    server.start("example.com")
    certificate(server, request)
    finished(server, ca)


def test_killed_at_random(issuer_with, key):
    """Many orders, killed at moments that nobody chose: each CSR costs one certificate, whatever happens."""
    lives, hosts = (40, 30) if os.environ.get("CERTNS_LONG") else (5, 8)
    server, ca = issuer_with(dns=None, processing_s=0.3, validation_s=0.3)
    requests = {f"host{i}.example.com": Request([f"host{i}.example.com"]) for i in range(hosts)}
    client.nsupdate(server, key, "".join(upload_script(h, r) for h, r in requests.items()))
    chance = random.Random(7)
    for _ in range(lives):
        time.sleep(chance.random() * 0.2)
        server.kill9()
        server.start("example.com")
    for host, request in requests.items():
        certificate(server, request, host)
        wait_for(lambda h=host: not challenges(server, h), "no challenge is left behind")
        wait_for(lambda h=host: server.certs(h)[0]["state"] == "valid", "the engine is content")
    for host in requests:
        assert len(ca.certificates_for(host)) == 1, host
    assert "going on with the order" in server.log()
    server.stop()
    assert remembered(server) == []


# ---- when the order cannot go on ----

def test_a_ca_that_has_forgotten(issuer_with, key):
    server, ca = issuer_with(dns=None)
    request = Request([HOST])
    killed_at(server, key, ca, request, "challenge")
    ca.forget()
    server.start("example.com")
    certificate(server, request)
    finished(server, ca, orders=len(ca.orders))
    server.wait_log("the CA does not have the order of before any more")


def test_a_csr_that_went_away_meanwhile(issuer_with, key, repo):
    """By a commit, while nobody was there to see it."""
    server, ca = issuer_with(dns=None)
    request = Request([HOST])
    gate = ca.stall("challenge")
    upload(server, key, request)
    gate.wait_arrived()
    wait_for(lambda: "3 255 0" in repo.read("example.com"), "the CSR is in git")
    server.kill9()
    lines = repo.read("example.com").splitlines()
    repo.commit({"example.com": "\n".join(line for line in lines if "TLSA" not in line) + "\n"})
    server.start("example.com")
    wait_for(lambda: not Published(server, HOST).csrs, "the CSR is gone")
    wait_for(lambda: not challenges(server), "and the challenge with it")
    ca.honest()
    gate.release()
    server.stop()
    assert remembered(server) == [] and not ca.certificates


def test_another_authority(issuer_with, key, fakeca_for):
    """The one of before is no longer configured: its records go, and the other one gets an order."""
    server, ca = issuer_with(dns=None)
    request = Request([HOST])
    killed_at(server, key, ca, request, "challenge")
    other = fakeca_for(server)
    server.use_acme(other)
    server.write_config()
    server.start("example.com")
    certificate(server, request)
    finished(server, other)
    assert not ca.certificates


def test_no_authority_any_more(issuer_with, key):
    server, ca = issuer_with(dns=None)
    killed_at(server, key, ca, Request([HOST]), "challenge")
    del server.config["acme"]
    server.write_config()
    server.start("example.com")
    wait_for(lambda: not challenges(server), "no challenge is left behind")
    server.stop()
    assert remembered(server) == []


def test_another_csr(issuer_with, key):
    """It came while the order for the first one was at the CA; the first one's order is of no use any more."""
    server, ca = issuer_with(dns=None)
    killed_at(server, key, ca, Request([HOST]), "challenge")
    gate = ca.stall("order")
    server.start("example.com")
    gate.wait_arrived()
    request = Request([HOST, "mail.example.com"])
    upload(server, key, request)
    ca.honest()
    gate.release()
    certificate(server, request)
    wait_for(lambda: not challenges(server, "mail.example.com"), "no challenge is left behind")
    finished(server, ca, orders=2)


def test_a_backup_knows_an_order_of_the_past(certnsd, tmp_path, key, fakeca_for):
    """Its certificate has been replaced since, and the zone's file has the newer one: that stays."""
    path = tmp_path / "zone"
    path.write_text(zone(), encoding="utf-8")
    server = certnsd(keys=[{"name": key.name, "algorithm": key.algorithm, "secret": key.secret}])
    server.zone_entry("example.com", file=str(path))
    ca = fakeca_for(server, dns=None)
    server.use_acme(ca)
    server.write_config()
    server.start("example.com")
    request = Request([HOST])
    killed_at(server, key, ca, request, "certificate")
    shutil.copytree(server.state, server.state + ".copy", ignore=shutil.ignore_patterns("*.sock"))
    server.start("example.com")
    first = certificate(server, request)
    time.sleep(1.1)  # certificates have whole seconds
    server.ctl("renew", HOST)
    second = wait_for(lambda: (c := Published(server, HOST).certificate(request)) != first and c, "another certificate")
    der = second.public_bytes(Encoding.DER).hex()
    wait_for(lambda: der in re.sub(r"[\s()]", "", path.read_text(encoding="utf-8").lower()), "it is in the file")
    server.stop()
    shutil.rmtree(server.state)
    os.rename(server.state + ".copy", server.state)
    fetched = ca.count("certificate")
    server.start("example.com")
    wait_for(lambda: server.certs(HOST) and server.certs(HOST)[0]["state"] == "valid", "the engine is content")
    assert Published(server, HOST).certificate(request) == second
    assert ca.count("certificate") == fetched
    finished(server, ca, orders=2)


# ---- at a remote primary ----

def behind_a_primary(certnsd, repo, key, fakeca_for):
    """A primary without ACME, a secondary with it, and the CA."""
    update = Key("certns._update.example.com")
    repo.commit({"example.com": zone().replace("7200", "2"), "example.com._keys": key.dnskey() + update.dnskey()})
    primary = certnsd(git=repo)
    primary.zone_entry("example.com", acme=False)
    primary.start("example.com")
    ca = fakeca_for(primary, dns=None)
    hidden = certnsd(keys=[{"name": update.name, "algorithm": update.algorithm, "secret": update.secret}])
    hidden.zone_entry("example.com", primaries=[f"{primary.here()} key {update.name}"],
                      **{"check-servers": [primary.here()]})
    hidden.use_acme(ca)
    hidden.write_config()
    return primary, hidden.start("example.com"), ca


def test_records_at_a_remote_primary(certnsd, repo, key, fakeca_for):
    """They do not go on their own there."""
    primary, hidden, ca = behind_a_primary(certnsd, repo, key, fakeca_for)
    request = Request([HOST])
    gate = ca.stall("challenge")
    upload(primary, key, request)
    gate.wait_arrived()
    assert challenges(primary)
    hidden.kill9()
    ca.honest()
    gate.release()
    hidden.start("example.com")
    certificate(primary, request)
    wait_for(lambda: not challenges(primary), "no challenge is left behind")
    assert len(ca.orders) == 1


def test_a_primary_that_is_away_in_the_end(certnsd, repo, key, fakeca_for):
    """The certificate is there, and neither can it be published nor the challenge be removed."""
    primary, hidden, ca = behind_a_primary(certnsd, repo, key, fakeca_for)
    request = Request([HOST])
    gate = ca.stall("certificate")
    upload(primary, key, request)
    gate.wait_arrived()
    primary.stop()
    ca.honest()
    gate.release()
    hidden.wait_log("update at the primary .* refused")
    hidden.kill9()
    primary.start("example.com")
    assert challenges(primary)
    hidden.start("example.com")
    certificate(primary, request)
    wait_for(lambda: not challenges(primary), "no challenge is left behind")
    assert len(ca.orders) == len(ca.certificates) == 1

"""certns-fetch gets a certificate from Pebble through certnsd, and keeps it current."""

import os

import pytest

from lib import client, fetch
from lib.certs import Published
from lib.fetch import Fetch
from lib.wait import wait_for

HOST = "www.example.com"


@pytest.fixture
def issuer(certnsd, repo, pebble_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server)
    server.use_acme(server.pebble)
    server.write_config()
    return server.start("example.com")


@pytest.fixture
def service(tmp_path, issuer, key):
    return Fetch(tmp_path / "service", issuer, key)


def test_the_first_certificate(service, issuer):
    done = service.run(HOST)
    assert "new certificate by Pebble" in done.stdout
    place = service.place()
    certificate = place.check([HOST], issuer.pebble.root_pem())
    assert place.mode("key.pem") == 0o600 and place.mode("fullchain.pem") == 0o644
    assert Published(issuer, HOST).leaves == [certificate.public_bytes(fetch.serialization.Encoding.DER)]
    assert sorted(os.listdir(place.path)) == ["current", "lock", "root.pem", "versions"], "nothing is left over"
    again = service.run(HOST)
    assert "unchanged" in again.stdout and len(place.versions()) == 1
    assert service.json("--renew", HOST)[0]["result"] == "unchanged"

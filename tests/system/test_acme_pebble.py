"""Pebble in its other moods: each lets us have an honest certificate."""

import pytest

from lib import certs, client
from lib.certs import Published, Request, upload_script
from lib.wait import wait_for

pytestmark = pytest.mark.once

HOST = "www.example.com"


@pytest.fixture
def issuer(certnsd, repo, pebble_for):
    """make(env, settings of the authority, ...): a server with example.com and such a Pebble."""
    def make(env=None, authority=lambda pebble: {}, **more):
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        server.pebble = pebble_for(server, env, **more)
        server.use_acme(server.pebble)
        server.config["acme"]["authorities"][0].update(authority(server.pebble))
        server.write_config()
        return server.start("example.com")

    return make


def obtain(server, key, names=(HOST,), kind="ec"):
    request = Request(list(names), kind=kind)
    client.nsupdate(server, key, upload_script(HOST, request))
    return wait_for(lambda: Published(server, HOST).certificate(request), "a certificate", 60)


def check(server, issued, directory, root=0):
    found = Published(server, HOST)
    certs.verify(directory, found, issued, server.pebble.root_pem(root), HOST)
    wait_for(lambda: not client.look(server, f"_acme-challenge.{HOST}", "TXT"), "the challenge is taken away")
    return found


def test_external_accounts(issuer, key, tmp_path):
    """RFC 8555, section 7.3.4."""
    secret = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    server = issuer(eab={"kid-1": secret}, authority=lambda pebble: {"eab": {"kid": "kid-1", "hmac": secret}})
    check(server, obtain(server, key), tmp_path)


@pytest.mark.parametrize("percent", ["0", "100"])
def test_reuse_of_authorizations(issuer, key, tmp_path, percent):
    """With all of them used again the second order is ready at once."""
    server = issuer({"PEBBLE_AUTHZREUSE": percent, "PEBBLE_WFE_NONCEREJECT": "0"})
    names = [HOST, "*.example.com", "example.com"]
    obtain(server, key, names)
    asked = server.pebble.log().count("/chalZ/")
    check(server, obtain(server, key, names), tmp_path)
    assert (server.pebble.log().count("/chalZ/") == asked) == (percent == "100")


def test_a_long_chain(issuer, key, tmp_path):
    server = issuer({"PEBBLE_CHAIN_LENGTH": "5"})
    assert len(check(server, obtain(server, key, kind="rsa"), tmp_path).authorities) == 5


@pytest.mark.parametrize("env, strict", [({"PEBBLE_WFE_NONCEREJECT": "50"}, False), ({}, True)],
                         ids=["half-the-nonces", "strict"])
def test_moods(issuer, key, tmp_path, env, strict):
    server = issuer(env, strict=strict)
    check(server, obtain(server, key), tmp_path)

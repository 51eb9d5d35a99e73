"""Orders on their way: kill -9 in each state of one, and it goes on; no order is made twice, no challenge is left behind.

A request that the killed server had sent reaches the CA all the same: so the CA believes everything (dns: None) where it would
look at a server that is gone."""

import contextlib
import os
import sqlite3

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.wait import wait_for

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

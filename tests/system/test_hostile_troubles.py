"""Troubles that pass: an answer lost, an error of the moment, a nonce refused.  The order goes on by itself, without another one."""

import pytest

from lib import client, lies
from lib.certnsd import SANITIZED
from lib.certs import Published, Request, upload_script
from lib.fakeca_http import http_date
from lib.fakeca_script import Alter, Reply, alter_json, cut_after, member, problem, reset, reset_after, sent, silent, slow
from lib.wait import PATIENCE, wait_for

AGAIN = [
    ("no answer", lambda: Reply(200, wire=reset)),
    ("an answer lost", lambda: sent(reset)),
    ("half an answer", lambda: sent(reset_after(100))),
    ("a body cut short", lambda: sent(cut_after(400))),
    ("a silent server", lambda: sent(silent)),
    ("an answer too slow", lambda: sent(slow(1))),
    ("an internal error", lambda: problem("serverInternal", "oops", 500)),
    ("a bad gateway", lambda: Reply(502, "<html>nginx</html>", "text/html")),
    ("an overload", lambda: Reply(503, headers={"Retry-After": "1"})),
    ("an overload until a time", lambda: Reply(503, headers={"Retry-After": http_date(1)})),
    ("a limit", lambda: problem("rateLimited", "slowly", 429, {"Retry-After": "1"}.items())),
    ("an overload for an odd time", lambda: Reply(503, headers={"Retry-After": "soon"})),
]


def http_1_0(reply):
    reply.version = "HTTP/1.0"


def chunked(reply):
    reply.chunked = True


def many_headers(reply):
    reply.headers += [(f"X-{i}", "y" * 100) for i in range(200)] + [("Link", '<https://ca.example/x>;rel="up"')] * 50


# Honest, but unusual: no reason to fail.
UNUSUAL = [
    ("HTTP/1.0", "*", Alter(http_1_0)),
    ("chunks", "*", Alter(chunked)),
    ("many headers", "*", Alter(many_headers)),
    ("no nonce in any answer", "*", lies.header("Replay-Nonce", None)),
    ("a nonce that is none", "*", lies.header("Replay-Nonce", "not a nonce!")),
    ("an empty nonce", "*", lies.header("Replay-Nonce", "")),
    ("an odd Retry-After", "*", lies.header("Retry-After", "-5")),
    ("a Retry-After of now", "*", lies.header("Retry-After", "0")),
    ("another type for JSON", "authz", lies.body_type("text/plain")),
    ("members that nobody knows", "authz", member(extra={"a": [1, 2.5, None, True, "x" * 1000]})),
    ("challenges that nobody knows", "authz",
     alter_json(lambda v: v["challenges"].insert(0, {"type": "carrier-pigeon-01", "url": 5}))),
    ("an order without identifiers", "newOrder", member(identifiers=None)),
]


@pytest.fixture
def issuer(certnsd, repo, fakeca_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server, processing_polls=1)
    server.use_acme(ca)
    # Sixty orders at once at a CA in Python: what is not silent must not count as such.
    server.config["acme"]["request-timeout"] = int((15 if SANITIZED else 10) * PATIENCE)
    server.write_config()
    return server.start("example.com"), ca


def all_are_served(server, key, requests):
    client.nsupdate(server, key, "".join(upload_script(h, r) for h, r in requests.items()))
    for host, request in requests.items():
        wait_for(lambda h=host, r=request: Published(server, h).certificate(r), f"a certificate for {host}", 60)


def test_once(issuer, key):
    server, ca = issuer
    requests = {}
    for endpoint in "authz", "challenge", "finalize", "order", "certificate":
        for i, (_, make) in enumerate(AGAIN):
            host = f"{endpoint}{i}.example.com"
            requests[host] = Request([host])
            ca.script(endpoint, make(), host=host)
    all_are_served(server, key, requests)
    assert not ca.script_.left() and len(ca.orders) == len(requests), "each trouble was met, and each order is the first"
    # libcurl sends a request again, by itself, when a connection that was used before ends without a word.
    ca.complaints = [c for c in ca.complaints if not c.endswith("a nonce was used twice")]


def test_nonces_and_states(issuer, key):
    """Any request may be told that its nonce is bad; the order that is not ready yet is asked again."""
    server, ca = issuer
    requests = {}
    for endpoint in "newOrder", "authz", "challenge", "finalize", "order", "certificate":
        host = f"nonce-{endpoint.lower()}.example.com"
        requests[host] = Request([host])
        ca.script(endpoint, *[problem("badNonce", "no") for _ in range(5)], host=host)
    host = "ready.example.com"
    requests[host] = Request([host])
    ca.script("finalize", problem("orderNotReady", "not yet", 403), member(status="ready"), host=host)
    all_are_served(server, key, requests)
    assert len(ca.orders) == len(requests)


def test_unusual(issuer, key):
    server, ca = issuer
    requests = {}
    for i, (_, endpoint, step) in enumerate(UNUSUAL):
        host = f"h{i}.example.com"
        requests[host] = Request([host])
        ca.always(endpoint, step, host=host)
    all_are_served(server, key, requests)
    assert len(ca.orders) == len(requests)


def test_renew_does_not_overrule_the_authority(issuer, key):
    """What it asked for is waited for, whatever the operator wants; then the order goes out by itself."""
    server, ca = issuer
    ca.limit("newOrder", 4, date=True)
    host = "www.example.com"
    request = Request([host])
    client.nsupdate(server, key, upload_script(host, request))
    wait_for(lambda: any("rateLimited" in (c["problem"] or "") for c in server.certs(host)), "it is refused")
    asked = ca.count("newOrder")
    server.ctl("renew", host)
    wait_for(lambda: Published(server, host).certificate(request), "a certificate", 60)
    assert ca.limited == 1 and ca.count("newOrder") == asked + 1, "nobody asked too early"

"""The fake CA is honest: other people's clients, and ours, get certificates from it, and it sees what a client does wrong."""

import base64
import hashlib
import os

import pytest
from cryptography import x509

from lib import certs, client
from lib.acmeclient import Client
from lib.certs import Published, Request, upload_script
from lib.fakeca_jws import Key as Jwk
from lib.fakeca_jws import Malformed, b64encode
from lib.fakeca_validation import account_hash, account_label, read_issue_value
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.process import run
from lib.wait import wait_for
from lib.zones import zone

pytestmark = pytest.mark.once           # certns has little to do with it

# ---- by published vectors ----

def test_the_thumbprint_of_rfc_7638():
    key = Jwk({"kty": "RSA", "e": "AQAB", "kid": "2011-04-29", "alg": "RS256", "n":
               "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4"
               "n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0"
               "zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-c"
               "sFCur-kEgU8awapJzKnqDKgw"})
    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_account_hash_of_draft_persist_02():
    prefix, account = "https://ca.example/account-hash/", "https://ca.example/acct/123"
    thumbprint = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    for domain, hashed in (("example.com", "5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw"),
                           ("*", "NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug")):
        assert account_hash(prefix, domain, thumbprint, account) == prefix + "sha-256/" + hashed


def test_the_account_label():
    assert account_label("https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye"


@pytest.mark.parametrize("text, read", [
    ("ca.example", ("ca.example", {})),
    (" CA.example ; accounturi=https://x/1 ; Policy=wildcard",
     ("ca.example", {"accounturi": "https://x/1", "policy": "wildcard"})),
    ("ca.example;", None), ("ca.example; a=1; A=2", None), ("ca.example; a", None),
])
def test_issue_values(text, read):
    assert read_issue_value(text) == read


# ---- other people's clients ----

@pytest.fixture
def backend(certnsd, tmp_path, fakeca_for):
    """A server that a client may update, and a fake CA that asks it."""
    key = Key("client._update.example.com", "hmac-sha512")
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": key.dnskey()})
    server = certnsd(git=repo).start("example.com")
    server.key = key
    return server, fakeca_for(server, nonce_reject=0.2, processing_polls=1, retry_after=1)


def test_lego(backend, tmp_path):
    server, ca = backend
    settings = {"NAMESERVER": f"127.0.0.1:{server.port}", "TSIG_ALGORITHM": "hmac-sha512.", "TSIG_KEY": server.key.name,
                "TSIG_SECRET": server.key.secret, "PROPAGATION_TIMEOUT": "20", "POLLING_INTERVAL": "1",
                "SEQUENCE_INTERVAL": "1"}
    run(["lego", "--accept-tos", "--email", "hostmaster@example.com", "--server", ca.directory_url, "--path",
         tmp_path / "lego",
         "--dns", "rfc2136", "--dns.disable-cp", "--domains", "*.example.com", "run"],
        env={**os.environ, "LEGO_CA_CERTIFICATES": ca.ca_path,
             **{"RFC2136_" + name: value for name, value in settings.items()}})
    with open(tmp_path / "lego" / "certificates" / "_.example.com.crt", "rb") as f:
        issued = x509.load_pem_x509_certificate(f.read())
    assert certs.names_of(issued) == ["*.example.com"]
    assert ca.orders[0].status == "valid" and not ca.complaints


def test_certbot(backend, tmp_path):
    server, ca = backend
    ca.nonce_reject = 0.0               # it asks only once more
    credentials = tmp_path / "credentials.ini"
    settings = {"server": "127.0.0.1", "port": server.port, "name": server.key.name, "secret": server.key.secret,
                "algorithm": "HMAC-SHA512"}
    credentials.write_text("".join(f"dns_rfc2136_{name} = {value}\n" for name, value in settings.items()))
    credentials.chmod(0o600)
    directory = tmp_path / "certbot"
    places = ["--config-dir", directory, "--work-dir", directory / "work", "--logs-dir", directory / "logs"]
    env = {**os.environ, "REQUESTS_CA_BUNDLE": ca.ca_path}
    run(["certbot", "certonly", "--non-interactive", "--agree-tos", "--email", "hostmaster@example.com", *places,
         "--server", ca.directory_url, "--dns-rfc2136", "--dns-rfc2136-credentials", credentials,
         "--dns-rfc2136-propagation-seconds", "1", "-d", "www.example.com"], env=env)
    run(["certbot", "revoke", "--non-interactive", "--server", ca.directory_url, *places, "--cert-name",
         "www.example.com",
         "--reason", "superseded", "--no-delete-after-revoke"], env=env)
    assert ca.certificates[0].revoked == 4 and not ca.complaints


# ---- certns ----

def test_certns(issuer_with, key, tmp_path):
    server, ca = issuer_with(nonce_reject=0.3, processing_polls=2, alternates=1)
    request = Request(["www.example.com", "*.example.com", "example.com"])
    client.nsupdate(server, key, upload_script("example.com", request))
    issued = wait_for(lambda: Published(server, "example.com").certificate(request), "a certificate")
    assert certs.names_of(issued) == ["*.example.com", "example.com", "www.example.com"]
    certs.verify(tmp_path, Published(server, "example.com"), issued, ca.root_pem(), "www.example.com")
    assert [o.status for o in ca.orders] == ["valid"] and ca.validations == 3 and ca.failed_validations == 0
    for name in "www.example.com", "example.com":
        wait_for(lambda: not client.look(server, f"_acme-challenge.{name}", "TXT"), "the challenge is taken away")


# ---- it sees what is wrong ----

ORDER = {"identifiers": [{"type": "dns", "value": "www.example.com"}]}


@pytest.mark.parametrize("words, act", [
    ("content type", lambda c: c.post("/new-order", ORDER, content_type="application/json")),
    ("signature does not verify", lambda c: c.post("/new-order", ORDER, flip=True)),
    ("in the protected header", lambda c: c.post("/new-order", ORDER, url="https://127.0.0.1/new-order")),
    ("exactly one of jwk and kid", lambda c: c.post("/new-order", ORDER, jwk=c.jwk)),
    ("jwk in a request to newOrder", lambda c: c.post("/new-order", ORDER, jwk=c.jwk, kid=None)),
    ("none of our accounts", lambda c: c.post("/new-order", ORDER, kid=c.kid + "9")),
    ("never given out", lambda c: c.post("/new-order", ORDER, nonce="AAAA")),
    ("no nonce", lambda c: c.post("/new-order", ORDER, nonce=None)),
    ("does not fit a key", lambda c: c.post("/new-order", ORDER, alg="RS256")),
    ("a payload at order", lambda c: c.post("/order/1", {})),
    ("GET at newOrder", lambda c: c.http("GET", "/new-order")),
    ("nothing at", lambda c: c.http("GET", "/elsewhere")),
    ("members of newOrder", lambda c: c.post("/new-order", {**ORDER, "notBefore": "2026-01-01T00:00:00Z"})),
    ("the name", lambda c: c.post("/new-order", {"identifiers": [{"type": "dns", "value": "WWW.example.com"}]})),
    ("never issued", lambda c: c.post("/new-order", {**ORDER, "replaces": "AAAA.AAAA"})),
    ("no such order", lambda c: c.post("/order/77", None)),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "")
def test_complaints(fakeca_for, words, act):
    ca = fakeca_for(None)
    reply = act(Client(ca).register())
    assert reply.status >= 400 and reply.headers["Content-Type"] == "application/problem+json"
    assert any(words in c for c in ca.complaints), ca.complaints
    ca.complaints.clear()


def test_a_nonce_twice(fakeca_for):
    ca = fakeca_for(None)
    one = Client(ca).register()
    nonce = one.nonce()
    assert one.post("/new-order", ORDER, nonce=nonce).status == 201
    reply = one.post("/new-order", ORDER, nonce=nonce)
    assert "badNonce" in reply.text and "Replay-Nonce" in reply.headers and len(ca.orders) == 1
    ca.complaints.clear()


def test_others_orders(fakeca_for):
    ca = fakeca_for(None)
    order = Client(ca).register().post("/new-order", ORDER).headers["Location"]
    assert Client(ca).register().post(order.removeprefix(ca.base), None).status == 403
    ca.complaints.clear()


@pytest.mark.parametrize("why, jwk", [
    ("a private key", {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43, "d": "A" * 43}),
    ("no point of the curve", {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}),
    ("a curve that we do not know", {"kty": "EC", "crv": "P-521", "x": "A" * 43, "y": "A" * 43}),
    ("a short coordinate", {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
    ("a symmetric key", {"kty": "oct", "k": "AAAA"}),
    ("a short RSA key", {"kty": "RSA", "e": "AQAB", "n": b64encode(hashlib.sha512(b"n").digest() + b"\x01")}),
    ("padding", {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(bytes(32)).decode()}),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "")
def test_keys_that_are_none(why, jwk):
    with pytest.raises(Malformed):
        Jwk(jwk)

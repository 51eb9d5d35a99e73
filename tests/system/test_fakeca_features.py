"""What the fake CA can, seen from a client: the drafts' challenges, CAA, renewal information, profiles, accounts, limits."""

import base64
import datetime
import hashlib
import hmac
import json
import threading

import pytest

from lib.acmeclient import Client
from lib.certs import Request
from lib.fakeca_jws import b64encode
from lib.fakeca_script import Reply, member
from lib.fakeca_validation import account_hash
from lib.zones import zone

pytestmark = pytest.mark.once           # certns has little to do with it

HOST = "www.example.com"


@pytest.fixture
def client_of(fakeca_for):
    """client_of(...) is a registered client of a fake CA that believes all."""
    return lambda **settings: Client(fakeca_for(None, **settings)).register()


# ---- challenges and CAA ----

@pytest.fixture
def world(certnsd, tmp_path, fakeca_for):
    """make(lines, ...): a client of a fake CA that asks a server with these lines in its zone, which may use {account}."""
    def make(lines, **settings):
        ca = fakeca_for(None, **settings)
        one = Client(ca).register()
        path = tmp_path / "zone"
        path.write_text(zone(extra=lines(ca, one) if callable(lines) else lines.format(account=one.kid)))
        server = certnsd(zones=[{"name": "example.com", "file": str(path)}]).start("example.com")
        ca.dns = f"127.0.0.1:{server.port}"
        return one

    return make


PERSIST = '_validation-persist.www TXT "ca.example; accounturi={account}'


@pytest.mark.parametrize("lines, host, status", [
    (PERSIST + '"\n', HOST, "valid"),
    (PERSIST + '; policy=WildCard; persistUntil=4000000000"\n', "*." + HOST, "valid"),
    ('_validation-persist.www TXT "other.example; accounturi=x"\n' + PERSIST + '"\n', HOST, "valid"),
    (PERSIST + '"\n', "*." + HOST, "invalid"),
    (PERSIST + '0"\n', HOST, "invalid"),
    (PERSIST + '; persistUntil=1000"\n', HOST, "invalid"),
    (PERSIST + ';"\n', HOST, "invalid"),
    ("", HOST, "invalid"),
], ids=["plain", "wildcard", "beside-another", "no-policy", "another-account", "over", "malformed", "none"])
def test_dns_persist_in_clear(world, lines, host, status):
    one = world(lines, challenges=["dns-persist-01", "dns-01"])
    order = one.new_order(host)
    offered = [c for c in one.post(order.json["authorizations"][0]).json["challenges"]
               if c["type"] == "dns-persist-01"][0]
    assert offered["issuer-domain-names"] == ["ca.example"] and offered["accounturi"] == one.kid and "token" not in offered
    assert one.prove(order, "dns-persist-01") == [status]
    assert one.post(order.headers["Location"]).json["status"] == {"valid": "ready"}.get(status, status)


@pytest.mark.parametrize("domain, status", [(HOST, "valid"), ("*", "valid"), ("example.com", "invalid")])
def test_dns_persist_hashed(world, domain, status):
    def lines(ca, one):
        hashed = account_hash(ca.account_hash_prefix(), domain, ca.accounts[0].key.thumbprint, one.kid)
        return f'_validation-persist.www TXT "ca.example; accounturi={hashed}"\n'

    one = world(lines, challenges=["dns-persist-01"], persist="hashed")
    meta = one.http("GET", "/directory").json["meta"]
    assert meta["issuerDomainNames"] == ["ca.example"] and meta["accountHashPrefix"].startswith("https://")
    order = one.new_order(HOST)
    assert one.post(order.json["authorizations"][0]).json["challenges"][0]["issuerDomainNames"] == ["ca.example"]
    assert one.prove(order, "dns-persist-01") == [status]


@pytest.mark.parametrize("lines, host, status", [
    ("", HOST, "valid"),
    ('@ CAA 0 issue "ca.example"\n', HOST, "valid"),
    ('@ CAA 0 issue "ca.example; accounturi={account}; validationmethods=dns-01,dns-persist-01"\n', HOST, "valid"),
    ('www CAA 0 issue "other.example"\n@ CAA 0 issue "ca.example"\n', HOST, "invalid"),
    ('@ CAA 0 issue "ca.example; accounturi={account}9"\n', HOST, "invalid"),
    ('@ CAA 0 issue "ca.example; validationmethods=http-01"\n', HOST, "invalid"),
    ('@ CAA 0 issue "ca.example"\n@ CAA 0 issuewild ";"\n', "*." + HOST, "invalid"),
    ('@ CAA 0 iodef "mailto:a@example.com"\n', HOST, "valid"),
    ('@ CAA 128 unheard "of"\n', HOST, "invalid"),
], ids=["none", "ours", "with-parameters", "nearest-wins", "another-account", "another-method", "no-wildcards", "only-iodef",
        "critical"])
def test_caa(world, lines, host, status):
    one = world(PERSIST + '; policy=wildcard"\n' + lines, challenges=["dns-persist-01"], check_caa=True)
    assert one.prove(one.new_order(host), "dns-persist-01") == [status]


def test_a_name_that_is_wrong_is_seen_by_whom_is_asked(world):
    """dns-01 through an alias, and all servers must confirm."""
    one = world("_acme-challenge.www CNAME there\nthere TXT wrong\n")
    order = one.new_order(HOST)
    assert one.prove(order) == ["invalid"]
    reason = one.post(order.json["authorizations"][0]).json["challenges"][0]["error"]
    assert reason["type"].endswith(":unauthorized") and "wrong" in reason["detail"]
    assert one.ca.failed_validations == 1


# ---- certificates ----

def test_lifetimes_and_profiles(client_of):
    one = client_of(lifetime_s=20, profiles={"default": {}, "short": {"lifetime_s": 5, "common_name": False}})
    assert set(one.http("GET", "/directory").json["meta"]["profiles"]) == {"default", "short"}
    for profile, seconds in ((None, 20), ("short", 5)):
        members = {} if profile is None else {"profile": profile}
        made = one.order_certificate(Request([HOST]), **members).certificate
        assert made.not_valid_after - made.not_valid_before == datetime.timedelta(seconds=seconds)
        assert bool(made.subject.rfc4514_string()) == (profile is None)
    assert [o.profile for o in one.ca.orders] == ["default", "short"]
    assert one.new_order(HOST, profile="none").json["type"].endswith(":invalidProfile")


def test_chains(client_of):
    one = client_of(intermediates=2, alternates=1)
    made = one.order_certificate(Request([HOST]))
    reply = one.post(made.url)
    links = [v for n, v in reply.headers.items() if n == "Link" and "alternate" in v]
    assert links == [f'<{made.url}/1>;rel="alternate"'] and reply.text.count("BEGIN") == 3
    other = one.post(made.url + "/1")
    assert other.text != reply.text and other.text.split("END")[0] == reply.text.split("END")[0]


def test_renewal_information(client_of):
    one = client_of(ari_retry_after_s=60)
    made = one.order_certificate(Request([HOST]))
    one.ca.set_window(HOST, -10, 50, "https://ca.example/why")
    reply = one.http("GET", f"/renewal-info/{made.id}")
    assert reply.headers["Retry-After"] == "60" and reply.json["explanationURL"] == "https://ca.example/why"
    start, end = (datetime.datetime.strptime(reply.json["suggestedWindow"][n], "%Y-%m-%dT%H:%M:%SZ")
                  for n in ("start", "end"))
    assert end - start == datetime.timedelta(seconds=60) and start < datetime.datetime.utcnow() < end
    assert one.order_certificate(Request([HOST]), replaces=made.id).order.replaces == made.id
    again = one.new_order(HOST, replaces=made.id)
    assert again.status == 409 and again.json["type"].endswith(":alreadyReplaced")


def test_revocation(client_of):
    one = client_of()
    made = one.order_certificate(Request([HOST]))
    der = b64encode(base64.b64decode("".join(made.pems[0].split("-----END")[0].splitlines()[1:])))
    assert one.post("/revoke-cert", {"certificate": der, "reason": 2}).json["type"].endswith(":badRevocationReason")
    assert one.post("/revoke-cert", {"certificate": der, "reason": 4}).status == 200 and made.revoked == 4
    assert one.post("/revoke-cert", {"certificate": der}).json["type"].endswith(":alreadyRevoked")


@pytest.mark.parametrize("request_, words", [
    (Request([HOST, "mail.example.com"]), "the CSR is for"), (Request(["mail.example.com"]), "the CSR is for"),
], ids=["more-names", "another-name"])
def test_csrs_must_fit(client_of, request_, words):
    one = client_of()
    order = one.new_order(HOST)
    one.prove(order)
    reply = one.post(order.json["finalize"], {"csr": b64encode(request_.der)})
    assert reply.json["type"].endswith(":badCSR") and words in reply.json["detail"]


def test_processing(client_of):
    one = client_of(processing_polls=2, retry_after=7)
    order = one.new_order(HOST)
    one.prove(order)
    reply = one.post(order.json["finalize"], {"csr": b64encode(Request([HOST]).der)})
    assert reply.headers["Retry-After"] == "7"
    states = [reply.json["status"], *[one.post(order.headers["Location"]).json["status"] for _ in range(3)]]
    assert states == ["processing"] * 3 + ["valid"]


def test_authorizations_are_reused_if_told(client_of):
    one = client_of(reuse_authorizations={"valid"})
    one.order_certificate(Request([HOST]))
    assert one.new_order(HOST).json["status"] == "ready"


# ---- accounts ----

def test_external_accounts(fakeca_for):
    ca = fakeca_for(None, eab={"k1": b"secret"})
    refused = Client(ca).post("/new-acct", {"termsOfServiceAgreed": True})
    assert refused.status == 403 and refused.json["type"].endswith(":externalAccountRequired")
    for secret, status in ((b"other", 401), (b"secret", 201)):
        one = Client(ca)
        protected = b64encode(json.dumps({"alg": "HS256", "kid": "k1", "url": ca.base + "/new-acct"}).encode())
        payload = b64encode(json.dumps(one.jwk).encode())
        mac = b64encode(hmac.new(secret, f"{protected}.{payload}".encode(), hashlib.sha256).digest())
        binding = {"protected": protected, "payload": payload, "signature": mac}
        assert one.post("/new-acct", {"termsOfServiceAgreed": True, "externalAccountBinding": binding}).status == status
    assert [a.eab_kid for a in ca.accounts] == ["k1"]


def test_an_account_s_life(client_of):
    one = client_of()
    account = one.ca.accounts[0]
    assert one.post(one.kid, {"contact": ["mailto:a@example.com"]}).json["contact"] == account.contact == ["mailto:a@example.com"]
    assert one.post(one.kid, {"contact": ["tel:1"]}).json["type"].endswith(":unsupportedContact")
    key, jwk = one.new_key()
    protected = {"alg": "ES256", "jwk": jwk, "url": one.ca.base + "/key-change"}
    inner = one.jws(key, protected, {"account": one.kid, "oldKey": one.jwk})
    assert one.post("/key-change", inner).status == 200 and account.old_thumbprints
    one.key, one.jwk = key, jwk
    found = one.post("/new-acct", {"onlyReturnExisting": True}, kid=None, jwk=jwk)
    assert found.status == 200 and found.headers["Location"] == one.kid
    assert one.post(one.kid, {"status": "deactivated"}).json["status"] == "deactivated"
    assert one.new_order(HOST).status == 401


# ---- tempers ----

@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
def test_rate_limits(client_of, date):
    one = client_of()
    one.ca.bucket("newOrder", 2, 600, date)
    replies = [one.new_order(HOST) for _ in range(3)]
    assert [r.status for r in replies] == [201, 201, 429] and replies[2].json["type"].endswith(":rateLimited")
    assert replies[2].headers["Retry-After"].isdigit() != date and one.ca.limited == 1
    one.ca.limits["newOrder"][0].taken.pop(0)           # as if that were long ago
    assert one.new_order(HOST).status == 201


def test_scripts(client_of):
    one = client_of()
    one.ca.script("newOrder", Reply(503), member(status="odd", finalize=None))
    assert one.new_order(HOST).status == 503 and not one.ca.orders
    changed = one.new_order(HOST).json
    assert changed["status"] == "odd" and "finalize" not in changed and len(one.ca.orders) == 1
    assert one.new_order(HOST).json["status"] == "pending"
    one.ca.always("*", Reply(500))
    assert {one.http("GET", "/directory").status for _ in range(3)} == {500}
    one.ca.honest()
    assert one.http("GET", "/directory").status == 200


def test_it_forgets(client_of):
    one = client_of()
    one.ca.stop()
    one.ca.start()
    assert one.new_order(HOST).status == 201, "it knows the account"
    one.ca.stop()
    one.ca.forget()
    one.ca.start()
    assert one.new_order(HOST).json["type"].endswith(":accountDoesNotExist")
    assert Client(one.ca).register().kid != one.kid


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_stalling(client_of, after):
    one = client_of()
    gate = one.ca.stall("newOrder", after)
    thread = threading.Thread(target=one.new_order, args=(HOST,))
    thread.start()
    gate.wait_arrived()
    assert len(one.ca.orders) == after
    gate.release()
    thread.join()
    assert len(one.ca.orders) == 1

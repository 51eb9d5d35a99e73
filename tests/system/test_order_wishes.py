"""What an order may wish for: a profile, a chain; and how long a CA may take."""

import time

import pytest
from cryptography import x509

from lib import certs, client
from lib.certs import Published, Request, upload_script
from lib.fakeca_script import Alter, Reply
from lib.wait import wait_for

HOST = "www.example.com"
PROFILES = {"classic": {}, "shortlived": {"lifetime_s": 3 * 86400}}


@pytest.fixture
def issuer(certnsd, repo):
    """make(ca's maker, settings of the authority): a server with example.com, and the CA."""
    def make(made, **authority):
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        ca = made(server)
        server.use_acme(ca)
        server.config["acme"]["authorities"][0].update({k.replace("_", "-"): v for k, v in authority.items()})
        server.write_config()
        return server.start("example.com"), ca

    return make


def upload(server, key, request=None):
    request = request or Request([HOST])
    client.nsupdate(server, key, upload_script(HOST, request))
    return request


def certificate(server, request):
    return wait_for(lambda: Published(server, HOST).certificate(request), "a certificate", 60)


def problem(server):
    return wait_for(lambda: server.certs(HOST) and server.certs(HOST)[0]["problem"], "a problem is told")


# ---- profiles ----

def test_a_profile(issuer, key, fakeca_for):
    server, ca = issuer(lambda s: fakeca_for(s, profiles=PROFILES), profile="shortlived")
    issued = certificate(server, upload(server, key))
    assert (issued.not_valid_after - issued.not_valid_before).days == 3
    assert [o.profile for o in ca.orders] == ["shortlived"]


@pytest.mark.parametrize("profiles, words", [
    (PROFILES, 'the CA has no profile "shortlive": it has "classic", "shortlived"'),
    ({}, 'the CA has no profile "shortlive": the CA offers no profiles'),
], ids=["others", "none"])
def test_a_profile_that_the_ca_does_not_have(issuer, key, fakeca_for, profiles, words):
    server, ca = issuer(lambda s: fakeca_for(s, profiles=profiles), profile="shortlive")
    upload(server, key)
    assert words in problem(server)
    assert ca.count("newOrder") == 0


# ---- chains ----

def topmost(server):
    """The issuer of the certificate at the top: the chain's order is not the RRset's."""
    above = [x509.load_der_x509_certificate(der) for der in Published(server, HOST).authorities]
    subjects = {c.subject for c in above}
    return [c.issuer.rfc4514_string() for c in above if c.issuer not in subjects or c.issuer == c.subject]


@pytest.mark.parametrize("wish, which, asked", [(0, 0, 1), (1, 1, 2), (2, 2, 3), (None, 0, 1), ("Unknown Root", 0, 3)],
                         ids=["the-default", "the-second", "the-third", "no-wish", "not-there"])
def test_a_preferred_chain(issuer, key, fakeca_for, tmp_path, wish, which, asked):
    made = []

    def make(server):
        made.append(fakeca_for(server, alternates=2))
        return made[0]

    server, ca = issuer(make)
    roots = [x509.load_pem_x509_certificate(ca.root_pem(i).encode()).subject for i in range(3)]
    name = wish if not isinstance(wish, int) else roots[wish].rfc4514_string().rpartition("CN=")[2].split(",")[0]
    if wish is not None:
        server.stop()
        server.config["acme"]["authorities"][0]["preferred-chain"] = name
        server.write_config()
        server.start("example.com")
    issued = certificate(server, upload(server, key))
    assert topmost(server) == [roots[which].rfc4514_string()]
    certs.verify(tmp_path, Published(server, HOST), issued, ca.root_pem(which), HOST)
    assert ca.count("certificate") == asked
    assert (wish == "Unknown Root") == ('offers no chain below "Unknown Root"' in server.log())


def test_a_preferred_chain_of_pebble(issuer, key, pebble_for, tmp_path):
    server, pebble = issuer(lambda s: pebble_for(s, {"PEBBLE_ALTERNATE_ROOTS": "2", "PEBBLE_WFE_NONCEREJECT": "0"}))
    root = x509.load_pem_x509_certificate(pebble.root_pem(2).encode())
    server.stop()
    server.config["acme"]["authorities"][0]["preferred-chain"] = root.subject.rfc4514_string().partition("CN=")[2]
    server.write_config()
    server.start("example.com")
    issued = certificate(server, upload(server, key))
    certs.verify(tmp_path, Published(server, HOST), issued, pebble.root_pem(2), HOST)


# ---- time ----

@pytest.mark.parametrize("settings", [
    {"processing_s": 1.5, "retry_after": 1}, {"processing_polls": 4}, {"validation_s": 1, "retry_after": 2},
], ids=["processing", "polls", "validation"])
def test_a_ca_that_takes_its_time(issuer, key, fakeca_for, settings):
    server, ca = issuer(lambda s: fakeca_for(s, **settings))
    certificate(server, upload(server, key))
    wait_for(lambda: server.certs(HOST)[0]["state"] == "valid", "all is well")
    assert len(ca.orders) == 1


def test_retry_after_as_a_date_is_obeyed(issuer, key, fakeca_for):
    """RFC 9110, section 10.2.3: on a poll of an order that is processing."""
    from lib.fakeca_http import http_date  # pylint: disable=import-outside-toplevel

    server, ca = issuer(lambda s: fakeca_for(s, processing_s=2))

    def dated(reply):
        reply.headers = [h for h in reply.headers if h[0] != "Retry-After"] + [("Retry-After", http_date(3))]
        return reply

    ca.script("finalize", Alter(dated))
    certificate(server, upload(server, key))
    assert ca.count("order") <= 2, "one look before finalize, one when the time is over"


# ---- what is replaced (RFC 9773, section 5) ----

def test_what_was_replaced_already_is_ordered_as_if_it_were_new(issuer, key, fakeca_for):
    server, ca = issuer(fakeca_for)

    def at_once():
        ca.already_replaced.add(ca.certificates[0].id)
        start, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + s)) for s in (-7200, -3600))
        return Reply(json={"suggestedWindow": {"start": start, "end": end}})

    ca.script("renewalInfo", at_once)
    request = upload(server, key)
    wait_for(lambda: len(ca.certificates) == 2 and
             Published(server, HOST).certificate(request) == ca.certificates[1].certificate, "it is renewed")
    assert [o.replaces for o in ca.orders] == [None, None]
    assert ca.count("newOrder") == 3, "once with the old one's name, once without"

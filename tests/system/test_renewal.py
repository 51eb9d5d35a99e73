"""When certificates are renewed, by which authority, and how much is asked of one: with fake CAs that say what they like."""

import time

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.fakeca_script import Reply, problem
from lib.wait import stays, wait_for

HOST = "www.example.com"
RFC_3339 = "%Y-%m-%dT%H:%M:%SZ"


def window(start, end, **more):
    """What renewalInfo says: seconds from now."""
    now = time.time()
    return Reply(json={"suggestedWindow": {"start": time.strftime(RFC_3339, time.gmtime(now + start)),
                                           "end": time.strftime(RFC_3339, time.gmtime(now + end))}, **more})


def upload(server, key, host=HOST, label="_letsencrypt._tcp", **kind):
    request = Request([host], **kind)
    client.nsupdate(server, key, upload_script(host, request, label))
    return request


def certificate(server, request, host=HOST, label="_letsencrypt._tcp"):
    return wait_for(lambda: Published(server, host, label).certificate(request), f"a certificate for {host}")


def serial(server, request):
    found = Published(server, HOST).certificate(request)
    return found.serial_number if found else None


def says(server, words):
    return any(words in (one["problem"] or "") for one in server.ctl("certs"))


def renewed(server, request, old, timeout=30):
    wait_for(lambda: serial(server, request) not in (None, old), "it is renewed", timeout)


def test_the_window_of_the_authority_is_kept_over_a_restart(issuer_with, key):
    server, ca = issuer_with()
    ca.script("renewalInfo", window(6, 7, explanationURL="https://ca.example/why"))
    request = upload(server, key)
    first = certificate(server, request).serial_number
    wait_for(lambda: ca.count("renewalInfo") == 1, "the authority is asked when to renew")
    wait_for(lambda: "https://ca.example/why" in server.log(), "the explanation is logged")
    server.stop()
    server.start("example.com")
    renewed(server, request, first)
    assert ca.orders[1].replaces == ca.certificates[0].id, "the order says what it replaces"
    assert server.log().count("https://ca.example/why") == 1, "each explanation is logged once"
    wait_for(lambda: ca.count("renewalInfo") == 2, "it is asked about the new one, and was not asked at the restart")
    stays(lambda: len(ca.orders) == 2, "one renewal for one window")


def test_a_window_in_the_past_is_now(issuer_with, key):
    server, ca = issuer_with()
    ca.script("renewalInfo", window(-7200, -3600))
    request = upload(server, key)
    wait_for(lambda: len(ca.certificates) == 2, "it is renewed at once")
    wait_for(lambda: ca.count("renewalInfo") == 2, "it is asked about the new one")
    stays(lambda: len(ca.orders) == 2, "and not again")


def test_an_authority_that_always_says_now_is_not_obeyed_for_ever(issuer_with, key):
    server, ca = issuer_with()
    ca.always("renewalInfo", window(-7200, -3600))
    upload(server, key)
    wait_for(lambda: len(ca.certificates) == 10, "some renewals at once")
    wait_for(lambda: says(server, "our own limit on certificates for this host"), "then it is held back")
    stays(lambda: len(ca.orders) == 10, "the bound holds")


def test_without_advice_it_is_renewed_in_time_again_and_again(issuer_with, key):
    server, ca = issuer_with(ari=False, lifetime_s=8)
    upload(server, key)
    wait_for(lambda: len(ca.certificates) == 3, "two renewals", 30)
    times = [o.created_s for o in ca.orders]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert all(gap > 3 for gap in gaps), gaps


@pytest.mark.parametrize("answer", [
    Reply(json={}), window(10, 5), Reply(404), Reply(body=b"<html>", content_type="text/html"),
    Reply(json={"suggestedWindow": {"start": "soon", "end": "later"}}),
], ids=["nothing", "backwards", "404", "html", "words"])
@pytest.mark.once
def test_bad_advice_is_none(issuer_with, key, answer):
    server, ca = issuer_with(lifetime_s=6)
    ca.always("renewalInfo", answer)
    upload(server, key)
    wait_for(lambda: "does not say when to renew" in server.log(), "the log says why")
    wait_for(lambda: len(ca.certificates) == 2, "it is renewed by its lifetime")
    assert ca.orders[1].replaces is None


# ---- several authorities ----

@pytest.fixture
def two(certnsd, repo, fakeca_for):
    """two(settings) gives a running server and two fake CAs that it calls one and two; first, second: settings of these."""
    def make(first=None, second=None, acme=None, zone=None):
        server = certnsd(git=repo)
        server.zone_entry("example.com", **(zone or {}))
        cas = [fakeca_for(server, name=f"Fake CA {i + 1}", **(s or {})) for i, s in enumerate((first, second))]
        server.use_acme({"authorities": [
            {"name": name, "directory": ca.directory_url, "ca-certificates": ca.ca_path, "terms-agreed": True}
            for name, ca in zip(("one", "two"), cas)], **(acme or {})})
        server.write_config()
        return server.start("example.com"), *cas

    return make


def test_two_labels_two_authorities(two, key):
    """A host has an ECDSA and an RSA certificate, each from its own authority."""
    label = {"label": "_rsa._tcp", "authority": "two", "profile": "long"}
    server, one, other = two(acme={"labels": ["_letsencrypt._tcp", label]},
                             second={"profiles": {"long": {"lifetime_s": 300 * 86400}}})
    ec = upload(server, key)
    rsa = upload(server, key, label="_rsa._tcp", kind="rsa")
    certificate(server, ec)
    certificate(server, rsa, label="_rsa._tcp")
    assert [len(ca.orders) for ca in (one, other)] == [1, 1]
    assert other.orders[0].profile == "long"
    assert sorted(row["authority"] for row in server.certs(HOST)) == ["one", "two"]


def test_a_zone_chooses(two, key):
    server, one, other = two(zone={"acme": "two"})
    certificate(server, upload(server, key))
    assert [len(ca.orders) for ca in (one, other)] == [0, 1]


def test_an_authority_that_limits_us_for_long_is_passed_over(two, key):
    server, one, other = two()
    one.limit("newOrder", 86400)
    request = upload(server, key)
    certificate(server, request)
    assert len(other.certificates) == 1 and one.count("newOrder") == 1
    certificate(server, upload(server, key, "ftp.example.com"), "ftp.example.com")
    assert one.count("newOrder") == 1, "it is left alone as long as it wanted"
    shown = server.ctl("account", "show", "one")[0]
    assert shown["held-until"] is not None and shown["failing-since"] is None


def test_what_an_authority_will_never_issue_another_may(two, key):
    server, one, other = two(first={"rejected_names": {HOST}})
    certificate(server, upload(server, key))
    assert len(other.certificates) == 1 and one.count("newOrder") == 1
    certificate(server, upload(server, key, "ftp.example.com"), "ftp.example.com")
    assert len(one.certificates) == 1, "others still go to the first"


@pytest.mark.first
def test_near_the_end_another_authority_is_asked_soon(two, key):
    """And the first again when it works; the certificate of the other stays until it is due."""
    server, one, other = two(first={"ari": False, "lifetime_s": 16}, second={"ari": False})
    request = upload(server, key)
    first = certificate(server, request).serial_number
    one.stop()
    renewed(server, request, first, 60)
    assert len(other.certificates) == 1
    one.start()
    stays(lambda: len(one.certificates) == 1, "nothing is ordered just because it is back", 2)


# ---- limits ----

def test_our_own_limits(certnsd, repo, fakeca_for, key):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme({"authorities": [{"directory": ca.directory_url, "ca-certificates": ca.ca_path,
                                      "terms-agreed": True,
                                      "limits": ["names 2/1d", "zone 3/1d"]}]})
    server.write_config()
    server.start("example.com")
    for _ in range(2):
        certificate(server, upload(server, key))
    upload(server, key)
    wait_for(lambda: says(server, "on certificates for these names"), "a third for these names waits")
    server.stop()
    server.start("example.com")
    upload(server, key)
    wait_for(lambda: says(server, "on certificates for these names"), "also after a restart")
    certificate(server, upload(server, key, "ftp.example.com"), "ftp.example.com")
    upload(server, key, "mail.example.com")
    wait_for(lambda: says(server, "on certificates for this zone"), "a fourth in this zone waits")
    assert len(ca.orders) == 3


def test_the_authority_may_close_the_door_for_all(issuer_with, key):
    server, ca = issuer_with()
    ca.script("newOrder", problem("rateLimited", "too many new orders from this account", 429, {"Retry-After": "4"}))
    began = time.monotonic()
    upload(server, key)
    wait_for(lambda: ca.count("newOrder") == 1, "the first order is refused")
    certificate(server, upload(server, key, "ftp.example.com"), "ftp.example.com")
    assert time.monotonic() - began > 3.5, "others wait, too"


def test_a_limit_of_one_host_is_not_that_of_others(issuer_with, key):
    server, ca = issuer_with()
    ca.script("newOrder", problem("rateLimited", "too many certificates (5) already issued for this exact set of identifiers "
                                  "in the last 168h0m0s", 429, {"Retry-After": "3600"}))
    upload(server, key)
    wait_for(lambda: says(server, "exact set"), "the first order is refused")
    certificate(server, upload(server, key, "ftp.example.com"), "ftp.example.com")

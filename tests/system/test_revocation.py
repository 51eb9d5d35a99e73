"""certnsctl revoke: what the authority hears, and what comes after."""

import pytest

from lib import certs, client
from lib.certs import Published, Request, upload_script
from lib.fakeca_script import problem
from lib.wait import stays, wait_for

PATIENT = 60


def upload(server, key, host, request=None):
    request = request or Request([host])
    client.nsupdate(server, key, upload_script(host, request))
    return request


def certificate(server, host, request, unlike=None):
    """The published one that is for this request and is not unlike."""
    def found():
        one = Published(server, host).certificate(request)
        return one if one is not None and one != unlike else None

    return wait_for(found, f"a certificate for {host}", PATIENT)


def row(server, host):
    return server.certs(host)[0]


def of(ca, one):
    """What the authority knows of a certificate."""
    return next(c for c in ca.certificates if c.certificate == one)


@pytest.mark.parametrize("reason, number", [(None, None), ("superseded", 4), ("CESSATIONOFOPERATION", 5), ("3", 3)])
def test_a_revoked_certificate_is_replaced(issuer_with, key, reason, number):
    server, ca = issuer_with()
    request = upload(server, key, "www.example.com")
    first = certificate(server, "www.example.com", request)
    server.ctl("revoke", "www.example.com", *([reason] if reason else []))
    assert of(ca, first).revoked is not None
    payload = next(r.payload for r in ca.requests if r.endpoint == "revokeCert")
    assert payload.get("reason") == number
    second = certificate(server, "www.example.com", request, unlike=first)
    assert of(ca, second).revoked is None
    server.stop()
    server.start("example.com")
    wait_for(lambda: row(server, "www.example.com")["state"] == "valid", "it rests")
    assert Published(server, "www.example.com").certificate(request) == second


def test_a_compromised_key_gets_no_other(issuer_with, key):
    server, ca = issuer_with()
    request = upload(server, key, "www.example.com")
    first = certificate(server, "www.example.com", request)
    server.ctl("revoke", "www.example.com", "keyCompromise")

    def refused(host):
        rows = server.certs(host)
        return rows and rows[0]["state"] == "refused" and "compromised" in rows[0]["problem"]

    wait_for(lambda: refused("www.example.com"), "it says why there is no other")
    server.stop()
    server.start("example.com")
    wait_for(lambda: refused("www.example.com"), "also after a restart")
    with pytest.raises(AssertionError, match="REFUSED"):
        upload(server, key, "mail.example.com", Request(["mail.example.com"], key=request.key))
    server.wait_log(r"update of example.com .*REFUSED: .*key of this CSR was compromised")
    stays(lambda: len(ca.orders) == 1, "nothing was ordered", 1)
    certificate(server, "www.example.com", upload(server, key, "www.example.com"), unlike=first)


def test_what_cannot_be_revoked(issuer_with, key):
    server, ca = issuer_with()
    request = upload(server, key, "www.example.com")
    first = certificate(server, "www.example.com", request)
    for arguments, words in ((["www.example.com", "boredom"], "expected a reason"),
                             (["www.example.com", "7"], "expected a reason"),
                             (["mail.example.com"], "no certificate is published"), (["no..host"], "no host name")):
        done = server.ctl_text("revoke", *arguments, check=False)
        assert done.returncode == 1 and words in done.stderr, done.stderr
    ca.script("revokeCert", problem("badRevocationReason", "not this one", 400))
    done = server.ctl_text("revoke", "www.example.com", "certificateHold", check=False)
    assert done.returncode == 1 and "badRevocationReason: not this one" in done.stderr
    assert of(ca, first).revoked is None and Published(server, "www.example.com").certificate(request) == first
    stays(lambda: len(ca.orders) == 1, "and nothing is ordered", 1)


def test_one_that_was_revoked_elsewhere(issuer_with, key):
    server, ca = issuer_with()
    request = upload(server, key, "www.example.com")
    first = certificate(server, "www.example.com", request)
    ca.script("revokeCert", problem("alreadyRevoked", "it was revoked", 400))
    server.ctl("revoke", "www.example.com", "superseded")
    certificate(server, "www.example.com", request, unlike=first)


def test_both_labels_of_a_host(certnsd, repo, key, fakeca_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme(ca)
    server.config["acme"]["labels"] = ["_letsencrypt._tcp", "_rsa._tcp"]
    server.write_config()
    server.start("example.com")
    for label in server.config["acme"]["labels"]:
        request = Request(["www.example.com"])
        client.nsupdate(server, key, upload_script("www.example.com", request, label))
        wait_for(lambda r=request, l=label: Published(server, "www.example.com", l).certificate(r), label, PATIENT)
    server.ctl("revoke", "www.example.com", "superseded")
    assert len([c for c in ca.certificates if c.revoked is not None]) == 2
    wait_for(lambda: len(ca.certificates) == 4, "both are replaced", PATIENT)


def test_at_the_authority_that_issued_it(certnsd, repo, key, fakeca_for):
    """The second of two has issued it; the first is not asked, and no account is made there."""
    server = certnsd(git=repo)
    first, second = fakeca_for(server), fakeca_for(server)
    server.use_acme({"authorities": [{"name": name, "directory": ca.directory_url, "ca-certificates": ca.ca_path,
                                      "terms-agreed": True} for name, ca in (("first", first), ("second", second))]})
    server.zone_entry("example.com", acme=["second"])
    server.write_config()
    server.start("example.com")
    certificate(server, "www.example.com", upload(server, key, "www.example.com"))
    server.ctl("revoke", "www.example.com", "superseded")
    assert first.count("revokeCert") == 0 and second.count("revokeCert") == 1
    assert {a["authority"]: a["status"] for a in server.ctl("account", "show")} == {"first": "unknown", "second": "valid"}
    which = server.ctl_text("account", "rollover", check=False)
    assert which.returncode == 1 and "first, second" in which.stderr


def test_the_end_of_a_host(issuer_with, key):
    """Its request is gone, the certificate still there: revoked, and no other comes."""
    server, ca = issuer_with()
    request = upload(server, key, "www.example.com")
    certificate(server, "www.example.com", request)
    client.nsupdate(server, key, f"update delete {certs.owner('www.example.com')} TLSA {request.rdata()}\nsend\n")
    wait_for(lambda: not server.certs("www.example.com"), "it is forgotten")
    server.ctl("revoke", "www.example.com", "cessationOfOperation")
    assert ca.certificates[0].revoked is not None
    stays(lambda: len(ca.orders) == 1, "nothing is ordered", 1)

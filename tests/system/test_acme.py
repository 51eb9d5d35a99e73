"""A CSR goes in by a DNS update, and the certificate comes out by a DNS query; Pebble is the authority."""

import datetime
import os
import re

import pytest

from lib import certs, client
from lib.certnsd import program
from lib.certs import Published, Request, upload_script
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.ports import free_port
from lib.process import run
from lib.wait import stays, wait_for
from lib.zones import sign, zone

PATIENT = 60


@pytest.fixture
def lenient(certnsd, repo, pebble_for):
    """The same, and it takes CSRs of which nothing can come."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server)
    server.use_acme(server.pebble)
    server.config["acme"]["accept-hopeless"] = True
    server.write_config()
    return server.start("example.com")


def upload(server, key, host, request, label="_letsencrypt._tcp"):
    client.nsupdate(server, key, upload_script(host, request, label))


def certificate(server, host, request, label="_letsencrypt._tcp", timeout=PATIENT):
    return wait_for(lambda: Published(server, host, label).certificate(request), f"a certificate for {host}", timeout)


def check_certificate(server, host, request, names, directory):
    """The one published for host is for these names, verifies, and nothing else is there."""
    issued = certificate(server, host, request)
    found = Published(server, host)
    assert certs.names_of(issued) == sorted(names)
    assert found.csrs == [request.der], "the CSR stays, as it came"
    assert len(found.leaves) == 1 and found.authorities and not found.other
    assert found.ttls == {3600}
    certs.verify(directory, found, issued, server.pebble.root_pem(), names[0].replace("*", "any"))
    return issued


def challenges(server, *names):
    return [t for name in names for t in client.look(server, f"_acme-challenge.{name}", "TXT")]


def test_one_certificate(issuer, key, repo, tmp_path):
    request = Request(["www.example.com"])
    upload(issuer, key, "www.example.com", request)
    check_certificate(issuer, "www.example.com", request, ["www.example.com"], tmp_path)
    wait_for(lambda: not challenges(issuer, "www.example.com"), "the challenge is taken away")
    wait_for(lambda: "3 0 0" in repo.read("example.com"), "the certificate is in git")
    assert "_acme-challenge" not in repo.git("log", "-p", "main", cwd=repo.bare), "and the challenge never was"
    state = issuer.certs("www.example.com")[0]
    assert state["label"] == "_letsencrypt._tcp" and not state["problem"]
    assert state["names"] == "www.example.com"
    assert "Pebble" in state["issuer"]
    text = issuer.ctl_text("certs").stdout
    assert "www.example.com" in text


@pytest.mark.parametrize("hosts, cn, kind", [
    (["www.example.com", "mail.example.com", "a.b.c.example.com"], None, "ec"),
    (["*.example.com", "example.com"], None, "ec"),
    (["*.example.com", "example.com", "www.example.com"], "example.com", "rsa"),
], ids=["several", "wildcard-and-apex", "rsa"])
def test_names(issuer, key, tmp_path, hosts, cn, kind):
    request = Request(hosts, cn, kind)
    # "*" would be a label of its own in the owner's name; a wildcard's certificate is kept at the name below.
    host = "example.com" if any(h.startswith("*") for h in hosts) else (cn or hosts[0])
    upload(issuer, key, host, request)
    issued = certificate(issuer, host, request)
    assert certs.names_of(issued) == sorted(hosts)
    found = Published(issuer, host)
    certs.verify(tmp_path, found, issued, issuer.pebble.root_pem(), hosts[0].replace("*", "any"))
    bare = [h.replace("*.", "") for h in hosts]
    wait_for(lambda: not challenges(issuer, *bare), "the challenges are taken away")


def test_a_common_name_alone_is_ordered(issuer, key):
    """Pebble, unlike Boulder, does not take such a CSR; what it says about it reaches the operator."""
    request = Request([], "only.example.com")
    upload(issuer, key, "only.example.com", request)
    issuer.wait_log(r"ordering a certificate for only\.example\.com")
    wait_for(lambda: "CSR" in (issuer.certs("only.example.com")[0]["problem"] or ""),
             "the authority's reason is visible")


def test_two_labels_for_one_host(certnsd, repo, key, fakeca_for):
    """(Not at Pebble, for the reason below.)"""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.use_acme(fakeca_for(server))
    server.config["acme"]["labels"] = ["_letsencrypt._tcp", "_rsa._tcp"]
    server.write_config()
    server.start("example.com")
    ec, rsa = Request(["www.example.com"]), Request(["www.example.com"], kind="rsa")
    upload(server, key, "www.example.com", ec)
    upload(server, key, "www.example.com", rsa, "_rsa._tcp")
    certificate(server, "www.example.com", ec)
    certificate(server, "www.example.com", rsa, "_rsa._tcp")


def test_fifty_in_one_session(issuer_with, repo, key, tmp_path):
    """One after the other into nsupdate; all at the same time at an authority that rejects a fifth of the nonces.  (Not at
    Pebble: 2.4 may lock itself up where orders are placed, read and issued at the same time.)"""
    server, ca = issuer_with(nonce_reject=0.2)
    requests = {f"host{i}.example.com": Request([f"host{i}.example.com"]) for i in range(50)}
    client.nsupdate(server, key, "".join(upload_script(h, r) for h, r in requests.items()))
    for host, request in requests.items():
        certificate(server, host, request, timeout=180)
    for host, request in requests.items():
        found = Published(server, host)
        assert len(found.csrs) == 1 and len(found.leaves) == 1, host
    certs.verify(tmp_path, found, found.certificate(request), ca.root_pem(), host)
    wait_for(lambda: not challenges(server, *requests), "all challenges are taken away")
    wait_for(lambda: len(re.findall(r"TLSA\s+3 0 0 ", repo.read("example.com"))) == 50, "all are in git", timeout=60)


def test_a_csr_from_git(issuer, repo, tmp_path):
    request = Request(["git.example.com"])
    repo.edit("example.com", lambda t: t + f"_letsencrypt._tcp.git 3600 TLSA {request.rdata()}\n")
    issuer.pull()
    certificate(issuer, "git.example.com", request)


def test_a_csr_that_was_there_before_the_start(certnsd, repo, pebble_for):
    request = Request(["before.example.com"])
    repo.edit("example.com", lambda t: t + f"_letsencrypt._tcp.before 3600 TLSA {request.rdata()}\n")
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.use_acme(pebble_for(server))
    server.write_config()
    server.start("example.com")
    certificate(server, "before.example.com", request)


def test_a_new_csr_brings_a_new_certificate(issuer, key):
    first, second = Request(["www.example.com"]), Request(["www.example.com"])
    upload(issuer, key, "www.example.com", first)
    certificate(issuer, "www.example.com", first)
    upload(issuer, key, "www.example.com", second)
    certificate(issuer, "www.example.com", second)
    found = Published(issuer, "www.example.com")
    assert found.csrs == [second.der] and len(found.leaves) == 1 and not found.certificate(first)


def test_a_csr_replaced_while_its_order_runs(certnsd, repo, key, pebble_for):
    """Pebble takes its time over the first; its result must not be published beside the second CSR."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.use_acme(pebble_for(server, {"PEBBLE_VA_NOSLEEP": "", "PEBBLE_VA_SLEEPTIME": "3"}))
    server.write_config()
    server.start("example.com")
    requests = [Request(["www.example.com"]) for _ in range(3)]
    for request in requests:
        upload(server, key, "www.example.com", request)
    seen = set()

    def last_one():
        found = Published(server, "www.example.com")
        seen.update(found.leaves)
        return found.certificate(requests[-1])

    issued = wait_for(last_one, "the last CSR's certificate", PATIENT)
    assert len(seen) == 1 and requests[-1].matches(issued), "no other was ever published"
    stays(lambda: len(Published(server, "www.example.com").leaves) == 1, "and none comes later", 3)


def test_a_csr_that_is_taken_away(issuer, key):
    request = Request(["www.example.com"])
    upload(issuer, key, "www.example.com", request)
    client.nsupdate(issuer, key, "update delete _letsencrypt._tcp.www.example.com TLSA\nsend\n")
    stays(lambda: client.look(issuer, "_letsencrypt._tcp.www.example.com", "TLSA") == [], "nothing is published", 3)
    wait_for(lambda: not challenges(issuer, "www.example.com"), "nor does a challenge stay")


@pytest.mark.parametrize("why, make", [
    ("octets that are no CSR", lambda: b"\0"),
    ("a CSR cut short", lambda: Request(["www.example.com"]).der[:-4]),
    ("a name that is not ours", lambda: Request(["www.example.net"]).der),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "")
def test_csrs_that_cannot_be(lenient, key, why, make):
    client.nsupdate(lenient, key, f"update add {certs.owner('www.example.com')} 3600 TLSA 3 255 0 {make().hex()}\nsend\n")
    wait_for(lambda: lenient.certs("www.example.com") and lenient.certs("www.example.com")[0]["problem"], why)
    good = Request(["good.example.com"])
    upload(lenient, key, "good.example.com", good)
    certificate(lenient, "good.example.com", good)


def test_two_csrs_under_one_name_are_a_problem(lenient, key):
    a, b = Request(["www.example.com"]), Request(["www.example.com"])
    client.nsupdate(lenient, key, "".join(f"update add _letsencrypt._tcp.www.example.com 3600 TLSA {r.rdata()}\n"
                                         for r in (a, b)) + "send\n")
    wait_for(lambda: lenient.certs("www.example.com") and lenient.certs("www.example.com")[0]["problem"], "it is told")
    assert not Published(lenient, "www.example.com").leaves


@pytest.mark.first
@pytest.mark.once
def test_an_authority_that_is_down(certnsd, repo, key, pebble_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    pebble = pebble_for(server, start=False)
    server.use_acme(pebble)
    server.write_config()
    server.start("example.com")
    request = Request(["www.example.com"])
    upload(server, key, "www.example.com", request)
    wait_for(lambda: server.certs("www.example.com") and server.certs("www.example.com")[0]["problem"],
             "the problem is visible")
    assert client.look(server, "www.example.com", "A") == ["192.0.2.80"], "it serves on"
    pebble.start()
    # the first retry comes after about a minute
    certificate(server, "www.example.com", request, timeout=150)
    assert not server.certs("www.example.com")[0]["problem"]


@pytest.mark.first
@pytest.mark.once
def test_a_validation_that_fails_and_then_does_not(certnsd, repo, key, pebble_for, named):
    """Pebble asks a name server that has stale data; once that is mended, the next try succeeds."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    named.primary("example.com", zone())
    named.start("example.com")
    server.use_acme(pebble_for(named))
    server.write_config()
    server.start("example.com")
    request = Request(["www.example.com"])
    upload(server, key, "www.example.com", request)
    state = wait_for(lambda: [c for c in server.certs("www.example.com") if c["problem"]], "the failure is visible")
    assert "_acme-challenge.www.example.com" in state[0]["problem"] and "unauthorized" in state[0]["problem"]
    wait_for(lambda: not challenges(server, "www.example.com"), "the challenge is removed after a failure too")
    named.stop()
    named.forward("example.com", server)
    named.start("example.com")
    certificate(server, "www.example.com", request, timeout=150)


def test_a_restart_issues_nothing_again(issuer, key):
    request = Request(["www.example.com"])
    upload(issuer, key, "www.example.com", request)
    issued = certificate(issuer, "www.example.com", request)
    serial = client.serial(issuer, "example.com")
    wait_for(lambda: not challenges(issuer, "www.example.com"), "the challenge is gone")
    orders = issuer.pebble.log().count("There are now")
    issuer.stop()
    issuer.start("example.com")
    wait_for(lambda: issuer.certs("www.example.com"), "it knows the certificate")
    stays(lambda: Published(issuer, "www.example.com").certificate(request) == issued, "the same certificate", 3)
    assert issuer.pebble.log().count("There are now") == orders, "no new order"
    assert client.serial(issuer, "example.com") >= serial


def test_kill_9_in_the_middle_of_an_order(certnsd, repo, key, pebble_for):
    server = certnsd(git=repo)
    # One of the name servers is not there: the order waits for it until then.
    server.zone_entry("example.com", **{"check-servers": [server.here(), f"127.0.0.1@{free_port()}"]})
    server.use_acme(pebble_for(server))
    server.write_config()
    server.start("example.com")
    request = Request(["www.example.com"])
    upload(server, key, "www.example.com", request)
    wait_for(lambda: challenges(server, "www.example.com"), "the challenge is published")
    server.kill9()
    server.zone_entry("example.com")
    server.start("example.com")
    certificate(server, "www.example.com", request)
    wait_for(lambda: "3 0 0" in repo.read("example.com"), "the certificate is in git")
    assert "_acme-challenge" not in repo.read("example.com")


def test_the_account_is_kept(issuer, key):
    path = wait_for(lambda: [p for p, octets in issuer.state_files() if b"PRIVATE KEY" in octets],
                    "the account key")[0]
    with open(path, "rb") as f:
        first = f.read()
    assert os.stat(path).st_mode & 0o777 == 0o600
    request = Request(["www.example.com"])
    upload(issuer, key, "www.example.com", request)
    certificate(issuer, "www.example.com", request)
    issuer.stop()
    issuer.start("example.com")
    second = Request(["mail.example.com"])
    upload(issuer, key, "mail.example.com", second)
    certificate(issuer, "mail.example.com", second)
    with open(path, "rb") as f:
        assert f.read() == first
    assert issuer.pebble.log().count("There are now 2 accounts") == 0


def test_zones_without_acme(certnsd, repo, key, pebble_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com", acme=False)
    server.use_acme(pebble_for(server))
    server.write_config()
    server.start("example.com")
    request = Request(["www.example.com"])
    upload(server, key, "www.example.com", request)
    stays(lambda: not Published(server, "www.example.com").leaves, "nothing is issued", 3)


def test_no_terms_no_account(certnsd, repo, key, pebble_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.use_acme(pebble_for(server))
    server.config["acme"]["authorities"][0]["terms-agreed"] = False
    server.write_config()
    done = run([program("server/certnsd"), "-t", "-c", server.config_path], check=False)
    if done.returncode == 0:
        server.start("example.com")
        upload(server, key, "www.example.com", Request(["www.example.com"]))
        wait_for(lambda: "terms" in str(server.certs("www.example.com")), "it says why")
    else:
        assert "terms-agreed" in done.stderr


def test_when_the_next_renewal_is(issuer, key):
    """A third of the lifetime before the end, more or less."""
    request = Request(["www.example.com"])
    upload(issuer, key, "www.example.com", request)
    issued = certificate(issuer, "www.example.com", request)

    def state():
        found = issuer.certs("www.example.com")
        return found[0] if found and found[0]["next"] else None

    entry = wait_for(state, "the time of the next renewal")
    start, end = issued.not_valid_before, issued.not_valid_after
    due = parse_time(entry["next"])
    third = end - (end - start) / 3
    assert abs(due - third) < (end - start) / 6, (entry["next"], start, end)
    assert abs(parse_time(entry["expires"]) - end) < datetime.timedelta(seconds=2)


def parse_time(value):
    if isinstance(value, (int, float)):
        return datetime.datetime.utcfromtimestamp(value)
    return datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")


def test_others_keep_their_challenges(issuer, key):
    """A TXT record that somebody else has put at _acme-challenge stays."""
    client.nsupdate(issuer, key, "update add _acme-challenge.www.example.com 60 TXT somebody-elses\nsend\n")
    request = Request(["www.example.com"])
    upload(issuer, key, "www.example.com", request)
    certificate(issuer, "www.example.com", request)
    wait_for(lambda: challenges(issuer, "www.example.com") == ['"somebody-elses"'], "ours is gone, theirs is not")


def test_a_signed_zone_says_why_not(certnsd, tmp_path, pebble_for):
    directory = tmp_path / "signed"
    directory.mkdir()
    request = Request(["www.signed.example"])
    (directory / "zone").write_text(
        zone("signed.example", extra=f"_letsencrypt._tcp.www 3600 TLSA {request.rdata()}\n"))
    repo = GitRepo(tmp_path / "git", {"signed.example": sign(directory, "signed.example"),
                                      "signed.example._keys": Key("k._update.signed.example").dnskey()})
    server = certnsd(git=repo)
    server.use_acme(pebble_for(server))
    server.write_config()
    server.start("signed.example")
    wait_for(lambda: server.certs("www.signed.example") and server.certs("www.signed.example")[0]["problem"],
             "it says why")
    assert "sign" in server.certs("www.signed.example")[0]["problem"]

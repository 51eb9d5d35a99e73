"""Whoever waits for a certificate can see why: the status record in the zone, and the operator's hooks."""

import os
import re

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.keys import Key
from lib.wait import wait_for

HOST = "www.example.com"
STATUS = f"_status._letsencrypt._tcp.{HOST}"
MANUAL = os.path.join(os.path.dirname(__file__), "../../docs/certnsctl.8")


@pytest.fixture
def issuer(certnsd, repo, pebble_for):
    """A server that is not started, and a Pebble that is not either."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server, start=False)
    server.use_acme(server.pebble)
    return server


def begin(server):
    server.write_config()
    server.start("example.com")


def upload(server, key, request=None):
    request = request or Request([HOST])
    client.nsupdate(server, key, upload_script(HOST, request))
    return request


def status(server, name=STATUS):
    """The record's strings as a dictionary; what is split is put together.  None: there is none."""
    answer = client.ask(server, name, "TXT").answer
    if not answer:
        return None
    assert len(answer[0]) == 1, "one record"
    found = {}
    for string in answer[0][0].strings:
        key, _, value = string.decode().partition("=")
        found[key] = found.get(key, "") + value
    return found


def status_is(server, state):
    return wait_for(lambda: (s := status(server)) and s["state"] == state and s, f"the status is {state}")


def test_why_a_service_waits(issuer, key, repo):
    """The authority is down, comes up, and the CSR is taken away in the end."""
    begin(issuer)
    request = upload(issuer, key)
    waiting = status_is(issuer, "waiting")
    assert "directory cannot be fetched" in waiting["problem"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", waiting["next"])
    assert len(waiting["csr"]) == 16 and "expires" not in waiting
    issuer.pebble.start()
    issuer.ctl("renew", HOST)
    valid = status_is(issuer, "valid")
    metrics = issuer.ctl_text("metrics").stdout.splitlines()
    host = f'{{host="{HOST}",label="_letsencrypt._tcp"'
    assert f'certns_certificate_state{host},state="valid"}} 1' in metrics
    assert f'certns_certificate_state{host},state="failed"}} 0' in metrics
    assert f"certns_certificate_failures{host}}} 0" in metrics
    assert "certns_certificates_issued_total 1" in metrics and "certns_certificate_attempts_failed_total 1" in metrics
    assert any(re.fullmatch(re.escape(f"certns_certificate_expiry_timestamp_seconds{host}}} ") + r"\d{10}", m)
               for m in metrics)
    with open(MANUAL, encoding="ascii") as manual:
        documented = set(re.findall(r"^\.It Li (certns_\w+)", manual.read(), re.M))
    assert {re.match(r"\w+", m).group() for m in metrics if not m.startswith("#")} <= documented
    assert Published(issuer, HOST).certificate(request)
    assert valid["csr"] == waiting["csr"] and valid["expires"] > valid["next"] and "problem" not in valid
    assert client.ask(issuer, STATUS, "TXT").answer[0].ttl == 60
    client.nsupdate(issuer, key, f"update delete _letsencrypt._tcp.{HOST}. TLSA\nsend\n")
    wait_for(lambda: status(issuer) is None, "the status goes with the CSR")
    wait_for(lambda: "_letsencrypt" not in repo.read("example.com"), "the CSR is gone from git, too")
    assert "_status" not in repo.git("log", "-p", "main", cwd=repo.bare), "and the status never was there"


def test_a_status_of_before(issuer, key):
    """A restart finds the record right, and one whose CSR went while the server was down is taken away."""
    begin(issuer)
    upload(issuer, key)
    status_is(issuer, "waiting")
    issuer.stop()
    issuer.config["acme"]["labels"] = ["_other._tcp", "_letsencrypt._tcp"]
    begin(issuer)
    status_is(issuer, "waiting")
    client.nsupdate(issuer, key, "update add _status._letsencrypt._tcp.old.example.com. 60 TXT state=valid\n"
                    "update add _status._letsencrypt._tcp.www.example.com. 60 TXT \"the operator's own\"\nsend\n")
    issuer.stop()
    begin(issuer)
    wait_for(lambda: status(issuer, "_status._letsencrypt._tcp.old.example.com") is None, "what is left over goes")
    texts = client.look(issuer, STATUS, "TXT")
    assert any("operator" in t for t in texts), "what others put there stays"


def test_a_csr_that_is_refused(issuer, key, repo):
    begin(issuer)
    request = Request(["www.example.net"])
    repo.edit("example.com", lambda t: t + f"_letsencrypt._tcp.www 3600 TLSA {request.rdata()}\n")
    issuer.pull()
    refused = status_is(issuer, "refused")
    assert "www.example.net" in refused["problem"] and "next" not in refused


def test_switched_off(issuer, key):
    issuer.config["acme"]["status"] = "no"
    begin(issuer)
    upload(issuer, key)
    issuer.wait_log("no certificate: the CA's directory cannot be fetched")
    upload(issuer, key)
    assert status(issuer) is None


def test_hooks(issuer, key, tmp_path):
    """Each event runs its command, with what happened in its environment; what the command says and how it ends is in the log."""
    out = tmp_path / "events"
    command = f'echo "$CERTNS_EVENT $CERTNS_HOST $CERTNS_LABEL $CERTNS_NAMES $CERTNS_ATTEMPTS [$CERTNS_PROBLEM]" >>{out}'
    issuer.config["acme"]["hooks"] = {
        "issued": f"{command}; echo it is here; echo $CERTNS_EXPIRES >&2; exit 3",
        "renewed": f"{command}; kill -TERM $$",
        "failed": f"{command}; sleep 1000", "timeout": "4s"}
    begin(issuer)
    upload(issuer, key)
    issuer.wait_log(r"hook \(failed, for www\.example\.com\): killed: it ran for more than 4 s")
    issuer.pebble.start()
    issuer.ctl("renew", HOST)
    issuer.wait_log(r"hook \(issued, for www\.example\.com\): it is here")
    issuer.wait_log(r"hook \(issued, for www\.example\.com\): 20\d\d-")
    issuer.wait_log(r"hook \(issued, for www\.example\.com\): ended with status 3")
    issuer.ctl("renew", HOST)
    issuer.wait_log(r"hook \(renewed, for www\.example\.com\): ended by signal 15")
    lines = out.read_text().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"failed {HOST} _letsencrypt._tcp {HOST} 1 [the CA's directory cannot be fetched")
    assert lines[1] == f"issued {HOST} _letsencrypt._tcp {HOST} 0 []"
    assert lines[2] == f"renewed {HOST} _letsencrypt._tcp {HOST} 0 []"


@pytest.mark.first
def test_a_primary_that_does_not_take_it(certnsd, repo, key, pebble_for):
    """Said once for the zone, however many hosts it has."""
    transfer = Key("hidden._transfer.example.com")
    repo.commit({"example.com._keys": key.dnskey() + transfer.dnskey()})
    primary = certnsd(git=repo)
    primary.zone_entry("example.com", acme="no", **{"update-policy": [f"grant {key.name} zonesub TLSA"]})
    primary.write_config()
    primary.start("example.com")
    server = certnsd(keys=[{"name": k.name, "algorithm": k.algorithm, "secret": k.secret} for k in (transfer, key)],
                     acme=pebble_for(primary))
    server.zone_entry("example.com", primaries=[f"{primary.here()} key {transfer.name}"], **{"update-key": key.name})
    server.start("example.com")
    said = r"zone example\.com: the status of certificates cannot be shown: "
    for host in (HOST, "mail.example.com"):
        client.nsupdate(primary, key, upload_script(host, Request([host])))
        server.ctl("refresh", "example.com")
        wait_for(lambda: [c["state"] for c in server.certs(host)] == ["failed"], "no challenge can be published there")
        server.wait_log(said)
    assert len(re.findall(said, server.log())) == 1
    assert status(server) is None

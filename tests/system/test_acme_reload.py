"""A changed acme section takes effect with a reload: no restart, no order made twice."""

import hashlib
import os

from lib import client
from lib.certs import Published, Request, upload_script
from lib.wait import wait_for

HOST = "www.example.com"


def upload(server, key):
    request = Request([HOST])
    client.nsupdate(server, key, upload_script(HOST, request))
    return request


def reload(server, **acme):
    server.config["acme"].update(acme)
    server.write_config()
    server.ctl("reload")


def certificate(server, request, label="_letsencrypt._tcp"):
    return wait_for(lambda: Published(server, HOST, label).certificate(request), "the certificate")


def test_an_authority_comes(certnsd, repo, key, fakeca_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.write_config()
    server.start("example.com")
    request = upload(server, key)
    assert server.ctl("certs") == []
    server.use_acme(fakeca_for(server))
    server.write_config()
    server.ctl("reload")
    certificate(server, request)


def test_an_order_goes_on(issuer_with, key):
    """Under another engine, which is told nothing but what was written down."""
    server, ca = issuer_with(dns=None)
    gate = ca.stall("challenge")
    request = upload(server, key)
    gate.wait_arrived()
    reload(server, hooks={"issued": "echo issued for $CERTNS_HOST"})
    server.wait_log("acme: the new configuration is in use")
    ca.honest()
    gate.release()
    certificate(server, request)
    server.wait_log(r"hook \(issued, for www\.example\.com\): issued for www\.example\.com")
    wait_for(lambda: not client.look(server, f"_acme-challenge.{HOST}", "TXT"), "no challenge is left")
    assert len(ca.orders) == 1


def test_other_labels(issuer_with, key):
    server, ca = issuer_with()
    certificate(server, upload(server, key))
    rsa = Request([HOST], kind="rsa")
    client.nsupdate(server, key, upload_script(HOST, rsa, "_rsa._tcp"))
    reload(server, labels=["_letsencrypt._tcp", "_rsa._tcp"])
    certificate(server, rsa, "_rsa._tcp")
    wait_for(lambda: {c["label"] for c in server.ctl("certs")} == {"_letsencrypt._tcp", "_rsa._tcp"}, "both are known")
    assert len(ca.orders) == 2, "what is in place is left alone"
    reload(server, labels=["_rsa._tcp"])
    wait_for(lambda: {c["label"] for c in server.ctl("certs")} == {"_rsa._tcp"}, "one is forgotten")


def test_an_account_that_cannot_be_used(issuer_with, key):
    """The engine that runs goes on."""
    server, ca = issuer_with()
    other = "https://127.0.0.1:9/directory"
    path = os.path.join(server.state, f"acme-account-{hashlib.sha256(other.encode()).hexdigest()[:16]}.pem")
    with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
        f.write("no key")
    authorities = server.config["acme"]["authorities"]
    reload(server, authorities=[*authorities, {**authorities[0], "directory": other, "name": "other"}])
    server.wait_log(f"by the former configuration, for the new one cannot be used: .*{path}")
    certificate(server, upload(server, key))
    os.unlink(path)
    reload(server, status="no")
    server.wait_log("acme: the new configuration is in use")


def test_nothing_changed(issuer_with, key):
    server, ca = issuer_with()
    reload(server)
    server.wait_log("configuration reloaded")
    assert "new configuration is in use" not in server.log()

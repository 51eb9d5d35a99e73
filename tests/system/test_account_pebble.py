"""Accounts and revocation at Pebble: another's reading of RFC 8555.  And accounts that lego and certbot have made."""

import glob
import json
import os

import pytest
from cryptography import x509

from lib import client
from lib.certs import Published, Request, upload_script
from lib.process import run
from lib.wait import wait_for

pytestmark = pytest.mark.once

PATIENT = 60


@pytest.fixture
def issuer(certnsd, repo, pebble_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server, {"PEBBLE_WFE_NONCEREJECT": "20"})
    server.use_acme(server.pebble)
    server.write_config()
    return server.start("example.com")


def authority(server, **settings):
    server.config["acme"]["authorities"][0].update(settings)
    server.write_config()


def restart(server):
    server.stop()
    server.start("example.com")


def obtain(server, key, host):
    request = Request([host])
    client.nsupdate(server, key, upload_script(host, request))
    return wait_for(lambda: Published(server, host).certificate(request), f"a certificate for {host}", PATIENT)


def show(server):
    return server.ctl("account", "show")[0]


def status(server, certificate):
    return json.loads(server.pebble.get(f"https://127.0.0.1:{server.pebble.management_port}/cert-status-by-serial/"
                                        f"{certificate.serial_number:x}"))


def test_the_life_of_an_account(issuer, key):
    """Registered, with other contacts, with another key, and no more."""
    obtain(issuer, key, "www.example.com")
    first = show(issuer)
    authority(issuer, contact=["mailto:hostmaster@example.com"], **{"key-type": "rsa2048"})
    restart(issuer)
    obtain(issuer, key, "mail.example.com")
    assert show(issuer)["url"] == first["url"] and not show(issuer)["problem"]
    issuer.ctl("account", "rollover")
    rolled = show(issuer)
    assert rolled["url"] == first["url"] and rolled["thumbprint"] != first["thumbprint"] and rolled["key"] == "rsa2048"
    obtain(issuer, key, "web.example.com")
    issuer.ctl("account", "deactivate", "127.0.0.1", "--yes")
    client.nsupdate(issuer, key, upload_script("ftp.example.com", Request(["ftp.example.com"])))
    wait_for(lambda: [c for c in issuer.certs("ftp.example.com") if "is deactivated" in (c["problem"] or "")],
             "it says why nothing is ordered")


def test_revocation(issuer, key):
    first = obtain(issuer, key, "www.example.com")
    assert status(issuer, first)["Status"] == "Valid"
    issuer.ctl("revoke", "www.example.com", "keyCompromise")
    assert status(issuer, first)["Status"] == "Revoked" and status(issuer, first)["Reason"] == 1
    wait_for(lambda: issuer.certs("www.example.com")[0]["state"] == "refused", "its key gets no other")
    again = issuer.ctl_text("revoke", "www.example.com", check=False)
    assert again.returncode == 0, "revoked already is revoked"
    second = obtain(issuer, key, "www.example.com")
    issuer.ctl("revoke", "www.example.com", "superseded")
    assert status(issuer, second)["Status"] == "Revoked" and status(issuer, second)["Reason"] == 4
    wait_for(lambda: status(issuer, wait_for(lambda: leaf(issuer, "www.example.com"), "a leaf"))["Status"] == "Valid",
             "it is replaced", PATIENT)


def leaf(server, host):
    leaves = Published(server, host).leaves
    return x509.load_der_x509_certificate(leaves[0]) if leaves else None


def made_by_lego(server, directory):
    env = {**os.environ, "LEGO_CA_CERTIFICATES": server.pebble.ca_path}
    run(["lego", "--accept-tos", "--server", server.pebble.directory_url, "--email", "a@example.com", "--path",
         str(directory),
         "--domains", "lego.example.com", "--http", "--http.port", "127.0.0.1:1", "run"], check=False, env=env)
    path = glob.glob(f"{directory}/accounts/*/a@example.com/keys/*.key")[0]
    os.chmod(path, 0o600)
    with open(glob.glob(f"{directory}/accounts/*/a@example.com/account.json")[0], encoding="utf-8") as f:
        return path, json.load(f)["registration"]["uri"]


def made_by_certbot(server, directory):
    env = {**os.environ, "REQUESTS_CA_BUNDLE": server.pebble.ca_path}
    for left in range(9, -1, -1):       # two nonces refused in a row are too many for it
        done = run(["certbot", "register", "--server", server.pebble.directory_url, "--agree-tos", "-m",
                    "a@example.com",
                    "--no-eff-email", "--config-dir", f"{directory}/c", "--work-dir", f"{directory}/w", "--logs-dir",
                    f"{directory}/l"], env=env, check=left == 0)
        if done.returncode == 0:
            break
    jwk = glob.glob(f"{directory}/c/accounts/*/dir/*/private_key.json")[0]
    with open(os.path.join(os.path.dirname(jwk), "regr.json"), encoding="utf-8") as f:
        url = json.load(f)["uri"]
    path = str(directory / "converted.pem")
    run(["/usr/bin/python3", "-c", "import josepy, sys; from cryptography.hazmat.primitives import serialization as s; "
         "key = josepy.JWK.json_loads(open(sys.argv[1]).read()).key; open(sys.argv[2], 'wb').write(key.private_bytes("
         "s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()))", jwk, path])
    os.chmod(path, 0o600)
    return path, url


@pytest.mark.parametrize("make", [made_by_lego, made_by_certbot], ids=["lego", "certbot"])
def test_accounts_of_others(issuer, key, tmp_path, make):
    path, url = make(issuer, tmp_path)
    authority(issuer, **{"key-file": path})
    restart(issuer)
    obtain(issuer, key, "www.example.com")
    assert show(issuer)["url"] == url and show(issuer)["status"] == "valid"
    assert issuer.log().count(" registered") == 0

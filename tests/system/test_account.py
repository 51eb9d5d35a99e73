"""Accounts at the authority: keys, external binding, contacts, key changes, deactivation; and what a restart asks."""

import base64
import datetime
import json
import os
import shutil

import pytest

from lib import client
from lib.certnsd import program
from lib.certs import Published, Request, upload_script
from lib.fakeca_script import Reply, problem, sent, silent
from lib.process import Process, run
from lib.wait import stays, wait_for

PATIENT = 60
SECRET = bytes(range(33))                               # of a length that base64 pads


def upload(server, key, host, kind="ec"):
    request = Request([host], kind=kind)
    client.nsupdate(server, key, upload_script(host, request))
    return request


def issued(server, key, host):
    request = upload(server, key, host)
    return wait_for(lambda: Published(server, host).certificate(request), f"a certificate for {host}", PATIENT)


def problem_of(server, host):
    rows = server.certs(host)
    return rows[0]["problem"] if rows else None


def show(server):
    return server.ctl("account", "show")[0]


def authority(server, **settings):
    """Change the settings of the authority; the next start takes them."""
    server.config["acme"]["authorities"][0].update(settings)
    server.write_config()


def restart(server):
    server.stop()
    server.start("example.com")


def key_file(server):
    return show(server)["key-file"]


class Rollover(Process):
    """certnsctl in the background."""

    def __init__(self, server):
        super().__init__("certnsctl", os.path.join(server.directory, "ctl"))
        self.spawn([program("tools/certnsctl"), "-c", server.config_path, "account", "rollover"])

    def stop(self):
        self.terminate()


def account_requests(ca):
    """What was said to the authority about the account."""
    return [r for r in ca.requests if r.endpoint in ("newAccount", "account", "keyChange")]


# ---- the key ----

@pytest.mark.parametrize("kind, jwk", [
    ("es256", {"kty": "EC", "crv": "P-256"}), ("es384", {"kty": "EC", "crv": "P-384"}),
    ("ed25519", {"kty": "OKP", "crv": "Ed25519"}), ("rsa2048", {"kty": "RSA"})], ids=lambda v: v if isinstance(v, str)
                         else "")
def test_each_kind_of_key(certnsd, repo, key, fakeca_for, kind, jwk):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server, algorithms=["ES256", "ES384", "EdDSA", "RS256"])
    server.use_acme(ca)
    authority(server, **{"key-type": kind})
    server.start("example.com")
    issued(server, key, "www.example.com")
    account = ca.accounts[0]
    assert jwk.items() <= account.key.jwk.items()
    shown = show(server)
    assert shown["key"] == kind and shown["url"] == account.url and shown["thumbprint"] == account.key.thumbprint
    assert shown["status"] == "valid" and shown["orders"] == 0 and not shown["problem"]
    text = server.ctl_text("account", "show").stdout
    assert f"thumbprint: {account.key.thumbprint}" in text and kind in text


def test_an_imported_key_finds_its_account(issuer_with, key, tmp_path):
    """The account was made by somebody else; certns asks for it before anything else, and leaves the file alone."""
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    path = tmp_path / "imported.pem"
    os.rename(key_file(server), path)                   # as if another client had made it
    server.stop()
    shutil.rmtree(server.state)
    authority(server, **{"key-file": str(path)})
    server.start("example.com")
    before = path.read_bytes(), os.stat(path).st_mtime_ns
    issued(server, key, "mail.example.com")
    assert len(ca.accounts) == 1
    assert (path.read_bytes(), os.stat(path).st_mtime_ns) == before
    refused = server.ctl_text("account", "rollover", check=False)
    assert refused.returncode == 1 and "never written to" in refused.stderr and str(path) in refused.stderr
    assert ca.count("keyChange") == 0


def test_an_imported_key_is_asked_about_first(certnsd, repo, key, fakeca_for, tmp_path):
    path = tmp_path / "acme.sh.pem"
    # with EC PARAMETERS, as acme.sh has it
    run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", str(path)])
    os.chmod(path, 0o600)
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme(ca)
    authority(server, **{"key-file": str(path)})
    server.start("example.com")
    issued(server, key, "www.example.com")
    first, second = [r.payload for r in ca.requests if r.endpoint == "newAccount"]
    assert first == {"onlyReturnExisting": True} and second["termsOfServiceAgreed"] is True


@pytest.mark.parametrize("make, words", [
    (lambda path: path.write_text("no key\n"), "expected a private key in PEM"),
    (lambda path: path.write_text('{"kty": "EC"}\n'), "certbot's private_key.json"),
    (lambda path: run(["openssl", "ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", str(path)]),
     "secp521r1"),
    (lambda path: run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-aes128",
                       "-pass",
                       "pass:secret", "-out", str(path)]), "encrypted"),
    (lambda path: (run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path)]),
                   os.chmod(path, 0o644)), "mode 0644"),
], ids=["text", "jwk", "curve", "encrypted", "mode"])
def test_keys_that_cannot_be_imported(certnsd, repo, tmp_path, make, words):
    path = tmp_path / "key.pem"
    make(path)
    if words != "mode 0644":
        os.chmod(path, 0o600)
    server = certnsd(git=repo, acme={"authorities": [{"directory": "https://127.0.0.1:1/", "terms-agreed": True,
                                                      "key-file": str(path)}]})
    done = run([program("server/certnsd"), "-t", "-c", server.config_path], check=False)
    assert done.returncode != 0 and words in done.stderr and str(path) in done.stderr
    assert "certns.yaml:" in done.stderr, "with the place in the configuration"


# ---- external account binding ----

@pytest.mark.parametrize("form", ["padded", "bare", "file"])
def test_external_account_binding(certnsd, repo, key, fakeca_for, tmp_path, form):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server, eab={"customer-1": SECRET + b"x"})
    text = base64.urlsafe_b64encode(SECRET + b"x").decode()
    assert text.endswith("=")
    server.use_acme(ca)
    if form == "file":
        path = tmp_path / "hmac"
        path.write_text(text + "\n")
        path.chmod(0o600)
        authority(server, eab={"kid": "customer-1", "hmac-file": str(path)})
    else:
        authority(server, eab={"kid": "customer-1", "hmac": text if form == "padded" else text.rstrip("=")})
    server.start("example.com")
    issued(server, key, "www.example.com")
    assert ca.accounts[0].eab_kid == "customer-1"
    assert text.rstrip("=") not in server.log() and text.rstrip("=") not in json.dumps(server.ctl("account", "show"))


def test_an_account_that_needs_a_binding(certnsd, repo, key, fakeca_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server, eab={"customer-1": SECRET})
    server.use_acme(ca)
    server.write_config()
    server.start("example.com")
    upload(server, key, "www.example.com")
    wait_for(lambda: "\"eab:\"" in (problem_of(server, "www.example.com") or ""), "it says what is needed")
    authority(server, eab={"kid": "customer-1", "hmac": "AAAA"})
    restart(server)
    wait_for(lambda: "MAC" in (problem_of(server, "www.example.com") or ""), "it says that the secret is wrong")
    assert not ca.accounts


def test_a_secret_in_a_file_is_put_right(certnsd, repo, key, fakeca_for, tmp_path):
    """The configuration is the same to the letter, and yet a reload takes what is new."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server, eab={"customer-1": SECRET})
    server.use_acme(ca)
    path = tmp_path / "hmac"
    path.write_text("AAAA\n")
    path.chmod(0o600)
    authority(server, eab={"kid": "customer-1", "hmac-file": str(path)})
    server.start("example.com")
    request = upload(server, key, "www.example.com")
    wait_for(lambda: "MAC" in (problem_of(server, "www.example.com") or ""), "it says that the secret is wrong")
    path.write_text(base64.urlsafe_b64encode(SECRET).decode() + "\n")
    server.ctl("reload")
    server.wait_log("acme: the new configuration is in use")
    server.ctl("renew", "www.example.com")
    wait_for(lambda: Published(server, "www.example.com").certificate(request), "the certificate", PATIENT)
    assert ca.accounts[0].eab_kid == "customer-1"


@pytest.mark.parametrize("settings, words", [
    ({"eab": {"hmac": "AAAA"}}, "kid"),
    ({"eab": {"kid": "x"}}, "either 'hmac' or 'hmac-file'"),
    ({"eab": {"kid": "x", "hmac": "AAAA", "hmac-file": __file__}}, "either 'hmac' or 'hmac-file'"),
    ({"eab": {"kid": "x", "hmac": "secret+word/"}}, "expected an HMAC key in base64url"),
    ({"eab": {"kid": "x", "hmac": "AAA=="}}, "expected an HMAC key in base64url"),
    ({"eab": {"kid": "x", "hmac-file": os.path.join(os.path.dirname(__file__), "pytest.ini")}},
     "a file with an HMAC key"),
    ({"key-type": "dsa"}, "es256"),
    ({"key-type": "es256", "key-file": __file__}, "no 'key-type' beside 'key-file'"),
], ids=["no-kid", "no-hmac", "both", "not-base64url", "wrong-padding", "other-file", "kind", "kind-and-file"])
def test_settings_that_cannot_be(certnsd, repo, settings, words):
    server = certnsd(git=repo, acme={"authorities": [{"directory": "https://127.0.0.1:1/", "terms-agreed": True, **settings}]})
    done = run([program("server/certnsd"), "-t", "-c", server.config_path], check=False)
    assert done.returncode != 0 and words in done.stderr, done.stderr
    assert "secret+word" not in done.stderr


# ---- what is asked, and when ----

def test_a_restart_asks_nothing_about_the_account(issuer_with, key):
    server, ca = issuer_with()
    authority(server, contact=["mailto:hostmaster@example.com"])
    restart(server)
    issued(server, key, "www.example.com")
    assert len(account_requests(ca)) == 1
    url = show(server)["url"]
    wait_for(lambda: ca.requests[-1].endpoint == "renewalInfo", "the last question, when to renew, was asked")
    wait_for(lambda: "www.example.com: to be renewed at" in server.log(), "and answered")
    requests = len(ca.requests)
    restart(server)
    assert show(server)["url"] == url, "it is known at once"
    assert len(ca.requests) == requests
    issued(server, key, "mail.example.com")
    assert len(account_requests(ca)) == 1


def test_contacts_follow_the_configuration(issuer_with, key):
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    for contact in (["mailto:one@example.com"], ["mailto:one@example.com", "mailto:two@example.com"], []):
        authority(server, contact=contact)
        if not contact:
            del server.config["acme"]["authorities"][0]["contact"]
            server.write_config()
        restart(server)
        issued(server, key, "www.example.com")
        assert ca.accounts[0].contact == contact and show(server)["contact"] == contact
    assert ca.count("newAccount") == 1 and ca.count("account") == 3
    authority(server, contact=["mailto:nobody@example.invalid"])
    restart(server)
    issued(server, key, "www.example.com")
    assert "invalidContact" in show(server)["problem"], "orders do not depend on a contact"


@pytest.mark.parametrize("challenge", ["dns-01", "dns-account-01"])
def test_an_authority_that_has_lost_the_account(issuer_with, key, challenge):
    """The owner of a dns-account-01 record is another one with another account."""
    server, ca = issuer_with(challenges=["dns-01", "dns-account-01"])
    authority(server, challenges=[challenge])
    restart(server)
    issued(server, key, "www.example.com")
    ca.forget()
    issued(server, key, "mail.example.com")
    assert "no certificate:" not in server.log(), "the order went out again, and nothing failed"
    assert show(server)["url"] == ca.accounts[-1].url


def test_an_authority_that_loses_the_account_with_its_orders(issuer_with, key):
    server, ca = issuer_with()
    gate = ca.stall("challenge")
    hosts = [f"host{i}.example.com" for i in range(5)]
    requests = {host: upload(server, key, host) for host in hosts}
    gate.wait_arrived(len(hosts))
    ca.forget()
    gate.release()
    for host, request in requests.items():
        wait_for(lambda h=host, r=request: Published(server, h).certificate(r), "another order goes through", PATIENT)
        wait_for(lambda h=host: not client.look(server, f"_acme-challenge.{h}", "TXT"), "both challenges are removed")
    assert "no certificate:" not in server.log(), "and nothing failed"
    assert ca.count("newAccount") == 2, "they all made one new account"


def test_terms_that_have_changed(issuer_with, key):
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    ca.script("newOrder", problem("userActionRequired", "The terms have changed", 403, instance="https://ca.example/agree?id=7",
                                  headers=[("Link", '<https://ca.example/terms/2>;rel="terms-of-service"')]))
    upload(server, key, "mail.example.com")
    words = wait_for(lambda: problem_of(server, "mail.example.com"), "it is told")
    assert "https://ca.example/agree?id=7" in words and "https://ca.example/terms/2" in words


@pytest.mark.parametrize("step, words", [
    (problem("serverInternal", "no disk", 500), "no disk"),
    (problem("rateLimited", "too many accounts", 429, headers=[("Retry-After", "4000")]), "too many accounts"),
    (problem("unauthorized", "key is on a list", 403), "key is on a list"),
], ids=["internal", "limit", "unauthorized"])
def test_no_account_to_be_had(issuer_with, key, step, words):
    server, ca = issuer_with()
    ca.always("newAccount", step)
    upload(server, key, "www.example.com")
    row = wait_for(lambda: [c for c in server.certs("www.example.com") if c["problem"]], "it is told")[0]
    assert "the CA gives no account" in row["problem"] and words in row["problem"]
    assert words in show(server)["problem"]
    if words == "too many accounts":
        return                                          # until that time is over nothing is asked
    ca.honest()
    server.ctl("renew", "www.example.com")
    wait_for(lambda: Published(server, "www.example.com").leaves, "it is had later")
    assert not show(server)["problem"]


@pytest.mark.parametrize("endpoint", ["directory", "newNonce", "newAccount"])
def test_retry_after_is_obeyed(issuer_with, key, endpoint):
    server, ca = issuer_with()
    ca.always(endpoint, Reply(503, headers=[("Retry-After", "7000")]))
    upload(server, key, "www.example.com")
    row = wait_for(lambda: [c for c in server.certs("www.example.com") if c["problem"]], "it is told")[0]
    at = datetime.datetime.fromisoformat(row["next"].replace("Z", "+00:00"))
    assert 6900 < (at - datetime.datetime.now(datetime.timezone.utc)).total_seconds() < 7200 + 7000 / 4


def test_a_directory_that_has_moved(issuer_with, key):
    """newOrder is at another URL since: the directory is read again."""
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    ca.script("newOrder", problem("malformed", "there is nothing", 404))
    request = upload(server, key, "mail.example.com")
    wait_for(lambda: problem_of(server, "mail.example.com"), "it is told")
    assert ca.count("directory") == 1
    server.ctl("renew", "mail.example.com")
    wait_for(lambda: Published(server, "mail.example.com").certificate(request), "the next one goes through", PATIENT)
    assert ca.count("directory") == 2


def test_an_algorithm_that_is_not_taken(issuer_with, key):
    server, ca = issuer_with(algorithms=["RS256"])
    upload(server, key, "www.example.com")
    words = wait_for(lambda: problem_of(server, "www.example.com"), "it is told")
    assert "badSignatureAlgorithm" in words and "RS256" in words


# ---- another key ----

def test_rollover(issuer_with, key):
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    before, path = show(server), key_file(server)
    octets = open(path, "rb").read()
    server.ctl("account", "rollover")
    after = show(server)
    assert after["url"] == before["url"] and after["thumbprint"] != before["thumbprint"] and not after["key-changing"]
    assert ca.accounts[0].key.thumbprint == after["thumbprint"]
    assert open(path, "rb").read() != octets and os.stat(path).st_mode & 0o777 == 0o600
    assert not os.path.exists(path + ".next")
    issued(server, key, "mail.example.com")
    restart(server)
    assert show(server)["thumbprint"] == after["thumbprint"]
    issued(server, key, "www.example.com")
    assert len(ca.accounts) == 1 and ca.count("newAccount") == 1


def test_rollover_to_another_kind(issuer_with, key):
    server, ca = issuer_with(algorithms=["ES256", "ES384"])
    issued(server, key, "www.example.com")
    authority(server, **{"key-type": "es384"})
    restart(server)
    assert show(server)["key"] == "es256", "a key that is there stays"
    server.ctl("account", "rollover", "127.0.0.1")
    assert show(server)["key"] == "es384"
    issued(server, key, "mail.example.com")


def test_rollover_waits_for_orders(issuer_with, key):
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    gate = ca.stall("challenge")
    request = upload(server, key, "mail.example.com")
    gate.wait_arrived()
    assert show(server)["orders"] == 1
    rollover = Rollover(server)
    stays(lambda: ca.count("keyChange") == 0, "the key is not changed under an order", 1)
    gate.release()
    wait_for(lambda: Published(server, "mail.example.com").certificate(request), "the order goes through", PATIENT)
    assert rollover.wait(PATIENT) == 0
    assert ca.count("keyChange") == 1


def test_a_server_that_stops_while_a_rollover_waits(issuer_with, key):
    server, ca = issuer_with()
    gate = ca.stall("challenge")
    upload(server, key, "www.example.com")
    gate.wait_arrived()
    rollover = Rollover(server)
    server.wait_log("the account is to be changed; orders that rest on it: 1")
    server.stop()
    assert rollover.wait(PATIENT) == 1
    gate.release()
    assert ca.count("keyChange") == 0


def test_a_rollover_that_the_authority_refuses(issuer_with, key):
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    before = show(server)
    ca.script("keyChange", problem("malformed", "not today", 400))
    refused = server.ctl_text("account", "rollover", check=False)
    assert refused.returncode == 1 and "not today" in refused.stderr
    assert show(server) == before and not os.path.exists(before["key-file"] + ".next")
    issued(server, key, "mail.example.com")


def test_a_state_from_before_a_rollover(issuer_with, key, tmp_path):
    """The account has a key that was lost with the newer state: another one is made."""
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    server.stop()
    shutil.copytree(server.state, tmp_path / "copy", symlinks=True)
    server.start("example.com")
    server.ctl("account", "rollover")
    server.stop()
    shutil.rmtree(server.state)
    shutil.copytree(tmp_path / "copy", server.state, symlinks=True)
    server.start("example.com")
    request = upload(server, key, "mail.example.com")
    wait_for(lambda: problem_of(server, "mail.example.com"), "the authority refuses the old key")
    ca.complaints.clear()                               # of the signature
    server.ctl("renew", "mail.example.com")
    wait_for(lambda: Published(server, "mail.example.com").certificate(request), "another account will do", PATIENT)
    assert len(ca.accounts) == 2


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
def test_a_crash_within_a_rollover(issuer_with, key, done):
    """It is killed when the authority has the new key and has not said so; or when it has never heard of it."""
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    old, path = show(server)["thumbprint"], key_file(server)
    ca.script("keyChange", sent(silent) if done else Reply(wire=silent))
    rollover = Rollover(server)
    wait_for(lambda: ca.count("keyChange") == 1, "the authority hears of it")
    assert os.path.exists(path + ".next"), "the new key is on disk before the authority hears of it"
    server.kill9()
    rollover.wait(PATIENT)
    server.start("example.com")
    issued(server, key, "mail.example.com")
    assert (show(server)["thumbprint"] != old) is done
    assert ca.accounts[0].key.thumbprint == show(server)["thumbprint"] and len(ca.accounts) == 1
    assert not os.path.exists(path + ".next")


# ---- the end of an account ----

def test_deactivation(issuer_with, key):
    server, ca = issuer_with()
    issued(server, key, "www.example.com")
    path = key_file(server)
    for arguments in (["deactivate", "127.0.0.1"], ["deactivate", "--yes"]):
        assert server.ctl_text("account", *arguments, check=False).returncode == 2
    unknown = server.ctl_text("account", "deactivate", "elsewhere", "--yes", check=False)
    assert unknown.returncode == 1 and "there is no authority elsewhere; there is 127.0.0.1" in unknown.stderr
    assert ca.accounts[0].status == "valid"
    server.ctl("account", "deactivate", "127.0.0.1", "--yes")
    assert ca.accounts[0].status == "deactivated" and show(server)["status"] == "deactivated"
    upload(server, key, "mail.example.com")
    wait_for(lambda: "is deactivated" in (problem_of(server, "mail.example.com") or ""),
             "it says why nothing is ordered")
    requests = len(ca.requests)
    restart(server)
    wait_for(lambda: "is deactivated" in (problem_of(server, "mail.example.com") or ""), "also after a restart")
    assert path in problem_of(server, "mail.example.com"), "and what to do about it"
    assert len(ca.requests) == requests
    again = server.ctl_text("account", "deactivate", "127.0.0.1", "--yes", check=False)
    assert again.returncode == 1 and "deactivated" in again.stderr
    os.unlink(path)
    restart(server)
    issued(server, key, "mail.example.com")
    assert len(ca.accounts) == 2


def test_without_an_account(issuer_with):
    server, ca = issuer_with()
    assert show(server)["status"] == "unknown" and show(server)["url"] is None
    for arguments in (["rollover"], ["deactivate", "127.0.0.1", "--yes"]):
        done = server.ctl_text("account", *arguments, check=False)
        assert done.returncode == 1 and "no account for this key" in done.stderr
    assert not ca.accounts


def test_two_authorities_that_share_an_account(certnsd, repo, fakeca_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme({"authorities": [{"name": name, "directory": ca.directory_url, "ca-certificates": ca.ca_path,
                                      "terms-agreed": True} for name in ("one", "two")]})
    server.write_config()
    server.start("example.com")
    done = server.ctl_text("account", "deactivate", "two", "--yes", check=False)
    assert done.returncode == 1 and "two and one share this account" in done.stderr


def test_without_an_authority(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    for arguments in (["account", "show"], ["account", "rollover"], ["revoke", "www.example.com"]):
        done = server.ctl_text(*arguments, check=False)
        assert done.returncode == 1 and "no ACME authority is configured" in done.stderr


@pytest.mark.long
def test_an_authority_without_an_account_is_passed_over(certnsd, repo, key, fakeca_for):
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    first, second = fakeca_for(server, eab={"customer-1": SECRET}), fakeca_for(server)
    server.use_acme({"authorities": [{"name": name, "directory": ca.directory_url, "ca-certificates": ca.ca_path,
                                      "terms-agreed": True, "failover-after": "1m"}
                                     for name, ca in (("first", first), ("second", second))]})
    server.write_config()
    server.start("example.com")
    request = upload(server, key, "www.example.com")
    wait_for(lambda: "\"eab:\"" in (problem_of(server, "www.example.com") or ""), "it says what is needed")
    wait_for(lambda: Published(server, "www.example.com").certificate(request), "the other one serves", 240)
    assert not first.accounts

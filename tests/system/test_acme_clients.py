"""The other way round: other ACME clients use certns as their DNS backend, by RFC 2136 updates."""

import os

import pytest
from cryptography import x509

from lib import certs, client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.process import run
from lib.zones import zone

pytestmark = pytest.mark.once


@pytest.fixture
def backend(certnsd, tmp_path, pebble_for):
    """make(key): a server that knows the key, with a Pebble that asks it."""
    def make(key):
        repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": key.dnskey()})
        server = certnsd(git=repo).start("example.com")
        server.repo = repo
        server.pebble = pebble_for(server)
        return server

    return make


def read(path):
    with open(path, "rb") as f:
        return x509.load_pem_x509_certificate(f.read())  # the first


def check_traces(server, *names):
    for name in names:
        assert client.look(server, f"_acme-challenge.{name}", "TXT") == [], "the client has cleaned up"
    assert "_acme-challenge" not in server.repo.read("example.com")


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha512"])
def test_lego(backend, tmp_path, algorithm):
    key = Key("lego._update.example.com", algorithm)
    server = backend(key)
    run(["lego", "--accept-tos", "--email", "hostmaster@example.com", "--server", server.pebble.directory_url,
         "--path", tmp_path / "lego", "--dns", "rfc2136", "--dns.disable-cp",
         "--domains", "www.example.com", "--domains", "*.example.com", "run"],
        env={**os.environ, "LEGO_CA_CERTIFICATES": server.pebble.ca_path,
             "RFC2136_NAMESERVER": f"127.0.0.1:{server.port}", "RFC2136_TSIG_ALGORITHM": f"{algorithm}.",
             "RFC2136_TSIG_KEY": key.name, "RFC2136_TSIG_SECRET": key.secret,
             "RFC2136_PROPAGATION_TIMEOUT": "20", "RFC2136_POLLING_INTERVAL": "1",
             "RFC2136_SEQUENCE_INTERVAL": "1"})
    issued = read(tmp_path / "lego" / "certificates" / "www.example.com.crt")
    assert certs.names_of(issued) == ["*.example.com", "www.example.com"]
    check_traces(server, "www.example.com", "example.com")


def certbot(arguments, env, log_path):
    """certbot asks only once more after a refused nonce, and Pebble refuses one in twenty: two in a row are no
    fault of ours, and anything else is."""
    for _ in range(5):
        done = run(["certbot", *arguments], check=False, env=env)
        if done.returncode == 0:
            return
        with open(log_path, encoding="utf-8") as log:
            text = log.read()
        assert text.count("acme.messages.Error: urn:ietf:params:acme:error:badNonce") >= 1, done.stdout + done.stderr
    raise AssertionError("certbot had two nonces refused in a row, five times")


@pytest.mark.parametrize("algorithm", ["hmac-md5", "hmac-sha512"])
def test_certbot(backend, tmp_path, algorithm):
    """certbot's default algorithm is hmac-md5: it works, with a warning."""
    key = Key("certbot._update.example.com", algorithm)
    server = backend(key)
    credentials = tmp_path / "credentials.ini"
    lines = ["dns_rfc2136_server = 127.0.0.1", f"dns_rfc2136_port = {server.port}", f"dns_rfc2136_name = {key.name}",
             f"dns_rfc2136_secret = {key.secret}"]
    if algorithm != "hmac-md5":
        lines.append(f"dns_rfc2136_algorithm = {algorithm.upper()}")
    credentials.write_text("\n".join(lines) + "\n")
    credentials.chmod(0o600)
    directory = tmp_path / "certbot"
    certbot(["certonly", "--non-interactive", "--agree-tos", "--email", "hostmaster@example.com",
         "--server", server.pebble.directory_url, "--config-dir", directory, "--work-dir", directory / "work",
         "--logs-dir", directory / "logs", "--dns-rfc2136", "--dns-rfc2136-credentials", credentials,
         "--dns-rfc2136-propagation-seconds", "1", "-d", "www.example.com", "-d", "example.com", "-d", "*.example.com"],
        {**os.environ, "REQUESTS_CA_BUNDLE": server.pebble.ca_path}, directory / "logs" / "letsencrypt.log")
    issued = read(directory / "live" / "www.example.com" / "cert.pem")
    assert certs.names_of(issued) == ["*.example.com", "example.com", "www.example.com"]
    check_traces(server, "www.example.com", "example.com")
    if algorithm == "hmac-md5":
        server.wait_log(r"warning: .*md5")

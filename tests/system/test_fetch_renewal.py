"""certns-fetch --renew with a certificate that is near its end; and servers that are none."""

import datetime
import os
import socket
import struct
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lib import certs, client, fetch
from lib.certs import Published, Request
from lib.fetch import Fetch
from lib.ports import free_port
from lib.process import run

HOST = "www.example.com"
PEM = serialization.Encoding.PEM


@pytest.fixture
def issuer(certnsd, repo, pebble_for):
    """The authority does not run yet."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server, start=False)
    server.use_acme(server.pebble)
    server.write_config()
    return server.start("example.com")


@pytest.fixture
def service(tmp_path, issuer, key):
    return Fetch(tmp_path / "service", issuer, key)


class Old:
    """A certificate of another authority, of which the tenth part is left, in place and at the server."""

    def __init__(self, service, key, left=0.1):
        self.request = Request([HOST])
        authority, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.utcnow()
        days = datetime.timedelta(days=90)
        self.certificate = (
            x509.CertificateBuilder().serial_number(x509.random_serial_number()).public_key(self.request.key.public_key())
            .subject_name(x509.Name([])).issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old CA")]))
            .not_valid_before(now - days * (1 - left)).not_valid_after(now + days * left)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=True).sign(authority, hashes.SHA256()))
        version = os.path.join(service.place().path, "versions", "20200101T000000Z")
        os.makedirs(version)
        pem = self.certificate.public_bytes(PEM)
        secret = self.request.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for name, text in ("key.pem", secret), ("certificate.pem", pem), ("fullchain.pem", pem), ("chain.pem", b""), (
                "combined.pem", secret + pem), ("request.pem", b""):
            with open(os.open(os.path.join(version, name), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
                f.write(text)
        os.symlink("versions/20200101T000000Z", service.place().current)
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        client.nsupdate(service.server, key, f"update add {certs.owner(HOST)}. 3600 TLSA 3 0 0 {der.hex()}\n"
                        + certs.upload_script(HOST, self.request).split("\n", 1)[1])


def test_near_its_end(service, issuer, key):
    """It waits, says what the server says, and leaves all as it is; the next run has more luck."""
    old = Old(service, key)
    service.wait_problem()
    done = service.run("--renew", "-w", "1", HOST, expect=fetch.CA)
    assert "the server says" in done.stderr and "untouched" in done.stderr
    assert service.place().certificate() == old.certificate
    assert Published(issuer, HOST).csrs == [old.request.der], "the CSR that is there will do"
    assert "would wait" in service.run("--dry-run", "--renew", HOST).stdout
    issuer.pebble.start()
    issuer.ctl("renew", HOST)
    service.run("--renew", HOST)
    place = service.place()
    assert old.request.matches(place.check([HOST], issuer.pebble.root_pem())), "the same key"


def test_not_near_its_end(service, issuer, key):
    """A third is left: that is the server's business yet."""
    old = Old(service, key, left=0.32)
    assert service.json("--renew", HOST)[0]["result"] == "unchanged"
    assert service.place().certificate() == old.certificate


def test_a_new_key_when_it_is_time(service, issuer, key):
    with open(service.config(), "w", encoding="utf-8") as f:
        f.write(f"hosts:\n  - name: {HOST}\n    new-key: yes\n")
    old = Old(service, key, left=0.38)
    issuer.pebble.start()
    found = service.json("--renew")[0]
    assert found["result"] == "installed" and found["new-key"]
    certificate = service.place().check([HOST], issuer.pebble.root_pem())
    assert not old.request.matches(certificate)
    assert [service.json(*arguments)[0]["result"] for arguments in (["--renew"], [])] == ["unchanged"] * 2, "and only then"


def test_an_expired_one_is_replaced(service, issuer, key):
    Old(service, key, left=-0.1)
    issuer.pebble.start()
    issuer.ctl("renew", HOST)
    service.run("--renew", HOST)
    service.place().check([HOST], issuer.pebble.root_pem())


# Servers that are none.

def reply(query, flags=0x8400, question=None, records=b"", counts=(1, 0, 0, 0)):
    body = query[12:12 + query[12:].index(b"\0") + 5] if question is None else question
    return query[:2] + struct.pack("!H", flags) + struct.pack("!HHHH", *counts) + body + records


ODD = {
    "closes": (lambda query: None, "closes the connection"),
    "nothing in it": (lambda query: b"", "no answer to our request"),
    "a header cut short": (lambda query: query[:7], "no answer to our request"),
    "another ID": (lambda query: bytes([query[0] ^ 1]) + reply(query)[1:], "no answer to our request"),
    "the question again": (lambda query: query, "no answer to our request"),
    "another question": (lambda query: reply(query, question=b"\1x\0\0\6\0\1"), "another question"),
    "no question": (lambda query: reply(query, question=b"", counts=(0, 0, 0, 0)), "another question"),
    "SERVFAIL": (lambda query: reply(query, flags=0x8402), "SERVFAIL"),
    "REFUSED": (lambda query: reply(query, flags=0x8405), "REFUSED"),
    "no SOA": (lambda query: reply(query), "has no zone"),
    "records that are not there": (lambda query: reply(query, counts=(1, 9, 9, 9)), "has no zone"),
    "a name that points to itself": (lambda query: reply(query, records=b"\xc0\x21" + bytes(10), counts=(1, 1, 0, 0)),
                                     "has no zone"),
}


class OddServer:
    """Answers each connection once, with what make() makes of the query."""

    address = "127.0.0.1"

    def __init__(self, make):
        self.make = make
        self.socket = socket.create_server((self.address, 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                n = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))[0]
                answer = self.make(connection.recv(n, socket.MSG_WAITALL))
                if answer is not None:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    def close(self):
        self.socket.close()


@pytest.mark.parametrize("what", ODD, ids=lambda value: value.replace(" ", "-"))
def test_odd_servers(tmp_path, key, what):
    make, words = ODD[what]
    server = OddServer(make)
    service = Fetch(tmp_path / "service", server, key)
    done = run(service.arguments(HOST), check=False)
    assert done.returncode in (fetch.NETWORK, fetch.REFUSED) and words in done.stderr, (done.returncode, done.stderr)
    assert f"127.0.0.1@{server.port}" in done.stderr and service.place().version() is None
    server.close()


@pytest.mark.long
def test_a_silent_server(tmp_path, key):
    """It is waited for once, and not once for each host."""
    server = OddServer(lambda query: time.sleep(60))
    service = Fetch(tmp_path / "service", server, key)
    start = time.monotonic()
    found = service.json(*(f"h{i}.example.com" for i in range(8)), expect=fetch.NETWORK)
    assert {one["status"] for one in found} == {fetch.NETWORK} and time.monotonic() - start < 15
    assert "does not answer" in found[0]["problem"] and "does not answer" in found[7]["problem"]


@pytest.mark.once
def test_no_resolver(tmp_path, key):
    service = Fetch(tmp_path / "service", OddServer(lambda query: None), key)
    arguments = service.arguments("--resolver", f"127.0.0.1@{free_port()}", HOST)
    at = arguments.index("-s")
    done = run(arguments[:at] + arguments[at + 2:], check=False)
    assert done.returncode == fetch.NETWORK and "--server" in done.stderr

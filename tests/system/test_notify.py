"""Secondaries hear of every change (RFC 1996), and follow it."""

import socket
import struct
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rdatatype
import pytest

from lib import certs, client
from lib.keys import Key
from lib.ports import free_port
from lib.wait import wait_for
from lib.zones import zone

TRANSFER = Key("secondary._transfer.example.com")
SO_TIMESTAMPNS = 35              # socket(7); Python has no name for it


class FakeSecondary:
    """Notes each NOTIFY, and answers those that answer() says yes to."""

    def __init__(self, address="127.0.0.1", port=None, keyring=None):
        self.address, self.port = address, port or free_port()
        self.keyring = keyring
        self.heard, self.when = [], []
        self.silent = False
        self.rcode = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((self.address, self.port))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                wire, ancillary, _, peer = self.socket.recvmsg(65535, 100)
            except OSError:
                return
            if not wire:
                return
            # When it came, not when we got to read it.
            self.when.append(next(s + ns / 1e9 for level, kind, octets in ancillary
                                  if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS)
                                  for s, ns in [struct.unpack("ll", octets)]))
            try:
                message = dns.message.from_wire(wire, keyring=self.keyring)
            except dns.exception.DNSException as error:
                self.heard.append(error)
                continue
            self.heard.append(message)
            if not self.silent:
                response = dns.message.make_response(message)
                response.set_rcode(self.rcode)
                self.socket.sendto(response.to_wire(), peer)

    def serials(self):
        return [m.answer[0][0].serial for m in self.heard if isinstance(m, dns.message.Message) and m.answer]

    def close(self):
        self.socket.sendto(b"", (self.address, self.port))
        self.thread.join()
        self.socket.close()


@pytest.fixture
def secondary():
    one = FakeSecondary()
    yield one
    one.close()


def test_a_notify_follows_each_change(certnsd, repo, key, secondary):
    server = certnsd(git=repo)
    server.zone_entry("example.com", notify=[f"{secondary.address}@{secondary.port}"])
    server.start("example.com")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    wait_for(lambda: 2 in secondary.serials(), "a NOTIFY after an update")
    message = [m for m in secondary.heard if m.answer and m.answer[0][0].serial == 2][-1]
    assert message.opcode() == dns.opcode.NOTIFY and message.flags & dns.flags.AA
    assert message.question[0].name.to_text() == "example.com."
    assert message.question[0].rdtype == dns.rdatatype.SOA
    repo.edit("example.com", lambda t: t + "more A 192.0.2.2\n")
    server.pull()
    wait_for(lambda: client.serial(server, "example.com") in secondary.serials(), "and one after a pull")


def test_a_silent_secondary_is_told_again(certnsd, repo, key, secondary):
    secondary.silent = True
    server = certnsd(git=repo)
    server.zone_entry("example.com", notify=[f"{secondary.address}@{secondary.port}"])
    server.start("example.com")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    wait_for(lambda: secondary.serials().count(2) >= 2, "a second try")
    secondary.silent = False
    wait_for(lambda: secondary.serials().count(2) >= 3, "a third")
    known = len(secondary.heard)
    client.nsupdate(server, key, "update add new2.example.com 300 A 192.0.2.1\nsend\n")
    wait_for(lambda: 3 in secondary.serials(), "the next change")
    assert len(secondary.heard) <= known + 2, "what was answered is not sent again"


def test_an_answer_with_an_rcode_is_logged(certnsd, repo, key, secondary):
    secondary.rcode = 5
    server = certnsd(git=repo)
    server.zone_entry("example.com", notify=[f"{secondary.address}@{secondary.port}"])
    server.start("example.com")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    server.wait_log(r"warning: NOTIFY of example\.com.*REFUSED")


def test_bind_follows(certnsd, repo, key, named):
    """BIND as a secondary: transfers at the start, and again after each NOTIFY."""
    repo.edit("example.com._keys", lambda t: t + TRANSFER.dnskey())
    server = certnsd(git=repo)
    server.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"])
    server.start("example.com")
    named.key(TRANSFER)
    named.secondary("example.com", server, TRANSFER)
    named.start("example.com")
    for i in range(3):
        client.nsupdate(server, key, f"update add b{i}.example.com 300 A 192.0.2.{i}\nsend\n")
        wait_for(lambda i=i: client.look(named, f"b{i}.example.com", "A") == [f"192.0.2.{i}"],
                 "the change is at the secondary", timeout=10)
    repo.edit("example.com", lambda t: t + "more A 192.0.2.77\n")
    server.pull()
    wait_for(lambda: client.look(named, "more.example.com", "A") == ["192.0.2.77"], "a pulled change too", timeout=10)


def test_bind_follows_a_large_change(certnsd, repo, key, named):
    repo.edit("example.com._keys", lambda t: t + TRANSFER.dnskey())
    server = certnsd(git=repo)
    server.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"])
    server.start("example.com")
    named.key(TRANSFER)
    named.secondary("example.com", server, TRANSFER)
    named.start("example.com")
    extra = "".join(f"host{i}\tA\t10.0.{i // 256}.{i % 256}\n" for i in range(5000))
    repo.commit({"example.com": zone(serial=2, extra=extra)})
    server.pull()
    wait_for(lambda: client.look(named, "host4999.example.com", "A") == ["10.0.19.135"], "it is there", timeout=20)


# --- on a TCP connection that the secondary keeps open, as those of MirageOS do ---

class Listener:
    """Asks for an SOA over TCP, signed, and stays."""

    def __init__(self, server, key, zone_name):
        self.key = key
        self.socket = socket.create_connection((server.address, server.port), timeout=20)
        query = dns.message.make_query(zone_name, "SOA")
        query.use_tsig(key.dnspython())
        self.send(query)
        self.answer = self.receive(request_mac=query.mac)

    def send(self, message):
        wire = message.to_wire()
        self.socket.sendall(len(wire).to_bytes(2, "big") + wire)

    def receive(self, request_mac=b""):
        def read(n):
            data = b""
            while len(data) < n:
                more = self.socket.recv(n - len(data))
                assert more, "the connection was closed"
                data += more
            return data

        wire = read(int.from_bytes(read(2), "big"))
        return dns.message.from_wire(wire, keyring={self.key.dnspython().name: self.key.dnspython()},
                                     request_mac=request_mac)

    def notified(self, name):
        """The serial of the next NOTIFY, which is answered."""
        message = self.receive()
        assert message.opcode() == dns.opcode.NOTIFY and message.had_tsig
        assert message.question[0].name.to_text() == name
        response = dns.message.make_response(message)
        self.send(response)
        return message.answer[0][0].serial


@pytest.mark.parametrize("key_name, asked", [("secondary._transfer.example.com", "example.com"), ("secondary._transfer", ".")])
def test_notify_on_the_connection_that_asked(certnsd, repo, key, key_name, asked):
    listening = Key(key_name)
    repo.commit({"example.com._keys": key.dnskey(), "_keys": listening.dnskey()})
    server = certnsd(git=repo, server={"tcp-idle-timeout": 1}).start("example.com")
    listener = Listener(server, listening, asked)
    for serial in (2, 3):
        time.sleep(2)  # longer than an idle connection may stay
        client.nsupdate(server, key, f"update add n{serial}.example.com 300 A 192.0.2.1\nsend\n")
        assert listener.notified("example.com.") == serial
    listener.socket.close()
    client.nsupdate(server, key, "update add last.example.com 300 A 192.0.2.1\nsend\n")
    server.wait_serial("example.com", 4)


def test_who_may_not_transfer_gets_no_notify(certnsd, repo, key):
    listening = Key("x._notify.example.com")
    repo.commit({"example.com._keys": key.dnskey() + listening.dnskey()})
    server = certnsd(git=repo, server={"tcp-idle-timeout": 1}).start("example.com")
    listener = Listener(server, listening, "example.com")
    with pytest.raises(AssertionError):
        listener.receive()


def first(secondary, wanted):
    """When the first message came that is wanted; None: none came."""
    return next((t for t, m in zip(secondary.when, secondary.heard) if isinstance(m, dns.message.Message)
                 and wanted(m)), None)


@pytest.mark.parametrize("silent", [True, False])
def test_who_has_not_confirmed_is_asked_for_challenges_later(certnsd, repo, key, pebble_for, secondary, silent):
    secondary.silent = silent
    server = certnsd(git=repo)
    server.zone_entry("example.com", notify=[f"{secondary.address}@{secondary.port}"],
                      **{"check-servers": [f"{secondary.address}@{secondary.port}"]})
    server.use_acme(pebble_for(server))
    server.write_config()
    server.start("example.com")
    wait_for(lambda: 1 in secondary.serials(), "the NOTIFY of the start")
    client.nsupdate(server, key, certs.upload_script("www.example.com", certs.Request(["www.example.com"])))
    asked = wait_for(lambda: first(secondary, lambda m: m.question[0].rdtype == dns.rdatatype.TXT),
                     "the secondary is asked")
    told = first(secondary, lambda m: m.opcode() == dns.opcode.NOTIFY and m.answer and m.answer[0][0].serial >= 3)
    assert told is not None and told <= asked
    assert not silent or asked - told > 0.5

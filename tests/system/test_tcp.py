"""TCP (RFC 7766): many connections, slow ones, and large answers beside small ones."""

import errno
import random
import re
import resource
import socket
import struct
import time

import dns.message
import dns.rcode
import pytest

from lib import client
from lib.certnsd import SANITIZED
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import PATIENCE, wait_for
from lib.zones import big_txt, zone

QUERY = dns.message.make_query("www.example.com", "A").to_wire()
FRAME = struct.pack("!H", len(QUERY)) + QUERY
RECORDS = 20000
KEYS = [Key("client._update.example.com"), Key("second._transfer")]


@pytest.fixture
def start(certnsd, tmp_path):
    """start(option=value, ...): a server with these options, and example.com."""
    many = "".join(f"host{i}\tTXT\t\"{'x' * 200}\"\n" for i in range(RECORDS))
    repo = GitRepo(tmp_path / "git", {
        "example.com": zone(extra=big_txt(200)), "large.example": zone("large.example", extra=many),
        "example.com._keys": KEYS[0].dnskey(), "_keys": KEYS[1].dnskey()})

    def make(**options):
        server = certnsd(git=repo, server={k.replace("_", "-"): v for k, v in options.items()})
        server.start("example.com", "large.example")
        server.wait_log("2 keys")
        return server

    return make


@pytest.fixture
def files():
    """As many open files as there may be."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def metric(server, name):
    return int(re.search(rf"^{name} (\d+)", server.ctl_text("metrics").stdout, re.M)[1])


def connect(server, source="127.0.0.1", wait=True, buffer=None):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IP, 24, 1)              # IP_BIND_ADDRESS_NO_PORT
    if buffer is not None:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.bind((source, 0))
    s.settimeout(20 * PATIENCE)
    s.connect((server.address, server.port))
    s.setblocking(wait)
    s.settimeout(20 * PATIENCE if wait else 0)
    return s


def receive(s):
    return client.read(s, struct.unpack("!H", client.read(s, 2))[0])


def is_open(s):
    s.setblocking(False)
    try:
        return s.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def ask_by_udp(server, n):
    """So many questions, one after the other, none of them twice."""
    slowest = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20 * PATIENCE)
        s.connect((server.address, server.port))
        for i in range(n):
            begin = time.monotonic()
            query = struct.pack("!H", i) + QUERY[2:]
            s.send(query)
            assert s.recv(4096)[:2] == query[:2]
            slowest = max(slowest, time.monotonic() - begin)
    return slowest


def test_ten_thousand_connections(start, files):
    """Idle ones, and ones whose queries come an octet at a time."""
    n = min(3000 if SANITIZED else 10000, files - 1000)
    server = start(tcp_connections=n, tcp_connections_per_address=0, tcp_idle_timeout="10m")
    clients = []
    try:
        for i in range(n):
            clients.append(connect(server, f"127.{1 + i % 200}.{i // 200 % 250}.{1 + i % 250}", wait=False))
        wait_for(lambda: metric(server, "certns_tcp_connections") == n, f"{n} connections are open")
        assert metric(server, "certns_tcp_connections_shed_total") == 0
        slow = random.Random(1).sample(clients, n // 3)
        for at in range(5):
            for s in slow:
                s.send(FRAME[at:at + 1])
            ask_by_udp(server, 200)
        assert client.rcode(client.ask(server, "www.example.com", "A", tcp=True)) == "NOERROR"
        for s in slow:
            s.send(FRAME[5:])
        for s in slow:
            s.settimeout(20 * PATIENCE)
            assert receive(s)[:2] == QUERY[:2]
        ask_by_udp(server, 200)
        assert all(is_open(s) for s in random.Random(2).sample(clients, 500)), "nobody was hung up on"
        assert metric(server, "certns_tcp_connections_shed_total") == 0
    finally:
        for s in clients:
            s.close()
    wait_for(lambda: metric(server, "certns_tcp_connections") == 0, "all are gone")


def test_the_idlest_make_room(start, files):
    """More connections than there may be: those that asked last stay."""
    server = start(workers=1, tcp_connections=200, tcp_connections_per_address=0)
    kept = [connect(server, f"127.0.1.{i + 1}") for i in range(100)]
    idle = []
    for i in range(500):
        idle.append(connect(server, f"127.0.2.{i % 250 + 1}"))
        if i % 50 == 0:
            for s in kept:
                s.sendall(FRAME)
                receive(s)
    wait_for(lambda: sum(is_open(s) for s in idle) <= 101, "the idle ones had to go")
    assert all(is_open(s) for s in kept)
    for s in kept + idle:
        s.close()


def test_who_does_not_read_holds_up_nobody(start):
    """Transfers and large answers that are not read, on the only worker."""
    server = start(workers=1)
    stalled = []
    for i in range(10):
        s = connect(server, buffer=4096)
        transfer = dns.message.make_query("large.example", "AXFR")
        transfer.use_tsig(KEYS[1].dnspython())
        large = dns.message.make_query("big.example.com", "TXT").to_wire()
        for wire in [transfer.to_wire()] if i % 2 == 0 else [large] * 200:
            s.sendall(struct.pack("!H", len(wire)) + wire)
        stalled.append(s)
    ask_by_udp(server, 300)
    other = connect(server)
    for _ in range(50):
        other.sendall(FRAME)
        receive(other)
    other.sendall(struct.pack("!H", len(transfer.to_wire())) + transfer.to_wire())
    records = 0
    while records < RECORDS + 6:
        records += struct.unpack("!H", receive(other)[6:8])[0]
    assert records == RECORDS + 6, "the SOA twice, NS, and three addresses"
    for s in stalled + [other]:
        s.close()


def test_answers_come_as_they_are_ready(start):
    """RFC 7766, section 6.2.1.1: a query behind an update does not wait for it; each answer has its query's ID."""
    server = start(workers=1)
    frames = b""
    for i in range(40):
        if i % 4 == 0:
            message = client.new_update("example.com", KEYS[0])
            message.add(f"new{i}", 60, "A", "192.0.2.1")
        else:
            message = dns.message.make_query("www.example.com", "A")
        message.id = 1000 + i
        wire = message.to_wire()
        frames += struct.pack("!H", len(wire)) + wire
    s = connect(server)
    s.sendall(frames)
    ids = [struct.unpack("!H", receive(s)[:2])[0] for _ in range(40)]
    assert sorted(ids) == list(range(1000, 1040))
    assert ids.index(1001) < ids.index(1000), "the query was answered before the update was durable"
    s.close()


def test_half_closed(start):
    """All that was asked is answered, though the client says nothing more; then the connection ends."""
    server = start(workers=1)
    s = connect(server)
    s.sendall(FRAME * 100)
    s.shutdown(socket.SHUT_WR)
    for _ in range(100):
        assert receive(s)[:2] == QUERY[:2]
    assert s.recv(1) == b""
    s.close()


def test_broken_streams(start):
    """What is no request ends the connection; a length without its message only waits."""
    server = start(workers=1)
    for octets in b"\0\0", b"\0\3abc", b"GET / HTTP/1.1\r\n\r\n", b"\0\x0c" + b"\xff" * 12:
        s = connect(server)
        s.sendall(FRAME + octets)
        assert receive(s)[:2] == QUERY[:2]
        s.shutdown(socket.SHUT_WR)
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass
        s.close()
    ask_by_udp(server, 10)


def test_fast_open(start):
    """The query may come with the SYN, where the system lets it."""
    server = start(workers=1)
    for _ in range(3):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
            try:
                s.sendto(FRAME, socket.MSG_FASTOPEN, (server.address, server.port))
            except OSError as error:                    # clients are not allowed to, on this system
                assert error.errno == errno.EOPNOTSUPP
                s.connect((server.address, server.port))
                s.sendall(FRAME)
            assert receive(s)[:2] == QUERY[:2]


def test_transfers_at_a_time(start):
    server = start(workers=1, transfers_out=2)
    transfer = dns.message.make_query("large.example", "AXFR", use_edns=0)
    transfer.use_tsig(KEYS[1].dnspython())
    wire = transfer.to_wire()
    stalled = []
    for _ in range(2):
        s = connect(server, buffer=4096)
        s.sendall(struct.pack("!H", len(wire)) + wire)
        stalled.append(s)
        receive(s)
    s = connect(server)
    s.sendall(struct.pack("!H", len(wire)) + wire)
    response = dns.message.from_wire(receive(s), keyring=KEYS[1].dnspython(), request_mac=transfer.mac)
    assert response.rcode() == dns.rcode.SERVFAIL
    assert [(o.code, o.text) for o in response.options] == [(14, "too many transfers are running")]
    server.wait_log("not now: 2 transfers run")
    stalled[0].close()

    def works():
        again = connect(server)
        again.sendall(struct.pack("!H", len(wire)) + wire)
        found = receive(again)[3] & 15 == 0
        again.close()
        return found

    wait_for(works, "there is room again")
    for one in stalled[1:] + [s]:
        one.close()

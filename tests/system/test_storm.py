"""Packet storms: random octets, and queries, updates, NOTIFYs and signatures with something wrong in them.  Afterwards the
server answers as before, with the memory that it had before."""

import os
import re
import socket
import struct

import dns.message
import dns.rdatatype
import pytest

from lib import client
from lib.certnsd import SANITIZED, program
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.process import run
from lib.wait import PATIENCE, wait_for
from lib.zones import RICH, big_txt, sign, zone

PACKETS = 1000000 if os.environ.get("CERTNS_LONG") == "yes" else 8000 if SANITIZED else 100000
RATE = 4000 if SANITIZED else 40000
# What allocators and the database may still take after the first storm; digests of signed updates are kept for a while.
GROWTH_KB = 2048 + PACKETS // 500
KEY = Key("storm._update.scratch.example")
LABELS = ["", "www", "alias", "chain", "loop1", "x.wild", "*.wild", "deep", "host.old", "old", "sub", "x.sub", "mail",
          "_sip._tcp", "many", "big", "nothing"]
ORIGINS = ["example.com", "signed.example", "example.org"]


def names():
    return [f"{label}.{origin}".lstrip(".") for origin in ORIGINS for label in LABELS]


def answers(server):
    """What the server says to many questions, octet by octet."""
    said = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET) as tcp:
        for s in udp, tcp:
            s.settimeout(20 * PATIENCE)
            s.connect((server.address, server.port))
        for name in names():
            for rdtype in "A", "TXT", "MX", "SOA", "DS", "ANY":
                for kwargs in {}, {"use_edns": 0, "payload": 1232}, {"want_dnssec": True}:
                    query = dns.message.make_query(name, rdtype, **kwargs)
                    query.id = 4711
                    wire = query.to_wire()
                    udp.send(wire)
                    said[name, rdtype, str(kwargs), "UDP"] = udp.recv(65535)
            tcp.sendall(struct.pack("!H", len(wire)) + wire)
            length, = struct.unpack("!H", tcp.recv(2, socket.MSG_WAITALL))
            said[name, "TCP"] = tcp.recv(length, socket.MSG_WAITALL)
    return said


def memory_kb(server):
    """What the process has for itself."""
    with open(f"/proc/{server.pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Private_Dirty: +(\d+) kB", f.read(), re.M)[1])


def received(server):
    text = server.ctl_text("metrics").stdout
    return sum(int(n) for n in re.findall(r"^certns_queries_total\S* (\d+)", text, re.M))


def storm(server, n, seed, *options):
    """So many packets that arrived: what the sockets' buffers did not take does not count."""
    start = received(server)
    chunk = max(n // 4, 1000)
    for _ in range(40):
        run([program("tests/storm/storm"), "-n", chunk, "-s", seed, "-r", RATE, *options, server.port,
             "scratch.example",
             f"{KEY.name}:{KEY.algorithm}:{KEY.secret}", *names()], timeout=300 * PATIENCE)
        seed += 1
        server.check_running()
        if received(server) - start >= n:
            return
    raise AssertionError(f"of {n} packets the server saw {received(server) - start}")


def quiet(server):
    """All changes that came are made, and the connections are gone."""
    def done():
        text = server.ctl_text("metrics").stdout
        return re.search(r"^certns_tcp_connections (\d+)", text, re.M)[1] == "0"

    wait_for(done, "the connections of the storm are closed", 60)
    wait_for(lambda: client.ask(server, "scratch.example", "SOA"), "the zone of the updates answers")


@pytest.mark.first
def test_a_storm_passes(certnsd, tmp_path):
    signed = tmp_path / "signed"
    signed.mkdir()
    (signed / "zone").write_text(zone("signed.example", extra=RICH))
    repo = GitRepo(tmp_path / "git", {
        "example.com": zone(extra=RICH + big_txt()), "signed.example": sign(signed, "signed.example"),
        "scratch.example": zone("scratch.example"), "scratch.example._keys": KEY.dnskey()})
    server = certnsd(git=repo, server={"log-level": "error", "tcp-idle-timeout": "5s"}).start("example.com", "signed.example")
    before = answers(server)
    storm(server, PACKETS // 5, 1000)
    storm(server, PACKETS // 10, 2000, "-t", 100)
    quiet(server)
    first_kb = memory_kb(server)
    storm(server, PACKETS, 3000)
    storm(server, PACKETS // 5, 4000, "-t", 200)
    quiet(server)
    last_kb = memory_kb(server)
    after = answers(server)
    assert {key for key in before if before[key] != after[key]} == set()
    assert SANITIZED or last_kb < first_kb + GROWTH_KB, f"{first_kb} kB have become {last_kb} kB"

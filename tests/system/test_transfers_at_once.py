"""Transfers that stand still, while the zone goes on changing and others ask."""

import os
import re
import socket
import struct
import sys
import time

import dns.message
import dns.query
import pytest

from lib import client
from lib.keys import Key
from lib.process import Process
from lib.wait import PATIENCE, wait_for
from lib.zones import zone

ZONE = "example.com"
UPDATE = Key(f"client._update.{ZONE}")
UPDATES = 20000 if os.environ.get("CERTNS_LONG") == "yes" else 500


def own_kb(server):
    """What is its own alone: of what it shares with other servers its part grows when one of them ends."""
    with open(f"/proc/{server.pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", f.read(), re.M).group(1))


def standing_transfer(server):
    """An AXFR whose client reads one message and stops."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(30)
    s.connect((server.address, server.port))
    query = dns.message.make_query(ZONE, "AXFR")
    query.use_tsig(UPDATE.dnspython())
    wire = query.to_wire()
    s.sendall(struct.pack("!H", len(wire)) + wire)
    s.recv(2000)
    return s


def read_on(s, octets):
    """The client goes on reading, and gets so much at least."""
    while octets > 0:
        more = len(s.recv(1 << 16))
        assert more > 0, "the transfer was cut"
        octets -= more
    s.close()


def change(server, n):
    """n updates, each of an RRset of some 1,700 octets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((server.address, server.port))
        s.settimeout(10)
        for i in range(n):
            message = client.new_update(ZONE, UPDATE)
            message.replace(f"h{i % 50}", 300, "TXT", *[f'"{i} {k} {"y" * 200}"' for k in range(8)])
            s.send(message.to_wire())
            if s.recv(4096)[3] & 15 != 0:
                raise AssertionError("the update failed")


@pytest.fixture
def large(certnsd):
    server = certnsd(keys=[{"name": UPDATE.name, "algorithm": UPDATE.algorithm, "secret": UPDATE.secret}])
    path = f"{server.directory}/{ZONE}"
    with open(path, "w", encoding="ascii") as f:
        f.write(zone(extra="".join(f"h{i}\tTXT\t\"{i} {'x' * 200}\"\n" for i in range(20000))))
    server.zone_entry(ZONE, file=path)
    return server.start(ZONE)


@pytest.mark.plain
def test_a_standing_transfer_holds_its_version_only(large):
    change(large, UPDATES)              # what there is without: journal, history, buffers
    before = own_kb(large)
    change(large, UPDATES)
    alone = own_kb(large) - before
    standing = standing_transfer(large)
    before = own_kb(large)
    change(large, UPDATES)

    def is_small():                     # what was replaced is given back a little later
        beside = own_kb(large) - before
        assert beside < max(alone, 0) + 800, f"grew by {beside} KiB beside a transfer, by {alone} KiB without"
        return True

    wait_for(is_small, "the memory of replaced records is given back", 10)
    assert "AXFR of example.com, serial" in large.log() and " done: " not in large.log()
    read_on(standing, 4000000)
    large.wait_log(f"AXFR of {ZONE}, serial .* done: ")


# Four clients, in a process of their own.
GREEDY = f"""
import dns.message, select, socket, struct, sys
query = dns.message.make_query("{ZONE}", "AXFR").to_wire()
sockets = []
def one_more():
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall(struct.pack("!H", len(query)) + query)
    sockets.append(s)
for _ in range(4):
    one_more()
got = {{}}
while True:
    for s in select.select(sockets, [], [])[0]:
        got[s] = got.get(s, 0) + len(s.recv(1 << 20))
        if got[s] > 4500000:        # nearly all of it
            sockets.remove(s)
            s.close()
            one_more()
"""


def test_queries_beside_transfers(certnsd):
    """One worker sends to four greedy clients, and answers all the same."""
    server = certnsd(server={"workers": 1})
    path = f"{server.directory}/{ZONE}"
    with open(path, "w", encoding="ascii") as f:
        f.write(zone(extra="".join(f"h{i}\tTXT\t\"{i} {'x' * 200}\"\n" for i in range(20000))))
    server.zone_entry(ZONE, file=path, **{"allow-transfer": ["127.0.0.0/8"]})
    server.start(ZONE)
    greedy = Process("greedy", server.directory)
    greedy.spawn([sys.executable, "-c", GREEDY, str(server.port)])
    greedy.stop = greedy.kill9
    server.wait_log(r"AXFR of example.com, serial 1")
    waits = []
    for _ in range(200):
        begun = time.monotonic()
        client.ask(server, f"www.{ZONE}", "A")
        waits.append(time.monotonic() - begun)
        time.sleep(0.002)
    greedy.check_running()
    waits.sort()
    assert waits[len(waits) // 2] < 0.5 * PATIENCE and waits[len(waits) * 95 // 100] < 2 * PATIENCE, waits[-15:]

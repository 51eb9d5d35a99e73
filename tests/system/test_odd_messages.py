"""Random messages that nobody should send, to certnsd and beside it to NSD, Knot DNS and BIND: no or several questions, records in every
section, OPT where and as it should not be, counts that lie, octets too many or too few, pointers in the question, flags, opcodes.

Each is answered once, but for responses, which are never answered.  Where all the others agree about rcode, flags or question, so does
certnsd."""

import os
import random
import select
import socket
import struct
import sys

import pytest

from lib.certnsd import SANITIZED
from lib.wait import PATIENCE

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential"))

import peers  # noqa: E402

ZONE = """$TTL 300
@ SOA ns hostmaster 1 7200 3600 604800 300
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
big TXT "{0}" "{0}" "{0}"
* A 192.0.2.9
sub NS ns.sub
ns.sub A 192.0.2.4
alias CNAME www
old DNAME new
""".format("x" * 200)
SEED = 4
MESSAGES = 1000 if SANITIZED else 3000
BATCH = 250
QR, RA = 0x8000, 0x80
QUERY, UPDATE = 0, 5


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def chance(self, p):
        return self.rng.random() < p

    def question(self):
        labels = self.rng.choice(["", "www.", "big.", "x.", "sub.", "a.sub.", "alias.", "x.old.", "other.net."])
        return name(labels + self.rng.choice(["example.com"] * 8 + ["example.net", ""])) + struct.pack(
            "!HH", self.rng.choice([1, 1, 1, 2, 6, 16, 28, 255, 41, 250, 251, 252, 43, 65535]),
            self.rng.choice([1] * 8 + [3, 255, 254, 2]))

    def option(self):
        value = self.rng.choice([b"", b"\0", b"12345678", b"1234567", b"x" * 41, b"\0\1\0\0", b"\0\1\x18\0\1\2\3", b"\0\0\0\0"])
        return struct.pack("!HH", self.rng.choice([3, 8, 9, 10, 11, 12, 14, 15, 18, 65001, 0]), len(value)) + value

    def opt(self):
        options = b"".join(self.option() for _ in range(self.rng.choice([0, 0, 0, 1, 1, 2, 3])))
        length = len(options)
        if self.chance(0.1):
            options, length = self.rng.choice([(b"\0", 1), (options + struct.pack("!HH", 65001, 500), length + 4),
                                               (options, length + 1)])
        return (name("a") if self.chance(0.05) else b"\0") + struct.pack(
            "!HHBBHH", 41, self.rng.choice([0, 511, 512, 1232, 65535]), self.rng.choice([0] * 9 + [1]),
            0 if self.chance(0.85) else self.rng.randrange(1, 256), self.rng.choice([0, 0x8000, 0x4000, 0xffff]), length) + options

    def record(self):
        rdtype, rdata = self.rng.choice([(1, b"abcd"), (16, b"\3abc"), (2, b"\2ab\0"), (28, b"x" * 16), (999, b"zz")])
        return self.rng.choice([name("example.com"), b"\xc0\x0c", b"\0"]) + struct.pack("!HHIH", rdtype, 1, 0, len(rdata)) + rdata

    def flags(self):
        flags = self.rng.randrange(16) << 11 if self.chance(0.1) else 0
        for bit in 0x400, 0x200, 0x80, 0x40, 0x20, 0x10:
            flags |= bit if self.chance(0.05) else 0
        return flags | (QR if self.chance(0.01) else 0) | (0x100 if self.chance(0.3) else 0) | (
            self.rng.randrange(16) if self.chance(0.05) else 0)

    def message(self):
        sections = [[self.question() for _ in range(self.rng.choice([1] * 14 + [0, 2, 3]))],
                    [self.record() for _ in range(self.rng.choice([0] * 10 + [1, 2]))],
                    [self.record() for _ in range(self.rng.choice([0] * 10 + [1]))],
                    [self.opt() for _ in range(self.rng.choice([0, 0, 1, 1, 1, 1, 1, 2]))]]
        for section in sections[1:]:
            if self.chance(0.03):
                section.insert(self.rng.randrange(len(section) + 1), self.rng.choice([self.opt, self.record])())
        counts = [len(section) for section in sections]
        if self.chance(0.05):
            counts[self.rng.randrange(4)] = self.rng.choice([0, 1, 2, 65535])
        wire = struct.pack("!HHHHHH", 0, self.flags(), *counts) + b"".join(b"".join(section) for section in sections)
        p = self.rng.random()
        if p < 0.05:
            wire += self.rng.randbytes(self.rng.choice([1, 2, 11, 100]))
        elif p < 0.09:
            wire = wire[:self.rng.randrange(12, len(wire) + 1)]
        elif p < 0.13:
            at = self.rng.randrange(12, len(wire)) if len(wire) > 12 else 2
            wire = wire[:at] + self.rng.randbytes(1) + wire[at + 1:]
        elif p < 0.16:
            pointer = self.rng.choice([b"\xc0\x0c", b"\xc0\x10", b"\3www\xc0\x0c", b"\3www\xc0\x00", b"\x40abc", b"\xff\xff"])
            wire = wire[:12] + pointer + b"\0\1\0\1" + wire[12:]
        return wire


class Said:
    """A response, as far as it tells what became of the message; walked by hand."""

    def __init__(self, wire):
        self.id, flags, self.questions, answers, authority, additional = struct.unpack("!HHHHHH", wire[:12])
        self.flags = flags & ~0x780f
        self.opcode = flags >> 11 & 15
        self.rcode = flags & 15
        at = 12
        for _ in range(self.questions):
            at = self.skip(wire, at) + 4
        self.question = wire[12:at]
        for _ in range(answers + authority + additional):
            at = self.skip(wire, at)
            rdtype, _, ttl, length = struct.unpack("!HHIH", wire[at:at + 10])
            if rdtype == 41:
                self.rcode |= ttl >> 24 << 4
            at += 10 + length
        assert at == len(wire), wire.hex()

    @staticmethod
    def skip(wire, at):
        while 0 < wire[at] < 0xc0:
            at += wire[at] + 1
        return at + (1 if wire[at] == 0 else 2)


def ask_all(servers, messages, wanted):
    """{ID: Said} of each server; the first is waited for until it has answered all that is wanted, the others only a little."""
    said = [{} for _ in servers]
    sockets = {}
    for i, server in enumerate(servers):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((server.address, server.port))
        sockets[s] = i
        for number, message in messages.items():
            s.send(struct.pack("!H", number) + message[2:])
    try:
        while True:
            patience = 0.2 if wanted <= said[0].keys() else 5 * PATIENCE
            ready = select.select(list(sockets), [], [], patience)[0]
            if not ready:
                return said
            for s in ready:
                one = Said(s.recv(65535))
                assert one.id not in said[sockets[s]], f"{servers[sockets[s]].name} answers twice: {messages[one.id].hex()}"
                said[sockets[s]][one.id] = one
    finally:
        for s in sockets:
            s.close()


def is_compared(message):
    """The others take no updates here, nor do they know type 0."""
    return message[2] >> 3 & 15 != UPDATE and b"\0\0\0" not in message[12:40]


def judge(message, ours, others):
    """Where do the others agree, and not with us?"""
    assert ours.opcode == message[2] >> 3 & 15 and ours.flags & QR and not ours.flags & RA, message.hex()
    assert ours.questions == 0 or message[12:].startswith(ours.question) or 0xc0 in message[12:], message.hex()
    if None in others or not is_compared(message):
        return []
    return [what for what in ("rcode", "flags", "questions")
            if len({getattr(one, what) for one in others}) == 1 and getattr(ours, what) != getattr(others[0], what)]


@pytest.mark.once
def test_odd_messages(certnsd, tmp_path):
    path = tmp_path / "example.com"
    path.write_text(ZONE)
    servers = [certnsd(zones=[{"name": "example.com", "file": str(path)}], server={"log-level": "info"})]
    servers += [kind(str(tmp_path / kind.name), {"example.com": str(path)}) for kind in (peers.Nsd, peers.Knot, peers.Bind)]
    for server in servers:
        server.start("example.com")
    maker, differences = Maker(SEED), []
    for _ in range(MESSAGES // BATCH):
        messages = {number: maker.message() for number in range(BATCH)}
        wanted = {number for number, message in messages.items() if not message[2] & 0x80}
        ours, *others = ask_all(servers, messages, wanted)
        assert ours.keys() == wanted, [messages[number].hex() for number in ours.keys() ^ wanted]
        for number in wanted:
            found = judge(messages[number], ours[number], [other.get(number) for other in others])
            if found:
                differences.append(f"{found}: {messages[number].hex()}")
    assert differences == []

"""A name server that asks another one and lies about what that said."""

import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from .client import read
from .ports import free_port


class LyingDns:
    """honest: the server to ask, with .address and .port.  .mode(query, answer, tcp) returns the octets of the response, a list
    of several datagrams, or None: nothing."""

    def __init__(self, honest, mode=None):
        self.honest, self.mode = honest, mode or (lambda query, answer, tcp: answer.to_wire())
        self.address, self.port, self.asked = "127.0.0.1", free_port(), 0
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.address, self.port))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((self.address, self.port))
        self.tcp.listen(20)
        self.ended = False
        self.threads = [threading.Thread(target=loop, daemon=True) for loop in (self._udp, self._tcp)]
        for thread in self.threads:
            thread.start()

    def here(self):
        return f"{self.address}@{self.port}"

    def _respond(self, wire, tcp):
        query = dns.message.from_wire(wire)
        self.asked += 1
        answer = dns.query.tcp(query, self.honest.address, timeout=30, port=self.honest.port)
        made = self.mode(query, answer, tcp)
        return [] if made is None else made if isinstance(made, list) else [made]

    def _udp(self):
        while not self.ended:
            try:
                wire, client = self.udp.recvfrom(65535)
                for one in self._respond(wire, False):
                    self.udp.sendto(one, client)
            except (OSError, dns.exception.DNSException):
                pass

    def _tcp(self):
        while not self.ended:
            try:
                connection, _ = self.tcp.accept()
                with connection:
                    connection.settimeout(30)
                    length = struct.unpack("!H", read(connection, 2))[0]
                    for one in self._respond(read(connection, length), True):
                        connection.sendall(struct.pack("!H", len(one)) + one)
            except (OSError, struct.error, dns.exception.DNSException):
                pass

    def close(self):
        self.ended = True
        for s in self.udp, self.tcp:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


# ---- lies ----

def silent(query, answer, tcp):
    return None


def code(rcode):
    def mode(query, answer, tcp):
        answer.answer = []
        answer.set_rcode(rcode)
        return answer.to_wire()

    return mode


def wrong_id(query, answer, tcp):
    return struct.pack("!H", query.id ^ 1) + answer.to_wire()[2:]


def wrong_id_first(query, answer, tcp):
    forged = code(dns.rcode.NXDOMAIN)(query, dns.message.from_wire(answer.to_wire()), tcp)
    return [struct.pack("!H", query.id ^ 1) + forged[2:], answer.to_wire()]


def truncated(query, answer, tcp):
    """Over UDP; over TCP there is nothing."""
    if tcp:
        return None
    answer.answer = []
    answer.flags |= dns.flags.TC
    return answer.to_wire()


def truncated_then_whole(query, answer, tcp):
    return answer.to_wire() if tcp else truncated(query, answer, tcp)


def a_query(query, answer, tcp):
    """Not a response at all."""
    answer.flags &= ~dns.flags.QR
    return answer.to_wire()


def another_question(query, answer, tcp):
    other = dns.message.make_response(dns.message.make_query("www.example.net", "TXT"))
    other.id = query.id
    other.answer = answer.answer
    return other.to_wire()


def octets(make):
    """The id, and then these octets."""
    return lambda query, answer, tcp: query.to_wire()[:2] + make(answer.to_wire()[2:])


def txt(change):
    """The answer's texts, changed: change(list of bytes) returns a list of lists of bytes."""
    def mode(query, answer, tcp):
        name, ttl = query.question[0].name, 60
        found = [b"".join(r.strings) for s in answer.answer for r in s]
        wires = b""
        made = change(found)
        for strings in made:
            rdata = b"".join(bytes([len(s)]) + s for s in strings)
            wires += b"\xc0\x0c" + struct.pack("!HHIH", 16, 1, ttl, len(rdata)) + rdata
        head = struct.pack("!HHHHHH", query.id, 0x8400, 1, len(made), 0, 0)
        return head + name.to_wire() + struct.pack("!HH", 16, 1) + wires

    return mode

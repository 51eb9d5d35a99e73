"""A primary that does what a test tells it, right or wrong: by zone, a function that gets the open transfer."""

import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from .ports import free_port


class Transfer:
    """One request over TCP, and what is said to it."""

    def __init__(self, connection, query, key):
        self.connection = connection
        self.query = query
        self.key = key
        self.zone = query.question[0].name.to_text(omit_final_dot=True)
        self.is_ixfr = query.question[0].rdtype == dns.rdatatype.IXFR
        self.context = None

    def message(self, records, change=None):
        """The octets of the next message of a signed stream.  records: texts "owner TTL TYPE rdata" relative to the zone."""
        response = dns.message.make_response(self.query)
        response.use_edns(-1)
        response.flags |= dns.flags.AA
        for record in records:
            owner, ttl, kind, rdata = record.split(None, 3)
            origin = dns.name.from_text(self.zone)
            rdata = dns.rdata.from_text("IN", kind, rdata, origin, relativize=False)
            response.answer.append(dns.rrset.from_rdata(dns.name.from_text(owner, origin), int(ttl), rdata))
        if change is not None:
            change(response)
        wire = response.to_wire(multi=True, tsig_ctx=self.context, max_size=65535)
        self.context = response.tsig_ctx
        return wire

    def send(self, *records, change=None):
        self.raw(self.message(records, change))

    def unsigned(self, *records):
        def leave_out(response):
            response.tsig = None
            response.keyring = None
        wire = self.message(records, leave_out)
        self.raw(wire)

    def raw(self, wire):
        self.connection.sendall(struct.pack("!H", len(wire)) + wire)


class FakePrimary:
    address = "127.0.0.1"

    def __init__(self, key):
        self.key = key
        self.keyring = {dns.name.from_text(key.name): key.dnspython()}
        self.scripts = {}           # zone: function(transfer)
        self.soas = {}              # zone: rdata of the SOA in answers to questions for it
        self.knows_edns = True
        self.stopping = False
        self.transfers = []         # (zone, is_ixfr), as they came
        self.port = free_port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for one in (self.udp, self.tcp):
            one.bind((self.address, self.port))
        self.tcp.listen(100)
        for serve in (self.serve_udp, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def close(self):
        self.stopping = True
        for one in (self.udp, self.tcp):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def serve_udp(self):
        while not self.stopping:
            try:
                wire, peer = self.udp.recvfrom(65535)
                if wire:
                    self.udp.sendto(self.soa_answer(wire), peer)
            except OSError:
                continue

    def soa_answer(self, wire):
        query = dns.message.from_wire(wire, keyring=self.keyring)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        name = query.question[0].name
        if query.edns >= 0 and not self.knows_edns:
            response.use_edns(-1)
            response.set_rcode(dns.rcode.FORMERR)
            return response.to_wire()
        response.answer.append(dns.rrset.from_text(name, 300, "IN", "SOA",
                                                   self.soas[name.to_text(omit_final_dot=True)]))
        return response.to_wire()

    def serve_tcp(self):
        while not self.stopping:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                continue
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                head = connection.recv(2, socket.MSG_WAITALL)
                wire = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                transfer = Transfer(connection, dns.message.from_wire(wire, keyring=self.keyring), self.key)
                self.transfers.append((transfer.zone, transfer.is_ixfr))
                if transfer.query.edns >= 0 and not self.knows_edns:
                    transfer.send(change=lambda response: response.set_rcode(dns.rcode.FORMERR))
                else:
                    self.scripts[transfer.zone](transfer)
            except (OSError, struct.error):
                pass                # the secondary has gone, as it should

"""Asking and updating, with dnspython and with the tools that people use."""

import os
import socket
import struct

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update

from .process import run
from .wait import PATIENCE

TIMEOUT = 20            # nobody waits for what comes; a datagram is lost only where a socket's buffer is full


def ask(server, name, rdtype, tcp=False, address=None, timeout=TIMEOUT, **kwargs):
    """One query, one response.  server has .address and .port; kwargs go to make_query()."""
    query = dns.message.make_query(name, rdtype, **kwargs)
    return exchange(server, query, tcp, address, timeout)


def exchange(server, message, tcp=False, address=None, timeout=TIMEOUT):
    send = dns.query.tcp if tcp else dns.query.udp
    return send(message, address or server.address, timeout=timeout * PATIENCE, port=server.port)


class Connection:
    """Many questions over one TCP connection; made anew where the server has closed it meanwhile, as it may."""

    def __init__(self, server):
        self.server = server
        self._socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, name, rdtype, **kwargs):
        query = dns.message.make_query(name, rdtype, **kwargs)
        if self._socket is not None:
            try:
                return self._exchange(query)
            except (EOFError, ConnectionError):
                self._socket.close()
        self._socket = socket.create_connection((self.server.address, self.server.port), TIMEOUT * PATIENCE)
        self._socket.setblocking(False)
        return self._exchange(query)

    def _exchange(self, query):
        return dns.query.tcp(query, self.server.address, timeout=TIMEOUT * PATIENCE, sock=self._socket)


def raw_exchange(server, wire, tcp=False, timeout=TIMEOUT):
    """Octets in, octets out; None when there is no answer."""
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as s:
        s.settimeout(timeout * PATIENCE)
        s.connect((server.address, server.port))
        s.sendall(struct.pack("!H", len(wire)) + wire if tcp else wire)
        try:
            if not tcp:
                return s.recv(65535)
            length = struct.unpack("!H", read(s, 2))[0]
            return read(s, length)
        except (socket.timeout, ConnectionError):
            return None


def read(s, n):
    """So many octets of a stream."""
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def rcode(response):
    return dns.rcode.to_text(response.rcode())


def records(response, section="answer"):
    """The section's records as sorted lines "owner TYPE rdata" (no TTL)."""
    lines = []
    for rrset in getattr(response, section):
        kind = dns.rdatatype.to_text(rrset.rdtype)
        lines += [f"{rrset.name} {kind} {rdata.to_text()}" for rdata in rrset]
    return sorted(lines)


def look(server, name, rdtype, tcp=True):
    """The rdata of one RRset as sorted texts; an empty list for NODATA and NXDOMAIN."""
    response = ask(server, name, rdtype, tcp=tcp)
    assert response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN), rcode(response)
    return sorted(rdata.to_text() for rrset in response.answer for rdata in rrset
                  if rrset.rdtype == dns.rdatatype.from_text(rdtype))


def serial(server, zone):
    """The served serial; None when the zone is not served.  By TCP, which tells at once that nobody listens."""
    try:
        response = ask(server, zone, "SOA", tcp=True)
    except (dns.exception.DNSException, OSError):
        return None
    if response.rcode() != dns.rcode.NOERROR or not response.answer:
        return None
    return response.answer[0][0].serial


def new_update(zone, key=None):
    return dns.update.UpdateMessage(zone, keyring=key.dnspython() if key else None)


def send_update(server, message, tcp=False):
    """The rcode of an update as text."""
    return rcode(exchange(server, message, tcp=tcp))


def transferred(server, zone, key=None):
    """The whole zone as a set of records, each by its octets; None when there was no transfer."""
    try:
        messages = list(dns.query.xfr(server.address, zone, port=server.port, timeout=TIMEOUT * PATIENCE,
                                      relativize=False,
                                      keyring=key and {dns.name.from_text(key.name): key.dnspython()}))
    except (dns.exception.DNSException, OSError):
        return None
    # PowerDNS makes the NSEC3PARAM record anew, with a TTL of its own.
    return {(rrset.name.canonicalize().to_wire(), rrset.rdtype, rrset.rdtype != dns.rdatatype.NSEC3PARAM and rrset.ttl,
             rdata.to_digestable())
            for message in messages for rrset in message.answer for rdata in rrset}


def dig(server, *arguments, check=True, address=None):
    """dig's output.  One try, no waiting for answers that do not come."""
    return run(["dig", f"@{address or server.address}", "-p", server.port, "+tries=1",
                f"+time={int(TIMEOUT * PATIENCE)}", *arguments], check=check).stdout


def short(server, *arguments):
    return sorted(dig(server, "+short", *arguments).splitlines())


def nsupdate(server, key, script, zone=None, check=True, arguments=()):
    """Run nsupdate; the result has .returncode, .stdout and .stderr.  The key goes by file, as people should."""
    path = os.path.join(server.directory, "nsupdate.key")
    options = []
    if key is not None:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(key.named())
        options = ["-k", path]
    head = f"server {server.address} {server.port}\n" + (f"zone {zone}\n" if zone else "")
    return run(["nsupdate", "-t", "60", *options, *arguments], check=check, input=head + script)


def opcode_notify(zone, key=None):
    message = dns.message.make_query(zone, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags |= dns.flags.AA
    message.flags &= ~dns.flags.RD
    if key is not None:
        message.use_tsig(key.dnspython())
    return message

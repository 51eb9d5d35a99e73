"""What the fake CA answers, and how it can be made to answer otherwise."""

import copy
import socket
import struct
import threading
from json import dumps, loads

from .wait import PATIENCE

PROBLEM = "application/problem+json"
ERROR = "urn:ietf:params:acme:error:"


class Reply:
    """An HTTP answer.  headers: a list of pairs, or a dict.  json: instead of a body.  wire: None, or a function (connection,
    octets) that sends the octets in a way of its own; see below."""

    def __init__(self, status=200, body=b"", content_type=None, headers=(), json=None, wire=None):
        self.status, self.wire = status, wire
        self.headers = list(headers.items() if isinstance(headers, dict) else headers)
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type
        self.add_nonce = True
        self.chunked = False
        self.version = "HTTP/1.1"
        self.length = None                      # a Content-Length that is not the body's
        if json is not None:
            self.json = json

    @property
    def json(self):
        return loads(self.body)

    @json.setter
    def json(self, value):
        self.body = dumps(value).encode()
        self.content_type = self.content_type or "application/json"

    def header(self, name, value):
        """Set it; None: take it away."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, str(value)))
        return self

    def copy(self):
        made = copy.copy(self)
        made.headers = list(self.headers)
        return made

    def get_header(self, name):
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


def problem(kind, detail, status=400, headers=(), **members):
    """A problem document (RFC 7807, RFC 8555, section 6.7)."""
    return Reply(status, headers=headers, content_type=PROBLEM,
                 json={"type": ERROR + kind, "detail": detail, "status": status, **members})


# ---- steps of a script ----

class Alter:
    """The honest work is done; then change(reply) changes the reply in place, or returns another."""

    def __init__(self, change):
        self.change = change

    def apply(self, reply):
        return self.change(reply) or reply


def alter_json(change):
    """Alter whose change gets the JSON object and changes it, or returns another."""
    def both(reply):
        value = reply.json
        changed = change(value)
        reply.json = value if changed is None else changed

    return Alter(both)


def member(**members):
    """Alter that sets members of the JSON object; None takes one away."""
    def change(value):
        for name, what in members.items():
            value.pop(name, None)
            if what is not None:
                value[name] = what

    return alter_json(change)


def sent(wire):
    """Alter: the honest answer, sent by one of the ways below."""
    def change(reply):
        reply.wire = wire

    return Alter(change)


# ---- ways to send: functions of (connection, octets) ----

class Connection:
    """What a way to send has: the TLS socket, and the event that ends all waiting."""

    def __init__(self, tls, ended):
        self.tls, self.ended = tls, ended

    def send(self, octets):
        self.tls.sendall(octets)

    def reset(self):
        """RST instead of a proper end."""
        self.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(self.tls)


def reset(connection, octets):
    connection.reset()


def reset_after(n):
    def wire(connection, octets):
        connection.send(octets[:n])
        connection.reset()

    return wire


def cut_after(n):
    """The connection ends properly, but too early."""
    def wire(connection, octets):
        connection.send(octets[:n])

    return wire


def silent(connection, octets):
    connection.ended.wait(600)


def silent_after_headers(connection, octets):
    connection.send(octets[:octets.index(b"\r\n\r\n") + 4])
    connection.ended.wait(600)


def slow(seconds):
    """An octet each so many seconds."""
    def wire(connection, octets):
        for octet in octets:
            connection.send(bytes([octet]))
            if connection.ended.wait(seconds):
                return

    return wire


def endless(connection, octets):
    """The headers as they are, without a length, and then a body that never ends."""
    head = octets[:octets.index(b"\r\n\r\n")].decode("latin-1").split("\r\n")
    head = [line for line in head if not line.lower().startswith(("content-length", "transfer-encoding"))]
    connection.send(("\r\n".join(head) + "\r\nConnection: close\r\n\r\n").encode("latin-1"))
    while not connection.ended.is_set():
        connection.send(b" " * 65536)


def raw(instead):
    """These octets instead."""
    def wire(connection, octets):
        connection.send(instead)

    return wire


# ---- stalling ----

class Gate:
    """ca.stall() makes one: requests wait at it until release()."""

    def __init__(self, after):
        self.after = after                      # the honest work is done before they wait
        self._open, self._changed, self.arrived = False, threading.Condition(), 0

    def wait_arrived(self, n=1, timeout=30):
        with self._changed:
            assert self._changed.wait_for(lambda: self.arrived >= n, timeout * PATIENCE), "no request came to the gate"

    def release(self):
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def hold(self):
        """On the request's thread."""
        with self._changed:
            self.arrived += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open, 600)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.release()


class Script:
    """What is to happen at the endpoints: for each a list of steps, used up one by one, and one that stays.  An endpoint may be
    (endpoint, host): only what belongs to an order with that name."""

    def __init__(self):
        self._lock = threading.Lock()
        self._steps, self._lasting, self._gates = {}, {}, {}

    def add(self, endpoint, steps):
        with self._lock:
            self._steps.setdefault(endpoint, []).extend(steps)

    def keep(self, endpoint, step):
        with self._lock:
            self._lasting[endpoint] = step

    def clear(self):
        with self._lock:
            self._steps, self._lasting = {}, {}
            gates, self._gates = list(self._gates.values()), {}
        for gate in gates:
            gate.release()

    def left(self):
        """How many single steps were not yet used."""
        with self._lock:
            return sum(len(steps) for steps in self._steps.values())

    def next(self, endpoint, names):
        """The step for a request about these names that is here now; None: honest."""
        with self._lock:
            for name in [*((e, n) for n in names for e in (endpoint, "*")), endpoint, "*"]:
                if self._steps.get(name):
                    return self._steps[name].pop(0)
                if name in self._lasting:
                    return self._lasting[name]
        return None

    def stall(self, endpoint, after):
        with self._lock:
            self._gates[endpoint] = Gate(after)
            return self._gates[endpoint]

    def gate(self, endpoint):
        with self._lock:
            return self._gates.get(endpoint)

    def gates(self):
        with self._lock:
            return list(self._gates.values())

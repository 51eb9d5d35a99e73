"""Honest answers of the fake CA, spoiled at random: octets, JSON, headers, and the connection."""

import random
import threading

from .fakeca_script import Alter, cut_after, reset, reset_after

VALUES = [None, True, False, 0, -1, 1e300, 2**70, "", "x", "a" * 70000, "\u0001\u001b[2J\n", "https://",
          "https://127.0.0.1:9/",
          "http://127.0.0.1/", "https://[::1", "file:///etc/passwd", "//", "valid", "invalid", "pending", "ready",
          "processing",
          "*.example.com", "www.example.net", [], {}, [[]] * 50, {"type": "dns", "value": "example.com"}, "%s%n%x",
          "..",
          "\u20ac" * 300]
HEADERS = {
    "Location": ["", "x", "/", "https://127.0.0.1:9/", "http://127.0.0.1/", "https://" + "a" * 5000],
    "Replay-Nonce": [None, "", "!", "A" * 9000, "AAAA"],
    "Retry-After": ["", "-1", "0", "99999999999999999999", "x", "Thu, 01 Jan 1970 00:00:00 GMT", "1.5"],
    "Link": ["<", '<https://127.0.0.1:9/>;rel="alternate"', '<;rel="', ", " * 500, "<>;rel=alternate" * 90],
    "Content-Encoding": ["gzip", "br", "chunked"],
    "Transfer-Encoding": ["gzip", "chunked, chunked"],
    "Connection": ["close", "upgrade"],
    "Set-Cookie": ["a=b"],
}
STATUS = [200, 201, 204, 206, 301, 304, 400, 401, 403, 404, 409, 412, 418, 429, 500, 503, 599, 999]


class Mutator:
    """.step() is for ca.always("*", ...).  share: of the answers that are spoiled."""

    def __init__(self, seed, share):
        self.random, self.share, self.lock, self.made = random.Random(seed), share, threading.Lock(), 0

    def step(self):
        return Alter(self._change)

    def _change(self, reply):
        with self.lock:
            if self.random.random() >= self.share:
                return
            self.made += 1
            kinds = 3 * [self._json] + [self._octets, self._header, self._status, self._wire]
            for _ in range(self.random.choice((1, 1, 1, 2, 4))):
                self.random.choice(kinds)(reply)

    def _octets(self, reply):
        body = bytearray(reply.body)
        for _ in range(self.random.choice((1, 1, 3, 30))):
            at = self.random.randrange(len(body) + 1)
            what = self.random.randrange(4)
            if what == 0 and at < len(body):
                body[at] ^= 1 << self.random.randrange(8)
            elif what == 1:
                del body[at:at + self.random.choice((1, 10, 1000))]
            elif what == 2:
                body[at:at] = self.random.randbytes(self.random.choice((1, 4, 100)))
            else:
                body[at:at] = body[self.random.randrange(len(body) + 1):][:500]
        reply.body = bytes(body)

    def _json(self, reply):
        try:
            value = reply.json
        except ValueError:
            return self._octets(reply)
        places = list(self._places(value))
        if not places:
            return None
        where, at = self.random.choice(places)
        what = self.random.randrange(3)
        if what == 0:
            del where[at]
        elif what == 1:
            where[at] = self.random.choice(VALUES)
        else:
            where[at] = self.random.choice([w[a] for w, a in places])
        try:
            reply.json = value
        except (ValueError, RecursionError):
            pass                # it has become a part of itself
        return None

    def _places(self, value):
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, list):
            items = list(enumerate(value))
        else:
            return
        for at, inner in items:
            yield value, at
            yield from self._places(inner)

    def _header(self, reply):
        name = self.random.choice(list(HEADERS))
        value = self.random.choice(HEADERS[name])
        reply.header(name, value)
        reply.add_nonce = self.random.random() < 0.9

    def _status(self, reply):
        reply.status = self.random.choice(STATUS)

    def _wire(self, reply):
        reply.wire = self.random.choice((reset, reset_after(self.random.randrange(500)),
                                         cut_after(self.random.randrange(800))))

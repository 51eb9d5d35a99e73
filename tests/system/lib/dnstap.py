"""Those who read dnstap: fstrm_capture and worse on a socket, dnstap-read of a file."""

import os
import re
import socket
import struct

import yaml

from .client import read as read_octets
from .process import Process, run
from .wait import PATIENCE, wait_for

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5


class Capture(Process):
    """fstrm_capture: listens on a socket, and writes what comes to a file of its own."""

    def __init__(self, directory, path, name="capture"):
        super().__init__(name, directory)
        self.socket = path
        self.path = os.path.join(self.directory, f"{name}.dnstap")

    def start(self):
        if os.path.exists(self.socket):
            os.remove(self.socket)
        self.spawn(["fstrm_capture", "-dddddd", "-t", CONTENT_TYPE.decode(), "-u", self.socket, "-w", self.path])
        wait_for(lambda: os.path.exists(self.socket), "fstrm_capture listens")
        return self

    def count(self):
        """The messages that it has read."""
        return self.log().count("processing data frame")

    def stop(self):
        self.terminate()


class Sleeper:
    """Takes a connection, greets as it should, and reads nothing after that."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(120 * PATIENCE)
        self.connection = None

    def _control(self):
        escape, n = struct.unpack("!II", read_octets(self.connection, 8))
        assert escape == 0
        return struct.unpack("!I", read_octets(self.connection, n)[:4])[0]

    def greet(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(120 * PATIENCE)
        assert self._control() == READY
        field = struct.pack("!II", 1, len(CONTENT_TYPE)) + CONTENT_TYPE
        self.connection.sendall(struct.pack("!III", 0, 4 + len(field), ACCEPT) + field)
        assert self._control() == START

    def count(self, enough):
        """Read on, until so many messages have come; gives how many did."""
        n = 0
        while n < enough:
            length = struct.unpack("!I", read_octets(self.connection, 4))[0]
            assert length > 0, "it goes on"
            read_octets(self.connection, length)
            n += 1
        return n

    def close(self):
        for one in (self.connection, self.listener):
            if one is not None:
                one.close()


class Texts(yaml.SafeLoader):
    """Whatever looks like a number or a time stays a text."""


Texts.yaml_implicit_resolvers = {}
Texts.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)


def read(path):
    """The messages of a file: what dnstap-read says of each, with identity and version; "data" is the DNS message."""
    if not os.path.exists(path):
        return []
    text = run(["dnstap-read", "-y", path], check=False).stdout
    text = re.sub(r"^  (query|response)_message: \|\n(    .*\n|\n)*", "", text, flags=re.M)     # the same once more
    found = []
    for one in yaml.load_all(text, Texts):
        if one is not None:
            message = one["message"]
            message["data"] = message.get("response_message_data") or message.get("query_message_data")
            found.append({**message, "identity": one.get("identity"), "version": one.get("version")})
    return found


def about(messages, name, *types):
    """Those with a question about this name; of these types, if any are given."""
    return [m for m in messages if any(q.startswith(f"{name}. ") for q in _questions(m["data"]))
            and (not types or m["type"] in types)]


def _questions(data):
    return (data.get("QUESTION_SECTION") or data.get("ZONE_SECTION") or []) if data else []

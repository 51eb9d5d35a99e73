"""Free ports on loopback, for UDP and TCP, IPv4 and IPv6 alike."""

import random
import socket

_taken = set()


def free_port():
    """A port below the range that the system gives to clients, so that none of them is in the way."""
    while True:
        port = random.randrange(10000, 32000)
        if port in _taken or not _is_free(port):
            continue
        _taken.add(port)
        return port


def _is_free(port):
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as s:
                try:
                    s.bind((address, port))
                except OSError:
                    return False
    return True

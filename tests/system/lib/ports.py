"""Free ports on loopback, for UDP and TCP, IPv4 and IPv6 alike."""

import collections
import random
import socket

# Between the choice of a port and the server's bind() another test may choose the same, and two servers with SO_REUSEPORT
# would share it without a word.  So a port is reserved by a name that only one process of the machine can have, until the
# server has had time enough to start.
_reserved = collections.deque()
RESERVED_MAX = 100


def free_port():
    """A port below the range that the system gives to clients, so that none of them is in the way."""
    while True:
        port = random.randrange(10000, 32000)
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            reservation.bind(f"\0certns-test-port-{port}")
        except OSError:
            reservation.close()
            continue
        if not _is_free(port):
            reservation.close()
            continue
        _reserved.append(reservation)
        if len(_reserved) > RESERVED_MAX:
            _reserved.popleft().close()
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

"""A network of two hosts, of which one reaches nothing but a proxy: two network namespaces and a firewall."""

import contextlib
import ctypes
import os
import re

from .process import Process, run
from .wait import wait_for

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _enter(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")
    finally:
        os.close(fd)


class Namespace(Process):
    """A network namespace, which lives as long as the process in it.  What a test starts within "with" is in there."""

    def __init__(self, directory, name):
        super().__init__(name, directory)
        self.spawn(["unshare", "-n", "sleep", "infinity"])
        wait_for(self._made, f"the namespace {name} is there")
        self.run("ip", "link", "set", "lo", "up")

    def _made(self):
        self.check_running()
        return os.readlink(f"/proc/{self.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def run(self, *arguments, **kwargs):
        return run(["nsenter", "-t", self.pid, "-n", *arguments], **kwargs)

    @contextlib.contextmanager
    def entered(self):
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _enter(f"/proc/{self.pid}/ns/net")
        try:
            yield self
        finally:
            back = _libc.setns(before, CLONE_NEWNET)
            os.close(before)
            assert back == 0, "cannot leave the namespace"

    def stop(self):
        self.kill9()


class ClosedNetwork:
    """inside: where certnsd is; outside: where all others are.  close() lets only what it is told out of the inside, and
    dropped() counts the rest."""

    inside_address, outside_address = "10.53.0.2", "10.53.0.1"

    def __init__(self, directory):
        self.outside = Namespace(directory, "outside")
        self.inside = Namespace(directory, "inside")
        self.inside.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.outside.pid)
        for namespace, address in ((self.inside, self.inside_address), (self.outside, self.outside_address)):
            namespace.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
            namespace.run("ip", "link", "set", "eth0", "up")
        self.inside.run("ip", "route", "add", "default", "via", self.outside_address)

    def close(self, proxy_port, dns_port):
        """Out go connections to the proxy, answers of our own DNS server, and what stays on the host."""
        self.inside.run("nft", "-f", "-", input=f"""table inet closed {{
            counter dropped {{ }}
            chain out {{
                type filter hook output priority 0; policy accept;
                oif lo accept
                meta l4proto ipv6-icmp accept
                ip daddr {self.outside_address} tcp dport {proxy_port} accept
                ip daddr {self.outside_address} udp sport {dns_port} accept
                ip daddr {self.outside_address} tcp sport {dns_port} accept
                counter name dropped drop
            }}
        }}""")

    def dropped(self):
        text = self.inside.run("nft", "list", "counter", "inet", "closed", "dropped").stdout
        return int(re.search(r"packets (\d+)", text).group(1))

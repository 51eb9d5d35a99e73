"""Signed zones, and the other name servers that serve them beside ours."""

import os
import re

from . import client
from .named import Named
from .ports import free_port
from .process import Process, run
from .wait import wait_for

ORIGIN = "signed.example"

# Names of every kind that a proof may need.
TEXT = f"""$ORIGIN {ORIGIN}.
$TTL 3600
@	SOA	ns1 hostmaster 7 7200 3600 604800 300
	NS	ns1
	MX	10 mail
ns1	A	192.0.2.1
	AAAA	2001:db8::1
mail	60	A	192.0.2.2
www	A	192.0.2.3
	A	192.0.2.4
www	300	TXT	"hello"
alias	CNAME	www
dangling	CNAME	nowhere
away	CNAME	www.example.net.
toenc	CNAME	ent
tocut	CNAME	host.child
_sip._tcp	SRV	0 0 5060 www
a.deep.ent	A	192.0.2.5
*.wild	TXT	"wildcard"
	MX	10 mail
host1.wild	A	192.0.2.6
below.host1.wild	A	192.0.2.6
*.wcname	CNAME	www
*.wcdang	CNAME	nowhere
*.wcwild	CNAME	x.y.wild
x.sub.*.went	A	192.0.2.7
secure	NS	ns.secure
secure	300	DS	1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure	A	192.0.2.8
child	NS	ns.child
	NS	ns1
ns.child	A	192.0.2.9
ns.a.child	A	192.0.2.9
other	NS	ns.example.net.
lonely.optent	NS	ns.example.net.
mixed.both	NS	ns.example.net.
host.both	A	192.0.2.10
dn	120	DNAME	target
x.target	A	192.0.2.12
	TXT	"x"
*.target	AAAA	2001:db8::12
z	A	192.0.2.13
"""

NAMES = ["@"] + [m.group(1) for m in re.finditer(r"^(\S+)\t", TEXT, re.M) if not m.group(1).startswith(("$", "@"))]

CHAINS = {
    "nsec": ["-x"],
    "nsec3": ["-3", "aabbccdd", "-H", "5"],
    "optout": ["-3", "-", "-H", "0", "-A"],
}


def sign(directory, chain, text=TEXT, origin=ORIGIN, options=()):
    """The text signed by BIND's signer, and the key-signing key's rdata."""
    command = ["dnssec-signzone", "-q", "-S", "-P", "-O", "full", *CHAINS[chain], *options, "-o", origin, "-f",
               "signed",
               "plain"]
    return _sign(directory, text, origin, lambda keys: command)


def sign_with_ldns(directory, options=(), text=TEXT, origin=ORIGIN):
    return _sign(directory, text, origin,
                 lambda keys: ["ldns-signzone", *options, "-o", origin, "-f", "signed", "plain", *keys])


def _sign(directory, text, origin, command):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "plain"), "w", encoding="utf-8") as f:
        f.write(text)
    keys = [run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *kind, origin], cwd=directory).stdout.strip()
            for kind in (["-f", "KSK"], [])]
    run(command(keys), cwd=directory)
    with open(os.path.join(directory, keys[0] + ".key"), encoding="utf-8") as f:
        key = re.search(r"DNSKEY\s+(.*)", f.read()).group(1)
    with open(os.path.join(directory, "signed"), encoding="utf-8") as f:
        return f.read(), key


class Nsd(Process):
    address = "127.0.0.1"

    def __init__(self, directory, name="nsd"):
        super().__init__(name, directory)
        self.port = free_port()

    def start(self, zones):
        path = os.path.join(self.directory, "nsd.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'server:\n  ip-address: 127.0.0.1@{self.port}\n  server-count: 1\n  username: ""\n  chroot: ""\n'
                    f'  database: ""\n  zonesdir: "{self.directory}"\n  zonelistfile: "{self.directory}/list"\n'
                    f'  xfrdfile: "{self.directory}/xfrd"\n  xfrdir: "{self.directory}"\n'
                    f'  pidfile: "{self.directory}/pid"\n  minimal-responses: yes\n  rrl-ratelimit: 0\n'
                    "  tcp-query-count: 0\n  tcp-timeout: 60\nremote-control:\n  control-enable: no\n")
            for origin, text in zones.items():
                zone = os.path.join(self.directory, origin)
                with open(zone, "w", encoding="utf-8") as z:
                    z.write(text)
                f.write(f'zone:\n  name: "{origin}"\n  zonefile: "{zone}"\n')
        self.spawn(["nsd", "-d", "-c", path])
        return self.wait(zones)

    def wait(self, zones=None, timeout=30):
        if zones is None:
            return super().wait(timeout)
        wait_for(lambda: self.check_running() or all(client.serial(self, z) is not None for z in zones),
                 f"{self.name} answers", timeout)
        return self

    def stop(self):
        self.terminate()


class Knot(Nsd):
    def __init__(self, directory, name="knotd"):
        super().__init__(directory, name)

    def start(self, zones):
        path = os.path.join(self.directory, "knot.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'server:\n  rundir: "{self.directory}"\n  listen: 127.0.0.1@{self.port}\n'
                    "  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                    f'database:\n  storage: "{self.directory}"\n'
                    f'template:\n  - id: default\n    storage: "{self.directory}"\n    zonefile-sync: -1\n'
                    "    semantic-checks: off\n    journal-content: none\nzone:\n")
            for origin, text in zones.items():
                with open(os.path.join(self.directory, origin), "w", encoding="utf-8") as z:
                    z.write(text)
                f.write(f'  - domain: "{origin}"\n    file: "{origin}"\n')
        self.spawn(["knotd", "-c", path])
        return self.wait(zones)


class Bind(Named):
    def start(self, zones):
        for origin, text in zones.items():
            self.primary(origin, text, "check-names ignore;")
        return super().start(*zones)

"""Knot, NSD, PowerDNS and YADIFA, as the other name servers; BIND is in named.py.

Each has the same few methods: key(), primary(), secondary(), start(), change() of a zone that it is primary of, stop().  All live in
a directory and on a port of their own, and none has a control channel on a fixed port."""

import os
import signal
import sqlite3
import time

from . import client
from .named import Named
from .ports import free_port
from .process import Process, run
from .wait import PATIENCE, wait_for


class Peer(Process):
    address = "127.0.0.1"
    program = None
    sends_ixfr = True           # as a primary
    takes_ixfr = True           # as a secondary
    can_be_primary = True
    cannot_read = ()            # beginnings of lines of zones.TYPES
    algorithms = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")

    def __init__(self, directory, name=None):
        super().__init__(name or self.program, directory)
        self.port = free_port()
        self.keys = []
        self.notify_key = None  # NOTIFY must be signed with it (Knot and NSD)
        self.zones = []         # the name, then what write_config() needs

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def key(self, key):
        self.keys.append(key)

    def primary(self, zone, text, to=None, key=None):
        """Serve the text; tell the server "to" of changes; whoever has the key (or anybody) may transfer it."""
        self.write(f"{zone}.zone", text)
        self.zones.append((zone, "primary", to, key))

    def secondary(self, zone, of, key=None):
        self.zones.append((zone, "secondary", of, key))

    def change(self, zone, text):
        """The file of a zone that it is primary of is another one now."""
        self.write(f"{zone}.zone", text)
        self.signal(signal.SIGHUP)

    def start(self, *zones):
        self.write_config()
        self.spawn(self.arguments())
        wait_for(lambda: self.check_running() or all(client.serial(self, z) is not None for z in zones),
                 f"{self.name} answers for {zones}")
        return self

    def stop(self):
        self.terminate()


class Bind(Named):
    """Named with the methods that the others have."""

    sends_ixfr = takes_ixfr = True
    can_be_primary = True
    cannot_read = ()
    algorithms = Peer.algorithms

    def __init__(self, directory):
        super().__init__(directory)
        self.options = "ixfr-from-differences yes; serial-query-rate 1000; notify-delay 0; notify-rate 1000; " \
            "startup-notify-rate 1000; check-names primary ignore;"

    def primary(self, zone, text, to=None, key=None):
        who = f'key "{key.name}"' if key else "any"
        notify = f"notify explicit; also-notify {{ {to.address} port {to.port}; }};" if to else ""
        super().primary(zone, text, f"allow-transfer {{ {who}; }}; {notify}")

    path, write, change = Peer.path, Peer.write, Peer.change


class Knot(Peer):
    program = "knotd"
    updated_by = ()             # keys that may update and transfer the zones

    def write_config(self):
        os.makedirs(self.path("db"), exist_ok=True)
        keys = "".join(f"  - id: {k.name}\n    algorithm: {k.algorithm}\n    secret: {k.secret}\n" for k in self.keys)
        remotes, rules, zones = "", "", ""
        for i, (zone, role, other, key) in enumerate(self.zones):
            who = f"    key: {key.name}\n" if key else ""
            if other:
                remotes += f"  - id: r{i}\n    address: {other.address}@{other.port}\n{who}"
            rules += f"  - id: a{i}\n    action: [transfer]\n{who}"
            if self.updated_by:
                names = ", ".join(k.name for k in self.updated_by)
                rules += f"  - id: u{i}\n    action: [transfer, update]\n    key: [{names}]\n"
            zones += f"  - domain: {zone}\n    file: {self.path(zone)}.zone\n    acl: [a{i}, {f'u{i}, ' if self.updated_by else ''}told]\n"
            if role == "secondary":
                zones += f"    master: r{i}\n    zonefile-sync: -1\n"
            else:
                zones += "    zonefile-load: difference\n    zonefile-sync: -1\n" + (f"    notify: r{i}\n" if other else "")
        self.write("knot.conf", f"""\
server:
    rundir: {self.directory}
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 2
    background-workers: 2
database:
    storage: {self.path("db")}
    timer-db-max-size: 2M
    kasp-db-max-size: 5M
    journal-db-max-size: 64M
control:
    listen: {self.path("control")}
log:
  - target: stderr
    any: info
{"key:" if keys else ""}
{keys}{"remote:" if remotes else ""}
{remotes}acl:
  - id: told
    action: notify
    {f"key: {self.notify_key.name}" if self.notify_key else "address: 127.0.0.0/8"}
{rules}zone:
{zones}""")

    def arguments(self):
        return ["knotd", "-c", self.path("knot.conf")]


class Nsd(Peer):
    program = "nsd"
    cannot_read = ("\tTYPE65281",)      # it reads it, but makes no differences of a zone with empty RDATA

    def write_config(self):
        keys = "".join(f"key:\n\tname: {k.name}\n\talgorithm: {k.algorithm}\n\tsecret: \"{k.secret}\"\n"
                       for k in self.keys)
        zones = ""
        for zone, role, other, key in self.zones:
            who = key.name if key else "NOKEY"
            zones += f"zone:\n\tname: {zone}\n\tzonefile: {self.path(zone)}.zone\n\tprovide-xfr: 127.0.0.0/8 {who}\n" \
                "\tstore-ixfr: yes\n"
            if role == "secondary":
                told = [self.notify_key.name] if self.notify_key else ["NOKEY", key.name] if key else ["NOKEY"]
                zones += f"\trequest-xfr: {other.address}@{other.port} {who}\n\tmin-retry-time: 1\n\tmin-refresh-time: 1\n" + \
                    "".join(f"\tallow-notify: 127.0.0.0/8 {name}\n" for name in told)
            else:
                zones += "\tcreate-ixfr: yes\n" + (f"\tnotify: {other.address}@{other.port} NOKEY\n" if other else "")
        self.write("nsd.conf", f"""\
server:
	ip-address: 127.0.0.1@{self.port}
	server-count: 1
	username: ""
	chroot: ""
	zonesdir: "{self.directory}"
	database: ""
	pidfile: ""
	xfrdfile: "{self.path("xfrd.state")}"
	zonelistfile: "{self.path("zone.list")}"
	xfrdir: "{self.directory}"
	xfrd-reload-timeout: 0
	zonefiles-write: 0
	verbosity: 2
	rrl-ratelimit: 0
remote-control:
	control-enable: no
{keys}{zones}""")

    def arguments(self):
        return ["nsd", "-d", "-c", self.path("nsd.conf")]


class PowerDns(Peer):
    """Its zones are in the BIND backend, which takes no differences; what belongs to TSIG is in the SQLite database beside it."""

    program = "pdns_server"
    sends_ixfr = takes_ixfr = False

    def __init__(self, directory):
        super().__init__(directory)
        self.signed = []        # zones that it shall not sign itself

    def primary(self, zone, text, to=None, key=None):
        super().primary(zone, text, to, key)
        if "RRSIG" in text:
            self.signed.append(zone)

    def write_config(self):
        self.write("named.conf", "".join(
            f'zone "{zone}" {{ type {"slave" if role == "secondary" else "master"}; file "{self.path(zone)}.zone"; ' +
            (f"masters {{ {other.address}:{other.port}; }}; " if role == "secondary" else "") + "};\n"
            for zone, role, other, key in self.zones))
        told = {f"{other.address}:{other.port}" for zone, role, other, key in self.zones if role == "primary" and other}
        roles = {role for zone, role, other, key in self.zones}
        self.write("pdns.conf", f"""\
launch=bind
bind-config={self.path("named.conf")}
bind-dnssec-db={self.path("metadata.db")}
socket-dir={self.directory}
local-address=127.0.0.1
local-port={self.port}
guardian=no
daemon=no
disable-syslog=yes
write-pid=no
loglevel=6
log-timestamp=no
receiver-threads=1
distributor-threads=1
retrieval-threads=1
primary={"yes" if "primary" in roles else "no"}
secondary={"yes" if "secondary" in roles else "no"}
xfr-cycle-interval=1
allow-axfr-ips=127.0.0.0/8
allow-notify-from=127.0.0.0/8
only-notify=
also-notify={",".join(told)}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
security-poll-suffix=
expand-alias=no
""")
        if not os.path.exists(self.path("metadata.db")):
            run(["pdnsutil", f"--config-dir={self.directory}", "create-bind-db", self.path("metadata.db")])
            self.fill_database()

    def fill_database(self):
        with sqlite3.connect(self.path("metadata.db")) as db:
            db.executemany("INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?)",
                           [(k.name, k.algorithm, k.secret) for k in self.keys])
            db.executemany("INSERT INTO domainmetadata (domain, kind, content) VALUES (?, ?, ?)",
                           [(zone, "TSIG-ALLOW-AXFR", key.name) for zone, role, other, key in self.zones if key] +
                           [(zone, "AXFR-MASTER-TSIG", key.name) for zone, role, other, key in self.zones
                            if key and role == "secondary"] +
                           [(zone, "PRESIGNED", "1") for zone in self.signed])

    def arguments(self):
        return ["pdns_server", f"--config-dir={self.directory}"]

    def change(self, zone, text):
        self.write(f"{zone}.zone", text)
        run(["pdns_control", f"--config-dir={self.directory}", f"--socket-dir={self.directory}", "bind-reload-now",
             zone])
        run(["pdns_control", f"--config-dir={self.directory}", f"--socket-dir={self.directory}", "notify", zone])


class Yadifa(Peer):
    program = "yadifad"
    can_be_primary = False
    cannot_read = ("o\\000c\\255t", "a\\.dot")

    def write_config(self):
        for name in ("keys", "xfr", "log"):
            os.makedirs(self.path(name), exist_ok=True)
        keys = "".join(f"<key>\nname {k.name}\nalgorithm {k.algorithm}\nsecret {k.secret}\n</key>\n" for k in self.keys)
        zones = "".join(
            f"<zone>\ntype secondary\ndomain {zone}\nfile {zone}.zone\n"
            f"primaries {other.address} port {other.port}{f' key {key.name}' if key else ''}\n"
            f"allow-notify 127.0.0.0/8\nallow-transfer {f'key {key.name}' if key else 'any'}\nallow-update none\n"
            "notify-auto off\n</zone>\n" for zone, role, other, key in self.zones)
        self.write("yadifad.conf", f"""\
<main>
daemon off
server-port {self.port}
listen 127.0.0.1
logpath {self.path("log")}
pidfile {self.path("pid")}
datapath {self.directory}
keyspath {self.path("keys")}
xfrpath {self.path("xfr")}
statistics off
queries-log-type 0
allow-query any
allow-control none
xfr-retry-delay 60
xfr-retry-jitter 60
</main>
<channels>
all STDERR
</channels>
<loggers>
database *		all
dnssec EMERG,ALERT,CRIT,ERR,WARNING,NOTICE all
server EMERG,ALERT,CRIT,ERR,WARNING,NOTICE,INFO all
system EMERG,ALERT,CRIT,ERR,WARNING,NOTICE all
zone *		all
</loggers>
{keys}{zones}""")

    def arguments(self):
        return ["yadifad", "-c", self.path("yadifad.conf")]

    def start(self, *zones):
        """At times it never asks for one of its zones after the start; then it is started again."""
        for seconds in (5, 10, 20, 40, 80):
            super().start()
            end = time.monotonic() + seconds * PATIENCE
            while time.monotonic() < end:
                self.check_running()
                if all(client.serial(self, z) is not None for z in zones):
                    return self
                time.sleep(0.1)
            self.stop()
        raise AssertionError(f"{self.name} does not serve all of {zones}")


SECONDARIES = (Bind, Knot, Nsd, PowerDns, Yadifa)
PRIMARIES = tuple(peer for peer in SECONDARIES if peer.can_be_primary)

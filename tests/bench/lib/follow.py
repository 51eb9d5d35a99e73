"""How long after the primary has a change a secondary answers with it; and how fast a whole zone is transferred."""

import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import time

from . import servers
from .measure import note, ratio, table
from .queries import running
from .servers import Certns, ask_serial, free_port, soa_query

ZONE = "follow.example"
TEXT = f"""$ORIGIN {ZONE}.
$TTL 300
@	SOA	ns1 hostmaster 1 7200 3600 1209600 300
	NS	ns1
ns1	A	127.0.0.1
"""
KEY = f"all._update.{ZONE}"


def certns(home, port, zone, log="warning"):
    path = os.path.join(home, "certns.yaml")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"server:\n  listen: [127.0.0.1@{port}]\n  workers: 1\n  state-directory: {home}/state\n  log-level: {log}\n"
                f"keys:\n  - name: {KEY}\n    algorithm: hmac-sha256\n    secret: {servers.KEY_SECRET}\n"
                f"zones:\n  - name: {ZONE}\n    {zone}\n")
    return [os.path.join(Certns.build, "server/certnsd"), "-c", path]


def certns_secondary(home, port, primary):
    return certns(home, port, f"primaries: [127.0.0.1@{primary} key {KEY}]")


def nsd_secondary(home, port, primary):
    path = os.path.join(home, "nsd.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"""server:
	ip-address: 127.0.0.1@{port}
	server-count: 1
	username: ""
	zonesdir: "{home}"
	zonelistfile: "{home}/zone.list"
	xfrdfile: "{home}/xfrd.state"
	xfrdir: "{home}"
	pidfile: ""
	database: ""
	rrl-ratelimit: 0
	xfrd-reload-timeout: 0
remote-control:
	control-enable: no
key:
	name: {KEY}
	algorithm: hmac-sha256
	secret: {servers.KEY_SECRET}
zone:
	name: {ZONE}
	zonefile: zone
	request-xfr: 127.0.0.1@{primary} {KEY}
	allow-notify: 127.0.0.1 NOKEY
	allow-notify: 127.0.0.1 {KEY}
""")
    return ["nsd", "-d", "-c", path]


def knot_secondary(home, port, primary):
    path = os.path.join(home, "knot.conf")
    os.mkdir(os.path.join(home, "db"))
    with open(path, "w", encoding="ascii") as f:
        f.write(f"""server:
    listen: 127.0.0.1@{port}
    rundir: {home}
    udp-workers: 1
    tcp-workers: 1
database:
    storage: {home}/db
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {servers.KEY_SECRET}
remote:
  - id: primary
    address: 127.0.0.1@{primary}
    key: {KEY}
acl:
  - id: told
    address: 127.0.0.1
    action: notify
zone:
  - domain: {ZONE}
    master: primary
    acl: told
    zonefile-sync: -1
""")
    return ["knotd", "-c", path]


def bind_secondary(home, port, primary):
    path = os.path.join(home, "named.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"""options {{
	directory "{home}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
	listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
}};
controls {{ }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{servers.KEY_SECRET}"; }};
zone "{ZONE}" {{ type secondary; file "zone"; primaries {{ 127.0.0.1 port {primary} key "{KEY}"; }}; }};
""")
    return ["named", "-g", "-c", path, "-n", "1"]


SECONDARIES = {"certns": certns_secondary, "NSD": nsd_secondary, "Knot": knot_secondary, "BIND": bind_secondary}


class Pair:
    """A certns primary, and a secondary of it that hears of every change by NOTIFY."""

    def __init__(self, work, name):
        self.home = os.path.join(work, "run", f"follow-{name}".lower())
        shutil.rmtree(self.home, ignore_errors=True)
        self.started = []
        ports = self.primary, self.secondary = free_port(), free_port()
        homes = [os.path.join(self.home, role) for role in ("primary", "secondary")]
        for home in homes:
            os.makedirs(home)
        path = os.path.join(homes[0], "zone")
        with open(path, "w", encoding="ascii") as f:
            f.write(TEXT)
        self.start(homes[0], certns(homes[0], ports[0], f"file: {path}\n    notify: [127.0.0.1@{ports[1]}]"), ports[0])
        self.start(homes[1], SECONDARIES[name](homes[1], ports[1], ports[0]), ports[1])

    def start(self, home, command, port):
        with open(os.path.join(home, "log"), "ab") as log:
            self.started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home))
        end = time.monotonic() + servers.PATIENCE_S
        while ask_serial(port, ZONE) is None:
            if time.monotonic() > end or self.started[-1].poll() is not None:
                raise RuntimeError(f"no answers: see {home}/log")
            time.sleep(0.01)

    def stop(self):
        for one in reversed(self.started):
            one.send_signal(signal.SIGTERM)
            one.wait()

    def follow_ms(self, i):
        """From the moment in which the primary answers with a change to that in which the secondary does."""
        serial = ask_serial(self.primary, ZONE)
        nsupdate = subprocess.Popen(["nsupdate", "-y", f"hmac-sha256:{KEY}:{servers.KEY_SECRET}"],
                                    stdin=subprocess.PIPE, text=True)
        nsupdate.stdin.write(f"server 127.0.0.1 {self.primary}\nzone {ZONE}\nupdate add n{i}.{ZONE} 300 A 192.0.2.1\nsend\n")
        nsupdate.stdin.close()
        end = time.monotonic() + servers.PATIENCE_S
        times = []
        for port in (self.primary, self.secondary):
            while ask_serial(port, ZONE) in (serial, None):
                if time.monotonic() > end:
                    raise RuntimeError(f"no change came: see {self.home}")
                time.sleep(0.0001)
            times.append(time.monotonic())
        nsupdate.wait()
        return (times[1] - times[0]) * 1000


def follow(options):
    """Each change comes after a second of quiet, since Knot and NSD gather what comes soon after another one."""
    rows, changes = [], 5 if options.quick else 20
    for cls in options.servers:
        pair = Pair(options.work, cls.name)
        try:
            times = []
            for i in range(changes):
                time.sleep(1.1)
                times.append(pair.follow_ms(i))
        finally:
            pair.stop()
        rows.append([cls.name, f"{statistics.median(times):.1f}", f"{max(times):.1f}"])
    table(f"From the change at a certns primary to the secondary's answer ({changes} changes, ms)",
          ["secondary", "median", "longest"], rows)


def transfer_s(port, zone):
    """Seconds for an AXFR, its octets and messages.  Nothing is parsed, so that we are not what is measured."""
    query = bytearray(soa_query(zone))
    query[-4:-2] = struct.pack("!H", 252)
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(struct.pack("!H", len(query)) + query)
        # The last message ends with the SOA again: its time is that of the last octets before a pause.
        s.settimeout(1)
        octets, last = 0, begun
        room = bytearray(1 << 20)
        try:
            while n := s.recv_into(room):
                octets += n
                last = time.monotonic()
        except socket.timeout:
            pass
    return last - begun, octets


def axfr(options, zones):
    rows, ours = [], None
    with running(options.servers, options, zones, updated=False) as (subjects, _):
        times = {server: [] for server in subjects}
        octets = {}
        for _ in range(options.rounds):
            for server in subjects:
                took, octets[server] = transfer_s(server.port, zones.zones[0])
                times[server].append(took)
        for server in subjects:
            took = statistics.median(times[server])
            ours = ours or took
            rows.append([server.name, f"{took:.3f}", ratio(took, ours), f"{octets[server] / 1e6:.1f}"])
    table(f"AXFR of {zones.title} (s; MB)", ["server", "seconds", "to certns", "MB"], rows)

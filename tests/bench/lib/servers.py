"""The servers side by side: certns, NSD, Knot DNS, BIND, and the bare echo.  All serve one port of 127.0.0.1 with one worker."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

from . import data

KEY_NAME = "bench._update." + data.ORIGIN
KEY_SECRET = "YmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2gga2U="
SERVER_CPU, LOAD_CPU = 0, 1
PATIENCE_S = 120


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def soa_query(zone):
    name = b"".join(bytes([len(label)]) + label.encode() for label in zone.split("."))
    return struct.pack("!6H", os.getpid() & 0xffff, 0, 1, 0, 0, 0) + name + struct.pack("!BHH", 0, 6, 1)


def ask_serial(port, zone, timeout=0.2):
    """The zone's serial; None: no answer, or not a good one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect(("127.0.0.1", port))
        try:
            s.send(soa_query(zone))
            answer = s.recv(4096)
        except OSError:
            return None
    if answer[3] & 15 != 0 or answer[6:8] == b"\0\0":
        return None
    at = 12 + len(zone) + 2 + 4                             # the answer's owner is a pointer, or the name again
    at += 2 if answer[at] >= 0xc0 else len(zone) + 2
    at, end = at + 10, at + 10 + struct.unpack("!H", answer[at + 8:at + 10])[0]
    return struct.unpack("!I", answer[end - 20:end - 16])[0]


class Server:
    """One server with a directory and a port of its own, for one set of zones."""

    name = ""
    program = ""
    updates = False
    durability = ""
    forks = False                                           # queries are answered by a child
    workers = 1                                             # that answer queries

    def __init__(self, work, zones, directory, updated=False):
        self.updated = updated                              # the zone takes updates (BIND then rereads no file)
        self.data = zones                                   # data.Hosting or data.Small
        self.files = os.path.join(directory, "zones")
        self.source = directory
        self.port = free_port()
        self.popen = None
        self.home = os.path.join(work, "run", f"{self.name}-{zones.key}".lower())
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        self.configure()

    def path(self, name):
        return os.path.join(self.home, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)
        return self.path(name)

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def start(self, pinned=True, wait=True, wrapper=()):
        """Gives the seconds until all was served."""
        command = [*wrapper, *self.command()]
        if pinned:
            command = ["taskset", "-c", str(SERVER_CPU), *command]
        begun = time.monotonic()
        with open(self.path("log"), "ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
                                          start_new_session=True)
        if wait:
            self.wait_ready()
        return time.monotonic() - begun

    def wait_ready(self):
        """Until the first, the middle and the last zone are served."""
        zones = self.data.zones
        for zone in {zones[0], zones[len(zones) // 2], zones[-1]}:
            self.wait_serial(zone, lambda serial: serial is not None)

    def wait_serial(self, zone, good):
        end = time.monotonic() + PATIENCE_S
        while not good(ask_serial(self.port, zone)):
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.name} ended: see {self.path('log')}")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.name} does not serve {zone}: see {self.path('log')}")
            time.sleep(0.002)

    def stop(self):
        if self.popen is None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(60)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen = None

    def pids(self):
        """The process and its descendants."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as f:
                        parents[int(entry)] = int(f.read().rpartition(")")[2].split()[1])
                except OSError:
                    pass
        ours = [self.popen.pid]
        for pid in ours:
            ours += [child for child, parent in parents.items() if parent == pid]
        return ours

    def cpu_s(self):
        """User and system time of all threads, as the scheduler counts it, in nanoseconds' detail."""
        total = 0
        for pid in self.pids():
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as f:
                        total += int(f.read().split()[0])
            except OSError:
                pass
        return total / 1e9

    def pss_kb(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
        return total

    def change_zone(self, text):
        """Give the server a new text of its first zone and have it read."""
        self.put_zone(text)
        self.read_zone()

    def put_zone(self, text):
        with open(self.own_file(), "w", encoding="ascii") as f:
            f.write(text)

    def read_zone(self):
        os.kill(self.popen.pid, signal.SIGHUP)

    def own_file(self):
        """A copy of the zone's file that may be changed."""
        raise NotImplementedError

    def copy_of_zone(self):
        """For a zone that will change: a copy in our own directory.  Many small zones are read from where they are."""
        if len(self.data.zones) > 1:
            return self.files
        os.makedirs(self.path("zones"), exist_ok=True)
        shutil.copy(os.path.join(self.files, self.data.zones[0]), self.path("zones"))
        return self.path("zones")


class Certns(Server):
    name = "certns"
    updates = True
    durability = "SQLite WAL, one synced transaction for each group"
    build = "."

    def configure(self):
        self.repository = self.path("zones.git")
        shutil.copytree(data.repository_of(self.data, self.source), self.repository)
        self.config = self.write("certns.yaml", f"""server:
  listen: [127.0.0.1@{self.port}]
  workers: {self.workers}
  state-directory: {self.path("state")}
  log-level: warning
git:
  - remote: {self.repository}
    poll: 0
    push: yes
keys:
  - name: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {KEY_SECRET}
zones:
  - name: {self.data.zones[0]}
    allow-transfer: [127.0.0.0/8]
""")

    def command(self):
        return [os.path.join(self.build, "server/certnsd"), "-c", self.config]

    def put_zone(self, text):
        data.git_import(self.repository, [(self.data.zones[0], text.encode())], "change")

    def read_zone(self):
        subprocess.run([os.path.join(self.build, "tools/certnsctl"), "-c", self.config, "pull"], check=True,
                       stdout=subprocess.DEVNULL)


class Nsd(Server):
    name = "NSD"
    program = "nsd"
    forks = True

    def configure(self):
        self.zones = self.copy_of_zone()
        text = f"""server:
	ip-address: 127.0.0.1@{self.port}
	server-count: {self.workers}
	username: ""
	zonesdir: "{self.zones}"
	zonelistfile: "{self.path('zone.list')}"
	xfrdfile: "{self.path('xfrd.state')}"
	pidfile: "{self.path('nsd.pid')}"
	database: ""
	rrl-ratelimit: 0
	tcp-count: 200
	minimal-responses: yes
remote-control:
	control-enable: no
"""
        text += "".join(f'zone:\n\tname: {z}\n\tzonefile: {z}\n\tprovide-xfr: 127.0.0.1 NOKEY\n'
                        for z in self.data.zones)
        self.config = self.write("nsd.conf", text)

    def command(self):
        return ["nsd", "-d", "-c", self.config]

    def own_file(self):
        return os.path.join(self.zones, self.data.zones[0])


class Knot(Server):
    name = "Knot"
    program = "knotd"
    updates = True
    durability = "LMDB journal, synced for each group of updates to a zone"

    def configure(self):
        self.zones = self.copy_of_zone()
        os.mkdir(self.path("db"))
        text = f"""server:
    listen: 127.0.0.1@{self.port}
    rundir: {self.home}
    udp-workers: {self.workers}
    tcp-workers: 1
    background-workers: 2
log:
  - target: stderr
    any: warning
database:
    storage: {self.path('db')}
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {KEY_SECRET}
acl:
  - id: update
    key: {KEY_NAME}
    action: update
  - id: transfer
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: {self.zones}
    file: "%s"
    zonefile-sync: -1
    acl: [update, transfer]
zone:
"""
        self.config = self.write("knot.conf", text + "".join(f"  - domain: {z}\n" for z in self.data.zones))

    def command(self):
        return ["knotd", "-c", self.config]

    own_file = Nsd.own_file


class Bind(Server):
    name = "BIND"
    program = "named"
    updates = True
    durability = "journal file, fsync for each update"

    def configure(self):
        self.zones = self.copy_of_zone()
        text = f"""options {{
	directory "{self.home}"; pid-file none; session-keyfile none; recursion no;
	listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
	dnssec-validation no; notify no; minimal-responses yes; allow-transfer {{ any; }};
}};
controls {{ }};
key "{KEY_NAME}" {{ algorithm hmac-sha256; secret "{KEY_SECRET}"; }};
"""
        rights = f'allow-update {{ key "{KEY_NAME}"; }}; ' if self.updated else ""
        text += "".join(f'zone "{z}" {{ type primary; file "{self.zones}/{z}"; {rights}}};\n' for z in self.data.zones)
        self.config = self.write("named.conf", text)

    def command(self):
        return ["named", "-g", "-c", self.config, "-n", str(self.workers)]

    own_file = Nsd.own_file


class Echo(Server):
    """Answers of size octets to whatever is asked."""

    name = "echo"

    def __init__(self, work, zones, directory, size):
        self.size = size
        super().__init__(work, zones, directory)

    def configure(self):
        pass

    def command(self):
        return [os.path.join(Certns.build, "tests/bench/echo"), str(self.port), str(self.size)]

    def wait_ready(self):
        time.sleep(0.1)


def installed():
    """The name servers that can be compared: certns, and the peers that this machine has."""
    return [Certns] + [c for c in (Nsd, Knot, Bind) if shutil.which(c.program)]

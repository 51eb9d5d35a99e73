"""The other name servers, on loopback, each with the same zone files and set so that they answer as much alike as they
can: EDNS up to 1232 octets, no rate limiting, no rotation, minimal responses where that can be chosen."""

import os

from lib import client
from lib.keys import Key
from lib.ports import free_port
from lib.process import Process
from lib.wait import wait_for


TRANSFER = Key("differential")          # who has it gets zones from BIND; the questions of the test are not signed


class Peer(Process):
    address = "127.0.0.1"

    def __init__(self, directory, paths):
        super().__init__(self.name, directory)
        self.port = free_port()
        self.conf = os.path.join(self.directory, f"{self.name}.conf")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(self.settings())
            for name, path in paths.items():
                f.write(self.zone(name, path))

    def start(self, *names):
        self.spawn(self.command())
        for name in names:
            wait_for(lambda: self.check_running() or client.serial(self, name) is not None,
                     f"{self.name} answers for {name}", 60)
        return self

    def stop(self):
        self.terminate()


class Nsd(Peer):
    name = "nsd"

    def command(self):
        return ["nsd", "-d", "-c", self.conf]

    def settings(self):
        return f"""server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.directory}"
    database: ""
    zonelistfile: "{self.directory}/zone.list"
    xfrdfile: "{self.directory}/xfrd.state"
    xfrdir: "{self.directory}"
    pidfile: "{self.directory}/nsd.pid"
    verbosity: 1
    tcp-query-count: 0
    tcp-timeout: 60
    ipv4-edns-size: 1232
    minimal-responses: yes
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
"""

    def zone(self, name, path):
        return f'zone:\n    name: "{name}"\n    zonefile: "{path}"\n'


class Knot(Peer):
    name = "knot"

    def command(self):
        return ["knotd", "-c", self.conf]

    def settings(self):
        return f"""server:
    rundir: "{self.directory}"
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 1232
    tcp-idle-timeout: 60
    tcp-io-timeout: 0
database:
    storage: "{self.directory}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "{self.directory}"
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
    semantic-checks: off
zone:
"""

    def zone(self, name, path):
        return f'  - domain: "{name.rstrip(".")}."\n    file: "{path}"\n'


class Bind(Peer):
    name = "bind"

    def command(self):
        return ["named", "-g", "-c", self.conf, "-n", "1"]

    def settings(self):
        return f"""{TRANSFER.named()}options {{
    directory "{self.directory}"; pid-file none; session-keyfile none;
    listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    allow-transfer {{ key "{TRANSFER.name}"; }}; recursion no; dnssec-validation no; notify no; empty-zones-enable no;
    minimal-responses yes; minimal-any yes; zero-no-soa-ttl no;
    max-udp-size 1232; edns-udp-size 1232; nocookie-udp-size 1232;
    tcp-clients 100; tcp-idle-timeout 600; rrset-order {{ order none; }};
    check-names primary ignore; check-integrity no; check-sibling no; check-mx ignore; check-mx-cname ignore;
    check-srv-cname ignore; check-wildcard no; check-dup-records ignore; check-spf ignore;
    answer-cookie no; max-records-per-type 0; max-types-per-name 0;
}};
controls {{ }};
"""

    def zone(self, name, path):
        return f'zone "{name}" {{ type primary; file "{path}"; }};\n'

"""BIND's named, as the other name server."""

import os

from .ports import free_port
from .process import Process
from .wait import wait_for
from . import client


class Named(Process):
    address = "127.0.0.1"

    def __init__(self, directory, name="named"):
        super().__init__(name, directory)
        self.port = free_port()
        self.clauses = []
        self.recursion = False
        self.options = ""
        self.validation = "no"
        self.notify_key = None          # NOTIFY must be signed with it

    def key(self, key):
        self.clauses.append(key.named())

    def primary(self, zone, text, options=""):
        path = os.path.join(self.directory, f"{zone}.zone")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        self.clauses.append(f'zone "{zone}" {{ type primary; file "{path}"; {options} }};\n')

    def secondary(self, zone, of, key=None, options=""):
        signed = f' key "{key.name}"' if key else ""
        self.clauses.append(
            f'zone "{zone}" {{ type secondary; file "{zone}.secondary"; masterfile-format text; '
            f"primaries {{ {of.address} port {of.port}{signed}; }}; "
            f"allow-notify {{ {f'key {self.notify_key.name}' if self.notify_key else '127.0.0.0/8'}; }}; {options} }};\n")

    def forward(self, zone, to):
        """In place of all else: ask another server for the zone."""
        self.clauses = []
        self.resolve(zone, to)

    def resolve(self, zone, at):
        """As a resolver does: ask another server for the zone."""
        self.clauses.append(f'zone "{zone}" {{ type forward; forward only; forwarders {{ {at.address} port {at.port}; }}; }};\n')
        self.recursion = True

    def start(self, *zones):
        path = os.path.join(self.directory, "named.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'options {{ directory "{self.directory}"; pid-file none; session-keyfile none; '
                    f"recursion {'yes' if self.recursion else 'no'}; "
                    f"listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; "
                    f"dnssec-validation {self.validation}; notify no; min-refresh-time 1; min-retry-time 1; "
                    f"allow-transfer {{ any; }}; {self.options} }};\ncontrols {{ }};\n" + "".join(self.clauses))
        before = self.log().count(" running\n")
        self.spawn(["named", "-g", "-c", path, "-n", "1"])
        wait_for(lambda: self.check_running() or self.log().count(" running\n") > before, "named runs")
        wait_for(lambda: self.check_running() or all(client.serial(self, z) is not None for z in zones),
                 f"named answers for {zones}")
        return self

    def stop(self):
        self.terminate()

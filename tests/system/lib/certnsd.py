"""The server under test."""

import json
import os
import re

from . import client
from .ports import free_port
from .process import Process, run
from .wait import wait_for

BUILD = os.environ.get("CERTNS_BUILD", os.getcwd())
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")


def program(name):
    """The path of one of our programs, such as "server/certnsd"."""
    path = os.path.join(BUILD, name)
    assert os.access(path, os.X_OK), f"{path} is not there: set CERTNS_BUILD to a build directory"
    return path


def _sanitized():
    with open(program("server/certnsd"), "rb") as f:
        return re.search(rb"__[at]san_init", f.read()) is not None


SANITIZED = _sanitized()                # much slower then, and memory is counted otherwise


def to_yaml(value, indent=0):
    """Plain YAML for what a configuration holds."""
    pad = " " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{k}:{_after(v, indent)}" for k, v in value.items())
    return "".join(f"{pad}-{_after(v, indent)}" for v in value)


def _after(value, indent):
    if isinstance(value, (dict, list)):
        if not value:
            return " []\n"
        return "\n" + to_yaml(value, indent + 4)
    if isinstance(value, bool):
        return " yes\n" if value else " no\n"
    if isinstance(value, int):
        return f" {value}\n"
    return f" {json.dumps(value)}\n"


class Certnsd(Process):
    """A certnsd with a directory, ports and a configuration of its own.

    git: URL or GitRepo, or a list of dicts; acme: Pebble, or a dict; the other arguments are sections of certns.yaml."""

    address = "127.0.0.1"

    def __init__(self, directory, git=None, acme=None, server=None, zones=None, keys=None, name="certnsd"):
        super().__init__(name, directory)
        self.port = free_port()
        self.state = os.path.join(self.directory, "state")
        self.config_path = os.path.join(self.directory, "certns.yaml")
        self.config = {
            "server": {"listen": [f"127.0.0.1@{self.port}", f"::1@{self.port}"], "workers": 2,
                       "state-directory": self.state, "log-level": "debug", **(server or {})},
        }
        if git is not None:
            if not isinstance(git, list):
                git = [{"remote": git if isinstance(git, str) else git.bare}]
            self.config["git"] = git
        if zones:
            self.config["zones"] = zones
        if keys:
            self.config["keys"] = keys
        if acme is not None:
            self.use_acme(acme)
        self.env = {}
        self.write_config()

    def use_acme(self, acme):
        if not isinstance(acme, dict):
            acme = {"authorities": [{"directory": acme.directory_url, "ca-certificates": acme.ca_path,
                                     "terms-agreed": True}]}
        self.config["acme"] = acme

    def here(self):
        """Our own address as the configuration writes it."""
        return f"{self.address}@{self.port}"

    def zone_entry(self, name, **settings):
        """Settings of a zone; by default its name servers are asked here, since tests do not use port 53."""
        entry = {"name": name, "check-servers": [self.here()], **settings}
        zones = self.config.setdefault("zones", [])
        zones[:] = [z for z in zones if z["name"] != name] + [entry]
        self.write_config()
        return entry

    def write_config(self):
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write(to_yaml(self.config))

    def start(self, *zones, arguments=None):
        """Start, and wait until the zones (at least the server) answer."""
        if arguments is None:
            arguments = ["-c", self.config_path]
        self.spawn([program("server/certnsd"), *arguments], env=self.env)
        self.wait_ready(*zones)
        return self

    def wait_ready(self, *zones):
        def ready():
            self.check_running()
            if zones:
                return all(client.serial(self, zone) is not None for zone in zones)
            return self.answers()

        wait_for(ready, f"{self.name} answers for {zones or 'anything'}")

    def answers(self):
        try:
            client.ask(self, "ready.invalid", "SOA", tcp=True, timeout=1)
            return True
        except (client.dns.exception.DNSException, OSError):
            return False

    def wait_serial(self, zone, wanted, timeout=30):
        wait_for(lambda: client.serial(self, zone) == wanted, f"{zone} is served with serial {wanted}", timeout)

    def stop(self):
        """SIGTERM: a clean end with status 0."""
        if self.popen is None:
            return
        if not self.seen_end:
            status = self.terminate()
            assert status == 0, f"{self.name} ended with {status}:\n{self.log()[-3000:]}"
        self.check_log()

    def check_log(self):
        found = SANITIZER.search(self.log())
        assert not found, f"{self.name}: {self.log()[found.start():][:4000]}"

    def wait_log(self, pattern, timeout=30):
        return wait_for(lambda: re.search(pattern, self.log()), f"the log says {pattern!r}", timeout)

    def ctl(self, *arguments, check=True):
        """certnsctl --json: the parsed result."""
        done = run([program("tools/certnsctl"), "-c", self.config_path, "--json", *arguments], check=check)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def ctl_text(self, *arguments, check=True):
        """certnsctl as people use it: the finished process."""
        return run([program("tools/certnsctl"), "-c", self.config_path, *arguments], check=check)

    def zone(self, name):
        """What certnsctl zones says of one zone; None: nothing."""
        for one in self.ctl("zones"):
            if one["name"].rstrip(".") == name:
                return one
        return None

    def certs(self, host):
        return [one for one in self.ctl("certs") if one["host"].rstrip(".") == host]

    def state_files(self):
        """Path and octets of each file in the state directory."""
        for base, _, names in os.walk(self.state):
            for name in names:
                path = os.path.join(base, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        yield path, f.read()

    def pull(self):
        """A zone that is refused makes it fail, which is no trouble here: many tests are about such zones."""
        done = self.ctl_text("pull", check=False)
        assert done.returncode == 0 or done.stderr.startswith("certnsctl: zone "), done.stderr

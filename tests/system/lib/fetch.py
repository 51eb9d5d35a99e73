"""certns-fetch, run as a service would, and what it leaves on the disk."""

import json
import os
import signal

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from . import client
from .certnsd import SANITIZER, program
from .certs import names_of, owner, public
from .process import Process, run
from .wait import wait_for

FINE, LOCAL, USAGE, WAITING, NETWORK, REFUSED, CA, UNFIT, HOOK, BUSY = range(10)
MEMBERS = {"key.pem", "certificate.pem", "chain.pem", "fullchain.pem", "combined.pem", "request.pem"}


class Fetch:
    """certns-fetch with a directory and a TSIG key of its own, asking server."""

    def __init__(self, directory, server, key):
        self.home = str(directory)
        os.makedirs(self.home, exist_ok=True)
        self.directory = os.path.join(self.home, "made", "by", "it")
        self.key_path = os.path.join(self.home, "tsig.key")
        self.write_key(key.named())
        self.server = server

    def write_key(self, text):
        with open(os.open(self.key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
            f.write(text)

    def arguments(self, *arguments):
        return [program("tools/certns-fetch"), "-c", self.config(), "-k", self.key_path, "-d", self.directory,
                "-s", f"{self.server.address}@{self.server.port}", "-w", "60", *arguments]

    def config(self):
        """A file of our own, so that none of the machine counts."""
        path = os.path.join(self.home, "fetch.yaml")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8"):
                pass
        return path

    def run(self, *arguments, expect=FINE, **kwargs):
        done = run(self.arguments(*arguments), check=False, **kwargs)
        assert not SANITIZER.search(done.stderr), done.stderr
        assert done.returncode == expect, f"status {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def wait_problem(self, host="www.example.com"):
        """The server tells of a problem in the status record."""
        wait_for(lambda: any("problem=" in text for text in client.look(self.server, f"_status.{owner(host)}", "TXT")),
                 "the status has a problem")

    def json(self, *arguments, **kwargs):
        return json.loads(self.run("--json", *arguments, **kwargs).stdout)

    def place(self, host="www.example.com"):
        return Place(os.path.join(self.directory, host))


class Running(Process):
    """A program that is killed at the end of the test, if not before, together with the processes that it has made."""

    def stop(self):
        self.kill9()

    def kill9(self):
        if self.popen is not None:
            try:
                os.killpg(self.popen.pid, signal.SIGKILL)      # it leads a session of its own
            except ProcessLookupError:
                pass
        super().kill9()


class Place:
    """The directory of one host."""

    def __init__(self, path):
        self.path = path
        self.current = os.path.join(path, "current")

    def read(self, name):
        with open(os.path.join(self.current, name), "rb") as f:
            return f.read()

    def version(self):
        return os.readlink(self.current) if os.path.islink(self.current) else None

    def versions(self):
        return sorted(os.listdir(os.path.join(self.path, "versions")))

    def mode(self, name):
        return os.stat(os.path.join(self.current, name)).st_mode & 0o777

    def certificate(self):
        return x509.load_pem_x509_certificate(self.read("certificate.pem"))

    def key(self):
        return serialization.load_pem_private_key(self.read("key.pem"), None)

    def check(self, names, root_pem=None):
        """A whole set that fits together; gives its certificate."""
        assert set(os.listdir(self.current)) == MEMBERS
        certificate = self.certificate()
        assert names_of(certificate) == sorted(names)
        assert public(self.key().public_key()) == public(certificate.public_key())
        assert self.read("fullchain.pem") == self.read("certificate.pem") + self.read("chain.pem")
        assert self.read("combined.pem") == self.read("key.pem") + self.read("fullchain.pem")
        assert self.mode("key.pem") & 0o077 in (0, 0o040) and self.mode("combined.pem") == self.mode("key.pem")
        if root_pem is not None:
            root = os.path.join(self.path, "root.pem")
            with open(root, "w", encoding="ascii") as f:
                f.write(root_pem)
            run(["openssl", "verify", "-CAfile", root, "-untrusted", os.path.join(self.current, "chain.pem"),
                 os.path.join(self.current, "certificate.pem")])
        return certificate

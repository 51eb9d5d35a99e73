"""Pebble, the ACME server for tests."""

import json
import os
import ssl
import urllib.request

from .ports import free_port
from .process import Process, run
from .wait import wait_for

_identities = {}                # names -> the files of its TLS certificate


def _make_identity(directory, names):
    def path(name):
        return os.path.join(directory, name)

    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=made for this test", "-keyout", path("ca-key.pem"), "-out", path("ca.pem")])
    run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", "/CN=localhost", "-keyout", path("key.pem"), "-out", path("cert.csr")])
    with open(path("san"), "w", encoding="ascii") as f:
        f.write("subjectAltName=" + ",".join(["IP:127.0.0.1", "DNS:localhost", *(f"DNS:{n}" for n in names)]) + "\n")
    run(["openssl", "x509", "-req", "-in", path("cert.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca-key.pem"),
         "-days", "2", "-extfile", path("san"), "-out", path("cert.pem")])
    files = {}
    for name in ("ca.pem", "cert.pem", "key.pem"):
        with open(path(name), "rb") as f:
            files[name] = f.read()
    return files


class Pebble(Process):
    """dns: the server that it asks ("127.0.0.1:5353").  env: PEBBLE_... settings.  eab: {kid: key in base64url}, of which each
    account needs one.  strict: as the next generation of CAs would be.  names: that its TLS certificate has, too."""

    def __init__(self, directory, dns, env=None, eab=None, strict=False, names=()):
        super().__init__("pebble", directory)
        self.dns, self.strict = dns, strict
        self.port = free_port()
        self.management_port = free_port()
        self.env = {"PEBBLE_VA_NOSLEEP": "1", **(env or {})}
        self.directory_url = f"https://127.0.0.1:{self.port}/dir"
        self.ca_path = os.path.join(self.directory, "ca.pem")
        self._make_certificates(names)
        self._context = None
        self.config_path = os.path.join(self.directory, "pebble.json")
        with open(self.config_path, "w", encoding="utf-8") as f:
            json.dump({"pebble": {
                "listenAddress": f"127.0.0.1:{self.port}",
                "managementListenAddress": f"127.0.0.1:{self.management_port}",
                "certificate": os.path.join(self.directory, "cert.pem"),
                "privateKey": os.path.join(self.directory, "key.pem"),
                "httpPort": free_port(), "tlsPort": free_port(),
                "ocspResponderURL": "", "externalAccountBindingRequired": eab is not None,
                "externalAccountMACKeys": eab or {}}}, f)

    def _make_certificates(self, names):
        """Once for all of this process that have the same names."""
        names = tuple(names)
        if names not in _identities:
            _identities[names] = _make_identity(self.directory, names)
        for name, octets in _identities[names].items():
            path = os.path.join(self.directory, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if name == "key.pem" else 0o644), "wb") as f:
                f.write(octets)

    def start(self):
        self.spawn(["pebble", "-config", self.config_path, "-dnsserver", self.dns,
                    *(["-strict"] if self.strict else [])],
                   env=self.env)
        wait_for(self.ready, "Pebble answers")
        return self

    def ready(self):
        self.check_running()
        try:
            self.get(self.directory_url)
            return True
        except OSError:
            return False

    def get(self, url):
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self.ca_path)
        with urllib.request.urlopen(url, context=self._context, timeout=10) as reply:
            return reply.read().decode()

    def root_pem(self, which=0):
        """Of the default chain, or of an alternate one."""
        return self.get(f"https://127.0.0.1:{self.management_port}/roots/{which}")

    def stop(self):
        self.terminate()

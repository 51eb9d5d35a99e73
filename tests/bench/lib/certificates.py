"""Certificates from Pebble: one from its CSR to its publication, beside lego and certbot; and a thousand at once."""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import time

from . import servers
from .measure import note, ratio, table

ZONE = "certs.example"
KEY_NAME = f"client._update.{ZONE}"
TSIG = f"hmac-sha256:{KEY_NAME}:{servers.KEY_SECRET}"
BATCH = 50                                                  # CSRs in one UPDATE
PATIENCE_S = 600


class Domain:
    """The zone, as servers.Server wants it."""
    key, title, zones = "certificates", "a zone with CSRs", [ZONE]


def run(command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **more).stdout


def cpu_of(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        main = int(f.read().split()[0])
    tasks = f"/proc/{pid}/task"
    others = 0
    for task in os.listdir(tasks):
        if int(task) != pid:
            with open(f"{tasks}/{task}/schedstat", encoding="ascii") as f:
                others += int(f.read().split()[0])
    return (main + others) / 1e9


class Pebble:
    """The test CA, without its sleeps."""

    def __init__(self, home, dns_port, nonce_reject):
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home)
        self.home, self.nonce_reject, self.dns_port = home, nonce_reject, dns_port
        self.port = servers.free_port()
        self.directory_url = f"https://127.0.0.1:{self.port}/dir"
        self.ca = os.path.join(home, "tls.pem")
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj",
             "/CN=Pebble", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", os.path.join(home, "tls.key"), "-out",
             self.ca])
        with open(os.path.join(home, "pebble.json"), "w", encoding="ascii") as f:
            json.dump({"pebble": {
                "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{servers.free_port()}",
                "certificate": self.ca, "privateKey": os.path.join(home, "tls.key"), "httpPort": servers.free_port(),
                "tlsPort": servers.free_port(), "ocspResponderURL": "", "externalAccountBindingRequired": False}}, f)

    def __enter__(self):
        env = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0",
               "PEBBLE_WFE_NONCEREJECT": str(self.nonce_reject)}
        with open(os.path.join(self.home, "log"), "wb") as log:
            self.popen = subprocess.Popen(["pebble", "-config", os.path.join(self.home, "pebble.json"), "-dnsserver",
                                           f"127.0.0.1:{self.dns_port}"], env=env, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if time.monotonic() > end or self.popen.poll() is not None:
                raise RuntimeError(f"Pebble does not run: see {self.home}/log")
            time.sleep(0.02)

    def __exit__(self, *_):
        self.popen.terminate()
        self.popen.wait()

    def cpu_s(self):
        return cpu_of(self.popen.pid)


class Issuer(servers.Certns):
    """certns with a zone of its own, from a file, and a CA."""

    def configure(self):
        self.zone = self.write("zone", f"@ 300 SOA ns hostmaster 1 3600 600 604800 300\n@ 300 NS ns\nns 300 A 127.0.0.1\n")
        self.authority = None

    def use(self, pebble, level):
        authority = f"acme:\n  status: no\n  authorities:\n    - directory: {pebble.directory_url}\n" \
                    f"      ca-certificates: {pebble.ca}\n      terms-agreed: yes\n"
        self.config = self.write("certns.yaml", f"""server:
  listen: [127.0.0.1@{self.port}]
  workers: 1
  state-directory: {self.path("state")}
  log-level: {level}
zones:
  - name: {ZONE}
    file: {self.zone}
    check-servers: [127.0.0.1@{self.port}]
keys:
  - name: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {servers.KEY_SECRET}
{authority}""")

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def cpu_s(self):
        return cpu_of(self.popen.pid)


def csr(home, host):
    """DER in hex; all share one key, which no CA minds."""
    key = os.path.join(home, "csr.key")
    if not os.path.exists(key):
        run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key])
    return run(["openssl", "req", "-new", "-key", key, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                "-outform", "DER"]).hex()


def upload(server, requests):
    """[(host, hex)] in updates of some each."""
    for at in range(0, len(requests), BATCH):
        lines = [f"update add _letsencrypt._tcp.{host}. 3600 TLSA 3 255 0 {der}"
                 for host, der in requests[at:at + BATCH]]
        run(["nsupdate", "-v", "-y", TSIG], text=True,
            input="\n".join([f"server 127.0.0.1 {server.port}", f"zone {ZONE}", *lines, "send\n"]))


def one(server, pebble, home, number):
    """Milliseconds from the upload of a CSR until its certificate is served; and of these, what the CA took."""
    host = f"one{number}.{ZONE}"
    request = [(host, csr(home, host))]
    before = len(server.log())
    begun = time.monotonic()
    upload(server, request)
    while f"acme: {host}: certificate published" not in server.log()[before:]:
        if time.monotonic() - begun > 60:
            raise RuntimeError(f"no certificate for {host}: see {server.path('log')}")
        time.sleep(0.001)
    took = (time.monotonic() - begun) * 1000
    at_ca = sum(int(us) for us in re.findall(r"status \d+ after (\d+) us", server.log()[before:])) / 1000
    return took, at_ca


def lego(server, pebble, home, number):
    """The same by lego, which uses the DNS of certns; its account was made before."""
    env = {**os.environ, "LEGO_CA_CERTIFICATES": pebble.ca, "RFC2136_NAMESERVER": f"127.0.0.1:{server.port}",
           "RFC2136_TSIG_ALGORITHM": "hmac-sha256.", "RFC2136_TSIG_KEY": KEY_NAME,
           "RFC2136_TSIG_SECRET": servers.KEY_SECRET,
           "RFC2136_POLLING_INTERVAL": "1", "RFC2136_PROPAGATION_TIMEOUT": "20", "RFC2136_SEQUENCE_INTERVAL": "1"}
    begun = time.monotonic()
    run(["lego", "--accept-tos", "--email", "a@example.org", "--server", pebble.directory_url, "--path",
         os.path.join(home, "lego"),
         "--dns", "rfc2136", "--dns.disable-cp", "--domains", f"lego{number}.{ZONE}", "run"], env=env)
    return (time.monotonic() - begun) * 1000


def certbot(server, pebble, home, number):
    settings = {"server": "127.0.0.1", "port": server.port, "name": KEY_NAME, "secret": servers.KEY_SECRET,
                "algorithm": "HMAC-SHA256"}
    credentials = os.path.join(home, "certbot.ini")
    with open(os.open(credentials, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write("".join(f"dns_rfc2136_{k} = {v}\n" for k, v in settings.items()))
    directory = os.path.join(home, "certbot")
    begun = time.monotonic()
    run(["certbot", "certonly", "--non-interactive", "--agree-tos", "--email", "a@example.org", "--server",
         pebble.directory_url,
         "--config-dir", directory, "--work-dir", directory, "--logs-dir", directory, "--dns-rfc2136",
         "--dns-rfc2136-credentials",
         credentials, "--dns-rfc2136-propagation-seconds", "1", "-d", f"certbot{number}.{ZONE}"],
        env={**os.environ, "REQUESTS_CA_BUNDLE": pebble.ca})
    return (time.monotonic() - begun) * 1000


def many(server, pebble, home, n):
    """Seconds until all are published, and the CPU of both meanwhile."""
    requests = [(f"h{i}.{ZONE}", csr(home, f"h{i}.{ZONE}")) for i in range(n)]
    cpu = server.cpu_s(), pebble.cpu_s()
    before = len(server.log())
    begun = time.monotonic()
    upload(server, requests)
    uploaded = time.monotonic() - begun
    while server.log()[before:].count(": certificate published") < n:
        if time.monotonic() - begun > PATIENCE_S:
            raise RuntimeError(f"not all have certificates: see {server.path('log')}")
        time.sleep(0.1)
    return time.monotonic() - begun, uploaded, server.cpu_s() - cpu[0], pebble.cpu_s() - cpu[1]


def start(options, nonce_reject, level="info"):
    directory = os.path.join(options.work, "run", "certificates")
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(os.path.join(directory, "zones"))
    server = Issuer(options.work, Domain, directory)
    pebble = Pebble(os.path.join(directory, "pebble"), server.port, nonce_reject)
    server.use(pebble, level)
    return server, pebble, directory


def certificates(options):
    if shutil.which("pebble") is None:
        note("no Pebble: no certificates")
        return
    server, pebble, home = start(options, 0, "debug")           # which has the times of requests
    with pebble:
        try:
            server.start(pinned=False)
            one(server, pebble, home, 0)                    # the account
            ours = [one(server, pebble, home, i + 1) for i in range(options.rounds)]
            took, at_ca = (statistics.median(x[i] for x in ours) for i in (0, 1))
            rows = [["certns", f"{took:.0f}", f"{at_ca:.0f}", f"{took - at_ca:.0f}", ratio(took, took)]]
            for name, other in (("lego", lego), ("certbot", certbot)):
                if shutil.which(name) is None:
                    continue
                other(server, pebble, home, 0)
                theirs = statistics.median(other(server, pebble, home, i + 1)
                                           for i in range(max(1, options.rounds // 2)))
                rows.append([name, f"{theirs:.0f}", "", "", ratio(theirs, took)])
        finally:
            server.stop()
    table("One CSR until its certificate is published (ms); lego and certbot do the same by the DNS of certns, with RFC 2136",
          ["client", "in all", "the CA's part", "the rest", "to certns"], rows)
    rows = []
    for nonce_reject in (0, 5):
        server, pebble, home = start(options, nonce_reject)
        with pebble:
            try:
                server.start(pinned=False)
                n = 100 if options.quick else 1000
                took, uploaded, ours, theirs = many(server, pebble, home, n)
            finally:
                server.stop()
        rows.append([f"{nonce_reject} %", n, f"{uploaded:.2f}", f"{took:.2f}", f"{took / n * 1000:.1f}", f"{ours:.2f}",
                     f"{theirs:.2f}",
                     ratio(theirs, ours)])
    table("Many CSRs at once until all certificates are published (s)",
          ["nonces refused", "CSRs", "uploaded", "in all", "each, ms", "CPU of certns", "CPU of Pebble", "to certns"],
          rows)

"""Commits and updates among many zones: what they cost must not follow the number of zones."""

import os
import re
import statistics
import subprocess
import time

from . import data, servers
from .measure import note, table


KEY_NAME = "bench._update"                                  # of the root: for all zones
KEY = f"hmac-sha256:{KEY_NAME}:{servers.KEY_SECRET}"


class Puller(servers.Certns):
    """certns with a log of what its pulls took."""

    def configure(self):
        super().configure()
        with open(self.config, encoding="ascii") as f:
            text = f.read()
        text = text.replace("log-level: warning", "log-level: debug").replace(servers.KEY_NAME, KEY_NAME)
        self.write("certns.yaml", text)

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()


def notify(server, zone):
    """A signed NOTIFY, as a hook would send it."""
    subprocess.run(["dig", "@127.0.0.1", "-p", str(server.port), "+opcode=notify", "+tries=1", "+noall", "SOA", zone,
                    "-y", KEY],
                   check=True, stdout=subprocess.DEVNULL)


def one_line(server, zones, directory, serial):
    """Milliseconds from a NOTIFY until a one-line commit is served; and of these the fetch, the search, reading, merging."""
    zone = zones.zones[len(zones.zones) // 2]
    with open(os.path.join(directory, "zones", zone), encoding="ascii") as f:
        text = f.read()
    text = re.sub(r"(SOA\tns1 hostmaster )\d+", rf"\g<1>{serial}", text, count=1)
    data.git_import(server.repository, [(zone, text.replace("192.0.2.3\n", f"192.0.2.{serial}\n", 1).encode())],
                    "one line")
    before = len(server.log())
    begun = time.monotonic()
    notify(server, zone)
    server.wait_serial(zone, lambda got: got == serial)
    took = (time.monotonic() - begun) * 1000
    found = re.search(r"fetched in (\d+) ms, \d+ changed files found after (\d+) ms, \d+ zones read in (\d+) ms, merged in (\d+) ms",
                      server.log()[before:])
    fetched, searched, read, merged = (int(one) for one in found.groups())
    return took, fetched, searched - fetched, read, merged


def write_back(server, zones, number):
    """Milliseconds until an update is acknowledged, and until its commit has been pushed, less the second of gathering."""
    zone = zones.zones[len(zones.zones) // 3]
    begun = time.monotonic()
    subprocess.run(["nsupdate", "-y", KEY], check=True, text=True,
                   input=f"server 127.0.0.1 {server.port}\nzone {zone}\nupdate add new{number}.{zone} 300 A 192.0.2.9\nsend\n")
    acknowledged = time.monotonic()
    head = _head(server)
    while _head(server) == head:
        time.sleep(0.01)
    return (acknowledged - begun) * 1000, (time.monotonic() - acknowledged - 1) * 1000


def _head(server):
    return subprocess.run(["git", "-C", server.repository, "rev-parse", "main"], check=True,
                          stdout=subprocess.PIPE).stdout


def pull(options, subjects):
    """subjects: data.Small of several sizes, data.Hosting."""
    rows = []
    for zones in subjects:
        directory = data.prepare(zones, options.work)
        server = Puller(options.work, zones, directory)
        try:
            first = server.start(pinned=False)
            server.stop()
            again = server.start(pinned=False)
            time.sleep(2)
            pulls = [one_line(server, zones, directory, 100 + i) for i in range(options.rounds)]
            writes = [write_back(server, zones, i) for i in range(max(1, options.rounds // 2))]
        finally:
            server.stop()
        note(f"{zones.title}: start {first:.2f} s, again {again:.2f} s")
        rows.append([zones.title, f"{first:.2f}", f"{again:.2f}",
                     *(f"{statistics.median(p[i] for p in pulls):.0f}" for i in range(5)),
                     *(f"{statistics.median(w[i] for w in writes):.0f}" for i in range(2))])
    table("A one-line commit from NOTIFY until it is served, and an update until it is pushed (ms)",
          ["repository", "first start, s", "start, s", "served", "fetch", "search", "read", "merge", "update",
           "pushed"], rows)

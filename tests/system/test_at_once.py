"""Queries, updates, commits, transfers and reloads at once: no answer mixes two versions of a zone, and none is missing."""

import collections
import glob
import os
import random
import signal
import socket
import threading
import time

import dns.message
import dns.query
import dns.zone

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.process import run
from lib.wait import PATIENCE
from lib.zones import zone

SECONDS = 4
RECORDS = 6


def numbered(n):
    """One RRset; every record tells its version."""
    return "".join(f'set\t60\tTXT\t"{n} {i}"\n' for i in range(RECORDS))


class Crowd:
    """Threads that repeat what they do until time is up; the first fault of any of them is raised at the end."""

    def __init__(self):
        self.end = time.monotonic() + SECONDS * PATIENCE
        self.fault = None
        self.threads = []
        self.counts = {}

    def add(self, do):
        name = f"{do.__name__} {len(self.threads)}"
        self.counts[name] = 0

        def repeat():
            try:
                while time.monotonic() < self.end and self.fault is None:
                    do()
                    self.counts[name] += 1
            except BaseException as fault:              # every kind, or a thread would end silently
                self.fault = self.fault or fault

        self.threads.append(threading.Thread(target=repeat, name=name))

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.fault is not None:
            raise self.fault


def versions(rrset):
    return {rdata.strings[0].split()[0] for rdata in rrset}


class Asker:
    """Asks by one transport, and checks what comes."""

    def __init__(self, server, tcp):
        self.server = server
        self.tcp = tcp
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.socket.settimeout(20 * PATIENCE)
        self.socket.connect((server.address, server.port))
        self.serials = {"example.com": 0, "example.net": 0}
        self.rng = random.Random(tcp)

    def exchange(self, name, rdtype):
        query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
        if self.tcp:
            dns.query.send_tcp(self.socket, query)
            return dns.query.receive_tcp(self.socket)[0]
        self.socket.send(query.to_wire())
        response = dns.message.from_wire(self.socket.recv(65535))
        assert response.id == query.id
        return response

    def ask(self):
        origin = self.rng.choice(list(self.serials))
        kind = self.rng.choice(["set", "serial", "nothing"])
        if kind == "set":
            response = self.exchange(f"set.{origin}", "TXT")
            assert len(response.answer) == 1 and len(response.answer[0]) == RECORDS, response
            assert len(versions(response.answer[0])) == 1, response
        elif kind == "serial":
            serial = self.exchange(origin, "SOA").answer[0][0].serial
            assert serial >= self.serials[origin], "the serial never goes back"
            self.serials[origin] = serial
        else:
            response = self.exchange(f"nothing.{origin}", "A")
            assert client.rcode(response) == "NXDOMAIN" and len(response.authority) == 1, response


def test_everything_at_once(certnsd, tmp_path):
    keys = [Key("client._update.example.com"), Key("second._transfer")]
    repo = GitRepo(tmp_path / "git", {
        "example.com": zone(extra=numbered(0)), "example.net": zone("example.net", extra=numbered(0)),
        "example.com._keys": keys[0].dnskey(), "_keys": keys[1].dnskey()})
    tap = str(tmp_path / "tap")
    server = certnsd(git=repo, server={"workers": 3, "log-level": "info", "dnstap": {"sink": tap}}).start(
        "example.com", "example.net")
    crowd = Crowd()
    number = {"update": 0, "commit": 0, "reload": 0}

    def update():
        number["update"] += 1
        message = client.new_update("example.com", keys[0])
        message.delete("set", "TXT")
        for i in range(RECORDS):
            message.add("set", 60, "TXT", f'"{number["update"]} {i}"')
        assert client.send_update(server, message, tcp=number["update"] % 2 == 0) == "NOERROR"

    def commit():
        number["commit"] += 1
        repo.commit({"example.net": zone("example.net", serial=number["commit"] + 1, extra=numbered(number["commit"]))})
        server.pull()

    def transfer():
        origin = random.choice(["example.com", "example.net"])
        messages = dns.query.xfr(server.address, origin, port=server.port, lifetime=30 * PATIENCE, relativize=False,
                                 keyring=keys[1].dnspython(), keyname=keys[1].dnspython().name)
        sets = [rrset for message in messages for rrset in message.answer]
        assert len(versions(next(r for r in sets if r.name.to_text().startswith("set.")))) == 1
        assert sets[0][0].serial == sets[-1][0].serial

    def reload():
        number["reload"] += 1
        if number["reload"] % 4 == 0 and os.path.exists(tap):
            os.rename(tap, f"{tap}.{number['reload']}")
        server.signal(signal.SIGHUP)
        time.sleep(0.05)

    def metrics():
        assert "certns_" in server.ctl_text("metrics").stdout

    askers = [Asker(server, tcp) for tcp in (False, False, True)]
    for asker in askers:
        crowd.add(asker.ask)
    for do in update, commit, transfer, reload, metrics:
        crowd.add(do)
    crowd.run()
    for asker in askers:
        asker.socket.close()
    assert all(n > 0 for n in crowd.counts.values()), crowd.counts
    assert client.look(server, "set.example.com", "TXT") == sorted(
        f'"{number["update"]} {i}"' for i in range(RECORDS))
    assert server.ctl("status")["dnstap"]["dropped"] == 0
    server.stop()
    seen = collections.Counter(line.split()[2] for path in glob.glob(f"{tap}*")
                               for line in run(["dnstap-read", path]).stdout.splitlines())
    assert seen["UQ"] == seen["UR"] == number["update"], "each is recorded once, whichever file it is in"
    transfers = crowd.counts[next(name for name in crowd.counts if name.startswith("transfer"))]
    assert seen["AQ"] - transfers <= seen["AR"] <= seen["AQ"], seen

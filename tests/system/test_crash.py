"""kill -9 at random moments, while keys update three zones, a person pushes, and write-backs and images are on their way.

Each acknowledged update is there afterwards, each other one wholly or not at all, serials never go back, and in the end the
remote has what is served (promises 1 and 2)."""

import os
import random
import re
import shutil
import socket
import threading
import time

import dns.message
import dns.query
import dns.rdatatype
import dns.zone
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import PATIENCE, wait_for
from lib.zones import zone

ROUNDS = 200 if os.environ.get("CERTNS_LONG") == "yes" else 20
ZONES = ["example.com", "example.net", "example.org"]
KEYS = {name: Key(f"client._update.{name}") for name in ZONES}


def content(server, origin):
    """owner -> sorted texts of its A and TXT records; and the serial."""
    messages = dns.query.xfr(server.address, origin, port=server.port, lifetime=30 * PATIENCE, relativize=False,
                             keyring=KEYS[origin].dnspython(), keyname=KEYS[origin].dnspython().name)
    names, serial = {}, None
    for message in messages:
        for rrset in message.answer:
            if rrset.rdtype == dns.rdatatype.SOA:
                serial = rrset[0].serial
            elif rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.TXT):
                names.setdefault(rrset.name.to_text(), []).extend(rdata.to_text() for rdata in rrset)
    return names, serial


class Change:
    """One UPDATE: two names at once, and now and then a challenge beside them, or two that go."""

    def __init__(self, client_, number):
        self.origin, self.number, self.acknowledged = client_.origin, number, False
        message = client.new_update(f"{self.origin}.", KEYS[self.origin])
        self.here, self.gone = [], []
        if client_.there and random.random() < (0.25 if len(client_.there) < 100 else 0.6):
            self.gone = client_.there.pop(random.randrange(len(client_.there)))
            for name in self.gone:
                message.delete(name)
        else:
            self.here = [f"{part}{number}.{self.origin}." for part in (client_.name, client_.name + "twin")]
            for name in self.here:
                message.add(name, 300, "A", f"192.0.2.{number % 250}")
            if random.random() < 0.3:
                self.here.append(f"_acme-challenge.{client_.name}{number}.{self.origin}.")
                message.add(self.here[-1], 60, "TXT", "token")
        self.wire = message.to_wire()

    def is_done(self, names):
        """Wholly or not at all, and for sure if it was acknowledged."""
        there = [name in names for name in self.here] + [name not in names for name in self.gone]
        what = f"{self.number} of {self.origin}: {self.here} {self.gone} {there}"
        assert all(there) or not any(there), f"half of {what}"
        assert there[0] or not self.acknowledged, f"lost: {what}"
        return there[0]


class Client:
    """Sends one update after the other until the server dies, and keeps book: there has the names that must be there."""

    def __init__(self, server, origin, name):
        self.server, self.origin, self.name = server, origin, name
        self.there, self.changes, self.number, self.unanswered = [], [], 0, None
        self.acknowledged = self.resent = 0

    def check(self, names):
        """What became of the changes of this round?"""
        self.unanswered = None
        for change in self.changes:
            done = change.is_done(names)
            self.acknowledged += change.acknowledged
            if not change.acknowledged:
                self.unanswered = change            # the last one; it may go out once more
            elif change.here:
                self.there.append(change.here)
        self.changes = []
        lost = [name for pair in self.there for name in pair if name not in names]
        assert not lost, f"{self.origin}: {lost} gone"
        if self.unanswered is not None and random.random() < 0.3:
            change, self.unanswered = self.unanswered, None
            if done == bool(change.here):           # its names are there now
                self.there.append(change.here or change.gone)

    def start(self):
        self.over, self.fault = False, None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def join(self):
        self.thread.join()
        assert self.fault is None, self.fault

    def run(self):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.connect((self.server.address, self.server.port))
                s.settimeout(0.2)
                while not self.over:
                    # What was not answered is sent again as it was: done before or not, it is done once.
                    change, self.unanswered = self.unanswered, None
                    self.resent += change is not None
                    if change is None:
                        self.number += 1
                        change = Change(self, self.number)
                    self.changes.append(change)
                    change.acknowledged = self.send(s, change)
        except OSError:
            return                      # the server is dead
        except Exception as fault:      # pylint: disable=broad-except
            self.fault = fault

    def send(self, s, change):
        """True: acknowledged.  What gets no answer is sent again, as clients do."""
        s.send(change.wire)
        while not self.over:
            try:
                answer = s.recv(4096)
            except socket.timeout:
                s.send(change.wire)
                continue
            if answer[:2] != change.wire[:2]:
                continue                # the answer to a copy
            assert answer[3] & 15 == 0, f"rcode {answer[3] & 15} for {change.number} of {change.origin}"
            return True
        return False


class Person(threading.Thread):
    """Pushes lines of their own, and sees to it that they are pulled."""

    def __init__(self, server, repo):
        super().__init__(daemon=True)
        self.server, self.repo, self.n, self.over, self.fault = server, repo, 0, False, None

    def run(self):
        try:
            while not self.over:
                self.n += 1
                try:
                    self.repo.edit(ZONES[self.n % 3], lambda text: text + f"person{self.n}\tA\t192.0.2.1\n")
                except AssertionError as rejected:
                    if "rejected ten times" not in str(rejected):
                        raise               # else the server, which pushes at each start, was always faster
                self.server.ctl("pull", check=False)
                time.sleep(0.2)
        except Exception as fault:      # pylint: disable=broad-except
            self.fault = fault


@pytest.mark.first
def test_killed_again_and_again(certnsd, tmp_path):
    seed = int(os.environ.get("CERTNS_SEED", random.randrange(1 << 32)))
    print(f"CERTNS_SEED={seed}")
    random.seed(seed)
    repo = GitRepo(tmp_path / "git", {name: zone(name) for name in ZONES} |
                   {f"{name}._keys": KEYS[name].dnskey() for name in ZONES})
    server = certnsd(git=[{"remote": repo.bare, "poll": "1s"}], server={"journal-max-depth": 20, "log-level": "info"})
    serials = {name: 0 for name in ZONES}
    clients = [Client(server, origin, name) for origin in ZONES for name in ("x", "y")]
    person = Person(server, repo)
    for count in range(ROUNDS):
        server.start(*ZONES)
        for origin in ZONES:
            names, serial = content(server, origin)
            assert serial >= serials[origin], f"{origin} went back from {serials[origin]} to {serial}"
            serials[origin] = serial
            for one in clients:
                if one.origin == origin:
                    one.check(names)
        if count == 0:
            person.start()
        for one in clients:
            one.start()
        time.sleep(random.choice([0.02, 0.1, 0.3, 0.6]) * random.random() * PATIENCE)
        server.check_running()
        server.kill9()
        for one in clients:
            one.over = True
        for one in clients:
            one.join()
    server.start(*ZONES)
    for one in clients:
        one.check(content(server, one.origin)[0])
    person.over = True
    person.join()
    assert person.fault is None, person.fault
    acknowledged, resent = sum(one.acknowledged for one in clients), sum(one.resent for one in clients)
    print(f"{acknowledged} updates acknowledged, {resent} sent again, {person.n} pushes of a person")
    assert acknowledged > ROUNDS, f"only {acknowledged} updates in {ROUNDS} rounds"
    server.pull()
    for origin in ZONES:
        def same(origin=origin):
            text = dns.zone.from_text(repo.read(origin), origin, relativize=False)
            in_git = {name.to_text(): sorted(rdata.to_text() for rdata in rdataset)
                      for name, rdataset in text.iterate_rdatasets("A")}
            names, serial = content(server, origin)
            served = {name: sorted(values) for name, values in names.items() if "_acme-challenge" not in name}
            assert in_git == served
            assert text.get_rdataset(f"{origin}.", "SOA")[0].serial <= serial
            return True

        wait_for(same, f"the remote has what is served of {origin}", 40)
    assert not re.search("database|damaged", server.log()), "no start found anything wrong"


def keep_journal(server, directory):
    """The journal as kill -9 leaves it, aside; or back in its place."""
    os.makedirs(directory, exist_ok=True)
    for name in ("state.db", "state.db-wal", "journal.mark"):
        shutil.copy(os.path.join(server.state, name), directory)


def put_journal(server, directory):
    for name in os.listdir(directory):
        shutil.copy(os.path.join(directory, name), server.state)


def test_killed_between_push_and_the_note_of_it(certnsd, repo, key, tmp_path):
    """Our own commit comes back with the next pull.  What was changed after it was made does not come back with it."""
    server = certnsd(git=[{"remote": repo.bare, "poll": 0}]).start("example.com")
    repo.hide()
    client.nsupdate(server, key, "update add gone.example.com 300 A 192.0.2.1\n"
                                 "update add stays.example.com 300 A 192.0.2.2\nsend\n")
    server.kill9()
    keep_journal(server, tmp_path / "before")
    server.start("example.com")
    client.nsupdate(server, key, "update delete gone.example.com\nupdate delete www.example.com A\n"
                                 "update add later.example.com 300 A 192.0.2.3\nsend\n")
    server.kill9()
    keep_journal(server, tmp_path / "after")
    repo.unhide()
    put_journal(server, tmp_path / "before")
    server.start("example.com")
    wait_for(lambda: "gone" in repo.read("example.com"), "pushed, as it was before the second update")
    server.kill9()
    repo.edit("example.com", lambda text: text.replace("www\tA\t192.0.2.80", "www\tA\t192.0.2.81"))
    put_journal(server, tmp_path / "after")
    server.start("example.com")
    server.wait_log("of ours was pushed, which was not known")
    wait_for(lambda: client.look(server, "www.example.com", "A") == ["192.0.2.81"], "the person's change is there")
    assert client.look(server, "gone.example.com", "A") == []
    assert client.look(server, "stays.example.com", "A") == ["192.0.2.2"]
    assert client.look(server, "later.example.com", "A") == ["192.0.2.3"]
    wait_for(lambda: "gone" not in repo.read("example.com") and "later" in repo.read("example.com"),
             "the remote follows")
    assert "stays" in repo.read("example.com") and "192.0.2.81" in repo.read("example.com")

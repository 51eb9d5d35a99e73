"""Which serial is served, whatever people and keys do to it: a random walk beside a small model, and what people see."""

import os
import random
import re

import pytest

from lib import client
from lib.wait import wait_for
from lib.zones import zone

pytestmark = pytest.mark.once

ROUNDS = 60 if os.environ.get("CERTNS_LONG") == "yes" else 12
BEFORE_WRAP = 2**32 - 4


def newer(a, b):
    """Is a newer than b?  RFC 1982, section 3.2."""
    return a != b and (a - b) % 2**32 < 2**31


def file_serial(repo, name="example.com"):
    return int(re.search(r"\( (\d+)", repo.read(name)).group(1))


class Model:
    """The rules in a few lines (policy increment)."""

    def __init__(self, serial):
        self.base = self.served = serial

    def commit(self, serial, content):
        raised = newer(serial, self.base)
        if raised and newer(serial, self.served):
            self.served = serial
        elif content or (serial != self.base and serial != self.served):
            self.served = (self.served + 1) % 2**32
        self.base = serial

    def update(self):
        self.served = (self.served + 1) % 2**32


@pytest.mark.parametrize("start", [1, BEFORE_WRAP])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_walk(certnsd, repo, key, start, seed):
    r = random.Random(seed)
    repo.commit({"example.com": zone(serial=start)})
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h", "push": False}]).start("example.com")
    model, lines = Model(start), []
    for i in range(ROUNDS):
        what = r.choice(["bump", "jump", "same", "low", "only", "passing", "update", "restart"])
        if what in ("bump", "jump", "same", "low", "only"):
            serial = (model.base + {"bump": 1, "jump": r.randrange(2, 9), "same": 0, "low": -r.randrange(1, 4),
                                    "only": 1}[what]) % 2**32
            if what != "only":
                lines.append(f"n{i} A 192.0.2.1\n")
            repo.commit({"example.com": zone(serial=serial, extra="".join(lines))})
            server.pull()
            model.commit(serial, what != "only")
        elif what == "restart":
            r.choice([server.stop, server.kill9])()
            server.start("example.com")
        else:
            name = "_acme-challenge" if what == "passing" else f"u{i}"
            client.nsupdate(server, key, f"update add {name}.example.com 60 TXT x{i}\nsend\n")
            model.update()
        assert client.serial(server, "example.com") == model.served, f"round {i}: {what}"


def test_who_bumps_it_right_sees_no_warning(certnsd, repo, key):
    """With updates and write-backs in between; the serial that a person finds in git is the one to go on from."""
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com")
    for i in range(3):
        client.nsupdate(server, key, f"update add u{i}.example.com 300 A 192.0.2.1\nsend\n")
        wait_for(lambda i=i: f"u{i}" in repo.read("example.com"), "the update is in git")
        wanted = file_serial(repo) + 1
        repo.edit("example.com", lambda t, i=i, wanted=wanted: re.sub(r"\( \d+", f"( {wanted}", t) + f"p{i} A 192.0.2.2\n")
        server.pull()
        assert client.serial(server, "example.com") == wanted
    assert not re.search(r"(warning|error): ", server.log()), server.log()


def test_a_serial_that_was_passed_already(certnsd, repo, key):
    """Challenges raised the served one; a person raises the file's to less.  The next write-back puts it right."""
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com")
    for i in range(5):
        client.nsupdate(server, key, f"update add _acme-challenge.example.com 60 TXT x{i}\nsend\n")
    assert client.serial(server, "example.com") == 6
    repo.edit("example.com", lambda t: t.replace("( 1\t", "( 2\t") + "p A 192.0.2.2\n")
    server.pull()
    assert client.serial(server, "example.com") == 7
    assert file_serial(repo) == 2, "nothing is written for its sake alone"
    client.nsupdate(server, key, "update add u.example.com 300 A 192.0.2.1\nsend\n")
    wait_for(lambda: file_serial(repo) == 8, "the file's is the served one again")
    assert client.serial(server, "example.com") == 8


@pytest.mark.parametrize("policy, valid", [
    ("unixtime", lambda s: s > 1700000000),
    ("date", lambda s: re.fullmatch(r"20\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])\d\d", str(s))),
])
def test_policies(certnsd, repo, key, policy, valid):
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}])
    server.zone_entry("example.com", serial=policy)
    server.start("example.com")
    assert client.serial(server, "example.com") == 1, "the file's, as long as nothing changes"
    seen = [1]
    for i in range(3):
        client.nsupdate(server, key, f"update add u{i}.example.com 300 A 192.0.2.1\nsend\n")
        seen.append(client.serial(server, "example.com"))
        assert valid(seen[-1]) and newer(seen[-1], seen[-2]), seen
    wait_for(lambda: file_serial(repo) == seen[-1], "git has it")
    repo.edit("example.com", lambda t: re.sub(r"\( \d+", f"( {seen[-1] + 5}", t))
    server.pull()
    assert client.serial(server, "example.com") == seen[-1] + 5, "who raises it by hand has it so"


def test_keep(certnsd, repo, key):
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}])
    server.zone_entry("example.com", serial="keep")
    server.start("example.com")
    repo.edit("example.com", lambda t: t + "p A 192.0.2.2\n")
    server.pull()
    assert client.serial(server, "example.com") == 1 and client.look(server, "p.example.com", "A") == []
    assert "keep" in server.zone("example.com")["problem"]
    repo.edit("example.com", lambda t: t.replace("( 1\t", "( 2\t"))
    server.pull()
    assert client.serial(server, "example.com") == 2 and client.look(server, "p.example.com", "A") == ["192.0.2.2"]
    done = client.nsupdate(server, key, "update add u.example.com 300 A 192.0.2.1\nsend\n", check=False)
    assert "REFUSED" in done.stderr

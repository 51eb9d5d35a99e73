"""Random interleavings of what people push, updates, restarts and failures of the remote.

Whatever the order, in the end the remote's text, the clone, the journal and the served zone hold the same, nobody's change is
missing, and the serial never went back.  Each seed is one history; a failure prints the steps of its own.

The model knows three kinds of records.  Those that only a person, or only updates, touch are as their last change has them.
Those that both touch are as the two say where they agree; where they do not, either may have been the last."""

import os
import random
import re
import time

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update
import dns.zone
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import PATIENCE
from lib.zones import zone

LONG = os.environ.get("CERTNS_LONG") == "yes"
FIRST = int(os.environ.get("CERTNS_SEED", "1"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("CERTNS_SEEDS", "200" if LONG else "5")))
STEPS = 60 if LONG else 30
ZONES = ["example.com", "example.org"]
INCLUDES = ["parts/more", "parts/other", "common"]
TTL = 3600

# Records by who touches them.  Names of c get a CNAME from a person and other data by update, which is the one true conflict.
KINDS = {
    "p": [(f"p{i}", t, d) for i in range(5) for t, d in (("A", "192.0.2.1"), ("A", "192.0.2.2"), ("TXT", '"text"'))],
    "i": [(f"i{i}", "A", "192.0.2.3") for i in range(4)],		# in the included file
    "u": [(f"u{i}", t, d) for i in range(5) for t, d in (("A", "192.0.2.4"), ("A", "192.0.2.5"), ("TXT", '"text"'))],
    "b": [(f"b{i}", "A", d) for i in range(3) for d in ("192.0.2.6", "192.0.2.7")],
}
CONFLICTS = ["c0", "c1"]
FIXED = {"@", "ns1", "www"}


class Text:
    """A zone's text, edited as a person does."""

    def __init__(self, text):
        self.lines = text.splitlines()

    def __str__(self):
        return "\n".join(self.lines) + "\n"

    def _owners(self):
        """Each line with its owner: (index, owner, rest); lines inside of parentheses and directives have none."""
        owner, depth, found = None, 0, []
        for i, line in enumerate(self.lines):
            plain = line.split(";")[0]
            inside = depth > 0
            depth += plain.count("(") - plain.count(")")
            if inside or not plain.strip() or plain.startswith("$"):
                continue
            words = plain.split()
            if not plain[0].isspace():
                owner, words = words[0], words[1:]
            found.append((i, re.sub(r"\.example\.(com|org)\.$", "", owner), words))
        return found

    def _find(self, rr):
        name, rdtype, rdata = rr
        for i, owner, words in self._owners():
            if owner == name and words[-2:] == [rdtype, rdata]:
                return i
        return None

    def add(self, rr, ttl=None):
        if self._find(rr) is None:
            self.lines.append("\t".join([rr[0] if ttl is None else f"{rr[0]} {ttl}", *rr[1:]]))

    def remove(self, rr):
        i = self._find(rr)
        if i is None:
            return
        following = [(j, owner) for j, owner, _ in self._owners() if j > i]
        if following and not self.lines[i][0].isspace() and self.lines[following[0][0]][0].isspace():
            j, owner = following[0]
            self.lines[j] = owner + self.lines[j]
        del self.lines[i]

    def has(self, rr):
        return self._find(rr) is not None

    def serial(self):
        return int(re.search(r"\(\s*(\d+)|SOA\s+\S+\s+\S+\s+(\d+)", str(self)).group(1))

    def set_serial(self, serial):
        text, n = re.subn(r"(SOA\s+\S+\s+\S+\s+\(\s*)\d+", rf"\g<1>{serial % 2**32}", str(self), count=1)
        assert n == 1, str(self)
        self.lines = text.splitlines()


def content(text, origin, read):
    """The records of a text, (name, type, rdata) -> TTL, but for the SOA; and the serial."""
    expanded = re.sub(r"^\$INCLUDE (\S+)$", lambda m: read(m.group(1)), text, flags=re.M)
    try:
        return records(dns.zone.from_text(expanded, origin, relativize=True))
    except dns.exception.DNSException as error:
        raise AssertionError(f"{error} in\n{expanded}") from error


def records(parsed):
    found, serial = {}, None
    for name, ttl, rdata in parsed.iterate_rdatas():
        if rdata.rdtype == dns.rdatatype.SOA:
            serial = rdata.serial
        elif not str(name).startswith("_acme-challenge"):
            found[str(name), dns.rdatatype.to_text(rdata.rdtype), rdata.to_text()] = ttl
    return found, serial


def newer(a, b):
    return a != b and (a - b) % 2**32 < 2**31


class History:
    def __init__(self, seed, certnsd, directory):
        self.r = random.Random(seed)
        self.key = Key("client._update")
        self.log = []
        files = {"_keys": self.key.dnskey(), "parts/more": "i0\tA\t192.0.2.3\n"}
        for name in ZONES:
            files[name] = zone(name, serial=self.r.choice([1, 2024010100, 2**32 - 3]),
                               extra="$INCLUDE parts/more\n" if name == ZONES[0] else "")
        self.repo = GitRepo(directory, files)
        self.remote = self.repo.bare
        self.include = "parts/more"
        self.server = certnsd(git=[{"remote": self.repo.bare, "poll": "1s"}], server={"workers": 1})
        self.server.start(*ZONES)
        self.updates = {name: {} for name in ZONES}	# (rr) -> present, as last acknowledged
        self.person = {name: {} for name in ZONES}	# (rr) -> present, as last pushed
        self.gone = {}					# zone -> text, while its file is not there
        self.seen = {}					# zone -> {serial: content}
        self.newest = {}
        self.look_back()

    def note(self, text):
        self.log.append(text)

    # --- the person

    def read(self, path):
        with open(os.path.join(self.repo.work, path), encoding="utf-8") as f:
            return f.read()

    def fetch(self):
        self.repo.git("fetch", "-q", "origin")
        self.repo.git("reset", "-q", "--hard", f"origin/{self.repo.branch}")

    def push(self, make, what, force=False):
        """Fetch, change, commit, push; anew when the server was quicker.  make() returns False to give up."""
        for _ in range(10):
            self.fetch()
            if make() is False:
                return
            self.repo.git("add", "-A", ".")
            self.repo.git("commit", "-q", "--allow-empty", "-m", what)
            try:
                self.repo.git("push", "-q", *(["--force"] if force else []), "origin", f"HEAD:{self.repo.branch}")
            except AssertionError:
                continue
            self.note(f"person: {what}, commit {self.repo.git('rev-parse', '--short=12', 'HEAD').strip()}")
            self.look_back()
            return
        raise AssertionError("the push was rejected ten times")

    def look_back(self):
        """What the person's text says now is his last word, where it changed."""
        for name in ZONES:
            if name in self.gone:
                continue
            have, _ = self.pushed(name)
            touched = [rr for kind in "pib" for rr in KINDS[kind] if kind != "i" or name == ZONES[0]]
            for rr in touched + [(c, "CNAME", "www") for c in CONFLICTS]:
                self.person[name][rr] = rr in have

    def pushed(self, name):
        return content(self.read(name), name, self.read)

    def write(self, path, text):
        full = os.path.join(self.repo.work, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(str(text))

    def bump(self, text):
        kind, old = self.r.choice(["none", "next", "jump", "low"]), text.serial()
        if kind == "next":
            text.set_serial(old + 1)
        elif kind == "jump":
            text.set_serial(old + self.r.randrange(2, 10))
        elif kind == "low":
            text.set_serial(old - self.r.randrange(1, 5))
        return kind

    def edit(self):
        name = self.r.choice([z for z in ZONES if z not in self.gone])
        edits = [(self.r.random() < 0.6, self.r.choice(KINDS[self.r.choice("ppb")]))
                 for _ in range(self.r.randrange(4))]
        if self.r.random() < 0.2:
            edits.append((self.r.random() < 0.6, (self.r.choice(CONFLICTS), "CNAME", "www")))
        state = self.r.getstate()

        def make():
            self.r.setstate(state)
            text = Text(self.read(name))
            for add, rr in edits:
                # Nobody commits a CNAME beside what he sees.
                if rr[1] == "CNAME" and add and any(o == rr[0] and t != "CNAME" for o, t, _ in self.pushed(name)[0]):
                    continue
                if add:
                    text.add(rr, self.r.choice([None, None, None, 60]))
                else:
                    text.remove(rr)
            self.bump(text)
            self.write(name, text)

        self.push(make, f"{name}: " + ", ".join(f"{'+' if a else '-'}{' '.join(rr)}" for a, rr in edits))

    def edit_include(self):
        if ZONES[0] in self.gone:
            return
        rr, add = self.r.choice(KINDS["i"]), self.r.random() < 0.6

        def make():
            path = self.included()
            if path is None:
                return False
            text = Text(self.read(path))
            (text.add if add else text.remove)(rr)
            self.write(path, text)
            return True

        self.push(make, f"include: {'+' if add else '-'}{' '.join(rr)}")

    def included(self):
        found = re.search(r"^\$INCLUDE (\S+)$", self.read(ZONES[0]), re.M)
        return found and found.group(1)

    def move_include(self):
        if ZONES[0] in self.gone:
            return
        new = self.r.choice(INCLUDES)

        def make():
            old = self.included()
            if old is None or old == new:
                return False
            text = self.read(old)
            os.unlink(os.path.join(self.repo.work, old))
            self.write(new, text)
            self.write(ZONES[0], self.read(ZONES[0]).replace(f"$INCLUDE {old}\n", f"$INCLUDE {new}\n"))
            return True

        self.push(make, f"the include goes to {new}")

    def remove_zone(self):
        name = ZONES[1]
        if name in self.gone:
            return self.restore_zone()

        def make():
            self.gone[name] = self.read(name)
            os.unlink(os.path.join(self.repo.work, name))

        self.push(make, f"{name} is removed")
        return None

    def restore_zone(self):
        name = ZONES[1]
        if name not in self.gone:
            return
        text = Text(self.gone.pop(name))
        if self.r.random() < 0.5:
            text.add(self.r.choice(KINDS["p"]))
        self.push(lambda: self.write(name, text), f"{name} is back")

    def rewrite(self):
        """History is thrown away: some commits go, whoever made them, and another one comes."""
        if self.gone:
            return
        back = self.r.randrange(1, 4)
        rr = self.r.choice(KINDS["p"])
        before = {name: dict(self.person[name]) for name in ZONES}

        def make():
            count = int(self.repo.git("rev-list", "--count", "HEAD"))
            target = f"HEAD~{min(back, count - 1)}"
            if ZONES[1] not in self.repo.git("ls-tree", "--name-only", target).split():
                return False
            self.repo.git("reset", "-q", "--hard", target)
            text = Text(self.read(ZONES[0]))
            text.add(rr)
            self.write(ZONES[0], text)
            return True

        self.push(make, f"force-push over {back} commits, +{' '.join(rr)}", force=True)
        for name in ZONES:	# of what both touch, nobody knows whose word was thrown away
            for one, there in before[name].items():
                if one[0][0] in "bc" and self.person[name][one] != there:
                    self.person[name][one] = None

    # --- the keys

    def send_update(self):
        name = self.r.choice(ZONES)
        message = dns.update.UpdateMessage(name + ".", keyring=self.key.dnspython())
        done = []
        for _ in range(self.r.randrange(1, 4)):
            rr, add = self.r.choice(KINDS[self.r.choice("uub")]), self.r.random() < 0.6
            if self.r.random() < 0.1:
                rr = (self.r.choice(CONFLICTS), "A", "192.0.2.9")
            if add:
                message.add(rr[0], self.r.choice([TTL, TTL, TTL, 60]), rr[1], rr[2])
            else:
                message.delete(rr[0], rr[1], rr[2])
            done.append((add, rr))
        if self.r.random() < 0.2:
            message.add("_acme-challenge", 60, "TXT", str(self.r.randrange(1000)))
        rcode = self.exchange(message)
        self.note(f"update {name}: " + ", ".join(f"{'+' if a else '-'}{' '.join(rr)}" for a, rr in done) + f": {rcode}")
        if rcode == "NOERROR":
            for add, rr in done:
                self.updates[name][rr] = add

    def exchange(self, message):
        try:
            return client.rcode(client.exchange(self.server, message, tcp=True))
        except (dns.exception.DNSException, OSError) as error:
            return str(error)

    # --- the server and the remote

    def restart(self):
        self.note("restart")
        self.server.stop()
        self.server.start()

    def kill(self):
        self.note("kill -9")
        self.server.kill9()
        self.server.start()

    def hide(self):
        """Away for the server; people still get there."""
        if os.path.exists(self.repo.bare + ".hidden"):
            self.unhide()
            return
        self.note("the remote is away")
        self.repo.hide()
        self.repo.git("remote", "set-url", "origin", self.repo.bare + ".hidden")

    def unhide(self):
        if os.path.exists(self.repo.bare + ".hidden"):
            self.note("the remote is back")
            self.repo.unhide()
            self.repo.git("remote", "set-url", "origin", self.repo.bare)

    def command(self):
        what = self.r.choice(["pull", "push"])
        self.note(f"certnsctl {what}")
        self.server.ctl(what, check=False)

    def pause(self):
        time.sleep(self.r.random() * 1.5)

    def step(self):
        steps = [(self.edit, 6), (self.edit_include, 1), (self.move_include, 1), (self.remove_zone, 1),
                 (self.rewrite, 1),
                 (self.send_update, 8), (self.restart, 1), (self.kill, 1), (self.hide, 1), (self.command, 3),
                 (self.pause, 3)]
        self.r.choices([s for s, _ in steps], [w for _, w in steps])[0]()
        for name in ZONES:
            self.sample(name)

    # --- what must hold

    def served(self, name):
        """Content and serial, by transfer; None: not served."""
        try:
            transfer = dns.query.xfr(self.server.address, name, port=self.server.port, keyring=self.key.dnspython(),
                                     keyname=self.key.name, relativize=True, timeout=10 * PATIENCE)
            return records(dns.zone.from_xfr(transfer))
        except (dns.exception.DNSException, OSError):
            return None

    def sample(self, name):
        """The serial goes on, and a serial has one content."""
        now = self.served(name)
        if now is None:
            return
        have, serial = now
        old = self.newest.get(name)
        assert old is None or serial == old or newer(serial, old), f"{name}: serial {old} went back to {serial}"
        self.newest[name] = serial
        assert self.seen.setdefault((name, serial), have) == have, f"{name}: serial {serial} had another content"

    def same_everywhere(self):
        """Remote and server agree, and nothing waits; what differs, or None."""
        self.fetch()
        for name in ZONES:
            text, now = self.pushed(name), self.served(name)
            if now is None:
                return f"{name} is not served"
            # The served serial may be ahead: git gets it with the next change that is written back.
            if text[0] != now[0] or newer(text[1], now[1]):
                return (f"{name}: in git only: {text[0].items() - now[0].items()}, serial {text[1]}; "
                        f"served only: {now[0].items() - text[0].items()}, serial {now[1]}")
            state = self.server.zone(name)
            if state["pending"] or state["problem"]:
                return f"{name}: {state}"
        return None

    def settle(self):
        self.unhide()
        if ZONES[1] in self.gone:
            self.restore_zone()
        self.server.ctl("pull", check=False)
        for name in ZONES:	# conflicts end when one side gives in
            message = dns.update.UpdateMessage(name + ".", keyring=self.key.dnspython())
            for c in CONFLICTS:
                message.delete(c, "A")
            rcode = self.exchange(message)
            assert rcode == "NOERROR", f"{name}: {rcode}"
            self.updates[name].update({(c, "A", "192.0.2.9"): False for c in CONFLICTS})
        end = time.monotonic() + 120 * PATIENCE
        while (problem := self.same_everywhere()) is not None:
            assert time.monotonic() < end, f"no agreement: {problem}"
            self.server.ctl("pull", check=False)
            self.server.ctl("push", check=False)

    def check_model(self):
        for name in ZONES:
            have, _ = self.served(name)
            rrs = set(self.person[name]) | set(self.updates[name])
            for rr in rrs:
                words = {side.get(rr) for side in (self.person[name], self.updates[name]) if rr in side}
                if len(words) == 1 and None not in words:
                    assert (rr in have) == words.pop(), f"{name}: {' '.join(rr)} is {'there' if rr in have else 'missing'}"
            strangers = {rr for rr in set(have) - rrs if rr[0] not in FIXED}
            assert not strangers, f"{name}: {strangers}"

    def check_restart(self):
        """Journal and clone alone give the same again."""
        before = {name: self.served(name) for name in ZONES}
        self.repo.hide()
        self.server.kill9()
        self.server.start(*ZONES)
        for name in ZONES:
            assert self.served(name) == before[name], f"{name} after a restart"
        self.repo.unhide()
        clone = os.path.join(self.server.state, "git", os.listdir(os.path.join(self.server.state, "git"))[0])
        assert self.repo.git("rev-parse", f"refs/remotes/origin/{self.repo.branch}",
                             cwd=clone).strip() == self.repo.head()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_history(certnsd, tmp_path, seed):
    h = History(seed, certnsd, tmp_path / "git")
    print(f"seed {seed}")
    try:
        for _ in range(STEPS):
            h.step()
        h.settle()
        h.check_model()
        h.check_restart()
    finally:
        print("\n".join(h.log))

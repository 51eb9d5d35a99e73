"""Zones in files, without git: what people save is served, and updates come into the files."""

import os
import re
import signal

import pytest

from lib import client
from lib.certnsd import program
from lib.keys import Key
from lib.process import run
from lib.wait import stays, wait_for
from lib.zones import zone

KEY = Key("client._update.example.net")
UPDATE = "update add new.example.net 300 A 192.0.2.1\nsend\n"


class Files:
    """A directory with zone files and a server that has them."""

    def __init__(self, directory, certnsd, texts, names=None, **kwargs):
        self.directory = str(directory)
        os.makedirs(self.directory)
        for path, text in texts.items():
            self.write(path, text)
        secret = os.path.join(os.path.dirname(self.directory), "key")
        with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(KEY.secret)
        zones = [{"name": name, "file": self.path(path)} for name, path in (names or {n: n for n in texts}).items()]
        self.server = certnsd(zones=zones, keys=[{"name": KEY.name, "algorithm": KEY.algorithm, "secret-file": secret}],
                              **kwargs)

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def write(self, name, text):
        """As most editors do: another file takes the place of the old one."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name) + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(self.path(name) + ".new", self.path(name))

    def update(self, script=UPDATE, check=True):
        return client.nsupdate(self.server, KEY, script, check=check)


@pytest.fixture
def files(certnsd, tmp_path):
    def make(texts=None, **kwargs):
        return Files(tmp_path / "zones", certnsd, texts or {"example.net": zone("example.net")}, **kwargs)

    return make


def test_a_zone_is_served_from_its_file(files):
    f = files()
    f.server.start("example.net")
    assert client.serial(f.server, "example.net") == 1
    assert client.look(f.server, "www.example.net", "A") == ["192.0.2.80"]


def test_an_update_comes_into_the_file(files):
    f = files()
    f.server.start("example.net")
    os.chmod(f.path("example.net"), 0o640)
    f.update()
    wait_for(lambda: "192.0.2.1\n" in f.read("example.net"), "the update is in the file")
    text = f.read("example.net")
    assert "; the web server" in text and "2\t; serial" in text
    assert os.stat(f.path("example.net")).st_mode & 0o7777 == 0o640, "its mode is kept"
    assert os.listdir(f.directory) == ["example.net"], "nothing else is left there"
    f.server.stop()
    f.server.start("example.net")
    assert client.serial(f.server, "example.net") == 2
    assert client.look(f.server, "new.example.net", "A") == ["192.0.2.1"]


@pytest.mark.parametrize("how", ["SIGHUP", "certnsctl", "time"])
def test_what_a_person_saves_is_served(files, how):
    f = files()
    f.server.start("example.net")
    f.write("example.net", zone("example.net", serial=7, extra="hand A 192.0.2.7\n"))
    if how == "SIGHUP":
        f.server.signal(signal.SIGHUP)
    elif how == "certnsctl":
        f.server.pull()
    f.server.wait_serial("example.net", 7)
    assert client.look(f.server, "hand.example.net", "A") == ["192.0.2.7"]


def test_both_sides_change_the_file(files):
    """A person saves while an update waits: nothing of either is lost."""
    f = files()
    f.server.start("example.net")
    f.update()
    f.write("example.net", f.read("example.net") + "hand A 192.0.2.7\n")
    wait_for(lambda: "192.0.2.1\n" in f.read("example.net"), "the update is in the file")
    assert "hand A 192.0.2.7\n" in f.read("example.net"), "and so is the person's line"
    wait_for(lambda: client.look(f.server, "hand.example.net", "A") == ["192.0.2.7"], "it is served")
    assert client.look(f.server, "new.example.net", "A") == ["192.0.2.1"]


def test_an_edit_while_the_server_is_down(files):
    f = files()
    f.server.start("example.net")
    f.update("update add _acme-challenge.example.net 60 TXT x\n" + UPDATE)
    f.server.kill9()
    f.write("example.net", f.read("example.net") + "hand A 192.0.2.7\n")     # which may have the update already
    f.server.start("example.net")
    assert client.look(f.server, "hand.example.net", "A") == ["192.0.2.7"]
    assert client.look(f.server, "new.example.net", "A") == ["192.0.2.1"]
    wait_for(lambda: "192.0.2.1\n" in f.read("example.net"), "the update is in the file")
    assert "_acme-challenge" not in f.read("example.net")


def test_includes(files):
    f = files({"example.net": zone("example.net", extra="$INCLUDE parts/more\n"), "parts/more": "more A 192.0.2.3\n"},
              names={"example.net": "example.net"})
    f.server.start("example.net")
    assert client.look(f.server, "more.example.net", "A") == ["192.0.2.3"]
    f.write("parts/more", "more A 192.0.2.4\n")
    f.server.pull()
    assert client.look(f.server, "more.example.net", "A") == ["192.0.2.4"]
    f.update("update add more.example.net 3600 A 192.0.2.5\nsend\n")
    wait_for(lambda: "192.0.2.5" in f.read("parts/more"), "the change is in the file that has its owner")


def test_a_file_of_any_name_and_a_link(files):
    f = files({"data/real": zone("example.net")}, names={"example.net": "net.zone"})
    os.symlink("data/real", f.path("net.zone"))
    f.server.start("example.net")
    f.update()
    wait_for(lambda: "192.0.2.1\n" in f.read("data/real"), "the update is in the file")
    assert os.path.islink(f.path("net.zone"))


def test_unsound_and_missing_files(files):
    f = files({"example.net": zone("example.net"), "example.org": zone("example.org")})
    f.server.start("example.net", "example.org")
    f.write("example.net", zone("example.net", serial=2, extra="x A nonsense\n"))
    f.write("example.org", zone("example.org", serial=2))
    f.server.pull()
    assert client.serial(f.server, "example.net") == 1, "the last good one"
    assert client.serial(f.server, "example.org") == 2, "the other goes on"
    f.server.wait_log(r"example\.net:13:5: ")
    os.unlink(f.path("example.org"))
    f.server.pull()
    assert client.serial(f.server, "example.org") == 2, "a file that is missing takes no zone away"
    assert "No such file" in f.server.zone("example.org")["problem"]
    f.write("example.org", zone("example.org", serial=2))
    f.write("example.net", zone("example.net", serial=3))
    f.server.pull()
    assert client.serial(f.server, "example.net") == 3
    assert not f.server.zone("example.org")["problem"] and not f.server.zone("example.net")["problem"]


def test_a_missing_file_at_the_start(files):
    f = files({"example.net": zone("example.net")}, names={"example.net": "example.net", "example.org": "example.org"})
    f.server.start("example.net")
    assert "No such file" in f.server.zone("example.org")["problem"]
    f.write("example.org", zone("example.org", serial=5))
    f.server.wait_serial("example.org", 5)


MISSING = r"certns\.yaml:%d:%d: expected a file that can be read, found '[^']*/example\.org': No such file or directory"


def place_of(server, what):
    """Line and column of a value in the configuration."""
    with open(server.config_path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if what in line:
                return number, line.index(":") + 3
    return None


def test_a_missing_file_is_said_with_its_place(files):
    """An error for who asks; who starts the server gets the other zones, and this one from the state."""
    f = files({"example.net": zone("example.net"), "example.org": zone("example.org")})
    arguments = [program("server/certnsd"), "-t", "-c", f.server.config_path]
    assert run(arguments).stdout == "the configuration is good\n"
    f.server.start("example.net", "example.org")
    f.server.stop()
    os.unlink(f.path("example.org"))
    words = MISSING % place_of(f.server, f.path("example.org"))
    said = run(arguments, check=False)
    assert said.returncode == 1 and said.stdout == "" and re.search(words, said.stderr), said.stderr
    f.server.start("example.net", "example.org")
    f.server.wait_log("error: .*" + words)
    assert client.serial(f.server, "example.org") == 1, "from the state"
    f.write("example.org", zone("example.org", serial=2))
    f.server.wait_serial("example.org", 2)
    assert run(arguments).returncode == 0


def test_a_directory_that_cannot_be_written(files):
    """Full, like a small tmpfs, or read-only: changes wait in the journal."""
    f = files()
    f.server.start("example.net")
    os.rename(f.directory, f.directory + ".away")
    f.update()
    f.server.wait_log(r"(warning|error): .*example\.net: No such file")
    assert client.look(f.server, "new.example.net", "A") == ["192.0.2.1"]
    f.server.kill9()
    f.server.start("example.net")
    assert client.look(f.server, "new.example.net", "A") == ["192.0.2.1"], "it is in the journal"
    os.rename(f.directory + ".away", f.directory)
    wait_for(lambda: "192.0.2.1\n" in f.read("example.net"), "it is in the file when that is back")


def test_a_zone_in_git_and_in_a_file(files, repo):
    """The configuration's word counts, and the other is reported."""
    f = files({"example.com": zone("example.com", serial=9)}, git=repo)
    f.server.start("example.com")
    assert client.serial(f.server, "example.com") == 9
    f.server.wait_log(r"error: zone example\.com: ")
    stays(lambda: client.serial(f.server, "example.com") == 9, "git's does not come through", 0.5)

"""A disk that is full, and one that has room again: SERVFAIL meanwhile, and nothing lost or half done."""

import os
import subprocess

import pytest

from lib import client
from lib.certnsd import Certnsd, program
from lib.wait import stays, wait_for


# A mount namespace of its own; who is not root is root in a user namespace of its own.
OWN_MOUNTS = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]


class OnSmallDisk(Certnsd):
    """Its state directory is a file system of its own, which only this server sees (and we, through /proc)."""

    def __init__(self, *args, size="8m", **kwargs):
        super().__init__(*args, **kwargs)
        self.size = size
        self.config["server"]["control-socket"] = os.path.join(self.directory, "control.sock")
        os.makedirs(self.state, exist_ok=True)
        self.write_config()

    def start(self, *zones, arguments=None):
        script = 'mount -t tmpfs -o mode=700,size="$1" tmpfs "$2" && shift 2 && exec "$@"'
        self.spawn([*OWN_MOUNTS, "sh", "-c", script, "sh", self.size, self.state, program("server/certnsd"), "-c",
                    self.config_path], env=self.env)
        self.wait_ready(*zones)
        return self

    def inside(self, *names):
        return os.path.join(f"/proc/{self.pid}/root", self.state.lstrip("/"), *names)

    def fill(self):
        """Not an octet is left."""
        with open(self.inside("filler"), "wb", buffering=0) as f:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        f.write(bytes(size))
                except OSError:
                    pass

    def make_room(self):
        os.unlink(self.inside("filler"))


@pytest.fixture
def small(tmp_path, repo):
    server = OnSmallDisk(tmp_path / "certnsd", git=[{"remote": repo.bare, "poll": "1s"}])
    return server.start("example.com")


def add(server, key, i):
    message = client.new_update("example.com.", key)
    message.add(f"n{i}.example.com.", 300, "TXT", f'"{"x" * 200}"')
    return client.send_update(server, message)


def test_the_journal_is_full(small, key, repo):
    repo.hide()                                 # what is written back now is another test's
    assert add(small, key, 0) == "NOERROR"
    small.fill()
    good = 1
    while add(small, key, good) == "NOERROR":
        good += 1
        assert good < 10000, "the journal is never full"
    serial = client.serial(small, "example.com")
    assert serial == 1 + good, "those that were acknowledged, and no others"
    for _ in range(3):
        assert add(small, key, 1000) == "SERVFAIL"
        assert client.look(small, "n1000.example.com", "TXT") == []
    assert client.look(small, "www.example.com", "A") == ["192.0.2.80"], "queries go on"
    assert "disk is full" in small.ctl("status")["database-problem"]
    response = client.ask(small, "n0.example.com", "TXT")
    assert response.answer
    small.make_room()
    assert add(small, key, 2000) == "NOERROR", "it goes on by itself"
    assert small.ctl("status")["database-problem"] is None
    assert client.serial(small, "example.com") == serial + 1
    message = client.new_update("example.com.", key)
    message.delete("n0.example.com.")
    assert client.send_update(small, message) == "NOERROR"
    repo.unhide()
    wait_for(lambda: "n2000" in repo.read("example.com") and "n1000" not in repo.read("example.com"),
             "and the remote gets it")


def test_the_reason_is_in_the_answer(small, key, repo):
    repo.hide()
    small.fill()
    for i in range(10000):
        message = client.new_update("example.com.", key)
        message.add(f"n{i}.example.com.", 300, "TXT", f'"{"x" * 200}"')
        message.use_edns(0)
        response = client.exchange(small, message)
        if client.rcode(response) == "SERVFAIL":
            break
    reasons = [option for option in response.options if option.otype == 15]
    assert reasons and "could not be stored" in reasons[0].to_text(), response


def test_the_clone_is_full(small, key, repo):
    """Commits cannot be fetched, and changes cannot be written back; everything else goes on, and so do these in the end."""
    small.fill()
    repo.edit("example.com", lambda text: text + "".join(f"big{i}\tTXT\t\"{os.urandom(60).hex()}\"\n" for i in range(300)))
    wait_for(lambda: small.ctl("status")["repositories"][0]["problem"], "the pull's problem is told")
    assert client.look(small, "www.example.com", "A") == ["192.0.2.80"]
    stays(lambda: client.look(small, "big1.example.com", "TXT") == [], "not half of it is served", 0.5)
    small.make_room()
    wait_for(lambda: client.look(small, "big299.example.com", "TXT"), "the commit is served when there is room", 60)
    assert small.ctl("status")["repositories"][0]["problem"] is None
    assert add(small, key, 1) == "NOERROR"
    wait_for(lambda: "n1\t" in repo.read("example.com") or "n1 " in repo.read("example.com"), "write-backs go on too",
             60)


def test_a_start_with_a_full_disk(small, key, repo, tmp_path):
    """It serves what it has, and takes changes as soon as there is room."""
    repo.hide()
    assert add(small, key, 0) == "NOERROR"
    state = tmp_path / "kept"
    subprocess.run(["cp", "-a", small.inside(), state], check=True)
    small.kill9()
    again = OnSmallDisk(tmp_path / "again", git=[{"remote": repo.bare, "poll": "1s"}])
    script = ('mount -t tmpfs -o mode=700,size="$1" tmpfs "$2" && cp -a "$3/." "$2" && '
              '{ cat /dev/zero >"$2/filler" 2>/dev/null; shift 3; exec "$@"; }')
    again.spawn([*OWN_MOUNTS, "sh", "-c", script, "sh", again.size, again.state, state, program("server/certnsd"), "-c",
                 again.config_path])
    again.wait_ready("example.com")
    assert client.look(again, "n0.example.com", "TXT") == [f'"{"x" * 200}"']
    assert add(again, key, 5000) in ("SERVFAIL", "NOERROR")
    again.make_room()
    assert add(again, key, 6000) == "NOERROR"


def test_the_backups_disk_is_full(certnsd, repo, key, tmp_path):
    """It says so, leaves nothing behind, and the server is as ever."""
    server = certnsd(git=repo)
    target = tmp_path / "target"
    target.mkdir()
    script = 'mount -t tmpfs -o size=20k tmpfs "$1" && shift && exec "$@"'
    server.spawn([*OWN_MOUNTS, "sh", "-c", script, "sh", str(target), program("server/certnsd"), "-c",
                  server.config_path])
    server.wait_ready("example.com")
    done = server.ctl_text("backup", target / "backup", check=False)
    assert done.returncode == 1 and ("No space left" in done.stderr or "disk is full" in done.stderr), done.stderr
    assert os.listdir(f"/proc/{server.pid}/root{target}") == []
    assert add(server, key, 1) == "NOERROR"
    server.ctl("backup", str(tmp_path / "elsewhere"))

"""certnsctl backup, and the three ways to move to another host: by backup, by copy, and with nothing but the repository."""

import glob
import os
import shutil
import stat
import threading

import pytest

from lib import client
from lib.certnsd import Certnsd, program
from lib.wait import wait_for


def other_host(tmp_path, repo, state=None, name="moved", **kwargs):
    """A server of its own, with the state given (it is copied there)."""
    server = Certnsd(tmp_path / name, git=repo, name=name, **kwargs)
    if state is not None:
        shutil.copytree(state, server.state, ignore=shutil.ignore_patterns("*.sock"))
    return server


def modes(directory):
    """Relative path -> mode of whatever could be secret: files at the top, and directories."""
    found = {}
    for base, dirs, names in os.walk(directory):
        for one in dirs + (names if base == str(directory) else []):
            path = os.path.join(base, one)
            found[os.path.relpath(path, directory)] = stat.S_IMODE(os.lstat(path).st_mode)
    return found


@pytest.fixture
def changed(certnsd, repo, key):
    """A server with changes that git does not have: the remote is gone since it started."""
    server = certnsd(git=repo).start("example.com")
    repo.hide()
    client.nsupdate(server, key, "update add waits.example.com 300 A 192.0.2.1\n"
                                 "update add _acme-challenge.example.com 60 TXT passing\nsend\n")
    client.nsupdate(server, key, "update delete www.example.com A\nsend\n")
    return server


def check_moved(moved, repo):
    assert client.serial(moved, "example.com") == 3
    assert client.look(moved, "waits.example.com", "A") == ["192.0.2.1"]
    assert client.look(moved, "_acme-challenge.example.com", "TXT") == ['"passing"']
    assert client.look(moved, "www.example.com", "A") == []
    repo.unhide()
    wait_for(lambda: "waits" in repo.read("example.com") and "192.0.2.80" not in repo.read("example.com"),
             "what waited is pushed from the new host")


def test_move_by_backup(changed, repo, tmp_path):
    backup = tmp_path / "backup"
    assert changed.ctl("backup", str(backup))["octets"] > 0
    before = {path: octets for path, octets in changed.state_files() if path.endswith((".pem", "cookie-secret"))}
    changed.stop()
    assert sorted(os.listdir(tmp_path / "backup")) == ["cookie-secret", "git", "secondary", "state.db"]
    assert modes(backup)["cookie-secret"] == 0o600 and modes(backup)["state.db"] == 0o600
    assert modes(backup)["git"] == 0o700 and stat.S_IMODE(os.stat(backup).st_mode) == 0o700
    for path, octets in before.items():
        assert (backup / os.path.basename(path)).read_bytes() == octets
    check_moved(other_host(tmp_path, repo, backup).start("example.com"), repo)


def test_move_by_copy(changed, repo, tmp_path):
    changed.stop()
    check_moved(other_host(tmp_path, repo, changed.state).start("example.com"), repo)


def test_move_by_copy_after_a_crash(changed, repo, tmp_path):
    changed.kill9()
    check_moved(other_host(tmp_path, repo, changed.state).start("example.com"), repo)


def test_back_on_the_same_host(changed, repo, tmp_path):
    """A restore is a copy back; the mark of what was there before goes with it."""
    changed.ctl("backup", str(tmp_path / "backup"))
    changed.stop()
    shutil.rmtree(changed.state)
    shutil.copytree(tmp_path / "backup", changed.state)
    check_moved(changed.start("example.com"), repo)


def test_an_old_database_is_not_taken_in_silence(changed, key, tmp_path):
    """Only state.db was put back, and it is older than what was acknowledged since."""
    changed.ctl("backup", str(tmp_path / "backup"))
    client.nsupdate(changed, key, "update add since.example.com 300 A 192.0.2.1\nsend\n")
    changed.stop()
    shutil.copy(tmp_path / "backup" / "state.db", changed.state)
    changed.spawn([program("server/certnsd"), "-c", changed.config_path])
    assert changed.wait() == 1
    assert "lacks 1 changes that were acknowledged: example.com had serial 4, here it has 3" in changed.log()
    os.unlink(os.path.join(changed.state, "journal.mark"))
    changed.start("example.com")
    assert client.serial(changed, "example.com") == 3


def test_while_updates_come_in(server, key, repo, tmp_path):
    """A backup is one moment of the past: it has the changes up to some serial, and no others."""
    stop = threading.Event()

    def stream():
        i = 0
        while not stop.is_set():
            i += 1
            message = client.new_update("example.com.", key)
            message.add(f"u{i}.example.com.", 300, "A", "192.0.2.1")
            assert client.send_update(server, message) == "NOERROR"

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        wait_for(lambda: client.serial(server, "example.com") > 1, "the first of them")
        first = client.serial(server, "example.com")
        for i in range(3):
            server.ctl("backup", str(tmp_path / f"backup{i}"))
        wait_for(lambda: client.serial(server, "example.com") > first, "they go on")
    finally:
        stop.set()
        thread.join()
    server.stop()
    repo.hide()
    for i in range(3):
        moved = other_host(tmp_path, repo, tmp_path / f"backup{i}", f"moved{i}").start("example.com")
        serial = client.serial(moved, "example.com")
        assert client.look(moved, f"u{serial - 1}.example.com", "A") == ["192.0.2.1"]
        assert client.look(moved, f"u{serial}.example.com", "A") == []
        moved.stop()


def test_what_is_in_the_way(server, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, words in ("full", "not empty"), ("file", "Not a directory"), ("none/deeper", "No such file"):
        done = server.ctl_text("backup", tmp_path / name, check=False)
        assert done.returncode == 1 and words in done.stderr and name in done.stderr, done.stderr
    done = server.ctl_text("backup", tmp_path / "empty")
    assert done.stdout.startswith("octets: ")
    assert os.path.exists(tmp_path / "empty" / "state.db")
    done = server.ctl_text("backup", tmp_path / "empty", check=False)
    assert done.returncode == 1, "it is not empty any more"
    assert not glob.glob(str(tmp_path / "*.partial.*"))


def test_relative_names_are_the_callers(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server.ctl("backup", "here")
    assert os.path.exists(tmp_path / "here" / "state.db")

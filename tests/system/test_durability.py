"""What was acknowledged is there after anything (promise 1), whatever happens to git."""

import glob
import os
import signal
import socket
import threading

import pytest

from lib import client
from lib.certnsd import program
from lib.wait import wait_for


def add(server, key, name, address="192.0.2.1"):
    client.nsupdate(server, key, f"update add {name}.example.com 300 A {address}\nsend\n")


@pytest.mark.parametrize("round", range(3))
def test_kill_9_right_after_noerror_with_the_remote_gone(certnsd, repo, key, round):
    server = certnsd(git=[{"remote": repo.bare, "poll": "1s"}]).start("example.com")
    repo.hide()
    add(server, key, "kept", f"192.0.2.{round}")
    server.kill9()
    server.start("example.com")
    assert client.look(server, "kept.example.com", "A") == [f"192.0.2.{round}"]
    assert client.serial(server, "example.com") == 2
    repo.unhide()
    wait_for(lambda: f"192.0.2.{round}" in repo.read("example.com"), "pushed when the remote is back")


def test_kill_9_while_updates_come_in(certnsd, repo, key):
    """Of a stream of updates, those that were acknowledged are there."""
    server = certnsd(git=repo).start("example.com")
    acknowledged = []

    def stream():
        for i in range(10000):
            message = client.new_update("example.com.", key)
            message.add(f"s{i}.example.com.", 300, "A", "192.0.2.1")
            try:
                if client.rcode(client.exchange(server, message, tcp=True)) == "NOERROR":   # whose end is seen at once
                    acknowledged.append(i)
            except Exception:
                return

    for _ in range(3):
        acknowledged.clear()
        thread = threading.Thread(target=stream)
        thread.start()
        wait_for(lambda: len(acknowledged) >= 40, "some updates")
        server.kill9()
        thread.join()
        server.start("example.com")
        serial = client.serial(server, "example.com")
        for i in acknowledged:
            assert client.look(server, f"s{i}.example.com", "A") == ["192.0.2.1"], f"number {i}"
        assert serial > len(acknowledged)
        client.nsupdate(server, key, "".join(f"update delete s{i}.example.com\n" for i in range(0, 1000)) + "send\n")
    server.check_log()


def test_a_clean_stop_loses_nothing(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    for i in range(20):
        add(server, key, f"c{i}", f"192.0.2.{i}")
    server.stop()
    server.start("example.com")
    for i in range(20):
        assert client.look(server, f"c{i}.example.com", "A") == [f"192.0.2.{i}"]
    assert client.serial(server, "example.com") == 21


class SilentServer:
    """Accepts connections and never says a word."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.accepted = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                self.accepted.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        self.socket.close()
        for one in self.accepted:
            one.close()


def test_a_silent_git_server_delays_nothing_but_the_pull(certnsd, repo, key):
    """It comes in the way of neither queries nor updates nor another repository nor the end."""
    silent = SilentServer()
    try:
        server = certnsd(git=[{"remote": repo.bare},
                              {"remote": f"https://127.0.0.1:{silent.port}/zones.git", "poll": "1s"}])
        server.start("example.com")
        wait_for(lambda: silent.accepted, "the silent server is asked")
        for i in range(10):
            add(server, key, f"d{i}", f"192.0.2.{i}")
            assert client.look(server, f"d{i}.example.com", "A") == [f"192.0.2.{i}"]
        wait_for(lambda: "192.0.2.9" in repo.read("example.com"), "the other repository gets its push")
        assert server.ctl("status")["pid"] == server.pid, "the control socket answers"
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    finally:
        silent.close()


def is_database(path):
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as f:
        return f.read(15) == b"SQLite format 3"


def test_a_damaged_database_is_no_silent_loss(certnsd, repo, key):
    """A state directory that cannot be used is an error at the start, with its path."""
    server = certnsd(git=repo).start("example.com")
    add(server, key, "f1")
    server.stop()
    databases = [path for path in glob.glob(os.path.join(server.state, "*")) if is_database(path)]
    assert databases, os.listdir(server.state)
    for path in databases:
        with open(path, "r+b") as f:
            f.write(b"this is not a database" * 100)
    server.spawn([program("server/certnsd"), "-c", server.config_path])
    assert server.wait() != 0
    assert os.path.basename(databases[0]) in server.log()

"""A new host, without state: the zone goes on above the serial that its secondaries have."""

import os
import resource
import shutil
import socket
import threading

import dns.name
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import stays, wait_for
from lib.zones import zone

KEY = Key("client._update.example.com")


@pytest.fixture
def server(certnsd, repo, named):
    one = certnsd(git=repo)
    one.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"])
    return one


def test_a_restored_backup_goes_on_above(certnsd, repo, named, tmp_path):
    """What was served after the backup was made is lost; that the secondary has it must not keep it from following."""
    server = certnsd(git=[{"remote": repo.bare, "push": False}], keys=[
        {"name": KEY.name, "algorithm": KEY.algorithm, "secret": KEY.secret}])
    server.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"], **{"allow-transfer": ["127.0.0.0/8"]})
    server.start("example.com")
    server.ctl("backup", str(tmp_path / "backup"))
    serial = client.serial(server, "example.com")
    named.primary("example.com", zone(serial=serial + 7))
    named.start("example.com")
    server.stop()
    shutil.rmtree(server.state)
    shutil.copytree(tmp_path / "backup", server.state)
    server.start("example.com")
    server.wait_serial("example.com", serial + 8)
    assert f"from a backup, and a secondary has serial {serial + 7}: serial {serial + 8}" in server.log()
    server.stop()
    server.start("example.com")
    stays(lambda: client.serial(server, "example.com") == serial + 8, "an ordinary restart asks nobody", 1)


@pytest.mark.parametrize("known, wanted", [
    (50, 51),
    (1, 1),
    (4294967295, 1),		# older, by RFC 1982
])
def test_a_new_host_starts_above(server, named, known, wanted):
    named.primary("example.com", zone(serial=known))
    named.start("example.com")
    server.start("example.com")
    server.wait_serial("example.com", wanted)
    stays(lambda: client.serial(server, "example.com") == wanted, "and no higher", 1)
    server.stop()
    server.start("example.com")
    assert client.serial(server, "example.com") == wanted, "it is in the journal"


def test_a_policy_of_keep_is_kept(server, named):
    server.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"], serial="keep")
    named.primary("example.com", zone(serial=50))
    named.start("example.com")
    server.start("example.com")
    server.wait_log(r"warning: zone example\.com: a secondary has serial 50")
    assert client.serial(server, "example.com") == 1


class Elsewhere:
    """A secondary that notes what it is asked, and knows nothing."""

    def __init__(self):
        self.asked = set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._answer, daemon=True)
        self.thread.start()

    def _answer(self):
        while True:
            octets, peer = self.socket.recvfrom(4096)
            if not octets:
                return
            if octets[2] >> 3 & 15 == 0:     # QUERY; NOTIFY is answered too
                self.asked.add(octets[12:-4])
            self.socket.sendto(octets[:2] + bytes([octets[2] | 0x84]) + octets[3:], peer)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


@pytest.fixture
def elsewhere():
    one = Elsewhere()
    yield one
    one.close()


@pytest.mark.first
def test_very_many_zones_are_asked_for_as_sockets_allow(certnsd, tmp_path, elsewhere):
    """They come at once, and each question has a socket."""
    names = [f"z{i}.example" for i in range(450)]
    repo = GitRepo(tmp_path / "git", {"README": "no zone yet"})
    server = certnsd(git=repo)
    for name in names:
        server.zone_entry(name, notify=[f"127.0.0.1@{elsewhere.port}"])
    server.start()
    server.wait_log("at commit")
    pid = server.popen.pid
    limit = len(os.listdir(f"/proc/{pid}/fd")) + 400
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    repo.commit({name: zone(name) for name in names})
    server.ctl("pull")
    wanted = {dns.name.from_text(name).to_wire() for name in names}
    wait_for(lambda: wanted <= elsewhere.asked, "all have been asked for")
    assert "open files" not in server.log()

"""A new host, without state: the zone goes on above the serial that its secondaries have."""

import os
import resource
import socket
import threading

import dns.flags
import dns.message
import dns.opcode
import dns.rrset
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import stays
from lib.zones import zone

KEY = Key("client._update.example.com")


@pytest.fixture
def server(certnsd, repo, named):
    one = certnsd(git=repo)
    one.zone_entry("example.com", notify=[f"127.0.0.1@{named.port}"])
    return one


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


@pytest.fixture
def elsewhere():
    """A secondary of everything, with serial 50."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))

        def answer():
            while True:
                wire, peer = s.recvfrom(4096)
                if not wire:
                    return
                query = dns.message.from_wire(wire)
                reply = dns.message.make_response(query)
                reply.flags |= dns.flags.AA
                if query.opcode() == dns.opcode.QUERY:
                    reply.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "SOA", "ns1. me. 50 1 1 1 1"))
                s.sendto(reply.to_wire(), peer)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield s.getsockname()[1]
        s.sendto(b"", s.getsockname())
        thread.join()


def test_very_many_zones_are_asked_for_as_sockets_allow(certnsd, tmp_path, elsewhere):
    """They come at once, and each question has a socket."""
    names = [f"z{i}.example" for i in range(450)]
    repo = GitRepo(tmp_path / "git", {"README": "no zone yet"})
    server = certnsd(git=repo)
    for name in names:
        server.zone_entry(name, notify=[f"127.0.0.1@{elsewhere}"])
    server.start()
    server.wait_log("at commit")
    pid = server.popen.pid
    limit = len(os.listdir(f"/proc/{pid}/fd")) + 400
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    repo.commit({name: zone(name) for name in names})
    server.ctl("pull")
    for name in names:
        server.wait_serial(name, 51)
    assert "open files" not in server.log()

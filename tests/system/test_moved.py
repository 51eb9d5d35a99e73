"""A repository moves to another address, and a zone to another repository: serial and waiting changes go along."""

import os
import shutil

from lib import client
from lib.gitrepo import GitRepo
from lib.zones import zone


def test_the_repository_moves(certnsd, repo, key, tmp_path):
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "update add _acme-challenge.example.com 60 TXT x\nsend\n")
    client.nsupdate(server, key, "update add _acme-challenge.www.example.com 60 TXT y\nsend\n")
    assert client.serial(server, "example.com") == 3, "challenges are not written to git"
    server.stop()
    moved = os.path.join(tmp_path, "moved.git")
    shutil.copytree(repo.bare, moved)
    server.config["git"] = [{"remote": moved}]
    server.write_config()
    server.start("example.com")
    assert client.serial(server, "example.com") == 3, "the serial does not go back"
    assert client.look(server, "_acme-challenge.example.com", "TXT") == ['"x"']
    server.stop()
    server.start("example.com")
    assert client.serial(server, "example.com") == 3, "and so it is in the journal"


def test_a_zone_moves(certnsd, repo, key, tmp_path):
    other = GitRepo(tmp_path / "other", {"example.org": zone("example.org")})
    server = certnsd(git=[{"remote": repo.bare}, {"remote": other.bare}]).start("example.com", "example.org")
    client.nsupdate(server, key, "update add _acme-challenge.example.com 60 TXT x\nsend\n")
    repo.git("rm", "-q", "example.com")
    repo.git("commit", "-q", "-m", "goes")
    repo.git("push", "-q")
    server.pull()
    server.wait_log(r"zone example\.com: retired")
    other.commit({"example.com": zone()})
    server.pull()
    server.wait_ready("example.com")
    assert client.serial(server, "example.com") == 2
    assert client.look(server, "_acme-challenge.example.com", "TXT") == ['"x"']

"""The safety catch: a pull that would remove much is held back as a whole until somebody says that it is meant."""

import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import stays, wait_for
from lib.zones import zone

HOSTS = [f"host{i:02} A 192.0.2.{i}\n" for i in range(1, 41)]


def hosts(n, **kwargs):
    return zone(extra="".join(HOSTS[:n]), **kwargs)


@pytest.fixture
def repo(tmp_path, key):
    """example.com with 40 hosts, example.org, and a key."""
    return GitRepo(tmp_path / "git", {"example.com": hosts(40), "example.org": zone("example.org"),
                                      "example.com._keys": key.dnskey()})


@pytest.fixture
def make(certnsd, repo):
    def start(**settings):
        return certnsd(git=[{"remote": repo.bare, "poll": "1h", **settings}]).start("example.com", "example.org")
    return start


def pull_held(server, words):
    done = server.ctl_text("pull", check=False)
    assert done.returncode != 0 and words in done.stderr, done.stderr
    row = server.ctl("status")["repositories"][0]
    assert row["held"] == "removal" and words in row["problem"]
    return row["held-commit"]


def has(server, n):
    return client.look(server, f"host{n:02}.example.com", "A") == [f"192.0.2.{n}"]


def test_a_truncated_file_is_held_with_all_else(make, repo, key):
    server = make()
    bad = repo.commit({"example.com": hosts(10, serial=5), "example.org": zone("example.org", serial=7),
                       "example.com._keys": Key("other._update.example.com").dnskey()}, "oops")
    assert pull_held(server, "would remove 30 of the 45 RRs of zone example.com") == bad
    server.wait_log(rf"error: .*{bad[:12]} is not taken, and what was taken before stays served: "
                    rf"commit {bad[:12]} would remove 30")
    assert has(server, 40) and client.serial(server, "example.org") == 1, "nothing is taken in part"
    assert [k["name"] for k in server.ctl("keys")] == ["client._update.example.com"], "nor are keys"
    assert "would remove" in server.ctl("zones", "example.com")[0]["held-back"]
    assert 'reason="removal"} 1' in server.ctl("metrics")
    server.ctl_text("pull", check=False)
    assert server.log().count("is not taken") == 1, "it is logged once"
    # Updates go on, here; what they change stays out of the way.
    client.nsupdate(server, key, "update add here.example.com 300 A 192.0.2.99\n"
                                 "update delete host40.example.com\nsend\n")
    assert client.look(server, "here.example.com", "A") == ["192.0.2.99"]
    stays(lambda: repo.head() == bad, "nothing is pushed on top", 2.5)
    server.stop()
    server.start("example.com", "example.org")
    assert has(server, 39) and not has(server, 40) and client.serial(server, "example.org") == 1
    assert [k["name"] for k in server.ctl("keys")] == ["client._update.example.com"]
    client.nsupdate(server, key, "update add there.example.com 300 A 192.0.2.98\nsend\n")
    # It was meant.
    server.ctl("pull", "--force")
    assert server.ctl("status")["repositories"][0]["held"] is None
    assert has(server, 10) and not has(server, 11)
    assert client.look(server, "here.example.com", "A") == ["192.0.2.99"], "what changed here is kept"
    assert client.serial(server, "example.org") == 7
    wait_for(lambda: "there" in repo.read("example.com"), "and written back")
    assert "host11" not in repo.read("example.com") and "host10" in repo.read("example.com")
    # The limit counts from what was taken.
    repo.edit("example.com", lambda t: t.replace(HOSTS[9], ""))
    server.pull()
    assert not has(server, 10)


def test_the_next_commit_repairs_it(make, repo, key):
    server = make()
    repo.commit({"example.com": hosts(5)})
    pull_held(server, "would remove 35")
    client.nsupdate(server, key, "update add here.example.com 300 A 192.0.2.99\nsend\n")
    repo.commit({"example.com": hosts(38)})
    server.pull()
    assert has(server, 38) and not has(server, 39)
    wait_for(lambda: "here" in repo.read("example.com"), "what waited is written back")


def test_a_trailer_allows_it(make, repo):
    server = make()
    repo.commit({"example.com": hosts(5)})
    pull_held(server, "would remove 35")
    repo.commit({}, "Yes, these hosts are gone\n\nCerts-Allow-Removal: no\nCertns-Allow-Removal: yes\n")
    server.pull()
    assert has(server, 5) and not has(server, 6)
    repo.commit({"example.com": hosts(40)})
    server.pull()
    repo.commit({"example.com": hosts(5)})
    pull_held(server, "would remove 35")


def test_what_is_no_removal(make, repo):
    server = make()
    text = hosts(40).replace("192.0.2.", "198.51.100.").replace("$TTL 1h", "$TTL 2h").replace("$TTL 3600", "$TTL 7200")
    repo.commit({"example.com": text})
    server.pull()
    assert client.look(server, "host07.example.com", "A") == ["198.51.100.7"], "other addresses, other TTLs"
    repo.commit({"example.com": hosts(40)})
    server.pull()
    repo.commit({"example.com": hosts(29), "example.org": None})
    server.pull()
    assert not has(server, 30), "11 of 45 is less than 30 %"
    assert client.rcode(client.ask(server, "example.org", "SOA")) == "REFUSED", "a small zone may go"


@pytest.mark.parametrize("settings", [{"removal-limit": "none"}, {"removal-limit": "90%"}, {"removal-floor": 40}])
def test_limits(make, repo, settings):
    server = make(**settings)
    repo.commit({"example.com": hosts(5)})
    server.pull()
    assert not has(server, 6)


def test_a_floor_of_nothing(make, repo):
    server = make(**{"removal-floor": 0})
    repo.commit({"example.org": zone("example.org").replace("www", "ftp")})
    pull_held(server, "RRs of zone example.org")
    repo.commit({"example.org": None})
    pull_held(server, "would remove 1 of 2 zones")


def test_zones_that_go(certnsd, tmp_path):
    names = [f"zone{i}.example" for i in range(10)]
    repo = GitRepo(tmp_path / "git", {n: zone(n) for n in names})
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start(*names)
    repo.commit({n: None for n in names[:3]})
    server.pull()
    assert client.rcode(client.ask(server, names[2], "SOA")) == "REFUSED", "three of ten"
    repo.commit({n: None for n in names[3:8]})
    pull_held(server, "would remove 5 of 7 zones, with")
    assert all(client.serial(server, n) == 1 for n in names[3:])
    repo.git("rm", "-q", "-r", ".")
    repo.git("commit", "-q", "-m", "nothing is left")
    repo.git("push", "-q")
    pull_held(server, "leaves no zone and no key")


def test_a_small_repository_is_emptied(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "README": "zones\n"})
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com")
    repo.commit({"example.com": None})
    pull_held(server, "leaves no zone and no key")
    server.stop()
    server.start("example.com")
    server.ctl("pull", "--force")
    assert client.rcode(client.ask(server, "example.com", "SOA")) == "REFUSED"


def test_what_vanishes_as_a_whole(certnsd, tmp_path, key):
    repo = GitRepo(tmp_path / "git", {"dns/example.com": hosts(40), "dns/_keys": key.dnskey()})
    server = certnsd(git=[{"remote": repo.bare, "path": "dns", "poll": "1h"}]).start("example.com")
    repo.git("mv", "dns", "zones")
    repo.git("commit", "-q", "-m", "moved")
    repo.git("push", "-q")
    done = server.ctl_text("pull", check=False)
    assert done.returncode != 0 and "dns: no such file" in done.stderr
    assert has(server, 40)
    server.stop()
    server.start("example.com")
    assert has(server, 40)
    assert [k["name"] for k in server.ctl("keys")] == ["client._update.example.com"], "from the commit before"
    repo.git("push", "-q", "origin", "HEAD:other")
    repo.git("update-ref", "-d", "refs/heads/main", cwd=repo.bare)
    done = server.ctl_text("pull", check=False)
    assert done.returncode != 0 and "branch" in done.stderr
    assert has(server, 40)

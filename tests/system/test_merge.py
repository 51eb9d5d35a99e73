"""Two sides change a zone: what merges, what is a conflict and how that ends, and histories that are rewritten."""

import re

import pytest

from lib import client
from lib.wait import stays, wait_for
from lib.zones import zone


@pytest.fixture
def quiet(certnsd, repo):
    """A server that pulls only when it is told to, and writes back at once."""
    return certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com")


def details(server, name="example.com"):
    return server.ctl("zones", name)[0]


def update(server, key, script):
    client.nsupdate(server, key, script + "\nsend\n")


def conflict(server, repo, key):
    """A person makes a name an alias, and before that is seen an update gives it an address.  It meets the other also
    when the server, of itself, is quicker to push than we are to let it pull."""
    repo.edit("example.com", lambda t: t + "both CNAME www\nmore A 192.0.2.3\n")
    update(server, key, "update add both.example.com 3600 A 192.0.2.1\nupdate add other.example.com 3600 A 192.0.2.2")
    server.pull()


def test_a_conflict_is_reported_with_both_sides(quiet, repo, key):
    conflict(quiet, repo, key)
    assert client.look(quiet, "both.example.com", "A") == ["192.0.2.1"], "what is served stays served"
    assert client.look(quiet, "more.example.com", "A") == [], "the text waits as a whole"
    row = details(quiet)
    assert row["state"] == "held" and "both.example.com" in row["problem"]
    assert [line.split()[0] + line.split()[-2] for line in row["upstream-wants"]] == ["+CNAME"], row["upstream-wants"]
    assert len(row["changed-here"]) == 1 and row["changed-here"][0].startswith("+ both.example.com."), row["changed-here"]
    assert key.name in row["changed-here-by"][0] and "127.0.0.1" in row["changed-here-by"][0]
    quiet.wait_log(r"error: zone example\.com: the repository's text wants: \+ both\.example\.com\. .*CNAME")
    quiet.wait_log(r"error: zone example\.com: changed here: \+ both\.example\.com\. .*A 192\.0\.2\.1")
    assert "certns_zones_in_conflict 1" in quiet.ctl_text("metrics").stdout
    assert "192.0.2.1" not in repo.read("example.com"), "its file is left alone"


def test_it_ends_when_this_side_gives_in(quiet, repo, key):
    """Also while the remote is away: nothing new is needed from there."""
    conflict(quiet, repo, key)
    repo.hide()
    update(quiet, key, "update delete both.example.com A")
    wait_for(lambda: client.look(quiet, "both.example.com", "CNAME") == ["www.example.com."], "the text is taken")
    assert client.look(quiet, "more.example.com", "A") == ["192.0.2.3"]
    assert client.look(quiet, "other.example.com", "A") == ["192.0.2.2"], "the rest of the updates stays"
    row = details(quiet)
    assert row["state"] == "served" and not row["problem"] and not row["upstream-wants"]
    repo.unhide()
    quiet.pull()
    wait_for(lambda: "192.0.2.2" in repo.read("example.com"), "and is written back")


def test_it_ends_when_the_other_side_gives_in(quiet, repo, key):
    conflict(quiet, repo, key)
    repo.edit("example.com", lambda t: t.replace("both CNAME www\n", ""))
    quiet.pull()
    assert client.look(quiet, "both.example.com", "A") == ["192.0.2.1"]
    assert client.look(quiet, "more.example.com", "A") == ["192.0.2.3"]
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "the update is written back now")
    assert details(quiet)["state"] == "served"


def test_other_zones_go_on(certnsd, repo, key):
    repo.commit({"example.org": zone("example.org")})
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com", "example.org")
    conflict(server, repo, key)
    repo.edit("example.org", lambda t: t + "new A 192.0.2.9\n")
    server.pull()
    assert client.look(server, "new.example.org", "A") == ["192.0.2.9"]


def test_ttls_merge(quiet, repo, key):
    """A person changes the TTL of a set, an update adds to it: one set with one TTL, and both sides' records."""
    repo.edit("example.com", lambda t: t.replace("www\tA", "www 60\tA"))
    update(quiet, key, "update add www.example.com 3600 A 192.0.2.81")
    quiet.pull()
    answer = client.ask(quiet, "www.example.com", "A").answer[0]
    assert sorted(r.to_text() for r in answer) == ["192.0.2.80", "192.0.2.81"]
    wait_for(lambda: "192.0.2.81" in repo.read("example.com"), "the update is written back")
    quiet.pull()
    assert len(client.look(quiet, "www.example.com", "A")) == 2
    wait_for(lambda: details(quiet)["pending"] == 0, "nothing waits")


# --- histories

def force_push(repo, back, files):
    repo.update()
    repo.git("reset", "-q", "--hard", f"HEAD~{back}")
    repo._write(files)
    repo.git("add", "-A", ".")
    repo.git("commit", "-q", "--allow-empty", "-m", "rewritten")
    repo.git("push", "-q", "--force", "origin", f"HEAD:{repo.branch}")


def test_a_force_push_drops_nothing_of_ours(quiet, repo, key):
    update(quiet, key, "update add ours.example.com 3600 A 192.0.2.1\nupdate delete www.example.com AAAA")
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "it was pushed")
    force_push(repo, 1, {"example.com": zone(extra="theirs A 192.0.2.2\n")})
    quiet.pull()
    quiet.wait_log(r"warning: .*history was rewritten")
    assert client.look(quiet, "ours.example.com", "A") == ["192.0.2.1"]
    assert client.look(quiet, "www.example.com", "AAAA") == [], "what was removed stays removed"
    assert client.look(quiet, "theirs.example.com", "A") == ["192.0.2.2"]
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "it is pushed again")
    assert "2001:db8::80" not in repo.read("example.com")


def test_people_may_take_their_own_back(quiet, repo, key):
    """An amended commit: what it does no longer say is gone, and what came by update is not."""
    repo.edit("example.com", lambda t: t + "typo A 192.0.2.1\n")
    quiet.pull()
    update(quiet, key, "update add ours.example.com 3600 A 192.0.2.3")
    wait_for(lambda: "192.0.2.3" in repo.read("example.com"), "it was pushed")
    force_push(repo, 2, {"example.com": zone(extra="right A 192.0.2.2\n")})
    quiet.pull()
    assert client.look(quiet, "typo.example.com", "A") == []
    assert client.look(quiet, "right.example.com", "A") == ["192.0.2.2"]
    assert client.look(quiet, "ours.example.com", "A") == ["192.0.2.3"]


def test_a_force_push_is_seen_after_a_crash(quiet, repo, key):
    update(quiet, key, "update add ours.example.com 3600 A 192.0.2.1")
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "it was pushed")
    quiet.kill9()
    force_push(repo, 1, {"example.com": zone(serial=9)})
    quiet.start("example.com")
    quiet.pull()
    assert client.look(quiet, "ours.example.com", "A") == ["192.0.2.1"]
    assert client.serial(quiet, "example.com") == 9


@pytest.mark.parametrize("crash", [False, True])
def test_a_file_that_comes_back_finds_the_changes_that_waited(quiet, repo, key, crash):
    text = repo.read("example.com")
    repo.commit({"example.com": None})
    update(quiet, key, "update add ours.example.com 3600 A 192.0.2.1")
    quiet.pull()
    assert client.serial(quiet, "example.com") is None
    assert "1 changes" in details(quiet)["problem"]
    if crash:
        quiet.kill9()
        quiet.start()
    stays(lambda: client.serial(quiet, "example.com") is None, "it stays away", 0.5)
    repo.commit({"example.com": text})
    quiet.pull()
    assert client.look(quiet, "ours.example.com", "A") == ["192.0.2.1"]
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "and they are written back")
    assert not details(quiet)["problem"]


def test_a_zone_comes_back_in_conflict(quiet, repo, key):
    """Then the last good version is served, so that somebody can give in."""
    text = repo.read("example.com")
    repo.commit({"example.com": None})
    update(quiet, key, "update add both.example.com 3600 A 192.0.2.1")
    quiet.pull()
    repo.commit({"example.com": text + "both CNAME www\n"})
    quiet.pull()
    assert client.look(quiet, "both.example.com", "A") == ["192.0.2.1"]
    assert details(quiet)["state"] == "held"
    update(quiet, key, "update delete both.example.com A")
    wait_for(lambda: client.look(quiet, "both.example.com", "CNAME"), "the text is taken")


def test_a_shared_include_changes_all_its_zones(certnsd, repo):
    """A commit that touches nothing but a file that many zones include."""
    names = [f"zone{i}.example" for i in range(20)]
    repo.commit({**{name: zone(name, extra="$INCLUDE common/mail\n") for name in names},
                 "common/mail": "mail A 192.0.2.1\n"})
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start(*names)
    repo.commit({"common/mail": "mail A 192.0.2.2\n"})
    server.pull()
    assert all(client.look(server, f"mail.{name}", "A") == ["192.0.2.2"] for name in names)
    assert re.search(r"1 changed files found .* 20 zones read", server.log())


def test_a_file_comes_back_after_history_was_rewritten_without_it(quiet, repo, key):
    """What was pushed from here lies in the old history alone, and the clone has been compacted since."""
    text = repo.read("example.com")
    update(quiet, key, "update add ours.example.com 3600 A 192.0.2.1")
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "it was pushed")
    repo.update()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("rm", "-q", "example.com")
    repo.git("commit", "-q", "-m", "rewritten")
    repo.git("push", "-q", "--force", "origin", f"HEAD:{repo.branch}")
    quiet.ctl("pull", "--force")
    quiet.wait_log(r"zone example\.com: retired")
    quiet.wait_log(r"the clone was compacted")
    repo.commit({"example.com": text})
    quiet.pull()
    assert client.look(quiet, "ours.example.com", "A") == ["192.0.2.1"]
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "it is pushed again")

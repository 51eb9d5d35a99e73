"""Zones come from git and go back to it: what is taken, what is left alone, and which serial is served."""

import os
import re
import signal

import dns.rcode
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import stays, wait_for
from lib.zones import sign, zone

COMMENTED = """\
; A zone with everything that people write into zones.
$ORIGIN example.com.
$TTL 1h
@	IN SOA	ns1 hostmaster (
		7	; the serial
		2h 1h 2w 5m )
	NS	ns1
; ---- machines
ns1	A	127.0.0.1
www	300 IN A	192.0.2.80	; the web server
	IN 300 AAAA	2001:db8::80

mail	A 192.0.2.25
	MX	10 mail		; and its MX
"""


def web(address):
    return f"extra\tA\t{address}\n"


# --- what is taken from the repository

def test_zones_appear_as_they_are_committed(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    repo.commit({"example.org": zone("example.org")})
    server.pull()
    assert client.serial(server, "example.org") == 1
    repo.edit("example.com", lambda t: t + web("192.0.2.99"))
    server.pull()
    assert client.look(server, "extra.example.com", "A") == ["192.0.2.99"]


def test_what_is_no_zone_is_passed_over(certnsd, tmp_path):
    files = {
        "example.com": zone(), "README.md": "# Zones\n", ".hidden": zone("hidden"), "Makefile": "all:\n",
        "sub/example.net": zone("example.net"), ".github/workflows/x.yml": "on: push\n",
        "notes.txt": "not a zone\n", "outside._keys": Key("k._update.example.com").dnskey(),
    }
    repo = GitRepo(tmp_path / "git", files)
    os.symlink("example.com", os.path.join(repo.work, "link.example"))
    repo.commit({})
    before = repo.files()
    key = Key("client._update.example.com")
    repo.commit({"example.com._keys": key.dnskey()})
    server = certnsd(git=repo).start("example.com")
    for name in "example.net", "hidden", "link.example", "notes.txt", "readme.md":
        assert client.rcode(client.ask(server, name, "SOA")) == "REFUSED", name
    server.wait_log(r"README\.md")
    server.wait_log(r"outside\._keys|k\._update\.example\.com")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    wait_for(lambda: "new" in repo.read("example.com"), "the update is in git")
    assert repo.files() == sorted(before + ["example.com._keys"]), "nothing was removed"
    assert repo.git("show", "--format=", "--name-only", "main", cwd=repo.bare).split() == ["example.com"]


def test_a_sub_directory_may_be_chosen(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "dns/example.net": zone("example.net")})
    server = certnsd(git=[{"remote": repo.bare, "path": "dns"}]).start("example.net")
    assert client.rcode(client.ask(server, "example.com", "SOA")) == "REFUSED"


def test_branches(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone()}, branch="master")
    certnsd(git=repo).start("example.com")
    repo.git("push", "-q", "origin", "master:other")
    certnsd(git=f"{repo.bare}#other").start("example.com")


def test_without_a_configuration_file(certnsd, repo, tmp_path):
    server = certnsd()
    server.start("example.com", arguments=["--remote", repo.bare + "#main", "--listen", server.here(),
                                           "--state", server.state])


def test_a_bad_zone_keeps_the_last_good_one(certnsd, repo):
    repo.commit({"example.org": zone("example.org")})
    server = certnsd(git=repo).start("example.com", "example.org")
    repo.commit({"example.com": zone(serial=5, extra="broken A 192.0.2.300\n"),
                 "example.org": zone("example.org", serial=2)})
    server.pull()
    assert client.serial(server, "example.com") == 1, "the last good one"
    assert client.look(server, "www.example.com", "A") == ["192.0.2.80"]
    assert client.serial(server, "example.org") == 2, "others go on"
    server.wait_log(r"example\.com:13:10: ")
    assert server.zone("example.com")["problem"]
    repo.commit({"example.com": zone(serial=6)})
    server.pull()
    assert client.serial(server, "example.com") == 6
    assert not server.zone("example.com")["problem"]


@pytest.mark.parametrize("extra, why", [
    ("www CNAME ns1", "a CNAME beside other data"),
    ("x CNAME a\nx CNAME b", "two CNAMEs"),
    ("@ SOA ns1 hostmaster 2 2 2 2 2", "a second SOA"),
    ("$INCLUDE nothing-there", "a file that is missing"),
    ("x A", "rdata that is missing"),
    ("x 300 IN TXT \"open", "a string without an end"),
    ("$TTL", "a directive without its value"),
])
def test_unsound_zones(certnsd, repo, extra, why):
    server = certnsd(git=repo).start("example.com")
    repo.commit({"example.com": zone(serial=2, extra=extra + "\n")})
    server.pull()
    assert client.serial(server, "example.com") == 1, why
    server.wait_log(r"example\.com:\d+(:\d+)?: ")


def test_an_unsound_zone_at_the_first_start(certnsd, repo):
    repo.commit({"example.org": zone("example.org", extra="x A nonsense\n")})
    server = certnsd(git=repo).start("example.com")
    answer = client.ask(server, "www.example.org", "A", use_edns=0)
    assert client.rcode(answer) == "SERVFAIL" and [o.code for o in answer.options] == [14], "not ready"
    assert server.zone("example.org")["problem"]
    repo.commit({"sub.example.com": zone("sub.example.com", extra="x A nonsense\n")})
    server.pull()
    assert server.zone("sub.example.com")["problem"]
    assert client.rcode(client.ask(server, "sub.example.com", "A")) == "NXDOMAIN", "the zone above answers as before"
    repo.commit({name: zone(name, serial=2) for name in ("example.org", "sub.example.com")})
    server.pull()
    assert client.serial(server, "example.org") == 2 and client.serial(server, "sub.example.com") == 2
    repo.commit({"example.org": None})
    server.pull()
    assert client.rcode(client.ask(server, "www.example.org", "A")) == "REFUSED"


def test_include(certnsd, repo):
    repo.commit({"example.com": zone(extra="$INCLUDE parts/more\nlast A 192.0.2.4\n"),
                 "parts/more": "more A 192.0.2.3\n"})
    server = certnsd(git=repo).start("example.com")
    assert client.look(server, "more.example.com", "A") == ["192.0.2.3"]
    assert client.look(server, "last.example.com", "A") == ["192.0.2.4"]
    repo.commit({"parts/more": "more A 192.0.2.5\n"})
    server.pull()
    assert client.look(server, "more.example.com", "A") == ["192.0.2.5"]
    assert client.serial(server, "example.com") == 2


def test_an_include_must_not_leave_the_repository(certnsd, repo, tmp_path):
    (tmp_path / "secret").write_text("secret A 192.0.2.66\n")
    server = certnsd(git=repo).start("example.com")
    for path in str(tmp_path / "secret"), "../../../secret", "/etc/hostname":
        repo.commit({"example.com": zone(serial=9, extra=f"$INCLUDE {path}\n")})
        server.pull()
        assert client.serial(server, "example.com") == 1, path


def test_keys_cannot_be_asked_for(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    for name in key.name, "_keys", "example.com._keys", "_update.example.com":
        for rdtype in "DNSKEY", "ANY", "TXT":
            response = client.ask(server, name, rdtype, tcp=True)
            assert key.secret not in response.to_text() and not response.answer, (name, rdtype)
    assert key.secret not in server.log()


def test_keys_change_with_a_commit(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    new = Key(key.name)
    repo.commit({"example.com._keys": new.dnskey()})
    server.pull()
    done = client.nsupdate(server, key, "update add a.example.com 1 A 192.0.2.1\nsend\n", check=False)
    assert done.returncode != 0
    client.nsupdate(server, new, "update add a.example.com 1 A 192.0.2.1\nsend\n")


def test_a_deleted_file_retires_the_zone(certnsd, repo):
    repo.commit({"example.org": zone("example.org")})
    server = certnsd(git=repo).start("example.com", "example.org")
    repo.commit({"example.org": None})
    server.pull()
    assert client.rcode(client.ask(server, "example.org", "SOA")) == "REFUSED"
    assert client.serial(server, "example.com") == 1
    repo.commit({"example.org": zone("example.org", serial=1, extra=web("192.0.2.1"))})
    server.pull()
    assert client.look(server, "extra.example.org", "A") == ["192.0.2.1"]
    assert client.serial(server, "example.org") in (1, 2), "it is back"


def test_a_signed_zone_is_never_changed(certnsd, tmp_path):
    key = Key("k._update.signed.example")
    directory = tmp_path / "signed"
    directory.mkdir()
    (directory / "zone").write_text(zone("signed.example", serial=3))
    repo = GitRepo(tmp_path / "git", {"signed.example": sign(directory, "signed.example"),
                                      "signed.example._keys": key.dnskey()})
    server = certnsd(git=repo).start("signed.example")
    serial = client.serial(server, "signed.example")
    assert len(client.look(server, "signed.example", "DNSKEY")) >= 1
    message = client.new_update("signed.example.", key)
    message.add("new.signed.example.", 300, "A", "192.0.2.1")
    message.use_edns(0)
    response = client.exchange(server, message)
    assert client.rcode(response) == "REFUSED"
    assert [o for o in response.options if o.otype == 15], "an extended error says why"
    assert client.serial(server, "signed.example") == serial
    repo.edit("signed.example", lambda t: t + "; a comment\n")
    server.pull()
    assert client.serial(server, "signed.example") == serial
    repo.edit("signed.example", lambda t: t + "unsigned.signed.example. 300 IN A 192.0.2.1\n")
    server.pull()
    assert client.look(server, "unsigned.signed.example", "A") == [], "a change without a raised serial is refused"


def test_glue_of_servers_outside_is_kept(certnsd, repo):
    """As dns-primary-git does: addresses of the zone's own name servers, whatever their names are."""
    repo.commit({"example.com": zone(serial=2, extra="@ NS ns.example.net.\nns.example.net. A 192.0.2.54\n")})
    server = certnsd(git=repo).start("example.com")
    response = client.ask(server, "example.com", "NS")
    assert "ns.example.net. A 192.0.2.54" in client.records(response, "additional")
    assert client.rcode(client.ask(server, "ns.example.net", "A")) == "REFUSED"


# --- triggers

def test_a_signed_notify_pulls(certnsd, repo, key):
    notify = Key("git._notify.example.com")
    repo.edit("example.com._keys", lambda t: t + notify.dnskey())
    server = certnsd(git=repo).start("example.com")
    for i, one in enumerate((key, notify)):
        repo.edit("example.com", lambda t, i=i: t + f"n{i} A 192.0.2.{i}\n")
        text = client.dig(server, "SOA", "example.com", "+opcode=notify", "-y", one.y())
        assert "status: NOERROR" in text
        wait_for(lambda i=i: client.look(server, f"n{i}.example.com", "A"), "the commit is served")


def test_an_unsigned_notify_does_not(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    repo.edit("example.com", lambda t: t + web("192.0.2.1"))
    client.dig(server, "SOA", "example.com", "+opcode=notify")
    stays(lambda: client.look(server, "extra.example.com", "A") == [], "nothing was pulled")


def test_sighup_pulls(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    repo.edit("example.com", lambda t: t + web("192.0.2.1"))
    server.signal(signal.SIGHUP)
    wait_for(lambda: client.look(server, "extra.example.com", "A"), "the commit is served")


def test_the_timer_pulls(certnsd, repo):
    server = certnsd(git=[{"remote": repo.bare, "poll": "1s"}]).start("example.com")
    repo.edit("example.com", lambda t: t + web("192.0.2.1"))
    wait_for(lambda: client.look(server, "extra.example.com", "A"), "the commit is served")


# --- serials

def test_serials_follow_the_file_and_never_go_back(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")

    def commit(serial, extra=""):
        repo.commit({"example.com": zone(serial=serial, extra=extra)})
        server.pull()
        return client.serial(server, "example.com")

    assert commit(1, web("192.0.2.1")) == 2, "changed content under the same serial"
    assert commit(10, web("192.0.2.2")) == 10, "a raised serial is taken"
    assert commit(11, web("192.0.2.2")) == 11, "a commit that changes only the serial is a change"
    assert commit(5, web("192.0.2.3")) == 12, "a lower one never"
    assert client.look(server, "extra.example.com", "A") == ["192.0.2.3"]
    assert commit(20, web("192.0.2.3")) == 20
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    assert client.serial(server, "example.com") == 21
    wait_for(lambda: re.search(r"\b21\s+; serial", repo.read("example.com")), "the serial is in git")
    repo.edit("example.com", lambda t: t + "another A 192.0.2.77\n")
    server.pull()
    assert client.serial(server, "example.com") == 22


def test_comments_alone_change_nothing(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    repo.edit("example.com", lambda t: "; another comment\n" + t.replace("\t", "    "))
    server.pull()
    assert client.serial(server, "example.com") == 1


def test_the_served_serial_survives(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "update add _acme-challenge.example.com 60 TXT passing\nsend\n")
    assert client.serial(server, "example.com") == 2
    server.stop()
    server.start("example.com")
    assert client.serial(server, "example.com") >= 2, "git has 1 still"


# --- the remote is not always there

def test_the_clone_serves_when_the_remote_is_down(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    repo.edit("example.com", lambda t: t + web("192.0.2.1"))
    server.pull()
    server.stop()
    repo.hide()
    server.start("example.com")
    assert client.look(server, "extra.example.com", "A") == ["192.0.2.1"]
    repo.unhide()
    repo.edit("example.com", lambda t: t + "later A 192.0.2.2\n")
    server.pull()
    assert client.look(server, "later.example.com", "A") == ["192.0.2.2"]


def test_no_remote_and_no_clone(certnsd, repo):
    repo.hide()
    server = certnsd(git=[{"remote": repo.bare, "poll": "1s"}])
    server.start()
    assert client.rcode(client.ask(server, "example.com", "SOA")) in ("REFUSED", "SERVFAIL")
    server.wait_log(r"(warning|error): .*remote\.git")
    repo.unhide()
    wait_for(lambda: client.serial(server, "example.com") == 1, "the zone appears when the remote does")


# --- back to git

def test_an_update_is_written_back(certnsd, repo, key):
    repo.commit({"example.com": COMMENTED})
    server = certnsd(git=repo).start("example.com")
    assert client.serial(server, "example.com") == 7
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "the update is in git")
    author_and_message = repo.log(1)[0]
    assert key.name in author_and_message.splitlines()[0], "the key is the author"
    assert "127.0.0.1" in author_and_message and "example.com" in author_and_message and "8" in author_and_message
    served = client.dig(server, "axfr", "example.com", "-y", key.y(), "+noall", "+answer", "+onesoa")
    other = certnsd(git=repo).start("example.com")
    again = client.dig(other, "axfr", "example.com", "-y", key.y(), "+noall", "+answer", "+onesoa")

    def lines(text):
        return sorted(" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";"))

    assert lines(served) == lines(again), "what git has is what is served"


def test_comments_and_order_are_kept(certnsd, repo, key):
    repo.commit({"example.com": COMMENTED})
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\n"
                                 "update delete mail.example.com MX\nsend\n")
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "the update is in git")
    text = repo.read("example.com")
    for kept in "; A zone with everything", "; ---- machines", "; the web server", "; the serial":
        assert kept in text, kept


def test_several_updates_make_few_commits_and_none_is_lost(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "".join(f"update add m{i}.example.com 300 A 192.0.2.{i}\nsend\n" for i in range(30)))
    wait_for(lambda: all(f"192.0.2.{i}" in repo.read("example.com") for i in range(30)), "all are in git")
    assert repo.commits() <= 32


def test_a_rejected_push_is_merged(certnsd, repo, key):
    """Somebody pushes while we want to: both changes are there in the end, and served."""
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com")
    repo.edit("example.com", lambda t: t + "theirs A 192.0.2.101\n")
    client.nsupdate(server, key, "update add ours.example.com 300 A 192.0.2.102\nsend\n")
    wait_for(lambda: "192.0.2.102" in repo.read("example.com"), "ours is in git")
    assert "192.0.2.101" in repo.read("example.com"), "theirs too"
    wait_for(lambda: client.look(server, "theirs.example.com", "A") == ["192.0.2.101"], "theirs is served")
    assert client.look(server, "ours.example.com", "A") == ["192.0.2.102"]


def test_both_sides_change_the_same_name(certnsd, repo, key):
    server = certnsd(git=[{"remote": repo.bare, "poll": "1h"}]).start("example.com")
    repo.edit("example.com", lambda t: t + "both A 192.0.2.101\n")
    client.nsupdate(server, key, "update add both.example.com 3600 A 192.0.2.102\nsend\n")
    wait_for(lambda: client.look(server, "both.example.com", "A") == ["192.0.2.101", "192.0.2.102"],
             "sets of records merge")
    wait_for(lambda: "192.0.2.102" in repo.read("example.com") and "192.0.2.101" in repo.read("example.com"),
             "in git too")


def test_an_operators_commit_and_our_update_do_not_undo_each_other(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "update delete www.example.com AAAA\nsend\n")
    wait_for(lambda: "2001:db8::80" not in repo.read("example.com"), "the deletion is in git")
    repo.edit("example.com", lambda t: t + "x A 192.0.2.1\n")
    server.pull()
    assert client.look(server, "www.example.com", "AAAA") == [], "it stays deleted"
    assert client.look(server, "x.example.com", "A") == ["192.0.2.1"]


def test_a_bad_file_keeps_updates_waiting(certnsd, repo, key):
    """Its file stays untouched while it is unsound; the update is served, and written once the file is sound."""
    server = certnsd(git=repo).start("example.com")
    bad = zone(serial=5, extra="broken A nonsense\n")
    repo.commit({"example.com": bad})
    server.pull()
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    assert client.look(server, "new.example.com", "A") == ["192.0.2.1"]
    stays(lambda: repo.read("example.com") == bad, "the file is untouched")
    repo.commit({"example.com": zone(serial=5)})
    server.pull()
    assert client.look(server, "new.example.com", "A") == ["192.0.2.1"]
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "now it is in git")


def test_push_can_be_switched_off(certnsd, repo, key):
    server = certnsd(git=[{"remote": repo.bare, "push": False}]).start("example.com")
    before = repo.head()
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    stays(lambda: repo.head() == before, "nothing is pushed")


def test_certnsctl_push_returns_when_done(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    server.ctl("push")
    assert "192.0.2.1" in repo.read("example.com")


def test_a_hundred_zones(certnsd, tmp_path):
    files = {f"zone{i}.example": zone(f"zone{i}.example", serial=i + 1) for i in range(100)}
    repo = GitRepo(tmp_path / "git", files)
    server = certnsd(git=repo).start("zone99.example")
    assert [client.serial(server, name) for name in files] == [i + 1 for i in range(100)]
    assert client.ask(server, "www.zone50.example", "A").rcode() == dns.rcode.NOERROR

"""Only commits that were signed by somebody who may are served (git: allowed-signers), and ours are signed too."""

import os
import re
import shutil
import signal

import pytest

from lib import client
from lib.certnsd import program
from lib.process import run
from lib.signing import SigningKey, sign_with, write
from lib.wait import stays, wait_for
from lib.zones import zone


def web(address):
    return f"extra\tA\t{address}\n"


@pytest.fixture
def alice(tmp_path):
    return SigningKey(tmp_path, "alice")


@pytest.fixture
def signers(tmp_path, alice):
    return write(tmp_path / "signers", "# who may\n" + alice.line('namespaces="git"'))


@pytest.fixture
def guarded(certnsd, repo, alice, signers):
    """A server that takes alice's commits only."""
    sign_with(repo, alice)
    repo.commit({})
    return certnsd(git=[{"remote": repo.bare, "allowed-signers": signers, "poll": "1h"}]).start("example.com")


def held(server):
    return server.ctl("status")["repositories"][0]["held"]


def pull_held(server, words):
    """A pull that must not be taken."""
    done = server.ctl_text("pull", check=False)
    assert done.returncode != 0 and words in done.stderr, done.stderr
    row = server.ctl("status")["repositories"][0]
    assert words in row["problem"]
    return row


def extra(server):
    return client.look(server, "extra.example.com", "A")


def test_unsigned_commits_are_not_taken(guarded, repo, alice, key):
    served = repo.head()
    repo.edit("example.com", lambda t: t + web("192.0.2.1"))
    guarded.pull()
    assert extra(guarded) == ["192.0.2.1"], "alice's is"
    sign_with(repo, None)
    bad = repo.edit("example.com", lambda t: t.replace("192.0.2.1", "192.0.2.66"), "a forged one")
    row = pull_held(guarded, "is not signed")
    assert row["held-commit"] == bad and row["held"] == "signature" and row["held-since"]
    guarded.wait_log(rf'commit {bad[:12]} of .* by Operator <operator@example\.com> "a forged one" is not signed')
    assert 'reason="signature"} 1' in guarded.ctl("metrics")
    sign_with(repo, alice)
    repo.edit("example.com", lambda t: t + "more A 192.0.2.2\n", "a signed one on top")
    pull_held(guarded, "is not signed")
    assert extra(guarded) == ["192.0.2.1"]
    # Updates go on, but nothing is built on what is not accepted.
    tip = repo.head()
    client.nsupdate(guarded, key, "update add here.example.com 300 A 192.0.2.3\nsend\n")
    assert client.look(guarded, "here.example.com", "A") == ["192.0.2.3"]
    stays(lambda: repo.head() == tip, "nothing is pushed", 2.5)
    assert "not signed" in guarded.zone("example.com").get("held-back", "") or \
        "not signed" in guarded.ctl("zones", "example.com")[0]["held-back"]
    # Over a restart too.
    guarded.stop()
    guarded.start("example.com")
    assert extra(guarded) == ["192.0.2.1"]
    assert client.look(guarded, "here.example.com", "A") == ["192.0.2.3"]
    client.nsupdate(guarded, key, "update add there.example.com 300 A 192.0.2.4\nsend\n")
    # The remote is repaired: history goes back to what was good, and a new commit comes.
    repo.git("reset", "-q", "--hard", f"{bad}^")
    assert repo.git("rev-parse", "HEAD").strip() != served
    repo.git("push", "-q", "--force", "origin", "main")
    guarded.pull()
    assert held(guarded) is None
    wait_for(lambda: "there" in repo.read("example.com"), "what waited is written back")
    assert "192.0.2.66" not in repo.read("example.com")
    repo.edit("example.com", lambda t: t.replace("192.0.2.1", "192.0.2.5"))
    guarded.pull()
    assert extra(guarded) == ["192.0.2.5"], "on top of our own commits, which need no listing"


def test_a_new_signer_is_listed_and_a_key_revoked(guarded, repo, alice, signers, tmp_path):
    bob = SigningKey(tmp_path, "bob", "ecdsa", 384)
    sign_with(repo, bob)
    repo.edit("example.com", lambda t: t + web("192.0.2.7"))
    pull_held(guarded, f"{bob.fingerprint()} is unknown")
    with open(signers, "a", encoding="utf-8") as f:
        f.write("bob@example.org nonsense\n")
    guarded.popen.send_signal(signal.SIGHUP)
    guarded.wait_log(r"signers:3: expected cert-authority")
    write(signers, alice.line() + bob.line('valid-after="20200101Z"'))
    guarded.popen.send_signal(signal.SIGHUP)
    wait_for(lambda: extra(guarded) == ["192.0.2.7"], "the file lists him now")
    write(signers, alice.line() + bob.line('valid-before="20200101Z"'))
    repo.edit("example.com", lambda t: t.replace("192.0.2.7", "192.0.2.8"))
    guarded.popen.send_signal(signal.SIGHUP)
    guarded.wait_log(re.escape(bob.fingerprint()) + r" had expired then: valid before 2020-01-01T00:00:00Z")
    assert extra(guarded) == ["192.0.2.7"]


def test_a_push_that_meets_a_forged_commit(guarded, repo, key):
    """The write-back loses the race, fetches, and gives up until the remote is repaired: it does not try for ever."""
    sign_with(repo, None)
    good = repo.head()
    bad = repo.edit("example.com", lambda t: t + web("192.0.2.66"))
    client.nsupdate(guarded, key, "update add here.example.com 300 A 192.0.2.3\nsend\n")
    guarded.wait_log(rf"{bad[:12]} is not taken")
    assert client.look(guarded, "here.example.com", "A") == ["192.0.2.3"] and extra(guarded) == []
    stays(lambda: repo.head() == bad and guarded.log().count("is not taken") == 1, "nothing is tried", 1.5)
    done = guarded.ctl_text("push", check=False)
    assert done.returncode != 0 and "is not signed" in done.stderr
    repo.git("push", "-q", "--force", "origin", f"{good}:main")
    guarded.pull()
    wait_for(lambda: "here" in repo.read("example.com"), "it is written back")
    assert "192.0.2.66" not in repo.read("example.com")


def test_our_commit_is_ours_after_a_crash(guarded, repo, key):
    """Killed while a commit of its own, which nobody signed, was on its way."""
    for i in range(3):
        before = repo.head()
        client.nsupdate(guarded, key, f"update add n{i}.example.com 300 A 192.0.2.3\nsend\n")
        wait_for(lambda: repo.head() != before, "it is pushed", interval=0.002)
        guarded.kill9()
        guarded.start("example.com")
        guarded.pull()
        assert held(guarded) is None
        assert client.look(guarded, f"n{i}.example.com", "A") == ["192.0.2.3"]


def test_what_was_taken_is_known_without_the_clone(guarded, repo, alice, key):
    client.nsupdate(guarded, key, "update add _acme-challenge.example.com 60 TXT x\nsend\n")
    guarded.stop()
    shutil.rmtree(os.path.join(guarded.state, "git"))
    sign_with(repo, None)
    bad = repo.edit("example.com", lambda t: t + web("192.0.2.66"))
    sign_with(repo, alice)
    repo.commit({}, "signed, on top of what is not")
    guarded.start("example.com")
    guarded.wait_log(rf"commit {bad[:12]} of .* is not signed")
    assert extra(guarded) == [] and held(guarded) == "signature"
    assert client.look(guarded, "_acme-challenge.example.com", "TXT") == ['"x"']
    assert len(guarded.ctl("keys")) == 1
    pull_held(guarded, "is not signed")


def test_history_set_back_is_not_served_again(guarded, repo):
    first = repo.head()
    repo.edit("example.com", lambda t: t + web("192.0.2.1"))
    guarded.pull()
    repo.git("push", "-q", "--force", "origin", f"{first}:main")
    assert pull_held(guarded, "was set back")["held"] == "rewound"
    assert extra(guarded) == ["192.0.2.1"]
    guarded.ctl("pull", "--force")
    assert extra(guarded) == []


def test_a_fresh_state_wants_a_signed_tip(certnsd, repo, alice, signers, key):
    server = certnsd(git=[{"remote": repo.bare, "allowed-signers": signers, "poll": "1h"}]).start()
    server.wait_log(r"[0-9a-f]{12} is not taken, and nothing was taken before: commit .* is not signed")
    assert client.rcode(client.ask(server, "example.com", "SOA")) == "REFUSED"
    sign_with(repo, alice)
    repo.commit({})
    server.pull()
    server.wait_ready("example.com")
    client.nsupdate(server, key, "update add here.example.com 300 A 192.0.2.3\nsend\n")
    wait_for(lambda: "here" in repo.read("example.com"), "it is written back")


@pytest.mark.parametrize("kind, bits", [("ed25519", None), ("ecdsa", 256), ("rsa", 2048)])
def test_our_commits_are_signed(certnsd, repo, key, tmp_path, kind, bits):
    ours = SigningKey(tmp_path, "ours", kind, bits)
    server = certnsd(git=[{"remote": repo.bare, "signing-key": ours.path}]).start("example.com")
    before = repo.head()
    client.nsupdate(server, key, "update add here.example.com 300 A 192.0.2.3\nsend\n")
    wait_for(lambda: repo.head() != before, "it is written back")
    listed = write(tmp_path / "listed", ours.line('namespaces="git"'))
    verify = ["git", "-c", f"gpg.ssh.allowedSignersFile={listed}", "verify-commit", "-v", "main"]
    done = run(verify, cwd=repo.bare)
    assert 'Good "git" signature for ours@example.org' in done.stderr
    run(["git", "fsck", "--strict"], cwd=repo.bare)


@pytest.mark.parametrize("settings, words", [
    ({"allowed-signers": "{dir}/bad"}, r"bad:2: expected a public key"),
    ({"revoked-signers": "{dir}/bad"}, r"expected allowed-signers too"),
    ({"signing-key": "{dir}/open"}, r"open: others may read this private key \(mode 0644\)"),
    ({"signing-key": "{dir}/locked"}, r"locked: the private key has a passphrase"),
    ({"signing-key": "{dir}/bad"}, r"bad: no private key"),
    ({"credentials-file": "{dir}/locked"}, r"passwords are for remotes that begin with https://"),
    ({"remote": "https://git.invalid/x", "credentials-file": "{dir}/locked"},
     r"locked:1: expected https://USER:PASSWORD@HOST"),
    ({"remote": "https://git.invalid/x", "credentials-file": "{dir}/open"}, r"open: others may read these passwords"),
    ({"remote": "https://git.invalid/x", "credentials-file": "{dir}/locked", "credential-helper": "cache"},
     r"found both"),
    ({"removal-limit": "much"}, r"removal-limit|expected a share such as 30%"),
])
def test_settings_that_are_wrong(certnsd, repo, tmp_path, settings, words):
    write(tmp_path / "bad", "# nothing\nme@example.org\n")
    os.chmod(tmp_path / "bad", 0o600)
    SigningKey(tmp_path, "open")
    os.chmod(tmp_path / "open", 0o644)
    SigningKey(tmp_path, "locked")
    run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(tmp_path / "locked")])
    filled = {k: v.format(dir=tmp_path) for k, v in settings.items()}
    server = certnsd(git=[{"remote": repo.bare, **filled}])
    server.spawn([program("server/certnsd"), "-t", "-c", server.config_path])
    server.wait_log(r"certns\.yaml:\d+:\d+: .*" + words)
    assert server.popen.wait(60) != 0
    server.seen_end = True


def test_no_password_on_the_command_line(certnsd):
    server = certnsd()
    server.spawn([program("server/certnsd"), "-t", "--remote", "https://user:hunter2@git.invalid/x"])
    server.wait_log(r"a password does not belong on the command line")
    assert server.popen.wait(60) != 0 and "hunter2" not in server.log()
    server.seen_end = True

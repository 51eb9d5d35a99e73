"""The hooks for repositories: a bad push is refused with its reasons on the pusher's terminal, a good one is served at once."""

import os
import shutil
import subprocess
import time

import pytest

from lib import client
from lib.certnsd import BUILD, program
from lib.gitrepo import QUIET
from lib.keys import Key
from lib.process import run
from lib.signing import SigningKey, write
from lib.sshd import Sshd
from lib.wait import PATIENCE
from lib.zones import zone

pytestmark = pytest.mark.once

HOOKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "hooks")
# well below a second, but for a machine that is busy with other tests; the poll is an hour away
AT_ONCE_S = 60 * PATIENCE
TOOLS = {"PATH": os.path.join(BUILD, "tools") + ":" + os.environ["PATH"]}


def setting(repo, name, value):
    run(["git", "config", f"certns.{name}", str(value)], cwd=repo.bare)


def push(repo, files, remote="origin", env=None, branch="main"):
    """Commit and push as a person does: the finished git push."""
    repo.update()
    repo._write(files)
    repo.git("add", "-A", ".")
    repo.git("commit", "-q", "-m", "change")
    return subprocess.run(["git", "push", remote, f"HEAD:{branch}"], cwd=repo.work, capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **QUIET, **TOOLS, **(env or {})})


@pytest.fixture
def notifier(repo):
    """A key that may notify, in the repository before there are hooks."""
    key = Key("git._notify.example.com")
    repo.commit({"example.com._keys": repo.read("example.com._keys") + key.dnskey()})
    return key


@pytest.fixture
def hooked(repo, notifier):
    for name in "pre-receive", "post-receive":
        shutil.copy(os.path.join(HOOKS, name), os.path.join(repo.bare, "hooks", name))
    return repo


@pytest.fixture
def told(hooked, notifier, certnsd, tmp_path):
    """A server that polls too seldom for these tests, and is told of pushes."""
    server = certnsd(git=[{"remote": hooked.bare, "poll": "1h"}]).start("example.com")
    path = tmp_path / "git.key"
    path.write_text("# for the hook\n" + notifier.named())
    path.chmod(0o600)
    setting(hooked, "server", "127.0.0.1")
    setting(hooked, "port", server.port)
    setting(hooked, "keyfile", path)
    return server


def good_push_is_served(repo, server, serial, **kwargs):
    done = push(repo, {"example.com": zone(serial=serial, extra=f"new A 192.0.2.{serial}\n")}, **kwargs)
    assert done.returncode == 0, done.stderr
    pushed = time.monotonic()
    assert f"remote: +new.example.com. 3600 IN A 192.0.2.{serial}" in done.stderr
    assert "remote: zone example.com: " in done.stderr and "0 errors, 0 warnings" in done.stderr
    server.wait_serial("example.com", serial)
    return time.monotonic() - pushed


def bad_push_is_refused(repo, **kwargs):
    before = repo.head()
    done = push(repo, {"example.com": zone(serial=9, extra="www CNAME ns1\nx MX 10 nowhere\n")}, **kwargs)
    assert done.returncode != 0
    assert "remote: example.com:13:1: error: CNAME beside A at www.example.com., see example.com:11:1" in done.stderr
    assert "remote: example.com:14:1: warning: MX points to nowhere.example.com., which has no address" in done.stderr
    assert "remote: certns: the push is refused" in done.stderr and "pre-receive hook declined" in done.stderr
    assert repo.head() == before


def test_push_to_a_path(hooked, told):
    bad_push_is_refused(hooked)
    assert client.serial(told, "example.com") == 1
    assert good_push_is_served(hooked, told, 2) < AT_ONCE_S


def test_push_over_ssh(hooked, told, tmp_path):
    sshd = Sshd(tmp_path / "sshd", TOOLS).start()
    env = {"GIT_SSH_COMMAND": sshd.client()}
    bad_push_is_refused(hooked, remote=sshd.url(hooked.bare), env=env)
    assert good_push_is_served(hooked, told, 2, remote=sshd.url(hooked.bare), env=env) < AT_ONCE_S


def test_other_branches_are_free(hooked):
    done = push(hooked, {"example.com": "nonsense\n"}, branch="draft")
    assert done.returncode == 0, done.stderr
    assert "certns" not in done.stderr


def test_the_first_push_of_a_branch(hooked, tmp_path):
    setting(hooked, "branch", "zones")
    done = push(hooked, {"example.com": zone(serial=2)}, branch="zones")
    assert done.returncode == 0, done.stderr
    assert "remote: zone example.com: new, 5 records, serial 2" in done.stderr
    done = push(hooked, {"example.com": "broken"}, branch="zones2")
    assert done.returncode == 0, "another branch"


def test_the_branch_cannot_be_removed(hooked):
    setting(hooked, "branch", "zones")
    run(["git", "push", "-q", "origin", "HEAD:zones"], cwd=hooked.work, env={**os.environ, **QUIET, **TOOLS})
    done = subprocess.run(["git", "push", "origin", ":zones"], cwd=hooked.work, capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **QUIET, **TOOLS})
    assert done.returncode != 0
    assert "the branch is removed: certnsd would find no zones" in done.stderr


def test_settings_of_the_checks(hooked, tmp_path):
    setting(hooked, "serial", "keep")
    done = push(hooked, {"example.com": zone(serial=1, extra="new A 192.0.2.3\n")})
    assert done.returncode != 0
    assert "remote: example.com:4:1: error: the content changes and the serial is not raised" in done.stderr
    setting(hooked, "serial", "increment")
    setting(hooked, "strict", "true")
    done = push(hooked, {"example.com": zone(serial=2, extra="x MX 10 nowhere\n")})
    assert done.returncode != 0 and "has no address" in done.stderr
    setting(hooked, "strict", "false")
    setting(hooked, "signers", write(tmp_path / "signers", SigningKey(tmp_path, "alice").line()))
    done = push(hooked, {"example.com": zone(serial=2, extra="x A 192.0.2.3\n")})
    assert done.returncode != 0 and "remote: error: commit" in done.stderr, done.stderr
    run(["git", "config", "--unset", "certns.signers"], cwd=hooked.bare)
    setting(hooked, "path", "zones")
    done = push(hooked, {"example.com": "free", "zones/example.org": zone("example.org")})
    assert done.returncode == 0, done.stderr
    assert "zone example.org: new" in done.stderr


def test_a_server_that_is_not_there_keeps_nobody_from_pushing(hooked, tmp_path):
    done = push(hooked, {"example.com": zone(serial=2)})
    assert done.returncode == 0 and "certns.server and certns.keyfile are not set" in done.stderr
    key = tmp_path / "key"
    key.write_text(Key("git._notify.example.com").named())
    key.chmod(0o644)
    setting(hooked, "keyfile", key)
    setting(hooked, "server", "127.0.0.1")
    setting(hooked, "port", 1)
    done = push(hooked, {"example.com": zone(serial=3)})
    assert done.returncode == 0
    assert "certns-notify: NOTIFY of example.com to 127.0.0.1, port 1: cannot connect: Connection refused" in done.stderr
    assert "can be read by everybody" in done.stderr
    assert "certnsd was not told, and pulls when it polls" in done.stderr


# --- certns-notify by itself

def notify(*arguments):
    return subprocess.run([program("tools/certns-notify"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)


def keyfile(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_notify_says_what_the_server_says(server, tmp_path):
    foreign = keyfile(tmp_path / "foreign", Key("git._notify.example.com").named())
    run = notify("-k", foreign, "-p", server.port, "127.0.0.1")
    assert run.returncode == 1
    assert "NOTIFY of example.com to 127.0.0.1" in run.stderr and "BADKEY" in run.stderr


def test_notify_to_several(told, hooked, tmp_path):
    run = notify("-k", tmp_path / "git.key", "-p", told.port, "::1", "127.0.0.1")
    assert run.returncode == 0, run.stderr
    run = notify("-k", tmp_path / "git.key", "-p", told.port, "-z", "www.example.com", "127.0.0.1")
    assert run.returncode == 0, "a name below the key's zone"
    run = notify("-k", tmp_path / "git.key", "-p", told.port, "-z", "example.net", "127.0.0.1")
    assert run.returncode == 1 and "answered REFUSED" in run.stderr


@pytest.mark.parametrize("text, words", [
    ("", "the file is empty"),
    ("options {};\n", ":1: expected 'key"),
    ("# a comment\n/* and\nanother */ key k { algorithm sha9; };\n", ":3: expected an algorithm"),
    ("key k {\n algorithm hmac-sha256;\n secret \"HIDDEN!\";\n};\n", ":3: expected the secret in base64"),
    ("key k { algorithm hmac-sha256; };\n", "expected both 'algorithm' and 'secret'"),
    ("key k { secret \"AQID\"; secret \"AQID\"; };\n", "each once"),
    ("key k { algorithm hmac-sha256; secret \"AQID\" };\n", "expected ';'"),
    ("key k { algorithm hmac-sha256; secret \"AQID\"; }; key l {};\n", "one key, and nothing behind it"),
    ("key k { algorithm hmac-sha256; secret \"AQID\"; };\n", "-z is needed"),
    ("key a..b { algorithm hmac-sha256; secret \"AQID\"; };\n", "expected the name of the key"),
])
def test_key_files_that_are_none(tmp_path, text, words):
    run = notify("-k", keyfile(tmp_path / "key", text), "127.0.0.1")
    assert run.returncode == 2
    assert words in run.stderr, run.stderr
    assert "HIDDEN" not in run.stderr and "AQID" not in run.stderr


def test_notify_without_arguments():
    assert notify().returncode == 2
    assert notify("-k", "/nonexistent", "127.0.0.1").returncode == 2

"""Remotes that hang, lie and vanish: each is told with what was seen, tried again, and keeps nobody from asking and updating."""

import os
import re

import pytest

from lib import client
from lib.lyinggit import LyingGit
from lib.wait import wait_for

pytestmark = pytest.mark.once


@pytest.fixture
def liar(repo, tmp_path):
    repo.git("config", "http.receivepack", "true", cwd=repo.bare)
    server = LyingGit(tmp_path / "liar", os.path.dirname(repo.bare))
    yield server
    server.close()


def entry(liar, repo, timeout="1m"):
    return {"remote": liar.url(os.path.basename(repo.bare)), "ca-certificates": liar.ca, "timeout": timeout}


def trouble(server):
    return server.ctl("status")["repositories"][0]


@pytest.mark.parametrize("mode, words", [
    ("silent", r"no end after 3 s, while connecting; given up"),
    ("slow", r"no end after 3 s, while connecting; given up"),
    ("garbage", r"."),
    ("reset", r"."),
    ("truncated", r"."),
    ("unauthorized", r"authentication|401|password"),
    ("gone", r"404"),
    ("error", r"503"),
    ("other-name", r"certificate"),
])
def test_a_server_that_lies(certnsd, repo, key, liar, mode, words):
    # Short only where it has to pass: an honest remote may need longer on a busy machine.
    server = certnsd(git=[entry(liar, repo, "3s" if mode in ("silent", "slow") else "1m")]).start("example.com")
    liar.mode = mode
    repo.edit("example.com", lambda t: t + "theirs A 192.0.2.101\n")
    failed = server.ctl_text("pull", check=False)
    assert failed.returncode != 0 and re.search(words, failed.stderr + failed.stdout), failed.stderr
    status = trouble(server)
    assert re.search(words, status["problem"]) and status["failures"] >= 1, status
    client.nsupdate(server, key, "update add ours.example.com 300 A 192.0.2.102\nsend\n")
    assert client.look(server, "ours.example.com", "A") == ["192.0.2.102"], "updates go on"
    assert client.look(server, "theirs.example.com", "A") == []
    server.wait_log(words + r".*; trying again in \d+ s")
    metrics = server.ctl("metrics")
    assert re.search(r'certns_git_up\{remote="[^"]*"\} 0', metrics)
    assert re.search(r'certns_git_failures_total\{remote="[^"]*",operation="pull"\} [1-9]', metrics)
    liar.mode = "honest"
    wait_for(lambda: "192.0.2.102" in repo.read("example.com"), "it is tried again, and ours is pushed", timeout=60)
    assert client.look(server, "theirs.example.com", "A") == ["192.0.2.101"]
    wait_for(lambda: trouble(server)["problem"] is None, "and all is well")
    assert re.search(r'certns_git_up\{remote="[^"]*"\} 1', server.ctl("metrics"))


def test_a_branch_that_goes(certnsd, repo):
    server = certnsd(git=[{"remote": repo.bare + "#main"}]).start("example.com")
    old = repo.head()
    repo.git("update-ref", "-d", "refs/heads/main", cwd=repo.bare)
    failed = server.ctl_text("pull", check=False)
    assert "branch main" in failed.stderr or "empty" in failed.stderr
    assert client.serial(server, "example.com") == 1, "it is served all the same"
    repo.git("update-ref", "refs/heads/main", old, cwd=repo.bare)
    server.pull()


def test_a_push_that_is_refused_waits_longer_each_time(certnsd, repo, key):
    """Though fetching works."""
    hook = os.path.join(repo.bare, "hooks", "pre-receive")
    os.makedirs(os.path.dirname(hook), exist_ok=True)
    with open(os.open(hook, os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho no commits on Sundays >&2\nexit 1\n")
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, key, "update add ours.example.com 300 A 192.0.2.102\nsend\n")
    server.wait_log(r"no commits on Sundays.*trying again in [23] s(?s:.)*no commits on Sundays.*trying again in [45] s")
    assert "Sundays" in trouble(server)["problem"]
    assert client.look(server, "ours.example.com", "A") == ["192.0.2.102"]
    server.pull()                       # is none of a pull's business
    assert "Sundays" in server.ctl_text("push", check=False).stderr
    os.unlink(hook)
    server.ctl("push")
    assert "192.0.2.102" in repo.read("example.com")
    assert trouble(server)["problem"] is None

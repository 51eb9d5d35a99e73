"""Files of the state directory are cut, or bits in them turn over, while the server is down.

A start serves exactly the newest state, or it ends and names the file, or it serves nothing of the zone until the clone has been
fetched anew, and says so.  It never serves an older zone."""

import os
import random
import shutil

import pytest

from lib import client
from lib.certnsd import program
from lib.wait import PATIENCE, wait_for

ROUNDS = 500 if os.environ.get("CERTNS_LONG") == "yes" else 20


def answers(server):
    """What is served of the zone: serial and a few RRsets; None: nothing."""
    serial = client.serial(server, "example.com")
    if serial is None:
        return None
    return [serial] + [client.look(server, f"{name}.example.com", kind) for name, kind in
                       (("first", "A"), ("second", "A"), ("www", "A"), ("_acme-challenge", "TXT"), ("ns1", "A"))]


def damage(path):
    """Something happens to a file; what, in words."""
    with open(path, "r+b") as f:
        size = len(f.read().rstrip(b"\0"))      # the journal's log ends in zeros, which are nothing
        kind = random.random() if size > 0 else 0
        at = random.randrange(size) if size > 0 else 0
        if kind < 0.3:
            f.truncate(at)
            return f"{path} cut from {size} to {at}"
        f.seek(at)
        if kind < 0.8:
            octet = f.read(1)[0] ^ 1 << random.randrange(8)
            f.seek(at)
            f.write(bytes([octet]))
            return f"{path}: bit at {at} of {size}"
        f.write(os.urandom(min(100, size - at)))
        return f"{path}: garbled at {at} of {size}"


def files_below(directory):
    found = []
    for base, _, names in os.walk(directory):
        found += [os.path.join(base, name) for name in names if not name.endswith(".sock")]
    return sorted(found)


@pytest.mark.first
def test_damaged_state(certnsd, repo, key, tmp_path):
    seed = int(os.environ.get("CERTNS_SEED", random.randrange(1 << 32)))
    print(f"CERTNS_SEED={seed}")
    random.seed(seed)
    server = certnsd(git=[{"remote": repo.bare, "poll": 0}]).start("example.com")
    client.nsupdate(server, key, "update add first.example.com 300 A 192.0.2.1\nsend\n")
    server.ctl("push")
    repo.hide()
    client.nsupdate(server, key, "update add second.example.com 300 A 192.0.2.2\n"
                                 "update add _acme-challenge.example.com 600 TXT x\nsend\n")
    client.nsupdate(server, key, "update delete www.example.com A\nsend\n")
    newest = answers(server)
    assert newest == [4, ["192.0.2.1"], ["192.0.2.2"], [], ['"x"'], ["127.0.0.1"]]
    server.kill9()
    sound = tmp_path / "sound"
    shutil.copytree(server.state, sound, ignore=shutil.ignore_patterns("*.sock"))
    outcomes = {"newest": 0, "refused": 0, "waits": 0}
    for _ in range(ROUNDS):
        shutil.rmtree(server.state)
        shutil.copytree(sound, server.state)
        # Half of the rounds are for the journal, which is two files among many.
        paths = files_below(server.state)
        journal = [path for path in paths if "state.db" in path]
        path = random.choice(journal if random.random() < 0.5 else paths)
        what = damage(path)
        open(server.log_path, "w", encoding="utf-8").close()
        server.spawn([program("server/certnsd"), "-c", server.config_path])
        wait_for(lambda: not server.running() or "certns is ready" in server.log(), f"a start or an end ({what})",
                 30 * PATIENCE)
        if not server.running():
            assert server.popen.returncode == 1, f"{what}: ended with {server.popen.returncode}"
            name = "state.db" if "state.db" in path else "/git/" if "/git/" in path else os.path.basename(path)
            assert name in server.log(), f"{what}: {server.log()}"
            outcomes["refused"] += 1
            continue
        served = answers(server)
        assert served in (None, newest), f"{what}: {served}"
        if served is None:
            assert "/git/" in path and "example.com" in server.log(), f"{what}: {server.log()}"
            outcomes["waits"] += 1
        else:
            outcomes["newest"] += 1
        server.kill9()
        server.check_log()
    server.seen_end = True
    print(outcomes)
    assert outcomes["refused"] > 0 or ROUNDS < 20


def test_a_damaged_clone_is_fetched_anew(certnsd, repo, key):
    """As the words say: it is moved away, and everything is there again, what waits to be pushed with it."""
    server = certnsd(git=repo).start("example.com")
    repo.hide()
    client.nsupdate(server, key, "update add waits.example.com 300 A 192.0.2.1\nsend\n")
    client.nsupdate(server, key, "update delete www.example.com A\nsend\n")
    server.kill9()
    clone = os.path.join(server.state, "git", os.listdir(os.path.join(server.state, "git"))[0])
    with open(os.path.join(clone, "config"), "w", encoding="utf-8") as f:
        f.write("[garbage")
    server.spawn([program("server/certnsd"), "-c", server.config_path])
    assert server.wait() == 1
    assert f"the clone {clone} is damaged" in server.log() and "move it away and restart" in server.log()
    os.rename(clone, clone + ".damaged")
    repo.unhide()
    server.start("example.com")
    assert client.serial(server, "example.com") > 3, "what git has may have changed, so the serial goes on"
    assert client.look(server, "waits.example.com", "A") == ["192.0.2.1"]
    assert client.look(server, "www.example.com", "A") == []
    wait_for(lambda: "waits" in repo.read("example.com"), "and it is pushed")

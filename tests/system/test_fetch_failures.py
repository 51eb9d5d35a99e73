"""certns-fetch when something is wrong: each failure has its exit status and its words, and what works stays."""

import os
import re
import signal
import subprocess
import time

import pytest

from lib import client, fetch, process
from lib.certs import Published
from lib.fetch import Fetch
from lib.keys import Key
from lib.wait import wait_for
from test_full_disk import OWN_MOUNTS

HOST = "www.example.com"


@pytest.fixture
def service(tmp_path, issuer, key):
    return Fetch(tmp_path / "service", issuer, key)


@pytest.fixture
def without_authority(certnsd, repo, key, pebble_for, tmp_path):
    """The authority does not run yet."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server, start=False)
    server.use_acme(server.pebble)
    server.write_config()
    return Fetch(tmp_path / "service", server.start("example.com"), key)


def snapshot(place):
    """All that a service could see."""
    return place.version(), {n: place.read(n) for n in fetch.MEMBERS}


def test_the_server_is_down(service, issuer):
    service.run(HOST)
    before = snapshot(service.place())
    issuer.stop()
    done = service.run("--renew", HOST, expect=fetch.NETWORK)
    assert "cannot be reached" in done.stderr and f"@{issuer.port}" in done.stderr and "untouched" in done.stderr
    assert snapshot(service.place()) == before
    service.run("other.example.com", expect=fetch.NETWORK)
    assert service.json("--renew", HOST, expect=fetch.NETWORK)[0]["status"] == fetch.NETWORK


@pytest.mark.parametrize("why, make, words", [
    ("unknown", lambda key: Key("nobody._update.example.com"), "BADKEY"),
    ("other secret", lambda key: Key(key.name), "BADSIG"),
    ("other zone", lambda key: Key("client._update.example.net"), "BADKEY"),
    ("may transfer only", lambda key: Key("client._transfer.example.com", secret=key.secret), "REFUSED"),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "")
def test_a_wrong_key(service, repo, issuer, key, why, make, words):
    wrong = make(key)
    if words == "REFUSED":
        repo.edit("example.com._keys", lambda text: text + wrong.dnskey())
        issuer.pull()
    service.write_key(wrong.named())
    done = service.run(HOST, expect=fetch.REFUSED)
    assert words in done.stderr and wrong.name in done.stderr
    assert wrong.secret not in done.stderr and not Published(issuer, HOST).csrs
    assert service.run("--dry-run", HOST, expect=fetch.REFUSED)
    service.write_key(key.named())
    service.run(HOST)
    service.place().check([HOST])


@pytest.mark.parametrize("text, words", [
    ("", "nothing"), ("key {", "expected"), ('key "a" { algorithm hmac-sha256; secret "%%"; };', "base64"),
    ("a:hmac-sha1024:c2VjcmV0", "algorithm"), ("just words\n", "NAME:ALGORITHM"),
], ids=["empty", "cut", "no-base64", "algorithm", "words"])
def test_a_bad_key_file(service, text, words):
    service.write_key(text)
    done = service.run(HOST, expect=fetch.USAGE)
    assert words in done.stderr and service.key_path in done.stderr


def test_an_authority_that_is_down(without_authority):
    service = without_authority
    service.run("-w", "0", HOST, expect=fetch.WAITING)
    service.wait_problem()
    done = service.run("-w", "1", HOST, expect=fetch.CA)
    assert re.search("no certificate after 1 s; the server says: .*connect",
                     done.stderr), "the words of the status record"
    found = service.json("-w", "1", HOST, expect=fetch.CA)[0]
    assert found["result"] == "failed" and found["server"]["state"] == "waiting" and "connect" in found["server"]["problem"]
    assert service.place().version() is None
    service.server.pebble.start()
    service.server.ctl("renew", HOST)
    service.run(HOST)
    service.place().check([HOST])


def test_interrupted_while_it_waits(without_authority):
    """The key that was begun is used by the next run, and the server has one CSR and one order of it."""
    service = without_authority
    waiting = fetch.Running("certns-fetch", service.home)
    waiting.spawn(service.arguments(HOST))
    wait_for(lambda: Published(service.server, HOST).csrs, "the CSR is uploaded")
    csr = Published(service.server, HOST).csrs
    waiting.kill9()
    service.server.pebble.start()
    service.server.ctl("renew", HOST)
    done = service.run(HOST)
    assert "the server has our CSR" in done.stderr or "new certificate" in done.stdout
    service.place().check([HOST])
    assert Published(service.server, HOST).csrs == csr


def test_interrupted_while_it_writes(issuer_with, key, tmp_path):
    """Killed at any moment: what is current is a whole set, and the next run is fine and cleans up."""
    server, ca = issuer_with()
    service = Fetch(tmp_path / "service", server, key)
    service.run(HOST)
    place = service.place()
    for delay in range(8):
        one = subprocess.Popen([str(a) for a in service.arguments("--new-key", HOST)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        wait_for(lambda: one.poll() is not None or os.path.exists(os.path.join(place.path, "next.pem")), "it has begun")
        time.sleep(delay * 0.08)
        one.send_signal(signal.SIGKILL)
        one.wait()
        place.check([HOST])
    service.run(HOST)
    place.check([HOST], ca.root_pem())
    left = set(os.listdir(place.path))
    assert left == {"current", "lock", "root.pem", "versions"} and len(place.versions()) <= 3
    assert not [v for v in place.versions() if v.startswith(".")]


def test_two_at_once(service, issuer):
    several = [subprocess.Popen([str(a) for a in service.arguments("--hook", f"echo x >>{service.home}/hooks", HOST)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [one.communicate(timeout=100)[0] for one in several]
    assert [one.returncode for one in several] == [0, 0, 0]
    assert sorted("unchanged" in text for text in said) == [False, True, True], said
    with open(os.path.join(service.home, "hooks"), encoding="utf-8") as f:
        assert f.read() == "x\n"
    service.place().check([HOST])


def test_another_one_that_does_not_end(service):
    service.run(HOST)
    hanging = fetch.Running("certns-fetch", service.home)
    hanging.spawn(["flock", os.path.join(service.place().path, "lock"), "sleep", "1000"])
    wait_for(lambda: subprocess.run(["flock", "-n", os.path.join(service.place().path, "lock"), "true"],
                                    check=False).returncode != 0, "the lock is taken")
    done = service.run("-w", "1", HOST, expect=fetch.BUSY)
    assert "another certns-fetch" in done.stderr
    hanging.kill9()


def test_a_hook_that_fails_is_tried_again(service):
    said = os.path.join(service.home, "said")
    done = service.run("--hook", f"env | sort >{said}; echo it is broken; exit 3", HOST, expect=fetch.HOOK)
    assert "hook ended with status 3" in done.stderr and "it is broken" in done.stderr
    place = service.place()
    place.check([HOST])
    with open(said, encoding="utf-8") as f:
        given = dict(line.rstrip("\n").split("=", 1) for line in f if line.startswith("CERTNS_"))
    assert given["CERTNS_HOST"] == HOST and given["CERTNS_NAMES"] == HOST and given["CERTNS_NEW_KEY"] == "yes"
    assert given["CERTNS_DIRECTORY"] == place.current
    for name in ("key", "certificate", "chain", "fullchain", "combined"):
        assert given[f"CERTNS_{name.upper()}"] == os.path.join(place.current, f"{name}.pem")
    assert given["CERTNS_EXPIRES"] == place.certificate().not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    version = place.version()
    found = service.json("--hook", "false", HOST, expect=fetch.HOOK)[0]
    assert found["result"] == "unchanged" and found["hook"] == "failed" and found["status"] == fetch.HOOK
    found = service.json("--hook", f"echo again >{said}", "--renew", HOST)[0]
    assert found["result"] == "unchanged" and found["hook"] == "done" and place.version() == version
    with open(said, encoding="utf-8") as f:
        assert f.read() == "again\n"
    assert service.json("--hook", f"echo never >{said}", HOST)[0]["hook"] is None
    with open(said, encoding="utf-8") as f:
        assert f.read() == "again\n", "nothing changed, nothing runs"


def test_the_disk_is_full(service, issuer):
    """A renewal on a full disk changes nothing; when there is room again, it goes on."""
    script = f"""
set -e
mount -t tmpfs -o size=256k tmpfs {service.directory}
status() {{ set +e; "$@"; echo "status $?"; set -e; }}
status {' '.join(str(a) for a in service.arguments(HOST))}
before=$(readlink {service.directory}/{HOST}/current)
dd if=/dev/zero of={service.directory}/filler bs=1 count=0 seek=0 2>/dev/null
dd if=/dev/zero of={service.directory}/filler bs=4096 2>/dev/null || true
status {' '.join(str(a) for a in service.arguments('--new-key', HOST))}
[ "$before" = "$(readlink {service.directory}/{HOST}/current)" ] && echo same
find {service.directory} -name '.new*' -o -name 'next.pem*'
rm {service.directory}/filler
status {' '.join(str(a) for a in service.arguments('--new-key', HOST))}
[ "$before" = "$(readlink {service.directory}/{HOST}/current)" ] || echo different
"""
    os.makedirs(service.directory)
    done = process.run([*OWN_MOUNTS, "sh", "-c", script], check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(HOST)]
    assert lines == ["status 0", "status 1", "same", "status 0", "different"], done.stdout + done.stderr
    assert "No space left" in done.stderr and "untouched" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--no-such-option"], "usage"), (["-t", "rsa1024", HOST], "rsa2048"),
    (["--key-fd", "0", HOST], "exclude each other"),
    (["-s", "192.0.2.1@dns", HOST], "ADDRESS[@PORT]"), (["-w", "soon", HOST], "--timeout"),
    (["not a host"], "name of a host"), (["-n", "x.example.com", "a.example.com", "b.example.com"], "one HOST"),
    ([], "no host"),
    (["-c", "/nonexistent/fetch.yaml", HOST], "/nonexistent/fetch.yaml"),
], ids=["option", "key-type", "two-keys", "server", "timeout", "name", "two-hosts", "none", "file"])
def test_usage(service, arguments, words):
    assert words in service.run(*arguments, expect=fetch.USAGE).stderr


def test_a_csr_that_can_never_work(service, issuer):
    """The server says so at once, and why."""
    service.run(HOST)
    before = snapshot(service.place())
    done = service.run("-n", "www.example.net", HOST, expect=fetch.REFUSED)
    assert "www.example.net is in none of the zones" in done.stderr and "untouched" in done.stderr
    assert snapshot(service.place()) == before


def test_a_server_that_shows_no_status(without_authority):
    service = without_authority
    service.server.stop()
    service.server.config["acme"]["status"] = False
    service.server.write_config()
    service.server.start("example.com")
    done = service.run("-w", "1", HOST, expect=fetch.WAITING)
    assert "no certificate after 1 s: the server has no certificate yet" in done.stderr
    service.server.pebble.start()
    service.server.ctl("renew", HOST)
    service.run(HOST)
    service.place().check([HOST])


def test_an_alias_takes_no_csr(service, issuer, key):
    client.nsupdate(issuer, key, "update add _letsencrypt._tcp.www.example.com 60 CNAME www.example.com\nsend\n")
    assert "alias" in service.run(HOST, expect=fetch.REFUSED).stderr


def test_a_damaged_place(service, issuer):
    """A key that cannot be read is told, and replaced together with its certificate."""
    service.run(HOST)
    place = service.place()
    with open(os.path.join(place.current, "key.pem"), "w", encoding="ascii") as f:
        f.write("-----BEGIN PRIVATE KEY-----\nnonsense\n")
    done = service.run(HOST)
    assert "has not its key" in done.stderr
    place.check([HOST], issuer.pebble.root_pem())

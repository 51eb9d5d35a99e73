"""certnsd as a secondary: it follows its primaries, keeps what it has, and survives what they do."""

import os

import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import RICH, zone

ZONE = "example.com"
TRANSFER = Key(f"secondary._transfer.{ZONE}")
SHORT = zone(serial=1).replace("7200", "1").replace("3600	; retry", "1	; retry").replace("1209600", "3")


def rcode_of(server, name=ZONE, kind="SOA"):
    return client.rcode(client.ask(server, name, kind, tcp=True))


@pytest.fixture
def primary(certnsd, repo, key):
    repo.commit({ZONE: zone(extra=RICH), f"{ZONE}._keys": key.dnskey() + TRANSFER.dnskey()})
    return certnsd(git=repo)


@pytest.fixture
def secondary(certnsd, primary):
    server = certnsd(keys=[{"name": TRANSFER.name, "algorithm": TRANSFER.algorithm, "secret": TRANSFER.secret}])
    server.zone_entry(ZONE, primaries=[f"{primary.here()} key {TRANSFER.name}"])
    primary.zone_entry(ZONE, notify=[server.here()])
    return server


def same_zone(a, b):
    return sorted(client.dig(a, ZONE, "AXFR", "-y", TRANSFER.y(), "+noall", "+answer").splitlines()) == \
        sorted(client.dig(b, ZONE, "AXFR", "-y", TRANSFER.y(), "+noall", "+answer").splitlines())


def test_it_has_what_its_primary_has(primary, secondary):
    primary.start(ZONE)
    secondary.start(ZONE)
    assert client.serial(secondary, ZONE) == 1
    assert same_zone(primary, secondary)
    assert secondary.zone(ZONE)["source"] == "transfer"


def test_changes_follow_at_once(primary, secondary, key):
    primary.start(ZONE)
    secondary.start(ZONE)
    for i in range(5):
        client.nsupdate(primary, key, f"update add n{i}.{ZONE} 300 A 192.0.2.{i + 1}\nsend\n")
        secondary.wait_serial(ZONE, i + 2)
    assert client.look(secondary, f"n4.{ZONE}", "A") == ["192.0.2.5"]
    assert same_zone(primary, secondary)


def test_it_keeps_the_zone_over_a_restart(primary, secondary, key):
    primary.start(ZONE)
    secondary.start(ZONE)
    client.nsupdate(primary, key, f"update add new.{ZONE} 300 A 192.0.2.1\nsend\n")
    secondary.wait_serial(ZONE, 2)
    primary.stop()
    secondary.kill9()
    secondary.start(ZONE)
    assert client.serial(secondary, ZONE) == 2
    assert client.look(secondary, f"new.{ZONE}", "A") == ["192.0.2.1"]


def test_it_waits_for_a_primary_that_is_not_there_yet(primary, secondary):
    secondary.start()
    assert rcode_of(secondary) == "SERVFAIL"
    secondary.wait_log("primary .*refused")
    primary.start(ZONE)
    secondary.wait_serial(ZONE, 1)


@pytest.mark.first
def test_a_zone_expires_and_comes_back(primary, secondary, repo):
    repo.commit({ZONE: SHORT})
    primary.start(ZONE)
    secondary.start(ZONE)
    primary.stop()
    wait_for(lambda: rcode_of(secondary) == "SERVFAIL", "the zone expires")
    assert "expired" in secondary.zone(ZONE)["problem"]
    secondary.kill9()
    secondary.start()
    assert rcode_of(secondary) == "SERVFAIL"
    primary.start(ZONE)
    wait_for(lambda: rcode_of(secondary) == "NOERROR", "the zone is back")
    assert secondary.zone(ZONE)["problem"] is None


def test_updates_are_refused(primary, secondary, key):
    secondary.config["keys"].append({"name": key.name, "algorithm": key.algorithm, "secret": key.secret})
    secondary.write_config()
    primary.start(ZONE)
    secondary.start(ZONE)
    update = client.new_update(ZONE, key)
    update.add("x", 300, "A", "192.0.2.1")
    assert client.send_update(secondary, update) == "REFUSED"


def test_the_next_primary_is_asked(primary, secondary):
    secondary.zone_entry(ZONE, primaries=["127.0.0.1@1", f"{primary.here()} key {TRANSFER.name}"])
    primary.start(ZONE)
    secondary.start()
    secondary.wait_serial(ZONE, 1)


@pytest.mark.parametrize("key_name", [f"other._transfer.{ZONE}", None])
def test_a_primary_that_refuses_is_named(primary, secondary, key_name):
    known = {"name": f"other._transfer.{ZONE}", "algorithm": "hmac-sha256", "secret": TRANSFER.secret}
    secondary.config["keys"].append(known)
    secondary.zone_entry(ZONE, primaries=[primary.here() + (f" key {key_name}" if key_name else "")])
    primary.start(ZONE)
    secondary.start()
    secondary.wait_log("BADKEY" if key_name else "REFUSED")
    assert rcode_of(secondary) == "SERVFAIL"


def test_image_files_that_no_zone_is_read_from_are_removed(primary, secondary):
    primary.start(ZONE)
    secondary.start(ZONE)
    images = os.path.join(secondary.state, "secondary")
    with open(os.path.join(images, f"{ZONE}.0123456789abcdef"), "w", encoding="ascii") as f:
        f.write("of a transfer that was cut off")
    assert len(os.listdir(images)) == 2
    primary.stop()
    secondary.kill9()
    secondary.start(ZONE)
    assert len(os.listdir(images)) == 1
    assert client.serial(secondary, ZONE) == 1


def test_a_zone_goes_from_transfer_to_a_repository(primary, secondary, key, tmp_path):
    """What came by transfer does not wait to be written to the repository that has the zone now."""
    primary.start(ZONE)
    secondary.start(ZONE)
    client.nsupdate(primary, key, f"update add came.{ZONE} 300 A 192.0.2.1\nsend\n")
    secondary.wait_serial(ZONE, 2)
    assert secondary.zone(ZONE)["pending"] == 0, "nothing waits to be written back"
    assert "no zones to serve" not in secondary.log()
    secondary.stop()
    own = GitRepo(tmp_path / "own", {ZONE: zone(serial=1)})
    secondary.config["zones"] = []
    secondary.config["git"] = [{"remote": own.bare}]
    secondary.write_config()
    secondary.start(ZONE)
    assert client.look(secondary, f"came.{ZONE}", "A") == []
    status = secondary.zone(ZONE)
    assert status["pending"] == 0 and status["serial"] == 3


def test_a_primary_that_is_down_is_complained_of_once(secondary, primary):
    secondary.start()
    wait_for(lambda: secondary.log().count("refused") >= 3, "three attempts")
    assert sum("refused" in line and "warning" in line for line in secondary.log().splitlines()) <= 1


def test_retransfer_takes_the_whole_zone(primary, secondary):
    primary.start(ZONE)
    secondary.start(ZONE)
    before = secondary.log().count("whole from")
    secondary.ctl("retransfer", ZONE)
    wait_for(lambda: secondary.log().count("whole from") > before, "a second transfer")
    assert rcode_of(secondary) == "NOERROR"
    assert secondary.ctl("zones", ZONE)[0]["transfer"]["state"] in ("waiting", "transferring")


def test_zones_come_and_go_with_the_configuration(primary, secondary):
    entry = secondary.config["zones"][0]
    secondary.config["zones"] = []
    secondary.write_config()
    primary.start(ZONE)
    secondary.start()
    assert rcode_of(secondary) == "REFUSED"
    secondary.config["zones"] = [entry]
    secondary.write_config()
    secondary.ctl("reload")
    secondary.wait_serial(ZONE, 1)
    secondary.config["zones"] = []
    secondary.write_config()
    secondary.ctl("reload")
    wait_for(lambda: rcode_of(secondary) == "REFUSED", "the zone is gone")


# --- zones and primaries from the names of keys; there the port is 53, so each test has addresses of its own ---

def start_trio(certnsd, repo, update, host):
    """A primary on HOST and a secondary on HOST+1 (both port 53), as the MirageOS servers are set up."""
    primary_at, secondary_at = f"127.53.{host}.1", f"127.53.{host}.2"
    key = Key(f"{primary_at}.{secondary_at}._transfer.{ZONE}")
    repo.commit({f"{ZONE}._keys": update.dnskey() + key.dnskey()})
    primary = certnsd(git=repo, server={"listen": [f"{primary_at}@53"]})
    primary.address, primary.port = primary_at, 53
    secondary = certnsd()
    secondary.address, secondary.port = secondary_at, 53
    path = secondary.directory + "/keys"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"# {ZONE}\n\n{key.name}:SHA256:{key.secret}\n")
    secondary.arguments = ["--secondary", "--key-file", path, "--listen", f"{secondary_at}@53", "--state",
                           secondary.state, "--log-level", "debug"]
    return primary, secondary, key


def test_a_secondary_needs_nothing_but_its_key(certnsd, repo, key):
    primary, secondary, _ = start_trio(certnsd, repo, key, 1)
    primary.start(ZONE)
    secondary.start(ZONE, arguments=secondary.arguments)
    client.nsupdate(primary, key, f"update add new.{ZONE} 300 A 192.0.2.1\nsend\n")
    secondary.wait_serial(ZONE, 2)


def test_new_zones_are_adopted_by_notify(certnsd, repo, key):
    primary, secondary, _ = start_trio(certnsd, repo, key, 2)
    primary.start(ZONE)
    secondary.start(ZONE, arguments=secondary.arguments)
    repo.commit({f"sub.{ZONE}": zone(f"sub.{ZONE}", serial=7)})
    primary.pull()
    secondary.wait_serial(f"sub.{ZONE}", 7)
    primary.stop()
    secondary.kill9()
    secondary.start(ZONE, f"sub.{ZONE}", arguments=secondary.arguments)
    assert client.serial(secondary, f"sub.{ZONE}") == 7


def test_a_key_in_the_arguments_is_overwritten_there(certnsd, repo, key):
    primary, secondary, transfer = start_trio(certnsd, repo, key, 3)
    primary.start(ZONE)
    at = secondary.arguments.index("--key-file")
    secondary.arguments[at:at + 2] = ["--key", f"{transfer.name}:SHA256:{transfer.secret}"]
    secondary.start(ZONE, arguments=secondary.arguments)
    with open(f"/proc/{secondary.popen.pid}/cmdline", "rb") as f:
        assert transfer.secret.encode() not in f.read()
    assert "--key-file" in secondary.log()


def test_notify_comes_on_the_connection_that_is_kept(certnsd, repo, key):
    """The primary knows no address of the secondary: the key's name has its own only."""
    primary, secondary, _ = start_trio(certnsd, repo, key, 4)
    away = Key(f"away.{primary.address}._transfer.{ZONE}")
    repo.commit({f"{ZONE}._keys": key.dnskey() + away.dnskey()})
    with open(secondary.directory + "/keys", "w", encoding="ascii") as f:
        f.write(f"{away.name}:SHA256:{away.secret}\n")
    primary.start(ZONE)
    secondary.start(ZONE, arguments=secondary.arguments)
    for serial in (2, 3):
        client.nsupdate(primary, key, f"update add n{serial}.{ZONE} 300 A 192.0.2.1\nsend\n")
        secondary.wait_serial(ZONE, serial)
    repo.commit({f"sub.{ZONE}": zone(f"sub.{ZONE}", serial=7)})
    primary.ctl("pull")
    primary.stop()
    primary.start(ZONE)
    client.nsupdate(primary, key, f"update add n4.{ZONE} 300 A 192.0.2.1\nsend\n")
    secondary.wait_serial(ZONE, 4)


def test_many_changes_become_a_new_image(primary, secondary, key):
    """The file that the zone is based on is written anew; what it held before, and what came since, is there after a restart."""
    primary.start(ZONE)
    secondary.start(ZONE)
    files = {path for path, _ in secondary.state_files() if "/secondary/" in path}
    assert len(files) == 1
    for first in range(0, 12000, 1000):
        lines = "".join(f"update add n{i}.{ZONE} 300 A 192.0.2.1\n" for i in range(first, first + 1000))
        client.nsupdate(primary, key, lines + "send\n", arguments=["-v"])
    secondary.wait_serial(ZONE, 13)
    wait_for(lambda: {p for p, _ in secondary.state_files() if "/secondary/" in p} - files, "a new image file")
    client.nsupdate(primary, key, f"update add last.{ZONE} 300 A 192.0.2.1\nsend\n")
    secondary.wait_serial(ZONE, 14)
    wait_for(lambda: len([p for p, _ in secondary.state_files() if "/secondary/" in p]) == 1, "the old one is gone")
    secondary.kill9()
    primary.stop()
    secondary.start(ZONE)
    assert client.serial(secondary, ZONE) == 14
    for name in ("n0", "n11999", "last"):
        assert client.look(secondary, f"{name}.{ZONE}", "A") == ["192.0.2.1"]

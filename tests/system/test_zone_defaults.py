"""zone-defaults: what holds for every zone that has no word of its own about it, wherever it comes from."""

import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone
from test_notify import FakeSecondary

UPDATE, TRANSFER = Key("client._update"), Key("all._transfer")
KEYS = [{"name": TRANSFER.name, "algorithm": TRANSFER.algorithm, "secret": TRANSFER.secret}]
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


def who_may(server, name):
    """The last digits of the addresses that get the zone."""
    def answer(host):
        return client.dig(server, name, "AXFR", "-b", host, "+noall", "+answer", check=False)

    return [int(host[-1]) for host in HOSTS if "SOA" in answer(host)]


def set_defaults(server, **settings):
    server.config["zone-defaults"] = settings
    server.write_config()


@pytest.fixture
def repo(tmp_path):
    names = [f"{name}.example" for name in ("a", "b", "own", "none", "other")]
    return GitRepo(tmp_path / "git", {**{name: zone(name) for name in names}, "_keys": UPDATE.dnskey()})


@pytest.fixture
def hosts():
    made = [FakeSecondary() for _ in range(2)]
    yield made
    for one in made:
        one.close()


def test_transfers_by_address(certnsd, repo, tmp_path):
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones/db").write_text(zone("file.example"))
    server = certnsd(git=repo)
    set_defaults(server, **{"allow-transfer": ["127.0.0.2"]})
    server.zone_entry("own.example", **{"allow-transfer": ["127.0.0.3"]})
    server.zone_entry("none.example", **{"allow-transfer": []})
    server.zone_entry("other.example", serial="unixtime")
    server.zone_entry("file.example", file=str(tmp_path / "zones/db"))
    server.start("a.example", "file.example")
    assert who_may(server, "a.example") == who_may(server, "b.example") == [2], "zones of git, without entries"
    assert who_may(server, "other.example") == who_may(server, "file.example") == [2], "entries about something else"
    assert who_may(server, "own.example") == [3] and who_may(server, "none.example") == [], "entries about this"
    server.wait_log(r"a\.example.*(refused|REFUSED|not allowed|may not)")
    set_defaults(server, **{"allow-transfer": ["127.0.0.1", "127.0.0.2"]})
    server.ctl("reload")
    wait_for(lambda: who_may(server, "a.example") == [1, 2], "a reload takes another list")
    assert who_may(server, "other.example") == [1, 2] and who_may(server, "own.example") == [3]
    del server.config["zone-defaults"]
    server.write_config()
    server.ctl("reload")
    wait_for(lambda: who_may(server, "a.example") == who_may(server, "file.example") == [], "and none")
    assert who_may(server, "own.example") == [3]


def test_notify(certnsd, repo, hosts):
    def change(host):
        for name in ("a.example", "b.example", "own.example", "none.example"):
            client.nsupdate(server, UPDATE, f"update add {host}.{name} 300 A 192.0.2.1\nsend\n", zone=name)

    def told(one):
        return {(m.question[0].name.to_text(), m.answer[0][0].serial) for m in one.heard if m.answer}

    targets = [f"{one.address}@{one.port}" for one in hosts]
    server = certnsd(git=repo)
    set_defaults(server, notify=targets[:1])
    server.zone_entry("own.example", notify=targets[1:])
    server.zone_entry("none.example", notify=[])
    server.start("a.example")
    change("one")
    wait_for(lambda: {("a.example.", 2), ("b.example.", 2)} <= told(hosts[0]), "who is told of all zones")
    wait_for(lambda: ("own.example.", 2) in told(hosts[1]), "and who of one")
    set_defaults(server, notify=targets[1:])
    server.ctl("reload")
    change("two")
    wait_for(lambda: {("a.example.", 3), ("b.example.", 3), ("own.example.", 3)} <= told(hosts[1]), "another one, from a reload on")
    assert {name for name, _ in told(hosts[0])} <= {"a.example.", "b.example.", "other.example."}, "no zone with an entry"
    assert ("a.example.", 3) not in told(hosts[0])
    assert "none.example." not in {name for name, _ in told(hosts[1])}


def test_members_of_a_catalog(certnsd, repo):
    """They have no entries, nor primaries in the configuration; their updates go to the primary all the same."""
    primary = certnsd(git=repo, keys=KEYS)
    primary.zone_entry("catalog.invalid", **{"catalog-role": "generate"})
    primary.zone_entry("a.example", **{"catalog-member": True})
    set_defaults(primary, **{"catalog-member": False})
    primary.start("catalog.invalid")
    secondary = certnsd(keys=KEYS)
    secondary.zone_entry("catalog.invalid", primaries=[f"{primary.here()} key {TRANSFER.name}"],
                         **{"catalog-role": "interpret", "allow-transfer": []})
    set_defaults(secondary, **{"allow-transfer": ["127.0.0.2"], "forward-updates": True, "update-policy": []})
    secondary.start("catalog.invalid", "a.example")
    assert client.rcode(client.ask(secondary, "b.example", "SOA")) == "REFUSED", "no member"
    assert who_may(secondary, "a.example") == [2] and who_may(secondary, "catalog.invalid") == []
    client.nsupdate(secondary, UPDATE, "update add new.a.example 300 A 192.0.2.1\nsend\n", zone="a.example")
    assert client.look(primary, "new.a.example", "A")


def test_keys_show_what_is_said_for_all(certnsd, repo):
    server = certnsd(git=repo, keys=KEYS)
    set_defaults(server, **{"allow-transfer": [f"key {TRANSFER.name}"]})
    server.zone_entry("own.example", **{"allow-transfer": []})
    server.start("a.example")
    rules = next(key["rules"] for key in server.ctl("keys") if key["name"].rstrip(".") == TRANSFER.name)
    assert rules == ["transfer (zone-defaults)"]


def test_a_zone_without_the_policy_of_all(certnsd, repo):
    """null: what the names of keys say counts again, though there is a policy for all."""
    server = certnsd(git=repo)
    set_defaults(server, **{"update-policy": []})
    server.zone_entry("own.example", **{"update-policy": []})
    server.start("a.example")
    assert client.nsupdate(server, UPDATE, "update add x.own.example 300 A 192.0.2.1\nsend\n", zone="own.example", check=False)
    assert not client.look(server, "x.own.example", "A")
    with open(server.config_path, encoding="utf-8") as f:
        text = f.read()
    with open(server.config_path, "w", encoding="utf-8") as f:
        f.write(text.replace("        update-policy: []", "        update-policy: ~"))
    server.ctl("reload")
    client.nsupdate(server, UPDATE, "update add x.own.example 300 A 192.0.2.1\nsend\n", zone="own.example")
    client.nsupdate(server, UPDATE, "update add x.a.example 300 A 192.0.2.1\nsend\n", zone="a.example", check=False)
    assert client.look(server, "x.own.example", "A") and not client.look(server, "x.a.example", "A")

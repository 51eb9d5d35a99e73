"""Catalog zones (RFC 9432): a new file in git is a new zone on every secondary, and the other way round."""

import os

import pytest

from lib import client
from lib.keys import Key
from lib.ports import free_port
from lib.process import Process
from lib.wait import stays, wait_for
from lib.zones import zone

CATALOG = "catalog.invalid"
TRANSFER = Key("all._transfer")
KEYS = [{"name": TRANSFER.name, "algorithm": TRANSFER.algorithm, "secret": TRANSFER.secret}]
BROKEN = "@ 0 SOA invalid. invalid. {serial} 1 1 1209600 0\n@ 0 NS invalid.\n"
HEAD = BROKEN + "version 0 TXT \"2\"\n"


def members(server):
    lines = client.dig(server, CATALOG, "AXFR", "-y", TRANSFER.y(), "+noall", "+answer").splitlines()
    return sorted(line.split()[4].rstrip(".") for line in lines if line.split()[3] == "PTR")


def is_served(server, name):
    return client.rcode(client.ask(server, name, "SOA", tcp=True)) == "NOERROR"


@pytest.fixture
def primary(certnsd, repo, key):
    repo.commit({"example.org": zone("example.org", serial=5)})
    server = certnsd(git=repo, keys=KEYS)
    server.zone_entry(CATALOG, **{"catalog-role": "generate"})
    return server


@pytest.fixture
def secondary(certnsd, primary):
    server = certnsd(keys=KEYS)
    server.zone_entry(CATALOG, primaries=[f"{primary.here()} key {TRANSFER.name}"], **{"catalog-role": "interpret"})
    for name in (CATALOG, "example.com", "example.org", "new.example"):
        settings = {"catalog-role": "generate"} if name == CATALOG else {}
        primary.zone_entry(name, notify=[server.here()], **settings)
    return server


def test_a_catalog_is_made_of_what_is_in_git(primary, repo):
    primary.zone_entry("example.org", **{"catalog-group": "slow"})
    primary.start(CATALOG)
    assert members(primary) == ["example.com", "example.org"]
    first = client.serial(primary, CATALOG)
    text = client.dig(primary, CATALOG, "AXFR", "-y", TRANSFER.y())
    assert 'version.catalog.invalid. 0	IN	TXT	"2"' in text and "NS	invalid." in text and '"slow"' in text
    repo.commit({"new.example": zone("new.example")})
    primary.pull()
    wait_for(lambda: members(primary) == ["example.com", "example.org", "new.example"],
             "the new zone is in the catalog")
    repo.commit({"example.org": None})
    primary.pull()
    wait_for(lambda: members(primary) == ["example.com", "new.example"], "and the old one is not")
    last = client.serial(primary, CATALOG)
    assert last > first
    primary.kill9()
    primary.start(CATALOG)
    assert client.serial(primary, CATALOG) > last and members(primary) == ["example.com", "new.example"]


def test_zones_follow_the_catalog(primary, secondary, repo, key):
    primary.start(CATALOG, "example.com", "example.org")
    secondary.start(CATALOG, "example.com", "example.org")
    repo.commit({"new.example": zone("new.example")})
    primary.pull()
    wait_for(lambda: is_served(secondary, "new.example"), "the new zone is served")
    client.nsupdate(primary, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")
    secondary.wait_serial("example.com", 2)
    repo.commit({"example.org": None})
    primary.pull()
    wait_for(lambda: not is_served(secondary, "example.org"), "the old zone is gone")
    primary.stop()
    secondary.kill9()
    secondary.start(CATALOG, "example.com", "new.example")
    assert client.serial(secondary, "example.com") == 2 and not is_served(secondary, "example.org")


def test_bind_follows_our_catalog(primary, named, repo):
    named.key(TRANSFER)
    named.clauses.append(f'zone "{CATALOG}" {{ type secondary; file "catalog"; masterfile-format text; '
                         f'primaries {{ {primary.address} port {primary.port} key "{TRANSFER.name}"; }}; '
                         f"allow-notify {{ 127.0.0.0/8; }}; }};\n")
    named.options = (f'catalog-zones {{ zone "{CATALOG}" default-primaries {{ {primary.address} port {primary.port} '
                     f'key "{TRANSFER.name}"; }} min-update-interval 0; }};')
    primary.zone_entry(CATALOG, notify=[f"{named.address}@{named.port}"], **{"catalog-role": "generate"})
    primary.start(CATALOG)
    named.start(CATALOG)
    wait_for(lambda: is_served(named, "example.com") and is_served(named, "example.org"), "BIND serves the members", 60)
    repo.commit({"new.example": zone("new.example")})
    primary.pull()
    wait_for(lambda: is_served(named, "new.example"), "BIND serves the new zone", 60)


class KnotFollower(Process):
    """A Knot that takes its zones from the catalog of a primary, and from nowhere else."""

    address = "127.0.0.1"

    def __init__(self, directory, primary):
        super().__init__("knotd", directory)
        self.port = free_port()
        self.path = os.path.join(self.directory, "knot.conf")
        with open(self.path, "w", encoding="ascii") as f:
            f.write(f"""\
server:
    rundir: {self.directory}
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
database:
    storage: {self.directory}
control:
    listen: {self.directory}/control
log:
  - target: stderr
    any: info
key:
  - id: {TRANSFER.name}
    algorithm: {TRANSFER.algorithm}
    secret: {TRANSFER.secret}
remote:
  - id: primary
    address: {primary.address}@{primary.port}
    key: {TRANSFER.name}
acl:
  - id: told
    action: notify
    address: 127.0.0.0/8
template:
  - id: default
    storage: {self.directory}
    zonefile-sync: -1
    master: primary
    acl: told
  - id: member
    storage: {self.directory}
    zonefile-sync: -1
    master: primary
    acl: told
zone:
  - domain: {CATALOG}
    catalog-role: interpret
    catalog-template: member
""")

    def start(self):
        self.spawn(["knotd", "-c", self.path])

    def stop(self):
        self.terminate()


def test_knot_follows_our_catalog(primary, tmp_path, repo):
    knot = KnotFollower(tmp_path / "knot", primary)
    primary.zone_entry(CATALOG, notify=[f"{knot.address}@{knot.port}"], **{"catalog-role": "generate"})
    primary.start(CATALOG, "example.com", "example.org")
    knot.start()

    def follows(*names):
        knot.check_running()
        return all(client.serial(knot, name) is not None for name in names)

    wait_for(lambda: follows("example.com", "example.org"), "Knot serves the members", 60)
    repo.commit({"new.example": zone("new.example")})
    primary.pull()
    wait_for(lambda: follows("new.example"), "Knot serves the new zone", 60)


@pytest.fixture
def catalog_in_git(certnsd, repo):
    """The catalog as somebody else writes it: version 1 of it lists example.com at the node "one"."""
    repo.commit({CATALOG: HEAD.format(serial=1) + "one.zones 0 PTR example.com.\n", "example.org": zone("example.org")})
    primary = certnsd(git=repo, keys=KEYS)
    secondary = certnsd(keys=KEYS)
    secondary.zone_entry(CATALOG, primaries=[f"{primary.here()} key {TRANSFER.name}"], **{"catalog-role": "interpret"})
    primary.start(CATALOG)
    secondary.start(CATALOG, "example.com")

    def commit(serial, text):
        repo.commit({CATALOG: text.format(serial=serial)})
        primary.pull()
        secondary.wait_serial(CATALOG, serial)

    return commit, secondary


def test_a_broken_catalog_changes_nothing(catalog_in_git):
    commit, secondary = catalog_in_git
    commit(2, BROKEN)
    wait_for(lambda: secondary.zone(CATALOG)["problem"], "the catalog is known to be broken")
    assert "version" in secondary.zone(CATALOG)["problem"]
    assert is_served(secondary, "example.com")
    commit(3, HEAD + "one.zones 0 PTR example.com.\ntwo.zones 0 PTR example.com.\n")
    wait_for(lambda: "twice" in secondary.zone(CATALOG)["problem"], "it is broken in another way")
    stays(lambda: is_served(secondary, "example.com"), "the member stays")
    commit(4, HEAD + "two.zones 0 PTR example.org.\n")
    wait_for(lambda: is_served(secondary, "example.org") and not is_served(secondary, "example.com"),
             "it is followed again")


def test_another_node_means_a_new_beginning(catalog_in_git):
    commit, secondary = catalog_in_git
    before = secondary.log().count("zone example.com: whole from")
    commit(2, HEAD + "other.zones 0 PTR example.com.\n")
    wait_for(lambda: secondary.log().count("zone example.com: whole from") > before, "the member is transferred anew")


def test_zones_of_our_own_are_not_taken_over(catalog_in_git):
    commit, secondary = catalog_in_git
    secondary.zone_entry("example.org", primaries=["127.0.0.1@1"])
    secondary.ctl("reload")
    commit(2, HEAD + "one.zones 0 PTR example.com.\ntwo.zones 0 PTR example.org.\n")
    secondary.wait_log("example.org is a zone of ours that comes from elsewhere")
    assert not is_served(secondary, "example.org")


def test_a_zone_goes_over_to_another_catalog(certnsd, repo):
    other = "other.invalid"
    repo.commit({CATALOG: HEAD.format(serial=1) + "one.zones 0 PTR example.com.\n", other: HEAD.format(serial=1)})
    primary, secondary = certnsd(git=repo, keys=KEYS), certnsd(keys=KEYS)
    for name in (CATALOG, other):
        secondary.zone_entry(name, primaries=[f"{primary.here()} key {TRANSFER.name}"], **{"catalog-role": "interpret"})
    primary.start(CATALOG)
    secondary.start(CATALOG, other, "example.com")

    def commit(serial, texts):
        repo.commit({name: text.format(serial=serial) for name, text in texts.items()})
        primary.pull()
        for name in texts:
            secondary.wait_serial(name, serial)

    commit(2, {other: HEAD + "x.zones 0 PTR example.com.\n"})
    secondary.wait_log("example.com is a zone of ours that comes from elsewhere")
    commit(3, {CATALOG: HEAD + f"one.zones 0 PTR example.com.\ncoo.one.zones 0 PTR {other}.\n"})
    commit(4, {other: HEAD + "x.zones 0 PTR example.com.\n"})
    commit(5, {CATALOG: HEAD})
    stays(lambda: is_served(secondary, "example.com"), "the zone is the other catalog's now")

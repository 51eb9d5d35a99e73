"""Fixtures: what a test starts is stopped after it, and its logs are shown when it failed."""

import os

import pytest

from lib import process
from lib.certnsd import SANITIZED, Certnsd
from lib.fakeca import FakeCA
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.named import Named
from lib.pebble import Pebble
from lib.zones import zone


def pytest_collection_modifyitems(config, items):
    """With sanitizers some tests are left out, which ./check has run without; others take long for any build."""
    left_out = {"plain"} if SANITIZED else set()
    if os.environ.get("CERTNS_LONG") != "yes":
        left_out |= {"long", "once"} if SANITIZED else {"long"}
    gone = [i for i in items if any(i.get_closest_marker(name) for name in left_out)]
    config.hook.pytest_deselected(items=gone)
    gone = set(gone)
    first = [i for i in items if i not in gone and i.get_closest_marker("first")]
    first.sort(key=lambda i: i.get_closest_marker("first").args == ())
    others = [i for i in items if i not in gone and not i.get_closest_marker("first")]
    # Whoever runs one of them is given a second already, which shall not be another of them.
    paired = [i for pair in zip(first, others) for i in pair]
    items[:] = paired + first[len(paired) // 2:] + others[len(paired) // 2:]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """The next test goes to whoever is free.  By itself xdist would give the longest ones, which begin first, all to one."""
    from xdist.scheduler import LoadScheduling

    class OneByOne(LoadScheduling):
        def _send_tests(self, node, num):
            super()._send_tests(node, min(num, 2))      # a process wants to know which is the next

        def check_schedule(self, node, duration=0):
            if node.shutting_down:
                return
            if not self.pending:
                node.shutdown()
            elif len(self.node2pending[node]) < 2:
                self._send_tests(node, 1)

    return OneByOne(config, log)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for one in process.everything:
            report.sections.append((f"the end of {one.log_path}", one.log()[-12000:]))


@pytest.fixture(autouse=True)
def clean_up():
    """Stop everything that the test started.  Our own server must have ended well."""
    process.everything.clear()
    yield
    faults = []
    for one in reversed(process.everything):
        try:
            one.stop()
        except AssertionError as fault:
            faults.append(str(fault))
            one.kill9()
    assert not faults, "\n".join(faults)


@pytest.fixture
def key():
    return Key("client._update.example.com")


@pytest.fixture
def repo(tmp_path, key):
    """A repository with example.com and its key."""
    return GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": key.dnskey()})


@pytest.fixture
def certnsd(tmp_path):
    """certnsd(git=..., ...) makes a server; start() it."""
    made = []

    def make(**kwargs):
        name = f"certnsd{len(made) + 1}" if made else "certnsd"
        made.append(Certnsd(tmp_path / name, name=name, **kwargs))
        return made[-1]

    return make


@pytest.fixture
def server(certnsd, repo):
    """A running server with example.com from git."""
    return certnsd(git=repo).start("example.com")


@pytest.fixture
def named(tmp_path):
    return Named(tmp_path / "named")


@pytest.fixture
def pebble_for(tmp_path):
    """pebble_for(server, env) makes a Pebble that asks the server; more: eab and strict, see there."""
    def make(server, env=None, start=True, **more):
        pebble = Pebble(tmp_path / "pebble", f"{server.address}:{server.port}", env, **more)
        return pebble.start() if start else pebble

    return make


@pytest.fixture
def fakeca_for(tmp_path):
    """fakeca_for(server, ...) makes a fake CA that asks the server (None: nobody); it runs.  Its settings: lib/fakeca.py."""
    made = []

    def make(server, start=True, **settings):
        if server is not None:
            settings.setdefault("dns", f"{server.address}:{server.port}")
        made.append(FakeCA(tmp_path / f"fakeca{len(made) + 1}", **settings))
        return made[-1].start() if start else made[-1]

    return make


@pytest.fixture
def issuer(certnsd, repo, pebble_for):
    """A running server with example.com from git, and a Pebble that asks it: .pebble."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server)
    server.use_acme(server.pebble)
    server.write_config()
    return server.start("example.com")


@pytest.fixture
def issuer_with(certnsd, repo, fakeca_for):
    """issuer_with(...) gives (server, ca): a running server with example.com from git, and a fake CA with these settings."""
    def make(**settings):
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        ca = fakeca_for(server, **settings)
        server.use_acme(ca)
        server.write_config()
        return server.start("example.com"), ca

    return make

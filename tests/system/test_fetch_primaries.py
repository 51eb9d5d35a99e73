"""certns-fetch with a primary that is no certns: BIND and Knot DNS take the CSR, and a hidden certnsd gets the certificate."""

import pytest

from lib import fetch
from lib.fetch import Fetch
from lib.keys import Key
from test_remote_primary import ZONE, bind_primary, hidden, knot_primary  # noqa: F401, pylint: disable=unused-import

pytestmark = pytest.mark.once           # others' programs are most of it
HOST = f"www.{ZONE}"


@pytest.fixture(params=["bind", "knot"])
def primary(request, named, key, tmp_path):
    return bind_primary(named, key) if request.param == "bind" else knot_primary(tmp_path / "knot", key)


def test_through_the_primary(primary, hidden, key, pebble_for, tmp_path):  # noqa: F811
    pebble = pebble_for(primary)
    hidden.use_acme(pebble)
    hidden.write_config()
    hidden.start(ZONE)
    service = Fetch(tmp_path / "service", primary, key)
    assert "would upload" in service.run("--dry-run", HOST).stdout
    service.run("--renew", HOST)
    service.place(HOST).check([HOST], pebble.root_pem())
    assert "unchanged" in service.run("--renew", HOST).stdout


@pytest.mark.parametrize("make, words", [
    (lambda key: Key(f"nobody._update.{ZONE}"), "BADKEY"), (lambda key: Key(key.name), "BADSIG"),
], ids=["unknown", "other-secret"])
def test_what_it_says_to_a_wrong_key(primary, key, tmp_path, make, words):
    wrong = make(key)
    done = Fetch(tmp_path / "service", primary, wrong).run(HOST, expect=fetch.REFUSED)
    assert words in done.stderr and wrong.name in done.stderr

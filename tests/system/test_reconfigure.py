"""A reload takes another list of zones: what comes is served, what goes is not, and nothing else notices."""

import os
import signal
import threading
import time

import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone

UPDATE, TRANSFER = Key("client._update"), Key("all._transfer")
KEYS = [{"name": k.name, "algorithm": k.algorithm, "secret": k.secret} for k in (UPDATE, TRANSFER)]


@pytest.fixture
def files(tmp_path):
    """Writes a zone's file and gives its name."""
    def write(name, text=None, directory="zones"):
        path = tmp_path / directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text or zone(name))
        return str(path)
    return write


def configure(server, paths, **more):
    server.config["zones"] = [{"name": name, "file": path} for name, path in paths.items()] + \
        [{"name": name, **settings} for name, settings in more.items()]
    server.write_config()


def reload(server, paths, **more):
    configure(server, paths, **more)
    return server.ctl("reload")


def counted(server):
    """Zones that are served, and with problems, as they are counted and as they are listed."""
    zones, status = server.ctl("zones"), server.ctl("status")
    listed = [sum(z["serial"] is not None and z["state"] != "retired" for z in zones), sum(z["problem"] is not None for z in zones)]
    assert [status["zones"], status["zones-with-problems"]] == listed
    return listed


def refused(server, name):
    return client.rcode(client.ask(server, name, "SOA")) == "REFUSED"


def update(server, name, host):
    client.nsupdate(server, UPDATE, f"update add {host}.{name} 300 A 192.0.2.1\nsend\n", zone=name)


def serials(server, *names):
    return [client.serial(server, name) for name in names]


class Asking:
    """Somebody who asks all the time."""

    def __init__(self, server, name):
        self.wrong, self.n, self.over = [], 0, False
        self.thread = threading.Thread(target=self.run, args=(server, name), daemon=True)
        self.thread.start()

    def run(self, server, name):
        while not self.over:
            response = client.ask(server, f"www.{name}", "A")
            time.sleep(0.002)
            self.n += 1
            if client.rcode(response) != "NOERROR" or not response.answer:
                self.wrong.append(response.to_text())

    def end(self):
        self.over = True
        self.thread.join()
        assert self.n > 0 and not self.wrong, self.wrong[:1]


def test_files_come_and_go(certnsd, files):
    a, b, c = (files(f"{x}.example") for x in "abc")
    server = certnsd(keys=KEYS)
    configure(server, {"a.example": a})
    server.start("a.example")
    asking = Asking(server, "a.example")
    assert reload(server, {"a.example": a, "b.example": b, "c.example": c}) == {"restart-needed": False}
    assert serials(server, "a.example", "b.example", "c.example") == [1, 1, 1], "they are there when the reload is done"
    update(server, "b.example", "new")
    assert reload(server, {"a.example": a, "c.example": c}) == {"restart-needed": False}
    assert refused(server, "b.example") and server.zone("b.example")["state"] == "retired"
    assert counted(server) == [2, 0]
    with open(b, encoding="utf-8") as f:
        assert "new" in f.read(), "what waited is in its file"
    reload(server, {"a.example": a})
    assert refused(server, "c.example")
    reload(server, {"a.example": a, "b.example": b, "c.example": c})
    asking.end()
    assert serials(server, "a.example", "b.example", "c.example") == [1, 2, 1], "as they were"
    assert client.look(server, "new.b.example", "A") == ["192.0.2.1"]
    assert counted(server) == [3, 0]
    update(server, "b.example", "newer")
    server.stop()
    server.start("a.example", "b.example", "c.example")
    assert serials(server, "b.example", "c.example") == [3, 1]


def test_others_notice_nothing(certnsd, files):
    names = [f"z{i}.example" for i in range(30)]
    paths = {name: files(name, directory=f"d{i % 3}") for i, name in enumerate(names)}
    server = certnsd(keys=KEYS)
    configure(server, paths)
    server.start(*names)
    asking = Asking(server, names[0])
    for i in (10, 1, 30):
        reload(server, dict(list(paths.items())[:i]))
        assert [refused(server, name) for name in names] == [False] * i + [True] * (30 - i)
    asking.end()
    assert serials(server, *names) == [1] * 30


def test_a_file_goes_to_another_directory(certnsd, files):
    a, b = files("a.example", directory="one"), files("b.example", directory="two")
    server = certnsd(keys=KEYS)
    configure(server, {"a.example": a, "b.example": b})
    server.start("a.example", "b.example")
    asking = Asking(server, "a.example")
    update(server, "a.example", "new")
    # Each to where the other one was; and another name in the same directory.
    moved = {"a.example": files("a.example", zone("a.example", serial=7), "two"),
             "b.example": files("b.example", zone("b.example", serial=8), "one")}
    reload(server, moved)
    assert serials(server, "a.example", "b.example") == [7, 8]
    assert client.look(server, "new.a.example", "A") == [], "its file does not have it"
    moved["a.example"] = files("other-name", zone("a.example", serial=9), "two")
    reload(server, moved)
    assert serials(server, "a.example", "b.example") == [9, 8]
    update(server, "a.example", "newer")
    wait_for(lambda: "newer" in open(moved["a.example"], encoding="utf-8").read(), "updates go to the new file")
    asking.end()
    server.stop()
    server.start("a.example", "b.example")
    assert serials(server, "a.example", "b.example") == [10, 8]


def test_reloads_in_a_row(certnsd, files):
    """SIGHUP again and again, with another list each time: the last one counts."""
    paths = {f"{x}.example": files(f"{x}.example", directory=d) for x, d in zip("abcdef", ["one", "two"] * 3)}
    server = certnsd(keys=KEYS)
    configure(server, {"a.example": paths["a.example"]})
    server.start("a.example")
    asking = Asking(server, "a.example")
    for i in (6, 2, 5, 1, 4):
        configure(server, dict(list(paths.items())[:i]))
        server.signal(signal.SIGHUP)
        update(server, "a.example", f"n{i}")
        time.sleep(0.03 * i)
    wait_for(lambda: [refused(server, name) for name in paths] == [False] * 4 + [True] * 2, "those of the last list")
    asking.end()
    assert counted(server) == [4, 0]
    wait_for(lambda: "n4" in open(paths["a.example"], encoding="utf-8").read(), "nothing is lost")


def test_what_is_wrong_is_told(certnsd, files):
    a, b = files("a.example"), files("b.example", "$TTL 1\n@ SOA broken\n")
    server = certnsd()
    configure(server, {"a.example": a})
    server.start("a.example")
    configure(server, {"a.example": a, "b.example": b})
    done = server.ctl_text("reload", check=False)
    assert done.returncode == 1 and "zone b.example is not served" in done.stderr and "b.example:2" in done.stderr
    assert serials(server, "a.example") == [1]
    assert client.rcode(client.ask(server, "b.example", "SOA")) == "SERVFAIL", "it is ours"
    assert counted(server) == [1, 1]
    with open(b, "w", encoding="utf-8") as f:
        f.write(zone("b.example"))
    server.pull()
    server.wait_serial("b.example", 1)
    assert counted(server) == [2, 0]

    configure(server, {"a.example": a, "b.example": b, "c.example": a + ".nowhere"})
    done = server.ctl_text("reload", check=False)
    assert done.returncode == 1 and "zone c.example is not served" in done.stderr and "No such file" in done.stderr
    assert serials(server, "a.example", "b.example") == [1, 1]

    # A broken configuration changes nothing at all.
    configure(server, {"c.example": files("c.example")}, **{"a.example": {"filee": a}})
    done = server.ctl_text("reload", check=False)
    assert done.returncode == 1 and "unknown key 'filee' in a zone; expected 'file'?" in done.stderr
    assert "certns.yaml:" in done.stderr
    assert serials(server, "a.example", "b.example") == [1, 1]
    configure(server, {"a.example": a, "c.example": a})
    done = server.ctl_text("reload", check=False)
    assert done.returncode == 1 and "the file is that of zone a.example already" in done.stderr
    assert serials(server, "a.example", "b.example") == [1, 1]


def test_a_file_instead_of_a_repository(certnsd, files, tmp_path):
    repo = GitRepo(tmp_path / "git", {"a.example": zone("a.example", serial=3), "b.example": zone("b.example")})
    server = certnsd(git=repo, keys=KEYS)
    server.start("a.example", "b.example")
    asking = Asking(server, "a.example")
    reload(server, {"a.example": files("a.example", zone("a.example", serial=5, extra="file A 192.0.2.1\n"))})
    assert serials(server, "a.example") == [5]
    assert client.look(server, "file.a.example", "A") == ["192.0.2.1"]
    asking.end()
    assert server.zone("a.example")["source"] == str(tmp_path / "zones")
    # And back: the repository's text is another content, so the serial goes on.
    reload(server, {})
    wait_for(lambda: client.serial(server, "a.example") == 6, "the repository's is served again")
    assert client.look(server, "file.a.example", "A") == []
    assert client.serial(server, "b.example") == 1
    server.stop()
    server.start("a.example", "b.example")
    assert serials(server, "a.example", "b.example") == [6, 1]


def primary_of(certnsd, zones):
    """A server with files of its own, from which others may transfer the zones."""
    primary = certnsd(keys=KEYS)
    configure(primary, zones)
    primary.config["zone-defaults"] = {"allow-transfer": ["127.0.0.1"]}
    primary.write_config()
    return primary.start(*zones)


def test_secondary_zones(certnsd, files):
    primary = primary_of(certnsd, {f"{x}.example": files(f"{x}.example") for x in "ab"})
    server = certnsd(keys=KEYS)
    server.start()
    here = {"primaries": [primary.here()]}
    assert reload(server, {}, **{"a.example": here, "b.example": here}) == {"restart-needed": False}
    wait_for(lambda: serials(server, "a.example", "b.example") == [1, 1], "they were transferred")
    asking = Asking(server, "a.example")
    assert reload(server, {}, **{"a.example": here}) == {"restart-needed": False}
    assert refused(server, "b.example") and counted(server)[0] == 1
    # It comes back at once, with what was kept; the primary is asked what is new.
    primary.stop()
    reload(server, {}, **{"a.example": here, "b.example": here})
    assert serials(server, "b.example") == [1]
    # A secondary zone becomes one with a file.
    reload(server, {"b.example": files("b.example", zone("b.example", serial=4), "own")}, **{"a.example": here})
    assert serials(server, "b.example") == [4]
    update(server, "b.example", "new")
    asking.end()
    server.stop()
    server.start("a.example", "b.example")
    assert serials(server, "b.example") == [5]


def test_a_file_becomes_a_secondary_zone_with_a_restart(certnsd, files):
    primary = primary_of(certnsd, {"a.example": files("a.example", zone("a.example", serial=2))})
    server = certnsd()
    configure(server, {"a.example": files("a.example", zone("a.example", serial=9), "own")})
    server.start("a.example")
    assert reload(server, {}, **{"a.example": {"primaries": [primary.here()]}}) == {"restart-needed": True}
    assert serials(server, "a.example") == [9], "it stays what it is until then"
    server.stop()
    server.start("a.example")
    server.wait_serial("a.example", 2)


def test_the_content_of_a_secondary_zone_is_kept_for_a_month(certnsd, files):
    primary = primary_of(certnsd, {f"{x}.example": files(f"{x}.example") for x in "ab"})
    server = certnsd()
    here = {"primaries": [primary.here()]}
    configure(server, {}, **{"a.example": here, "b.example": here})
    server.start("a.example", "b.example")
    wait_for(lambda: serials(server, "a.example", "b.example") == [1, 1], "they were transferred")
    server.stop()

    def images():
        return sorted(name[:9] for name in os.listdir(f"{server.state}/secondary"))

    def confirmed(days):
        for name in os.listdir(f"{server.state}/secondary"):
            os.utime(f"{server.state}/secondary/{name}", (time.time() - days * 86400,) * 2)

    configure(server, {}, **{"a.example": here})
    confirmed(29)
    server.start()
    assert images() == ["a.example", "b.example"]
    server.stop()
    confirmed(31)
    server.start()
    assert images() == ["a.example"], "that of a zone that is configured stays"
    assert "b.example: is not configured, and was not for long" in server.log()
    reload(server, {}, **{"a.example": here, "b.example": here})
    wait_for(lambda: serials(server, "b.example") == [1], "it is transferred anew")
    assert images() == ["a.example", "b.example"]
    server.stop()
    primary.stop()
    server.start("a.example", "b.example")
    assert serials(server, "a.example", "b.example") == [1, 1]


def test_a_catalog_comes_and_goes(certnsd, files):
    server = certnsd()
    paths = {"a.example": files("a.example")}
    configure(server, paths)
    server.start("a.example")
    assert refused(server, "catalog.invalid")
    made = {"catalog.invalid": {"catalog-role": "generate"}}
    for _ in range(2):
        reload(server, paths, **made)
        wait_for(lambda: client.serial(server, "catalog.invalid"), "it is made")
        before = client.serial(server, "catalog.invalid")
        reload(server, paths)
        assert refused(server, "catalog.invalid")
        paths["b.example"] = files("b.example")
        reload(server, paths, **made)
        wait_for(lambda: (client.serial(server, "catalog.invalid") or 0) > before, "and again, with a newer serial")
        del paths["b.example"]
        reload(server, paths)
    server.stop()
    server.start("a.example")
    assert refused(server, "catalog.invalid")


def test_metrics_list_few_zones_only(certnsd, files):
    paths = {f"{x}.example": files(f"{x}.example") for x in "ab"}
    server = certnsd(server={"metrics-zones": 2})
    configure(server, paths)
    server.start("a.example")
    assert 'certns_zone_serial{zone="a.example"} 1\n' in server.ctl_text("metrics").stdout
    server.config["server"]["metrics-zones"] = 1
    reload(server, paths)
    text = server.ctl_text("metrics").stdout
    assert "certns_zones 2\n" in text and "certns_zone_serial" not in text

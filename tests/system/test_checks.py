"""Checks before serving, seen from the daemon: what is refused, what is told, and how often."""

from lib import client
from lib.zones import zone


def test_warnings_are_told_once_per_change(certnsd, repo):
    repo.commit({"example.com": zone(extra="@ MX 10 nowhere\n@ CAA 0 isue ca.example\n")})
    server = certnsd(git=repo).start("example.com")
    mail = r"example\.com:13:1: warning: MX points to nowhere\.example\.com\., which has no address"
    server.wait_log(mail)
    for _ in range(3):
        server.pull()
    assert server.log().count("MX points to nowhere") == 1
    shown = server.ctl("zones", "example.com")[0]["complaints"]
    assert [line.split(" warning: ")[0] for line in shown] == ["example.com:13:1:", "example.com:14:1:"]
    assert "example.com:13:1: warning: MX points" in server.ctl_text("zones", "example.com").stdout

    repo.commit({"example.com": zone(serial=2, extra="@ MX 10 nowhere\n@ CAA 0 issue ca.example\n")})
    server.pull()
    assert client.serial(server, "example.com") == 2
    assert len(server.ctl("zones", "example.com")[0]["complaints"]) == 1
    assert server.log().count("MX points to nowhere") == 2, "it changed, so it is told again"

    server.stop()
    server.start("example.com")
    assert len(server.ctl("zones", "example.com")[0]["complaints"]) == 1, "known after a restart"


def test_a_refused_text_is_told_once(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    repo.commit({"example.com": zone(serial=2, extra="www CNAME ns1\nx A 192.0.2.300\nx A 192.0.2.301\n")})
    for _ in range(3):
        server.pull()
    assert client.serial(server, "example.com") == 1
    assert server.log().count("expected an IPv4 address, found '192.0.2.300'") == 2, "its line, and as the reason"
    assert server.zone("example.com")["problem"] == \
        "example.com:14:5: error: A: expected an IPv4 address, found '192.0.2.300' (and 1 more)"
    repo.commit({"example.com": zone(serial=2, extra="www CNAME ns1\n")})
    server.pull()
    server.wait_log(r"example\.com:13:1: error: CNAME beside A at www\.example\.com\., see example\.com:\d+:\d+")


def test_many_warnings_are_bounded(certnsd, repo):
    repo.commit({"example.com": zone(extra="$GENERATE 1-200 m$ MX 10 nowhere\n")})
    server = certnsd(git=repo).start("example.com")
    server.wait_log(r"zone example\.com: and 150 more like these")
    assert server.log().count("MX points to nowhere") == 50
    assert server.ctl("zones", "example.com")[0]["complaints"][-1] == "and 150 more like these"


def test_zones_in_files_are_judged_alike(certnsd, tmp_path):
    path = tmp_path / "zones" / "example.com"
    path.parent.mkdir()
    path.write_text(zone(extra="@ MX 10 nowhere\n"))
    server = certnsd(zones=[{"name": "example.com", "file": str(path)}]).start("example.com")
    server.wait_log(r"example\.com:13:1: warning: MX points to nowhere\.example\.com\., which has no address")
    assert len(server.ctl("zones", "example.com")[0]["complaints"]) == 1
    path.write_text(zone(serial=2, extra="www CNAME ns1\n"))
    server.pull()
    assert client.serial(server, "example.com") == 1
    assert "CNAME beside A at www.example.com., see " in server.zone("example.com")["problem"]

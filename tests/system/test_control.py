"""certnsctl, and what operators do with a running server: reload, stop, ask."""

import json
import os
import pwd
import re
import resource
import signal
import socket
import stat

from lib import client
from lib.certnsd import program
from lib.keys import Key
from lib.process import run
from lib.wait import PATIENCE, wait_for
from lib.zones import zone


def test_status(server):
    status = server.ctl("status")
    assert status["pid"] == server.pid
    assert status["uptime"] >= 0 and status["version"]
    text = server.ctl_text("status").stdout
    assert str(server.pid) in text
    assert status["certificates"] is None, "without an authority"


def test_zones(server, repo):
    repo.commit({"example.org": zone("example.org", serial=77)})
    server.pull()
    zones = {one["name"].rstrip("."): one for one in server.ctl("zones")}
    assert sorted(zones) == ["example.com", "example.org"]
    assert zones["example.org"]["serial"] == 77 and zones["example.org"]["state"] == "served"
    assert not zones["example.org"]["problem"]
    text = server.ctl_text("zones").stdout
    lines = text.splitlines()
    columns = {name: lines[0].index(name) for name in ("NAME", "SERIAL", "STATE")}
    row = next(line for line in lines if line.startswith("example.org"))
    assert row[columns["SERIAL"]:].split()[0] == "77" and row[columns["STATE"]:].split()[0] == "served", text
    assert all(line[at - 1] == " " for line in lines for at in columns.values() if at > 0), "the columns are aligned"
    assert [one["name"].rstrip(".") for one in server.ctl("zones", "example.org")] == ["example.org"]


def test_the_socket_is_ours_alone(server):
    sockets = [os.path.join(server.state, f) for f in os.listdir(server.state)
               if stat.S_ISSOCK(os.stat(os.path.join(server.state, f)).st_mode)]
    assert len(sockets) == 1
    assert stat.S_IMODE(os.stat(sockets[0]).st_mode) == 0o600
    assert json.loads(run([program("tools/certnsctl"), "-s", sockets[0], "--json", "status"]).stdout)["pid"] == server.pid


def test_no_more_open_files(server):
    """It is said once, and as soon as there are files again the connections that wait are taken."""
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (8, before[1]))
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * PATIENCE)
        s.connect(os.path.join(server.state, "control.sock"))
        server.wait_log("control: a connection cannot be taken: Too many open files")
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        s.sendall(b'{"command": "status"}\n')
        assert json.loads(s.makefile().readline())["ok"]
    assert server.log().count("cannot be taken: Too many open files") == 1


def test_secrets_are_readable_by_nobody_else(certnsd, repo, key, pebble_for):
    server = certnsd(git=repo)
    server.use_acme(pebble_for(server))
    server.write_config()
    server.start("example.com")
    wait_for(lambda: any(b"PRIVATE KEY" in octets for _, octets in server.state_files()), "the account key")
    for path, octets in server.state_files():
        if b"PRIVATE KEY" in octets:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
        if b"PRIVATE KEY" in octets or key.secret.encode() in octets:
            modes = [os.stat(one).st_mode & 0o077 for one in (path, os.path.dirname(path), server.state)]
            assert 0 in modes, f"{path} can be read by others"
    assert key.secret not in server.log()
    with open(f"/proc/{server.pid}/cmdline", encoding="latin-1") as f:
        assert key.secret not in f.read()


def test_unknown_commands(server):
    done = server.ctl_text("dance", check=False)
    assert done.returncode != 0 and "dance" in done.stderr


def test_nobody_there(certnsd, repo):
    server = certnsd(git=repo)
    done = server.ctl_text("status", check=False)
    assert done.returncode != 0 and "control.sock" in done.stderr


def test_stop(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    server.ctl("stop")
    assert server.wait() == 0
    assert not os.path.exists(os.path.join(server.state, "control.sock"))


def test_sigterm_and_sigint_end_cleanly(certnsd, repo):
    server = certnsd(git=repo)
    for number in signal.SIGTERM, signal.SIGINT:
        server.start("example.com")
        server.signal(number)
        assert server.wait() == 0
    server.check_log()


def test_a_supervisor_is_told(certnsd, repo, tmp_path):
    """As by Type=notify of systemd, whose socket may be in the file system or not."""
    for name in str(tmp_path / "notify"), f"\0certns-{os.getpid()}":
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(name)
            supervisor.settimeout(20 * PATIENCE)
            server = certnsd(git=repo)
            server.env["NOTIFY_SOCKET"] = name.replace("\0", "@")
            server.start("example.com")
            assert supervisor.recv(100) == b"READY=1"
            server.stop()
            assert supervisor.recv(100) == b"STOPPING=1"


def test_closed_descriptors(certnsd, repo):
    """What is meant for standard error gets into no file or socket that took its place."""
    server = certnsd(git=repo)
    server.spawn(["sh", "-c", f'exec "{program("server/certnsd")}" -c "{server.config_path}" <&- >&- 2>&-'])
    server.wait_serial("example.com", 1)
    for fd in 0, 1, 2:
        assert os.readlink(f"/proc/{server.popen.pid}/fd/{fd}") == "/dev/null"
    server.ctl("stop")
    assert server.wait() == 0


def test_keygen(server):
    text = run([program("tools/certnsctl"), "keygen", "client._update.example.com"]).stdout
    assert re.search(r"^client\._update\.example\.com\.?\s+.*DNSKEY\s+0\s+3\s+163\s+[A-Za-z0-9+/]{43}=$", text, re.M), text
    assert "\n# for nsupdate, knsupdate, dig and kdig:\n-y hmac-sha256:client._update.example.com:" in text
    other = run([program("tools/certnsctl"), "keygen", "client._update.example.com", "hmac-sha512"]).stdout
    assert re.search(r"DNSKEY\s+0\s+3\s+165\s", other), other


def test_a_reload_takes_the_new_configuration(certnsd, repo):
    new = Key("configured._update.example.com")
    server = certnsd(git=repo).start("example.com")
    server.config["keys"] = [{"name": new.name, "algorithm": new.algorithm, "secret": new.secret}]
    server.write_config()
    server.signal(signal.SIGHUP)
    wait_for(lambda: client.nsupdate(server, new, "update add new.example.com 300 A 192.0.2.1\nsend\n",
                                     check=False).returncode == 0, "the new key works")


def test_a_bad_configuration_at_reload_changes_nothing(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    with open(server.config_path, "a", encoding="utf-8") as f:
        f.write("serber:\n  listen: [127.0.0.1]\n")
    server.signal(signal.SIGHUP)
    server.wait_log(r"certns\.yaml:\d+:\d+: ")
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\nsend\n")


def test_how_a_reload_went_is_told(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    assert server.ctl("reload") == {"restart-needed": False}
    server.config["server"]["tcp-connections"] = 77
    server.write_config()
    assert server.ctl("reload") == {"restart-needed": True}
    with open(server.config_path, "a", encoding="utf-8") as f:
        f.write("serber:\n  listen: [127.0.0.1]\n")
    done = server.ctl_text("reload", check=False)
    assert done.returncode == 1
    assert re.search(r"certns\.yaml:\d+:1: unknown key 'serber' in the configuration; expected 'server'\?", done.stderr)


def test_a_pull_that_leaves_a_zone_refused_fails(certnsd, repo):
    server = certnsd(git=repo).start("example.com")
    assert server.ctl_text("pull").stdout == "ok\n"
    repo.commit({"example.org": zone("example.org") + "www A 192.0.2.300\n", "example.net": zone("example.net") + "x\n"})
    done = server.ctl_text("pull", check=False)
    assert done.returncode == 1
    assert re.match(r"certnsctl: zone example\.(org|net): example\.(org|net):\d+:\d+: error: .*; and 1 more, see 'certnsctl "
                    "zones'\n$", done.stderr), done.stderr
    repo.commit({"example.org": zone("example.org"), "example.net": zone("example.net")})
    assert server.ctl_text("pull").stdout == "ok\n"


def test_keys_show_what_rules_give(certnsd, repo):
    keys = [Key(name) for name in ("dhcp.example.net", "a.hosts.example.net", "nobody.example.net")]
    server = certnsd(git=repo, keys=[{"name": one.name, "algorithm": one.algorithm, "secret": one.secret} for one in keys],
                     zones=[{"name": "example.com", "allow-transfer": [f"key {keys[0].name}"],
                             "update-policy": ["grant dhcp.example.net zonesub A", "deny nobody.example.net zonesub ANY",
                                               "grant *.hosts.example.net self . A"]}])
    server.start("example.com")
    rules = {one["name"]: one["rules"] for one in server.ctl("keys")}
    assert rules["dhcp.example.net"] == ["transfer example.com", "update example.com"]
    assert rules["a.hosts.example.net"] == ["update example.com"] and rules["nobody.example.net"] == []


def test_a_state_directory_that_cannot_be_made(certnsd, repo, tmp_path):
    here = tmp_path / "file"
    here.write_text("")
    other = certnsd(git=repo, server={"state-directory": str(here / "below")})
    other.write_config()
    done = run([program("server/certnsd"), "-c", other.config_path], check=False)
    assert done.returncode == 1
    assert "the state directory (state-directory, --state): " in done.stderr, done.stderr


def test_state_of_another_user(certnsd, repo):
    """As it is left by who first tries it as root, and then starts it as it should be."""
    if os.geteuid() != 0:
        return
    server = certnsd(git=repo, server={"user": "nobody"})
    os.makedirs(server.state)
    with open(os.path.join(server.state, "cookie-secret"), "w", encoding="ascii") as f:
        f.write("00" * 16)
    os.chmod(f.name, 0o600)
    done = run([program("server/certnsd"), "-c", server.config_path], check=False)
    assert done.returncode == 1
    assert "Permission denied; it and all in it must belong to the user that certnsd runs as" in done.stderr


def test_only_checking(certnsd, repo, tmp_path):
    server = certnsd(git=repo)
    done = run([program("server/certnsd"), "-t", "-c", server.config_path])
    assert done.returncode == 0
    bad = tmp_path / "bad.yaml"
    bad.write_text("server:\n  listen: [127.0.0.1@notaport]\n")
    done = run([program("server/certnsd"), "-t", "-c", bad], check=False)
    assert done.returncode != 0 and re.search(r"bad\.yaml:2:\d+: ", done.stderr), done.stderr


def test_version_and_help():
    assert re.search(r"certns\S* \d+\.\d+", run([program("server/certnsd"), "-V"]).stdout)
    assert "--remote" in run([program("server/certnsd"), "-h"]).stdout


def test_one_state_directory_one_server(certnsd, repo):
    first = certnsd(git=repo).start("example.com")
    second = certnsd(git=repo, server={"state-directory": first.state})
    second.spawn([program("server/certnsd"), "-c", second.config_path])
    assert second.wait() != 0
    assert first.state in second.log()
    assert client.serial(first, "example.com") == 1
    assert first.ctl("status")["pid"] == first.pid


def test_privileges_are_dropped(certnsd, repo, tmp_path):
    """Only root can; others have nothing to drop."""
    if os.getuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    server = certnsd(git=repo, server={"user": "nobody"})
    os.makedirs(server.state)
    for base, _, names in os.walk(tmp_path):
        for path in [base] + [os.path.join(base, n) for n in names]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    above = str(tmp_path)
    while above != "/" and above.startswith("/tmp/"):
        os.chmod(above, os.stat(above).st_mode | 0o011)
        above = os.path.dirname(above)
    server.start("example.com")
    with open(f"/proc/{server.pid}/status", encoding="ascii") as f:
        uids = re.search(r"^Uid:\s+(.*)$", f.read(), re.M)[1].split()
    assert set(uids) == {str(nobody.pw_uid)}
    assert client.serial(server, "example.com") == 1


def test_json_log(certnsd, repo):
    server = certnsd(git=repo, server={"log-format": "json"}).start("example.com")
    server.stop()
    lines = [json.loads(line) for line in server.log().splitlines()]
    assert lines and all({"time", "level", "message"} <= set(line) for line in lines)

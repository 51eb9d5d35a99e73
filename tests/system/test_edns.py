"""EDNS options and limits, seen with dig and kdig."""

import os
import re
import socket
import stat

import dns.edns
import dns.message
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.named import Named
from lib.peers import Knot
from lib.process import run
from lib.wait import wait_for
from lib.zones import zone

SECRET = "00112233445566778899aabbccddeeff"
CLIENT = "0123456789abcdef"


@pytest.fixture
def start(certnsd, tmp_path):
    """start(option=value, ...): a server with these options, and example.com."""
    repo = GitRepo(tmp_path / "git", {"example.com": zone()})

    def make(**options):
        return certnsd(git=repo, server={k.replace("_", "-"): v for k, v in options.items()}).start("example.com")

    return make


def dig(server, *arguments):
    return run(["dig", "@127.0.0.1", "-p", str(server.port), "+tries=1", "+timeout=20", *arguments]).stdout


def cookie_of(text):
    found = re.search(r"COOKIE: ([0-9a-f]{16})([0-9a-f]{32}) \((good|echoed|bad)\)", text)
    assert found and found[3] == "good", text
    return found[1] + found[2]


def test_cookies_come_back(start):
    server = start()
    cookie = cookie_of(dig(server, f"+cookie={CLIENT}", "www.example.com"))
    assert cookie.startswith(CLIENT + "01000000")
    assert cookie_of(dig(server, f"+cookie={cookie}", "www.example.com")) == cookie
    path = os.path.join(server.state, "cookie-secret")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    server.stop()
    server.start("example.com")
    assert cookie_of(dig(server, f"+cookie={cookie}", "www.example.com")) == cookie, "the secret survives a restart"


def test_siblings_agree(start):
    first, second = start(cookie_secrets=[SECRET]), start(cookie_secrets=[SECRET], require_cookies=True)
    assert "status: BADCOOKIE" in dig(second, f"+cookie={CLIENT}", "+nobadcookie", "www.example.com")
    cookie = cookie_of(dig(first, f"+cookie={CLIENT}", "www.example.com"))
    assert "status: NOERROR" in dig(second, f"+cookie={cookie}", "+nobadcookie", "www.example.com")
    assert "status: NOERROR" in dig(second, "www.example.com"), "dig asks again with the cookie that it got"
    assert "status: NOERROR" in dig(second, "+nocookie", "www.example.com")


class CookieKnot(Knot):
    """Knot with DNS cookies, which it always requires."""

    def write_config(self):
        super().write_config()
        with open(self.path("knot.conf"), encoding="utf-8") as f:
            text = f.read()
        self.write("knot.conf", text.replace("zone:\n", f"mod-cookies:\n  - id: all\n    secret: 0x{SECRET}\n"
                                             "template:\n  - id: default\n    global-module: mod-cookies/all\nzone:\n",
                                             1))


def test_other_servers_agree(start, tmp_path):
    """RFC 9018: with one secret each server takes the cookies of the others, and an altered one of nobody."""
    ours, knot, bind = start(cookie_secrets=[SECRET], require_cookies=True), CookieKnot(tmp_path / "knot"), Named(tmp_path / "named")
    bind.options = f'cookie-algorithm siphash24; cookie-secret "{SECRET}"; answer-cookie yes; require-server-cookie yes;'
    knot.primary("example.com", zone())
    bind.primary("example.com", zone())
    servers = [ours, knot.start("example.com"), bind.start("example.com")]
    cookies = [cookie_of(dig(s, f"+cookie={CLIENT}", "+nobadcookie", "www.example.com")) for s in servers]
    for cookie in cookies:
        for server in servers:
            assert "status: NOERROR" in dig(server, f"+cookie={cookie}", "+nobadcookie", "www.example.com"), server.name
    for server in servers:
        altered = cookies[0][:-1] + ("0" if cookies[0][-1] != "0" else "1")
        assert "status: BADCOOKIE" in dig(server, f"+cookie={altered}", "+nobadcookie", "www.example.com"), server.name


def test_rollover(start, tmp_path):
    path = tmp_path / "secrets"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    server = start(cookie_secret_file=str(path), require_cookies=True)
    cookie = cookie_of(dig(server, f"+cookie={CLIENT}", "+nobadcookie", "www.example.com"))
    path.write_text("ff" * 16 + "\n" + SECRET + "\n")
    server.popen.send_signal(1)
    server.wait_log("configuration reloaded")
    text = dig(server, f"+cookie={cookie}", "+nobadcookie", "www.example.com")
    assert "status: NOERROR" in text and cookie_of(text) != cookie, "the old one is good, and replaced"
    assert "status: FORMERR" in dig(server, "+ednsopt=10:0123", "+nocookie", "www.example.com")


def test_reasons(start):
    server = start()
    assert "EDE: 20 (Not Authoritative)" in dig(server, "www.example.net")
    refused = client.ask(server, "example.com", "AXFR", tcp=True, use_edns=0)
    assert [(o.code, o.text) for o in refused.options] == [(18, "neither a key's right nor allow-transfer covers it")]
    assert "EDE" not in dig(server, "+noedns", "www.example.net")


def test_keepalive_and_report_channel(start):
    server = start(tcp_idle_timeout="30s", report_agent="agent.example.net")
    text = dig(server, "+tcp", "+keepalive", "www.example.com")
    assert "TCP-KEEPALIVE: 30.0 secs" in text or "TCP KEEPALIVE: 30.0 secs" in text, text
    text = dig(server, "+nokeepalive", "www.example.com")
    assert "05 61 67 65 6e 74 07 65 78 61 6d 70 6c 65 03 6e 65 74 00" in text or "agent.example.net" in text, text


def chaos(server, name):
    return dig(server, "+short", "CH", "TXT", name).strip()


def test_chaos(start):
    server = start()
    for name in ("version.bind", "version.server"):
        assert chaos(server, name).startswith('"certns ')
    for name in ("id.server", "hostname.bind"):
        assert "status: REFUSED" in dig(server, "CH", "TXT", name)
    server = start(version="none", identity="ns1")
    for name in ("version.bind", "version.server"):
        assert "status: REFUSED" in dig(server, "CH", "TXT", name)
    for name in ("id.server", "hostname.bind"):
        assert chaos(server, name) == '"ns1"'
    assert chaos(start(version="my own"), "version.bind") == '"my own"'


def test_each_name_of_the_server_is_told_or_not(start):
    server = start(identity="ns1", hostname="none", nsid="one")
    assert chaos(server, "id.server") == '"ns1"'
    assert "status: REFUSED" in dig(server, "CH", "TXT", "hostname.bind")
    assert '("one")' in dig(server, "+nsid", "www.example.com")
    server = start(identity="none", hostname="host")
    assert "status: REFUSED" in dig(server, "CH", "TXT", "id.server")
    assert chaos(server, "hostname.bind") == '"host"'
    assert "NSID" not in dig(server, "+nsid", "www.example.com")


def test_udp_size(certnsd, tmp_path):
    many = "".join(f"many IN A 192.0.2.{i}\n" for i in range(1, 201))
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=many)})
    small = certnsd(git=repo).start("example.com")
    large = certnsd(git=repo, server={"edns-udp-size": 4096}).start("example.com")
    assert "flags: qr aa tc" in dig(small, "+ignore", "+bufsize=4096", "many.example.com")
    text = dig(large, "+ignore", "+bufsize=4096", "many.example.com")
    assert "flags: qr aa rd;" in text and "ANSWER: 200" in text and "udp: 4096" in text, text
    assert "tc" in re.search("flags: [a-z ]*", dig(large, "+ignore", "+bufsize=2000", "many.example.com"))[0]


def test_a_long_nsid_does_not_burst_a_datagram(start):
    server = start(nsid="n" * 255)
    name = ".".join(["a" * 60] * 3 + ["b" * 56, "example.com"])
    options = [dns.edns.GenericOption(3, b""), dns.edns.GenericOption(10, bytes.fromhex(CLIENT))]
    for size in 512, 1232:
        answer = client.raw_exchange(server, dns.message.make_query(name, "A", use_edns=0, payload=size, options=options).to_wire())
        assert len(answer) <= size and (b"nnn" in answer) == (size == 1232)


def test_metrics_tell_what_was_asked(start):
    server = start()
    for arguments in ["www.example.com", "A"], ["www.example.com", "A", "+tcp"], ["www.example.com", "HTTPS"], \
            ["www.example.com", "CAA"], ["www.example.com", "TYPE65280"], ["nothing.example.com", "MX"]:
        dig(server, *arguments)
    client.raw_exchange(server, b"no query", timeout=0.1)
    text = server.ctl_text("metrics").stdout
    for line in 'certns_query_types_total{type="A"} 2', 'certns_query_types_total{type="HTTPS"} 1', \
            'certns_query_types_total{type="CAA"} 1', 'certns_query_types_total{type="other"} 1', \
            'certns_responses_total{rcode="NXDOMAIN"} 1', \
            "certns_responses_truncated_total 0", "certns_send_failures_total 0", "certns_tcp_connections_refused_total 0":
        assert line in text, text
    assert re.search("certns_malformed_total [1-9]", text), text


def flood(server, name="www.example.com", n=40, **kwargs):
    """How many of n queries at once are answered, and how many of them with TC."""
    query = dns.message.make_query(name, "A", **kwargs).to_wire()
    before = server.ctl("status")["requests"]["udp"]
    answers = cut = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.connect(("127.0.0.1", server.port))
        for _ in range(n):
            s.send(query)
        wait_for(lambda: server.ctl("status")["requests"]["udp"] >= before + n, "the server has seen them all")
        try:
            while answers < n:
                flags = s.recv(4096)[2]
                answers += 1
                cut += bool(flags & 2)
        except socket.timeout:
            pass
    return answers, cut


def test_rate_limit(start):
    server = start(workers=1, rate_limit=5, rate_limit_slip=4)
    answers, cut = flood(server)
    assert 5 <= answers - cut <= 10 and cut >= 7, "five each second; perhaps a new one began meanwhile"
    assert flood(server, "nothing.example.com")[0] < 30, "errors and missing names are limited too"
    text = dig(server, "+cookie", "www.example.com", "+retry=3", "+timeout=1", "+tries=5")
    assert "status: NOERROR" in text, "a slipped answer leads to TCP"
    cookie = cookie_of(dig(server, "+tcp", f"+cookie={CLIENT}", "www.example.com"))
    option = dns.edns.GenericOption(10, bytes.fromhex(cookie))
    assert flood(server, use_edns=0, options=[option]) == (40, 0), "a cookie is a way past the limit"
    metrics = server.ctl_text("metrics").stdout
    assert re.search(r'certns_rate_limited_total{action="dropped"} [1-9]', metrics)
    assert re.search(r'certns_rate_limited_total{action="slipped"} [1-9]', metrics)
    server.wait_log("rate-limit: too many answers to the network of 127.0.0.1@")
    assert server.log().count("rate-limit: ") <= 2, "not a line for each"


def test_rate_limit_exempt(start):
    assert flood(start(workers=1)) == (40, 0), "no limit by default"
    assert flood(start(workers=1, rate_limit=5, rate_limit_exempt=["127.0.0.0/8"])) == (40, 0)


def test_tcp_limits(start):
    server = start(workers=1, tcp_connections=5, tcp_connections_per_address=3)
    query = dns.message.make_query("www.example.com", "A").to_wire()
    clients = []

    def connect(source):
        s = socket.create_connection(("127.0.0.1", server.port), timeout=60, source_address=(source, 0))
        s.sendall(len(query).to_bytes(2, "big") + query)
        assert len(s.recv(2)) == 2, "the connection is served"
        clients.append(s)
        return s

    def is_open(s):
        s.settimeout(0.2)
        try:
            while data := s.recv(4096):
                assert data
            return False
        except socket.timeout:
            return True

    first = [connect("127.0.0.1") for _ in range(4)]
    assert [is_open(s) for s in first] == [False, True, True, True], "the idlest of the address made room"
    others = [connect(f"127.0.0.{i}") for i in (2, 3, 4)]
    assert [is_open(s) for s in first[1:] + others] == [False] + [True] * 5, "the idlest of all made room"
    server.wait_log("TCP: as many connections as there may be, now for a new one of 127.0.0.1@")
    assert "certns_tcp_connections_shed_total 2" in server.ctl_text("metrics").stdout
    for s in clients:
        s.close()

"""dnstap: what BIND's and Knot's tools read of it, and that nobody waits for who reads."""

import os
import re
import socket
import stat
import time

import dns.message
import pytest

from lib import client, dnstap
from lib.process import run
from lib.wait import PATIENCE, wait_for

BOTH = ("AUTH_QUERY", "AUTH_RESPONSE")


@pytest.fixture
def start(certnsd, repo):
    """start(sink, option=value, ...): a server with this sink (None: none), and example.com."""
    def make(sink, **options):
        dnstap_options = {"dnstap": {"sink": str(sink), **options}} if sink else {}
        return certnsd(git=repo, server=dnstap_options).start("example.com")
    return make


def set_dnstap(server, **options):
    server.config["server"].pop("dnstap", None)
    if options:
        server.config["server"]["dnstap"] = options
    server.write_config()
    server.ctl("reload")


def wait_dnstap(server, condition, what):
    return wait_for(lambda: condition(server.ctl("status")["dnstap"] or {}), what)


def ask(server, name, rdtype="A", tcp=False, address="127.0.0.1"):
    """Gives the port that it was asked from."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(5 * PATIENCE)
        s.connect((address, server.port))
        s.setblocking(False)
        send = dns.query.tcp if tcp else dns.query.udp
        send(dns.message.make_query(name, rdtype), address, port=server.port, timeout=5 * PATIENCE, sock=s)
        return s.getsockname()[1]


@pytest.mark.parametrize("tcp,address", [(False, "127.0.0.1"), (False, "::1"), (True, "127.0.0.1"), (True, "::1")])
def test_query_and_response(start, tmp_path, tcp, address):
    server = start(tmp_path / "log", identity="ns1")
    port = ask(server, "www.example.com", tcp=tcp, address=address)
    server.stop()
    assert stat.S_IMODE(os.stat(tmp_path / "log").st_mode) & 0o137 == 0
    query, response = dnstap.about(dnstap.read(tmp_path / "log"), "www.example.com")
    assert (query["type"], response["type"]) == BOTH
    for one in query, response:
        assert (one["query_address"], one["query_port"]) == (address, str(port))
        assert (one["response_address"], one["response_port"]) == (address, str(server.port))
        assert one["socket_family"] == ("INET6" if ":" in address else "INET")
        assert one["socket_protocol"] == ("TCP" if tcp else "UDP")
        assert one["identity"] == "ns1" and one["version"].startswith("certnsd ")
        assert one["data"]["QUESTION_SECTION"] == ["www.example.com. IN A"]
    assert query["data"]["flags"] == "rd" and "query_time" in query
    assert response["data"]["flags"] == "qr aa rd" and "response_time" in response
    assert response["query_zone"] == "example.com."
    assert response["data"]["ANSWER_SECTION"] == ["www.example.com. 3600 IN A 192.0.2.80"]


def test_other_answers(start, tmp_path):
    """The long way, with EDNS and a cookie; what is refused; the zone above a cut has its DS; Knot's tool reads it, too."""
    server = start(tmp_path / "log", version="none")
    client.dig(server, "+cookie", "none.example.com", "TXT")
    client.dig(server, "www.example.org")
    client.dig(server, "+norec", "example.com", "DS")
    client.send_update(server, client.new_update("example.org"))
    client.transferred(server, "example.com")
    assert client.raw_exchange(server, b"\x12\x34\x01", timeout=0.2) is None, "too short for a header"
    server.stop()
    messages = dnstap.read(tmp_path / "log")
    answers = {m["data"]["QUESTION_SECTION"][0]: m for m in messages if m["type"] == "AUTH_RESPONSE"}
    assert answers["none.example.com. IN TXT"]["data"]["status"] == "NXDOMAIN"
    assert answers["none.example.com. IN TXT"]["query_zone"] == "example.com."
    assert answers["www.example.org. IN A"]["data"]["status"] == "REFUSED"
    assert "query_zone" not in answers["www.example.org. IN A"]
    assert answers["example.com. IN DS"]["query_zone"] == "example.com."
    assert answers["example.com. IN AXFR"]["data"]["status"] == "REFUSED"
    assert all(m["version"] is None and m["identity"] == socket.gethostname() for m in messages)
    refused = [m for m in messages if m["type"] == "UPDATE_RESPONSE"]
    assert [m["data"]["status"] for m in refused] == ["NOTAUTH"]
    text = run(["kdig", "-G", tmp_path / "log"]).stdout
    assert "NXDOMAIN" in text and ";; none.example.com." in text


def test_updates(start, key, tmp_path):
    """Both ways that the keeper's answers go, and a signature as it came."""
    server = start(tmp_path / "log", queries=False, responses=False)
    for tcp in False, True:
        client.nsupdate(server, key, f"update add u{int(tcp)}.example.com 300 A 192.0.2.9\nsend\n",
                        arguments=["-v"] if tcp else [])
    assert client.look(server, "u1.example.com", "A") == ["192.0.2.9"]
    server.stop()
    messages = dnstap.read(tmp_path / "log")
    assert [m["type"] for m in messages].count("UPDATE_QUERY") == 2
    assert {m["type"] for m in messages} == {"UPDATE_QUERY", "UPDATE_RESPONSE"}, "nothing else was wanted"
    for protocol in "UDP", "TCP":
        query, response = [m for m in messages if m["socket_protocol"] == protocol]
        assert query["query_zone"] == response["query_zone"] == "example.com."
        assert query["query_port"] == response["query_port"] and response["response_port"] == str(server.port)
        assert query["data"]["id"] == response["data"]["id"] and response["data"]["status"] == "NOERROR"
    lines = run(["dnstap-read", "-p", tmp_path / "log"]).stdout
    assert lines.count("hmac-sha256") == 4, "all of them are signed"


def test_answers_that_come_late(start, certnsd, key, tmp_path):
    """What the primary said of an update that was forwarded; a piece of history, over UDP."""
    primary = start(tmp_path / "primary")
    secondary = certnsd(server={"dnstap": {"sink": str(tmp_path / "secondary"), "queries": False}},
                        keys=[{"name": key.name, "algorithm": key.algorithm, "secret": key.secret}])
    secondary.zone_entry("example.com", primaries=[f"{primary.here()} key {key.name}"], **{"forward-updates": True})
    secondary.start("example.com")
    for tcp in False, True:
        client.nsupdate(secondary, key, f"update add f{int(tcp)}.example.com 300 A 192.0.2.9\nsend\n", zone="example.com",
                        arguments=["-v"] if tcp else [])
    assert client.look(primary, "f1.example.com", "A") == ["192.0.2.9"]
    client.dig(primary, "+notcp", "ixfr=1", "example.com", "-y", key.y())
    secondary.stop()
    primary.stop()
    messages = dnstap.read(tmp_path / "secondary")
    for protocol in "UDP", "TCP":
        query, response = [m for m in messages if m["type"].startswith("UPDATE") and m["socket_protocol"] == protocol]
        assert (query["type"], response["type"]) == ("UPDATE_QUERY", "UPDATE_RESPONSE")
        assert query["data"]["id"] == response["data"]["id"] and response["data"]["status"] == "NOERROR"
    query, response = [m for m in dnstap.read(tmp_path / "primary") if m["socket_protocol"] == "UDP"]
    assert query["data"]["QUESTION_SECTION"] == ["example.com. IN IXFR"]
    assert (query["type"], response["type"]) == BOTH and query["query_port"] == response["query_port"]
    assert response["query_zone"] == "example.com.", "dnstap-read has no words for the message itself, with its many SOAs"


def test_choice(start, tmp_path):
    server = start(tmp_path / "log", queries=False, updates=False)
    ask(server, "www.example.com")
    client.send_update(server, client.new_update("example.com"))
    server.stop()
    assert {m["type"] for m in dnstap.read(tmp_path / "log")} == {"AUTH_RESPONSE"}


def test_readers_come_and_go(start, tmp_path):
    path = str(tmp_path / "socket")
    server = start(f"unix:{path}")
    ask(server, "early.example.com")
    status = wait_dnstap(server, lambda s: s.get("problem") and s, "status says that nobody is there")
    assert not status["open"] and status["dropped"] == 0

    first = dnstap.Capture(tmp_path, path, "first").start()
    wait_dnstap(server, lambda s: s["open"] and s["problem"] is None, "the reader is found")
    ask(server, "first.example.com")
    requests = server.ctl("status")["requests"]
    written = 2 * (requests["udp"] + requests["tcp"])
    wait_for(lambda: first.count() == written, "it has read all of them")
    assert first.terminate() == 0
    messages = dnstap.read(first.path)
    assert len(dnstap.about(messages, "early.example.com", *BOTH)) == 2, "what came before was kept"
    assert len(dnstap.about(messages, "first.example.com", *BOTH)) == 2

    for i in range(3):
        ask(server, f"between{i}.example.com")
    wait_dnstap(server, lambda s: s["problem"], "the end of the reader is seen")
    second = dnstap.Capture(tmp_path, path, "second").start()
    wait_dnstap(server, lambda s: s["open"] and s["written"] > written, "the next reader is found")
    second.kill9()
    os.remove(path)
    ask(server, "gone.example.com")
    wait_dnstap(server, lambda s: s["problem"], "its end, too")
    third = dnstap.Capture(tmp_path, path, "third").start()
    wait_dnstap(server, lambda s: s["open"] and s["problem"] is None, "and so is a third")
    ask(server, "third.example.com")
    server.stop()
    assert third.terminate() == 0
    messages = dnstap.read(third.path)
    assert len(dnstap.about(messages, "gone.example.com", *BOTH)) == 2
    assert len(dnstap.about(messages, "third.example.com", *BOTH)) == 2, "the end of the server lost nothing"
    assert len(re.findall(r"warning: dnstap: unix:", server.log())) == 3, "each outage is told once"


def flood(server, count):
    """So many queries, all of them answered."""
    wire = bytearray(dns.message.make_query("www.example.com", "A").to_wire())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5 * PATIENCE)
        s.connect(("127.0.0.1", server.port))
        for start_ in range(0, count, 50):
            n = min(50, count - start_)
            for _ in range(n):
                s.send(wire)
            for _ in range(n):
                assert s.recv(512)[3] & 15 == 0


def metric(server, name):
    return int(re.search(rf"^{name} (\d+)$", server.ctl("metrics"), re.M)[1])


def test_reader_that_sleeps(start, tmp_path):
    path = str(tmp_path / "socket")
    sleeper = dnstap.Sleeper(path)
    try:
        server = start(f"unix:{path}")
        sleeper.greet()
        flood(server, 50000)
        wait_for(lambda: metric(server, "certns_dnstap_dropped_total") > 0, "messages are left out, and counted")
        wait_dnstap(server, lambda s: s["problem"] == "the reader does not read", "status tells why")
        server.wait_log("messages were left out")
        assert sleeper.count(20000) == 20000, "it wakes up"
        wait_dnstap(server, lambda s: s["problem"] is None, "and all is well")
        flood(server, 20000)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 60 * PATIENCE, "nobody waits for it"
    finally:
        sleeper.close()


def test_stranger_at_the_socket(start, tmp_path):
    """Who says nothing, and who says something else."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(10)
        listener.settimeout(30 * PATIENCE)
        server = start(f"unix:{path}")
        one, _ = listener.accept()
        one.sendall(b"220 mail.example.com ESMTP\r\n" * 20)
        wait_dnstap(server, lambda s: s["problem"], "this is not Frame Streams")
        other, _ = listener.accept()
        ask(server, "www.example.com")
        server.stop()
        one.close()
        other.close()


def test_rotation(start, tmp_path):
    path, moved = str(tmp_path / "log"), str(tmp_path / "log.1")
    server = start(path)
    ask(server, "one.example.com")
    os.rename(path, moved)
    server.ctl("reload")
    wait_for(lambda: os.path.exists(path), "a new file is there")
    ask(server, "two.example.com")
    server.stop()
    assert len(dnstap.about(dnstap.read(moved), "one.example.com", *BOTH)) == 2
    assert len(dnstap.about(dnstap.read(path), "two.example.com", *BOTH)) == 2

    server.start("example.com")
    ask(server, "three.example.com")
    os.rename(path, moved)
    with open(server.config_path, "a", encoding="utf-8") as f:
        f.write("nonsense: yes\n")
    server.ctl_text("reload", check=False)
    wait_for(lambda: os.path.exists(path), "a mistake in the configuration does not stop the rotation")
    server.stop()
    messages = dnstap.read(moved)
    assert dnstap.about(messages, "two.example.com"), "the file was continued"
    assert len(dnstap.about(messages + dnstap.read(path), "three.example.com", *BOTH)) == 2, "it is in one or the other"


def test_reload_turns_it_on_and_off(start, tmp_path):
    server = start(None)
    assert server.ctl("status")["dnstap"] is None
    ask(server, "unseen.example.com")
    set_dnstap(server, sink=str(tmp_path / "one"))
    wait_dnstap(server, lambda s: s.get("open"), "it is on")
    ask(server, "one.example.com")
    set_dnstap(server, sink=str(tmp_path / "two"), identity="other")
    wait_dnstap(server, lambda s: s.get("open") and s["sink"].endswith("two"), "it goes elsewhere")
    ask(server, "two.example.com")
    set_dnstap(server)
    wait_for(lambda: server.ctl("status")["dnstap"] is None, "it is off")
    ask(server, "unseen.example.com")
    wait_for(lambda: dnstap.about(dnstap.read(tmp_path / "two"), "two.example.com", "AUTH_RESPONSE"), "it is written")
    set_dnstap(server, sink=str(tmp_path / "two"))
    wait_dnstap(server, lambda s: s.get("open"), "it is on again")
    ask(server, "three.example.com")
    server.stop()
    one, two = dnstap.read(tmp_path / "one"), dnstap.read(tmp_path / "two")
    assert len(dnstap.about(one, "one.example.com", *BOTH)) == 2 and not dnstap.about(one, "two.example.com")
    assert len(dnstap.about(two, "two.example.com", *BOTH)) == 2 and len(dnstap.about(two, "three.example.com", *BOTH)) == 2
    assert dnstap.about(two, "two.example.com")[0]["identity"] == "other"
    assert not dnstap.about(one + two, "unseen.example.com")


def test_sink_that_cannot_be(start, tmp_path):
    """Whatever is wrong with it: zones are served, and status says what it is."""
    server = start(tmp_path / "missing" / "log")
    wait_dnstap(server, lambda s: s["problem"] == "No such file or directory", "status tells")
    ask(server, "www.example.com")
    (tmp_path / "missing").mkdir()
    wait_dnstap(server, lambda s: s["open"] and s["written"] > 0, "it is tried again")
    server.stop()
    assert len(dnstap.about(dnstap.read(tmp_path / "missing" / "log"), "www.example.com", *BOTH)) == 2

"""RFC 2136 updates, with nsupdate and with hand-made messages: the right rcode, all or nothing, one clear log line."""

import re
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import dns.rcode
import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import ALGORITHMS, Key
from lib.wait import stays, wait_for
from lib.zones import zone

EXTRA = """\
alias	CNAME	www
txt	TXT	"one"
	TXT	"two"
sub	NS	ns.sub
ns.sub	A	192.0.2.53
"""
OTHER = Key("client._update.example.net")


@pytest.fixture
def repo(tmp_path, key):
    return GitRepo(tmp_path / "git", {
        "example.com": zone(extra=EXTRA), "example.com._keys": key.dnskey(),
        "example.net": zone("example.net"), "example.net._keys": OTHER.dnskey()})


def content(server):
    """The whole zone but for the serial."""
    key = Key("client._update.example.com", secret=server.secret)
    text = client.dig(server, "axfr", "example.com", "-y", key.y(), "+noall", "+answer", "+onesoa")
    lines = [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith(";")]
    assert lines, "the transfer works"
    return sorted(line for line in lines if " SOA " not in line)


@pytest.fixture
def server(certnsd, repo, key):
    one = certnsd(git=repo).start("example.com", "example.net")
    one.secret = key.secret
    return one


def test_nsupdate_adds_and_deletes(server, key):
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.1\n"
                                 "update add new.example.com 300 A 192.0.2.2\nsend\n")
    assert client.look(server, "new.example.com", "A") == ["192.0.2.1", "192.0.2.2"]
    assert client.serial(server, "example.com") == 2, "one update, one serial"
    client.nsupdate(server, key, "update delete new.example.com A 192.0.2.1\nsend\n")
    assert client.look(server, "new.example.com", "A") == ["192.0.2.2"]
    client.nsupdate(server, key, "update add new.example.com 300 TXT hello\nupdate delete new.example.com A\nsend\n")
    assert client.look(server, "new.example.com", "A") == []
    assert client.look(server, "new.example.com", "TXT") == ['"hello"']
    client.nsupdate(server, key, "update delete new.example.com\nsend\n")
    assert client.rcode(client.ask(server, "new.example.com", "TXT")) == "NXDOMAIN"
    assert client.serial(server, "example.com") == 5


def test_what_changes_nothing_raises_nothing(server, key):
    client.nsupdate(server, key, "update delete none.example.com\nsend\n")
    client.nsupdate(server, key, "update delete www.example.com A 192.0.2.99\nsend\n")
    client.nsupdate(server, key, "update add www.example.com 3600 A 192.0.2.80\nsend\n")
    assert client.serial(server, "example.com") == 1


def test_the_last_ttl_is_the_rrsets(server, key):
    client.nsupdate(server, key, "update add www.example.com 60 A 192.0.2.81\nsend\n")
    response = client.ask(server, "www.example.com", "A")
    assert response.answer[0].ttl == 60 and len(response.answer[0]) == 2, "RFC 2181, section 5.2: one TTL"
    client.nsupdate(server, key, "update add www.example.com 90 A 192.0.2.81\nsend\n")
    assert client.ask(server, "www.example.com", "A").answer[0].ttl == 90, "RFC 2136, section 3.4.2.2: it is replaced"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm(certnsd, tmp_path, algorithm):
    key = Key("client._update.example.com", algorithm)
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": key.dnskey()})
    server = certnsd(git=repo).start("example.com")
    client.nsupdate(server, None, "update add new.example.com 300 A 192.0.2.1\nsend\n", arguments=["-y", key.y()])
    client.nsupdate(server, key, "update add new.example.com 300 A 192.0.2.2\nsend\n", arguments=["-v"])
    assert client.look(server, "new.example.com", "A") == ["192.0.2.1", "192.0.2.2"]
    if algorithm == "hmac-md5":
        server.wait_log(r"warning: .*md5")


# Each prerequisite of RFC 2136, section 2.4, with what holds and what does not.
PREREQUISITES = [
    ("an RRset exists", "yxrrset www.example.com A", "NOERROR"),
    ("it does not", "yxrrset www.example.com MX", "NXRRSET"),
    ("nor where there is no name", "yxrrset none.example.com A", "NXRRSET"),
    ("an RRset with these records", "yxrrset txt.example.com TXT one\nprereq yxrrset txt.example.com TXT two",
     "NOERROR"),
    ("one is missing", "yxrrset txt.example.com TXT one", "NXRRSET"),
    ("one is too many", "yxrrset txt.example.com TXT one\nprereq yxrrset txt.example.com TXT two\n"
                        "prereq yxrrset txt.example.com TXT three", "NXRRSET"),
    ("an RRset does not exist", "nxrrset www.example.com MX", "NOERROR"),
    ("it does", "nxrrset www.example.com A", "YXRRSET"),
    ("a name is in use", "yxdomain www.example.com", "NOERROR"),
    ("it is not", "yxdomain none.example.com", "NXDOMAIN"),
    ("an empty non-terminal is not in use", "yxdomain _tcp.example.com", "NXDOMAIN"),
    ("a name is not in use", "nxdomain none.example.com", "NOERROR"),
    ("it is", "nxdomain www.example.com", "YXDOMAIN"),
    ("letter case does not count", "yxrrset WWW.example.com A 192.0.2.80", "NOERROR"),
    ("outside of the zone", "yxdomain www.example.net", "NOTZONE"),
    ("several, and one fails", "yxdomain www.example.com\nprereq nxdomain alias.example.com", "YXDOMAIN"),
]


def test_prerequisites(server, key):
    before = content(server)
    for i, (why, text, rcode) in enumerate(PREREQUISITES):
        done = client.nsupdate(server, key, f"prereq {text}\nupdate add p{i}.example.com 300 A 192.0.2.1\nsend\n",
                               zone="example.com", check=False)
        if rcode == "NOERROR":
            assert done.returncode == 0, why + done.stderr
            assert client.look(server, f"p{i}.example.com", "A") == ["192.0.2.1"], why
            client.nsupdate(server, key, f"update delete p{i}.example.com\nsend\n")
        else:
            assert done.returncode != 0 and f"update failed: {rcode}" in done.stderr, why + done.stderr
            assert client.rcode(client.ask(server, f"p{i}.example.com", "A")) == "NXDOMAIN", why
    assert content(server) == before


def test_rules_of_the_soa_and_the_apex(server, key):
    def update(change):
        message = client.new_update("example.com.", key)
        change(message)
        return client.send_update(server, message)

    apex = "example.com."
    soa = "ns1.example.com. hostmaster.example.com. {} 7200 3600 1209600 300"
    assert update(lambda m: m.delete(apex)) == "NOERROR"
    assert client.look(server, apex, "NS") == ["ns1.example.com."], "RFC 2136, section 3.4.2.3: SOA and NS stay"
    assert update(lambda m: m.delete(apex, "SOA")) == "NOERROR"
    assert update(lambda m: m.delete(apex, "NS")) == "NOERROR"
    assert update(lambda m: m.delete(apex, "NS", "ns1.example.com.")) == "NOERROR"
    assert client.look(server, apex, "NS") == ["ns1.example.com."], "section 3.4.2.4: the last NS stays"
    assert client.serial(server, apex) == 1
    assert update(lambda m: m.add(apex, 3600, "SOA", soa.format(0))) == "NOERROR"
    assert client.serial(server, apex) == 1, "section 3.4.2.2: an older SOA is ignored"
    assert update(lambda m: m.add(apex, 3600, "SOA", soa.format(50))) == "NOERROR"
    assert client.serial(server, apex) == 50, "a newer one is taken, serial and all"
    assert update(lambda m: m.add("www.example.com.", 3600, "SOA", soa.format(60))) == "NOERROR"
    assert client.look(server, "www.example.com.", "SOA") == [], "an SOA belongs to the apex"
    assert update(lambda m: m.add(apex, 3600, "NS", "ns2.example.com.")) == "NOERROR"
    assert update(lambda m: m.delete(apex, "NS", "ns1.example.com.")) == "NOERROR"
    assert client.look(server, apex, "NS") == ["ns2.example.com."]
    assert update(lambda m: m.add(apex, 300, "MX", "10 www.example.com.")) == "NOERROR"
    assert update(lambda m: m.delete(apex)) == "NOERROR"
    assert client.look(server, apex, "MX") == []


def test_rules_of_cname(server, key):
    client.nsupdate(server, key, "update add alias.example.com 300 A 192.0.2.1\nsend\n")
    assert client.look(server, "alias.example.com", "CNAME") == ["www.example.com."]
    client.nsupdate(server, key, "update add www.example.com 300 CNAME alias.example.com\nsend\n")
    assert client.look(server, "www.example.com", "A") == ["192.0.2.80"], "RFC 2136, section 3.4.2.2: ignored"
    client.nsupdate(server, key, "update add alias.example.com 300 CNAME ns1.example.com\nsend\n")
    assert client.look(server, "alias.example.com", "CNAME") == ["ns1.example.com."], "a CNAME is replaced"
    client.nsupdate(server, key, "update delete www.example.com\n"
                                 "update add www.example.com 300 CNAME ns1.example.com\nsend\n")
    assert client.look(server, "www.example.com", "CNAME") == ["ns1.example.com."], "in order"


def test_all_or_nothing(server, key):
    before = content(server)
    message = client.new_update("example.com.", key)
    message.add("good.example.com.", 300, "A", "192.0.2.1")
    message.delete("txt.example.com.")
    message.add("www.example.net.", 300, "A", "192.0.2.1")
    assert client.send_update(server, message) == "NOTZONE"
    assert content(server) == before and client.serial(server, "example.com") == 1


def test_forms_that_are_none(server, key):
    """RFC 2136, section 3.4.1: the prescan."""
    before = content(server)

    def raw(rdclass, rdtype, ttl, rdata):
        """One RR in the update section, octet by octet, signed."""
        header = struct.pack("!HHHHHH", 4242, 0x2800, 1, 0, 1, 0)
        zone_section = b"\7example\3com\0" + struct.pack("!HH", 6, 1)
        rr = b"\3new\7example\3com\0" + struct.pack("!HHIH", rdtype, rdclass, ttl, len(rdata)) + rdata
        answer = client.raw_exchange(server, key.sign(header + zone_section + rr))
        return dns.rcode.to_text(answer[3] & 15)

    a, any_, none, address = 1, 255, 254, bytes([192, 0, 2, 1])
    assert raw(1, a, 300, address) == "NOERROR", "the helper itself works"
    client.nsupdate(server, key, "update delete new.example.com\nsend\n")
    assert raw(1, any_, 300, address) == "FORMERR", "adding type ANY"
    assert raw(1, 252, 300, address) == "FORMERR", "adding type AXFR"
    assert raw(1, a, 300, address[:3]) == "FORMERR", "an address of three octets"
    assert raw(any_, a, 300, b"") == "FORMERR", "deleting with a TTL"
    assert raw(any_, a, 0, address) == "FORMERR", "deleting an RRset with rdata"
    assert raw(any_, 252, 0, b"") == "FORMERR", "deleting type AXFR"
    assert raw(none, a, 300, address) == "FORMERR", "deleting an RR with a TTL"
    assert raw(none, any_, 0, address) == "FORMERR", "deleting an RR of type ANY"
    assert raw(3, a, 300, address) == "FORMERR", "class CH"
    assert content(server) == before


def test_the_zone_section(server, key):
    message = client.new_update("www.example.com.", key)
    message.add("x.www.example.com.", 300, "A", "192.0.2.1")
    assert client.send_update(server, message) == "NOTAUTH", "no zone begins there"
    message = client.new_update("example.org.", Key("client._update.example.com", secret=server.secret))
    message.add("x.example.org.", 300, "A", "192.0.2.1")
    assert client.send_update(server, message) in ("NOTAUTH", "REFUSED")


def expect_refusal(server, message, rcodes, log):
    """The rcode, nothing changed, and exactly one complaint in the log, which says why."""
    before = content(server)
    lines = len(server.log().splitlines())
    answer = client.raw_exchange(server, message.to_wire())
    assert dns.rcode.to_text(answer[3] & 15) in rcodes
    server.wait_log(log)
    # What is told of transfers and commits that went well may come late.
    new = [line for line in server.log().splitlines()[lines:] if re.search(r"^\S+ (warning|error): ", line)]
    assert content(server) == before and client.serial(server, "example.com") == 1
    assert len(new) == 1, new


def an_update(key, name="new.example.com."):
    message = client.new_update("example.com.", key)
    message.add(name, 300, "A", "192.0.2.1")
    return message


def test_unsigned_is_refused(server):
    expect_refusal(server, an_update(None), ["REFUSED"], r"(?i)update.*example\.com.*(unsigned|not signed|no TSIG)")


def test_a_wrong_secret(server, key):
    expect_refusal(server, an_update(Key(key.name)), ["NOTAUTH"], r"BADSIG")


def test_an_unknown_key(server):
    expect_refusal(server, an_update(Key("nobody._update.example.com")), ["NOTAUTH"], r"BADKEY")


def test_another_algorithm_than_the_keys(server, key):
    expect_refusal(server, an_update(Key(key.name, "hmac-sha512", key.secret)), ["NOTAUTH"], r"BADKEY")


def test_a_key_for_another_zone(server):
    expect_refusal(server, an_update(OTHER), ["REFUSED", "NOTAUTH"], r"client\._update\.example\.net")


def test_an_expired_time(server, key):
    unsigned = an_update(None).to_wire()
    before = content(server)
    for shift in -400, 400:
        answer = client.raw_exchange(server, key.sign(unsigned, time.time() + shift))
        assert answer[3] & 15 == dns.rcode.NOTAUTH, shift
    server.wait_log(r"BADTIME")
    assert content(server) == before
    answer = client.raw_exchange(server, key.sign(unsigned, time.time() - 200))
    assert answer[3] & 15 == dns.rcode.NOERROR, "within the fudge of 300 seconds a clock may be wrong"
    before = content(server)
    for shift in -400, 400:
        answer = client.raw_exchange(server, key.sign(an_update(None, "other.example.com.").to_wire(),
                                                      time.time() + shift, fudge=3600))
        assert answer[3] & 15 == dns.rcode.NOTAUTH, "a resend could not be told for so long"
    assert content(server) == before


def test_a_prerequisite_that_fails_is_logged(server, key):
    message = an_update(key)
    message.present("none.example.com.")
    expect_refusal(server, message, ["NXDOMAIN"], r"NXDOMAIN|prerequisite")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_the_same_request_again(server, key, tcp):
    """A resend, or a replay: the first answer again, and nothing changes (promise 1)."""
    message = client.new_update("example.com.", key)
    message.absent("new.example.com.")
    message.add("new.example.com.", 300, "A", "192.0.2.1")
    wire = message.to_wire()
    first = client.raw_exchange(server, wire, tcp=tcp)
    assert first[3] & 15 == dns.rcode.NOERROR
    client.nsupdate(server, key, "update delete new.example.com\nsend\n")
    after = client.serial(server, "example.com")
    for _ in range(3):
        again = client.raw_exchange(server, wire, tcp=tcp)
        assert again[3] & 15 == dns.rcode.NOERROR
        assert again[:2] == first[:2]
    assert client.serial(server, "example.com") == after
    assert client.look(server, "new.example.com", "A") == [], "the replay did not bring it back"

    message = client.new_update("example.com.", key)
    message.present("none.example.com.")
    message.add("none2.example.com.", 300, "A", "192.0.2.1")
    wire = message.to_wire()
    assert client.raw_exchange(server, wire, tcp=tcp)[3] & 15 == dns.rcode.NXDOMAIN
    client.nsupdate(server, key, "update add none.example.com 300 A 192.0.2.1\nsend\n")
    assert client.raw_exchange(server, wire, tcp=tcp)[3] & 15 == dns.rcode.NXDOMAIN, "also when it had failed"


def other_forms(wire):
    """The same signed request as a forwarder, or an attacker, can change it: what no MAC covers (RFC 8945, section 4.3)."""
    name = wire.rindex(b"\x06client\x07_update")
    mac = wire.index(b"\x0bhmac-sha256", name) + 13 + 6 + 2 + 2
    shorter = wire[:mac - 2] + b"\0\x10" + wire[mac:mac + 16] + wire[mac + 32:]
    size = mac - 2 - 6 - 2 - 13 - 2
    shorter = shorter[:size] + struct.pack("!H", struct.unpack("!H", wire[size:size + 2])[0] - 16) + shorter[size + 2:]
    yield "another ID", bytes([wire[0] ^ 1]) + wire[1:]
    yield "a key in capitals", wire[:name] + wire[name:name + 15].upper() + wire[name + 15:]
    yield "an algorithm in capitals", wire[:mac - 23] + wire[mac - 23:mac - 10].upper() + wire[mac - 10:]
    yield "half of the MAC", shorter


def done_and_undone(server, key):
    """An update whose record was taken away again, for those who send it once more; and the serial after that."""
    wire = an_update(key).to_wire()
    assert client.raw_exchange(server, wire)[3] & 15 == dns.rcode.NOERROR
    client.nsupdate(server, key, "update delete new.example.com\nsend\n")
    return wire, client.serial(server, "example.com")


def test_the_same_request_in_another_form(server, key):
    wire, after = done_and_undone(server, key)
    for words, changed in other_forms(wire):
        assert client.raw_exchange(server, changed)[3] & 15 == dns.rcode.NOERROR, words
        assert client.serial(server, "example.com") == after, words
        assert client.look(server, "new.example.com", "A") == [], words


def test_a_replay_after_a_restart(server, key):
    wire, after = done_and_undone(server, key)
    server.kill9()
    server.start("example.com")
    assert client.raw_exchange(server, wire)[3] & 15 == dns.rcode.NOERROR
    assert client.serial(server, "example.com") == after and client.look(server, "new.example.com", "A") == []


def test_many_updates_at_once(server, key):
    """Acknowledged in any order, and none is lost."""
    def one(i):
        message = client.new_update("example.com.", key)
        message.add(f"many{i}.example.com.", 300, "A", f"192.0.2.{i}")
        return client.send_update(server, message, tcp=i % 2 == 0)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(100))) == {"NOERROR"}
    assert client.serial(server, "example.com") == 101
    for i in range(100):
        assert client.look(server, f"many{i}.example.com", "A") == [f"192.0.2.{i}"]


def test_a_large_update_over_tcp(server, key):
    script = "".join(f"update add l{i}.example.com 300 TXT {'x' * 100}\n" for i in range(300)) + "send\n"
    client.nsupdate(server, key, script)
    assert client.look(server, "l299.example.com", "TXT") == ['"' + "x" * 100 + '"']
    assert client.serial(server, "example.com") == 2


def test_challenges_pass_and_are_not_written_back(server, key, repo):
    client.nsupdate(server, key, "update add _acme-challenge.www.example.com 60 TXT token\n"
                                 "update add lasting.example.com 60 TXT lasting\nsend\n")
    assert client.look(server, "_acme-challenge.www.example.com", "TXT") == ['"token"']
    wait_for(lambda: "lasting" in repo.read("example.com"), "the lasting record is in git")
    stays(lambda: "_acme-challenge" not in repo.read("example.com"), "challenges are not in git")


def test_a_frozen_zone(server, key, repo):
    """Commits change it, and nothing else, until it is thawed."""
    client.nsupdate(server, key, "update add before.example.com. 300 A 192.0.2.1\nsend\n")
    server.ctl("freeze", "example.com")
    assert "before" in repo.read("example.com"), "what waited has been pushed"
    assert server.zone("example.com")["state"] == "frozen"
    done = client.nsupdate(server, key, "update add now.example.com. 300 A 192.0.2.2\nsend\n", check=False)
    assert done.returncode == 2 and "REFUSED" in done.stderr + done.stdout
    server.wait_log("REFUSED: the zone is frozen")
    repo.edit("example.com", lambda text: text + "byhand 300 A 192.0.2.3\n")
    server.pull()
    wait_for(lambda: client.look(server, "byhand.example.com", "A") == ["192.0.2.3"], "the commit is served")
    server.ctl("thaw", "example.com")
    client.nsupdate(server, key, "update add now.example.com. 300 A 192.0.2.2\nsend\n")
    assert client.look(server, "now.example.com", "A") == ["192.0.2.2"]
    for verb, zone in ("thaw", "example.com"), ("freeze", "example.net"):
        assert not server.ctl(verb, zone, check=False)

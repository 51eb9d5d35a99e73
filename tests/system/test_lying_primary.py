"""Primaries that lie and break: each is named in the log, the last good version stays served, and nothing of a failed transfer
gets into the next one."""

import re
import struct
import time

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rrset
import pytest

from lib import client
from lib.fakeprimary import FakePrimary
from lib.keys import Key
from lib.wait import wait_for

KEY = Key("transfer.key")
GOOD = ["@ 300 NS ns1", "ns1 300 A 127.0.0.1", "www 300 A 192.0.2.80"]
IDLE_S, TIME_S, SIZE = 2, 6, 1 << 20


def soa(serial, retry=3600):
    return f"ns1.invalid. hostmaster.invalid. {serial} 3600 {retry} 86400 300"


def soa_rr(serial):
    return f"@ 300 SOA {soa(serial)}"


def whole(serial, *more):
    return [soa_rr(serial), *GOOD, *more, soa_rr(serial)]


def good(serial):
    """A well-behaved primary without differences."""
    def script(t):
        if t.is_ixfr:
            t.send(soa_rr(serial))
        else:
            t.send(*whole(serial, f"serial{serial} 300 A 192.0.2.{serial}"))
    return script


def full(script):
    """Differences are not to be had; the script is for the whole zone."""
    return lambda t: t.send(soa_rr(2)) if t.is_ixfr else script(t)


def begin(t, *more):
    t.send(soa_rr(2), *GOOD, "leak 300 A 192.0.2.66", *more)


def cut(t):
    begin(t)
    wire = t.message(["leak2 300 A 192.0.2.66"])
    t.connection.sendall(struct.pack("!H", len(wire)) + wire[:30])


def cut_in_the_length(t):
    begin(t)
    t.connection.sendall(b"\1")


def wrong_id(t):
    begin(t)

    def change(response):
        response.id ^= 1
    t.send(soa_rr(2), change=change)


def another_question(t):
    begin(t)

    def change(response):
        response.question[0].name = dns.name.from_text("other.invalid")
    t.send(soa_rr(2), change=change)


def unsigned_from_the_beginning(t):
    t.unsigned(*whole(2))


def unsigned_at_the_end(t):
    begin(t)
    t.unsigned(soa_rr(2))


def unsigned_for_too_long(t):
    begin(t)
    for i in range(120):
        t.unsigned(f"n{i} 300 A 192.0.2.66")
    t.send(soa_rr(2))


def bad_signature(t):
    begin(t)
    wire = bytearray(t.message(["leak2 300 A 192.0.2.66"]))
    wire[-10] ^= 1                  # in the MAC
    t.raw(bytes(wire))
    t.send(soa_rr(2))


def changed_content(t):
    wire = t.message(whole(2))
    t.raw(wire.replace(bytes([192, 0, 2, 80]), bytes([192, 0, 2, 81])))


def another_closing_soa(t):
    begin(t)
    t.send(soa_rr(3))


def serial_back(t):
    t.send(soa_rr(2) if t.is_ixfr else soa_rr(0), *([] if t.is_ixfr else [*GOOD, soa_rr(0)]))


def no_soa(t):
    t.send(*GOOD)


def records_behind_the_end(t):
    t.send(*whole(2), "leak 300 A 192.0.2.66")


def servfail_in_the_middle(t):
    begin(t)

    def change(response):
        response.set_rcode(dns.rcode.SERVFAIL)
    t.send(change=change)


def truncated(t):
    begin(t)

    def change(response):
        response.flags |= dns.flags.TC
    t.send(soa_rr(2), change=change)


def foreign_soa(t):
    begin(t, f"sub 300 SOA {soa(5)}")


def unsound(t):
    t.send(soa_rr(2), *GOOD, "www 300 CNAME ns1", soa_rr(2))


def endless(t):
    begin(t)
    i = 0
    while True:
        i += 1
        t.send(*(f"n{i}x{k} 300 TXT {'x' * 200}" for k in range(100)))


def endless_nothing(t):
    begin(t)
    while True:
        t.send()


def endless_drip(t):
    begin(t)
    while True:
        t.send("drip 300 A 192.0.2.66")
        time.sleep(0.2)


def silence(t):
    begin(t)
    time.sleep(60)


def silence_at_once(t):
    time.sleep(60)


def header(t, answers):
    """The head of a message that dnspython would not write; it is not signed."""
    return struct.pack("!HHHHHH", t.query.id, 0x8400, 0, answers, 0, 0)


def compression_bomb(t):
    """Owners of 255 octets, and NS names like them, of two octets each; 64 KiB of them, again and again."""
    begin(t)
    zone = dns.name.from_text(t.zone).to_wire()
    labels, room = b"", 254 - len(zone)
    while room > 1:
        n = min(63, room - 1)
        labels += bytes([n]) + b"b" * n
        room -= n + 1
    first = labels + zone + struct.pack("!HHIH", 2, 1, 300, 2) + b"\xc0\x0c"
    again = b"\xc0\x0c" + struct.pack("!HHIH", 2, 1, 300, 2) + b"\xc0\x0c"
    count = (65535 - 12 - len(first)) // len(again)
    while True:
        t.raw(header(t, count + 1) + first + again * count)


def compression_loop(t):
    begin(t)
    t.raw(header(t, 1) + b"\xc0\x0e\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + b"\1\2\3\4")


def cut_record(t):
    begin(t)
    t.raw(header(t, 5) + b"\1a\0" + struct.pack("!HHIH", 1, 1, 300, 400) + b"\1\2\3\4")


def another_class(t):
    begin(t)
    t.raw(header(t, 1) + dns.name.from_text("a." + t.zone).to_wire() + struct.pack("!HHIH", 1, 3, 300, 4) + b"\1\2\3\4")


def short_message(t):
    begin(t)
    t.raw(b"\0\1\2")


def steps(*records):
    """The answer to IXFR; whoever asks for the whole zone is refused."""
    def script(t):
        if not t.is_ixfr:
            def change(response):
                response.set_rcode(dns.rcode.REFUSED)
            t.send(change=change)
            return
        t.send(soa_rr(2), *records)
    return script


def endless_steps(t):
    if not t.is_ixfr:
        return
    t.send(soa_rr(4000000), soa_rr(1), soa_rr(2), soa_rr(2))
    for i in range(3, 3000000, 50):
        t.send(*(r for k in range(i, i + 50) for r in (soa_rr(k), soa_rr(k))))


def endless_removed(t):
    if not t.is_ixfr:
        return
    t.send(soa_rr(2), soa_rr(1))
    while True:
        t.send(*(f"n{k} 300 TXT {'x' * 200}" for k in range(100)))


# What the primary does; what the log says of it.
LIES = {
    "cut": (full(cut), "closed the connection in the middle"),
    "cut-length": (full(cut_in_the_length), "closed the connection in the middle"),
    "nothing": (lambda t: None, "closed the connection without an answer"),
    "wrong-id": (full(wrong_id), "does not answer the request"),
    "question": (full(another_question), "an answer to another question"),
    "unsigned": (unsigned_from_the_beginning, "not signed|no TSIG|unsigned"),
    "unsigned-end": (full(unsigned_at_the_end), "not signed|no TSIG|unsigned"),
    "unsigned-long": (full(unsigned_for_too_long), "signed|TSIG"),
    "bad-signature": (full(bad_signature), "BADSIG|MAC|signature"),
    "changed": (full(changed_content), "BADSIG|MAC|signature"),
    "closing-soa": (full(another_closing_soa), "the closing SOA has serial 3"),
    "serial-back": (serial_back, "serial 0, older than 1"),
    "no-soa": (full(no_soa), "does not begin with the zone's SOA"),
    "behind": (full(records_behind_the_end), "records behind the end"),
    "servfail": (full(servfail_in_the_middle), "answered SERVFAIL"),
    "truncated": (full(truncated), "a truncated message"),
    "foreign-soa": (full(foreign_soa), "an SOA record at sub"),
    "unsound": (full(unsound), "the zone is unsound: .*CNAME"),
    "endless": (full(endless), "larger than the 1048576 octets|took longer"),
    "endless-nothing": (full(endless_nothing), "larger than the 1048576 octets|took longer"),
    "endless-drip": (full(endless_drip), f"took longer than {TIME_S} s"),
    "silence": (full(silence), f"said nothing for {IDLE_S} s"),
    "silence-first": (silence_at_once, f"said nothing for {IDLE_S} s"),
    "bomb": (full(compression_bomb), "larger than the 1048576 octets"),
    "loop": (full(compression_loop), "record 5 is malformed|malformed"),
    "cut-record": (full(cut_record), "malformed"),
    "class": (full(another_class), "malformed"),
    "short": (full(short_message), "without a whole header"),
    "step-removes": (steps(soa_rr(1), "absent 300 A 192.0.2.1", soa_rr(2), soa_rr(2)), "removes what is not there"),
    "step-back": (steps(soa_rr(1), soa_rr(0), "leak 300 A 192.0.2.66", soa_rr(2)),
                  "from serial 1 to 0, which is not newer"),
    "step-chain": (steps(soa_rr(1), soa_rr(2), "leak 300 A 192.0.2.66", soa_rr(3)), "comes the SOA of serial 3"),
    "step-cut": (steps(soa_rr(1), "www 300 A 192.0.2.80", soa_rr(2), "leak 300 A 192.0.2.66"),
                 "closed the connection in the"),
    "endless-steps": (endless_steps, "larger than the 1048576 octets|took longer"),
    "endless-removed": (endless_removed, "larger than the 1048576 octets|took longer"),
}


def name_of(lie):
    return f"{lie}.example"


@pytest.fixture
def fake():
    one = FakePrimary(KEY)
    yield one
    one.close()


def notify_all(server, fake, serial):
    """Each zone has a new serial, and the secondary hears of it."""
    for lie in LIES:
        fake.soas[name_of(lie)] = soa(serial)
    for lie in LIES:
        client.exchange(server, client.opcode_notify(name_of(lie)))


@pytest.mark.first
def test_lies(certnsd, fake):
    server = certnsd(keys=[{"name": KEY.name, "algorithm": KEY.algorithm, "secret": KEY.secret}], server={
        "transfers-in": 50, "transfers-per-ns": 50, "max-transfer-idle-in": f"{IDLE_S}s",
        "max-transfer-time-in": f"{TIME_S}s"})
    for lie in LIES:
        server.zone_entry(name_of(lie), primaries=[f"{fake.address}@{fake.port} key {KEY.name}"], **{
            "allow-transfer": ["127.0.0.0/8"], "zone-max-size": SIZE})
        fake.scripts[name_of(lie)] = good(1)
        fake.soas[name_of(lie)] = soa(1)
    server.start(*map(name_of, LIES))

    for lie, (script, _) in LIES.items():
        fake.scripts[name_of(lie)] = script
    notify_all(server, fake, 2)

    def untold():
        log = server.log()
        return [lie for lie, (_, words) in LIES.items() if not re.search(rf"zone {name_of(lie)}: .*({words})", log)]

    def all_told():
        """A primary that drips, but is kept from it by all the others in this process, looks silent: it is asked again."""
        end = time.monotonic() + 2 * TIME_S
        while missing := untold():
            if time.monotonic() > end:
                for lie in missing:
                    client.exchange(server, client.opcode_notify(name_of(lie)))
                raise AssertionError(missing)
            time.sleep(0.1)
        return True

    wait_for(all_told, "the log names every lie")
    for lie in LIES:
        assert client.serial(server, name_of(lie)) == 1, lie
        assert client.look(server, f"serial1.{name_of(lie)}", "A") == ["192.0.2.1"], lie
        assert client.look(server, f"www.{name_of(lie)}", "A") == ["192.0.2.80"], lie
        assert server.zone(name_of(lie))["problem"], lie

    # The primary has come to its senses.
    for lie in LIES:
        fake.scripts[name_of(lie)] = good(3)
    notify_all(server, fake, 3)
    for lie in LIES:
        server.wait_serial(name_of(lie), 3)
        assert {name for name, *_ in client.transferred(server, name_of(lie))} == {
            dns.name.from_text(f"{label}{name_of(lie)}").to_wire() for label in ("", "ns1.", "www.", "serial3.")}, lie


def test_an_older_primary_is_passed_over(certnsd, fake):
    """The one that is asked first has lost something; another one has what is new."""
    older, zone = FakePrimary(KEY), "example.com"
    server = certnsd(keys=[{"name": KEY.name, "algorithm": KEY.algorithm, "secret": KEY.secret}])
    server.zone_entry(zone, primaries=[f"{one.address}@{one.port} key {KEY.name}" for one in (older, fake)])
    for one in (fake, older):
        one.scripts[zone], one.soas[zone] = good(2), soa(2)
    server.start(zone)
    older.scripts[zone], older.soas[zone] = good(1), soa(1)
    fake.scripts[zone], fake.soas[zone] = good(3), soa(3)
    client.exchange(server, client.opcode_notify(zone))
    server.wait_serial(zone, 3)
    assert "it has serial 1, older than 2 here" in server.log()
    older.close()


def test_a_primary_without_edns(certnsd, fake):
    """It says FORMERR to whatever has an OPT record, and is asked once more without."""
    zone = "example.com"
    server = certnsd(keys=[{"name": KEY.name, "algorithm": KEY.algorithm, "secret": KEY.secret}])
    server.zone_entry(zone, primaries=[f"{fake.address}@{fake.port} key {KEY.name}"])
    fake.knows_edns = False
    fake.scripts[zone], fake.soas[zone] = good(1), soa(1)
    server.start(zone)
    fake.scripts[zone], fake.soas[zone] = good(2), soa(2)
    client.exchange(server, client.opcode_notify(zone))
    server.wait_serial(zone, 2)
    assert "FORMERR" not in server.log()


def test_retransfer_goes_back_with_the_primary(certnsd, fake):
    """What an operator orders is done: the serial may be an older one."""
    zone = "example.com"
    server = certnsd(keys=[{"name": KEY.name, "algorithm": KEY.algorithm, "secret": KEY.secret}])
    server.zone_entry(zone, primaries=[f"{fake.address}@{fake.port} key {KEY.name}"])
    fake.scripts[zone], fake.soas[zone] = good(5), soa(5)
    server.start(zone)
    fake.scripts[zone], fake.soas[zone] = good(2), soa(2)
    server.ctl("retransfer", zone)
    server.wait_serial(zone, 2)
    assert client.look(server, f"serial5.{zone}", "A") == [] and client.look(server, f"serial2.{zone}", "A") == ["192.0.2.2"]
    server.kill9()
    server.start(zone)
    assert client.serial(server, zone) == 2


def test_history_that_was_left_is_not_sent(certnsd, fake):
    """After a way back to serial 2, what once led from there to 3 is not what leads there now."""
    zone = "example.com"
    server = certnsd(keys=[{"name": KEY.name, "algorithm": KEY.algorithm, "secret": KEY.secret}])
    server.zone_entry(zone, primaries=[f"{fake.address}@{fake.port} key {KEY.name}"],
                      **{"allow-transfer": ["127.0.0.0/8"]})
    fake.scripts[zone], fake.soas[zone] = good(2), soa(2)
    server.start(zone)

    def becomes(serial, label):
        fake.scripts[zone] = lambda t: t.send(soa_rr(serial)) if t.is_ixfr else t.send(*whole(serial, f"{label} 300 A 192.0.2.1"))
        fake.soas[zone] = soa(serial)
        server.ctl("retransfer", zone)
        wait_for(lambda: client.look(server, f"{label}.{zone}", "A"), f"{label} is there")

    def differences():
        query = dns.message.make_query(zone, "IXFR")
        query.authority.append(dns.rrset.from_text(zone + ".", 0, "IN", "SOA", ". . 2 0 0 0 0"))
        answer = dns.query.tcp(query, server.address, port=server.port, timeout=10, one_rr_per_rrset=True).answer
        return {rrset.name.to_text().split(".")[0] for rrset in answer} - {"example"}

    becomes(3, "old3")
    assert "old3" in differences()
    becomes(2, "other2")
    becomes(3, "new3")
    assert "old3" not in differences() and "new3" in differences()

"""certns-checkzone: what it says, and that it and BIND understand each other's zone files."""

import os
import subprocess

import pytest

from lib.certnsd import program

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
SOA = "$TTL 300\n@ SOA ns hostmaster 7 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\n"

# Types that BIND 9.18 does not know by name; it takes them as TYPEnnn.
NEWER = """\
dsync DSYNC CDS NOTIFY 5359 scanner.example.net.
resinfo RESINFO qnamemin exterr=15-17
wallet WALLET BTC bc1q
"""


def checkzone(*arguments, cwd=None):
    return subprocess.run([program("tools/certns-checkzone"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, cwd=cwd)


def compile_by_bind(source, into, form="text"):
    """The zone as BIND understands it, in canonical order and with absolute names."""
    run = subprocess.run(["named-compilezone", "-i", "none", "-k", "ignore", "-n", "ignore", "-q", "-f", form,
                          "-s", "full", "-o", str(into), "example.com", str(source)],
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return into.read_text()


def printed(origin, path):
    run = checkzone("--print", origin, path)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_bind_reads_what_we_print_as_it_reads_the_original(tmp_path):
    original = os.path.join(DATA, "every-type.zone")
    ours = tmp_path / "ours"
    ours.write_text(printed("example.com", original))
    assert compile_by_bind(ours, tmp_path / "a") == compile_by_bind(original, tmp_path / "b")


def test_we_read_what_bind_prints_as_we_read_the_original(tmp_path):
    original = os.path.join(DATA, "every-type.zone")
    bind = tmp_path / "bind"
    compile_by_bind(original, bind)
    assert printed("example.com", bind) == printed("example.com", original)


def test_every_type_that_bind_knows_is_there():
    with open(os.path.join(DATA, "every-type.zone"), encoding="utf-8") as file:
        words = file.read().split()
    known = """A NS CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP NSAP-PTR SIG KEY PX GPOS
        AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT A6 DNAME SINK APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID NSEC3
        NSEC3PARAM TLSA SMIMEA HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS SPF UINFO UID GID NID
        L32 L64 LP EUI48 EUI64 URI CAA AVC DOA AMTRELAY TA DLV KEYDATA""".split()
    assert [name for name in known if name not in words] == []


def test_types_that_bind_does_not_know_go_to_it_by_number(tmp_path):
    (tmp_path / "zone").write_text(SOA + NEWER)
    once = printed("example.com", tmp_path / "zone")
    (tmp_path / "again").write_text(once)
    assert printed("example.com", tmp_path / "again") == once
    assert "DSYNC   CDS 1 5359 scanner.example.net." in once


def test_a_sound_zone_gives_a_summary(tmp_path):
    (tmp_path / "zone").write_text(SOA)
    run = checkzone("example.com", tmp_path / "zone")
    assert run.returncode == 0
    assert run.stdout == "zone example.com serial 7: 3 records at 2 names, 0 warnings\n"
    assert run.stderr == ""
    assert checkzone("-q", "example.com.", tmp_path / "zone").stdout == ""


def test_an_unsound_zone_names_the_places(tmp_path):
    (tmp_path / "zone").write_text(SOA + "a A 192.0.2\nb MX mail\n")
    run = checkzone("example.com", "zone", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.splitlines() == [
        "zone:5:5: error: A: expected an IPv4 address, found '192.0.2'",
        "zone:6:6: error: MX: expected a number from 0 to 65535, found 'mail'",
    ]


def test_a_warning_leaves_the_zone_sound(tmp_path):
    (tmp_path / "zone").write_text(SOA + "www.example.net. A 192.0.2.1\n")
    run = checkzone("example.com", "zone", cwd=tmp_path)
    assert run.returncode == 0
    assert run.stdout.endswith("1 warning\n")
    assert run.stderr == \
        "zone:5:1: warning: www.example.net. lies outside of the zone example.com. and is passed over\n"


def test_includes_are_looked_up_beside_the_file_and_not_above_it(tmp_path):
    (tmp_path / "secret").write_text("x A 192.0.2.9\n")
    zones = tmp_path / "zones"
    (zones / "sub").mkdir(parents=True)
    (zones / "sub" / "hosts").write_text("www A 192.0.2.2\nbad A x\n")
    (zones / "link").symlink_to(tmp_path / "secret")
    (zones / "zone").write_text(SOA + "$INCLUDE sub/hosts\n$INCLUDE ../secret\n$INCLUDE link\n")
    run = checkzone("example.com", zones / "zone", cwd=tmp_path)
    assert run.returncode == 1
    lines = run.stderr.splitlines()
    assert lines[0] == "sub/hosts:2:7: error: A: expected an IPv4 address, found 'x'"
    assert lines[1].startswith(f"{zones}/zone:6:10: error: cannot include ../secret: ") and "lies outside" in lines[1]
    assert lines[2].startswith(f"{zones}/zone:7:10: error: cannot include link: ") and "lies outside" in lines[2]
    assert len(lines) == 3


@pytest.mark.parametrize("arguments", [[], ["example.com"], ["a..b", "/dev/null"], ["--no-such-option", "a", "b"]])
def test_a_wrong_command_line_ends_with_2(arguments):
    assert checkzone(*arguments).returncode == 2


def test_a_missing_file_ends_with_1(tmp_path):
    run = checkzone("example.com", tmp_path / "none")
    assert run.returncode == 1
    assert "none" in run.stderr

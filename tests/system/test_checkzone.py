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


@pytest.mark.parametrize("name", ["every-type.zone", "odd-forms.zone"])
def test_bind_reads_what_we_print_as_it_reads_the_original(tmp_path, name):
    original = os.path.join(DATA, name)
    ours = tmp_path / "ours"
    ours.write_text(printed("example.com", original))
    assert compile_by_bind(ours, tmp_path / "a") == compile_by_bind(original, tmp_path / "b")


@pytest.mark.parametrize("name", ["every-type.zone", "odd-forms.zone"])
def test_we_read_what_bind_prints_as_we_read_the_original(tmp_path, name):
    original = os.path.join(DATA, name)
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


PLACES = [
    ("a CNAME and an address", "a A 192.0.2.1\na CNAME b\n",
     ["zone:6:1: error: CNAME beside A at a.example.com., see zone:5:1"]),
    ("a CNAME that comes first", "a CNAME b\na A 192.0.2.1\n",
     ["zone:5:1: error: CNAME beside A at a.example.com., see zone:6:1"]),
    ("two CNAMEs, one without an owner of its own", "a\tCNAME b\n\tCNAME c\n",
     ["zone:6:2: error: a second CNAME at a.example.com., see zone:5:1"]),
    ("data below a DNAME that comes later", "x.d A 192.0.2.1\n@ MX 0 .\nd DNAME example.net.\n",
     ["zone:5:1: error: x.d.example.com. lies below a DNAME, that of d.example.com., see zone:7:1"]),
    ("data below a cut", "sub NS ns\nx.sub TXT x\n",
     ["zone:6:1: warning: x.sub.example.com. TXT is hidden by the delegation of sub.example.com. and is no glue, "
      "see zone:5:1"]),
    ("a second SOA over several lines", "@ SOA ns h (\n 8 7200 3600\n 604800 300 )\n",
     ["zone:5:1: error: a second SOA: a zone has one, see zone:2:1"]),
    ("mail to an alias", "@ MX 5 m\nm CNAME ns\n",
     ["zone:5:1: warning: MX points to m.example.com., which is a CNAME, see zone:6:1"]),
    ("a record twice, and other TTLs", "a 60 A 192.0.2.1\nb TXT x\na 90 A 192.0.2.1\n",
     ["zone:7:1: warning: a.example.com. A is there twice, see zone:5:1",
      "zone:7:1: warning: the TTLs of a.example.com. A differ (60 and 90): the smallest is served, see zone:5:1"]),
    ("findings in the order of the file", "z MX 5 y\nb MX 5 a\n",
     ["zone:5:1: warning: MX points to y.example.com., which has no address",
      "zone:6:1: warning: MX points to a.example.com., which has no address"]),
    ("missing glue", "sub NS ns.sub\n",
     ["zone:5:1: warning: NS points to ns.sub.example.com., which has no address: the delegation needs it as glue"]),
    ("a name that is too long", "a." + ".".join(["b" * 60] * 4) + " A 192.0.2.1\n",
     ["zone:5:1: error: expected a domain name of at most 255 octets with labels of at most 63, found "]),
    ("a label that is too long", "  TXT x\nc CNAME " + "b" * 64 + "\n",
     ["zone:6:9: error: CNAME: expected a domain name"]),
    ("a string that is too long", "a TXT x " + "y" * 256 + "\n",
     ["zone:5:9: error: TXT: expected a string of at most 255 octets"]),
    ("CAA", "@ CAA 0 issue \"ca.example; x\"\n",
     ["zone:5:1: warning: example.com. CAA: a parameter is no 'name=value'"]),
    ("the conflict over two files", "$INCLUDE hosts\na CNAME b\n$INCLUDE hosts2\n",
     ["zone:6:1: error: CNAME beside A at a.example.com., see hosts:2:1",
      "hosts2:1:1: warning: MX points to none.example.com., which has no address"]),
]


@pytest.mark.parametrize("why, text, findings", PLACES, ids=[row[0] for row in PLACES])
def test_places(tmp_path, why, text, findings):
    (tmp_path / "zone").write_text("$TTL 300\n@ SOA ns hostmaster 7 7200 3600 604800 300\n@ NS ns\nns A 192.0.2.1\n" + text)
    (tmp_path / "hosts").write_text("; included\na A 192.0.2.1\n")
    (tmp_path / "hosts2").write_text("c MX 5 none\n")
    run = checkzone("example.com", "zone", cwd=tmp_path)
    found = run.stderr.splitlines()
    assert [line[:len(words)] for line, words in zip(found, findings)] == findings, why
    assert len(found) == len(findings) and (run.returncode == 1) == any(" error: " in line for line in findings), why
    strict = checkzone("--strict", "example.com", "zone", cwd=tmp_path)
    assert strict.returncode == 1 and strict.stdout == ""


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

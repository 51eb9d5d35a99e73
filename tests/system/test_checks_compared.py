"""The verdicts of our checks beside those of BIND, NSD and Knot DNS on the same zones.

Each row says what each of them makes of a zone: ok, tells (a warning; the zone is loaded), or refuses.  Ours is chosen to be that of the
others, but for one rule: nothing is refused that a DNS UPDATE may bring about, since what was served must be loaded
again.  So where they refuse a missing address, we tell of it.  The opinions of the others are those of the releases below; others of
theirs are not compared."""

import functools
import re
import shutil
import subprocess

import pytest

from lib.certnsd import program

pytestmark = pytest.mark.once

HEAD = "$TTL 300\n@ SOA ns hostmaster 7 7200 3600 604800 300\n@ NS ns\nns A 192.0.2.1\n"
SOA = "$TTL 300\n@ SOA ns hostmaster 7 7200 3600 604800 300\n"
DIGEST = "0123456789abcdef" * 4

# what it is, the zone, ours, BIND's, NSD's, Knot's
ROWS = [
    ("a sound zone", HEAD,
     "ok", "ok", "ok", "ok"),
    ("no SOA", "$TTL 300\n@ NS ns\nns A 192.0.2.1\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("no NS", SOA + "ns A 192.0.2.1\n",
     "refuses", "refuses", "ok", "tells"),
    ("two SOAs", HEAD + "@ SOA ns hostmaster 8 7200 3600 604800 300\n",
     "refuses", "refuses", "refuses", "ok"),
    ("an SOA below the apex", HEAD + "a SOA ns hostmaster 8 7200 3600 604800 300\n",
     "refuses", "refuses", "refuses", "ok"),
    ("a name server without address", SOA + "@ NS ns\n",
     "tells", "refuses", "ok", "tells"),
    ("a name server that is a CNAME", HEAD + "@ NS c\nc CNAME ns\n",
     "tells", "refuses", "ok", "tells"),
    ("a name server below a DNAME", HEAD + "@ NS x.d\nd DNAME example.net.\n",
     "tells", "refuses", "ok", "tells"),
    ("a delegation without glue", HEAD + "sub NS ns.sub\n",
     "tells", "tells", "ok", "tells"),
    ("a delegation with glue", HEAD + "sub NS ns.sub\nns.sub A 192.0.2.2\n",
     "ok", "ok", "ok", "ok"),
    ("a delegation to a sibling without address", HEAD + "sub NS ns.other\n",
     "tells", "tells", "ok", "tells"),
    ("glue that nobody needs", HEAD + "sub NS ns\nx.sub A 192.0.2.2\n",
     "tells", "ok", "ok", "ok"),
    ("data below a delegation", HEAD + "sub NS ns\nx.sub TXT x\n",
     "tells", "ok", "ok", "ok"),
    ("data at a delegation", HEAD + "sub NS ns\nsub TXT x\n",
     "tells", "ok", "ok", "ok"),
    ("mail to a name without address", HEAD + "@ MX 10 mail\n",
     "tells", "tells", "ok", "ok"),
    ("mail to a CNAME", HEAD + "@ MX 10 mail\nmail CNAME ns\n",
     "tells", "tells", "ok", "ok"),
    ("mail to an address", HEAD + "@ MX 10 192.0.2.1\n",
     "tells", "tells", "ok", "ok"),
    ("a service at a name without address", HEAD + "_s._tcp SRV 0 0 1 s\n",
     "tells", "tells", "ok", "ok"),
    ("a service at a CNAME", HEAD + "_s._tcp SRV 0 0 1 s\ns CNAME ns\n",
     "tells", "tells", "ok", "ok"),
    ("a CNAME beside an address", HEAD + "a CNAME ns\na A 192.0.2.2\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("a CNAME at the apex", HEAD + "@ CNAME example.net.\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("two CNAMEs", HEAD + "a CNAME ns\na CNAME b\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("a CNAME twice, the same", HEAD + "a CNAME ns\na CNAME ns\n",
     "tells", "ok", "ok", "ok"),
    ("a CNAME to nothing", HEAD + "a CNAME b\n",
     "ok", "ok", "ok", "ok"),
    ("a CNAME beside its NSEC", HEAD + "a CNAME ns\na NSEC ns CNAME NSEC\n",
     "ok", "ok", "ok", "ok"),
    ("data below a DNAME", HEAD + "d DNAME example.net.\nx.d A 192.0.2.2\n",
     "refuses", "ok", "refuses", "refuses"),
    ("two DNAMEs", HEAD + "d DNAME example.net.\nd DNAME example.org.\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("a DNAME beside a CNAME", HEAD + "d DNAME example.net.\nd CNAME ns\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("a DNAME beside NS", HEAD + "d DNAME example.net.\nd NS ns\n",
     "refuses", "ok", "ok", "refuses"),
    ("a DNAME at the apex", SOA + "@ NS ns.example.net.\n@ DNAME example.org.\n",
     "ok", "ok", "ok", "ok"),
    ("a record twice", HEAD + "a A 192.0.2.2\na A 192.0.2.2\n",
     "tells", "ok", "ok", "ok"),
    ("TTLs that differ", HEAD + "a 60 A 192.0.2.2\na 90 A 192.0.2.3\n",
     "tells", "tells", "tells", "ok"),
    ("a name out of the zone", HEAD + "www.example.net. A 192.0.2.2\n",
     "tells", "tells", "refuses", "tells"),
    ("NS at a wildcard", HEAD + "* NS ns\n",
     "tells", "refuses", "ok", "ok"),
    ("a DNAME at a wildcard", HEAD + "* DNAME example.net.\n",
     "ok", "ok", "ok", "ok"),
    ("DS without NS", HEAD + "a DS 1 8 2 " + DIGEST + "\n",
     "tells", "ok", "ok", "ok"),
    ("DS at the apex", HEAD + "@ DS 1 8 2 " + DIGEST + "\n",
     "tells", "refuses", "ok", "ok"),
    ("a label of 64 octets", HEAD + "a" * 64 + " A 192.0.2.2\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("a name of more than 255 octets", HEAD + ".".join(["a" * 60] * 5) + " A 192.0.2.2\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("a string of 256 octets", HEAD + "a TXT " + "x" * 256 + "\n",
     "refuses", "refuses", "refuses", "ok"),
    ("a string of 255 octets", HEAD + "a TXT " + "x" * 255 + "\n",
     "ok", "ok", "ok", "ok"),
    ("OPT", HEAD + "a TYPE41 \\# 0\n",
     "refuses", "refuses", "ok", "ok"),
    ("a URI of nothing", HEAD + "a URI 1 2 \"\"\n",
     "tells", "ok", "ok", "ok"),
    ("a carriage return within a line", HEAD + "a TXT b\rc TXT d\n",
     "refuses", "ok", "ok", "refuses"),
    ("a CAA tag that nobody knows", HEAD + "@ CAA 0 isue ca.example\n",
     "tells", "ok", "ok", "ok"),
    ("CAA flags that mean nothing", HEAD + "@ CAA 1 issue ca.example\n",
     "tells", "ok", "ok", "ok"),
    ("a CAA tag with a hyphen", HEAD + "@ CAA 0 is-sue ca.example\n",
     "refuses", "refuses", "refuses", "ok"),
    ("a TLSA digest that is too short", HEAD + "_443._tcp TLSA 3 1 1 0123\n",
     "tells", "ok", "ok", "ok"),
    ("a TLSA certificate request as we keep it", HEAD + "_letsencrypt._tcp TLSA 3 255 0 3082\n",
     "ok", "ok", "ok", "ok"),
    ("mandatory keys that are not there", HEAD + "a SVCB 1 ns mandatory=port alpn=h2\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("SVCB keys twice", HEAD + "a SVCB 1 ns port=1 port=2\n",
     "refuses", "refuses", "refuses", "refuses"),
    ("no-default-alpn without alpn", HEAD + "a SVCB 1 ns no-default-alpn\n",
     "refuses", "refuses", "ok", "ok"),
    ("parameters of an SVCB alias", HEAD + "a SVCB 0 ns alpn=h2\n",
     "tells", "ok", "ok", "ok"),
    ("two SVCB aliases", HEAD + "a SVCB 0 ns\na SVCB 0 example.net.\n",
     "tells", "ok", "ok", "ok"),
    ("a DNS server's SVCB without alpn", HEAD + "_dns.ns SVCB 1 ns\n",
     "tells", "ok", "ok", "ok"),
    ("a retry longer than the refresh", "$TTL 300\n@ SOA ns hostmaster 7 3600 7200 604800 300\n@ NS ns\nns A 192.0.2.1\n",
     "tells", "ok", "ok", "ok"),
    ("a short expire", "$TTL 300\n@ SOA ns hostmaster 7 3600 900 1800 300\n@ NS ns\nns A 192.0.2.1\n",
     "tells", "ok", "ok", "ok"),
    ("a TTL beyond 2147483647", HEAD + "a 2147483648 A 192.0.2.2\n",
     "refuses", "tells", "ok", "ok"),
    ("no TTL anywhere", "@ SOA ns hostmaster 7 7200 3600 604800 300\n@ NS ns\nns A 192.0.2.1\n",
     "ok", "tells", "ok", "ok"),
    ("an address of five numbers", HEAD + "a A 192.0.2.1.1\n",
     "refuses", "refuses", "refuses", "refuses"),
]

RELEASES = {"named-checkzone": ("-v", r"^9\.18\."), "nsd": ("-v", r"version 4\.6\."),
            "knotc": ("--version", r"\b3\.2\.")}


@functools.lru_cache(None)
def is_known(tool):
    option, pattern = RELEASES[tool]
    return shutil.which(tool) is not None and re.search(pattern, run(tool, option, cwd=None)[1]) is not None


def run(*command, cwd):
    done = subprocess.run([str(a) for a in command], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def verdict(status, told):
    return "refuses" if status != 0 else "tells" if told else "ok"


def ours(directory):
    status, out = run(program("tools/certns-checkzone"), "-q", "example.com", "zone", cwd=directory)
    return verdict(status, out != "")


def bind(directory):
    status, out = run("named-checkzone", "-i", "local", "example.com", "zone", cwd=directory)
    told = [line for line in out.splitlines() if line != "OK" and not line.endswith("loaded serial 7")]
    return verdict(status, told)


def nsd(directory):
    status, out = run("nsd-checkzone", "example.com", "zone", cwd=directory)
    return verdict(status, "error:" in out or "warning:" in out)


def knot(directory):
    (directory / "db").mkdir(exist_ok=True)
    (directory / "knot.conf").write_text(f'''server:
    rundir: "{directory}"
database:
    storage: "{directory}/db"
zone:
  - domain: example.com
    file: "{directory}/zone"
    semantic-checks: on
''')
    status, out = run("knotc", "-c", "knot.conf", "zone-check", "example.com", cwd=directory)
    return verdict(status, re.search("error|warning", out))


@pytest.mark.parametrize("why, text, us, by_bind, by_nsd, by_knot", ROWS, ids=[row[0] for row in ROWS])
def test_verdicts(tmp_path, why, text, us, by_bind, by_nsd, by_knot):
    (tmp_path / "zone").write_text(text)
    assert ours(tmp_path) == us, why
    for tool, judge, expected in ("named-checkzone", bind, by_bind), ("nsd", nsd, by_nsd), ("knotc", knot, by_knot):
        if is_known(tool):
            assert judge(tmp_path) == expected, f"{tool}: {why}"

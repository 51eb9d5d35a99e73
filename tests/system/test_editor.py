"""What comes back to git is what a person would have written: `git diff` shows the lines of the change and nothing else."""

import pytest

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.zones import zone

HANDMADE = """\
; example.com -- kept by hand, please keep it tidy
$ORIGIN example.com.
$TTL 1h
@               IN SOA  ns1 hostmaster (
                        2024010109      ; serial
                        2h 1h 2w 5m )
                IN NS   ns1
                IN MX   10 mail         ; no second one

; ---- machines -------------------------------------
ns1             IN A    127.0.0.1
www             IN A    192.0.2.80      ; the web server
                IN AAAA 2001:db8::80
mail            IN A    192.0.2.25
host9           IN A    192.0.2.9

; ---- aliases --------------------------------------
ftp             IN CNAME www            ; for old times' sake
_dmarc          IN TXT  ( "v=DMARC1; "  ; see RFC 7489
                          "p=none" )
$INCLUDE parts/lab
"""

LAB = """\
; the lab has its own file
$ORIGIN lab.example.com.
a\tA\t192.0.2.101\t; bench
b\tA\t192.0.2.102
\tTXT\t"second bench"
"""


@pytest.fixture
def repo(tmp_path, key):
    return GitRepo(tmp_path / "git", {"example.com": HANDMADE, "parts/lab": LAB, "example.com._keys": key.dnskey()})


def update(server, key, *lines):
    client.nsupdate(server, key, "".join(f"update {line}\n" for line in lines) + "send\n")
    server.ctl("push")


def changed(repo, form="--unified=0"):
    """file -> the lines that the newest commit changed in it, with + and -."""
    files, name = {}, None
    for line in repo.git("show", "--format=", "--text", form, "main", cwd=repo.bare).splitlines():
        if line.startswith("+++ "):
            name = line[len("+++ b/"):]
            files[name] = []
        elif line[:1] in "+-" and not line.startswith("--- "):
            files[name].append(line)
    return files


def serial(old, new):
    return [f"-                        {old}      ; serial", f"+                        {new}      ; serial"]


@pytest.mark.parametrize("lines, expected", [
    (["delete www.example.com A", "add www.example.com 3600 A 192.0.2.81"],
     ["-www             IN A    192.0.2.80      ; the web server",
      "+www             IN A    192.0.2.81      ; the web server"]),
    (["delete www.example.com A"],
     ["-www             IN A    192.0.2.80      ; the web server",
      "-                IN AAAA 2001:db8::80",
      "+www             IN AAAA 2001:db8::80"]),
    (["add host10.example.com 3600 A 192.0.2.10", "add host10.example.com 3600 AAAA 2001:db8::10"],
     ["+host10          IN A    192.0.2.10",
      "+                IN AAAA 2001:db8::10"]),
    (["add example.com 3600 MX 20 mx.example.net."],
     ["+                IN MX   20 mx.example.net."]),
    (["delete _dmarc.example.com TXT", 'add _dmarc.example.com 3600 TXT "v=DMARC1; " "p=reject"'],
     ['-                          "p=none" )',
      '+                          "p=reject" )']),
    (["add pop.example.com 3600 CNAME mail.example.com."],
     ["+pop             IN CNAME mail"]),
    (["delete ftp.example.com CNAME", "add ftp.example.com 3600 A 192.0.2.21"],
     ["-ftp             IN CNAME www            ; for old times' sake",
      "+ftp             IN A    192.0.2.21"]),
], ids=["an address", "the first of a group", "a new host", "beside its kind", "one string", "an alias", "another type"])
def test_the_diff_of_an_update(certnsd, repo, key, lines, expected):
    server = certnsd(git=repo).start("example.com")
    update(server, key, *lines)
    assert changed(repo) == {"example.com": serial(2024010109, 2024010110) + expected}


def test_changes_go_to_the_file_that_holds_the_record(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    update(server, key, "delete b.lab.example.com A", "add c.lab.example.com 3600 A 192.0.2.103",
           "delete a.lab.example.com A", "add a.lab.example.com 3600 A 192.0.2.111")
    assert changed(repo) == {
        "example.com": serial(2024010109, 2024010110),
        "parts/lab": ["-a\tA\t192.0.2.101\t; bench", "-b\tA\t192.0.2.102", "-\tTXT\t\"second bench\"",
                      "+a\tA\t192.0.2.111\t; bench", "+b\tTXT\t\"second bench\"", "+c\tA\t192.0.2.103"],
    }
    assert client.look(server, "c.lab.example.com", "A") == ["192.0.2.103"]


def test_a_change_and_its_opposite_leave_only_the_serial(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    for lines in (["add x.example.com 3600 TXT one", "add www.example.com 60 A 192.0.2.90"],
                  ["delete x.example.com TXT", "delete www.example.com A", "add www.example.com 3600 A 192.0.2.80"]):
        update(server, key, *lines)
    first = repo.git("rev-list", "--max-parents=0", "main", cwd=repo.bare).strip()
    diff = repo.git("diff", "--unified=0", first, "main", "--", "example.com", cwd=repo.bare)
    text = [line for line in diff.splitlines() if line[:1] in "+-" and not line.startswith(("+++", "---"))]
    assert text == serial(2024010109, 2024010111)


def test_a_person_edits_in_between(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    update(server, key, "add host10.example.com 3600 A 192.0.2.10")
    repo.edit("example.com", lambda t: t.replace("; ---- aliases", "host11          IN A    192.0.2.11 ; by hand\n\n; ---- aliases")
              .replace("please keep it tidy", "and by certns"))
    server.pull()
    assert client.look(server, "host11.example.com", "A") == ["192.0.2.11"]
    server.ctl("push")
    before = repo.read("example.com")
    update(server, key, "add host12.example.com 3600 A 192.0.2.12")
    after = repo.read("example.com")
    assert "; example.com -- kept by hand, and by certns\n" in after
    assert "host11          IN A    192.0.2.11 ; by hand\nhost12          IN A    192.0.2.12\n\n; ---- aliases" in after
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert client.look(server, "host10.example.com", "A") == ["192.0.2.10"]


def test_several_zones_in_one_repository(certnsd, repo, key):
    other = Key("client._update.example.org")
    repo.commit({"example.org": zone("example.org", serial=5), "example.org._keys": other.dnskey(),
                 "example.net": zone("example.net", serial=6)})
    server = certnsd(git=repo).start("example.com", "example.org", "example.net")
    untouched = repo.read("example.net")
    update(server, other, "add mail.example.org 3600 A 192.0.2.25")
    assert changed(repo) == {"example.org": [
        "-@\tSOA\tns1 hostmaster ( 5\t; serial", "+@\tSOA\tns1 hostmaster ( 6\t; serial", "+mail\tA\t192.0.2.25"]}
    update(server, key, "delete _dmarc.example.com TXT")
    assert changed(repo) == {"example.com": serial(2024010109, 2024010110) + [
        "-_dmarc          IN TXT  ( \"v=DMARC1; \"  ; see RFC 7489", "-                          \"p=none\" )"]}
    assert repo.read("example.net") == untouched


def test_line_ends_of_another_system(certnsd, repo, key):
    repo.commit({"example.com": HANDMADE.replace("\n", "\r\n")})
    server = certnsd(git=repo).start("example.com")
    update(server, key, "add host10.example.com 3600 A 192.0.2.10")
    text = repo.git("cat-file", "blob", "main:example.com", cwd=repo.bare)
    assert "host10          IN A    192.0.2.10\n" in text.replace("\r\n", "\n")
    raw = repo.git("show", "--format=", "--numstat", "main", cwd=repo.bare).split()
    assert raw[:3] == ["2", "1", "example.com"], "two lines come, one goes"


def test_a_file_that_other_zones_include_is_not_changed_for_one_of_them(certnsd, repo, key):
    shared = "; for all zones\n@ CAA 0 issue \"ca.example.net\"\n@ TXT both\n"
    repo.commit({"parts/all": shared, "example.net": zone("example.net", extra="$INCLUDE parts/all\n"),
                 "example.com": HANDMADE + "$INCLUDE parts/all\n"})
    server = certnsd(git=repo).start("example.com", "example.net")
    update(server, key, "add example.com 3600 CAA 0 iodef \"mailto:h@example.com\"")
    assert changed(repo) == {"example.com": serial(2024010109, 2024010110) + [
        "+                IN CAA  0 iodef \"mailto:h@example.com\""]}
    update(server, key, "delete example.com TXT")
    assert changed(repo) == {"example.com": serial(2024010110, 2024010111) + [
        "-$INCLUDE parts/all", "+; $INCLUDE parts/all", "+; for all zones", "+@ CAA 0 issue \"ca.example.net\""]}
    assert repo.read("parts/all") == shared
    assert client.look(server, "example.net", "TXT") == ['"both"']
    assert client.look(server, "example.com", "TXT") == []
    update(server, key, "delete example.com CAA", "add gone.example.com 3600 A 192.0.2.1")
    assert changed(repo)["example.com"][2:] == [
        "-                IN CAA  0 iodef \"mailto:h@example.com\"", "+gone            IN A    192.0.2.1",
        "-@ CAA 0 issue \"ca.example.net\""]


def test_what_cannot_be_edited_is_written_anew(certnsd, repo, key):
    repo.commit({"example.com": HANDMADE.replace("parts/lab", "parts/both"),
                 "parts/both": "$INCLUDE parts/two east\n$INCLUDE parts/two west\n", "parts/two": "@ TXT both\n"})
    server = certnsd(git=repo).start("example.com")
    update(server, key, "delete east.example.com TXT")
    server.wait_log(r"example\.com: .*written anew")
    assert client.look(server, "east.example.com", "TXT") == []
    assert client.look(server, "west.example.com", "TXT") == ['"both"']
    assert repo.read("parts/two") == "@ TXT both\n"
    assert "192.0.2.80" in repo.read("example.com") and "$INCLUDE" not in repo.read("example.com")

"""certns-checkzone --repository: what a commit would change, judged as the server judges it."""

import json
import os
import pty
import re
import subprocess

import pytest

from lib.certnsd import program
from lib.gitrepo import QUIET
from lib.keys import Key
from lib.process import run
from lib.signing import SigningKey, sign_with, write
from lib.zones import zone

pytestmark = pytest.mark.once           # a short program each time

ZERO = "0" * 40
WWW = "www.example.com. 3600 IN"


def tool(*arguments, env=None):
    return subprocess.run([program("tools/certns-checkzone"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **(env or {})})


def review(repo, *options, base="HEAD~1", new="HEAD", where="work"):
    done = tool("--repository", getattr(repo, where), *(["--base", base] if base else []), *options, new)
    assert done.stderr == "", done.stderr
    return done


def as_json(repo, *options, **kwargs):
    done = review(repo, "--json", *options, **kwargs)
    return done.returncode, json.loads(done.stdout)


def soa(serial):
    return f"example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. {serial} 7200 3600 1209600 300"


def test_what_changes_rr_by_rr(repo):
    repo.commit({"example.com": zone(serial=2, extra="new 60 A 192.0.2.3\n").replace("www\tA\t192.0.2.80", "www\tA\t192.0.2.81")
                 .replace("ns1\tA", "ns1 60\tA")})
    done = review(repo)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "zone example.com: 1 removed, 2 added, serial 1 -> 2",
        "-" + soa(1), "+" + soa(2),
        "+new.example.com. 60 IN A 192.0.2.3",
        "-ns1.example.com. 3600 IN A 127.0.0.1", "+ns1.example.com. 60 IN A 127.0.0.1",
        f"-{WWW} A 192.0.2.80", f"+{WWW} A 192.0.2.81",
        "1 zone, 0 errors, 0 warnings",
    ]
    assert review(repo, where="bare", new="main", base="main~1").stdout == done.stdout


def test_the_same_for_programs(repo):
    repo.commit({"example.com": zone(serial=2, extra="new A 192.0.2.3\nnew MX 5 nowhere\n"), "notes": "x"})
    status, found = as_json(repo)
    assert status == 0
    assert found["old"] == repo.git("rev-parse", "HEAD~1").strip() and found["new"] == repo.head()
    assert (found["sound"], found["errors"], found["warnings"]) == (True, 0, 1)
    assert found["passed-over"] == [{"file": "notes", "why": "it has no SOA for the name that it has"}]
    one, = found["zones"]
    assert (one["zone"], one["file"], one["kind"]) == ("example.com", "example.com", "changed")
    assert one["serial"] == {"old": 1, "file": 2, "served": 2}
    assert one["records"] == {"before": 5, "after": 7, "added": 2, "removed": 0}
    assert {"change": "+", "owner": "new.example.com.", "ttl": 3600, "type": "A",
            "rdata": "192.0.2.3"} in one["changes"]
    assert one["complaints"] == [{
        "level": "warning", "file": "example.com", "line": 14, "column": 1, "see": None,
        "text": "MX points to nowhere.example.com., which has no address"}]
    assert as_json(repo, "--strict")[0] == 1


def test_errors_name_both_places_also_over_includes(repo):
    repo.commit({"example.com": zone(extra="$INCLUDE parts/more\n"), "parts/more": "more A 192.0.2.3\n"})
    assert review(repo).stdout.count("passed over") == 1, "the directory; not what is included"
    repo.commit({"parts/more": "; a comment\nmore A 192.0.2.3\n  CNAME www\n"})
    done = review(repo)
    assert done.returncode == 1
    assert "zone example.com: refused: the old version would stay" in done.stdout
    assert "parts/more:3:3: error: CNAME beside A at more.example.com., see parts/more:2:1" in done.stdout
    repo.commit({"parts/more": "more A 192.0.2.4\n"})
    done = review(repo)
    assert done.returncode == 0 and "zone example.com: sound again, 6 records, serial 1" in done.stdout
    done = review(repo, base="HEAD~2")
    assert "-more.example.com. 3600 IN A 192.0.2.3\n+more.example.com. 3600 IN A 192.0.2.4\n" in done.stdout


@pytest.mark.parametrize("policy, old, new, change, status, words", [
    ("increment", 7, 8, True, 0, "serial 7 -> 8\n"),
    ("increment", 7, 7, True, 0, "serial 7, not raised: certnsd raises what it serves .to 8, had it served 7.\n"),
    ("increment", 7, 5, True, 0, "example.com:4:1: warning: the serial goes back from 7 to 5: 8 will be served"),
    ("increment", 7, 5, False, 0, "the serial goes back from 7 to 5: 8 will be served"),
    ("increment", 4294967295, 0, True, 0, "serial 4294967295 -> 0\n"),
    ("increment", 7, 2147483656, True, 0, "the serial goes back from 7 to 2147483656: 8 will be served"),
    ("increment", 7, 9, False, 0, "zone example.com: 0 removed, 0 added, serial 7 -> 9\n"),
    ("date", 7, 7, True, 0, r"to 20\d{8}, had it served 7"),
    ("keep", 7, 8, True, 0, "serial 7 -> 8\n"),
    ("keep", 7, 7, True, 1, "example.com:4:1: error: the content changes and the serial is not raised"),
    ("keep", 7, 6, False, 0, "the serial goes back from 7 to 6"),
])
def test_serials(repo, policy, old, new, change, status, words):
    repo.commit({"example.com": zone(serial=old)})
    repo.commit({"example.com": zone(serial=new, extra="x A 192.0.2.3\n" if change else "")})
    done = review(repo, "--serial", policy)
    assert done.returncode == status, done.stdout
    assert re.search(words, done.stdout), done.stdout


def test_text_without_a_change_of_records(repo):
    repo.commit({"example.com": zone(comment="; another comment\n")})
    assert review(repo).stdout == \
        "zone example.com: the text changes and no record does, serial 1\n1 zone, 0 errors, 0 warnings\n"


def test_zones_that_come_and_go(repo):
    repo.commit({"example.org": zone("example.org")})
    done = review(repo)
    assert "zone example.org: new, 5 records, serial 1\n" in done.stdout
    assert "+www.example.org. 3600 IN A 192.0.2.80\n" in done.stdout
    repo.commit({"example.org": None})
    assert "zone example.org: retired, its file is removed (5 records)\n" in review(repo).stdout
    done = review(repo, base=ZERO)
    assert "zone example.com: new, 5 records, serial 1\n" in done.stdout and "+www" not in done.stdout
    assert review(repo, base=None).stdout == done.stdout
    done = review(repo, new=ZERO)
    assert done.returncode == 1 and "the branch is removed: certnsd would find no zones" in done.stdout


def test_only_what_changes_is_judged(repo):
    repo.commit({"example.org": "@ SOA a b 1 2 3 4 5\n"})
    assert review(repo).returncode == 1
    repo.commit({"example.com": zone(serial=2)})
    assert review(repo).returncode == 0, "example.org is as bad as before"
    assert review(repo, base=None).returncode == 1


def test_much_is_removed(repo):
    many = "".join(f"host{i} A 192.0.2.{i}\n" for i in range(1, 60))
    repo.commit({"example.com": zone(extra=many)})
    repo.commit({"example.com": zone(serial=2, extra="".join(many.splitlines(True)[:38]))})
    done = review(repo)
    assert done.returncode == 0
    assert "example.com:1:1: warning: 21 of 64 records are removed, more than 30 %; certnsd would hold it back" in done.stdout
    assert review(repo, "--strict").returncode == 1
    repo.commit({}, "I mean it\n\nCertns-Allow-Removal: yes")
    assert "are removed" not in review(repo, base="HEAD~2").stdout, "as the trailer says"
    repo.commit({"example.com": zone(serial=3, extra="".join(many.splitlines(True)[:20]))})
    assert "records are removed" not in review(repo).stdout, "18 are too few to worry"
    repo.commit({f"z{i}.example": zone(f"z{i}.example") for i in range(30)})
    repo.commit({f"z{i}.example": None for i in range(25)})
    assert "25 of 31 zones are removed, more than 30 %" in review(repo).stdout


def test_long_lists_are_cut(repo):
    repo.commit({"example.com": zone(serial=2, extra="$GENERATE 1-1200 h$ TXT x\n")})
    done = review(repo)
    assert done.stdout.count("\n+h") == 998 and "(and 202 more changes; --all lists them)" in done.stdout
    assert review(repo, "--all").stdout.count("\n+h") == 1200
    assert len(as_json(repo)[1]["zones"][0]["changes"]) == 1000
    assert as_json(repo)[1]["zones"][0]["changes-in-all"] == 1202


def test_keys_without_their_secrets(repo, key):
    old, other = Key("old._update.example.com"), Key("client._update.example.com")
    repo.commit({"example.com._keys": key.dnskey() + old.dnskey()})
    repo.commit({"example.com._keys": other.dnskey() + "bad DNSKEY 0 3 1 HIDDENHIDDEN\n",
                 "_keys": Key("x._transfer", "hmac-sha512").dnskey()})
    done = review(repo)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == ["+ key x._transfer hmac-sha512", "* key client._update.example.com hmac-sha256, changed",
                         "- key old._update.example.com hmac-sha256"]
    assert lines[3].startswith("example.com._keys:2:1: warning: key bad.example.com. is passed over: algorithm 1 is none of")
    for secret in key.secret, old.secret, other.secret, "HIDDEN":
        assert secret not in done.stdout and secret not in review(repo, "--json").stdout
    assert [(k["key"], k["kind"]) for k in as_json(repo)[1]["keys"]] == [
        ("x._transfer", "added"), ("client._update.example.com", "changed"), ("old._update.example.com", "removed")]


def test_signatures(repo, tmp_path):
    alice, mallory = SigningKey(tmp_path, "alice"), SigningKey(tmp_path, "mallory")
    signers = ["--allowed-signers", write(tmp_path / "signers", alice.line())]
    sign_with(repo, alice)
    repo.commit({"example.com": zone(serial=2)})
    done = review(repo, *signers)
    assert done.returncode == 0, done.stdout
    sign_with(repo, mallory)
    repo.commit({"example.com": zone(serial=3)})
    sign_with(repo, alice)
    repo.commit({"example.com": zone(serial=4)})
    assert review(repo, *signers).returncode == 0
    done = review(repo, *signers, base="HEAD~2")
    assert done.returncode == 1
    assert re.search(r"\nerror: .*" + re.escape(mallory.fingerprint()), done.stdout), done.stdout
    assert mallory.fingerprint() in as_json(repo, *signers, base="HEAD~2")[1]["forged"]
    done = review(repo, *signers, "--revoked-signers", write(tmp_path / "revoked", alice.public + "\n"))
    assert done.returncode == 1 and "revoked" in done.stdout
    done = tool("--repository", repo.work, "--allowed-signers", "/nonexistent", "HEAD")
    assert done.returncode == 2 and "/nonexistent" in done.stderr


def test_a_sub_directory(repo):
    repo.commit({"dns/example.net": zone("example.net", extra="$INCLUDE ../shared/hosts\n"),
                 "shared/hosts": "h A 192.0.2.1\n"})
    done = review(repo, "--path", "dns")
    assert "zone example.net: new" in done.stdout and "example.com" not in done.stdout
    repo.commit({"shared/hosts": "h A 192.0.2.2\n"})
    assert "+h.example.net. 3600 IN A 192.0.2.2" in review(repo, "--path", "dns").stdout


def test_colours_on_a_terminal_alone(repo):
    repo.commit({"example.com": zone(serial=2, extra="x MX 5 nowhere\n")})

    def on_terminal(**env):
        ours, theirs = pty.openpty()
        subprocess.run([program("tools/certns-checkzone"), "--repository", repo.work, "--base", "HEAD~1", "HEAD"],
                       stdout=theirs,
                       timeout=60, check=True, env={**os.environ, "TERM": "xterm", **env})
        os.close(theirs)
        said = b""
        try:
            while more := os.read(ours, 65536):         # a read need not give all that was written
                said += more
        except OSError:                                 # the other end is closed
            pass
        os.close(ours)
        return said.decode()

    assert "\33[32m+x.example.com. 3600 IN MX 5 nowhere.example.com.\33[0m" in on_terminal(NO_COLOR="")
    assert "\33" not in on_terminal(NO_COLOR="1") and "\33" not in on_terminal(TERM="dumb", NO_COLOR="")
    assert "\33" not in review(repo).stdout


def test_names_of_files_cannot_command_the_terminal(repo):
    repo.commit({"evil\33[2Jname": "x"})
    assert "evil?[2Jname is passed over" in review(repo).stdout
    as_json(repo)


def test_quarantined_objects(repo, tmp_path):
    """As git-receive-pack lays them out before the hook has agreed."""
    repo.commit({})
    incoming = tmp_path / "in:coming"
    incoming.mkdir()
    env = {**os.environ, **QUIET, "GIT_OBJECT_DIRECTORY": str(incoming),
           "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.join(repo.bare, "objects")}
    with open(os.path.join(repo.work, "example.com"), "w", encoding="utf-8") as f:
        f.write(zone(serial=9))
    blob = run(["git", "hash-object", "-w", os.path.join(repo.work, "example.com")], cwd=repo.bare,
               env=env).stdout.strip()
    index = {**env, "GIT_INDEX_FILE": str(tmp_path / "index")}
    run(["git", "read-tree", "main"], cwd=repo.bare, env=index)
    run(["git", "update-index", "--cacheinfo", f"100644,{blob},example.com"], cwd=repo.bare, env=index)
    tree = run(["git", "write-tree"], cwd=repo.bare, env=index).stdout.strip()
    new = run(["git", "commit-tree", "-p", "main", "-m", "x", tree], cwd=repo.bare, env=index).stdout.strip()
    assert tool("--repository", repo.bare, "--base", "main", new).returncode == 2, "not visible without a word from git"
    # git receive-pack names the quarantine first, and what it stands beside as the alternates
    for variables in ({"GIT_OBJECT_DIRECTORY": str(incoming)},
                      {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{incoming}":/nonexistent'}):
        done = tool("--repository", repo.bare, "--base", "main", new,
                    env={**variables, "GIT_QUARANTINE_PATH": str(incoming)})
        assert done.returncode == 0, done.stderr
        assert "serial 1 -> 9" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["--repository", "/nonexistent", "HEAD"], "cannot open the repository /nonexistent"),
    (["--repository", "{repo}", "nothing"], "has no commit 'nothing'"),
    (["--repository", "{repo}", "--base", "nothing", "HEAD"], "has no commit 'nothing'"),
    (["--repository", "{repo}", "--path", "nothing", "HEAD"], "nothing"),
    (["--repository", "{repo}", "--path", "../..", "HEAD"], "leads out of the repository"),
    (["--repository", "{repo}", "--serial", "sometimes", "HEAD"], "expected increment, unixtime, date or keep"),
    (["--repository", "{repo}"], "usage:"),
    (["--repository", "{repo}", "--print", "HEAD"], "usage:"),
    (["--base", "HEAD", "example.com", "file"], "usage:"),
    (["--json", "example.com", "file"], "usage:"),
])
def test_what_cannot_be_judged(repo, arguments, words):
    done = tool(*(a.replace("{repo}", repo.work) for a in arguments))
    assert done.returncode == 2
    assert done.stdout == "" and words in done.stderr, done.stderr


def test_a_shallow_clone_is_named(repo, tmp_path):
    repo.commit({})
    run(["git", "clone", "-q", "--depth", "1", "file://" + repo.bare, tmp_path / "shallow"],
        env={**os.environ, **QUIET})
    done = tool("--repository", tmp_path / "shallow", "--base", "HEAD~1", "HEAD")
    assert done.returncode == 2 and "it is a shallow clone: fetch more of its history" in done.stderr

"""The commits that certnsd makes: who, what, and in a form that programs can read."""

import re

from lib import client
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone


def trailers(repo):
    """(name, value) of each trailer of the newest commit, as git reads them."""
    text = repo.git("log", "-1", "--format=%(trailers:only,unfold)", repo.branch, cwd=repo.bare)
    return [tuple(line.split(": ", 1)) for line in text.splitlines() if line]


def update(server, key, *lines):
    client.nsupdate(server, key, "".join(f"update {line}\n" for line in lines) + "send\n")


def test_one_update(certnsd, repo, key):
    server = certnsd(git=[{"remote": repo.bare, "committer": "Name Servers <dns@example.net>"}]).start("example.com")
    update(server, key, "add new.example.com 300 A 192.0.2.1", "add new.example.com 300 A 192.0.2.2",
           "delete www.example.com AAAA")
    server.ctl("push")
    author, committer, subject, body = repo.log(1, "%an <%ae>%n%cn <%ce>%n%s%n%b")[0].split("\n", 3)
    assert author == f"{key.name} <{key.name}@example.net>"
    assert committer == "Name Servers <dns@example.net>"
    assert subject == "example.com: 1 -> 2, +2 -1 (new A, www AAAA)"
    assert re.match(r"^20..-..-..T..:..:..Z " + re.escape(key.name) + r" 127\.0\.0\.1: \+2 -1\n\n", body), body
    assert trailers(repo) == [
        ("Certns-Zone", "example.com"), ("Certns-Serial", "1 2"), ("Certns-Records", "+2 -1"), ("Certns-Updates", "1"),
        ("Certns-Key", key.name), ("Certns-Client", "127.0.0.1")]
    assert key.secret not in repo.log(1)[0]


def test_what_was_gathered(certnsd, tmp_path):
    keys = [Key(f"k{i}._update.example.com") for i in range(3)] + [Key("other._update.example.org")]
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": "".join(k.dnskey() for k in keys[:3]),
                                      "example.org": zone("example.org"), "example.org._keys": keys[3].dnskey()})
    server = certnsd(git=[{"remote": repo.bare, "commit-delay": "1h", "commit-delay-max": "1h"}])
    server.start("example.com", "example.org")
    before = repo.commits()
    for i in range(3):
        client.nsupdate(server, keys[i], "".join(
            f"update add n{n}.example.com 300 A 192.0.2.{i}\nsend\n" for n in range(80)))
    update(server, keys[3], "add new.example.org 300 A 192.0.2.1")
    assert repo.commits() == before, "they are gathered"
    due = server.ctl("status")["repositories"][0]["next-write"]
    assert re.match(r"20..-..-..T..:..:..Z$", due), due
    server.ctl("push")
    assert repo.commits() == before + 1
    subject, body = repo.log(1, "%an: %s%n%b")[0].split("\n", 1)
    assert subject in ("certns: 2 zones: +241 -0 (example.com, example.org)",
                       "certns: 2 zones: +241 -0 (example.org, example.com)")
    assert "example.com: 1 -> 241, +240 -0 (n0 A, n1 A, " in body and " more)" in body
    assert re.search(r"^and \d+ more updates$", body, re.M) and len(body) < 40000
    found = trailers(repo)
    assert ("Certns-Updates", "241") in found and ("Certns-Zone", "example.org") in found
    assert [v for n, v in found if n == "Certns-Key"] == sorted((k.name for k in keys), key=[
        v for n, v in found if n == "Certns-Key"].index)
    assert server.ctl("status")["repositories"][0]["next-write"] is None


def test_names_that_would_break_a_message(certnsd, repo, key):
    server = certnsd(git=repo).start("example.com")
    message = client.new_update("example.com.", key)
    message.add("a\\010Signed-off-by: b\\010\\010---.example.com.", 300, "TXT", '"x"')
    assert client.send_update(server, message) == "NOERROR"
    server.ctl("push")
    subject = repo.log(1, "%s")[0]
    assert subject == r"example.com: 1 -> 2, +1 -0 (a\010Signed-off-by:\032b\010\010--- TXT)"
    assert [n for n, _ in trailers(repo)] == ["Certns-Zone", "Certns-Serial", "Certns-Records", "Certns-Updates",
                                              "Certns-Key", "Certns-Client"]


def test_after_a_crash_the_key_is_still_the_author(certnsd, repo, key):
    server = certnsd(git=[{"remote": repo.bare, "commit-delay": "1h", "commit-delay-max": "1h"}]).start("example.com")
    update(server, key, "add new.example.com 300 A 192.0.2.1")
    server.kill9()
    server.start("example.com")
    wait_for(lambda: "192.0.2.1" in repo.read("example.com"), "what a crash left behind is in git")
    assert repo.log(1, "%an: %s")[0] == f"{key.name}: example.com: 1 -> 2, +1 -0 (new A)"
    assert ("Certns-Client", "127.0.0.1") in trailers(repo)

"""certns-fetch gets a certificate from Pebble through certnsd, and keeps it current."""

import grp
import os
import pwd
import re
import signal
import time

import pytest
from cryptography import x509

from lib import client, fetch
from lib.certs import Published, Request, owner, upload_script
from lib.fetch import Fetch
from lib.keys import Key
from lib.process import run
from lib.wait import wait_for

HOST = "www.example.com"


@pytest.fixture
def service(tmp_path, issuer, key):
    return Fetch(tmp_path / "service", issuer, key)


@pytest.fixture
def many(tmp_path, issuer_with, key):
    """The same for several hosts at once, which Pebble 2.4 may not survive."""
    return Fetch(tmp_path / "service", issuer_with()[0], key)


def test_the_first_certificate(service, issuer):
    done = service.run(HOST)
    assert "new certificate by Pebble" in done.stdout
    place = service.place()
    certificate = place.check([HOST], issuer.pebble.root_pem())
    assert place.mode("key.pem") == 0o600 and place.mode("fullchain.pem") == 0o644
    assert Published(issuer, HOST).leaves == [certificate.public_bytes(fetch.serialization.Encoding.DER)]
    assert sorted(os.listdir(place.path)) == ["current", "lock", "root.pem", "versions"], "nothing is left over"
    again = service.run(HOST)
    assert "unchanged" in again.stdout and len(place.versions()) == 1
    assert service.json("--renew", HOST)[0]["result"] == "unchanged"


def newer(issuer, than):
    def look():
        leaves = Published(issuer, HOST).leaves
        return leaves and x509.load_der_x509_certificate(leaves[0]).not_valid_after > than.not_valid_after

    wait_for(look, "the server has a newer certificate")


def test_a_renewal_keeps_the_key(service, issuer):
    service.run(HOST)
    place = service.place()
    first, old_key = place.check([HOST]), place.read("key.pem")
    time.sleep(1.1)                     # certificates count in seconds
    issuer.ctl("renew", HOST)
    newer(issuer, first)
    found = service.json("--renew", HOST)[0]
    assert found["result"] == "installed" and not found["new-key"]
    second = place.check([HOST], issuer.pebble.root_pem())
    assert second.not_valid_after > first.not_valid_after and place.read("key.pem") == old_key
    assert len(place.versions()) == 2, "the one before stays for who has it open"


def test_a_new_key(service, issuer):
    service.run(HOST)
    place = service.place()
    first, old_key = place.check([HOST]), place.read("key.pem")
    assert service.json("--renew", "--new-key", HOST)[0]["result"] == "unchanged", "it is not time yet"
    issuer.pebble.signal(signal.SIGSTOP)
    done = service.run("--new-key", "-w", "2", HOST, expect=fetch.WAITING)
    assert "untouched" in done.stderr
    assert place.check([HOST]) == first and place.read("key.pem") == old_key, "the old ones stay in use"
    next_pem = os.path.join(place.path, "next.pem")
    assert os.stat(next_pem).st_mode & 0o777 == 0o600
    with open(next_pem, "rb") as f:
        next_key = f.read()
    issuer.pebble.signal(signal.SIGCONT)
    assert service.json("--new-key", HOST)[0]["new-key"]
    place.check([HOST], issuer.pebble.root_pem())
    assert place.read("key.pem") != old_key and next_key.startswith(place.read("key.pem")), "the one that was begun"
    assert not os.path.exists(next_pem)


def test_other_names_and_kinds(service, issuer):
    service.run(HOST)
    place, second = service.place(), "www2.example.com"
    first = place.read("key.pem")
    service.run(HOST, "-n", second, "-n", "*.example.com")
    place.check([HOST, second, "*.example.com"], issuer.pebble.root_pem())
    assert place.read("key.pem") == first, "the names are new, the key is not"
    service.run("*.wild.example.com", "-t", "rsa2048")
    assert service.place("wild.example.com").check(["*.wild.example.com"]).public_key().key_size == 2048
    assert "unchanged" in service.run("*.wild.example.com").stdout, "whatever key is there will do"
    service.run("*.wild.example.com", "-t", "p384")
    assert service.place("wild.example.com").check(["*.wild.example.com"]).public_key().curve.name == "secp384r1"


def test_a_csr_that_somebody_else_put_there(service, issuer, key):
    service.run(HOST)
    place, other = service.place(), Request([HOST])
    first = place.check([HOST])
    client.nsupdate(issuer, key, upload_script(HOST, other))
    done = service.run("--renew", HOST)
    assert "another CSR" in done.stderr and "unchanged" in done.stdout
    assert Published(issuer, HOST).csrs == [other.der], "a timer fights with nobody"
    service.run(HOST)
    assert place.check([HOST]) != first and Published(issuer, HOST).csrs != [other.der]


def test_a_csr_that_is_gone(service, issuer, key):
    """A timer puts it back, or the server would never renew, and does not wait for what comes of it."""
    service.run(HOST)
    place = service.place()
    first = place.check([HOST])
    client.nsupdate(issuer, key, f"update delete {owner(HOST)}. TLSA\nsend\n")
    done = service.run("--renew", HOST)
    assert "uploaded again" in done.stderr and "unchanged" in done.stdout
    wait_for(lambda: Published(issuer, HOST).leaves, "the server orders again")
    assert service.json("--renew", HOST)[0]["result"] == "installed"
    assert place.check([HOST]).serial_number != first.serial_number


def test_a_key_for_one_host(certnsd, repo, pebble_for, tmp_path):
    """ANY._csr.HOST is enough, and good for nothing but its host and the names below."""
    own = Key(f"web1._csr.{HOST}")
    repo.edit("example.com._keys", lambda text: text + own.dnskey())
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.use_acme(pebble_for(server))
    server.write_config()
    service = Fetch(tmp_path / "service", server.start("example.com"), own)
    assert "would upload" in service.run("--dry-run", HOST).stdout
    service.run("-n", f"*.{HOST}", HOST)
    service.place().check([HOST, f"*.{HOST}"])
    for arguments in ["other.example.com"], ["-n", "other.example.com", HOST]:
        done = service.run("-w", "5", *arguments, expect=fetch.REFUSED)
        assert "REFUSED" in done.stderr and own.name in done.stderr
    service.place().check([HOST, f"*.{HOST}"])


def test_a_long_chain(issuer_with, key, tmp_path):
    """In the RRset certificates have no order; in the files they have the one that TLS wants."""
    server, ca = issuer_with(intermediates=3)
    service = Fetch(tmp_path / "deep" / "er" / "service", server, key)
    service.run(HOST)
    place = service.place()
    place.check([HOST], ca.root_pem())
    chain = [x509.load_pem_x509_certificate(part.encode() + b"-----END CERTIFICATE-----\n")
             for part in place.read("fullchain.pem").decode().split("-----END CERTIFICATE-----\n")[:-1]]
    assert len(chain) == 4
    for lower, upper in zip(chain, chain[1:]):
        assert lower.issuer == upper.subject
    trust = tmp_path / "root.pem"
    trust.write_text(ca.root_pem())
    service.run("--trust", trust, "other.example.com")


def test_it_needs_few_libraries():
    """It runs on machines that have no server."""
    said = run(["readelf", "-d", fetch.program("tools/certns-fetch")]).stdout
    needed = set(re.findall(r"NEEDED.*\[lib([a-z+]+)", said))
    assert needed <= {"asan", "ubsan", "c", "crypto", "jansson", "ldns", "m", "yaml", "gcc"}, needed


def test_what_is_trusted(service, issuer, tmp_path):
    root, wrong = tmp_path / "root.pem", tmp_path / "wrong.pem"
    root.write_text(issuer.pebble.root_pem())
    wrong.write_bytes((tmp_path / "pebble" / "ca.pem").read_bytes())
    done = service.run("--trust", wrong, HOST, expect=fetch.UNFIT)
    assert "does not verify" in done.stderr and str(wrong) in done.stderr
    assert service.place().version() is None
    done = service.run("--trust", service.key_path, "a.example.com", expect=fetch.USAGE)
    assert service.key_path in done.stderr and not Published(issuer, "a.example.com").csrs
    done = service.run("--verify", HOST, expect=fetch.UNFIT)
    assert "system" in done.stderr
    service.run("--trust", root, HOST)
    service.place().check([HOST], issuer.pebble.root_pem())
    service.run("--verify", "b.example.com", env={**os.environ, "SSL_CERT_FILE": str(root)})
    service.place("b.example.com").check(["b.example.com"])


def test_keys_from_elsewhere(many, key):
    """By environment or by descriptor; NAME:ALGORITHM:SECRET is as good as a key statement."""
    service, short = many, f"{key.name}:{key.algorithm}:{key.secret}"
    without = [a for a in service.arguments() if a not in ("-k", service.key_path)]

    def get(name, *arguments, **kwargs):
        done = run([*without, *arguments, name], **kwargs)
        assert key.secret not in done.stdout + done.stderr
        service.place(name).check([name])

    hook = f"printenv CERTNS_TSIG_KEY >{service.home}/leak; true"
    get("a.example.com", "--hook", hook, env={**os.environ, "CERTNS_TSIG_KEY": short})
    assert os.path.getsize(os.path.join(service.home, "leak")) == 0, "the hook does not get the secret"
    get("b.example.com", "--key-fd", "0", input=key.named())
    get("e.example.com", "f.example.com", "--key-fd", "0", input=key.named())
    service.place("f.example.com").check(["f.example.com"])
    with open(service.key_path, "rb") as file:
        get("g.example.com", "--key-fd", file.fileno(), "--hook",
            f"ls /proc/self/fd/{file.fileno()} >{service.home}/leak || true",
            pass_fds=[file.fileno()])
    assert os.path.getsize(os.path.join(service.home, "leak")) == 0, "nor by the descriptor"
    service.write_key(f"# made by hand\n{short}\n")
    service.run("c.example.com")
    done = run([*without, "d.example.com"], check=False)
    assert done.returncode == fetch.USAGE and "keygen" in done.stderr


def test_the_server_is_found_by_the_soa(service, issuer):
    arguments = service.arguments()
    at = arguments.index("-s")
    arguments[at:at + 2] = ["--resolver", f"{issuer.address}@{issuer.port}", "-p", str(issuer.port)]
    run([*arguments, HOST])
    service.place().check([HOST])
    arguments = service.arguments()
    arguments[arguments.index("-s") + 1] = f"::1@{issuer.port}"
    assert "unchanged" in run([*arguments, HOST]).stdout, "IPv6 is as good"
    arguments[arguments.index("-s") + 1] = f"localhost@{issuer.port}"
    assert "unchanged" in run([*arguments, HOST]).stdout, "and so is a name"


def test_a_dry_run_changes_nothing(service, issuer):
    done = service.run("--dry-run", HOST)
    assert "would upload" in done.stdout and not os.path.exists(service.directory)
    assert not Published(issuer, HOST).csrs
    assert service.json("--dry-run", HOST)[0]["result"] == "would-upload"
    service.run(HOST)
    assert "nothing to do" in service.run("--dry-run", HOST).stdout


def test_several_hosts_of_a_file(many):
    service = many
    with open(service.config(), "w", encoding="utf-8") as f:
        f.write(f"""\
hook: echo $CERTNS_HOST >>{service.home}/hooks
hosts:
  - a.example.com
  - name: b.example.com
    names: [c.example.com]
    key: rsa2048
    hook: echo special $CERTNS_HOST $CERTNS_NAMES >>{service.home}/hooks
""")
    found = service.json()
    assert [(one["host"], one["result"], one["hook"]) for one in found] == [
        ("a.example.com", "installed", "done"), ("b.example.com", "installed", "done")]
    assert found[1]["names"] == ["b.example.com", "c.example.com"]
    service.place("a.example.com").check(["a.example.com"])
    service.place("b.example.com").check(["b.example.com", "c.example.com"])
    with open(os.path.join(service.home, "hooks"), encoding="utf-8") as f:
        assert sorted(f.read().splitlines()) == ["a.example.com", "special b.example.com b.example.com c.example.com"]
    assert [one["result"] for one in service.json("--renew")] == ["unchanged", "unchanged"]
    assert service.run("b.example.com", "B.example.com.").stdout.count("b.example.com: unchanged") == 1, "once is enough"


def test_owners_and_modes(service, issuer):
    group = grp.getgrgid(os.getgid()).gr_name
    user = pwd.getpwnam("nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
    service.run("o.example.com", "--owner", user.pw_name)
    files = [os.stat(os.path.join(service.place("o.example.com").current, name))
             for name in ("key.pem", "combined.pem", "chain.pem")]
    assert [f.st_uid for f in files] == [user.pw_uid, user.pw_uid, os.geteuid()]
    assert [f.st_mode & 0o777 for f in files] == [0o600, 0o600, 0o644]
    service.run(HOST, "--group", group)
    place = service.place()
    assert place.mode("key.pem") == 0o640 and place.mode("certificate.pem") == 0o644
    done = service.run("a.example.com", "--owner", "nobody-has-this-name", expect=fetch.USAGE)
    assert "nobody-has-this-name" in done.stderr and not Published(issuer, "a.example.com").csrs

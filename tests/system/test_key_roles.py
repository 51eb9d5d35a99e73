"""Keys with small rights: _csr replaces the CSR of one host, _acme changes the challenges of one host, and no more."""

import os
import re

import dns.edns
import pytest
import yaml

from lib import client
from lib.certnsd import program
from lib.certs import Published, Request, owner, upload_script
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone
from test_acme_clients import certbot, read

CSR = Key("deploy._csr.www.example.com")
ACME = Key("lego._acme.www.example.com")
ADMIN = Key("admin._update.example.com")


def keys_file():
    return "".join(k.dnskey() for k in (CSR, ACME, ADMIN))


@pytest.fixture
def server(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": keys_file()})
    return certnsd(git=repo).start("example.com")


def update(server, key, *changes):
    """changes: ("add", owner, ttl, type, rdata), ("delete", owner, ...), ("present", ...).  Rcode and the EDE text."""
    message = client.new_update("example.com", key)
    for what, *arguments in changes:
        getattr(message, what)(*arguments)
    message.use_edns(0)
    reply = client.exchange(server, message, tcp=True)
    words = [o.text for o in reply.options if o.otype == dns.edns.OptionType.EDE]
    return client.rcode(reply), words[0] if words else ""


def csr(*names):
    return Request(list(names)).rdata()


HERE = "_letsencrypt._tcp.www"


def replace(rdata, name=HERE):
    return ("delete", name, "TLSA"), ("add", name, 3600, "TLSA", rdata)


def test_what_a_csr_key_may_replace(server):
    for why, changes in [
        ("its host's CSR, if there is none", [("absent", HERE, "TLSA"), *replace(csr("www.example.com"))]),
        ("the CSR of its host", replace(csr("www.example.com"))),
        ("with names below the host", replace(csr("www.example.com", "a.b.www.example.com", "*.www.example.com"))),
        ("or takes it away", [("delete", HERE, "TLSA")]),
        ("all that is there", [("delete", HERE)]),
    ]:
        assert update(server, CSR, *changes) == ("NOERROR", ""), why


NOTHING_ELSE = [
    ("another host's CSR", lambda: replace(csr("ftp.example.com"), "_letsencrypt._tcp.ftp"), "nothing else"),
    ("a CSR for another host", lambda: replace(csr("www.example.com", "ftp.example.com")), "asks for ftp.example.com"),
    ("a CSR for all hosts", lambda: replace(csr("*.example.com")), r"asks for \*.example.com"),
    ("what is no CSR", lambda: replace("3 255 0 00"), "cannot be used"),
    ("a certificate", lambda: replace("3 0 0 " + Request(["www.example.com"]).der.hex()), r"only add a CSR"),
    ("TLSA elsewhere", lambda: replace(csr("www.example.com"), "_443._tcp.www"), "nothing else"),
    ("another type there", lambda: [("add", HERE, 60, "TXT", '"x"')], "nothing else"),
    ("an address", lambda: [("add", "www", 60, "A", "192.0.2.1")], "nothing else"),
    ("a challenge", lambda: [("add", "_acme-challenge.www", 60, "TXT", '"x"')], "nothing else"),
    ("all of the host", lambda: [("delete", "www")], "nothing else"),
    ("a question about others", lambda: [("present", "ns1", "A"), *replace(csr("www.example.com"))], "prerequisite"),
    ("two CSRs", lambda: [*replace(csr("www.example.com")), ("add", HERE, 60, "TLSA", csr("www.example.com"))],
     "two CSRs"),
]


def test_a_csr_key_may_nothing_else(server):
    before = client.serial(server, "example.com")
    for why, changes, words in NOTHING_ELSE:
        rcode, said = update(server, CSR, *changes())
        assert rcode == "REFUSED" and re.search(words, said), (why, rcode, said)
        server.wait_log(r"warning: update of example.com from deploy._csr.www.example.com .*: REFUSED: " + ".*" + words)
    assert client.serial(server, "example.com") == before


CHALLENGES = [
    ("the challenge of its host", [("add", "_acme-challenge.www", 60, "TXT", '"x"')], True),
    ("of names below", [("add", "_acme-challenge.a.b.www", 60, "TXT", '"x"')], True),
    ("of one account", [("add", "_ujmmovf2vn55tgye._acme-challenge.www", 60, "TXT", '"x"')], True),
    ("and takes it away", [("delete", "_acme-challenge.www", "TXT", '"x"'), ("delete", "_acme-challenge.www", "TXT")],
     True),
    ("in any letter case", [("add", "_ACME-challenge.WWW", 60, "TXT", '"x"')], True),
    ("if there is none", [("absent", "_acme-challenge.b.www"), ("add", "_acme-challenge.b.www", 60, "TXT", '"x"')],
     True),
    ("the challenge of another host", [("add", "_acme-challenge.ftp", 60, "TXT", '"x"')], False),
    ("of the zone", [("add", "_acme-challenge", 60, "TXT", '"x"')], False),
    ("of a host whose name ends alike", [("add", "_acme-challenge.awww", 60, "TXT", '"x"')], False),
    ("an alias there", [("add", "_acme-challenge.www", 60, "CNAME", "www")], False),
    ("text elsewhere", [("add", "www", 60, "TXT", '"x"')], False),
    ("below the challenge", [("add", "x._acme-challenge.www", 60, "TXT", '"x"')], False),
    ("a CSR", [("add", HERE, 60, "TLSA", "3 255 0 00")], False),
    ("one of two", [("add", "_acme-challenge.www", 60, "TXT", '"x"'), ("delete", "www", "A")], False),
]


def test_an_acme_key(server):
    for why, changes, granted in CHALLENGES:
        rcode, said = update(server, ACME, *changes)
        assert rcode == ("NOERROR" if granted else "REFUSED"), (why, said)
        assert granted or "_acme-challenge of www.example.com" in said, why


def test_neither_may_transfer_or_notify(server):
    """But both may ask, signed."""
    for key in CSR, ACME:
        assert client.transferred(server, "example.com", key) is None
        assert client.rcode(client.exchange(server, client.opcode_notify("example.com", key))) == "REFUSED"
        query = client.dns.message.make_query("www.example.com", "SOA")
        query.use_tsig(key.dnspython())
        assert client.rcode(client.exchange(server, query)) == "NOERROR"
        assert update(server, key, ("delete", "www")) [0] == "REFUSED"
    assert {(k["right"], k["zone"]) for k in server.ctl("keys")} == \
        {("update", "example.com"), ("csr", "www.example.com"), ("acme", "www.example.com")}
    metrics = server.ctl_text("metrics").stdout
    assert 'certns_updates_refused_total{by="record"} 2' in metrics


def test_another_zone_is_refused_at_the_door(certnsd, tmp_path):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.net": zone("example.net"), "_keys": keys_file()})
    server = certnsd(git=repo).start("example.com", "example.net")
    message = client.new_update("example.net", CSR)
    message.add("x", 60, "A", "192.0.2.1")
    assert client.send_update(server, message) == "REFUSED"
    assert 'certns_updates_refused_total{by="key"} 1' in server.ctl_text("metrics").stdout


@pytest.fixture
def issuer(certnsd, tmp_path, pebble_for):
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": keys_file()})
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.pebble = pebble_for(server)
    server.use_acme(server.pebble)
    server.write_config()
    server.repo = repo
    return server.start("example.com")


def test_a_certificate_by_a_csr_key(issuer):
    request, other = Request(["www.example.com"]), Request(["ftp.example.com"])
    client.nsupdate(issuer, CSR, upload_script("www.example.com", request))
    wait_for(lambda: Published(issuer, "www.example.com").certificate(request), "a certificate", 60)
    again = Request(["www.example.com"])        # and a new key, which takes the old certificate's place
    client.nsupdate(issuer, CSR, upload_script("www.example.com", again))
    wait_for(lambda: Published(issuer, "www.example.com").certificate(again), "another certificate", 60)
    done = client.nsupdate(issuer, CSR, upload_script("ftp.example.com", other), check=False)
    assert done.returncode != 0 and "REFUSED" in done.stderr
    assert client.look(issuer, owner("ftp.example.com"), "TLSA") == []


def keygen(name):
    """What certnsctl prints, by the first line of each part."""
    text = client.run([program("tools/certnsctl"), "keygen", name]).stdout
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in text.split("\n\n") if "\n" in part}


@pytest.fixture
def pasted(certnsd, tmp_path, pebble_for):
    """pasted(name): a server that has a key by a line of keygen, and the rest of what keygen printed."""
    def make(name):
        parts = keygen(name)
        line = parts[next(p for p in parts if "in the repository" in p)]
        repo = GitRepo(tmp_path / "git", {"example.com": zone(), "www.example.com._keys": line})
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        server.pebble = pebble_for(server)
        server.use_acme(server.pebble)
        server.write_config()
        return server.start("example.com"), parts

    return make


def part(parts, words):
    return parts[next(p for p in parts if words in p)]


@pytest.mark.once
def test_lego_with_an_acme_key(pasted, tmp_path):
    issuer, parts = pasted("lego._acme.www.example.com")
    settings = dict(line.split("=", 1) for line in part(parts, "for lego").splitlines() if line[0] != "#")
    settings["RFC2136_NAMESERVER"] = settings["RFC2136_NAMESERVER"].replace("SERVER:53", f"127.0.0.1:{issuer.port}")

    def lego(host):
        return client.run(
            ["lego", "--accept-tos", "--email", "hostmaster@example.com", "--server", issuer.pebble.directory_url,
             "--path", tmp_path / "lego", "--dns", "rfc2136", "--dns.disable-cp", "--domains", host, "run"],
            check=False, env={**os.environ, "LEGO_CA_CERTIFICATES": issuer.pebble.ca_path, **settings,
                              "RFC2136_PROPAGATION_TIMEOUT": "20", "RFC2136_POLLING_INTERVAL": "1",
                              "RFC2136_SEQUENCE_INTERVAL": "1"})

    done = lego("www.example.com")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read(tmp_path / "lego" / "certificates" / "www.example.com.crt")
    done = lego("ftp.example.com")
    assert done.returncode != 0 and "REFUSED" in done.stdout + done.stderr
    issuer.wait_log(r"warning: update of example.com from lego._acme.* REFUSED: _acme-challenge.ftp.example.com. TXT")


@pytest.mark.once
def test_certbot_with_an_acme_key(pasted, tmp_path):
    issuer, parts = pasted("certbot._acme.www.example.com")
    credentials = tmp_path / "credentials.ini"
    credentials.write_text(part(parts, "for certbot").replace("ADDRESS", "127.0.0.1").replace("= 53", f"= {issuer.port}"))
    credentials.chmod(0o600)
    directory = tmp_path / "certbot"
    arguments = ["certonly", "--non-interactive", "--agree-tos", "--email", "hostmaster@example.com",
                 "--server", issuer.pebble.directory_url, "--config-dir", directory, "--work-dir", directory / "work",
                 "--logs-dir", directory / "logs", "--dns-rfc2136", "--dns-rfc2136-credentials", credentials,
                 "--dns-rfc2136-propagation-seconds", "1", "-d"]
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": issuer.pebble.ca_path}
    certbot([*arguments, "www.example.com"], environment, directory / "logs" / "letsencrypt.log")
    assert read(directory / "live" / "www.example.com" / "cert.pem")
    done = client.run(["certbot", *arguments, "ftp.example.com"], check=False, env=environment)
    assert done.returncode != 0 and "REFUSED" in done.stdout + done.stderr


def test_certns_fetch_with_a_csr_key(pasted, tmp_path):
    issuer, parts = pasted("web1._csr.www.example.com")
    key, config, root = tmp_path / "fetch.key", tmp_path / "fetch.yaml", tmp_path / "root.pem"
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
        f.write(part(parts, "for it, the file"))
    root.write_text(issuer.pebble.root_pem())
    config.write_text(part(parts, "for certns-fetch").replace("/etc/certns/fetch.key", str(key)) +
                      f"\nserver: {issuer.address}@{issuer.port}\nverify: {root}\ndirectory: {tmp_path / 'place'}\n")
    client.run([program("tools/certns-fetch"), "-c", config])
    assert read(tmp_path / "place" / "www.example.com" / "current" / "certificate.pem")


def test_a_zone_of_its_own_for_challenges(certnsd, tmp_path):
    """_acme-challenge.HOST may be a zone; and keys stand in the configuration and in key files, too."""
    name = "_acme-challenge.www.example.com"
    other = Key("y._acme.www.example.com")
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), name: zone(name)})
    server = certnsd(git=repo, keys=[{"name": ACME.name, "algorithm": ACME.algorithm, "secret": ACME.secret}])
    (tmp_path / "keys").write_text(f"{other.name}:SHA256:{other.secret}\n")
    server.start(name, arguments=["-c", server.config_path, "--key-file", str(tmp_path / "keys")])
    for key in ACME, other:
        message = client.new_update(name, key)
        message.add("@", 60, "TXT", f'"{key.name}"')
        assert client.send_update(server, message) == "NOERROR"
        message = client.new_update(name, key)
        message.add("ns1", 60, "TXT", '"x"')
        assert client.send_update(server, message) == "REFUSED"
    assert len(client.look(server, name, "TXT")) == 2


def test_what_keygen_prints_can_be_pasted(tmp_path):
    acme = keygen("x._acme.www.example.com")
    yaml.safe_load_all(part(acme, "for cert-manager"))
    found = list(yaml.safe_load_all(part(acme, "for cert-manager").replace("# and in the issuer:", "---")))
    assert found[1]["solvers"][0]["dns01"]["rfc2136"]["tsigKeyName"] == "x._acme.www.example.com"
    assert found[0]["stringData"]["secret"] in part(acme, "in the Caddyfile")

    path = tmp_path / "key"
    path.write_text(part(keygen("x._csr.www.example.com"), "for it, the file"))
    client.run(["nsupdate", "-k", path], input="quit\n")

    transfer = keygen("x._transfer.example.com")
    path.write_text(re.sub("(?m)^# zone", "zone", part(transfer, "for BIND")).replace("ADDRESS", "192.0.2.1"))
    client.run(["named-checkconf", path])
    path.write_text(part(transfer, "for Knot DNS").replace("ADDRESS", "192.0.2.1"))
    client.run(["knotc", "-c", path, "conf-check"])

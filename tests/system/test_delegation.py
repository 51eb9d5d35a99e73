"""Challenges that are delegated: by CNAME, to zones here and at other people's primaries, and by zones of their own."""

import pytest

from lib import certs, client
from lib.certs import Published, Request, upload_script
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.named import Named
from lib.wait import stays, wait_for
from lib.zones import sign, zone

PATIENT = 60


@pytest.fixture
def resolver(tmp_path):
    """resolver({zone: server}) is a name server that asks those servers, and caches nothing."""
    def make(zones):
        named = Named(tmp_path / "resolver", name="resolver")
        named.options = "max-ncache-ttl 0; max-cache-ttl 0; "
        for name, server in zones.items():
            named.resolve(name, server)
        return named.start(*zones)

    return make


@pytest.fixture
def issuer(certnsd, tmp_path, key, resolver, pebble_for):
    """issuer(extra, zones) serves example.com with these lines, and the other zones; Pebble asks a resolver."""
    def make(extra, zones=(), configure=lambda server: None, elsewhere=None):
        texts = {"example.com": zone(extra=extra), "example.com._keys": key.dnskey(), **{z: zone(z) for z in zones}}
        repo = GitRepo(tmp_path / "git", texts)
        server = certnsd(git=repo)
        for name in ("example.com", *zones):
            server.zone_entry(name)
        configure(server)
        # The zones are served before the resolver asks for them.
        pebble = pebble_for(server, start=False)
        server.use_acme(pebble)
        server.write_config()
        server.start("example.com", *zones)
        asked = resolver({"example.com": server, **{z: server for z in zones}, **(elsewhere or {})})
        pebble.dns = f"{asked.address}:{asked.port}"
        pebble.start()
        server.pebble, server.repo = pebble, repo
        return server

    return make


def obtain(server, key, request, host="www.example.com"):
    client.nsupdate(server, key, upload_script(host, request))
    return wait_for(lambda: Published(server, host).certificate(request), f"a certificate for {host}", PATIENT)


def challenges(server, owners):
    return [n for n in owners if client.look(server, n, "TXT")]


ZONES = ["example.net", "example.org"]


@pytest.mark.parametrize("extra, hosts, owners", [
    ("_acme-challenge.www\tCNAME\twww.example.net.\n", ["www.example.com"], ["www.example.net"]),
    ("_acme-challenge.www\tCNAME\twww.example.org.\n_acme-challenge\tCNAME\tapex.example.net.\n",
     ["example.com", "*.example.com", "www.example.com"], ["apex.example.net", "www.example.org"]),
    ("*.www\tCNAME\tcaught.example.net.\n", ["www.example.com"], ["caught.example.net"]),
    ("*.wild\tCNAME\tcdn.example.invalid.\n", ["www.example.com", "a.wild.example.com"],
     ["_acme-challenge.www.example.com", "_acme-challenge.a.wild.example.com"]),
    ("below\tDNAME\texample.net.\n", ["www.example.com", "a.below.example.com"],
     ["_acme-challenge.www.example.com", "_acme-challenge.a.example.net"]),
], ids=["cname", "apex-wildcard-and-host", "wildcard-cname", "wildcard-cname-away", "dname"])
def test_aliases_to_zones_here(issuer, key, tmp_path, extra, hosts, owners):
    server = issuer(extra, ZONES)
    request = Request(hosts)
    assert certs.names_of(obtain(server, key, request)) == sorted(hosts)
    wait_for(lambda: not challenges(server, owners), "the challenges are taken away")
    for changed in {o[-len("example.com"):] for o in owners} & set(ZONES):
        assert client.serial(server, changed) >= 3, f"one was put into {changed}, and taken away"


def test_a_chain_of_two_zones(issuer, key):
    server = issuer("_acme-challenge.www\tCNAME\tone.example.net.\n", ["example.net", "example.org"])
    server.repo.edit("example.net", lambda t: t + "one\tCNAME\ttwo.example.org.\n")
    server.pull()
    wait_for(lambda: client.look(server, "one.example.net", "CNAME"), "the second link is served")
    serial = client.serial(server, "example.net")
    obtain(server, key, Request(["www.example.com"]))
    assert client.serial(server, "example.org") > 1 and client.serial(server, "example.net") == serial


@pytest.mark.parametrize("extra, words", [
    ("_acme-challenge.www\tCNAME\tone\none\tCNAME\t_acme-challenge.www\n",
     "_acme-challenge.www.example.com -> one.example.com -> _acme-challenge.www.example.com: these aliases lead in a circle"),
    ("_acme-challenge.www\tCNAME\tone\none\tCNAME\tfar.example.net.\n",
     "_acme-challenge.www.example.com -> one.example.com -> far.example.net, which is in none of the zones here"),
    ("_acme-challenge.www\tNS\tns1\n", "_acme-challenge.www.example.com is delegated to servers elsewhere"),
], ids=["circle", "leaves", "cut"])
def test_what_cannot_be_followed_is_said(certnsd, tmp_path, key, fakeca_for, extra, words):
    csr = f"_letsencrypt._tcp.www\t3600\tTLSA\t{Request(['www.example.com']).rdata()}\n"
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=extra + csr), "example.com._keys": key.dnskey()})
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme(ca)
    server.write_config()
    server.start("example.com")
    wait_for(lambda: server.certs("www.example.com"), "the CSR is found")
    wait_for(lambda: words in (server.certs("www.example.com")[0]["problem"] or ""), f"it says: {words}")
    assert not ca.orders, "and no order was placed"
    repo.edit("example.com", lambda t: t.replace(extra, ""))
    server.pull()
    wait_for(lambda: server.certs("www.example.com")[0]["state"] == "valid", "a way is seen when it opens", PATIENT)


def test_a_zone_at_a_remote_primary(issuer, key, named):
    """The alias leads to a zone whose primary is BIND: updates by TSIG, back by transfer."""
    update = Key("certns._update.example.net")
    named.key(update)
    named.primary("example.net", zone("example.net").replace("7200", "2"),
                  options=f'allow-update {{ key "{update.name}"; }};')
    named.start("example.net")

    def configure(server):
        server.config["keys"] = [{"name": update.name, "algorithm": update.algorithm, "secret": update.secret}]
        server.zone_entry("example.net", primaries=[f"{named.address}@{named.port} key {update.name}"],
                          **{"check-servers": [f"{named.address}@{named.port}"]})

    server = issuer("_acme-challenge.www\tCNAME\twww.example.net.\n", configure=configure,
                    elsewhere={"example.net": named})
    before = client.serial(named, "example.net")
    obtain(server, key, Request(["www.example.com"]))
    wait_for(lambda: not client.look(named, "www.example.net", "TXT"), "the challenge is taken away there")
    assert client.serial(named, "example.net") >= before + 2, "it was put there and taken away"
    assert client.look(server, "_acme-challenge.www.example.com", "TXT") == []


def test_a_zone_of_its_own(issuer, key, tmp_path):
    """Cut off by NS, and served here: from a file."""
    child = "_acme-challenge.www.example.com"
    path = tmp_path / "child.zone"
    path.write_text(zone(child))

    def configure(server):
        server.zone_entry(child, file=str(path))

    server = issuer("_acme-challenge.www\tNS\tns1._acme-challenge.www\nns1._acme-challenge.www\tA\t127.0.0.1\n",
                    configure=configure)
    parent = client.serial(server, "example.com")
    obtain(server, key, Request(["www.example.com"]))
    wait_for(lambda: client.serial(server, child) >= 3, "the child was changed, twice")
    wait_for(lambda: not client.look(server, child, "TXT"), "the challenge is taken away")
    assert parent is not None


@pytest.mark.parametrize("way", ["cname", "ns"])
def test_a_host_of_another_zone(certnsd, tmp_path, named, resolver, pebble_for, way):
    """Its zone is somebody else's; only the challenge is delegated here.  A key for all zones may bring such a CSR."""
    child, key = "_acme-challenge.www.example.net", Key("operator._update")
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "_keys": key.dnskey(),
                                      **({child: zone(child)} if way == "ns" else {})})
    extra = {"cname": f"{child}.\tCNAME\tother-www.example.com.\n",
             "ns": "_acme-challenge.www\tNS\tns1\n"}[way]
    named.primary("example.net", zone("example.net", extra=extra))
    named.start("example.net")
    server = certnsd(git=repo)
    for name in ("example.com", *([child] if way == "ns" else [])):
        server.zone_entry(name)
    pebble = pebble_for(server, start=False)
    server.use_acme(pebble)
    server.write_config()
    zones = ["example.com"] + ([child] if way == "ns" else [])
    asked_zones = {"example.net": named, "example.com": server, **({child: server} if way == "ns" else {})}
    server.start(*zones)
    asked = resolver(asked_zones)
    pebble.dns = f"{asked.address}:{asked.port}"
    pebble.start()
    if way == "cname":          # only a resolver can tell where it leads
        server.stop()
        server.config["acme"]["resolvers"] = [f"{asked.address}@{asked.port}"]
        server.write_config()
        server.start(*zones)
    request = Request(["www.example.net"])
    obtain(server, key, request, "cert.example.com")
    wait_for(lambda: client.serial(server, child if way == "ns" else "example.com") >= 3, "the challenge was here")
    assert client.serial(named, "example.net") == 1


def test_a_name_of_elsewhere_that_leads_nowhere(certnsd, tmp_path, named, fakeca_for):
    """The resolver says so before an order is placed."""
    csr = f"_letsencrypt._tcp.cert\t3600\tTLSA\t{Request(['www.example.net']).rdata()}\n"
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=csr)})
    named.primary("example.net", zone("example.net", extra="_acme-challenge.www\tCNAME\twww\n"))
    named.start("example.net")
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme(ca)
    server.config["acme"]["resolvers"] = [f"{named.address}@{named.port}"]
    server.write_config()
    server.start("example.com")
    words = "_acme-challenge.www.example.net -> www.example.net: the last is in none of the zones here, and is no CNAME to one"
    wait_for(lambda: server.certs("cert.example.com") and words in (server.certs("cert.example.com")[0]["problem"] or ""), words)
    assert not ca.orders


def test_the_alias_must_be_visible_too(certnsd, tmp_path, key, fakeca_for, named):
    """A secondary of the parent that does not have the alias yet would send the CA astray: the order waits for it."""
    repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.com._keys": key.dnskey(), "example.net": zone("example.net")})
    server = certnsd(git=repo)
    named.primary("example.com", zone())            # one that stays behind
    named.start("example.com")
    server.zone_entry("example.com", **{"check-servers": [f"{named.address}@{named.port}"]})
    server.zone_entry("example.net")
    ca = fakeca_for(server)
    server.use_acme(ca)
    server.config["acme"]["self-check-timeout"] = "3s"
    server.write_config()
    server.start("example.com", "example.net")
    repo.edit("example.com", lambda t: t + "_acme-challenge.www\tCNAME\twww.example.net.\n")
    server.pull()
    wait_for(lambda: client.look(server, "_acme-challenge.www.example.com", "CNAME"), "the alias is served here")
    client.nsupdate(server, key, upload_script("www.example.com", Request(["www.example.com"])))
    wait_for(lambda: "did not show the challenge for www.example.com" in (server.certs("www.example.com")[0]["problem"] or ""),
             "the server that lags is named", PATIENT)
    assert ca.failed_validations == 0 and ca.validations == 0, "no attempt was burned"
    stays(lambda: not client.look(server, "www.example.net", "TXT"), "the challenge is gone", 1)


def test_ways_out_of_a_signed_zone(certnsd, tmp_path, key, fakeca_for):
    """What comes signed is never changed.  It says what can be done; and that can be done."""
    def signed(serial, extra):
        directory = tmp_path / f"signed{serial}"
        directory.mkdir()
        (directory / "zone").write_text(zone("example.net", serial=serial, extra=extra))
        return sign(directory, "example.net")

    request = Request(["www.example.net"])
    csr = f"_letsencrypt._tcp.www\t3600\tTLSA\t{request.rdata()}\n"
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=csr), "example.net": signed(1, csr)})
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    ca = fakeca_for(server)
    server.use_acme(ca)
    server.write_config()
    server.start("example.com", "example.net")

    def problem(host):
        return (server.certs(host) or [{"problem": ""}])[0]["problem"] or ""

    wait_for(lambda: "no certificate can be published beside the CSR" in problem("www.example.net"),
             "nor can a certificate")
    for way in ("make the name a CNAME", "delegate it by NS", "hidden secondary of whoever signs it"):
        wait_for(lambda w=way: w in problem("www.example.com"), f"a way out: {way}")
    assert not ca.orders
    repo.edit("example.net", lambda t: signed(2, "_acme-challenge.www\tCNAME\there.example.com.\n"))
    server.pull()
    wait_for(lambda: Published(server, "www.example.com").certificate(request), "the first way works", PATIENT)

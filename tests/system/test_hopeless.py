"""A CSR of which no certificate can come is refused at the door; one that came by another way tells why in its status."""

import re

import dns.edns
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from lib import client
from lib.certs import Published, Request
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone

KEY = Key("client._update.example.com")
PARTIAL = Key("part.example.com")
HERE = "_letsencrypt._tcp.www"
POLICY = [f"grant {PARTIAL.name} name {HERE}.example.com TLSA",
          f"grant {PARTIAL.name} name _acme-challenge.ftp.example.com TXT"]


@pytest.fixture
def make(certnsd, tmp_path, fakeca_for):
    """make(settings of acme): a server with two zones that may be changed, and one that may not."""
    def make_server(start=True, zones=None, **settings):
        repo = GitRepo(tmp_path / "git", {"example.com": zone(), "example.net": zone("example.net"),
                                          "example.org": zone("example.org"), "_keys": KEY.dnskey() + PARTIAL.dnskey(),
                                          **(zones or {})})
        server = certnsd(git=repo)
        for name in "example.com", "example.net":
            server.zone_entry(name)
        server.zone_entry("example.org", acme=False)
        server.ca = fakeca_for(server)
        server.use_acme(server.ca)
        server.config["acme"].update(settings)
        server.write_config()
        server.repo = repo
        return server.start("example.com", "example.net") if start else server

    return make_server


def upload(server, *rdatas, key=KEY, name=HERE):
    message = client.new_update("example.com", key)
    message.delete(name, "TLSA")
    for rdata in rdatas:
        message.add(name, 3600, "TLSA", rdata)
    message.use_edns(0, payload=65535, request_payload=65535)
    reply = client.exchange(server, message, tcp=True)
    words = [o.text for o in reply.options if o.otype == dns.edns.OptionType.EDE]
    return client.rcode(reply), words[0] if words else ""


def request(*names, key=None):
    return "3 255 0 " + signed(key or ec.generate_private_key(ec.SECP256R1()), *names).hex()


def signed(key, *names):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def rsa_1024():
    return rsa.generate_private_key(65537, 1024)


@pytest.fixture(scope="module")
def hopeless():
    return [
        ("octets", ["3 255 0 00"], "not a PKCS#10 request"),
        ("another's signature", ["3 255 0 " + Request(["www.example.com"]).der[:-4].hex() + "00000000"],
         "PKCS#10|signature"),
        ("a weak key", [request("www.example.com", key=rsa_1024())], "1024 bits"),
        ("a key of another kind", [request("www.example.com", key=dsa.generate_private_key(2048))], "kind"),
        ("a name elsewhere", [request("www.example.com", "www.nowhere.example")], "www.nowhere.example"),
        ("a zone where nothing is ordered", [request("www.example.com", "www.example.org")], "www.example.org"),
        ("a zone of which the key says nothing", [request("www.example.com", "www.example.net")],
         "may not have a certificate for www.example.net"),
        ("no Punycode", [request("www.example.com", "xn--a.www.example.com")], "Punycode"),
        ("too many names", [request(*(f"h{i}.example.com" for i in range(101)))], "101 names"),
        ("two CSRs", [request("www.example.com"), request("www.example.com")], "two CSRs"),
    ]


def test_refused_at_the_door(make, hopeless):
    server = make()
    for why, rdatas, words in hopeless:
        rcode, said = upload(server, *rdatas)
        assert rcode == "REFUSED" and re.search(words, said), (why, rcode, said)
        assert said.startswith(f"{HERE}.example.com. TLSA: "), (why, said)
        server.wait_log(r"warning: update of example.com from client\._update.* REFUSED: .*(" + words + ")")
    assert client.look(server, f"{HERE}.example.com", "TLSA") == []
    assert server.ca.count("newOrder") == 0
    assert 'certns_updates_refused_total{by="record"} %d' % len(hopeless) in server.ctl_text("metrics").stdout
    good = Request(["www.example.com"])
    assert upload(server, good.rdata()) == ("NOERROR", "")
    wait_for(lambda: Published(server, "www.example.com").certificate(good), "a certificate")


def test_taken_when_configured_so(make, hopeless):
    server = make(**{"accept-hopeless": True})
    for why, rdatas, words in hopeless:
        assert upload(server, *rdatas)[0] == "NOERROR", why
        if "the key says nothing" not in why:           # who brought it is not known later
            wait_for(lambda: any(re.search(words.replace("two", "2"), c["problem"] or "") for c in
                                 server.certs("www.example.com")), f"{why}: {words}")


def test_by_git_it_is_in_the_status(make):
    line = f"{HERE} TLSA " + request("www.example.com", key=rsa_1024()) + "\n"
    server = make(zones={"example.com": zone(extra=line)})
    wait_for(lambda: [c for c in server.certs("www.example.com") if "1024 bits" in (c["problem"] or "")],
             "the reason is told")
    assert server.ca.count("newOrder") == 0


def test_names_that_the_key_could_prove_itself(make):
    """One name more, of which the key may change the challenges."""
    server = make(start=False)
    server.zone_entry("example.com", **{"update-policy": POLICY})
    server.start("example.com")
    rcode, said = upload(server, request("www.example.com", "ns1.example.com"), key=PARTIAL)
    assert rcode == "REFUSED" and "may not have a certificate for ns1.example.com" in said
    assert upload(server, request("www.example.com", "ftp.example.com"), key=PARTIAL) == ("NOERROR", "")


def test_names_elsewhere_need_a_rule(make, named):
    """Their challenges may lead to a zone of somebody else here."""
    server = make(start=False, resolvers=[f"127.0.0.1@{named.port}"])
    server.zone_entry("example.com", **{"update-policy": ["grant * zonesub ANY", f"grant {PARTIAL.name} acme www.test"]})
    server.start("example.com")
    for name, rcode in ("www.test", "NOERROR"), ("ftp.test", "REFUSED"):
        assert upload(server, request("www.example.com", name), key=PARTIAL)[0] == rcode, name

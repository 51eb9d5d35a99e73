"""CAA records, and zones that do not validate, are found before an order is placed."""

import base64
import re

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import wait_for
from lib.zones import zone

KEY = Key("client._update.example.com")


@pytest.fixture
def make(certnsd, tmp_path, fakeca_for):
    def make_server(caa, **settings):
        repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=caa), "_keys": KEY.dnskey()})
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        server.ca = fakeca_for(server, check_caa=True)
        server.use_acme(server.ca)
        server.config["acme"].update(settings)
        server.write_config()
        return server.start("example.com")

    return make_server


def refused(server, host, words):
    def told():
        found = [c for c in server.certs(host) if re.search(words, c["problem"] or "")]
        return found and found[0]

    return wait_for(told, f"{host}: {words}")


def test_another_ca(make):
    server = make('@ CAA 0 issue "other.example"\n')
    request = Request(["www.example.com"])
    client.nsupdate(server, KEY, upload_script("www.example.com", request))
    refused(server, "www.example.com", 'CAA of example.com, 0 issue "other.example" does not let ca.example issue')
    assert server.ca.count("newOrder") == 0
    client.nsupdate(server, KEY, 'update add example.com 300 CAA 0 issue "ca.example"\nsend\n')
    wait_for(lambda: Published(server, "www.example.com").certificate(request), "a certificate")


def test_wildcards_of_nobody(make):
    server = make('@ CAA 0 issue "ca.example"\n@ CAA 0 issuewild ";"\n')
    wildcard, plain = Request(["*.www.example.com"]), Request(["example.com"])
    client.nsupdate(server, KEY, upload_script("www.example.com", wildcard))
    client.nsupdate(server, KEY, upload_script("example.com", plain))
    refused(server, "www.example.com", r"\*\.www\.example\.com: CAA of example.com, 0 issuewild")
    wait_for(lambda: Published(server, "example.com").certificate(plain), "a certificate for the other")
    assert server.ca.count("newOrder") == 1


def test_account_and_method(make):
    """accounturi and validationmethods (RFC 8657), and the CA agrees."""
    server = make('@ CAA 0 issue "ca.example; validationmethods=http-01"\n'
                  'acct CAA 0 issue "ca.example; accounturi=https://ca.example/acct/none"\n')
    client.nsupdate(server, KEY, upload_script("www.example.com", Request(["www.example.com"])))
    client.nsupdate(server, KEY, upload_script("acct.example.com", Request(["acct.example.com"])))
    refused(server, "www.example.com", "allows other ways of validation only")
    refused(server, "acct.example.com", "for another account")
    assert server.ca.count("newOrder") == 0
    account = server.ca.accounts[0].url
    request = Request(["good.example.com"])
    client.nsupdate(server, KEY, f'update add good.example.com 300 CAA 0 issue "ca.example; accounturi={account}; '
                                 'validationmethods=dns-01"\nsend\n')
    client.nsupdate(server, KEY, upload_script("good.example.com", request))
    wait_for(lambda: Published(server, "good.example.com").certificate(request), "a certificate")


def test_another_authority_may(certnsd, tmp_path, fakeca_for):
    """Two authorities, of which CAA allows the second."""
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra='@ CAA 0 issue "second.example"\n'), "_keys": KEY.dnskey()})
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    first, second = fakeca_for(server, check_caa=True), fakeca_for(server, caa_identities=["second.example"], check_caa=True)
    server.use_acme({"authorities": [{"name": name, "directory": ca.directory_url, "ca-certificates": ca.ca_path,
                                      "terms-agreed": True} for name, ca in (("first", first), ("second", second))]})
    server.write_config()
    server.start("example.com")
    request = Request(["www.example.com"])
    client.nsupdate(server, KEY, upload_script("www.example.com", request))
    wait_for(lambda: Published(server, "www.example.com").certificate(request), "a certificate")
    assert first.count("newOrder") == 0 and second.count("newOrder") == 1


@pytest.mark.once
def test_a_zone_that_does_not_validate(make, named):
    """A validating resolver has a trust anchor for the zone, which is not signed."""
    server = make('@ CAA 0 issue "ca.example"\n', resolvers=[f"127.0.0.1@{named.port}"])
    named.forward("example.com", server)
    named.validation = "yes"
    anchor = base64.b64encode(bytes(64)).decode()
    named.clauses.append(f'trust-anchors {{ "example.com" static-key 257 3 13 "{anchor}"; }};\n')
    named.start()
    request = Request(["www.example.com"])
    client.nsupdate(server, KEY, upload_script("www.example.com", request))
    refused(server, "www.example.com", r"example.com does not validate \(DNSSEC\)")
    assert server.ca.count("newOrder") == 0
    named.stop()
    named.validation = "no"
    named.clauses.pop()
    named.start("example.com")
    server.ctl("renew", "www.example.com")
    wait_for(lambda: Published(server, "www.example.com").certificate(request), "a certificate")

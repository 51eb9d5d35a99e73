"""Is the challenge visible?  Certnsd asks name servers and resolvers before the CA does."""

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.gitrepo import GitRepo
from lib.network import Namespace
from lib.ports import free_port
from lib.resolvers import Dnsdist, JsonApi, Unbound
from lib.tls import Authority
from lib.wait import wait_for
from lib.zones import zone

CHALLENGE = "_acme-challenge.www.example.com"


class Site:
    """A certnsd with example.com, whose minimum is short, Pebble, and resolvers that ask certnsd."""

    def __init__(self, directory, certnsd, repo, pebble_for):
        self.server = certnsd(git=repo)
        self.server.zone_entry("example.com")
        self.pebble = pebble_for(self.server)
        self.authority = Authority(directory / "tls", "resolvers")
        self.tls = self.authority.issue("127.0.0.1")
        self.resolver = Unbound(directory / "unbound", {"example.com": self.server.here()}, self.tls).start()

    def start(self, **settings):
        self.server.use_acme(self.pebble)
        self.server.config["acme"].update({"resolver-ca-certificates": self.authority.path, **settings})
        self.server.write_config()
        self.server.start("example.com")
        return self

    def order(self, key, host="www.example.com"):
        request = Request([host])
        client.nsupdate(self.server, key, upload_script(host, request))
        return request

    def finish(self, request, host="www.example.com"):
        wait_for(lambda: Published(self.server, host).certificate(request), f"a certificate for {host}", 60)

    def problem(self, words, host="www.example.com"):
        return wait_for(lambda: words in (self.server.certs(host)[0]["problem"] or ""), f"the reason is {words!r}")

    def no_attempt_was_made(self):
        assert "/chalZ/" not in self.pebble.log()


@pytest.fixture
def site(tmp_path, certnsd, key, pebble_for):
    text = zone().replace("300 )", "2 )")
    return Site(tmp_path, certnsd, GitRepo(tmp_path / "git", {"example.com": text, "example.com._keys": key.dnskey()}),
                pebble_for)


def test_all_ways(site, key, tmp_path):
    """At the name servers, a resolver, and the same by DNS over HTTPS in each of its forms."""
    doh = Dnsdist(tmp_path / "dnsdist", site.resolver, site.tls).start()
    api = JsonApi(site.resolver, site.tls)
    at = f"https://127.0.0.1:{site.resolver.https_port}/dns-query"
    site.start(**{"self-check": ["authoritative", "resolver", "doh"], "resolvers": [
        f"127.0.0.1@{site.resolver.port}", at, at + "{?dns}", f"https://127.0.0.1:{doh.https_port}/dns-query",
        f"json+https://127.0.0.1:{api.port}/resolve"]})
    site.finish(site.order(key))
    assert site.resolver.log().count(f"{CHALLENGE}. TXT IN NOERROR") == 5, "each was asked once, and saw it at once"
    assert api.asked == [f"/resolve?name={CHALLENGE}&type=16"]
    api.stop()


def test_a_resolver_that_remembers(site, key):
    """It was asked too early by somebody else: it is asked again when it has forgotten."""
    site.start(**{"self-check": ["resolver"], "resolvers": [f"127.0.0.1@{site.resolver.port}"]})
    assert client.rcode(client.ask(site.resolver, CHALLENGE, "TXT")) == "NXDOMAIN"
    site.finish(site.order(key))
    seen = [line for line in site.resolver.log().splitlines() if f"{CHALLENGE}. TXT IN N" in line]
    assert any("NOERROR" in line for line in seen)
    assert len(seen) <= 6, "and not all the time"


@pytest.mark.once
def test_a_resolver_that_never_sees_it(site, key, tmp_path):
    other = Unbound(tmp_path / "other", {}, local_data=["example.com. 60 SOA ns. root. 1 1 1 1 60"],
                    extra='local-zone: "example.com." static').start()
    site.start(**{"self-check": ["resolver"], "self-check-timeout": 2, "resolvers": [
        f"127.0.0.1@{site.resolver.port}", f"127.0.0.1@{other.port}"]})
    site.order(key)
    site.problem(f"127.0.0.1@{other.port} did not show the challenge for www.example.com within 2 s (last: NXDOMAIN")
    site.no_attempt_was_made()
    wait_for(lambda: not client.look(site.server, CHALLENGE, "TXT"), "the challenge is taken away")


@pytest.mark.parametrize("policy", ["fatal", "waive"])
def test_a_silent_name_server(site, key, policy):
    nobody = f"127.0.0.1@{free_port()}"
    site.server.zone_entry("example.com", **{"check-servers": [site.server.here(), nobody]})
    site.start(**{"self-check-silent": policy, "self-check-silent-after": 3})
    request = site.order(key)
    if policy == "waive":
        site.finish(request)
        site.server.wait_log(f"{nobody} has not answered for 3 s .*; it goes on without it")
    else:
        site.problem(f"{nobody} was asked for the challenge for www.example.com and has not answered for 3 s")
        site.no_attempt_was_made()


@pytest.mark.once
def test_a_zone_of_its_own_mind(site, key):
    """All zones by a resolver that is silent, but not this one."""
    site.server.zone_entry("example.com", **{"self-check": ["none"]})
    site.start(**{"self-check": ["resolver"], "resolvers": [f"127.0.0.1@{free_port()}"]})
    site.finish(site.order(key))


@pytest.mark.once
@pytest.mark.parametrize("last, words", [
    ("wrong-path", "did not show the challenge for www.example.com within 2 s (last: HTTP status 404)"),
    ("no-dns", "did not show the challenge for www.example.com within 2 s (last: its answer is application/dns-json and not "
               "application/dns-message)"),
    ("untrusted", "certificate"),
], ids=["wrong-path", "no-dns", "untrusted"])
def test_what_is_wrong_with_a_resolver_is_said(site, key, last, words):
    api = JsonApi(site.resolver, site.tls)
    url = {"wrong-path": f"https://127.0.0.1:{site.resolver.https_port}/other",
           "no-dns": f"https://127.0.0.1:{api.port}/resolve?name={CHALLENGE}&type=16{{?dns}}",
           "untrusted": f"https://127.0.0.1:{site.resolver.https_port}/dns-query"}[last]
    trust = {"resolver-ca-certificates": site.pebble.ca_path} if last == "untrusted" else {}
    site.start(**{"self-check": ["doh"], "self-check-timeout": 2, "resolvers": [url], **trust})
    site.order(key)
    site.problem(words)
    site.no_attempt_was_made()
    api.stop()


@pytest.mark.once
def test_a_resolver_that_wants_to_be_left_alone(site, key):
    api = JsonApi(site.resolver, site.tls, busy=1)
    site.start(**{"self-check": ["doh"], "resolvers": [f"json+https://127.0.0.1:{api.port}/resolve"]})
    site.finish(site.order(key))
    assert len(api.asked) == 2, "not before the two seconds were over"
    api.stop()


def test_name_servers_of_another_zone(tmp_path, certnsd, key, pebble_for, named):
    """Their addresses are found by the resolver, and they are asked, at port 53 of a network of its own.  One that no route leads
    to is left out, since that name server has another one."""
    with Namespace(tmp_path / "network", "alone").entered():
        text = zone(extra="@\tNS\tns.elsewhere.test.\nns1\tAAAA\t2001:db8::53\n")
        repo = GitRepo(tmp_path / "git", {"example.com": text, "example.com._keys": key.dnskey()})
        server = certnsd(git=repo, zones=[{"name": "example.com", "allow-transfer": ["127.0.0.0/8"]}])
        resolver = Unbound(tmp_path / "unbound", {}, local_data=["ns.elsewhere.test. 60 A 127.0.0.9"],
                           extra='local-zone: "elsewhere.test." static').start()
        pebble = pebble_for(server)
        server.use_acme(pebble)
        server.config["acme"]["resolvers"] = [f"127.0.0.1@{resolver.port}"]
        server.config["acme"]["self-check-timeout"] = 120
        server.write_config()
        server.start("example.com")
        request = Request(["www.example.com"])
        client.nsupdate(server, key, upload_script("www.example.com", request))
        server.wait_log("ordering a certificate")
        wait_for(lambda: "ns.elsewhere.test (127.0.0.9)" in (server.ctl("certs", "www.example.com")[0]["step"] or ""),
                 "it is waited for")
        # Its first transfer brings the challenge.
        secondary = certnsd(zones=[{"name": "example.com", "primaries": [server.here()]}],
                            server={"listen": ["127.0.0.9@53"]})
        secondary.address, secondary.port = "127.0.0.9", 53
        secondary.start("example.com")
        wait_for(lambda: Published(server, "www.example.com").certificate(request), "a certificate", 60)

"""Networks without DNS, where HTTPS goes through a proxy that has a certificate authority and wants a password."""

import pytest

from lib import certs, client
from lib.certs import Published, Request, upload_script
from lib.network import ClosedNetwork
from lib.proxies import Socks, Squid, Tinyproxy
from lib.resolvers import Dnsdist, JsonApi, Unbound
from lib.tls import Authority
from lib.wait import wait_for

pytestmark = pytest.mark.once           # others' programs are most of it

CA, DOH = "ca.behind.test", "dns.behind.test"


class Site:
    """Inside: a certnsd with example.com.  Outside: Pebble, resolvers and a proxy."""

    def __init__(self, directory, certnsd, repo, pebble_for):
        self.network = ClosedNetwork(directory / "network")
        self.authority = Authority(directory / "tls", "behind")
        self.proxy_authority = Authority(directory / "tls", "proxy")
        self.directory = directory
        with self.network.inside.entered():
            self.server = certnsd(git=repo)
        self.server.config["server"]["listen"].append(f"{self.network.inside_address}@{self.server.port}")
        self.server.address = self.network.inside_address
        with self.network.outside.entered():
            self.pebble = pebble_for(self.server, names=[CA])
            self.resolver = Unbound(directory / "unbound", {"example.com": self.server.here()},
                                    self.authority.issue(DOH)).start()
        self.server.address = "127.0.0.1"

    def proxy(self, make, *arguments):
        with self.network.outside.entered():
            proxy = make(self.directory / "proxy", self.network.outside_address, [CA, DOH], *arguments).start()
        self.network.close(proxy.port, self.server.port)
        return proxy

    def squid(self, scheme="basic", tls=None):
        with open(self.directory / "trusted.pem", "w", encoding="ascii") as f:
            for path in (self.authority.path, self.pebble.ca_path):
                with open(path, encoding="ascii") as one:
                    f.write(one.read())
        return self.proxy(Squid, self.proxy_authority, f.name, scheme, tls)

    def configure(self, proxy, resolver, **settings):
        self.server.config["acme"] = {
            "authorities": [{"directory": f"https://{CA}:{self.pebble.port}/dir",
                             "ca-certificates": self.pebble.ca_path,
                             "terms-agreed": True}],
            "proxy": proxy.url, "resolvers": [resolver],
            "resolver-ca-certificates": self.authority.path, "self-check": ["doh"], **settings}
        if proxy.credentials_path:
            self.server.config["acme"]["proxy-credentials-file"] = proxy.credentials_path
        self.server.write_config()
        self.server.start("example.com")

    def order(self, key, host="www.example.com"):
        request = Request([host])
        client.nsupdate(self.server, key, upload_script(host, request))
        return request

    def finish(self, request, proxy, host="www.example.com"):
        """The certificate comes, and no packet went anywhere but to the proxy."""
        wait_for(lambda: Published(self.server, host).certificate(request), f"a certificate for {host}", 60)
        assert self.network.dropped() == 0
        password = proxy.password.encode()
        assert password not in self.server.log().encode()
        assert all(password not in octets for _, octets in self.server.state_files())

    def problem(self, words, host="www.example.com"):
        return wait_for(lambda: words in (self.server.certs(host)[0]["problem"] or ""), f"the reason is {words!r}")


@pytest.fixture
def site(tmp_path, certnsd, repo, pebble_for):
    one = Site(tmp_path, certnsd, repo, pebble_for)
    with one.network.inside.entered():
        yield one


@pytest.mark.parametrize("scheme, template", [("basic", ""), ("digest", ""), ("ntlm", "{?dns}")])
def test_squid_that_looks_inside_tls(site, key, scheme, template):
    squid = site.squid(scheme)
    with site.network.outside.entered():
        doh = Dnsdist(site.directory / "dnsdist", site.resolver, site.authority.issue(DOH)).start()
    site.configure(squid, f"https://{DOH}:{doh.https_port}/dns-query{template}",
                   **{"proxy-ca-certificates": site.proxy_authority.path})
    site.finish(site.order(key), squid)
    assert squid.connected() == {f"{CA}:{site.pebble.port}", f"{DOH}:{doh.https_port}"}
    assert "_acme-challenge.www.example.com. TXT" in site.resolver.log()
    assert (" GET https" if template else " POST https") in "".join(
        line for line in squid.access().splitlines(True) if "/dns-query" in line)


def test_squid_and_json(site, key):
    squid = site.squid()
    with site.network.outside.entered():
        api = JsonApi(site.resolver, site.authority.issue(DOH))
    site.configure(squid, f"json+https://{DOH}:{api.port}/resolve",
                   **{"proxy-ca-certificates": site.proxy_authority.path})
    site.finish(site.order(key), squid)
    assert "/resolve?name=_acme-challenge.www.example.com&type=16" in api.asked
    api.stop()


@pytest.mark.parametrize("template", ["", "{?dns}"])
def test_tinyproxy_and_http2(site, key, template):
    """It passes TLS on, so certificates are those of the servers, and HTTP/2 is spoken with the resolver."""
    proxy = site.proxy(Tinyproxy)
    site.configure(proxy, f"https://{DOH}:{site.resolver.https_port}/dns-query{template}")
    site.finish(site.order(key), proxy)
    assert proxy.connected() == {CA, DOH}


def test_socks(site, key):
    """Names are its matter, also where the URL does not say so."""
    with site.network.outside.entered():
        socks = Socks(site.network.outside_address, {CA, DOH})
    site.network.close(socks.port, site.server.port)
    site.configure(socks, f"https://{DOH}:{site.resolver.https_port}/dns-query")
    site.finish(site.order(key), socks)
    assert socks.asked == {CA, DOH}
    socks.stop()


def test_tls_to_the_proxy(site, key):
    squid = site.squid(tls=site.proxy_authority.issue(site.network.outside_address))
    site.configure(squid, f"https://{DOH}:{site.resolver.https_port}/dns-query",
                   **{"proxy-ca-certificates": site.proxy_authority.path})
    site.finish(site.order(key), squid)
    site.server.stop()  # tunnels are logged when they end
    wait_for(lambda: squid.connected() == {f"{CA}:{site.pebble.port}", f"{DOH}:{site.resolver.https_port}"},
             "both went through it")


def test_a_wrong_password(site, key):
    squid = site.squid()
    squid.write(squid.credentials_path, f"{squid.user}:wrong horse\n", 0o600)
    site.configure(squid, f"https://{DOH}:443/dns-query", **{"proxy-ca-certificates": site.proxy_authority.path})
    site.order(key)
    site.problem("the proxy does not take our user and password (status 407)")
    assert "wrong horse" not in site.server.log()
    assert site.network.dropped() == 0


def test_a_proxy_that_is_not_trusted(site, key):
    squid = site.squid()
    site.configure(squid, f"https://{DOH}:443/dns-query")
    site.order(key)
    site.problem("certificate")
    assert site.network.dropped() == 0


def test_a_resolver_that_the_proxy_does_not_reach(site, key):
    squid = site.squid()
    site.configure(squid, "https://nowhere.behind.test/dns-query",
                   **{"proxy-ca-certificates": site.proxy_authority.path, "self-check-silent-after": 2})
    site.order(key)
    site.problem("https://nowhere.behind.test/dns-query was asked for the challenge for www.example.com and has not answered "
                 "for 2 s")
    wait_for(lambda: not client.look(site.server, "_acme-challenge.www.example.com", "TXT"),
             "the challenge is taken away")
    assert "/chalZ/" not in site.pebble.log(), "no attempt is burned"
    assert site.network.dropped() == 0


def test_the_firewall_counts(site):
    """What certnsd would do without the settings is seen."""
    squid = site.squid()
    site.configure(squid, "192.0.2.53", **{"self-check": ["resolver"], "proxy-ca-certificates": site.proxy_authority.path})
    with pytest.raises((client.dns.exception.Timeout, OSError)):
        client.dns.query.udp(client.dns.message.make_query("example.org", "A"), site.network.outside_address,
                             timeout=0.2)
    assert site.network.dropped() > 0

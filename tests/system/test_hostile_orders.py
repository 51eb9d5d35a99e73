"""A CA that lies about orders, authorizations, challenges and certificates: each lie ends in a clear error, publishes nothing,
delays nobody else, and is over when the CA turns honest."""

import re

import dns.rdatatype
import pytest

from lib import client, lies
from lib.certs import Published, Request, upload_script
from lib.fakeca_pki import new_key
from lib.fakeca_script import Alter, Reply, alter_json, member
from lib.wait import wait_for

NEVER = "https://127.0.0.1:9/"


def foreign(name):
    return alter_json(lambda v: v["identifier"].update(value=name))


def each_challenge(**members):
    return lies.challenges(lambda one: one.update(members))


def huge(reply):
    reply.body = b"{" + b" " * 1500000 + b"}"


def longer_than_it_is(reply):
    reply.length = len(reply.body) + 10


# (what the CA does, endpoint, step or function of the CA that makes it, what the operator reads)
LIES = [
    ("an order that is no JSON", "newOrder", lies.body("<html>Welcome to the airport</html>", "text/html"),
     "order is not JSON"),
    ("an order cut short", "newOrder", lies.body('{"status": "pend'), "order is not JSON"),
    ("an order that is an array", "newOrder", lies.body("[]"), "no JSON object"),
    ("an order in bad UTF-8", "newOrder", lies.body(b'{"status": "\xff"}'), "not JSON"),
    ("an order with a NUL", "newOrder", lies.body('{"status": "pending\\u0000"}'), "not JSON"),
    ("an empty order", "newOrder", lies.body(""), "not JSON"),
    ("a deep order", "newOrder", lies.body(lies.deep(100000)), "depth"),
    ("a huge order", "newOrder", Alter(huge), "larger than"),
    ("an order shorter than its length", "newOrder", Alter(longer_than_it_is), "127.0.0.1.*(closed|end of file)"),
    ("an order without state", "newOrder", member(status=None), 'lacks "status"'),
    ("an order with a number for a state", "newOrder", member(status=7), 'lacks "status"'),
    ("an order with a state of its own", "newOrder", member(status="melting"), 'unknown status "melting"'),
    ("an order with a state of many letters", "newOrder", member(status="\u20ac" * 300), 'unknown status'),
    ("an order without authorizations", "newOrder", member(authorizations=None), 'lacks "authorizations"'),
    ("an order with no authorization", "newOrder", member(authorizations=[]), 'lacks "authorizations"'),
    ("an order with an object for authorizations", "newOrder", member(authorizations={"a": "b"}),
     'lacks "authorizations"'),
    ("an order with a number among them", "newOrder", member(authorizations=[5]), "no https URL"),
    ("an order with a plain http authorization", "newOrder", member(authorizations=["http://169.254.169.254/latest/meta-data/"]),
     "no https URL"),
    ("an order with a file for an authorization", "newOrder", member(authorizations=["file:///etc/shadow"]),
     "no https URL"),
    ("an order with too many authorizations", "newOrder", member(authorizations=[NEVER] * 5000), "too many|than names"),
    ("an order without finalize", "newOrder", member(finalize=None), 'lacks "finalize"'),
    ("an order with a plain http finalize", "newOrder", member(finalize="http://127.0.0.1/"), "not https"),
    ("an order for another name", "newOrder",
     member(identifiers=[{"type": "dns", "value": "www.example.net"}]), "www.example.net"),
    ("an order for more names", "newOrder",
     alter_json(lambda v: v["identifiers"].append({"type": "dns", "value": "mail.example.com"})), "mail.example.com"),
    ("an order for no name", "newOrder", member(identifiers=[]), "identifiers"),
    ("an order that is an address", "newOrder",
     member(identifiers=[{"type": "ip", "value": "192.0.2.1"}]), "identifiers|192.0.2.1"),
    ("an order without a place", "newOrder", lies.header("Location", None), "no https URL of the order"),
    ("an order at a plain place", "newOrder", lies.header("Location", "http://127.0.0.1/order"),
     "no https URL of the order"),
    ("an order at half a place", "newOrder", lies.header("Location", "/order/1"), "no https URL of the order"),
    ("a redirect of a POST", "newOrder", Reply(307, headers={"Location": NEVER}), "307"),
    ("a teapot", "newOrder", Reply(418, "short and stout"), "418"),
    ("an order that has failed without reason", "newOrder", member(status="invalid"), "given up the order"),
    ("an error that is a string", "newOrder", member(status="invalid", error="because"), "given up the order"),
    ("an error of odd members", "newOrder",
     member(status="invalid", error={"type": 5, "detail": [], "subproblems": 7}), "given up"),
    ("an error with control characters", "newOrder",
     member(status="invalid", error={"type": "x", "detail": "a\x1b[2Jb\nerror: forged\r\x00c".replace("\x00", "")}),
     "forged"),
    ("an error of a megabyte", "newOrder", member(status="invalid", error={"type": "x", "detail": "blah " * 200000}),
     "blah"),
    ("a refusal of a megabyte", "newOrder", lies.refusal(detail="blah " * 200000), "blah"),
    ("a refusal with many parts", "newOrder",
     lies.refusal(detail="no", subproblems=[{"type": "x", "detail": "part"}] * 20000), "part"),
    ("a refusal of a type with many letters", "newOrder", lies.refusal("\u20ac" * 100, detail="\u20ac" * 3000),
     "\u20ac"),
    ("a refusal in words", "newOrder", Reply(403, "Go away", "text/plain"), "HTTP status 403"),
    ("an order that is valid without a certificate", "newOrder", member(status="valid"), 'lacks "certificate"'),
    ("an order with a plain http certificate", "newOrder", member(status="valid", certificate="http://127.0.0.1/c"),
     "not https"),

    ("an authorization that is no JSON", "authz", lies.body("%"), "authorization is not JSON"),
    ("an authorization for another name", "authz", foreign("www.example.net"), "not ordered: www.example.net"),
    ("an authorization for a name of ours", "authz", foreign("mail.example.com"), "not ordered: mail.example.com"),
    ("an authorization for the zone", "authz", foreign("example.com"), "not ordered: example.com"),
    ("an authorization for a wildcard", "authz", member(wildcard=True), "not ordered"),
    ("an authorization for a star", "authz", alter_json(lambda v: v["identifier"].update(value="*." + v["identifier"]["value"])),
     "not ordered"),
    ("an authorization for an address", "authz",
     member(identifier={"type": "ip", "value": "192.0.2.1"}), 'no identifier of type "dns"'),
    ("an authorization for nobody", "authz", member(identifier=None), 'no identifier of type "dns"'),
    ("an authorization for an array", "authz", member(identifier={"type": "dns", "value": ["a"]}),
     'no identifier of type "dns"'),
    ("an authorization with a state of its own", "authz", member(status="unsure"), 'unknown status "unsure"'),
    ("an authorization that is over", "authz", member(status="revoked"), "deactivated, revoked or let expire"),
    ("an authorization without challenges", "authz", member(challenges=None), "offers nothing"),
    ("an authorization with numbers for challenges", "authz", member(challenges=[1, None, "dns-01"]), "offers nothing"),
    ("an authorization with other challenges", "authz", each_challenge(type="http-01"), "http-01"),
    ("an authorization with very many challenges", "authz",
     alter_json(lambda v: v.update(challenges=[{"type": "dns-01"}] * 10000)), "no challenge"),
    ("a challenge without token", "authz", lies.challenges(lambda one: one.pop("token")), "token"),
    ("a challenge with a token that is no token", "authz", each_challenge(token="../../etc/passwd"), "token"),
    ("a challenge with spaces for a token", "authz", each_challenge(token="a b\nc"), "token"),
    ("a challenge with a huge token", "authz", each_challenge(token="A" * 500000), "token"),
    ("a challenge with a number for a token", "authz", each_challenge(token=5), "token"),
    ("a challenge with a plain http URL", "authz", each_challenge(url="http://127.0.0.1/"), "https"),

    ("a challenge that cannot be answered", "challenge", lies.refusal(detail="changed my mind"), "changed my mind"),

    ("a CSR that is taken with a word", "finalize", Reply(200, "later", "text/plain"), "order is not JSON"),
    ("a CSR that is not liked", "finalize",
     lies.refusal("urn:ietf:params:acme:error:badCSR", 400, detail="ugly"), "badCSR: ugly"),
    ("a certificate at a plain place", "finalize", member(status="valid", certificate="http://127.0.0.1/c"),
     "not https"),

    ("no certificate", "certificate", lies.body(""), "no certificate in PEM"),
    ("a page for a certificate", "certificate", lies.body("<html></html>", "text/html"), "comes as text/html"),
    ("a certificate of a type in other letters", "certificate", lies.body_type("text/\xff\xfe"), "comes as text/"),
    ("a certificate in garbage", "certificate", lies.body(b"\0\xff" * 500), "no certificate in PEM"),
    ("a certificate with a damaged end", "certificate", lies.chain(lambda c: [re.sub("-----END CERT.*", "", lies.pem(c[0]))]),
     "no certificate in PEM"),
    ("a certificate of other octets", "certificate",
     lies.body("-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n"), "not an X.509 certificate"),
    ("a private key", "certificate", lies.chain(lambda c: [c[0], lies.a_private_key()]), 'holds a "PRIVATE KEY"'),
    ("a thousand certificates", "certificate", lies.chain(lambda c: c * 250), "more than"),
    ("a certificate for another key", "certificate",
     lambda ca: lies.issued_again(ca, public=new_key().public_key()), "another key"),
    ("a certificate for another name", "certificate",
     lambda ca: lies.issued_again(ca, names=["www.example.net"]), "www.example.net"),
    ("a certificate for no name", "certificate", lambda ca: lies.issued_again(ca, names=[]), "no name"),
    ("a certificate that has expired", "certificate", lies.expired, "expired, by the CA's own clock"),
    ("a certificate of tomorrow", "certificate", lies.not_yet_valid, "not valid yet, by the CA's own clock"),
    ("a chain in the wrong order", "certificate", lies.chain(lambda c: c[::-1]), "another key|order|not for"),
    ("intermediates in the wrong order", "certificate", lies.chain(lambda c: [c[0], *c[:0:-1]]), "chain"),
    ("a leaf signed by a stranger", "certificate", lies.by_a_stranger(True), "chain|signed"),
    ("a leaf twice", "certificate", lies.chain(lambda c: [c[0], *c]), "chain"),
    ("a stranger in the chain", "certificate", lies.chain(lambda c: [c[0], lies.Authority("Stranger").certificate]),
     "chain"),
]


@pytest.fixture
def liar(certnsd, repo, fakeca_for):
    """make(...): a server, a CA, and another one for the label _honest._tcp."""
    def make(**settings):
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        cas = [fakeca_for(server, **settings), fakeca_for(server)]
        server.config["acme"] = {
            "authorities": [{"name": name, "directory": ca.directory_url, "ca-certificates": ca.ca_path,
                             "terms-agreed": True}
                            for name, ca in zip(("liar", "honest"), cas)],
            "labels": [{"label": "_letsencrypt._tcp", "authority": "liar"},
                       {"label": "_honest._tcp", "authority": "honest"}]}
        server.write_config()
        return server.start("example.com"), cas[0]

    return make


@pytest.mark.parametrize("part", range(4))
def test_lies(liar, key, part):
    """Each host has its own lie, all at the same time."""
    cases = LIES[part::4]
    server, ca = liar(intermediates=3)
    requests = {}
    for i, (_, endpoint, step, _) in enumerate(cases):
        host = f"h{i}.example.com"
        requests[host] = Request([host])
        ca.always(endpoint, step(ca) if callable(step) and not isinstance(step, (Alter, Reply)) else step, host=host)
    client.nsupdate(server, key, "".join(upload_script(h, r) for h, r in requests.items()))
    for host in requests:
        # a CA that lies to two is left alone for a while, but not if the operator wants it
        server.ctl("renew", host)
    honest = Request(["h0.example.com"])
    client.nsupdate(server, key, upload_script("h0.example.com", honest, "_honest._tcp"))
    wait_for(lambda: Published(server, "h0.example.com", "_honest._tcp").certificate(honest), "nobody else is delayed",
             30)
    judge(server, cases, requests)
    assert "out of memory" not in server.log(), "whatever the CA says can be kept"
    ca.honest()
    for host in requests:
        server.ctl("renew", host)
    for (why, *_), (host, request) in zip(cases, requests.items()):
        wait_for(lambda h=host, r=request: Published(server, h).certificate(r), f"a certificate after {why}", 60)
    wait_for(lambda: not txts(server, key), "no challenge is left")
    assert not [c for c in server.ctl("certs") if c["problem"]]


def test_one_lie(issuer_with, key):
    """Whom a CA lies to waits alone; the others at the same CA go on, one after the other."""
    server, ca = issuer_with()
    ca.always("finalize", Reply(200, "%"), host="bad.example.com")
    for i in range(5):
        host = f"good{i}.example.com"
        bad, good = Request(["bad.example.com"]), Request([host])
        client.nsupdate(server, key, upload_script("bad.example.com", bad) + upload_script(host, good))
        wait_for(lambda h=host, r=good: Published(server, h).certificate(r), f"a certificate for {host}", 20)
        wait_for(lambda: problem_of(server, "bad.example.com"), "the lie is noticed")


def judge(server, cases, requests):
    faults = []
    for (why, _, _, words), host in zip(cases, requests):
        try:
            if words is None:
                continue
            problem = wait_for(lambda h=host: problem_of(server, h), f"{why} is noticed", 20)
            if not re.search(words, problem):
                faults.append(f"{why}: {words!r} is not in {problem[:300]!r}")
            if len(problem) > 4000:
                faults.append(f"{why}: {len(problem)} octets of words")
            if not Published(server, host).leaves == []:
                faults.append(f"{why}: published")
        except AssertionError as fault:
            faults.append(str(fault)[:300] + str(server.certs(host))[:300])
    assert not faults, "\n".join(faults)


def problem_of(server, host):
    return next((c["problem"] for c in server.certs(host) if c["label"] == "_letsencrypt._tcp"), None)


def txts(server, key):
    return [r for r in client.transferred(server, "example.com", key) if r[1] == dns.rdatatype.TXT and
            b"acme-challenge" in r[0]]

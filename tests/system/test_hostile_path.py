"""A CA that cannot be talked to, and a path to it that is cut, slow, or in foreign hands: each ends in a clear error in time, and
is over when all is well again.

Each label of one server has a CA of its own, so that all go wrong side by side."""

import re

import pytest

from lib import client, lies, lyingproxy
from lib.certnsd import SANITIZED
from lib.certs import Published, Request, upload_script
from lib.fakeca_script import Reply, endless, member, raw, reset, reset_after, sent, silent, silent_after_headers, slow
from lib.lyingproxy import LyingProxy, cut_after, flip, repeats, says, through
from lib.wait import PATIENCE, wait_for

HOST = "www.example.com"
SECONDS = 8 if SANITIZED else 4         # for one request


def redirect(to, status=302):
    return Reply(status, headers={"Location": to})


def always(endpoint, step):
    return lambda ca: ca.always(endpoint, step)


def settings(**values):
    return lambda ca: [setattr(ca, name, value) for name, value in values.items()]


def cut_handshake(connection, _):
    connection.tls.recv(50)


def cut_after_server_hello(connection, _):
    connection.tls.recv(2000)
    connection.send(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(40))
    connection.reset()


def plain_http(connection, _):
    connection.tls.recv(2000)
    connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def without_end(head, octets):
    """raw() that goes on."""
    def wire(connection, _):
        connection.send(head)
        while not connection.ended.is_set():
            connection.send(octets)

    return wire


LATE = "timed out|timeout|time out"
BROKEN = "reset|connect|closed|failure|SSL|Empty reply|EOF|eof"

# (what is wrong, what does it, what the operator reads)
CAS = [
    ("nothing there", always("directory", Reply(404)), "directory cannot be fetched.*404"),
    ("a page for a directory", always("directory", lies.body("<html>Log in to the WLAN</html>", "text/html")),
     "directory is not JSON"),
    ("a directory that is an array", always("directory", lies.body("[]")), "no JSON object"),
    ("a deep directory", always("directory", lies.body(lies.deep(20000))), "depth"),
    ("a directory without newNonce", always("directory", member(newNonce=None)), 'lacks "newNonce"'),
    ("a directory with a plain http URL", always("directory", member(newOrder="http://127.0.0.1/")), "not https"),
    ("a directory with an endless URL", always("directory", member(newOrder="https://ca.example/" + "a" * 10000)),
     "newOrder"),
    ("a directory with a line break", always("directory", member(newNonce="https://127.0.0.1/\r\nX: y")), "newNonce"),
    ("a redirect to itself", always("directory", redirect("/directory")), "redirect"),
    ("a redirect to plain http", always("directory", redirect("http://127.0.0.1:9/")), "rotocol"),
    ("a redirect to a file", always("directory", redirect("file:///etc/passwd")), "rotocol"),
    ("a redirect to nowhere", always("directory", redirect("https://127.0.0.1:9/")), "127.0.0.1:9"),
    ("a large directory", always("directory", lies.body(b" " * 100000 + b"{}")), "larger than 65536"),
    ("a huge directory", always("directory", lies.body(b" " * 3000000)), "larger than"),
    ("an endless directory", always("directory", sent(endless)), "larger than|" + LATE),
    ("a slow directory", always("directory", sent(slow(0.2))), LATE),
    ("a silent CA", always("directory", sent(silent)), LATE),
    ("a CA silent after its headers", always("directory", sent(silent_after_headers)), LATE),
    ("a CA that hangs up", always("directory", sent(reset)), BROKEN),
    ("a CA that hangs up in the middle", always("directory", sent(reset_after(150))), BROKEN),
    ("no HTTP", always("directory", sent(raw(b"220 mail.example.com ESMTP\r\n"))), "HTTP|Weird|weird"),
    ("a status line of its own", always("directory", sent(raw(b"HTTP/9.9 banana\r\n\r\n"))), "HTTP|ersion|Weird|weird"),
    ("a header without end", always("directory", sent(without_end(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65536))),
     "too long"),
    ("headers without end", always("directory", sent(without_end(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 1000 + b"\r\n"))),
     "Too large response headers"),
    ("promises without end", always("directory", sent(without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100))),
     "Too large response headers"),
    ("no nonce", always("newNonce", lies.header("Replay-Nonce", None)), "no usable Replay-Nonce"),
    ("a nonce that is none", always("newNonce", lies.header("Replay-Nonce", "a b=")), "no usable Replay-Nonce"),
    ("no nonces today", always("newNonce", Reply(500)), "500"),
    ("nonces that are never good", settings(nonce_reject=1.0), "badNonce"),
    ("an account without a place", always("newAccount", lies.header("Location", None)), "no https URL of the account"),
    ("an account at a plain place", always("newAccount", lies.header("Location", "http://127.0.0.1/")),
     "no https URL of the account"),
    ("an account that is no JSON", always("newAccount", lies.body("%")), "account is not JSON"),
    ("an account with a state of its own", always("newAccount", member(status="asleep")), 'unknown status "asleep"'),
    ("no accounts for us", always("newAccount", lies.refusal(detail="we know you")), "we know you"),
    ("a certificate for another name", settings(tls="wrong-name"), "SSL|certificate"),
    ("a certificate that has expired", settings(tls="expired"), "expired"),
    ("a certificate of tomorrow", settings(tls="not-yet-valid"), "not yet valid"),
    ("a certificate by somebody", settings(tls="unknown-issuer"), "issuer"),
    ("a certificate by itself", settings(tls="self-signed"), "self.signed"),
    ("a handshake that is cut", settings(on_connect=cut_handshake), BROKEN),
    ("a handshake that is cut later", settings(on_connect=cut_after_server_hello), BROKEN),
    ("plain HTTP", settings(on_connect=plain_http), "SSL|wrong version"),
    ("a CA that hangs up at once", settings(on_connect=reset), BROKEN),
    ("a CA that says nothing at all", settings(on_connect=silent), LATE),
]

# The same with a proxy in between.
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"
PROXIES = [
    ("a proxy that refuses", says(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"), "403"),
    ("a proxy that wants a password",
     says(b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"), "407"),
    ("a proxy that cannot reach it", says(b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html></html>"), "502"),
    ("a proxy that hangs up", says(b""), "Proxy|proxy|closed|Empty"),
    ("a proxy that speaks something else", says(b"\x05\xff"), "."),
    ("a proxy that answers itself", says(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), "SSL|wrong version"),
    ("a proxy with headers without end", repeats(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 1000 + b"\r\n"),
     "Too large response headers"),
    ("a proxy with a page without end", repeats(b"HTTP/1.1 403 No\r\nConnection: close\r\n\r\n", b"no " * 20000),
     "403|" + LATE),
    ("a proxy that is silent", lyingproxy.silent, LATE),
    ("a tunnel to somebody else", None, "issuer|certificate"),
    ("a tunnel that ends at once", cut_after(0), BROKEN),
    ("a tunnel that ends in a record", cut_after(3), BROKEN),
    ("a tunnel that ends in the certificates", cut_after(700), BROKEN),
    ("a tunnel that ends in the answer", cut_after(1400), BROKEN),
    ("a tunnel with a wrong bit", flip(1000), "SSL|TLS|" + BROKEN),
]


@pytest.fixture
def many(certnsd, repo, fakeca_for):
    """make(n): a server and n CAs (at most 16), each with a label of its own."""
    def make(n, **section):
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        cas = [fakeca_for(server) for _ in range(n)]
        server.config["acme"] = {
            "request-timeout": int(SECONDS * PATIENCE), **section,
            "authorities": [{"name": f"ca{i}", "directory": ca.directory_url, "ca-certificates": ca.ca_path,
                             "terms-agreed": True}
                            for i, ca in enumerate(cas)],
            "labels": [{"label": label(i), "authority": f"ca{i}"} for i in range(n)]}
        server.write_config()
        return server.start("example.com"), cas

    return make


def label(i):
    return f"_l{i}._tcp"


def state(server, i):
    return next((c for c in server.certs(HOST) if c["label"] == label(i)), {"problem": None})


def obtained(server, i, request):
    """On a busy machine the time that is short for others may be too short for an honest CA."""
    found = Published(server, HOST, label(i)).certificate(request)
    if not found and state(server, i)["problem"]:
        server.ctl("renew", HOST)
    return found


def told(server, i, words):
    """The problem.  What is late for no other reason than that the machine is busy is tried again."""
    problem = state(server, i)["problem"]
    if problem and re.search(LATE, problem) and not re.search(words, problem):
        server.ctl("renew", HOST)
        return None
    return problem


def judge(server, key, cases, turn_honest):
    """cases: (what, words) for each label.  Upload, see what is told, turn honest, and all get their certificate."""
    requests = [Request([HOST]) for _ in cases]
    client.nsupdate(server, key, "".join(upload_script(HOST, r, label(i)) for i, r in enumerate(requests)))
    faults = []
    for i, (what, words) in enumerate(cases):
        try:
            problem = wait_for(lambda n=i, w=words: told(server, n, w), f"{what} is noticed", interval=0.5)
            if not re.search(words, problem) or len(problem) > 3000:
                faults.append(f"{what}: {words!r} is not in {problem[:300]!r}")
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)
    assert client.look(server, HOST, "A") == ["192.0.2.80"], "it serves on"
    turn_honest()
    server.ctl("renew", HOST)
    for i, (what, _) in enumerate(cases):
        wait_for(lambda n=i: obtained(server, n, requests[n]), f"a certificate after {what}", 60, interval=0.5)
    assert client.look(server, f"_acme-challenge.{HOST}", "TXT") == []


@pytest.mark.parametrize("part", range(3))
def test_cas(many, key, part):
    cases = CAS[part::3]
    server, cas = many(len(cases))
    for (_, spoil, _), ca in zip(cases, cas):
        spoil(ca)

    def honest():
        for ca in cas:
            ca.stop()                   # connections that are spoiled end, too
            ca.honest()
            ca.start()

    judge(server, key, [(what, words) for what, _, words in cases], honest)


@pytest.fixture
def proxy():
    made = LyingProxy()
    yield made
    made.close()


def test_proxies(many, key, proxy):
    server, cas = many(len(PROXIES), proxy=proxy.url)
    for i, (_, mode, _) in enumerate(PROXIES):
        proxy.modes[cas[i].port] = mode or through(instead=cas[i - 1].port)

    judge(server, key, [(what, words) for what, _, words in PROXIES], proxy.modes.clear)
    assert {ca.port for ca in cas} <= set(proxy.asked)


def test_who_hangs_holds_up_nobody_else(many, key):
    """More orders than run at the same time wait for one CA; the other one serves as before."""
    server, (hanging, honest) = many(2, **{"request-timeout": 600})
    gate = hanging.stall("newOrder")
    hosts = [f"h{i}.example.com" for i in range(110)]
    client.nsupdate(server, key, "".join(upload_script(h, Request([h]), label(0)) for h in hosts))
    gate.wait_arrived()
    wait_for(lambda: sum("ordering a certificate" in line for line in server.log().splitlines()) >= 100,
             "all that may run do")
    request = Request([HOST])
    client.nsupdate(server, key, upload_script(HOST, request, label(1)))
    wait_for(lambda: Published(server, HOST, label(1)).certificate(request), "a certificate of the other CA", 30)
    assert len(honest.orders) == 1
    gate.release()
    wait_for(lambda: len(hanging.certificates) == len(hosts), "and then the others", 60)

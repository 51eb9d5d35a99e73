"""A CA that lies about when to renew: what it says is of use or passed over, and no advice makes us order without end."""

import re

from lib import client, lies
from lib.certs import Published, Request, upload_script
from lib.fakeca_script import Reply, alter_json, member, reset, sent
from lib.wait import stays, wait_for


def window(start, end):
    return member(suggestedWindow={"start": start, "end": end})


# (what the CA says, the step, what the log says)
ADVICE = [
    ("nothing", Reply(404), "HTTP status 404"),
    ("no JSON", lies.body("soon"), "no suggestedWindow"),
    ("a deep answer", lies.body(lies.deep(50000)), "no suggestedWindow"),
    ("no window", member(suggestedWindow=None), "no suggestedWindow"),
    ("a window that is a list", member(suggestedWindow=[1, 2]), "no suggestedWindow"),
    ("a window of numbers", window(5, 7), "no suggestedWindow"),
    ("no end", alter_json(lambda v: v["suggestedWindow"].pop("end")), "no suggestedWindow"),
    ("a window of words", window("now", "then"), "are no times"),
    ("a window of long words", window("x" * 100000, "y"), "are no times"),
    ("the 30th of February in the year 0", window("0000-02-30T00:00:00Z", "0001-01-01T00:00:00Z"), "are no times"),
    ("hours that are none", window("2030-01-01T25:00:00Z", "2031-01-01T00:00:00Z"), "are no times"),
    ("a window that ends before it begins", window("2031-01-01T00:00:00Z", "2030-01-01T00:00:00Z"), "before it begins"),
    ("a window without length", window("2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z"), "before it begins"),
    ("two windows", lies.body('{"suggestedWindow":{},"suggestedWindow":{}}'), "no suggestedWindow"),
    ("a page", lies.body("<html></html>", "text/html"), "no suggestedWindow"),
    ("an error", Reply(500), "HTTP status 500"),
    ("a redirect to plain http", Reply(302, headers={"Location": "http://127.0.0.1:9/"}), "rotocol"),
    ("too much", lies.body(b" " * 2000000), "larger than"),
    ("no answer", sent(reset), "reset|closed|Recv"),
    ("a window as long as the calendar", window("1970-01-02T00:00:00Z", "9999-12-31T23:59:59Z"), "to be renewed at"),
    ("a window that never comes", window("9998-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59"), "to be renewed at"),
]


def test_advice(issuer_with, key):
    server, ca = issuer_with()
    requests = {}
    for i, (_, step, _) in enumerate(ADVICE):
        host = f"h{i}.example.com"
        requests[host] = Request([host])
        ca.always("renewalInfo", step, host=host)
    client.nsupdate(server, key, "".join(upload_script(h, r) for h, r in requests.items()))
    for host, request in requests.items():
        wait_for(lambda h=host, r=request: Published(server, h).certificate(r), f"a certificate for {host}", 60)
    for i, (what, _, words) in enumerate(ADVICE):
        wait_for(lambda n=i, w=words: re.search(rf"h{n}\.example\.com: .*({w})", server.log()),
                 f"what it says of {what}", 20)
    # libcurl may ask once more where an answer was lost.
    stays(lambda: ca.count("renewalInfo") <= len(ADVICE) + 6, "nobody is asked again at once", 2)
    for state in server.ctl("certs"):
        assert state["state"] == "valid" and "2026" < state["next"] < state["expires"], state


def test_renew_now_and_always(issuer_with, key):
    """Every certificate is to be replaced at once, and so is the next one: it is, some times."""
    server, ca = issuer_with()
    ca.set_window(None, -1000, -500)
    request = Request(["www.example.com"])
    client.nsupdate(server, key, upload_script("www.example.com", request))
    wait_for(lambda: len(ca.certificates) >= 5, "it is replaced")
    held = wait_for(lambda: [c["problem"] for c in server.certs("www.example.com") if c["problem"]], "there is a limit")
    assert "limit" in held[0]
    n = len(ca.orders)
    stays(lambda: len(ca.orders) == n and n < 15, "no more are ordered", 2)
    assert Published(server, "www.example.com").certificate(request), "and the last one is in place"

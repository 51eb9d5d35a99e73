"""Name servers that lie about the challenge when they are asked before the CA is: no attempt is burned on what they say."""

import re

import dns.rcode
import pytest

from lib import client, lyingdns
from lib.certnsd import SANITIZED
from lib.certs import Published, Request, upload_script
from lib.keys import Key
from lib.lyingdns import LyingDns, code, octets, txt
from lib.wait import PATIENCE, wait_for
from lib.zones import zone

SECONDS = 8 if SANITIZED else 4         # until the challenge must be seen

# (what the server does, how, what the operator reads; None: the challenge is there, and found)
LIARS = [
    ("says nothing", lyingdns.silent, "no answer"),
    ("denies it for ever", code(dns.rcode.NXDOMAIN), "NXDOMAIN"),
    ("fails", code(dns.rcode.SERVFAIL), "SERVFAIL"),
    ("refuses", code(dns.rcode.REFUSED), "REFUSED"),
    ("says there is none", code(dns.rcode.NOERROR), "no such record"),
    ("answers with another id", lyingdns.wrong_id, "no answer"),
    ("answers another question", lyingdns.another_question, "no answer"),
    ("sends the question back", lyingdns.a_query, "no answer"),
    ("cuts it short, and has no TCP", lyingdns.truncated, "TCP"),
    ("sends a header and nothing else", octets(lambda w: w[:10]), "malformed|no answer"),
    ("sends half of it", octets(lambda w: w[:len(w) // 2]), "malformed|no answer"),
    ("points to itself", octets(lambda w: w[:10] + b"\xc0\x0c\0\x10\0\x01" * 3), "malformed|no answer"),
    ("counts 65535 records", octets(lambda w: w[:4] + b"\xff\xff" + w[6:]), "malformed|no answer"),
    ("shows something else", txt(lambda found: [[b"something else"]]), "older state"),
    ("shows it in other letters", txt(lambda found: [[f.swapcase()] for f in found]), "older state"),
    ("shows the beginning", txt(lambda found: [[f[:20]] for f in found]), "older state"),
    ("shows more than that", txt(lambda found: [[f + b"x"] for f in found]), "older state"),
    ("shows it with a NUL behind", txt(lambda found: [[f + b"\0" * 200] for f in found]), "older state"),
    ("is honest", None, None),
    ("is forged at first", lyingdns.wrong_id_first, None),
    ("needs TCP", lyingdns.truncated_then_whole, None),
    ("shows it in pieces", txt(lambda found: [[f[:10], b"", f[10:]] for f in found]), None),
    ("shows it among others", txt(lambda found: [[b"a" * 43], [b""], *[[f] for f in found], [b"b"]]), None),
]


@pytest.fixture
def liars(certnsd, tmp_path, fakeca_for):
    """A server with a zone for each liar, which is all of that zone's servers that are asked."""
    key = Key("client._update.test")
    server = certnsd(zones=[], keys=[{"name": key.name, "algorithm": key.algorithm, "secret": key.secret}])
    made = [LyingDns(server, mode) for _, mode, _ in LIARS]
    for i, liar in enumerate(made):
        path = tmp_path / f"z{i}.test"
        path.write_text(zone(f"z{i}.test"))
        server.zone_entry(f"z{i}.test", file=str(path), **{"check-servers": [liar.here()]})
    ca = fakeca_for(server)
    server.use_acme(ca)
    server.config["acme"]["self-check-timeout"] = int(SECONDS * PATIENCE)
    server.write_config()
    server.start("z0.test")
    yield server, key, ca, made
    for liar in made:
        liar.close()


def problem(server, host):
    return (server.certs(host) or [{"problem": None}])[0]["problem"]


def noticed(server, host, words):
    """What is told.  A busy machine is no liar: who has not answered in time is asked again."""
    told = problem(server, host)
    if told and "no answer" in told and not re.search(words, told):
        server.ctl("renew", host)
        return None
    return told


def obtained(server, host, request):
    """On a busy machine the time that is short for liars may be too short for others."""
    found = Published(server, host).certificate(request)
    if not found and problem(server, host):
        server.ctl("renew", host)
    return found


def test_liars(liars):
    server, key, ca, servers = liars
    hosts = [f"www.z{i}.test" for i in range(len(LIARS))]
    requests = [Request([host]) for host in hosts]
    for host, request in zip(hosts, requests):
        client.nsupdate(server, key, upload_script(host, request))
    faults = []
    for host, request, (what, _, words) in zip(hosts, requests, LIARS):
        if words is None:
            wait_for(lambda h=host, r=request: obtained(server, h, r), f"a certificate though the server {what}",
                     interval=0.5)
            continue
        told = wait_for(lambda h=host, w=words: noticed(server, h, w), f"that the server {what} is noticed", interval=0.5)
        if not re.search(words, told) or host not in told or servers[hosts.index(host)].here() not in told:
            faults.append(f"{what}: {told}")
    assert not faults, "\n".join(faults)
    assert ca.validations == sum(words is None for *_, words in LIARS), "no attempt was burned"
    assert ca.failed_validations == 0
    for host, liar in zip(hosts, servers):
        wait_for(lambda h=host: not client.look(server, f"_acme-challenge.{h}", "TXT"), "no challenge is left")
        liar.mode = lambda query, answer, tcp: answer.to_wire()
        server.ctl("renew", host)
    for host, request in zip(hosts, requests):
        wait_for(lambda h=host, r=request: obtained(server, h, r), f"a certificate for {host}", 60, interval=0.5)
    assert all(liar.asked for liar in servers)

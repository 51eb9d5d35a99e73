"""A CA whose honest answers are spoiled at random: certnsd lives on, and works once they are not."""

import os
import time

import pytest

from lib import client
from lib.certs import Published, Request, upload_script
from lib.mutations import Mutator
from lib.wait import wait_for

SECONDS = 120 if os.environ.get("CERTNS_LONG") == "yes" else 10
HOSTS = [f"h{i}.example.com" for i in range(20)]


def upload(server, key, hosts):
    requests = {host: Request([host]) for host in hosts}
    client.nsupdate(server, key, "".join(upload_script(h, r) for h, r in requests.items()))
    return requests


@pytest.mark.first
@pytest.mark.parametrize("seed", [int(os.environ.get("CERTNS_SEED", "1"))])
def test_random_answers(issuer_with, key, seed):
    server, ca = issuer_with(processing_polls=1, alternates=1, lifetime_s=600)
    server.config["acme"]["request-timeout"] = 1
    server.write_config()
    server.stop()
    server.start("example.com")
    mutator = Mutator(seed, 0.15)
    ca.always("*", mutator.step())
    upload(server, key, HOSTS)
    begin, rounds, restarted = time.monotonic(), 0, False
    while time.monotonic() < begin + SECONDS:
        server.check_running()
        rounds += 1
        if not restarted and time.monotonic() > begin + SECONDS / 2:
            server.kill9()              # what it has kept of such answers must do no harm either
            server.start("example.com")
            restarted = True
        # An order may have been told to wait for a quarter of an hour; another CSR ends it.
        upload(server, key, [h for i, h in enumerate(HOSTS) if (i + rounds) % 10 == 0])
        for i, host in enumerate(HOSTS):
            if (i + rounds) % 5 == 0:
                server.ctl("renew", host)
    assert mutator.made > 20 and client.look(server, "www.example.com", "A") == ["192.0.2.80"]
    ca.honest()
    ca.kill9()
    ca.start()
    requests = upload(server, key, HOSTS)
    for host, request in requests.items():
        wait_for(lambda h=host, r=request: renewed(server, h, r), f"a certificate for {host}", 60, interval=0.5)
    for host in HOSTS:
        wait_for(lambda h=host: not client.look(server, f"_acme-challenge.{h}", "TXT"), "no challenge is left")
    ca.complaints.clear()               # it did what it was told, as far as it was told anything


def renewed(server, host, request):
    """A back-off that came just before the end is not waited for."""
    found = Published(server, host).certificate(request)
    if not found and server.certs(host) and server.certs(host)[0]["problem"]:
        server.ctl("renew", host)
    return found

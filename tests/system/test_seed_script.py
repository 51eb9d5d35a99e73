"""The shell script that services of the MirageOS servers use to fetch their certificate works here unchanged.

data/fetch-certificate.sh is that script, word for word.  It asks port 53, so a dig in PATH adds ours; and its cut counts
single blanks, which today's dig prints for names of some lengths only."""

import os
import stat

import pytest
from cryptography import x509

from lib import certs, client
from lib.certs import Request, upload_script
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.process import run
from lib.wait import wait_for
from lib.zones import zone

pytestmark = pytest.mark.once

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "fetch-certificate.sh")


@pytest.mark.parametrize("host, squeeze", [
    ("abcdefgh.robur.coop", False), ("www.robur.coop", True), ("a.much.longer.name.robur.coop", True)])
def test_fetch(certnsd, tmp_path, pebble_for, host, squeeze):
    key = Key("client._update.robur.coop")
    repo = GitRepo(tmp_path / "git", {"robur.coop": zone("robur.coop"), "robur.coop._keys": key.dnskey()})
    server = certnsd(git=repo)
    server.zone_entry("robur.coop")
    pebble = pebble_for(server)
    server.use_acme(pebble)
    server.write_config()
    server.start("robur.coop")
    request = Request([host])
    client.nsupdate(server, key, upload_script(host, request))
    wait_for(lambda: certs.Published(server, host).certificate(request), "the certificate", timeout=60)

    programs = tmp_path / "bin"
    programs.mkdir()
    dig = run(["sh", "-c", "command -v dig"]).stdout.strip()
    wrapper = programs / "dig"
    wrapper.write_text(f'#!/bin/sh\n{dig} -p {server.port} "$@"' + (" | tr -s ' \\t' ' '" if squeeze else "") + "\n")
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    root = tmp_path / "root.pem"
    root.write_text(pebble.root_pem())
    here = tmp_path / "service"
    here.mkdir()
    done = run(["bash", SCRIPT, host, "127.0.0.1"], cwd=here, env={
        **os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "SSL_CERT_FILE": str(root), "TMPDIR": str(here)})
    assert f"PEM bundle in {host}.pem" in done.stdout
    assert ": OK" in done.stdout
    pem = (here / f"{host}.pem").read_text()
    assert pem.count("BEGIN CERTIFICATE") == 2, "leaf and intermediate"
    assert request.matches(x509.load_pem_x509_certificate(pem.encode()))

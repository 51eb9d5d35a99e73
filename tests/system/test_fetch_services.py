"""nginx, HAProxy, Postfix and Caddy with certns-fetch, as the guides in docs/guide tell it: their files are those of the guides,
with other places, addresses and ports.  The certificate is served, renewed, and served anew after the hook."""

import grp
import os
import re
import subprocess
import tempfile
import textwrap

import pytest

from lib import fetch
from lib.fetch import Fetch, Running
from lib.ports import free_port
from lib.process import run
from lib.wait import wait_for

pytestmark = pytest.mark.once           # others' programs are most of it
GUIDES = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "guide")


def blocks(guide):
    """The indented blocks of a guide."""
    with open(os.path.join(GUIDES, guide), encoding="utf-8") as f:
        parts = re.split(r"\n\n(?=\S)", f.read())
    found = re.findall(r"(?:^    .*\n|^\n)+", "\n\n".join(parts) + "\n", re.M)
    return [textwrap.dedent(b).strip("\n") + "\n" for b in found if b.strip()]


def block(guide, word):
    found = [b for b in blocks(guide) if word in b]
    assert found, f"{guide} has no block with {word!r}"
    return found[0]


@pytest.fixture
def issuer(certnsd, repo, fakeca_for):
    """The CA is none that minds several hosts at once, as Pebble 2.4 does."""
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.ca = fakeca_for(server)
    server.use_acme(server.ca)
    server.config["acme"]["labels"] = ["_letsencrypt._tcp", "_rsa._tcp"]
    server.write_config()
    return server.start("example.com")


class Guided:
    """One guide, in a directory of its own."""

    def __init__(self, guide, directory, issuer, key):
        self.guide, self.issuer = guide, issuer
        self.fetch = Fetch(directory, issuer, key)
        self.directory = str(directory)
        self.root = os.path.join(self.directory, "root.pem")
        self.write("root.pem", issuer.ca.root_pem())

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def here(self, text, **words):
        """A text of the guide with our places in it."""
        for old, new in {"/var/lib/certns-fetch": self.fetch.directory, "/etc/certns/fetch.key": self.fetch.key_path,
                         "verify: system": f"verify: {self.root}", **words}.items():
            text = text.replace(old, new)
        return text

    def configure(self, hook, **words):
        """The hook of the guide does nothing to a service that does not run yet; ours has it from a file that is there then."""
        hook = f"test ! -e {self.directory}/running || {hook}"
        text = self.here(block(self.guide, "key-file:"), **words)
        text, n = re.subn(r"(?m)^hook: .*$", lambda _: f"hook: {hook}", text)
        assert n == 1
        self.write("fetch.yaml", text)

    def renew(self, host):
        """The server has a newer certificate, and the next run of the timer brings it; gives its serial number."""
        before = self.fetch.place(host).certificate()
        self.issuer.ctl("renew", host)

        def renewed():
            found = [one for one in self.fetch.json("--renew") if one["host"] == host][0]
            return found if found["result"] == "installed" else None

        assert wait_for(renewed, "the renewal is fetched")["hook"] == "done"
        after = self.fetch.place(host).certificate()
        assert after.serial_number != before.serial_number
        return after.serial_number


def served(guided, port, host, *arguments):
    """The serial number of the certificate that a client gets and verifies; None: no connection yet."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", host, "-CAfile",
                           guided.root,
                           "-verify_hostname", host, "-verify_return_error", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, timeout=60)
    if "-----BEGIN CERTIFICATE-----" not in done.stdout:
        return None
    assert "Verify return code: 0 (ok)" in done.stdout, done.stdout
    text = run(["openssl", "x509", "-noout", "-serial"], input=done.stdout).stdout
    return int(text.strip().split("=")[1], 16)


def check_service(guided, port, host, *arguments):
    """What is in place is served, and after a renewal the new one is."""
    serial = guided.fetch.place(host).certificate().serial_number
    wait_for(lambda: served(guided, port, host, *arguments) == serial, "the certificate is served")
    guided.write("running", "")
    serial = guided.renew(host)
    wait_for(lambda: served(guided, port, host, *arguments) == serial, "the new certificate is served")
    assert "unchanged" in guided.fetch.run("--renew").stdout


def nginx_conf(directory, servers):
    return f"""
daemon off;
{'user root;' if os.geteuid() == 0 else ''}
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
{servers}
}}
"""


def test_nginx(tmp_path, issuer, key):
    guided = Guided("nginx.md", tmp_path / "web", issuer, key)
    port, host = free_port(), "www.example.com"
    conf = os.path.join(guided.directory, "nginx.conf")
    guided.configure(f"nginx -q -c {conf} -s reload")
    server = guided.here(block("nginx.md", "ssl_certificate "), **{
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;", "/var/www/html": guided.directory})
    guided.write("nginx.conf", nginx_conf(guided.directory, server))
    guided.fetch.run()
    Running("nginx", guided.directory).spawn(["nginx", "-c", conf])
    check_service(guided, port, host)


def test_nginx_with_two_kinds_of_keys(tmp_path, issuer, key):
    """The label and the directory of the second host keep the two apart."""
    guided = Guided("nginx.md", tmp_path / "web", issuer, key)
    port, host = free_port(), "www.example.com"
    guided.configure("true")
    hosts = guided.here(block("nginx.md", "label: _rsa._tcp"))
    with open(guided.fetch.config(), encoding="utf-8") as f:
        text = f.read()
    guided.write("fetch.yaml", text[:text.index("hosts:")] + f"directory: {guided.fetch.directory}\n" + hosts)
    second = [b for b in blocks("nginx.md") if "certns-fetch/rsa/" in b and "ssl_certificate " in b][0]
    server = guided.here(block("nginx.md", "ssl_certificate "), **{
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;", "/var/www/html": guided.directory,
        "    location": guided.here(second) + "    location"})
    conf = guided.write("nginx.conf", nginx_conf(guided.directory, server))
    arguments = guided.fetch.arguments()
    at = arguments.index("-d")
    run(arguments[:at] + arguments[at + 2:])
    Running("nginx", guided.directory).spawn(["nginx", "-c", conf])
    one = run(arguments[:at] + arguments[at + 2:] + [host]).stdout
    assert one.count("unchanged") == 2, "the name means both"
    assert "would share it" in guided.fetch.run(host, expect=fetch.USAGE).stderr, "and -d would put them together"
    ec = guided.fetch.place(host)
    rsa = fetch.Place(os.path.join(guided.fetch.directory, "rsa", host))
    for place, algorithms in (ec, "ECDSA+SHA256"), (rsa, "RSA-PSS+SHA256:RSA+SHA256"):
        wanted = place.check([host]).serial_number
        wait_for(lambda: served(guided, port, host, "-sigalgs", algorithms) == wanted,
                 f"clients of {algorithms} get theirs")


def test_haproxy(tmp_path, issuer, key):
    guided = Guided("haproxy.md", tmp_path / "proxy", issuer, key)
    port, host, second = free_port(), "www.example.com", "shop.example.com"
    pid = os.path.join(guided.directory, "haproxy.pid")
    guided.configure(f"kill -USR2 $(cat {pid})")
    frontend = guided.here(block("haproxy.md", "frontend"), **{"bind :443": f"bind 127.0.0.1:{port}"})
    conf = guided.write("haproxy.cfg", f"""
global
    maxconn 100
defaults
    timeout client 10s
    timeout server 10s
    timeout connect 10s
{frontend}
backend web
    mode http
    http-request return status 200
""")
    guided.fetch.run()
    run(["haproxy", "-c", "-f", conf])
    proxy = Running("haproxy", guided.directory)
    proxy.spawn(["haproxy", "-W", "-f", conf])
    with open(pid, "w", encoding="ascii") as f:
        f.write(str(proxy.pid))
    other = guided.fetch.place(second).certificate().serial_number
    wait_for(lambda: served(guided, port, second) == other, "the second host has its own")
    check_service(guided, port, host)
    assert served(guided, port, second) == other, "it is as before"


def test_caddy(tmp_path, issuer, key):
    guided = Guided("caddy.md", tmp_path / "caddy", issuer, key)
    port, admin, host = free_port(), free_port(), "www.example.com"
    conf = os.path.join(guided.directory, "Caddyfile")
    guided.configure(f"caddy reload --adapter caddyfile --config {conf} --force", **{
        "group: caddy": f"group: {grp.getgrgid(os.getegid()).gr_name}"})
    site = guided.here(block("caddy.md", "tls /"), **{"/var/www/html": guided.directory})
    guided.write("Caddyfile", f"""{{
    admin 127.0.0.1:{admin}
    http_port {free_port()}
    https_port {port}
    auto_https disable_redirects
    default_bind 127.0.0.1
}}
{site}""")
    guided.fetch.run()
    assert guided.fetch.place(host).mode("key.pem") == 0o640
    home = {name: guided.directory for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    Running("caddy", guided.directory).spawn(["caddy", "run", "--adapter", "caddyfile", "--config", conf], env=home)
    check_service(guided, port, host)


MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Running):
    """An instance with directories of its own.  It runs as root only; others look at what its configuration says."""

    def __init__(self, directory, settings, port):
        super().__init__("postfix", directory)
        self.config = os.path.join(directory, "etc")
        data, queue = os.path.join(directory, "data"), os.path.join(directory, "queue")
        for path in self.config, data, queue:
            os.mkdir(path)
        with open(os.path.join(self.config, "main.cf"), "w", encoding="ascii") as f:
            f.write(f"compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n"
                    f"inet_interfaces = 127.0.0.1\nmyhostname = mail.example.com\nmydestination =\n"
                    f"maillog_file = /dev/stdout\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n{settings}")
        with open(os.path.join(self.config, "master.cf"), "w", encoding="ascii") as f:
            f.write(MASTER.format(port=port))
        if os.geteuid() == 0:
            run(["chown", "postfix", data])

    def start(self):
        self.spawn(["postfix", "-c", self.config, "start-fg"])

    def stop(self):
        if self.running():
            run(["postfix", "-c", self.config, "stop"], check=False)
            self.wait()


@pytest.fixture
def open_directory():
    """One that any user can get through to: those of tmp_path are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="certns-test-") as path:
        os.chmod(path, 0o755)
        yield path


def test_postfix(tmp_path, open_directory, issuer, key):
    guided = Guided("postfix.md", tmp_path / "mail", issuer, key)
    port, host = free_port(), "mail.example.com"
    settings = guided.here(block("postfix.md", "smtpd_tls_chain_files"))
    postfix = Postfix(open_directory, settings, port)
    guided.configure(f"postfix -c {postfix.config} reload")
    guided.fetch.run()
    said = run(["postconf", "-c", postfix.config, "-n"]).stdout
    assert guided.fetch.place(host).current in said
    if os.geteuid() != 0:
        return                          # Postfix's master wants root
    try:
        postfix.start()
        check_service(guided, port, host, "-starttls", "smtp")
    finally:
        postfix.stop()                  # while its directory is there


def test_the_units_are_sound(tmp_path):
    """What "make install" puts beside the guides, as systemd reads it."""
    build = fetch.program("tools/certns-fetch")
    docs = os.path.join(os.path.dirname(GUIDES))
    with open(os.path.join(docs, "certns-fetch.service.in"), encoding="utf-8") as f:
        text = f.read().replace("@bindir@/certns-fetch", build)
    (tmp_path / "certns-fetch.service").write_text(text)
    with open(os.path.join(docs, "certns-fetch.timer"), encoding="utf-8") as f:
        (tmp_path / "certns-fetch.timer").write_text(f.read())
    for unit in "certns-fetch.service", "certns-fetch.timer":
        done = run(["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)], check=False)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "certns-fetch" in line]
        assert not said, said

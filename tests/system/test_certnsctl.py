"""certnsctl: what it asks, and how it prints the answers.  A few lines of Python play the server."""

import base64
import json
import os
import socket
import subprocess
import threading

import dns.rdata
import pytest

from lib.certnsd import program


class FakeServer:
    """Answers one call after the other with the replies it was given, and keeps the requests."""

    def __init__(self, path):
        self.path = str(path)
        self.requests = []
        self.reply = b""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                line = connection.makefile("rb").readline()
                self.requests.append(json.loads(line))
                connection.sendall(self.reply)

    def result(self, value):
        self.reply = json.dumps({"ok": True, "result": value}).encode() + b"\n"

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def fake(tmp_path):
    server = FakeServer(tmp_path / "control.sock")
    yield server
    server.stop()


def ctl(*arguments, env=None):
    return subprocess.run([program("tools/certnsctl"), *arguments], capture_output=True, timeout=120, check=False,
                          env={**os.environ, **(env or {})})


def output(fake, *arguments, **kwargs):
    """What certnsctl prints; it ends well and says nothing else."""
    done = ctl("-s", fake.path, *arguments, **kwargs)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


ZONES = [
    {"zone": "example.com", "serial": 2026112201, "source": "git", "records": 12, "problem": ""},
    {"zone": "xn--bcher-kva.example", "serial": 7, "source": "git", "records": 3, "problem": "line 3: no SOA"},
]


def test_a_list_is_an_aligned_table(fake):
    fake.result(ZONES)
    assert output(fake, "zones") == (
        "ZONE                   SERIAL      SOURCE  RECORDS  PROBLEM\n"
        "example.com            2026112201  git     12       -\n"
        "xn--bcher-kva.example  7           git     3        line 3: no SOA\n")
    assert fake.requests == [{"command": "zones", "arguments": []}]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_columns_are_as_wide_as_they_look(fake, locale):
    fake.result([{"name": "bücher", "next": None}, {"name": "日本", "next": True},
                 {"name": "e\u0301", "next": ["a", "b"]}])
    assert output(fake, "keys", env={"LC_ALL": locale}) == (
        "NAME    NEXT\n"
        "bücher  -\n"
        "日本    yes\n"
        "e\u0301       a, b\n")


def test_what_the_network_sent_does_not_reach_the_terminal(fake):
    fake.result([{"problem": "a\x1b[31mb\nc\x9b", "host": "h "}])
    assert output(fake, "certs") == "PROBLEM                  HOST\na\\x1b[31mb\\x0ac\\xc2\\x9b  h\n"


def test_an_object_is_lines(fake):
    fake.result({"version": "certns 0.1.0", "zones": 2, "acme": {"account": None, "orders": 0}, "empty": {}, "list": [],
                 "peers": [{"address": "192.0.2.1@53", "serial": 1}], "ready": False, "load": 0.5})
    assert output(fake, "status") == (
        "version: certns 0.1.0\n"
        "zones: 2\n"
        "acme:\n"
        "  account: -\n"
        "  orders: 0\n"
        "empty: {}\n"
        "list: -\n"
        "peers:\n"
        "  ADDRESS       SERIAL\n"
        "  192.0.2.1@53  1\n"
        "ready: no\n"
        "load: 0.5\n")


def test_one_of_a_list_is_lines(fake):
    fake.result([{"host": "a.example", "label": "_letsencrypt._tcp"}, {"host": "a.example", "label": "_rsa._tcp"}])
    assert output(fake, "certs", "a.example") == (
        "host: a.example\nlabel: _letsencrypt._tcp\n\nhost: a.example\nlabel: _rsa._tcp\n")
    assert fake.requests == [{"command": "certs", "arguments": ["a.example"]}]


def test_other_results(fake):
    fake.result(None)
    assert output(fake, "stop") == "ok\n"
    fake.result([])
    assert output(fake, "zones") == "none\n"
    metrics = "# HELP certns_queries queries\ncertns_queries 1\n"
    fake.result(metrics)
    assert output(fake, "metrics") == metrics
    fake.result("abcdef1 was fetched")
    assert output(fake, "pull") == "abcdef1 was fetched\n"


def test_json_is_the_result_itself(fake):
    fake.result(ZONES)
    assert json.loads(output(fake, "--json", "zones")) == ZONES
    fake.result(None)
    assert json.loads(output(fake, "stop", "--json")) is None


@pytest.mark.parametrize("arguments", [
    ["renew", "host.example"], ["notify", "example.com"], ["log-level", "debug"], ["push"], ["pull"], ["reload"],
])
def test_arguments_are_passed_on(fake, arguments):
    fake.result(None)
    assert output(fake, *arguments) == "ok\n"
    assert fake.requests == [{"command": arguments[0], "arguments": arguments[1:]}]


def test_a_refusal_is_an_error(fake):
    fake.reply = b'{"ok":false,"error":"no such zone: example.net"}\n'
    done = ctl("-s", fake.path, "zones", "example.net")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"certnsctl: no such zone: example.net\n")


@pytest.mark.parametrize("reply", [b"", b"{}\n", b"wat\n", b'{"ok":true}\n', b'{"ok":true,"result":[}\n', b'{"ok":tr'])
def test_a_strange_reply_is_an_error(fake, reply):
    fake.reply = reply
    done = ctl("-s", fake.path, "status")
    assert done.returncode == 1 and done.stdout == b"" and b"certnsctl: the server" in done.stderr


def test_a_big_reply(fake):
    fake.result([{"zone": f"z{i}.example", "serial": i} for i in range(20000)])
    assert output(fake, "zones").count("\n") == 20001


def test_no_server(tmp_path):
    path = tmp_path / "none.sock"
    done = ctl("-s", str(path), "status")
    assert done.returncode == 3 and str(path) in done.stderr.decode()


@pytest.mark.parametrize("arguments", [
    [], ["wat"], ["status", "x"], ["renew"], ["keygen"], ["-c", "a", "-s", "b", "status"], ["--wat"], ["freeze"],
    ["keygen", "a..b"], ["keygen", "a", "rot13"],
])
def test_mistakes(arguments):
    done = ctl(*arguments)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr != b""


def test_the_socket_is_found_by_the_configuration(fake, tmp_path):
    config = tmp_path / "certns.yaml"
    fake.result(None)
    config.write_text(f"server:\n  control-socket: {fake.path}\n  unknown-key-here: 1\n")
    assert ctl("-c", str(config), "pull").stdout == b"ok\n"
    config.write_text(f"server: {{state-directory: '{tmp_path}'}}\n")
    assert ctl("-c", str(config), "pull").stdout == b"ok\n"
    config.write_text("server: [\n")
    done = ctl("-c", str(config), "pull")
    assert done.returncode == 1 and f"{config}:2:1: ".encode() in done.stderr


@pytest.mark.parametrize("algorithm, number, size", [
    ("hmac-md5", 157, 16), ("hmac-sha1", 161, 20), ("hmac-sha224", 162, 28), ("hmac-sha256", 163, 32),
    ("hmac-sha384", 164, 48), ("hmac-sha512", 165, 64),
])
def test_keygen(algorithm, number, size):
    done = ctl("keygen", "client._update.example.com", algorithm)
    assert done.returncode == 0 and (done.stderr == b"") == (algorithm != "hmac-md5")
    text = done.stdout.decode()
    assert "may update, transfer and notify in example.com and below" in text and " example.com._keys:" in text

    secret = text[text.index("secret: ") + 8:].split("\n")[0]
    assert ("\nkeys:\n  - name: 'client._update.example.com'\n"
            f"    algorithm: {algorithm}\n    secret: {secret}\n") in text
    assert len(base64.b64decode(secret, validate=True)) == size
    assert f"-y {algorithm}:client._update.example.com:{secret}\n" in text
    line = next(line for line in text.splitlines() if " DNSKEY " in line)
    owner, _, _, _, rest = line.split(" ", 4)
    assert owner == "client._update.example.com." and rest == f"0 3 {number} {secret}"
    dns.rdata.from_text("IN", "DNSKEY", rest)
    assert f'key "client._update.example.com" {{\n\talgorithm {algorithm};\n\tsecret "{secret}";\n}};\n' in text
    assert text.count(secret) == 4


def test_keygen_as_json_and_never_the_same():
    made = [json.loads(ctl("--json", "keygen", "k").stdout) for _ in range(2)]
    assert made[0]["algorithm"] == "hmac-sha256" and made[0]["secret"] != made[1]["secret"]


def test_nsupdate_and_dig_take_the_key_file(tmp_path):
    text = ctl("keygen", "client._update.example.com").stdout.decode()
    path = tmp_path / "key"
    path.write_text(text[text.index('key "'):])
    done = subprocess.run(["nsupdate", "-k", str(path)], input=b"quit\n", capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")

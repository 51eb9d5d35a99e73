"""Resolvers: Unbound with DNS over HTTPS (HTTP/2), dnsdist with the same over HTTP/1.1 too, and the JSON of public ones."""

import http.server
import json
import os
import ssl
import threading
import urllib.parse

import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from .ports import free_port
from .process import Process
from .wait import wait_for
from . import client


class Unbound(Process):
    """Resolves what stubs say, {zone: "ADDRESS@PORT"}, and nothing else.  tls: (certificate, key) for DNS over HTTPS."""

    address = "127.0.0.1"

    def __init__(self, directory, stubs, tls=None, local_data=(), extra=""):
        super().__init__("unbound", directory)
        self.port, self.https_port = free_port(), free_port()
        secure = f"""
    interface: 127.0.0.1@{self.https_port}
    https-port: {self.https_port}
    tls-service-pem: "{tls[0]}"
    tls-service-key: "{tls[1]}"
""" if tls else ""
        self.config_path = os.path.join(self.directory, "unbound.conf")
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write(f"""server:
    interface: 127.0.0.1@{self.port}{secure}
    directory: "{self.directory}"
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-queries: yes
    log-replies: yes
    do-daemonize: no
    do-ip6: no
    num-threads: 1
    do-not-query-localhost: no
    module-config: "iterator"
    target-fetch-policy: "0 0 0 0 0"
    access-control: 0.0.0.0/0 allow
    {extra}
""")
            for record in local_data:
                f.write(f"    local-data: '{record}'\n")
            f.write("remote-control:\n    control-enable: no\n")
            for zone, at in stubs.items():
                f.write(f'stub-zone:\n    name: "{zone}"\n    stub-addr: {at}\n    stub-no-cache: no\n')

    def start(self):
        self.spawn(["unbound", "-d", "-c", self.config_path])
        wait_for(self.ready, "Unbound answers")
        return self

    def ready(self):
        self.check_running()
        try:
            return client.ask(self, "id.server", "TXT", rdclass="CH", timeout=1) is not None
        except client.dns.exception.Timeout:
            return False

    def stop(self):
        self.terminate()


class Dnsdist(Process):
    """DNS over HTTPS for a resolver."""

    def __init__(self, directory, behind, tls):
        super().__init__("dnsdist", directory)
        self.https_port = free_port()
        self.config_path = os.path.join(self.directory, "dnsdist.conf")
        with open(self.config_path, "w", encoding="utf-8") as f:
            f.write(f"""setLocal("127.0.0.1:{free_port()}")
addDOHLocal("127.0.0.1:{self.https_port}", "{tls[0]}", "{tls[1]}", "/dns-query")
newServer("{behind.address}:{behind.port}"):setUp()
setACL("0.0.0.0/0")
setSecurityPollSuffix("")
""")

    def start(self):
        self.spawn(["dnsdist", "--supervised", "-C", self.config_path])
        wait_for(lambda: self.check_running() or "Marking downstream" in self.log() or "Listening on" in self.log(),
                 "dnsdist listens")
        return self

    def stop(self):
        self.kill9()


class JsonApi:
    """What public resolvers have beside RFC 8484, in front of a resolver.  asked: the paths, busy: so often it sends people away for
    two seconds."""

    def __init__(self, behind, tls, busy=0):
        self.asked, self.busy = [], busy
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.asked.append(self.path)
                if len(api.asked) <= api.busy:
                    self.send_response(429)
                    self.send_header("Retry-After", "2")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                message = dns.message.make_query(query["name"], int(query["type"]))
                body = json.dumps(api.answer(dns.query.udp(message, behind.address, port=behind.port, timeout=10))).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/dns-json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def answer(response):
        def records(section):
            return [{"name": str(rrset.name), "type": int(rrset.rdtype), "TTL": rrset.ttl, "data": r.to_text()}
                    for rrset in section for r in rrset]

        q = response.question[0]
        return {"Status": int(response.rcode()), "TC": False, "RD": True, "RA": True,
                "AD": bool(response.flags & dns.flags.AD), "CD": False,
                "Question": [{"name": str(q.name), "type": int(q.rdtype)}],
                "Answer": records(response.answer), "Authority": records(response.authority)}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

"""A git server over https that lies when it is told to: git http-backend behind Python's web server, and what may go wrong."""

import http.server
import os
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

from .process import run


def certificate(directory, name, *arguments):
    """A certificate for localhost that signs itself; returns (certificate, key)."""
    cert, key = (os.path.join(directory, f"{name}.{end}") for end in ("pem", "key"))
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
         "-out", cert,
         "-subj", f"/CN={name}", *arguments])
    return cert, key


class LyingGit(http.server.ThreadingHTTPServer):
    """.mode: honest, silent, slow, garbage, reset, truncated, unauthorized, gone, error, other-name."""

    daemon_threads = True

    def __init__(self, directory, repositories):
        self.directory, self.repositories, self.mode = str(directory), repositories, "honest"
        os.makedirs(self.directory, exist_ok=True)
        self.ca, key = certificate(self.directory, "localhost", "-days", "2", "-addext", "subjectAltName=DNS:localhost")
        other, other_key = certificate(self.directory, "other", "-days", "2", "-addext",
                                       "subjectAltName=DNS:other.example")
        self.contexts = {}
        for mode, pair in ("honest", (self.ca, key)), ("other-name", (other, other_key)):
            self.contexts[mode] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.contexts[mode].maximum_version = ssl.TLSVersion.TLSv1_2
            self.contexts[mode].load_cert_chain(*pair)
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def url(self, name):
        return f"https://localhost:{self.server_address[1]}/{name}"

    def finish_request(self, request, client_address):
        """On the connection's own thread."""
        if self.mode == "silent":
            self.ended.wait(60)
            return
        if self.mode == "reset":
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        try:
            tls = self.contexts.get(self.mode, self.contexts["honest"]).wrap_socket(request, server_side=True)
            super().finish_request(tls, client_address)
            tls.close()
        except (OSError, ValueError):
            pass

    def handle_error(self, request, client_address):
        pass

    def close(self):
        self.ended.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        octets = b""
        while True:
            n = int(self.rfile.readline().split(b";")[0], 16)
            octets += self.rfile.read(n)
            self.rfile.readline()
            if n == 0:
                return octets

    def backend(self, body):
        url = urllib.parse.urlsplit(self.path)
        environment = dict(os.environ, GIT_PROJECT_ROOT=self.server.repositories, GIT_HTTP_EXPORT_ALL="1",
                           PATH_INFO=url.path,
                           QUERY_STRING=url.query, REQUEST_METHOD=self.command, REMOTE_USER="tester",
                           REMOTE_ADDR="127.0.0.1",
                           CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
                           HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        output = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=environment,
                                check=False).stdout
        head, _, body = output.partition(b"\r\n\r\n")
        return [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line], body

    def answer(self):
        mode, body = self.server.mode, self.body()
        if mode in ("unauthorized", "gone", "error"):
            self.send_response({"unauthorized": 401, "gone": 404, "error": 503}[mode])
            if mode == "unauthorized":
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        fields, body = self.backend(body)
        if mode == "garbage":
            body = bytes(range(256)) * 8
        self.send_response(next((int(v.split()[0]) for k, v in fields if k == "Status"), 200))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mode == "slow":
            for octet in body:
                self.wfile.write(bytes([octet]))
                if self.server.ended.wait(1):
                    return
        elif mode == "truncated" and self.command == "POST":
            self.wfile.write(body[:len(body) - 30])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(body)

    do_GET = do_POST = answer

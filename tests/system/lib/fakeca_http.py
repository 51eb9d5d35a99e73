"""The fake CA's HTTPS server: connections, requests, and sending replies in honest and other ways."""

import datetime
import email.utils
import http.server
import socket
import ssl
import threading
import urllib.parse

from .fakeca_script import Alter, Connection, Reply


def http_date(seconds_from_now):
    return email.utils.format_datetime(
        datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now), usegmt=True)


class Request:
    """One that came.  endpoint: its name; account: who signed it, when that was found out; status: of the answer."""

    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.endpoint, self.argument = "unknown", None
        self.account = self.jws = self.payload = self.status = None

    def __repr__(self):
        return f"<{self.method} {self.path}: {self.status}>"


class HttpsServer(http.server.ThreadingHTTPServer):
    """answer(request) -> Reply.  ca has .tls (which certificate is shown) and .on_connect."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port, ca, contexts):
        self.ca, self.contexts = ca, contexts
        self.ended = threading.Event()
        self._open, self._lock = set(), threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def process_request(self, request, client_address):
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def finish_request(self, request, client_address):
        """On the connection's own thread."""
        self.ca.connections += 1
        if self.ca.on_connect is not None:
            self.ca.on_connect(Connection(request, self.ended), b"")
            return
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            request.settimeout(30)
            tls = self.contexts[self.ca.tls].wrap_socket(request, server_side=True)
            tls.settimeout(None)
        except (OSError, ValueError) as fault:
            self.ca.note(f"TLS: {fault}")
            return
        with self._lock:                # the plain socket has given its descriptor to this one
            self._open.discard(request)
            self._open.add(tls)
        try:
            self.RequestHandlerClass(tls, client_address, self)
        except (OSError, ValueError):
            pass                        # the client has gone, or we were told to break off
        finally:
            with self._lock:
                self._open.discard(tls)
            self._close(tls)

    @staticmethod
    def _close(s):
        try:
            socket.socket.shutdown(s, socket.SHUT_RDWR)     # not TLS's, which another thread may be in
        except (OSError, ValueError):
            pass
        try:
            s.close()
        except OSError:
            pass

    def handle_error(self, request, client_address):
        self.ca.note_exception()

    def close(self):
        self.ended.set()
        self.shutdown()
        self.thread.join()
        self.server_close()
        with self._lock:
            left = list(self._open)
        for one in left:
            self._close(one)


def context(pair_paths):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*pair_paths)
    return made


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection, with many requests on it."""

    protocol_version = "HTTP/1.1"
    wbufsize = 0

    def log_message(self, *arguments):
        pass

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, urllib.parse.urlsplit(self.path).path, self.headers,
                          self.rfile.read(length) if length else b"")
        reply = self.server.ca.serve(request)
        request.status = reply.status
        self.server.ca.note(f"{request.method} {request.path} ({request.endpoint}): {reply.status}"
                            f"{' ' + reply.body.decode('latin-1') if reply.status >= 400 else ''}")
        self._send(reply)

    def _send(self, reply):
        head = self._only_head()
        lines = [f"{reply.version} {reply.status} {self.responses.get(reply.status, ('Odd',))[0]}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if reply.get_header("Date") is None:
            lines.append(f"Date: {http_date(0)}")
        if reply.content_type is not None:
            lines.append(f"Content-Type: {reply.content_type}")
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif reply.length != -1:
            lines.append(f"Content-Length: {len(reply.body) if reply.length is None else reply.length}")
        body = b"".join((b"%x\r\n" % len(part) + part + b"\r\n")
                        for part in (reply.body, b"")) if reply.chunked else reply.body
        octets = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (b"" if head else body)
        if reply.wire is not None:
            self.close_connection = True
            reply.wire(Connection(self.connection, self.server.ended), octets)
            return
        self.connection.sendall(octets)
        if reply.version == "HTTP/1.0" or reply.length is not None:
            self.close_connection = True

    def _only_head(self):
        return self.command == "HEAD"

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _answer


def play(step, work):
    """One step of a script around the honest work."""
    if step is None:
        return work()
    if isinstance(step, Reply):
        return step.copy()              # it may be used again, with another nonce
    if isinstance(step, Alter):
        return step.apply(work())
    return step() or work()

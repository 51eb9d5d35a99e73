"""An HTTP proxy (CONNECT only) that lies about some of the ports that it is asked for."""

import socket
import socketserver
import threading


class LyingProxy(socketserver.ThreadingTCPServer):
    """modes[port]: what is done with a CONNECT to that port, a function (proxy, client, port); honest without one."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self):
        self.modes, self.ended, self.asked = {}, threading.Event(), []
        super().__init__(("127.0.0.1", 0), None)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def finish_request(self, request, client_address):
        """On the connection's own thread."""
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                more = request.recv(4096)
                if not more:
                    return
                head += more
            port = int(head.split(b" ")[1].rpartition(b":")[2])
            self.asked.append(port)
            self.modes.get(port, honest)(self, request, port)
        except OSError:
            pass

    def handle_error(self, request, client_address):
        pass

    def close(self):
        self.ended.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


def end(s):
    """Also where another thread waits for it."""
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _pump(source, sink, change):
    """Octets from one to the other; change(octets, offset) returns what to send, or None: break off."""
    offset = 0
    try:
        while True:
            octets = source.recv(65536)
            if not octets:
                break
            sent = change(octets, offset)
            if sent is None:
                end(sink)
                end(source)
                return
            sink.sendall(sent)
            offset += len(octets)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def through(change=lambda octets, offset: octets, instead=None):
    """A tunnel whose octets towards the client are changed; instead: to another port."""
    def mode(proxy, client, port):
        with socket.create_connection(("127.0.0.1", instead or port), timeout=10) as server:
            server.settimeout(60)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, client, change), daemon=True)
            back.start()
            _pump(client, server, lambda octets, offset: octets)
            back.join(60)

    return mode


honest = through()


def cut_after(n):
    """The tunnel breaks after n octets from the server, wherever that is in TLS."""
    return through(lambda octets, offset: octets if offset + len(octets) <= n else None)


def flip(n):
    """One bit of octet n is wrong."""
    def change(octets, offset):
        if offset <= n < offset + len(octets):
            octets = bytearray(octets)
            octets[n - offset] ^= 4
        return bytes(octets)

    return through(change)


def says(octets):
    """This is the answer to CONNECT, and then the end."""
    def mode(proxy, client, port):
        client.sendall(octets)

    return mode


def repeats(head, octets):
    """This, and then that without end."""
    def mode(proxy, client, port):
        client.sendall(head)
        while not proxy.ended.is_set():
            client.sendall(octets)

    return mode


def silent(proxy, client, port):
    proxy.ended.wait(600)

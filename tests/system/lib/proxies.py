"""Proxies that want a user and a password: Squid, which looks inside TLS, and Tinyproxy, which does not."""

import hashlib
import os
import re
import shutil
import socket
import socketserver
import tempfile
import threading

from .ports import free_port
from .process import Process, run
from .wait import wait_for

LIBEXEC = "/usr/lib/squid"


class Proxy(Process):
    """user, password: what it takes.  hosts: names that it knows, and nobody else."""

    def __init__(self, name, directory, address, hosts, user="certns", password="open sesame: 7%40"):
        super().__init__(name, directory)
        self.address, self.port = address, free_port()
        self.user, self.password, self.hosts = user, password, hosts
        self.url = f"http://{address}:{self.port}"
        self.credentials_path = self.write("credentials", f"{user}:{password}\n", 0o600)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def ready(self):
        self.check_running()
        try:
            socket.create_connection((self.address, self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def connected(self):
        """Names and ports that it was asked to connect to, and did."""
        raise NotImplementedError

    def stop(self):
        self.kill9()


class Squid(Proxy):
    """authority: signs the certificates that clients see; trusted: signed those of the servers behind.
    scheme: basic, digest, or ntlm by the helper that believes everybody.  tls: (certificate, key) of its own, for who comes by
    TLS; it does not look inside what passes then.  It does not run as root, so its files are not among those of
    the test."""

    runs_as = "proxy"

    def __init__(self, directory, address, hosts, authority, trusted, scheme="basic", tls=None):
        super().__init__("squid", tempfile.mkdtemp(prefix="certns-squid-"), address, hosts)
        self.credentials_path = os.path.join(directory, "credentials")
        self.service = f"certns{os.path.basename(self.directory)[len('certns-squid-'):].replace('_', '0')}"
        os.makedirs(directory, exist_ok=True)
        self.write(self.credentials_path, f"{self.user}:{self.password}\n", 0o600)
        self.write("hosts", "".join(f"127.0.0.1 {h}\n" for h in hosts))
        self.write("users", f"{self.user}:{run(['openssl', 'passwd', '-apr1', self.password]).stdout}")
        digest = hashlib.md5(f"{self.user}:certns:{self.password}".encode()).hexdigest()
        self.write("digests", f"{self.user}:certns:{digest}\n")
        listen = (f"http_port {address}:{self.port} ssl-bump generate-host-certificates=on "
                  f"tls-cert={authority.key_and_certificate}\nssl_bump bump all")
        if tls:
            for path, name in zip(tls, ("cert.pem", "key.pem")):
                shutil.copy(path, self.path(name))
            self.url = f"https://{address}:{self.port}"
            listen = f"https_port {address}:{self.port} tls-cert={self.path('cert.pem')} tls-key={self.path('key.pem')}"
        helper = {"basic": f"basic program {LIBEXEC}/basic_ncsa_auth {self.path('users')}",
                  "digest": f"digest program {LIBEXEC}/digest_file_auth -c {self.path('digests')}",
                  "ntlm": f"ntlm program {LIBEXEC}/ntlm_fake_auth"}[scheme]
        run([f"{LIBEXEC}/security_file_certgen", "-c", "-s", self.path("certificates"), "-M", "4MB"])
        self.config_path = self.write("squid.conf", f"""
cache_effective_user {self.runs_as}
{listen}
sslcrtd_program {LIBEXEC}/security_file_certgen -s {self.path('certificates')} -M 4MB
sslcrtd_children 2 startup=1
tls_outgoing_options cafile={trusted}
auth_param {helper}
auth_param {scheme} children 2 startup=1
{'auth_param digest realm certns' if scheme == 'digest' else ''}
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
hosts_file {self.path('hosts')}
cache deny all
cache_mem 4 MB
pid_filename {self.path('pid')}
access_log stdio:{self.path('access.log')}
cache_log {self.path('cache.log')}
coredump_dir {self.directory}
pinger_enable off
shutdown_lifetime 0 seconds
workers 1
max_filedescriptors 256
""")

    def start(self):
        run(["chown", "-R", self.runs_as, self.directory])
        self.spawn(["squid", "-N", "-n", self.service, "-f", self.config_path])
        wait_for(self.ready, "Squid listens")
        return self

    def access(self):
        with open(self.path("access.log"), encoding="utf-8") as f:
            return f.read()

    def connected(self):
        return set(re.findall(r" (?:NONE_NONE|TCP_TUNNEL)/200 \d+ CONNECT (\S+) ", self.access()))

    def log(self):
        said = super().log()
        for name in ("cache.log", "access.log"):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8", errors="replace") as f:
                    said += f.read()
        return said

    def stop(self):
        self.terminate()  # it takes its shared memory with it
        shutil.rmtree(self.directory, ignore_errors=True)


class Tinyproxy(Proxy):
    """It has no hosts file of its own, so it gets one by a mount namespace of its own."""

    def __init__(self, directory, address, hosts):
        super().__init__("tinyproxy", directory, address, hosts, password="opensesame7")
        self.write("hosts", "127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {h}\n" for h in hosts))
        self.config_path = self.write("tinyproxy.conf", f"""
Listen {address}
Port {self.port}
Timeout 60
MaxClients 50
LogLevel Info
BasicAuth {self.user} {self.password}
""")

    def start(self):
        self.spawn(["unshare", "-m", "sh", "-c", f"mount --bind {self.path('hosts')} /etc/hosts && exec tinyproxy -d -c "
                    f"{self.config_path}"])
        wait_for(self.ready, "Tinyproxy listens")
        return self

    def connected(self):
        return set(re.findall(r"Established connection to host \"(\S+)\"", self.log()))


class Socks:
    """SOCKS 5 (RFC 1928, RFC 1929): connects to names alone, and only to those that it knows.  asked: them."""

    credentials_path = None

    def __init__(self, address, hosts, user="certns", password="open sesame"):
        self.hosts, self.user, self.password, self.asked = hosts, user, password, set()
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                proxy.serve(self.rfile, self.connection)

        self.server = socketserver.ThreadingTCPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"socks5://{user}:{password.replace(' ', '%20')}@{address}:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, stream, client):
        methods = stream.read(stream.read(2)[1])
        client.sendall(b"\5\2" if 2 in methods else b"\5\377")
        _, length = stream.read(2)
        user = stream.read(length).decode()
        right = (user, stream.read(stream.read(1)[0]).decode()) == (self.user, self.password)
        client.sendall(b"\1\0" if right else b"\1\1")
        if not right:
            return
        _, command, _, kind = stream.read(4)
        name = stream.read(stream.read(1)[0]).decode() if kind == 3 else "no name"
        port = int.from_bytes(stream.read(2), "big")
        self.asked.add(name)
        if command != 1 or name not in self.hosts:
            client.sendall(b"\5\4\0\1\0\0\0\0\0\0")
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"\5\0\0\1\0\0\0\0\0\0")
            threading.Thread(target=self.copy, args=(server.recv, client), daemon=True).start()
            self.copy(lambda n: stream.read1(n), server)

    @staticmethod
    def copy(read, to):
        try:
            while data := read(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side has gone

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

"""A git server over https for test_git_remote: git http-backend behind Python's own web server.

Usage: git_https.py DIRECTORY CERTIFICATE KEY.  Prints its port, then serves until it is killed.
Repositories below /private/ want the user and password "user:right %:@secret"."""
import base64
import http.server
import os
import ssl
import subprocess
import sys
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

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

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.body()
        path = url.path
        authorization = "Basic " + base64.b64encode(b"user:right %:@secret").decode()
        if path.startswith("/private/") and self.headers.get("Authorization") == authorization:
            path = path[len("/private"):]
        if path.startswith("/private/"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        environment = dict(os.environ, GIT_PROJECT_ROOT=os.getcwd(), GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
                           QUERY_STRING=url.query, REQUEST_METHOD=self.command, REMOTE_USER="tester",
                           REMOTE_ADDR="127.0.0.1", CONTENT_TYPE=self.headers.get("Content-Type", ""),
                           CONTENT_LENGTH=str(len(body)),
                           HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        output = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=environment,
                                check=False).stdout
        head, _, body = output.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        self.send_response(next((int(v.split()[0]) for k, v in fields if k == "Status"), 200))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer


def main():
    os.chdir(sys.argv[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()

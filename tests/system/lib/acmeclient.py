"""A small ACME client without manners: it sends what a test wants, right or wrong."""

import http.client
import json
import ssl

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from .fakeca_jws import b64encode
from .wait import wait_for


class Client:
    """Of one fake CA.  .kid once register() was called."""

    def __init__(self, ca):
        self.ca, self.kid = ca, None
        self.key, self.jwk = self.new_key()

    @staticmethod
    def new_key():
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        return key, {"kty": "EC", "crv": "P-256", "x": b64encode(numbers.x.to_bytes(32, "big")),
                     "y": b64encode(numbers.y.to_bytes(32, "big"))}

    def http(self, method, path, body=None, headers=()):
        """The answer, with .text and, when it is JSON, .json; path may be a URL."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.ca.port, timeout=10,
                                                 context=ssl.create_default_context(cafile=self.ca.ca_path))
        try:
            connection.request(method, path.removeprefix(self.ca.base), body, {"User-Agent": "test", **dict(headers)})
            reply = connection.getresponse()
            reply.text = reply.read().decode()
            if "json" in reply.headers.get("Content-Type", ""):
                reply.json = json.loads(reply.text)
            return reply
        finally:
            connection.close()

    def nonce(self):
        return self.http("HEAD", "/new-nonce").headers["Replay-Nonce"]

    @staticmethod
    def jws(key, protected, payload, flip=False):
        parts = b64encode(json.dumps(protected).encode()), b64encode(b"" if payload is None else json.dumps(payload).encode())
        r, s = utils.decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
        signature = b64encode((r ^ flip).to_bytes(32, "big") + s.to_bytes(32, "big"))
        return {"protected": parts[0], "payload": parts[1], "signature": signature}

    def post(self, path, payload=None, content_type="application/jose+json", flip=False, **protected):
        """payload None: POST-as-GET.  protected: members of the header, None: without.  flip: spoil the signature."""
        head = {"alg": "ES256", "nonce": self.nonce(), "url": self.ca.base + path.removeprefix(self.ca.base),
                **({"kid": self.kid} if self.kid else {"jwk": self.jwk}), **protected}
        body = self.jws(self.key, {name: value for name, value in head.items() if value is not None}, payload, flip)
        return self.http("POST", path, json.dumps(body), {"Content-Type": content_type})

    def register(self, **members):
        self.kid = self.post("/new-acct", {"termsOfServiceAgreed": True, **members}).headers["Location"]
        return self

    def new_order(self, *names, **members):
        return self.post("/new-order", {"identifiers": [{"type": "dns", "value": name} for name in names], **members})

    def prove(self, order, kind="dns-01"):
        """Respond to the challenges of this kind, and wait; the states of the authorizations.  order: a reply."""
        states = []
        for url in order.json["authorizations"]:
            authorization = self.post(url).json
            if authorization["status"] == "pending":
                self.post(next(c["url"] for c in authorization["challenges"] if c["type"] == kind), {})
            states.append(wait_for(lambda u=url: self._settled(u), "the validation ends"))
        return states

    def _settled(self, url):
        status = self.post(url).json["status"]
        return status if status != "pending" else None

    def order_certificate(self, request, kind="dns-01", **members):
        """All the way; request: lib.certs.Request.  The fake CA's Certificate, or the reply that is no success."""
        order = self.new_order(*request.hosts, **members)
        if order.status != 201:
            return order
        self.prove(order, kind)
        done = self.post(order.json["finalize"], {"csr": b64encode(request.der)})
        return self.ca.certificates[-1] if done.status == 200 else done

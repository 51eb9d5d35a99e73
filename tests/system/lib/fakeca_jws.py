"""The signed requests of an ACME client (RFC 8555, section 6.2; RFC 7515): read strictly, verified by python3-cryptography."""

import base64
import hashlib
import hmac
import json
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

CURVES = {"P-256": (ec.SECP256R1, 32, "ES256", hashes.SHA256), "P-384": (ec.SECP384R1, 48, "ES384", hashes.SHA384)}
MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


class Malformed(Exception):
    """The client is wrong."""


def b64encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def b64decode(text, what):
    """base64url without padding, and nothing else (RFC 7515, section 2)."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise Malformed(f"{what} is not base64url: {text!r}")
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64encode(octets) != text:
        raise Malformed(f"{what} has bits behind its end: {text!r}")
    return octets


def read_json(octets, what, kind=dict):
    """An object; a member that comes twice is an error."""
    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Malformed(f"{what} has a member twice: {names}")
        return dict(pairs)

    try:
        value = json.loads(octets.decode(), object_pairs_hook=members)
    except ValueError as fault:
        raise Malformed(f"{what} is not JSON: {fault}") from None
    if not isinstance(value, kind):
        raise Malformed(f"{what} is no {kind.__name__}: {value!r}")
    return value


class Key:
    """A public key as a JWK (RFC 7517, 7518, 8037)."""

    def __init__(self, jwk):
        if not isinstance(jwk, dict) or jwk.get("kty") not in MEMBERS:
            raise Malformed(f"no key that we know: {jwk!r}")
        wanted = MEMBERS[jwk["kty"]]
        if any(name not in jwk for name in wanted):
            raise Malformed(f"the JWK lacks a member of {wanted}")
        if set(jwk) & {"d", "p", "q", "dp", "dq", "qi", "k"}:
            raise Malformed("the JWK has the private key in it")
        self.jwk = {name: jwk[name] for name in wanted}
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))    # RFC 7638
        self.thumbprint = b64encode(hashlib.sha256(canonical.encode()).digest())
        try:
            getattr(self, "_read_" + jwk["kty"].lower())()
        except ValueError as fault:
            raise Malformed(f"the JWK is no key: {fault}") from None

    def _octets(self, name, n=None):
        octets = b64decode(self.jwk[name], f"{name} of the JWK")
        if n is not None and len(octets) != n:
            raise Malformed(f"{name} of the JWK has {len(octets)} octets, not {n}")
        return octets

    def _read_ec(self):
        if self.jwk["crv"] not in CURVES:
            raise Malformed(f"curve {self.jwk['crv']}")
        curve, n, self.algorithm, self._hash = CURVES[self.jwk["crv"]]
        x, y = (int.from_bytes(self._octets(name, n), "big") for name in ("x", "y"))
        self._size = n
        self.public = ec.EllipticCurvePublicNumbers(x, y, curve()).public_key()

    def _read_okp(self):
        if self.jwk["crv"] != "Ed25519":
            raise Malformed(f"curve {self.jwk['crv']}")
        self.algorithm = "EdDSA"
        self.public = ed25519.Ed25519PublicKey.from_public_bytes(self._octets("x", 32))

    def _read_rsa(self):
        e, n = (self._octets(name) for name in ("e", "n"))
        if e[:1] == b"\0" or n[:1] == b"\0":
            raise Malformed("a number of the JWK begins with zeros (RFC 7518, section 2)")
        self.algorithm = "RS256"
        self.public = rsa.RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()
        if self.public.key_size < 2048:
            raise Malformed(f"an RSA key of {self.public.key_size} bits")

    def verify(self, algorithm, signature, octets):
        if algorithm != self.algorithm:
            raise Malformed(f"alg {algorithm!r} does not fit a key for {self.algorithm}")
        try:
            if self.algorithm == "EdDSA":
                self.public.verify(signature, octets)
            elif self.algorithm == "RS256":
                self.public.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
            else:
                n = self._size
                if len(signature) != 2 * n:
                    raise Malformed(f"an {algorithm} signature of {len(signature)} octets")
                r, s = (int.from_bytes(part, "big") for part in (signature[:n], signature[n:]))
                self.public.verify(utils.encode_dss_signature(r, s), octets, ec.ECDSA(self._hash()))
        except InvalidSignature:
            raise Malformed(f"the {algorithm} signature does not verify") from None

    def spki(self):
        return self.public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_of_certificate(public):
    """The key of a certificate as a Key: revocation may be signed by it."""
    numbers = None if isinstance(public, ed25519.Ed25519PublicKey) else public.public_numbers()
    if isinstance(public, ec.EllipticCurvePublicKey):
        name, n = {32: ("P-256", 32), 48: ("P-384", 48)}[(public.key_size + 7) // 8]
        return Key({"kty": "EC", "crv": name, "x": b64encode(numbers.x.to_bytes(n, "big")),
                    "y": b64encode(numbers.y.to_bytes(n, "big"))})
    if isinstance(public, rsa.RSAPublicKey):
        return Key({"kty": "RSA", **{name: b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
                                     for name, value in (("e", numbers.e), ("n", numbers.n))}})
    return Key({"kty": "OKP", "crv": "Ed25519", "x": b64encode(public.public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw))})


class Jws:
    """A flattened JWS, split and read, not yet verified.  .protected and .payload_octets; .payload is the JSON object or None."""

    def __init__(self, octets_or_json, what="the request"):
        outer = octets_or_json if isinstance(octets_or_json, dict) else read_json(octets_or_json, what)
        if set(outer) != {"protected", "payload", "signature"}:
            raise Malformed(f"{what} has the members {sorted(outer)}; it must be a flattened JWS without \"header\"")
        self.protected = read_json(b64decode(outer["protected"], "the protected header"), "the protected header")
        self.payload_octets = b64decode(outer["payload"], "the payload")
        self.signature = b64decode(outer["signature"], "the signature")
        self.signed = (outer["protected"] + "." + outer["payload"]).encode()
        self.payload = read_json(self.payload_octets, "the payload") if self.payload_octets else None

    def verify(self, key):
        key.verify(self.protected.get("alg"), self.signature, self.signed)

    def verify_mac(self, secret):
        """Of an external account binding: HS256 and nothing else here."""
        if self.protected.get("alg") != "HS256":
            raise Malformed(f"alg {self.protected.get('alg')!r} for a MAC")
        return hmac.compare_digest(hmac.new(secret, self.signed, hashlib.sha256).digest(), self.signature)

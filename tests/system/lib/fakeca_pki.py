"""The fake CA's keys and certificates.  Everything is ECDSA P-256 and made at once, without running a program."""

import datetime
import ipaddress
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .fakeca_jws import b64encode

SECOND = datetime.timedelta(seconds=1)
YEAR = datetime.timedelta(days=365)


def now():
    """UTC, without a zone, as python3-cryptography wants it."""
    return datetime.datetime.utcnow().replace(microsecond=0)


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def new_serial():
    """With its highest bit set, so that DER puts a zero octet before it, which certIDs must keep (RFC 9773, section 4.1)."""
    return secrets.randbits(152) | 1 << 151


class Authority:
    """A certificate with its key that signs others."""

    def __init__(self, name, issuer=None, key=None):
        self.key, self.name = key or new_key(), name
        self.certificate = self._make(issuer or self)
        self.issuer = issuer

    def _make(self, issuer):
        public = self.key.public_key()
        return (x509.CertificateBuilder().subject_name(name_of(self.name)).issuer_name(name_of(issuer.name))
                .public_key(public).serial_number(new_serial())
                .not_valid_before(now() - YEAR).not_valid_after(now() + 10 * YEAR)
                .add_extension(x509.BasicConstraints(True, None), True)
                .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False)
                .sign(issuer.key, hashes.SHA256()))

    def issue(self, public, names, not_before, not_after, common_name=True):
        builder = (x509.CertificateBuilder().subject_name(name_of(names[0]) if common_name and names else x509.Name([]))
                   .issuer_name(name_of(self.name)).public_key(public).serial_number(new_serial())
                   .not_valid_before(not_before).not_valid_after(not_after)
                   .add_extension(x509.BasicConstraints(False, None), True)
                   .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), True)
                   .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([general_name(n) for n in names]), False)
        return builder.sign(self.key, hashes.SHA256())

    def cross_signed(self, issuer):
        """The same key and name, with another certificate above it: an alternate chain."""
        return Authority(self.name, issuer, self.key)


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Pki:
    """Roots, and intermediates below them.  lines[0] is the default chain, the others are the alternates: each is a list of
    authorities, from the one that signs leaves up to a root."""

    def __init__(self, name="Fake CA", intermediates=1, alternates=0):
        self.roots = [Authority(f"{name} Root {i + 1}") for i in range(1 + alternates)]
        line = [self.roots[0]]
        for i in range(intermediates):
            line.insert(0, Authority(f"{name} Intermediate {intermediates - i}" if intermediates > 1 else f"{name} Intermediate",
                                     line[0]))
        self.lines = [line]
        for root in self.roots[1:]:
            self.lines.append([*line[:-2], line[-2].cross_signed(root), root] if intermediates else [root])

    def sign(self, public, names, not_before, not_after, common_name=True):
        return self.lines[0][0].issue(public, names, not_before, not_after, common_name)

    def chain(self, which=0):
        """The certificates that go with a leaf: all of the line but its root."""
        return [a.certificate for a in self.lines[which][:-1]]


def cert_id(certificate):
    """RFC 9773, section 4.1."""
    identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = certificate.serial_number
    return b64encode(identifier) + "." + b64encode(serial.to_bytes(serial.bit_length() // 8 + 1, "big"))


class ServerIdentity:
    """The certificates that the HTTPS server shows, each as (chain PEM, key PEM): honest, and others that must not be taken."""

    def __init__(self):
        self.authority = Authority("trusted by this test")
        stranger = Authority("trusted by nobody")
        key = new_key()
        here, day = ["localhost", "127.0.0.1", "::1"], datetime.timedelta(days=1)

        def made(authority, names, start, end):
            return pem(authority.issue(key.public_key(), names, now() + start, now() + end)), key_pem(key)

        self.pairs = {
            "honest": made(self.authority, here, -day, 30 * day),
            "wrong-name": made(self.authority, ["other.example"], -day, 30 * day),
            "expired": made(self.authority, here, -30 * day, -day),
            "not-yet-valid": made(self.authority, here, day, 30 * day),
            "unknown-issuer": made(stranger, here, -day, 30 * day),
        }
        alone = Authority("localhost")
        self.pairs["self-signed"] = pem(alone.certificate), key_pem(alone.key)

    def ca_pem(self):
        return pem(self.authority.certificate)



"""A certificate authority for the TLS of what runs beside a test."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    """path: its certificate; key_and_certificate: both in one file, for who issues by it."""

    def __init__(self, directory, name):
        os.makedirs(directory, exist_ok=True)
        self.directory, self.name = str(directory), name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key.public_key(), [], True)
        self.path = self._write(f"{name}.pem", self.certificate.public_bytes(serialization.Encoding.PEM))
        self.key_and_certificate = self._write(f"{name}-both.pem", _pem(self.key) + self.certificate.public_bytes(
            serialization.Encoding.PEM))

    def _write(self, name, octets):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as f:
            f.write(octets)
        return path

    def _sign(self, name, public_key, names, authority):
        now = datetime.datetime.utcnow()
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        builder = (x509.CertificateBuilder()
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                   .issuer_name(issuer).public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=2))
                   .add_extension(x509.BasicConstraints(authority, None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, *names):
        """(certificate, key): two files, for a server of these names and addresses."""
        def kind(name):
            try:
                return x509.IPAddress(ipaddress.ip_address(name))
            except ValueError:
                return x509.DNSName(name)

        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(names[0], key.public_key(), [kind(n) for n in names], False)
        return (self._write(f"{names[0]}-cert.pem", certificate.public_bytes(serialization.Encoding.PEM)),
                self._write(f"{names[0]}-key.pem", _pem(key)))

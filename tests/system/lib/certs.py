"""Keys, CSRs and certificates: made by python3-cryptography, checked by openssl."""

import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from . import client
from .process import run


class Request:
    """A private key and a CSR."""

    def __init__(self, hosts, cn=None, kind="ec", key=None):
        """hosts: the alternative names; empty: none.  cn: the common name; None: the first host."""
        self.hosts = list(hosts)
        self.key = key or (ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else
                           rsa.generate_private_key(65537, 2048))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn or self.hosts[0])])
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        if self.hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(h) for h in self.hosts]), critical=False)
        self.der = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def rdata(self):
        return "3 255 0 " + self.der.hex()

    def matches(self, certificate):
        return public(certificate.public_key()) == public(self.key.public_key())


def public(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def owner(host, label="_letsencrypt._tcp"):
    return f"{label}.{host}"


def upload_script(host, request, label="_letsencrypt._tcp"):
    """What a service types into nsupdate."""
    name = owner(host, label)
    return f"update delete {name}. TLSA\nupdate add {name}. 3600 TLSA {request.rdata()}\nsend\n"


class Published:
    """The TLSA records of a host, by what they are for."""

    def __init__(self, server, host, label="_letsencrypt._tcp"):
        self.csrs, self.leaves, self.authorities, self.other = [], [], [], []
        self.ttls = set()
        response = client.ask(server, owner(host, label), "TLSA", tcp=True)
        for rrset in response.answer:
            self.ttls.add(rrset.ttl)
            for r in rrset:
                {(3, 255, 0): self.csrs, (3, 0, 0): self.leaves, (0, 0, 0): self.authorities}.get(
                    (r.usage, r.selector, r.mtype), self.other).append(r.cert)

    def certificate(self, request):
        """The leaf that was issued for this request; None: not there yet."""
        for der in self.leaves:
            certificate = x509.load_der_x509_certificate(der)
            if request.matches(certificate):
                return certificate
        return None


def names_of(certificate):
    return sorted(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
                  .get_values_for_type(x509.DNSName))


def verify(directory, published, certificate, root_pem, hostname):
    """openssl verify with the chain that is published."""
    def write(name, text):
        path = os.path.join(str(directory), name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def pem(c):
        return c.public_bytes(serialization.Encoding.PEM).decode()

    chain = "".join(pem(x509.load_der_x509_certificate(der)) for der in published.authorities)
    run(["openssl", "verify", "-CAfile", write("root.pem", root_pem), "-untrusted", write("chain.pem", chain),
         "-verify_hostname", hostname, write("leaf.pem", pem(certificate))])

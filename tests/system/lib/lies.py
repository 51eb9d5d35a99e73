"""What a hostile CA may say in place of the honest answer: steps for the fake CA's scripts."""

import datetime
import re

from cryptography import x509

from .fakeca_pki import Authority, key_pem, new_key, now, pem
from .fakeca_script import Alter, Reply, alter_json

DAY = datetime.timedelta(days=1)


def body(text, content_type=None):
    """The honest work is done and its headers are sent, with another body."""
    def change(reply):
        reply.body = text.encode() if isinstance(text, str) else text
        reply.content_type = content_type or reply.content_type

    return Alter(change)


def body_type(content_type):
    def change(reply):
        reply.content_type = content_type

    return Alter(change)


def header(name, value):
    """value None: without it."""
    def change(reply):
        reply.header(name, value)
        if value is None and name == "Replay-Nonce":
            reply.add_nonce = False

    return Alter(change)


def status(code):
    def change(reply):
        reply.status = code

    return Alter(change)


def deep(n):
    return "[" * n + "]" * n


def challenges(change):
    """Each challenge of an authorization, changed."""
    def both(value):
        for one in value["challenges"]:
            change(one)

    return alter_json(both)


def refusal(kind="urn:ietf:params:acme:error:malformed", code=403, **members):
    """A problem document instead of the work."""
    return Reply(code, content_type="application/problem+json", json={"type": kind, **members})


# ---- chains ----

def chain(change):
    """change(list of certificates, the CA's line) returns a list of certificates or texts."""
    def both(reply):
        found = [x509.load_pem_x509_certificate(p.encode()) for p in
                 re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", reply.body.decode(), re.S)]
        reply.body = "".join(c if isinstance(c, str) else pem(c) for c in change(found)).encode()

    return Alter(both)


def issued_again(ca, **changes):
    """The leaf, made once more by the CA's own key: for another key, other names, other times."""
    def change(found):
        leaf = found[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        made = ca.pki.sign(changes.get("public", leaf.public_key()), changes.get("names", names),
                           changes.get("start", leaf.not_valid_before), changes.get("end", leaf.not_valid_after))
        return [made, *found[1:]]

    return chain(change)


def by_a_stranger(keep_chain):
    """The leaf is signed by somebody who only calls himself as the CA does."""
    def change(found):
        leaf = found[0]
        name = leaf.issuer.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)[0].value
        stranger = Authority(name)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        made = stranger.issue(leaf.public_key(), names, leaf.not_valid_before, leaf.not_valid_after)
        return [made, *(found[1:] if keep_chain else [])]

    return chain(change)


def expired(ca):
    return issued_again(ca, start=now() - 30 * DAY, end=now() - DAY)


def not_yet_valid(ca):
    return issued_again(ca, start=now() + DAY, end=now() + 30 * DAY)


def a_private_key():
    return key_pem(new_key())



"""How the fake CA looks at the world: real DNS messages to the servers it was given, for challenges and for CAA."""

import base64
import hashlib
import random

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from .fakeca_jws import b64encode
from .wait import PATIENCE

CNAMES_MAX = 10


class Refused(Exception):
    """The validation failed: an ACME error type, and words."""

    def __init__(self, kind, words):
        super().__init__(words)
        self.kind, self.words = kind, words


def mixed_case(name):
    """As CAs ask, against forged answers."""
    return "".join(random.choice((c.lower(), c.upper())) for c in name)


def ask(server, name, rdtype, timeout):
    """One question to one server ("127.0.0.1:5353"); UDP, TCP when truncated.  Returns the response."""
    address, _, port = server.rpartition(":")
    query = dns.message.make_query(mixed_case(name), rdtype, use_edns=0, payload=1232, want_dnssec=True)
    query.flags &= ~dns.flags.RD
    try:
        response, _ = dns.query.udp_with_fallback(query, address.strip("[]"), timeout=timeout * PATIENCE,
                                                  port=int(port))
    except (dns.exception.DNSException, OSError) as fault:
        raise Refused("dns", f"{server} does not answer for {name} {rdtype}: {type(fault).__name__} {fault}") from None
    if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise Refused("dns", f"{server} answers {dns.rcode.to_text(response.rcode())} for {name} {rdtype}")
    return response


def resolve(server, name, rdtype, timeout):
    """The rdata of (name, rdtype) at the server, CNAMEs followed there; [] when there is none."""
    at, kind = dns.name.from_text(name), dns.rdatatype.from_text(rdtype)
    for _ in range(CNAMES_MAX):
        response, start = ask(server, at.to_text(True), rdtype, timeout), at
        while True:
            found = [r for s in response.answer if s.name == at and s.rdtype == kind for r in s]
            alias = [r.target for s in response.answer if s.name == at and s.rdtype == dns.rdatatype.CNAME for r in s]
            if found or not alias:
                break
            at = alias[0]
        if found or at == start:
            return found
    raise Refused("dns", f"a chain of more than {CNAMES_MAX} aliases from {name}")


def texts(server, name, timeout):
    return [b"".join(r.strings).decode("latin-1") for r in resolve(server, name, "TXT", timeout)]


# ---- the challenges ----

def key_authorization_digest(token, thumbprint):
    return b64encode(hashlib.sha256(f"{token}.{thumbprint}".encode()).digest())


def account_label(account_url):
    """draft-ietf-acme-dns-account-label-02, section 3.1: the label for an account."""
    return "_" + base64.b32encode(hashlib.sha256(account_url.encode()).digest()[:10]).decode().lower()


def account_hash(prefix, domain, thumbprint, account_url):
    """draft-ietf-acme-dns-persist-02: the hashed accounturi; domain may be "*"."""
    octets = bytes([len(domain)]) + domain.encode() + thumbprint.encode() + account_url.encode()
    return prefix + "sha-256/" + b64encode(hashlib.sha256(octets).digest())


def check_token(server, owner, expected, timeout):
    found = texts(server, owner, timeout)
    if not found:
        raise Refused("unauthorized", f"No TXT record found at {owner} ({server})")
    if expected not in found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Refused("unauthorized", f"Incorrect TXT record {found[0]!r}{more} found at {owner} ({server})")


def read_issue_value(text):
    """RFC 8659, section 4.2: (issuer, {tag: value}); None: malformed."""
    parts = [part.strip(" \t") for part in text.split(";")]
    parameters = {}
    for part in parts[1:]:
        tag, equals, value = part.partition("=")
        tag = tag.strip(" \t").lower()
        if not equals or not tag or tag in parameters:
            return None
        parameters[tag] = value.strip(" \t")
    return parts[0].lower().rstrip("."), parameters


def check_persistent(server, name, wildcard, issuers, uris, now_s, timeout):
    """A standing record at _validation-persist.<name> that names one of the issuers and one of the accounturis.  Returns its
    persistUntil or None."""
    owner, reasons = f"_validation-persist.{name}", []
    for text in texts(server, owner, timeout):
        read = read_issue_value(text)
        if read is None or read[0] not in issuers:
            reasons.append(f"{text!r} is malformed or for another CA")
            continue
        parameters = read[1]
        until = parameters.get("persistuntil")
        if parameters.get("accounturi") not in uris:
            reasons.append(f"accounturi {parameters.get('accounturi')!r} is not the account's")
        elif wildcard and parameters.get("policy", "").lower() != "wildcard":
            reasons.append("policy=wildcard is missing")
        elif until is not None and (not until.isdigit() or int(until) <= now_s):
            reasons.append(f"persistUntil {until} is over")
        else:
            return None if until is None else int(until)
    raise Refused("unauthorized", f"No usable TXT record at {owner} ({server}): {'; '.join(reasons) or 'there is none'}")


# ---- CAA ----

def check_caa(server, name, wildcard, issuers, account_url, method, timeout):
    """RFC 8659 with the parameters of RFC 8657."""
    at = dns.name.from_text(name)
    while at != dns.name.root:
        try:
            found = resolve(server, at.to_text(True), "CAA", timeout)
        except Refused as refused:
            if "REFUSED" not in refused.words and "NOTAUTH" not in refused.words:
                raise
            return              # above what the server knows
        if found:
            break
        at = at.parent()
    else:
        return
    known = [r for r in found if r.tag.lower() in (b"issue", b"issuewild")]
    wild = [r for r in known if r.tag.lower() == b"issuewild"]
    if any(r.flags & 128 and r.tag.lower() not in (b"issue", b"issuewild", b"iodef", b"issuemail") for r in found):
        raise Refused("caa", f"CAA at {at} has a critical tag that is not known")
    relevant = wild if wildcard and wild else [r for r in known if r.tag.lower() == b"issue"]
    if not relevant:
        return
    for r in relevant:
        issuer, parameters = read_issue_value(r.value.decode("latin-1")) or ("", {})
        if (issuer in issuers and parameters.get("accounturi", account_url) == account_url and
                method in [m.strip() for m in parameters.get("validationmethods", method).split(",")]):
            return
    raise Refused("caa", f"CAA record at {at.to_text(True)} prevents issuance for {name}")

"""What the fake CA remembers (RFC 8555, section 7.1): accounts, orders, authorizations, challenges, certificates.  Each knows its
URL and its JSON; what is done with them is in fakeca_endpoints."""

import datetime
import secrets
import time

from .fakeca_jws import b64encode
from .fakeca_pki import cert_id, pem
from .fakeca_script import ERROR


def rfc3339(when_s):
    return datetime.datetime.utcfromtimestamp(int(when_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


def error(kind, detail, **members):
    return {"type": ERROR + kind, "detail": detail, **members}


def identifier(name):
    return {"type": "dns", "value": name}


class Account:
    def __init__(self, url, key, contact, agreed, eab_kid):
        self.url, self.key, self.contact, self.agreed, self.eab_kid = url, key, contact, agreed, eab_kid
        self.status, self.old_thumbprints, self.orders = "valid", [], []

    def json(self):
        made = {"status": self.status, "orders": self.url.replace("/acct/", "/orders/")}
        if self.contact:
            made["contact"] = self.contact
        if self.agreed:
            made["termsOfServiceAgreed"] = True
        return made


class Challenge:
    """kind: dns-01, dns-account-01, dns-persist-01.  members: more of its JSON."""

    def __init__(self, url, kind, authorization, members):
        self.url, self.kind, self.authorization, self.members = url, kind, authorization, members
        self.status, self.error, self.validated_s = "pending", None, None
        self.token = None if kind == "dns-persist-01" else b64encode(secrets.token_bytes(32))

    def json(self):
        made = {"type": self.kind, "url": self.url, "status": self.status, **self.members}
        if self.token is not None:
            made["token"] = self.token
        if self.error is not None:
            made["error"] = self.error
        if self.validated_s is not None:
            made["validated"] = rfc3339(self.validated_s)
        return made


class Authorization:
    """name: without "*."."""

    def __init__(self, url, account, name, wildcard, lifetime_s):
        self.url, self.account, self.name, self.wildcard = url, account, name, wildcard
        self.status, self.challenges, self.expires_s = "pending", [], time.time() + lifetime_s
        self.polls = 0

    def refresh(self):
        if self.status in ("pending", "valid") and self.expires_s <= time.time():
            self.status = "expired"

    def full_name(self):
        return ("*." if self.wildcard else "") + self.name

    def json(self):
        shown = [c for c in self.challenges if self.status != "valid" or c.status == "valid"]
        made = {"identifier": identifier(self.name), "status": self.status, "expires": rfc3339(self.expires_s),
                "challenges": [c.json() for c in shown]}
        if self.wildcard:
            made["wildcard"] = True
        return made


class Order:
    """names as they were ordered; .certificate once valid."""

    def __init__(self, url, finalize_url, account, names, lifetime_s):
        self.url, self.finalize_url, self.account, self.names = url, finalize_url, account, names
        self.authorizations, self.profile, self.replaces = [], None, None
        self.created_s, self.expires_s = time.time(), time.time() + lifetime_s
        self.finalized, self.polls_left, self.ready_at_s = False, 0, 0
        self.error = self.certificate = None

    @property
    def status(self):
        """RFC 8555, section 7.1.6."""
        states = [a.status for a in self.authorizations]
        if self.error is not None:
            return "invalid"
        if self.certificate is not None:
            return "processing" if self.polls_left > 0 or time.time() < self.ready_at_s else "valid"
        if any(s not in ("pending", "valid") for s in states) or self.expires_s <= time.time():
            return "invalid"
        return "pending" if "pending" in states else "ready"

    def json(self):
        made = {"status": self.status, "expires": rfc3339(self.expires_s),
                "identifiers": [identifier(n) for n in self.names],
                "authorizations": [a.url for a in self.authorizations], "finalize": self.finalize_url}
        if self.profile is not None:
            made["profile"] = self.profile
        if self.replaces is not None:
            made["replaces"] = self.replaces
        if made["status"] == "valid":
            made["certificate"] = self.certificate.url
        if made["status"] == "invalid":
            made["error"] = self.error or self._failure()
        return made

    def _failure(self):
        for a in self.authorizations:
            for c in a.challenges:
                if c.error is not None:
                    return error("unauthorized", f"Error finalizing order :: authorization for {a.full_name()} is {a.status}: "
                                 f"{c.error['detail']}")
        return error("malformed", "the order or one of its authorizations has expired or was deactivated")

    def __repr__(self):
        return f"<order for {','.join(self.names)}: {self.status}>"


class Certificate:
    """One that was issued.  .certificate is python3-cryptography's; .names; .id as in RFC 9773; .revoked: None or the reason."""

    def __init__(self, url, certificate, order, chains):
        self.url, self.certificate, self.order, self.names = url, certificate, order, order.names
        self.id, self.account = cert_id(certificate), order.account
        self.pems = ["".join(pem(c) for c in [certificate, *chain]) for chain in chains]
        self.revoked = self.replaced_by = self.window = None
        self.renewal_asked = 0                  # how often for renewalInfo

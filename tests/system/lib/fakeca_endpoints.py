"""The fake CA's endpoints: one method for each, with strict checks of what the client sends."""

import secrets
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from . import fakeca_validation as validation
from .fakeca_http import play
from .fakeca_jws import Jws, Key, Malformed, b64decode, key_of_certificate
from .fakeca_objects import Account, Authorization, Certificate, Challenge, Order, error, rfc3339
from .fakeca_pki import SECOND, now
from .fakeca_script import Reply, problem

# path's first part: (endpoint's name, methods)
ROUTES = {
    "directory": ("directory", {"GET", "HEAD"}), "new-nonce": ("newNonce", {"GET", "HEAD"}),
    "new-acct": ("newAccount", {"POST"}),
    "new-order": ("newOrder", {"POST"}), "revoke-cert": ("revokeCert", {"POST"}), "key-change": ("keyChange", {"POST"}),
    "renewal-info": ("renewalInfo", {"GET"}), "acct": ("account", {"POST"}), "orders": ("orders", {"POST"}),
    "order": ("order", {"POST"}), "authz": ("authz", {"POST"}), "chall": ("challenge", {"POST"}),
    "finalize": ("finalize", {"POST"}), "cert": ("certificate", {"POST"}), "terms": ("terms", {"GET"}),
}
AS_GET = {"orders", "order", "certificate"}
REASONS = {0, 1, 3, 4, 5, 9, 10}
PEM_CHAIN = "application/pem-certificate-chain"


class Problem(Exception):
    """The answer is a problem document."""

    def __init__(self, kind, detail, status=400, headers=(), **members):
        super().__init__(detail)
        self.reply = problem(kind, detail, status, headers, **members)


def csr_names(csr):
    names = [a.value for a in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        names += csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    return {name.lower() for name in names}


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class Endpoints:
    """Mixed into FakeCA, which has the settings, the memory and the lock."""

    # ---- every request ----

    def serve(self, request):
        parts = request.path.strip("/").split("/")
        request.endpoint, methods = ROUTES.get(parts[0], ("unknown", {"GET", "POST"}))
        request.argument = "/".join(parts[1:])
        with self.lock:
            self.requests.append(request)
        gate = self.script_.gate(request.endpoint)
        if gate is not None and not gate.after:
            gate.hold()
        reply = play(self.script_.next(request.endpoint, self._about(request)), lambda: self._guarded(request, methods))
        if gate is not None and gate.after:
            gate.hold()
        if request.method == "POST" and reply.add_nonce and reply.get_header("Replay-Nonce") is None:
            reply.header("Replay-Nonce", self.new_nonce())
        if request.endpoint != "directory":
            reply.headers.append(("Link", f'<{self.directory_url}>;rel="index"'))
        return reply

    def _about(self, request):
        """The names that a request is about, as far as it can be told before it is verified."""
        url = self.base + request.path
        with self.lock:
            if request.endpoint == "newOrder":
                try:
                    return [one["value"] for one in Jws(request.body).payload["identifiers"]]
                except (Malformed, KeyError, TypeError):
                    return []
            if url in self.challenges_by_url:
                return [self.challenges_by_url[url].authorization.full_name()]
            if url in self.authorizations_by_url:
                return [self.authorizations_by_url[url].full_name()]
            if url in self.orders_by_url:
                return self.orders_by_url[url].names
            if url in self.certificates_by_url:
                return self.certificates_by_url[url].names
            known = self.certificates_by_id.get(request.argument) if request.endpoint == "renewalInfo" else None
            return known.names if known is not None else []

    def _guarded(self, request, methods):
        with self.lock:
            try:
                if request.method not in methods:
                    raise Malformed(f"{request.method} at {request.endpoint}")
                if "User-Agent" not in request.headers:
                    raise Malformed("no User-Agent (RFC 8555, section 6.1)")
                self._limited(request)
                if request.method == "POST":
                    self._read_jws(request)
                return getattr(self, "on_" + request.endpoint)(request)
            except Malformed as fault:
                self.complain(request, str(fault))
                return problem("malformed", str(fault))
            except Problem as refused:
                return refused.reply
            except Exception:       # pylint: disable=broad-except
                self.note_exception()
                self.complain(request, "the fake CA itself failed: see its log")
                return problem("serverInternal", "the fake CA failed", 500)

    def _limited(self, request):
        for limit in self.limits.get(request.endpoint, []):
            left = limit.take()
            if left is not None:
                self.limited += 1
                raise Problem("rateLimited", limit.words, 429, [("Retry-After", limit.retry_after(left))])

    def _read_jws(self, request):
        """RFC 8555, section 6.2 to 6.5; the nonce comes last, since a wrong request must not use one up."""
        kind = request.headers.get("Content-Type")
        if kind != "application/jose+json":
            self.complain(request, f"content type {kind!r}")
            raise Problem("malformed", "the content type must be application/jose+json", 415)
        request.jws = jws = Jws(request.body)
        if ("jwk" in jws.protected) == ("kid" in jws.protected):
            raise Malformed("exactly one of jwk and kid must be in the protected header")
        if jws.protected.get("url") != self.base + request.path:
            raise Malformed(f"url {jws.protected.get('url')!r} in the protected header, {self.base + request.path!r} asked")
        if set(jws.protected) - {"alg", "jwk", "kid", "url", "nonce"}:
            raise Malformed(f"members of the protected header: {sorted(jws.protected)}")
        by_jwk = "jwk" in jws.protected
        if by_jwk and request.endpoint not in ("newAccount", "revokeCert"):
            raise Malformed(f"jwk in a request to {request.endpoint}: kid is needed")
        if request.endpoint == "newAccount" and not by_jwk:
            raise Malformed("kid in a request to newAccount: jwk is needed")
        key = Key(jws.protected["jwk"]) if by_jwk else self._account(request, jws.protected["kid"]).key
        if jws.protected.get("alg") not in self.algorithms:
            raise Problem("badSignatureAlgorithm", f"alg {jws.protected.get('alg')!r}",
                          algorithms=list(self.algorithms))
        jws.verify(key)
        request.key, request.payload = key, jws.payload
        self._take_nonce(request, jws.protected.get("nonce"))
        if request.account is not None and request.account.status != "valid":
            raise Problem("unauthorized", f"the account is {request.account.status}", 401)
        if request.endpoint in AS_GET and request.payload is not None:
            raise Malformed(f"a payload at {request.endpoint}: it is read by POST-as-GET, with an empty one")

    def _account(self, request, kid):
        request.account = self.accounts_by_url.get(kid)
        if request.account is None:
            if not self.has_forgotten:
                self.complain(request, f"kid {kid!r} is none of our accounts")
            raise Problem("accountDoesNotExist", f"no account {kid}")
        return request.account

    def _take_nonce(self, request, nonce):
        if nonce is None:
            raise Malformed("no nonce")
        if nonce in self.used_nonces:
            self.complain(request, "a nonce was used twice")
            raise Problem("badNonce", "this nonce was used before")
        if nonce not in self.nonces:
            if not self.has_forgotten:
                self.complain(request, f"nonce {nonce!r} was never given out")
            raise Problem("badNonce", "this nonce is not known")
        self.nonces.discard(nonce)
        self.used_nonces.add(nonce)
        if self.random.random() < self.nonce_reject:
            raise Problem("badNonce", "this nonce is refused, to see what the client does")

    def new_nonce(self):
        nonce = secrets.token_urlsafe(16)
        with self.lock:
            self.nonces.add(nonce)
        return nonce

    def _object(self, request, table, what):
        found = table.get(self.base + request.path)
        if found is None:
            if not self.has_forgotten:
                self.complain(request, f"no such {what}")
            raise Problem("malformed", f"no such {what}", 404)
        if found.account is not request.account:
            self.complain(request, f"the {what} is another account's")
            raise Problem("unauthorized", f"the {what} is another account's", 403)
        return found

    # ---- directory, nonces, accounts ----

    def on_unknown(self, request):
        self.complain(request, f"there is nothing at {request.path}")
        return problem("malformed", "there is nothing", 404)

    def on_terms(self, request):
        return Reply(200, "Be kind.\n", "text/plain")

    def on_directory(self, request):
        names = {name: f"{self.base}/{path}" for path, (name, _) in ROUTES.items()
                 if name in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange")}
        if self.ari:
            names["renewalInfo"] = f"{self.base}/renewal-info"
        meta = {"termsOfService": f"{self.base}/terms", "website": "https://ca.example/",
                "caaIdentities": list(self.caa_identities)}
        if self.eab is not None:
            meta["externalAccountRequired"] = True
        if self.profiles:
            meta["profiles"] = {name: profile.get("description", name) for name, profile in self.profiles.items()}
        if self.persist == "hashed":
            meta |= {"issuerDomainNames": list(self.caa_identities), "accountHashPrefix": self.account_hash_prefix()}
        return Reply(json={**names, "meta": meta, secrets.token_urlsafe(8): "https://ca.example/ignore-what-you-do-not-know"})

    def on_newNonce(self, request):  # pylint: disable=invalid-name
        return Reply(200 if request.method == "HEAD" else 204,
                     headers=[("Replay-Nonce", self.new_nonce()), ("Cache-Control", "no-store")])

    def _contact(self, payload):
        contact = payload.get("contact", [])
        if not isinstance(contact, list) or not all(isinstance(c, str) for c in contact):
            raise Malformed(f"contact {contact!r} is no list of strings")
        for one in contact:
            if not one.startswith("mailto:"):
                raise Problem("unsupportedContact", f"{one!r} is no mailto: URL")
            if "@" not in one or "?" in one or "," in one or one.endswith("@example.invalid"):
                raise Problem("invalidContact", f"{one!r} is no address")
        return contact

    def on_newAccount(self, request):  # pylint: disable=invalid-name
        payload = self._payload(request)
        account = next((a for a in self.accounts_by_url.values() if a.key.thumbprint == request.key.thumbprint), None)
        if account is not None:
            if account.status != "valid":
                raise Problem("unauthorized", f"the account is {account.status}", 401)
            request.account = account
            return Reply(200, headers=[("Location", account.url)], json=account.json())
        if payload.get("onlyReturnExisting"):
            raise Problem("accountDoesNotExist", "no account has this key")
        if payload.get("termsOfServiceAgreed") is not True:
            raise Problem("userActionRequired", "the terms of service must be agreed to", 403,
                          [("Link", f'<{self.base}/terms>;rel="terms-of-service"')])
        contact = self._contact(payload)
        eab_kid = self._check_eab(request, payload.get("externalAccountBinding"))
        account = Account(f"{self.base}/acct/{self.next_number()}", request.key, contact, True, eab_kid)
        self.accounts.append(account)
        self.accounts_by_url[account.url] = request.account = account
        return Reply(201, headers=[("Location", account.url)], json=account.json())

    def _check_eab(self, request, binding):
        """RFC 8555, section 7.3.4.  self.eab: {kid: secret}, or None."""
        if binding is None:
            if self.eab is not None:
                raise Problem("externalAccountRequired", "an external account binding is needed", 403)
            return None
        inner = Jws(binding, "the external account binding")
        if "nonce" in inner.protected or inner.protected.get("url") != request.jws.protected["url"]:
            raise Malformed("the external account binding must have the url of newAccount and no nonce")
        if inner.payload != request.jws.protected["jwk"]:
            raise Malformed("the external account binding is not over the account's key")
        kid = inner.protected.get("kid")
        if self.eab is None or kid not in self.eab:
            raise Problem("unauthorized", f"external account {kid!r} is not known", 401)
        if not inner.verify_mac(self.eab[kid]):
            raise Problem("unauthorized", "the MAC of the external account binding is wrong", 401)
        return kid

    def on_account(self, request):
        account = request.account
        if self.base + request.path != account.url:
            self.complain(request, "this is another account's URL")
            raise Problem("unauthorized", "this is another account", 403)
        payload = request.payload or {}
        if "contact" in payload:
            account.contact = self._contact(payload)
        if payload.get("status") == "deactivated":
            account.status = "deactivated"
        elif "status" in payload:
            raise Malformed(f"status {payload['status']!r} cannot be set")
        return Reply(json=account.json())

    def on_orders(self, request):
        return Reply(json={"orders": [o.url for o in request.account.orders]})

    def on_keyChange(self, request):  # pylint: disable=invalid-name
        """RFC 8555, section 7.3.5."""
        inner, account = Jws(self._payload(request), "the inner JWS"), request.account
        if "jwk" not in inner.protected or "kid" in inner.protected or "nonce" in inner.protected:
            raise Malformed("the inner JWS must have jwk, and neither kid nor nonce")
        if inner.protected.get("url") != request.jws.protected["url"]:
            raise Malformed("the inner JWS must have the same url as the outer one")
        new = Key(inner.protected["jwk"])
        inner.verify(new)
        if inner.payload is None or set(inner.payload) != {"account", "oldKey"} or inner.payload["account"] != account.url:
            raise Malformed(f"the inner payload is {inner.payload!r}")
        if Key(inner.payload["oldKey"]).thumbprint != account.key.thumbprint:
            raise Malformed("oldKey is not the account's key")
        for other in self.accounts_by_url.values():
            if other.key.thumbprint == new.thumbprint:
                raise Problem("malformed", "the new key is an account's already", 409, [("Location", other.url)])
        account.old_thumbprints.append(account.key.thumbprint)
        account.key = new
        return Reply(json=account.json())

    @staticmethod
    def _payload(request):
        if request.payload is None:
            raise Malformed("the payload is empty")
        return request.payload

    # ---- orders ----

    def _names(self, payload):
        listed = payload.get("identifiers")
        if not isinstance(listed, list) or not listed:
            raise Malformed(f"identifiers: {listed!r}")
        names = []
        for one in listed:
            if not isinstance(one, dict) or set(one) != {"type", "value"} or not isinstance(one["value"], str):
                raise Malformed(f"an identifier is {one!r}")
            if one["type"] != "dns":
                raise Problem("unsupportedIdentifier", f"type {one['type']!r}")
            names.append(one["value"])
        for name in names:
            if name != name.lower() or name.endswith(".") or "*" in name[1:] or (name[0] == "*" and name[1:2] != ".") or \
                    not name.isascii() or "." not in name:
                raise Malformed(f"the name {name!r}")
        if len(set(names)) != len(names):
            raise Malformed(f"a name twice: {names}")
        refused = [name for name in names if name.removeprefix("*.") in self.rejected_names]
        if refused:
            raise Problem("rejectedIdentifier", "not all of these names", 403, subproblems=[
                {**error("rejectedIdentifier", f"{name}: policy forbids it"),
                 "identifier": {"type": "dns", "value": name}}
                for name in refused])
        if len(names) > self.names_max:
            raise Problem("malformed", f"more than {self.names_max} names")
        return names

    def _replaced(self, request, names, cert_id):
        """RFC 9773, section 5."""
        old = self.certificates_by_id.get(cert_id)
        if old is None:
            if not self.has_forgotten:
                self.complain(request, f"replaces {cert_id!r}, which was never issued")
            raise Problem("malformed", "replaces: no such certificate", 404)
        if old.account is not request.account or not set(old.names) & set(names):
            self.complain(request, "replaces: another account's, or without a common name")
            raise Problem("unauthorized", "replaces: another account's, or without a common name", 403)
        if cert_id in self.already_replaced or (old.replaced_by is not None and old.replaced_by.status != "invalid"):
            raise Problem("alreadyReplaced", f"{cert_id} was replaced already", 409)
        return old

    def on_newOrder(self, request):  # pylint: disable=invalid-name
        payload = self._payload(request)
        if set(payload) - {"identifiers", "profile", "replaces"}:
            raise Malformed(f"members of newOrder: {sorted(payload)}")
        names, profile = self._names(payload), payload.get("profile")
        if profile is not None and profile not in self.profiles:
            raise Problem("invalidProfile", f"no profile {profile!r}; there are {sorted(self.profiles)}")
        old = self._replaced(request, names, payload["replaces"]) if "replaces" in payload else None
        number = self.next_number()
        order = Order(f"{self.base}/order/{number}", f"{self.base}/finalize/{number}", request.account, names,
                      self.order_lifetime_s)
        order.profile, order.replaces = profile, payload.get("replaces")
        if order.profile is None and "default" in self.profiles:
            order.profile = "default"
        if old is not None:
            old.replaced_by = order
        order.authorizations = [self._authorization(request.account, name) for name in names]
        self.random.shuffle(order.authorizations)
        request.account.orders.append(order)
        self.orders.append(order)
        self.orders_by_url[order.url] = self.orders_by_url[order.finalize_url] = order
        return Reply(201, headers=[("Location", order.url)], json=order.json())

    def _authorization(self, account, full_name):
        wildcard, name = full_name.startswith("*."), full_name.removeprefix("*.")
        if self.reuse_authorizations:
            for one in self.authorizations_by_url.values():
                one.refresh()
                if one.account is account and one.full_name() == full_name and one.status in self.reuse_authorizations:
                    return one
        made = Authorization(f"{self.base}/authz/{self.next_number()}", account, name, wildcard,
                             self.authorization_lifetime_s)
        for kind in self.challenges:
            challenge = Challenge(f"{self.base}/chall/{self.next_number()}", kind, made,
                                  self._challenge_members(kind, account))
            made.challenges.append(challenge)
            self.challenges_by_url[challenge.url] = challenge
        self.random.shuffle(made.challenges)
        self.authorizations_by_url[made.url] = made
        return made

    def _challenge_members(self, kind, account):
        if kind != "dns-persist-01":
            return {}
        if self.persist == "hashed":
            return {"issuerDomainNames": list(self.caa_identities)}
        return {"issuer-domain-names": list(self.caa_identities), "accounturi": account.url}

    def account_hash_prefix(self):
        return f"{self.base}/account-hash/"

    def persist_uris(self, account, name):
        """The accounturis that a standing record for name may have."""
        if self.persist != "hashed":
            return {account.url}
        return {validation.account_hash(self.account_hash_prefix(), domain, thumbprint, account.url)
                for domain in (name, "*") for thumbprint in (account.key.thumbprint, *account.old_thumbprints)}

    def on_order(self, request):
        order = self._object(request, self.orders_by_url, "order")
        reply = Reply(headers=self._retry_after() if order.status == "processing" else [], json=order.json())
        if order.status == "processing":
            order.polls_left -= 1
        return reply

    def _retry_after(self):
        return [] if self.retry_after is None else [("Retry-After", str(self.retry_after))]

    # ---- authorizations and challenges ----

    def on_authz(self, request):
        authorization = self._object(request, self.authorizations_by_url, "authorization")
        authorization.refresh()
        if request.payload is not None:
            if request.payload != {"status": "deactivated"}:
                raise Malformed(f"an authorization cannot be given {request.payload!r}")
            authorization.status = "deactivated"
        waits = authorization.status == "pending" and any(c.status == "processing" for c in authorization.challenges)
        return Reply(headers=self._retry_after() if waits else [], json=authorization.json())

    def on_challenge(self, request):
        challenge = self.challenges_by_url.get(self.base + request.path)
        if challenge is None or challenge.authorization.account is not request.account:
            if not self.has_forgotten:
                self.complain(request, "no such challenge of this account")
            raise Problem("malformed", "no such challenge", 404)
        authorization = challenge.authorization
        authorization.refresh()
        if request.payload is not None:
            if request.payload != {}:
                raise Malformed(f"the response to a {challenge.kind} challenge is {{}}, not {request.payload!r}")
            if authorization.status == "pending" and challenge.status == "pending":
                challenge.status = "processing"
                self.validations += 1
                threading.Thread(target=self._validate, args=(challenge,), daemon=True).start()
            elif authorization.status not in ("pending", "valid"):
                raise Problem("malformed", f"the authorization is {authorization.status}")
        return Reply(headers=[("Link", f'<{authorization.url}>;rel="up"'), *self._retry_after()], json=challenge.json())

    def _validate(self, challenge):
        """On a thread of its own, without the lock while others are asked."""
        refused, until = None, None
        with self.validating:
            if self.validation_s:
                self.ended.wait(self.validation_s)
            try:
                until = self._look(challenge)
            except validation.Refused as fault:
                refused = fault
            except Exception:       # pylint: disable=broad-except
                self.note_exception()
                refused = validation.Refused("serverInternal", "the fake CA failed: see its log")
        authorization = challenge.authorization
        with self.lock:
            if authorization.status != "pending":
                return
            if refused is not None:
                self.failed_validations += 1
                challenge.error = error(refused.kind, refused.words, status=403)
                challenge.status = authorization.status = "invalid"
            else:
                challenge.status = authorization.status = "valid"
                challenge.validated_s = time.time()
                authorization.expires_s = min(time.time() + self.authorization_lifetime_s, until or float("inf"))
        self.note(f"validated {authorization.full_name()}: {authorization.status} {refused.words if refused else ''}")

    def _look(self, challenge):
        authorization, account = challenge.authorization, challenge.authorization.account
        name, until = authorization.name, None
        thumbprint = account.key.thumbprint
        for server in self.servers_for(name):
            if challenge.kind == "dns-persist-01":
                until = validation.check_persistent(server, name, authorization.wildcard, self.caa_identities,
                                                    self.persist_uris(account, name), time.time(), self.dns_timeout_s)
            else:
                owner = f"_acme-challenge.{name}"
                if challenge.kind == "dns-account-01":
                    owner = f"{validation.account_label(account.url)}.{owner}"
                validation.check_token(server, owner, validation.key_authorization_digest(challenge.token, thumbprint),
                                       self.dns_timeout_s)
            if self.check_caa:
                validation.check_caa(server, name, authorization.wildcard, self.caa_identities, account.url,
                                     challenge.kind,
                                     self.dns_timeout_s)
        return until

    # ---- certificates ----

    def on_finalize(self, request):
        order = self._object(request, self.orders_by_url, "order")
        payload = self._payload(request)
        if set(payload) != {"csr"}:
            raise Malformed(f"members of finalize: {sorted(payload)}")
        if order.status != "ready":
            raise Problem("orderNotReady", f"the order is {order.status}", 403)
        certificate = self._issue(order, b64decode(payload["csr"], "the CSR"))
        order.polls_left, order.ready_at_s = self.processing_polls, time.time() + self.processing_s
        order.certificate = certificate
        self.certificates.append(certificate)
        self.certificates_by_id[certificate.id] = certificate
        headers = self._retry_after() if order.status == "processing" else []
        return Reply(headers=[("Location", order.url), *headers], json=order.json())

    def _issue(self, order, der):
        try:
            csr = x509.load_der_x509_csr(der)
            public = csr.public_key()
        except ValueError as fault:
            raise Problem("badCSR", f"not a CSR: {fault}") from None
        if not csr.is_signature_valid:
            raise Problem("badCSR", "the CSR's signature does not verify")
        if csr_names(csr) != set(order.names):
            raise Problem("badCSR", f"the CSR is for {sorted(csr_names(csr))}, the order for {sorted(order.names)}")
        if (isinstance(public, rsa.RSAPublicKey) and public.key_size < 2048) or \
                (isinstance(public, ec.EllipticCurvePublicKey) and public.key_size < 256):
            raise Problem("badCSR", "the key is too weak")
        if any(spki(public) == a.key.spki() for a in self.accounts):
            raise Problem("badCSR", "the key is an account's")
        settings = self.profiles.get(order.profile, {})
        issued_at = now()                       # once: a second may begin in between
        start = issued_at - settings.get("backdate_s", self.backdate_s) * SECOND
        end = issued_at + settings.get("lifetime_s", self.lifetime_s) * SECOND
        leaf = self.pki.sign(public, order.names, start, end, settings.get("common_name", True))
        chains = [self.pki.chain(i) for i in range(len(self.pki.lines))]
        made = Certificate(f"{self.base}/cert/{leaf.serial_number:x}", leaf, order, chains)
        for i in range(len(chains)):
            self.certificates_by_url[made.url + (f"/{i}" if i else "")] = made
        return made

    def on_certificate(self, request):
        certificate = self._object(request, self.certificates_by_url, "certificate")
        url = self.base + request.path
        which = 0 if url == certificate.url else int(url.rpartition("/")[2])
        links = [("Link", f'<{certificate.url}{f"/{i}" if i else ""}>;rel="alternate"')
                 for i in range(len(certificate.pems)) if i != which]
        return Reply(200, certificate.pems[which], PEM_CHAIN, links)

    def on_revokeCert(self, request):  # pylint: disable=invalid-name
        payload = self._payload(request)
        if set(payload) - {"certificate", "reason"}:
            raise Malformed(f"members of revokeCert: {sorted(payload)}")
        der = b64decode(payload.get("certificate"), "the certificate")
        found = next((c for c in self.certificates if c.certificate.public_bytes(serialization.Encoding.DER) == der),
                     None)
        if found is None:
            raise Problem("malformed", "no certificate of ours", 404)
        if request.account is None:
            if key_of_certificate(found.certificate.public_key()).thumbprint != request.key.thumbprint:
                raise Problem("unauthorized", "signed neither by an account nor by the certificate's key", 403)
        elif found.account is not request.account:
            raise Problem("unauthorized", "another account's certificate", 403)
        reason = payload.get("reason", 0)
        if reason not in REASONS or isinstance(reason, bool):
            raise Problem("badRevocationReason", f"reason {reason!r}; there are {sorted(REASONS)}")
        if found.revoked is not None:
            raise Problem("alreadyRevoked", "it is revoked")
        found.revoked = reason
        return Reply(200)

    def on_renewalInfo(self, request):  # pylint: disable=invalid-name
        """RFC 9773, section 4."""
        certificate = self.certificates_by_id.get(request.argument)
        if certificate is None or not self.ari:
            if not self.has_forgotten:
                self.complain(request, f"renewalInfo of {request.argument!r}, which was never issued")
            raise Problem("malformed", "no such certificate", 404)
        certificate.renewal_asked += 1
        start, end, explanation = self.window_of(certificate)
        made = {"suggestedWindow": {"start": rfc3339(start), "end": rfc3339(end)}}
        if explanation is not None:
            made["explanationURL"] = explanation
        return Reply(headers=[("Retry-After", str(self.ari_retry_after_s))], json=made)

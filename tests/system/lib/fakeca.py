"""An ACME CA in Python for tests: honest by RFC 8555, RFC 9773 and the drafts, strict with its client, and a liar when told to.

    def test_something(certnsd, repo, key, fakeca_for):
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        ca = fakeca_for(server, lifetime_s=30)          # started; stopped at the end, and then ca.complaints must be empty
        server.use_acme(ca)                             # .directory_url and .ca_path are as Pebble's
        server.write_config()
        server.start("example.com")

or in one line: server, ca = issuer_with(lifetime_s=30).   FakeCA(directory, dns="127.0.0.1:53") makes one without fixtures.

Settings (arguments of fakeca_for, and attributes that may be changed at any time):
    dns                     server(s) to ask, "127.0.0.1:5353" or a list (all must confirm), or a function of the name;
                            None: everything is valid without a look
    lifetime_s, backdate_s  of certificates: 90 days; 0
    profiles                {"shortlived": {"lifetime_s": 518400}}; also "description", "backdate_s", "common_name"; {}: none
    challenges              ["dns-01"]; also "dns-account-01", "dns-persist-01", offered in random order
    persist                 "clear" (draft-00/-01) or "hashed" (draft-02)
    caa_identities          ["ca.example"]; check_caa: also look at CAA, with accounturi and validationmethods
    eab                     {"kid": b"secret"}: external account binding is required
    algorithms              of account keys: ES256, ES384, EdDSA, RS256
    processing_polls, processing_s   an order stays "processing" for so many looks, or so long, after finalize
    validation_s            time that a validation takes; validations_at_once at FakeCA() only
    retry_after             sent with what is pending or processing; None: not sent
    reuse_authorizations    {"valid"} or {"pending", "valid"}: those of the account are used again; (): each order has new ones
    authorization_lifetime_s, order_lifetime_s
    nonce_reject            share of good nonces that are refused: 0.0 to 1.0
    ari, ari_retry_after_s  renewalInfo is offered; its Retry-After
    rejected_names          newOrder says rejectedIdentifier for them; names_max: 100 in an order
    already_replaced        a set of certIDs, refused with alreadyReplaced (also what really was replaced is)
    tls                     what the server shows: "honest", "wrong-name", "expired", "not-yet-valid", "unknown-issuer",
                            "self-signed"
    on_connect              None, or a way to send (below), called instead of TLS

At FakeCA() only: intermediates=1, alternates=0 (further roots), name="Fake CA" (of the certificates), port, seed.

Acts:
    ca.set_window(host, start, end, explanation=None)    ARI: seconds from now; host None: for all certificates
    ca.limit(endpoint, seconds, date=False)              429 rateLimited for so long, Retry-After in seconds or as a date
    ca.bucket(endpoint, n, seconds, date=False)          429 beyond n requests in so many seconds
    ca.stall(endpoint, after=False)                      a Gate: requests wait there; gate.wait_arrived(), gate.release()
    ca.script(endpoint, *steps, host=None)               the next requests (about this host) are answered so, one step each
    ca.always(endpoint, step, host=None)                 all of them, until ca.honest()
    ca.honest()                                          forgets scripts, gates, limits, nonce_reject, tls and on_connect
    ca.stop(), ca.start(), ca.forget()                   same port; its memory stays without forget(), its certificates always
    ca.expire_nonces()

Endpoints: directory newNonce newAccount newOrder revokeCert keyChange renewalInfo account orders order authz challenge finalize
certificate; "*" in a script: any.
Steps (lib.fakeca_script): Reply(status, body, content_type, headers, json=) and problem(type, detail, status) instead of the
honest work; Alter(f), alter_json(f), member(name=value), sent(way) change the answer after it; a function of nothing, called
before the honest work, whose result, if any, is the answer.  Ways to send: reset, reset_after(n), cut_after(n), silent,
silent_after_headers, slow(seconds), endless, raw(octets).

What happened:
    ca.requests (each with .endpoint .account .payload .status .headers), ca.count(endpoint), ca.orders (.names .status .profile
    .replaces .account .certificate .created_s), ca.accounts (.url .status .contact .key .eab_kid), ca.certificates (.names .id
    .certificate .revoked .order .replaced_by .renewal_asked), ca.validations, ca.failed_validations, ca.limited, ca.connections
    ca.complaints           what the client did wrong by the RFCs: the test fails for it
    ca.root_pem(i=0)        of the i-th chain
"""

import os
import random
import threading
import time
import traceback

from . import process
from .fakeca_endpoints import Endpoints
from .fakeca_http import HttpsServer, context, http_date
from .fakeca_pki import Pki, ServerIdentity, pem
from .fakeca_script import Script
from .ports import free_port


class Limit:
    """n requests in so many seconds; n 0: none until the time is over."""

    def __init__(self, n, seconds, date):
        self.n, self.seconds, self.date = n, seconds, date
        self.taken, self.until = [], time.monotonic() + seconds
        self.words = f"too many requests: {n} in {seconds} s" if n else "too many requests"

    def take(self):
        """None: go on; else the seconds that are left."""
        at = time.monotonic()
        if self.n == 0:
            return self.until - at if at < self.until else None
        self.taken = [t for t in self.taken if t + self.seconds > at]
        if len(self.taken) >= self.n:
            return self.taken[0] + self.seconds - at
        self.taken.append(at)
        return None

    def retry_after(self, left):
        whole = int(left) + 1
        return http_date(whole) if self.date else str(whole)


class FakeCA(Endpoints):
    """See above."""

    def __init__(self, directory, dns=None, port=None, intermediates=1, alternates=0, name="Fake CA", seed=1,
                 validations_at_once=16, **settings):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.log_path = os.path.join(self.directory, "fakeca.log")
        self.name, self.port, self.random = "fakeca", port or free_port(), random.Random(seed)
        self.base = f"https://127.0.0.1:{self.port}"
        self.directory_url = f"{self.base}/directory"
        self.lock, self.ended = threading.RLock(), threading.Event()
        self.validating = threading.BoundedSemaphore(validations_at_once)
        self.dns = dns
        self._default_settings()
        for setting, value in settings.items():
            assert hasattr(self, setting), f"the fake CA has no setting {setting!r}"
            setattr(self, setting, value)
        self.pki = Pki(name, intermediates, alternates)
        self._make_identity()
        self.script_, self.limits = Script(), {}
        self.requests, self.orders, self.accounts, self.certificates, self.complaints = [], [], [], [], []
        self.validations = self.failed_validations = self.limited = self.connections = 0
        self.windows, self._number, self.has_forgotten = {}, 0, False
        self._make_memory()
        self.server = None
        process.everything.append(self)

    def _default_settings(self):
        self.lifetime_s, self.backdate_s = 90 * 86400, 0
        self.profiles, self.challenges, self.persist = {}, ["dns-01"], "clear"
        self.caa_identities, self.check_caa, self.eab = ["ca.example"], False, None
        self.algorithms = ("ES256", "ES384", "EdDSA", "RS256")
        self.processing_polls = self.processing_s = self.validation_s = 0
        self.retry_after, self.dns_timeout_s, self.names_max = None, 3, 100
        self.reuse_authorizations, self.authorization_lifetime_s, self.order_lifetime_s = (), 86400, 86400
        self.nonce_reject, self.ari, self.ari_retry_after_s = 0.0, True, 21600
        self.rejected_names, self.already_replaced = set(), set()
        self.tls, self.on_connect = "honest", None

    def _make_identity(self):
        identity, self._contexts = ServerIdentity(), {}
        self.ca_path = self._write("ca.pem", identity.ca_pem())
        for kind, (chain, key) in identity.pairs.items():
            self._contexts[kind] = context((self._write(f"{kind}.pem", chain), self._write(f"{kind}.key", key)))

    def _write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def _make_memory(self):
        self.nonces, self.used_nonces = set(), set()
        self.accounts_by_url, self.orders_by_url, self.authorizations_by_url, self.challenges_by_url = {}, {}, {}, {}
        self.certificates_by_url, self.certificates_by_id = {}, {}

    # ---- life ----

    def start(self):
        assert self.server is None, "the fake CA runs already"
        self.ended.clear()
        self.server = HttpsServer(self.port, self, self._contexts)
        return self

    def stop(self):
        """The connections end, too.  What the client did wrong so far is a failure."""
        self.kill9()
        assert not self.complaints, "the client was wrong:\n" + "\n".join(self.complaints)

    def kill9(self):
        self.ended.set()
        for gate in self.script_.gates():
            gate.release()
        if self.server is not None:
            self.server.close()
            self.server = None

    def forget(self):
        with self.lock:
            self.has_forgotten = True
            self._make_memory()

    def expire_nonces(self):
        with self.lock:
            self.has_forgotten = True
            self.nonces.clear()

    # ---- acts ----

    def set_window(self, host, start, end, explanation=None):
        at = time.time()
        self.windows[host] = (at + start, at + end, explanation)

    def window_of(self, certificate):
        for name in (*certificate.names, None):
            if name in self.windows:
                return self.windows[name]
        start = certificate.certificate.not_valid_before.timestamp() - time.timezone
        end = certificate.certificate.not_valid_after.timestamp() - time.timezone
        return start + (end - start) * 0.66, start + (end - start) * 0.68, None

    def limit(self, endpoint, seconds, date=False):
        self.limits.setdefault(endpoint, []).append(Limit(0, seconds, date))

    def bucket(self, endpoint, n, seconds, date=False):
        self.limits.setdefault(endpoint, []).append(Limit(n, seconds, date))

    def stall(self, endpoint, after=False):
        return self.script_.stall(endpoint, after)

    def script(self, endpoint, *steps, host=None):
        self.script_.add(endpoint if host is None else (endpoint, host), steps)

    def always(self, endpoint, step, host=None):
        self.script_.keep(endpoint if host is None else (endpoint, host), step)

    def honest(self):
        self.script_.clear()
        self.limits = {}
        self.tls, self.on_connect, self.nonce_reject = "honest", None, 0.0

    # ---- what happened ----

    def count(self, endpoint):
        with self.lock:
            return sum(r.endpoint == endpoint for r in self.requests)

    def certificates_for(self, host):
        with self.lock:
            return [c for c in self.certificates if host in c.names]

    def root_pem(self, which=0):
        return pem(self.pki.lines[which][-1].certificate)

    def complain(self, request, words):
        self.complaints.append(f"{request.method} {request.path} ({request.endpoint}): {words}")
        self.note("COMPLAINT " + self.complaints[-1])

    def note(self, text):
        at = time.time()
        with open(self.log_path, "a", encoding="utf-8") as f:
            f.write(f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03} {text}\n")

    def note_exception(self):
        self.note(traceback.format_exc())

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    # ---- for the endpoints ----

    def next_number(self):
        self._number += 1
        return self._number

    def servers_for(self, name):
        dns = self.dns(name) if callable(self.dns) else self.dns
        return [] if dns is None else [dns] if isinstance(dns, str) else list(dns)

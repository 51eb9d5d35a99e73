"""dns-account-01, and the standing records of dns-persist-01 in both generations, at the fake CA."""

import re
import time

import pytest

from lib import certs, client
from lib.certs import Published, Request, upload_script
from lib.fakeca_validation import account_hash, account_label
from lib.gitrepo import GitRepo
from lib.keys import Key
from lib.wait import stays, wait_for
from lib.zones import sign, zone

PATIENT = 60
HOST = "www.example.com"


@pytest.fixture
def issuer(certnsd, repo, fakeca_for):
    """issuer(prefer, ...) gives (server, ca); prefer: what is preferred here; the others are of the CA."""
    def make(prefer, lifetime=None, extra="", **settings):
        if extra:
            repo.edit("example.com", lambda t: t + extra)
        server = certnsd(git=repo)
        server.zone_entry("example.com")
        settings.setdefault("challenges", ["dns-01", "dns-account-01", "dns-persist-01"])
        ca = fakeca_for(server, **settings)
        server.use_acme(ca)
        authority = server.config["acme"]["authorities"][0]
        authority["challenges"] = prefer
        if lifetime:
            authority["persist-lifetime"] = lifetime
        server.write_config()
        return server.start("example.com"), ca

    return make


def upload(server, key, host, request):
    client.nsupdate(server, key, upload_script(host, request))


def obtain(server, key, request, host=HOST):
    upload(server, key, host, request)
    return wait_for(lambda: Published(server, host).certificate(request), f"a certificate for {host}", PATIENT)


def standing(server, name=HOST):
    return [t.replace('" "', "").strip('"') for t in client.look(server, f"_validation-persist.{name}", "TXT")]


def challenged_by(ca):
    """The kinds of challenges that were answered."""
    return {c.kind for c in ca.challenges_by_url.values() if c.status != "pending"}


def test_an_account_label(issuer, key):
    server, ca = issuer(["dns-account-01", "dns-01"])
    obtain(server, key, Request([HOST]))
    assert challenged_by(ca) == {"dns-account-01"}
    owner = f"{account_label(ca.accounts[0].url)}._acme-challenge.{HOST}"
    wait_for(lambda: not client.look(server, owner, "TXT"), "the challenge is taken away")


def test_an_account_label_is_delegated_on_its_own(issuer, key, repo):
    """Each account has an alias of its own, and the one for all is not followed."""
    server, ca = issuer(["dns-account-01"])
    obtain(server, key, Request(["first.example.com"]), "first.example.com")
    label = account_label(ca.accounts[0].url)
    repo.edit("example.com", lambda t: t + f"{label}._acme-challenge.www\tCNAME\there\n_acme-challenge.www\tCNAME\tfar.example.net.\n")
    server.pull()
    obtain(server, key, Request([HOST]))


def test_what_the_ca_does_not_offer_is_not_waited_for(issuer, key):
    server, ca = issuer(["dns-persist-01", "dns-account-01", "dns-01"], challenges=["dns-01"])
    obtain(server, key, Request([HOST]))
    assert challenged_by(ca) == {"dns-01"} and standing(server) == []


def test_nothing_that_is_preferred_is_offered(issuer, key):
    server, _ = issuer(["dns-persist-01"], challenges=["dns-01"])
    upload(server, key, HOST, Request([HOST]))
    wait_for(lambda: "that we are to use: it offers dns-01" in (server.certs(HOST)[0]["problem"] or ""), "it is said")


def test_what_is_not_accepted_is_not_insisted_on(issuer, key):
    """The CA means another account by what it says of ours: the next in the list is tried next."""
    server, ca = issuer(["dns-persist-01", "dns-01"], persist="clear", caa_identities=["ca.example"])
    ca.persist_uris = lambda *_: set()
    request = Request([HOST])
    upload(server, key, HOST, request)
    wait_for(lambda: (server.certs(HOST) or [{"problem": ""}])[0]["problem"], "it is not accepted", PATIENT)
    server.ctl("renew", HOST)
    wait_for(lambda: Published(server, HOST).certificate(request), "a certificate by the other way", PATIENT)
    assert "dns-01" in challenged_by(ca)


@pytest.mark.parametrize("persist", ["clear", "hashed"])
def test_a_standing_record(issuer, key, repo, persist):
    """Made once, in git; a renewal touches no TXT; gone when the CSR is."""
    server, ca = issuer(["dns-persist-01", "dns-01"], persist=persist)
    request = Request([HOST])
    first = obtain(server, key, request)
    assert challenged_by(ca) == {"dns-persist-01"}
    account = ca.accounts[0].url
    uri = account if persist == "clear" else account_hash(ca.account_hash_prefix(), HOST, ca.accounts[0].key.thumbprint, account)
    assert standing(server) == [f"ca.example; accounturi={uri}"]
    wait_for(lambda: "_validation-persist" in repo.read("example.com"), "it is in git")
    assert client.look(server, f"_acme-challenge.{HOST}", "TXT") == []
    commits = repo.git("log", "--format=%s", "-G", "TXT", "main", cwd=repo.bare)

    server.ctl("renew", HOST)
    wait_for(lambda: Published(server, HOST).certificate(request) not in (None, first), "another certificate", PATIENT)
    wait_for(lambda: len(repo.git("log", "--format=%h", "main", cwd=repo.bare).split()) > 2, "which is in git")
    assert repo.git("log", "--format=%s", "-G", "TXT", "main", cwd=repo.bare) == commits, "no TXT was touched"
    assert standing(server) == [f"ca.example; accounturi={uri}"]

    # It is known after a restart; and goes with the CSR.
    server.stop()
    server.start("example.com")
    client.nsupdate(server, key, f"update delete _letsencrypt._tcp.{HOST}. TLSA\nsend\n")
    wait_for(lambda: standing(server) == [], "nobody needs it any more", PATIENT)
    wait_for(lambda: "_validation-persist" not in repo.read("example.com"), "and git has it no more")


@pytest.mark.parametrize("persist", ["clear", "hashed"])
def test_a_wildcard_and_its_name(issuer, key, persist):
    """One record for both; without the wildcard in the CSR the policy is taken back."""
    server, _ = issuer(["dns-persist-01"], persist=persist, lifetime="30d")
    obtain(server, key, Request(["example.com", "*.example.com"]), "example.com")
    assert len(standing(server, "example.com")) == 1 and "; policy=wildcard; persistUntil=" in standing(server, "example.com")[0]
    until = int(standing(server, "example.com")[0].rpartition("=")[2])
    assert abs(until - time.time() - 30 * 86400) < 300
    obtain(server, key, Request(["example.com"]), "example.com")
    wait_for(lambda: "policy" not in standing(server, "example.com")[0], "the wildcard is not needed any more", PATIENT)
    assert len(standing(server, "example.com")) == 1


def test_another_account(issuer, key):
    """The CA has lost the account: the record names the new one, and only that."""
    server, ca = issuer(["dns-persist-01"])
    request = Request([HOST])
    first = obtain(server, key, request)
    before = standing(server)
    ca.forget()
    server.ctl("renew", HOST)
    wait_for(lambda: Published(server, HOST).certificate(request) not in (None, first), "another certificate", PATIENT)
    after = standing(server)
    assert len(after) == 1 and after != before and after == [f"ca.example; accounturi={ca.accounts[-1].url}"]


def test_records_of_others_stay(issuer, key):
    """Those of other CAs and accounts, and whatever is no standing record."""
    theirs = ["other.example; accounturi=https://other.example/acct/1; policy=wildcard",
              "ca.example; accounturi=https://ca.example/somebody-else", "not for a CA"]
    server, _ = issuer(["dns-persist-01"], extra="".join(f'_validation-persist.www\tTXT\t"{t}"\n' for t in theirs))
    obtain(server, key, Request([HOST]))
    assert len(standing(server)) == 4 and set(theirs) < set(standing(server))
    client.nsupdate(server, key, f"update delete _letsencrypt._tcp.{HOST}. TLSA\nsend\n")
    wait_for(lambda: sorted(standing(server)) == sorted(theirs), "only ours goes", PATIENT)


def test_an_operators_own_record_is_used(issuer, key, repo):
    server, ca = issuer(["dns-persist-01"])
    obtain(server, key, Request(["first.example.com"]), "first.example.com")
    own = f"ca.example; accounturi={ca.accounts[0].url}; policy=wildcard; note=by-hand"
    repo.edit("example.com", lambda t: t + f'_validation-persist.www\tTXT\t"{own}"\n')
    server.pull()
    wait_for(lambda: standing(server) == [own], "it is served")
    obtain(server, key, Request([HOST]))
    assert standing(server) == [own]
    client.nsupdate(server, key, f"update delete _letsencrypt._tcp.{HOST}. TLSA\nsend\n")
    stays(lambda: standing(server) == [own], "nor is it taken away", 7)


def test_a_delegated_standing_record(issuer, key, repo):
    server, ca = issuer(["dns-persist-01"], extra="_validation-persist.www\tCNAME\twww.standing\n")
    obtain(server, key, Request([HOST]))
    assert challenged_by(ca) == {"dns-persist-01"}
    assert client.look(server, "www.standing.example.com", "TXT")
    assert certs.owner(HOST) and client.look(server, f"_validation-persist.{HOST}", "CNAME")


def test_a_standing_record_at_a_remote_primary(certnsd, repo, key, fakeca_for, named):
    """Lasting there, too: it is left alone until it is not needed."""
    update = Key("certns._update.example.net")
    named.key(update)
    named.primary("example.net", zone("example.net").replace("7200", "2"),
                  options=f'allow-update {{ key "{update.name}"; }};')
    named.start("example.net")
    repo.edit("example.com", lambda t: t + "_validation-persist.www\tCNAME\twww.example.net.\n")
    server = certnsd(git=repo, keys=[{"name": update.name, "algorithm": update.algorithm, "secret": update.secret}])
    server.zone_entry("example.com")
    there = f"{named.address}@{named.port}"
    server.zone_entry("example.net", primaries=[f"{there} key {update.name}"], **{"check-servers": [there]})
    ca = fakeca_for(server, challenges=["dns-persist-01"])
    server.use_acme(ca)
    server.config["acme"]["authorities"][0]["challenges"] = ["dns-persist-01"]
    server.write_config()
    server.start("example.com", "example.net")
    obtain(server, key, Request([HOST]))
    assert client.look(named, "www.example.net", "TXT") == [f'"ca.example; accounturi={ca.accounts[0].url}"']
    client.nsupdate(server, key, f"update delete _letsencrypt._tcp.{HOST}. TLSA\nsend\n", zone="example.com")
    wait_for(lambda: not client.look(named, "www.example.net", "TXT"), "nobody needs it any more", PATIENT)


def test_a_challenge_that_has_a_place(issuer, key):
    """The standing record's name leads in a circle, so the next in the list is used."""
    server, ca = issuer(["dns-persist-01", "dns-01"],
                        extra="_validation-persist.sub\tCNAME\tcircle\ncircle\tCNAME\t_validation-persist.sub\n")
    obtain(server, key, Request(["sub.example.com"]), "sub.example.com")
    assert challenged_by(ca) == {"dns-01"}


def test_a_zone_that_comes_signed(certnsd, tmp_path, fakeca_for):
    """It is never changed; but a record can be put there by who signs it, once, and it is said which."""
    def signed(serial, extra=""):
        directory = tmp_path / f"signed{serial}"
        directory.mkdir()
        (directory / "zone").write_text(zone("example.net", serial=serial, extra=extra))
        return sign(directory, "example.net")

    request = Request(["www.example.net"])
    csr = f"_letsencrypt._tcp.cert\t3600\tTLSA\t{request.rdata()}\n"
    repo = GitRepo(tmp_path / "git", {"example.com": zone(extra=csr), "example.net": signed(1)})
    server = certnsd(git=repo)
    server.zone_entry("example.com")
    server.zone_entry("example.net")
    ca = fakeca_for(server, challenges=["dns-01", "dns-persist-01"])
    server.use_acme(ca)
    server.config["acme"]["authorities"][0]["challenges"] = ["dns-persist-01"]
    server.write_config()
    server.start("example.com", "example.net")
    said = wait_for(lambda: re.search(r'put this TXT record at _validation-persist.www.example.net: "(.*)"',
                                      (server.certs("cert.example.com") or [{"problem": ""}])[0]["problem"] or ""),
                    "it says what to do", PATIENT)
    assert ca.validations == 0, "no attempt was burned"
    repo.edit("example.net", lambda t: signed(2, f'_validation-persist.www\tTXT\t"{said[1]}"\n'))
    server.pull()
    wait_for(lambda: standing(server, "www.example.net") == [said[1]], "that is done")
    server.ctl("renew", "cert.example.com")
    wait_for(lambda: Published(server, "cert.example.com").certificate(request), "and it works", PATIENT)


def test_a_liar_gets_no_record_for_somebody_elses_account(issuer, key):
    """What it calls our account is at another CA."""
    from lib.fakeca_script import Alter

    server, ca = issuer(["dns-persist-01"])

    def elsewhere(reply):
        reply.header("Location", "https://acme.other.example/acct/1")

    ca.always("newAccount", Alter(elsewhere))
    upload(server, key, HOST, Request([HOST]))
    wait_for(lambda: server.certs(HOST) and server.certs(HOST)[0]["problem"], "it does not work", PATIENT)
    assert standing(server) == []
    ca.complaints.clear()


def test_the_preference_is_taken_back(issuer, key):
    """Without dns-persist-01 in the configuration a record is only a risk."""
    server, _ = issuer(["dns-persist-01"])
    obtain(server, key, Request([HOST]))
    assert standing(server)
    server.stop()
    server.config["acme"]["authorities"][0]["challenges"] = ["dns-01"]
    server.write_config()
    server.start("example.com")
    client.nsupdate(server, key, f"update add touch.example.com 60 A 192.0.2.1\nsend\n")
    server.ctl("renew", HOST)
    wait_for(lambda: not standing(server), "the record is removed", 90)

"""Zones and questions, made from a seed; kept in the work directory for the next run."""

import json
import os
import random
import shutil
import subprocess
import tempfile

SEED = 21
ORIGIN = "bench.example"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
QUESTIONS = 50000

HEAD = """$ORIGIN {0}.
$TTL 3600
@\tSOA\tns1 hostmaster {1} 7200 3600 1209600 300
@\tNS\tns1
@\tNS\tns2
@\tMX\t10 mail
ns1\tA\t192.0.2.1
ns2\tA\t192.0.2.2
mail\tA\t192.0.2.3
"""


def word(r):
    return "".join(r.choice(LETTERS) for _ in range(r.randint(4, 11)))


def v4(r):
    return f"10.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}"


def v6(r):
    return f"2001:db8:{r.randrange(65536):x}:{r.randrange(65536):x}::{r.randrange(1, 65536):x}"


class Hosting:
    """One zone as a hosting company has it: hosts with addresses and mail, aliases, delegations.
    Some 1.7 records per name."""

    def __init__(self, names):
        self.key = f"hosting-{names}"
        self.title = f"one zone of {names:,} names"
        self.names = names
        self.zones = [ORIGIN]

    def write(self, directory):
        r = random.Random(SEED)
        ask = {"positive": [], "mixed": [], "nxdomain": [], "nodata": [], "referral": [], "alias": []}
        hosts = ["mail"]
        path = os.path.join(directory, "zones", ORIGIN)
        with open(path, "w", encoding="ascii") as f:
            f.write(HEAD.format(ORIGIN, 1))
            for i in range(self.names):
                name = word(r) + f"{i:x}"
                kind = r.random()
                if kind < 0.80:
                    hosts.append(name)
                    f.write(f"{name}\tA\t{v4(r)}\n")
                    ask["positive"].append((name, "A"))
                    ask["nodata"].append((name, "SRV"))
                    if r.random() < 0.45:
                        f.write(f"{name}\tAAAA\t{v6(r)}\n")
                    if r.random() < 0.25:
                        f.write(f"{name}\tMX\t10 mail\n")
                    if r.random() < 0.20:
                        f.write(f'{name}\tTXT\t"v=spf1 mx ip4:{v4(r)} -all"\n')
                    ask["mixed"].append((name, r.choice(["A"] * 5 + ["AAAA"] * 3 + ["MX", "TXT"])))
                elif kind < 0.95:
                    f.write(f"www{i:x}\tCNAME\t{r.choice(hosts)}\n")
                    ask["mixed"].append((f"www{i:x}", "A"))
                    ask["alias"].append(ask["mixed"][-1])
                else:
                    f.write(f"{name}\tNS\tns1.{name}\n{name}\tNS\tns2\nns1.{name}\tA\t{v4(r)}\n")
                    ask["mixed"].append((f"www.{name}", "A"))
                    ask["referral"].append(ask["mixed"][-1])
        for _ in range(QUESTIONS):
            ask["nxdomain"].append((word(r) + ".no-" + word(r), "A"))
            if r.random() < 0.05:
                ask["mixed"].append(ask["nxdomain"][-1])
        for mix, pairs in ask.items():
            questions(directory, mix, r, [(f"{name}.{ORIGIN}", rrtype) for name, rrtype in pairs])


class Signed(Hosting):
    """The same, signed; with NSEC or NSEC3 (no salt, no iterations: RFC 9276)."""

    def __init__(self, names, denial):
        super().__init__(names)
        self.key = f"signed-{denial.lower()}-{names}"
        self.title = f"one zone of {names:,} names, signed, {denial}"
        self.denial = denial

    def write(self, directory):
        super().write(directory)
        path = os.path.join(directory, "zones", ORIGIN)
        with tempfile.TemporaryDirectory() as place:
            key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", ORIGIN], cwd=place, check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.strip()
            options = ["-n", "-t", "0"] if self.denial == "NSEC3" else []
            subprocess.run(["ldns-signzone", *options, "-e", "20380101000000", "-f", path + ".signed", path,
                            os.path.join(place, key)], check=True)
        os.replace(path + ".signed", path)


class Small:
    """Many zones with a handful of records each."""

    def __init__(self, zones):
        self.key = f"small-{zones}"
        self.title = f"{zones:,} small zones"
        self.names = zones
        r = random.Random(SEED)
        self.zones = [f"{word(r)}{i:x}.{r.choice(['example', 'test', 'co.example'])}" for i in range(zones)]

    def write(self, directory):
        r = random.Random(SEED + 1)
        ask = []
        for zone in self.zones:
            with open(os.path.join(directory, "zones", zone), "w", encoding="ascii") as f:
                f.write(HEAD.format(zone, 1) + f"@\tA\t{v4(r)}\nwww\tA\t{v4(r)}\n")
            ask.append((r.choice([zone, "www." + zone, "mail." + zone, "none." + zone]), "A"))
        questions(directory, "mixed", r, ask)


def questions(directory, mix, r, pairs):
    """Write a sample of the questions, in no order."""
    with open(os.path.join(directory, f"{mix}.txt"), "w", encoding="ascii") as f:
        for name, rrtype in r.sample(pairs, min(QUESTIONS, len(pairs))):
            f.write(f"{name}. {rrtype}\n")


def prepare(data, work):
    """The directory with the zone files in zones/ and the questions; made unless it is there."""
    directory = os.path.join(work, data.key)
    done = os.path.join(directory, "done")
    if not os.path.exists(done):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(os.path.join(directory, "zones"))
        data.write(directory)
        with open(done, "w", encoding="ascii") as f:
            json.dump({"seed": SEED}, f)
    return directory


def git_import(repository, files, message):
    """One commit on main with these files (name, octets): git fast-import."""
    if not os.path.exists(repository):
        subprocess.run(["git", "init", "-q", "--bare", "--initial-branch=main", repository], check=True)
    known = subprocess.run(["git", "-C", repository, "rev-parse", "-q", "--verify", "main"], stdout=subprocess.DEVNULL)
    with subprocess.Popen(["git", "-C", repository, "fast-import", "--quiet", "--date-format=now"],
                          stdin=subprocess.PIPE) as p:
        p.stdin.write(b"commit refs/heads/main\ncommitter Bench <bench@example.com> now\n")
        p.stdin.write(f"data {len(message)}\n{message}\n".encode())
        if known.returncode == 0:
            p.stdin.write(b"from refs/heads/main^0\n")
        for name, octets in files:
            p.stdin.write(f"M 100644 inline {name}\ndata {len(octets)}\n".encode() + octets + b"\n")
    assert p.returncode == 0, "git fast-import failed"


def repository_of(data, directory):
    """A bare git repository with the zones, beside them."""
    repository = os.path.join(directory, "zones.git")
    if not os.path.exists(os.path.join(directory, "imported")):
        shutil.rmtree(repository, ignore_errors=True)

        def files():
            for zone in data.zones:
                with open(os.path.join(directory, "zones", zone), "rb") as f:
                    yield zone, f.read()

        git_import(repository, files(), "zones")
        open(os.path.join(directory, "imported"), "w", encoding="ascii").close()
    return repository

#!/usr/bin/python3
"""The differential test: random zones and random queries to certnsd, NSD, Knot DNS and BIND.

Ends with "N queries, N differences", and with status 1 when there are any.  A failure shows its seed and its zone; the
same seed makes the same zones and queries again.  What certnsd and the others may answer differently is in
docs/answers.md."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))

import peers  # noqa: E402
import signer  # noqa: E402
import zones  # noqa: E402
from lib import process  # noqa: E402
from lib.certnsd import Certnsd, program  # noqa: E402
from lib.gitrepo import GitRepo  # noqa: E402


def name_of(zone):
    return zones.text(zone.origin).rstrip(".") or "."


def file_of(name):
    return "root" if name == "." else name


def from_repository(directory, texts, paths):
    # No file in a repository can have the name of the root zone.
    repo = GitRepo(os.path.join(directory, "git"), {name: text for name, text in texts.items() if name != "."})
    return Certnsd(os.path.join(directory, "certnsd"), git=repo, server={"log-level": "info"},
                   zones=[{"name": ".", "file": paths["."]}] if "." in paths else None)


def from_primary(directory, texts, primary):
    key = peers.TRANSFER
    return Certnsd(os.path.join(directory, "certnsd"), server={"log-level": "info"},
                   zones=[{"name": name, "primaries": [f"{primary.address}@{primary.port} key {key.name}"]} for name in texts],
                   keys=[{"name": key.name, "algorithm": key.algorithm, "secret": key.secret}])


def start_all(directory, made, transferred):
    """certnsd first, then its peers; each has all zones, certnsd perhaps from BIND."""
    texts = {}
    for zone in made:
        name = name_of(zone)
        texts[name] = zone.zone_text()
        if zone.signing:
            texts[name], zone.hashed = signer.sign(os.path.join(directory, "signed", file_of(name)), name, texts[name],
                                                   zone.signing)
    os.makedirs(os.path.join(directory, "zones"))
    paths = {name: os.path.join(directory, "zones", file_of(name)) for name in texts}
    for name, text in texts.items():
        with open(paths[name], "w", encoding="ascii") as f:
            f.write(text)
    # Some question about the root zone sends Knot DNS 3.2 into an endless loop.
    kinds = [kind for kind in (peers.Nsd, peers.Knot, peers.Bind) if kind is not peers.Knot or "." not in paths]
    others = [kind(os.path.join(directory, kind.name), paths) for kind in kinds]
    ours = from_primary(directory, texts, others[-1]) if transferred else from_repository(directory, texts, paths)
    for server in others + [ours]:
        server.start(*texts)
    return [ours] + others


def write_subjects(path, directory, made):
    with open(path, "w", encoding="ascii") as f:
        for zone in made:
            path = os.path.join(directory, "zones", file_of(name_of(zone)))
            f.write(f"Z {zones.text(zone.origin)} {path}\n{zone.subjects()}")
            f.writelines(f"N {owner} NSEC3\n" for owner in zone.hashed[:5])


def one_round(directory, seed, queries, arguments):
    """Differences among that many queries."""
    made = zones.make(random.Random(seed), arguments.zones, root=seed % 5 == 0)
    servers = start_all(directory, made, arguments.transferred)
    subjects = os.path.join(directory, "names")
    write_subjects(subjects, directory, made)
    command = [program("tests/differential/compare"), "-s", str(seed), "-n", str(queries)]
    if arguments.verbose:
        command.append("-v")
    if arguments.only is not None:
        command += ["-o", str(arguments.only)]
    command += [subjects] + [f"{server.name}={server.port}" for server in servers]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, errors="replace", check=False)
    lines = done.stdout.splitlines()
    print(f"seed {seed}", *lines[:-1], sep="\n", flush=True)
    for server in servers:
        server.check_running()
    servers[0].stop()                                   # it must end well, and sanitizers must have found nothing
    assert done.returncode in (0, 1) and lines, f"compare ended with {done.returncode}"
    return int(lines[-1].split()[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; each has another one")
    parser.add_argument("--queries", type=int, default=100000, help="in all")
    parser.add_argument("--round", type=int, default=100000, help="queries for one set of zones")
    parser.add_argument("--zones", type=int, default=100)
    parser.add_argument("--transferred", action="store_true", help="certnsd has the zones by transfer from BIND")
    parser.add_argument("--only", type=int, metavar="N", help="ask query number N alone")
    parser.add_argument("--verbose", action="store_true", help="show every difference, and examples of the known ones")
    parser.add_argument("--keep", metavar="DIRECTORY", help="leave zones, configurations and logs there")
    arguments = parser.parse_args()

    differences = asked = 0
    seed = arguments.seed
    while asked < arguments.queries:
        queries = min(arguments.round, arguments.queries - asked)
        if arguments.keep:
            directory = os.path.join(arguments.keep, str(seed))
        else:
            directory = tempfile.mkdtemp(prefix="certns-differential-")
        try:
            differences += one_round(directory, seed, queries, arguments)
        finally:
            for one in reversed(process.everything):
                one.kill9()
            process.everything.clear()
            if not arguments.keep:
                shutil.rmtree(directory)
        asked += queries
        seed += 1
    print(f"{asked} queries, {differences} differences")
    return differences != 0


if __name__ == "__main__":
    sys.exit(main())

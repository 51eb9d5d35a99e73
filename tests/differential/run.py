#!/usr/bin/python3
"""The differential test: random zones and random queries to certnsd, NSD, Knot DNS and BIND.

Ends with "N queries, N differences", and with status 1 when there are any.  A failure shows its seed and its zone; the same seed makes
the same zones and queries again.  What certnsd and the others may answer differently is in docs/answers.md."""

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
import zones  # noqa: E402
from lib import process  # noqa: E402
from lib.certnsd import Certnsd, program  # noqa: E402
from lib.gitrepo import GitRepo  # noqa: E402


def start_all(directory, made):
    """certnsd first, then its peers; each has all zones."""
    names = [zones.text(zone.origin).rstrip(".") for zone in made]
    texts = {name: zone.zone_text() for name, zone in zip(names, made)}
    zone_directory = os.path.join(directory, "zones")
    os.makedirs(zone_directory)
    for name, text in texts.items():
        with open(os.path.join(zone_directory, name), "w", encoding="ascii") as f:
            f.write(text)
    repo = GitRepo(os.path.join(directory, "git"), texts)
    servers = [Certnsd(os.path.join(directory, "certnsd"), git=repo, server={"log-level": "info"})]
    servers += [kind(os.path.join(directory, kind.name), zone_directory, names) for kind in (peers.Nsd, peers.Knot, peers.Bind)]
    for server in servers:
        server.start(*names)
    return servers


def one_round(directory, seed, arguments):
    made = zones.make(random.Random(seed), arguments.zones)
    servers = start_all(directory, made)
    subjects = os.path.join(directory, "names")
    with open(subjects, "w", encoding="ascii") as f:
        for zone in made:
            name = zones.text(zone.origin)
            f.write(f"Z {name} {os.path.join(directory, 'zones', name.rstrip('.'))}\n{zone.subjects()}")
    command = [program("tests/differential/compare"), "-s", str(seed), "-n", str(arguments.queries)]
    if arguments.verbose:
        command.append("-v")
    if arguments.only is not None:
        command += ["-o", str(arguments.only)]
    command += [subjects] + [f"{server.name}={server.port}" for server in servers]
    status = subprocess.run(command, check=False).returncode
    for server in servers:
        server.check_running()
    return status


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=100000)
    parser.add_argument("--zones", type=int, default=100)
    parser.add_argument("--only", type=int, metavar="N", help="ask query number N alone")
    parser.add_argument("--verbose", action="store_true", help="show examples of what the others do not agree about")
    parser.add_argument("--keep", metavar="DIRECTORY", help="leave zones, configurations and logs there")
    arguments = parser.parse_args()

    directory = arguments.keep or tempfile.mkdtemp(prefix="certns-differential-")
    try:
        return one_round(directory, arguments.seed, arguments)
    finally:
        for one in reversed(process.everything):
            one.kill9()
        if not arguments.keep:
            shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())

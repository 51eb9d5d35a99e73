"""CPU and instructions per query."""

import contextlib
import os
import re
import subprocess
import time

from . import data, servers
from .measure import cpu_per_answer_us, load, note, ratio, rounds, table


@contextlib.contextmanager
def running(classes, options, zones, updated=False):
    """The servers with these zones, started and pinned."""
    directory = data.prepare(zones, options.work)
    all_servers = []
    try:
        for cls in classes:
            server = cls(options.work, zones, directory, updated)
            all_servers.append(server)
            took = server.start()
            note(f"{server.name}: {zones.title} served after {took:.2f} s")
        yield all_servers, directory
    finally:
        for server in all_servers:
            server.stop()


def udp(options, zones, mixes, dnssec=False):
    """CPU per UDP query, with the echo's as the floor."""
    asked = ["-w", options.window, *(["-d"] if dnssec else [])]
    with running(options.servers, options, zones) as (all_servers, directory):
        for mix in mixes:
            questions = os.path.join(directory, f"{mix}.txt")
            first = load(all_servers[0], questions, "-s", 0.5, *asked)
            size = round(first["octets"] / first["answered"])
            echo = servers.Echo(options.work, zones, directory, size)
            echo.start()
            try:
                subjects = [*all_servers, echo]
                cpu = rounds(subjects, options.rounds,
                             lambda s: cpu_per_answer_us(s, questions, "-s", options.seconds, *asked)[0])
            finally:
                echo.stop()
            ours, floor = cpu[all_servers[0]], cpu[echo]
            table(f"CPU per UDP query{' with DO' if dnssec else ''}, {zones.title}, {mix} questions, answers of {size} octets "
                  f"(µs, {options.window} outstanding, medians of {options.rounds} rounds of {options.seconds} s)",
                  ["server", "CPU", "above echo", "to certns"],
                  [[s.name, f"{cpu[s]:.2f}", f"{cpu[s] - floor:.2f}", ratio(cpu[s], ours)] for s in subjects])


def udp_signed(options, names):
    """The same with DO, in zones that are signed."""
    for denial in ("NSEC", "NSEC3"):
        udp(options, data.Signed(names, denial), ["positive", "nxdomain", "mixed"], dnssec=True)


def tcp(options, zones):
    with running(options.servers, options, zones) as (all_servers, directory):
        questions = os.path.join(directory, "mixed.txt")
        rows = []
        for connections, window in ((8, options.window), (1, 1)):
            cpu = rounds(all_servers, options.rounds, lambda s: cpu_per_answer_us(
                s, questions, "-t", "-c", connections, "-w", window, "-s", options.seconds)[0])
            rows.append(cpu)
        table(f"CPU per TCP query, {zones.title}, mixed questions (µs)",
              ["server", f"8 connections, {options.window} outstanding", "to certns", "1 connection, 1 outstanding", "to certns"],
              [[s.name, f"{rows[0][s]:.2f}", ratio(rows[0][s], rows[0][all_servers[0]]), f"{rows[1][s]:.2f}",
                ratio(rows[1][s], rows[1][all_servers[0]])] for s in all_servers])


def control(server, *command):
    """A command of callgrind, to all processes."""
    for pid in server.pids():
        subprocess.run(["vgdb", "--wait=2", "--max-invoke-ms=100", f"--pid={pid}", *command], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=30, check=False)


def collected(server, which):
    """Instructions of all processes in their last (-1) or last but one (-2) dump; the file of the largest."""
    dumps = {}
    for name in os.listdir(server.home):
        found = re.fullmatch(r"callgrind\.(\d+)\.(\d+)", name)
        if found:
            dumps.setdefault(found.group(1), []).append(int(found.group(2)))
    total, largest = 0, (0, None)
    for pid, numbers in dumps.items():
        if len(numbers) < 2:
            continue
        path = server.path(f"callgrind.{pid}.{sorted(numbers)[which]}")
        with open(path, encoding="ascii", errors="replace") as f:
            counts = re.findall(r"^(?:totals|summary): (\d+)", f.read(), re.M)
        n = int(counts[-1]) if counts else 0
        total += n
        largest = max(largest, (n, path))
    return total, largest[1]


def count_instructions(server, questions, n, window, *options):
    """Per query by the difference of 2n and n queries, and with all that goes on beside; the profile's file."""
    for name in os.listdir(server.home):
        if name.startswith("callgrind."):
            os.unlink(server.path(name))
    warm = ["-n", 1000, "-w", window, *options]
    load(server, questions, *warm)
    control(server, "instrumentation", "on")
    load(server, questions, *warm)
    control(server, "zero")
    load(server, questions, "-n", n, "-w", window, *options)
    control(server, "dump")
    load(server, questions, "-n", 2 * n, "-w", window, *options)
    control(server, "dump")
    time.sleep(0.5)
    once, twice = collected(server, -2)[0], collected(server, -1)
    return (twice[0] - once) / n, twice[0] / (2 * n), twice[1]


def profile(path, limit=25):
    """The functions where the instructions go."""
    text = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=97", path], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    lines = [line for line in text.splitlines() if re.match(r"\s*[\d,]+ \(", line) and "PROGRAM" not in line]
    return [re.sub(r"/\S*/((?:server|zones|wire|tsig|base)/)", r"\1", re.sub(r" \[.*\]$", "", line)) for line in lines[:limit]]


def callgrind(server, *options):
    return ["valgrind", "--tool=callgrind", "--trace-children=no", f"--callgrind-out-file={server.path('callgrind.%p')}",
            *options]


def total(server):
    """Instructions of all processes that have ended."""
    sums = 0
    for name in os.listdir(server.home):
        if name.startswith("callgrind."):
            with open(server.path(name), encoding="ascii", errors="replace") as f:
                sums += max(int(n) for n in re.findall(r"^(?:totals|summary): (\d+)", f.read(), re.M))
            os.unlink(server.path(name))
    return sums


def count_whole_runs(server, questions, n, window, *options):
    """The same for a server whose children vgdb does not reach: the difference of two whole runs."""
    sums = []
    for count in (n, 2 * n):
        server.start(pinned=False, wrapper=callgrind(server))
        load(server, questions, "-n", count, "-w", window, *options)
        server.stop()
        sums.append(total(server))
    return (sums[1] - sums[0]) / n


def count_columns(server, directory, columns, n, options):
    """For each column, a mix of questions and a window: instructions per query, and the same with all that goes on beside;
    and the profile's file of the first."""
    files = [(os.path.join(directory, f"{mix}.txt"), window) for mix, window in columns]
    if server.forks:
        return [(count_whole_runs(server, path, n, window, *options), None) for path, window in files], None
    server.start()                          # a first time as it is: certns makes its clone
    server.stop()
    server.start(pinned=False, wrapper=callgrind(server, "--instr-atstart=no"))
    cells, first = [], None
    try:
        for path, window in files:
            exact, whole, profile_path = count_instructions(server, path, n, window, *options)
            control(server, "instrumentation", "off")
            cells.append((exact, whole))
            first = first or profile(profile_path)
    finally:
        server.stop()
    return cells, first


def instructions(options, zones):
    """User-space instructions by callgrind: exact whatever else the machine does."""
    directory = data.prepare(zones, options.work)
    columns = [("positive", 64), ("nxdomain", 64), ("mixed", 64), ("positive", 1)]
    rows, functions = [], []
    for cls in options.servers:
        server = cls(options.work, zones, directory)
        cells, first = count_columns(server, directory, columns, options.counted, [])
        row = [f"{exact:,.0f}" for exact, _ in cells]
        row.insert(1, f"{cells[0][1]:,.0f}" if cells[0][1] else "-")
        rows.append([server.name, *row])
        functions = functions or first
    table(f"User-space instructions per UDP query, {zones.title} (callgrind; the difference of runs with "
          f"{options.counted:,} and {2 * options.counted:,} queries, so without fixed costs)",
          ["server", "positive", "with fixed costs", "nxdomain", "mixed", "positive, one by one"], rows)
    print("Where the instructions of positive answers go:\n\n    " + "\n    ".join(functions) + "\n")


def signed(options, names):
    """The same with DO, in zones that are signed."""
    mixes = ["positive", "nxdomain", "nodata", "referral", "alias"]
    for denial in ("NSEC", "NSEC3"):
        zones = data.Signed(names, denial)
        directory = data.prepare(zones, options.work)
        rows = []
        for cls in options.servers:
            server = cls(options.work, zones, directory)
            cells, _ = count_columns(server, directory, [(mix, 64) for mix in mixes], options.counted, ["-d"])
            rows.append([server.name, *(f"{exact:,.0f}" for exact, _ in cells)])
        table(f"User-space instructions per UDP query with DO, {zones.title} (callgrind)", ["server", *mixes], rows)

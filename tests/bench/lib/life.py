"""Starting, memory, changes while queries go on, and updates."""

import json
import os
import re
import statistics
import subprocess
import threading
import time

from . import data, servers
from .measure import load, note, ratio, table
from .queries import running


def start(options, zones):
    """Seconds until all is served, on all cores, and memory then; files are in the page cache."""
    directory = data.prepare(zones, options.work)
    rows, ours = [], None
    times = {cls: [] for cls in options.servers}
    memory, first = {}, {}
    subjects = [cls(options.work, zones, directory) for cls in options.servers]
    for server in subjects:
        first[server] = server.start(pinned=False)          # certns clones; the others write what they keep
        server.stop()
    for _ in range(max(1, options.rounds // 2)):
        for server in subjects:
            try:
                times[type(server)].append(server.start(pinned=False))
                load(server, os.path.join(directory, "mixed.txt"), "-n", 20000)
                memory[server] = server.pss_kb() / 1024
            finally:
                server.stop()
            note(f"{server.name}: {zones.title} served after {times[type(server)][-1]:.2f} s")
    for server in subjects:
        took = statistics.median(times[type(server)])
        ours = ours or (took, memory[server])
        rows.append([server.name, f"{first[server]:.2f}", f"{took:.2f}", ratio(took, ours[0]), f"{memory[server]:.0f}",
                     ratio(memory[server], ours[1])])
    table(f"Start and memory, {zones.title} (s until served; MB of PSS after 20,000 queries)",
          ["server", "first start", "start", "to certns", "memory", "to certns"], rows)


def changed(text, serial):
    """The zone with another serial and another address of mail."""
    text = re.sub(r"(SOA\tns1 hostmaster )\d+", rf"\g<1>{serial}", text, count=1)
    return re.sub(r"^mail\tA\t\S+", f"mail\tA\t192.0.2.{serial % 250}", text, count=1, flags=re.M)


def meanwhile(server, questions, seconds, action):
    """Latency of 5,000 queries per second while action() runs."""
    thread = threading.Thread(target=action)
    timer = threading.Timer(0.5, thread.start)
    timer.start()
    result = load(server, questions, "-r", 5000, "-s", seconds)
    timer.join()
    thread.join()
    return result


def latency(options, zones):
    """The worst that a query waits: quiet, while the zone is reloaded with one line changed, and under updates."""
    rows = []
    seconds = 2 if options.quick else 6
    for cls in options.servers:
        with running([cls], options, zones) as ((server,), directory):
            questions = os.path.join(directory, "positive.txt")
            with open(os.path.join(directory, "zones", zones.zones[0]), encoding="ascii") as f:
                text = f.read()
            took = []

            def reload(server=server, text=text, took=took):
                begun = time.monotonic()
                server.change_zone(changed(text, 100))
                server.wait_serial(zones.zones[0], lambda serial: serial == 100)
                took.append(time.monotonic() - begun)

            results = [meanwhile(server, questions, seconds, action) for action in ((lambda: None), reload)]
        if cls.updates:
            with running([cls], options, zones, updated=True) as ((server,), directory):
                results.append(meanwhile(server, questions, seconds,
                                         lambda s=server: run_updates(s, 4, seconds - 1)))
        cells = [f"{r['p99_us'] / 1000:.2f} / {r['worst_us'] / 1000:.1f}" + (f" ({r['lost']} lost)" if r["lost"] else "")
                 for r in results]
        rows.append([server.name, *cells[:2], f"{took[0]:.2f}", *(cells[2:] or ["-"])])
    table(f"Latency of queries, {zones.title} (ms, 99 % / worst of 5,000 queries per second)",
          ["server", "quiet", "while reloading", "served after, s", "under updates"], rows)


def while_busy(server, questions, action):
    """The same, a second at a time for as long as action() takes: seconds, and the worst second's latencies."""
    took, seconds = [], []

    def timed():
        begun = time.monotonic()
        action()
        took.append(time.monotonic() - begun)

    thread = threading.Thread(target=timed)
    thread.start()
    while thread.is_alive():
        seconds.append(load(server, questions, "-r", 5000, "-s", 1, cpu=None))
    thread.join()
    return took[0], {key: max(s[key] for s in seconds) for key in ("p999_us", "worst_us", "lost")}


def waits(result):
    lost = f" ({result['lost']} lost)" if result["lost"] else ""
    return f"{result['p999_us'] / 1000:.2f} / {result['worst_us'] / 1000:.2f}{lost}"


def reload(options, zones):
    """A text with one line changed, on all cores: when is it served, how long is a start, what do queries wait meanwhile?"""
    rows, nsd = [], None
    directory = data.prepare(zones, options.work)
    questions = os.path.join(directory, "positive.txt")
    with open(os.path.join(directory, "zones", zones.zones[0]), encoding="ascii") as f:
        text = f.read()
    echo = servers.Echo(options.work, zones, directory, 89)
    for cls in options.servers:
        server = type(cls.__name__, (cls,), {"workers": 2})(options.work, zones, directory)

        def read(serial, server=server):
            server.read_zone()
            server.wait_serial(zones.zones[0], lambda got: got == serial)

        try:
            server.start(pinned=False)                      # certns clones, others write what they keep
            server.stop()
            started = server.start(pinned=False)
            quiet = while_busy(server, questions, lambda: time.sleep(options.rounds))[1]
            results = []
            for i in range(max(1, options.rounds // 2)):
                server.put_zone(changed(text, 100 + i))
                time.sleep(1)                               # what it left to be written
                results.append(while_busy(server, questions, lambda serial=100 + i: read(serial)))
            rows.append((server.name, started, statistics.median(took for took, _ in results), quiet,
                         {key: max(r[key] for _, r in results) for key in quiet}))
            if cls is servers.Certns:
                server.put_zone(changed(text, 200))
                echo.start(pinned=False)
                floor = while_busy(echo, questions, lambda: time.sleep(options.rounds))[1]
                rows.append(("echo beside it", None, None, floor, while_busy(echo, questions, lambda: read(200))[1]))
        finally:
            server.stop()
            echo.stop()
        nsd = started if server.name == "NSD" else nsd
        note(f"{server.name}: changed line served after {results[-1][0]:.2f} s")
    table(f"A text with one line changed, {zones.title} (two workers on all cores; queries: ms that 99.9 % / the worst "
          "of 5,000 per second waited)",
          ["server", "start, s", "served after, s", "to NSD's start", "quiet", "meanwhile"],
          [[name, *(["-"] * 3 if took is None else [f"{started:.2f}", f"{took:.2f}", ratio(took, nsd)]),
            waits(quiet), waits(busy)] for name, started, took, quiet, busy in rows])


def run_updates(server, outstanding, seconds, first=0):
    """Updates per second that were acknowledged with NOERROR, one new record in each, signed; and the slowest one in a hundred (ms)."""
    key = f"{servers.KEY_NAME}:SHA256:{servers.KEY_SECRET}"
    done = subprocess.run(
        ["taskset", "-c", str(servers.LOAD_CPU), os.path.join(servers.Certns.build, "tests/bench/load_update"), "-p",
         str(server.port),
         "-w", str(outstanding), "-s", str(seconds), "-n", str(first), key, data.ORIGIN], stdout=subprocess.PIPE,
         text=True, check=True)
    result = json.loads(done.stdout)
    if result["acknowledged"] == 0 or result["refused"] > 0:
        raise RuntimeError(f"{server.name} took no updates, or not all: {done.stdout}")
    return result["acknowledged"] / result["seconds"], result["p99_us"] / 1000


def updates(options, zones):
    """In rounds that take turns: what the disk does at the time is the same for all.  Each round starts with a fresh zone."""
    subjects = [cls for cls in options.servers if cls.updates]
    found = {(cls, outstanding): [] for cls in subjects for outstanding in (1, 16)}
    for _ in range(options.rounds):
        for cls in subjects:
            with running([cls], options, zones, updated=True) as ((server,), _):
                first = 0
                for outstanding in (1, 16):
                    rate = run_updates(server, outstanding, options.seconds, first)
                    found[cls, outstanding].append(rate)
                    first += 10000000
            note(f"{cls.name}: {found[cls, 1][-1][0]:.0f} and {found[cls, 16][-1][0]:.0f} updates per second")
    medians = {k: (statistics.median(r for r, _ in v), statistics.median(p for _, p in v)) for k, v in found.items()}
    rows = []
    for cls in subjects:
        cells = [cls.name]
        for outstanding in (1, 16):
            rate, p99 = medians[cls, outstanding]
            cells += [f"{rate:.0f}", ratio(medians[subjects[0], outstanding][0], rate), f"{p99:.1f}"]
        rows.append(cells + [cls.durability])
    table(f"Signed updates acknowledged per second, {zones.title}",
          ["server", "1 outstanding", "certns to it", "99 %, ms", "16 outstanding", "certns to it", "99 %, ms",
           "durable by"], rows)


def commit(options, sizes):
    """CPU of one update with one record, signed and durable: must not grow with the zone."""
    rows = []
    for cls in [c for c in options.servers if c.updates]:
        cells = [cls.name]
        for zones in sizes:
            with running([cls], options, zones, updated=True) as ((server,), _):
                run_updates(server, 1, options.seconds, 0)     # whatever is done once
                before = server.cpu_s()
                rate, _ = run_updates(server, 1, options.seconds, 1000000)
                cells.append(f"{(server.cpu_s() - before) / (rate * options.seconds) * 1e3:.3f}")
                note(f"{cls.name}: {zones.title}: {cells[-1]} ms")
        rows.append(cells)
    table("CPU of the server per signed update with one record (ms)", ["server", *[z.title for z in sizes]], rows)

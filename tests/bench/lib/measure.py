"""Load, medians and tables."""

import json
import os
import statistics
import subprocess
import sys

from .servers import LOAD_CPU, Certns


def load(server, questions, *options, cpu=LOAD_CPU):
    """One run of the load generator, pinned or not (None): what it counted."""
    pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
    command = [*pinned, os.path.join(Certns.build, "tests/bench/load"), "-p", str(server.port),
               *[str(o) for o in options], questions]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{server.name} gave no answers: {' '.join(command)}")
    return json.loads(done.stdout)


def cpu_per_answer_us(server, questions, *options):
    before = server.cpu_s()
    result = load(server, questions, *options)
    return (server.cpu_s() - before) / result["answered"] * 1e6, result


def rounds(subjects, n, measure):
    """measure(subject) of each, n times in turn: the medians by subject."""
    values = {subject: [] for subject in subjects}
    for _ in range(n):
        for subject in subjects:
            values[subject].append(measure(subject))
    return {subject: statistics.median(v) for subject, v in values.items()}


def note(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def table(title, head, rows):
    """rows: lists of cells.  Markdown, aligned for people who read it as it is."""
    cells = [[str(c) for c in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))) + " |"
             for row in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")
    print(f"{title}\n\n" + "\n".join(lines) + "\n", flush=True)


def ratio(value, ours):
    return f"{value / ours:.2f}" if ours else "-"

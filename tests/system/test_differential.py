"""certnsd beside NSD, Knot DNS and BIND: see tests/differential/run.py and docs/answers.md."""

import os
import subprocess
import sys

import pytest

from lib.certnsd import BUILD, SANITIZED

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential", "run.py")


def run(*arguments):
    done = subprocess.run([sys.executable, RUN, *arguments], env={**os.environ, "CERTNS_BUILD": BUILD},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:]
    return done.stdout


@pytest.mark.first("of all")
def test_no_answer_differs_from_those_of_all_others():
    queries = os.environ.get("CERTNS_QUERIES")
    if queries is None:
        queries = "20000" if SANITIZED else "2000000" if os.environ.get("CERTNS_LONG") == "yes" else "100000"
    # Two sets of zones at least, one of them with the root zone.
    said = run("--seed", "4", "--round", str(min(int(queries) // 2, 100000)), "--queries", queries)
    assert said.endswith(f"{queries} queries, 0 differences\n")


@pytest.mark.once
def test_what_was_transferred_is_answered_alike():
    """The zones, half of them signed, come from BIND; the root zone is one of them."""
    assert run("--seed", "5", "--zones", "30", "--queries", "5000", "--transferred").endswith("5000 queries, 0 differences\n")

"""certnsd beside NSD, Knot DNS and BIND: see tests/differential/run.py and docs/answers.md."""

import os
import subprocess
import sys

from lib.certnsd import BUILD

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "differential", "run.py")


def test_no_answer_differs_from_those_of_all_others():
    queries = os.environ.get("CERTNS_QUERIES") or ("2000000" if os.environ.get("CERTNS_LONG") == "yes" else "100000")
    done = subprocess.run([sys.executable, RUN, "--queries", queries], env={**os.environ, "CERTNS_BUILD": BUILD},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20000:]
    assert done.stdout.endswith(f"{queries} queries, 0 differences\n")

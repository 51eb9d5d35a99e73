"""Workers that stay on CPUs of their own."""

import glob
import os
import re

from lib import client
from lib.wait import wait_for


def cpus_of_workers(server):
    """The CPUs that each worker may use, as sets, in the order of the workers."""
    found = {}
    for path in glob.glob(f"/proc/{server.pid}/task/*/status"):
        with open(path, encoding="ascii") as f:
            text = f.read()
        name = re.search(r"^Name:\tworker/(\d+)$", text, re.M)
        if name:
            ranges = re.search(r"^Cpus_allowed_list:\t(\S+)$", text, re.M)[1]
            found[int(name[1])] = {cpu for r in ranges.split(",")
                                   for cpu in range(int(r.split("-")[0]), int(r.split("-")[-1]) + 1)}
    return [found[i] for i in sorted(found)]


def ask_often(server):
    """From many ports, over UDP and TCP."""
    for i in range(30):
        assert client.records(client.ask(server, "www.example.com", "A", tcp=i % 3 == 0)), i


def test_each_worker_has_its_cpus(certnsd, repo):
    allowed = os.sched_getaffinity(0)
    workers = min(2, len(allowed))
    server = certnsd(git=repo, server={"workers": workers, "cpu-affinity": True}).start("example.com")
    wanted = [{cpu for cpu in allowed if cpu % workers == i} or allowed for i in range(workers)]
    wait_for(lambda: cpus_of_workers(server) == wanted, "each has chosen its own")      # one may answer before that
    ask_often(server)


def test_too_few_cpus(certnsd, repo):
    allowed = os.sched_getaffinity(0)
    server = certnsd(git=repo, server={"workers": len(allowed) + 1, "cpu-affinity": True}).start("example.com")
    wait_for(lambda: cpus_of_workers(server) == [allowed] * (len(allowed) + 1), "all are there, anywhere")
    assert "cpu-affinity has no effect" in server.log()
    ask_often(server)


def test_it_is_off_by_default(certnsd, repo):
    server = certnsd(git=repo, server={"workers": 2}).start("example.com")
    wait_for(lambda: cpus_of_workers(server) == [os.sched_getaffinity(0)] * 2, "both are there, anywhere")

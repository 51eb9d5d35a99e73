"""Programs that run beside a test: their output goes to a file, and they end by their own pid."""

import os
import signal
import subprocess

from .wait import PATIENCE

everything = []  # of the running test, for the report when it fails


class Process:
    """A running program.  Its standard output and error are in self.log_path."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.log_path = os.path.join(self.directory, f"{name}.log")
        self.popen = None
        self.seen_end = False
        everything.append(self)

    def spawn(self, arguments, env=None):
        assert not self.running(), f"{self.name} runs already"
        self.seen_end = False
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, env={**os.environ, **(env or {})}, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def check_running(self):
        assert self.running(), f"{self.name} ended with {self.popen.returncode}:\n{self.log()[-3000:]}"

    def signal(self, number):
        os.kill(self.popen.pid, number)

    def wait(self, timeout=120):
        """The exit status; the program is killed, and the test fails, when it does not end."""
        try:
            status = self.popen.wait(timeout * PATIENCE)
            self.seen_end = True  # the test has seen to it
            return status
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"{self.name} did not end within {timeout} s:\n{self.log()[-3000:]}") from None

    def terminate(self):
        if not self.running():
            return None if self.popen is None else self.popen.returncode
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill9(self):
        if self.popen is not None and self.popen.poll() is None:
            self.signal(signal.SIGKILL)
            self.popen.wait()
        self.seen_end = True


def run(arguments, check=True, **kwargs):
    """Run a command to its end; its output is text.  A failure shows what it said."""
    kwargs.setdefault("timeout", 300)
    kwargs.setdefault("stdout", subprocess.PIPE)
    kwargs.setdefault("stderr", subprocess.PIPE)
    if "input" not in kwargs:
        kwargs.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([str(a) for a in arguments], text=True, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done

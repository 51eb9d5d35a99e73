"""A git repository with zones: a bare one that the server uses, and a clone in which the operator works."""

import os
import shutil

from .process import run

QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Operator", "GIT_AUTHOR_EMAIL": "operator@example.com",
    "GIT_COMMITTER_NAME": "Operator", "GIT_COMMITTER_EMAIL": "operator@example.com",
}


class GitRepo:
    """files: path -> text (or octets) of the first commit."""

    def __init__(self, directory, files=None, branch="main"):
        self.directory = str(directory)
        self.bare = os.path.join(self.directory, "remote.git")
        self.work = os.path.join(self.directory, "work")
        self.branch = branch
        os.makedirs(self.directory, exist_ok=True)
        self.git("init", "-q", "--bare", f"--initial-branch={branch}", self.bare, cwd=self.directory)
        self.git("clone", "-q", self.bare, self.work, cwd=self.directory)
        self.git("checkout", "-q", "-B", branch)
        if files:
            self.commit(files, "first")

    def git(self, *arguments, cwd=None, check=True):
        return run(["git", *arguments], check=check, cwd=cwd or self.work, env={**os.environ, **QUIET}).stdout

    def commit(self, files, message="change"):
        """Write (or with None remove) files, commit and push; returns the commit's hash.
        What the server pushed meanwhile is taken in first."""
        return self._commit(lambda: files, message)

    def _commit(self, make, message):
        for _ in range(10):
            self.update()
            self._write(make())
            self.git("add", "-A", ".")
            self.git("commit", "-q", "--allow-empty", "-m", message)
            pushed = run(["git", "push", "-q", "origin", f"HEAD:{self.branch}"], check=False, cwd=self.work,
                         env={**os.environ, **QUIET})
            if pushed.returncode == 0:
                return self.head()
            # The server may push between our fetch and our push, as anybody may: begin anew, as a person does.
            assert "rejected" in pushed.stderr or "cannot lock ref" in pushed.stderr, pushed.stderr
        raise AssertionError("the push was rejected ten times")

    def _write(self, files):
        for path, content in files.items():
            full = os.path.join(self.work, path)
            if content is None:
                os.unlink(full)
                continue
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())

    def update(self):
        if self.git("ls-remote", "origin", self.branch).strip():
            self.git("fetch", "-q", "origin")
            self.git("reset", "-q", "--hard", f"origin/{self.branch}")

    def edit(self, path, change, message="change"):
        """Commit what change() makes of the file's text."""
        return self._commit(lambda: {path: change(self.read(path))}, message)

    def head(self):
        return self.git("rev-parse", self.branch, cwd=self.bare).strip()

    def read(self, path):
        """A file of the remote's newest commit."""
        return self.git("show", f"{self.branch}:{path}", cwd=self.bare)

    def files(self):
        return self.git("ls-tree", "-r", "--name-only", self.branch, cwd=self.bare).split()

    def log(self, n=20, form="%an <%ae>%n%B"):
        """The newest commits, newest first."""
        text = self.git("log", f"-{n}", f"--format={form}%x00", self.branch, cwd=self.bare)
        return [one.strip() for one in text.split("\0") if one.strip()]

    def commits(self):
        return int(self.git("rev-list", "--count", self.branch, cwd=self.bare))

    def diff(self):
        """What the newest commit changed, lines with + and - only."""
        text = self.git("show", "--format=", "--unified=0", self.branch, cwd=self.bare)
        return [line for line in text.splitlines()
                if line[:1] in "+-" and not line.startswith(("+++", "---"))]

    def hide(self):
        """Make the remote unreachable."""
        os.rename(self.bare, self.bare + ".hidden")

    def unhide(self):
        os.rename(self.bare + ".hidden", self.bare)

    def remove(self):
        shutil.rmtree(self.directory)

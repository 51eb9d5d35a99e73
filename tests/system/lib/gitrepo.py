"""A git repository with zones: a bare one that the server uses, and a clone in which the operator works."""

import os
import shutil

from .process import run

QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Operator", "GIT_AUTHOR_EMAIL": "operator@example.com",
    "GIT_COMMITTER_NAME": "Operator", "GIT_COMMITTER_EMAIL": "operator@example.com",
}


# gitrepository-layout(5): what git init --bare makes, without the samples; a push starts no clean-up.
BARE = {"HEAD": "ref: refs/heads/{branch}\n",
        "config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n"}


class GitRepo:
    """files: path -> text (or octets) of the first commit.

    There are more than a thousand of these in ./check, so the operator's clone is made when somebody wants it first; until
    then what is committed goes right into the bare one, as if it had been pushed."""

    def __init__(self, directory, files=None, branch="main"):
        self.directory = str(directory)
        self.bare = os.path.join(self.directory, "remote.git")
        self._work = os.path.join(self.directory, "work")
        self.branch = branch
        for name in "objects/info", "objects/pack", "refs/heads", "refs/tags", "hooks", "info":
            os.makedirs(os.path.join(self.bare, name))
        for name, text in BARE.items():
            with open(os.path.join(self.bare, name), "w", encoding="ascii") as f:
                f.write(text.format(branch=branch))
        if files:
            self.commit(files, "first")

    @property
    def work(self):
        if not os.path.isdir(self._work):
            self.git("clone", "-q", "--template=", self.bare, self._work, cwd=self.directory)
            self.git("config", "gc.auto", "0")
            self.git("checkout", "-q", "-B", self.branch)
        return self._work

    def git(self, *arguments, cwd=None, check=True):
        return self._run(arguments, check=check, cwd=cwd or self.work).stdout

    @staticmethod
    def _run(arguments, **kwargs):
        return run(["git", *arguments], env={**os.environ, **QUIET}, **kwargs)

    def commit(self, files, message="change"):
        """Write (or with None remove) files, commit and push; returns the commit's hash.
        What the server pushed meanwhile is taken in first."""
        return self._commit(lambda read: files, message)

    def _commit(self, make, message):
        """make(read) gives the files, where read(path) gives what they are now."""
        for _ in range(10):
            done = (self._push if os.path.isdir(self._work) else self._import)(make, message)
            if done.returncode == 0:
                return self.head()
            # The server may push between our fetch and our push, as anybody may: begin anew, as a person does.
            assert any(words in done.stderr for words in ("rejected", "cannot lock ref", "Not updating")), done.stderr
        raise AssertionError("the push was rejected ten times")

    def _push(self, make, message):
        self.update()
        self._write(make(self.read))
        self.git("add", "-A", ".")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self._run(["push", "-q", "origin", f"HEAD:{self.branch}"], check=False, cwd=self.work)

    def _import(self, make, message):
        """A commit by git fast-import, which refuses to drop what somebody pushed meanwhile."""
        parent = self._tip()
        parts = [f"commit refs/heads/{self.branch}\ncommitter Operator <operator@example.com> now\n".encode(),
                 _data(message.strip() + "\n"), f"from {parent}\n".encode() if parent else b""]
        for path, content in make(lambda path: self.git("show", f"{parent}:{path}", cwd=self.bare)).items():
            parts += [b"D %s\n" % _quoted(path)] if content is None else [
                b"M 100644 inline %s\n" % _quoted(path), _data(content)]
        path = os.path.join(self.directory, "import")
        with open(path, "wb") as f:
            f.write(b"".join(parts))
        with open(path, "rb") as f:
            return self._run(["fast-import", "--quiet", "--date-format=now"], check=False, cwd=self.bare, stdin=f)

    def _tip(self):
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{self.branch}", cwd=self.bare).strip()

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
        if self._tip():
            self.git("fetch", "-q", "origin")
            self.git("reset", "-q", "--hard", f"origin/{self.branch}")

    def edit(self, path, change, message="change"):
        """Commit what change() makes of the file's text."""
        return self._commit(lambda read: {path: change(read(path))}, message)

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


def _data(content):
    octets = content if isinstance(content, bytes) else content.encode()
    return b"data %d\n%s\n" % (len(octets), octets)


def _quoted(path):
    return b'"%s"' % path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").encode()

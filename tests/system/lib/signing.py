"""SSH keys that sign commits, made by ssh-keygen, and the file that lists them."""

import os

from .process import run


class SigningKey:
    """A key pair in directory/name; kind as ssh-keygen -t has it."""

    def __init__(self, directory, name, kind="ed25519", bits=None):
        self.name = name
        self.path = os.path.join(str(directory), name)
        run(["ssh-keygen", "-q", "-t", kind, *(["-b", str(bits)] if bits else []), "-N", "", "-C", name,
             "-f", self.path])
        with open(self.path + ".pub", encoding="utf-8") as f:
            self.public = f.read().strip()

    def line(self, options="", principals=None):
        """Its line of an allowed_signers file."""
        kind, base64 = self.public.split()[:2]
        return f"{principals or self.name + '@example.org'} {options + ' ' if options else ''}{kind} {base64}\n"

    def fingerprint(self):
        return run(["ssh-keygen", "-lf", self.path + ".pub"]).stdout.split()[1]


def sign_with(repo, key):
    """From here on the repository's operator signs with the key (None: not at all)."""
    if key is None:
        repo.git("config", "commit.gpgsign", "false")
        return
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "commit.gpgsign", "true")
    repo.git("config", "user.signingkey", key.path)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return str(path)

"""An ssh server for pushes: one host key, one user key, and the environment that its sessions get."""

import getpass
import os
import shutil

from .ports import free_port
from .process import Process, run
from .wait import wait_for


class Sshd(Process):
    program = "/usr/sbin/sshd"

    def __init__(self, directory, env):
        super().__init__("sshd", directory)
        self.port = free_port()
        self.env = env

    def start(self):
        for name in "host", "user":
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)])
        shutil.copy(self.path("user.pub"), self.path("authorized"))
        with open(self.path("sshd_config"), "w", encoding="utf-8") as f:
            f.write(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.path('host')}\nPidFile none\nUsePAM no\n"
                    f"StrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile {self.path('authorized')}\n"
                    + "SetEnv " + " ".join(f'"{k}={v}"' for k, v in self.env.items()) + "\n")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.spawn([self.program, "-D", "-e", "-f", self.path("sshd_config")])
        wait_for(lambda: self.running() and "listening" in self.log(), "sshd listens")
        return self

    def stop(self):
        if self.popen is not None and not self.seen_end:
            self.terminate()

    def path(self, name):
        return os.path.join(self.directory, name)

    def url(self, path):
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"

    def client(self):
        """GIT_SSH_COMMAND for git."""
        return (f"ssh -F none -i {self.path('user')} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no "
                f"-o UserKnownHostsFile={self.path('known')} -o LogLevel=ERROR")

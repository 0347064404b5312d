"""The file in which an agent keeps its credential, so that it comes back as the same agent."""

import asyncio
import fcntl
import json
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

_LOCK_POLL = 0.05
_KINDS = ("enrollment_token", "refresh_token")


class IdentityFileInvalid(Exception):
    """The file is there and does not hold what this module writes."""


@dataclass(frozen=True, slots=True)
class KeptIdentity:
    """The credential to exchange next.

    `request_id` is that of an exchange which was begun and whose answer may have been lost; empty: none was begun.
    `subject` is who the credential speaks for, empty until the first exchange.
    """

    kind: Literal["enrollment_token", "refresh_token"]
    secret: str = field(repr=False)
    request_id: str = ""
    subject: str = ""


class IdentityFile:
    """One agent's file, readable by its owner only. Every write is durable when it returns, and whole or not at all."""

    def __init__(self, folder: Path, agent_name: str) -> None:
        self.path = folder / f"{agent_name}.json"
        self._lock_path = folder / f"{agent_name}.lock"

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Excludes other processes, so that no two exchange the same one-use credential under different ids."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(handle):  # noqa: ASYNC110 -- another process holds it; there is no event
                await asyncio.sleep(_LOCK_POLL)
            yield
        finally:
            os.close(handle)

    def read(self) -> KeptIdentity | None:
        """What is kept; None when nothing is. Raises IdentityFileInvalid."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            kept = KeptIdentity(**json.loads(text))
        except (ValueError, TypeError):
            raise IdentityFileInvalid(f"{self.path} is damaged; remove it to enrol the agent anew") from None
        if kept.kind not in _KINDS:
            raise IdentityFileInvalid(f"{self.path} holds an unknown kind of credential, {kept.kind!r}")
        return kept

    def write(self, identity: KeptIdentity) -> None:
        """Replaces what is kept."""
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.stem}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(identity), file)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""The executor's side of the orphan reaper."""

import asyncio
import sys
from pathlib import Path

REAPER = Path(__file__).with_name("orphan_reaper.py")
_END_SECONDS = 2.0


class Orphanage:
    """Keeps one reaper process that outlives a killed executor and knows the process groups to kill then.

    The reaper is started with the first group and costs some 8 MiB.
    """

    def __init__(self) -> None:
        self._reaper: asyncio.subprocess.Process | None = None
        self._groups: set[int] = set()
        self._starting = asyncio.Lock()

    async def register(self, group: int) -> None:
        """From now on the group dies with the executor, however that ends."""
        self._groups.add(group)
        async with self._starting:
            if self._reaper is None or self._reaper.returncode is not None:
                await self._start()
                return
        self._tell(f"+{group}")

    def release(self, group: int) -> None:
        """The group has been ended."""
        self._groups.discard(group)
        self._tell(f"-{group}")

    async def close(self) -> None:
        """Lets the reaper end; it kills what is still registered."""
        async with self._starting:
            if self._reaper is None or self._reaper.stdin is None:
                return
            self._reaper.stdin.close()
            try:
                async with asyncio.timeout(_END_SECONDS):
                    await self._reaper.wait()
            except TimeoutError:
                self._reaper.kill()

    async def _start(self) -> None:
        self._reaper = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(REAPER),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )
        for group in self._groups:
            self._tell(f"+{group}")

    def _tell(self, line: str) -> None:
        if self._reaper is not None and self._reaper.stdin is not None and not self._reaper.stdin.is_closing():
            self._reaper.stdin.write(f"{line}\n".encode())

"""The receiving end of sd_notify(3): how a service says that it is SERVING."""

import asyncio
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

_DATAGRAM_BYTES = 4096


class NotifySocket:
    """A datagram socket at `path`, there while this is entered. A file left at the path is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 -- the name of the method says it

    def __enter__(self) -> Self:
        self.path.unlink(missing_ok=True)
        self._socket.bind(str(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self.path.unlink(missing_ok=True)

    async def ready(self) -> None:
        """Waits for READY=1; other states are passed over."""
        loop = asyncio.get_running_loop()
        while True:
            datagram = await loop.sock_recv(self._socket, _DATAGRAM_BYTES)
            if b"READY=1" in datagram.split(b"\n"):
                return

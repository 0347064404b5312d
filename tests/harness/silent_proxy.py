"""A TCP proxy whose connections can go silent, as when a cable is cut: nothing crosses, and nobody is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_CHUNK = 64 * 1024


class SilentProxy:
    """Forwards to one address."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._open: set[asyncio.Event] = set()
        self.address = ""
        self.connections = 0

    def silence(self) -> None:
        """Nothing crosses a connection of this moment any more, in either direction; later ones are not concerned."""
        for crossing in self._open:
            crossing.clear()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carries one connection."""
        self.connections += 1
        crossing = asyncio.Event()
        crossing.set()
        self._open.add(crossing)
        try:
            there = await asyncio.open_connection(self._host, self._port)
            try:
                await asyncio.gather(_pump(reader, there[1], crossing), _pump(there[0], writer, crossing))
            finally:
                there[1].close()
        finally:
            self._open.discard(crossing)
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, crossing: asyncio.Event) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            # What is read and not passed on is acknowledged by the kernel all the same.
            if crossing.is_set():
                writer.write(chunk)
                await writer.drain()
    if crossing.is_set():
        writer.close()


@asynccontextmanager
async def silent_proxy(target: str) -> AsyncIterator[SilentProxy]:
    """A proxy to `host:port`."""
    proxy = SilentProxy(target)
    carrying: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.carry(reader, writer))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.address = "{}:{}".format(*server.sockets[0].getsockname())
    try:
        yield proxy
    finally:
        server.close()
        for task in tuple(carrying):
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

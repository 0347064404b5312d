"""How the test's MCP servers are started."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.eventually import eventually
from harness.free_ports import free_port

WORKBENCH = str(Path(__file__).with_name("workbench.py"))
HANDSHAKE_ONLY = str(Path(__file__).with_name("handshake_only.py"))


class HttpServer:
    """A server over streamable HTTP that can be killed and started again at the same port."""

    def __init__(self, program: str) -> None:
        self._program = program
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}/mcp"

    async def start(self) -> None:
        """Starts it and waits until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, self._program, "http", str(self.port)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await eventually(self._listens, within=20, retry=(OSError,))

    async def kill(self) -> None:
        """Kills it with no warning."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _listens(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True


@asynccontextmanager
async def http_server(program: str = WORKBENCH) -> AsyncIterator[HttpServer]:
    """A running server over HTTP."""
    server = HttpServer(program)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
